/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <cstdlib>
#include <unistd.h>

namespace
{

const char *Base()
{
    const char *store = getenv("POLYFS_TEST_STORE");
    return store ? store : "memory://";
}

bool HasFolders()
{
    const std::string base = Base();
    return base.rfind("file:", 0) == 0 || base.rfind("hdfs:", 0) == 0;
}

/* The bucket, or the folder, in which the runs are; it is removed again. */
class Place : public testing::Environment
{
  public:
    void SetUp() override
    {
        polyfs_error err = POLYFS_ERROR_INIT;
        if (!getenv("POLYFS_TEST_STORE"))
            return;
        ASSERT_EQ(POLYFS_OK, polyfs_fs_open(Base(), nullptr, &fs_, &path_, &err)) << err.message;
        const uint32_t bucket = HasFolders() ? 0 : POLYFS_MKDIR_BUCKET;
        ASSERT_EQ(POLYFS_OK,
                  polyfs_mkdir(fs_, path_, POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK | bucket, nullptr, &err))
            << err.message;
    }

    void TearDown() override
    {
        polyfs_error err = POLYFS_ERROR_INIT;
        if (fs_ && HasFolders()) {
            EXPECT_EQ(POLYFS_OK, polyfs_remove_tree(fs_, path_, nullptr, &err)) << err.message;
        }
        polyfs_fs_close(fs_);
        polyfs_free(path_);
    }

  private:
    polyfs_fs *fs_ = nullptr;
    char *path_ = nullptr;
};

const testing::Environment *const kPlace = testing::AddGlobalTestEnvironment(new Place);

} // namespace

std::string NewRun(const char *suite)
{
    static int number;
    return std::string(Base()) + suite + "-" + std::to_string(getpid()) + "-" + std::to_string(number++) + "/run";
}

OnRun::OnRun(const char *suite) : url_(NewRun(suite))
{
}

OnRun::~OnRun()
{
    polyfs_ckpt_close(ckpt_);
}

int OnRun::OpenWith(polyfs_ckpt_opts opts, const char *fault)
{
    const std::string option = std::string("fault=") + (fault ? fault : "");
    const char *options[] = {fault ? option.c_str() : nullptr, nullptr};
    opts.options = options;
    polyfs_ckpt_close(ckpt_);
    ckpt_ = nullptr;
    return polyfs_ckpt_open(url_.c_str(), &opts, &ckpt_, &err_);
}

OnFolder::OnFolder(const char *suite) : OnRun(suite)
{
    char *path = nullptr;
    EXPECT_EQ(POLYFS_OK, polyfs_fs_open(url_.c_str(), nullptr, &fs_, &path, &err_)) << err_.message;
    root_ = path ? path : "";
    polyfs_free(path);
}

OnFolder::~OnFolder()
{
    polyfs_fs_close(fs_);
}
