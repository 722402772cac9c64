/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one function pointer of the program's. The level is read without a lock, so that a disabled line costs
 * one load; function and user pointer change together under the lock.
 */
#include "core/log.h"

#include <pthread.h>
#include <stdatomic.h>

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static polyfs_log_fn *sink; /* guarded by mu */
static void *sink_user;     /* guarded by mu */
static atomic_uint level_plus_one;

void polyfs_set_log(uint32_t level, polyfs_log_fn *fn, void *user)
{
    pthread_mutex_lock(&mu);
    sink = fn;
    sink_user = user;
    atomic_store(&level_plus_one, fn ? level + 1 : 0);
    pthread_mutex_unlock(&mu);
}

int pfs_log_wants(uint32_t level)
{
    return level < atomic_load_explicit(&level_plus_one, memory_order_relaxed);
}

void pfs_log(uint32_t level, const char *format, ...)
{
    if (!pfs_log_wants(level))
        return;
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    pthread_mutex_lock(&mu);
    polyfs_log_fn *fn = sink;
    void *user = sink_user;
    pthread_mutex_unlock(&mu);
    if (fn)
        fn(level, line, user);
}
