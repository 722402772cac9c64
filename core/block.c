/* SPDX-License-Identifier: Apache-2.0 */
/* See block.h. */
#include "core/block.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_BYTES (UINT64_C(1) << 20) /* below it a mapping costs more than it gives back */
#define HUGE_BYTES (UINT64_C(2) << 20)  /* from it on it is worth asking for large pages: fewer faults */

static int is_large(uint64_t bytes)
{
    return bytes >= LARGE_BYTES;
}

void *pfs_block_new(uint64_t bytes)
{
    if (bytes >= PTRDIFF_MAX)
        return NULL;
    if (!is_large(bytes))
        return malloc(bytes ? bytes : 1);
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
    if (bytes >= HUGE_BYTES)
        madvise(block, bytes, MADV_HUGEPAGE); /* a wish; without it all goes on as before */
    return block;
}

void *pfs_block_resize(void *block, uint64_t old, uint64_t bytes)
{
    if (bytes >= PTRDIFF_MAX)
        return NULL;
    if (block && is_large(old) && is_large(bytes)) {
        void *moved = mremap(block, old, bytes, MREMAP_MAYMOVE);
        return moved == MAP_FAILED ? NULL : moved;
    }
    if (!is_large(old) && !is_large(bytes))
        return realloc(block, bytes ? bytes : 1);
    void *fresh = pfs_block_new(bytes);
    if (fresh && block)
        memcpy(fresh, block, old < bytes ? old : bytes);
    if (fresh)
        pfs_block_free(block, old);
    return fresh;
}

void pfs_block_free(void *block, uint64_t bytes)
{
    if (block && is_large(bytes))
        munmap(block, bytes);
    else
        free(block);
}
