/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include "buf.h"

void ps_lock(pthread_mutex_t *mu)
{
    ps_host->section_enter();
    pthread_mutex_lock(mu);
}

void ps_unlock(pthread_mutex_t *mu)
{
    pthread_mutex_unlock(mu);
    ps_host->section_leave();
}
