/* SPDX-License-Identifier: Apache-2.0 */
/* Names of checkpoints by their templates. */
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "internal.h"

namespace
{

class Template : public testing::Test
{
  protected:
    Template()
    {
        opts_.ext = ".ckpt";
        opts_.join = "-";
        opts_.equals = "=";
        moment_.epoch = 3;
        moment_.step = 1500;
    }

    /* The name, or "!" and the reason. */
    std::string Name(const std::string &pattern, const char *prefix = nullptr, int64_t version = -1)
    {
        ckpt_text out;
        char why[CKPT_WHY] = "";
        moment_.metrics = metrics_.data();
        moment_.count = metrics_.size();
        int rc = ckpt_template_expand(&opts_, pattern.c_str(), prefix, version, &moment_, &out, why);
        return rc == POLYFS_OK ? out.data : std::string("!") + why;
    }

    void Log(const char *name, double value)
    {
        metrics_.push_back({name, POLYFS_POLICY_REAL, 0, 0, value});
    }

    polyfs_policy_opts opts_ = POLYFS_POLICY_OPTS_INIT;
    polyfs_policy_moment moment_ = POLYFS_POLICY_MOMENT_INIT;
    std::vector<polyfs_policy_metric> metrics_;
};

} // namespace

TEST_F(Template, DefaultIsEpochAndStep)
{
    EXPECT_EQ("epoch=3-step=1500.ckpt", Name(""));
    opts_.join = "__";
    opts_.equals = "_";
    opts_.ext = "";
    EXPECT_EQ("epoch_3__step_1500", Name(""));
}

TEST_F(Template, Fields)
{
    Log("val", 0.25);
    Log("val_loss", 1234.5);
    Log("a/b.c@d e!", 1);
    EXPECT_EQ("val=0.25.ckpt", Name("{val}"));
    EXPECT_EQ("val_loss=1234.50-val=0.25-val=2.5e-01.ckpt", Name("{val_loss:.2f}-{val}-{val:.1e}"))
        << "keys begin alike";
    EXPECT_EQ("sub/x a/b.c@d e!=1.0.ckpt", Name("sub/x {a/b.c@d e!}"));
    EXPECT_EQ("e=epoch=003.ckpt", Name("e={epoch:03d}"));
    opts_.flags = POLYFS_POLICY_PLAIN_VALUES;
    EXPECT_EQ("e=003.ckpt", Name("e={epoch:03d}"));
    Log("a[b", 2);
    EXPECT_EQ("2.0.ckpt", Name("{a[b}"));
}

TEST_F(Template, MissingKeysAreTheInteger0)
{
    EXPECT_EQ("x=0.ckpt", Name("{x}"));
    EXPECT_EQ("x=0.000.ckpt", Name("{x:.3f}"));
    EXPECT_EQ("x=0.ckpt", Name("{x:d}"));
    EXPECT_EQ('!', Name("{x:.3}")[0]) << "as an integer it has no precision";
}

TEST_F(Template, EpochAndStepAreWhole)
{
    Log("epoch", 7.9);
    Log("step", -2.5);
    EXPECT_EQ("epoch=7-step=-2.ckpt", Name(""));
    metrics_.clear();
    Log("epoch", 1e300);
    EXPECT_EQ("epoch=3-step=1500.ckpt", Name("")) << "what is no whole number gives way to the loop's own";
    metrics_ = {{"step", POLYFS_POLICY_INTEGER, 0, 9, 0}};
    EXPECT_EQ("epoch=3-step=9.ckpt", Name(""));
}

TEST_F(Template, Around)
{
    EXPECT_EQ("pre-x-v4.ckpt", Name("x", "pre", 4));
    EXPECT_EQ("-x-v0.ckpt", Name("x", "", 0)) << "a prefix, though there is nothing in it";
    EXPECT_EQ("a}b=c.ckpt", Name("a}}b=c"));
    EXPECT_EQ("x=0}.ckpt", Name("{x}}}"));
    EXPECT_EQ("100%.ckpt", Name("100%"));
}

TEST_F(Template, WhatCannotBeRead)
{
    for (const char *pattern :
         {"{", "}", "{}", "{:d}", "{{x}}", "x{{", "{x", "x}", "{x}}", "{a[0]}", "{a]}", "{a{b}", "{x:{y}}"}) {
        char why[CKPT_WHY] = "";
        EXPECT_EQ(POLYFS_INVALID, ckpt_template_check(pattern, why)) << pattern;
        EXPECT_NE(nullptr, strstr(why, pattern)) << why;
        EXPECT_EQ(std::string("!") + why, Name(pattern));
    }
    char why[CKPT_WHY] = "";
    EXPECT_EQ(POLYFS_OK, ckpt_template_check("{x:q}", why)) << "shows when there is a value";
    EXPECT_EQ('!', Name("{x:q}")[0]);
}

TEST_F(Template, Bounded)
{
    EXPECT_EQ(4090u + 5, Name(std::string(4090, 'x')).size());
    EXPECT_EQ('!', Name(std::string(4091, 'x'))[0]);
    std::string fields;
    for (int i = 0; i < 100; i++)
        fields += "{x:255}";
    EXPECT_EQ('!', Name(fields)[0]);
}
