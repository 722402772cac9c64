/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saves behind the training's back: what is queued, in which order it commits, what is dropped, and who is told. A save is
 * held up where rank 0 asks another rank for its report, so that the test decides when it goes on and how it ends.
 */
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "polyfs/async.h"
#include "polyfs/polyfs.h"
#include "store.h"

namespace
{

class Async : public testing::Test
{
  protected:
    Async()
    {
        url_ = NewRun("async");
        policy_opts_.filename = "s{step}";
        policy_opts_.flags = POLYFS_POLICY_PLAIN_VALUES;
        policy_opts_.monitor = "val";
        policy_opts_.save_top_k = 2;
        policy_opts_.save_last = POLYFS_POLICY_LAST_COPY;
        policy_opts_.ext = "";
    }

    ~Async() override
    {
        Go(100);
        EXPECT_EQ(ends_, polyfs_ckpt_async_close(async_, &err_)) << err_.message;
        polyfs_policy_free(policy_);
        polyfs_ckpt_close(ckpts_[0]);
        polyfs_ckpt_close(ckpts_[1]);
    }

    void Open(uint32_t depth = 1, uint32_t full = POLYFS_CKPT_BLOCK, uint64_t budget = 0)
    {
        polyfs_ckpt_async_opts opts = POLYFS_CKPT_ASYNC_OPTS_INIT;
        for (uint32_t rank = 0; rank < 2; rank++) {
            polyfs_ckpt_opts run = POLYFS_CKPT_OPTS_INIT;
            polyfs_ckpt_ranks ranks = POLYFS_CKPT_RANKS_INIT;
            ranks.rank = rank;
            ranks.world = 2;
            ranks.gather = Gather;
            ranks.user = this;
            strcpy(ranks.launch, "launch");
            run.ranks = &ranks;
            ASSERT_EQ(POLYFS_OK, polyfs_ckpt_open(url_.c_str(), &run, &ckpts_[rank], &err_)) << err_.message;
        }
        opts.depth = depth;
        opts.full = full;
        opts.budget_bytes = budget;
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_async_new(ckpts_[0], &opts, &async_, &err_)) << err_.message;
    }

    /* Rank 1 leaves its report; rank 0, in the thread, waits for its turn and gets it. */
    static int Gather(const void *report, size_t size, const void **all, size_t *sizes, void *user)
    {
        auto *self = static_cast<Async *>(user);
        std::unique_lock<std::mutex> lock(self->mutex_);
        if (!all) {
            self->reports_.emplace_back(static_cast<const char *>(report), size);
            self->moved_.notify_all();
            return POLYFS_OK;
        }
        if (std::this_thread::get_id() == self->main_)
            return self->GivenUp(std::string(static_cast<const char *>(report), size));
        self->arrived_++;
        self->moved_.notify_all();
        self->moved_.wait(lock, [self] { return self->turns_ > 0 && !self->reports_.empty(); });
        self->turns_--;
        self->now_ = self->reports_.front();
        self->reports_.pop_front();
        all[1] = self->now_.data();
        sizes[1] = self->now_.size();
        int code = self->codes_.empty() ? POLYFS_OK : self->codes_.front();
        if (!self->codes_.empty())
            self->codes_.pop_front();
        return code;
    }

    /* Rank 0 gave a save up before its turn: what rank 1 said of it goes. */
    int GivenUp(const std::string &report)
    {
        size_t at = report.find("\"attempt\":\"");
        std::string attempt = report.substr(at + 11, 32);
        for (size_t i = 0; i < reports_.size(); i++)
            if (reports_[i].find(attempt) != std::string::npos) {
                reports_.erase(reports_.begin() + static_cast<long>(i));
                break;
            }
        return POLYFS_OK;
    }

    /* So many saves may go on. */
    void Go(int turns)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        turns_ += turns;
        moved_.notify_all();
    }

    void WaitForArrivals(int count)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        ASSERT_TRUE(moved_.wait_for(lock, std::chrono::seconds(20), [&] { return arrived_ >= count; }));
    }

    void OfRankOne(const polyfs_ckpt_save_opts &opts)
    {
        polyfs_ckpt_saver *saver = nullptr;
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_begin(ckpts_[1], &opts, &saver, &err_));
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_commit(saver, nullptr, &err_));
    }

    int Begin(int64_t step, polyfs_ckpt_saver **saver, uint32_t flags = 0)
    {
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        opts.step = step;
        int rc = polyfs_ckpt_async_begin(async_, &opts, flags, saver, &err_);
        if (rc == POLYFS_OK)
            OfRankOne(opts);
        return rc;
    }

    int Save(int64_t step, uint64_t *ticket = nullptr, size_t size = 100)
    {
        polyfs_ckpt_saver *saver = nullptr;
        std::string data(size, static_cast<char>(step));
        int rc = Begin(step, &saver);
        if (rc == POLYFS_OK)
            rc = polyfs_ckpt_write(saver, "weights", data.data(), data.size(), &err_);
        if (rc != POLYFS_OK) {
            polyfs_ckpt_abort(saver);
            return rc;
        }
        data.assign(size, '-'); /* what was written was copied */
        return polyfs_ckpt_async_commit(async_, saver, ticket, &err_);
    }

    static int Fill(polyfs_ckpt_saver *saver, const polyfs_policy_plan *, void *, polyfs_error *err)
    {
        return polyfs_ckpt_write(saver, "weights", "bytes", 5, err);
    }

    void Policy()
    {
        polyfs_policy_run run = POLYFS_POLICY_RUN_INIT;
        ASSERT_EQ(POLYFS_OK, polyfs_policy_new(&policy_opts_, &policy_, &err_)) << err_.message;
        run.exists = polyfs_ckpt_async_taken;
        run.user = async_;
        ASSERT_EQ(POLYFS_OK, polyfs_policy_setup(policy_, &run, &err_)) << err_.message;
    }

    int Epoch(int64_t step, double score)
    {
        polyfs_policy_metric metric = {"val", POLYFS_POLICY_REAL, 0, 0, score};
        polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        std::string name = "s" + std::to_string(step);
        uint64_t ticket = 0;
        moment.step = opts.step = step;
        moment.epoch = opts.epoch = step / 10;
        moment.metrics = &metric;
        moment.count = 1;
        opts.name = name.c_str();
        int rc =
            polyfs_ckpt_async_on(async_, policy_, POLYFS_POLICY_EPOCH_END, &moment, Fill, nullptr, &ticket, &err_);
        if (ticket)
            OfRankOne(opts);
        return rc;
    }

    /* Names with the marks of `last` and `best`, newest first, of a reader beside it. */
    std::string Names()
    {
        polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
        polyfs_ckpt *reader = nullptr;
        struct polyfs_ckpt_list *list = nullptr;
        std::string words;
        opts.flags = POLYFS_CKPT_READ_ONLY;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_open(url_.c_str(), &opts, &reader, &err_));
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_list(reader, &list, &err_));
        for (size_t i = 0; list && i < polyfs_ckpt_list_count(list); i++) {
            const polyfs_ckpt_info *info = polyfs_ckpt_list_at(list, i);
            words += std::string(i ? " " : "") + info->name + (info->flags & POLYFS_CKPT_IS_LAST ? "!" : "") +
                     (info->flags & POLYFS_CKPT_IS_BEST ? "*" : "");
        }
        polyfs_ckpt_list_free(list);
        polyfs_ckpt_close(reader);
        return words;
    }

    int Wait(uint64_t ticket, uint64_t ms = 20000)
    {
        return polyfs_ckpt_async_wait(async_, ticket, ms, &info_, &err_);
    }

    std::string url_, now_;
    polyfs_error err_ = POLYFS_ERROR_INIT;
    polyfs_ckpt_info info_ = POLYFS_CKPT_INFO_INIT;
    polyfs_policy_opts policy_opts_ = POLYFS_POLICY_OPTS_INIT;
    polyfs_policy *policy_ = nullptr;
    polyfs_ckpt *ckpts_[2] = {};
    polyfs_ckpt_async *async_ = nullptr;
    int ends_ = POLYFS_OK; /* what close has to answer */
    const std::thread::id main_ = std::this_thread::get_id();
    std::mutex mutex_;
    std::condition_variable moved_;
    int turns_ = 0, arrived_ = 0;
    std::deque<int> codes_;
    std::deque<std::string> reports_;
};

TEST_F(Async, TrainingGoesOnWhileASaveIsUnderWay)
{
    uint64_t one = 0, two = 0;
    Open();
    ASSERT_EQ(POLYFS_OK, Save(1, &one)) << err_.message;
    WaitForArrivals(1);
    ASSERT_EQ(POLYFS_OK, Save(2, &two)) << err_.message;
    EXPECT_EQ(POLYFS_MORE, Wait(one, 0));
    EXPECT_EQ(POLYFS_MORE, Wait(two, 20));
    EXPECT_EQ("", Names());
    Go(1);
    EXPECT_EQ(POLYFS_OK, Wait(one)) << err_.message;
    EXPECT_EQ(1, info_.step);
    EXPECT_EQ("step=1", Names());
    Go(1);
    EXPECT_EQ(POLYFS_OK, Wait(two)) << err_.message;
    EXPECT_EQ("step=2 step=1", Names());
    EXPECT_EQ(POLYFS_NOT_FOUND, Wait(99, 0));
}

TEST_F(Async, CopiesAreCommitted)
{
    char bytes[200];
    size_t n = 0;
    uint64_t ticket = 0;
    polyfs_ckpt_view *view = nullptr;
    Open();
    Go(1);
    ASSERT_EQ(POLYFS_OK, Save(65, &ticket));
    ASSERT_EQ(POLYFS_OK, Wait(ticket)) << err_.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpts_[1], "latest", POLYFS_CKPT_CHECK_BYTES, &view, &err_))
        << err_.message;
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_read(view, "weights", bytes, sizeof(bytes), &n, &err_)) << err_.message;
    EXPECT_EQ(std::string(100, 'A'), std::string(bytes, n));
    polyfs_ckpt_view_close(view);
}

TEST_F(Async, AFullQueueBlocks)
{
    Open();
    ASSERT_EQ(POLYFS_OK, Save(1));
    WaitForArrivals(1);
    ASSERT_EQ(POLYFS_OK, Save(2));
    std::thread later([this] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        Go(1);
    });
    auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(POLYFS_OK, Save(3)) << err_.message;
    EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(40));
    later.join();
    Go(2);
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_async_flush(async_, 20000, &err_)) << err_.message;
    EXPECT_EQ("step=3 step=2 step=1", Names());
}

TEST_F(Async, AFullQueueDrops)
{
    Open(1, POLYFS_CKPT_DROP);
    ASSERT_EQ(POLYFS_OK, Save(1));
    WaitForArrivals(1);
    ASSERT_EQ(POLYFS_OK, Save(2));
    EXPECT_EQ(POLYFS_BUSY, Save(3));
    Go(2);
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_async_flush(async_, 20000, &err_)) << err_.message;
    EXPECT_EQ("step=2 step=1", Names());
}

TEST_F(Async, TheNewestThatWaitsIsReplaced)
{
    uint64_t two = 0;
    Open(1, POLYFS_CKPT_REPLACE);
    ASSERT_EQ(POLYFS_OK, Save(1));
    WaitForArrivals(1);
    ASSERT_EQ(POLYFS_OK, Save(2, &two));
    ASSERT_EQ(POLYFS_OK, Save(3));
    EXPECT_EQ(POLYFS_CANCELLED, Wait(two, 0));
    Go(2);
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_async_flush(async_, 20000, &err_)) << err_.message;
    EXPECT_EQ("step=3 step=1", Names());
}

TEST_F(Async, AFailureIsToldOnceAndAtTheEnd)
{
    Open(4);
    codes_ = {POLYFS_NO_SPACE, POLYFS_OK, POLYFS_NETWORK};
    Go(3);
    uint64_t one = 0, two = 0, three = 0;
    ASSERT_EQ(POLYFS_OK, Save(1, &one));
    while (Wait(one, 0) == POLYFS_MORE)
        std::this_thread::yield();
    EXPECT_EQ(POLYFS_NO_SPACE, Wait(one));
    ASSERT_EQ(POLYFS_OK, Save(2, &two)) << "asking counts as being told: " << err_.message;
    ASSERT_EQ(POLYFS_OK, Wait(two));
    ASSERT_EQ(POLYFS_OK, Save(3, &three));
    WaitForArrivals(3);
    EXPECT_EQ("step=2", Names());
    ends_ = POLYFS_NETWORK;
}

TEST_F(Async, TheNextSaveTellsAFailure)
{
    uint64_t one = 0, two = 0;
    Open();
    codes_ = {POLYFS_NO_SPACE};
    Go(2);
    ASSERT_EQ(POLYFS_OK, Save(1, &one));
    EXPECT_EQ(POLYFS_NO_SPACE, polyfs_ckpt_async_flush(async_, 20000, &err_));
    codes_ = {POLYFS_NO_SPACE};
    ASSERT_EQ(POLYFS_OK, Save(2, &two));
    WaitForArrivals(2);
    int rc = POLYFS_OK;
    for (int i = 0; i < 20000 && rc == POLYFS_OK; i++) { /* the thread may not have ended it yet */
        polyfs_ckpt_saver *saver = nullptr;
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        opts.step = 3;
        rc = polyfs_ckpt_async_begin(async_, &opts, 0, &saver, &err_);
        polyfs_ckpt_abort(saver);
        std::this_thread::yield();
    }
    EXPECT_EQ(POLYFS_NO_SPACE, rc);
    codes_.clear();
    reports_.clear();
}

TEST_F(Async, CopiesKeepToTheirBudget)
{
    uint64_t one = 0;
    polyfs_ckpt_saver *saver = nullptr;
    std::string large(1001, 'x');
    Open(4, POLYFS_CKPT_BLOCK, 1000);
    ASSERT_EQ(POLYFS_OK, Begin(1, &saver));
    EXPECT_EQ(POLYFS_TOO_LARGE, polyfs_ckpt_write(saver, "w", large.data(), large.size(), &err_));
    EXPECT_NE(nullptr, strstr(err_.message, "PINNED")) << err_.message;
    polyfs_ckpt_abort(saver);
    Go(1);
    ASSERT_EQ(POLYFS_OK, Save(2, &one, 600));
    ASSERT_EQ(POLYFS_OK, Save(3, nullptr, 600)) << "it waits for the other's copy: " << err_.message;
    EXPECT_EQ(POLYFS_OK, Wait(one));
    Go(1);
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_async_flush(async_, 20000, &err_)) << err_.message;
    EXPECT_EQ("step=3 step=2", Names());
}

TEST_F(Async, PinnedTensorsAreNotCopied)
{
    polyfs_ckpt_saver *saver = nullptr;
    polyfs_ckpt_view *view = nullptr;
    polyfs_tensors *tensors = nullptr;
    std::string data(5000, 'a'), got(5000, '?');
    uint64_t shape = data.size(), ticket = 0;
    polyfs_tensor tensor = POLYFS_TENSOR_INIT;
    tensor.name = "w";
    tensor.dtype = "U8";
    tensor.shape = &shape;
    tensor.rank = 1;
    tensor.bytes = data.size();
    tensor.data = data.data();
    Open(1, POLYFS_CKPT_BLOCK, 1000);
    ASSERT_EQ(POLYFS_OK, Begin(1, &saver, POLYFS_CKPT_PINNED));
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_write_tensors(saver, "m.safetensors", &tensor, 1, &err_)) << err_.message;
    ASSERT_EQ(POLYFS_EXISTS, polyfs_ckpt_write_tensors(saver, "m.safetensors", &tensor, 1, &err_));
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_async_commit(async_, saver, &ticket, &err_));
    Go(1);
    ASSERT_EQ(POLYFS_OK, Wait(ticket)) << err_.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpts_[1], "latest", 0, &view, &err_)) << err_.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_tensors(view, &tensors, &err_));
    polyfs_tensor_read read = {polyfs_tensors_find(tensors, "w"), got.data(), POLYFS_OK, 0};
    EXPECT_EQ(POLYFS_OK, polyfs_tensors_read(tensors, &read, 1, &err_)) << err_.message;
    EXPECT_EQ(data, got);
    polyfs_tensors_close(tensors);
    polyfs_ckpt_view_close(view);
}

TEST_F(Async, AFlushThatIsLateSaysSo)
{
    Open(4);
    ASSERT_EQ(POLYFS_OK, Save(1));
    WaitForArrivals(1);
    ASSERT_EQ(POLYFS_OK, Save(2));
    ASSERT_EQ(POLYFS_OK, Save(3));
    EXPECT_EQ(POLYFS_TIMEOUT, polyfs_ckpt_async_flush(async_, 30, &err_));
    EXPECT_NE(nullptr, strstr(err_.message, "2 saves are not done")) << err_.message;
    Go(2);
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_async_flush(async_, 20000, &err_)) << err_.message;
    EXPECT_EQ("step=3 step=1", Names()) << "of those that wait only the newest counts when time is short";
}

TEST_F(Async, APolicysPlansAreCarriedOutInOrder)
{
    Open(1);
    Policy();
    Go(1);
    ASSERT_EQ(POLYFS_OK, Epoch(10, 3)) << err_.message;
    ASSERT_EQ(POLYFS_OK, Epoch(20, 2)) << err_.message;
    EXPECT_EQ(1, polyfs_ckpt_async_taken("s20", async_));
    EXPECT_EQ(0, polyfs_ckpt_async_taken("s30", async_));
    Go(2);
    ASSERT_EQ(POLYFS_OK, Epoch(30, 1)) << err_.message;
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_async_flush(async_, 20000, &err_)) << err_.message;
    EXPECT_EQ("last! s30* s20", Names());
}

TEST_F(Async, ANameIsTakenWhileItIsWritten)
{
    Open(2);
    Policy();
    ASSERT_EQ(POLYFS_OK, Epoch(10, 3)) << err_.message;
    WaitForArrivals(1);
    EXPECT_EQ(1, polyfs_ckpt_async_taken("s10", async_)) << "neither in the queue nor in the record yet";
    EXPECT_EQ(0, polyfs_ckpt_async_taken("s20", async_));
    Go(1);
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_async_flush(async_, 20000, &err_)) << err_.message;
    EXPECT_EQ(1, polyfs_ckpt_async_taken("s10", async_));
}

TEST_F(Async, APolicyForgetsWhatWasNotSaved)
{
    Open(1);
    Policy();
    Go(100);
    ASSERT_EQ(POLYFS_OK, Epoch(10, 3)) << err_.message;
    ASSERT_EQ(POLYFS_OK, Epoch(20, 2)) << err_.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_async_flush(async_, 20000, &err_)) << err_.message;
    codes_ = {POLYFS_NO_SPACE};
    ASSERT_EQ(POLYFS_OK, Epoch(30, 1)) << err_.message;
    EXPECT_EQ(POLYFS_NO_SPACE, polyfs_ckpt_async_flush(async_, 20000, &err_));
    EXPECT_EQ("last! s20* s10", Names()) << "nothing is evicted before what replaces it is there";
    ASSERT_EQ(POLYFS_OK, Epoch(40, 2.5)) << err_.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_async_flush(async_, 20000, &err_)) << err_.message;
    EXPECT_EQ("last! s40 s20*", Names());
}

TEST_F(Async, AChildOfForkIsRefused)
{
    Open();
    pid_t child = fork();
    if (child == 0) {
        polyfs_ckpt_saver *saver = nullptr;
        int refused = polyfs_ckpt_async_begin(async_, nullptr, 0, &saver, nullptr) == POLYFS_FORKED &&
                      polyfs_ckpt_async_flush(async_, 10, nullptr) == POLYFS_FORKED &&
                      polyfs_ckpt_async_close(async_, nullptr) == POLYFS_OK;
        _exit(refused ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(child, waitpid(child, &status, 0));
    EXPECT_EQ(0, status);
}

TEST_F(Async, WhatCannotBeIsRefused)
{
    polyfs_ckpt_async_opts opts = POLYFS_CKPT_ASYNC_OPTS_INIT;
    polyfs_ckpt_async *async = nullptr;
    polyfs_ckpt_saver *saver = nullptr;
    Open();
    opts.depth = 33;
    EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_async_new(ckpts_[0], &opts, &async, &err_));
    opts.depth = 1;
    opts.full = 7;
    EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_async_new(ckpts_[0], &opts, &async, &err_));
    EXPECT_EQ(POLYFS_UNSUPPORTED, polyfs_ckpt_async_begin(async_, nullptr, 8, &saver, &err_));
}

int handled;

TEST(Preempt, ASignalIsNotedAndThoseWhoWereThereAreCalled)
{
    polyfs_error err = POLYFS_ERROR_INIT;
    EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_preempt_on(SIGKILL, 1, &err));
    EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_preempt_on(0, 1, &err));
    pid_t child = fork();
    if (child == 0) {
        signal(SIGTERM, [](int) { handled++; });
        int well = polyfs_ckpt_preempt_on(SIGTERM, 25000, nullptr) == POLYFS_OK && polyfs_ckpt_preempted() == 0;
        raise(SIGTERM);
        uint32_t left = polyfs_ckpt_preempted();
        well &= left > 20000 && left <= 25000 && handled == 1;
        raise(SIGTERM); /* a second one does not begin the time anew */
        _exit(well && handled == 2 && polyfs_ckpt_preempted() <= left ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(child, waitpid(child, &status, 0));
    EXPECT_EQ(0, status);
}

} // namespace
