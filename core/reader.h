/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader lends to vectored reads and read-ahead. */
#ifndef PFS_READER_H
#define PFS_READER_H

#include "core/executor.h"
#include "core/verb.h"
#include "polyfs/io.h"

/* A read of one range as a request: `r` comes first, so that what a queue gives back can be turned into it. */
struct pfs_read {
    struct pfs_request r;
    struct polyfs_get_request request; /* where the plugin has no reader */
    uint64_t n;                        /* bytes placed */
};

int pfs_reader_begin(struct polyfs_reader *reader, struct pfs_verb *verb);
/* Makes sure that size and etag are known, with a request if they are not. */
int pfs_reader_pin(struct pfs_verb *verb, struct polyfs_reader *reader);
/* Fills @read for a pinned reader, the range cut to the object. 0: nothing of it is left, so there is nothing to ask. */
int pfs_read_request(struct pfs_verb *verb, struct polyfs_reader *reader, struct pfs_read *read, uint64_t offset,
                     void *buffer, uint64_t length);
int pfs_reader_is_network(const struct polyfs_reader *reader);
uint64_t pfs_reader_gap(const struct polyfs_reader *reader);

#endif
