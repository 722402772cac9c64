/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: R/.ckpt/segments/ID/rows.json, ID being 128 random bits as an attempt's, so that garbage collection treats
 * both alike. Invariant of a whole record: the entries of a segment stand together in record->live, in the order of
 * their rows, and those of the record itself come last.
 */
#include "segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1
#define ROWS "rows.json"
#define FIXED_BYTES 320 /* of an entry, with all its numbers at their longest */

/* ---- runs of entries -------------------------------------------------------------------------------------------- */

/* Behind the last entry that stands where the one at @from does. */
static size_t run_end(const struct ckpt_record *record, size_t from)
{
    size_t to = from;
    while (to < record->live_count && strcmp(record->live[to].segment, record->live[from].segment) == 0)
        to++;
    return to;
}

static int is_tail(const struct ckpt_record *record, size_t from)
{
    return !record->live[from].segment[0];
}

static struct ckpt_segment *segment_of(const struct ckpt_record *record, size_t from)
{
    for (size_t i = 0; i < record->segment_count; i++)
        if (strcmp(record->segments[i].id, record->live[from].segment) == 0)
            return &record->segments[i];
    return NULL;
}

/* Tells @hole, or only counts, the rows between the entries of a run. */
typedef void hole_fn(uint32_t first, uint32_t last, void *user);

static size_t holes(const struct ckpt_record *record, size_t from, size_t to, hole_fn *hole, void *user)
{
    const uint32_t rows = segment_of(record, from)->rows;
    size_t count = 0;
    uint32_t next = 0;
    for (size_t i = from; i <= to; i++) {
        const uint32_t row = i < to ? record->live[i].row : rows;
        if (row > next) {
            count++;
            if (hole)
                hole(next, row - 1, user);
        }
        next = row + 1;
    }
    return count;
}

/* Bytes that it takes in a record, at most. */
static size_t entry_bytes(const struct ckpt_entry *entry)
{
    /* A byte may be written as two, '"' as '\"'. */
    return FIXED_BYTES + 2 * (strlen(entry->name) + strlen(entry->home) + (entry->file ? strlen(entry->file) : 0));
}

/* ---- in a record ------------------------------------------------------------------------------------------------ */

static void tell_hole(uint32_t first, uint32_t last, void *user)
{
    struct ckpt_text *text = user;
    char range[32];
    if (first == last)
        snprintf(range, sizeof(range), "%s%u", text->n ? "," : "", first);
    else
        snprintf(range, sizeof(range), "%s%u-%u", text->n ? "," : "", first, last);
    ckpt_text_put(text, range);
}

static json_t *segment_json(const struct ckpt_record *record, size_t from, size_t to)
{
    const struct ckpt_segment *segment = segment_of(record, from);
    struct ckpt_text gone;
    ckpt_text_init(&gone);
    holes(record, from, to, tell_hole, &gone);
    json_t *row = json_pack("{s:s, s:I, s:I, s:I}", "id", segment->id, "rows", (json_int_t)segment->rows, "size",
                            (json_int_t)segment->size, "crc32c", (json_int_t)segment->crc);
    if (row && gone.n && (gone.full || json_object_set_new(row, "gone", json_string(gone.data)) != 0)) {
        json_decref(row);
        return NULL;
    }
    return row;
}

json_t *ckpt_segments_json(const struct ckpt_record *record)
{
    json_t *rows = json_array();
    for (size_t i = 0; rows && i < record->live_count && !is_tail(record, i); i = run_end(record, i))
        if (json_array_append_new(rows, segment_json(record, i, run_end(record, i))) != 0) {
            json_decref(rows);
            return NULL;
        }
    return rows;
}

static int segment_add(struct ckpt_record *record, const struct ckpt_segment *segment)
{
    struct ckpt_segment *more = realloc(record->segments, (record->segment_count + 1) * sizeof(*more));
    if (!more)
        return POLYFS_NOMEM;
    record->segments = more;
    more[record->segment_count] = *segment;
    more[record->segment_count].gone = segment->gone ? strdup(segment->gone) : NULL;
    if (segment->gone && !more[record->segment_count].gone)
        return POLYFS_NOMEM;
    record->segment_count++;
    return POLYFS_OK;
}

int ckpt_segments_read(json_t *rows, struct ckpt_record *record)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        struct ckpt_segment segment = {.id = ""};
        const char *id, *gone = NULL;
        json_int_t count, size, crc;
        int rc = ckpt_json_unpack(row, "{s:s, s:I, s:I, s:I, s?s}", "id", &id, "rows", &count, "size", &size,
                                  "crc32c", &crc, "gone", &gone);
        if (rc != POLYFS_OK)
            return rc;
        if (!ckpt_is_id(id) || count < 1 || count > UINT32_MAX || size < 0 || crc < 0 || crc > UINT32_MAX)
            return POLYFS_CORRUPT;
        memcpy(segment.id, id, sizeof(segment.id));
        segment.rows = (uint32_t)count;
        segment.size = (uint64_t)size;
        segment.crc = (uint32_t)crc;
        segment.gone = (char *)(uintptr_t)gone; /* copied by add */
        rc = segment_add(record, &segment);
        if (rc != POLYFS_OK)
            return rc;
    }
    return POLYFS_OK;
}

int ckpt_segments_copy(struct ckpt_record *to, const struct ckpt_record *from)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < from->segment_count && rc == POLYFS_OK; i++)
        rc = segment_add(to, &from->segments[i]);
    return rc;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static char *path_of(const struct polyfs_ckpt *ckpt, const char *id)
{
    return ckpt_below(ckpt, CKPT_SEGMENTS_HOME "/%s/" ROWS, id);
}

/* The next run of rows that are gone, "4-17," or "4,": 1, 0 at the end, POLYFS_CORRUPT for anything else. */
static int next_gone(const char **at, uint32_t *first, uint32_t *last)
{
    char *end;
    if (!**at)
        return 0;
    unsigned long long a = strtoull(*at, &end, 10), b = a;
    if (end == *at || !strspn(*at, "0123456789"))
        return POLYFS_CORRUPT;
    if (*end == '-')
        b = strtoull(end + 1, &end, 10);
    if ((*end && *end != ',') || a > b || b >= UINT32_MAX)
        return POLYFS_CORRUPT;
    *first = (uint32_t)a;
    *last = (uint32_t)b;
    *at = end + (*end == ',');
    return 1;
}

/* Adds the rows that are there. */
static int rows_read(json_t *rows, const struct ckpt_segment *segment, struct ckpt_record *out)
{
    const char *gone = segment->gone ? segment->gone : "";
    uint32_t first = 0, last = 0;
    int rc = POLYFS_OK, more = next_gone(&gone, &first, &last);
    if (!json_is_array(rows) || json_array_size(rows) != segment->rows)
        return POLYFS_CORRUPT;
    for (uint32_t i = 0; i < segment->rows && rc == POLYFS_OK && more >= 0; i++) {
        if (more && i >= first) {
            if (i == last)
                more = next_gone(&gone, &first, &last);
            continue;
        }
        rc = ckpt_entry_read(json_array_get(rows, i), out);
        if (rc == POLYFS_OK) {
            struct ckpt_entry *entry = &out->live[out->live_count - 1];
            memcpy(entry->segment, segment->id, sizeof(entry->segment));
            entry->row = i;
        }
    }
    return rc == POLYFS_OK && more ? POLYFS_CORRUPT : rc;
}

static int text_read(const char *text, size_t n, const struct ckpt_segment *segment, struct ckpt_record *out)
{
    const char *id;
    char why[128];
    int format;
    json_t *body = NULL, *rows;
    if (n != segment->size || polyfs_crc32c(0, text, n) != segment->crc)
        return POLYFS_CORRUPT;
    int rc = ckpt_sealed_read(text, n, &body, why, sizeof(why));
    if (rc == POLYFS_OK)
        rc = ckpt_json_unpack(body, "{s:i, s:s, s:o}", "format", &format, "id", &id, "rows", &rows);
    if (rc == POLYFS_OK)
        rc = format == FORMAT && strcmp(id, segment->id) == 0 ? rows_read(rows, segment, out) : POLYFS_CORRUPT;
    json_decref(body);
    return rc;
}

static int segment_read(struct polyfs_ckpt *ckpt, const struct ckpt_segment *segment, struct ckpt_record *out,
                        struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    void *text = NULL;
    size_t n = 0;
    char *path = path_of(ckpt, segment->id);
    if (!path)
        return ckpt_fail(err, POLYFS_NOMEM, "read the older checkpoints of", ckpt->url, "no memory");
    opts.call = &ckpt->call;
    int rc = polyfs_get_all(ckpt->fs, path, &opts, &text, &n, NULL, err);
    if (rc == POLYFS_NOT_FOUND)
        rc = ckpt_absent(ckpt->fs, path, &ckpt->call, err);
    if (rc == POLYFS_NOT_FOUND) /* the record says that it is there */
        rc = ckpt_fail(err, POLYFS_CORRUPT, "read the older checkpoints of", ckpt->url, "%s is missing", path);
    else if (rc == POLYFS_OK && (rc = text_read(text, n, segment, out)) != POLYFS_OK)
        ckpt_fail(err, rc, "read the older checkpoints of", ckpt->url, "%s %s", path,
                  rc == POLYFS_NOMEM ? "does not fit into memory" : "is damaged: it is not what the record names");
    polyfs_free(text);
    free(path);
    return rc;
}

/* What is chosen must be there. */
static int check_chosen(const struct polyfs_ckpt *ckpt, const struct ckpt_record *record, struct polyfs_error *err)
{
    if ((!record->last || ckpt_record_find(record, record->last)) &&
        (!record->best || ckpt_record_find(record, record->best)))
        return POLYFS_OK;
    return ckpt_fail(err, POLYFS_CORRUPT, "read the older checkpoints of", ckpt->url,
                     "record %llu chose one that it does not name", (unsigned long long)record->seq);
}

int ckpt_segments_load(struct polyfs_ckpt *ckpt, struct ckpt_record *record, struct polyfs_error *err)
{
    struct ckpt_record all;
    int rc = POLYFS_OK;
    if (record->whole)
        return rc;
    ckpt_record_init(&all);
    for (size_t i = 0; i < record->segment_count && rc == POLYFS_OK; i++)
        rc = segment_read(ckpt, &record->segments[i], &all, err);
    for (size_t i = 0; i < record->live_count && rc == POLYFS_OK; i++)
        if (ckpt_record_add(&all, &record->live[i]) != POLYFS_OK)
            rc = ckpt_fail(err, POLYFS_NOMEM, "read the older checkpoints of", ckpt->url, "no memory");
    all.last = record->last;
    all.best = record->best;
    if (rc == POLYFS_OK)
        rc = check_chosen(ckpt, &all, err);
    all.last = all.best = NULL;
    if (rc == POLYFS_OK) {
        const struct ckpt_record tail = *record;
        record->live = all.live;
        record->live_count = all.live_count;
        record->whole = 1;
        all.live = tail.live;
        all.live_count = tail.live_count;
    }
    ckpt_record_clear(&all);
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static int text_write(const struct ckpt_record *record, size_t from, size_t to, const char *id, char **out,
                      size_t *out_n)
{
    json_t *rows = json_array(), *body = json_pack("{s:i, s:s, s:o}", "format", FORMAT, "id", id, "rows", rows);
    int failed = !body;
    for (size_t i = from; i < to && !failed; i++)
        failed = json_array_append_new(rows, ckpt_entry_json(&record->live[i]));
    if (!failed)
        return ckpt_sealed_write(body, out, out_n);
    json_decref(body);
    return POLYFS_NOMEM;
}

/* Entries [@from, @to) stand in a new segment from now on. */
static int segment_put(struct polyfs_ckpt *ckpt, struct ckpt_record *record, size_t from, size_t to,
                       struct polyfs_error *err)
{
    struct ckpt_segment segment = {.rows = (uint32_t)(to - from)};
    size_t n = 0;
    char *text = NULL, *path;
    ckpt_id(segment.id);
    path = path_of(ckpt, segment.id);
    int rc = path ? text_write(record, from, to, segment.id, &text, &n) : POLYFS_NOMEM;
    segment.size = n;
    segment.crc = text ? polyfs_crc32c(0, text, n) : 0;
    if (rc == POLYFS_OK)
        rc = segment_add(record, &segment);
    if (rc != POLYFS_OK)
        ckpt_fail(err, rc, "commit to", ckpt->url, "no memory for its older checkpoints");
    if (rc == POLYFS_OK)
        rc = ckpt_put(ckpt, path, text, n, POLYFS_WRITE_CREATE_ONLY, err);
    for (size_t i = from; i < to && rc == POLYFS_OK; i++) {
        memcpy(record->live[i].segment, segment.id, sizeof(segment.id));
        record->live[i].row = (uint32_t)(i - from);
    }
    free(text);
    free(path);
    return rc;
}

/* ---- what the record keeps -------------------------------------------------------------------------------------- */

static size_t tail_begin(const struct ckpt_record *record)
{
    size_t from = record->live_count;
    while (from && is_tail(record, from - 1))
        from--;
    return from;
}

/* The older half moves, so that not every save does it. */
static int seal_tail(struct polyfs_ckpt *ckpt, struct ckpt_record *record, struct polyfs_error *err)
{
    const size_t from = tail_begin(record), count = record->live_count - from;
    size_t bytes = 0;
    for (size_t i = from; i < record->live_count; i++)
        bytes += entry_bytes(&record->live[i]);
    if (count <= CKPT_TAIL_ENTRIES && bytes <= CKPT_TAIL_BYTES)
        return POLYFS_OK;
    return segment_put(ckpt, record, from, from + count / 2, err);
}

static int mend_holes(struct polyfs_ckpt *ckpt, struct ckpt_record *record, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0, to; i < record->live_count && !is_tail(record, i) && rc == POLYFS_OK; i = to) {
        to = run_end(record, i);
        if (holes(record, i, to, NULL, NULL) > CKPT_SEGMENT_HOLES)
            rc = segment_put(ckpt, record, i, to, err);
    }
    return rc;
}

/* Where the two neighbours begin and end that have the fewest entries; how many segments there are. */
static size_t fewest(const struct ckpt_record *record, size_t *out_from, size_t *out_to)
{
    size_t count = 0, before = 0;
    *out_from = *out_to = 0;
    for (size_t i = 0, to; i < record->live_count && !is_tail(record, i); i = to) {
        to = run_end(record, i);
        if (count++ && (!*out_to || to - before < *out_to - *out_from)) {
            *out_from = before;
            *out_to = to;
        }
        before = i;
    }
    return count;
}

static int join(struct polyfs_ckpt *ckpt, struct ckpt_record *record, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    size_t from, to;
    while (rc == POLYFS_OK && (fewest(record, &from, &to) > CKPT_SEGMENTS || (to && to - from <= CKPT_SEGMENT_FEW)))
        rc = segment_put(ckpt, record, from, to, err);
    return rc;
}

/* Segments of which no entry is left go as checkpoints do: their files once a later record is the newest. */
static int drop_empty(struct ckpt_record *record)
{
    int rc = POLYFS_OK;
    for (size_t i = record->segment_count; i-- > 0 && rc == POLYFS_OK;) {
        struct ckpt_segment *segment = &record->segments[i];
        size_t e = 0;
        while (e < record->live_count && strcmp(record->live[e].segment, segment->id) != 0)
            e = run_end(record, e);
        if (e < record->live_count)
            continue;
        static char home[] = CKPT_SEGMENTS_HOME, rows[] = ROWS;
        struct ckpt_garbage row = {.name = home, .seq = record->seq, .file = rows};
        memcpy(row.attempt, segment->id, sizeof(row.attempt));
        rc = ckpt_record_garbage(record, &row);
        free(segment->gone);
        *segment = record->segments[--record->segment_count];
    }
    return rc;
}

int ckpt_segments_settle(struct polyfs_ckpt *ckpt, struct ckpt_record *record, struct polyfs_error *err)
{
    int rc = seal_tail(ckpt, record, err);
    if (rc == POLYFS_OK)
        rc = mend_holes(ckpt, record, err);
    if (rc == POLYFS_OK)
        rc = join(ckpt, record, err);
    if (rc == POLYFS_OK && drop_empty(record) != POLYFS_OK)
        rc = ckpt_fail(err, POLYFS_NOMEM, "commit to", ckpt->url, "no memory for its record");
    return rc;
}
