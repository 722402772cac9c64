/* SPDX-License-Identifier: Apache-2.0 */
/* The last checkpoint under a name that does not change: as a pointer, a copy, a link. */
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"
#include "store.h"

namespace
{

class Last : public OnRun
{
  protected:
    Last() : OnRun("last")
    {
    }

    ~Last() override
    {
        if (!folder_.empty()) {
            polyfs_fs *fs = nullptr;
            char *path = nullptr;
            EXPECT_EQ(POLYFS_OK, polyfs_fs_open(folder_.c_str(), nullptr, &fs, &path, &err_));
            EXPECT_EQ(POLYFS_OK, polyfs_remove_tree(fs, path, nullptr, &err_)) << err_.message;
            polyfs_fs_close(fs);
            polyfs_free(path);
        }
    }

    void OnDisk()
    {
        char folder[] = "/tmp/polyfs-last-XXXXXX";
        ASSERT_NE(nullptr, mkdtemp(folder));
        folder_ = std::string("file://") + folder;
        url_ = folder_ + "/run";
    }

    int Open(uint32_t as, const char *path = nullptr, const char *fault = nullptr)
    {
        polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
        opts.last_as = as;
        opts.last_path = path;
        opts.keep_newest = 2;
        return OpenWith(opts, fault);
    }

    /* The bytes name the step and the file. */
    int Save(int64_t step, size_t files = 1)
    {
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        const std::string a = "a of " + std::to_string(step), b = "b of " + std::to_string(step);
        const polyfs_ckpt_item items[] = {{"a.bin", a.data(), a.size(), nullptr},
                                          {"b.bin", b.data(), b.size(), nullptr}};
        opts.step = step;
        return polyfs_ckpt_save(ckpt_, &opts, items, files, &info_, &err_);
    }

    std::string Get(const std::string &below)
    {
        void *data = nullptr;
        size_t n = 0;
        const int rc = polyfs_get_url((url_ + "/" + below).c_str(), &data, &n, &err_);
        std::string bytes = rc == POLYFS_OK ? std::string(static_cast<char *>(data), n) : polyfs_code_name(rc);
        polyfs_free(data);
        return bytes;
    }

    /* What the pointer's line leads to. */
    std::string Pointed(const std::string &more = "")
    {
        std::string line = Get("last");
        EXPECT_EQ('\n', line.back());
        line.pop_back();
        return Get(line + more);
    }

    std::string folder_; /* of OnDisk() */
};

TEST_F(Last, APointerMovesWithEachSave)
{
    ASSERT_EQ(POLYFS_OK, Open(POLYFS_CKPT_LAST_POINTER)) << err_.message;
    EXPECT_EQ("not_found", Get("last")) << "there is no checkpoint yet";
    for (int64_t step = 1; step <= 5; step++) {
        ASSERT_EQ(POLYFS_OK, Save(step)) << err_.message;
        EXPECT_EQ("a of " + std::to_string(step), Pointed());
    }
    ASSERT_EQ(POLYFS_OK, Save(6, 2)) << err_.message;
    EXPECT_EQ("b of 6", Pointed("/b.bin")) << "to the folder, when it has several files";
    EXPECT_EQ(0u, info_.flags & POLYFS_CKPT_UNDONE) << info_.note;
}

TEST_F(Last, ACopyHoldsTheBytes)
{
    ASSERT_EQ(POLYFS_OK, Open(POLYFS_CKPT_LAST_COPY, "newest/model.bin")) << err_.message;
    ASSERT_EQ(POLYFS_OK, Save(1)) << err_.message;
    ASSERT_EQ(POLYFS_OK, Save(2)) << err_.message;
    EXPECT_EQ("a of 2", Get("newest/model.bin"));
    ASSERT_EQ(POLYFS_OK, Save(3, 2)) << "it is saved all the same";
    EXPECT_TRUE(info_.flags & POLYFS_CKPT_UNDONE);
    EXPECT_NE(std::string::npos, std::string(info_.note).find("several files")) << info_.note;
    EXPECT_EQ("a of 2", Get("newest/model.bin")) << "never a part";
}

TEST_F(Last, ALinkLeadsToIt)
{
    OnDisk();
    ASSERT_EQ(POLYFS_OK, Open(POLYFS_CKPT_LAST_LINK, "newest/link")) << err_.message;
    ASSERT_EQ(POLYFS_OK, Save(7)) << err_.message;
    EXPECT_EQ("a of 7", Get("newest/link"));
    ASSERT_EQ(POLYFS_OK, Open(POLYFS_CKPT_LAST_LINK)) << err_.message;
    for (int64_t step = 1; step <= 4; step++) {
        ASSERT_EQ(POLYFS_OK, Save(step)) << err_.message;
        EXPECT_EQ("a of " + std::to_string(step), Get("last"));
    }
    ASSERT_EQ(POLYFS_OK, Save(5, 2)) << err_.message;
    EXPECT_EQ("b of 5", Get("last/b.bin"));
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_gc(ckpt_, 0, 0, nullptr, nullptr, &err_)) << err_.message;
    EXPECT_EQ("b of 5", Get("last/b.bin"));
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_verify(ckpt_, nullptr, 0, nullptr, nullptr, &err_)) << err_.message;
}

TEST_F(Last, AKillBeforeItIsMadeUpForByTheNextOpening)
{
    ASSERT_EQ(POLYFS_OK, Open(POLYFS_CKPT_LAST_POINTER));
    ASSERT_EQ(POLYFS_OK, Save(1));
    ASSERT_EQ(POLYFS_OK, Open(POLYFS_CKPT_LAST_RECORD));
    ASSERT_EQ(POLYFS_OK, Save(2));
    EXPECT_EQ("a of 1", Pointed());
    ASSERT_EQ(POLYFS_OK, Open(POLYFS_CKPT_LAST_POINTER));
    EXPECT_EQ("a of 2", Pointed());
}

TEST_F(Last, NoneIsLeftWhenAllAreDropped)
{
    const char *name = "step=1";
    ASSERT_EQ(POLYFS_OK, Open(POLYFS_CKPT_LAST_POINTER));
    ASSERT_EQ(POLYFS_OK, Save(1));
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_drop(ckpt_, &name, 1, &err_)) << err_.message;
    EXPECT_EQ("not_found", Get("last"));
}

TEST_F(Last, WhatCannotBeMadeIsToldAndTheSaveIsWell)
{
    /* A store that copies by itself fails in that, another in the reading. */
    ASSERT_EQ(POLYFS_OK, Open(POLYFS_CKPT_LAST_COPY, nullptr, "copy:1+:permission,reader_open:1+:permission"));
    ASSERT_EQ(POLYFS_OK, Save(1)) << err_.message;
    EXPECT_TRUE(info_.flags & POLYFS_CKPT_UNDONE);
    EXPECT_NE('\0', info_.note[0]);
    EXPECT_EQ("not_found", Get("last"));
}

TEST_F(Last, Refusals)
{
    if (url_.rfind("file:", 0) != 0) {
        EXPECT_EQ(POLYFS_UNSUPPORTED, Open(POLYFS_CKPT_LAST_LINK)) << "there are no links";
        EXPECT_NE(std::string::npos, std::string(err_.message).find("pointer")) << err_.message;
    }
    EXPECT_EQ(POLYFS_INVALID, Open(9));
    EXPECT_EQ(POLYFS_INVALID, Open(POLYFS_CKPT_LAST_POINTER, "../out"));
    EXPECT_EQ(POLYFS_INVALID, Open(POLYFS_CKPT_LAST_POINTER, ".ckpt/log"));
}

} // namespace
