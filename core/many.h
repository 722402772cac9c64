/* SPDX-License-Identifier: Apache-2.0 */
/* Many requests that do not depend on each other, a window of them under way at a time, on the calling thread. */
#ifndef PFS_MANY_H
#define PFS_MANY_H

#include "core/executor.h"

#define PFS_ANSWERED 2

struct pfs_many {
    struct pfs_ctx *ctx;
    unsigned
        width; /* requests with workers at most; as many again are made ahead, so that none waits for this thread */
    size_t count;
    /* Makes request @i. POLYFS_OK; POLYFS_MORE: not now, ask again when another has landed (never when none is under
     * way); PFS_ANSWERED: it needs no request, request->rc and error are its answer. */
    int (*fill)(size_t i, struct pfs_request *request, void *user);
    /* The answer of @i is request->rc and request->error; in any order. Below 0: make no further ones. */
    int (*landed)(size_t i, struct pfs_request *request, void *user);
    void *user;
};

/* As wide as is worth it. @jobs: what a caller asked for, or 0. */
unsigned pfs_many_width(const struct polyfs_fs *fs, unsigned jobs);

/* Returns when each has its answer, or was not begun since landed() said so: then its code. */
int pfs_many_run(struct pfs_many *many, struct polyfs_error *err);

#endif
