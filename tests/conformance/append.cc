/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Append, native or emulated: the old bytes are always there, whoever loses a race is told CONDITION, and a store that
 * cannot says UNSUPPORTED and changes nothing.
 */
#include <atomic>
#include <thread>

#include "case.h"

namespace conformance
{

namespace
{

polyfs_write_opts Appending()
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = POLYFS_WRITE_APPEND;
    return opts;
}

} // namespace

/* Ends a case on a store that has no append, once that is proven. */
#define NEEDS_APPEND()                                                                                             \
    const polyfs_write_opts opts = Appending();                                                                    \
    if (No(POLYFS_FACT_APPEND)) {                                                                                  \
        EXPECT_CODE(POLYFS_UNSUPPORTED, Put("unsupported", "x", &opts));                                           \
        ExpectNothingLeft();                                                                                       \
        return;                                                                                                    \
    }

CONFORMANCE_CASE(append, ToWhatIsThere)
{
    NEEDS_APPEND();
    ASSERT_CODE(POLYFS_OK, Put("a", "one,"));
    StatInfo stat = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "two,", &opts, &stat));
    EXPECT_EQ("one,two,", Get("a"));
    EXPECT_EQ(8u, stat.size) << "of the object";
    ASSERT_CODE(POLYFS_OK, Put("a", "", &opts));
    Writer writer = OpenWriter("a", &opts);
    ASSERT_TRUE(writer);
    ASSERT_CODE(POLYFS_OK, Write(writer, "th"));
    ASSERT_CODE(POLYFS_OK, Write(writer, "ree"));
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_EQ("one,two,three", Get("a"));
    EXPECT_EQ((std::vector<std::string>{"a"}), Names());
}

CONFORMANCE_CASE(append, AMissingObjectBeginsEmpty)
{
    NEEDS_APPEND();
    ASSERT_CODE(POLYFS_OK, Put("a", "first", &opts));
    EXPECT_EQ("first", Get("a"));
    ASSERT_CODE(POLYFS_OK, Put("b", "", &opts));
    EXPECT_EQ("", Get("b"));
    EXPECT_CODE(NeedsFolders() ? POLYFS_NOT_FOUND : POLYFS_OK, Put("no/such", "x", &opts));
}

CONFORMANCE_CASE(append, Large)
{
    NEEDS_APPEND();
    std::string bytes = Bytes(20 << 20, 1), more = Bytes((9 << 20) + 1, 2);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    ASSERT_CODE(POLYFS_OK, Put("a", more, &opts));
    EXPECT_TRUE(bytes + more == Get("a"));
    ASSERT_CODE(POLYFS_OK, Put("a", "end", &opts));
    EXPECT_TRUE(bytes + more + "end" == Get("a"));
}

CONFORMANCE_CASE(append, WithoutACommit)
{
    NEEDS_APPEND();
    ASSERT_CODE(POLYFS_OK, Put("a", "old"));
    Writer writer = OpenWriter("a", &opts);
    ASSERT_TRUE(writer);
    ASSERT_CODE(POLYFS_OK, Write(writer, Bytes(9 << 20)));
    EXPECT_EQ("old", Get("a").substr(0, 3)) << "the old bytes are always there";
    writer.reset();
    std::string after = Get("a");
    EXPECT_EQ("old", after.substr(0, 3));
    if (Fact(POLYFS_FACT_APPEND) == POLYFS_EMULATED) {
        EXPECT_EQ(3u, after.size()) << "nothing of it is there";
    }
    EXPECT_EQ((std::vector<std::string>{"a"}), Names());
}

CONFORMANCE_CASE(append, FoldersInTheWay)
{
    NEEDS_NESTED_NAMES();
    NEEDS_APPEND();
    ASSERT_CODE(POLYFS_OK, Put("d/a", "x"));
    EXPECT_CODE(RealDirs() ? POLYFS_IS_DIR : POLYFS_OK, Put("d", "x", &opts));
    EXPECT_CODE(RealDirs() ? POLYFS_NOT_DIR : POLYFS_OK, Put("d/a/b", "x", &opts));
    EXPECT_EQ("x", Get("d/a"));
}

/* Each record that was told OK is there once and whole; those told CONDITION are not, and come again. */
CONFORMANCE_CASE(append, Race)
{
    NEEDS_APPEND();
    ASSERT_CODE(POLYFS_OK, Put("log", "begin...;"));
    const unsigned each = Many(25, 3);
    std::atomic<unsigned> others{0};
    std::vector<std::thread> threads;
    for (unsigned me = 0; me < 4; me++)
        threads.emplace_back([&, me, path = P("log")] {
            for (unsigned i = 0; i < each && !others;) {
                std::string record = std::to_string(10000000 + me * 1000 + i) + ";";
                int rc = polyfs_put(fs(), path.c_str(), record.data(), record.size(), &opts, nullptr, nullptr);
                i += rc == POLYFS_OK;
                others += rc != POLYFS_OK && rc != POLYFS_CONDITION && rc != POLYFS_BUSY;
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(0u, others) << "codes other than ok, condition and busy";
    std::string log = Get("log");
    EXPECT_EQ(9 * (4 * each + 1), log.size());
    for (unsigned me = 0; me < 4; me++)
        for (unsigned i = 0; i < each; i++) {
            size_t at = log.find(std::to_string(10000000 + me * 1000 + i) + ";");
            ASSERT_NE(std::string::npos, at) << "record " << i << " of " << me << " is lost";
            EXPECT_EQ(0u, at % 9);
        }
}

} // namespace conformance
