/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which checkpoint is meant. Damage (a checksum, a size, a missing file) makes "latest" go one back, and say so; a
 * failure to ask ends the search with that failure, since it says nothing about what is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy.h"
#include "segment.h"
#include "view.h"

#define NUMBERS 64

static int is_damage(int rc)
{
    return rc == POLYFS_CORRUPT || rc == POLYFS_NOT_FOUND || rc == POLYFS_NOT_DIR;
}

/* ---- finding --------------------------------------------------------------------------------------------------- */

/* The newest whole one of the first @count that a record names, as newest_of() below. */
static int newest_before(struct polyfs_ckpt *ckpt, const struct ckpt_record *record, size_t count, uint32_t flags,
                         char *note, size_t note_room, struct polyfs_ckpt_view **out_view, struct polyfs_error *err)
{
    int rc = POLYFS_NOT_FOUND;
    for (size_t i = count; i-- > 0;) {
        struct polyfs_error why = POLYFS_ERROR_INIT;
        rc = ckpt_view_whole(ckpt, &record->live[i], record, flags, out_view, &why);
        if (rc == POLYFS_OK)
            return rc;
        if (err)
            *err = why;
        if (!is_damage(rc))
            return rc;
        if (!*note)
            snprintf(note, note_room, "\"%s\" was passed over: %s", record->live[i].name, why.message);
        rc = POLYFS_CORRUPT;
    }
    return rc;
}

/* The newest whole one that a record names. POLYFS_CORRUPT: it names some, all damaged. NOT_FOUND: it names none. */
static int newest_of(struct polyfs_ckpt *ckpt, struct ckpt_record *record, uint32_t flags, char *note,
                     size_t note_room, struct polyfs_ckpt_view **out_view, struct polyfs_error *err)
{
    const size_t tail = record->live_count;
    int rc = newest_before(ckpt, record, tail, flags, note, note_room, out_view, err);
    if (record->whole || (rc != POLYFS_NOT_FOUND && rc != POLYFS_CORRUPT))
        return rc;
    int loaded = ckpt_segments_load(ckpt, record, err);
    if (loaded != POLYFS_OK)
        return loaded;
    int older = newest_before(ckpt, record, record->live_count - tail, flags, note, note_room, out_view, err);
    return older == POLYFS_NOT_FOUND ? rc : older;
}

static void passed_over(struct polyfs_ckpt_view *view, const char *note)
{
    if (!*note)
        return;
    view->info.flags |= POLYFS_CKPT_FELL_BACK;
    snprintf(view->info.note, sizeof(view->info.note), "%s", note);
}

/* The log names none. */
static int load_legacy(struct polyfs_ckpt *ckpt, uint64_t seq, uint32_t flags, struct polyfs_ckpt_view **out_view,
                       struct polyfs_error *err)
{
    struct ckpt_record record;
    char note[512] = "";
    ckpt_record_init(&record);
    record.seq = seq;
    int rc = ckpt_legacy_look(ckpt, &record, err);
    if (rc == POLYFS_OK)
        rc = newest_of(ckpt, &record, flags, note, sizeof(note), out_view, err);
    if (rc == POLYFS_NOT_FOUND)
        ckpt_fail(err, rc, "load the latest of", ckpt->url, "it has no checkpoint yet");
    else if (rc == POLYFS_OK)
        passed_over(*out_view, note);
    ckpt_record_clear(&record);
    return rc;
}

static int load_latest(struct polyfs_ckpt *ckpt, uint32_t flags, struct polyfs_ckpt_view **out_view,
                       struct polyfs_error *err)
{
    uint64_t numbers[NUMBERS];
    size_t count;
    char note[512] = "";
    int damage = 0;
    int rc = ckpt_log_numbers(ckpt, numbers, NUMBERS, &count, err);
    for (size_t i = 0; rc == POLYFS_OK && i < count; i++) {
        struct ckpt_record record;
        struct polyfs_error why = POLYFS_ERROR_INIT;
        int found = ckpt_log_get(ckpt, numbers[i], &record, &why);
        if (found == POLYFS_OK) {
            found = newest_of(ckpt, &record, flags, note, sizeof(note), out_view, &why);
            ckpt_record_clear(&record);
            if (found == POLYFS_NOT_FOUND && !damage)
                break; /* a readable newest record that names none: there are none */
        } else if (!*note) {
            snprintf(note, sizeof(note), "record %llu was passed over: %s", (unsigned long long)numbers[i],
                     why.message);
        }
        if (found == POLYFS_OK)
            passed_over(*out_view, note);
        if (found == POLYFS_OK || !is_damage(found)) {
            if (found != POLYFS_OK && err)
                *err = why;
            return found;
        }
        damage = 1;
    }
    if (rc != POLYFS_OK)
        return rc;
    if (damage)
        return ckpt_fail(err, POLYFS_CORRUPT, "load the latest of", ckpt->url,
                         "none of its checkpoints is whole: %s", note);
    return load_legacy(ckpt, count ? numbers[0] : 0, flags, out_view, err);
}

/* N of "hpc_ckpt_N" in the last part of a name, whatever follows the digits; -1: it is none. */
static int64_t hpc_number(const char *name)
{
    static const char front[] = "hpc_ckpt_";
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name, *digits = last + sizeof(front) - 1;
    if (strncmp(last, front, sizeof(front) - 1) != 0 || !strspn(digits, "0123456789"))
        return -1;
    return (int64_t)(strtoull(digits, NULL, 10) & INT64_MAX);
}

/* What Lightning saves when the cluster's manager preempts it: the greatest number counts. */
static const struct ckpt_entry *hpc_of(const struct ckpt_record *record)
{
    const struct ckpt_entry *greatest = NULL;
    for (size_t i = 0; i < record->live_count; i++)
        if (hpc_number(record->live[i].name) > (greatest ? hpc_number(greatest->name) : -1))
            greatest = &record->live[i];
    return greatest;
}

/* "last" and "best" are what a policy chose, "hpc" the greatest of its kind, unless something bears that name. */
static const struct ckpt_entry *entry_of(const struct ckpt_record *record, const char *name)
{
    const struct ckpt_entry *entry = ckpt_record_find(record, name);
    const char *chosen = strcmp(name, "last") == 0 ? record->last : strcmp(name, "best") == 0 ? record->best : NULL;
    if (!entry && strcmp(name, "hpc") == 0)
        return hpc_of(record);
    return entry || !chosen ? entry : ckpt_record_find(record, chosen);
}

/* *out_entry is NULL when there is none of that name. What is not in the record itself is looked for in its segments. */
static int find_entry(struct polyfs_ckpt *ckpt, const char *name, struct ckpt_record *record,
                      const struct ckpt_entry **out_entry, struct polyfs_error *err)
{
    int found = 0;
    int rc = ckpt_log_newest(ckpt, 0, record, &found, NULL, 0, err);
    *out_entry = rc == POLYFS_OK ? entry_of(record, name) : NULL;
    if (rc != POLYFS_OK || *out_entry)
        return rc;
    rc = found ? ckpt_segments_load(ckpt, record, err) : POLYFS_OK;
    if (rc == POLYFS_OK)
        rc = ckpt_legacy_look(ckpt, record, err);
    *out_entry = rc == POLYFS_OK ? entry_of(record, name) : NULL;
    return rc;
}

static int load_named(struct polyfs_ckpt *ckpt, const char *name, uint32_t flags,
                      struct polyfs_ckpt_view **out_view, struct polyfs_error *err)
{
    struct ckpt_record record;
    const struct ckpt_entry *entry;
    ckpt_record_init(&record);
    int rc = find_entry(ckpt, name, &record, &entry, err);
    if (rc == POLYFS_OK && !entry)
        rc = ckpt_fail(err, POLYFS_NOT_FOUND, "load", ckpt->url,
                       "it has no checkpoint \"%s\"; see: polyfs ckpt list %s", name, ckpt->url);
    else if (rc == POLYFS_OK &&
             (rc = ckpt_view_whole(ckpt, entry, &record, flags, out_view, err)) == POLYFS_NOT_FOUND)
        rc = ckpt_fail(err, POLYFS_CORRUPT, "load", name, "a file of it is missing");
    ckpt_record_clear(&record);
    return rc;
}

int polyfs_ckpt_load(struct polyfs_ckpt *ckpt, const char *which, uint32_t flags,
                     struct polyfs_ckpt_view **out_view, struct polyfs_error *err)
{
    if (flags & ~POLYFS_CKPT_CHECK_BYTES)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "load from", ckpt->url, "a flag is not known");
    if (strcmp(which, "latest") == 0)
        return load_latest(ckpt, flags, out_view, err);
    int rc = load_named(ckpt, which, flags, out_view, err);
    if (strcmp(which, "last") == 0 &&
        is_damage(rc)) /* no policy chose one, or it is not whole: the newest that is */
        rc = load_latest(ckpt, flags, out_view, err);
    return rc;
}
