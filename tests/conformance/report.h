/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts passed, failed and n/a by store and group, prints them, and compares n/a with expected.tsv. A skip without
 * "n/a:" is a failure: there is no third way out of a case.
 */
#ifndef POLYFS_CONFORMANCE_REPORT_H
#define POLYFS_CONFORMANCE_REPORT_H

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conformance.h"

namespace conformance
{

class Report final : public testing::EmptyTestEventListener
{
  public:
    explicit Report(RunOptions options) : options_(std::move(options))
    {
    }

    void OnTestStart(const testing::TestInfo &info) override;
    void OnTestPartResult(const testing::TestPartResult &result) override;
    void OnTestEnd(const testing::TestInfo &info) override;
    void OnTestProgramEnd(const testing::UnitTest &) override;

    /* False when a case failed, turned n/a, or is n/a no more. */
    bool Good() const
    {
        return good_;
    }

  private:
    struct Result {
        std::string store, group, name, outcome, why;
        int64_t ms;
    };
    struct Counts {
        unsigned passed = 0, failed = 0, na = 0;
    };

    void Compare(const testing::UnitTest &unit);
    void PrintTable() const;
    void PrintJson() const;

    const RunOptions options_;
    std::vector<Result> results_;
    std::string skip_, failure_;
    bool good_ = true;
};

} // namespace conformance

#endif
