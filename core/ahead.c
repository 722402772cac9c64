/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See ahead.h. The first chunk is the reader's own; each further one is taken from the budget if there is room, and
 * given back when reading goes on elsewhere. One that was read is filled anew. In a forked child what the parent's workers were
 * fetching is forgotten.
 */
#include "core/ahead.h"

#include <stdlib.h>

#include "core/block.h"
#include "core/budget.h"
#include "core/near.h"

#define CHUNK_FIRST (UINT64_C(256) << 10)
#define CHUNKS_NEAR 3
#define CHUNKS_FAR 6

struct pfs_chunk {
    struct pfs_read read; /* first: what the queue gives back */
    struct pfs_chunk *next;
    uint64_t offset, length, extra;
    int landed;
    unsigned char *buffer;
};

struct pfs_ahead *pfs_ahead_new(uint64_t bytes_max, struct polyfs_cancel *cancel)
{
    struct pfs_ahead *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->bytes_max = bytes_max ? bytes_max : PFS_WINDOW_BYTES;
    a->chunk_bytes = CHUNK_FIRST;
    a->last = &a->first;
    a->generation = pfs_fork_generation();
    pfs_queue_init(&a->queue);
    pfs_ctx_begin(&a->ctx, "read", NULL, NULL);
    a->ctx.user = cancel;
    a->ctx.op = NULL; /* the operation may end before the reader */
    return a;
}

static void chunk_free(struct pfs_chunk *chunk)
{
    pfs_budget_free(chunk->buffer, chunk->length, chunk->extra);
    free(chunk);
}

static void drop_spare(struct pfs_ahead *a)
{
    if (a->spare)
        chunk_free(a->spare);
    a->spare = NULL;
}

/* Its memory is kept for the next: touching fresh pages costs more than reading into used ones. */
static void drop_first(struct pfs_ahead *a)
{
    struct pfs_chunk *chunk = a->first;
    a->first = chunk->next;
    if (!a->first)
        a->last = &a->first;
    a->chunks--;
    a->bytes -= chunk->length;
    if (!a->spare && chunk->length == a->chunk_bytes) {
        a->spare = chunk;
        return;
    }
    chunk_free(chunk);
}

/* Nothing of it is wanted any more. */
static void drop_all(struct pfs_ahead *a)
{
    struct pfs_ctx waiting;
    int ours = a->generation == pfs_fork_generation();
    pfs_ctx_begin(&waiting, "read", NULL, NULL);
    waiting.op = NULL;
    if (ours && a->queue.under_way)
        polyfs_cancel_now(&a->ctx.own);
    while (ours && a->queue.under_way)
        pfs_queue_take(&a->queue, &waiting);
    pfs_ctx_end(&waiting);
    while (a->first)
        drop_first(a);
    drop_spare(a);
    struct polyfs_cancel *cancel = a->ctx.user;
    pfs_ctx_end(&a->ctx);
    pfs_ctx_begin(&a->ctx, "read", NULL, NULL);
    a->ctx.user = cancel;
    a->ctx.op = NULL;
    pfs_queue_init(&a->queue);
    a->generation = pfs_fork_generation();
    a->chunk_bytes = CHUNK_FIRST;
}

void pfs_ahead_free(struct pfs_ahead *a)
{
    if (!a)
        return;
    drop_all(a);
    pfs_ctx_end(&a->ctx);
    free(a);
}

/* Memory for a chunk: what was kept, or new; NULL: there is no room now. */
static struct pfs_chunk *chunk_new(struct pfs_ahead *a, uint64_t length)
{
    struct pfs_chunk *chunk = a->spare;
    a->spare = NULL;
    if (chunk && chunk->length == length)
        return chunk;
    if (chunk)
        chunk_free(chunk);
    uint64_t extra = a->chunks ? length : 0;
    if (extra && !pfs_budget_try(extra))
        return NULL;
    chunk = calloc(1, sizeof(*chunk));
    unsigned char *buffer = chunk ? pfs_block_new(length) : NULL;
    if (!buffer) {
        if (extra)
            pfs_budget_give(extra);
        free(chunk);
        return NULL;
    }
    pfs_budget_count((int64_t)(length - extra));
    chunk->buffer = buffer;
    chunk->length = length;
    chunk->extra = extra;
    return chunk;
}

/* How many at once; until one has come it may be near. */
static unsigned chunks_max(const struct pfs_ahead *a)
{
    return a->is_near || a->begun_ns ? CHUNKS_NEAR : CHUNKS_FAR;
}

/* Small ones at first: who reads a little wants no more. */
static void grow(struct pfs_ahead *a, const struct polyfs_fs *fs)
{
    const uint64_t next = a->chunk_bytes * 2;
    if (next <= fs->part_bytes && next * chunks_max(a) <= a->bytes_max)
        a->chunk_bytes = next;
}

/* One more chunk. 0: no room, or nothing is left. */
static int add_chunk(struct pfs_ahead *a, struct pfs_verb *v, struct polyfs_reader *reader)
{
    uint64_t length = a->chunk_bytes;
    if (a->chunks && (a->chunks >= chunks_max(a) || a->bytes + length > a->bytes_max))
        return 0;
    struct pfs_chunk *chunk = chunk_new(a, length);
    if (!chunk)
        return 0;
    chunk->next = NULL;
    chunk->offset = a->next_offset;
    chunk->landed = 0;
    *a->last = chunk;
    a->last = &chunk->next;
    a->chunks++;
    a->bytes += length;
    a->next_offset += length;
    if (!pfs_read_request(v, reader, &chunk->read, chunk->offset, chunk->buffer, length)) {
        chunk->landed = 1; /* behind the end */
        return 0;
    }
    chunk->read.r.ctx = &a->ctx;
    pfs_queue_submit(&a->queue, &chunk->read.r);
    grow(a, v->fs);
    return 1;
}

/* Waits until the first chunk is there. */
static int land_first(struct pfs_ahead *a, struct pfs_verb *v)
{
    while (!a->first->landed) {
        struct pfs_request *r = pfs_queue_take(&a->queue, &v->ctx);
        if (!r)
            return pfs_ctx_check(&v->ctx, &v->error);
        ((struct pfs_chunk *)(void *)r)->landed = 1;
        if (a->begun_ns)
            a->is_near = pfs_is_near(a->begun_ns);
        a->begun_ns = 0;
    }
    if (a->first->read.r.rc < 0)
        v->error = a->first->read.r.error;
    return a->first->read.r.rc;
}

static void begin_at(struct pfs_ahead *a, uint64_t offset)
{
    drop_all(a);
    a->next_offset = offset;
    a->begun_ns = pfs_now_ns();
}

/* What the first chunk has at @offset; *out_more 0: it ends short of its length, so the object does. */
static int take_some(struct pfs_ahead *a, struct pfs_verb *v, uint64_t offset, void *buffer, uint64_t size,
                     uint64_t *out_n, int *out_more)
{
    int rc = land_first(a, v);
    if (rc != POLYFS_OK)
        return rc;
    struct pfs_chunk *chunk = a->first;
    uint64_t skip = offset - chunk->offset;
    uint64_t n = chunk->read.n > skip ? chunk->read.n - skip : 0;
    if (n > size)
        n = size;
    if (n)
        memcpy(buffer, chunk->buffer + skip, n);
    *out_n = n;
    *out_more = chunk->read.n == chunk->length;
    if (skip + n == chunk->length)
        drop_first(a);
    return POLYFS_OK;
}

int pfs_ahead_read(struct pfs_ahead *a, struct pfs_verb *v, struct polyfs_reader *reader, uint64_t offset,
                   void *buffer, uint64_t size, uint64_t *out_n)
{
    uint64_t done = 0;
    int rc = POLYFS_OK, more = 1;
    if (a->generation != pfs_fork_generation() || !a->first || offset < a->first->offset ||
        offset >= a->first->offset + a->first->length)
        begin_at(a, offset);
    while (rc == POLYFS_OK && more && done < size) {
        uint64_t n = 0;
        while (add_chunk(a, v, reader))
            continue;
        rc = a->first ? take_some(a, v, offset + done, (char *)buffer + done, size - done, &n, &more)
                      : polyfs_fail(&v->error, POLYFS_NOMEM, "no memory to read ahead");
        done += n;
    }
    if (rc == POLYFS_OK)
        *out_n = done;
    else
        begin_at(a, offset); /* the next read asks again */
    return rc;
}
