/* SPDX-License-Identifier: Apache-2.0 */
/* With fewer rights: what can be done is done, what cannot is told, and a refusal is never taken for "none". */
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"
#include "store.h"

namespace
{

class Rights : public OnRun
{
  protected:
    Rights() : OnRun("rights")
    {
    }

    /* @fault: which calls of the store are refused, or nullptr. */
    int Open(const char *fault, uint32_t flags = 0, uint32_t keep = 0)
    {
        polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
        opts.flags = flags;
        opts.keep_newest = keep;
        return OpenWith(opts, fault);
    }

    int Save(int64_t step)
    {
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        const polyfs_ckpt_item item = {"weights", "bytes", 5, nullptr};
        opts.step = step;
        return polyfs_ckpt_save(ckpt_, &opts, &item, 1, &info_, &err_);
    }

    int64_t Newest()
    {
        polyfs_ckpt_view *view = nullptr;
        int rc = polyfs_ckpt_load(ckpt_, "latest", 0, &view, &err_);
        int64_t step = rc == POLYFS_OK ? polyfs_ckpt_view_info(view)->step : rc;
        polyfs_ckpt_view_close(view);
        return step;
    }
};

const char kNoList[] = "list_next:1+:permission";

TEST_F(Rights, SavingAndLoadingNeedNoList)
{
    for (int64_t step = 1; step <= 20; step++) {
        ASSERT_EQ(POLYFS_OK, Open(kNoList)) << err_.message;
        ASSERT_EQ(POLYFS_OK, Save(step)) << err_.message;
        ASSERT_EQ(step, Newest()) << err_.message;
    }
    ASSERT_EQ(POLYFS_OK, Open(nullptr, POLYFS_CKPT_READ_ONLY));
    EXPECT_EQ(20, Newest()) << "who may list sees the same";
    struct polyfs_ckpt_list *list = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_list(ckpt_, &list, &err_));
    EXPECT_EQ(20u, polyfs_ckpt_list_count(list));
    polyfs_ckpt_list_free(list);
}

TEST_F(Rights, ARefusalIsNeverNone)
{
    ASSERT_EQ(POLYFS_OK, Open(kNoList, POLYFS_CKPT_READ_ONLY));
    EXPECT_EQ(POLYFS_PERMISSION, Newest());
    EXPECT_NE(nullptr, strstr(err_.message, "cannot be told")) << err_.message;
    struct polyfs_ckpt_list *list = nullptr;
    EXPECT_EQ(POLYFS_PERMISSION, polyfs_ckpt_list(ckpt_, &list, &err_));
    ASSERT_EQ(POLYFS_OK, Open(nullptr, POLYFS_CKPT_READ_ONLY));
    EXPECT_EQ(POLYFS_NOT_FOUND, Newest()) << "who may list is told that there is none";
}

TEST_F(Rights, WhatMayNotBeRemovedIsTold)
{
    ASSERT_EQ(POLYFS_OK, Open("remove:1+:permission,remove_tree:1+:permission,remove_many:1+:permission", 0, 2))
        << err_.message;
    for (int64_t step = 1; step <= 4; step++)
        ASSERT_EQ(POLYFS_OK, Save(step)) << err_.message;
    EXPECT_TRUE(info_.flags & POLYFS_CKPT_UNDONE);
    EXPECT_NE(nullptr, strstr(info_.note, "allow to list and delete")) << info_.note;
    ASSERT_EQ(POLYFS_OK, Open(nullptr, 0, 2)) << err_.message;
    ASSERT_EQ(POLYFS_OK, Save(5)) << err_.message;
    EXPECT_FALSE(info_.flags & POLYFS_CKPT_UNDONE) << info_.note;
}

TEST_F(Rights, AnotherWriterIsStillNoticed)
{
    ASSERT_EQ(POLYFS_OK, Open(kNoList)) << err_.message;
    ASSERT_EQ(POLYFS_OK, Save(1)) << err_.message;
    polyfs_ckpt *first = ckpt_;
    ckpt_ = nullptr;
    ASSERT_EQ(POLYFS_OK, Open(kNoList)) << err_.message;
    ASSERT_EQ(POLYFS_OK, Save(2)) << err_.message;
    std::swap(first, ckpt_);
    EXPECT_EQ(POLYFS_CONDITION, Save(3));
    polyfs_ckpt_close(first);
}

} // namespace
