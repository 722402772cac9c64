/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: gathers bytes into parts and hands them to a shape. Invariants: bytes given to the shape plus bytes
 * buffered are the bytes taken; nothing is visible before the commit; after a failure only close is left, and it
 * leaves nothing behind.
 */
#include <stdlib.h>

#include "core/block.h"
#include "core/budget.h"
#include "core/write.h"

#define GATHER_STEP (UINT64_C(1) << 20) /* a buffer that holds a whole object grows by it */

static const struct pfs_shape *const shapes_in_order[] = {&pfs_shape_parts, &pfs_shape_placed, &pfs_shape_stream};

static const struct pfs_shape *choose(const struct polyfs_writer *w)
{
    const uint32_t may_be = pfs_put_shapes(&w->caps, &w->args.request);
    for (size_t i = 0; i < sizeof(shapes_in_order) / sizeof(shapes_in_order[0]); i++) {
        const struct pfs_shape *shape = shapes_in_order[i];
        if (may_be & shape->bit && (!w->forced_shape || w->forced_shape == shape->bit))
            return shape;
    }
    return NULL;
}

uint64_t pfs_part_bytes(const struct polyfs_caps *caps, uint64_t wanted, uint64_t size)
{
    uint64_t part = wanted;
    if (caps->parts_max && size != POLYFS_SIZE_UNKNOWN && size / part >= caps->parts_max)
        part = (size / (caps->parts_max - caps->parts_max / 10) / 1048576 + 1) * 1048576;
    if (part < caps->part_min)
        part = caps->part_min;
    if (caps->part_max && part > caps->part_max)
        part = caps->part_max;
    if (caps->part_align)
        part = (part + caps->part_align - 1) / caps->part_align * caps->part_align;
    return part;
}

/* ---- opening --------------------------------------------------------------------------------------------- */

static int writer_setup(struct pfs_verb *v, struct polyfs_writer *w, const struct polyfs_write_opts *opts)
{
    if (opts && opts->flags & ~PFS_WRITE_KNOWN)
        return polyfs_fail(&v->error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (opts && opts->call)
        w->call = *opts->call;
    else
        w->call = (struct polyfs_call_opts)POLYFS_CALL_OPTS_INIT;
    if (pfs_put_args_take(&w->args, v->fs, opts) != POLYFS_OK)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a writer");
    int rc = pfs_verb_caps(v, w->path, &w->caps);
    if (rc == POLYFS_OK)
        rc = pfs_put_gate(v->fs, &w->caps, &w->args.request, &v->error);
    if (rc == POLYFS_OK)
        rc = pfs_nonce_add(&w->args, v->fs, &w->caps, 1, &v->error);
    if (rc != POLYFS_OK)
        return rc;
    w->forced_shape = opts ? opts->shape : 0;
    if (w->forced_shape & (w->forced_shape - 1) || w->forced_shape > POLYFS_SHAPE_STREAM)
        return polyfs_fail(&v->error, POLYFS_INVALID, "the shape to write in is one of enum polyfs_shape");
    if (w->forced_shape && !(pfs_put_shapes(&w->caps, &w->args.request) & w->forced_shape))
        return polyfs_fail(&v->error, POLYFS_UNSUPPORTED, "%s has no such shape of writing here",
                           v->fs->plugin->main_protocol);
    w->part_bytes = pfs_part_bytes(&w->caps, opts && opts->part_bytes ? opts->part_bytes : v->fs->part_bytes,
                                   w->args.request.size_hint);
    w->gathers = !choose(w);
    return POLYFS_OK;
}

static void writer_free(struct polyfs_writer *w)
{
    pfs_ctx_end(&w->ctx);
    pfs_put_args_clear(&w->args);
    pfs_budget_free(w->buffer, w->room, w->extra);
    free(w->path);
    polyfs_fs_close(w->fs);
    free(w);
}

int polyfs_writer_open(struct polyfs_fs *fs, const char *path, const struct polyfs_write_opts *opts,
                       struct polyfs_writer **out_writer, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_writer *w = calloc(1, sizeof(*w));
    int rc = pfs_verb_begin(&v, "write", fs, path, opts ? opts->call : NULL);
    if (rc == POLYFS_OK && (!w || !(w->path = strdup(path)))) {
        free(w);
        w = NULL;
        rc = polyfs_fail(&v.error, POLYFS_NOMEM, "no memory for a writer");
    }
    if (w) {
        w->fs = polyfs_fs_ref(fs);
        w->generation = pfs_fork_generation();
        pfs_ctx_begin(&w->ctx, "write", NULL, NULL);
        w->ctx.user = opts && opts->call ? opts->call->cancel : NULL;
    }
    if (rc == POLYFS_OK)
        rc = writer_setup(&v, w, opts);
    if (rc == POLYFS_OK && opts && opts->flags & POLYFS_WRITE_PARENTS)
        rc = pfs_make_parents(&v);
    if (rc == POLYFS_OK)
        pfs_budget_handle(1);
    if (rc == POLYFS_OK && opts && opts->flags & POLYFS_WRITE_APPEND) {
        rc = pfs_append_begin(&v, w);
        if (rc != POLYFS_OK) {
            polyfs_writer_close(w);
            w = NULL;
        }
    }
    if (rc == POLYFS_OK) {
        *out_writer = w;
    } else if (w) {
        writer_free(w);
    }
    return pfs_verb_end(&v, rc, err);
}

/* ---- writing --------------------------------------------------------------------------------------------- */

static int remember(struct pfs_verb *v, struct polyfs_writer *w, int rc)
{
    if (rc < 0 && !w->failed && rc != POLYFS_FORKED) {
        w->failed = rc;
        w->failure = v->error;
    }
    return rc;
}

/* A call on a writer that failed before gives the first failure again. */
static int begin(struct pfs_verb *v, struct polyfs_writer *w, const char *name)
{
    int rc = pfs_verb_begin(v, name, w->fs, w->path, &w->call);
    if (rc == POLYFS_OK && w->generation != pfs_fork_generation())
        return polyfs_fail(&v->error, POLYFS_FORKED, "the writer was opened by the parent process");
    if (rc == POLYFS_OK && w->failed) {
        v->error = w->failure;
        rc = w->failed;
    }
    if (rc == POLYFS_OK && w->done)
        rc = polyfs_fail(&v->error, POLYFS_INVALID, "the writer was committed already");
    return rc;
}

/* A store may learn only as it begins that it will not do in this shape: then its facts name another. */
static int begin_otherwise(struct pfs_verb *v, struct polyfs_writer *w, const struct pfs_shape **shape)
{
    struct polyfs_error why = v->error;
    const struct pfs_shape *other = NULL;
    if (pfs_verb_caps(v, w->path, &w->caps) == POLYFS_OK)
        other = choose(w);
    v->error = why;
    if (!other || other == *shape)
        return why.code;
    *shape = other;
    return other->begin(v, w);
}

static int shape_begin(struct pfs_verb *v, struct polyfs_writer *w)
{
    if (w->shape)
        return POLYFS_OK;
    const struct pfs_shape *shape = choose(w);
    if (!shape)
        return polyfs_fail(&v->error, POLYFS_UNSUPPORTED, "%s takes objects in no way that this polyfs knows",
                           v->fs->plugin->main_protocol);
    int rc = shape->begin(v, w);
    if (rc < 0 && v->error.code == rc && v->error.retry == POLYFS_RETRY_RESTART)
        rc = begin_otherwise(v, w, &shape);
    if (rc == POLYFS_OK)
        w->shape = shape;
    return rc;
}

static int flush_buffer(struct pfs_verb *v, struct polyfs_writer *w)
{
    int rc = shape_begin(v, w);
    if (rc == POLYFS_OK && w->buffered)
        rc = w->shape->part(v, w, w->buffer, w->buffered);
    if (rc == POLYFS_OK)
        w->buffered = 0;
    return rc;
}

/* Makes the buffer as large as @room. What it has beyond one part is the budget's; 0: there is no room for that now. */
static int buffer_grow(struct pfs_verb *v, struct polyfs_writer *w, uint64_t room, int *out_rc)
{
    uint64_t extra = room > w->part_bytes ? room - w->part_bytes : 0, more = extra - w->extra;
    if (more && !pfs_budget_try(more))
        return 0;
    unsigned char *grown = pfs_block_resize(w->buffer, w->room, room);
    if (!grown) {
        if (more)
            pfs_budget_give(more);
        *out_rc = polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for %llu bytes", (unsigned long long)room);
        return 1;
    }
    pfs_budget_count((int64_t)(room - w->room - more));
    w->buffer = grown;
    w->room = room;
    w->extra = extra;
    *out_rc = POLYFS_OK;
    return 1;
}

/* The buffer grows as bytes arrive, doubling from 64 KiB to a part: many small writers stay small. */
static int buffer_room(struct pfs_verb *v, struct polyfs_writer *w, uint64_t needed)
{
    uint64_t room = w->room ? w->room : 65536;
    int rc = POLYFS_OK;
    if (needed <= w->room)
        return POLYFS_OK;
    while (room < needed && room < w->part_bytes)
        room *= 2;
    if (room > w->part_bytes)
        room = w->part_bytes;
    if (room < needed)
        room = (needed + GATHER_STEP - 1) / GATHER_STEP * GATHER_STEP;
    if (!buffer_grow(v, w, room, &rc))
        rc =
            polyfs_fail(&v->error, POLYFS_TOO_LARGE,
                        "%s takes an object in one piece here, and the memory budget has no room for %llu bytes; "
                        "give all bytes to one polyfs_put(), or raise it with polyfs_set_budget() or POLYFS_BUDGET",
                        v->fs->plugin->main_protocol, (unsigned long long)room);
    return rc;
}

/* Where PUT is the only way, all bytes stay in the buffer until the commit. Nothing is ever spooled to a disk. */
static int gather(struct pfs_verb *v, struct polyfs_writer *w, const unsigned char *data, uint64_t size)
{
    uint64_t most = w->caps.put_max ? w->caps.put_max : UINT64_MAX;
    if (size > most - w->buffered)
        return polyfs_fail(&v->error, POLYFS_TOO_LARGE,
                           "%s takes an object in one piece of at most %llu bytes here",
                           v->fs->plugin->main_protocol, (unsigned long long)most);
    int rc = buffer_room(v, w, w->buffered + size);
    if (rc != POLYFS_OK)
        return rc;
    memcpy(w->buffer + w->buffered, data, size);
    w->buffered += size;
    return POLYFS_OK;
}

/*
 * Bytes that go straight from the caller's memory: a part, or all of up to one and a half, since a rest that is copied
 * leaves the piece behind it no whole part from its beginning either.
 */
static uint64_t straight(const struct polyfs_writer *w, uint64_t size)
{
    const int fits = w->caps.fact[POLYFS_FACT_EQUAL_PARTS] != POLYFS_YES && !w->caps.part_align &&
                     (!w->caps.part_max || size <= w->caps.part_max);
    return fits && size < w->part_bytes + w->part_bytes / 2 ? size : w->part_bytes;
}

static int take_some(struct pfs_verb *v, struct polyfs_writer *w, const unsigned char *data, uint64_t size,
                     uint64_t *taken)
{
    if (w->gathers) {
        *taken = size;
        return gather(v, w, data, size);
    }
    if (!w->buffered && size >= w->part_bytes) {
        int rc = shape_begin(v, w);
        *taken = straight(w, size);
        return rc == POLYFS_OK ? w->shape->part(v, w, data, *taken) : rc;
    }
    uint64_t n = w->part_bytes - w->buffered;
    if (n > size)
        n = size;
    int rc = buffer_room(v, w, w->buffered + n);
    if (rc != POLYFS_OK)
        return rc;
    memcpy(w->buffer + w->buffered, data, n);
    w->buffered += n;
    *taken = n;
    return POLYFS_OK;
}

static int take_all(struct pfs_verb *v, struct polyfs_writer *w, const void *data, uint64_t size)
{
    const unsigned char *at = data;
    int rc = POLYFS_OK;
    while (rc == POLYFS_OK && size) {
        uint64_t n = 0;
        if (!w->gathers && w->buffered == w->part_bytes)
            rc = flush_buffer(v, w);
        if (rc == POLYFS_OK)
            rc = take_some(v, w, at, size, &n);
        if (rc == POLYFS_OK) {
            w->total += n;
            at += n;
            size -= n;
        }
    }
    return rc;
}

int polyfs_writer_writev(struct polyfs_writer *w, const struct polyfs_bytes *bytes, size_t count,
                         struct polyfs_error *err)
{
    struct pfs_verb v;
    int rc = begin(&v, w, "write");
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++)
        rc = take_all(&v, w, bytes[i].data, bytes[i].size);
    if (w->shape && w->shape->settle &&
        rc != POLYFS_FORKED) { /* also after a failure: the memory is the caller's again */
        int settled = w->shape->settle(&v, w);
        rc = rc == POLYFS_OK ? settled : rc;
    }
    return pfs_verb_end(&v, remember(&v, w, rc), err);
}

int polyfs_writer_write(struct polyfs_writer *w, const void *data, size_t size, struct polyfs_error *err)
{
    const struct polyfs_bytes bytes = {data, size};
    return polyfs_writer_writev(w, &bytes, 1, err);
}

/* ---- ending ---------------------------------------------------------------------------------------------- */

static int commit_by_put(const struct polyfs_writer *w)
{
    if (w->shape || !(pfs_put_shapes(&w->caps, &w->args.request) & POLYFS_SHAPE_PUT) ||
        (w->caps.put_max && w->total > w->caps.put_max))
        return 0;
    return !w->forced_shape || w->forced_shape == POLYFS_SHAPE_PUT;
}

int polyfs_writer_commit(struct polyfs_writer *w, struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int rc = begin(&v, w, "write");
    w->args.request.size_hint = w->total;
    if (rc == POLYFS_OK && commit_by_put(w)) {
        rc = pfs_put_whole(&v, w->buffer, w->buffered, &w->args.request, &stat);
    } else if (rc == POLYFS_OK) {
        rc = flush_buffer(&v, w);
        if (rc == POLYFS_OK)
            rc = w->shape->commit(&v, w, &stat);
    }
    if (rc == POLYFS_EXISTS && w->appends)
        rc = pfs_lost_race(&v.error);
    if (rc == POLYFS_OK) {
        w->done = 1;
        pfs_stat_out(out_stat, &stat);
    }
    return pfs_verb_end(&v, remember(&v, w, rc), err);
}

void polyfs_writer_close(struct polyfs_writer *w)
{
    struct pfs_verb v;
    if (!w)
        return;
    if (w->shape && !w->done && w->generation == pfs_fork_generation()) {
        /* A cancelled or late writer still cleans up behind itself, so neither bounds the abort. */
        pfs_verb_begin(&v, "abort the write of", w->fs, w->path, NULL);
        w->shape->abort(&v, w);
        pfs_verb_end(&v, POLYFS_OK, NULL);
    }
    pfs_budget_handle(-1);
    writer_free(w);
}
