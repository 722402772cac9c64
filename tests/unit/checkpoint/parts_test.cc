/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a trainer: who is called before whom, and what is told when parts and entries do not fit. */
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "store.h"

namespace
{

std::string calls; /* of the functions of parts, in order */
int answer;        /* of the next save */

int Save(polyfs_ckpt_saver *saver, const polyfs_ckpt_part *part, polyfs_error *err)
{
    calls += std::string(" save:") + part->name;
    std::string file = std::string(part->name) + ".json";
    return answer ? answer : polyfs_ckpt_write_json(saver, file.c_str(), "{}", err);
}

int OnSave(polyfs_ckpt_saver *saver, const polyfs_ckpt_part *part, polyfs_error *err)
{
    calls += std::string(" on_save:") + part->name;
    std::string file = std::string(part->name) + "/more";
    return polyfs_ckpt_write(saver, file.c_str(), "x", 1, err);
}

int OnLoad(polyfs_ckpt_view *, const polyfs_ckpt_part *part, polyfs_error *)
{
    calls += std::string(" on_load:") + part->name;
    return POLYFS_OK;
}

int Load(polyfs_ckpt_view *, const polyfs_ckpt_part *part, polyfs_error *)
{
    calls += std::string(" load:") + part->name;
    return POLYFS_OK;
}

void Differ(const char *name, int unexpected, void *)
{
    calls += std::string(unexpected ? " unexpected:" : " missing:") + name;
}

polyfs_ckpt_part Part(uint32_t role, const char *name, bool hooks = true)
{
    polyfs_ckpt_part part = POLYFS_CKPT_PART_INIT;
    part.role = role;
    part.name = name;
    part.save = Save;
    part.load = Load;
    part.on_save = hooks ? OnSave : nullptr;
    part.on_load = hooks ? OnLoad : nullptr;
    return part;
}

class Parts : public testing::Test
{
  protected:
    Parts()
    {
        std::string url = NewRun("parts");
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_open(url.c_str(), nullptr, &ckpt_, &err_)) << err_.message;
        calls.clear();
        answer = 0;
    }

    ~Parts() override
    {
        polyfs_ckpt_view_close(view_);
        polyfs_ckpt_close(ckpt_);
    }

    int SaveAll(const std::vector<polyfs_ckpt_part> &parts, uint32_t flags = 0)
    {
        polyfs_ckpt_saver *saver = nullptr;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_begin(ckpt_, nullptr, &saver, &err_));
        int rc = polyfs_ckpt_save_parts(saver, parts.data(), parts.size(), flags, &err_);
        if (rc == POLYFS_OK)
            return polyfs_ckpt_commit(saver, nullptr, &err_);
        polyfs_ckpt_abort(saver);
        return rc;
    }

    int LoadAll(const std::vector<polyfs_ckpt_part> &parts, uint32_t flags)
    {
        polyfs_ckpt_view_close(view_);
        view_ = nullptr;
        calls.clear();
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpt_, "latest", 0, &view_, &err_)) << err_.message;
        return polyfs_ckpt_load_parts(view_, parts.data(), parts.size(), flags, Differ, nullptr, &err_);
    }

    const std::vector<polyfs_ckpt_part> all_{
        Part(POLYFS_CKPT_CALLBACK, "early"),        Part(POLYFS_CKPT_MODULE, "net"),
        Part(POLYFS_CKPT_OPTIMIZER, "adam", false), Part(POLYFS_CKPT_DATAMODULE, "data"),
        Part(POLYFS_CKPT_CALLBACK, "timer"),        Part(POLYFS_CKPT_LOOPS, "loops", false),
        Part(POLYFS_CKPT_SCHEDULER, "lr", false),   Part(POLYFS_CKPT_PRECISION, "amp", false)};
    polyfs_error err_ = POLYFS_ERROR_INIT;
    polyfs_ckpt *ckpt_ = nullptr;
    polyfs_ckpt_view *view_ = nullptr;
};

TEST_F(Parts, EachHasItsTurn)
{
    ASSERT_EQ(POLYFS_OK, SaveAll(all_)) << err_.message;
    EXPECT_EQ(" save:loops save:net save:early save:timer save:adam save:lr save:amp save:data on_save:early "
              "on_save:timer on_save:data on_save:net",
              calls);
    ASSERT_EQ(POLYFS_OK, LoadAll(all_, POLYFS_CKPT_STRICT)) << err_.message;
    EXPECT_EQ(
        " on_load:net load:net on_load:data load:data on_load:early on_load:timer load:early load:timer load:amp "
        "load:loops load:adam load:lr",
        calls);
}

TEST_F(Parts, WeightsOnlyIsTheModule)
{
    ASSERT_EQ(POLYFS_OK, SaveAll(all_, POLYFS_CKPT_WEIGHTS_ONLY)) << err_.message;
    EXPECT_EQ(" save:loops save:net on_save:net", calls);
    EXPECT_EQ(POLYFS_NOT_FOUND, LoadAll(all_, POLYFS_CKPT_STRICT));
    EXPECT_EQ(" missing:early missing:adam missing:data missing:timer missing:lr missing:amp", calls);
    EXPECT_EQ(POLYFS_OK, LoadAll(all_, POLYFS_CKPT_STRICT | POLYFS_CKPT_WEIGHTS_ONLY)) << err_.message;
    EXPECT_EQ(" on_load:net load:net", calls);
    EXPECT_EQ(POLYFS_OK, LoadAll(all_, 0)) << err_.message;
    EXPECT_EQ(" missing:early missing:adam missing:data missing:timer missing:lr missing:amp on_load:net load:net "
              "load:loops",
              calls);
}

TEST_F(Parts, WhatNobodyWantsIsToldAndRefusedWhenStrict)
{
    ASSERT_EQ(POLYFS_OK, SaveAll({all_[1], all_[3]})) << err_.message;
    EXPECT_EQ(POLYFS_EXISTS, LoadAll({all_[1]}, POLYFS_CKPT_STRICT));
    EXPECT_EQ(" unexpected:data.json unexpected:data/more", calls);
    EXPECT_EQ(POLYFS_OK, LoadAll({all_[1]}, 0));
    EXPECT_EQ(" unexpected:data.json unexpected:data/more on_load:net load:net", calls);
}

TEST_F(Parts, OnesOwnFilesOnly)
{
    polyfs_ckpt_part thief = all_[1];
    thief.on_save = [](polyfs_ckpt_saver *saver, const polyfs_ckpt_part *, polyfs_error *err) {
        return polyfs_ckpt_write(saver, "data.json", "x", 1, err);
    };
    EXPECT_EQ(POLYFS_INVALID, SaveAll({thief}));
    EXPECT_EQ(POLYFS_INVALID, SaveAll({thief, Part(POLYFS_CKPT_DATAMODULE, "data.json", false)}));
    EXPECT_EQ(POLYFS_INVALID, SaveAll({all_[1], all_[1]})) << "one name twice";
    EXPECT_EQ(POLYFS_INVALID, SaveAll({Part(99, "x")}));
    EXPECT_EQ(POLYFS_INVALID, SaveAll({Part(POLYFS_CKPT_MODULE, "../x")}));
}

TEST_F(Parts, TheLongerNameOwns)
{
    const std::vector<polyfs_ckpt_part> two{Part(POLYFS_CKPT_CALLBACK, "a", false),
                                            Part(POLYFS_CKPT_CALLBACK, "a.b", false)};
    ASSERT_EQ(POLYFS_OK, SaveAll(two)) << err_.message;
    EXPECT_EQ(POLYFS_OK, LoadAll(two, POLYFS_CKPT_STRICT)) << err_.message;
    EXPECT_EQ(" load:a load:a.b", calls);
}

TEST_F(Parts, AFailureOfOneEndsTheSave)
{
    answer = POLYFS_NO_SPACE;
    EXPECT_EQ(POLYFS_NO_SPACE, SaveAll(all_));
    EXPECT_EQ(" save:loops", calls);
}

} // namespace
