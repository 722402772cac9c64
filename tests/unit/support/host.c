/* SPDX-License-Identifier: Apache-2.0 */
/* See host.h. Linked in, it is there before the first test. */
#include <stdlib.h>

#include "plugins/support/buf.h"

static void nothing(void)
{
}

static const struct polyfs_host host = {
    .struct_size = sizeof(host),
    .alloc = malloc,
    .resize = realloc,
    .free = free,
    .section_enter = nothing,
    .section_leave = nothing,
};

__attribute__((constructor)) static void begin(void)
{
    ps_host = &host;
}
