/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fork gate: a count of threads inside sections, and a closed flag. prepare() closes it and waits for the
 * count to reach zero (at most 50 ms: a section left open must not hang the program's fork); sections are short,
 * since they are left while a thread waits for a socket.
 */
#include "core/fork.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define GATE_WAIT_MS 50
#define HOOKS_MAX 16

static atomic_uint_fast64_t generation = 1;
static _Thread_local unsigned section_depth;

static struct {
    pthread_mutex_t mu;
    pthread_cond_t changed;
    /* guarded by mu */
    unsigned inside;
    int closed;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};

static const struct pfs_fork_hook *hooks[HOOKS_MAX];
static unsigned hook_count;

uint64_t pfs_fork_generation(void)
{
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

void pfs_section_enter(void)
{
    if (section_depth++)
        return;
    pthread_mutex_lock(&gate.mu);
    while (gate.closed)
        pthread_cond_wait(&gate.changed, &gate.mu);
    gate.inside++;
    pthread_mutex_unlock(&gate.mu);
}

void pfs_section_leave(void)
{
    if (--section_depth)
        return;
    pthread_mutex_lock(&gate.mu);
    if (--gate.inside == 0 && gate.closed)
        pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mu);
}

/* A thread that forks inside a section of its own does not wait for itself. */
static void gate_close(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += GATE_WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&gate.mu);
    gate.closed = 1;
    while (gate.inside > (section_depth ? 1u : 0u))
        if (pthread_cond_timedwait(&gate.changed, &gate.mu, &until) == ETIMEDOUT)
            break;
}

static void prepare(void)
{
    gate_close();
    for (unsigned i = 0; i < hook_count; i++)
        hooks[i]->prepare();
}

static void parent(void)
{
    for (unsigned i = hook_count; i-- > 0;)
        hooks[i]->parent();
    gate.closed = 0;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mu);
}

static void child(void)
{
    atomic_fetch_add(&generation, 1);
    for (unsigned i = hook_count; i-- > 0;)
        hooks[i]->child();
    pthread_mutex_init(&gate.mu, NULL);
    pthread_cond_init(&gate.changed, NULL);
    gate.closed = 0;
    gate.inside = section_depth ? 1 : 0;
}

static void setup_once(void)
{
    pthread_atfork(prepare, parent, child);
}

void pfs_fork_hook_add(const struct pfs_fork_hook *hook)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, setup_once);
    if (hook_count < HOOKS_MAX)
        hooks[hook_count++] = hook;
}
