/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ranks tell rank 0 about a checkpoint: R/.ckpt/prep/ATTEMPT/r00003.json, the manifest of what that rank wrote, or
 * why it did not; and what rank 0 tells them when it gives up: aborted.json beside them. With a gather of the caller's
 * the same texts go through it. Rank 0 looks into the folder again and again, 50 ms to 2 s apart, until its deadline.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "run.h"

#define WAIT_MIN_MS 50
#define WAIT_MAX_MS 2000
#define AT_ONCE 64 /* reports that are read in one call */
#define ABORTED "aborted"

/* ---- names ------------------------------------------------------------------------------------------------------ */

static char *folder_of(const struct polyfs_ckpt *ckpt, const char *attempt)
{
    return ckpt_below(ckpt, ".ckpt/prep/%s", attempt);
}

static char *path_of(const struct polyfs_ckpt *ckpt, const char *attempt, const char *name)
{
    return ckpt_below(ckpt, ".ckpt/prep/%s/%s.json", attempt, name);
}

/* The rank whose report lies at this path, or -1. */
static int64_t rank_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *end = NULL;
    if (name[0] != 'r' || name[1] < '0' || name[1] > '9')
        return -1;
    unsigned long rank = strtoul(name + 1, &end, 10);
    return strcmp(end, ".json") == 0 && rank < UINT32_MAX ? (int64_t)rank : -1;
}

static void sleep_ms(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, &pause) != 0)
        continue;
}

/* How long to wait before the next look: longer each time, and not beyond the deadline. 0: it has passed. */
static int64_t next_wait(int64_t *wait, int64_t until)
{
    int64_t left = until - ckpt_monotonic_ms(), now = *wait < left ? *wait : left;
    *wait = *wait * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : *wait * 2;
    return now > 0 ? now : 0;
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

static int error_text(const char *attempt, int code, const char *why, char **out, size_t *out_n)
{
    json_t *body = json_pack("{s:i, s:s, s:i, s:s%}", "format", 1, "attempt", attempt, "code", code, "error", why,
                             strlen(why));
    return ckpt_sealed_write(body, out, out_n);
}

static int put_text(struct polyfs_ckpt *ckpt, const char *attempt, const char *name, const char *text, size_t n,
                    struct polyfs_error *err)
{
    char *path = path_of(ckpt, attempt, name);
    if (!path)
        return ckpt_fail(err, POLYFS_NOMEM, "save to", ckpt->url, "no memory");
    int rc = ckpt_put(ckpt, path, text, n, 0, err);
    free(path);
    return rc;
}

static int send_text(struct polyfs_ckpt *ckpt, const char *attempt, const char *text, size_t n,
                     struct polyfs_error *err)
{
    char name[16];
    if (ckpt->ranks.gather && ckpt->ranks.rank) {
        int rc = ckpt->ranks.gather(text, n, NULL, NULL, ckpt->ranks.user);
        return rc == POLYFS_OK ? rc : ckpt_fail(err, rc, "save to", ckpt->url, "the gather of its ranks failed");
    }
    snprintf(name, sizeof(name), "r%05u", ckpt->ranks.rank);
    return put_text(ckpt, attempt, name, text, n, err);
}

int ckpt_report_send(struct polyfs_ckpt *ckpt, const struct ckpt_manifest *manifest, int code, const char *why,
                     struct polyfs_error *err)
{
    char *text = NULL;
    size_t n = 0;
    int rc = why ? error_text(manifest->attempt, code, why, &text, &n) : ckpt_manifest_write(manifest, &text, &n);
    rc = rc == POLYFS_OK ? send_text(ckpt, manifest->attempt, text, n, err)
                         : ckpt_fail(err, rc, "save to", ckpt->url, "no memory for its report");
    free(text);
    return rc;
}

void ckpt_report_give_up(struct polyfs_ckpt *ckpt, const char *attempt, int collected, int code, const char *why)
{
    char *text = NULL;
    size_t n;
    const void **texts = calloc(ckpt->ranks.world, sizeof(*texts));
    size_t *sizes = calloc(ckpt->ranks.world, sizeof(*sizes));
    if (error_text(attempt, code, why, &text, &n) == POLYFS_OK) {
        if (!collected && ckpt->ranks.gather && texts && sizes)
            ckpt->ranks.gather(text, n, texts, sizes, ckpt->ranks.user); /* the others are in theirs */
        put_text(ckpt, attempt, ABORTED, text, n, NULL);
    }
    free(sizes);
    free(texts);
    free(text);
}

void ckpt_report_clear(struct polyfs_ckpt *ckpt, const char *attempt)
{
    char *folder = folder_of(ckpt, attempt);
    if (folder && !ckpt->ranks.gather)
        polyfs_remove_tree(ckpt->fs, folder, &ckpt->call, NULL); /* else a later gc finds it */
    free(folder);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* {"code", "error"} of a text that tells of a failure; POLYFS_OK when it tells of none. */
static int error_read(const char *text, size_t n, const char *who, const struct polyfs_ckpt *ckpt,
                      struct polyfs_error *err)
{
    const char *error = NULL;
    char why[128];
    int code = POLYFS_IO;
    json_t *body = NULL;
    if (ckpt_sealed_read(text, n, &body, why, sizeof(why)) != POLYFS_OK)
        return POLYFS_OK;
    int rc = POLYFS_OK;
    if (ckpt_json_unpack(body, "{s:i, s:s}", "code", &code, "error", &error) == POLYFS_OK)
        rc = ckpt_fail(err, code < 0 ? code : POLYFS_IO, "save to", ckpt->url, "%s gave up: %s", who, error);
    json_decref(body);
    return rc;
}

/* Those from @from on go in front of the files of higher ranks: the manifest does not depend on who reported first. */
static int in_order(struct ckpt_manifest *whole, size_t from, const char *front)
{
    size_t at = 0, count = whole->count - from;
    while (at < from && strncmp(whole->files[at].name, front, strlen(front)) < 0)
        at++;
    struct ckpt_file *own = at < from && count ? malloc(count * sizeof(*own)) : NULL;
    if (at == from || !count)
        return POLYFS_OK;
    if (!own)
        return POLYFS_NOMEM;
    memcpy(own, whole->files + from, count * sizeof(*own));
    memmove(whole->files + at + count, whole->files + at, (from - at) * sizeof(*own));
    memcpy(whole->files + at, own, count * sizeof(*own));
    free(own);
    return POLYFS_OK;
}

/* The files of one rank, which all bear its name in front, become part of the whole. */
static int merge(const struct polyfs_ckpt *ckpt, struct ckpt_manifest *whole, struct ckpt_manifest *part,
                 uint32_t rank, struct polyfs_error *err)
{
    char front[16];
    const size_t from = whole->count;
    int rc = strcmp(whole->attempt, part->attempt) == 0 ? POLYFS_OK : POLYFS_CORRUPT;
    snprintf(front, sizeof(front), "r%05u/", rank);
    for (size_t i = 0; i < part->count && rc == POLYFS_OK; i++) {
        struct ckpt_file *file = &part->files[i];
        rc = strncmp(file->name, front, strlen(front)) == 0
                 ? ckpt_manifest_add(whole, file->name, file->size, file->crc, &file->tensors)
                 : POLYFS_CORRUPT;
    }
    if (rc == POLYFS_OK)
        rc = in_order(whole, from, front);
    return rc == POLYFS_OK
               ? rc
               : ckpt_fail(err, rc, "save to", ckpt->url, "%s",
                           rc == POLYFS_NOMEM ? "no memory" : "a rank reports files that are not its own");
}

static int take_report(const struct polyfs_ckpt *ckpt, struct ckpt_manifest *whole, uint32_t rank, const char *text,
                       size_t n, struct polyfs_error *err)
{
    struct ckpt_manifest part;
    char why[128], who[32];
    snprintf(who, sizeof(who), "rank %u", rank);
    int rc = error_read(text, n, who, ckpt, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = ckpt_manifest_read(text, n, &part, why, sizeof(why));
    if (rc != POLYFS_OK)
        return ckpt_fail(err, rc, "save to", ckpt->url, "the report of rank %u cannot be read: %s", rank, why);
    rc = merge(ckpt, whole, &part, rank, err);
    ckpt_manifest_clear(&part);
    return rc;
}

/* ---- collecting through the store ------------------------------------------------------------------------------- */

struct collect {
    struct polyfs_ckpt *ckpt;
    struct ckpt_manifest *whole;
    unsigned char *have; /* of each rank */
    uint32_t missing;
    char *paths[AT_ONCE]; /* found, not read yet */
    size_t found;
    int rc;
    struct polyfs_error *err;
};

static void take_cat(const char *path, const void *data, size_t size, int code, void *user)
{
    struct collect *all = user;
    uint32_t rank = (uint32_t)rank_of(path);
    if (all->rc != POLYFS_OK)
        return;
    if (code != POLYFS_OK)
        all->rc =
            ckpt_fail(all->err, code, "save to", all->ckpt->url, "the report of rank %u cannot be read", rank);
    else
        all->rc = take_report(all->ckpt, all->whole, rank, data, size, all->err);
    if (all->rc == POLYFS_OK && !all->have[rank]) {
        all->have[rank] = 1;
        all->missing--;
    }
}

static int read_found(struct collect *all)
{
    struct polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    opts.call = &all->ckpt->call;
    int rc = all->found ? polyfs_bulk_cat(all->ckpt->fs, (const char *const *)all->paths, all->found, &opts,
                                          take_cat, all, all->err)
                        : POLYFS_OK;
    for (size_t i = 0; i < all->found; i++)
        free(all->paths[i]);
    all->found = 0;
    return all->rc != POLYFS_OK ? all->rc : rc;
}

static int see_path(struct collect *all, const char *path)
{
    int64_t rank = rank_of(path);
    if (rank <= 0 || rank >= (int64_t)all->ckpt->ranks.world || all->have[rank])
        return POLYFS_OK;
    all->paths[all->found] = strdup(path);
    if (!all->paths[all->found])
        return ckpt_fail(all->err, POLYFS_NOMEM, "save to", all->ckpt->url, "no memory");
    all->found++;
    return all->found == AT_ONCE ? read_found(all) : POLYFS_OK;
}

/* One look: every report that was not there before. */
static int look(struct collect *all, const char *folder)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister;
    int seen = POLYFS_OK;
    opts.call = &all->ckpt->call;
    int rc = polyfs_list_open(all->ckpt->fs, folder, &opts, &lister, all->err);
    if (rc != POLYFS_OK)
        return rc;
    do {
        const struct polyfs_entry *rows;
        size_t n = 0;
        rc = polyfs_list_next(lister, &rows, &n, all->err);
        for (size_t i = 0; rc >= 0 && i < n && seen == POLYFS_OK; i++)
            seen = see_path(all, rows[i].path);
    } while (rc == POLYFS_MORE && seen == POLYFS_OK);
    polyfs_list_close(lister);
    if (seen == POLYFS_OK)
        seen = read_found(all);
    if (rc == POLYFS_NOT_FOUND)
        rc = ckpt_absent(all->ckpt->fs, folder, &all->ckpt->call, all->err);
    return seen != POLYFS_OK || rc == POLYFS_NOT_FOUND ? seen : rc < 0 ? rc : POLYFS_OK;
}

static int late(const struct collect *all)
{
    struct ckpt_text who;
    char number[16];
    ckpt_text_init(&who);
    for (uint32_t rank = 1; rank < all->ckpt->ranks.world && who.n < 64; rank++) {
        snprintf(number, sizeof(number), "%s%u", who.n ? ", " : "", rank);
        if (!all->have[rank])
            ckpt_text_put(&who, number);
    }
    return ckpt_fail(all->err, POLYFS_TIMEOUT, "save to", all->ckpt->url,
                     "%u of %u ranks did not report in %u ms: %s%s", all->missing, all->ckpt->ranks.world,
                     all->ckpt->ranks.deadline_ms, who.data, who.n >= 64 ? ", …" : "");
}

static int collect_store(struct collect *all)
{
    int64_t wait = WAIT_MIN_MS, until = ckpt_monotonic_ms() + all->ckpt->ranks.deadline_ms, pause = 1;
    char *folder = folder_of(all->ckpt, all->whole->attempt);
    int rc = folder ? POLYFS_OK : ckpt_fail(all->err, POLYFS_NOMEM, "save to", all->ckpt->url, "no memory");
    while (rc == POLYFS_OK && all->missing) {
        uint32_t before = all->missing;
        rc = look(all, folder);
        if (rc != POLYFS_OK || !all->missing)
            break;
        if (all->missing < before)
            wait = WAIT_MIN_MS;
        if (!pause)
            rc = late(all);
        else if ((pause = next_wait(&wait, until)) > 0)
            sleep_ms(pause); /* a last look at the deadline */
    }
    free(folder);
    return rc;
}

/* ---- collecting through the caller's gather ---------------------------------------------------------------------- */

static int collect_gather(struct polyfs_ckpt *ckpt, struct ckpt_manifest *whole, const void **texts, size_t *sizes,
                          struct polyfs_error *err)
{
    char *own = NULL;
    size_t n = 0;
    int rc = ckpt_manifest_write(whole, &own, &n);
    if (rc == POLYFS_OK)
        rc = ckpt->ranks.gather(own, n, texts, sizes, ckpt->ranks.user);
    free(own);
    if (rc != POLYFS_OK)
        return ckpt_fail(err, rc, "save to", ckpt->url, "the gather of its ranks failed");
    for (uint32_t rank = 1; rank < ckpt->ranks.world && rc == POLYFS_OK; rank++)
        rc = take_report(ckpt, whole, rank, texts[rank], sizes[rank], err);
    return rc;
}

int ckpt_report_collect(struct polyfs_ckpt *ckpt, struct ckpt_manifest *manifest, struct polyfs_error *err)
{
    const uint32_t world = ckpt->ranks.world;
    struct collect all = {.ckpt = ckpt, .whole = manifest, .missing = world - 1, .err = err};
    const void **texts = calloc(world, sizeof(*texts));
    size_t *sizes = calloc(world, sizeof(*sizes));
    all.have = calloc(world, 1);
    int rc = POLYFS_NOMEM;
    if (!texts || !sizes || !all.have)
        ckpt_fail(err, rc, "save to", ckpt->url, "no memory");
    else
        rc = ckpt->ranks.gather ? collect_gather(ckpt, manifest, texts, sizes, err) : collect_store(&all);
    free(all.have);
    free(sizes);
    free(texts);
    return rc;
}

/* ---- waiting for rank 0 ------------------------------------------------------------------------------------------ */

static int is_committed(struct polyfs_ckpt *ckpt, const char *attempt, int *out, struct polyfs_error *err)
{
    struct ckpt_record record;
    int found = 0;
    ckpt_record_init(&record);
    int rc = ckpt_log_newest(ckpt, 0, &record, &found, NULL, 0, err);
    *out = 0;
    for (size_t i = 0; i < record.live_count && rc == POLYFS_OK; i++)
        *out |= strcmp(record.live[i].attempt, attempt) == 0;
    for (size_t i = 0; i < record.garbage_count && rc == POLYFS_OK; i++)
        *out |= strcmp(record.garbage[i].attempt, attempt) == 0; /* committed, and dropped since */
    ckpt_record_clear(&record);
    return rc;
}

/* POLYFS_OK: rank 0 has not given up. */
static int given_up(struct polyfs_ckpt *ckpt, const char *attempt, struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    char *path = path_of(ckpt, attempt, ABORTED);
    void *text;
    size_t n;
    opts.call = &ckpt->call;
    if (!path)
        return ckpt_fail(err, POLYFS_NOMEM, "wait for", ckpt->url, "no memory");
    int rc = polyfs_get_all(ckpt->fs, path, &opts, &text, &n, NULL, err);
    free(path);
    if (rc == POLYFS_NOT_FOUND)
        return POLYFS_OK;
    if (rc != POLYFS_OK)
        return rc;
    rc = error_read(text, n, "rank 0", ckpt, err);
    polyfs_free(text);
    return rc;
}

int polyfs_ckpt_wait(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_info *info, uint64_t timeout_ms,
                     struct polyfs_error *err)
{
    int64_t wait = WAIT_MIN_MS, pause = 1;
    int64_t until = ckpt_monotonic_ms() + (timeout_ms > INT32_MAX ? INT32_MAX : (int64_t)timeout_ms);
    for (;;) {
        int committed = 0;
        int rc = is_committed(ckpt, info->attempt, &committed, err);
        if (rc == POLYFS_OK && !committed)
            rc = given_up(ckpt, info->attempt, err);
        if (rc != POLYFS_OK || committed)
            return rc;
        if (!pause)
            return ckpt_fail(err, POLYFS_TIMEOUT, "wait for", ckpt->url,
                             "\"%s\" is neither committed nor given up after %llu ms", info->name,
                             (unsigned long long)timeout_ms);
        pause = next_wait(&wait, until);
        if (pause)
            sleep_ms(pause);
    }
}
