/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a checkpoint holds beside opaque files: tensors, whose places and checksums go into the manifest, and small state
 * as JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "saver.h"
#include "view.h"

/* ---- saving ----------------------------------------------------------------------------------------------------- */

/* Header and tensors, in one run: between two calls the window of parts would empty. */
static int write_bytes(struct polyfs_ckpt_saver *saver, const char *name, const struct ckpt_layout *layout,
                       struct polyfs_error *err)
{
    struct polyfs_bytes *bytes = ckpt_layout_bytes(layout);
    uint32_t crc = polyfs_crc32c(0, layout->header, layout->header_size);
    for (size_t i = 0; i < layout->count; i++)
        crc = polyfs_crc32c_join(crc, layout->sums[i], layout->order[i]->bytes);
    int rc = bytes ? ckpt_saver_writev(saver, name, bytes, layout->count + 1, crc, err)
                   : ckpt_fail(err, POLYFS_NOMEM, "write tensors to", name, "no memory");
    free(bytes);
    return rc;
}

static int write_layout(struct polyfs_ckpt_saver *saver, const char *name, const struct ckpt_layout *layout,
                        struct polyfs_error *err)
{
    uint64_t offset = layout->header_size;
    int rc = write_bytes(saver, name, layout, err);
    for (size_t i = 0; i < layout->count && rc == POLYFS_OK; i++) {
        const struct ckpt_tensor row = {.told = *layout->order[i],
                                        .offset = offset,
                                        .has_crc = 1,
                                        .crc = layout->sums[i]};
        rc = ckpt_saver_row(saver, &row, err);
        offset += layout->order[i]->bytes;
    }
    saver->self_told = 1; /* its header has what a manifest would tell */
    return rc == POLYFS_OK ? ckpt_saver_file_end(saver, err) : rc;
}

int polyfs_ckpt_write_tensors(struct polyfs_ckpt_saver *saver, const char *name,
                              const struct polyfs_tensor *tensors, size_t count, struct polyfs_error *err)
{
    struct ckpt_layout layout;
    const struct polyfs_tensor **at = ckpt_tensor_pointers(tensors, count);
    int rc = at ? ckpt_layout_make(at, count, NULL, !saver->stage, &layout, err)
                : ckpt_fail(err, POLYFS_NOMEM, "write tensors to", name, "no memory");
    if (rc == POLYFS_OK) {
        rc = saver->stage ? ckpt_saver_stage_tensors(saver, name, at, count, err)
                          : write_layout(saver, name, &layout, err);
        ckpt_layout_clear(&layout);
    }
    free(at);
    return rc;
}

/* One tensor on its way from another file. */
struct passing {
    struct polyfs_ckpt_saver *saver;
    const char *name;
    uint32_t crc;
};

static int take_piece(void *user, const void *data, size_t size, struct polyfs_error *err)
{
    struct passing *passing = user;
    uint32_t crc = polyfs_crc32c(0, data, size);
    passing->crc = polyfs_crc32c_join(passing->crc, crc, size);
    return ckpt_saver_write(passing->saver, passing->name, data, size, crc, err);
}

static int pass_tensor(struct polyfs_tensors *from, const struct polyfs_tensor *tensor, uint64_t offset,
                       struct passing *passing, struct polyfs_error *err)
{
    struct ckpt_tensor row = {.told = *tensor, .offset = offset, .has_crc = 1};
    passing->crc = 0;
    int rc = ckpt_tensor_pass(from, (const struct ckpt_tensor *)(const void *)tensor, take_piece, passing, err);
    row.crc = passing->crc;
    return rc == POLYFS_OK ? ckpt_saver_row(passing->saver, &row, err) : rc;
}

int polyfs_ckpt_write_from(struct polyfs_ckpt_saver *saver, const char *name, struct polyfs_tensors *from,
                           const char *pattern, struct polyfs_error *err)
{
    struct ckpt_layout layout;
    struct passing passing = {saver, name, 0};
    if (saver->stage)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "save", name,
                         "tensors of another file are not copied into memory; save it by polyfs_ckpt_begin()");
    int rc = ckpt_layout_choose(from, pattern, &layout, err);
    if (rc != POLYFS_OK)
        return rc;
    uint64_t offset = layout.header_size;
    rc = polyfs_ckpt_write(saver, name, layout.header, layout.header_size, err);
    for (size_t i = 0; i < layout.count && rc == POLYFS_OK; i++) {
        rc = pass_tensor(from, layout.order[i], offset, &passing, err);
        offset += layout.order[i]->bytes;
    }
    ckpt_layout_clear(&layout);
    return rc == POLYFS_OK ? ckpt_saver_file_end(saver, err) : rc;
}

int polyfs_ckpt_write_json(struct polyfs_ckpt_saver *saver, const char *name, const char *json,
                           struct polyfs_error *err)
{
    char why[128];
    json_t *value = NULL;
    int rc = ckpt_json_read(json, strlen(json), &value, why, sizeof(why));
    json_decref(value);
    if (rc != POLYFS_OK)
        return ckpt_fail(err, rc == POLYFS_CORRUPT ? POLYFS_INVALID : rc, "save", name, "it is no JSON: %s", why);
    rc = polyfs_ckpt_write(saver, name, json, strlen(json), err);
    return rc == POLYFS_OK ? ckpt_saver_file_end(saver, err) : rc;
}

/* ---- finding ---------------------------------------------------------------------------------------------------- */

static int is_of_tensors(const char *name)
{
    static const char *const ends[] = {".safetensors", ".ckpt", ".pt", ".pth"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (n > strlen(ends[i]) && strcmp(name + n - strlen(ends[i]), ends[i]) == 0)
            return 1;
    return 0;
}

static int add_rows(struct polyfs_tensors *tensors, const struct ckpt_rows *rows)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < rows->count && rc == POLYFS_OK; i++)
        rc = ckpt_tensors_add(tensors, rows->at[i]);
    return rc;
}

/* A file that was taken as it is: its state is kept under its name. */
static int ask_file(struct polyfs_tensors *tensors, const char *name, json_t *states, struct polyfs_error *err)
{
    char why[128];
    json_t *state = NULL;
    int rc = ckpt_tensors_index(tensors, err);
    if (rc == POLYFS_UNSUPPORTED)
        return POLYFS_OK; /* whatever it is, it holds no tensors that can be told */
    if (rc == POLYFS_OK)
        rc = ckpt_json_read(tensors->state, strlen(tensors->state), &state, why, sizeof(why));
    if (rc == POLYFS_OK && (json_object_size(state) || json_array_size(state)) &&
        json_object_set(states, name, state) != 0)
        rc = ckpt_fail(err, POLYFS_NOMEM, "load", name, "no memory");
    json_decref(state);
    return rc;
}

static int add_file(struct polyfs_tensors *tensors, const struct polyfs_ckpt_view *view,
                    const struct ckpt_file *file, json_t *states, struct polyfs_error *err)
{
    if (!file->tensors.count && !is_of_tensors(file->name))
        return POLYFS_OK;
    int rc = ckpt_tensors_shard(tensors, file->name, ckpt_format("%s/%s", view->folder, file->name), file->size);
    if (rc == POLYFS_OK)
        rc = add_rows(tensors, &file->tensors);
    if (rc != POLYFS_OK)
        return ckpt_fail(err, rc, "load", view->info.name, "no memory");
    return file->tensors.count ? rc : ask_file(tensors, file->name, states, err);
}

static int all_files(struct polyfs_tensors *tensors, const struct polyfs_ckpt_view *view, json_t *states,
                     struct polyfs_error *err)
{
    char *text = NULL;
    size_t n;
    int rc = states ? POLYFS_OK : ckpt_fail(err, POLYFS_NOMEM, "load", view->info.name, "no memory");
    for (size_t i = 0; i < view->manifest.count && rc == POLYFS_OK; i++)
        rc = add_file(tensors, view, &view->manifest.files[i], states, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = ckpt_json_write(states, &text, &n);
    if (rc == POLYFS_OK) {
        free(tensors->state);
        tensors->state = text;
        rc = ckpt_tensors_seal(tensors);
    }
    return rc == POLYFS_OK ? rc : ckpt_fail(err, rc, "load", view->info.name, "no memory");
}

int polyfs_ckpt_tensors(const struct polyfs_ckpt_view *view, struct polyfs_tensors **out_tensors,
                        struct polyfs_error *err)
{
    struct polyfs_tensors *tensors = NULL;
    int rc = ckpt_tensors_new(view->fs, &view->call, view->manifest.count, &tensors);
    if (rc != POLYFS_OK)
        return ckpt_fail(err, rc, "load", view->info.name, "no memory");
    json_t *states = json_object();
    tensors->own = 1;
    rc = all_files(tensors, view, states, err);
    json_decref(states);
    if (rc == POLYFS_OK)
        *out_tensors = tensors;
    else
        polyfs_tensors_close(tensors);
    return rc;
}
