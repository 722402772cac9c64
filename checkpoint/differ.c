/* SPDX-License-Identifier: Apache-2.0 */
#include "differ.h"

#include <polyfs/error.h>

void ckpt_differs(struct ckpt_differ *differ, const char *name, int unexpected)
{
    if (!differ->first)
        differ->first = name;
    if (unexpected)
        differ->unexpected++;
    else
        differ->missing++;
    if (differ->tell)
        differ->tell(name, unexpected, differ->user);
}

int ckpt_differ_code(const struct ckpt_differ *differ)
{
    return differ->missing ? POLYFS_NOT_FOUND : differ->unexpected ? POLYFS_EXISTS : POLYFS_OK;
}
