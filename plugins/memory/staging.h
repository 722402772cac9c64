/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file staging.h
 * Bytes on their way to an object that nobody sees yet: what PLACED writes at any offset and STREAM in order.
 */
#ifndef POLYFS_MEMORY_STAGING_H
#define POLYFS_MEMORY_STAGING_H

#include "content.h"

struct memory_staging {
    struct memory_fs *fs;
    uint64_t chunk_bytes;
    struct memory_index chunks; /* guarded by the store's lock; key: number, 8 bytes big-endian; value: blob */
};

/** @p size_hint: bytes to come, or POLYFS_SIZE_UNKNOWN. Keeps @p fs alive. */
void memory_staging_init(struct memory_staging *staging, struct memory_fs *fs, uint64_t size_hint);
/** Writes that do not overlap may run at the same time. *done tells how far it came. */
int memory_staging_write(struct memory_staging *staging, const struct polyfs_call *call, uint64_t offset,
                         const void *data, uint64_t size, uint64_t *done, struct polyfs_error *err);
/** The first @p size bytes; what was never written is zeros. The staging stays as it was. */
int memory_staging_content(struct memory_staging *staging, uint64_t size, struct memory_content **out,
                           struct polyfs_error *err);
void memory_staging_clear(struct memory_staging *staging);

#endif
