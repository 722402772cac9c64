/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape PARTS: a sliding window of numbered parts, completed as one. A full buffer is handed to a part and the writer
 * goes on with another, as far as the budget allows; whole parts of a large write go from the caller's own memory, and
 * the write returns when the last of them has left. Invariant: parts[n-1] is filled before part n's task is dropped.
 */
#include <stdlib.h>

#include "core/budget.h"
#include "core/write.h"

#define WIDTH_NETWORK 8 /* tasks under way at most; the limit layer narrows it further */
#define GROW_EVERY 1000 /* parts of one size when the object's size is not known */

struct task {
    struct pfs_request r;
    unsigned char *buffer; /* owned, or NULL: the caller's memory */
    uint64_t room, extra;  /* as the writer's */
    uint32_t number;
    struct polyfs_part out;
};

struct parts {
    struct pfs_queue queue;
    struct polyfs_text id;
    struct polyfs_part *done; /* by number - 1 */
    size_t count, room;       /* parts begun */
    unsigned width;
    unsigned under_way; /* tasks not taken back */
    unsigned borrowed;  /* of them, those that read the caller's memory */
};

/* ---- beginning --------------------------------------------------------------------------------------------------- */

static int parts_begin(struct pfs_verb *v, struct polyfs_writer *w)
{
    struct parts *p = calloc(1, sizeof(*p));
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_UPLOAD_START);
    if (!p)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for an upload");
    pfs_queue_init(&p->queue);
    p->width = w->caps.fact[POLYFS_FACT_NETWORK] == POLYFS_NO ? 1 : WIDTH_NETWORK;
    r.u.upload.request = &w->args.request;
    r.u.upload.out_id = &p->id;
    int rc = pfs_verb_run(v, &r);
    if (rc == POLYFS_OK && !p->id.data)
        rc = polyfs_fail(&v->error, POLYFS_PLUGIN, "the plugin began an upload without naming it");
    if (rc == POLYFS_OK) {
        w->state = p;
    } else {
        pfs_text_clear(&p->id);
        free(p);
    }
    return rc;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------ */

static void task_free(struct task *task)
{
    if (task->buffer)
        pfs_budget_free(task->buffer, task->room, task->extra);
    free(task);
}

/* Takes over a finished task: its part on success, its error else. Its buffer becomes the writer's next. */
static int task_end(struct pfs_verb *v, struct polyfs_writer *w, struct task *task)
{
    struct parts *p = w->state;
    int rc = task->r.rc;
    p->under_way--;
    p->borrowed -= !task->buffer;
    if (rc == POLYFS_OK) {
        p->done[task->number - 1] = task->out;
        p->done[task->number - 1].number = task->number;
    } else {
        v->error = task->r.error;
    }
    if (!w->buffer && task->buffer) {
        w->buffer = task->buffer;
        w->room = task->room;
        w->extra = task->extra;
        task->buffer = NULL;
    }
    task_free(task);
    return rc;
}

/* Waits for one task. A stopped call leaves the tasks to polyfs_writer_close. */
static int take_one(struct pfs_verb *v, struct polyfs_writer *w)
{
    struct parts *p = w->state;
    struct pfs_request *r = pfs_queue_take(&p->queue, &v->ctx);
    if (!r)
        return pfs_ctx_check(&v->ctx, &v->error);
    return task_end(v, w, (struct task *)(void *)r);
}

static int part_slot(struct pfs_verb *v, struct polyfs_writer *w, uint32_t *out_number)
{
    struct parts *p = w->state;
    if (w->caps.parts_max && p->count >= w->caps.parts_max)
        return polyfs_fail(&v->error, POLYFS_TOO_LARGE,
                           "the store takes at most %u parts; give a size or a larger part_bytes",
                           w->caps.parts_max);
    if (pfs_grow((void **)&p->done, &p->room, p->count, sizeof(*p->done)) != POLYFS_OK)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for the list of parts");
    memset(&p->done[p->count], 0, sizeof(*p->done));
    *out_number = (uint32_t)++p->count;
    return POLYFS_OK;
}

/* A buffer of the writer's goes with its part. */
static void hand_over(struct polyfs_writer *w, struct task *task)
{
    task->buffer = w->buffer;
    task->room = w->room;
    task->extra = w->extra;
    w->buffer = NULL;
    w->room = w->extra = 0;
}

/*
 * A part that ends within this call is bounded by it; one that goes on behind it, from a buffer of its own, only by
 * the caller's switch.
 */
static struct pfs_ctx *ctx_for(struct pfs_verb *v, struct polyfs_writer *w, const void *data)
{
    const struct parts *p = w->state;
    return p->width > 1 && data == w->buffer ? &w->ctx : &v->ctx;
}

static int submit(struct pfs_verb *v, struct polyfs_writer *w, const void *data, uint64_t size)
{
    struct parts *p = w->state;
    struct task *task = calloc(1, sizeof(*task));
    uint32_t number = 0;
    int rc = task ? part_slot(v, w, &number) : polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a part");
    if (rc != POLYFS_OK) {
        free(task);
        return rc;
    }
    task->r = PFS_REQUEST(PFS_UPLOAD_PART, w->fs, ctx_for(v, w, data), w->path);
    task->number = number;
    task->r.u.upload.id = p->id.data;
    task->r.u.upload.number = number;
    task->r.u.upload.data = data;
    task->r.u.upload.size = size;
    task->r.u.upload.parts = &task->out;
    if (data == w->buffer)
        hand_over(w, task);
    else
        p->borrowed++;
    p->under_way++;
    pfs_queue_submit(&p->queue, &task->r);
    return POLYFS_OK;
}

/*
 * After its buffer went with a part the writer needs another: of the budget if there is room, else the first that
 * comes back. It never waits for memory that somebody else holds.
 */
static int next_buffer(struct pfs_verb *v, struct polyfs_writer *w)
{
    const struct parts *p = w->state;
    int rc = POLYFS_OK;
    if (!w->buffer && p->under_way > p->borrowed && pfs_budget_try(w->part_bytes)) {
        w->buffer = malloc(w->part_bytes);
        if (w->buffer)
            w->room = w->extra = w->part_bytes;
        else
            pfs_budget_give(w->part_bytes);
    }
    while (rc == POLYFS_OK && !w->buffer && p->under_way > p->borrowed)
        rc = take_one(v, w);
    return rc;
}

/* Buffers of the old size all come back and go first, so that what is counted is what is there. */
static int grow_parts(struct pfs_verb *v, struct polyfs_writer *w)
{
    const struct parts *p = w->state;
    int rc = POLYFS_OK;
    if (w->args.request.size_hint != POLYFS_SIZE_UNKNOWN || p->count % GROW_EVERY ||
        w->caps.fact[POLYFS_FACT_EQUAL_PARTS] == POLYFS_YES ||
        (w->caps.part_max && w->part_bytes * 2 > w->caps.part_max))
        return POLYFS_OK;
    while (rc == POLYFS_OK && p->under_way)
        rc = take_one(v, w);
    if (rc != POLYFS_OK)
        return rc;
    pfs_budget_free(w->buffer, w->room, w->extra);
    w->buffer = NULL;
    w->room = w->extra = 0;
    w->part_bytes *= 2;
    return POLYFS_OK;
}

static int parts_part(struct pfs_verb *v, struct polyfs_writer *w, const void *data, uint64_t size)
{
    struct parts *p = w->state;
    int rc = POLYFS_OK;
    while (rc == POLYFS_OK && p->under_way >= p->width)
        rc = take_one(v, w);
    if (rc == POLYFS_OK)
        rc = submit(v, w, data, size);
    if (rc == POLYFS_OK && p->width == 1)
        rc = take_one(v, w);
    if (rc == POLYFS_OK)
        rc = next_buffer(v, w);
    return rc == POLYFS_OK ? grow_parts(v, w) : rc;
}

/* ---- ending ------------------------------------------------------------------------------------------------------- */

static int parts_settle(struct pfs_verb *v, struct polyfs_writer *w)
{
    struct parts *p = w->state;
    int rc = POLYFS_OK;
    while (p->borrowed) { /* also when the call was stopped: its parts end soon, and must have ended */
        int one = take_one(v, w);
        rc = rc == POLYFS_OK ? one : rc;
    }
    return rc;
}

static void parts_free(struct polyfs_writer *w)
{
    struct parts *p = w->state;
    pfs_text_clear(&p->id);
    free(p->done);
    free(p);
    w->state = NULL;
}

static int parts_commit(struct pfs_verb *v, struct polyfs_writer *w, struct polyfs_stat *out)
{
    struct parts *p = w->state;
    int rc = p->count ? POLYFS_OK : submit(v, w, "", 0); /* an empty object is one empty part */
    while (rc == POLYFS_OK && p->under_way)
        rc = take_one(v, w);
    if (rc != POLYFS_OK)
        return rc;
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_UPLOAD_COMPLETE);
    r.u.upload.id = p->id.data;
    r.u.upload.parts = p->done;
    r.u.upload.count = p->count;
    r.u.upload.request = &w->args.request;
    r.u.upload.out = out;
    rc = pfs_verb_run(v, &r);
    if (rc == POLYFS_OK)
        parts_free(w);
    return rc;
}

static void parts_abort(struct pfs_verb *v, struct polyfs_writer *w)
{
    struct parts *p = w->state;
    polyfs_cancel_now(&w->ctx.own);
    while (p->under_way)
        take_one(v, w);
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_UPLOAD_ABORT);
    r.u.upload.id = p->id.data;
    pfs_run(&r); /* what cannot be aborted now is found by `polyfs gc` */
    parts_free(w);
}

const struct pfs_shape pfs_shape_parts = {
    .name = "parts",
    .bit = POLYFS_SHAPE_PARTS,
    .begin = parts_begin,
    .part = parts_part,
    .settle = parts_settle,
    .commit = parts_commit,
    .abort = parts_abort,
};
