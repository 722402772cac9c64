/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an object of more than 4 GiB: on and on with read-ahead, in one call, and in ranges on both sides of 2^32. */
#include "large.h"

namespace large
{

namespace
{

Fs SourceOf(uint64_t bytes, const std::vector<std::string> &more = {})
{
    std::vector<std::string> options = more;
    options.push_back("source_bytes=" + std::to_string(bytes));
    return Sink(options);
}

/* Offsets around which a counter of 31, 32 or 33 bits would turn over, as far as the object reaches. */
std::vector<uint64_t> Edges(uint64_t size)
{
    std::vector<uint64_t> edges;
    for (uint64_t edge : {UINT64_C(1) << 31, UINT64_C(1) << 32, size / 2, size})
        if (edge <= size)
            edges.push_back(edge);
    return edges;
}

} // namespace

TEST(Read, OnAndOnWithReadAhead)
{
    InChild([] {
        Fs fs = SourceOf(Size());
        Reader reader = OpenReader(fs, "source");
        std::vector<unsigned char> test_own(MiB + 24);
        Memory memory;
        Drain(reader, 0, Size(), test_own.size());
        reader.reset();
        memory.ExpectWithin(BUDGET + PART);
    });
}

TEST(Read, AllInOneCall)
{
    InChild([] {
        Fs fs = SourceOf(Size(), {Sparse(), "zeroed=true"});
        for (int which = 0; which < 2; which++) {
            Zeros to(Size() + 1);
            Reader reader = OpenReader(fs, "source");
            size_t n = 0;
            if (which == 0)
                EXPECT_CODE(POLYFS_OK, polyfs_reader_pread(reader.get(), 0, to.data(), to.size(), &n, Err()));
            else
                EXPECT_CODE(POLYFS_OK,
                            polyfs_get(fs.get(), "source", nullptr, to.data(), to.size(), &n, nullptr, Err()));
            EXPECT_EQ(Size(), n);
            EXPECT_TRUE(pattern_holds(to.data(), 0, Size(), SPARSE));
            EXPECT_EQ(0, to.data()[Size()]) << "a byte behind the end was written";
        }
    });
}

TEST(Read, RangesOnBothSidesOfTheEdges)
{
    InChild([] {
        Fs fs = SourceOf(Size());
        Reader reader = OpenReader(fs, "source");
        std::vector<unsigned char> buffer(300);
        for (uint64_t edge : Edges(Size())) {
            for (uint64_t offset = edge - 200; offset < edge + 20; offset += 7) {
                uint64_t left = offset < Size() ? Size() - offset : 0, want = std::min<uint64_t>(300, left);
                size_t n = 0;
                ASSERT_CODE(POLYFS_OK, polyfs_reader_pread(reader.get(), offset, buffer.data(), 300, &n, Err()));
                EXPECT_EQ(want, n) << "at " << offset;
                EXPECT_TRUE(pattern_holds(buffer.data(), offset, n, PATTERN_DENSE)) << "at " << offset;
                ASSERT_CODE(POLYFS_OK, polyfs_reader_seek(reader.get(), offset, Err()));
                ASSERT_CODE(POLYFS_OK, polyfs_reader_read(reader.get(), buffer.data(), 300, &n, Err()));
                EXPECT_EQ(want, n) << "at " << offset;
                EXPECT_TRUE(pattern_holds(buffer.data(), offset, n, PATTERN_DENSE)) << "at " << offset;
            }
        }
    });
}

/* Ranges that lie close together are read as one, through memory that the budget bounds. */
TEST(Read, ManyRangesWithinTheBudget)
{
    InChild([] {
        const uint64_t step = 64 * 1024, length = 4096;
        Fs fs = SourceOf(Size());
        Reader reader = OpenReader(fs, "source");
        std::vector<polyfs_range> ranges(Size() / step);
        std::vector<unsigned char> bytes(ranges.size() * length);
        for (size_t i = 0; i < ranges.size(); i++) {
            ranges[i] = {};
            ranges[i].offset = i * step;
            ranges[i].length = length;
            ranges[i].buffer = &bytes[i * length];
        }
        Memory memory;
        ASSERT_CODE(POLYFS_OK,
                    polyfs_reader_readv(reader.get(), ranges.data(), ranges.size(), nullptr, nullptr, Err()));
        memory.ExpectWithin(BUDGET + PART);
        for (const polyfs_range &range : ranges)
            ASSERT_TRUE(range.bytes == length && pattern_holds(static_cast<unsigned char *>(range.buffer),
                                                               range.offset, length, PATTERN_DENSE))
                << "at " << range.offset;
    });
}

TEST(Read, ChecksumOfALargeObject)
{
    InChild([] {
        Fs fs = SourceOf(Size());
        std::vector<unsigned char> piece(MiB);
        uint32_t crc = 0;
        for (uint64_t at = 0; at < Size(); at += piece.size()) {
            uint64_t n = std::min<uint64_t>(piece.size(), Size() - at);
            pattern_fill(piece.data(), at, n, PATTERN_DENSE, 0);
            crc = polyfs_crc32c(crc, piece.data(), n);
        }
        struct polyfs_checksum sum = {};
        Memory memory;
        ASSERT_CODE(POLYFS_OK, polyfs_checksum(fs.get(), "source", POLYFS_CHECKSUM_CRC32C, nullptr, &sum, Err()));
        memory.ExpectWithin(BUDGET + PART);
        uint32_t told = 0;
        for (unsigned i = 0; i < 4; i++)
            told = told << 8 | sum.value[i];
        EXPECT_EQ(crc, told);
    });
}

} // namespace large
