/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nobody ever waits for the budget: what a handle or a transfer may have by right is counted, and what is extra is
 * taken if there is room right now (docs/adr/0006-memory.md). So there is no order in which two could wait for each
 * other, and one thread with many open writers cannot wait for itself.
 */
#include "core/budget.h"

#include <pthread.h>

#include "core/block.h"

static struct {
    pthread_mutex_t mu;
    /* guarded by mu */
    uint64_t total, taken, counted, peak;
    uint32_t handles;
} budget = {PTHREAD_MUTEX_INITIALIZER, PFS_BUDGET_DEFAULT, 0, 0, 0, 0};

/* What handles keep by right counts too: with it there, all of it comes down to max(budget, handles × part). */
static int fits_locked(uint64_t bytes)
{
    uint64_t used = budget.taken + budget.counted;
    return bytes <= budget.total && used <= budget.total - bytes;
}

static void note_peak_locked(void)
{
    if (budget.taken + budget.counted > budget.peak)
        budget.peak = budget.taken + budget.counted;
}

/* In a forked child inherited handles give back what was forgotten at the fork. */
static void give_locked(uint64_t bytes)
{
    budget.taken -= bytes < budget.taken ? bytes : budget.taken;
}

int pfs_budget_try(uint64_t bytes)
{
    pthread_mutex_lock(&budget.mu);
    int taken = fits_locked(bytes);
    if (taken)
        budget.taken += bytes;
    note_peak_locked();
    pthread_mutex_unlock(&budget.mu);
    return taken;
}

void pfs_budget_give(uint64_t bytes)
{
    pthread_mutex_lock(&budget.mu);
    give_locked(bytes);
    pthread_mutex_unlock(&budget.mu);
}

void pfs_budget_count(int64_t bytes)
{
    pthread_mutex_lock(&budget.mu);
    budget.counted += (uint64_t)bytes;
    note_peak_locked();
    pthread_mutex_unlock(&budget.mu);
}

void pfs_budget_free(void *memory, uint64_t room, uint64_t extra)
{
    pthread_mutex_lock(&budget.mu);
    give_locked(extra);
    budget.counted -= room - extra;
    pthread_mutex_unlock(&budget.mu);
    pfs_block_free(memory, room);
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
    budget.taken = 0;
}

const struct pfs_fork_hook pfs_budget_hook = {fork_prepare, fork_parent, fork_child};
