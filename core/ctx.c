/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancel and deadline. Both are looked at, never delivered: a slot asks host->stopped() between its steps, or
 * polls the descriptor while it waits. Turning a switch writes eight bytes at most, so a signal handler may.
 */
#include "core/ctx.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/op.h"
#include "core/random.h"

atomic_int pfs_exiting;

int64_t pfs_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void pfs_cancel_init(struct polyfs_cancel *cancel)
{
    atomic_init(&cancel->fired, 0);
    atomic_init(&cancel->fd, -1);
}

void pfs_cancel_clear(struct polyfs_cancel *cancel)
{
    int fd = atomic_load(&cancel->fd);
    if (fd >= 0)
        close(fd);
}

static void make_readable(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof(one)); /* only fails when it is readable already */
    (void)n;
}

/* The switch's descriptor; whoever makes it second throws its own away. */
static int cancel_fd(struct polyfs_cancel *cancel)
{
    int fd = atomic_load(&cancel->fd);
    if (fd >= 0)
        return fd;
    int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made < 0)
        return -1;
    int none = -1;
    if (!atomic_compare_exchange_strong(&cancel->fd, &none, made)) {
        close(made);
        return none;
    }
    if (atomic_load(&cancel->fired))
        make_readable(made);
    return made;
}

struct polyfs_cancel *polyfs_cancel_new(void)
{
    struct polyfs_cancel *cancel = malloc(sizeof(*cancel));
    if (cancel)
        pfs_cancel_init(cancel);
    return cancel;
}

void polyfs_cancel_now(struct polyfs_cancel *cancel)
{
    atomic_store(&cancel->fired, 1);
    int fd = atomic_load(&cancel->fd);
    if (fd >= 0)
        make_readable(fd);
}

void polyfs_cancel_free(struct polyfs_cancel *cancel)
{
    if (!cancel)
        return;
    pfs_cancel_clear(cancel);
    free(cancel);
}

/* ---- the list of calls that may wait ------------------------------------------------------------------------ */

static pthread_mutex_t list_mu = PTHREAD_MUTEX_INITIALIZER;
static struct pfs_ctx *list_first; /* guarded by list_mu */

static void list(struct pfs_ctx *ctx)
{
    pthread_mutex_lock(&list_mu);
    if (!ctx->listed) {
        ctx->next = list_first;
        ctx->back = &list_first;
        if (list_first)
            list_first->back = &ctx->next;
        list_first = ctx;
        ctx->listed = pfs_fork_generation();
    }
    pthread_mutex_unlock(&list_mu);
}

/* A context that was listed before a fork is in the parent's list only. */
static void unlist(struct pfs_ctx *ctx)
{
    if (!ctx->listed || ctx->listed != pfs_fork_generation())
        return;
    pthread_mutex_lock(&list_mu);
    *ctx->back = ctx->next;
    if (ctx->next)
        ctx->next->back = ctx->back;
    pthread_mutex_unlock(&list_mu);
}

void pfs_ctx_wake_all(void)
{
    pthread_mutex_lock(&list_mu);
    for (struct pfs_ctx *ctx = list_first; ctx; ctx = ctx->next)
        polyfs_cancel_now(&ctx->own);
    pthread_mutex_unlock(&list_mu);
}

static void fork_prepare(void)
{
    pthread_mutex_lock(&list_mu);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&list_mu);
}

static void fork_child(void)
{
    pthread_mutex_init(&list_mu, NULL);
    list_first = NULL;
}

const struct pfs_fork_hook pfs_ctx_hook = {fork_prepare, fork_parent, fork_child};

/* ---- contexts -------------------------------------------------------------------------------------------------- */

int pfs_ctx_begin(struct pfs_ctx *ctx, const char *verb, const struct polyfs_call_opts *opts,
                  struct polyfs_error *err)
{
    ctx->verb = verb;
    ctx->user = opts ? opts->cancel : NULL;
    ctx->op = pfs_op_current_cancel();
    ctx->lane = opts ? opts->lane : POLYFS_LANE_INTERACTIVE;
    ctx->deadline_ns = INT64_MAX;
    if (opts && opts->timeout_ms)
        ctx->deadline_ns = pfs_now_ns() + opts->timeout_ms * PFS_MS;
    pfs_cancel_init(&ctx->own);
    atomic_init(&ctx->all_fd, -1);
    ctx->listed = 0;
    pfs_random(ctx->op_id, sizeof(ctx->op_id));
    if (opts && (opts->flags || opts->lane > POLYFS_LANE_BULK))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "the call options hold a flag or lane that is not known");
    return POLYFS_OK;
}

void pfs_ctx_end(struct pfs_ctx *ctx)
{
    unlist(ctx);
    int fd = atomic_load(&ctx->all_fd);
    if (fd >= 0)
        close(fd);
    pfs_cancel_clear(&ctx->own);
}

int pfs_ctx_stopped(const struct pfs_ctx *ctx)
{
    if (atomic_load_explicit(&ctx->own.fired, memory_order_relaxed) ||
        atomic_load_explicit(&pfs_exiting, memory_order_relaxed))
        return POLYFS_CANCELLED;
    if ((ctx->user && atomic_load_explicit(&ctx->user->fired, memory_order_relaxed)) ||
        (ctx->op && atomic_load_explicit(&ctx->op->fired, memory_order_relaxed)))
        return POLYFS_CANCELLED;
    if (ctx->deadline_ns != INT64_MAX && pfs_now_ns() >= ctx->deadline_ns)
        return POLYFS_TIMEOUT;
    return POLYFS_OK;
}

int pfs_ctx_check(const struct pfs_ctx *ctx, struct polyfs_error *err)
{
    int rc = pfs_ctx_stopped(ctx);
    if (rc == POLYFS_CANCELLED)
        return polyfs_fail(err, rc, "it was cancelled");
    if (rc == POLYFS_TIMEOUT)
        return polyfs_fail(err, rc, "the time limit of the call passed");
    return POLYFS_OK;
}

/* All switches behind one descriptor: epoll descriptors can be polled themselves. */
static int all_fd(struct pfs_ctx *ctx)
{
    int fd = atomic_load(&ctx->all_fd);
    if (fd >= 0)
        return fd;
    int made = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event readable = {.events = EPOLLIN};
    if (made < 0)
        return -1;
    if (epoll_ctl(made, EPOLL_CTL_ADD, cancel_fd(&ctx->own), &readable) < 0 ||
        (ctx->user && epoll_ctl(made, EPOLL_CTL_ADD, cancel_fd(ctx->user), &readable) < 0) ||
        (ctx->op && epoll_ctl(made, EPOLL_CTL_ADD, cancel_fd(ctx->op), &readable) < 0)) {
        close(made);
        return -1;
    }
    int none = -1;
    if (!atomic_compare_exchange_strong(&ctx->all_fd, &none, made)) {
        close(made);
        return none;
    }
    return made;
}

int pfs_ctx_fd(struct pfs_ctx *ctx)
{
    list(ctx);
    return ctx->user || ctx->op ? all_fd(ctx) : cancel_fd(&ctx->own);
}

int pfs_ctx_sleep(struct pfs_ctx *ctx, int64_t until_ns)
{
    for (;;) {
        int rc = pfs_ctx_stopped(ctx);
        int64_t now = pfs_now_ns();
        if (rc != POLYFS_OK || now >= until_ns)
            return rc;
        int64_t end = until_ns < ctx->deadline_ns ? until_ns : ctx->deadline_ns;
        struct timespec wait = {(end - now) / 1000000000, (end - now) % 1000000000};
        struct pollfd stop = {.fd = pfs_ctx_fd(ctx), .events = POLLIN};
        ppoll(&stop, 1, &wait, NULL);
    }
}
