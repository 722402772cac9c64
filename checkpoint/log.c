/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commit log: R/.ckpt/log/<19 digits>.json, the digits being 10^19-1-seq, so that the newest record comes first
 * in byte order and is found by one page of a listing. Invariant: a record is created only if absent, never changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "segment.h"

#define SEQ_TOP UINT64_C(9999999999999999999)
#define DIGITS 19
#define SUFFIX ".json"
#define PAGE 64
#define NUMBER_MAX (UINT64_C(1) << 62)

static char *folder_of(const struct polyfs_ckpt *ckpt)
{
    return ckpt_below(ckpt, ".ckpt/log");
}

char *ckpt_log_path(const struct polyfs_ckpt *ckpt, uint64_t seq)
{
    return ckpt_below(ckpt, ".ckpt/log/%019llu" SUFFIX, (unsigned long long)(SEQ_TOP - seq));
}

/* 0 for a name that is no record's. */
static uint64_t seq_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (strspn(name, "0123456789") != DIGITS || strcmp(name + DIGITS, SUFFIX) != 0)
        return 0;
    return SEQ_TOP - strtoull(name, NULL, 10);
}

static int newer_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x > y ? -1 : x < y;
}

/* ---- without the right to list ---------------------------------------------------------------------------------- */

/* 1, 0, or a failure to ask. Who may not list is often refused what is absent, too. */
static int is_there(struct polyfs_ckpt *ckpt, uint64_t seq, struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    char byte, *path = ckpt_log_path(ckpt, seq);
    size_t n;
    if (!path)
        return ckpt_fail(err, POLYFS_NOMEM, "list", ckpt->url, "no memory");
    opts.call = &ckpt->call;
    opts.length = 1;
    int rc = polyfs_get(ckpt->fs, path, &opts, &byte, 1, &n, NULL, err);
    free(path);
    return rc == POLYFS_OK ? 1 : rc == POLYFS_NOT_FOUND || rc == POLYFS_PERMISSION ? 0 : rc;
}

/* The greatest number that is there: numbers have no gaps, since each record is the next one. 0: none answers. */
static int newest_by_asking(struct polyfs_ckpt *ckpt, uint64_t *out, struct polyfs_error *err)
{
    uint64_t there = 0, above = 1;
    int rc = is_there(ckpt, above, err);
    while (rc == 1 && above < NUMBER_MAX) {
        there = above;
        above *= 2;
        rc = is_there(ckpt, above, err);
    }
    while (rc >= 0 && above - there > 1) {
        uint64_t middle = there + (above - there) / 2;
        rc = is_there(ckpt, middle, err);
        if (rc == 1)
            there = middle;
        else
            above = middle;
    }
    if (rc >= 0)
        *out = there;
    return rc < 0 ? rc : POLYFS_OK;
}

static int numbers_by_asking(struct polyfs_ckpt *ckpt, uint64_t *out, size_t room, size_t *out_count,
                             struct polyfs_error *err)
{
    uint64_t newest;
    int rc = newest_by_asking(ckpt, &newest, err);
    if (rc != POLYFS_OK)
        return rc;
    ckpt->blind = 1;
    if (!newest)
        return ckpt_fail(
            err, POLYFS_PERMISSION, "list", ckpt->url,
            "listing it is refused, and it gives out no record: whether there is one cannot be told; allow "
            "listing below .ckpt/log, or name a run that has a checkpoint");
    size_t count = 0;
    while (count < room && count < ckpt->keep_records && count < newest) {
        out[count] = newest - count;
        count++;
    }
    *out_count = count;
    return POLYFS_OK;
}

/* ---- by listing -------------------------------------------------------------------------------------------------- */

int ckpt_log_numbers(struct polyfs_ckpt *ckpt, uint64_t *out, size_t room, size_t *out_count,
                     struct polyfs_error *err)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister;
    size_t count = 0;
    char *folder = folder_of(ckpt);
    if (!folder)
        return ckpt_fail(err, POLYFS_NOMEM, "list", ckpt->url, "no memory");
    opts.call = &ckpt->call;
    opts.page_size = PAGE;
    int rc = polyfs_list_open(ckpt->fs, folder, &opts, &lister, err);
    free(folder);
    if (rc != POLYFS_OK)
        return rc;
    do {
        const struct polyfs_entry *rows;
        size_t n = 0;
        rc = polyfs_list_next(lister, &rows, &n, err);
        for (size_t i = 0; rc >= 0 && i < n && count < room; i++)
            if (rows[i].type == POLYFS_TYPE_FILE && seq_of(rows[i].path))
                out[count++] = seq_of(rows[i].path);
    } while (rc == POLYFS_MORE && count < room);
    polyfs_list_close(lister);
    if (rc == POLYFS_PERMISSION)
        return numbers_by_asking(ckpt, out, room, out_count, err);
    if (rc == POLYFS_NOT_FOUND)
        rc = ckpt_absent(ckpt->fs, ckpt->root, &ckpt->call, err);
    if (rc == POLYFS_NOT_FOUND)
        count = 0; /* the store's own word: there is no log yet */
    else if (rc < 0)
        return rc;
    qsort(out, count, sizeof(*out), newer_first);
    *out_count = count;
    return POLYFS_OK;
}

int ckpt_log_get(struct polyfs_ckpt *ckpt, uint64_t seq, struct ckpt_record *out, struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    char why[128] = "";
    void *text;
    size_t n;
    char *path = ckpt_log_path(ckpt, seq);
    if (!path)
        return ckpt_fail(err, POLYFS_NOMEM, "read the record of", ckpt->url, "no memory");
    opts.call = &ckpt->call;
    int rc = polyfs_get_all(ckpt->fs, path, &opts, &text, &n, NULL, err);
    if (rc == POLYFS_OK) {
        rc = ckpt_record_read(text, n, out, why, sizeof(why));
        if (rc == POLYFS_OK && out->seq != seq) {
            ckpt_record_clear(out);
            snprintf(why, sizeof(why), "it holds another number than its name");
            rc = POLYFS_CORRUPT;
        }
        polyfs_free(text);
        if (rc != POLYFS_OK)
            ckpt_fail(err, rc, "read the record", path, "%s", why);
    } else if (rc == POLYFS_NOT_FOUND) {
        rc = ckpt_absent(ckpt->fs, path, &ckpt->call, err);
    }
    free(path);
    return rc;
}

/* Together with what it keeps in segments. */
static int get_whole(struct polyfs_ckpt *ckpt, uint64_t seq, struct ckpt_record *out, struct polyfs_error *err)
{
    int rc = ckpt_log_get(ckpt, seq, out, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = ckpt_segments_load(ckpt, out, err);
    if (rc != POLYFS_OK)
        ckpt_record_clear(out);
    return rc;
}

int ckpt_log_newest(struct polyfs_ckpt *ckpt, uint32_t flags, struct ckpt_record *out, int *out_found, char *note,
                    size_t note_room, struct polyfs_error *err)
{
    uint64_t numbers[PAGE];
    size_t count;
    struct polyfs_error why = POLYFS_ERROR_INIT;
    int rc = ckpt_log_numbers(ckpt, numbers, PAGE, &count, err);
    if (rc != POLYFS_OK)
        return rc;
    *out_found = 0;
    for (size_t i = 0; i < count; i++) {
        rc =
            flags & CKPT_WHOLE ? get_whole(ckpt, numbers[i], out, &why) : ckpt_log_get(ckpt, numbers[i], out, &why);
        if (rc == POLYFS_OK) {
            *out_found = 1;
            return POLYFS_OK;
        }
        if (rc != POLYFS_CORRUPT && rc != POLYFS_NOT_FOUND) { /* a failure to ask is never "none" */
            if (err)
                *err = why;
            return rc;
        }
        if (note && !*note)
            snprintf(note, note_room, "record %llu was passed over: %s", (unsigned long long)numbers[i],
                     why.message);
    }
    if (!count)
        return POLYFS_OK;
    return ckpt_fail(err, POLYFS_CORRUPT, "open the run", ckpt->url,
                     "it has %zu records, but none can be read; the "
                     "newest: %s",
                     count, why.message);
}

int ckpt_log_put(struct polyfs_ckpt *ckpt, const struct ckpt_record *record, struct polyfs_error *err)
{
    char *text, *path = ckpt_log_path(ckpt, record->seq);
    size_t n;
    if (!path || ckpt_record_write(record, &text, &n) != POLYFS_OK) {
        free(path);
        return ckpt_fail(err, POLYFS_NOMEM, "commit to", ckpt->url, "no memory");
    }
    int rc = ckpt_put(ckpt, path, text, n, POLYFS_WRITE_CREATE_ONLY, err);
    free(text);
    free(path);
    return rc;
}

int ckpt_log_remove(struct polyfs_ckpt *ckpt, uint64_t seq, struct polyfs_error *err)
{
    char *path = ckpt_log_path(ckpt, seq);
    if (!path)
        return ckpt_fail(err, POLYFS_NOMEM, "remove a record of", ckpt->url, "no memory");
    int rc = ckpt_remove(ckpt, path, err);
    free(path);
    return rc;
}
