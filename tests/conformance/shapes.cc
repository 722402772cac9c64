/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer, once per shape that the store declares: the same bytes, the same visibility, the same conditions at the
 * commit, whichever way they take. Bounds of a shape (put_max, part_min) are respected.
 */
#include "case.h"

namespace conformance
{

namespace
{

/* Parts as small as the shape allows, so that a few MiB are several of them. */
/* A shape that does not honour conditions at its commit refuses them, unless core makes it so. */
bool Refused(const CapsInfo &caps, uint32_t shape, int rc)
{
    return !(caps.condition_shapes & shape) && rc == POLYFS_UNSUPPORTED;
}

polyfs_write_opts SmallParts(const CapsInfo &caps)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.part_bytes = caps.part_min > 262144 ? caps.part_min : 262144;
    return opts;
}

} // namespace

CONFORMANCE_SHAPE_CASE(shapes, Sizes)
{
    polyfs_write_opts opts = SmallParts(caps());
    const size_t part = opts.part_bytes;
    for (size_t size : {size_t{0}, size_t{1}, part - 1, part, part + 1, 2 * part, 3 * part + 7}) {
        if (shape() == POLYFS_SHAPE_PUT && caps().put_max && size > caps().put_max)
            continue;
        std::string bytes = Bytes(size, size + 1);
        ASSERT_CODE(POLYFS_OK, PutShaped("a", bytes, &opts)) << size << " bytes";
        StatInfo stat;
        ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
        EXPECT_EQ(size, stat.size);
        EXPECT_TRUE(bytes == Get("a")) << size << " bytes";
    }
    EXPECT_EQ((std::vector<std::string>{"a"}), Names()) << "nothing else remains";
}

CONFORMANCE_SHAPE_CASE(shapes, WritesOfOddSizes)
{
    polyfs_write_opts opts = SmallParts(caps());
    std::string bytes = Bytes(2 * opts.part_bytes + 12345), wrong(opts.part_bytes, '!');
    Writer writer = OpenWriter("a", &opts);
    ASSERT_TRUE(writer);
    for (size_t at = 0, n = 1; at < bytes.size(); at += n, n = n * 7 % 100003 + 1) {
        std::string piece = bytes.substr(at, n);
        ASSERT_CODE(POLYFS_OK, Write(writer, piece));
        piece.assign(piece.size(), '!'); /* free to change when the call returns */
    }
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_TRUE(bytes == Get("a"));
}

CONFORMANCE_SHAPE_CASE(shapes, NothingIsSeenBeforeCommit)
{
    polyfs_write_opts opts = SmallParts(caps());
    std::string bytes = Bytes(2 * opts.part_bytes + 5);
    Writer writer = OpenWriter("new", &opts);
    ASSERT_TRUE(writer);
    ASSERT_CODE(POLYFS_OK, Write(writer, bytes));
    EXPECT_EQ(0, Exists("new"));
    ExpectNothingLeft();
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_TRUE(bytes == Get("new"));
}

CONFORMANCE_SHAPE_CASE(shapes, TheOldObjectStaysUntilCommit)
{
    polyfs_write_opts opts = SmallParts(caps());
    std::string bytes = Bytes(2 * opts.part_bytes);
    ASSERT_CODE(POLYFS_OK, Put("a", "old"));
    std::string etag = Etag("a");
    Writer writer = OpenWriter("a", &opts);
    ASSERT_TRUE(writer);
    ASSERT_CODE(POLYFS_OK, Write(writer, bytes));
    EXPECT_EQ("old", Get("a"));
    EXPECT_EQ(etag, Etag("a"));
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_TRUE(bytes == Get("a"));
}

CONFORMANCE_SHAPE_CASE(shapes, CloseWithoutCommit)
{
    polyfs_write_opts opts = SmallParts(caps());
    for (size_t size : {size_t{0}, size_t{10}, size_t{3} * opts.part_bytes}) {
        Writer writer = OpenWriter("new", &opts);
        ASSERT_TRUE(writer);
        ASSERT_CODE(POLYFS_OK, Write(writer, Bytes(size)));
        writer.reset();
        ExpectNothingLeft();
    }
    ASSERT_CODE(POLYFS_OK, Put("a", "old"));
    Writer writer = OpenWriter("a", &opts);
    ASSERT_CODE(POLYFS_OK, Write(writer, Bytes(3 * opts.part_bytes)));
    writer.reset();
    EXPECT_EQ("old", Get("a"));
    EXPECT_EQ((std::vector<std::string>{"a"}), Names());
}

CONFORMANCE_SHAPE_CASE(shapes, StatOfTheCommit)
{
    StatInfo told = POLYFS_STAT_INIT, asked;
    Writer writer = OpenWriter("a");
    ASSERT_TRUE(writer);
    ASSERT_CODE(POLYFS_OK, Write(writer, Bytes(1000)));
    ASSERT_CODE(POLYFS_OK, Commit(writer, &told));
    ASSERT_CODE(POLYFS_OK, Stat("a", &asked));
    EXPECT_EQ(1000u, told.size);
    EXPECT_STREQ(asked.etag, told.etag);
    EXPECT_STREQ(asked.version, told.version);
}

CONFORMANCE_SHAPE_CASE(shapes, TwoWritersOfOneName)
{
    polyfs_write_opts opts = SmallParts(caps());
    std::string one = Bytes(2 * opts.part_bytes, 1), two = Bytes(2 * opts.part_bytes + 9, 2);
    Writer a = OpenWriter("a", &opts), b = OpenWriter("a", &opts);
    ASSERT_TRUE(a && b);
    ASSERT_CODE(POLYFS_OK, Write(a, one.substr(0, 300000)));
    ASSERT_CODE(POLYFS_OK, Write(b, two));
    ASSERT_CODE(POLYFS_OK, Write(a, one.substr(300000)));
    ASSERT_CODE(POLYFS_OK, Commit(b));
    EXPECT_TRUE(two == Get("a"));
    if (store().writers_collide && shape() == POLYFS_SHAPE_PARTS) {
        EXPECT_CODE(POLYFS_BUSY, Commit(a));
        a.reset();
        EXPECT_TRUE(two == Get("a"));
        return;
    }
    ASSERT_CODE(POLYFS_OK, Commit(a));
    EXPECT_TRUE(one == Get("a"));
    EXPECT_EQ((std::vector<std::string>{"a"}), Names());
}

CONFORMANCE_SHAPE_CASE(shapes, ManyWritersInTurn)
{
    polyfs_write_opts opts = SmallParts(caps());
    std::vector<Writer> writers;
    /* What is gathered for one PUT is the budget's beyond the first part; two of S3's large parts fit it. */
    const unsigned count = Many(16, shape() == POLYFS_SHAPE_PUT ? 2 : 4);
    for (unsigned i = 0; i < count; i++)
        writers.push_back(OpenWriter("w" + std::to_string(i), &opts));
    for (unsigned round = 0; round < 4; round++)
        for (unsigned i = 0; i < count; i++)
            ASSERT_CODE(POLYFS_OK, Write(writers[i], Bytes(opts.part_bytes / 2 + i, i * 10 + round)));
    for (unsigned i = 0; i < count; i += 2)
        ASSERT_CODE(POLYFS_OK, Commit(writers[i]));
    writers.clear();
    for (unsigned i = 0; i < count; i++) {
        std::string name = "w" + std::to_string(i), bytes;
        for (unsigned round = 0; round < 4; round++)
            bytes += Bytes(opts.part_bytes / 2 + i, i * 10 + round);
        if (i % 2 == 0)
            EXPECT_TRUE(bytes == Get(name)) << name;
        else
            EXPECT_EQ(0, Exists(name)) << name;
    }
}

/* Each way of writing honours a condition at its commit, or says at once that it cannot. */
CONFORMANCE_SHAPE_CASE(shapes, CreateOnlyLostBeforeTheCommit)
{
    polyfs_write_opts opts = SmallParts(caps());
    opts.flags = POLYFS_WRITE_CREATE_ONLY;
    opts.shape = shape();
    polyfs_writer *raw = nullptr;
    int rc = polyfs_writer_open(fs(), P("a").c_str(), &opts, &raw, E());
    Writer writer(raw);
    if (No(POLYFS_FACT_CREATE_ONLY) || Refused(caps(), shape(), rc)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    ASSERT_CODE(POLYFS_OK, Write(writer, Bytes(2 * opts.part_bytes)));
    ASSERT_CODE(POLYFS_OK, Put("a", "theirs"));
    EXPECT_CODE(POLYFS_EXISTS, Commit(writer));
    EXPECT_EQ("theirs", Get("a"));
    writer.reset();
    EXPECT_EQ("theirs", Get("a"));
    EXPECT_EQ((std::vector<std::string>{"a"}), Names());
}

CONFORMANCE_SHAPE_CASE(shapes, CreateOnlyWonAndLostAtOnce)
{
    polyfs_write_opts opts = SmallParts(caps());
    opts.flags = POLYFS_WRITE_CREATE_ONLY;
    int rc = PutShaped("a", "mine", &opts);
    if (No(POLYFS_FACT_CREATE_ONLY) || Refused(caps(), shape(), rc)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    EXPECT_EQ("mine", Get("a"));
    EXPECT_CODE(POLYFS_EXISTS, PutShaped("a", "again", &opts));
    EXPECT_EQ("mine", Get("a"));
}

CONFORMANCE_SHAPE_CASE(shapes, IfMatchLostBeforeTheCommit)
{
    polyfs_write_opts opts = SmallParts(caps());
    ASSERT_CODE(POLYFS_OK, Put("a", "first"));
    std::string etag = Etag("a");
    opts.if_match = etag.c_str();
    opts.shape = shape();
    polyfs_writer *raw = nullptr;
    int rc = polyfs_writer_open(fs(), P("a").c_str(), &opts, &raw, E());
    Writer writer(raw);
    if (No(POLYFS_FACT_IF_MATCH) || Refused(caps(), shape(), rc)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    ASSERT_CODE(POLYFS_OK, Write(writer, Bytes(2 * opts.part_bytes)));
    ASSERT_CODE(POLYFS_OK, Put("a", "theirs"));
    EXPECT_CODE(POLYFS_CONDITION, Commit(writer));
    EXPECT_EQ("theirs", Get("a"));
    writer.reset();
    EXPECT_EQ((std::vector<std::string>{"a"}), Names());
}

CONFORMANCE_SHAPE_CASE(shapes, IfMatchWon)
{
    polyfs_write_opts opts = SmallParts(caps());
    ASSERT_CODE(POLYFS_OK, Put("a", "first"));
    std::string etag = Etag("a"), bytes = Bytes(2 * opts.part_bytes);
    opts.if_match = etag.c_str();
    int rc = PutShaped("a", bytes, &opts);
    if (No(POLYFS_FACT_IF_MATCH) || Refused(caps(), shape(), rc)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    EXPECT_TRUE(bytes == Get("a"));
    EXPECT_CODE(POLYFS_CONDITION, PutShaped("a", "late", &opts)) << "that etag is gone";
    EXPECT_TRUE(bytes == Get("a"));
}

CONFORMANCE_SHAPE_CASE(shapes, MetadataIsKept)
{
    polyfs_write_opts opts = SmallParts(caps());
    const polyfs_kv pairs[] = {{"step", "1000"}, {"note", "two words"}};
    opts.metadata = pairs;
    opts.metadata_count = 2;
    int rc = PutShaped("a", Bytes(2 * opts.part_bytes), &opts);
    if (No(POLYFS_FACT_METADATA)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        ExpectNothingLeft();
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    polyfs_pairs *raw = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_get_metadata(fs(), P("a").c_str(), nullptr, &raw, E()));
    Pairs got(raw);
    EXPECT_EQ(2u, polyfs_pairs_count(raw));
}

CONFORMANCE_SHAPE_CASE(shapes, ReadersKeepTheOldObject)
{
    polyfs_write_opts opts = SmallParts(caps());
    std::string old = Bytes(600000, 1);
    ASSERT_CODE(POLYFS_OK, PutShaped("a", old, &opts));
    Reader reader = OpenReader("a");
    std::string got(600000, '#');
    size_t n = 0;
    ASSERT_CODE(POLYFS_OK, polyfs_reader_pread(reader.get(), 0, got.data(), 1000, &n, E()));
    ASSERT_CODE(POLYFS_OK, PutShaped("a", Bytes(600000, 2), &opts));
    int rc = polyfs_reader_pread(reader.get(), 0, got.data(), got.size(), &n, E());
    EXPECT_ANY_CODE(rc, POLYFS_OK, POLYFS_CHANGED);
    if (rc == POLYFS_OK) {
        EXPECT_TRUE(old == got);
    }
}

CONFORMANCE_CASE(shapes, UndeclaredIsRefused)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    uint64_t before = Requests();
    for (uint32_t bit : {1u, 2u, 4u, 8u, 16u, 1u << 31, 3u, 0xffffffffu}) {
        bool one = (bit & (bit - 1)) == 0;
        if (one && caps().shapes & bit)
            continue;
        polyfs_writer *raw = nullptr;
        opts.shape = bit;
        int rc = polyfs_writer_open(fs(), P("a").c_str(), &opts, &raw, E());
        EXPECT_ANY_CODE(rc, POLYFS_UNSUPPORTED, POLYFS_INVALID) << "shape " << bit;
        polyfs_writer_close(raw);
        EXPECT_ANY_CODE(Put("a", "bytes", &opts), POLYFS_UNSUPPORTED, POLYFS_INVALID) << "shape " << bit;
    }
    EXPECT_EQ(before, Requests()) << "requests were sent";
    ExpectNothingLeft();
}

} // namespace conformance
