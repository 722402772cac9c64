/* SPDX-License-Identifier: Apache-2.0 */
/* The one lock, in core's fork section, and the errors that many tell. */
#include "store.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void v1_lock(void)
{
    v1_host->section_enter();
    pthread_mutex_lock(&lock);
}

void v1_leave(void)
{
    pthread_mutex_unlock(&lock);
    v1_host->section_leave();
}

int v1_enter(const struct polyfs_call *call, struct polyfs_error *err)
{
    int rc = polyfs_go_on(v1_host, call, err);
    if (rc == POLYFS_OK)
        v1_lock();
    return rc;
}

void v1_after_fork(void *fs)
{
    (void)fs;
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

int v1_no_memory(struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_NOMEM, "there is no memory");
}

int v1_not_found(struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_NOT_FOUND, "there is no such object");
}

int v1_unknown(struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag or condition is not known");
}
