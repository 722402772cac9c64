/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor runs single calls of plugin slots as tasks, and nothing else. A task that has to be tried again is
 * queued for later: no worker ever sleeps for it. Threads start with the first task and end at shutdown.
 */
#ifndef PFS_EXECUTOR_H
#define PFS_EXECUTOR_H

#include <pthread.h>

#include "core/fork.h"
#include "core/request.h"
#include "polyfs/runtime.h"

#define PFS_WORKERS_MAX 12 /* and at most 4 coordinators: 16 threads of ours in a process */

/*
 * Requests of one coordinator: those in line until it is their turn, and the finished ones, in the order in which they
 * finished. A line saves wake-ups: the worker that finished one takes the next by itself, and the coordinator sleeps on
 * until the line is half empty.
 */
struct pfs_queue {
    unsigned under_way;       /* submitted, not yet taken */
    struct pfs_request *held; /* submitted last, not yet handed over */
    unsigned width;           /* with workers at once at most; set it before the first is submitted */
    /* guarded by the executor's lock */
    struct pfs_request *first, **last; /* finished */
    struct pfs_request *line, **line_last;
    unsigned in_line, begun; /* waiting for their turn; with workers, ready for one or to be tried again */
};

/* Requests worth submitting at once: as many in line as with workers; one at a time stays one at a time. */
static inline unsigned pfs_queue_at_once(const struct pfs_queue *queue)
{
    return queue->width > 1 ? 2 * queue->width : 1;
}

/* Without a bound on its width. */
void pfs_queue_init(struct pfs_queue *queue);

/* Hand a request to the workers; it and all it points to stay valid until pfs_queue_take gives it back. */
void pfs_queue_submit(struct pfs_queue *queue, struct pfs_request *request);

/*
 * The next finished request, its result in request->rc and request->error. NULL when none is under way, or when
 * @ctx, the call that waits, was stopped before one finished; those with a worker then still have to be taken. A lone
 * request is run right here, so one request at a time never needs a thread.
 */
struct pfs_request *pfs_queue_take(struct pfs_queue *queue, struct pfs_ctx *ctx);

/* A thread of ours: named, 256 KiB of stack, all signals blocked. POLYFS_OK or POLYFS_NOMEM. */
int pfs_thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *user);

void pfs_executor_stop(void);
void pfs_executor_stats(struct polyfs_runtime_stats *out);

extern const struct pfs_fork_hook pfs_executor_hook;

#endif
