/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part of an object: read into a buffer, then written as the target's shape wants it. Pieces of one object overlap
 * and land in any order; only a stream takes them one after another. A read that ends early is CHANGED: the size was
 * pinned.
 */
#include <stdlib.h>

#include "core/near.h"
#include "core/transfer.h"

#define RESENDS_MAX 3 /* of a part of a stream that broke */

void pfs_piece_end(struct pfs_piece *piece)
{
    struct pfs_object *o = piece->task.object;
    o->pieces--;
    pfs_transfer_piece_free(o->transfer, piece);
}

void pfs_pieces_drop(struct pfs_object *o)
{
    if (o->held)
        pfs_piece_end(o->held);
    o->held = NULL;
    while (o->in_order) {
        struct pfs_piece *piece = o->in_order;
        o->in_order = piece->next;
        pfs_piece_end(piece);
    }
}

/* Its request failed, or the object did meanwhile: it ends. */
static int lost(struct pfs_piece *piece, int at_source)
{
    struct pfs_object *o = piece->task.object;
    int rc = piece->task.r.rc;
    if (rc < 0)
        pfs_object_fail(o, at_source, rc, &piece->task.r.error);
    if (!o->rc)
        return 0;
    pfs_piece_end(piece);
    pfs_object_advance(o);
    return 1;
}

static void ask(struct pfs_piece *piece, enum pfs_slot slot, int at_source)
{
    struct pfs_object *o = piece->task.object;
    piece->task.r = PFS_REQUEST(slot, at_source ? o->source_fs : o->target_fs, o->transfer->ctx,
                                at_source ? o->source : o->target);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

/* Its bytes are with the target. */
static void piece_done(struct pfs_piece *piece)
{
    struct pfs_object *o = piece->task.object;
    struct pfs_transfer *t = o->transfer;
    o->written += piece->length;
    if (t->moved)
        t->moved(piece->length, t->user);
    pfs_piece_end(piece);
    pfs_object_advance(o);
}

static void part_written(struct pfs_task *task)
{
    if (lost(task->piece, 0))
        return;
    task->object->parts[task->r.u.upload.number - 1].number = task->r.u.upload.number;
    piece_done(task->piece);
}

static void write_part(struct pfs_piece *piece)
{
    struct pfs_object *o = piece->task.object;
    struct pfs_request *r = &piece->task.r;
    uint32_t number = (uint32_t)(piece->offset / o->part_bytes) + 1;
    ask(piece, o->part_copies ? PFS_UPLOAD_COPY_PART : PFS_UPLOAD_PART, 0);
    r->u.upload.id = o->id.data;
    r->u.upload.number = number;
    r->u.upload.size = piece->length;
    r->u.upload.parts = &o->parts[number - 1];
    if (o->part_copies) {
        r->u.upload.source = &o->from;
        r->u.upload.offset = piece->offset;
    } else {
        r->u.upload.data = piece->buffer;
    }
    pfs_transfer_submit(&piece->task, part_written);
}

/* By this thread, one after another: of many that write into one file all but one wait for its lock, and spin. */
static void write_placed(struct pfs_piece *piece)
{
    struct pfs_request *r = &piece->task.r;
    ask(piece, PFS_PLACED_WRITE, 0);
    r->handle = piece->task.object->handle;
    r->u.write.offset = piece->offset;
    r->u.write.data = piece->buffer;
    r->u.write.size = piece->length;
    pfs_run(r);
    if (!lost(piece, 0))
        piece_done(piece);
}

/* ---- the whole object in one call ------------------------------------------------------------------------------------ */

static void put_again(struct pfs_object *o);

static void put_landed(struct pfs_task *task)
{
    struct pfs_object *o = task->object;
    if (!o->rc && task->r.rc == POLYFS_NOT_FOUND) {
        o->held = task->piece;
        if (pfs_object_parents(o, task->r.rc, put_again)) {
            pfs_object_advance(o);
            return;
        }
        o->held = NULL;
    }
    if (lost(task->piece, 0))
        return;
    pfs_object_published(o);
    piece_done(task->piece);
}

static void write_put(struct pfs_piece *piece)
{
    struct pfs_object *o = piece->task.object;
    piece->task.r.rc = pfs_sum_check(&o->sum, &piece->task.r.error);
    if (lost(piece, 1))
        return;
    ask(piece, PFS_PUT, 0);
    piece->task.r.u.put.data = piece->buffer ? (const void *)piece->buffer : "";
    piece->task.r.u.put.size = piece->length;
    piece->task.r.u.put.request = &o->args.request;
    piece->task.r.u.put.out = &o->stat;
    pfs_transfer_submit(&piece->task, put_landed);
}

static void put_again(struct pfs_object *o)
{
    struct pfs_piece *piece = o->held;
    o->held = NULL;
    write_put(piece);
}

/* ---- streams --------------------------------------------------------------------------------------------------------- */

static void stream_send(struct pfs_piece *piece);

/* The next in order, if it was read. */
static void stream_next(struct pfs_object *o)
{
    struct pfs_piece *piece = o->in_order;
    if (o->streaming || o->rc || !piece || piece->offset != o->written)
        return;
    o->in_order = piece->next;
    o->streaming = 1;
    stream_send(piece);
}

static void stream_sent(struct pfs_piece *piece)
{
    struct pfs_object *o = piece->task.object;
    o->streaming = 0;
    if (lost(piece, 0))
        return;
    o->pieces++; /* the object must not end before the next of its pieces was looked for */
    piece_done(piece);
    o->pieces--;
    stream_next(o);
    pfs_object_advance(o);
}

/* A store that cannot tell has not failed by that: what was the matter before is told. */
static void failure_restore(struct pfs_piece *piece)
{
    if (piece->task.r.rc < 0 && piece->failure) {
        piece->task.r.rc = piece->failure->code;
        piece->task.r.error = *piece->failure;
    }
    free(piece->failure);
    piece->failure = NULL;
}

/* How far did the store come? What it lacks is sent again. */
static void stream_asked(struct pfs_task *task)
{
    struct pfs_piece *piece = task->piece;
    uint64_t held = piece->offset_told;
    failure_restore(piece);
    if (task->r.rc == POLYFS_OK && held >= piece->offset && held <= piece->offset + piece->length) {
        piece->done = held - piece->offset;
        if (piece->done < piece->length) {
            stream_send(piece);
            return;
        }
    } else if (task->r.rc == POLYFS_OK) {
        task->r.rc = polyfs_fail(&task->r.error, POLYFS_IO, "the store lost bytes of a stream");
    }
    stream_sent(piece);
}

static void stream_landed(struct pfs_task *task)
{
    struct pfs_piece *piece = task->piece;
    struct pfs_object *o = task->object;
    if (o->rc || task->r.rc == POLYFS_OK || task->r.error.retry == POLYFS_RETRY_NEVER ||
        piece->resends++ == RESENDS_MAX || !pfs_slot_present(o->target_fs, PFS_STREAM_OFFSET)) {
        stream_sent(piece);
        return;
    }
    piece->failure = malloc(sizeof(*piece->failure));
    if (piece->failure)
        *piece->failure = task->r.error;
    ask(piece, PFS_STREAM_OFFSET, 0);
    task->r.handle = o->handle;
    task->r.u.write.out_offset = &piece->offset_told;
    pfs_transfer_submit(task, stream_asked);
}

static void stream_send(struct pfs_piece *piece)
{
    struct pfs_request *r = &piece->task.r;
    ask(piece, PFS_STREAM_WRITE, 0);
    r->handle = piece->task.object->handle;
    r->u.write.data = piece->buffer + piece->done;
    r->u.write.size = piece->length - piece->done;
    pfs_transfer_submit(&piece->task, stream_landed);
}

static void write_stream(struct pfs_piece *piece)
{
    struct pfs_object *o = piece->task.object;
    struct pfs_piece **at = &o->in_order;
    while (*at && (*at)->offset < piece->offset)
        at = &(*at)->next;
    piece->next = *at;
    *at = piece;
    stream_next(o);
}

void pfs_piece_write(struct pfs_piece *piece)
{
    struct pfs_object *o = piece->task.object;
    if (!piece->length && o->shape != POLYFS_SHAPE_PUT && o->shape != POLYFS_SHAPE_PARTS) {
        pfs_piece_end(piece); /* an empty object is a commit without a write */
        return;
    }
    if (o->shape == POLYFS_SHAPE_PARTS)
        write_part(piece);
    else if (o->shape == POLYFS_SHAPE_PLACED)
        write_placed(piece);
    else if (o->shape == POLYFS_SHAPE_STREAM)
        write_stream(piece);
    else
        write_put(piece);
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static void piece_read(struct pfs_task *task)
{
    struct pfs_piece *piece = task->piece;
    if (task->r.rc == POLYFS_OK && piece->n < piece->length)
        task->r.rc = polyfs_fail(&task->r.error, POLYFS_CHANGED, "it became shorter while it was copied");
    if (lost(piece, 1))
        return;
    pfs_sum_add(&piece->task.object->sum, piece->offset, piece->buffer, piece->length);
    pfs_piece_write(piece);
}

static void read_piece(struct pfs_piece *piece)
{
    struct pfs_object *o = piece->task.object;
    struct pfs_request *r = &piece->task.r;
    ask(piece, o->reader ? PFS_READER_PREAD : PFS_GET, 1);
    if (o->reader) {
        r->handle = o->reader;
        r->u.read.offset = piece->offset;
        r->u.read.buffer = piece->buffer;
        r->u.read.length = piece->length;
        r->u.read.out_n = &piece->n;
    } else {
        piece->get = (struct polyfs_get_request){.struct_size = sizeof(piece->get),
                                                 .offset = piece->offset,
                                                 .length = piece->length,
                                                 .condition = POLYFS_CONDITION_INIT};
        piece->get.condition.if_match = o->source_stat.etag[0] ? o->source_stat.etag : NULL;
        r->u.get.request = &piece->get;
        r->u.get.buffer = piece->buffer;
        r->u.get.out_n = &piece->n;
    }
    pfs_transfer_submit(&piece->task, piece_read);
}

int pfs_piece_next(struct pfs_object *o)
{
    uint64_t size = o->source_stat.size;
    int ready = o->shape == POLYFS_SHAPE_PUT ? !o->busy : o->open;
    int left = o->next_offset < size || (!size && !o->begun && o->shape & (POLYFS_SHAPE_PUT | POLYFS_SHAPE_PARTS));
    if (o->rc || !ready || !left || (o->free_pieces && o->pieces * o->part_bytes >= PFS_WINDOW_BYTES))
        return 0;
    uint64_t length = size - o->next_offset;
    if (o->shape != POLYFS_SHAPE_PUT && length > o->part_bytes)
        length = o->part_bytes;
    struct pfs_piece *piece = pfs_transfer_piece(o, o->part_copies ? 0 : length);
    if (!piece)
        return 0;
    piece->offset = o->next_offset;
    piece->length = length;
    o->next_offset += length;
    o->begun = 1;
    if (o->part_copies || !length)
        pfs_piece_write(piece);
    else
        read_piece(piece);
    return 1;
}

static void first_read(struct pfs_task *task)
{
    struct pfs_piece *piece = task->piece;
    if (lost(piece, 1))
        return;
    struct pfs_object *o = task->object;
    int is_near = o->free_pieces && pfs_is_near(piece->asked_ns);
    pfs_object_sized(o, piece);
    if (is_near && o->shape == POLYFS_SHAPE_PLACED)
        o->part_bytes = o->part_wanted;
    pfs_object_advance(o);
}

int pfs_piece_first(struct pfs_object *o)
{
    uint64_t length = o->size_hint < o->part_bytes ? o->size_hint : o->part_bytes;
    struct pfs_piece *piece = pfs_transfer_piece(o, length ? length : 1);
    if (!piece)
        return 0;
    o->waiting = 0;
    ask(piece, PFS_GET, 1);
    piece->get = (struct polyfs_get_request){.struct_size = sizeof(piece->get),
                                             .length = length ? length : 1,
                                             .flags = POLYFS_GET_WHOLE,
                                             .condition = POLYFS_CONDITION_INIT,
                                             .meta = pfs_object_meta(o)};
    piece->get.condition.if_match = o->only_etag;
    piece->asked_ns = pfs_now_ns();
    piece->task.r.u.get.request = &piece->get;
    piece->task.r.u.get.buffer = piece->buffer;
    piece->task.r.u.get.out_n = &piece->n;
    piece->task.r.u.get.out = &o->source_stat;
    pfs_transfer_submit(&piece->task, first_read);
    return 1;
}
