/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory stores across a network whose manifests refuse names: nodots:// `.` and `..`, noslashes:// empty parts. Both
 * count the paths that came to them and should not have.
 */
#ifndef STRICT_H
#define STRICT_H

#include <polyfs/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STRICT_PATH_MAX 64 /* bytes; a longer prefix of a listing is INVALID */
extern unsigned strict_reached;
extern unsigned strict_outside; /* facts that were asked of a path outside the folder d */
/* Registers both, once; POLYFS_OK also when they were. */
int strict_register(void);

#ifdef __cplusplus
}
#endif
#endif
