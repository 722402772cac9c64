/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: the state of a run as JSON.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "segment.h"

#define FORMAT 1
#define FORMAT_SEGMENTS 2         /* who does not know segments must not take what it reads for all */
#define GARBAGE_BYTES (64u << 10) /* so that a record stays small */
#define GARBAGE_ROW 80            /* of a row, with its numbers at their longest */

void ckpt_record_init(struct ckpt_record *record)
{
    memset(record, 0, sizeof(*record));
}

void ckpt_entry_free(struct ckpt_entry *entry)
{
    free(entry->name);
    free(entry->home);
    free(entry->file);
}

static void garbage_free(struct ckpt_garbage *row)
{
    free(row->name);
    free(row->file);
}

void ckpt_record_clear(struct ckpt_record *record)
{
    for (size_t i = 0; i < record->live_count; i++)
        ckpt_entry_free(&record->live[i]);
    for (size_t i = 0; i < record->garbage_count; i++)
        garbage_free(&record->garbage[i]);
    for (size_t i = 0; i < record->segment_count; i++)
        free(record->segments[i].gone);
    free(record->segments);
    free(record->live);
    free(record->garbage);
    free(record->last);
    free(record->best);
    ckpt_record_init(record);
}

static size_t garbage_bytes(const struct ckpt_record *record)
{
    size_t bytes = 0;
    for (size_t i = 0; i < record->garbage_count; i++) {
        const struct ckpt_garbage *row = &record->garbage[i];
        bytes += GARBAGE_ROW + 2 * (strlen(row->name) + (row->file ? strlen(row->file) : 0));
    }
    return bytes;
}

static int garbage_append(struct ckpt_record *record, const struct ckpt_garbage *row)
{
    struct ckpt_garbage *more = realloc(record->garbage, (record->garbage_count + 1) * sizeof(*more));
    if (!more)
        return POLYFS_NOMEM;
    record->garbage = more;
    struct ckpt_garbage *own = &more[record->garbage_count];
    *own = *row;
    own->name = strdup(row->name);
    own->file = row->file ? strdup(row->file) : NULL;
    if (!own->name || (row->file && !own->file)) {
        garbage_free(own);
        return POLYFS_NOMEM;
    }
    record->garbage_count++;
    return POLYFS_OK;
}

int ckpt_record_garbage(struct ckpt_record *record, const struct ckpt_garbage *row)
{
    if (garbage_bytes(record) >= GARBAGE_BYTES)
        ckpt_garbage_remove(record, 0); /* nobody may remove it, it seems: a later collection finds it by its age */
    return garbage_append(record, row);
}

int ckpt_record_add(struct ckpt_record *record, const struct ckpt_entry *entry)
{
    struct ckpt_entry *more = realloc(record->live, (record->live_count + 1) * sizeof(*more));
    if (!more)
        return POLYFS_NOMEM;
    record->live = more;
    struct ckpt_entry *own = &more[record->live_count];
    *own = *entry;
    own->name = strdup(entry->name);
    own->home = strdup(entry->home ? entry->home : entry->name);
    own->file = entry->file ? strdup(entry->file) : NULL;
    if (!own->name || !own->home || (entry->file && !own->file)) {
        ckpt_entry_free(own);
        return POLYFS_NOMEM;
    }
    record->live_count++;
    return POLYFS_OK;
}

const struct ckpt_entry *ckpt_record_find(const struct ckpt_record *record, const char *name)
{
    for (size_t i = 0; i < record->live_count; i++)
        if (strcmp(record->live[i].name, name) == 0)
            return &record->live[i];
    return NULL;
}

static void forget(char **which, const char *name)
{
    if (*which && strcmp(*which, name) == 0)
        ckpt_text_set(which, NULL);
}

int ckpt_record_drop(struct ckpt_record *record, const char *name)
{
    const struct ckpt_entry *found = ckpt_record_find(record, name);
    int shared = 0;
    if (!found)
        return POLYFS_OK;
    struct ckpt_entry *victim = &record->live[found - record->live];
    for (size_t i = 0; i < record->live_count; i++)
        shared += strcmp(record->live[i].attempt, victim->attempt) == 0;
    struct ckpt_garbage row = {.name = victim->home, .seq = record->seq, .file = victim->file};
    memcpy(row.attempt, victim->attempt, sizeof(row.attempt));
    int rc = shared > 1 ? POLYFS_OK : ckpt_record_garbage(record, &row);
    if (rc != POLYFS_OK)
        return rc;
    forget(&record->last, victim->name);
    forget(&record->best, victim->name);
    ckpt_entry_free(victim);
    record->live_count--;
    memmove(victim, victim + 1, (record->live_count - (size_t)(victim - record->live)) * sizeof(*victim));
    return POLYFS_OK;
}

void ckpt_garbage_remove(struct ckpt_record *record, size_t index)
{
    struct ckpt_garbage *row = &record->garbage[index];
    garbage_free(row);
    memmove(row, row + 1, (record->garbage_count - index - 1) * sizeof(*row));
    record->garbage_count--;
}

int ckpt_record_copy(struct ckpt_record *to, const struct ckpt_record *from)
{
    int rc = POLYFS_OK;
    *to = *from;
    to->live = NULL;
    to->garbage = NULL;
    to->segments = NULL;
    to->live_count = to->garbage_count = to->segment_count = 0;
    to->last = to->best = NULL;
    if (ckpt_text_set(&to->last, from->last) != POLYFS_OK || ckpt_text_set(&to->best, from->best) != POLYFS_OK)
        rc = POLYFS_NOMEM;
    if (rc == POLYFS_OK)
        rc = ckpt_segments_copy(to, from);
    for (size_t i = 0; i < from->live_count && rc == POLYFS_OK; i++)
        rc = ckpt_record_add(to, &from->live[i]);
    for (size_t i = 0; i < from->garbage_count && rc == POLYFS_OK; i++)
        rc = garbage_append(to, &from->garbage[i]); /* within its bound already */
    if (rc != POLYFS_OK)
        ckpt_record_clear(to);
    return rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

json_t *ckpt_entry_json(const struct ckpt_entry *e)
{
    json_t *row =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:{s:I, s:I}}", "name", e->name, "attempt", e->attempt, "time_ns",
                  (json_int_t)e->time_ns, "bytes", (json_int_t)e->bytes, "files", (json_int_t)e->files, "manifest",
                  "size", (json_int_t)e->manifest_size, "crc32c", (json_int_t)e->manifest_crc);
    int failed = !row;
    if (row && e->file)
        failed |= json_object_set_new(json_object_get(row, "manifest"), "file", json_string(e->file));
    if (row && strcmp(e->home, e->name) != 0)
        failed |= json_object_set_new(row, "home", json_string(e->home));
    if (row && e->step != POLYFS_CKPT_NO_STEP)
        failed |= json_object_set_new(row, "step", json_integer(e->step));
    if (row && e->epoch != POLYFS_CKPT_NO_STEP)
        failed |= json_object_set_new(row, "epoch", json_integer(e->epoch));
    if (row && e->has_score)
        failed |= json_object_set_new(row, "score", ckpt_json_real(e->score));
    if (failed) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static json_t *garbage_json(const struct ckpt_garbage *garbage)
{
    json_t *row = json_pack("{s:s, s:s, s:I}", "name", garbage->name, "attempt", garbage->attempt, "seq",
                            (json_int_t)garbage->seq);
    if (row && garbage->file && json_object_set_new(row, "file", json_string(garbage->file)) != 0) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static int lists_json(json_t *body, const struct ckpt_record *record)
{
    json_t *live = json_array(), *garbage = json_array();
    int failed = json_object_set_new(body, "live", live) | json_object_set_new(body, "garbage", garbage);
    if (record->last)
        failed |= json_object_set_new(body, "last", json_string(record->last));
    if (record->best)
        failed |= json_object_set_new(body, "best", json_string(record->best));
    if (record->segment_count)
        failed |= json_object_set_new(body, "segments", ckpt_segments_json(record));
    for (size_t i = 0; !failed && i < record->live_count; i++)
        if (!record->live[i].segment[0])
            failed = json_array_append_new(live, ckpt_entry_json(&record->live[i]));
    for (size_t i = 0; !failed && i < record->garbage_count; i++) {
        const struct ckpt_garbage *g = &record->garbage[i];
        failed = json_array_append_new(garbage, garbage_json(g));
    }
    return failed ? POLYFS_NOMEM : POLYFS_OK;
}

int ckpt_record_write(const struct ckpt_record *record, char **out, size_t *out_n)
{
    json_t *body =
        json_pack("{s:i, s:I, s:s, s:s, s:I, s:I}", "format", record->segment_count ? FORMAT_SEGMENTS : FORMAT,
                  "seq", (json_int_t)record->seq, "run", record->run, "writer", record->writer, "incarnation",
                  (json_int_t)record->incarnation, "time_ns", (json_int_t)record->time_ns);
    if (body && lists_json(body, record) == POLYFS_OK)
        return ckpt_sealed_write(body, out, out_n);
    json_decref(body);
    return POLYFS_NOMEM;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

int ckpt_is_id(const char *text)
{
    return strlen(text) == CKPT_ATTEMPT - 1 && strspn(text, "0123456789abcdef") == CKPT_ATTEMPT - 1;
}

int ckpt_entry_read(json_t *row, struct ckpt_record *record)
{
    struct ckpt_entry e = {.step = POLYFS_CKPT_NO_STEP, .epoch = POLYFS_CKPT_NO_STEP};
    const char *name, *attempt, *home = NULL, *file = NULL;
    json_int_t time_ns, bytes, files, size, crc, step = POLYFS_CKPT_NO_STEP, epoch = POLYFS_CKPT_NO_STEP;
    int rc = ckpt_json_unpack(row, "{s:s, s:s, s:I, s:I, s:I, s:{s:I, s:I, s?s}, s?s, s?I, s?I}", "name", &name,
                              "attempt", &attempt, "time_ns", &time_ns, "bytes", &bytes, "files", &files,
                              "manifest", "size", &size, "crc32c", &crc, "file", &file, "home", &home, "step",
                              &step, "epoch", &epoch);
    if (rc != POLYFS_OK)
        return rc;
    const json_t *score = json_object_get(row, "score");
    if (!ckpt_name_valid(name) || (home && !ckpt_name_valid(home)) || (file && !ckpt_name_valid(file)) ||
        !ckpt_is_id(attempt) || bytes < 0 || files < 0 || files > UINT32_MAX || size < 0 || crc < 0 ||
        crc > UINT32_MAX || (score && ckpt_json_real_read(score, &e.score) != POLYFS_OK))
        return POLYFS_CORRUPT;
    e.name = (char *)(uintptr_t)name; /* copied by add */
    e.home = (char *)(uintptr_t)home;
    e.file = (char *)(uintptr_t)file;
    memcpy(e.attempt, attempt, sizeof(e.attempt));
    e.step = step;
    e.epoch = epoch;
    e.time_ns = time_ns;
    e.bytes = (uint64_t)bytes;
    e.files = (uint32_t)files;
    e.has_score = score != NULL;
    e.manifest_size = (uint64_t)size;
    e.manifest_crc = (uint32_t)crc;
    return ckpt_record_add(record, &e);
}

static int garbage_read(json_t *row, struct ckpt_record *record)
{
    const char *name, *attempt, *file = NULL;
    json_int_t seq;
    int rc = ckpt_json_unpack(row, "{s:s, s:s, s:I, s?s}", "name", &name, "attempt", &attempt, "seq", &seq, "file",
                              &file);
    if (rc != POLYFS_OK)
        return rc;
    if ((!ckpt_name_valid(name) && strcmp(name, CKPT_SEGMENTS_HOME) != 0) || !ckpt_is_id(attempt) || seq < 0 ||
        (file && !ckpt_name_valid(file)))
        return POLYFS_CORRUPT;
    struct ckpt_garbage own = {.name = (char *)(uintptr_t)name, /* copied by add */
                               .seq = (uint64_t)seq,
                               .file = (char *)(uintptr_t)file};
    memcpy(own.attempt, attempt, sizeof(own.attempt));
    return ckpt_record_garbage(record, &own);
}

static int lists_read(json_t *live, json_t *garbage, struct ckpt_record *record)
{
    size_t i;
    json_t *row;
    json_array_foreach(live, i, row)
    {
        int rc = ckpt_entry_read(row, record);
        if (rc != POLYFS_OK)
            return rc;
    }
    json_array_foreach(garbage, i, row)
    {
        int rc = garbage_read(row, record);
        if (rc != POLYFS_OK)
            return rc;
    }
    return POLYFS_OK;
}

/* What is chosen must be there; in a segment it is looked for when that is read. */
static int chosen_read(struct ckpt_record *record, const char *last, const char *best)
{
    if (record->whole && ((last && !ckpt_record_find(record, last)) || (best && !ckpt_record_find(record, best))))
        return POLYFS_CORRUPT;
    int rc = ckpt_text_set(&record->last, last);
    return rc == POLYFS_OK ? ckpt_text_set(&record->best, best) : rc;
}

static int format_read(json_t *body, char *why, size_t room)
{
    int format;
    int rc = ckpt_json_unpack(body, "{s:i}", "format", &format);
    if (rc == POLYFS_OK && format < 1)
        rc = POLYFS_CORRUPT;
    if (rc != POLYFS_OK) {
        snprintf(why, room, rc == POLYFS_NOMEM ? "no memory to read it" : "it is no record");
    } else if (format > FORMAT_SEGMENTS) {
        snprintf(why, room, "its format %d is newer than this polyfs knows (%d)", format, FORMAT_SEGMENTS);
        rc = POLYFS_UNSUPPORTED;
    }
    return rc;
}

static int body_read(json_t *body, struct ckpt_record *out, char *why, size_t room)
{
    const char *run, *writer, *last = NULL, *best = NULL;
    json_int_t seq, incarnation, time_ns;
    json_t *live, *garbage, *segments = NULL;
    int rc = ckpt_json_unpack(body, "{s:I, s:s, s:s, s:I, s:I, s:o, s:o, s?s, s?s, s?o}", "seq", &seq, "run", &run,
                              "writer", &writer, "incarnation", &incarnation, "time_ns", &time_ns, "live", &live,
                              "garbage", &garbage, "last", &last, "best", &best, "segments", &segments);
    if (rc == POLYFS_OK && (seq < 1 || incarnation < 0 || !ckpt_is_id(run) || !ckpt_is_id(writer) ||
                            !json_is_array(live) || !json_is_array(garbage)))
        rc = POLYFS_CORRUPT;
    if (rc != POLYFS_OK) {
        snprintf(why, room, rc == POLYFS_NOMEM ? "no memory to read it" : "a field of it is missing or wrong");
        return rc;
    }
    out->seq = (uint64_t)seq;
    out->incarnation = (uint64_t)incarnation;
    out->time_ns = time_ns;
    memcpy(out->run, run, sizeof(out->run));
    memcpy(out->writer, writer, sizeof(out->writer));
    out->whole = !json_array_size(segments);
    rc = ckpt_segments_read(segments, out);
    if (rc == POLYFS_OK)
        rc = lists_read(live, garbage, out);
    if (rc == POLYFS_OK)
        rc = chosen_read(out, last, best);
    if (rc != POLYFS_OK)
        snprintf(why, room, rc == POLYFS_NOMEM ? "no memory to read it" : "a row of it is wrong");
    return rc;
}

int ckpt_record_read(const char *text, size_t n, struct ckpt_record *out, char *why, size_t why_room)
{
    json_t *body = NULL;
    ckpt_record_init(out);
    int rc = ckpt_sealed_read(text, n, &body, why, why_room);
    if (rc == POLYFS_OK)
        rc = format_read(body, why, why_room);
    if (rc == POLYFS_OK)
        rc = body_read(body, out, why, why_room);
    json_decref(body);
    if (rc != POLYFS_OK)
        ckpt_record_clear(out);
    return rc;
}
