/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectored reads: the range planner and its window. Ranges are sorted and those at most merge_gap apart become one
 * request; a lone range goes straight into the caller's memory, merged ones through a buffer: the first by right, each
 * further one from the budget if there is room at that moment. Every range is told of once, as it lands, on the thread
 * that called.
 */
#include <stdlib.h>

#include "core/block.h"
#include "core/budget.h"
#include "core/reader.h"

#define WIDTH_NETWORK 8
#define ROOM_STEP (UINT64_C(256) << 10)
#define MERGED_MAX (UINT64_C(8) << 20) /* a merged request grows no larger */

/* One request: ranges[first .. first + count), in order of offset. */
struct span {
    uint64_t offset, length;
    size_t first, count;
};

/* A buffer for merged ranges: of its room, @extra bytes are the budget's; 0: it is there by right. */
struct memory {
    char *bytes; /* NULL: there is none */
    uint64_t room, extra;
};

struct fetch {
    struct pfs_read read; /* first: what the queue gives back */
    struct span span;
    struct memory memory; /* none: straight into the range */
};

struct readv {
    struct polyfs_reader *reader;
    struct polyfs_range **order; /* by offset */
    size_t count, next;          /* next range to plan */
    uint64_t gap, merged_max;
    unsigned merged;     /* requests with a buffer under way */
    struct memory spare; /* of one that has come back */
    polyfs_range_fn *done;
    void *user;
    struct pfs_queue queue;
    int first_rc;
    struct polyfs_error first_error;
};

static int by_offset(const void *a, const void *b)
{
    const struct polyfs_range *x = *(struct polyfs_range *const *)a, *y = *(struct polyfs_range *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The next request: as many ranges as lie close together. */
static struct span plan_next(struct readv *rv)
{
    const struct polyfs_range *range = rv->order[rv->next];
    struct span span = {range->offset, range->length, rv->next++, 1};
    while (rv->next < rv->count) {
        range = rv->order[rv->next];
        uint64_t end = span.offset + span.length;
        if (range->offset > end && range->offset - end > rv->gap)
            break;
        uint64_t new_end = range->offset + range->length > end ? range->offset + range->length : end;
        if (new_end - span.offset > rv->merged_max)
            break;
        span.length = new_end - span.offset;
        span.count++;
        rv->next++;
    }
    return span;
}

static void land(struct readv *rv, struct polyfs_range *range, int rc, uint64_t bytes,
                 const struct polyfs_error *error)
{
    range->code = rc;
    range->bytes = bytes;
    if (rc < 0 && rv->first_rc == POLYFS_OK) {
        rv->first_rc = rc;
        rv->first_error = *error;
    }
    if (rv->done)
        rv->done(range, rv->user);
}

static void memory_free(struct memory *memory)
{
    pfs_budget_free(memory->bytes, memory->room, memory->extra);
    *memory = (struct memory){NULL, 0, 0};
}

/* What lies by, or new: by right when it is the only one. BUSY: not before another has come back. */
static int memory_take(struct readv *rv, uint64_t bytes, struct memory *out)
{
    *out = rv->spare;
    rv->spare = (struct memory){NULL, 0, 0};
    if (out->room >= bytes)
        return POLYFS_OK;
    memory_free(out);
    uint64_t room = (bytes + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
    if (room > rv->merged_max)
        room = rv->merged_max;
    uint64_t extra = rv->merged ? room : 0;
    if (extra && !pfs_budget_try(extra))
        return POLYFS_BUSY;
    pfs_budget_count((int64_t)(room - extra));
    *out = (struct memory){pfs_block_new(room), room, extra};
    if (out->bytes)
        return POLYFS_OK;
    memory_free(out);
    return POLYFS_NOMEM;
}

/* Hands a finished request to its ranges. Its memory lies by for the next. */
static void scatter(struct readv *rv, struct fetch *f)
{
    for (size_t i = 0; i < f->span.count; i++) {
        struct polyfs_range *range = rv->order[f->span.first + i];
        uint64_t skip = range->offset - f->span.offset, bytes = 0;
        if (f->read.r.rc == POLYFS_OK && skip < f->read.n)
            bytes = f->read.n - skip < range->length ? f->read.n - skip : range->length;
        if (f->memory.bytes && bytes)
            memcpy(range->buffer, f->memory.bytes + skip, bytes);
        land(rv, range, f->read.r.rc, bytes, &f->read.r.error);
    }
    if (f->memory.bytes) {
        rv->merged--;
        memory_free(&rv->spare);
        rv->spare = f->memory;
    }
    free(f);
}

static void start(struct pfs_verb *v, struct readv *rv, struct fetch *f)
{
    void *into = rv->order[f->span.first]->buffer;
    if (f->memory.bytes) {
        into = f->memory.bytes;
        rv->merged++;
    }
    if (pfs_read_request(v, rv->reader, &f->read, f->span.offset, into, f->span.length))
        pfs_queue_submit(&rv->queue, &f->read.r);
    else
        scatter(rv, f); /* behind the end */
}

/* One more request. 0: not before the memory of another has come back. */
static int start_next(struct pfs_verb *v, struct readv *rv)
{
    size_t at = rv->next;
    struct span span = plan_next(rv);
    struct fetch *f = calloc(1, sizeof(*f));
    int rc = f ? POLYFS_OK : POLYFS_NOMEM;
    if (rc == POLYFS_OK && span.count > 1)
        rc = memory_take(rv, span.length, &f->memory);
    if (rc == POLYFS_OK) {
        f->span = span;
        start(v, rv, f);
        return 1;
    }
    free(f);
    if (rc == POLYFS_BUSY) {
        rv->next = at;
        return 0;
    }
    polyfs_fail(&v->error, rc, "no memory for ranges of %llu bytes", (unsigned long long)span.length);
    for (size_t i = 0; i < span.count; i++)
        land(rv, rv->order[span.first + i], rc, 0, &v->error);
    return 1;
}

/* What was not asked for any more still gets its answer. */
static void give_up(struct readv *rv, int rc, const struct polyfs_error *error)
{
    for (; rv->next < rv->count; rv->next++)
        land(rv, rv->order[rv->next], rc, 0, error);
}

static int run(struct pfs_verb *v, struct readv *rv)
{
    const unsigned at_once = pfs_queue_at_once(&rv->queue);
    while (rv->next < rv->count || rv->queue.under_way) {
        while (rv->next < rv->count && rv->queue.under_way < at_once && pfs_ctx_stopped(&v->ctx) == POLYFS_OK &&
               start_next(v, rv))
            continue;
        if (rv->next < rv->count && pfs_ctx_check(&v->ctx, &v->error) != POLYFS_OK)
            give_up(rv, v->error.code, &v->error);
        struct pfs_request *r = pfs_queue_take(&rv->queue, &v->ctx);
        if (r)
            scatter(rv, (struct fetch *)(void *)r);
    }
    memory_free(&rv->spare);
    v->error = rv->first_error;
    return rv->first_rc;
}

int polyfs_reader_readv(struct polyfs_reader *reader, struct polyfs_range *ranges, size_t count,
                        polyfs_range_fn *done, void *user, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct readv rv = {.reader = reader, .count = count, .done = done, .user = user, .gap = pfs_reader_gap(reader)};
    int rc = pfs_reader_begin(reader, &v);
    rv.order = malloc((count ? count : 1) * sizeof(struct polyfs_range *));
    if (rc == POLYFS_OK && !rv.order)
        rc = polyfs_fail(&v.error, POLYFS_NOMEM, "no memory for %zu ranges", count);
    if (rc == POLYFS_OK)
        rc = pfs_reader_pin(&v, reader);
    for (size_t i = 0; i < count && rv.order; i++) {
        rv.order[i] = &ranges[i];
        uint64_t end;
        if (rc == POLYFS_OK && __builtin_add_overflow(ranges[i].offset, ranges[i].length, &end))
            rc = polyfs_fail(&v.error, POLYFS_INVALID, "a range ends behind 2^64");
    }
    if (rc == POLYFS_OK) {
        pfs_queue_init(&rv.queue);
        rv.queue.width = pfs_reader_is_network(reader) ? WIDTH_NETWORK : 1;
        rv.merged_max = v.fs->part_bytes < MERGED_MAX ? v.fs->part_bytes : MERGED_MAX;
        pfs_budget_handle(1);
        qsort(rv.order, count, sizeof(*rv.order), by_offset);
        rc = run(&v, &rv);
        pfs_budget_handle(-1);
    } else if (rv.order) {
        give_up(&rv, rc, &v.error);
    }
    free(rv.order);
    return pfs_verb_end(&v, rc, err);
}
