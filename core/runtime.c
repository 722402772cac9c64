/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Setup, exit and shutdown. Leaving the process with transfers under way must neither crash, hang nor change the
 * exit code: the handler refuses new calls, cancels the running ones, waits at most 200 ms and joins nobody
 * (without it 30 of 60 processes died in OpenSSL's own handler; docs/adr/0004-fork-and-exit.md).
 */
#include "core/runtime.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/budget.h"
#include "core/executor.h"
#include "core/instance.h"
#include "core/layers/layers.h"
#include "core/op.h"
#include "core/options.h"
#include "core/registry.h"

#define EXIT_WAIT_MS 200

static atomic_int calls_under_way;

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *polyfs_version(void)
{
    return TEXT(POLYFS_VERSION_MAJOR) "." TEXT(POLYFS_VERSION_MINOR) "." TEXT(POLYFS_VERSION_PATCH);
}

static void setup_once(void)
{
    pfs_fork_hook_add(&pfs_registry_hook);
    pfs_fork_hook_add(&pfs_instance_hook);
    pfs_fork_hook_add(&pfs_op_hook);
    pfs_fork_hook_add(&pfs_executor_hook);
    pfs_fork_hook_add(&pfs_budget_hook);
    pfs_fork_hook_add(&pfs_ctx_hook);
    pfs_fork_hook_add(&pfs_limit_hook);
    const char *budget = pfs_env("POLYFS_BUDGET");
    int64_t bytes;
    if (budget && pfs_option_number(POLYFS_OPTION_SIZE, budget, &bytes, NULL) == POLYFS_OK)
        polyfs_set_budget((uint64_t)bytes);
}

void pfs_runtime_setup(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, setup_once);
}

int pfs_runtime_enter(void)
{
    atomic_fetch_add_explicit(&calls_under_way, 1, memory_order_relaxed);
    return atomic_load_explicit(&pfs_exiting, memory_order_relaxed);
}

void pfs_runtime_leave(void)
{
    atomic_fetch_sub_explicit(&calls_under_way, 1, memory_order_release);
}

static void at_exit(void)
{
    atomic_store(&pfs_exiting, 1);
    pfs_ctx_wake_all();
    int64_t until = pfs_now_ns() + EXIT_WAIT_MS * PFS_MS;
    while (atomic_load(&calls_under_way) > 0 && pfs_now_ns() < until)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
}

int pfs_runtime_loaded(void)
{
    static int registered; /* guarded by the registry's lock */
    if (!registered && atexit(at_exit) != 0)
        return POLYFS_NOMEM;
    registered = 1;
    return POLYFS_OK;
}

void polyfs_runtime_stats(struct polyfs_runtime_stats *out)
{
    struct polyfs_runtime_stats full;
    uint32_t room = out->struct_size && out->struct_size < sizeof(full) ? out->struct_size : (uint32_t)sizeof(full);
    unsigned peak;
    pfs_budget_stats(&full);
    pfs_executor_stats(&full);
    full.threads += pfs_op_threads(&peak);
    full.threads_peak += peak;
    full.struct_size = room;
    memcpy(out, &full, room);
}

void polyfs_shutdown(void)
{
    pfs_op_stop();
    pfs_executor_stop();
    pfs_instances_drop_idle();
}
