/* SPDX-License-Identifier: Apache-2.0 */
/* Writes: put and its conditions, checksums, the limit, PLACED, STREAM and append. */
#include "fixture.h"

class WriteTest : public MemoryTest
{
  protected:
    void SetUp() override
    {
        MemoryTest::SetUp();
        open();
    }
};

TEST_F(WriteTest, PutReplaces)
{
    ASSERT_EQ(POLYFS_OK, fs.put("a", "one"));
    std::string first = fs.stat.etag;
    EXPECT_EQ(3u, fs.stat.size);
    ASSERT_EQ(POLYFS_OK, fs.put("a", "three"));
    EXPECT_NE(first, fs.stat.etag);
    EXPECT_EQ("three", fs.read("a"));
    ASSERT_EQ(POLYFS_OK, fs.put("a", ""));
    EXPECT_EQ("", fs.read("a"));
    Put request;
    EXPECT_EQ(POLYFS_OK,
              Fs::ops()->put(&fs.call, fs.handle, "b", 1, nullptr, 0, &request, nullptr, nullptr)); /* no outputs */
    EXPECT_EQ(POLYFS_TOO_LARGE, Fs::ops()->put(&fs.call, fs.handle, "b", 1, nullptr, (UINT64_C(5) << 30) + 1,
                                               &request, nullptr, &fs.err));
}

TEST_F(WriteTest, Conditions)
{
    EXPECT_EQ(POLYFS_CONDITION, fs.put("a", "x", Put().ifMatch("0000000000000001")));
    EXPECT_EQ(POLYFS_OK, fs.put("a", "1", Put().createOnly()));
    std::string first = fs.stat.etag;
    EXPECT_EQ(POLYFS_EXISTS, fs.put("a", "2", Put().createOnly()));
    EXPECT_EQ(POLYFS_OK, fs.put("a", "2", Put().ifMatch(first.c_str())));
    EXPECT_EQ(POLYFS_CONDITION, fs.put("a", "3", Put().ifMatch(first.c_str())));
    EXPECT_EQ("2", fs.read("a"));
    Put request;
    request.condition.if_none_match = "x";
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.put("a", "3", request));
    request = Put();
    request.condition.if_modified_ns = 0;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.put("a", "3", request));
}

TEST_F(WriteTest, EtagsAreNeverUsedAgain)
{
    ASSERT_EQ(POLYFS_OK, fs.put("a", "1"));
    std::string first = fs.stat.etag;
    ASSERT_EQ(POLYFS_OK, fs.remove("a"));
    ASSERT_EQ(POLYFS_OK, fs.put("a", "1"));
    EXPECT_NE(first, fs.stat.etag);
}

TEST_F(WriteTest, WhatIsNotKnownIsRefused)
{
    const struct polyfs_kv row = {"storage_class", "cold"}, half = {"name", nullptr}, nameless = {"", "x"};
    Put request;
    request.extra = &row;
    request.extra_count = 1;
    request.extra_stride = sizeof(row);
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.put("a", "1", request));
    request = Put();
    request.durability = 4;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.put("a", "1", request));
    EXPECT_EQ(POLYFS_INVALID, fs.put("a", "1", Put().meta({half})));
    EXPECT_EQ(POLYFS_INVALID, fs.put("a", "1", Put().meta({nameless})));
    EXPECT_EQ(POLYFS_INVALID, fs.put("a", "1", Put().type(std::string(128, 'x').c_str())));
    EXPECT_EQ(POLYFS_OK, fs.put("a", "1", Put().type(std::string(127, 'x').c_str())));
    void *out = nullptr;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.stream("a", &out, 2));
    EXPECT_EQ(nullptr, out);
    struct polyfs_step step = {sizeof(step), 0, "cursor", &fs.text, 0};
    request = Put();
    EXPECT_EQ(POLYFS_INVALID,
              fake::plugin()->stream->open(&fs.call, fs.handle, "a", 1, 0, &request, &step, &out, &fs.err));
    EXPECT_EQ(nullptr, out);
}

/* Metadata is kept by copies alone; no other write has a flag, at its start or at its commit. */
TEST_F(WriteTest, FlagsOfARequest)
{
    void *placed = nullptr, *stream = nullptr, *none = nullptr;
    std::string id, no_id;
    struct polyfs_part part;
    ASSERT_EQ(POLYFS_OK, fs.put("a", "1"));
    ASSERT_EQ(POLYFS_OK, fs.placed("p", &placed));
    ASSERT_EQ(POLYFS_OK, fs.stream("s", &stream));
    ASSERT_EQ(POLYFS_OK, fs.start("u", &id));
    ASSERT_EQ(POLYFS_OK, fs.part("u", id, 1, "x", &part));
    for (uint32_t bits : {POLYFS_PUT_KEEP_METADATA, 2u, 1u << 31}) {
        const Put request = Put().flag(bits);
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.put("b", "1", request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.placed("b", &none, request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.stream("b", &none, 0, request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.append("a", "1", request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.start("b", &no_id, request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.placedCommit(placed, 0, request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.streamCommit(stream, request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.complete("u", id, {part}, request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.compose({{"a"}}, "b", request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rename("a", "b", request)) << bits;
        EXPECT_EQ(POLYFS_UNSUPPORTED, fs.setMetadata("a", request)) << bits;
    }
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.copy("a", "b", nullptr, Put().flag(2)));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.copy("a", "b", nullptr, Put().keep().flag(2)));
    EXPECT_EQ(nullptr, none);
    EXPECT_EQ("", no_id);
    EXPECT_EQ("a", fs.names(""));
    fs.placedAbort(placed);
    fs.streamAbort(stream);
    EXPECT_EQ(POLYFS_OK, fs.abort("u", id));
}

TEST_F(WriteTest, MetadataRowsComeByStride)
{
    struct Wide {
        struct polyfs_kv row;
        uint64_t later;
    } rows[2] = {{{"a", "1"}, 5}, {{"b", "2"}, 6}};
    Put request;
    request.metadata = &rows[0].row;
    request.metadata_count = 2;
    request.metadata_stride = sizeof(Wide);
    ASSERT_EQ(POLYFS_OK, fs.put("a", "x", request));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    ASSERT_EQ(2u, fs.pairs.rows.size());
    EXPECT_EQ("b", fs.pairs.rows[1].first);
    ASSERT_EQ(POLYFS_OK, fs.put("a", "x"));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    EXPECT_TRUE(fs.pairs.rows.empty());
}

TEST_F(WriteTest, ChecksumIsVerifiedAndKept)
{
    EXPECT_EQ(POLYFS_CORRUPT, fs.put("a", "123456789", Put().crc(1)));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
    ASSERT_EQ(POLYFS_OK, fs.put("a", "123456789", Put().crc(0xe3069283)));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    EXPECT_EQ(4u, fs.stat.checksum.length);
    EXPECT_EQ(0xe3, fs.stat.checksum.value[0]);
    EXPECT_EQ(0x83, fs.stat.checksum.value[3]);
    ASSERT_EQ(POLYFS_OK, fs.put("a", "123456789"));
    EXPECT_EQ(0u, fs.stat.checksum.kind);
    Put request;
    request.checksum.kind = POLYFS_CHECKSUM_MD5;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.put("a", "1", request));
    request.checksum.kind = POLYFS_CHECKSUM_CRC32C; /* without its length */
    EXPECT_EQ(POLYFS_INVALID, fs.put("a", "1", request));
}

/* ---- the limit */

TEST_F(WriteTest, LimitIsKeptAndGivenBack)
{
    Fs small;
    openAs(&small, {{"max_bytes", "10000"}});
    EXPECT_EQ(POLYFS_OK, small.put("a", std::string(6000, 'a')));
    EXPECT_EQ(POLYFS_NO_SPACE, small.put("b", std::string(6000, 'b')));
    EXPECT_EQ(POLYFS_NOT_FOUND, small.info("b"));
    EXPECT_EQ(POLYFS_OK, fs.put("b", std::string(6000, 'b'))); /* another limit on the same store */
    EXPECT_EQ(POLYFS_OK, fs.remove("b"));
    EXPECT_EQ(POLYFS_OK, small.copy("a", "c")); /* bytes are shared */
    EXPECT_EQ(POLYFS_OK, small.remove("a"));
    EXPECT_EQ(POLYFS_NO_SPACE, small.put("b", std::string(6000, 'b')));
    EXPECT_EQ(POLYFS_OK, small.remove("c"));
    EXPECT_EQ(POLYFS_OK, small.put("b", std::string(6000, 'b')));
    std::string name(2000, 'n'); /* names and metadata count too */
    int code = POLYFS_OK;
    for (int i = 0; i < 10 && code == POLYFS_OK; i++)
        code = small.put(name + std::to_string(i), "");
    EXPECT_EQ(POLYFS_NO_SPACE, code);
    EXPECT_EQ(POLYFS_NO_SPACE,
              small.put("b", "", Put().type("x").meta({{"k", name.c_str()}, {"l", name.c_str()}})));
}

TEST_F(WriteTest, LimitHoldsForEveryShape)
{
    Fs small;
    openAs(&small, {{"max_bytes", "20000"}});
    const std::string data(30000, 'x');
    void *handle = nullptr;
    std::string id;
    struct polyfs_part part;
    ASSERT_EQ(POLYFS_OK, small.start("u", &id));
    EXPECT_EQ(POLYFS_NO_SPACE, small.part("u", id, 1, data, &part));
    EXPECT_EQ(POLYFS_OK, small.abort("u", id));
    ASSERT_EQ(POLYFS_OK, small.placed("p", &handle, Put().hint(4096)));
    EXPECT_EQ(POLYFS_NO_SPACE, small.placedWrite(handle, 0, data));
    small.placedAbort(handle);
    ASSERT_EQ(POLYFS_OK, small.stream("s", &handle, 0, Put().hint(4096)));
    EXPECT_EQ(POLYFS_NO_SPACE, small.streamWrite(handle, data));
    small.streamAbort(handle);
    EXPECT_EQ(POLYFS_OK, small.put("a", std::string(15000, 'x')));
}

TEST_F(WriteTest, NoLimitIsNoLimit)
{
    Fs wide;
    openAs(&wide, {{"max_bytes", "0"}});
    EXPECT_EQ(POLYFS_OK, wide.put("a", std::string(1 << 20, 'x')));
}

/* ---- PLACED */

TEST_F(WriteTest, PlacedAnywhereInAnyOrder)
{
    for (uint64_t hint : {POLYFS_SIZE_UNKNOWN, UINT64_C(0), UINT64_C(10), UINT64_C(5000000)}) {
        void *placed = nullptr;
        ASSERT_EQ(POLYFS_OK, fs.placed("a", &placed, Put().hint(hint)));
        EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, 3000, "end"));
        EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, 0, "wrong"));
        EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, 0, "start"));
        EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
        ASSERT_EQ(POLYFS_OK, fs.placedCommit(placed, 3003, Put().type("x/y")));
        EXPECT_STREQ("x/y", fs.stat.content_type);
        EXPECT_EQ("start" + std::string(2995, '\0') + "end", fs.read("a"));
        ASSERT_EQ(POLYFS_OK, fs.remove("a"));
    }
}

TEST_F(WriteTest, PlacedSizeIsThatOfTheCommit)
{
    void *placed = nullptr;
    ASSERT_EQ(POLYFS_OK, fs.placed("a", &placed));
    EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, 0, std::string(200000, 'x')));
    EXPECT_EQ(POLYFS_OK, fs.placedCommit(placed, 70000));
    EXPECT_EQ(std::string(70000, 'x'), fs.read("a"));
    ASSERT_EQ(POLYFS_OK, fs.placed("a", &placed));
    EXPECT_EQ(POLYFS_OK, fs.placedCommit(placed, 0));
    EXPECT_EQ("", fs.read("a"));
    ASSERT_EQ(POLYFS_OK, fs.placed("a", &placed));
    EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, 100, "x"));
    EXPECT_EQ(POLYFS_OK, fs.placedCommit(placed, 200000));
    EXPECT_EQ(std::string(100, '\0') + "x" + std::string(199899, '\0'), fs.read("a"));
}

TEST_F(WriteTest, PlacedFarOutCostsLittle)
{
    void *placed = nullptr;
    const uint64_t far = UINT64_C(5) << 40;
    ASSERT_EQ(POLYFS_OK, fs.placed("a", &placed));
    EXPECT_EQ(POLYFS_TOO_LARGE, fs.placedWrite(placed, far, "x"));
    EXPECT_EQ(POLYFS_TOO_LARGE, fs.placedWrite(placed, UINT64_MAX, "x"));
    EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, far - 1, "x"));
    EXPECT_EQ(POLYFS_TOO_LARGE, fs.placedCommit(placed, far + 1));
    EXPECT_EQ(POLYFS_OK, fs.placedCommit(placed, far));
    Get request;
    request.flags = POLYFS_GET_SUFFIX;
    request.length = 3;
    ASSERT_EQ(POLYFS_OK, fs.get("a", request));
    EXPECT_EQ(std::string("\0\0x", 3), fs.bytes);
    EXPECT_EQ(POLYFS_TOO_LARGE, fs.append("a", "y"));
    EXPECT_EQ(POLYFS_TOO_LARGE, fs.compose({{"a"}, {"a"}}, "b"));
}

TEST_F(WriteTest, PlacedCommitDecidesAndCanBeAskedAgain)
{
    void *placed = nullptr;
    ASSERT_EQ(POLYFS_OK, fs.placed("a", &placed, Put().createOnly()));
    EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, 0, "123456789"));
    ASSERT_EQ(POLYFS_OK, fs.put("a", "other"));
    EXPECT_EQ(POLYFS_EXISTS, fs.placedCommit(placed, 9, Put().createOnly()));
    EXPECT_EQ(POLYFS_CORRUPT, fs.placedCommit(placed, 9, Put().crc(7)));
    EXPECT_EQ("other", fs.read("a"));
    EXPECT_EQ(POLYFS_OK, fs.placedCommit(placed, 9, Put().crc(0xe3069283)));
    EXPECT_EQ("123456789", fs.read("a"));
    EXPECT_EQ(POLYFS_EXISTS, fs.placed("a", &placed, Put().createOnly()));
    ASSERT_EQ(POLYFS_OK, fs.placed("b", &placed));
    EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, 0, "x"));
    fs.placedAbort(placed);
    EXPECT_EQ("a", fs.names(""));
}

TEST_F(WriteTest, PlacedWithManyHoles)
{
    void *placed = nullptr;
    ASSERT_EQ(POLYFS_OK, fs.placed("a", &placed, Put().hint(0)));
    std::string whole(100000, '\0');
    for (size_t at = 5000; at < 90000; at += 7000) {
        EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, at, "here"));
        whole.replace(at, 4, "here");
    }
    ASSERT_EQ(POLYFS_OK, fs.placedCommit(placed, whole.size()));
    EXPECT_EQ(whole, fs.read("a"));
}

TEST_F(WriteTest, PlacedChecksumCountsHoles)
{
    void *placed = nullptr;
    ASSERT_EQ(POLYFS_OK, fs.placed("a", &placed, Put().hint(0)));
    std::string whole(100000, '\0');
    whole += "x";
    EXPECT_EQ(POLYFS_OK, fs.placedWrite(placed, 100000, "x"));
    uint32_t crc = static_cast<uint32_t>(pfs_crc(POLYFS_CHECKSUM_CRC32C, 0, whole.data(), whole.size()));
    EXPECT_EQ(POLYFS_CORRUPT, fs.placedCommit(placed, whole.size(), Put().crc(crc ^ 1)));
    EXPECT_EQ(POLYFS_OK, fs.placedCommit(placed, whole.size(), Put().crc(crc)));
}

/* ---- STREAM and append */

TEST_F(WriteTest, StreamInOrder)
{
    void *stream = nullptr;
    ASSERT_EQ(POLYFS_OK, fs.stream("a", &stream));
    std::string whole;
    for (int i = 0; i < 100; i++) {
        std::string piece(static_cast<size_t>(i * 37), static_cast<char>('a' + i % 26));
        whole += piece;
        ASSERT_EQ(POLYFS_OK, fs.streamWrite(stream, piece));
    }
    uint64_t offset = 0;
    ASSERT_EQ(POLYFS_OK, fake::plugin()->stream->offset(&fs.call, stream, &offset, &fs.err));
    EXPECT_EQ(whole.size(), offset);
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
    ASSERT_EQ(POLYFS_OK, fs.streamCommit(stream));
    EXPECT_EQ(whole, fs.read("a"));
}

TEST_F(WriteTest, StreamTellsHowFarItCame)
{
    void *stream = nullptr;
    ASSERT_EQ(POLYFS_OK, fs.stream("a", &stream));
    const std::string data(300000, 'x');
    fs.stop.left = 4; /* on entry and before each chunk */
    EXPECT_EQ(POLYFS_CANCELLED, fs.streamWrite(stream, data));
    fs.stop.left = INT_MAX;
    uint64_t offset = 0;
    ASSERT_EQ(POLYFS_OK, fake::plugin()->stream->offset(&fs.call, stream, &offset, &fs.err));
    EXPECT_EQ(131072u, offset);
    EXPECT_EQ(POLYFS_OK, fs.streamWrite(stream, data.substr(offset)));
    EXPECT_EQ(POLYFS_OK, fs.streamCommit(stream));
    EXPECT_EQ(data, fs.read("a"));
}

TEST_F(WriteTest, StreamCommitDecides)
{
    void *stream = nullptr;
    ASSERT_EQ(POLYFS_OK, fs.put("a", "1"));
    std::string etag = fs.stat.etag;
    ASSERT_EQ(POLYFS_OK, fs.stream("a", &stream, 0, Put().ifMatch(etag.c_str())));
    ASSERT_EQ(POLYFS_OK, fs.streamWrite(stream, "2"));
    ASSERT_EQ(POLYFS_OK, fs.put("a", "3"));
    EXPECT_EQ(POLYFS_CONDITION, fs.streamCommit(stream, Put().ifMatch(etag.c_str())));
    fs.streamAbort(stream);
    EXPECT_EQ(POLYFS_CONDITION, fs.stream("a", &stream, 0, Put().ifMatch(etag.c_str())));
    EXPECT_EQ("3", fs.read("a"));
}

TEST_F(WriteTest, AppendAddsAndBeginsEmpty)
{
    EXPECT_EQ(POLYFS_OK, fs.append("a", "one", Put().type("a/b").meta({{"k", "v"}})));
    EXPECT_EQ(POLYFS_OK, fs.append("a", "two"));
    EXPECT_EQ(POLYFS_OK, fs.append("a", ""));
    EXPECT_EQ("onetwo", fs.read("a"));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    EXPECT_STREQ("a/b", fs.stat.content_type);
    EXPECT_EQ(1u, fs.pairs.rows.size());
    EXPECT_EQ(POLYFS_OK, fs.append("a", "x", Put().type("c/d")));
    EXPECT_STREQ("c/d", fs.stat.content_type);
    EXPECT_EQ(POLYFS_EXISTS, fs.append("a", "x", Put().createOnly()));
    EXPECT_EQ(POLYFS_OK, fs.append("b", "123456789", Put().crc(0xe3069283)));
    EXPECT_EQ(1u, fs.stat.checksum.kind);
    EXPECT_EQ(POLYFS_OK, fs.append("b", "123456789", Put().crc(0xe3069283)));
    EXPECT_EQ(0u, fs.stat.checksum.kind); /* it was one of the new bytes */
    EXPECT_EQ(POLYFS_CORRUPT, fs.append("b", "12345678", Put().crc(0xe3069283)));
    EXPECT_EQ("123456789123456789", fs.read("b"));
}

/* Many small appends stay cheap, and readers of earlier states see no later byte. */
TEST_F(WriteTest, AppendsMelt)
{
    void *reader = nullptr;
    std::string whole;
    for (int i = 0; i < 3000; i++) {
        std::string piece(static_cast<size_t>(i % 100), static_cast<char>('a' + i % 26));
        whole += piece;
        ASSERT_EQ(POLYFS_OK, fs.append("a", piece));
        if (i == 1500) {
            ASSERT_EQ(POLYFS_OK, fake::plugin()->reader->open(&fs.call, fs.handle, "a", 1, nullptr, &reader,
                                                              nullptr, &fs.err));
        }
    }
    EXPECT_EQ(whole, fs.read("a"));
    EXPECT_LT(fake::live_blocks, 40);
    std::string buffer(whole.size(), '?');
    uint64_t n = 0;
    ASSERT_EQ(POLYFS_OK,
              fake::plugin()->reader->pread(&fs.call, reader, 0, &buffer[0], buffer.size(), &n, &fs.err));
    EXPECT_LT(n, whole.size());
    EXPECT_EQ(0, whole.compare(0, n, buffer, 0, n));
    fake::plugin()->reader->close(reader);
}

TEST_F(RealFolderTest, WritesNeedTheirFolderAtTheCommit)
{
    void *placed = nullptr, *stream = nullptr;
    std::string id;
    struct polyfs_part part;
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.placed("d/p", &placed));
    ASSERT_EQ(POLYFS_OK, fs.mkdir("d"));
    ASSERT_EQ(POLYFS_OK, fs.placed("d/p", &placed));
    ASSERT_EQ(POLYFS_OK, fs.stream("d/s", &stream));
    ASSERT_EQ(POLYFS_OK, fs.start("d/u", &id));
    ASSERT_EQ(POLYFS_OK, fs.part("d/u", id, 1, "x", &part));
    ASSERT_EQ(POLYFS_OK, fs.rmdir("d"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.placedCommit(placed, 0));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.streamCommit(stream));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.complete("d/u", id, {part}));
    ASSERT_EQ(POLYFS_OK, fs.mkdir("d"));
    EXPECT_EQ(POLYFS_OK, fs.placedCommit(placed, 0));
    EXPECT_EQ(POLYFS_OK, fs.streamCommit(stream));
    EXPECT_EQ(POLYFS_OK, fs.complete("d/u", id, {part}));
    EXPECT_EQ("d/p d/s d/u", fs.names("", POLYFS_LIST_FLAT));
}
