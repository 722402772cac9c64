/* SPDX-License-Identifier: Apache-2.0 */
/* The services that core lends to plugins, as one table. */
#ifndef PFS_HOST_H
#define PFS_HOST_H

#include "polyfs/plugin.h"

const struct polyfs_host *pfs_host(void);

#endif
