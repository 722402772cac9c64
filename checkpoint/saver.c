/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint on its way: its name and attempt, and its files, one after another, below a folder of this attempt alone.
 * Nothing that was committed is ever overwritten, so a save that dies anywhere leaves only a folder that no record
 * names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saver.h"

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

void ckpt_saver_free(struct polyfs_ckpt_saver *saver)
{
    polyfs_writer_close(saver->writer);
    ckpt_manifest_clear(&saver->manifest);
    ckpt_rows_clear(&saver->tensors);
    free(saver->entry.name);
    free(saver->entry.file);
    free(saver->folder);
    free(saver->file);
    ckpt_stage_free(saver->stage);
    ckpt_plan_free(saver->plan);
    free(saver);
}

/* Which attempt it is, and where its files go. */
static int saver_place(struct polyfs_ckpt_saver *saver)
{
    const struct polyfs_ckpt *ckpt = saver->ckpt;
    struct ckpt_entry *entry = &saver->entry;
    int rc = entry->name ? POLYFS_OK : POLYFS_NOMEM;
    ckpt_id(entry->attempt);
    if (ckpt->ranks.world > 1 && rc == POLYFS_OK) {
        rc = ckpt_ranks_attempt(ckpt, entry, entry->attempt);
        snprintf(saver->front, sizeof(saver->front), "r%05u/", ckpt->ranks.rank);
    }
    memcpy(saver->manifest.attempt, entry->attempt, sizeof(entry->attempt));
    if (rc == POLYFS_OK)
        saver->folder = ckpt_attempt_folder(ckpt, entry->name, entry->attempt);
    return saver->folder ? rc : POLYFS_NOMEM;
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
    entry->name = opts && opts->name ? strdup(opts->name) : default_name(opts, ckpt_seq(ckpt) + 1);
    if (entry->name && !ckpt_name_valid(entry->name))
        return ckpt_fail(
            err, POLYFS_INVALID, "save to", ckpt->url,
            "\"%s\" is no name for a checkpoint: a relative path without \".\", \"..\" and empty parts",
            entry->name);
    return saver_place(saver) == POLYFS_OK ? POLYFS_OK
                                           : ckpt_fail(err, POLYFS_NOMEM, "save to", ckpt->url, "no memory");
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
        ckpt_saver_free(saver);
    return rc;
}

int ckpt_saver_plan(struct polyfs_ckpt_saver *saver, const struct polyfs_policy_plan *plan,
                    struct polyfs_error *err)
{
    saver->plan = ckpt_plan_copy(plan);
    return saver->plan ? POLYFS_OK
                       : ckpt_fail(err, POLYFS_NOMEM, "save to", saver->ckpt->url, "no memory for a plan");
}

/* ---- files --------------------------------------------------------------------------------------------------- */

int ckpt_saver_failed(struct polyfs_ckpt_saver *saver, int rc, const struct polyfs_error *why,
                      struct polyfs_error *err)
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
    if (!saver->open)
        return POLYFS_OK;
    int rc = saver->stage ? ckpt_stage_end(saver->stage, err) : polyfs_writer_commit(saver->writer, NULL, err);
    polyfs_writer_close(saver->writer);
    saver->writer = NULL;
    saver->open = 0;
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
    if (rc == POLYFS_OK && !saver->stage)
        rc = file_open(saver, err);
    saver->open = rc == POLYFS_OK;
    return rc;
}

static int file_write(struct polyfs_ckpt_saver *saver, const char *name, const struct polyfs_bytes *bytes,
                      size_t count, struct polyfs_error *err)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    int rc = POLYFS_OK;
    if (!saver->open || strcmp(saver->file + strlen(saver->front), name) != 0)
        rc = file_begin(saver, name, &why);
    if (rc == POLYFS_OK && !saver->stage)
        rc = polyfs_writer_writev(saver->writer, bytes, count, &why);
    for (size_t i = 0; i < count && rc == POLYFS_OK && saver->stage; i++)
        rc = ckpt_stage_bytes(saver->stage, name, bytes[i].data, bytes[i].size, &why);
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++)
        saver->size += bytes[i].size;
    return rc == POLYFS_OK ? rc : ckpt_saver_failed(saver, rc, &why, err);
}

int polyfs_ckpt_write(struct polyfs_ckpt_saver *saver, const char *name, const void *data, size_t size,
                      struct polyfs_error *err)
{
    const struct polyfs_bytes bytes = {data, size};
    int rc = file_write(saver, name, &bytes, 1, err);
    if (rc == POLYFS_OK && !saver->stage)
        saver->crc = polyfs_crc32c(saver->crc, data, size);
    return rc;
}

int ckpt_saver_write(struct polyfs_ckpt_saver *saver, const char *name, const void *data, size_t size, uint32_t crc,
                     struct polyfs_error *err)
{
    const struct polyfs_bytes bytes = {data, size};
    return ckpt_saver_writev(saver, name, &bytes, 1, crc, err);
}

int ckpt_saver_writev(struct polyfs_ckpt_saver *saver, const char *name, const struct polyfs_bytes *bytes,
                      size_t count, uint32_t crc, struct polyfs_error *err)
{
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += bytes[i].size;
    int rc = file_write(saver, name, bytes, count, err);
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

int ckpt_saver_stage_tensors(struct polyfs_ckpt_saver *saver, const char *name,
                             const struct polyfs_tensor *const *tensors, size_t count, struct polyfs_error *err)
{
    int rc = file_begin(saver, name, err);
    if (rc == POLYFS_OK)
        rc = ckpt_stage_tensors(saver->stage, name, tensors, count, err);
    return rc == POLYFS_OK ? ckpt_saver_file_end(saver, err) : rc;
}

int ckpt_saver_replay(struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    struct ckpt_stage *stage = saver->stage;
    int rc = ckpt_saver_file_end(saver, err);
    if (rc != POLYFS_OK)
        return rc;
    saver->stage = NULL; /* what is written now goes to the store */
    ckpt_manifest_clear(&saver->manifest);
    memcpy(saver->manifest.attempt, saver->entry.attempt, sizeof(saver->entry.attempt));
    free(saver->file);
    saver->file = NULL;
    rc = ckpt_stage_write(stage, saver, err);
    ckpt_stage_free(stage);
    return rc;
}

/* ---- giving up ---------------------------------------------------------------------------------------------------- */

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
    if (!saver->stage && (saver->manifest.count || saver->file))
        remove_files(saver);
    ckpt_saver_free(saver);
}
