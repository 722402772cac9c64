/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-shot reads: whole objects, ranges, suffixes, and what is asked beyond the end or of nothing. Readers are in
 * reader.cc.
 */
#include <cstring>

#include "case.h"

namespace conformance
{

namespace
{

/* A read with a given range into room bytes; what came, or the code in brackets. */
std::string Range(polyfs_fs *fs, const std::string &path, uint64_t offset, uint64_t length, uint32_t flags,
                  size_t room)
{
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    std::string buffer(room, '#');
    size_t n = 0;
    opts.offset = offset;
    opts.length = length;
    opts.flags = flags;
    int rc = polyfs_get(fs, path.c_str(), &opts, buffer.data(), room, &n, nullptr, nullptr);
    if (rc != POLYFS_OK)
        return std::string("<") + polyfs_code_name(rc) + ">";
    if (n > room)
        return "<more than the room>";
    for (size_t i = n; i < room; i++)
        if (buffer[i] != '#')
            return "<the buffer behind the bytes was touched>";
    return buffer.substr(0, n);
}

} // namespace

CONFORMANCE_CASE(read, WholeObject)
{
    std::string bytes = Bytes(5000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    void *data = nullptr;
    size_t n = 0;
    StatInfo stat = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, polyfs_get_all(fs(), P("a").c_str(), nullptr, &data, &n, &stat, E()));
    Text owner(static_cast<char *>(data));
    ASSERT_EQ(bytes.size(), n);
    EXPECT_TRUE(bytes == std::string(owner.get(), n));
    EXPECT_EQ('\0', owner.get()[n]) << "a NUL follows the bytes";
    EXPECT_EQ(bytes.size(), stat.size);
    EXPECT_EQ(Etag("a"), stat.etag);
}

CONFORMANCE_CASE(read, EmptyObject)
{
    ASSERT_CODE(POLYFS_OK, Put("empty", ""));
    EXPECT_EQ("", Get("empty"));
    EXPECT_EQ("", Range(fs(), P("empty"), 0, POLYFS_SIZE_UNKNOWN, 0, 10));
    EXPECT_EQ("", Range(fs(), P("empty"), 0, 5, POLYFS_READ_SUFFIX, 10));
    EXPECT_EQ("<range>", Range(fs(), P("empty"), 1, 1, 0, 10));
}

/* Sizes around the piece that get_all() asks for first. */
CONFORMANCE_CASE(read, AllOfManySizes)
{
    for (size_t size : {size_t{1}, size_t{4095}, size_t{65535}, size_t{65536}, size_t{65537}, size_t{300001}}) {
        std::string bytes = Bytes(size, size);
        ASSERT_CODE(POLYFS_OK, Put("a", bytes));
        EXPECT_TRUE(bytes == Get("a")) << size << " bytes";
    }
}

CONFORMANCE_CASE(read, Ranges)
{
    const uint64_t all = POLYFS_SIZE_UNKNOWN;
    std::string bytes = Bytes(1000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    const std::vector<std::pair<uint64_t, uint64_t>> ranges = {{0, 1},   {0, 999}, {0, 1000},  {0, 1001},
                                                               {1, 1},   {1, 998}, {500, 250}, {999, 1},
                                                               {999, 2}, {0, all}, {700, all}};
    for (const auto &range : ranges)
        EXPECT_TRUE(bytes.substr(range.first, range.second) ==
                    Range(fs(), P("a"), range.first, range.second, 0, 2000))
            << range.second << " bytes at " << range.first;
}

CONFORMANCE_CASE(read, RangeAtTheEnd)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    EXPECT_EQ("", Range(fs(), P("a"), 10, 5, 0, 10));
    EXPECT_EQ("", Range(fs(), P("a"), 10, POLYFS_SIZE_UNKNOWN, 0, 10));
    EXPECT_EQ("9", Range(fs(), P("a"), 9, POLYFS_SIZE_UNKNOWN, 0, 10));
}

CONFORMANCE_CASE(read, RangeBehindTheEnd)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    StatInfo stat = POLYFS_STAT_INIT;
    std::string before = Image(stat);
    char buffer[4] = "xyz";
    void *data = nullptr;
    size_t n = 77;
    opts.offset = 11;
    EXPECT_CODE(POLYFS_RANGE, polyfs_get(fs(), P("a").c_str(), &opts, buffer, 4, &n, &stat, E()));
    EXPECT_EQ(77u, n);
    EXPECT_STREQ("xyz", buffer);
    EXPECT_EQ(before, Image(stat));
    EXPECT_CODE(POLYFS_RANGE, polyfs_get_all(fs(), P("a").c_str(), &opts, &data, &n, nullptr, E()));
    EXPECT_EQ(nullptr, data);
}

CONFORMANCE_CASE(read, OffsetsThatOverflow)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    for (uint64_t offset : {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX / 2 + 1, UINT64_MAX / 2})
        for (uint64_t length : {UINT64_C(1), UINT64_C(10), UINT64_MAX})
            EXPECT_EQ("<range>", Range(fs(), P("a"), offset, length, 0, 10)) << length << " at " << offset;
}

CONFORMANCE_CASE(read, Suffix)
{
    std::string bytes = Bytes(1000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    for (size_t n : {size_t{1}, size_t{10}, size_t{999}, size_t{1000}})
        EXPECT_TRUE(bytes.substr(1000 - n) == Range(fs(), P("a"), 0, n, POLYFS_READ_SUFFIX, 2000)) << n;
    EXPECT_TRUE(bytes == Range(fs(), P("a"), 0, 5000, POLYFS_READ_SUFFIX, 6000)) << "more than there is";
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    void *data = nullptr;
    size_t n = 0;
    opts.flags = POLYFS_READ_SUFFIX;
    opts.length = 100;
    ASSERT_CODE(POLYFS_OK, polyfs_get_all(fs(), P("a").c_str(), &opts, &data, &n, nullptr, E()));
    EXPECT_TRUE(bytes.substr(900) == std::string(static_cast<char *>(data), n));
    polyfs_free(data);
}

/* All of it, asked for by its end, of an object larger than any first piece. */
CONFORMANCE_CASE(read, SuffixOfLargeObject)
{
    std::string bytes = Bytes(400000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    void *data = nullptr;
    size_t n = 0;
    opts.flags = POLYFS_READ_SUFFIX;
    for (uint64_t length : {UINT64_C(399999), UINT64_C(100000), UINT64_C(500000), POLYFS_SIZE_UNKNOWN}) {
        opts.length = length;
        ASSERT_CODE(POLYFS_OK, polyfs_get_all(fs(), P("a").c_str(), &opts, &data, &n, nullptr, E())) << length;
        size_t wanted = length < bytes.size() ? length : bytes.size();
        EXPECT_TRUE(bytes.substr(bytes.size() - wanted) == std::string(static_cast<char *>(data), n)) << length;
        polyfs_free(data);
    }
}

CONFORMANCE_CASE(read, SmallRoom)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    EXPECT_EQ("012", Range(fs(), P("a"), 0, POLYFS_SIZE_UNKNOWN, 0, 3));
    EXPECT_EQ("456", Range(fs(), P("a"), 4, 6, 0, 3));
    EXPECT_EQ("", Range(fs(), P("a"), 4, 6, 0, 0));
    EXPECT_EQ("", Range(fs(), P("a"), 4, 0, 0, 3)) << "no bytes wanted";
    EXPECT_EQ("<not_found>", Range(fs(), P("missing"), 0, 6, 0, 0));
}

CONFORMANCE_CASE(read, AllOfARange)
{
    std::string bytes = Bytes(200000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    for (uint64_t length : {UINT64_C(10), UINT64_C(65536), UINT64_C(65537), UINT64_C(150000), UINT64_C(250000)}) {
        void *data = nullptr;
        size_t n = 0;
        opts.offset = 777;
        opts.length = length;
        ASSERT_CODE(POLYFS_OK, polyfs_get_all(fs(), P("a").c_str(), &opts, &data, &n, nullptr, E()));
        EXPECT_TRUE(bytes.substr(777, length) == std::string(static_cast<char *>(data), n)) << length;
        polyfs_free(data);
    }
}

CONFORMANCE_CASE(read, MissingIsNotFound)
{
    void *data = nullptr;
    size_t n = 5;
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_get_all(fs(), P("no").c_str(), nullptr, &data, &n, nullptr, E()));
    EXPECT_EQ(nullptr, data);
    EXPECT_EQ(5u, n);
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_get_all(fs(), P("no/such").c_str(), nullptr, &data, &n, nullptr, E()));
}

CONFORMANCE_CASE(read, BelowAnObject)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "object"));
    EXPECT_EQ(RealDirs() ? "<not_dir>" : "<not_found>", Range(fs(), P("a/b"), 0, 9, 0, 9));
}

CONFORMANCE_CASE(read, FolderIsNoObject)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", "bytes"));
    for (const char *name : {"d", "d/"}) {
        void *data = nullptr;
        size_t n = 0;
        int rc = polyfs_get_all(fs(), P(name).c_str(), nullptr, &data, &n, nullptr, E());
        if (RealDirs())
            EXPECT_CODE(POLYFS_IS_DIR, rc) << name;
        else
            EXPECT_ANY_CODE(rc, POLYFS_IS_DIR, POLYFS_NOT_FOUND) << name;
    }
}

CONFORMANCE_CASE(read, UnknownFlagIsRefused)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    polyfs_reader *reader = nullptr;
    char buffer[9];
    size_t n = 0;
    opts.flags = UINT32_C(1) << 30;
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_get(fs(), P("a").c_str(), &opts, buffer, 9, &n, nullptr, E()));
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_reader_open(fs(), P("a").c_str(), &opts, &reader, E()));
    polyfs_reader_close(reader);
}

CONFORMANCE_CASE(read, StatOfGetIsStat)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    StatInfo told, asked;
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    char buffer[4];
    size_t n = 0;
    opts.offset = 2;
    ASSERT_CODE(POLYFS_OK, Stat("a", &asked));
    told = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, polyfs_get(fs(), P("a").c_str(), &opts, buffer, 4, &n, &told, E()));
    EXPECT_EQ(10u, told.size) << "of the object, not of the range";
    EXPECT_STREQ(asked.etag, told.etag);
    EXPECT_STREQ(asked.version, told.version);
}

CONFORMANCE_CASE(read, OfAVersion)
{
    StatInfo first = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "first", nullptr, &first));
    ASSERT_CODE(POLYFS_OK, Put("a", "second"));
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    void *data = nullptr;
    size_t n = 0;
    opts.version = first.version[0] ? first.version : "1";
    int rc = polyfs_get_all(fs(), P("a").c_str(), &opts, &data, &n, nullptr, E());
    if (!Yes(POLYFS_FACT_VERSIONS)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    EXPECT_STREQ("first", static_cast<char *>(data));
    polyfs_free(data);
    Reader reader = OpenReader("a", &opts);
    char buffer[16] = "";
    ASSERT_CODE(POLYFS_OK, polyfs_reader_pread(reader.get(), 0, buffer, sizeof(buffer), &n, E()));
    EXPECT_EQ("first", std::string(buffer, n));
    StatInfo stat;
    ASSERT_CODE(POLYFS_OK, Stat("a", &stat, first.version));
    EXPECT_EQ(5u, stat.size);
    opts.version = "no such version";
    rc = polyfs_get_all(fs(), P("a").c_str(), &opts, &data, &n, nullptr, E());
    EXPECT_ANY_CODE(rc, POLYFS_NOT_FOUND, POLYFS_INVALID);
}

} // namespace conformance
