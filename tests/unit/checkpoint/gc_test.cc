/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads that killed saves did not finish: those below attempts go with them, by age; what others began stays. */
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"

namespace
{

constexpr size_t kPart = 65536;
const char kDead[] = "0123456789abcdef0123456789abcdef", kOther[] = "fedcba9876543210fedcba9876543210";
using Paths = std::multiset<std::string>;

class Gc : public testing::Test
{
  protected:
    Gc()
    {
        static int number;
        bucket_ = "gc-" + std::to_string(number++);
        Open(nullptr);
    }

    ~Gc() override
    {
        polyfs_ckpt_close(ckpt_);
    }

    /* @fault: which calls of the store fail, or nullptr. */
    void Open(const char *fault)
    {
        std::string option = std::string("fault=") + (fault ? fault : "");
        const char *options[] = {fault ? option.c_str() : nullptr, nullptr};
        polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
        opts.options = options;
        polyfs_ckpt_close(ckpt_);
        ckpt_ = nullptr;
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_open(("memory://" + bucket_ + "/run").c_str(), &opts, &ckpt_, &err_))
            << err_.message;
    }

    /* What a program that was killed in the middle of a write leaves: here its abort fails instead. */
    void Leave(const std::string &name)
    {
        const char *options[] = {"fault=upload_abort:1+:permission", nullptr};
        polyfs_write_opts write = POLYFS_WRITE_OPTS_INIT;
        polyfs_fs *fs = nullptr;
        polyfs_writer *writer = nullptr;
        char *path = nullptr;
        const std::string bytes(kPart + 1, 'u');
        write.shape = POLYFS_SHAPE_PARTS;
        write.part_bytes = kPart;
        ASSERT_EQ(POLYFS_OK,
                  polyfs_fs_open(("memory://" + bucket_ + "/" + name).c_str(), options, &fs, &path, &err_));
        ASSERT_EQ(POLYFS_OK, polyfs_writer_open(fs, path, &write, &writer, &err_)) << err_.message;
        ASSERT_EQ(POLYFS_OK, polyfs_writer_write(writer, bytes.data(), bytes.size(), &err_)) << err_.message;
        polyfs_writer_close(writer);
        polyfs_free(path);
        polyfs_fs_close(fs);
    }

    /* Unfinished uploads in the whole bucket. */
    Paths Uploads()
    {
        polyfs_gc_opts opts = POLYFS_GC_OPTS_INIT;
        polyfs_fs *fs = nullptr;
        char *path = nullptr;
        Paths found;
        opts.flags = POLYFS_GC_DRY_RUN | POLYFS_GC_FOREIGN;
        opts.found = [](const char *at, int64_t, int, void *user) { static_cast<Paths *>(user)->insert(at); };
        opts.user = &found;
        EXPECT_EQ(POLYFS_OK, polyfs_fs_open(("memory://" + bucket_).c_str(), nullptr, &fs, &path, &err_));
        EXPECT_EQ(POLYFS_OK, polyfs_gc(fs, path, &opts, nullptr, &err_)) << err_.message;
        polyfs_free(path);
        polyfs_fs_close(fs);
        return found;
    }

    int Collect(uint32_t older_than_s, uint32_t flags)
    {
        told_.clear();
        return polyfs_ckpt_gc(ckpt_, older_than_s, flags, Take, this, &err_);
    }

    static void Take(const char *path, int removed, void *user)
    {
        static_cast<Gc *>(user)->told_.insert(path + std::string(removed ? "" : " stays"));
    }

    /* A checkpoint that is whole; the path of its folder. */
    std::string Save()
    {
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
        const polyfs_ckpt_item item = {"weights", "bytes", 5, nullptr};
        opts.step = 1;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_save(ckpt_, &opts, &item, 1, &info, &err_)) << err_.message;
        return std::string("run/step=1/") + info.attempt;
    }

    std::string P(const std::string &name) const
    {
        return bucket_ + "/" + name;
    }

    std::string bucket_;
    Paths told_;
    polyfs_error err_ = POLYFS_ERROR_INIT;
    polyfs_ckpt *ckpt_ = nullptr;
};

TEST_F(Gc, UploadsOfAttemptsGoByAge)
{
    const std::string dead = std::string("run/step=2/") + kDead + "/model/weights", late = Save() + "/late";
    Leave(dead);
    Leave(dead);
    Leave(late);
    const Paths three = {P(dead), P(dead), P(late)};
    ASSERT_EQ(POLYFS_OK, Collect(3600, 0)) << err_.message;
    EXPECT_EQ(three, Uploads()) << "a save may be under way";
    ASSERT_EQ(POLYFS_OK, Collect(0, POLYFS_CKPT_DRY_RUN)) << err_.message;
    EXPECT_EQ(three, Uploads());
    EXPECT_EQ((Paths{P(dead) + " stays", P(dead) + " stays", P(late) + " stays"}), told_);
    ASSERT_EQ(POLYFS_OK, Collect(0, 0)) << err_.message;
    EXPECT_EQ(Paths{}, Uploads()) << "also of an attempt that exists: nothing more comes to it";
    EXPECT_EQ(three, told_);
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_verify(ckpt_, nullptr, 0, nullptr, nullptr, &err_)) << err_.message;
}

TEST_F(Gc, UploadsOfOthersStay)
{
    const std::string beside = std::string("run2/step=1/") + kOther + "/weights", own = "run/data/own",
                      above = std::string(kOther) + "/x";
    for (const std::string &name : {beside, own, above})
        Leave(name);
    ASSERT_EQ(POLYFS_OK, Collect(0, 0)) << err_.message;
    EXPECT_EQ((Paths{P(beside), P(own), P(above)}), Uploads());
    EXPECT_EQ(Paths{}, told_);
}

TEST_F(Gc, WhatIsRefusedIsToldAndTheRestDone)
{
    const std::string first = std::string("run/step=2/") + kDead + "/weights",
                      second = std::string("run/step=3/") + kOther + "/weights";
    Leave(first);
    Leave(second);
    Open("upload_list:1+:permission");
    EXPECT_EQ(POLYFS_PERMISSION, Collect(0, 0)) << "whether there are some cannot be told";
    Open("upload_abort:1:permission");
    EXPECT_EQ(POLYFS_PERMISSION, Collect(0, 0));
    EXPECT_EQ((Paths{P(first) + " stays", P(second)}), told_);
    EXPECT_EQ(Paths{P(first)}, Uploads());
    Open("upload_list:1+:unsupported");
    EXPECT_EQ(POLYFS_OK, Collect(0, 0)) << err_.message;
}

} // namespace
