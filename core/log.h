/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines for whoever called polyfs_set_log; nobody else ever sees them. */
#ifndef PFS_LOG_H
#define PFS_LOG_H

#include "polyfs/plugin.h"
#include "polyfs/runtime.h"

/* Whether a line of @level would be seen: ask before making a costly one. */
int pfs_log_wants(uint32_t level);
void pfs_log(uint32_t level, const char *format, ...) POLYFS_PRINTF(2, 3);

#endif
