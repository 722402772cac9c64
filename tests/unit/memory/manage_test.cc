/* SPDX-License-Identifier: Apache-2.0 */
/* Copy, compose, metadata, times, removals and renames. */
#include "fixture.h"

class ManageTest : public MemoryTest
{
  protected:
    void SetUp() override
    {
        MemoryTest::SetUp();
        open();
        ASSERT_EQ(POLYFS_OK, fs.put("a", "bytes", Put().type("x/y").meta({{"k", "v"}})));
        etag_ = fs.stat.etag;
    }
    std::string etag_;
};

/* ---- copy and compose */

TEST_F(ManageTest, CopyKeepsMetadataWhenTold)
{
    using Rows = std::vector<std::pair<std::string, std::string>>;
    ASSERT_EQ(POLYFS_OK, fs.copy("a", "b", etag_.c_str(), Put().keep()));
    EXPECT_NE(etag_, fs.stat.etag);
    EXPECT_EQ("bytes", fs.read("b"));
    ASSERT_EQ(POLYFS_OK, fs.info("b"));
    EXPECT_STREQ("x/y", fs.stat.content_type);
    EXPECT_EQ(Rows({{"k", "v"}}), fs.pairs.rows);
    ASSERT_EQ(POLYFS_OK, fs.copy("a", "b", nullptr, Put().keep().type("new/type")));
    ASSERT_EQ(POLYFS_OK, fs.info("b"));
    EXPECT_STREQ("new/type", fs.stat.content_type);
    EXPECT_EQ(Rows({{"k", "v"}}), fs.pairs.rows);
    ASSERT_EQ(POLYFS_OK, fs.copy("a", "a", nullptr, Put().keep().meta({{"n", "w"}}))); /* onto itself */
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    EXPECT_STREQ("x/y", fs.stat.content_type);
    EXPECT_EQ(Rows({{"k", "v"}, {"n", "w"}}), fs.pairs.rows);
    EXPECT_EQ("bytes", fs.read("a"));
    ASSERT_EQ(POLYFS_OK, fs.copy("a", "b", nullptr, Put().keep().meta({{"k", "ours"}, {"m", ""}})));
    ASSERT_EQ(POLYFS_OK, fs.info("b"));
    EXPECT_EQ(Rows({{"n", "w"}, {"k", "ours"}, {"m", ""}}), fs.pairs.rows);
    ASSERT_EQ(POLYFS_OK, fs.put("plain", "bytes"));
    ASSERT_EQ(POLYFS_OK, fs.copy("plain", "b", nullptr, Put().keep().meta({{"n", "w"}})));
    ASSERT_EQ(POLYFS_OK, fs.info("b"));
    EXPECT_STREQ("", fs.stat.content_type);
    EXPECT_EQ(Rows({{"n", "w"}}), fs.pairs.rows);
}

TEST_F(ManageTest, CopyWithoutItTakesTheRequestAlone)
{
    ASSERT_EQ(POLYFS_OK, fs.copy("a", "b", etag_.c_str()));
    ASSERT_EQ(POLYFS_OK, fs.info("b"));
    EXPECT_STREQ("", fs.stat.content_type);
    EXPECT_TRUE(fs.pairs.rows.empty());
    ASSERT_EQ(POLYFS_OK, fs.copy("a", "b", nullptr, Put().meta({{"n", "w"}})));
    ASSERT_EQ(POLYFS_OK, fs.info("b"));
    EXPECT_STREQ("", fs.stat.content_type);
    ASSERT_EQ(1u, fs.pairs.rows.size());
    EXPECT_EQ("n", fs.pairs.rows[0].first);
    ASSERT_EQ(POLYFS_OK, fs.copy("a", "a", nullptr, Put().type("new/type"))); /* onto itself */
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    EXPECT_STREQ("new/type", fs.stat.content_type);
    EXPECT_TRUE(fs.pairs.rows.empty());
    EXPECT_EQ("bytes", fs.read("a"));
}

TEST_F(MemoryTest, CopyAndComposeOfAVersion)
{
    open({{"versioning", "1"}});
    ASSERT_EQ(POLYFS_OK, fs.put("a", "old", Put().type("x/old")));
    std::string version = fs.stat.version, etag = fs.stat.etag;
    ASSERT_EQ(POLYFS_OK, fs.put("a", "new", Put().type("x/new")));
    ASSERT_EQ(POLYFS_OK, fs.copy("a", "b", nullptr, Put().keep(), version.c_str()));
    EXPECT_EQ("old", fs.read("b"));
    ASSERT_EQ(POLYFS_OK, fs.info("b"));
    EXPECT_STREQ("x/old", fs.stat.content_type);
    EXPECT_EQ(POLYFS_OK, fs.copy("a", "b", etag.c_str(), Put(), version.c_str()));
    EXPECT_EQ(POLYFS_CHANGED, fs.copy("a", "b", etag.c_str()));
    EXPECT_EQ(POLYFS_CHANGED, fs.copy("a", "b", "other", Put(), version.c_str()));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.copy("a", "b", nullptr, Put(), "0000000000000000"));
    ASSERT_EQ(POLYFS_OK, fs.compose({{"a"}, {"a", etag.c_str(), version.c_str()}}, "c"));
    EXPECT_EQ("newold", fs.read("c"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.compose({{"a", nullptr, "0000000000000000"}}, "c"));
    ASSERT_EQ(POLYFS_OK, fs.remove("a"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.copy("a", "b"));
    ASSERT_EQ(POLYFS_OK, fs.copy("a", "a", nullptr, Put(), version.c_str())); /* the way to bring it back */
    EXPECT_EQ("old", fs.read("a"));
}

TEST_F(ManageTest, CopyConditionsAndFailures)
{
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.copy("x", "b"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.copy("", "b"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.copy("a", ""));
    EXPECT_EQ(POLYFS_CHANGED, fs.copy("a", "b", "other"));
    EXPECT_EQ(POLYFS_OK, fs.copy("a", "b", nullptr, Put().createOnly()));
    EXPECT_EQ(POLYFS_EXISTS, fs.copy("a", "b", nullptr, Put().createOnly()));
    EXPECT_EQ(POLYFS_CONDITION, fs.copy("a", "b", nullptr, Put().ifMatch(etag_.c_str())));
    EXPECT_EQ(POLYFS_CORRUPT, fs.copy("a", "b", nullptr, Put().crc(1)));
    Put request;
    struct polyfs_source source = Source{"a"}.row();
    struct polyfs_step step = {sizeof(step), 0, "cursor", &fs.text, 0};
    EXPECT_EQ(POLYFS_INVALID,
              Fs::ops()->copy(&fs.call, fs.handle, &source, "b", 1, &request, &step, nullptr, &fs.err));
    EXPECT_EQ(POLYFS_INVALID, Fs::ops()->rename(&fs.call, fs.handle, &source, "c", 1, &request, &step, &fs.err));
    EXPECT_EQ(POLYFS_INVALID, Fs::ops()->remove_tree(&fs.call, fs.handle, "a", 1, &step, &fs.err));
    step.cursor = nullptr;
    EXPECT_EQ(POLYFS_OK, Fs::ops()->copy(&fs.call, fs.handle, &source, "b", 1, &request, &step, nullptr, &fs.err));
    EXPECT_EQ(5u, step.done_bytes);
}

TEST_F(ManageTest, ComposeJoinsInOrder)
{
    ASSERT_EQ(POLYFS_OK, fs.put("b", "+"));
    ASSERT_EQ(POLYFS_OK, fs.put("empty", ""));
    ASSERT_EQ(POLYFS_OK, fs.compose({{"a"}, {"b"}, {"empty"}, {"a", etag_.c_str()}}, "c"));
    EXPECT_EQ("bytes+bytes", fs.read("c"));
    ASSERT_EQ(POLYFS_OK, fs.info("c"));
    EXPECT_TRUE(fs.pairs.rows.empty());
    EXPECT_EQ(POLYFS_CHANGED, fs.compose({{"a", "other"}}, "c"));
    EXPECT_EQ(POLYFS_CHANGED, fs.compose({{"a", ""}}, "c")); /* an etag that nothing has */
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.compose({{"a"}, {"x"}}, "c"));
    EXPECT_EQ(POLYFS_INVALID, fs.compose({}, "c"));
    EXPECT_EQ(POLYFS_EXISTS, fs.compose({{"a"}}, "c", Put().createOnly()));
    std::vector<Source> many(32, {"b"});
    EXPECT_EQ(POLYFS_OK, fs.compose(many, "b")); /* the target may be a source */
    EXPECT_EQ(std::string(32, '+'), fs.read("b"));
    many.push_back({"b"});
    EXPECT_EQ(POLYFS_TOO_LARGE, fs.compose(many, "b"));
}

/* ---- beside the bytes */

TEST_F(ManageTest, SetMetadataKeepsBytesAndEtag)
{
    ASSERT_EQ(POLYFS_OK, fs.setMetadata("a", Put().meta({{"x", "1"}, {"y", "2"}})));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    EXPECT_EQ(etag_, fs.stat.etag);
    EXPECT_STREQ("x/y", fs.stat.content_type);
    EXPECT_EQ(2u, fs.pairs.rows.size());
    ASSERT_EQ(POLYFS_OK, fs.setMetadata("a", Put().type("t/u").ifMatch(etag_.c_str())));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    EXPECT_STREQ("t/u", fs.stat.content_type);
    EXPECT_TRUE(fs.pairs.rows.empty());
    EXPECT_EQ("bytes", fs.read("a"));
    EXPECT_EQ(POLYFS_CONDITION, fs.setMetadata("a", Put().ifMatch("x")));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.setMetadata("b", Put()));
    EXPECT_EQ(POLYFS_IS_DIR, fs.setMetadata("", Put()));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.setMetadata("a", Put().createOnly()));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.setMetadata("a", Put().crc(1)));
}

TEST_F(ManageTest, SetTimes)
{
    ASSERT_EQ(POLYFS_OK, fs.setTimes("a", 12345));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    EXPECT_EQ(12345, fs.stat.mtime_ns);
    EXPECT_EQ(etag_, fs.stat.etag);
    ASSERT_EQ(POLYFS_OK, fs.setTimes("a", POLYFS_TIME_UNKNOWN));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    EXPECT_EQ(12345, fs.stat.mtime_ns);
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.setTimes("b", 1));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.setTimes("", 1));
}

/* ---- removals */

TEST_F(ManageTest, RemoveWithConditions)
{
    struct polyfs_condition condition = POLYFS_CONDITION_INIT;
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.remove("x"));
    condition.if_match = "x";
    EXPECT_EQ(POLYFS_CONDITION, fs.remove("a", nullptr, &condition));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.remove("x", nullptr, &condition));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.remove("a", "0000000000000000"));
    condition.if_match = etag_.c_str();
    condition.create_only = 1;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.remove("a", nullptr, &condition));
    condition.create_only = 0;
    EXPECT_EQ(POLYFS_OK, fs.remove("a", nullptr, &condition));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
}

TEST_F(ManageTest, RemoveManyAnswersForEach)
{
    struct Wide {
        struct polyfs_remove_item item;
        uint64_t later;
    };
    ASSERT_EQ(POLYFS_OK, fs.put("b", "1"));
    std::vector<Wide> rows(4);
    const char *paths[] = {"a", "gone", "", "b"};
    for (size_t i = 0; i < rows.size(); i++)
        rows[i].item = {paths[i], strlen(paths[i]), nullptr, nullptr, 99, 0, "junk"};
    rows[3].item.flags = 1;
    ASSERT_EQ(POLYFS_OK,
              Fs::ops()->remove_many(&fs.call, fs.handle, &rows[0].item, rows.size(), sizeof(Wide), &fs.err));
    EXPECT_EQ(POLYFS_OK, rows[0].item.code);
    EXPECT_EQ(POLYFS_OK, rows[1].item.code);
    EXPECT_EQ(POLYFS_IS_DIR, rows[2].item.code);
    EXPECT_EQ(POLYFS_UNSUPPORTED, rows[3].item.code);
    EXPECT_STREQ("", rows[0].item.native_code);
    EXPECT_EQ("b", fs.names(""));
    EXPECT_EQ(POLYFS_TOO_LARGE,
              Fs::ops()->remove_many(&fs.call, fs.handle, &rows[0].item, 1001, sizeof(Wide), &fs.err));
    rows[3].item.flags = 0;
    fs.stop.left = 4; /* on entry, before rows 0, 1 and 2 */
    EXPECT_EQ(POLYFS_CANCELLED,
              Fs::ops()->remove_many(&fs.call, fs.handle, &rows[0].item, rows.size(), sizeof(Wide), &fs.err));
    fs.stop.left = INT_MAX;
    EXPECT_EQ(POLYFS_OK, rows[1].item.code);
    EXPECT_EQ(POLYFS_CANCELLED, rows[2].item.code);
    EXPECT_EQ(POLYFS_CANCELLED, rows[3].item.code);
    EXPECT_EQ("b", fs.names(""));
}

TEST_F(ManageTest, RemoveManyWithEtags)
{
    ASSERT_EQ(POLYFS_OK, fs.put("b", "1"));
    std::vector<polyfs_remove_item> rows = {
        {"a", 1, nullptr, "other", 99, 0, ""},
        {"a", 1, nullptr, etag_.c_str(), 99, 0, ""},
        {"a", 1, nullptr, etag_.c_str(), 99, 0, ""},
        {"b", 1, "0000000000000000", nullptr, 99, 0, ""},
    };
    ASSERT_EQ(POLYFS_OK, fs.removeMany(&rows));
    EXPECT_EQ(POLYFS_CONDITION, rows[0].code);
    EXPECT_EQ(POLYFS_OK, rows[1].code);
    EXPECT_EQ(POLYFS_OK, rows[2].code); /* gone already */
    EXPECT_EQ(POLYFS_OK, rows[3].code); /* there is no such version, so that nothing of it is left */
    EXPECT_EQ("b", fs.names(""));
}

TEST_F(MemoryTest, RemoveManyOfVersions)
{
    open({{"versioning", "1"}});
    std::vector<std::string> versions;
    for (const char *data : {"0", "1", "2"}) {
        ASSERT_EQ(POLYFS_OK, fs.put("a", data));
        versions.push_back(fs.stat.version);
    }
    std::vector<polyfs_remove_item> rows = {
        {"a", 1, versions[2].c_str(), nullptr, 99, 0, ""},
        {"a", 1, versions[0].c_str(), versions[1].c_str(), 99, 0, ""},
        {"a", 1, versions[0].c_str(), versions[0].c_str(), 99, 0, ""},
    };
    ASSERT_EQ(POLYFS_OK, fs.removeMany(&rows));
    EXPECT_EQ(POLYFS_OK, rows[0].code);
    EXPECT_EQ(POLYFS_CONDITION, rows[1].code);
    EXPECT_EQ(POLYFS_OK, rows[2].code);
    EXPECT_EQ("1", fs.read("a"));
    EXPECT_EQ("a", fs.names("", POLYFS_LIST_VERSIONS)); /* those two are gone for good, without a marker */
    rows = {{"a", 1, nullptr, versions[1].c_str(), 99, 0, ""}};
    ASSERT_EQ(POLYFS_OK, fs.removeMany(&rows));
    EXPECT_EQ(POLYFS_OK, rows[0].code);
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
    EXPECT_EQ(POLYFS_OK, fs.info("a", versions[1].c_str()));
}

TEST_F(ManageTest, RemoveTreeTakesWhatIsBelow)
{
    for (const char *path : {"a-", "a/x", "a/y/z", "a/", "ab", "b"})
        ASSERT_EQ(POLYFS_OK, fs.put(path, "1"));
    ASSERT_EQ(POLYFS_OK, fs.removeTree("a"));
    EXPECT_EQ("a a- ab b", fs.names("", POLYFS_LIST_FLAT));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.removeTree("a"));
    ASSERT_EQ(POLYFS_OK, fs.removeTree(""));
    EXPECT_EQ("", fs.names(""));
    EXPECT_EQ(POLYFS_OK, fs.removeTree(""));
}

TEST_F(ManageTest, RemoveTreeOfManyKeepsTheRest)
{
    for (int i = 0; i < 5000; i++)
        ASSERT_EQ(POLYFS_OK, fs.put(std::to_string(i % 10) + "/" + std::to_string(i), ""));
    ASSERT_EQ(POLYFS_OK, fs.removeTree("4"));
    std::vector<Row> rows;
    ASSERT_EQ(POLYFS_OK, fs.list("", POLYFS_LIST_FLAT, &rows));
    EXPECT_EQ(4501u, rows.size());
    for (const Row &row : rows)
        EXPECT_EQ(POLYFS_OK, fs.remove(row.path)); /* every level of the index still finds each */
    EXPECT_EQ("", fs.names(""));
}

/* ---- renames */

TEST_F(ManageTest, RenameMovesTheRecord)
{
    ASSERT_EQ(POLYFS_OK, fs.setTimes("a", 777));
    ASSERT_EQ(POLYFS_OK, fs.rename("a", "b"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
    ASSERT_EQ(POLYFS_OK, fs.info("b"));
    EXPECT_EQ(etag_, fs.stat.etag);
    EXPECT_EQ(777, fs.stat.mtime_ns);
    EXPECT_STREQ("x/y", fs.stat.content_type);
    ASSERT_EQ(POLYFS_OK, fs.put("a", "new"));
    EXPECT_EQ(POLYFS_EXISTS, fs.rename("a", "b", Put().createOnly()));
    EXPECT_EQ(POLYFS_EXISTS, fs.rename("a", "a", Put().createOnly()));
    EXPECT_EQ(POLYFS_OK, fs.rename("a", "a"));
    EXPECT_EQ(POLYFS_OK, fs.rename("a", "b"));
    EXPECT_EQ("new", fs.read("b"));
    EXPECT_EQ(POLYFS_OK, fs.rename("b", "b/c", Put().createOnly()));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.rename("x", "y"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.rename("b", "y")); /* a prefix is no folder here */
    EXPECT_EQ(POLYFS_INVALID, fs.rename("", "y"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.rename("b/c", ""));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rename("b/c", "y", Put().flag(2)));
}

/* A rename changes the name alone, and has no condition but not to replace: everything else is refused. */
TEST_F(ManageTest, RenameRefusesWhatItCannotDo)
{
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rename("a", "b", Put(), etag_.c_str()));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rename("a", "b", Put(), nullptr, "0000000000000000"));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rename("a", "b", Put().ifMatch(etag_.c_str())));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rename("a", "b", Put().type("n/n")));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rename("a", "b", Put().meta({{"n", "w"}})));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rename("a", "b", Put().crc(1)));
    Put request;
    request.condition.if_none_match = "x";
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rename("a", "b", request));
    EXPECT_EQ("a", fs.names(""));
}

TEST_F(MemoryTest, RenameWithVersions)
{
    open({{"versioning", "1"}});
    ASSERT_EQ(POLYFS_OK, fs.put("a", "1"));
    std::string old = fs.stat.version;
    ASSERT_EQ(POLYFS_OK, fs.put("b", "2"));
    ASSERT_EQ(POLYFS_OK, fs.rename("a", "b"));
    EXPECT_EQ("1", fs.read("b"));
    EXPECT_NE(old, fs.stat.version);
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
    EXPECT_EQ(POLYFS_OK, fs.info("a", old.c_str()));
    EXPECT_EQ("a a b b", fs.names("", POLYFS_LIST_VERSIONS));
}

TEST_F(RealFolderTest, RenameOfObjectsAmongFolders)
{
    ASSERT_EQ(POLYFS_OK, fs.mkdir("d"));
    ASSERT_EQ(POLYFS_OK, fs.put("f", "1"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.rename("f", "d"));
    EXPECT_EQ(POLYFS_EXISTS, fs.rename("f", "d", Put().createOnly()));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.rename("f", "x/f"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.rename("f", "f/g"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.rename("f/", "g"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.rename("f", "g/"));
    EXPECT_EQ(POLYFS_OK, fs.rename("f", "d/f"));
    EXPECT_EQ("1", fs.read("d/f"));
}

TEST_F(RealFolderTest, RenameOfFolders)
{
    ASSERT_EQ(POLYFS_OK, fs.mkdir("d/e", POLYFS_MKDIR_PARENTS));
    ASSERT_EQ(POLYFS_OK, fs.mkdir("other"));
    ASSERT_EQ(POLYFS_OK, fs.put("d/f", "1"));
    std::string etag = fs.stat.etag;
    ASSERT_EQ(POLYFS_OK, fs.put("d/e/g", "2"));
    ASSERT_EQ(POLYFS_OK, fs.put("object", "3"));
    EXPECT_EQ(POLYFS_INVALID, fs.rename("d", "d/x"));
    EXPECT_EQ(POLYFS_INVALID, fs.rename("d", "d/e"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.rename("d", "other"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.rename("d", "object"));
    EXPECT_EQ(POLYFS_EXISTS, fs.rename("d", "object", Put().createOnly()));
    EXPECT_EQ(POLYFS_EXISTS, fs.rename("d", "other/", Put().createOnly()));
    EXPECT_EQ(POLYFS_EXISTS, fs.rename("d", "d/", Put().createOnly()));
    EXPECT_EQ(POLYFS_OK, fs.rename("d", "d/"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.rename("d", "x/y"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.rename("d", "object/y"));
    ASSERT_EQ(POLYFS_OK, fs.rename("d/", "other/n"));
    EXPECT_EQ("object other/", fs.names(""));
    EXPECT_EQ("other/n/e/ other/n/f", fs.names("other/n/"));
    EXPECT_EQ("2", fs.read("other/n/e/g"));
    ASSERT_EQ(POLYFS_OK, fs.info("other/n/f"));
    EXPECT_EQ(etag, fs.stat.etag);
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("d"));
}

TEST_F(RealFolderTest, SetTimesOfAFolder)
{
    ASSERT_EQ(POLYFS_OK, fs.mkdir("d"));
    ASSERT_EQ(POLYFS_OK, fs.setTimes("d", 99));
    ASSERT_EQ(POLYFS_OK, fs.info("d"));
    EXPECT_EQ(99, fs.stat.mtime_ns);
}
