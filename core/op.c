/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of operations and its coordinators. One lock for all of it: an operation changes state a handful of times
 * in its life. State only moves forward: queued → running → done.
 */
#include "core/op.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/executor.h"

enum state { OP_QUEUED, OP_RUNNING, OP_DONE };

struct polyfs_op {
    /* immutable */
    pfs_op_run *run;
    uint64_t generation; /* of the process that submitted it */
    struct polyfs_cancel cancel;

    /* the coordinator's, then the waiter's */
    int rc;
    struct polyfs_error error;

    /* guarded by ops.mu */
    enum state state;
    struct polyfs_op *next;
    void (*callback)(void *data); /* due; NULL none */
    void *callback_data;
    int callback_running;
    unsigned waiters; /* threads inside wait */
    int fd;           /* eventfd, or -1 */

    max_align_t args[]; /* the closure */
};

static struct {
    pthread_mutex_t mu;
    pthread_cond_t work;    /* for coordinators */
    pthread_cond_t changed; /* for waiters, and for coordinators that wait for a callback */
    /* guarded by mu */
    struct polyfs_op *first, **last;
    pthread_t threads[PFS_COORDINATORS_MAX];
    unsigned workers, idle, peak;
    int stopping;
} ops = {
    .mu = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER,
    .last = &ops.first,
};

static _Thread_local struct polyfs_op *current;

struct polyfs_cancel *pfs_op_current_cancel(void)
{
    return current ? &current->cancel : NULL;
}

/* ---- descriptors --------------------------------------------------------------------------------------------------- */

static int something_to_do_locked(const struct polyfs_op *op)
{
    return op->state == OP_DONE || (op->callback && !op->callback_running);
}

static void signal_locked(struct polyfs_op *op)
{
    uint64_t one = 1;
    if (op->fd >= 0 && something_to_do_locked(op)) {
        ssize_t n = write(op->fd, &one, sizeof(one));
        (void)n;
    }
    pthread_cond_broadcast(&ops.changed);
}

static void settle_fd_locked(struct polyfs_op *op)
{
    uint64_t value;
    if (op->fd >= 0 && !something_to_do_locked(op)) {
        ssize_t n = read(op->fd, &value, sizeof(value));
        (void)n;
    }
}

int polyfs_op_fd(struct polyfs_op *op)
{
    pthread_mutex_lock(&ops.mu);
    if (op->fd < 0)
        op->fd = eventfd(something_to_do_locked(op) ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
    int fd = op->fd;
    pthread_mutex_unlock(&ops.mu);
    return fd;
}

/* ---- coordinators ---------------------------------------------------------------------------------------------------- */

static void run_locked(struct polyfs_op *op)
{
    op->state = OP_RUNNING;
    pthread_mutex_unlock(&ops.mu);
    current = op;
    op->rc = op->run(op->args, &op->error);
    current = NULL;
    pthread_mutex_lock(&ops.mu);
    op->state = OP_DONE;
    signal_locked(op);
}

static void *coordinator(void *unused)
{
    pthread_mutex_lock(&ops.mu);
    while (!ops.stopping) {
        struct polyfs_op *op = ops.first;
        if (op) {
            ops.first = op->next;
            if (!ops.first)
                ops.last = &ops.first;
            run_locked(op);
        } else {
            ops.idle++;
            pthread_cond_wait(&ops.work, &ops.mu);
            ops.idle--;
        }
    }
    pthread_mutex_unlock(&ops.mu);
    return unused;
}

/* Is there one who lies idle for each that waits, and for one more? Who was woken counts until it has run. */
static int enough_idle_locked(void)
{
    unsigned waiting = 0;
    for (const struct polyfs_op *op = ops.first; op && waiting < ops.idle; op = op->next)
        waiting++;
    return waiting < ops.idle;
}

static int hire_locked(void)
{
    if (enough_idle_locked() || ops.workers == PFS_COORDINATORS_MAX || ops.stopping)
        return POLYFS_OK;
    int rc = pfs_thread_start(&ops.threads[ops.workers], "polyfs-coord", coordinator, NULL);
    if (rc == POLYFS_OK && ++ops.workers > ops.peak)
        ops.peak = ops.workers;
    return ops.workers ? POLYFS_OK : rc;
}

static void unqueue_locked(struct polyfs_op *op)
{
    struct polyfs_op **at = &ops.first;
    while (*at && *at != op)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = op->next;
    ops.last = &ops.first;
    while (*ops.last)
        ops.last = &(*ops.last)->next;
}

int pfs_op_make(pfs_op_run *run, const void *args, size_t size, struct polyfs_op **out_op, void **out_args,
                struct polyfs_error *err)
{
    PFS_ERROR(why);
    struct polyfs_op *op = calloc(1, sizeof(*op) + size);
    if (!op)
        return pfs_error_out(err, &why, polyfs_fail(&why, POLYFS_NOMEM, "no memory"), "begin an operation", NULL);
    op->run = run;
    op->fd = -1;
    op->generation = pfs_fork_generation();
    op->error = (struct polyfs_error)POLYFS_ERROR_INIT;
    pfs_cancel_init(&op->cancel);
    memcpy(op->args, args, size);
    if (out_args)
        *out_args = op->args;
    *out_op = op;
    return POLYFS_OK;
}

int pfs_op_start(struct polyfs_op **out_op, struct polyfs_error *err)
{
    PFS_ERROR(why);
    struct polyfs_op *op = *out_op;
    pthread_mutex_lock(&ops.mu);
    int rc = hire_locked();
    if (rc == POLYFS_OK) {
        *ops.last = op;
        ops.last = &op->next;
        pthread_cond_signal(&ops.work);
    }
    pthread_mutex_unlock(&ops.mu);
    if (rc == POLYFS_OK)
        return POLYFS_OK;
    *out_op = NULL;
    free(op);
    return pfs_error_out(err, &why, polyfs_fail(&why, POLYFS_NOMEM, "no thread can be started"),
                         "begin an operation", NULL);
}

/* ---- callbacks ---------------------------------------------------------------------------------------------------------- */

static struct timespec real_in_ms(uint32_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

void pfs_op_call_back(struct polyfs_op *op, void (*fn)(void *data), void *data, int drop)
{
    pthread_mutex_lock(&ops.mu);
    if (!drop || op->waiters) {
        op->callback = fn;
        op->callback_data = data;
        signal_locked(op);
        while (op->callback && (op->callback_running || !atomic_load(&op->cancel.fired))) {
            struct timespec until = real_in_ms(20);
            pthread_cond_timedwait(&ops.changed, &ops.mu, &until);
        }
        op->callback = NULL;
    }
    pthread_mutex_unlock(&ops.mu);
}

static void run_callback_locked(struct polyfs_op *op)
{
    void (*fn)(void *data) = op->callback;
    void *data = op->callback_data;
    op->callback_running = 1;
    pthread_mutex_unlock(&ops.mu);
    fn(data);
    pthread_mutex_lock(&ops.mu);
    op->callback_running = 0;
    op->callback = NULL;
    settle_fd_locked(op);
    pthread_cond_broadcast(&ops.changed);
}

/* ---- waiting -------------------------------------------------------------------------------------------------------------- */

/* In a child nobody runs the parent's operations. */
static int forked(const struct polyfs_op *op, struct polyfs_error *err)
{
    PFS_ERROR(why);
    if (op->generation == pfs_fork_generation())
        return POLYFS_OK;
    int rc = polyfs_fail(&why, POLYFS_FORKED, "it was begun by the parent process");
    return pfs_error_out(err, &why, rc, "wait for an operation", NULL);
}

int polyfs_op_poll(struct polyfs_op *op)
{
    pthread_mutex_lock(&ops.mu);
    int done = op->state == OP_DONE || op->generation != pfs_fork_generation();
    pthread_mutex_unlock(&ops.mu);
    return done;
}

int polyfs_op_wait(struct polyfs_op *op, uint32_t timeout_ms, struct polyfs_error *err)
{
    struct timespec until = real_in_ms(timeout_ms == UINT32_MAX ? 0 : timeout_ms);
    int rc = forked(op, err), late = 0;
    if (rc != POLYFS_OK)
        return rc;
    pthread_mutex_lock(&ops.mu);
    op->waiters++;
    while (op->state != OP_DONE && !late) {
        if (op->callback && !op->callback_running)
            run_callback_locked(op);
        else if (timeout_ms == UINT32_MAX)
            pthread_cond_wait(&ops.changed, &ops.mu);
        else
            late = pthread_cond_timedwait(&ops.changed, &ops.mu, &until) == ETIMEDOUT;
    }
    op->waiters--;
    rc = op->state == OP_DONE ? op->rc : POLYFS_MORE;
    pthread_mutex_unlock(&ops.mu);
    if (rc < 0)
        pfs_error_copy(err, &op->error);
    return rc;
}

void polyfs_op_cancel(struct polyfs_op *op)
{
    polyfs_cancel_now(&op->cancel);
    pthread_mutex_lock(&ops.mu);
    pthread_cond_broadcast(&ops.changed);
    pthread_mutex_unlock(&ops.mu);
}

void polyfs_op_free(struct polyfs_op *op)
{
    if (!op)
        return;
    polyfs_op_cancel(op);
    pthread_mutex_lock(&ops.mu);
    if (op->generation == pfs_fork_generation()) {
        if (op->state == OP_QUEUED) {
            unqueue_locked(op);
            op->state = OP_DONE;
        }
        while (op->state != OP_DONE)
            pthread_cond_wait(&ops.changed, &ops.mu);
    }
    pthread_mutex_unlock(&ops.mu);
    if (op->fd >= 0)
        close(op->fd);
    pfs_cancel_clear(&op->cancel);
    free(op);
}

/* ---- the process's life ------------------------------------------------------------------------------------------------- */

void pfs_op_stop(void)
{
    pthread_mutex_lock(&ops.mu);
    ops.stopping = 1;
    unsigned n = ops.workers;
    pthread_cond_broadcast(&ops.work);
    pthread_mutex_unlock(&ops.mu);
    for (unsigned i = 0; i < n; i++)
        pthread_join(ops.threads[i], NULL);
    pthread_mutex_lock(&ops.mu);
    ops.workers = 0;
    ops.stopping = 0;
    if (ops.first) /* submitted meanwhile: somebody must run it */
        hire_locked();
    pthread_mutex_unlock(&ops.mu);
}

unsigned pfs_op_threads(unsigned *out_peak)
{
    pthread_mutex_lock(&ops.mu);
    unsigned n = ops.workers;
    *out_peak = ops.peak;
    pthread_mutex_unlock(&ops.mu);
    return n;
}

static void fork_prepare(void)
{
    pthread_mutex_lock(&ops.mu);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&ops.mu);
}

static void fork_child(void)
{
    pthread_mutex_init(&ops.mu, NULL);
    pthread_cond_init(&ops.work, NULL);
    pthread_cond_init(&ops.changed, NULL);
    ops.first = NULL;
    ops.last = &ops.first;
    ops.workers = ops.idle = 0;
    ops.stopping = 0;
    current = NULL;
}

const struct pfs_fork_hook pfs_op_hook = {fork_prepare, fork_parent, fork_child};
