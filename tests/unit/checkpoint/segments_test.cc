/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of thousands of checkpoints: the record stays small, the newest is found in two requests, and nothing is lost when
 * the older ones move into segments, leave them, or a segment is damaged. */
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"
#include "store.h"

namespace
{

constexpr uint64_t kRecordMax = 256 << 10;

class Segments : public OnFolder
{
  protected:
    Segments() : OnFolder("segments")
    {
    }

    int Open(uint32_t keep = 0, uint32_t flags = 0, const char *fault = nullptr)
    {
        polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
        opts.keep_newest = keep;
        opts.flags = flags;
        return OpenWith(opts, fault);
    }

    /* The name is as long as @pad makes it: with long ones a record is full with few. */
    static std::string Name(int64_t step, size_t pad)
    {
        return "step=" + std::to_string(step) + std::string(pad, '"');
    }

    int Save(int64_t step, size_t pad = 0)
    {
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        const std::string name = Name(step, pad);
        const polyfs_ckpt_item item = {"weights", &step, sizeof(step), nullptr};
        opts.step = step;
        opts.name = name.c_str();
        return polyfs_ckpt_save(ckpt_, &opts, &item, 1, nullptr, &err_);
    }

    void SaveAll(int64_t from, int64_t to, size_t pad = 0)
    {
        for (int64_t step = from; step <= to; step++)
            ASSERT_EQ(POLYFS_OK, Save(step, pad)) << err_.message;
    }

    /* Step of what loads under that name, or the code. */
    int64_t Step(const std::string &which)
    {
        polyfs_ckpt_view *view = nullptr;
        int64_t step = 0;
        size_t n = 0;
        int rc = polyfs_ckpt_load(ckpt_, which.c_str(), 0, &view, &err_);
        if (rc == POLYFS_OK)
            rc = polyfs_ckpt_read(view, "weights", &step, sizeof(step), &n, &err_);
        polyfs_ckpt_view_close(view);
        return rc == POLYFS_OK ? step : rc;
    }

    std::vector<int64_t> Steps()
    {
        std::vector<int64_t> steps;
        struct polyfs_ckpt_list *list = nullptr;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_list(ckpt_, &list, &err_)) << err_.message;
        for (size_t i = list ? polyfs_ckpt_list_count(list) : 0; i-- > 0;)
            steps.push_back(polyfs_ckpt_list_at(list, i)->step);
        polyfs_ckpt_list_free(list);
        return steps;
    }

    static std::vector<int64_t> Range(int64_t from, int64_t to)
    {
        std::vector<int64_t> steps;
        for (int64_t step = from; step <= to; step++)
            steps.push_back(step);
        return steps;
    }

    struct Files {
        size_t count = 0;
        uint64_t largest = 0;
        std::vector<std::string> paths;
    };

    Files Below(const std::string &folder)
    {
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        polyfs_lister *lister = nullptr;
        Files files;
        opts.flags = POLYFS_LS_RECURSIVE;
        int rc = polyfs_list_open(fs_, (root_ + folder).c_str(), &opts, &lister, &err_);
        for (rc = rc == POLYFS_OK ? POLYFS_MORE : rc; rc == POLYFS_MORE;) {
            const polyfs_entry *rows = nullptr;
            size_t n = 0;
            rc = polyfs_list_next(lister, &rows, &n, &err_);
            for (size_t i = 0; rc >= 0 && i < n; i++)
                if (rows[i].type == POLYFS_TYPE_FILE) {
                    files.count++;
                    files.paths.push_back(rows[i].path);
                    files.largest = rows[i].size > files.largest ? rows[i].size : files.largest;
                }
        }
        polyfs_list_close(lister);
        return files;
    }
};

TEST_F(Segments, TheRecordStaysSmallAndNothingIsLost)
{
    ASSERT_EQ(POLYFS_OK, Open());
    SaveAll(1, 600);
    EXPECT_LE(Below("/.ckpt/log").largest, kRecordMax);
    EXPECT_GE(Below("/.ckpt/segments").count, 2u);
    EXPECT_EQ(Range(1, 600), Steps());
    for (int64_t step : {1, 2, 200, 400, 599, 600})
        EXPECT_EQ(step, Step(Name(step, 0))) << err_.message;
    EXPECT_EQ(POLYFS_NOT_FOUND, Step("step=601"));
    EXPECT_EQ(600, Step("latest"));
    ASSERT_EQ(POLYFS_OK, Open()); /* what a next process knows */
    EXPECT_EQ(1, polyfs_ckpt_taken("step=1", ckpt_));
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_verify(ckpt_, nullptr, POLYFS_CKPT_SIZES_ONLY, nullptr, nullptr, &err_));
    SaveAll(601, 601);
    EXPECT_EQ(Range(1, 601), Steps());
}

TEST_F(Segments, LongNamesAndMuchGarbageStayBelowTheBound)
{
    ASSERT_EQ(POLYFS_OK, Open());
    SaveAll(1, 400, 245);
    EXPECT_LE(Below("/.ckpt/log").largest, kRecordMax);
    ASSERT_EQ(POLYFS_OK, Open(3)); /* drops nearly all */
    SaveAll(401, 403, 245);
    EXPECT_LE(Below("/.ckpt/log").largest, kRecordMax);
    EXPECT_EQ(Range(401, 403), Steps());
}

TEST_F(Segments, TheNewestNeedsNoSegment)
{
    struct polyfs_fs_stats before = {}, after = {};
    before.struct_size = after.struct_size = sizeof(before);
    ASSERT_EQ(POLYFS_OK, Open());
    SaveAll(1, 400);
    ASSERT_EQ(POLYFS_OK, Open(0, POLYFS_CKPT_READ_ONLY));
    polyfs_fs_stats(fs_, &before);
    EXPECT_EQ(400, Step("latest"));
    polyfs_fs_stats(fs_, &after);
    /* List, record, size and bytes of the one file: HDFS is asked for a page, then for status, place and bytes, for status
     * and attributes, and for all four of them. */
    EXPECT_LE(after.requests - before.requests, url_.rfind("hdfs:", 0) == 0 ? 10u : 4u);
}

TEST_F(Segments, DroppedOnesLeaveTheirSegments)
{
    ASSERT_EQ(POLYFS_OK, Open());
    SaveAll(1, 600);
    std::vector<std::string> names;
    std::vector<const char *> drop;
    std::vector<int64_t> left;
    for (int64_t step = 1; step <= 600; step++)
        if (step % 3 == 0 && step <= 450)
            names.push_back(Name(step, 0));
        else
            left.push_back(step);
    for (const std::string &name : names)
        drop.push_back(name.c_str());
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_drop(ckpt_, drop.data(), drop.size(), &err_)) << err_.message;
    EXPECT_EQ(left, Steps());
    EXPECT_EQ(POLYFS_NOT_FOUND, Step(names[0]));
    ASSERT_EQ(POLYFS_OK, Open(100));
    for (int64_t step = 601; step <= 610; step++)
        ASSERT_EQ(POLYFS_OK, Save(step)) << err_.message;
    EXPECT_EQ(Range(511, 610), Steps());
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_gc(ckpt_, 0, 0, nullptr, nullptr, &err_)) << err_.message;
    EXPECT_EQ(Range(511, 610), Steps());
    SaveAll(611, 616); /* so that no kept record names what was */
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_gc(ckpt_, 0, 0, nullptr, nullptr, &err_)) << err_.message;
    EXPECT_LE(Below("/.ckpt/segments").count, 1u);
    EXPECT_LE(Below("").count, 101u + 5 + 1); /* one that the last record dropped; records; a segment */
}

TEST_F(Segments, ManyAreJoined)
{
    ASSERT_EQ(POLYFS_OK, Open(0, POLYFS_CKPT_ALONE));
    SaveAll(1, 1000, 245);
    EXPECT_LE(Below("/.ckpt/log").largest, kRecordMax);
    EXPECT_LE(Below("/.ckpt/segments").count, 16u + 6);
    EXPECT_EQ(Range(1, 1000), Steps());
}

TEST_F(Segments, ADamagedOneIsToldAndTheNewestStillLoads)
{
    ASSERT_EQ(POLYFS_OK, Open());
    SaveAll(1, 500);
    const std::string segment = Below("/.ckpt/segments").paths[0];
    for (int missing : {0, 1}) {
        if (missing)
            ASSERT_EQ(POLYFS_OK, polyfs_remove(fs_, segment.c_str(), nullptr, &err_));
        else
            ASSERT_EQ(POLYFS_OK, polyfs_put(fs_, segment.c_str(), "{}", 2, nullptr, nullptr, &err_));
        ASSERT_EQ(POLYFS_OK, Open(0, POLYFS_CKPT_READ_ONLY));
        EXPECT_EQ(500, Step("latest"));
        EXPECT_EQ(499, Step("step=499"));
        EXPECT_EQ(POLYFS_CORRUPT, Step("step=1"));
        EXPECT_NE(nullptr, std::strstr(err_.message, segment.c_str())) << err_.message;
        struct polyfs_ckpt_list *list = nullptr;
        EXPECT_EQ(POLYFS_CORRUPT, polyfs_ckpt_list(ckpt_, &list, &err_));
        EXPECT_EQ(POLYFS_CORRUPT, Open()); /* who saved now would lose the older ones */
    }
}

/* Each call of the save that seals fails once: the newest is the old or the new one, and the next save is well. */
TEST_F(Segments, AFailureAtAnyCallLosesNothing)
{
    ASSERT_EQ(POLYFS_OK, Open());
    int64_t sealing = 1;
    for (; !Below("/.ckpt/segments").count; sealing++)
        ASSERT_EQ(POLYFS_OK, Save(sealing, 245));
    const int64_t known = --sealing;
    int64_t step = known;
    for (int call = 2; call <= 4; call++) /* the files, the segment, the record */ {
        const std::string fault = "put:" + std::to_string(call) + ":io";
        for (size_t segments = Below("/.ckpt/segments").count;
             Below("/.ckpt/segments").count == segments && step < known + 2000;) {
            ASSERT_EQ(POLYFS_OK, Open(0, 0, fault.c_str()) == POLYFS_OK ? POLYFS_OK : Open()) << err_.message;
            const int64_t newest = Step("latest");
            const int rc = Save(step + 1, 245);
            step = Step("latest");
            ASSERT_TRUE(step == newest || step == newest + 1) << "call " << call;
            ASSERT_TRUE(rc != POLYFS_OK || step == newest + 1);
            if (step == newest) {
                ASSERT_EQ(POLYFS_OK, Open()) << err_.message;
                ASSERT_EQ(POLYFS_OK, Save(++step, 245)) << err_.message;
            }
        }
    }
    EXPECT_EQ(Range(1, step), Steps());
}

} // namespace
