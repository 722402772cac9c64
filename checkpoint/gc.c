/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Garbage: folders of attempts that no kept record names, older than a lease, records beyond those that are kept, and
 * uploads below attempts that nobody finished. The listing is in byte order, so the rows of one attempt come together
 * and one is looked at at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "segment.h"

#define NUMBERS 64

struct gc {
    struct polyfs_ckpt *ckpt;
    int64_t before_ns; /* attempts touched later are left alone */
    int dry_run;
    polyfs_ckpt_gc_fn *done;
    void *user;

    struct ckpt_record kept[NUMBERS];
    size_t kept_count;

    char *attempt;     /* path of the folder whose rows are passing; NULL none */
    int64_t newest_ns; /* of its rows */

    char **uploaded; /* paths of attempts below which uploads were found */
    size_t uploaded_count;
    int no_memory;
};

/* Where the attempt's folder ends within a path, or 0: the first part of 32 hexadecimal digits below the root. */
static size_t attempt_end(const char *path, size_t root_len)
{
    for (const char *at = path + root_len; *at;) {
        at += *at == '/';
        size_t n = strcspn(at, "/");
        if (n == CKPT_ATTEMPT - 1 && strspn(at, "0123456789abcdef") == n && at[n] == '/')
            return (size_t)(at + n - path);
        at += n;
    }
    return 0;
}

/* What ranks told each other about an attempt is not needed once it is committed. */
static int is_report(const struct gc *gc, const char *attempt)
{
    static const char prep[] = ".ckpt/prep/";
    const char *below = attempt + strlen(gc->ckpt->root);
    return strncmp(below + (*below == '/'), prep, sizeof(prep) - 1) == 0;
}

static int is_kept(const struct gc *gc, const char *attempt)
{
    const char *id = strrchr(attempt, '/') + 1;
    if (is_report(gc, attempt))
        return 0;
    for (size_t r = 0; r < gc->kept_count; r++) {
        const struct ckpt_record *record = &gc->kept[r];
        for (size_t i = 0; i < record->live_count; i++)
            if (strcmp(record->live[i].attempt, id) == 0)
                return 1;
        for (size_t i = 0; i < record->garbage_count; i++)
            if (strcmp(record->garbage[i].attempt, id) == 0)
                return 1; /* the next commit removes it */
        for (size_t i = 0; i < record->segment_count; i++)
            if (strcmp(record->segments[i].id, id) == 0)
                return 1;
    }
    return 0;
}

static int end_attempt(struct gc *gc, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    if (gc->attempt && !is_kept(gc, gc->attempt) && gc->newest_ns < gc->before_ns) {
        if (!gc->dry_run)
            rc = polyfs_remove_tree(gc->ckpt->fs, gc->attempt, &gc->ckpt->call, err);
        if (rc == POLYFS_NOT_FOUND)
            rc = POLYFS_OK;
        if (gc->done)
            gc->done(gc->attempt, rc == POLYFS_OK && !gc->dry_run, gc->user);
        char *slash = strrchr(gc->attempt, '/');
        *slash = '\0';
        if (!gc->dry_run) /* goes only when it was the last attempt of its name */
            polyfs_rmdir(gc->ckpt->fs, gc->attempt, 0, &gc->ckpt->call, NULL);
    }
    free(gc->attempt);
    gc->attempt = NULL;
    return rc;
}

static int see_row(const struct polyfs_entry *row, void *user, struct polyfs_error *err)
{
    struct gc *gc = user;
    size_t end = attempt_end(row->path, strlen(gc->ckpt->root));
    if (!end)
        return POLYFS_OK;
    if (gc->attempt && (strlen(gc->attempt) != end || memcmp(gc->attempt, row->path, end) != 0)) {
        int rc = end_attempt(gc, err);
        if (rc != POLYFS_OK)
            return rc;
    }
    if (!gc->attempt) {
        gc->attempt = strndup(row->path, end);
        gc->newest_ns = POLYFS_TIME_UNKNOWN;
        if (!gc->attempt)
            return ckpt_fail(err, POLYFS_NOMEM, "collect garbage of", gc->ckpt->url, "no memory");
    }
    if (row->mtime_ns == POLYFS_TIME_UNKNOWN)
        gc->newest_ns = INT64_MAX; /* no time told: never taken for old */
    else if (row->mtime_ns > gc->newest_ns)
        gc->newest_ns = row->mtime_ns;
    return POLYFS_OK;
}

static int see_all(struct gc *gc, struct polyfs_error *err)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    opts.flags = POLYFS_LS_RECURSIVE;
    opts.call = &gc->ckpt->call;
    int rc = ckpt_look(gc->ckpt->fs, gc->ckpt->root, &opts, see_row, gc, err);
    if (rc == POLYFS_OK)
        rc = end_attempt(gc, err);
    free(gc->attempt);
    return rc;
}

/* ---- uploads that were not finished ------------------------------------------------------------------------------ */

static void upload_gone(const char *path, int64_t started_ns, int code, void *user)
{
    const struct gc *gc = user;
    (void)started_ns;
    if (gc->done)
        gc->done(path, code == POLYFS_OK && !gc->dry_run, gc->user);
}

/* An attempt's path is one save's alone: what is uploaded there is that save's, also where a kill came in front of the
 * store's own mark. Nothing else below the run is touched. */
static void see_upload(const char *path, int64_t started_ns, int code, void *user)
{
    struct gc *gc = user;
    size_t end = attempt_end(path, strlen(gc->ckpt->root)), n = gc->uploaded_count;
    if (!end || gc->no_memory)
        return;
    if (gc->dry_run)
        upload_gone(path, started_ns, code, user);
    if (gc->dry_run || (n && strncmp(gc->uploaded[n - 1], path, end + 1) == 0))
        return;
    char **more = realloc(gc->uploaded, (n + 1) * sizeof(*more));
    if (more)
        gc->uploaded = more;
    char *attempt = more ? strndup(path, end + 1) : NULL;
    gc->no_memory = !attempt;
    if (attempt)
        gc->uploaded[gc->uploaded_count++] = attempt;
}

/* A store without uploads has none to end; where they may not be listed, that is told, behind all else. */
static int end_uploads(struct gc *gc, uint32_t older_than_s, struct polyfs_error *err)
{
    struct polyfs_gc_opts look = POLYFS_GC_OPTS_INIT;
    look.call = &gc->ckpt->call;
    look.older_than_s = older_than_s;
    look.flags = POLYFS_GC_DRY_RUN | POLYFS_GC_FOREIGN;
    look.found = see_upload;
    look.user = gc;
    int rc = polyfs_gc(gc->ckpt->fs, gc->ckpt->root, &look, NULL, err);
    if (rc == POLYFS_UNSUPPORTED)
        return POLYFS_OK;
    if (rc == POLYFS_PERMISSION)
        ckpt_fail(err, rc, "end the uploads that killed saves left in", gc->ckpt->url,
                  "this store refuses to list them; allow to list the unfinished uploads of the bucket; all else "
                  "is done");
    if (gc->no_memory)
        rc = ckpt_fail(err, POLYFS_NOMEM, "collect garbage of", gc->ckpt->url, "no memory");
    struct polyfs_gc_opts end = look;
    end.flags = POLYFS_GC_FOREIGN;
    end.found = upload_gone;
    for (size_t i = 0; i < gc->uploaded_count; i++) {
        struct polyfs_error why = POLYFS_ERROR_INIT;
        int ended = polyfs_gc(gc->ckpt->fs, gc->uploaded[i], &end, NULL, &why);
        if (rc == POLYFS_OK && ended != POLYFS_OK && err)
            *err = why;
        rc = rc == POLYFS_OK ? ended : rc;
        free(gc->uploaded[i]);
    }
    free(gc->uploaded);
    return rc;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* Every record that is kept counts; one that cannot be read might name anything, so nothing is removed then. */
static int read_kept(struct gc *gc, struct polyfs_error *err)
{
    uint64_t numbers[NUMBERS];
    size_t count;
    int rc = ckpt_log_numbers(gc->ckpt, numbers, NUMBERS, &count, err);
    for (size_t i = 0; rc == POLYFS_OK && i < count; i++) {
        if (i >= gc->ckpt->keep_records) {
            if (!gc->dry_run)
                ckpt_log_remove(gc->ckpt, numbers[i], NULL);
            continue;
        }
        rc = ckpt_log_get(gc->ckpt, numbers[i], &gc->kept[gc->kept_count], err);
        if (rc == POLYFS_OK)
            rc = ckpt_segments_load(gc->ckpt, &gc->kept[gc->kept_count++], err);
    }
    return rc;
}

int polyfs_ckpt_gc(struct polyfs_ckpt *ckpt, uint32_t older_than_s, uint32_t flags, polyfs_ckpt_gc_fn *done,
                   void *user, struct polyfs_error *err)
{
    if (flags & ~POLYFS_CKPT_DRY_RUN)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "collect garbage of", ckpt->url, "a flag is not known");
    if (ckpt->ranks.rank)
        return ckpt_fail(err, POLYFS_PERMISSION, "collect garbage of", ckpt->url, "rank 0 alone removes anything");
    struct gc *gc = calloc(1, sizeof(*gc));
    if (!gc)
        return ckpt_fail(err, POLYFS_NOMEM, "collect garbage of", ckpt->url, "no memory");
    gc->ckpt = ckpt;
    gc->dry_run = (flags & POLYFS_CKPT_DRY_RUN) != 0;
    gc->before_ns = ckpt_now_ns() - (int64_t)older_than_s * 1000000000;
    gc->done = done;
    gc->user = user;
    int rc = read_kept(gc, err);
    if (rc == POLYFS_OK)
        rc = see_all(gc, err);
    if (rc == POLYFS_OK)
        rc = end_uploads(gc, older_than_s, err);
    for (size_t i = 0; i < gc->kept_count; i++)
        ckpt_record_clear(&gc->kept[i]);
    free(gc);
    return rc;
}
