/* SPDX-License-Identifier: Apache-2.0 */
/* What a save costs: besides its file one record, one look, and one removal when something is let go. */
#include <string>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"
#include "store.h"

namespace
{

class Requests : public OnFolder
{
  protected:
    Requests() : OnFolder("requests")
    {
    }

    void Open(uint32_t keep, uint32_t flags = 0)
    {
        polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
        opts.keep_newest = keep;
        opts.flags = flags;
        ASSERT_EQ(POLYFS_OK, OpenWith(opts)) << err_.message;
    }

    /* Requests on the wire: none on stores in memory, where what is left is looked at alone. */
    uint64_t Sent()
    {
        struct polyfs_fs_stats stats = {};
        stats.struct_size = sizeof(stats);
        polyfs_fs_stats(fs_, &stats);
        return stats.requests;
    }

    uint64_t Save(int64_t step)
    {
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        const polyfs_ckpt_item item = {"weights", "bytes", 5, nullptr};
        const uint64_t before = Sent();
        opts.step = step;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_save(ckpt_, &opts, &item, 1, nullptr, &err_)) << err_.message;
        return Sent() - before;
    }

    size_t Below(const char *folder)
    {
        polyfs_usage usage = {};
        const std::string path = root_ + folder;
        EXPECT_EQ(POLYFS_OK, polyfs_du(fs_, path.c_str(), nullptr, &usage, &err_)) << err_.message;
        return usage.objects;
    }
};

TEST_F(Requests, OfASave)
{
    Open(0);
    uint64_t all = 0;
    for (int64_t step = 1; step <= 40; step++)
        all += Save(step);
    EXPECT_LE(all, 40u * 3 + 2); /* file, record, look; old records now and then */
    EXPECT_EQ(40u, Below("") - Below("/.ckpt"));
    EXPECT_LE(Below("/.ckpt/log"), 5u + 16);
}

TEST_F(Requests, OfOneThatLetsAnotherGo)
{
    Open(2);
    for (int64_t step = 1; step <= 4; step++)
        Save(step);
    for (int64_t step = 5; step <= 20; step++)
        EXPECT_LE(Save(step), 4u) << step; /* file, record, look, removal */
    EXPECT_EQ(3u, Below("") - Below("/.ckpt")) << "the last one that was dropped stays for one record more";
    EXPECT_EQ(5u, Below("/.ckpt/log"));
}

TEST_F(Requests, OfWhoIsAlone)
{
    Open(0, POLYFS_CKPT_ALONE);
    for (int64_t step = 1; step <= 16; step++)
        EXPECT_LE(Save(step), 2u) << step;
}

} // namespace
