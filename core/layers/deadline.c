/* SPDX-License-Identifier: Apache-2.0 */
/* A call's deadline covers its retries: no attempt begins after it, nor after a cancel. */
#include "core/layers/layers.h"

int pfs_deadline_before(struct pfs_request *request)
{
    return pfs_ctx_check(request->ctx, &request->error);
}
