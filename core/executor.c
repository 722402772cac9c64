/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers and queues. One lock for all: a task is a network round trip or megabytes of copying, so the lock is not
 * where time goes. Invariant: a request is in exactly one place: held, in its queue's line, ready, delayed, with a
 * worker, or finished.
 */
#include "core/executor.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "core/layers/layers.h"

#define STACK_BYTES ((size_t)256 * 1024)
#define SLICE_MS 20 /* a switch turned by a signal handler cannot wake a condition */

static struct {
    pthread_mutex_t mu;
    pthread_cond_t work;     /* for workers */
    pthread_cond_t finished; /* for coordinators */
    /* guarded by mu */
    struct pfs_request *ready[2], **ready_last[2]; /* by lane */
    struct pfs_request *delayed;                   /* by not_before_ns */
    pthread_t threads[PFS_WORKERS_MAX];
    unsigned workers, idle, peak;
    int stopping;
} exec = {
    .mu = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .finished = PTHREAD_COND_INITIALIZER,
    .ready_last = {&exec.ready[0], &exec.ready[1]},
};

static struct timespec real_in(int64_t ns)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ns / 1000000000;
    t.tv_nsec += ns % 1000000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* ---- lists ------------------------------------------------------------------------------------------------ */

static void push_ready_locked(struct pfs_request *r)
{
    unsigned lane = r->ctx->lane == POLYFS_LANE_BULK;
    r->next = NULL;
    *exec.ready_last[lane] = r;
    exec.ready_last[lane] = &r->next;
}

static void push_delayed_locked(struct pfs_request *r)
{
    struct pfs_request **at = &exec.delayed;
    while (*at && (*at)->not_before_ns <= r->not_before_ns)
        at = &(*at)->next;
    r->next = *at;
    *at = r;
}

static void push_finished_locked(struct pfs_request *r)
{
    struct pfs_queue *queue = r->queue;
    r->next = NULL;
    *queue->last = r;
    queue->last = &r->next;
    if (queue->in_line <= queue->width / 2)
        pthread_cond_broadcast(&exec.finished);
}

static void push_line_locked(struct pfs_request *r)
{
    struct pfs_queue *queue = r->queue;
    r->next = NULL;
    *queue->line_last = r;
    queue->line_last = &r->next;
    queue->in_line++;
}

/* A request that was begun: to workers now, or when its pause is over. */
static void begin_locked(struct pfs_request *r)
{
    r->queue->begun++;
    if (r->not_before_ns > pfs_now_ns())
        push_delayed_locked(r); /* a store that works in rounds asked for a pause */
    else
        push_ready_locked(r);
}

/* Whose turn it is by now. */
static void next_in_line_locked(struct pfs_queue *queue)
{
    while (queue->line && queue->begun < queue->width) {
        struct pfs_request *next = queue->line;
        queue->line = next->next;
        if (!queue->line)
            queue->line_last = &queue->line;
        queue->in_line--;
        begin_locked(next);
    }
}

static struct pfs_request *pop_ready_locked(void)
{
    for (unsigned lane = 0; lane < 2; lane++) {
        struct pfs_request *r = exec.ready[lane];
        if (!r)
            continue;
        exec.ready[lane] = r->next;
        if (!r->next)
            exec.ready_last[lane] = &exec.ready[lane];
        return r;
    }
    if (exec.delayed && exec.delayed->not_before_ns <= pfs_now_ns()) {
        struct pfs_request *r = exec.delayed;
        exec.delayed = r->next;
        return r;
    }
    return NULL;
}

/* ---- workers -------------------------------------------------------------------------------------------------- */

static void work_on_locked(struct pfs_request *r)
{
    pthread_mutex_unlock(&exec.mu);
    int again = pfs_attempt(r) || pfs_retry_wanted(r) || pfs_nonce_wanted(r);
    pthread_mutex_lock(&exec.mu);
    if (again) {
        push_delayed_locked(r);
        pthread_cond_signal(&exec.work);
    } else {
        r->queue->begun--;
        push_finished_locked(r);
        next_in_line_locked(r->queue); /* this worker takes it */
    }
}

static void wait_for_work_locked(void)
{
    exec.idle++;
    if (exec.delayed) {
        struct timespec until = real_in(exec.delayed->not_before_ns - pfs_now_ns());
        pthread_cond_timedwait(&exec.work, &exec.mu, &until);
    } else {
        pthread_cond_wait(&exec.work, &exec.mu);
    }
    exec.idle--;
}

static void *worker(void *unused)
{
    pthread_mutex_lock(&exec.mu);
    while (!exec.stopping) {
        struct pfs_request *r = pop_ready_locked();
        if (r)
            work_on_locked(r);
        else
            wait_for_work_locked();
    }
    pthread_mutex_unlock(&exec.mu);
    return unused;
}

/* A thread of ours: named, small, deaf to signals. */
int pfs_thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *user)
{
    sigset_t all, old;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0)
        return POLYFS_NOMEM;
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(out, &attr, run, user);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0)
        return POLYFS_NOMEM;
    pthread_setname_np(*out, name);
    return POLYFS_OK;
}

/* Is there one who lies idle for each that is ready? Who was woken counts until it has run. */
static int enough_idle_locked(void)
{
    unsigned ready = 0;
    for (unsigned lane = 0; lane < 2; lane++) {
        for (const struct pfs_request *r = exec.ready[lane]; r && ready <= exec.idle; r = r->next)
            ready++;
    }
    return exec.idle && ready <= exec.idle;
}

static void hire_locked(void)
{
    if (enough_idle_locked() || exec.workers == PFS_WORKERS_MAX || exec.stopping)
        return;
    if (pfs_thread_start(&exec.threads[exec.workers], "polyfs-worker", worker, NULL) == POLYFS_OK) {
        exec.workers++;
        if (exec.workers > exec.peak)
            exec.peak = exec.workers;
    }
}

static void enqueue_locked(struct pfs_request *r)
{
    if (r->queue->begun >= r->queue->width) {
        push_line_locked(r);
        return;
    }
    begin_locked(r);
    hire_locked();
    pthread_cond_signal(&exec.work);
}

/* ---- queues --------------------------------------------------------------------------------------------------- */

void pfs_queue_init(struct pfs_queue *queue)
{
    *queue = (struct pfs_queue){.width = UINT_MAX, .last = &queue->first, .line_last = &queue->line};
}

void pfs_queue_submit(struct pfs_queue *queue, struct pfs_request *r)
{
    struct pfs_request *before = queue->held;
    r->queue = queue;
    queue->held = r;
    queue->under_way++;
    if (!before)
        return;
    pthread_mutex_lock(&exec.mu);
    enqueue_locked(before);
    pthread_mutex_unlock(&exec.mu);
}

/* Takes a queue's waiting requests out of a list and ends them: their call was cancelled or is late. */
static void withdraw_locked(struct pfs_request **list, struct pfs_request ***last, const struct pfs_queue *queue,
                            const struct pfs_ctx *ctx)
{
    for (struct pfs_request **at = list; *at;) {
        struct pfs_request *r = *at;
        if (r->queue != queue || r->ctx != ctx) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        if (r->attempt == 0 || r->rc >= 0) /* one that failed before keeps its own error */
            r->rc = pfs_ctx_check(r->ctx, &r->error);
        *(list == &r->queue->line ? &r->queue->in_line : &r->queue->begun) -= 1;
        push_finished_locked(r);
    }
    if (!last)
        return;
    struct pfs_request **end = list;
    while (*end)
        end = &(*end)->next;
    *last = end;
}

/* 1 when one has finished; 0 when the waiting call was stopped before. Its requests that no worker has begun end here. */
static int wait_for_one_locked(struct pfs_queue *queue, const struct pfs_ctx *ctx)
{
    while (!queue->first) {
        struct pfs_request *r = exec.workers ? NULL : pop_ready_locked();
        if (r) { /* no thread could be had: do the work here */
            work_on_locked(r);
            continue;
        }
        struct timespec until = real_in(SLICE_MS * PFS_MS);
        pthread_cond_timedwait(&exec.finished, &exec.mu, &until);
        if (queue->first || pfs_ctx_stopped(ctx) == POLYFS_OK)
            continue;
        withdraw_locked(&queue->line, &queue->line_last, queue, ctx);
        withdraw_locked(&exec.ready[0], &exec.ready_last[0], queue, ctx);
        withdraw_locked(&exec.ready[1], &exec.ready_last[1], queue, ctx);
        withdraw_locked(&exec.delayed, NULL, queue, ctx);
        next_in_line_locked(queue);
        return queue->first != NULL;
    }
    return 1;
}

static struct pfs_request *pop_finished_locked(struct pfs_queue *queue)
{
    struct pfs_request *r = queue->first;
    if (!r)
        return NULL;
    queue->first = r->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->under_way--;
    return r;
}

struct pfs_request *pfs_queue_take(struct pfs_queue *queue, struct pfs_ctx *ctx)
{
    struct pfs_request *r = queue->held;
    if (!queue->under_way)
        return NULL;
    queue->held = NULL;
    if (r && queue->under_way == 1) {
        pfs_run(r);
        queue->under_way--;
        return r;
    }
    pthread_mutex_lock(&exec.mu);
    if (r)
        enqueue_locked(r);
    r = wait_for_one_locked(queue, ctx) ? pop_finished_locked(queue) : NULL;
    pthread_mutex_unlock(&exec.mu);
    return r;
}

/* ---- the process's life ------------------------------------------------------------------------------------ */

void pfs_executor_stop(void)
{
    pthread_mutex_lock(&exec.mu);
    exec.stopping = 1;
    unsigned n = exec.workers;
    pthread_cond_broadcast(&exec.work);
    pthread_mutex_unlock(&exec.mu);
    for (unsigned i = 0; i < n; i++)
        pthread_join(exec.threads[i], NULL);
    pthread_mutex_lock(&exec.mu);
    exec.workers = 0;
    exec.stopping = 0;
    pthread_mutex_unlock(&exec.mu);
}

void pfs_executor_stats(struct polyfs_runtime_stats *out)
{
    pthread_mutex_lock(&exec.mu);
    out->threads = exec.workers;
    out->threads_peak = exec.peak;
    pthread_mutex_unlock(&exec.mu);
}

static void fork_prepare(void)
{
    pthread_mutex_lock(&exec.mu);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&exec.mu);
}

/* The child has no workers; what they worked on belongs to threads that are not here either. */
static void fork_child(void)
{
    pthread_mutex_init(&exec.mu, NULL);
    pthread_cond_init(&exec.work, NULL);
    pthread_cond_init(&exec.finished, NULL);
    for (unsigned lane = 0; lane < 2; lane++) {
        exec.ready[lane] = NULL;
        exec.ready_last[lane] = &exec.ready[lane];
    }
    exec.delayed = NULL;
    exec.workers = exec.idle = 0;
    exec.stopping = 0;
}

const struct pfs_fork_hook pfs_executor_hook = {fork_prepare, fork_parent, fork_child};
