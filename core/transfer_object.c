/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of one object. By the store itself where both paths are its own; else its source is pinned, its size decides
 * how it is written, its pieces go through memory, and a commit publishes it. Invariants: at most one request of the
 * object's own is under way; once rc is set nothing new is begun, and the object ends when its last piece has; what
 * was staged is then either committed or aborted.
 */
#include <stdlib.h>

#include "core/transfer.h"

#define FAR_BYTES (UINT64_C(2) << 20) /* of a piece from a network into a file: many at once in little memory */
#define PART_COPY_BYTES (UINT64_C(64) << 20) /* of a part that the store copies: no memory of ours is in it */

/* ---- requests of its own --------------------------------------------------------------------------------------------- */

static void ask(struct pfs_object *o, enum pfs_slot slot, int at_source, void (*landed)(struct pfs_task *task))
{
    struct polyfs_fs *fs = at_source ? o->source_fs : o->target_fs;
    const char *path = at_source ? o->source : o->target;
    o->task.r = PFS_REQUEST(slot, fs, o->transfer->ctx, path);
    o->task.object = o;
    o->task.landed = landed;
    o->busy = 1;
}

static void submit(struct pfs_object *o)
{
    pfs_transfer_submit(&o->task, o->task.landed);
}

/* What a finished request of its own came to. */
static int landed(struct pfs_object *o, int at_source)
{
    int rc = o->task.r.rc;
    o->busy = 0;
    if (rc < 0)
        pfs_object_fail(o, at_source, rc, &o->task.r.error);
    return rc;
}

/* A source that changed while it was read, or a store that gave up the upload: not again what failed, but all of it. */
static int wants_once_more(const struct pfs_object *o, int at_source, int rc, const struct polyfs_error *why)
{
    return at_source ? rc == POLYFS_CHANGED && !o->only_etag : why && why->retry == POLYFS_RETRY_RESTART;
}

void pfs_object_fail(struct pfs_object *o, int at_source, int rc, const struct polyfs_error *why)
{
    if (o->rc)
        return;
    if (!o->once_more && wants_once_more(o, at_source, rc, why))
        o->once_more = 1;
    char *url = at_source ? polyfs_fs_url(o->source_fs, o->source) : polyfs_fs_url(o->target_fs, o->target);
    o->rc = rc;
    o->error.struct_size = (uint32_t)sizeof(o->error);
    pfs_error_out(&o->error, why, rc, at_source ? "read" : o->by_store ? "copy to" : "write", url);
    free(url);
}

/* ---- missing folders --------------------------------------------------------------------------------------------- */

static void parents_made(struct pfs_task *task)
{
    struct pfs_object *o = task->object;
    pfs_text_clear(&o->cursor);
    if (landed(o, 0) == POLYFS_OK)
        o->again(o);
    pfs_object_advance(o);
}

int pfs_object_parents(struct pfs_object *o, int rc, void (*again)(struct pfs_object *object))
{
    const char *slash = strrchr(o->target, '/');
    if (rc != POLYFS_NOT_FOUND || !o->parents || !slash || slash == o->target)
        return 0;
    o->parents = 0;
    o->again = again;
    ask(o, PFS_MKDIR, 0, parents_made);
    o->task.r.path_len = (uint64_t)(slash - o->target);
    o->task.r.path = pfs_text_set(&o->cursor, o->target, o->task.r.path_len) == POLYFS_OK ? o->cursor.data : NULL;
    o->task.r.u.mkdir.flags = POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK;
    if (!o->task.r.path) {
        PFS_ERROR(why);
        o->busy = 0;
        pfs_object_fail(o, 0, polyfs_fail(&why, POLYFS_NOMEM, "no memory for a name"), &why);
        return 1;
    }
    submit(o);
    return 1;
}

/* ---- by the store itself --------------------------------------------------------------------------------------------- */

static const struct polyfs_fs *root_of(const struct polyfs_fs *fs)
{
    while (fs->parent)
        fs = fs->parent;
    return fs;
}

static int has_condition(const struct polyfs_put_request *request)
{
    return request->condition.create_only || request->condition.if_match;
}

/* Sub filesystems that core makes itself are one with nothing else: their paths mean something to core alone. */
static int one_store(const struct pfs_object *o)
{
    if (o->source_fs == o->target_fs)
        return 1;
    return root_of(o->source_fs) == root_of(o->target_fs) && !o->source_fs->prefix && !o->target_fs->prefix;
}

static int store_copies(const struct pfs_object *o)
{
    if (!one_store(o) || o->forced_shape || o->caps.fact[POLYFS_FACT_COPY] != POLYFS_YES)
        return 0;
    return !has_condition(&o->args.request) || o->caps.fact[POLYFS_FACT_COPY_CONDITION] == POLYFS_YES;
}

static int store_copies_parts(const struct pfs_object *o)
{
    return one_store(o) && !o->forced_shape && pfs_put_shapes(&o->caps, &o->args.request) & POLYFS_SHAPE_PARTS &&
           o->caps.fact[POLYFS_FACT_COPY_PART] == POLYFS_YES;
}

static struct polyfs_source source_of(const struct pfs_object *o)
{
    return (struct polyfs_source){.struct_size = sizeof(struct polyfs_source),
                                  .path = o->source,
                                  .path_len = strlen(o->source),
                                  .etag = o->source_stat.etag[0] ? o->source_stat.etag : o->only_etag,
                                  .fs = o->source_fs == o->target_fs ? NULL : o->source_fs->self};
}

static void open_source(struct pfs_object *o);
static void stat_source(struct pfs_object *o);
static void copy_by_store(struct pfs_object *o);

static void copied(struct pfs_task *task)
{
    struct pfs_object *o = task->object;
    int rc = task->r.rc;
    o->busy = 0;
    pfs_text_clear(&o->cursor);
    if (rc == POLYFS_MORE) {
        o->cursor = o->next_cursor;
        o->next_cursor = (struct polyfs_text){NULL, 0, 0};
        copy_by_store(o);
    } else if (rc == POLYFS_TOO_LARGE || rc == POLYFS_UNSUPPORTED) {
        /* this one object is beyond the store's own copy */
        o->args.request.flags &= ~(uint32_t)POLYFS_PUT_KEEP_METADATA;
        o->by_store = 0;
        o->part_copies = store_copies_parts(o);
        if (o->part_copies)
            stat_source(o);
        else
            open_source(o);
    } else if (rc < 0) {
        if (!pfs_object_parents(o, rc, copy_by_store))
            pfs_object_fail(o, 0, rc, &task->r.error);
    } else {
        if (o->transfer->moved)
            o->transfer->moved(o->size_hint == POLYFS_SIZE_UNKNOWN ? 0 : o->size_hint, o->transfer->user);
        pfs_object_published(o);
    }
    pfs_object_advance(o);
}

static void copy_by_store(struct pfs_object *o)
{
    uint32_t pause_ms = o->cursor.data ? o->step.poll_after_ms : 0;
    if (!o->args.metadata.count && !o->args.content_type)
        o->args.request.flags |= POLYFS_PUT_KEEP_METADATA;
    ask(o, PFS_COPY, 0, copied);
    o->by_store = 1;
    o->from = source_of(o);
    o->step =
        (struct polyfs_step){.struct_size = sizeof(o->step), .cursor = o->cursor.data, .next = &o->next_cursor};
    o->task.r.not_before_ns = pause_ms ? pfs_now_ns() + pause_ms * PFS_MS : 0;
    o->task.r.u.copy.sources = &o->from;
    o->task.r.u.copy.count = 1;
    o->task.r.u.copy.request = &o->args.request;
    o->task.r.u.copy.step = &o->step;
    o->task.r.u.copy.out = &o->stat;
    submit(o);
}

/* ---- the source ------------------------------------------------------------------------------------------------------ */

/* Does what the source keeps beside its bytes go with them? */
struct polyfs_pairs *pfs_object_meta(struct pfs_object *o)
{
    return !o->args.metadata.count && o->caps.fact[POLYFS_FACT_METADATA] == POLYFS_YES ? &o->meta : NULL;
}

static void source_told(struct pfs_task *task)
{
    struct pfs_object *o = task->object;
    int rc = landed(o, 1);
    if (rc == POLYFS_OK && o->reader && strcmp(o->stat.etag, o->source_stat.etag) != 0) {
        PFS_ERROR(why);
        rc = polyfs_fail(&why, POLYFS_CHANGED, "it was replaced while it was copied");
        pfs_object_fail(o, 1, rc, &why);
    }
    if (rc == POLYFS_OK)
        pfs_object_sized(o, NULL);
    pfs_object_advance(o);
}

static void stat_source(struct pfs_object *o)
{
    ask(o, PFS_STAT, 1, source_told);
    o->task.r.u.stat.out = o->reader ? &o->stat : &o->source_stat; /* a reader has pinned it already */
    o->task.r.u.stat.meta = pfs_object_meta(o);
    submit(o);
}

static void reader_told(struct pfs_task *task)
{
    struct pfs_object *o = task->object;
    if (landed(o, 1) == POLYFS_OK) {
        if (pfs_object_meta(o))
            stat_source(o);
        else
            pfs_object_sized(o, NULL);
    }
    pfs_object_advance(o);
}

static void open_source(struct pfs_object *o)
{
    if (!pfs_slot_present(o->source_fs, PFS_READER_OPEN)) {
        o->waiting = 1; /* for memory: its first bytes tell the rest */
        return;
    }
    ask(o, PFS_READER_OPEN, 1, reader_told);
    o->task.r.u.read.out_reader = &o->reader;
    o->task.r.u.read.out = &o->source_stat;
    submit(o);
}

/* Parts are few for the store's sake; where pieces may lie anywhere they are small at first, unless somebody chose. */
static void settle_pieces(struct pfs_object *o)
{
    o->free_pieces = o->source_fs->network && o->part_bytes == PFS_PART_BYTES &&
                     o->caps.shapes & POLYFS_SHAPE_PLACED && !(o->caps.shapes & POLYFS_SHAPE_PARTS);
    if (o->free_pieces)
        o->part_bytes = FAR_BYTES;
}

void pfs_object_begin(struct pfs_object *o)
{
    PFS_ERROR(why);
    struct pfs_request r = PFS_REQUEST(PFS_CAPS, o->target_fs, o->transfer->ctx, o->target);
    o->caps.struct_size = (uint32_t)sizeof(o->caps);
    r.u.caps.out = &o->caps;
    int rc = pfs_run(&r);
    settle_pieces(o);
    if (rc < 0)
        why = r.error;
    else if (o->source_fs == o->target_fs && strcmp(o->source, o->target) == 0)
        rc = polyfs_fail(&why, POLYFS_INVALID, "source and target are the same");
    else
        rc = pfs_put_gate(o->target_fs, &o->caps, &o->args.request, &why);
    if (rc < 0)
        pfs_object_fail(o, 0, rc, &why);
    else if (store_copies(o))
        copy_by_store(o);
    else
        open_source(o);
    pfs_object_advance(o);
}

/* ---- how it is written ----------------------------------------------------------------------------------------------- */

static int may_be(const struct pfs_object *o, uint32_t shape)
{
    return pfs_put_shapes(&o->caps, &o->args.request) & shape && (!o->forced_shape || o->forced_shape == shape);
}

static uint32_t shape_for(const struct pfs_object *o)
{
    static const uint32_t in_order[] = {POLYFS_SHAPE_PARTS, POLYFS_SHAPE_PLACED, POLYFS_SHAPE_STREAM};
    uint64_t size = o->source_stat.size;
    int fits_put = may_be(o, POLYFS_SHAPE_PUT) && (!o->caps.put_max || size <= o->caps.put_max);
    if (o->part_copies)
        return POLYFS_SHAPE_PARTS;
    if (fits_put && size <= o->part_bytes)
        return POLYFS_SHAPE_PUT;
    for (size_t i = 0; i < sizeof(in_order) / sizeof(in_order[0]); i++)
        if (may_be(o, in_order[i]))
            return in_order[i];
    return fits_put ? POLYFS_SHAPE_PUT : 0;
}

static void choose(struct pfs_object *o)
{
    PFS_ERROR(why);
    o->shape = shape_for(o);
    if (!o->shape)
        pfs_object_fail(o, 0,
                        polyfs_fail(&why, POLYFS_TOO_LARGE, "%s takes no object of %llu bytes here",
                                    o->target_fs->plugin->main_protocol, (unsigned long long)o->source_stat.size),
                        &why);
}

/* What the caller gave, and where that is nothing, what the source has and the target can keep. */
static int carry_over(struct pfs_object *o)
{
    struct polyfs_put_request *request = &o->args.request;
    request->size_hint = o->source_stat.size;
    if (!o->args.content_type && o->source_stat.content_type[0] &&
        o->caps.fact[POLYFS_FACT_CONTENT_TYPE] == POLYFS_YES)
        request->content_type = o->source_stat.content_type;
    pfs_pairs_drop(&o->meta, PFS_NONCE_KEY);
    int rc = POLYFS_OK;
    for (size_t i = 0; i < o->meta.count && rc == POLYFS_OK; i++)
        rc = pfs_pairs_add(&o->args.metadata, o->meta.rows[i].key, o->meta.rows[i].value);
    request->metadata = o->args.metadata.rows;
    request->metadata_count = (uint32_t)o->args.metadata.count;
    PFS_ERROR(why);
    if (rc != POLYFS_OK)
        polyfs_fail(&why, rc, "no memory for its metadata");
    if (rc == POLYFS_OK)
        rc = pfs_put_gate(o->target_fs, &o->caps, request, &why);
    if (rc == POLYFS_OK)
        rc = pfs_nonce_add(&o->args, o->target_fs, &o->caps, o->shape != POLYFS_SHAPE_PUT, &why);
    if (rc != POLYFS_OK)
        pfs_object_fail(o, 0, rc, &why);
    return rc;
}

static int parts_room(struct pfs_object *o)
{
    uint64_t count = o->source_stat.size / o->part_bytes + 1;
    PFS_ERROR(why);
    int rc = POLYFS_OK;
    if (o->caps.parts_max && count > (uint64_t)o->caps.parts_max + 1)
        rc = polyfs_fail(&why, POLYFS_TOO_LARGE, "the store takes at most %u parts", o->caps.parts_max);
    else if (count > SIZE_MAX / sizeof(*o->parts) || !(o->parts = calloc(count, sizeof(*o->parts))))
        rc = polyfs_fail(&why, POLYFS_NOMEM, "no memory for the list of parts");
    if (rc != POLYFS_OK)
        pfs_object_fail(o, 0, rc, &why);
    return rc;
}

static void open_target(struct pfs_object *o);

static void target_opened(struct pfs_task *task)
{
    struct pfs_object *o = task->object;
    int rc = task->r.rc;
    o->busy = 0;
    pfs_text_clear(&o->cursor);
    if (rc == POLYFS_MORE) {
        o->cursor = o->next_cursor;
        o->next_cursor = (struct polyfs_text){NULL, 0, 0};
        open_target(o);
    } else if (rc < 0) {
        if (!pfs_object_parents(o, rc, open_target))
            pfs_object_fail(o, 0, rc, &task->r.error);
    } else {
        struct pfs_piece *held = o->held; /* its first bytes were read already */
        o->open = 1;
        o->held = NULL;
        o->busy = 1; /* a piece that is written at once must not end the object here */
        if (held)
            pfs_piece_write(held);
        o->busy = 0;
    }
    pfs_object_advance(o);
}

static void open_target(struct pfs_object *o)
{
    static const enum pfs_slot slots[] = {[POLYFS_SHAPE_PARTS] = PFS_UPLOAD_START,
                                          [POLYFS_SHAPE_PLACED] = PFS_PLACED_OPEN,
                                          [POLYFS_SHAPE_STREAM] = PFS_STREAM_OPEN};
    uint32_t pause_ms = o->cursor.data ? o->step.poll_after_ms : 0;
    ask(o, slots[o->shape], 0, target_opened);
    if (o->shape == POLYFS_SHAPE_PARTS) {
        o->task.r.u.upload.request = &o->args.request;
        o->task.r.u.upload.out_id = &o->id;
    } else {
        o->step =
            (struct polyfs_step){.struct_size = sizeof(o->step), .cursor = o->cursor.data, .next = &o->next_cursor};
        o->task.r.not_before_ns = pause_ms ? pfs_now_ns() + pause_ms * PFS_MS : 0;
        o->task.r.u.write.request = &o->args.request;
        o->task.r.u.write.step = &o->step;
        o->task.r.u.write.out_handle = &o->handle;
    }
    submit(o);
}

void pfs_object_sized(struct pfs_object *o, struct pfs_piece *piece)
{
    uint64_t size = o->source_stat.size;
    if (o->only_etag && strcmp(o->only_etag, o->source_stat.etag) != 0) {
        PFS_ERROR(why);
        pfs_object_fail(o, 1, polyfs_fail(&why, POLYFS_CHANGED, "it is not the version that was named"), &why);
    }
    o->from = source_of(o);
    pfs_sum_begin(&o->sum, &o->source_stat);
    if (o->part_copies && o->part_bytes < PART_COPY_BYTES)
        o->part_bytes = PART_COPY_BYTES;
    o->part_bytes = pfs_part_bytes(&o->caps, o->part_bytes, size);
    if (!o->rc)
        choose(o);
    if (!o->rc && carry_over(o) == POLYFS_OK && o->shape == POLYFS_SHAPE_PARTS)
        parts_room(o);
    /* First bytes are of use when they are a whole piece; else they are read again. */
    int useful =
        piece && !o->rc && (piece->n == size || (piece->n == o->part_bytes && o->shape != POLYFS_SHAPE_PUT));
    if (piece && !useful)
        pfs_piece_end(piece);
    if (useful) {
        o->next_offset = piece->length = piece->n;
        if (piece->n < size)
            pfs_sum_add(&o->sum, 0, piece->buffer, piece->n);
        else
            o->sum.kind = POLYFS_CHECKSUM_NONE; /* the one answer was checked as it came */
        o->begun = 1;
        o->held = piece;
    }
    if (o->rc)
        return;
    if (o->shape != POLYFS_SHAPE_PUT) {
        open_target(o);
    } else if (useful) {
        o->held = NULL;
        pfs_piece_write(piece);
    }
}

/* ---- the end --------------------------------------------------------------------------------------------------------- */

static void source_removed(struct pfs_task *task)
{
    struct pfs_object *o = task->object;
    if (task->r.rc == POLYFS_NOT_FOUND)
        o->busy = 0;
    else if (landed(o, 1) < 0)
        o->error.commit_state = POLYFS_COMMIT_APPLIED; /* the target is there; the old name could not be removed */
    pfs_object_advance(o);
}

/* Of a move, the source goes: only what was copied, where the store can tell. */
void pfs_object_published(struct pfs_object *o)
{
    static const struct polyfs_condition none = POLYFS_CONDITION_INIT;
    o->committing = 1;
    if (!o->remove_source)
        return;
    ask(o, PFS_REMOVE, 1, source_removed);
    o->task.r.u.remove.condition = NULL;
    if (o->source_stat.etag[0] && o->caps.fact[POLYFS_FACT_REMOVE_CONDITION] == POLYFS_YES && one_store(o)) {
        o->args.request.condition = none;
        o->args.request.condition.if_match = o->source_stat.etag;
        o->task.r.u.remove.condition = &o->args.request.condition;
    }
    submit(o);
}

static void committed(struct pfs_task *task)
{
    struct pfs_object *o = task->object;
    if (landed(o, 0) == POLYFS_OK) {
        o->open = 0;
        pfs_object_published(o);
    }
    pfs_object_advance(o);
}

static void commit(struct pfs_object *o)
{
    static const enum pfs_slot slots[] = {[POLYFS_SHAPE_PARTS] = PFS_UPLOAD_COMPLETE,
                                          [POLYFS_SHAPE_PLACED] = PFS_PLACED_COMMIT,
                                          [POLYFS_SHAPE_STREAM] = PFS_STREAM_COMMIT};
    o->committing = 1;
    ask(o, slots[o->shape], 0, committed);
    if (o->shape == POLYFS_SHAPE_PARTS) {
        o->task.r.u.upload.id = o->id.data;
        o->task.r.u.upload.parts = o->parts;
        o->task.r.u.upload.count = o->source_stat.size ? (o->source_stat.size - 1) / o->part_bytes + 1 : 1;
        o->task.r.u.upload.request = &o->args.request;
        o->task.r.u.upload.out = &o->stat;
    } else {
        o->task.r.handle = o->handle;
        o->task.r.u.write.offset = o->source_stat.size;
        o->task.r.u.write.request = &o->args.request;
        o->task.r.u.write.out = &o->stat;
    }
    submit(o);
}

static void aborted(struct pfs_task *task)
{
    task->object->busy = 0; /* what cannot be aborted now is found by `polyfs gc` */
    pfs_object_advance(task->object);
}

/* Nothing of it remains. */
static void abort_target(struct pfs_object *o)
{
    struct polyfs_call call = {.struct_size = sizeof(call),
                               .attempt = 1,
                               .deadline_ns = INT64_MAX,
                               .core = &o->transfer->cleaning};
    o->open = 0;
    if (o->shape == POLYFS_SHAPE_PARTS) {
        ask(o, PFS_UPLOAD_ABORT, 0, aborted);
        o->task.r.ctx = &o->transfer->cleaning;
        o->task.r.u.upload.id = o->id.data;
        submit(o);
    } else if (o->shape == POLYFS_SHAPE_PLACED) {
        o->target_fs->plugin->tables.placed.abort(&call, o->handle);
    } else {
        o->target_fs->plugin->tables.stream.abort(&call, o->handle);
    }
}

/* Are all bytes with the target? */
static int all_written(const struct pfs_object *o)
{
    if (!o->open || o->committing || o->written != o->source_stat.size)
        return 0;
    return o->source_stat.size || o->shape != POLYFS_SHAPE_PARTS ||
           o->begun; /* an empty object is one empty part */
}

/* Are the bytes that passed those that the store keeps? If not, they are read once more where they can be written again. */
static int is_right(struct pfs_object *o)
{
    PFS_ERROR(why);
    if (pfs_sum_check(&o->sum, &why) == POLYFS_OK)
        return 1;
    if (o->read_again || o->shape == POLYFS_SHAPE_STREAM) {
        pfs_object_fail(o, 1, POLYFS_CORRUPT, &why);
        return 0;
    }
    o->read_again = 1;
    o->next_offset = o->written = 0;
    pfs_sum_begin(&o->sum, &o->source_stat);
    return 0;
}

/* Nothing of the first time is left: once more, from the start. */
static void begin_again(struct pfs_object *o)
{
    struct polyfs_put_request *request = &o->args.request;
    if (o->reader)
        o->source_fs->plugin->tables.reader.close(o->reader);
    pfs_pairs_clear(&o->meta);
    pfs_pairs_cut(&o->args.metadata, o->own_metadata);
    pfs_text_clear(&o->id);
    free(o->parts);
    o->args.has_nonce = 0;
    request->metadata = o->args.metadata.rows;
    request->metadata_count = (uint32_t)o->args.metadata.count;
    request->content_type = o->args.content_type;
    request->size_hint = o->size_hint = POLYFS_SIZE_UNKNOWN;
    request->flags = 0;
    o->reader = o->handle = NULL;
    o->parts = NULL;
    o->part_bytes = o->part_wanted;
    o->next_offset = o->written = 0;
    o->rc = o->waiting = o->begun = o->by_store = o->part_copies = o->read_again = o->committing = 0;
    o->shape = 0;
    o->source_stat = (struct polyfs_stat)POLYFS_STAT_INIT;
    o->once_more = 2;
    pfs_object_begin(o);
}

void pfs_object_advance(struct pfs_object *o)
{
    if (o->busy)
        return;
    if (o->rc)
        pfs_pieces_drop(o);
    if (o->pieces)
        return;
    if (!o->rc && all_written(o) && is_right(o))
        commit(o);
    if (o->rc && o->open)
        abort_target(o);
    if (!o->busy && o->rc && o->once_more == 1 && !o->transfer->stopped)
        begin_again(o);
    else if (!o->busy && (o->rc || o->committing))
        pfs_transfer_finished(o);
}

/* ---- its life ---------------------------------------------------------------------------------------------------------- */

struct pfs_object *pfs_object_new(struct polyfs_fs *source_fs, const char *source, struct polyfs_fs *target_fs,
                                  const char *target, const struct polyfs_write_opts *opts)
{
    struct pfs_object *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    o->source_fs = polyfs_fs_ref(source_fs);
    o->target_fs = polyfs_fs_ref(target_fs);
    o->source = strdup(source);
    o->target = strdup(target);
    o->size_hint = POLYFS_SIZE_UNKNOWN;
    o->part_bytes = o->part_wanted = opts && opts->part_bytes ? opts->part_bytes : target_fs->part_bytes;
    o->forced_shape = opts ? opts->shape : 0;
    o->parents = opts && opts->flags & POLYFS_WRITE_PARENTS;
    o->stat = o->source_stat = (struct polyfs_stat)POLYFS_STAT_INIT;
    if (pfs_put_args_take(&o->args, target_fs, opts) != POLYFS_OK || !o->source || !o->target) {
        pfs_object_free(o);
        return NULL;
    }
    o->own_metadata = o->args.metadata.count;
    return o;
}

void pfs_object_free(struct pfs_object *o)
{
    if (!o)
        return;
    if (o->reader)
        o->source_fs->plugin->tables.reader.close(o->reader);
    pfs_put_args_clear(&o->args);
    pfs_pairs_clear(&o->meta);
    pfs_text_clear(&o->cursor);
    pfs_text_clear(&o->next_cursor);
    pfs_text_clear(&o->id);
    polyfs_fs_close(o->source_fs);
    polyfs_fs_close(o->target_fs);
    free(o->parts);
    free(o->source);
    free(o->target);
    free(o->shown);
    free(o);
}
