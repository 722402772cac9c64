/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read-ahead of one reader that reads on and on: chunks behind the position are fetched before they are asked for, as
 * many as the budget and the reader's own bound allow. Only where calls cross a network: a kernel reads ahead itself.
 */
#ifndef PFS_AHEAD_H
#define PFS_AHEAD_H

#include "core/reader.h"

struct pfs_chunk;

struct pfs_ahead {
    struct pfs_ctx ctx; /* of chunks, which outlive the call that asked for them */
    struct pfs_queue queue;
    struct pfs_chunk *first, **last; /* by offset, without a gap */
    struct pfs_chunk *spare;         /* memory of one that was read, or NULL */
    uint64_t next_offset;            /* behind the last chunk */
    int64_t begun_ns;                /* when the first was asked for; 0: some are there already */
    int is_near;                     /* it came soon */
    uint64_t chunk_bytes;            /* grows while reading goes on */
    uint64_t bytes, bytes_max;       /* in chunks, and how many may be */
    uint64_t generation;             /* of the process whose workers fetch */
    unsigned chunks;
};

struct pfs_ahead *pfs_ahead_new(uint64_t bytes_max, struct polyfs_cancel *cancel);
/* Up to @size bytes at @offset, 0 only at the end. An offset that does not follow the one before begins anew. */
int pfs_ahead_read(struct pfs_ahead *ahead, struct pfs_verb *verb, struct polyfs_reader *reader, uint64_t offset,
                   void *buffer, uint64_t size, uint64_t *out_n);
void pfs_ahead_free(struct pfs_ahead *ahead);

#endif
