/* SPDX-License-Identifier: Apache-2.0 */
/* See host.h. Linked in, it is there before the first test. */
#include <stdlib.h>

#include "plugins/support/buf.h"

void SetTestTime(int64_t seconds);
int64_t TestTime(void);

static void nothing(void)
{
}

static int64_t time_s; /* as the test sets it */

void SetTestTime(int64_t seconds)
{
    __atomic_store_n(&time_s, seconds, __ATOMIC_RELAXED);
}

int64_t TestTime(void)
{
    return __atomic_load_n(&time_s, __ATOMIC_RELAXED);
}

static int64_t clock_ns(uint32_t which)
{
    (void)which;
    return TestTime() * 1000000000;
}

static void say_nothing(const struct polyfs_call *call, uint32_t level, const char *message)
{
    (void)call;
    (void)level;
    (void)message;
}

static const struct polyfs_host host = {
    .struct_size = sizeof(host),
    .alloc = malloc,
    .resize = realloc,
    .free = free,
    .log = say_nothing,
    .clock_ns = clock_ns,
    .section_enter = nothing,
    .section_leave = nothing,
};

__attribute__((constructor)) static void begin(void)
{
    ps_host = &host;
}
