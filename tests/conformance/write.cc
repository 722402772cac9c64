/* SPDX-License-Identifier: Apache-2.0 */
/*
 * put() and what holds for every writer: all or nothing, what is refused before a byte is stored, folders and objects
 * in each other's way. Cases that run once per shape are in shapes.cc.
 */
#include <ctime>
#include <set>

#include "case.h"

namespace conformance
{

CONFORMANCE_CASE(write, PutReplaces)
{
    std::set<std::string> etags;
    for (const char *bytes : {"one", "two", "a longer one", "", "x"}) {
        StatInfo told = POLYFS_STAT_INIT, asked;
        ASSERT_CODE(POLYFS_OK, Put("a", bytes, nullptr, &told));
        EXPECT_EQ(bytes, Get("a"));
        ASSERT_CODE(POLYFS_OK, Stat("a", &asked));
        EXPECT_EQ(std::string(bytes).size(), told.size);
        EXPECT_EQ(std::string(bytes).size(), asked.size);
        EXPECT_STREQ(asked.etag, told.etag);
        EXPECT_STREQ(asked.version, told.version);
        EXPECT_TRUE(etags.insert(asked.etag).second) << "etag again: " << asked.etag;
        EXPECT_EQ(static_cast<uint32_t>(POLYFS_TYPE_FILE), asked.type);
    }
    EXPECT_EQ((std::vector<std::string>{"a"}), Names());
}

/* If_match trusts the etag, so other bytes must have another one, however fast they come and whatever their size. */
CONFORMANCE_CASE(write, EtagChangesWithTheBytes)
{
    std::set<std::string> etags;
    const unsigned count = Many(300, 20);
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.durability = POLYFS_DURABILITY_NONE;
    for (unsigned i = 0; i < count; i++) {
        StatInfo stat = POLYFS_STAT_INIT;
        ASSERT_CODE(POLYFS_OK, Put("a", std::to_string(100000 + i), &opts, &stat));
        etags.insert(stat.etag);
    }
    EXPECT_EQ(count, etags.size()) << "etags for as many different contents of one size";
}

CONFORMANCE_CASE(write, MtimeIsNow)
{
    StatInfo stat;
    int64_t before = static_cast<int64_t>(time(nullptr)) - 2;
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
    const int64_t skew = Network() ? 900 : 0;
    EXPECT_GE(stat.mtime_ns / 1000000000, before - skew);
    EXPECT_LE(stat.mtime_ns / 1000000000, static_cast<int64_t>(time(nullptr)) + 2 + skew);
}

CONFORMANCE_CASE(write, LargePut)
{
    std::string bytes = Bytes(20 * 1024 * 1024 + 3);
    StatInfo stat = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", bytes, nullptr, &stat));
    EXPECT_EQ(bytes.size(), stat.size);
    EXPECT_TRUE(bytes == Get("a"));
}

CONFORMANCE_CASE(write, NothingIsSeenBeforeCommit)
{
    Writer writer = OpenWriter("new");
    ASSERT_TRUE(writer);
    ASSERT_CODE(POLYFS_OK, Write(writer, Bytes(20 << 20)));
    EXPECT_EQ(0, Exists("new"));
    ExpectNothingLeft();
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_EQ((std::vector<std::string>{"new"}), Names());
    EXPECT_TRUE(Bytes(20 << 20) == Get("new"));
}

CONFORMANCE_CASE(write, EmptyWriter)
{
    StatInfo stat = POLYFS_STAT_INIT;
    Writer writer = OpenWriter("a");
    ASSERT_CODE(POLYFS_OK, Commit(writer, &stat));
    EXPECT_EQ(0u, stat.size);
    EXPECT_EQ("", Get("a"));
}

CONFORMANCE_CASE(write, ManySmallWrites)
{
    std::string bytes = Bytes(70000);
    Writer writer = OpenWriter("a");
    for (size_t at = 0; at < bytes.size(); at += 7)
        ASSERT_CODE(POLYFS_OK, Write(writer, bytes.substr(at, 7)));
    ASSERT_CODE(POLYFS_OK, polyfs_writer_write(writer.get(), "", 0, E()));
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_TRUE(bytes == Get("a"));
}

/* In one call; they are the caller's again when it returns. */
CONFORMANCE_CASE(write, ManyPlaces)
{
    const size_t sizes[] = {100, 0, 9u << 20, 1, 17u << 20, 3000, 8u << 20, 70000};
    std::vector<std::string> places;
    std::vector<polyfs_bytes> bytes;
    std::string whole;
    for (size_t size : sizes)
        places.push_back(Bytes(size));
    for (const std::string &place : places) {
        bytes.push_back({place.data(), place.size()});
        whole += place;
    }
    Writer writer = OpenWriter("a");
    ASSERT_TRUE(writer);
    ASSERT_CODE(POLYFS_OK, polyfs_writer_writev(writer.get(), bytes.data(), bytes.size(), E()));
    for (std::string &place : places)
        std::fill(place.begin(), place.end(), '-');
    ASSERT_CODE(POLYFS_OK, polyfs_writer_writev(writer.get(), nullptr, 0, E()));
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_TRUE(whole == Get("a"));
}

CONFORMANCE_CASE(write, AfterTheCommit)
{
    Writer writer = OpenWriter("a");
    ASSERT_CODE(POLYFS_OK, Write(writer, "bytes"));
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_CODE(POLYFS_INVALID, Write(writer, "more"));
    EXPECT_CODE(POLYFS_INVALID, Commit(writer));
    EXPECT_EQ("bytes", Get("a"));
    writer.reset();
    EXPECT_EQ("bytes", Get("a"));
}

/* The hint is a hint: more or fewer bytes than it said are what was written, or an error, never something else. */
CONFORMANCE_CASE(write, WrongSizeHint)
{
    for (uint64_t hint : {UINT64_C(0), UINT64_C(1), UINT64_C(100), UINT64_C(50000000)}) {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.size_hint = hint;
        Writer writer = OpenWriter("a", &opts);
        ASSERT_CODE(POLYFS_OK, Write(writer, Bytes(30000)));
        ASSERT_CODE(POLYFS_OK, Commit(writer));
        EXPECT_TRUE(Bytes(30000) == Get("a")) << "hint " << hint;
    }
}

CONFORMANCE_CASE(write, MissingFolder)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    int wanted = NeedsFolders() ? POLYFS_NOT_FOUND : POLYFS_OK;
    EXPECT_CODE(wanted, Put("x/y/a", "bytes", &opts));
    polyfs_writer *raw = nullptr;
    int rc = polyfs_writer_open(fs(), P("v/w/a").c_str(), &opts, &raw, E());
    Writer writer(raw);
    if (rc == POLYFS_OK)
        rc = Commit(writer);
    EXPECT_CODE(wanted, rc);
    if (NeedsFolders())
        ExpectNothingLeft();
    opts.flags = POLYFS_WRITE_PARENTS;
    EXPECT_CODE(POLYFS_OK, Put("p/q/a", "bytes", &opts));
    EXPECT_CODE(POLYFS_OK, Put("p/q/a", "again", &opts)) << "folders that are there are fine";
    EXPECT_EQ("again", Get("p/q/a"));
    writer = OpenWriter("r/s/a", &opts);
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_EQ("", Get("r/s/a"));
}

CONFORMANCE_CASE(write, OverAFolder)
{
    NEEDS_NESTED_NAMES();
    ASSERT_CODE(POLYFS_OK, Put("d/a", "bytes"));
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    polyfs_writer *raw = nullptr;
    int rc = polyfs_writer_open(fs(), P("d").c_str(), &opts, &raw, E());
    Writer writer(raw);
    if (rc == POLYFS_OK)
        rc = Commit(writer);
    EXPECT_CODE(RealDirs() ? POLYFS_IS_DIR : POLYFS_OK, rc) << "a key that is a prefix of others is a key like any";
    EXPECT_CODE(RealDirs() ? POLYFS_IS_DIR : POLYFS_OK, Put("d", "object", &opts));
    EXPECT_EQ("bytes", Get("d/a"));
    if (!RealDirs()) {
        EXPECT_EQ("object", Get("d"));
    }
}

CONFORMANCE_CASE(write, BelowAnObject)
{
    NEEDS_NESTED_NAMES();
    ASSERT_CODE(POLYFS_OK, Put("a", "object"));
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    for (uint32_t flags : {0u, POLYFS_WRITE_PARENTS}) {
        opts.flags = flags;
        EXPECT_CODE(RealDirs() ? POLYFS_NOT_DIR : POLYFS_OK, Put("a/b", "below", &opts)) << "flags " << flags;
        EXPECT_EQ("object", Get("a"));
        if (!RealDirs()) {
            EXPECT_EQ("below", Get("a/b"));
        }
    }
}

CONFORMANCE_CASE(write, UnknownFlagIsRefused)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    polyfs_writer *raw = nullptr;
    opts.flags = UINT32_C(1) << 30;
    EXPECT_CODE(POLYFS_UNSUPPORTED, Put("a", "bytes", &opts));
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_writer_open(fs(), P("a").c_str(), &opts, &raw, E()));
    polyfs_writer_close(raw);
    ExpectNothingLeft();
}

CONFORMANCE_CASE(write, UnknownPassThroughIsRefused)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    polyfs_kv extra = {"no-such-option-of-any-store", "1"};
    opts.extra = &extra;
    opts.extra_count = 1;
    EXPECT_ANY_CODE(Put("a", "bytes", &opts), POLYFS_UNSUPPORTED, POLYFS_INVALID);
    ExpectNothingLeft();
}

CONFORMANCE_CASE(write, Durability)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    for (uint32_t level = POLYFS_DURABILITY_DEFAULT; level <= POLYFS_DURABILITY_FULL; level++) {
        opts.durability = level;
        EXPECT_CODE(POLYFS_OK, Put("a", std::to_string(level), &opts));
        EXPECT_EQ(std::to_string(level), Get("a"));
    }
    opts.durability = 77;
    EXPECT_ANY_CODE(Put("b", "bytes", &opts), POLYFS_UNSUPPORTED, POLYFS_INVALID);
    EXPECT_EQ(0, Exists("b"));
}

/* CRC32C of "123456789" is e3069283 (RFC 3720, B.4). */
CONFORMANCE_CASE(write, Checksum)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.checksum = {POLYFS_CHECKSUM_CRC32C, 4, {0xe3, 0x06, 0x92, 0x83}};
    int rc = Put("right", "123456789", &opts);
    if (!(caps().stored_checksums & POLYFS_CHECKSUM_CRC32C) && rc == POLYFS_UNSUPPORTED) {
        ExpectNothingLeft();
        return;
    }
    EXPECT_CODE(POLYFS_OK, rc);
    EXPECT_CODE(POLYFS_CORRUPT, Put("wrong", "123456780", &opts));
    EXPECT_EQ(0, Exists("wrong"));
    EXPECT_CODE(POLYFS_CORRUPT, Put("right", "other", &opts));
    EXPECT_EQ("123456789", Get("right")) << "what was there stays";
    Writer writer = OpenWriter("wrong", &opts);
    ASSERT_TRUE(writer);
    rc = Write(writer, "123456780");
    EXPECT_CODE(POLYFS_CORRUPT, rc == POLYFS_OK ? Commit(writer) : rc);
    EXPECT_EQ(0, Exists("wrong"));
}

CONFORMANCE_CASE(write, ChecksumOfUnknownKind)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.checksum = {1u << 20, 4, {1, 2, 3, 4}};
    EXPECT_ANY_CODE(Put("a", "bytes", &opts), POLYFS_UNSUPPORTED, POLYFS_INVALID);
    ExpectNothingLeft();
}

CONFORMANCE_CASE(write, ByUrl)
{
    Text url(polyfs_fs_url(fs(), P("a b%20c").c_str()));
    ASSERT_TRUE(url);
    std::vector<const char *> options;
    for (const std::string &text : store().options)
        options.push_back(text.c_str());
    options.push_back(nullptr);
    polyfs_fs *raw = nullptr;
    char *path = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_fs_open(url.get(), options.data(), &raw, &path, E()));
    Fs other(raw);
    Text path_owner(path);
    EXPECT_EQ(P("a b%20c"), path) << "the URL comes back to the path";
    EXPECT_EQ(fs(), raw) << "the same options are one filesystem";
    EXPECT_EQ(0, std::string(url.get()).find(std::string(polyfs_fs_protocol(fs())) + "://"));
    if (!store().options.empty())
        return;
    void *data = nullptr;
    size_t n = 0;
    ASSERT_CODE(POLYFS_OK, polyfs_put_url(url.get(), "bytes", 5, E()));
    EXPECT_EQ("bytes", Get("a b%20c"));
    ASSERT_CODE(POLYFS_OK, polyfs_get_url(url.get(), &data, &n, E()));
    Text owner(static_cast<char *>(data));
    EXPECT_EQ("bytes", std::string(owner.get(), n));
    polyfs_reader *reader = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_open_url(url.get(), &reader, E()));
    polyfs_reader_close(reader);
}

} // namespace conformance
