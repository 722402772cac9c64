/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that do not fit a part, a buffer, or 32 bits: 64 MiB always, 5 GiB with POLYFS_CONFORM_LARGE=1. What polyfs
 * itself takes in memory stays within its budget.
 */
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "case.h"

namespace conformance
{

namespace
{

/* What stands at an offset of the test object, a MiB at a time. */
std::string Piece(uint64_t number)
{
    return Bytes(1 << 20, number + 1);
}

bool WantsHuge(const Store &store)
{
    return getenv("POLYFS_CONFORM_LARGE") && !store.same_process;
}

} // namespace

CONFORMANCE_CASE(large, OnePut)
{
    const std::string bytes = Bytes(64 << 20);
    StatInfo stat = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", bytes, nullptr, &stat));
    EXPECT_EQ(bytes.size(), stat.size);
    EXPECT_TRUE(bytes == Get("a"));
    Checksum sum = {};
    ASSERT_CODE(POLYFS_OK, polyfs_checksum(fs(), P("a").c_str(), POLYFS_CHECKSUM_CRC32C, nullptr, &sum, E()));
    uint32_t crc = polyfs_crc32c(0, bytes.data(), bytes.size());
    const uint8_t wanted[4] = {static_cast<uint8_t>(crc >> 24), static_cast<uint8_t>(crc >> 16),
                               static_cast<uint8_t>(crc >> 8), static_cast<uint8_t>(crc)};
    EXPECT_EQ(0, memcmp(wanted, sum.value, 4));
}

CONFORMANCE_CASE(large, AWriterOfUnknownLength)
{
    Writer writer = OpenWriter("a");
    ASSERT_TRUE(writer);
    for (uint64_t i = 0; i < 64; i++)
        ASSERT_CODE(POLYFS_OK, Write(writer, Piece(i)));
    ASSERT_CODE(POLYFS_OK, Write(writer, "the end"));
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    Reader reader = OpenReader("a");
    std::string buffer(1 << 20, '#');
    size_t n = 0;
    for (uint64_t i = 0; i < 64; i++) {
        ASSERT_CODE(POLYFS_OK, polyfs_reader_read(reader.get(), buffer.data(), buffer.size(), &n, E()));
        ASSERT_TRUE(n == buffer.size() && buffer == Piece(i)) << "MiB " << i;
    }
    ASSERT_CODE(POLYFS_OK, polyfs_reader_read(reader.get(), buffer.data(), buffer.size(), &n, E()));
    EXPECT_EQ("the end", buffer.substr(0, n));
}

/* Whatever goes on at once: memory beyond the first part of each handle stays within the budget. */
CONFORMANCE_CASE(large, TheBudgetHolds)
{
    const uint64_t budget = 16 << 20, part = 8 << 20, before = UsedNow();
    RuntimeStats old = {};
    old.struct_size = sizeof(old);
    polyfs_runtime_stats(&old);
    polyfs_set_budget(budget);
    std::atomic<bool> stop{false};
    uint64_t most = 0;
    std::thread sampler([&] {
        while (!stop) {
            most = std::max(most, UsedNow());
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
    });
    Writer one = OpenWriter("a"), two = OpenWriter("b");
    for (uint64_t i = 0; i < 40; i++) {
        EXPECT_CODE(POLYFS_OK, Write(one, Piece(i)));
        EXPECT_CODE(POLYFS_OK, Write(two, Piece(i)));
    }
    EXPECT_CODE(POLYFS_OK, Commit(one));
    EXPECT_CODE(POLYFS_OK, Commit(two));
    one.reset();
    two.reset();
    stop = true;
    sampler.join();
    polyfs_set_budget(old.budget_bytes);
    EXPECT_LE(most, before + std::max(budget, 2 * part));
    EXPECT_EQ(before, UsedNow());
    EXPECT_TRUE(Get("a") == Get("b"));
}

CONFORMANCE_CASE_IF(large, FiveGigabytes, WantsHuge)
{
    const uint64_t pieces = 5 * 1024 + 1;
    Writer writer = OpenWriter("a");
    ASSERT_TRUE(writer);
    for (uint64_t i = 0; i < pieces; i++)
        ASSERT_CODE(POLYFS_OK, Write(writer, Piece(i)));
    StatInfo stat = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, Commit(writer, &stat));
    writer.reset();
    EXPECT_EQ(pieces << 20, stat.size);
    Reader reader = OpenReader("a");
    std::string buffer(1 << 20, '#');
    for (uint64_t i = 0; i < pieces; i += i < 4095 || i > 4098 ? 13 : 1) {
        size_t n = 0;
        ASSERT_CODE(POLYFS_OK, polyfs_reader_pread(reader.get(), i << 20, buffer.data(), buffer.size(), &n, E()));
        ASSERT_TRUE(n == buffer.size() && buffer == Piece(i)) << "MiB " << i;
    }
    std::vector<Row> rows;
    ASSERT_CODE(POLYFS_OK, List("", nullptr, &rows));
    EXPECT_EQ(pieces << 20, rows[0].size);
}

} // namespace conformance
