/* SPDX-License-Identifier: Apache-2.0 */
/* Many ranks, one checkpoint: all of it or nothing, and nobody waits for one that is gone. */
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "store.h"

namespace
{

class Ranks : public testing::Test
{
  protected:
    static constexpr uint32_t kWorld = 4;

    Ranks()
    {
        url_ = NewRun("ranks");
    }

    ~Ranks() override
    {
        for (uint32_t rank = 0; rank < kWorld; rank++) {
            polyfs_ckpt_abort(savers_[rank]);
            polyfs_ckpt_close(ckpts_[rank]);
        }
    }

    void Open(const char *launch, uint32_t deadline_ms = 5000, polyfs_ckpt_gather_fn *gather = nullptr)
    {
        for (uint32_t rank = 0; rank < kWorld; rank++) {
            polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
            polyfs_ckpt_ranks ranks = POLYFS_CKPT_RANKS_INIT;
            ranks.rank = rank;
            ranks.world = kWorld;
            ranks.deadline_ms = deadline_ms;
            ranks.gather = gather;
            ranks.user = this;
            snprintf(ranks.launch, sizeof(ranks.launch), "%s", launch);
            opts.ranks = &ranks;
            polyfs_ckpt_close(ckpts_[rank]);
            ckpts_[rank] = nullptr;
            ASSERT_EQ(POLYFS_OK, polyfs_ckpt_open(url_.c_str(), &opts, &ckpts_[rank], &err_)) << err_.message;
        }
    }

    int Begin(uint32_t rank, int64_t step)
    {
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        opts.step = step;
        return polyfs_ckpt_begin(ckpts_[rank], &opts, &savers_[rank], &err_);
    }

    int Write(uint32_t rank)
    {
        std::string data = "of rank " + std::to_string(rank), name = "w" + std::to_string(rank);
        uint64_t shape = data.size();
        polyfs_tensor tensor = POLYFS_TENSOR_INIT;
        tensor.name = name.c_str();
        tensor.dtype = "U8";
        tensor.shape = &shape;
        tensor.rank = 1;
        tensor.bytes = data.size();
        tensor.data = data.data();
        return polyfs_ckpt_write_tensors(savers_[rank], "model.safetensors", &tensor, 1, &err_);
    }

    int Commit(uint32_t rank)
    {
        polyfs_ckpt_saver *saver = savers_[rank];
        savers_[rank] = nullptr;
        return polyfs_ckpt_commit(saver, &infos_[rank], &err_);
    }

    void Abort(uint32_t rank)
    {
        polyfs_ckpt_abort(savers_[rank]);
        savers_[rank] = nullptr;
    }

    /* All ranks but those left out write and commit; then rank 0 does. */
    int Save(int64_t step, uint32_t without = kWorld)
    {
        for (uint32_t rank = kWorld; rank-- > 0;) {
            EXPECT_EQ(POLYFS_OK, Begin(rank, step)) << err_.message;
            EXPECT_EQ(POLYFS_OK, Write(rank)) << err_.message;
        }
        for (uint32_t rank = 1; rank < kWorld; rank++)
            if (rank != without) {
                EXPECT_EQ(POLYFS_OK, Commit(rank)) << err_.message;
            }
        return Commit(0);
    }

    /* Names of all tensors of the newest checkpoint, read by the rank. */
    std::string Tensors(uint32_t rank)
    {
        polyfs_ckpt_view *view = nullptr;
        polyfs_tensors *tensors = nullptr;
        std::string names;
        int rc = polyfs_ckpt_load(ckpts_[rank], "latest", POLYFS_CKPT_CHECK_BYTES, &view, &err_);
        if (rc == POLYFS_OK)
            rc = polyfs_ckpt_tensors(view, &tensors, &err_);
        for (size_t i = 0; rc == POLYFS_OK && i < polyfs_tensors_count(tensors); i++)
            names += std::string(i ? " " : "") + polyfs_tensors_at(tensors, i)->file + ":" +
                     polyfs_tensors_at(tensors, i)->name;
        polyfs_tensors_close(tensors);
        polyfs_ckpt_view_close(view);
        return rc == POLYFS_OK ? names : "!" + std::to_string(rc);
    }

    size_t Objects(const char *below)
    {
        polyfs_fs *fs = nullptr;
        char *path = nullptr;
        polyfs_lister *lister = nullptr;
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        const polyfs_entry *rows;
        size_t n = 0, count = 0;
        int rc = polyfs_fs_open((url_ + below).c_str(), nullptr, &fs, &path, &err_);
        opts.flags = POLYFS_LS_RECURSIVE;
        if (rc == POLYFS_OK)
            rc = polyfs_list_open(fs, path, &opts, &lister, &err_);
        do {
            rc = polyfs_list_next(lister, &rows, &n, &err_);
            count += rc >= 0 ? n : 0;
        } while (rc == POLYFS_MORE);
        polyfs_list_close(lister);
        polyfs_free(path);
        polyfs_fs_close(fs);
        return count;
    }

    /* Called by ranks 1, 2, 3, then 0. */
    static int Gather(const void *report, size_t size, const void **all, size_t *sizes, void *user)
    {
        auto *self = static_cast<Ranks *>(user);
        uint32_t rank = all ? 0 : self->gathered_++ % (kWorld - 1) + 1;
        self->reports_[rank].assign(static_cast<const char *>(report), size);
        for (uint32_t i = 0; all && i < kWorld; i++) {
            all[i] = self->reports_[i].data();
            sizes[i] = self->reports_[i].size();
        }
        return POLYFS_OK;
    }

    std::string url_;
    polyfs_error err_ = POLYFS_ERROR_INIT;
    uint32_t gathered_ = 0;
    polyfs_ckpt *ckpts_[kWorld] = {};
    polyfs_ckpt_saver *savers_[kWorld] = {};
    polyfs_ckpt_info infos_[kWorld] = {POLYFS_CKPT_INFO_INIT, POLYFS_CKPT_INFO_INIT, POLYFS_CKPT_INFO_INIT,
                                       POLYFS_CKPT_INFO_INIT};
    std::string reports_[kWorld]; /* of the gather */
};

const char kAll[] = "r00000/model.safetensors:w0 r00001/model.safetensors:w1 r00002/model.safetensors:w2 "
                    "r00003/model.safetensors:w3";

TEST_F(Ranks, OneRecordNamesTheFilesOfAll)
{
    Open("launch");
    ASSERT_EQ(POLYFS_OK, Save(10)) << err_.message;
    for (uint32_t rank = 0; rank < kWorld; rank++) {
        EXPECT_STREQ(infos_[0].attempt, infos_[rank].attempt);
        EXPECT_EQ(kAll, Tensors(rank)) << err_.message;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_wait(ckpts_[rank], &infos_[rank], 1000, &err_)) << err_.message;
    }
    EXPECT_EQ(4u, infos_[0].files);
    EXPECT_EQ(0u, Objects("/.ckpt/prep")) << "reports go with the commit";
    std::string first = infos_[0].attempt;
    ASSERT_EQ(POLYFS_OK, Save(10)) << err_.message;
    EXPECT_NE(first, infos_[0].attempt) << "the same step again is another attempt";
}

TEST_F(Ranks, ARankThatDoesNotReportCostsTheDeadline)
{
    Open("launch", 200);
    ASSERT_EQ(POLYFS_OK, Save(1)) << err_.message;
    auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(POLYFS_TIMEOUT, Save(2, 2));
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
    EXPECT_GE(took.count(), 190);
    EXPECT_NE(nullptr, strstr(err_.message, "1 of 4 ranks did not report in 200 ms: 2")) << err_.message;
    EXPECT_EQ(POLYFS_TIMEOUT, polyfs_ckpt_wait(ckpts_[1], &infos_[1], 10000, &err_));
    EXPECT_NE(nullptr, strstr(err_.message, "rank 0 gave up")) << err_.message;
    EXPECT_EQ(POLYFS_OK, Commit(2)) << "late, and of no use: " << err_.message;
    EXPECT_EQ(kAll, Tensors(3));
    ASSERT_EQ(POLYFS_OK, Save(3)) << err_.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_gc(ckpts_[0], 0, 0, nullptr, nullptr, &err_)) << err_.message;
    EXPECT_EQ(0u, Objects("/.ckpt/prep"));
    EXPECT_EQ(0u, Objects("/step=2"));
    EXPECT_EQ(5u, Objects("/step=3"));
}

TEST_F(Ranks, ARankThatFailsEndsTheSaveAtOnce)
{
    Open("launch", 60000);
    ASSERT_EQ(POLYFS_OK, Save(1)) << err_.message;
    for (const bool reason : {true, false}) {
        const uint32_t bad = reason ? 3 : 2, good = reason ? 2 : 3;
        const int code = reason ? POLYFS_INVALID : POLYFS_CANCELLED;
        for (uint32_t rank = 0; rank < kWorld; rank++)
            ASSERT_EQ(POLYFS_OK, Begin(rank, 2));
        ASSERT_EQ(POLYFS_OK, Write(0));
        if (reason) {
            EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_write(savers_[bad], "../x", "", 0, &err_));
        }
        Abort(bad);
        EXPECT_EQ(POLYFS_OK, Commit(good));
        EXPECT_EQ(POLYFS_OK, Commit(1));
        EXPECT_EQ(code, Commit(0));
        EXPECT_NE(nullptr, strstr(err_.message, reason ? "rank 3 gave up" : "rank 2 gave up")) << err_.message;
        EXPECT_EQ(code, polyfs_ckpt_wait(ckpts_[1], &infos_[1], 10000, &err_));
        EXPECT_EQ(kAll, Tensors(0));
    }
}

TEST_F(Ranks, RankZeroGivingUpIsTold)
{
    Open("launch", 60000);
    for (uint32_t rank = 0; rank < kWorld; rank++)
        ASSERT_EQ(POLYFS_OK, Begin(rank, 2));
    ASSERT_EQ(POLYFS_OK, Write(1));
    ASSERT_EQ(POLYFS_OK, Commit(1));
    EXPECT_EQ(POLYFS_TIMEOUT, polyfs_ckpt_wait(ckpts_[1], &infos_[1], 10, &err_));
    Abort(0);
    EXPECT_EQ(POLYFS_CANCELLED, polyfs_ckpt_wait(ckpts_[1], &infos_[1], 10000, &err_));
}

TEST_F(Ranks, AnotherLifeWritesElsewhere)
{
    Open("launch");
    ASSERT_EQ(POLYFS_OK, Save(1)) << err_.message;
    std::string first = infos_[0].attempt;
    Open("launch"); /* a name that was given out twice by mistake */
    ASSERT_EQ(POLYFS_OK, Begin(1, 1));
    EXPECT_EQ(POLYFS_EXISTS, [this] {
        int rc = Write(1);
        return rc == POLYFS_OK ? Commit(1) : rc;
    }()) << "what is there is never written over";
    Abort(1);
    EXPECT_EQ(kAll, Tensors(0)) << "nor taken away";
    Open("another launch");
    ASSERT_EQ(POLYFS_OK, Save(1)) << err_.message;
    EXPECT_NE(first, infos_[0].attempt);
}

TEST_F(Ranks, ReportsMayGoThroughTheCallersGather)
{
    Open("launch", 5000, Gather);
    ASSERT_EQ(POLYFS_OK, Save(1)) << err_.message;
    EXPECT_EQ(kAll, Tensors(0));
    EXPECT_EQ(0u, Objects("/.ckpt/prep"));
}

TEST_F(Ranks, OneFindsItsOwnFile)
{
    char bytes[64] = "";
    size_t n = 0;
    Open("launch");
    for (uint32_t rank = 0; rank < kWorld; rank++) {
        ASSERT_EQ(POLYFS_OK, Begin(rank, 1));
        if (rank < 2) {
            ASSERT_EQ(POLYFS_OK, polyfs_ckpt_write(savers_[rank], "who", rank ? "one" : "all", 3, &err_));
        }
    }
    for (uint32_t rank = kWorld; rank-- > 0;)
        ASSERT_EQ(POLYFS_OK, Commit(rank)) << err_.message;
    for (uint32_t rank = 0; rank < kWorld; rank++) {
        polyfs_ckpt_view *view = nullptr;
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpts_[rank], "latest", 0, &view, &err_)) << err_.message;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_read(view, "who", bytes, sizeof(bytes), &n, &err_)) << err_.message;
        EXPECT_EQ(rank == 1 ? "one" : "all", std::string(bytes, n));
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_read(view, "r00001/who", bytes, sizeof(bytes), &n, &err_)) << err_.message;
        EXPECT_EQ("one", std::string(bytes, n));
        polyfs_ckpt_view_close(view);
    }
}

polyfs_policy *BestOnly()
{
    polyfs_policy *policy = nullptr;
    polyfs_policy_opts opts = POLYFS_POLICY_OPTS_INIT;
    opts.filename = "s{step}";
    opts.flags = POLYFS_POLICY_PLAIN_VALUES;
    opts.monitor = "val";
    opts.ext = "";
    EXPECT_EQ(POLYFS_OK, polyfs_policy_new(&opts, &policy, nullptr));
    EXPECT_EQ(POLYFS_OK, polyfs_policy_setup(policy, nullptr, nullptr));
    return policy;
}

int Fill(polyfs_ckpt_saver *saver, const polyfs_policy_plan *, void *, polyfs_error *err)
{
    return polyfs_ckpt_write(saver, "weights", "bytes", 5, err);
}

/* Better with each epoch, so that each lets the one before go. */
int EpochEnd(polyfs_ckpt *ckpt, polyfs_policy *policy, int64_t epoch, polyfs_error *err)
{
    polyfs_policy_metric metric = {"val", POLYFS_POLICY_REAL, 0, 0, 3.0 - static_cast<double>(epoch)};
    polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
    moment.step = 10 * (epoch + 1);
    moment.epoch = epoch;
    moment.metrics = &metric;
    moment.count = 1;
    return polyfs_ckpt_on(ckpt, policy, POLYFS_POLICY_EPOCH_END, &moment, Fill, nullptr, nullptr, err);
}

TEST_F(Ranks, APolicyRunsOnAllRanksAndRankZeroPutsTheRecords)
{
    polyfs_policy *policies[kWorld];
    Open("launch");
    for (polyfs_policy *&policy : policies)
        policy = BestOnly();
    for (int64_t epoch = 0; epoch < 3; epoch++)
        for (uint32_t rank = kWorld; rank-- > 0;)
            EXPECT_EQ(POLYFS_OK, EpochEnd(ckpts_[rank], policies[rank], epoch, &err_)) << rank << err_.message;
    struct polyfs_ckpt_list *list = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_list(ckpts_[2], &list, &err_)) << err_.message;
    ASSERT_EQ(1u, polyfs_ckpt_list_count(list));
    EXPECT_STREQ("s30", polyfs_ckpt_list_at(list, 0)->name);
    EXPECT_EQ(8u, polyfs_ckpt_list_at(list, 0)->files) << "weights and the policy's state of four ranks";
    polyfs_ckpt_list_free(list);
    const char *name = "s30";
    EXPECT_EQ(POLYFS_PERMISSION, polyfs_ckpt_drop(ckpts_[1], &name, 1, &err_));
    EXPECT_EQ(POLYFS_PERMISSION, polyfs_ckpt_gc(ckpts_[1], 0, 0, nullptr, nullptr, &err_));
    for (polyfs_policy *policy : policies)
        polyfs_policy_free(policy);
}

TEST_F(Ranks, WhatAllMustAgreeOnIsChecked)
{
    polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    polyfs_ckpt_ranks ranks = POLYFS_CKPT_RANKS_INIT;
    polyfs_ckpt *ckpt = nullptr;
    opts.ranks = &ranks;
    ranks.world = 2;
    EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_open(url_.c_str(), &opts, &ckpt, &err_)) << "no launch";
    strcpy(ranks.launch, "x");
    ranks.rank = 2;
    EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_open(url_.c_str(), &opts, &ckpt, &err_));
    ranks.rank = 1;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_open(url_.c_str(), &opts, &ckpt, &err_)) << err_.message;
    polyfs_ckpt_saver *saver = nullptr;
    EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_begin(ckpt, nullptr, &saver, &err_)) << "no name";
    polyfs_ckpt_close(ckpt);
}

/* The environment as launchers make it. */
class Launcher : public testing::Test
{
  protected:
    void SetUp() override
    {
        for (const char *name : {"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID",
                                 "TORCHELASTIC_RESTART_COUNT", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                                 "PMIX_NAMESPACE", "OMPI_MCA_orte_hnp_uri", "SLURM_PROCID", "SLURM_NTASKS",
                                 "SLURM_STEP_NUM_TASKS", "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"})
            unsetenv(name);
    }

    void TearDown() override
    {
        SetUp();
    }

    int Ask(const std::map<std::string, std::string> &environment)
    {
        for (const auto &[name, value] : environment)
            setenv(name.c_str(), value.c_str(), 1);
        return polyfs_ckpt_ranks_of_launcher(&ranks_, &err_);
    }

    polyfs_ckpt_ranks ranks_ = POLYFS_CKPT_RANKS_INIT;
    polyfs_error err_ = POLYFS_ERROR_INIT;
};

TEST_F(Launcher, NoneIsOneRank)
{
    ranks_.deadline_ms = 7;
    EXPECT_EQ(POLYFS_OK, Ask({}));
    EXPECT_EQ(0u, ranks_.rank);
    EXPECT_EQ(1u, ranks_.world);
    EXPECT_EQ(7u, ranks_.deadline_ms);
}

TEST_F(Launcher, Torchrun)
{
    EXPECT_EQ(POLYFS_OK, Ask({{"RANK", "3"},
                              {"WORLD_SIZE", "8"},
                              {"TORCHELASTIC_RUN_ID", "job7"},
                              {"TORCHELASTIC_RESTART_COUNT", "2"},
                              {"SLURM_PROCID", "0"}}));
    EXPECT_EQ(3u, ranks_.rank);
    EXPECT_EQ(8u, ranks_.world);
    EXPECT_EQ(2u, ranks_.restart);
    EXPECT_STREQ("/job7", ranks_.launch);
}

TEST_F(Launcher, TorchrunWithoutAnIdIsToldByItsProcessOnOneMachineOnly)
{
    EXPECT_EQ(
        POLYFS_CONFIG,
        Ask({{"RANK", "3"}, {"WORLD_SIZE", "8"}, {"LOCAL_WORLD_SIZE", "4"}, {"TORCHELASTIC_RUN_ID", "none"}}));
    EXPECT_NE(nullptr, strstr(err_.message, "--rdzv-id")) << err_.message;
    EXPECT_EQ(POLYFS_OK, Ask({{"LOCAL_WORLD_SIZE", "8"}})) << err_.message;
    EXPECT_NE(nullptr, strstr(ranks_.launch, std::to_string(getppid()).c_str())) << ranks_.launch;
}

TEST_F(Launcher, OpenMpiAndSlurm)
{
    EXPECT_EQ(POLYFS_OK, Ask({{"SLURM_PROCID", "5"},
                              {"SLURM_NTASKS", "16"},
                              {"SLURM_JOB_ID", "77"},
                              {"SLURM_STEP_ID", "1"},
                              {"SLURM_RESTART_COUNT", "4"}}));
    EXPECT_EQ(5u, ranks_.rank);
    EXPECT_EQ(16u, ranks_.world);
    EXPECT_EQ(4u, ranks_.restart);
    EXPECT_STREQ("/77/1", ranks_.launch);
    EXPECT_EQ(POLYFS_OK,
              Ask({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"PMIX_NAMESPACE", "ns"}}));
    EXPECT_EQ(1u, ranks_.rank);
    EXPECT_EQ(2u, ranks_.world);
    EXPECT_STREQ("/ns", ranks_.launch);
}

TEST_F(Launcher, ANumberThatIsNoneIsRefused)
{
    EXPECT_EQ(POLYFS_CONFIG, Ask({{"RANK", "-1"}, {"WORLD_SIZE", "8"}, {"TORCHELASTIC_RUN_ID", "x"}}));
    EXPECT_EQ(POLYFS_CONFIG, Ask({{"RANK", "x"}}));
    EXPECT_EQ(POLYFS_CONFIG, Ask({{"RANK", "4294967296"}}));
}

} // namespace
