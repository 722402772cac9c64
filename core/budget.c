/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takers wait in a queue of their own making, oldest first: a large one is not starved by small ones behind it.
 * A waiter's place is on its stack. Waiting is in slices of 20 ms only for calls that can be cancelled from
 * elsewhere, since a switch may be turned by a signal handler, which cannot signal a condition.
 */
#include "core/budget.h"

#include <pthread.h>

struct waiter {
    struct waiter *next;
    uint64_t bytes;
    int granted;
};

static struct {
    pthread_mutex_t mu;
    pthread_cond_t changed;
    /* guarded by mu */
    uint64_t total, taken, counted, peak;
    uint32_t handles;
    struct waiter *first, **last;
} budget = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PFS_BUDGET_DEFAULT, 0, 0, 0, 0, NULL, &budget.first};

static int fits_locked(uint64_t bytes)
{
    return budget.taken == 0 || (bytes <= budget.total && budget.taken <= budget.total - bytes);
}

static void take_locked(uint64_t bytes)
{
    budget.taken += bytes;
    if (budget.taken + budget.counted > budget.peak)
        budget.peak = budget.taken + budget.counted;
}

static void grant_locked(void)
{
    while (budget.first && fits_locked(budget.first->bytes)) {
        struct waiter *w = budget.first;
        budget.first = w->next;
        if (!budget.first)
            budget.last = &budget.first;
        take_locked(w->bytes);
        w->granted = 1;
    }
    pthread_cond_broadcast(&budget.changed);
}

static void leave_locked(struct waiter *w)
{
    for (struct waiter **at = &budget.first; *at; at = &(*at)->next) {
        if (*at != w)
            continue;
        *at = w->next;
        if (!*at)
            budget.last = at;
        break;
    }
    grant_locked();
}

int pfs_budget_take(struct pfs_ctx *ctx, uint64_t bytes)
{
    int rc = POLYFS_OK;
    pthread_mutex_lock(&budget.mu);
    if (!budget.first && fits_locked(bytes)) {
        take_locked(bytes);
        pthread_mutex_unlock(&budget.mu);
        return POLYFS_OK;
    }
    struct waiter w = {NULL, bytes, 0};
    *budget.last = &w;
    budget.last = &w.next;
    while (!w.granted && (rc = pfs_ctx_stopped(ctx)) == POLYFS_OK) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 20 * PFS_MS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&budget.changed, &budget.mu, &until);
    }
    if (w.granted)
        rc = POLYFS_OK;
    else
        leave_locked(&w);
    pthread_mutex_unlock(&budget.mu);
    return rc;
}

int pfs_budget_try(uint64_t bytes)
{
    pthread_mutex_lock(&budget.mu);
    int taken = !budget.first && fits_locked(bytes);
    if (taken)
        take_locked(bytes);
    pthread_mutex_unlock(&budget.mu);
    return taken;
}

void pfs_budget_give(uint64_t bytes)
{
    pthread_mutex_lock(&budget.mu);
    budget.taken -= bytes;
    grant_locked();
    pthread_mutex_unlock(&budget.mu);
}

void pfs_budget_count(int64_t bytes)
{
    pthread_mutex_lock(&budget.mu);
    budget.counted += (uint64_t)bytes;
    if (budget.taken + budget.counted > budget.peak)
        budget.peak = budget.taken + budget.counted;
    pthread_mutex_unlock(&budget.mu);
}

void pfs_budget_handle(int delta)
{
    pthread_mutex_lock(&budget.mu);
    budget.handles += (uint32_t)delta;
    pthread_mutex_unlock(&budget.mu);
}

void pfs_budget_stats(struct polyfs_runtime_stats *out)
{
    pthread_mutex_lock(&budget.mu);
    out->handles = budget.handles;
    out->budget_bytes = budget.total;
    out->used_bytes = budget.taken + budget.counted;
    out->peak_bytes = budget.peak;
    pthread_mutex_unlock(&budget.mu);
}

void polyfs_set_budget(uint64_t bytes)
{
    pthread_mutex_lock(&budget.mu);
    budget.total = bytes;
    grant_locked();
    pthread_mutex_unlock(&budget.mu);
}

static void fork_prepare(void)
{
    pthread_mutex_lock(&budget.mu);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&budget.mu);
}

/* The child's threads are gone, and with them what they held: only memory counted by handles is kept. */
static void fork_child(void)
{
    pthread_mutex_init(&budget.mu, NULL);
    pthread_cond_init(&budget.changed, NULL);
    budget.taken = 0;
    budget.first = NULL;
    budget.last = &budget.first;
}

const struct pfs_fork_hook pfs_budget_hook = {fork_prepare, fork_parent, fork_child};
