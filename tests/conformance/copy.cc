/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy of one object, by the store and through the process (two filesystems of one store are enough to force that):
 * all or nothing, with the metadata of the source unless other is given.
 */
#include <algorithm>

#include "case.h"

namespace conformance
{

using Strings = std::vector<std::string>;

#define COPY(from, to, opts) polyfs_copy(fs(), P(from).c_str(), fs(), P(to).c_str(), opts, nullptr, E())

CONFORMANCE_CASE(copy, Object)
{
    StatInfo told = POLYFS_STAT_INIT, asked;
    for (size_t size : {size_t{0}, size_t{1}, size_t{100000}, size_t{9 << 20}}) {
        std::string bytes = Bytes(size);
        ASSERT_CODE(POLYFS_OK, Put("a", bytes));
        ASSERT_CODE(POLYFS_OK, polyfs_copy(fs(), P("a").c_str(), fs(), P("b").c_str(), nullptr, &told, E()));
        EXPECT_TRUE(bytes == Get("a")) << "the source stays";
        EXPECT_TRUE(bytes == Get("b"));
        ASSERT_CODE(POLYFS_OK, Stat("b", &asked));
        EXPECT_EQ(size, told.size);
        EXPECT_STREQ(asked.etag, told.etag);
    }
    EXPECT_EQ((Strings{"a", "b"}), Names());
}

CONFORMANCE_CASE(copy, ThroughTheProcess)
{
    Fs other = OpenAnother();
    ASSERT_NE(fs(), other.get());
    for (size_t size : {size_t{0}, size_t{5}, size_t{20 << 20}}) {
        StatInfo told = POLYFS_STAT_INIT;
        std::string bytes = Bytes(size, 3);
        ASSERT_CODE(POLYFS_OK, Put("a", bytes));
        ASSERT_CODE(POLYFS_OK, polyfs_copy(fs(), P("a").c_str(), other.get(), P("b").c_str(), nullptr, &told, E()));
        EXPECT_TRUE(bytes == Get("b"));
        EXPECT_EQ(size, told.size);
    }
    EXPECT_CODE(POLYFS_NOT_FOUND,
                polyfs_copy(fs(), P("missing").c_str(), other.get(), P("c").c_str(), nullptr, nullptr, E()));
    EXPECT_EQ(0, Exists("c"));
}

CONFORMANCE_CASE(copy, Missing)
{
    ASSERT_CODE(POLYFS_OK, Put("b", "old"));
    EXPECT_CODE(POLYFS_NOT_FOUND, COPY("missing", "b", nullptr));
    EXPECT_CODE(POLYFS_NOT_FOUND, COPY("missing", "c", nullptr));
    EXPECT_EQ("old", Get("b"));
    EXPECT_EQ(Strings{"b"}, Names());
}

CONFORMANCE_CASE(copy, OntoItself)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    EXPECT_ANY_CODE(COPY("a", "a", nullptr), POLYFS_OK, POLYFS_INVALID);
    EXPECT_EQ("bytes", Get("a"));
    Fs other = OpenAnother();
    EXPECT_ANY_CODE(polyfs_copy(fs(), P("a").c_str(), other.get(), P("a").c_str(), nullptr, nullptr, E()),
                    POLYFS_OK, POLYFS_INVALID);
    EXPECT_EQ("bytes", Get("a"));
}

CONFORMANCE_CASE(copy, FoldersInTheWay)
{
    NEEDS_NESTED_NAMES();
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    ASSERT_CODE(POLYFS_OK, Put("d/x", "x"));
    if (!RealDirs()) {
        EXPECT_ANY_CODE(COPY("d", "c", nullptr), POLYFS_IS_DIR, POLYFS_NOT_FOUND);
        EXPECT_CODE(POLYFS_OK, COPY("a", "d", nullptr));
        EXPECT_CODE(POLYFS_OK, COPY("a", "n/m", nullptr));
        EXPECT_EQ("x", Get("d/x"));
        return;
    }
    EXPECT_CODE(POLYFS_IS_DIR, COPY("d", "c", nullptr));
    EXPECT_CODE(POLYFS_IS_DIR, COPY("a", "d", nullptr));
    if (NeedsFolders()) {
        EXPECT_CODE(POLYFS_NOT_FOUND, COPY("a", "n/m", nullptr));
    }
    EXPECT_EQ((Strings{"a", "d/x"}), Names("", POLYFS_LS_RECURSIVE));
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = POLYFS_WRITE_PARENTS;
    EXPECT_CODE(POLYFS_OK, COPY("a", "n/m", &opts));
    EXPECT_EQ("bytes", Get("n/m"));
}

CONFORMANCE_CASE(copy, CreateOnly)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = POLYFS_WRITE_CREATE_ONLY;
    ASSERT_CODE(POLYFS_OK, Put("a", "new"));
    ASSERT_CODE(POLYFS_OK, Put("b", "old"));
    int rc = COPY("a", "b", &opts);
    bool can = !No(POLYFS_FACT_CREATE_ONLY);
    EXPECT_CODE(can ? POLYFS_EXISTS : POLYFS_UNSUPPORTED, rc);
    EXPECT_EQ("old", Get("b"));
    EXPECT_CODE(can ? POLYFS_OK : POLYFS_UNSUPPORTED, COPY("a", "c", &opts));
    EXPECT_EQ(can ? 1 : 0, Exists("c"));
}

CONFORMANCE_CASE(copy, IfMatch)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "new"));
    ASSERT_CODE(POLYFS_OK, Put("b", "old"));
    std::string etag = Etag("b");
    ASSERT_CODE(POLYFS_OK, Put("b", "older"));
    std::string now = Etag("b");
    bool can = !No(POLYFS_FACT_IF_MATCH);
    opts.if_match = etag.c_str();
    EXPECT_CODE(can ? POLYFS_CONDITION : POLYFS_UNSUPPORTED, COPY("a", "b", &opts));
    EXPECT_EQ("older", Get("b"));
    opts.if_match = now.c_str();
    EXPECT_CODE(can ? POLYFS_OK : POLYFS_UNSUPPORTED, COPY("a", "b", &opts));
    EXPECT_EQ(can ? "new" : "older", Get("b"));
}

CONFORMANCE_CASE(copy, FlagsThatCannotBe)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = POLYFS_WRITE_APPEND;
    EXPECT_ANY_CODE(COPY("a", "b", &opts), POLYFS_UNSUPPORTED, POLYFS_INVALID);
    opts.flags = UINT32_C(1) << 30;
    EXPECT_CODE(POLYFS_UNSUPPORTED, COPY("a", "b", &opts));
    EXPECT_EQ(Strings{"a"}, Names());
}

/* Without a content type and metadata those of the source are kept; what is given replaces them. */
CONFORMANCE_CASE(copy, Metadata)
{
    const polyfs_kv old = {"step", "7"}, fresh = {"other", "8"};
    bool meta = !No(POLYFS_FACT_METADATA), type = !No(POLYFS_FACT_CONTENT_TYPE);
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.metadata = &old;
    opts.metadata_count = meta ? 1 : 0;
    opts.content_type = type ? "text/x-old" : nullptr;
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes", &opts));
    Fs other = OpenAnother();
    for (polyfs_fs *target : {fs(), other.get()}) {
        polyfs_pairs *raw = nullptr;
        StatInfo stat;
        ASSERT_CODE(POLYFS_OK, polyfs_copy(fs(), P("a").c_str(), target, P("b").c_str(), nullptr, nullptr, E()));
        int rc = polyfs_get_metadata(fs(), P("b").c_str(), nullptr, &raw, E());
        Pairs kept(raw);
        ASSERT_CODE(meta ? POLYFS_OK : POLYFS_UNSUPPORTED, rc);
        if (meta) {
            ASSERT_EQ(1u, polyfs_pairs_count(raw)) << (target == fs() ? "by the store" : "through the process");
            EXPECT_STREQ("7", polyfs_pairs_at(raw, 0)->value);
        }
        ASSERT_CODE(POLYFS_OK, Stat("b", &stat));
        EXPECT_STREQ(type ? "text/x-old" : stat.content_type, stat.content_type)
            << (target == fs() ? "by the store" : "through the process");
        if (!meta)
            continue;
        polyfs_write_opts given = POLYFS_WRITE_OPTS_INIT;
        given.metadata = &fresh;
        given.metadata_count = 1;
        ASSERT_CODE(POLYFS_OK, polyfs_copy(fs(), P("a").c_str(), target, P("b").c_str(), &given, nullptr, E()));
        ASSERT_CODE(POLYFS_OK, polyfs_get_metadata(fs(), P("b").c_str(), nullptr, &raw, E()));
        Pairs replaced(raw);
        ASSERT_EQ(1u, polyfs_pairs_count(raw));
        EXPECT_STREQ("other", polyfs_pairs_at(raw, 0)->key);
    }
}

/* A source that changes while it is read is never published: it is read once more, and then it is told. */
CONFORMANCE_SHAPE_CASE(copy, SourceChangesMeanwhile)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.shape = shape();
    opts.part_bytes = std::max<uint64_t>(caps().part_min, 65536);
    const polyfs_kv pair = {"color", "red"};
    const std::string bytes = Bytes(size_t(2 * opts.part_bytes + 3), 6);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    /* Instances are shared by their options, and a fault strikes once: each shape has its own. */
    const std::string own = ",any:" + std::to_string(2000000 + shape()) + ":io";
    Fs once = OpenWith("fault=reader_pread:1:changed,get:1:changed" + own);
    Fs always = OpenWith("fault=reader_pread:1+:changed,get:1+:changed" + own);
    Warm(once, "a");
    Warm(always, "a");
    opts.metadata = Yes(POLYFS_FACT_METADATA) ? &pair : nullptr;
    opts.metadata_count = Yes(POLYFS_FACT_METADATA) ? 1 : 0;
    ASSERT_CODE(POLYFS_OK, polyfs_copy(once.get(), P("a").c_str(), fs(), P("b").c_str(), &opts, nullptr, E()));
    EXPECT_TRUE(bytes == Get("b"));
    EXPECT_CODE(POLYFS_CHANGED,
                polyfs_copy(always.get(), P("a").c_str(), fs(), P("c").c_str(), &opts, nullptr, E()));
    EXPECT_EQ((Strings{"a", "b"}), Names());
}

/* Through the process in parts, once per shape that the target declares; a copy that breaks leaves nothing. */
CONFORMANCE_SHAPE_CASE(copy, InParts)
{
    Fs other = OpenAnother();
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.shape = shape();
    opts.part_bytes = std::max<uint64_t>({caps().part_min, caps().part_align, 65536});
    ASSERT_CODE(POLYFS_OK, Put("a", ""));
    Warm(other, "a");
    for (size_t size : {size_t{0}, size_t{1}, size_t(opts.part_bytes), size_t(7 * opts.part_bytes + 3)}) {
        StatInfo told = POLYFS_STAT_INIT;
        std::string bytes = Bytes(size, size + 5);
        ASSERT_CODE(POLYFS_OK, Put("a", bytes));
        ASSERT_CODE(POLYFS_OK, polyfs_copy(fs(), P("a").c_str(), other.get(), P("b").c_str(), &opts, &told, E()));
        EXPECT_TRUE(bytes == Get("b")) << size << " bytes";
        EXPECT_EQ(size, told.size);
    }
    const uint64_t before = UsedNow();
    /* Instances are shared by their options, and a fault strikes once: each shape has its own. */
    const std::string own = ",any:" + std::to_string(1000000 + shape()) + ":io";
    for (const char *fault : {"fault=put:1:io,upload_part:1:io,placed_write:1:io,stream_write:1:io",
                              "fault=put:1:io,upload_part:3:io,placed_write:3:io,stream_write:3:io",
                              "fault=put:1:io,upload_complete:1:io,placed_commit:1:io,stream_commit:1:io"}) {
        Fs breaks = OpenWith(fault + own);
        EXPECT_CODE(POLYFS_IO,
                    polyfs_copy(fs(), P("a").c_str(), breaks.get(), P("c").c_str(), &opts, nullptr, E()));
        EXPECT_EQ((Strings{"a", "b"}), Names());
    }
    Fs unreadable = OpenWith("fault=reader_pread:3:io,get:3:io" + own);
    int rc = polyfs_copy(unreadable.get(), P("a").c_str(), fs(), P("c").c_str(), &opts, nullptr, E());
    if (!Chaos()) {
        EXPECT_CODE(shape() == POLYFS_SHAPE_PUT ? POLYFS_OK : POLYFS_IO, rc);
    }
    Fs silent = OpenWith("fault=stream_write:1:busy:transient,stream_offset:1+:unsupported" + own);
    rc = polyfs_copy(fs(), P("a").c_str(), silent.get(), P("d").c_str(), &opts, nullptr, E());
    EXPECT_CODE(shape() == POLYFS_SHAPE_STREAM ? POLYFS_BUSY : POLYFS_OK, rc) << "what failed first is told";
    EXPECT_EQ(before, UsedNow()) << "memory of the budget comes back";
}

} // namespace conformance
