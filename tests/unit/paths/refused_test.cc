/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that a plugin's description refuses: INVALID by every verb, with what to do, before the plugin is asked for
 * anything; and all other names are its own.
 */
#include <string>
#include <vector>

#include <gtest/gtest.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <polyfs/polyfs.h>
#pragma GCC diagnostic pop

#include "strict.h"

namespace
{

class Refused : public testing::Test
{
  protected:
    void Open(const char *url)
    {
        polyfs_error err = POLYFS_ERROR_INIT;
        ASSERT_EQ(POLYFS_OK, strict_register());
        ASSERT_EQ(POLYFS_OK, polyfs_fs_open(url, nullptr, &fs_, nullptr, &err)) << err.message;
        strict_reached = 0;
    }

    void TearDown() override
    {
        polyfs_remove_tree(fs_, "d", nullptr, nullptr);
        polyfs_fs_close(fs_);
    }

    int Put(const std::string &path)
    {
        err_ = POLYFS_ERROR_INIT;
        return polyfs_put(fs_, path.c_str(), "x", 1, nullptr, nullptr, &err_);
    }

    int Stat(const std::string &path)
    {
        struct polyfs_stat stat = POLYFS_STAT_INIT;
        err_ = POLYFS_ERROR_INIT;
        return polyfs_stat(fs_, path.c_str(), nullptr, nullptr, &stat, &err_);
    }

    int List(const std::string &path, uint32_t flags, size_t *out_count)
    {
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        polyfs_lister *lister = nullptr;
        const polyfs_entry *rows = nullptr;
        opts.flags = flags;
        err_ = POLYFS_ERROR_INIT;
        int rc = polyfs_list_open(fs_, path.c_str(), &opts, &lister, &err_);
        if (rc != POLYFS_OK)
            return rc;
        rc = polyfs_list_next(lister, &rows, out_count, &err_);
        polyfs_list_close(lister);
        return rc;
    }

    /* Every verb that takes one path. */
    void EveryVerbRefuses(const std::string &path, const std::string &says)
    {
        const char *name = path.c_str();
        struct polyfs_caps caps = {};
        caps.struct_size = sizeof(caps);
        char byte;
        size_t n;
        int exists;
        polyfs_fs *sub = nullptr;
        polyfs_writer *writer = nullptr;
        EXPECT_EQ(POLYFS_INVALID, Put(path)) << path;
        EXPECT_NE(nullptr, strstr(err_.message, says.c_str())) << err_.message;
        EXPECT_EQ(POLYFS_INVALID, Stat(path)) << path;
        EXPECT_NE(nullptr, strstr(err_.message, says.c_str())) << err_.message;
        EXPECT_EQ(POLYFS_RETRY_NEVER, err_.retry);
        EXPECT_EQ(POLYFS_INVALID, polyfs_caps(fs_, name, 0, nullptr, &caps, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_exists(fs_, name, nullptr, &exists, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_get(fs_, name, nullptr, &byte, 1, &n, nullptr, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_remove(fs_, name, nullptr, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_remove_tree(fs_, name, nullptr, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_mkdir(fs_, name, 0, nullptr, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_fs_sub(fs_, name, 0, nullptr, &sub, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_writer_open(fs_, name, nullptr, &writer, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_rename(fs_, "d/a", name, 0, nullptr, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_rename(fs_, name, "d/b", 0, nullptr, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_copy(fs_, "d/a", fs_, name, nullptr, nullptr, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, polyfs_copy(fs_, name, fs_, "d/b", nullptr, nullptr, nullptr)) << path;
        EXPECT_EQ(POLYFS_INVALID, List(path, 0, &n)) << path;
        EXPECT_EQ(0u, strict_reached) << path;
    }

    polyfs_fs *fs_ = nullptr;
    polyfs_error err_ = POLYFS_ERROR_INIT;
};

TEST_F(Refused, DotsAsParts)
{
    Open("nodots://");
    ASSERT_EQ(POLYFS_OK, Put("d/a"));
    for (const char *path :
         {"refused/.", "refused/..", "./refused", "../refused", "d/./refused", "d/../refused", "/../refused"})
        EveryVerbRefuses(path, "write the path without it");
    EXPECT_EQ(POLYFS_INVALID, Stat(".."));
    EXPECT_EQ(POLYFS_INVALID, Stat("."));
    EXPECT_EQ(POLYFS_OK, Stat("d/a"));
}

TEST_F(Refused, OnlyDotsAsParts)
{
    Open("nodots://");
    for (const char *path : {"d/.a", "d/a.", "d/..a", "d/a..", "d/...", "d/a..b", "d//a", "d/a/"}) {
        EXPECT_EQ(POLYFS_OK, Put(path)) << err_.message;
        EXPECT_EQ(POLYFS_OK, Stat(path)) << err_.message;
    }
}

TEST_F(Refused, EmptyParts)
{
    Open("noslashes://");
    ASSERT_EQ(POLYFS_OK, Put("d/a"));
    for (const char *path : {"d//refused", "refused//", "//refused", "d///refused", "d/b//refused"})
        EveryVerbRefuses(path, "write one slash");
    EXPECT_EQ(POLYFS_OK, Stat("d/a"));
}

TEST_F(Refused, OnlyEmptyParts)
{
    Open("noslashes://");
    for (const char *path : {"d/a/", "/d/a", "d/./a", "d/../a", "d/ /a"}) {
        EXPECT_EQ(POLYFS_OK, Put(path)) << err_.message;
        EXPECT_EQ(POLYFS_OK, Stat(path)) << err_.message;
        EXPECT_EQ(POLYFS_OK, polyfs_remove(fs_, path, nullptr, nullptr));
    }
}

/* The message of a copy or a rename names the one of the two that is wrong. */
TEST_F(Refused, TheSourceIsNamed)
{
    Open("nodots://");
    ASSERT_EQ(POLYFS_OK, Put("d/a"));
    EXPECT_EQ(POLYFS_INVALID, polyfs_rename(fs_, "d/../refused", "d/b", 0, nullptr, &err_));
    EXPECT_NE(nullptr, strstr(err_.message, "d/../refused")) << err_.message;
}

/* What a prefix ends with is the beginning of a name, not a part. */
TEST_F(Refused, PrefixesOfListings)
{
    size_t n = 0;
    Open("nodots://");
    ASSERT_EQ(POLYFS_OK, Put("d/.hidden"));
    ASSERT_EQ(POLYFS_OK, Put("d/..hidden"));
    EXPECT_EQ(POLYFS_OK, List("d/.", POLYFS_LS_PREFIX, &n)) << err_.message;
    EXPECT_EQ(2u, n);
    EXPECT_EQ(POLYFS_OK, List("d/..", POLYFS_LS_PREFIX, &n)) << err_.message;
    EXPECT_EQ(1u, n);
    EXPECT_EQ(POLYFS_INVALID, List("d/../refused", POLYFS_LS_PREFIX, &n));
    EXPECT_EQ(POLYFS_INVALID, List("refused/./", POLYFS_LS_PREFIX, &n));
    EXPECT_EQ(0u, strict_reached);
}

/* A wrong name among many is refused alone; the others go. */
TEST_F(Refused, OneOfMany)
{
    Open("noslashes://");
    for (unsigned at = 0; at < 3; at++) {
        const char *paths[] = {"d/a", "d/b", "d/c"};
        int codes[] = {1, 1, 1};
        for (const char *path : paths)
            ASSERT_EQ(POLYFS_OK, Put(path));
        paths[at] = "d//refused";
        EXPECT_EQ(POLYFS_INVALID, polyfs_remove_many(fs_, paths, 3, nullptr, codes, &err_));
        EXPECT_NE(nullptr, strstr(err_.message, "write one slash")) << err_.message;
        for (unsigned i = 0; i < 3; i++) {
            EXPECT_EQ(i == at ? POLYFS_INVALID : POLYFS_OK, codes[i]);
            EXPECT_EQ(i == at ? POLYFS_INVALID : POLYFS_NOT_FOUND, Stat(paths[i]));
        }
        polyfs_remove_tree(fs_, "d", nullptr, nullptr);
    }
    EXPECT_EQ(0u, strict_reached);
}

/* Nothing lies below the longest name that there may be, so nobody asks for it: it is absent, not wrong. */
TEST_F(Refused, TheLongestNameMayBeAbsent)
{
    for (size_t length : {size_t{STRICT_PATH_MAX} - 1, size_t{STRICT_PATH_MAX}}) {
        polyfs_fs *sub = nullptr;
        const std::string path = "d/" + std::string(length - 2, 'n');
        int exists = 1;
        Open("nodots://");
        EXPECT_EQ(POLYFS_NOT_FOUND, Stat(path)) << length << err_.message;
        EXPECT_EQ(POLYFS_OK, polyfs_exists(fs_, path.c_str(), nullptr, &exists, &err_)) << err_.message;
        EXPECT_EQ(0, exists);
        ASSERT_EQ(POLYFS_OK, polyfs_fs_sub(fs_, "d", 0, nullptr, &sub, &err_)) << err_.message;
        EXPECT_EQ(POLYFS_OK, polyfs_exists(sub, path.c_str() + 2, nullptr, &exists, &err_)) << err_.message;
        polyfs_fs_close(sub);
        polyfs_fs_close(fs_);
    }
    Open("nodots://");
}

/* Also which throttle a request shares is asked of the path that it is about. */
TEST_F(Refused, FactsBelowAFolderAreOfThatFolder)
{
    polyfs_fs *sub = nullptr;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    Open("nodots://");
    ASSERT_EQ(POLYFS_OK, Put("d/a"));
    ASSERT_EQ(POLYFS_OK, polyfs_fs_sub(fs_, "d", 0, nullptr, &sub, &err_)) << err_.message;
    strict_outside = 0;
    EXPECT_EQ(POLYFS_OK, polyfs_stat(sub, "a", nullptr, nullptr, &stat, &err_)) << err_.message;
    EXPECT_EQ(POLYFS_OK, polyfs_put(sub, "b", "x", 1, nullptr, nullptr, &err_)) << err_.message;
    EXPECT_EQ(0u, strict_outside);
    polyfs_fs_close(sub);
}

/* Below a folder the names are refused as above it, also where the two meet; so no name leads out. */
TEST_F(Refused, BelowAFolder)
{
    for (const char *url : {"nodots://", "noslashes://"}) {
        const std::string name = url == std::string("nodots://") ? "../refused" : "/refused";
        polyfs_fs *sub = nullptr;
        struct polyfs_stat stat = POLYFS_STAT_INIT;
        Open(url);
        ASSERT_EQ(POLYFS_OK, Put("d/a"));
        ASSERT_EQ(POLYFS_OK, polyfs_fs_sub(fs_, "d/", POLYFS_SUB_CONFINE, nullptr, &sub, &err_)) << err_.message;
        EXPECT_EQ(POLYFS_OK, polyfs_stat(sub, "a", nullptr, nullptr, &stat, &err_)) << err_.message;
        EXPECT_EQ(POLYFS_INVALID, polyfs_stat(sub, name.c_str(), nullptr, nullptr, &stat, nullptr));
        EXPECT_EQ(POLYFS_INVALID, polyfs_put(sub, name.c_str(), "x", 1, nullptr, nullptr, nullptr));
        EXPECT_EQ(0u, strict_reached);
        polyfs_fs_close(sub);
        TearDown();
        fs_ = nullptr;
    }
    Open("nodots://");
}

} // namespace
