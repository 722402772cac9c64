/* SPDX-License-Identifier: Apache-2.0 */
/* On which store the cases save: memory://, or where POLYFS_TEST_STORE says, e.g. "s3://checkpoints/". */
#ifndef POLYFS_UNIT_CHECKPOINT_STORE_H
#define POLYFS_UNIT_CHECKPOINT_STORE_H

#include <string>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"

/* URL of a run that nobody had before. */
std::string NewRun(const char *suite);

/* Cases on one run. */
class OnRun : public testing::Test
{
  protected:
    explicit OnRun(const char *suite);
    ~OnRun() override;

    /* Opens it, as a next process would. @fault: which calls of the store fail, or nullptr. */
    int OpenWith(polyfs_ckpt_opts opts, const char *fault = nullptr);

    std::string url_;
    polyfs_error err_ = POLYFS_ERROR_INIT;
    polyfs_ckpt_info info_ = POLYFS_CKPT_INFO_INIT;
    polyfs_ckpt *ckpt_ = nullptr;
};

/* And on what lies in its folder. */
class OnFolder : public OnRun
{
  protected:
    explicit OnFolder(const char *suite);
    ~OnFolder() override;

    polyfs_fs *fs_ = nullptr;
    std::string root_; /* path of the run */
};

#endif
