/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges by fs.get, resumed where they broke. */
#ifndef PFS_GET_H
#define PFS_GET_H

#include "core/verb.h"
#include "polyfs/io.h"

/* One range into @buffer. @out: NULL, or what was read. */
int pfs_get_range(struct pfs_verb *verb, const struct polyfs_get_request *wanted, void *buffer, uint64_t *out_n,
                  struct polyfs_stat *out);

#endif
