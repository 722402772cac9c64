/* SPDX-License-Identifier: Apache-2.0 */
/* Shape PLACED: a staging object, written in order here since disks like it so, published by its commit. */
#include "core/write.h"

static int placed_begin(struct pfs_verb *v, struct polyfs_writer *w)
{
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_PLACED_OPEN);
    r.u.write.request = &w->args.request;
    r.u.write.out_handle = &w->state;
    return pfs_verb_run(v, &r);
}

static int placed_part(struct pfs_verb *v, struct polyfs_writer *w, const void *data, uint64_t size)
{
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_PLACED_WRITE);
    r.handle = w->state;
    r.u.write.offset = w->placed;
    r.u.write.data = data;
    r.u.write.size = size;
    int rc = pfs_verb_run(v, &r);
    if (rc == POLYFS_OK)
        w->placed += size;
    return rc;
}

static int placed_commit(struct pfs_verb *v, struct polyfs_writer *w, struct polyfs_stat *out)
{
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_PLACED_COMMIT);
    r.handle = w->state;
    r.u.write.offset = w->placed;
    r.u.write.request = &w->args.request;
    r.u.write.out = out;
    return pfs_verb_run(v, &r);
}

static void placed_abort(struct pfs_verb *v, struct polyfs_writer *w)
{
    struct polyfs_call call = {.struct_size = sizeof(call),
                               .attempt = 1,
                               .deadline_ns = INT64_MAX,
                               .core = &v->ctx};
    w->fs->plugin->tables.placed.abort(&call, w->state);
}

const struct pfs_shape pfs_shape_placed = {
    .name = "placed",
    .bit = POLYFS_SHAPE_PLACED,
    .begin = placed_begin,
    .part = placed_part,
    .commit = placed_commit,
    .abort = placed_abort,
};
