/* SPDX-License-Identifier: Apache-2.0 */
/* See many.h. When the call is stopped, what was not begun gets the reason as its answer, so that each has one. */
#include "core/many.h"

#include <stdlib.h>

#include "core/instance.h"

#define WIDTH_NETWORK 8

struct row {
    struct pfs_request r; /* first: what the queue gives back */
    struct row *next;     /* free ones */
    size_t index;
};

unsigned pfs_many_width(const struct polyfs_fs *fs, unsigned jobs)
{
    unsigned width = jobs ? jobs : fs->network ? WIDTH_NETWORK : 1;
    return width < PFS_WORKERS_MAX ? width : PFS_WORKERS_MAX;
}

struct run {
    struct pfs_many *many;
    struct pfs_ctx cleaning; /* to wait for what is under way when the call was stopped */
    struct pfs_queue queue;
    struct row *free;
    size_t next;
    int rc; /* of landed, once it said to end */
};

static void land(struct run *run, struct row *row)
{
    int rc = run->many->landed(row->index, &row->r, run->many->user);
    if (run->rc == POLYFS_OK && rc < 0)
        run->rc = rc;
    row->next = run->free;
    run->free = row;
}

/* Begins what there is room for. */
static void fill(struct run *run)
{
    struct pfs_many *many = run->many;
    while (run->free && run->next < many->count && run->rc == POLYFS_OK) {
        struct row *row = run->free;
        memset(&row->r, 0, sizeof(row->r));
        row->r.error.struct_size = (uint32_t)sizeof(row->r.error);
        row->index = run->next;
        row->r.rc = pfs_ctx_check(many->ctx, &row->r.error);
        int made = row->r.rc < 0 ? PFS_ANSWERED : many->fill(row->index, &row->r, many->user);
        if (made == POLYFS_MORE)
            return;
        run->free = row->next;
        run->next++;
        if (made == POLYFS_OK)
            pfs_queue_submit(&run->queue, &row->r);
        else
            land(run, row);
    }
}

static void run_all(struct run *run)
{
    struct pfs_ctx *ctx = run->many->ctx;
    for (fill(run); run->queue.under_way; fill(run)) {
        struct pfs_request *r = pfs_queue_take(&run->queue, ctx);
        if (r)
            land(run, (struct row *)(void *)r);
        else
            ctx = &run->cleaning; /* stopped: slots return soon, and their memory is the caller's */
    }
}

int pfs_many_run(struct pfs_many *many, struct polyfs_error *err)
{
    struct run run = {.many = many};
    pfs_queue_init(&run.queue);
    run.queue.width = many->width;
    const size_t at_once = pfs_queue_at_once(&run.queue), count = many->count < at_once ? many->count : at_once;
    struct row *rows = calloc(count ? count : 1, sizeof(*rows));
    if (!rows)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a list of requests");
    for (size_t i = 0; i < count; i++) {
        rows[i].next = run.free;
        run.free = &rows[i];
    }
    pfs_ctx_begin(&run.cleaning, many->ctx->verb, NULL, NULL);
    run.cleaning.op = NULL;
    run_all(&run);
    pfs_ctx_end(&run.cleaning);
    free(rows);
    return run.rc;
}
