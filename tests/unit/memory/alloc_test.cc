/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that ends. Each scenario runs again and again with its first, second, third, … request of memory refused,
 * once and for good: every call must end in OK or NOMEM, nothing may leak, and the next call must work.
 */
#include "fixture.h"

class AllocTest : public MemoryTest
{
  protected:
    /* @body does calls that all tell OK when there is memory; it gives the first code that is not. */
    void torture(const std::function<int()> &body)
    {
        for (bool for_good : {false, true}) {
            int64_t k = 0;
            int code = POLYFS_NOMEM;
            while (code != POLYFS_OK) {
                prepare();
                int64_t before = fake::live_blocks;
                fake::requests = 0;
                fake::fail_all_after = for_good;
                fake::fail_at = ++k;
                code = body();
                fake::fail_never();
                if (code != POLYFS_OK) {
                    ASSERT_EQ(POLYFS_NOMEM, code) << "request " << k;
                    ASSERT_EQ(POLYFS_NOMEM, fs.err.code);
                    ASSERT_EQ(before, fake::live_blocks) << "request " << k;
                }
                ASSERT_EQ(POLYFS_OK, body()) << fs.err.message;
                cleanup();
                ASSERT_LT(k, 1000);
            }
            EXPECT_GT(k, 1) << "no memory was asked for";
        }
    }
    /* What every scenario finds. */
    virtual void prepare()
    {
        ASSERT_EQ(POLYFS_OK, fs.put("a", "bytes", Put().type("x/y").meta({{"k", "v"}})));
        ASSERT_EQ(POLYFS_OK, fs.put("d/1", "one"));
        ASSERT_EQ(POLYFS_OK, fs.put("d/2", "two"));
    }
    void cleanup()
    {
        empty();
    }
    const std::string far_ = std::string(300, 'n'); /* longer than what a key holds without memory */
};

TEST_F(AllocTest, Open)
{
    int64_t before = fake::live_blocks;
    for (int64_t k = 1;; k++) {
        fake::requests = 0;
        fake::fail_at = k;
        int code = fs.open(options_);
        fake::fail_never();
        if (code == POLYFS_OK)
            break;
        ASSERT_EQ(POLYFS_NOMEM, code);
        ASSERT_EQ(nullptr, fs.handle);
        ASSERT_EQ(before, fake::live_blocks);
    }
}

TEST_F(AllocTest, PutGetStat)
{
    open();
    torture([&] { return fs.put(far_, "data", Put().type("x/y").meta({{"k", "v"}}).crc(0xaed87dd1)); });
    torture([&] { return fs.put("a", "data", Put().type("x/y")); });
    torture([&] { return fs.info("a"); });
    torture([&] {
        int code = fs.get(far_ + "x");
        return code == POLYFS_NOT_FOUND ? POLYFS_OK : code;
    });
    torture([&] {
        void *reader = nullptr;
        int code = fake::plugin()->reader->open(&fs.call, fs.handle, "a", 1, nullptr, &reader, nullptr, &fs.err);
        fake::plugin()->reader->close(reader);
        return code;
    });
}

TEST_F(AllocTest, Manage)
{
    open();
    torture([&] { return fs.copy("a", "b"); });
    torture([&] { return fs.copy("a", "b", nullptr, Put().keep()); });
    torture([&] { return fs.copy("a", "b", nullptr, Put().keep().type("n/n")); });
    torture([&] { return fs.copy("a", "b", nullptr, Put().keep().meta({{"x", "y"}})); });
    torture([&] { return fs.compose({{"a"}, {"a"}}, "b"); });
    torture([&] { return fs.setMetadata("a", Put().meta({{"x", "y"}})); });
    torture([&] { return fs.setTimes(far_, 1) == POLYFS_NOMEM ? POLYFS_NOMEM : POLYFS_OK; });
    torture([&] {
        int code = fs.rename("a", far_);
        return code == POLYFS_NOT_FOUND ? POLYFS_OK : code; /* the second run */
    });
    torture([&] {
        Fs sub;
        int code = fs.sub(far_, &sub);
        if (code == POLYFS_OK && (code = sub.put("x", "1")) != POLYFS_OK)
            fs.err = sub.err;
        return code;
    });
}

TEST_F(AllocTest, Shapes)
{
    open();
    torture([&] {
        void *placed = nullptr;
        int code = fs.placed("b", &placed);
        if (code == POLYFS_OK)
            code = fs.placedWrite(placed, 100000, "data");
        if (code == POLYFS_OK)
            code = fs.placedWrite(placed, 0, "data");
        if (code == POLYFS_OK)
            code = fs.placedCommit(placed, 100004);
        if (code != POLYFS_OK && placed)
            fs.placedAbort(placed);
        return code;
    });
    torture([&] { return fs.append("new", "data"); });
    torture([&] { return fs.append("a", "data"); });
    torture([&] {
        std::string id;
        struct polyfs_part first, second;
        int code = fs.start("b", &id);
        if (code == POLYFS_OK)
            code = fs.part("b", id, 1, "data", &first);
        if (code == POLYFS_OK)
            code = fs.copyPart("b", id, 2, {"a"}, 0, 3, &second);
        if (code == POLYFS_OK)
            code = fs.complete("b", id, {first, second}, Put().type("x/y"));
        struct polyfs_error first_error = fs.err;
        if (code != POLYFS_OK && !id.empty()) {
            fake::fail_never(); /* an abort of a short path takes no memory anyway */
            EXPECT_EQ(POLYFS_OK, fs.abort("b", id));
        }
        fs.err = first_error;
        return code;
    });
}

TEST_F(AllocTest, ListingGoesOnAfterAFailure)
{
    open();
    torture([&] {
        std::vector<Row> rows;
        void *lister = nullptr;
        int code = fs.listOpen("", POLYFS_LIST_FLAT, &lister, 2, "0");
        while (code == POLYFS_OK && (code = fs.listNext(lister, &rows)) == POLYFS_MORE)
            code = POLYFS_OK;
        struct polyfs_error first_error = fs.err;
        if (code != POLYFS_OK && lister) { /* the page that failed can be asked again */
            fake::fail_never();
            int again = POLYFS_MORE;
            while (again == POLYFS_MORE)
                again = fs.listNext(lister, &rows);
            EXPECT_EQ(POLYFS_OK, again);
        }
        if (lister) {
            EXPECT_EQ(3u, rows.size());
            fake::plugin()->lister->close(lister);
        }
        fs.err = first_error;
        return code;
    });
}

TEST_F(AllocTest, UploadListing)
{
    open();
    std::vector<std::string> ids(1100);
    for (size_t i = 0; i < ids.size(); i++)
        ASSERT_EQ(POLYFS_OK, fs.start("u" + std::to_string(i), &ids[i]));
    int failures = 0;
    for (int64_t k = 1, code = POLYFS_NOMEM; code != POLYFS_MORE; k++) {
        struct polyfs_step step = {sizeof(step), 0, nullptr, &fs.text, 0};
        struct polyfs_uploads page;
        fake::requests = 0;
        fake::fail_at = k;
        code = Fs::up()->list(&fs.call, fs.handle, "", 0, &step, &page, &fs.err);
        fake::fail_never();
        EXPECT_TRUE(code == POLYFS_NOMEM || code == POLYFS_MORE);
        EXPECT_TRUE(code == POLYFS_NOMEM || page.rows.size() == 1000u);
        failures += code == POLYFS_NOMEM;
    }
    EXPECT_GT(failures, 3);
    for (size_t i = 0; i < ids.size(); i++)
        EXPECT_EQ(POLYFS_OK, fs.abort("u" + std::to_string(i), ids[i]));
}

class AllocVersionTest : public AllocTest
{
};

TEST_F(AllocVersionTest, Markers)
{
    open({{"versioning", "1"}});
    torture([&] {
        int code = fs.remove("a");
        return code == POLYFS_NOT_FOUND ? POLYFS_OK : code;
    });
    torture([&] {
        int code = fs.rename("a", "b");
        return code == POLYFS_NOT_FOUND ? POLYFS_OK : code;
    });
}

class AllocRealTest : public AllocTest
{
    void prepare() override
    {
        ASSERT_EQ(POLYFS_OK, fs.mkdir("d/e", POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK));
        ASSERT_EQ(POLYFS_OK, fs.put("d/e/1", "one"));
        ASSERT_EQ(POLYFS_OK, fs.put("d/2", "two"));
    }
};

TEST_F(AllocRealTest, Folders)
{
    open({{"folders", "real"}});
    torture([&] { return fs.mkdir("n", POLYFS_MKDIR_EXIST_OK); });
    torture([&] {
        int code = fs.rename("d", "renamed");
        struct polyfs_error first_error = fs.err;
        if (code == POLYFS_NOMEM) {
            fake::fail_never();
            EXPECT_EQ("d/2 d/e/1", fs.names("", POLYFS_LIST_FLAT)) << "half a rename";
            fs.err = first_error;
        }
        return code == POLYFS_NOT_FOUND ? POLYFS_OK : code;
    });
}
