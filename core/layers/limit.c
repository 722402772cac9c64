/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Width per throttle: paths whose facts name the same limit_key share it. Stores without a network have none.
 */
#include "core/layers/layers.h"

#include "core/instance.h"

int pfs_limit_before(struct pfs_request *request)
{
    (void)request;
    return POLYFS_OK;
}

void pfs_limit_after(struct pfs_request *request, int rc)
{
    (void)request;
    (void)rc;
}
