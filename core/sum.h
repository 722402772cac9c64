/* SPDX-License-Identifier: Apache-2.0 */
/* Is what was read in pieces, in any order, what the store keeps the checksum of? */
#ifndef PFS_SUM_H
#define PFS_SUM_H

#include <stdint.h>

#include "polyfs/types.h"

struct pfs_sum {
    uint32_t kind;           /* POLYFS_CHECKSUM_NONE: the store tells none that is computed here */
    uint64_t wanted, joined; /* of the whole; of the pieces so far, each moved to its place */
    uint64_t size, bytes;    /* of the object; added so far */
};

/* What @stat tells of an object. */
void pfs_sum_begin(struct pfs_sum *sum, const struct polyfs_stat *stat);
/* Each byte once. */
void pfs_sum_add(struct pfs_sum *sum, uint64_t offset, const void *data, uint64_t size);
/* CORRUPT when all bytes were added and they are others; POLYFS_OK also when that cannot be told. */
int pfs_sum_check(const struct pfs_sum *sum, struct polyfs_error *err);
/* All of it at once. */
int pfs_sum_whole(const struct polyfs_stat *stat, const void *data, uint64_t size, struct polyfs_error *err);

#endif
