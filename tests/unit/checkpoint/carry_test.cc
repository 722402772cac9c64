/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's plans carried out in a run: one record moves all names, and what was let go is not seen any more. */
#include <cstring>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "internal.h"
#include "polyfs/checkpoint.h"
#include "store.h"

namespace
{

class Carry : public testing::Test
{
  protected:
    Carry()
    {
        url_ = NewRun("carry");
        opts_.filename = "s{step}";
        opts_.flags = POLYFS_POLICY_PLAIN_VALUES;
        opts_.monitor = "val";
        opts_.save_top_k = 2;
        opts_.save_last = POLYFS_POLICY_LAST_COPY;
        opts_.ext = "";
    }

    ~Carry() override
    {
        Close();
    }

    void Close()
    {
        polyfs_policy_free(policy_);
        polyfs_ckpt_close(ckpt_);
        policy_ = nullptr;
        ckpt_ = nullptr;
    }

    void Open()
    {
        polyfs_policy_run run = POLYFS_POLICY_RUN_INIT;
        Close();
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_open(url_.c_str(), nullptr, &ckpt_, &err_)) << err_.message;
        ASSERT_EQ(POLYFS_OK, polyfs_policy_new(&opts_, &policy_, &err_)) << err_.message;
        run.exists = polyfs_ckpt_taken;
        run.user = ckpt_;
        ASSERT_EQ(POLYFS_OK, polyfs_policy_setup(policy_, &run, &err_)) << err_.message;
    }

    static int Fill(polyfs_ckpt_saver *saver, const polyfs_policy_plan *, void *user, polyfs_error *err)
    {
        auto *self = static_cast<Carry *>(user);
        std::string bytes = "weights of " + std::to_string(self->step_);
        int rc = polyfs_ckpt_write(saver, "weights", bytes.data(), bytes.size(), err);
        self->fills_++;
        return rc == POLYFS_OK ? self->fill_code_ : rc;
    }

    int Epoch(int64_t step, double score)
    {
        polyfs_policy_metric metric = {"val", POLYFS_POLICY_REAL, 0, 0, score};
        polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
        step_ = step;
        moment.step = step;
        moment.epoch = epoch_++;
        moment.metrics = &metric;
        moment.count = 1;
        return polyfs_ckpt_on(ckpt_, policy_, POLYFS_POLICY_EPOCH_END, &moment, Fill, this, &info_, &err_);
    }

    /* Each name with the marks of `last` and `best`, in order of names: "last! s1 s2*". */
    std::string Names()
    {
        std::map<std::string, uint32_t> names;
        struct polyfs_ckpt_list *list = nullptr;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_list(ckpt_, &list, &err_)) << err_.message;
        for (size_t i = 0; list && i < polyfs_ckpt_list_count(list); i++)
            names[polyfs_ckpt_list_at(list, i)->name] = polyfs_ckpt_list_at(list, i)->flags;
        polyfs_ckpt_list_free(list);
        std::string words;
        for (const auto &[name, flags] : names)
            words += (words.empty() ? "" : " ") + name + (flags & POLYFS_CKPT_IS_LAST ? "!" : "") +
                     (flags & POLYFS_CKPT_IS_BEST ? "*" : "");
        return words;
    }

    std::string Weights(const char *which)
    {
        polyfs_ckpt_view *view = nullptr;
        char bytes[64];
        size_t n = 0;
        int rc = polyfs_ckpt_load(ckpt_, which, POLYFS_CKPT_CHECK_BYTES, &view, &err_);
        if (rc == POLYFS_OK)
            rc = polyfs_ckpt_read(view, "weights", bytes, sizeof(bytes), &n, &err_);
        polyfs_ckpt_view_close(view);
        return rc == POLYFS_OK ? std::string(bytes, n) : "!" + std::to_string(rc);
    }

    void Restore(const char *which)
    {
        polyfs_ckpt_view *view = nullptr;
        int whole = 0;
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpt_, which, 0, &view, &err_)) << err_.message;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_restore(view, policy_, &whole, &err_)) << err_.message;
        EXPECT_EQ(1, whole);
        polyfs_ckpt_view_close(view);
    }

    std::string url_;
    polyfs_policy_opts opts_ = POLYFS_POLICY_OPTS_INIT;
    polyfs_error err_ = POLYFS_ERROR_INIT;
    polyfs_ckpt_info info_ = POLYFS_CKPT_INFO_INIT;
    polyfs_ckpt *ckpt_ = nullptr;
    polyfs_policy *policy_ = nullptr;
    int64_t step_ = 0, epoch_ = 0;
    int fills_ = 0, fill_code_ = POLYFS_OK;
};

TEST_F(Carry, TheGreatestHpcCounts)
{
    polyfs_ckpt_view *view = nullptr;
    Open();
    EXPECT_EQ(POLYFS_NOT_FOUND, polyfs_ckpt_load(ckpt_, "hpc", 0, &view, &err_));
    for (const char *name : {"hpc_ckpt_2", "sub/hpc_ckpt_10.ckpt", "hpc_ckpt_9", "hpc_ckpt_x", "newer"}) {
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        const polyfs_ckpt_item item = {"weights", "bytes", 5, nullptr};
        opts.name = name;
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_save(ckpt_, &opts, &item, 1, nullptr, &err_)) << err_.message;
    }
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpt_, "hpc", 0, &view, &err_)) << err_.message;
    EXPECT_STREQ("sub/hpc_ckpt_10.ckpt", polyfs_ckpt_view_info(view)->name);
    polyfs_ckpt_view_close(view);
}

TEST_F(Carry, OneRecordMovesAllNames)
{
    Open();
    ASSERT_EQ(POLYFS_OK, Epoch(10, 3)) << err_.message;
    EXPECT_EQ("last! s10*", Names());
    ASSERT_EQ(POLYFS_OK, Epoch(20, 2));
    EXPECT_EQ("last! s10 s20*", Names());
    uint64_t seq = info_.seq;
    ASSERT_EQ(POLYFS_OK, Epoch(30, 1));
    EXPECT_EQ("last! s20 s30*", Names());
    EXPECT_EQ(seq + 1, info_.seq) << "added, evicted and moved by one record";
    EXPECT_EQ(3, fills_) << "a copy is another name, no second save";
    EXPECT_EQ("weights of 30", Weights("last"));
    EXPECT_EQ("weights of 30", Weights("best"));
    EXPECT_EQ("weights of 20", Weights("s20"));
}

TEST_F(Carry, LastMovesWhenRankingRejects)
{
    Open();
    for (int step = 1; step <= 4; step++)
        ASSERT_EQ(POLYFS_OK, Epoch(step, step)) << err_.message;
    EXPECT_EQ("last! s1* s2", Names());
    EXPECT_EQ("weights of 4", Weights("last"));
    EXPECT_EQ("weights of 1", Weights("best"));
}

TEST_F(Carry, FilesGoWithTheirLastName)
{
    opts_.save_top_k = 1;
    Open();
    ASSERT_EQ(POLYFS_OK, Epoch(1, 5));
    ASSERT_EQ(POLYFS_OK, Epoch(2, 4));
    ASSERT_EQ(POLYFS_OK, Epoch(3, 3));
    EXPECT_EQ("last! s3*", Names());
    polyfs_fs *fs = nullptr;
    char *path = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_fs_open(url_.c_str(), nullptr, &fs, &path, &err_));
    for (const char *name : {"/s1", "/s2", "/s3"}) {
        int there = -1;
        EXPECT_EQ(POLYFS_OK, polyfs_exists(fs, (std::string(path) + name).c_str(), nullptr, &there, &err_));
        EXPECT_EQ(name[2] != '1', there == 1) << name << ": what the newest record dropped stays until the next";
    }
    polyfs_free(path);
    polyfs_fs_close(fs);
}

TEST_F(Carry, AFailedSaveLeavesThePolicyAsItWas)
{
    Open();
    ASSERT_EQ(POLYFS_OK, Epoch(1, 5));
    fill_code_ = POLYFS_IO;
    EXPECT_EQ(POLYFS_IO, Epoch(2, 4));
    EXPECT_EQ("last! s1*", Names());
    fill_code_ = POLYFS_OK;
    ASSERT_EQ(POLYFS_OK, Epoch(2, 4)) << "the same step is saved now";
    EXPECT_EQ("last! s1 s2*", Names());
}

TEST_F(Carry, GoesOnWhereItWasKilled)
{
    Open();
    ASSERT_EQ(POLYFS_OK, Epoch(1, 1));
    ASSERT_EQ(POLYFS_OK, Epoch(2, 2));
    Open();
    Restore("last");
    ASSERT_EQ(POLYFS_OK, Epoch(3, 3));
    EXPECT_EQ("last! s1* s2", Names()) << "not among the best two: only `last` moves";
    EXPECT_EQ("weights of 3", Weights("last"));
    ASSERT_EQ(POLYFS_OK, Epoch(4, 0));
    EXPECT_EQ("last! s1 s4*", Names());
}

/* From a run here to one there: what was ranked is not there, so it takes no place and nothing is let go for it. */
TEST_F(Carry, TheStateOfAnotherRunRanksNothingHere)
{
    Open();
    ASSERT_EQ(POLYFS_OK, Epoch(1, 0.1));
    ASSERT_EQ(POLYFS_OK, Epoch(2, 0.2));
    polyfs_ckpt_view *view = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpt_, "last", 0, &view, &err_)) << err_.message;
    url_ += "-of-the-next-stage";
    Open();
    int whole = 1;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_restore(view, policy_, &whole, &err_)) << err_.message;
    polyfs_ckpt_view_close(view);
    EXPECT_EQ(0, whole);
    ASSERT_EQ(POLYFS_OK, Epoch(3, 0.5));
    ASSERT_EQ(POLYFS_OK, Epoch(4, 0.4));
    EXPECT_EQ("last! s3 s4*", Names());
}

TEST_F(Carry, AStrangersNamesAreLeftAlone)
{
    Open();
    ASSERT_EQ(POLYFS_OK, Epoch(1, 1));
    Open(); /* another training, which restores nothing */
    epoch_ = 0;
    ASSERT_EQ(POLYFS_OK, Epoch(1, 7));
    EXPECT_EQ("last! s1 s1-v1*", Names());
}

TEST_F(Carry, StateOfOtherRules)
{
    Open();
    ASSERT_EQ(POLYFS_OK, Epoch(1, 1));
    opts_.mode = POLYFS_POLICY_MAX;
    Open();
    polyfs_ckpt_view *view = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpt_, "last", 0, &view, &err_));
    EXPECT_EQ(POLYFS_NOT_FOUND, polyfs_ckpt_restore(view, policy_, nullptr, &err_));
    EXPECT_NE(nullptr, strstr(err_.message, "'mode': 'max'"));
    polyfs_ckpt_view_close(view);
}

TEST_F(Carry, WithoutAPolicyLastIsTheLatest)
{
    Open();
    polyfs_ckpt_item item = {"weights", "plain", 5, nullptr};
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_save(ckpt_, nullptr, &item, 1, nullptr, &err_));
    EXPECT_EQ("plain", Weights("last"));
    EXPECT_EQ("!" + std::to_string(POLYFS_NOT_FOUND), Weights("best"));
}

} // namespace
