/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectored reads: ranges in any order, overlapping, touching and far apart, each with its own result and one call of
 * the callback on the caller's thread.
 */
#include <set>
#include <thread>

#include "case.h"

namespace conformance
{

namespace
{

struct Vector {
    std::vector<std::string> buffers;
    std::vector<polyfs_range> ranges;
    explicit Vector(const std::vector<std::pair<uint64_t, uint64_t>> &wanted)
    {
        for (const auto &one : wanted)
            buffers.emplace_back(one.second, '#');
        for (size_t i = 0; i < wanted.size(); i++)
            ranges.push_back({wanted[i].first, wanted[i].second, buffers[i].data(), 77, 77, 0, nullptr});
    }
};

struct Done {
    std::multiset<const polyfs_range *> ranges;
    std::thread::id thread;
    bool elsewhere = false;
};

void Note(polyfs_range *range, void *user)
{
    Done *done = static_cast<Done *>(user);
    done->ranges.insert(range);
    done->elsewhere |= std::this_thread::get_id() != done->thread;
}

} // namespace

CONFORMANCE_CASE(readv, Ranges)
{
    const std::string bytes = Bytes(3 << 20);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    for (uint64_t gap : {UINT64_C(0), UINT64_C(262144), UINT64_C(1) << 30}) {
        polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
        opts.merge_gap = gap;
        Reader reader = OpenReader("a", &opts);
        Vector all(
            {{1000000, 5000}, {0, 10}, {10, 10}, {5, 10}, {2000000, 1 << 20}, {0, 0}, {3145727, 1}, {500, 100000}});
        Done done;
        done.thread = std::this_thread::get_id();
        ASSERT_CODE(POLYFS_OK,
                    polyfs_reader_readv(reader.get(), all.ranges.data(), all.ranges.size(), Note, &done, E()));
        for (size_t i = 0; i < all.ranges.size(); i++) {
            EXPECT_CODE(POLYFS_OK, all.ranges[i].code);
            EXPECT_EQ(all.ranges[i].length, all.ranges[i].bytes);
            EXPECT_TRUE(bytes.substr(all.ranges[i].offset, all.ranges[i].length) == all.buffers[i])
                << "range " << i;
            EXPECT_EQ(1u, done.ranges.count(&all.ranges[i])) << "range " << i;
        }
        EXPECT_FALSE(done.elsewhere) << "called on another thread";
    }
}

CONFORMANCE_CASE(readv, AtTheEnd)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    Reader reader = OpenReader("a");
    Vector all({{8, 10}, {10, 5}, {100, 5}, {0, 3}});
    int rc = polyfs_reader_readv(reader.get(), all.ranges.data(), all.ranges.size(), nullptr, nullptr, E());
    EXPECT_ANY_CODE(rc, POLYFS_OK, POLYFS_RANGE);
    EXPECT_EQ(2u, all.ranges[0].bytes);
    EXPECT_EQ("89", all.buffers[0].substr(0, 2));
    EXPECT_EQ(0u, all.ranges[1].bytes);
    EXPECT_EQ(0u, all.ranges[2].bytes);
    EXPECT_EQ("012", all.buffers[3]);
    EXPECT_CODE(POLYFS_OK, polyfs_reader_readv(reader.get(), nullptr, 0, nullptr, nullptr, E()));
}

/* One range that fails does not take the others with it (uproot5#1162). */
CONFORMANCE_CASE(readv, Many)
{
    const std::string bytes = Bytes(2 << 20);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    std::vector<std::pair<uint64_t, uint64_t>> wanted;
    for (uint64_t i = 0; i < Many(1000, 100); i++)
        wanted.push_back({i * 104729 % (bytes.size() - 300), i % 300});
    Vector all(wanted);
    Reader reader = OpenReader("a");
    ASSERT_CODE(POLYFS_OK,
                polyfs_reader_readv(reader.get(), all.ranges.data(), all.ranges.size(), nullptr, nullptr, E()));
    for (size_t i = 0; i < wanted.size(); i++)
        ASSERT_TRUE(bytes.substr(wanted[i].first, wanted[i].second) == all.buffers[i]) << "range " << i;
}

} // namespace conformance
