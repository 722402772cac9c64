/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the policy, and from events to plans. Random trainings are compared with a model in tests/policy. */
#include <cstddef>
#include <cstring>
#include <string>

#include "policy_fixture.h"

/* ---- rules --------------------------------------------------------------------------------------------------------- */

TEST_F(Policy, Defaults)
{
    opts_ = POLYFS_POLICY_OPTS_INIT;
    Start();
    EXPECT_EQ("save /r/epoch=0-step=5.ckpt", Event(POLYFS_POLICY_EPOCH_END, 5));
    epoch_ = 1;
    EXPECT_EQ("save /r/epoch=1-step=9.ckpt remove /r/epoch=0-step=5.ckpt", Event(POLYFS_POLICY_EPOCH_END, 9));
    EXPECT_EQ("", last_);
    EXPECT_EQ("/r/epoch=1-step=9.ckpt", best_);
    EXPECT_EQ(0u, flags_);
    polyfs_policy *bare = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_policy_new(nullptr, &bare, nullptr));
    EXPECT_EQ(POLYFS_OK, polyfs_policy_setup(bare, nullptr, nullptr));
    polyfs_policy_free(bare);
    polyfs_policy_free(nullptr);
}

TEST_F(Policy, WhatIsOutOfRange)
{
    struct {
        int64_t polyfs_policy_opts::*member;
        const char *name;
    } const rows[] = {{&polyfs_policy_opts::every_n_train_steps, "every_n_train_steps"},
                      {&polyfs_policy_opts::every_n_epochs, "every_n_epochs"},
                      {&polyfs_policy_opts::train_time_interval_ms, "train_time_interval_ms"},
                      {&polyfs_policy_opts::starting_version, "starting_version"},
                      {&polyfs_policy_opts::keep_newest, "keep_newest"},
                      {&polyfs_policy_opts::keep_every_n_steps, "keep_every_n_steps"},
                      {&polyfs_policy_opts::keep_every_ms, "keep_every_ms"}};
    for (const auto &row : rows) {
        opts_.*row.member = -1;
        EXPECT_EQ(POLYFS_CONFIG, New()) << row.name;
        EXPECT_EQ(std::string("cannot use ") + row.name + "=-1: it must be >= 0", err_.message);
        opts_.*row.member = 0;
    }
    opts_.save_top_k = -3;
    EXPECT_EQ(POLYFS_CONFIG, New());
    EXPECT_STREQ("cannot use save_top_k=-3: it must be >= -1", err_.message);
}

TEST_F(Policy, WhatExcludesEachOther)
{
    opts_.every_n_train_steps = opts_.every_n_epochs = 1;
    EXPECT_EQ(POLYFS_CONFIG, New());
    EXPECT_NE(nullptr, strstr(err_.message, "mutually exclusive"));
    opts_.every_n_train_steps = 0;
    opts_.train_time_interval_ms = POLYFS_POLICY_ZERO;
    EXPECT_EQ(POLYFS_CONFIG, New()) << "an interval of zero is one";
    opts_.every_n_epochs = POLYFS_POLICY_ZERO;
    EXPECT_EQ(POLYFS_OK, New());
    opts_.save_top_k = 2;
    EXPECT_EQ(POLYFS_CONFIG, New());
    EXPECT_NE(nullptr, strstr(err_.message, "no quantity to track"));
    opts_.monitor = "val";
    EXPECT_EQ(POLYFS_OK, New());
}

TEST_F(Policy, WordsThatAreNone)
{
    for (uint32_t polyfs_policy_opts::*member :
         {&polyfs_policy_opts::mode, &polyfs_policy_opts::save_last, &polyfs_policy_opts::when}) {
        opts_.*member = 3;
        EXPECT_EQ(POLYFS_CONFIG, New()) << err_.message;
        opts_.*member = 0;
    }
    opts_.flags = 1U << 31;
    EXPECT_EQ(POLYFS_UNSUPPORTED, New());
    opts_.flags = 0;
    opts_.filename = "{a";
    EXPECT_EQ(POLYFS_CONFIG, New());
    opts_.filename = "\xff";
    EXPECT_EQ(POLYFS_CONFIG, New());
    opts_.filename = nullptr;
    opts_.name_last = "{a[0]}";
    EXPECT_EQ(POLYFS_CONFIG, New());
}

TEST_F(Policy, Setup)
{
    opts_.save_last = POLYFS_POLICY_LAST_LINK;
    Start();
    run_.flags = POLYFS_RUN_REMOTE;
    EXPECT_EQ(POLYFS_INVALID, polyfs_policy_setup(policy_, &run_, &err_)) << "links are for local folders";
    run_.flags = 1U << 31;
    EXPECT_EQ(POLYFS_UNSUPPORTED, polyfs_policy_setup(policy_, &run_, &err_));
    EXPECT_EQ("save /r/s1 link /r/last<-/r/s1", Event(POLYFS_POLICY_EPOCH_END, 1)) << "the first setup holds";
}

TEST_F(Policy, StructsOfOlderPrograms)
{
    opts_.struct_size = offsetof(polyfs_policy_opts, mode);
    opts_.save_top_k = -7;
    EXPECT_EQ(POLYFS_OK, New()) << "what is behind the size is not read";
}

/* ---- events and plans ---------------------------------------------------------------------------------------------- */

TEST_F(Policy, APlanWaits)
{
    opts_.monitor = "val";
    opts_.save_last = POLYFS_POLICY_LAST_COPY;
    Start();
    metrics_ = {{"val", POLYFS_POLICY_INTEGER, 0, 2, 0}};
    std::string before = State();
    EXPECT_EQ("save /r/s1 copy /r/last<-/r/s1", Event(POLYFS_POLICY_EPOCH_END, 1, 0, false));
    EXPECT_NE(before, State()) << "as it will be";
    EXPECT_EQ("!-10", Event(POLYFS_POLICY_EPOCH_END, 2));
    EXPECT_EQ(POLYFS_INVALID, Restore(before));
    polyfs_policy_dropped(policy_);
    polyfs_policy_dropped(policy_);
    EXPECT_EQ(before, State());
    EXPECT_EQ("save /r/s1 copy /r/last<-/r/s1", Event(POLYFS_POLICY_EPOCH_END, 1)) << "the same once more";
    EXPECT_EQ("", Event(POLYFS_POLICY_EPOCH_END, 1)) << "this step is saved";
    polyfs_policy_applied(policy_);
    EXPECT_EQ("save /r/last", Event(POLYFS_POLICY_EPOCH_END, 2));
}

TEST_F(Policy, WhatIsNoEvent)
{
    Start();
    EXPECT_EQ("!-12", Event(0, 1));
    EXPECT_EQ("!-12", Event(7, 1));
    EXPECT_EQ("!-12", Event(POLYFS_POLICY_EPOCH_END, 1, 1U << 31));
    EXPECT_EQ("!-10", Event(POLYFS_POLICY_EPOCH_END, -1));
    EXPECT_EQ("", Event(POLYFS_POLICY_EPOCH_END, 0)) << "nothing is saved at step 0";
    EXPECT_EQ("", Event(POLYFS_POLICY_EPOCH_END, 1, POLYFS_MOMENT_NOT_FITTING));
    EXPECT_EQ("", Event(POLYFS_POLICY_VALIDATION_END, 1, POLYFS_MOMENT_SANITY_CHECK));
    epoch_ = INT64_MAX;
    EXPECT_EQ("!-10", Event(POLYFS_POLICY_EPOCH_END, 1));
}

TEST_F(Policy, TimeIsOneForAll)
{
    opts_.train_time_interval_ms = 100;
    Start();
    now_ms_ = 1000;
    EXPECT_EQ("", Event(POLYFS_POLICY_TRAIN_START, 0));
    EXPECT_EQ(0, polyfs_policy_time_due(policy_, 1099));
    EXPECT_EQ(1, polyfs_policy_time_due(policy_, 1100));
    EXPECT_EQ(0, polyfs_policy_time_due(policy_, INT64_MIN));
    now_ms_ = 1050;
    EXPECT_EQ("", Event(POLYFS_POLICY_BATCH_END, 1));
    EXPECT_EQ("save /r/s2", Event(POLYFS_POLICY_BATCH_END, 2, POLYFS_MOMENT_TIME_DUE)) << "rank 0 said so";
    now_ms_ = 1500;
    EXPECT_EQ("", Event(POLYFS_POLICY_BATCH_END, 3, POLYFS_MOMENT_TIME_NOT_DUE));
    EXPECT_EQ("save /r/s3 remove /r/s2", Event(POLYFS_POLICY_BATCH_END, 3));
}

TEST_F(Policy, StepsAndWhatIsPutOff)
{
    opts_.every_n_train_steps = 2;
    opts_.monitor = "val";
    opts_.save_last = POLYFS_POLICY_LAST_COPY;
    opts_.when = POLYFS_POLICY_WHEN_VALIDATED;
    Start();
    EXPECT_EQ("", Event(POLYFS_POLICY_BATCH_END, 1));
    EXPECT_EQ("save /r/last", Event(POLYFS_POLICY_BATCH_END, 2)) << "nothing to rank by yet, but last follows";
    EXPECT_EQ("", Event(POLYFS_POLICY_BATCH_END, 4, POLYFS_MOMENT_VALIDATION_NEXT)) << "that is at hand";
    metrics_ = {{"val", POLYFS_POLICY_REAL, 0, 0, 1}};
    EXPECT_EQ("save /r/s4 copy /r/last<-/r/s4", Event(POLYFS_POLICY_VALIDATION_END, 4));
    EXPECT_EQ("", Event(POLYFS_POLICY_VALIDATION_END, 5)) << "nothing is put off any more";
    uint32_t end = POLYFS_MOMENT_LAST_BATCH | POLYFS_MOMENT_VALIDATION_NEXT;
    EXPECT_EQ("", Event(POLYFS_POLICY_BATCH_END, 6, end));
    EXPECT_NE(std::string::npos, State().find("\"deferred\":true"));
    metrics_[0].real = 2;
    EXPECT_EQ("save /r/last", Event(POLYFS_POLICY_VALIDATION_END, 6)) << "worse than before";
}

TEST_F(Policy, AMetricThatIsNotThere)
{
    opts_.monitor = "nothing";
    opts_.save_last = POLYFS_POLICY_LAST_COPY;
    Start();
    EXPECT_EQ("save /r/last", Event(POLYFS_POLICY_EPOCH_END, 1));
    EXPECT_EQ(uint32_t{POLYFS_PLAN_NO_METRIC}, flags_);
    EXPECT_EQ("save /r/last", Event(POLYFS_POLICY_EPOCH_END, 2));
    EXPECT_EQ(0u, flags_) << "told once";
    EXPECT_EQ("!-12", Event(99, 3));
    EXPECT_EQ("!-12", Event(99, 3));
    EXPECT_EQ(std::string("!") + std::to_string(POLYFS_CONFIG),
              Event(POLYFS_POLICY_EPOCH_END, 3, POLYFS_MOMENT_VALIDATED));
    EXPECT_STREQ("cannot rank by nothing: nothing of that name is logged, although a validation has run",
                 err_.message);
    EXPECT_EQ("save /r/last", Event(POLYFS_POLICY_EPOCH_END, 3)) << "the policy is as before";
}

TEST_F(Policy, Exceptions)
{
    opts_.flags |= POLYFS_POLICY_ON_EXCEPTION | POLYFS_POLICY_WEIGHTS_ONLY;
    opts_.every_n_train_steps = 2;
    opts_.save_last = POLYFS_POLICY_LAST_LINK;
    Start();
    EXPECT_EQ("", Event(POLYFS_POLICY_EXCEPTION, 0));
    EXPECT_EQ("", Event(POLYFS_POLICY_EXCEPTION, 3, POLYFS_MOMENT_SANITY_CHECK));
    names_["/r/s3"] = 1;
    EXPECT_EQ("save /r/s3 link /r/last<-/r/s3", Event(POLYFS_POLICY_EXCEPTION, 3, POLYFS_MOMENT_NOT_FITTING));
    EXPECT_EQ(uint32_t{POLYFS_PLAN_WEIGHTS_ONLY}, flags_);
    EXPECT_EQ("", Event(POLYFS_POLICY_EXCEPTION, 3)) << "saved already";
    opts_.filename = "{val:d}";
    Start();
    metrics_ = {{"val", POLYFS_POLICY_REAL, 0, 0, 1}};
    EXPECT_EQ("!-10", Event(POLYFS_POLICY_EXCEPTION, 5));
    EXPECT_EQ("!-10", Event(POLYFS_POLICY_BATCH_END, 6));
}

TEST_F(Policy, TrainEnd)
{
    opts_.every_n_epochs = POLYFS_POLICY_ZERO;
    opts_.save_last = POLYFS_POLICY_LAST_LINK;
    Start();
    EXPECT_EQ("", Event(POLYFS_POLICY_EPOCH_END, 1));
    EXPECT_EQ("save /r/last", Event(POLYFS_POLICY_TRAIN_END, 1)) << "there is nothing to link to";
    EXPECT_EQ("", Event(POLYFS_POLICY_TRAIN_END, 2));
    run_.flags = POLYFS_RUN_DRY;
    names_.clear();
    Start();
    EXPECT_EQ("", Event(POLYFS_POLICY_TRAIN_END, 1));
    ckpt_policy_quirks(policy_);
    EXPECT_EQ("save /r/last", Event(POLYFS_POLICY_TRAIN_END, 1));
}
