/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders without a log. Which checkpoint is the newest is told by the steps in names, since times of change are those of
 * the last copy; among names without a step by the time. A `last` of Lightning's that is as young as the greatest step
 * is the newest.
 */
#include "legacy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 100000 /* of one folder */

/* ---- names ------------------------------------------------------------------------------------------------------ */

static int ends_in(const char *name, const char *end)
{
    const size_t n = strlen(name), e = strlen(end);
    return n > e && strcmp(name + n - e, end) == 0;
}

static int is_file_name(const char *name)
{
    static const char *const ends[] = {".ckpt", ".pt", ".pth", ".safetensors", ".bin"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (ends_in(name, ends[i]))
            return 1;
    return 0;
}

static int64_t number_at(const char *at)
{
    const unsigned long long value = strtoull(at, NULL, 10);
    return value <= INT64_MAX ? (int64_t)value : POLYFS_CKPT_NO_STEP;
}

/* "step=12", "step_12", "step-12", "step12" */
static int64_t number_behind(const char *name, const char *word)
{
    for (const char *at = name; (at = strstr(at, word)) != NULL;) {
        at += strlen(word);
        if (isdigit((unsigned char)at[strspn(at, "=_-")]))
            return number_at(at + strspn(at, "=_-"));
    }
    return POLYFS_CKPT_NO_STEP;
}

/* The last run of digits that is neither a version ("-v2") nor a part of a real ("0.25"). */
static int64_t last_number(const char *name)
{
    int64_t found = POLYFS_CKPT_NO_STEP;
    for (const char *at = name, *end; *at; at = end) {
        end = at + strspn(at, "0123456789");
        if (end == at) {
            end++;
            continue;
        }
        const char before = at > name ? at[-1] : '\0';
        const int version = before == 'v' && at - name >= 2 && at[-2] == '-';
        if (!version && before != '.' && !(*end == '.' && isdigit((unsigned char)end[1])))
            found = number_at(at);
    }
    return found;
}

int64_t ckpt_legacy_number(const char *name, const char *word)
{
    const int64_t number = number_behind(name, word);
    if (number != POLYFS_CKPT_NO_STEP || strcmp(word, "step") != 0)
        return number;
    return strstr(name, "epoch") ? POLYFS_CKPT_NO_STEP : last_number(name);
}

/* As Lightning looks for it: whatever begins so. */
static int is_last(const char *name)
{
    return strncmp(name, "last", 4) == 0;
}

/* ---- looking ---------------------------------------------------------------------------------------------------- */

struct look {
    struct ckpt_record *record;
    size_t front;         /* of the run's folder and its '/', in a row's path */
    char unfinished[256]; /* folder of a save of ours; no checkpoint, whatever it holds */
};

static int add(struct ckpt_record *record, const char *name, int is_file, const struct polyfs_entry *row)
{
    const struct ckpt_entry entry = {.name = (char *)(uintptr_t)name, /* copied by add */
                                     .file = is_file ? (char *)(uintptr_t)name : NULL,
                                     .step = ckpt_legacy_number(name, "step"),
                                     .epoch = ckpt_legacy_number(name, "epoch"),
                                     .time_ns = row->mtime_ns,
                                     .bytes = row->size,
                                     .files = 1,
                                     .manifest_size = row->size};
    return ckpt_record_add(record, &entry);
}

/* R/NAME/ATTEMPT/...: a save that is under way, or was killed before there was a log. */
static int is_attempt(const char *below)
{
    const size_t n = strspn(below, "0123456789abcdef");
    return n == CKPT_ATTEMPT - 1 && below[n] == '/';
}

static void forget(struct look *look, const char *name)
{
    struct ckpt_record *record = look->record;
    struct ckpt_entry *last = record->live_count ? &record->live[record->live_count - 1] : NULL;
    snprintf(look->unfinished, sizeof(look->unfinished), "%s", name);
    if (!last || strcmp(last->name, name) != 0)
        return;
    ckpt_entry_free(last);
    record->live_count--;
}

/* A file of a folder: those of one folder follow each other. */
static int see_part(struct look *look, const char *name, const char *below, const struct polyfs_entry *row)
{
    struct ckpt_record *record = look->record;
    struct ckpt_entry *last = record->live_count ? &record->live[record->live_count - 1] : NULL;
    if (is_attempt(below))
        forget(look, name);
    if (strcmp(look->unfinished, name) == 0)
        return POLYFS_OK;
    if (!last || strcmp(last->name, name) != 0)
        return add(record, name, 0, row);
    last->bytes += row->size;
    last->files++;
    last->time_ns = row->mtime_ns > last->time_ns ? row->mtime_ns : last->time_ns;
    return POLYFS_OK;
}

static int told(int rc, const char *path, struct polyfs_error *err)
{
    return rc == POLYFS_OK ? rc : ckpt_fail(err, rc, "look into", path, "no memory for its names");
}

static int see_checkpoint(const struct polyfs_entry *row, void *user, struct polyfs_error *err)
{
    struct look *look = user;
    const char *path = row->path + look->front, *slash = strchr(path, '/');
    char name[256];
    snprintf(name, sizeof(name), "%.*s", (int)(slash ? (size_t)(slash - path) : strlen(path)), path);
    if (row->type != POLYFS_TYPE_FILE || *name == '.' || !ckpt_name_valid(name))
        return POLYFS_OK;
    if (!slash)
        return is_file_name(name) ? told(add(look->record, name, 1, row), row->path, err) : POLYFS_OK;
    return ckpt_legacy_number(name, "step") != POLYFS_CKPT_NO_STEP ||
                   ckpt_legacy_number(name, "epoch") != POLYFS_CKPT_NO_STEP
               ? told(see_part(look, name, slash + 1, row), row->path, err)
               : POLYFS_OK;
}

static int look_at(struct polyfs_fs *fs, const char *folder, uint32_t flags, const struct polyfs_call_opts *call,
                   ckpt_see_fn *see, void *user, struct polyfs_error *err)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    opts.flags = flags;
    opts.call = call;
    opts.limit = ENTRIES_MAX;
    return ckpt_look(fs, folder, &opts, see, user, err);
}

/* Without a step first; then by step, or time; then by name, so that every rank sees one order. */
static int older_first(const void *a, const void *b)
{
    const struct ckpt_entry *x = a, *y = b;
    if (x->step != y->step)
        return x->step < y->step ? -1 : 1; /* NO_STEP is the least there is */
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int younger_last(const struct ckpt_entry *than, const struct ckpt_entry *entry)
{
    return is_last(entry->name) && (!than || entry->time_ns >= than->time_ns);
}

/* The youngest `last` is what `last` means, and the newest unless a greater step was written after it. */
static int choose_last(struct ckpt_record *record)
{
    struct ckpt_entry *last = NULL;
    for (size_t i = 0; i < record->live_count; i++)
        if (younger_last(last, &record->live[i]))
            last = &record->live[i];
    if (!last)
        return POLYFS_OK;
    struct ckpt_entry *end = &record->live[record->live_count - 1], moved = *last;
    if (ckpt_text_set(&record->last, last->name) != POLYFS_OK)
        return POLYFS_NOMEM;
    if (last != end && last->time_ns >= end->time_ns) {
        memmove(last, last + 1, (size_t)(end - last) * sizeof(*last));
        *end = moved;
    }
    return POLYFS_OK;
}

int ckpt_legacy_look(struct polyfs_ckpt *ckpt, struct ckpt_record *record, struct polyfs_error *err)
{
    if (record->live_count || record->segment_count)
        return POLYFS_OK;
    struct look look = {.record = record, .front = strlen(ckpt->root) + (*ckpt->root != '\0')};
    /* Below a run that has a log, folders are of saves: the log alone says which are whole. */
    int rc = look_at(ckpt->fs, ckpt->root, record->seq ? 0 : POLYFS_LS_RECURSIVE, &ckpt->call, see_checkpoint,
                     &look, err);
    if (rc == POLYFS_NOT_FOUND)
        rc = ckpt_absent(ckpt->fs, ckpt->root, &ckpt->call, err);
    if (rc == POLYFS_NOT_FOUND) /* the store's own word: there is no such folder */
        return POLYFS_OK;
    if (rc == POLYFS_OK && record->live_count) {
        qsort(record->live, record->live_count, sizeof(*record->live), older_first);
        rc = told(choose_last(record), ckpt->url, err);
    }
    record->whole = 1;
    return rc;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

struct files {
    struct ckpt_manifest *manifest;
    size_t front; /* of the folder and its '/', in a row's path */
};

static int see_file(const struct polyfs_entry *row, void *user, struct polyfs_error *err)
{
    const struct files *files = user;
    struct ckpt_rows none = {NULL, 0, 0};
    const char *name = row->path + files->front;
    if (row->type != POLYFS_TYPE_FILE || !ckpt_name_valid(name))
        return POLYFS_OK;
    return told(ckpt_manifest_add(files->manifest, name, row->size, 0, &none), row->path, err);
}

int ckpt_legacy_files(struct polyfs_fs *fs, const char *folder, const struct polyfs_call_opts *call,
                      struct ckpt_manifest *out, struct polyfs_error *err)
{
    struct files files = {out, strlen(folder) + 1};
    return look_at(fs, folder, POLYFS_LS_RECURSIVE, call, see_file, &files, err);
}
