/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checksums of tensors before they are saved. A file's header tells them, so that no byte can leave before all of them are
 * known: while one thread sums a gibibyte, a network lies idle for a tenth of a second. A few help where there is so much.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "tensors.h"

#define HELPERS_MAX 3
#define BYTES_EACH (UINT64_C(32) << 20) /* less is over before a thread has begun */
#define STACK_BYTES (64 << 10)

struct sums {
    const struct polyfs_tensor *const *tensors;
    size_t count;
    uint32_t *out;
    atomic_size_t next;
};

static void *work(void *user)
{
    struct sums *sums = user;
    for (size_t i; (i = atomic_fetch_add(&sums->next, 1)) < sums->count;)
        sums->out[i] = polyfs_crc32c(0, sums->tensors[i]->data, sums->tensors[i]->bytes);
    return NULL;
}

/* As many as there are processors for, beside this thread. */
static unsigned helpers_for(const struct sums *sums)
{
    cpu_set_t set;
    uint64_t bytes = 0;
    int processors = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    for (size_t i = 0; i < sums->count; i++)
        bytes += sums->tensors[i]->bytes;
    uint64_t most = bytes / BYTES_EACH;
    if (most > HELPERS_MAX)
        most = HELPERS_MAX;
    return processors <= (int)most ? (unsigned)processors - 1 : (unsigned)most;
}

/* All signals are the program's. @return how many could be had */
static unsigned start(struct sums *sums, unsigned wanted, pthread_t *helpers)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    unsigned n = 0;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (n < wanted && pthread_create(&helpers[n], &attributes, work, sums) == 0)
        pthread_setname_np(helpers[n++], "polyfs-sum");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return n;
}

void ckpt_sums(const struct polyfs_tensor *const *tensors, size_t count, uint32_t *out)
{
    struct sums sums = {.tensors = tensors, .count = count, .out = out};
    pthread_t helpers[HELPERS_MAX];
    const unsigned n = start(&sums, helpers_for(&sums), helpers);
    work(&sums);
    for (unsigned i = 0; i < n; i++)
        pthread_join(helpers[i], NULL);
}
