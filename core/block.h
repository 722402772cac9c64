/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of buffers. Large blocks come from the kernel and go back to it: what the C library keeps of freed ones, for
 * want of a free end of its heap, would be memory that no budget counts.
 */
#ifndef PFS_BLOCK_H
#define PFS_BLOCK_H

#include <stdint.h>

/* NULL without memory. */
void *pfs_block_new(uint64_t bytes);
/* As realloc(3): @block may be NULL and stays as it is on NULL. @old: its bytes. */
void *pfs_block_resize(void *block, uint64_t old, uint64_t bytes);
/* @bytes as it was made or last resized to. */
void pfs_block_free(void *block, uint64_t bytes);

#endif
