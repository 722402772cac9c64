/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file crc32c.h
 * CRC32C (Castagnoli, RFC 3720 B.4): the one checksum that this store verifies and keeps.
 */
#ifndef POLYFS_MEMORY_CRC32C_H
#define POLYFS_MEMORY_CRC32C_H

#include <stdint.h>

/** Once, before any other call. */
void memory_crc32c_init(void);
/** The checksum of what came before, @p crc (0 at first), and these bytes. */
uint32_t memory_crc32c(uint32_t crc, const void *data, uint64_t size);
/** The same without the instruction of the processor, for tests of the tables. */
uint32_t memory_crc32c_portable(uint32_t crc, const void *data, uint64_t size);

#endif
