/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window. It slides: whatever finishes makes room for the next request, of the oldest object that can use it, so
 * that objects are finished in about the order in which they came and few are open at a time.
 */
#include "core/transfer.h"

#include <stdlib.h>

#include "core/budget.h"

#define WIDTH_NETWORK 8 /* requests under way; the limit layer narrows it further */
#define KEPT_ROOM 65536 /* pieces smaller than this are not worth keeping */

void pfs_transfer_begin(struct pfs_transfer *t, struct pfs_ctx *ctx, int network, unsigned jobs)
{
    t->ctx = ctx;
    t->objects_max = jobs ? jobs : network ? WIDTH_NETWORK : 1;
    t->width = network ? WIDTH_NETWORK : t->objects_max;
    if (t->width > PFS_WORKERS_MAX)
        t->width = PFS_WORKERS_MAX;
    if (network && jobs == 1)
        t->width = 1; /* "one thing at a time" is what was asked for */
    t->last = &t->first;
    pfs_ctx_begin(&t->cleaning, ctx->verb, NULL, NULL);
    t->cleaning.op = NULL;
    pfs_queue_init(&t->queue);
    pfs_budget_handle(1);
}

/* ---- buffers ------------------------------------------------------------------------------------------------------ */

/* @extra of its bytes are the budget's. BUSY: there is no room for them now. */
static int piece_new(uint64_t bytes, uint64_t extra, struct pfs_piece **out)
{
    if (extra && !pfs_budget_try(extra))
        return POLYFS_BUSY;
    struct pfs_piece *piece = calloc(1, sizeof(*piece));
    if (piece && bytes)
        piece->buffer = bytes < PTRDIFF_MAX ? malloc(bytes) : NULL;
    if (!piece || (bytes && !piece->buffer)) {
        free(piece);
        if (extra)
            pfs_budget_give(extra);
        return POLYFS_NOMEM;
    }
    pfs_budget_count((int64_t)(bytes - extra));
    piece->room = bytes;
    piece->extra = extra;
    *out = piece;
    return POLYFS_OK;
}

/* Nothing of the transfer's own will come back to make room. */
static void no_piece(struct pfs_object *o, uint64_t bytes, int rc)
{
    PFS_ERROR(why);
    if (rc == POLYFS_BUSY)
        rc = polyfs_fail(&why, POLYFS_TOO_LARGE,
                         "%s takes an object in one piece here, and the memory budget has no room for %llu bytes; "
                         "raise it with polyfs_set_budget() or POLYFS_BUDGET",
                         o->target_fs->plugin->main_protocol, (unsigned long long)bytes);
    else
        polyfs_fail(&why, rc, "no memory for a part of %llu bytes", (unsigned long long)bytes);
    pfs_object_fail(o, 0, rc, &why);
}

static void piece_drop(struct pfs_piece *piece)
{
    pfs_budget_free(piece->buffer, piece->room, piece->extra);
    free(piece);
}

/* One that lay by is good for any smaller need. It was counted all the while. */
static struct pfs_piece *take_spare(struct pfs_transfer *t, uint64_t bytes)
{
    struct pfs_piece *piece = t->spare;
    if (!piece)
        return NULL;
    t->spare = piece->next;
    if (piece->room >= bytes && (bytes >= KEPT_ROOM || piece->room == bytes)) {
        struct pfs_piece kept = {.buffer = piece->buffer, .room = piece->room, .extra = piece->extra};
        *piece = kept;
        return piece;
    }
    piece_drop(piece); /* of no use here: its memory goes to the one that is made instead */
    t->pieces--;
    return NULL;
}

struct pfs_piece *pfs_transfer_piece(struct pfs_object *o, uint64_t bytes)
{
    struct pfs_transfer *t = o->transfer;
    struct pfs_piece *piece = take_spare(t, bytes);
    if (!piece) {
        uint64_t right = t->pieces ? 0 : o->part_bytes; /* the first part is always granted */
        int rc = piece_new(bytes, bytes > right ? bytes - right : 0, &piece);
        if (rc != POLYFS_OK && !t->pieces)
            no_piece(o, bytes, rc);
        if (rc != POLYFS_OK)
            return NULL;
        t->pieces++;
    }
    piece->task.object = o;
    piece->task.piece = piece;
    o->pieces++;
    return piece;
}

/* A part's buffer lies by for the next piece: touching fresh pages costs more than copying into used ones. */
void pfs_transfer_piece_free(struct pfs_transfer *t, struct pfs_piece *piece)
{
    if (t->objects && !t->stopped && piece->room >= KEPT_ROOM) {
        piece->next = t->spare;
        t->spare = piece;
        return;
    }
    piece_drop(piece);
    t->pieces--;
}

/* ---- the loop ------------------------------------------------------------------------------------------------------- */

void pfs_transfer_submit(struct pfs_task *task, void (*landed)(struct pfs_task *task))
{
    task->landed = landed;
    pfs_queue_submit(&task->object->transfer->queue, &task->r);
}

/* What there is room for, for the oldest object first. */
static void fill(struct pfs_transfer *t)
{
    struct pfs_object *next;
    for (struct pfs_object *o = t->first; o && t->queue.under_way < t->width; o = next) {
        next = o->next; /* it may be finished in between */
        if (o->waiting && !o->rc)
            pfs_piece_first(o);
        while (!o->waiting && o->shape && t->queue.under_way < t->width && pfs_piece_next(o))
            continue;
        if (o->rc)
            pfs_object_advance(o);
    }
}

/* The verb was cancelled or is late: nothing new is begun, and what is under way ends soon. */
static void stop(struct pfs_transfer *t)
{
    PFS_ERROR(why);
    struct pfs_object *next;
    int rc = pfs_ctx_check(t->ctx, &why);
    t->stopped = 1;
    for (struct pfs_object *o = t->first; o; o = next) {
        next = o->next;
        pfs_object_fail(o, 0, rc, &why);
        pfs_object_advance(o);
    }
}

/* Takes one finished request, and lets its object go on. */
static void turn(struct pfs_transfer *t)
{
    fill(t);
    if (!t->queue.under_way)
        return;
    struct pfs_request *r = pfs_queue_take(&t->queue, t->stopped ? &t->cleaning : t->ctx);
    if (r) {
        struct pfs_task *task = (struct pfs_task *)(void *)r;
        task->landed(task);
    } else if (!t->stopped) {
        stop(t);
    }
}

void pfs_transfer_wait(struct pfs_transfer *t)
{
    while (t->objects >= t->objects_max || t->queue.under_way >= t->width)
        turn(t);
}

void pfs_transfer_add(struct pfs_transfer *t, struct pfs_object *o)
{
    pfs_transfer_wait(t);
    o->transfer = t;
    o->next = NULL;
    *t->last = o;
    t->last = &o->next;
    t->objects++;
    pfs_object_begin(o);
}

void pfs_transfer_finished(struct pfs_object *o)
{
    struct pfs_transfer *t = o->transfer;
    struct pfs_object **at = &t->first;
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    if (!o->next)
        t->last = at;
    t->objects--;
    t->done(o, t->user);
    pfs_object_free(o);
}

void pfs_transfer_end(struct pfs_transfer *t)
{
    while (t->objects)
        turn(t);
    while (t->spare) {
        struct pfs_piece *piece = t->spare;
        t->spare = piece->next;
        piece_drop(piece);
    }
    t->pieces = 0;
    pfs_budget_handle(-1);
    pfs_ctx_end(&t->cleaning);
}
