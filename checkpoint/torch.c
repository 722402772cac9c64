/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"
#include "tensor.h"
int ckpt_torch_index(struct polyfs_tensors *tensors, struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_UNSUPPORTED, "read", tensors->shards[0].name, "not yet");
}
