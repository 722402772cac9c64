/* SPDX-License-Identifier: Apache-2.0 */
#include "core/near.h"

#include "core/ctx.h"

#define NEAR_MS 10

int pfs_is_near(int64_t asked_ns)
{
    return pfs_now_ns() - asked_ns < NEAR_MS * PFS_MS;
}
