/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoint layer's own headers, for C++. */
#ifndef POLYFS_UNIT_CHECKPOINT_INTERNAL_H
#define POLYFS_UNIT_CHECKPOINT_INTERNAL_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "checkpoint/legacy.h"
#include "checkpoint/policy.h"
#include "checkpoint/torch.h"
}
#pragma GCC diagnostic pop

#endif
