/* SPDX-License-Identifier: Apache-2.0 */
/* A mutex that no fork finds held: it is taken inside a fork section only, and nothing in it waits. */
#ifndef PS_LOCK_H
#define PS_LOCK_H

#include <pthread.h>

void ps_lock(pthread_mutex_t *mu);
void ps_unlock(pthread_mutex_t *mu);

#endif
