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
    char *folder;   /* of this attempt */
    char front[16]; /* of the names of this rank's files; "" when there is one rank */
    int collected;  /* rank 0 has asked the others */
    char why[256];  /* of the first failure, for the other ranks */
    int code;
    const struct polyfs_policy_plan *plan; /* borrowed, or NULL */

    /* the file being written */
    struct polyfs_writer *writer;
    char *file; /* its name in the manifest */
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
    if (ckpt->ranks.world > 1 && (!opts || !opts->name) && entry->step == POLYFS_CKPT_NO_STEP &&
        entry->epoch == POLYFS_CKPT_NO_STEP)
        return ckpt_fail(err, POLYFS_INVALID, "save to", ckpt->url,
                         "with many ranks a checkpoint needs a name, a step or an epoch, the same on all");
    entry->name = opts && opts->name ? strdup(opts->name) : default_name(opts, ckpt->state.seq + 1);
    ckpt_id(entry->attempt);
    if (ckpt->ranks.world > 1 && entry->name && ckpt_ranks_attempt(ckpt, entry, entry->attempt) != POLYFS_OK)
        return ckpt_fail(err, POLYFS_NOMEM, "save to", ckpt->url, "no memory");
    memcpy(saver->manifest.attempt, entry->attempt, sizeof(entry->attempt));
    if (ckpt->ranks.world > 1)
        snprintf(saver->front, sizeof(saver->front), "r%05u/", ckpt->ranks.rank);
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
    ckpt->begun++;
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

/* Keeps the first failure: the other ranks are told of it. */
static int failed(struct polyfs_ckpt_saver *saver, int rc, const struct polyfs_error *why, struct polyfs_error *err)
{
    if (!saver->code) {
        saver->code = rc;
        snprintf(saver->why, sizeof(saver->why), "%s", why->message);
    }
    if (err)
        *err = *why;
    return rc;
}

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
    return rc;
}

static int file_name_check(const struct polyfs_ckpt_saver *saver, const char *name, struct polyfs_error *err)
{
    const char *plain = name + strlen(saver->front);
    if (!ckpt_name_valid(plain) || !ckpt_name_valid(name) || strcmp(name, CKPT_MANIFEST) == 0)
        return ckpt_fail(err, POLYFS_INVALID, "save to", saver->ckpt->url,
                         "\"%s\" is no name for a file of a checkpoint: a relative path without \".\", \"..\" and "
                         "empty parts, and not \"" CKPT_MANIFEST "\"",
                         plain);
    for (size_t i = 0; i < saver->manifest.count; i++)
        if (strcmp(saver->manifest.files[i].name, name) == 0)
            return ckpt_fail(err, POLYFS_EXISTS, "save to", saver->ckpt->url, "the file \"%s\" was written already",
                             plain);
    return POLYFS_OK;
}

static int file_open(struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    char *path = ckpt_format("%s/%s", saver->folder, saver->file);
    if (!path)
        return ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory");
    opts.call = &saver->ckpt->call;
    opts.flags = POLYFS_WRITE_PARENTS;
    if (*saver->front) /* should two launches ever have one name, the second finds out here */
        opts.flags |= POLYFS_WRITE_CREATE_ONLY;
    opts.durability = POLYFS_DURABILITY_FULL;
    int rc = polyfs_writer_open(saver->ckpt->fs, path, &opts, &saver->writer, err);
    free(path);
    return rc;
}

static int file_begin(struct polyfs_ckpt_saver *saver, const char *name, struct polyfs_error *err)
{
    int rc = ckpt_saver_file_end(saver, err);
    if (rc != POLYFS_OK)
        return rc;
    free(saver->file);
    saver->file = ckpt_format("%s%s", saver->front, name);
    saver->size = 0;
    saver->crc = 0;
    rc = saver->file ? file_name_check(saver, saver->file, err)
                     : ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory");
    return rc == POLYFS_OK ? file_open(saver, err) : rc;
}

static int file_write(struct polyfs_ckpt_saver *saver, const char *name, const void *data, size_t size,
                      struct polyfs_error *err)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    int rc = POLYFS_OK;
    if (!saver->writer || strcmp(saver->file + strlen(saver->front), name) != 0)
        rc = file_begin(saver, name, &why);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_write(saver->writer, data, size, &why);
    if (rc == POLYFS_OK)
        saver->size += size;
    return rc == POLYFS_OK ? rc : failed(saver, rc, &why, err);
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
        rc = manifest_put(saver, err);
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
    int rc = ckpt_saver_file_end(saver, &why);
    if (rc == POLYFS_OK)
        rc = saver->ckpt->ranks.rank ? ckpt_report_send(saver->ckpt, &saver->manifest, POLYFS_OK, NULL, &why)
                                     : commit_all(saver, &why);
    if (rc == POLYFS_OK) {
        ckpt_info_fill(&info, &saver->entry, &saver->ckpt->state);
        ckpt_info_out(out_info, &info);
        saver_free(saver);
        return POLYFS_OK;
    }
    failed(saver, rc, &why, err);
    if (why.commit_state == POLYFS_COMMIT_UNKNOWN) /* the record may be there: what it names must stay */
        saver_free(saver);
    else
        polyfs_ckpt_abort(saver);
    return rc;
}

/* The others must not wait for what will never come. */
static void tell_others(struct polyfs_ckpt_saver *saver)
{
    struct polyfs_ckpt *ckpt = saver->ckpt;
    const int code = saver->code ? saver->code : POLYFS_CANCELLED;
    const char *why = *saver->why ? saver->why : "its program dropped the checkpoint";
    if (ckpt->ranks.world > 1 && ckpt->ranks.rank)
        ckpt_report_send(ckpt, &saver->manifest, code, why, NULL);
    else if (ckpt->ranks.world > 1)
        ckpt_report_give_up(ckpt, saver->entry.attempt, saver->collected, code, why);
}

static void remove_below(struct polyfs_ckpt_saver *saver, const char *name, int is_folder)
{
    struct polyfs_ckpt *ckpt = saver->ckpt;
    char *path = ckpt_format("%s%s%s", saver->folder, *name ? "/" : "", name);
    if (path && is_folder)
        polyfs_rmdir(ckpt->fs, path, 0, &ckpt->call, NULL);
    else if (path)
        polyfs_remove(ckpt->fs, path, NULL, NULL);
    free(path);
}

/* What is left a later gc finds. With many ranks only what this one is known to have made is taken away: should two
 * launches ever have one name, the rest may be another's. */
static void remove_files(struct polyfs_ckpt_saver *saver)
{
    struct polyfs_ckpt *ckpt = saver->ckpt;
    if (!*saver->front)
        polyfs_remove_tree(ckpt->fs, saver->folder, NULL, NULL);
    for (size_t i = 0; *saver->front && i < saver->manifest.count; i++)
        remove_below(saver, saver->manifest.files[i].name, 0);
    if (*saver->front) {
        saver->front[strlen(saver->front) - 1] = '\0';
        remove_below(saver, saver->front, 1);
        remove_below(saver, "", 1);
    }
    *strrchr(saver->folder, '/') = '\0';
    remove_below(saver, "", 1);
}

void polyfs_ckpt_abort(struct polyfs_ckpt_saver *saver)
{
    if (!saver)
        return;
    polyfs_writer_close(saver->writer);
    saver->writer = NULL;
    tell_others(saver);
    if (saver->manifest.count || saver->file)
        remove_files(saver);
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
