/* SPDX-License-Identifier: Apache-2.0 */
/* Listings: order, folders, pages, resumption, versions; and all of it against a model of a sorted set. */
#include <algorithm>
#include <random>
#include <set>

#include "fixture.h"

class ListTest : public MemoryTest
{
  protected:
    void SetUp() override
    {
        MemoryTest::SetUp();
        open();
    }
    void put(const std::vector<std::string> &paths)
    {
        for (const std::string &path : paths)
            ASSERT_EQ(POLYFS_OK, fs.put(path, path));
    }
};

TEST_F(ListTest, OneLevelAndFlat)
{
    put({"a", "a-b", "a/x", "a/y/z", "ab", "b/1", "b/2"});
    EXPECT_EQ("a a-b a/ ab b/", fs.names(""));
    EXPECT_EQ("a a-b a/x a/y/z ab b/1 b/2", fs.names("", POLYFS_LIST_FLAT));
    EXPECT_EQ("a/x a/y/", fs.names("a/"));
    EXPECT_EQ("a/x a/y/z", fs.names("a/", POLYFS_LIST_FLAT));
    EXPECT_EQ("a a-b a/ ab", fs.names("a"));
    EXPECT_EQ("a-b", fs.names("a-"));
    EXPECT_EQ("", fs.names("c/"));
    EXPECT_EQ("", fs.names("b/3"));
    EXPECT_EQ("a a-b a/ ab b/", fs.names("", POLYFS_LIST_UNORDERED | POLYFS_LIST_NAMES));
}

TEST_F(ListTest, SlashesArePlain)
{
    put({"/x", "//y", "a/", "a//b", "a/b/"});
    EXPECT_EQ("/ a/", fs.names(""));
    EXPECT_EQ("// /x", fs.names("/"));
    EXPECT_EQ("a/ a// a/b/", fs.names("a/")); /* the object `a/`, the folder `a//`, the folder `a/b/` */
    EXPECT_EQ("//y /x a/ a//b a/b/", fs.names("", POLYFS_LIST_FLAT));
}

TEST_F(ListTest, RowsTellSizeAndEtag)
{
    put({"a/x", "b"});
    void *lister = nullptr;
    ASSERT_EQ(POLYFS_OK, fs.listOpen("", 0, &lister));
    struct polyfs_page page = {sizeof(page), 0, nullptr, 0, nullptr};
    ASSERT_EQ(POLYFS_OK, fake::plugin()->lister->next(&fs.call, lister, &page, &fs.err));
    ASSERT_EQ(2u, page.count);
    const struct polyfs_entry *folder = page.entries;
    auto *object =
        reinterpret_cast<const struct polyfs_entry *>(reinterpret_cast<const char *>(folder) + page.stride);
    EXPECT_EQ(POLYFS_TYPE_DIR, static_cast<int>(folder->type));
    EXPECT_EQ(0u, folder->size);
    EXPECT_EQ(nullptr, folder->etag);
    EXPECT_EQ(POLYFS_TIME_UNKNOWN, folder->mtime_ns);
    ASSERT_EQ(POLYFS_OK, fs.info("b"));
    EXPECT_EQ(1u, object->size);
    EXPECT_STREQ(fs.stat.etag, object->etag);
    EXPECT_EQ(fs.stat.mtime_ns, object->mtime_ns);
    EXPECT_EQ(nullptr, object->version);
    EXPECT_EQ(POLYFS_OK, fake::plugin()->lister->next(&fs.call, lister, &page, &fs.err)); /* behind the end */
    EXPECT_EQ(0u, page.count);
    fake::plugin()->lister->close(lister);
    fake::plugin()->lister->close(nullptr);
}

TEST_F(ListTest, StartAfterIsByFullKey)
{
    put({"a", "a-b", "a/x", "a/y", "ab"});
    EXPECT_EQ("a-b a/ ab", fs.names("", 0, 0, "a"));
    EXPECT_EQ("ab", fs.names("", 0, 0, "a/"));
    EXPECT_EQ("ab", fs.names("", 0, 0, "a/x")); /* `a/` is before it */
    EXPECT_EQ("a/y ab", fs.names("", POLYFS_LIST_FLAT, 0, "a/x"));
    EXPECT_EQ("a/y", fs.names("a/", 0, 0, "a/x"));
    EXPECT_EQ("a/x a/y", fs.names("a/", 0, 0, "a"));
    EXPECT_EQ("", fs.names("a/", 0, 0, "b"));
    EXPECT_EQ("", fs.names("", 0, 0, "zz"));
}

TEST_F(ListTest, PagesAreAsAsked)
{
    std::string all;
    for (int i = 0; i < 2500; i++) {
        char name[16];
        snprintf(name, sizeof(name), "k%05d", i);
        all += (i > 0 ? " " : "") + std::string(name);
        ASSERT_EQ(POLYFS_OK, fs.put(name, ""));
    }
    for (uint32_t size : {0u, 1u, 7u, 999u, 1000u, 5000u}) {
        EXPECT_EQ(all, fs.names("", 0, size)) << size;
        EXPECT_EQ(all, fs.names("k", POLYFS_LIST_FLAT, size)) << size;
    }
    void *lister = nullptr;
    std::vector<Row> rows;
    ASSERT_EQ(POLYFS_OK, fs.listOpen("", 0, &lister, 5000));
    EXPECT_EQ(POLYFS_MORE, fs.listNext(lister, &rows));
    EXPECT_EQ(1000u, rows.size());
    fake::plugin()->lister->close(lister);
    rows.clear();
    ASSERT_EQ(POLYFS_OK, fs.listOpen("k000", 0, &lister, 100)); /* exactly one page */
    EXPECT_EQ(POLYFS_OK, fs.listNext(lister, &rows));
    EXPECT_EQ(100u, rows.size());
    fake::plugin()->lister->close(lister);
}

TEST_F(ListTest, PagesSeeWhatChangesBehindThem)
{
    put({"a", "b", "c", "d"});
    void *lister = nullptr;
    std::vector<Row> rows;
    ASSERT_EQ(POLYFS_OK, fs.listOpen("", 0, &lister, 2));
    ASSERT_EQ(POLYFS_MORE, fs.listNext(lister, &rows));
    ASSERT_EQ(POLYFS_OK, fs.remove("b"));
    ASSERT_EQ(POLYFS_OK, fs.remove("c"));
    put({"aa", "bb", "e"});
    rows.clear();
    EXPECT_EQ(POLYFS_MORE, fs.listNext(lister, &rows));
    EXPECT_EQ("bb", rows[0].path);
    EXPECT_EQ("d", rows[1].path);
    EXPECT_EQ(POLYFS_OK, fs.listNext(lister, &rows));
    EXPECT_EQ("e", rows[2].path);
    fake::plugin()->lister->close(lister);
}

TEST_F(ListTest, WhatIsNotKnownIsRefused)
{
    void *lister = nullptr;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.listOpen("", 16, &lister));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.listOpen("", POLYFS_LIST_VERSIONS, &lister));
    EXPECT_EQ(POLYFS_INVALID, fs.listOpen("", 0, &lister, 0, nullptr, "nonsense"));
    EXPECT_EQ(POLYFS_INVALID, fs.listOpen("", 0, &lister, 0, nullptr, "0000000000000000"));
    EXPECT_EQ(POLYFS_INVALID, fs.listOpen("", 0, &lister, 0, nullptr, ""));
    struct polyfs_list_request request = {sizeof(request), 0, nullptr, nullptr, 0, 1};
    EXPECT_EQ(POLYFS_UNSUPPORTED,
              fake::plugin()->lister->open(&fs.call, fs.handle, "", 0, &request, &lister, &fs.err));
    EXPECT_EQ(nullptr, lister);
}

/* A page of deleted names is passed over in bounded steps; a folder of them does not hide what lives in it. */
TEST_F(MemoryTest, LongRunsOfDeletedNames)
{
    open({{"versioning", "1"}});
    for (int i = 0; i < 25000; i++) {
        std::string path = "d/" + std::to_string(i);
        ASSERT_EQ(POLYFS_OK, fs.put(path, ""));
    }
    ASSERT_EQ(POLYFS_OK, fs.removeTree("d"));
    ASSERT_EQ(POLYFS_OK, fs.put("d/z", ""));
    ASSERT_EQ(POLYFS_OK, fs.put("e", ""));
    EXPECT_EQ("d/ e", fs.names(""));
    EXPECT_EQ("d/z e", fs.names("", POLYFS_LIST_FLAT));
    void *lister = nullptr, *again = nullptr;
    std::vector<Row> rows;
    ASSERT_EQ(POLYFS_OK, fs.listOpen("", 0, &lister));
    EXPECT_EQ(POLYFS_MORE, fs.listNext(lister, &rows));
    EXPECT_EQ(0u, rows.size());
    ASSERT_EQ(POLYFS_OK, fs.listOpen("", 0, &again, 0, nullptr, fs.marker.c_str()));
    int code = POLYFS_OK;
    while ((code = fs.listNext(again, &rows)) == POLYFS_MORE)
        continue;
    EXPECT_EQ(POLYFS_OK, code);
    ASSERT_EQ(2u, rows.size());
    EXPECT_EQ("d", rows[0].path);
    fake::plugin()->lister->close(lister);
    fake::plugin()->lister->close(again);
}

TEST_F(MemoryTest, VersionsAreListedNewestFirst)
{
    open({{"versioning", "1"}});
    std::vector<std::string> expected;
    for (const char *path : {"a", "b/x", "c"})
        for (int i = 0; i < 5; i++)
            ASSERT_EQ(POLYFS_OK, fs.put(path, std::to_string(i)));
    ASSERT_EQ(POLYFS_OK, fs.remove("b/x"));
    EXPECT_EQ("a c", fs.names(""));
    for (uint32_t size : {1u, 2u, 3u, 100u}) {
        EXPECT_EQ("a a a a a b/ c c c c c", fs.names("", POLYFS_LIST_VERSIONS, size));
        std::vector<Row> rows;
        ASSERT_EQ(POLYFS_OK, fs.list("", POLYFS_LIST_VERSIONS | POLYFS_LIST_FLAT, &rows, size));
        ASSERT_EQ(16u, rows.size());
        for (size_t i = 1; i < rows.size(); i++)
            EXPECT_TRUE(rows[i - 1].path < rows[i].path ||
                        (rows[i - 1].path == rows[i].path && rows[i - 1].version > rows[i].version));
        EXPECT_EQ(POLYFS_STAT_LATEST | POLYFS_STAT_DELETED, rows[5].flags);
        EXPECT_EQ(0u, rows[6].flags);
        EXPECT_EQ("c c c c c", fs.names("", POLYFS_LIST_VERSIONS, size, "b/"));
    }
}

TEST_F(RealFolderTest, RealFoldersAreListed)
{
    ASSERT_EQ(POLYFS_OK, fs.mkdir("empty"));
    ASSERT_EQ(POLYFS_OK, fs.mkdir("d/e", POLYFS_MKDIR_PARENTS));
    ASSERT_EQ(POLYFS_OK, fs.put("d/e/f", "1"));
    ASSERT_EQ(POLYFS_OK, fs.put("d-1", "1"));
    EXPECT_EQ("d-1 d/ empty/", fs.names(""));
    EXPECT_EQ("d/e/", fs.names("d/"));
    EXPECT_EQ("", fs.names("empty/"));
    EXPECT_EQ("d-1 d/e/f", fs.names("", POLYFS_LIST_FLAT, 1));
    EXPECT_EQ("empty/", fs.names("e"));
    EXPECT_EQ("", fs.names("x"));
    const std::string not_found = "code " + std::to_string(POLYFS_NOT_FOUND);
    EXPECT_EQ(not_found, fs.names("x/"));
    EXPECT_EQ(not_found, fs.names("d-1/"));
    EXPECT_EQ(not_found, fs.names("x/", POLYFS_LIST_FLAT));
    EXPECT_EQ(not_found, fs.names("x/", 0, 0, "x/y"));
    EXPECT_EQ("empty/", fs.names("", 0, 0, "d/e"));
}

/* ---- against a model */

namespace
{

/* Rows of a listing as the design defines it. */
std::vector<std::string> model_list(const std::set<std::string> &keys, const std::string &prefix, bool flat,
                                    const std::string &after)
{
    std::vector<std::string> rows;
    for (const std::string &key : keys) {
        if (key.compare(0, prefix.size(), prefix) != 0)
            continue;
        size_t slash = flat ? std::string::npos : key.find('/', prefix.size());
        std::string row = slash == std::string::npos ? key : key.substr(0, slash + 1);
        if ((after.empty() || row > after) && (rows.empty() || rows.back() != row))
            rows.push_back(row);
    }
    return rows;
}

std::string random_key(std::mt19937 *random)
{
    static const char alphabet[] = "ab/-\xff";
    std::string key;
    size_t length = 1 + (*random)() % 7;
    while (key.size() < length)
        key.push_back(alphabet[(*random)() % 5]);
    return key;
}

} /* namespace */

TEST_F(ListTest, AgreesWithTheModel)
{
    std::mt19937 random(4711);
    std::set<std::string> keys;
    for (int round = 0; round < 3000; round++) {
        std::string key = random_key(&random);
        if (random() % 3 == 0) {
            ASSERT_EQ(keys.erase(key) ? POLYFS_OK : POLYFS_NOT_FOUND, fs.remove(key));
        } else {
            ASSERT_EQ(keys.insert(key).second ? POLYFS_OK : POLYFS_EXISTS, fs.put(key, key, Put().createOnly()));
        }
        std::string prefix = random() % 2 ? "" : random_key(&random).substr(0, 3);
        std::string after = random() % 2 ? "" : random_key(&random);
        bool flat = random() % 2;
        std::vector<std::string> rows;
        std::string marker;
        int code = POLYFS_MORE;
        while (code == POLYFS_MORE) { /* each page by a lister of its own, from the marker of the one before */
            void *lister = nullptr;
            std::vector<Row> page;
            ASSERT_EQ(POLYFS_OK,
                      fs.listOpen(prefix, flat ? POLYFS_LIST_FLAT : 0, &lister,
                                  1 + static_cast<uint32_t>(random() % 5), after.empty() ? nullptr : after.c_str(),
                                  marker.empty() ? nullptr : marker.c_str()));
            code = fs.listNext(lister, &page);
            marker = fs.marker;
            fake::plugin()->lister->close(lister);
            for (const Row &row : page)
                rows.push_back(row.path + (row.type == POLYFS_TYPE_DIR ? "/" : ""));
        }
        ASSERT_EQ(POLYFS_OK, code);
        ASSERT_EQ(model_list(keys, prefix, flat, after), rows) << prefix << " after " << after;
    }
}
