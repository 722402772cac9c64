/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape STREAM, and the store's own append: bytes in order, one call at a time. Nothing is repeated blindly: after a
 * failure that may pass, the store is asked how much it holds, and the rest of the part in hand is sent from there.
 */
#include "core/step.h"
#include "core/write.h"

#define RESENDS_MAX 3

static int stream_open(struct pfs_verb *v, struct polyfs_writer *w, uint32_t flags)
{
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_STREAM_OPEN);
    r.u.write.flags = flags;
    r.u.write.request = &w->args.request;
    r.u.write.out_handle = &w->state;
    return pfs_step_run(v, &r, &r.u.write.step);
}

static int stream_begin(struct pfs_verb *v, struct polyfs_writer *w)
{
    return stream_open(v, w, 0);
}

static int append_begin(struct pfs_verb *v, struct polyfs_writer *w)
{
    return stream_open(v, w, POLYFS_STREAM_APPEND);
}

/* How many bytes of the part in hand are with the store. POLYFS_OK, or the failure that ended the stream. */
static int ask_offset(struct pfs_verb *v, struct polyfs_writer *w, uint64_t size, uint64_t *out_done)
{
    struct polyfs_error first = v->error;
    uint64_t offset = 0;
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_STREAM_OFFSET);
    if (!pfs_slot_present(v->fs, PFS_STREAM_OFFSET) || first.retry == POLYFS_RETRY_NEVER)
        return first.code;
    r.handle = w->state;
    r.u.write.out_offset = &offset;
    int rc = pfs_verb_run(v, &r);
    if (rc != POLYFS_OK || offset < w->placed || offset > w->placed + size) {
        v->error = first; /* what is in hand does not reach back far enough */
        return first.code;
    }
    *out_done = offset - w->placed;
    return POLYFS_OK;
}

static int stream_part(struct pfs_verb *v, struct polyfs_writer *w, const void *data, uint64_t size)
{
    uint64_t done = 0;
    int resends = 0, rc;
    for (;;) {
        struct pfs_request r = PFS_REQUEST_OF(v, PFS_STREAM_WRITE);
        r.handle = w->state;
        r.u.write.data = (const char *)data + done;
        r.u.write.size = size - done;
        rc = pfs_verb_run(v, &r);
        if (rc == POLYFS_OK || resends++ == RESENDS_MAX)
            break;
        rc = ask_offset(v, w, size, &done);
        if (rc != POLYFS_OK || done == size)
            break;
    }
    if (rc == POLYFS_OK)
        w->placed += size;
    return rc;
}

static int stream_commit(struct pfs_verb *v, struct polyfs_writer *w, struct polyfs_stat *out)
{
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_STREAM_COMMIT);
    r.handle = w->state;
    r.u.write.request = &w->args.request;
    r.u.write.out = out;
    return pfs_verb_run(v, &r);
}

static void stream_abort(struct pfs_verb *v, struct polyfs_writer *w)
{
    struct polyfs_call call = {.struct_size = sizeof(call),
                               .attempt = 1,
                               .deadline_ns = INT64_MAX,
                               .core = &v->ctx};
    w->fs->plugin->tables.stream.abort(&call, w->state);
}

const struct pfs_shape pfs_shape_stream = {
    .name = "stream",
    .bit = POLYFS_SHAPE_STREAM,
    .begin = stream_begin,
    .part = stream_part,
    .commit = stream_commit,
    .abort = stream_abort,
};

const struct pfs_shape pfs_shape_append = {
    .name = "append",
    .begin = append_begin,
    .part = stream_part,
    .commit = stream_commit,
    .abort = stream_abort,
};
