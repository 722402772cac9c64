/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two checksums that stores compute as we do. Both go on from an earlier value, and two values can be joined
 * without the bytes: what was read in ranges, in any order, is held against the checksum of the whole.
 */
#ifndef PFS_CRC_H
#define PFS_CRC_H

#include <stdint.h>

/* The kinds are those of enum polyfs_checksum_kind: CRC32C and CRC64NVME; any other gives 0. */
uint64_t pfs_crc(uint32_t kind, uint64_t crc, const void *data, uint64_t size);
/* The value of A followed by B, of the value of each and the length of B. */
uint64_t pfs_crc_join(uint32_t kind, uint64_t a, uint64_t b, uint64_t b_bytes);

/* Without the processor's instructions: what the tests compare with. */
uint64_t pfs_crc_by_table(uint32_t kind, uint64_t crc, const void *data, uint64_t size);

#endif
