/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rename: of objects, over objects, with and without replacing, and of folders where the store has them. Whatever
 * fails leaves both names as they were.
 */
#include <atomic>
#include <thread>

#include "case.h"

namespace conformance
{

using Strings = std::vector<std::string>;

#define RENAME(from, to, flags) polyfs_rename(fs(), P(from).c_str(), P(to).c_str(), flags, nullptr, E())

CONFORMANCE_CASE(rename, Object)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    int rc = RENAME("a", "b", 0);
    if (No(POLYFS_FACT_RENAME)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        EXPECT_EQ(Strings{"a"}, Names());
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    EXPECT_EQ("bytes", Get("b"));
    EXPECT_EQ(Strings{"b"}, Names());
}

CONFORMANCE_CASE(rename, OverAnObject)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "new"));
    ASSERT_CODE(POLYFS_OK, Put("b", "old"));
    ASSERT_CODE(No(POLYFS_FACT_RENAME) ? POLYFS_UNSUPPORTED : POLYFS_OK, RENAME("a", "b", 0));
    EXPECT_EQ(No(POLYFS_FACT_RENAME) ? "old" : "new", Get("b"));
}

CONFORMANCE_CASE(rename, NoReplace)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "new"));
    ASSERT_CODE(POLYFS_OK, Put("b", "old"));
    int rc = RENAME("a", "b", POLYFS_RENAME_NO_REPLACE);
    bool can = Yes(POLYFS_FACT_RENAME_NO_REPLACE);
    if (No(POLYFS_FACT_RENAME_NO_REPLACE) && rc == POLYFS_EXISTS)
        can = true; /* core makes it of a conditional copy */
    EXPECT_CODE(can ? POLYFS_EXISTS : POLYFS_UNSUPPORTED, rc);
    EXPECT_EQ("new", Get("a"));
    EXPECT_EQ("old", Get("b"));
    EXPECT_CODE(can ? POLYFS_OK : POLYFS_UNSUPPORTED, RENAME("a", "c", POLYFS_RENAME_NO_REPLACE));
    EXPECT_EQ(can ? (Strings{"b", "c"}) : (Strings{"a", "b"}), Names());
}

CONFORMANCE_CASE(rename, Missing)
{
    ASSERT_CODE(POLYFS_OK, Put("b", "old"));
    EXPECT_CODE(No(POLYFS_FACT_RENAME) ? POLYFS_UNSUPPORTED : POLYFS_NOT_FOUND, RENAME("missing", "b", 0));
    EXPECT_CODE(No(POLYFS_FACT_RENAME) ? POLYFS_UNSUPPORTED : POLYFS_NOT_FOUND, RENAME("missing", "c", 0));
    EXPECT_EQ("old", Get("b"));
    EXPECT_EQ(Strings{"b"}, Names());
}

CONFORMANCE_CASE(rename, IntoAMissingFolder)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    int rc = RENAME("a", "x/y", 0);
    if (RealDirs()) {
        EXPECT_ANY_CODE(rc, POLYFS_NOT_FOUND, No(POLYFS_FACT_RENAME) ? POLYFS_UNSUPPORTED : POLYFS_NOT_FOUND);
        EXPECT_EQ("bytes", Get("a"));
        EXPECT_EQ(Strings{"a"}, Names());
        return;
    }
    ASSERT_CODE(No(POLYFS_FACT_RENAME) ? POLYFS_UNSUPPORTED : POLYFS_OK, rc);
    EXPECT_EQ("bytes", Get(rc == POLYFS_OK ? "x/y" : "a"));
}

CONFORMANCE_CASE(rename, OntoItself)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    RENAME("a", "a", 0);
    EXPECT_EQ("bytes", Get("a")) << "whatever the answer, nothing is lost";
    EXPECT_EQ(Strings{"a"}, Names());
}

CONFORMANCE_CASE(rename, UnknownFlagIsRefused)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    EXPECT_CODE(POLYFS_UNSUPPORTED, RENAME("a", "b", UINT32_C(1) << 30));
    EXPECT_EQ(Strings{"a"}, Names());
}

CONFORMANCE_CASE(rename, OverAFolder)
{
    NEEDS_NESTED_NAMES();
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    ASSERT_CODE(POLYFS_OK, Put("d/x", "x"));
    if (RealDirs()) {
        ASSERT_CODE(POLYFS_OK, Mkdir("empty"));
        EXPECT_ANY_CODE(RENAME("a", "d", 0), POLYFS_IS_DIR, POLYFS_UNSUPPORTED);
        EXPECT_ANY_CODE(RENAME("a", "empty", 0), POLYFS_IS_DIR, POLYFS_UNSUPPORTED) << "an empty one neither";
        EXPECT_EQ((Strings{"a", "d/", "empty/"}), Names());
        return;
    }
    EXPECT_ANY_CODE(RENAME("a", "d", 0), POLYFS_OK, No(POLYFS_FACT_RENAME) ? POLYFS_UNSUPPORTED : POLYFS_OK);
    EXPECT_EQ("x", Get("d/x"));
}

CONFORMANCE_CASE(rename, Folder)
{
    ASSERT_CODE(POLYFS_OK, Put("d/x", "x"));
    ASSERT_CODE(POLYFS_OK, Put("d/e/y", "y"));
    ASSERT_CODE(POLYFS_OK, Put("d2", "stays"));
    int rc = RENAME("d", "n", 0);
    if (Yes(POLYFS_FACT_RENAME_DIR)) {
        ASSERT_CODE(POLYFS_OK, rc);
        EXPECT_EQ((Strings{"d2", "n/e/y", "n/x"}), Names("", POLYFS_LS_RECURSIVE));
        EXPECT_EQ("y", Get("n/e/y"));
        return;
    }
    EXPECT_ANY_CODE(rc, POLYFS_UNSUPPORTED, POLYFS_IS_DIR, RealDirs() ? POLYFS_IS_DIR : POLYFS_NOT_FOUND);
    EXPECT_EQ((Strings{"d/e/y", "d/x", "d2"}), Names("", POLYFS_LS_RECURSIVE));
}

CONFORMANCE_CASE(rename, FolderInTheWay)
{
    ASSERT_CODE(POLYFS_OK, Put("d/x", "x"));
    ASSERT_CODE(POLYFS_OK, Put("e/y", "y"));
    ASSERT_CODE(POLYFS_OK, Put("a", "object"));
    EXPECT_LT(RENAME("d", "e", 0), 0) << "a folder is never replaced";
    if (RealDirs()) {
        EXPECT_LT(RENAME("d", "a", 0), 0) << "nor an object by a folder";
        EXPECT_LT(RENAME("d", "d/in", 0), 0) << "nor a folder moved into itself";
    }
    EXPECT_EQ((Strings{"a", "d/x", "e/y"}), Names("", POLYFS_LS_RECURSIVE));
}

CONFORMANCE_CASE(rename, KeepsMetadata)
{
    const polyfs_kv pair = {"step", "7"};
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.metadata = &pair;
    opts.metadata_count = No(POLYFS_FACT_METADATA) ? 0 : 1;
    opts.content_type = No(POLYFS_FACT_CONTENT_TYPE) ? nullptr : "text/x-test";
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes", &opts));
    ASSERT_CODE(No(POLYFS_FACT_RENAME) ? POLYFS_UNSUPPORTED : POLYFS_OK, RENAME("a", "b", 0));
    const char *where = No(POLYFS_FACT_RENAME) ? "a" : "b";
    EXPECT_EQ("bytes", Get(where));
    if (!opts.metadata_count)
        return;
    polyfs_pairs *raw = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_get_metadata(fs(), P(where).c_str(), nullptr, &raw, E()));
    Pairs pairs(raw);
    ASSERT_EQ(1u, polyfs_pairs_count(raw));
    EXPECT_STREQ("7", polyfs_pairs_at(raw, 0)->value);
}

/* While objects are renamed over a name, it is always there, and always one of them in whole. */
CONFORMANCE_CASE(rename, IsSeenWhole)
{
    ASSERT_CODE(POLYFS_OK, Put("target", std::string(5000, '0')));
    if (No(POLYFS_FACT_RENAME)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, RENAME("target", "other", 0));
        return;
    }
    std::atomic<bool> stop{false};
    std::atomic<unsigned> absent{0}, torn{0}, looks{0};
    std::thread looker([&, path = P("target")] {
        while (!stop) {
            void *data = nullptr;
            size_t n = 0;
            int rc = polyfs_get_all(fs(), path.c_str(), nullptr, &data, &n, nullptr, nullptr);
            absent += rc == POLYFS_NOT_FOUND;
            if (rc == POLYFS_OK) {
                const char *bytes = static_cast<char *>(data);
                torn += n != 5000 || std::string(bytes, n) != std::string(5000, bytes[0]);
                polyfs_free(data);
            }
            looks++;
        }
    });
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.durability = POLYFS_DURABILITY_NONE;
    for (unsigned i = 0; i < Many(500, 20) || looks < 20; i++) {
        EXPECT_CODE(POLYFS_OK, Put("new", std::string(5000, static_cast<char>('a' + i % 26)), &opts));
        EXPECT_CODE(POLYFS_OK, RENAME("new", "target", 0));
    }
    stop = true;
    looker.join();
    EXPECT_EQ(0u, torn);
    if (Yes(POLYFS_FACT_RENAME_ATOMIC)) {
        EXPECT_EQ(0u, absent) << "a moment with neither name";
    }
}

} // namespace conformance
