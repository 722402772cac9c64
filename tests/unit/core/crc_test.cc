/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums: published values, both ways of computing them, any cut into pieces, and joining. */
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "polyfs/types.h"

extern "C" {
#include "core/crc.h"
}

class Crc : public testing::TestWithParam<uint32_t>
{
};
INSTANTIATE_TEST_SUITE_P(Kinds, Crc, testing::Values(POLYFS_CHECKSUM_CRC32C, POLYFS_CHECKSUM_CRC64NVME));

TEST(CrcValues, Published)
{
    const unsigned char zeros[32] = {0};
    EXPECT_EQ(0xe3069283u, pfs_crc(POLYFS_CHECKSUM_CRC32C, 0, "123456789", 9));
    EXPECT_EQ(0x8a9136aau, pfs_crc(POLYFS_CHECKSUM_CRC32C, 0, zeros, sizeof(zeros))); /* RFC 3720, B.4 */
    /* NVM Express, NVM Command Set 1.0, figure 120: 4,096 bytes of zeros and of ones */
    const std::string low(4096, '\0'), high(4096, '\xff');
    EXPECT_EQ(UINT64_C(0x6482d367eb22b64e), pfs_crc(POLYFS_CHECKSUM_CRC64NVME, 0, low.data(), low.size()));
    EXPECT_EQ(UINT64_C(0xc0ddba7302eca3ac), pfs_crc(POLYFS_CHECKSUM_CRC64NVME, 0, high.data(), high.size()));
    EXPECT_EQ(UINT64_C(0xae8b14860a799888), pfs_crc(POLYFS_CHECKSUM_CRC64NVME, 0, "123456789", 9));
    EXPECT_EQ(0u, pfs_crc(POLYFS_CHECKSUM_MD5, 0, "123456789", 9));
}

TEST_P(Crc, BothWaysAndJoinedAgree)
{
    std::mt19937 random(7);
    std::string data(6000, '\0');
    for (char &c : data)
        c = static_cast<char>(random());
    for (int round = 0; round < 3000; round++) {
        size_t from = random() % 64, size = random() % 5000, cut = size ? random() % size : 0;
        const char *at = data.data() + from;
        uint64_t whole = pfs_crc(GetParam(), 0, at, size), head = pfs_crc(GetParam(), 0, at, cut);
        ASSERT_EQ(whole, pfs_crc_by_table(GetParam(), 0, at, size)) << size;
        ASSERT_EQ(whole, pfs_crc(GetParam(), head, at + cut, size - cut)) << size << " cut at " << cut;
        uint64_t tail = pfs_crc(GetParam(), 0, at + cut, size - cut);
        ASSERT_EQ(whole, pfs_crc_join(GetParam(), head, tail, size - cut)) << size << " cut at " << cut;
    }
}

TEST_P(Crc, LongOnesAgree)
{
    std::mt19937 random(11);
    std::string data(400000, '\0');
    for (char &c : data)
        c = static_cast<char>(random());
    for (int round = 0; round < 200; round++) {
        size_t from = random() % 64, size = random() % (data.size() - 64);
        const uint64_t before = pfs_crc(GetParam(), 0, data.data(), random() % 9);
        ASSERT_EQ(pfs_crc_by_table(GetParam(), before, data.data() + from, size),
                  pfs_crc(GetParam(), before, data.data() + from, size))
            << size;
    }
}

TEST_P(Crc, JoinsFarApart)
{
    /* A terabyte of zeros behind a value: joined at once, and in two halves. */
    uint64_t first = pfs_crc(GetParam(), 0, "polyfs", 6), one = pfs_crc(GetParam(), 0, "\0", 1), zeros = one;
    for (int doubling = 0; doubling < 40; doubling++)
        zeros = pfs_crc_join(GetParam(), zeros, zeros, UINT64_C(1) << doubling);
    uint64_t half = one;
    for (int doubling = 0; doubling < 39; doubling++)
        half = pfs_crc_join(GetParam(), half, half, UINT64_C(1) << doubling);
    uint64_t twice =
        pfs_crc_join(GetParam(), pfs_crc_join(GetParam(), first, half, UINT64_C(1) << 39), half, UINT64_C(1) << 39);
    EXPECT_EQ(twice, pfs_crc_join(GetParam(), first, zeros, UINT64_C(1) << 40));
}
