/* SPDX-License-Identifier: Apache-2.0 */
/* A program that a test makes setuid: prints whether the kernel calls it so, and the protocols that it can open. */
#include <stdio.h>
#include <sys/auxv.h>

#include "polyfs/registry.h"

int main(void)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_implementations *list;
    printf("secure %d\n", getauxval(AT_SECURE) ? 1 : 0);
    if (polyfs_known_implementations(0, &list, &err) != POLYFS_OK)
        return fprintf(stderr, "%s\n", err.message), 1;
    for (size_t i = 0; i < polyfs_implementations_count(list); i++) {
        const struct polyfs_implementation *row = polyfs_implementations_at(list, i);
        printf("%s %u %s\n", row->protocol, row->state, row->reason);
    }
    polyfs_implementations_free(list);
    return 0;
}
