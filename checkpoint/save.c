/* SPDX-License-Identifier: Apache-2.0 */
/* The commit of a checkpoint: the manifest, then the record; and a whole save in one call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saver.h"

#define COPY_BYTES (1 << 20)

static int manifest_put(struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    char *text = NULL, *path = ckpt_format("%s/" CKPT_MANIFEST, saver->folder);
    size_t n;
    if (!path || ckpt_manifest_write(&saver->manifest, &text, &n) != POLYFS_OK) {
        free(path);
        return ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory for its manifest");
    }
    int rc = ckpt_put(saver->ckpt, path, text, n, POLYFS_WRITE_CREATE_ONLY, err);
    saver->entry.manifest_size = n;
    saver->entry.manifest_crc = polyfs_crc32c(0, text, n);
    free(text);
    free(path);
    return rc;
}

/* One file that tells what is in it: its own size and checksum in the record say as much as a manifest's. */
static int stands_alone(const struct polyfs_ckpt_saver *saver)
{
    const struct ckpt_manifest *manifest = &saver->manifest;
    return manifest->count == 1 && saver->ckpt->ranks.world == 1 &&
           (!manifest->files[0].tensors.count || saver->self_told);
}

static int file_named(struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    const struct ckpt_file *file = &saver->manifest.files[0];
    saver->entry.manifest_size = file->size;
    saver->entry.manifest_crc = file->crc;
    if (ckpt_text_set(&saver->entry.file, file->name) == POLYFS_OK)
        return POLYFS_OK;
    return ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory for its record");
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
    for (int i = 0;
         rc == POLYFS_OK && i < CKPT_DROPS_MAX && ckpt->keep_newest && next->live_count > ckpt->keep_newest; i++)
        rc = ckpt_record_drop(next, next->live[0].name);
    if (rc != POLYFS_OK)
        ckpt_record_clear(next);
    return rc;
}

/* The files of all ranks, then the manifest, then the record: the commit of rank 0, and of one that is alone. */
static int commit_all(struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    struct polyfs_ckpt *ckpt = saver->ckpt;
    struct ckpt_manifest *manifest = &saver->manifest;
    struct ckpt_record next;
    int rc = POLYFS_OK;
    if (ckpt->ranks.world > 1) {
        saver->collected = 1;
        rc = ckpt_report_collect(ckpt, manifest, err);
    }
    saver->entry.bytes = 0;
    for (size_t i = 0; i < manifest->count; i++)
        saver->entry.bytes += manifest->files[i].size;
    saver->entry.files = (uint32_t)manifest->count;
    if (rc == POLYFS_OK)
        rc = stands_alone(saver) ? file_named(saver, err) : manifest_put(saver, err);
    saver->entry.time_ns = ckpt_now_ns();
    if (rc == POLYFS_OK && next_record(saver, &next) != POLYFS_OK)
        return ckpt_fail(err, POLYFS_NOMEM, "save to", ckpt->url, "no memory for its record");
    if (rc != POLYFS_OK)
        return rc;
    rc = ckpt_commit(ckpt, &next, err);
    ckpt_record_clear(&next);
    if (rc == POLYFS_OK && ckpt->ranks.world > 1)
        ckpt_report_clear(ckpt, saver->entry.attempt);
    return rc;
}

int polyfs_ckpt_commit(struct polyfs_ckpt_saver *saver, struct polyfs_ckpt_info *out_info, struct polyfs_error *err)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_info info;
    int rc = saver->stage ? ckpt_saver_replay(saver, &why) : ckpt_saver_file_end(saver, &why);
    if (rc == POLYFS_OK)
        rc = saver->ckpt->ranks.rank ? ckpt_report_send(saver->ckpt, &saver->manifest, POLYFS_OK, NULL, &why)
                                     : commit_all(saver, &why);
    if (rc == POLYFS_OK) {
        ckpt_info_fill(&info, &saver->entry, &saver->ckpt->state);
        if (*saver->ckpt->undone) {
            info.flags |= POLYFS_CKPT_UNDONE;
            snprintf(info.note, sizeof(info.note), "%s", saver->ckpt->undone);
        }
        ckpt_info_out(out_info, &info);
        ckpt_saver_free(saver);
        return POLYFS_OK;
    }
    ckpt_saver_failed(saver, rc, &why, err);
    if (why.commit_state == POLYFS_COMMIT_UNKNOWN) /* the record may be there: what it names must stay */
        ckpt_saver_free(saver);
    else
        polyfs_ckpt_abort(saver);
    return rc;
}

/* ---- in one call -------------------------------------------------------------------------------------------------- */

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

int polyfs_ckpt_save(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_save_opts *opts,
                     const struct polyfs_ckpt_item *items, size_t count, struct polyfs_ckpt_info *out_info,
                     struct polyfs_error *err)
{
    struct polyfs_ckpt_saver *saver;
    int rc = polyfs_ckpt_begin(ckpt, opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        if (items[i].data || !items[i].path)
            rc = polyfs_ckpt_write(saver, items[i].name, items[i].data, items[i].size, err);
        else
            rc = write_from(saver, items[i].name, items[i].path, err);
    }
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, out_info, err);
    polyfs_ckpt_abort(saver);
    return rc;
}
