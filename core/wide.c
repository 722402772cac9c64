/* SPDX-License-Identifier: Apache-2.0 */
/* See wide.h. All parts ask for one version, so they cannot be of two; the first that fails ends the read. */
#include "core/wide.h"

#include <stdlib.h>

#include "core/many.h"

struct part {
    struct polyfs_get_request request;
    uint64_t n; /* bytes placed */
};

struct run {
    struct pfs_verb *verb;
    const struct pfs_wide *wide;
    struct part *parts;
    uint64_t part_bytes;
};

int pfs_wide_pays(const struct polyfs_fs *fs, uint64_t length)
{
    return fs->network && length > fs->part_bytes;
}

static int fill(size_t i, struct pfs_request *r, void *user)
{
    const struct run *run = user;
    const struct pfs_wide *wide = run->wide;
    struct part *part = &run->parts[i];
    uint64_t at = i * run->part_bytes;
    uint64_t length = wide->length - at < run->part_bytes ? wide->length - at : run->part_bytes;
    *r = PFS_REQUEST_OF(run->verb, wide->handle ? PFS_READER_PREAD : PFS_GET);
    if (wide->handle) {
        r->handle = wide->handle;
        r->u.read.offset = wide->offset + at;
        r->u.read.buffer = wide->buffer + at;
        r->u.read.length = length;
        r->u.read.out_n = &part->n;
        return POLYFS_OK;
    }
    part->request = (struct polyfs_get_request){.struct_size = sizeof(part->request),
                                                .offset = wide->offset + at,
                                                .length = length,
                                                .version = wide->version,
                                                .condition = POLYFS_CONDITION_INIT};
    part->request.condition.if_match = *wide->etag ? wide->etag : NULL;
    r->u.get.request = &part->request;
    r->u.get.buffer = wide->buffer + at;
    r->u.get.out_n = &part->n;
    return POLYFS_OK;
}

static int landed(size_t i, struct pfs_request *r, void *user)
{
    const struct run *run = user;
    if (r->rc == POLYFS_RANGE && i) { /* the end lies before this part */
        run->parts[i].n = 0;
        return POLYFS_OK;
    }
    if (r->rc < 0 && run->verb->error.code == POLYFS_OK)
        run->verb->error = r->error;
    return r->rc < 0 ? r->rc : POLYFS_OK;
}

int pfs_wide_read(struct pfs_verb *v, const struct pfs_wide *wide, uint64_t *out_n)
{
    struct run run = {.verb = v, .wide = wide, .part_bytes = v->fs->network ? v->fs->part_bytes : wide->length};
    size_t count = (size_t)((wide->length - 1) / run.part_bytes + 1);
    struct pfs_many many = {.ctx = &v->ctx,
                            .width = pfs_many_width(v->fs, 0),
                            .count = count,
                            .fill = fill,
                            .landed = landed,
                            .user = &run};
    run.parts = calloc(count, sizeof(*run.parts));
    if (!run.parts)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a list of parts");
    v->error.code = POLYFS_OK;
    int rc = pfs_many_run(&many, &v->error);
    uint64_t n = 0;
    for (size_t i = 0; i < count && n == i * run.part_bytes; i++) /* up to the first that is short */
        n += run.parts[i].n;
    free(run.parts);
    if (rc == POLYFS_OK)
        *out_n = n;
    return rc;
}
