/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving: files and manifest below a folder of this attempt alone, then the record. Nothing that was committed is
 * ever overwritten, so a save that dies anywhere leaves only a folder that no record names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define COPY_BYTES (1 << 20)

struct polyfs_ckpt_saver {
    struct polyfs_ckpt *ckpt;
    struct ckpt_entry entry;
    struct ckpt_manifest manifest;
    char *folder;                          /* of this attempt */
    const struct polyfs_policy_plan *plan; /* borrowed, or NULL */

    /* the file being written */
    struct polyfs_writer *writer;
    char *file;
    uint64_t size;
    uint32_t crc;
    struct ckpt_rows tensors;
};

/* ---- beginning ---------------------------------------------------------------------------------------------- */

static char *default_name(const struct polyfs_ckpt_save_opts *opts, uint64_t seq)
{
    int has_step = opts && opts->step != POLYFS_CKPT_NO_STEP,
        has_epoch = opts && opts->epoch != POLYFS_CKPT_NO_STEP;
    if (has_step && has_epoch)
        return ckpt_format("epoch=%lld-step=%lld", (long long)opts->epoch, (long long)opts->step);
    if (has_step)
        return ckpt_format("step=%lld", (long long)opts->step);
    if (has_epoch)
        return ckpt_format("epoch=%lld", (long long)opts->epoch);
    return ckpt_format("save=%llu", (unsigned long long)seq);
}

static void saver_free(struct polyfs_ckpt_saver *saver)
{
    polyfs_writer_close(saver->writer);
    ckpt_manifest_clear(&saver->manifest);
    ckpt_rows_clear(&saver->tensors);
    free(saver->entry.name);
    free(saver->folder);
    free(saver->file);
    free(saver);
}

static int saver_setup(struct polyfs_ckpt_saver *saver, const struct polyfs_ckpt_save_opts *opts,
                       struct polyfs_error *err)
{
    struct polyfs_ckpt *ckpt = saver->ckpt;
    struct ckpt_entry *entry = &saver->entry;
    if (opts && opts->flags & ~POLYFS_CKPT_HAS_SCORE)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "save to", ckpt->url, "a flag is not known");
    entry->step = opts ? opts->step : POLYFS_CKPT_NO_STEP;
    entry->epoch = opts ? opts->epoch : POLYFS_CKPT_NO_STEP;
    entry->has_score = opts && opts->flags & POLYFS_CKPT_HAS_SCORE;
    entry->score = entry->has_score ? opts->score : 0;
    entry->name = opts && opts->name ? strdup(opts->name) : default_name(opts, ckpt->state.seq + 1);
    ckpt_id(entry->attempt);
    memcpy(saver->manifest.attempt, entry->attempt, sizeof(entry->attempt));
    if (entry->name)
        saver->folder = ckpt_format("%s%s%s/%s", ckpt->root, *ckpt->root ? "/" : "", entry->name, entry->attempt);
    if (!saver->folder)
        return ckpt_fail(err, POLYFS_NOMEM, "save to", ckpt->url, "no memory");
    if (!ckpt_name_valid(entry->name))
        return ckpt_fail(
            err, POLYFS_INVALID, "save to", ckpt->url,
            "\"%s\" is no name for a checkpoint: a relative path without \".\", \"..\" and empty parts",
            entry->name);
    return POLYFS_OK;
}

int polyfs_ckpt_begin(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_save_opts *opts,
                      struct polyfs_ckpt_saver **out_saver, struct polyfs_error *err)
{
    if (ckpt->flags & POLYFS_CKPT_READ_ONLY)
        return ckpt_fail(err, POLYFS_PERMISSION, "save to", ckpt->url, "the run was opened read-only");
    struct polyfs_ckpt_saver *saver = calloc(1, sizeof(*saver));
    if (!saver)
        return ckpt_fail(err, POLYFS_NOMEM, "save to", ckpt->url, "no memory");
    saver->ckpt = ckpt;
    int rc = saver_setup(saver, opts, err);
    if (rc == POLYFS_OK)
        *out_saver = saver;
    else
        saver_free(saver);
    return rc;
}

void ckpt_saver_plan(struct polyfs_ckpt_saver *saver, const struct polyfs_policy_plan *plan)
{
    saver->plan = plan;
}

/* ---- files --------------------------------------------------------------------------------------------------- */

int ckpt_saver_file_end(struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    if (!saver->writer)
        return POLYFS_OK;
    int rc = polyfs_writer_commit(saver->writer, NULL, err);
    polyfs_writer_close(saver->writer);
    saver->writer = NULL;
    if (rc == POLYFS_OK &&
        ckpt_manifest_add(&saver->manifest, saver->file, saver->size, saver->crc, &saver->tensors) != POLYFS_OK)
        rc = ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory for its manifest");
    saver->entry.bytes += saver->size;
    return rc;
}

static int file_name_check(const struct polyfs_ckpt_saver *saver, const char *name, struct polyfs_error *err)
{
    if (!ckpt_name_valid(name) || strcmp(name, CKPT_MANIFEST) == 0)
        return ckpt_fail(err, POLYFS_INVALID, "save to", saver->ckpt->url,
                         "\"%s\" is no name for a file of a checkpoint: a relative path without \".\", \"..\" and "
                         "empty parts, and not \"" CKPT_MANIFEST "\"",
                         name);
    for (size_t i = 0; i < saver->manifest.count; i++)
        if (strcmp(saver->manifest.files[i].name, name) == 0)
            return ckpt_fail(err, POLYFS_EXISTS, "save to", saver->ckpt->url, "the file \"%s\" was written already",
                             name);
    return POLYFS_OK;
}

static int file_begin(struct polyfs_ckpt_saver *saver, const char *name, struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    int rc = ckpt_saver_file_end(saver, err);
    if (rc == POLYFS_OK)
        rc = file_name_check(saver, name, err);
    if (rc != POLYFS_OK)
        return rc;
    free(saver->file);
    saver->file = strdup(name);
    char *path = ckpt_format("%s/%s", saver->folder, name);
    saver->size = 0;
    saver->crc = 0;
    opts.call = &saver->ckpt->call;
    opts.flags = POLYFS_WRITE_PARENTS;
    opts.durability = POLYFS_DURABILITY_FULL;
    rc = saver->file && path ? polyfs_writer_open(saver->ckpt->fs, path, &opts, &saver->writer, err)
                             : ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory");
    free(path);
    return rc;
}

static int file_write(struct polyfs_ckpt_saver *saver, const char *name, const void *data, size_t size,
                      struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    if (!saver->writer || strcmp(saver->file, name) != 0)
        rc = file_begin(saver, name, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_write(saver->writer, data, size, err);
    if (rc == POLYFS_OK)
        saver->size += size;
    return rc;
}

int polyfs_ckpt_write(struct polyfs_ckpt_saver *saver, const char *name, const void *data, size_t size,
                      struct polyfs_error *err)
{
    int rc = file_write(saver, name, data, size, err);
    if (rc == POLYFS_OK)
        saver->crc = polyfs_crc32c(saver->crc, data, size);
    return rc;
}

int ckpt_saver_write(struct polyfs_ckpt_saver *saver, const char *name, const void *data, size_t size, uint32_t crc,
                     struct polyfs_error *err)
{
    int rc = file_write(saver, name, data, size, err);
    if (rc == POLYFS_OK)
        saver->crc = polyfs_crc32c_join(saver->crc, crc, size);
    return rc;
}

int ckpt_saver_row(struct polyfs_ckpt_saver *saver, const struct ckpt_tensor *row, struct polyfs_error *err)
{
    if (ckpt_rows_add(&saver->tensors, row) == POLYFS_OK)
        return POLYFS_OK;
    return ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory for its manifest");
}

const struct ckpt_manifest *ckpt_saver_manifest(const struct polyfs_ckpt_saver *saver)
{
    return &saver->manifest;
}

static int write_from(struct polyfs_ckpt_saver *saver, const char *name, const char *path, struct polyfs_error *err)
{
    struct polyfs_reader *reader;
    size_t n = 1;
    int rc = polyfs_open_url(path, &reader, err);
    if (rc != POLYFS_OK)
        return rc;
    char *buffer = malloc(COPY_BYTES);
    if (!buffer)
        rc = ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory for a buffer");
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_write(saver, name, "", 0, err);
    while (rc == POLYFS_OK && n) {
        rc = polyfs_reader_read(reader, buffer, COPY_BYTES, &n, err);
        if (rc == POLYFS_OK && n)
            rc = polyfs_ckpt_write(saver, name, buffer, n, err);
    }
    free(buffer);
    polyfs_reader_close(reader);
    return rc;
}

/* ---- committing ---------------------------------------------------------------------------------------------- */

static int manifest_put(struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    char *text = NULL, *path = ckpt_format("%s/" CKPT_MANIFEST, saver->folder);
    size_t n;
    if (!path || ckpt_manifest_write(&saver->manifest, &text, &n) != POLYFS_OK) {
        free(path);
        return ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory for its manifest");
    }
    opts.call = &saver->ckpt->call;
    opts.flags = POLYFS_WRITE_PARENTS | POLYFS_WRITE_CREATE_ONLY;
    opts.durability = POLYFS_DURABILITY_FULL;
    int rc = polyfs_put(saver->ckpt->fs, path, text, n, &opts, NULL, err);
    saver->entry.manifest_size = n;
    saver->entry.manifest_crc = polyfs_crc32c(0, text, n);
    free(text);
    free(path);
    return rc;
}

/* The state with this checkpoint added, its namesake and what retention drops taken away. */
static int next_record(const struct polyfs_ckpt_saver *saver, struct ckpt_record *next)
{
    const struct polyfs_ckpt *ckpt = saver->ckpt;
    int rc = ckpt_record_copy(next, &ckpt->state);
    next->seq++;
    if (rc == POLYFS_OK && saver->plan) {
        rc = ckpt_plan_apply(next, saver->plan, &saver->entry);
    } else if (rc == POLYFS_OK) {
        rc = ckpt_record_drop(next, saver->entry.name);
        if (rc == POLYFS_OK)
            rc = ckpt_record_add(next, &saver->entry);
    }
    while (rc == POLYFS_OK && ckpt->keep_newest && next->live_count > ckpt->keep_newest)
        rc = ckpt_record_drop(next, next->live[0].name);
    if (rc != POLYFS_OK)
        ckpt_record_clear(next);
    return rc;
}

int polyfs_ckpt_commit(struct polyfs_ckpt_saver *saver, struct polyfs_ckpt_info *out_info, struct polyfs_error *err)
{
    struct polyfs_ckpt *ckpt = saver->ckpt;
    struct ckpt_record next;
    struct polyfs_ckpt_info info;
    int rc = ckpt_saver_file_end(saver, err);
    saver->entry.files = (uint32_t)saver->manifest.count;
    if (rc == POLYFS_OK)
        rc = manifest_put(saver, err);
    saver->entry.time_ns = ckpt_now_ns();
    if (rc == POLYFS_OK && next_record(saver, &next) != POLYFS_OK)
        rc = ckpt_fail(err, POLYFS_NOMEM, "save to", ckpt->url, "no memory for its record");
    else if (rc == POLYFS_OK) {
        rc = ckpt_commit(ckpt, &next, err);
        ckpt_record_clear(&next);
    }
    if (rc != POLYFS_OK) {
        int unknown = err && err->commit_state == POLYFS_COMMIT_UNKNOWN;
        if (unknown) /* the record may be there: what it names must stay */
            saver_free(saver);
        else
            polyfs_ckpt_abort(saver);
        return rc;
    }
    ckpt_info_fill(&info, &saver->entry, &ckpt->state);
    ckpt_info_out(out_info, &info);
    saver_free(saver);
    return POLYFS_OK;
}

void polyfs_ckpt_abort(struct polyfs_ckpt_saver *saver)
{
    if (!saver)
        return;
    polyfs_writer_close(saver->writer);
    saver->writer = NULL;
    if (saver->manifest.count || saver->file) {
        polyfs_remove_tree(saver->ckpt->fs, saver->folder, NULL, NULL); /* else a later gc finds it */
        *strrchr(saver->folder, '/') = '\0';
        polyfs_rmdir(saver->ckpt->fs, saver->folder, 0, NULL, NULL);
    }
    saver_free(saver);
}

int polyfs_ckpt_save(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_save_opts *opts,
                     const struct polyfs_ckpt_item *items, size_t count, struct polyfs_ckpt_info *out_info,
                     struct polyfs_error *err)
{
    struct polyfs_error own = POLYFS_ERROR_INIT;
    struct polyfs_error *e = err ? err : &own; /* the commit state decides what may be removed */
    struct polyfs_ckpt_saver *saver;
    int rc = polyfs_ckpt_begin(ckpt, opts, &saver, e);
    if (rc != POLYFS_OK)
        return rc;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        if (items[i].data || !items[i].path)
            rc = polyfs_ckpt_write(saver, items[i].name, items[i].data, items[i].size, e);
        else
            rc = write_from(saver, items[i].name, items[i].path, e);
    }
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, out_info, e);
    polyfs_ckpt_abort(saver);
    return rc;
}
