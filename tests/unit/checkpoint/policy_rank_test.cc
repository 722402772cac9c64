/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy saves and drops, and under which names. */
#include <map>
#include <string>

#include "policy_fixture.h"

namespace
{

using PolicyRank = Policy;

} // namespace

/* ---- ranking ------------------------------------------------------------------------------------------------------- */

TEST_F(PolicyRank, TopK)
{
    opts_.monitor = "val";
    opts_.save_top_k = 2;
    Start();
    EXPECT_EQ("save /r/s1", Epoch(1, 3));
    EXPECT_EQ("save /r/s2", Epoch(2, 1));
    EXPECT_EQ("", Epoch(3, 3)) << "a tie with the worst";
    EXPECT_EQ("", Epoch(4, kNan));
    EXPECT_EQ("save /r/s5 remove /r/s1", Epoch(5, 1));
    EXPECT_EQ("/r/s2", best_) << "the first of equals";
    EXPECT_EQ("save /r/s6 remove /r/s2", Epoch(6, 0)) << "the first of the worst goes";
    EXPECT_EQ("/r/s6", best_);
}

TEST_F(PolicyRank, NanIsTheWorst)
{
    opts_.monitor = "val";
    opts_.mode = POLYFS_POLICY_MAX;
    opts_.filename = "{val}";
    Start();
    EXPECT_EQ("save /r/nan", Epoch(1, kNan));
    EXPECT_NE(std::string::npos, State().find("\"/r/nan\":\"-inf\""));
    EXPECT_EQ("save /r/1.0 remove /r/nan", Epoch(2, 1));
}

TEST_F(PolicyRank, EpochAndStepRank)
{
    opts_.monitor = "step";
    opts_.mode = POLYFS_POLICY_MAX;
    opts_.save_top_k = 2;
    Start();
    EXPECT_EQ("save /r/s1", Epoch(1, 0));
    EXPECT_EQ("save /r/s2", Epoch(2, 0));
    EXPECT_EQ("save /r/s3 remove /r/s1", Epoch(3, 0)) << "the newest two";
}

TEST_F(PolicyRank, FewerThanThereAre)
{
    opts_.monitor = "val";
    opts_.save_top_k = 4;
    Start();
    for (int step = 1; step <= 4; step++)
        Epoch(step, step);
    std::string state = State();
    opts_.save_top_k = 2;
    Start();
    ASSERT_EQ(POLYFS_OK, Restore(state)) << err_.message;
    EXPECT_EQ("remove /r/s4 remove /r/s3", Epoch(5, 9)) << "down to two, though the new one is none of the best";
    EXPECT_EQ("save /r/s6 remove /r/s2", Epoch(6, 0));
    Start();
    ckpt_policy_quirks(policy_);
    ASSERT_EQ(POLYFS_OK, Restore(state));
    EXPECT_EQ("save /r/s7", Epoch(7, 0)) << "Lightning's grow without bound";
}

TEST_F(PolicyRank, TheWorstOfAllWhenANameComesAgain)
{
    opts_.monitor = "val";
    opts_.save_top_k = POLYFS_POLICY_ALL;
    opts_.filename = "one";
    opts_.flags |= POLYFS_POLICY_NO_VERSION_COUNTER;
    for (bool quirks : {false, true}) {
        Start();
        if (quirks)
            ckpt_policy_quirks(policy_);
        Epoch(1, 1);
        EXPECT_EQ("save /r/one", Epoch(2, 2));
        EXPECT_NE(std::string::npos, State().find(quirks ? "\"kth_value\":1.0" : "\"kth_value\":2.0"))
            << "Lightning forgets to look: " << State();
    }
}

TEST_F(PolicyRank, LastFollows)
{
    opts_.monitor = "val";
    opts_.save_last = POLYFS_POLICY_LAST_COPY;
    for (bool quirks : {false, true}) {
        names_.clear();
        Start();
        if (quirks)
            ckpt_policy_quirks(policy_);
        EXPECT_EQ(quirks ? "save /r/s1 save /r/last" : "save /r/s1 copy /r/last<-/r/s1", Epoch(1, 1));
        EXPECT_EQ(quirks ? "" : "save /r/last", Epoch(2, 2));
        EXPECT_EQ("/r/last", last_);
    }
    opts_.save_top_k = POLYFS_POLICY_ZERO;
    opts_.monitor = nullptr;
    names_.clear();
    Start();
    EXPECT_EQ("save /r/last", Epoch(1, 1));
}

TEST_F(PolicyRank, LastWithANameOfItsOwn)
{
    opts_.save_last = POLYFS_POLICY_LAST_LINK;
    opts_.name_last = "last{step}";
    Start();
    EXPECT_EQ("save /r/s1 link /r/last1<-/r/s1", Epoch(1, 0));
    EXPECT_EQ("save /r/s2 link /r/last2<-/r/s2 remove /r/s1 remove /r/last1", Epoch(2, 0))
        << "what goes, goes behind";
    opts_.name_last = "s{step}";
    opts_.flags |= POLYFS_POLICY_NO_VERSION_COUNTER;
    Start();
    EXPECT_EQ("save /r/s3", Epoch(3, 0)) << "no link to itself";
    EXPECT_EQ("/r/s3", last_);
}

/* ---- names that are taken ------------------------------------------------------------------------------------------ */

TEST_F(PolicyRank, Versions)
{
    opts_.monitor = "val";
    opts_.save_top_k = 3;
    opts_.filename = "ck";
    names_ = {{"/r/ck", 1}, {"/r/ck-v1", 1}};
    Start();
    EXPECT_EQ("save /r/ck-v2", Epoch(1, 3));
    EXPECT_EQ("save /r/ck-v3", Epoch(2, 2));
    opts_.starting_version = POLYFS_POLICY_ZERO;
    Start();
    EXPECT_EQ("save /r/ck-v0", Epoch(3, 2));
    opts_.flags |= POLYFS_POLICY_NO_VERSION_COUNTER;
    Start();
    EXPECT_EQ("save /r/ck", Epoch(4, 2));
}

TEST_F(PolicyRank, NamesOfTheSameRun)
{
    opts_.save_last = POLYFS_POLICY_LAST_COPY;
    names_ = {{"/r/s5", 2}, {"/r/last", 2}};
    Start();
    EXPECT_EQ("save /r/s5 copy /r/last<-/r/s5", Epoch(5, 0)) << "left behind by a process that was killed";
    names_ = {{"/r/s6", 2}, {"/r/last", 2}};
    EXPECT_EQ("save /r/s6 copy /r/last<-/r/s6 remove /r/s5", Epoch(6, 0));
    opts_.monitor = "val";
    opts_.filename = "ck";
    opts_.save_top_k = 2;
    Start();
    names_ = {{"/r/ck", 2}, {"/r/last", 2}};
    EXPECT_EQ("save /r/ck copy /r/last<-/r/ck", Epoch(7, 0));
    names_ = {{"/r/ck", 2}, {"/r/last", 2}};
    EXPECT_EQ("save /r/ck-v1 copy /r/last<-/r/ck-v1", Epoch(8, 0)) << "but not over what it ranks itself";
    Start();
    ckpt_policy_quirks(policy_);
    EXPECT_EQ("save /r/ck-v2 save /r/last-v1", Epoch(9, 0)) << "to Lightning a stranger's";
}

TEST_F(PolicyRank, WithoutAProbe)
{
    run_.exists = nullptr;
    opts_.monitor = "val";
    opts_.save_top_k = 2;
    opts_.filename = "ck";
    opts_.save_last = POLYFS_POLICY_LAST_COPY;
    Start();
    EXPECT_EQ("save /r/ck copy /r/last<-/r/ck", Epoch(1, 0));
    EXPECT_EQ("save /r/ck-v1 copy /r/last<-/r/ck-v1", Epoch(2, 0));
}

TEST_F(PolicyRank, ProbesThatFail)
{
    names_ = {{"/r/s1", POLYFS_TIMEOUT}};
    Start();
    EXPECT_EQ("!-17", Epoch(1, 0));
    names_.clear();
    opts_.filename = "ck";
    Start();
    names_["/r/ck"] = 1;
    for (int i = 1; i <= 10000; i++)
        names_["/r/ck-v" + std::to_string(i)] = 1;
    EXPECT_EQ("!-2", Epoch(2, 0)) << err_.message;
    names_.erase("/r/ck-v9999");
    EXPECT_EQ("save /r/ck-v9999", Epoch(3, 0));
}

TEST_F(PolicyRank, Folders)
{
    for (const auto &row :
         std::map<std::string, std::string>{{"", "s1"}, {"a", "a/s1"}, {"s3://b/p/", "s3://b/p/s1"}}) {
        opts_.dirpath = row.first.c_str();
        Start();
        EXPECT_EQ("save " + row.second, Epoch(1, 0));
    }
}

/* ---- what is let go ------------------------------------------------------------------------------------------------ */

TEST_F(PolicyRank, WhatIsNeverRemoved)
{
    Start();
    Epoch(1, 0);
    std::string state = State();
    run_.resumed_from = "/r/s1";
    run_.flags = POLYFS_RUN_REMOTE;
    Start();
    ASSERT_EQ(POLYFS_OK, Restore(state));
    EXPECT_EQ("save /r/s2 leave /r/s1", Epoch(2, 0)) << "training resumed from it";
    EXPECT_EQ("save /r/s3 remove /r/s2", Epoch(3, 0));

    run_.resumed_from = nullptr;
    run_.dirpath = "/r2";
    int whole = -1;
    Start();
    ASSERT_EQ(POLYFS_OK, Restore(state, &whole));
    EXPECT_EQ(0, whole);
    EXPECT_EQ("save /r2/s4 leave /r/s1", Epoch(4, 0)) << "of another folder";
    Start();
    ckpt_policy_quirks(policy_);
    ASSERT_EQ(POLYFS_OK, Restore(state));
    EXPECT_EQ("save /r2/s5 remove /r/s1", Epoch(5, 0)) << "Lightning's spare nothing that is remote";
}

TEST_F(PolicyRank, WhatTookANameOver)
{
    opts_.flags |= POLYFS_POLICY_NO_VERSION_COUNTER;
    opts_.monitor = "val";
    opts_.filename = "{val:.0f}";
    opts_.name_last = "{t:.0f}";
    opts_.save_last = POLYFS_POLICY_LAST_COPY;
    for (bool quirks : {false, true}) {
        Start();
        if (quirks)
            ckpt_policy_quirks(policy_);
        metrics_ = {{"val", POLYFS_POLICY_REAL, 0, 0, 7}, {"t", POLYFS_POLICY_REAL, 0, 0, 1}};
        EXPECT_EQ(quirks ? "save /r/7 save /r/1" : "save /r/7 copy /r/1<-/r/7", Event(POLYFS_POLICY_EPOCH_END, 1));
        metrics_[0].real = 1;
        metrics_[1].real = 2;
        EXPECT_EQ(quirks ? "save /r/1 remove /r/7 save /r/2 remove /r/1" : "save /r/1 copy /r/2<-/r/1 remove /r/7",
                  Event(POLYFS_POLICY_EPOCH_END, 2))
            << "the best is called as last was";
    }
}

TEST_F(PolicyRank, Retention)
{
    opts_.monitor = "val";
    opts_.keep_newest = 2;
    opts_.keep_every_n_steps = 5;
    Start();
    EXPECT_EQ("save /r/s1", Epoch(1, 1));
    EXPECT_EQ("save /r/s2", Epoch(2, 2)) << "not the best, but new";
    EXPECT_EQ("save /r/s3", Epoch(3, 3)) << "s1 is still the best";
    EXPECT_EQ("save /r/s4 remove /r/s1 remove /r/s2", Epoch(4, 0)) << "now it is neither, and s2 is not new";
    EXPECT_EQ("save /r/s5 remove /r/s3", Epoch(5, 5));
    EXPECT_EQ("save /r/s6", Epoch(6, 6)) << "s4 is the best, s5 is for good";
    std::string state = State();
    Start();
    ASSERT_EQ(POLYFS_OK, Restore(state));
    EXPECT_EQ("save /r/s7", Epoch(7, 7)) << "s5 is not the newest any more, and stays";
    EXPECT_EQ("save /r/s8 remove /r/s6", Epoch(8, 8));
    EXPECT_EQ(std::string::npos, State().find("/r/s5")) << "forgotten, since nothing can drop it";
}

TEST_F(PolicyRank, RetentionByTime)
{
    opts_.save_top_k = POLYFS_POLICY_ZERO;
    opts_.keep_newest = 1;
    opts_.keep_every_ms = 100;
    opts_.save_last = POLYFS_POLICY_LAST_LINK;
    Start();
    std::string all;
    for (int step = 1; step <= 6; step++) {
        time_ms_ = 40 * step;
        all += Epoch(step, 0) + ";";
    }
    EXPECT_EQ("save /r/s1 link /r/last<-/r/s1;"
              "save /r/s2 link /r/last<-/r/s2;"
              "save /r/s3 link /r/last<-/r/s3 remove /r/s2;"
              "save /r/s4 link /r/last<-/r/s4 remove /r/s3;"
              "save /r/s5 link /r/last<-/r/s5;"
              "save /r/s6 link /r/last<-/r/s6 remove /r/s5;",
              all)
        << "s1 and s4 are for good";
}

TEST_F(PolicyRank, WhatIsKeptIsNotOverwritten)
{
    opts_.filename = "ck";
    opts_.keep_newest = 2;
    Start();
    EXPECT_EQ("save /r/ck", Epoch(1, 0));
    EXPECT_EQ("save /r/ck-v1", Epoch(2, 0));
    EXPECT_EQ("save /r/ck-v2 remove /r/ck", Epoch(3, 0));
    EXPECT_EQ("save /r/ck remove /r/ck-v1", Epoch(4, 0));
    opts_.keep_newest = 1;
    names_.clear();
    Start();
    EXPECT_EQ("save /r/ck", Epoch(5, 0));
    EXPECT_EQ("save /r/ck", Epoch(6, 0)) << "but by the one that takes its place";
}
