/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is removed behind an open view: damage, and never "there is none". */
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"

namespace
{

TEST(Missing, AFileThatIsGoneIsDamage)
{
    polyfs_error err = POLYFS_ERROR_INIT;
    polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
    const polyfs_ckpt_item items[] = {{"a", "bytes", 5, nullptr}, {"b", "more", 4, nullptr}};
    polyfs_ckpt *ckpt = nullptr;
    polyfs_ckpt_view *view = nullptr;
    polyfs_fs *fs = nullptr;
    char *path = nullptr, buffer[8];
    size_t n = 0;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_open("memory://missing/run", nullptr, &ckpt, &err)) << err.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_save(ckpt, nullptr, items, 2, &info, &err)) << err.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpt, "latest", 0, &view, &err)) << err.message;
    const std::string file = std::string("memory://missing/run/") + info.name + "/" + info.attempt + "/a";
    ASSERT_EQ(POLYFS_OK, polyfs_fs_open(file.c_str(), nullptr, &fs, &path, &err)) << err.message;
    ASSERT_EQ(POLYFS_OK, polyfs_remove(fs, path, nullptr, &err)) << err.message;
    EXPECT_EQ(POLYFS_CORRUPT, polyfs_ckpt_read(view, "a", buffer, sizeof(buffer), &n, &err));
    EXPECT_NE(nullptr, strstr(err.message, "is missing")) << err.message;
    EXPECT_EQ(POLYFS_NOT_FOUND, polyfs_ckpt_read(view, "c", buffer, sizeof(buffer), &n, &err));
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_read(view, "b", buffer, sizeof(buffer), &n, &err)) << err.message;
    EXPECT_EQ(POLYFS_CORRUPT, polyfs_ckpt_extract(view, "memory://missing/out", &err));
    polyfs_free(path);
    polyfs_fs_close(fs);
    polyfs_ckpt_view_close(view);
    polyfs_ckpt_close(ckpt);
}

} // namespace
