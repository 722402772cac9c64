/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See sum.h. Both functions are linear: the value of a whole is the sum of those of its pieces, each carried on over as
 * many bytes as lie behind it.
 */
#include "core/sum.h"

#include "core/crc.h"
#include "polyfs/plugin.h"

void pfs_sum_begin(struct pfs_sum *sum, const struct polyfs_stat *stat)
{
    const struct polyfs_checksum *kept = &stat->checksum;
    *sum = (struct pfs_sum){.size = stat->size};
    if ((kept->kind != POLYFS_CHECKSUM_CRC32C && kept->kind != POLYFS_CHECKSUM_CRC64NVME) ||
        stat->size == POLYFS_SIZE_UNKNOWN)
        return;
    sum->kind = kept->kind;
    for (uint32_t i = 0; i < kept->length; i++)
        sum->wanted = sum->wanted << 8 | kept->value[i];
}

void pfs_sum_add(struct pfs_sum *sum, uint64_t offset, const void *data, uint64_t size)
{
    if (sum->kind == POLYFS_CHECKSUM_NONE || offset > sum->size || size > sum->size - offset)
        return;
    sum->joined ^= pfs_crc_join(sum->kind, pfs_crc(sum->kind, 0, data, size), 0, sum->size - offset - size);
    sum->bytes += size;
}

int pfs_sum_check(const struct pfs_sum *sum, struct polyfs_error *err)
{
    if (sum->kind == POLYFS_CHECKSUM_NONE || sum->bytes != sum->size || sum->joined == sum->wanted)
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_CORRUPT,
                       "the bytes that came do not have the checksum that the store keeps of them");
}

int pfs_sum_whole(const struct polyfs_stat *stat, const void *data, uint64_t size, struct polyfs_error *err)
{
    struct pfs_sum sum;
    pfs_sum_begin(&sum, stat);
    if (size == sum.size)
        pfs_sum_add(&sum, 0, data, size);
    return pfs_sum_check(&sum, err);
}
