/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes for ids, temporary names and jitter: getrandom(2) through a per-thread buffer, dropped on fork. */
#ifndef PFS_RANDOM_H
#define PFS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void pfs_random(void *out, size_t bytes);
/* Uniform in [0, bound); 0 when @bound is 0. */
uint64_t pfs_random_below(uint64_t bound);

#endif
