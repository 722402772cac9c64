/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers: positions, overlapping reads, and above all that bytes of two versions never mix, whatever happens to the
 * object while it is open.
 */
#include "case.h"

namespace conformance
{

namespace
{

std::string Pread(const Reader &reader, uint64_t offset, size_t size)
{
    std::string buffer(size, '#');
    size_t n = 0;
    int rc = polyfs_reader_pread(reader.get(), offset, buffer.data(), size, &n, nullptr);
    return rc == POLYFS_OK ? buffer.substr(0, n) : std::string("<") + polyfs_code_name(rc) + ">";
}

std::string ReadOn(const Reader &reader, size_t size)
{
    std::string buffer(size, '#');
    size_t n = 0;
    int rc = polyfs_reader_read(reader.get(), buffer.data(), size, &n, nullptr);
    return rc == POLYFS_OK ? buffer.substr(0, n) : std::string("<") + polyfs_code_name(rc) + ">";
}

} // namespace

CONFORMANCE_CASE(reader, Pread)
{
    std::string bytes = Bytes(100000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    Reader reader = OpenReader("a");
    ASSERT_TRUE(reader);
    for (uint64_t offset : {UINT64_C(50000), UINT64_C(0), UINT64_C(99999), UINT64_C(7), UINT64_C(99000)})
        EXPECT_TRUE(bytes.substr(offset, 3000) == Pread(reader, offset, 3000)) << offset;
    EXPECT_EQ("", Pread(reader, 100000, 10)) << "at the end";
    EXPECT_EQ("", Pread(reader, 100001, 10)) << "behind it";
    EXPECT_EQ("", Pread(reader, UINT64_MAX, 10)) << "as far behind it as can be";
    EXPECT_EQ("", Pread(reader, 5, 0));
}

/* The first read of a reader is the one that pins; it may be anywhere. */
CONFORMANCE_CASE(reader, FirstReadBehindTheEnd)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    for (uint64_t offset : {UINT64_C(10), UINT64_C(11), UINT64_MAX}) {
        Reader reader = OpenReader("a");
        ASSERT_TRUE(reader);
        EXPECT_EQ("", Pread(reader, offset, 10)) << offset;
        EXPECT_EQ("0123", Pread(reader, 0, 4));
    }
}

CONFORMANCE_CASE(reader, PreadLeavesThePosition)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    Reader reader = OpenReader("a");
    EXPECT_EQ("012", ReadOn(reader, 3));
    EXPECT_EQ("78", Pread(reader, 7, 2));
    EXPECT_EQ("345", ReadOn(reader, 3));
}

CONFORMANCE_CASE(reader, ReadsToTheEndInOddPieces)
{
    std::string bytes = Bytes(3 * 1024 * 1024 + 17);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    Reader reader = OpenReader("a");
    std::string got;
    for (size_t piece = 1; got.size() < bytes.size(); piece = piece * 3 % 400009 + 1) {
        std::string more = ReadOn(reader, piece);
        ASSERT_FALSE(more.empty()) << "the end at " << got.size();
        got += more;
    }
    EXPECT_TRUE(bytes == got);
    EXPECT_EQ("", ReadOn(reader, 10));
    EXPECT_EQ("", ReadOn(reader, 10)) << "the end stays the end";
}

CONFORMANCE_CASE(reader, Seek)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    Reader reader = OpenReader("a");
    EXPECT_CODE(POLYFS_OK, polyfs_reader_seek(reader.get(), 8, E()));
    EXPECT_EQ("89", ReadOn(reader, 5));
    EXPECT_CODE(POLYFS_OK, polyfs_reader_seek(reader.get(), 1000, E())) << "behind the end is fine";
    EXPECT_EQ("", ReadOn(reader, 5));
    EXPECT_CODE(POLYFS_OK, polyfs_reader_seek(reader.get(), 0, E()));
    EXPECT_EQ("01234", ReadOn(reader, 5));
    EXPECT_EQ("", ReadOn(reader, 0));
}

CONFORMANCE_CASE(reader, Stat)
{
    StatInfo asked, told = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    ASSERT_CODE(POLYFS_OK, Stat("a", &asked));
    Reader reader = OpenReader("a");
    ASSERT_CODE(POLYFS_OK, polyfs_reader_stat(reader.get(), &told, E()));
    EXPECT_EQ(10u, told.size);
    EXPECT_STREQ(asked.etag, told.etag);
    EXPECT_EQ("0123456789", ReadOn(reader, 20)) << "stat does not move the position";
    ASSERT_CODE(POLYFS_OK, Put("empty", ""));
    reader = OpenReader("empty");
    ASSERT_CODE(POLYFS_OK, polyfs_reader_stat(reader.get(), &told, E()));
    EXPECT_EQ(0u, told.size);
}

CONFORMANCE_CASE(reader, MissingAndFolder)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", "bytes"));
    for (const char *name : {"missing", "d"}) {
        polyfs_reader *raw = nullptr;
        char byte;
        size_t n = 9;
        int rc = polyfs_reader_open(fs(), P(name).c_str(), nullptr, &raw, E());
        Reader reader(raw);
        if (rc == POLYFS_OK)
            rc = polyfs_reader_pread(raw, 0, &byte, 1, &n, E());
        else
            EXPECT_EQ(nullptr, raw);
        EXPECT_EQ(9u, n);
        if (name[0] == 'm' || RealDirs())
            EXPECT_CODE(name[0] == 'm' ? POLYFS_NOT_FOUND : POLYFS_IS_DIR, rc);
        else
            EXPECT_ANY_CODE(rc, POLYFS_NOT_FOUND, POLYFS_IS_DIR);
    }
}

CONFORMANCE_CASE(reader, OutlivesTheFilesystem)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    Reader reader;
    {
        Fs other = OpenAnother();
        polyfs_reader *raw = nullptr;
        ASSERT_CODE(POLYFS_OK, polyfs_reader_open(other.get(), P("a").c_str(), nullptr, &raw, E()));
        reader.reset(raw);
    }
    EXPECT_EQ("0123456789", ReadOn(reader, 20));
}

/* The object becomes `change` while a reader of "old" has read its first bytes: old bytes, CHANGED, nothing else. */
class PinnedReads
{
  public:
    PinnedReads(const Reader &reader, const std::string &old) : reader_(reader), old_(old)
    {
        EXPECT_TRUE(old.substr(0, 1000) == Pread(reader, 0, 1000));
    }
    void Check(const char *change)
    {
        for (uint64_t offset : {UINT64_C(0), UINT64_C(500), UINT64_C(150000), UINT64_C(299000)}) {
            std::string got = Pread(reader_, offset, 5000);
            bool right = got == "<changed>" || got == old_.substr(offset, 5000);
            EXPECT_TRUE(right) << change << ": at " << offset << " " << got.substr(0, 20);
        }
    }

  private:
    const Reader &reader_;
    const std::string old_;
};

CONFORMANCE_CASE(reader, PinnedWhileReplaced)
{
    std::string old = Bytes(300000, 1);
    for (size_t size : {size_t{300000}, size_t{400000}, size_t{1000}, size_t{0}}) {
        ASSERT_CODE(POLYFS_OK, Put("a", old));
        Reader reader = OpenReader("a");
        PinnedReads pinned(reader, old);
        ASSERT_CODE(POLYFS_OK, Put("a", Bytes(size, 2)));
        pinned.Check("replaced");
        EXPECT_TRUE(Bytes(size, 2) == Get("a")) << "a new reader sees the new object";
    }
}

CONFORMANCE_CASE(reader, PinnedWhileRemoved)
{
    std::string old = Bytes(300000, 1);
    ASSERT_CODE(POLYFS_OK, Put("a", old));
    Reader reader = OpenReader("a");
    PinnedReads pinned(reader, old);
    ASSERT_CODE(POLYFS_OK, Remove("a"));
    std::string got = Pread(reader, 1000, 1000);
    EXPECT_TRUE(got == old.substr(1000, 1000) || got == "<changed>" || got == "<not_found>") << got.substr(0, 20);
    ASSERT_CODE(POLYFS_OK, Put("a", Bytes(300000, 3)));
    pinned.Check("removed and made anew");
}

/* stat() pins as a read does. */
CONFORMANCE_CASE(reader, PinnedByStat)
{
    StatInfo stat = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "old bytes"));
    Reader reader = OpenReader("a");
    ASSERT_CODE(POLYFS_OK, polyfs_reader_stat(reader.get(), &stat, E()));
    ASSERT_CODE(POLYFS_OK, Put("a", "NEW BYTES"));
    std::string got = ReadOn(reader, 20);
    EXPECT_TRUE(got == "old bytes" || got == "<changed>") << got;
}

CONFORMANCE_CASE(reader, TwoOfOneObject)
{
    std::string bytes = Bytes(20000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    Reader one = OpenReader("a"), two = OpenReader("a");
    std::string a = ReadOn(one, 5000), b = ReadOn(two, 100);
    a += ReadOn(one, 5000);
    b += ReadOn(two, 100);
    EXPECT_TRUE(bytes.substr(0, 10000) == a);
    EXPECT_TRUE(bytes.substr(0, 200) == b);
    one.reset();
    EXPECT_TRUE(bytes.substr(200, 100) == ReadOn(two, 100));
}

/* A condition given at open holds for the reader: what was asked for is never silently dropped. */
CONFORMANCE_CASE(reader, OpenUnderACondition)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "old"));
    std::string etag = Etag("a");
    ASSERT_CODE(POLYFS_OK, Put("a", "newer"));
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    polyfs_reader *raw = nullptr;
    char buffer[9];
    size_t n = 0;
    opts.condition.if_match = etag.c_str();
    int rc = polyfs_reader_open(fs(), P("a").c_str(), &opts, &raw, E());
    Reader reader(raw);
    if (rc == POLYFS_OK)
        rc = polyfs_reader_read(raw, buffer, sizeof(buffer), &n, E());
    EXPECT_ANY_CODE(rc, POLYFS_CHANGED, POLYFS_UNSUPPORTED);
}

/* Small reads that go on and on, with jumps between: the same bytes, whatever was read ahead; memory comes back. */
CONFORMANCE_CASE(reader, ReadsOnAndOn)
{
    Fs parts = OpenWith("part_bytes=512KiB");
    std::string bytes = Bytes((6 << 20) + 12345), got, path = P("a");
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    const uint64_t before = UsedNow();
    polyfs_reader *raw = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_reader_open(parts.get(), path.c_str(), nullptr, &raw, E()));
    Reader reader(raw);
    std::string buffer(100000, '#');
    size_t n = 1;
    while (n) {
        ASSERT_CODE(POLYFS_OK, polyfs_reader_read(raw, buffer.data(), buffer.size(), &n, E()));
        got.append(buffer, 0, n);
    }
    EXPECT_TRUE(bytes == got);
    for (size_t at : {size_t{1 << 20}, size_t{0}, bytes.size() - 5, size_t{3 << 20}}) {
        ASSERT_CODE(POLYFS_OK, polyfs_reader_seek(raw, at, E()));
        for (got.clear(), n = 1; n && got.size() < 700000;) {
            ASSERT_CODE(POLYFS_OK, polyfs_reader_read(raw, buffer.data(), 50000, &n, E()));
            got.append(buffer, 0, n);
        }
        EXPECT_TRUE(bytes.compare(at, got.size(), got) == 0 && !got.empty()) << "from " << at;
    }
    reader.reset();
    EXPECT_EQ(before, UsedNow());
}

/* What was read ahead is of the pinned version; after it was replaced, reading on ends in CHANGED and never in a mix. */
CONFORMANCE_CASE(reader, ReplacedWhileReadingOn)
{
    Fs parts = OpenWith("part_bytes=512KiB");
    std::string path = P("a"), buffer(60000, '#');
    ASSERT_CODE(POLYFS_OK, Put("a", std::string(8 << 20, '1')));
    polyfs_reader *raw = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_reader_open(parts.get(), path.c_str(), nullptr, &raw, E()));
    Reader reader(raw);
    size_t n = 1;
    int rc = POLYFS_OK;
    for (unsigned i = 0; rc == POLYFS_OK && n; i++) {
        if (i == 5) {
            ASSERT_CODE(POLYFS_OK, Put("a", std::string(8 << 20, '2')));
        }
        rc = polyfs_reader_read(raw, buffer.data(), buffer.size(), &n, E());
        if (rc == POLYFS_OK) {
            ASSERT_TRUE(buffer.compare(0, n, std::string(n, '1')) == 0);
        }
    }
    EXPECT_ANY_CODE(rc, POLYFS_OK, POLYFS_CHANGED);
}

/* A range of many parts, which overlap where that helps: one-shot, at an offset, and over the end. */
CONFORMANCE_CASE(reader, LargeRanges)
{
    Fs parts = OpenWith("part_bytes=256KiB");
    std::string bytes = Bytes((3 << 20) + 777), path = P("a"), buffer(4 << 20, '#');
    void *data = nullptr;
    size_t n = 0;
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    ASSERT_CODE(POLYFS_OK, polyfs_get_all(parts.get(), path.c_str(), nullptr, &data, &n, nullptr, E()));
    EXPECT_TRUE(bytes == std::string(static_cast<char *>(data), n));
    polyfs_free(data);
    for (uint64_t offset : {uint64_t{0}, uint64_t{1000}, uint64_t{3 << 20}, uint64_t{bytes.size()}}) {
        polyfs_reader *raw = nullptr;
        ASSERT_CODE(POLYFS_OK, polyfs_reader_open(parts.get(), path.c_str(), nullptr, &raw, E()));
        Reader reader(raw);
        ASSERT_CODE(POLYFS_OK, polyfs_reader_pread(raw, offset, buffer.data(), buffer.size(), &n, E()));
        EXPECT_TRUE(bytes.compare(offset, std::string::npos, buffer, 0, n) == 0) << "from " << offset;
    }
    EXPECT_CODE(POLYFS_NOT_FOUND,
                polyfs_get_all(parts.get(), P("missing").c_str(), nullptr, &data, &n, nullptr, E()));
}

} // namespace conformance
