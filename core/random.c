/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness that a child never shares with its parent: the buffer remembers the fork generation that filled it.
 */
#include "core/random.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/fork.h"

static _Thread_local struct {
    uint64_t generation;
    size_t left;
    uint8_t bytes[256];
} buffer;

/* getrandom cannot fail for 256 bytes once the kernel's pool is up; before that it blocks, as early boot must. */
static void refill(void)
{
    size_t have = 0;
    while (have < sizeof(buffer.bytes)) {
        ssize_t n = getrandom(buffer.bytes + have, sizeof(buffer.bytes) - have, 0);
        if (n > 0)
            have += (size_t)n;
    }
    buffer.left = sizeof(buffer.bytes);
    buffer.generation = pfs_fork_generation();
}

void pfs_random(void *out, size_t bytes)
{
    uint8_t *to = out;
    while (bytes) {
        if (!buffer.left || buffer.generation != pfs_fork_generation())
            refill();
        size_t n = bytes < buffer.left ? bytes : buffer.left;
        memcpy(to, buffer.bytes + sizeof(buffer.bytes) - buffer.left, n);
        memset(buffer.bytes + sizeof(buffer.bytes) - buffer.left, 0, n);
        buffer.left -= n;
        to += n;
        bytes -= n;
    }
}

uint64_t pfs_random_below(uint64_t bound)
{
    uint64_t value;
    pfs_random(&value, sizeof(value));
    return bound ? value % bound : 0; /* the bias is below 2^-40 for every bound used here */
}
