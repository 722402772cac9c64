/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings: one level and all levels, byte order of full keys with a folder counting as its name and '/', prefixes,
 * versions, and what is listed while it changes. Where a listing goes on from is in list_resume.cc.
 */
#include <algorithm>
#include <set>

#include "case.h"

namespace conformance
{

using Strings = std::vector<std::string>;

CONFORMANCE_CASE(list, OneLevel)
{
    for (const char *name : {"b", "a-b", "a/x", "a/y/z", "a0", "a.b", "c/d"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    Strings names = Names();
    if (No(POLYFS_FACT_ORDERED_LIST))
        std::sort(names.begin(), names.end());
    EXPECT_EQ((Strings{"a-b", "a.b", "a/", "a0", "b", "c/"}), names)
        << "in byte order, a folder as its name and '/'";
    EXPECT_EQ((Strings{"a/x", "a/y/"}), Names("a"));
    EXPECT_EQ((Strings{"a/x", "a/y/"}), Names("a/")) << "with or without '/' at the end";
}

CONFORMANCE_CASE(list, Rows)
{
    ASSERT_CODE(POLYFS_OK, Put("file", "12345"));
    ASSERT_CODE(POLYFS_OK, Put("folder/x", "1"));
    std::vector<Row> rows;
    ASSERT_CODE(POLYFS_OK, List("", nullptr, &rows));
    ASSERT_EQ(2u, rows.size());
    StatInfo stat;
    ASSERT_CODE(POLYFS_OK, Stat("file", &stat));
    EXPECT_EQ(P("file"), rows[0].path) << "the full path";
    EXPECT_EQ(static_cast<uint32_t>(POLYFS_TYPE_FILE), rows[0].type);
    EXPECT_EQ(5u, rows[0].size);
    EXPECT_EQ(stat.mtime_ns / 1000000000, rows[0].mtime_ns / 1000000000);
    EXPECT_TRUE(rows[0].etag.empty() || rows[0].etag == stat.etag) << rows[0].etag;
    EXPECT_EQ(P("folder"), rows[1].path) << "a folder without '/'";
    EXPECT_EQ(static_cast<uint32_t>(POLYFS_TYPE_DIR), rows[1].type);
    EXPECT_EQ(0u, rows[1].size);
}

CONFORMANCE_CASE(list, Recursive)
{
    for (const char *name : {"b", "a/y/z", "a/x", "a-b", "a0", "c/d/e/f"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    EXPECT_EQ((Strings{"a-b", "a/x", "a/y/z", "a0", "b", "c/d/e/f"}), Names("", POLYFS_LS_RECURSIVE))
        << "objects only";
    EXPECT_EQ((Strings{"a-b", "a/", "a/x", "a/y/", "a/y/z", "a0", "b", "c/", "c/d/", "c/d/e/", "c/d/e/f"}),
              Names("", POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS));
    EXPECT_EQ((Strings{"a/x", "a/y/z"}), Names("a", POLYFS_LS_RECURSIVE)) << "not a-b, not a0";
}

CONFORMANCE_CASE(list, MaxDepth)
{
    for (const char *name : {"a", "d/a", "d/e/a", "d/e/f/a"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    const std::vector<Strings> wanted = {{"a", "d/", "d/a", "d/e/", "d/e/a", "d/e/f/", "d/e/f/a"},
                                         {"a", "d/"},
                                         {"a", "d/", "d/a", "d/e/"}};
    for (uint32_t depth = 0; depth < 3; depth++) {
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        opts.flags = POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS;
        opts.max_depth = depth;
        std::vector<Row> rows;
        Strings names;
        ASSERT_CODE(POLYFS_OK, List("", &opts, &rows));
        for (const Row &row : rows)
            names.push_back(Relative(row));
        EXPECT_EQ(wanted[depth], names) << "depth " << depth;
    }
}

CONFORMANCE_CASE(list, OfAnObject)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", "12345"));
    ASSERT_CODE(POLYFS_OK, Put("d/ab", "1"));
    for (uint32_t flags : {0u, POLYFS_LS_RECURSIVE, POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS}) {
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        opts.flags = flags;
        std::vector<Row> rows;
        ASSERT_CODE(POLYFS_OK, List("d/a", &opts, &rows)) << "flags " << flags;
        ASSERT_EQ(1u, rows.size());
        EXPECT_EQ(P("d/a"), rows[0].path);
        EXPECT_EQ(5u, rows[0].size);
        EXPECT_EQ(static_cast<uint32_t>(POLYFS_TYPE_FILE), rows[0].type);
    }
}

CONFORMANCE_CASE(list, OfNothing)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "object"));
    std::vector<Row> rows;
    for (uint32_t flags : {0u, POLYFS_LS_RECURSIVE}) {
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        opts.flags = flags;
        EXPECT_CODE(POLYFS_NOT_FOUND, List("missing", &opts, &rows));
        EXPECT_CODE(POLYFS_NOT_FOUND, List("no/such", &opts, &rows));
        EXPECT_ANY_CODE(List("a/", &opts, &rows), POLYFS_NOT_FOUND, POLYFS_NOT_DIR) << "an object is no folder";
    }
    EXPECT_TRUE(rows.empty());
}

CONFORMANCE_CASE(list, EmptyFolder)
{
    std::vector<Row> rows;
    ASSERT_CODE(POLYFS_OK, Mkdir("empty"));
    EXPECT_CODE(RealDirs() ? POLYFS_OK : POLYFS_NOT_FOUND, List("empty", nullptr, &rows));
    EXPECT_TRUE(rows.empty());
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    opts.flags = POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS;
    EXPECT_CODE(RealDirs() ? POLYFS_OK : POLYFS_NOT_FOUND, List("empty", &opts, &rows));
    EXPECT_TRUE(rows.empty()) << "a folder is not in itself";
}

CONFORMANCE_CASE(list, Prefix)
{
    for (const char *name : {"log/2023-12", "log/2024-01", "log/2024-02/x", "log/2024-02-b", "log/other", "log2"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    EXPECT_EQ((Strings{"log/2024-01", "log/2024-02-b", "log/2024-02/"}), Names("log/2024-", POLYFS_LS_PREFIX));
    EXPECT_EQ((Strings{"log/2024-01", "log/2024-02-b", "log/2024-02/x"}),
              Names("log/2024-", POLYFS_LS_PREFIX | POLYFS_LS_RECURSIVE));
    EXPECT_EQ((Strings{}), Names("log/2025", POLYFS_LS_PREFIX));
    EXPECT_EQ((Strings{"log/", "log2"}), Names("log", POLYFS_LS_PREFIX));
    EXPECT_EQ((Strings{"log/2024-02/x"}), Names("log/2024-02/", POLYFS_LS_PREFIX));
}

CONFORMANCE_CASE(list, Unordered)
{
    std::multiset<std::string> wanted;
    for (unsigned i = 0; i < 50; i++) {
        std::string name = "n" + std::to_string(i * 7919 % 50);
        ASSERT_CODE(POLYFS_OK, Put(name, "x"));
        wanted.insert(name);
    }
    Strings names = Names("", POLYFS_LS_UNORDERED);
    EXPECT_EQ(wanted, (std::multiset<std::string>(names.begin(), names.end())));
}

CONFORMANCE_CASE(list, ManyEntries)
{
    const unsigned count = Many(2500, 120);
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.durability = POLYFS_DURABILITY_NONE;
    Strings wanted;
    ASSERT_CODE(POLYFS_OK, Put("d/.first", "x"));
    for (unsigned i = 0; i < count; i++) {
        wanted.push_back("d/" + std::to_string(i * 2654435761u % 1000000007u) + "-" + std::to_string(i));
        ASSERT_CODE(POLYFS_OK, Put(wanted.back(), "x", &opts));
    }
    wanted.push_back("d/.first");
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(wanted, Names("d"));
    EXPECT_EQ(wanted, Names("d", POLYFS_LS_RECURSIVE));
}

CONFORMANCE_CASE(list, DeepTree)
{
    std::string name = "d";
    Strings wanted;
    for (unsigned i = 0; i < 40; i++) {
        name += "/d";
        ASSERT_CODE(POLYFS_OK, Put(name + "x", "x"));
        wanted.push_back(name + "x");
    }
    Strings names = Names("", POLYFS_LS_RECURSIVE);
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(wanted, names);
}

CONFORMANCE_CASE(list, TellsTheTruthAtOnce)
{
    for (unsigned i = 0; i < 20; i++) {
        std::string name = "n" + std::to_string(i);
        ASSERT_CODE(POLYFS_OK, Put(name, "x"));
        EXPECT_EQ(Strings{name}, Names());
        ASSERT_CODE(POLYFS_OK, Remove(name));
        ExpectNothingLeft();
    }
}

/* What is neither made nor removed while a listing is under way is in it, once. */
CONFORMANCE_CASE(list, ChangedUnderWay)
{
    for (unsigned i = 100; i < 200; i++)
        ASSERT_CODE(POLYFS_OK, Put("n" + std::to_string(i), "x"));
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    polyfs_lister *raw = nullptr;
    opts.page_size = 10;
    ASSERT_CODE(POLYFS_OK, polyfs_list_open(fs(), P().c_str(), &opts, &raw, E()));
    Lister lister(raw);
    std::multiset<std::string> seen;
    unsigned page = 0;
    for (int rc = POLYFS_MORE; rc == POLYFS_MORE; page++) {
        const polyfs_entry *rows = nullptr;
        size_t count = 0;
        rc = polyfs_list_next(raw, &rows, &count, E());
        ASSERT_GE(rc, 0) << Why();
        for (size_t i = 0; i < count; i++)
            seen.insert(std::string(rows[i].path + P().size() + 1));
        if (page < 40) {
            Remove("n" + std::to_string(100 + page * 2));
            Put("n" + std::to_string(100 + page * 2) + "x", "new");
        }
    }
    for (unsigned i = 101; i < 200; i += 2)
        EXPECT_EQ(1u, seen.count("n" + std::to_string(i))) << i;
}

CONFORMANCE_CASE(list, RowsLastUntilTheNextCall)
{
    for (unsigned i = 0; i < 30; i++)
        ASSERT_CODE(POLYFS_OK, Put("n" + std::to_string(10 + i), "x"));
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    polyfs_lister *raw = nullptr;
    const polyfs_entry *rows = nullptr;
    size_t count = 0;
    opts.page_size = 30;
    ASSERT_CODE(POLYFS_OK, polyfs_list_open(fs(), P().c_str(), &opts, &raw, E()));
    Lister lister(raw);
    ASSERT_GE(polyfs_list_next(raw, &rows, &count, E()), 0);
    Strings before, after;
    for (size_t i = 0; i < count; i++)
        before.push_back(rows[i].path);
    for (unsigned i = 0; i < 30; i++)
        Remove("n" + std::to_string(10 + i));
    ExpectNothingLeft();
    for (size_t i = 0; i < count; i++)
        after.push_back(rows[i].path);
    EXPECT_EQ(before, after);
}

CONFORMANCE_CASE(list, AfterTheLastPage)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "x"));
    polyfs_lister *raw = nullptr;
    const polyfs_entry *rows = nullptr;
    size_t count = 9;
    ASSERT_CODE(POLYFS_OK, polyfs_list_open(fs(), P().c_str(), nullptr, &raw, E()));
    Lister lister(raw);
    while (polyfs_list_next(raw, &rows, &count, E()) == POLYFS_MORE)
        ;
    EXPECT_CODE(POLYFS_OK, polyfs_list_next(raw, &rows, &count, E()));
    EXPECT_EQ(0u, count);
}

CONFORMANCE_CASE(list, UnknownFlagIsRefused)
{
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    std::vector<Row> rows;
    opts.flags = UINT32_C(1) << 30;
    EXPECT_CODE(POLYFS_UNSUPPORTED, List("", &opts, &rows));
}

CONFORMANCE_CASE(list, Versions)
{
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    std::vector<Row> rows;
    opts.flags = POLYFS_LS_VERSIONS;
    ASSERT_CODE(POLYFS_OK, Put("a", "one"));
    ASSERT_CODE(POLYFS_OK, Put("a", "three"));
    ASSERT_CODE(POLYFS_OK, Remove("a"));
    ASSERT_CODE(POLYFS_OK, Put("b", "x"));
    int rc = List("", &opts, &rows);
    if (!Yes(POLYFS_FACT_VERSIONS)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    unsigned markers = 0, latest = 0;
    std::multiset<std::string> sizes;
    std::set<std::string> versions;
    for (const Row &row : rows) {
        markers += (row.flags & POLYFS_STAT_DELETED) != 0;
        latest += (row.flags & POLYFS_STAT_LATEST) != 0;
        if (!(row.flags & POLYFS_STAT_DELETED))
            sizes.insert(Relative(row) + std::to_string(row.size));
        EXPECT_FALSE(row.version.empty());
        EXPECT_TRUE(versions.insert(row.path + row.version).second) << row.version;
    }
    EXPECT_EQ(1u, markers);
    EXPECT_EQ(2u, latest) << "one of each name";
    EXPECT_EQ((std::multiset<std::string>{"a3", "a5", "b1"}), sizes);
    EXPECT_EQ((Strings{"b"}), Names());
}

} // namespace conformance
