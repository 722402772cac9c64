/* SPDX-License-Identifier: Apache-2.0 */
/* A policy over a few names that are taken, and its plans as words. */
#ifndef POLYFS_UNIT_CHECKPOINT_POLICY_FIXTURE_H
#define POLYFS_UNIT_CHECKPOINT_POLICY_FIXTURE_H

#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "internal.h"

static const double kNan = std::numeric_limits<double>::quiet_NaN();

class Policy : public testing::Test
{
  protected:
    Policy()
    {
        run_.dirpath = "/r";
        run_.exists = Exists;
        run_.user = this;
        opts_.filename = "s{step}";
        opts_.flags = POLYFS_POLICY_PLAIN_VALUES;
        opts_.ext = "";
    }

    ~Policy() override
    {
        polyfs_policy_free(policy_);
    }

    /* What it is called by the store: 1 and 2 as polyfs_policy_exists_fn says, or a code. */
    static int Exists(const char *path, void *user)
    {
        auto &names = static_cast<Policy *>(user)->names_;
        auto found = names.find(path);
        return found == names.end() ? 0 : found->second;
    }

    void Start()
    {
        polyfs_policy_free(policy_);
        policy_ = nullptr;
        ASSERT_EQ(POLYFS_OK, polyfs_policy_new(&opts_, &policy_, &err_)) << err_.message;
        ASSERT_EQ(POLYFS_OK, polyfs_policy_setup(policy_, &run_, &err_)) << err_.message;
    }

    /* The plan as words: "save /r/s1 copy /r/last<-/r/s1 remove /r/s0", or "!" and the name of the code. */
    std::string Event(uint32_t event, int64_t step, uint32_t flags = 0, bool carry_out = true)
    {
        polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
        moment.flags = flags;
        moment.step = step;
        moment.epoch = epoch_;
        moment.now_ms = now_ms_;
        moment.time_ms = time_ms_;
        moment.metrics = metrics_.data();
        moment.count = metrics_.size();
        const polyfs_policy_plan *plan = nullptr;
        int rc = polyfs_policy_on(policy_, event, &moment, &plan, &err_);
        if (rc != POLYFS_OK)
            return std::string("!") + std::to_string(rc);
        std::string words = Words(plan);
        flags_ = plan->flags;
        last_ = plan->last;
        best_ = plan->best;
        if (carry_out) {
            for (size_t i = 0; i < plan->count; i++)
                CarryOut(plan->steps[i]);
            polyfs_policy_applied(policy_);
        }
        return words;
    }

    std::string Epoch(int64_t step, double score, uint32_t flags = 0)
    {
        metrics_ = {{"val", POLYFS_POLICY_REAL, 0, 0, score}};
        std::string words = Event(POLYFS_POLICY_EPOCH_END, step, flags);
        epoch_++;
        return words;
    }

    static std::string Words(const polyfs_policy_plan *plan)
    {
        static const char *const what[] = {"", "save ", "copy ", "link ", "remove ", "leave "};
        std::string words;
        for (size_t i = 0; i < plan->count; i++)
            words += (i ? " " : "") + std::string(what[plan->steps[i].what]) + plan->steps[i].path +
                     (plan->steps[i].source ? std::string("<-") + plan->steps[i].source : "");
        return words;
    }

    void CarryOut(const polyfs_policy_step &step)
    {
        if (step.what == POLYFS_POLICY_REMOVE)
            names_.erase(step.path);
        else if (step.what != POLYFS_POLICY_LEAVE)
            names_[step.path] = 1;
    }

    std::string State()
    {
        char *text = nullptr;
        EXPECT_EQ(POLYFS_OK, polyfs_policy_state(policy_, &text, &err_));
        std::string out = text ? text : "";
        free(text);
        return out;
    }

    int Restore(const std::string &state, int *whole = nullptr)
    {
        return polyfs_policy_restore(policy_, state.data(), state.size(), whole, &err_);
    }

    int New()
    {
        polyfs_policy *made = nullptr;
        int rc = polyfs_policy_new(&opts_, &made, &err_);
        EXPECT_EQ(rc == POLYFS_OK, made != nullptr);
        polyfs_policy_free(made);
        return rc;
    }

    polyfs_policy_opts opts_ = POLYFS_POLICY_OPTS_INIT;
    polyfs_policy_run run_ = POLYFS_POLICY_RUN_INIT;
    polyfs_error err_ = POLYFS_ERROR_INIT;
    polyfs_policy *policy_ = nullptr;
    std::vector<polyfs_policy_metric> metrics_;
    std::map<std::string, int> names_;
    int64_t epoch_ = 0, now_ms_ = 0, time_ms_ = 0;
    uint32_t flags_ = 0;
    std::string last_, best_;
};

#endif
