/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of checkpoints that somebody else wrote, without a log. */
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "internal.h"
#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"
#include "store.h"

namespace
{

class Legacy : public OnFolder
{
  protected:
    Legacy() : OnFolder("legacy")
    {
    }

    /* The bytes are the name; each is a second older than the next one. */
    void Put(const std::string &name)
    {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        const std::string path = root_ + "/" + name;
        opts.flags = POLYFS_WRITE_PARENTS;
        ASSERT_EQ(POLYFS_OK, polyfs_put(fs_, path.c_str(), name.data(), name.size(), &opts, nullptr, &err_));
        time_ns_ += 1000000000;
        ASSERT_EQ(POLYFS_OK, polyfs_set_times(fs_, path.c_str(), time_ns_, POLYFS_TIME_UNKNOWN, nullptr, &err_));
    }

    int Open(uint32_t flags = POLYFS_CKPT_READ_ONLY)
    {
        polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
        opts.flags = flags;
        return OpenWith(opts);
    }

    /* Name of what loads, or the code. */
    std::string Load(const char *which)
    {
        polyfs_ckpt_view *view = nullptr;
        const int rc = polyfs_ckpt_load(ckpt_, which, POLYFS_CKPT_CHECK_BYTES, &view, &err_);
        const std::string name = rc == POLYFS_OK ? polyfs_ckpt_view_info(view)->name : polyfs_code_name(rc);
        if (rc == POLYFS_OK) {
            EXPECT_TRUE(polyfs_ckpt_view_info(view)->flags & POLYFS_CKPT_LEGACY);
            EXPECT_STREQ("", polyfs_ckpt_view_info(view)->attempt);
        }
        polyfs_ckpt_view_close(view);
        return rc == POLYFS_OK ? name : rc == POLYFS_NOT_FOUND ? "none" : name;
    }

    std::vector<std::string> List()
    {
        std::vector<std::string> names;
        struct polyfs_ckpt_list *list = nullptr;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_list(ckpt_, &list, &err_)) << err_.message;
        for (size_t i = list ? polyfs_ckpt_list_count(list) : 0; i-- > 0;)
            names.emplace_back(polyfs_ckpt_list_at(list, i)->name);
        polyfs_ckpt_list_free(list);
        return names;
    }

    int64_t time_ns_ = INT64_C(1700000000000000000);
};

TEST(LegacyNames, StepsAndEpochs)
{
    const struct {
        const char *name;
        int64_t step, epoch;
    } rows[] = {
        {"epoch=3-step=1500.ckpt", 1500, 3},
        {"epoch=3-step=1500-v1.ckpt", 1500, 3},
        {"step_000250.pt", 250, POLYFS_CKPT_NO_STEP},
        {"checkpoint-500", 500, POLYFS_CKPT_NO_STEP},
        {"global_step40", 40, POLYFS_CKPT_NO_STEP},
        {"iter_0000100", 100, POLYFS_CKPT_NO_STEP},
        {"12", 12, POLYFS_CKPT_NO_STEP},
        {"model_00012.safetensors", 12, POLYFS_CKPT_NO_STEP},
        {"last.ckpt", POLYFS_CKPT_NO_STEP, POLYFS_CKPT_NO_STEP},
        {"last-v2.ckpt", POLYFS_CKPT_NO_STEP, POLYFS_CKPT_NO_STEP},
        {"epoch=7.ckpt", POLYFS_CKPT_NO_STEP, 7},
        {"loss=0.25.ckpt", POLYFS_CKPT_NO_STEP, POLYFS_CKPT_NO_STEP},
        {"step=99999999999999999999.ckpt", POLYFS_CKPT_NO_STEP, POLYFS_CKPT_NO_STEP},
        {"best.pt", POLYFS_CKPT_NO_STEP, POLYFS_CKPT_NO_STEP},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(row.step, ckpt_legacy_number(row.name, "step")) << row.name;
        EXPECT_EQ(row.epoch, ckpt_legacy_number(row.name, "epoch")) << row.name;
    }
}

TEST_F(Legacy, TheGreatestStepIsTheNewest)
{
    for (const char *name : {"epoch=1-step=200.ckpt", "epoch=0-step=100.ckpt", "best.pt", "hparams.yaml",
                             ".hidden.ckpt", "logs/events.bin", "epoch=2-step=300.ckpt", "epoch=1-step=250.ckpt"})
        Put(name);
    ASSERT_EQ(POLYFS_OK, Open());
    EXPECT_EQ("epoch=2-step=300.ckpt", Load("latest"));
    EXPECT_EQ("epoch=2-step=300.ckpt", Load("last")) << "no name says so: the newest";
    EXPECT_EQ("epoch=0-step=100.ckpt", Load("epoch=0-step=100.ckpt"));
    EXPECT_EQ("none", Load("best"));
    EXPECT_EQ("none", Load("step=400.ckpt"));
    EXPECT_EQ((std::vector<std::string>{"best.pt", "epoch=0-step=100.ckpt", "epoch=1-step=200.ckpt",
                                        "epoch=1-step=250.ckpt", "epoch=2-step=300.ckpt"}),
              List());
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_verify(ckpt_, nullptr, 0, nullptr, nullptr, &err_)) << err_.message;
}

TEST_F(Legacy, LastIsTheYoungestOfItsName)
{
    for (const char *name : {"last.ckpt", "epoch=0-step=100.ckpt", "last-v1.ckpt"})
        Put(name);
    ASSERT_EQ(POLYFS_OK, Open());
    EXPECT_EQ("last-v1.ckpt", Load("last"));
    EXPECT_EQ("last-v1.ckpt", Load("latest"));
    Put("epoch=1-step=200.ckpt");
    EXPECT_EQ("last-v1.ckpt", Load("last"));
    EXPECT_EQ("epoch=1-step=200.ckpt", Load("latest")) << "a greater step was written after it";
}

TEST_F(Legacy, FoldersByTheirStep)
{
    for (const char *name : {"checkpoint-500/model.safetensors", "checkpoint-500/sub/state.bin",
                             "checkpoint-1000/model.safetensors", "runs/a.txt"})
        Put(name);
    ASSERT_EQ(POLYFS_OK, Open());
    EXPECT_EQ((std::vector<std::string>{"checkpoint-500", "checkpoint-1000"}), List());
    EXPECT_EQ("checkpoint-1000", Load("latest"));
    polyfs_ckpt_view *view = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpt_, "checkpoint-500", 0, &view, &err_)) << err_.message;
    EXPECT_EQ(2u, polyfs_ckpt_view_count(view));
    char bytes[64];
    size_t n = 0;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_read(view, "sub/state.bin", bytes, sizeof(bytes), &n, &err_)) << err_.message;
    EXPECT_EQ("checkpoint-500/sub/state.bin", std::string(bytes, n));
    polyfs_ckpt_view_close(view);
}

/* A save that was killed before its record leaves a folder, which is no checkpoint. */
TEST_F(Legacy, BelowALogFoldersAreNone)
{
    ASSERT_EQ(POLYFS_OK, Open(0));
    Put("step=4/0123456789abcdef0123456789abcdef/weights");
    EXPECT_EQ("none", Load("latest"));
    EXPECT_EQ("none", Load("step=4"));
    EXPECT_TRUE(List().empty());
    Put("epoch=0-step=100.ckpt");
    EXPECT_EQ("epoch=0-step=100.ckpt", Load("latest")) << "somebody goes on from it";
    polyfs_ckpt_save_opts save = POLYFS_CKPT_SAVE_OPTS_INIT;
    const polyfs_ckpt_item item = {"weights", "bytes", 5, nullptr};
    save.step = 1;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_save(ckpt_, &save, &item, 1, nullptr, &err_)) << err_.message;
    EXPECT_EQ((std::vector<std::string>{"step=1"}), List()) << "what the log says counts from now on";
}

/* Ranks other than 0 write before rank 0 has put the first record. */
TEST_F(Legacy, AFirstSaveUnderWayIsNone)
{
    Put("step=1/0123456789abcdef0123456789abcdef/r00001/part.safetensors");
    Put("step=2/aa/0123456789abcdef0123456789abcdef");
    Put("step=3/0123456789abcdef0123456789abcdef/r00002/part.safetensors");
    ASSERT_EQ(POLYFS_OK, Open());
    EXPECT_EQ((std::vector<std::string>{"step=2"}), List()) << "of somebody else";
    EXPECT_EQ("step=2", Load("latest"));
    EXPECT_EQ("none", Load("step=1"));
}

TEST_F(Legacy, NothingIsNone)
{
    ASSERT_EQ(POLYFS_OK, Open());
    EXPECT_EQ("none", Load("latest"));
    EXPECT_TRUE(List().empty());
}

} // namespace
