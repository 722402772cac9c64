/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main() of every conformance program: takes our own flags out of the command line, registers the stores, and lets
 * the report decide the exit status. The children of exit.cc begin here as well.
 */
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <unistd.h>

#include "case.h"
#include "child.h"
#include "report.h"

namespace conformance
{

namespace
{

/* Moves "--expected=FILE" from the command line to the options. */
void TakeFlags(int *argc, char **argv, RunOptions *options)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strncmp(argv[i], "--expected=", 11) == 0)
            options->expected = argv[i] + 11;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = nullptr;
    *argc = kept;
}

} // namespace

TempFolder::~TempFolder()
{
    std::error_code ignored;
    if (!path_.empty())
        std::filesystem::remove_all(path_, ignored);
}

const std::string &TempFolder::Path()
{
    const char *base = getenv("TMPDIR");
    if (path_.empty()) {
        path_ = std::string(base && *base ? base : "/tmp") + "/polyfs-conformance-XXXXXX";
        if (!mkdtemp(path_.data())) {
            perror(path_.c_str());
            _exit(1);
        }
    }
    return path_;
}

/* The locale of the environment, as in a program of somebody else. POLYFS_TEST_LOCALE says which it must be. */
static bool SetLocale()
{
    const char *is = setlocale(LC_ALL, ""), *wanted = getenv("POLYFS_TEST_LOCALE");
    if (!wanted || (is && strcmp(is, wanted) == 0))
        return true;
    fprintf(stderr, "the locale %s cannot be set\n", wanted);
    return false;
}

int Run(int argc, char **argv, const std::function<std::vector<Store>()> &stores, RunOptions options)
{
    if (IsExitChild())
        return ExitChildMain();
    TakeFlags(&argc, argv, &options);
    if (!SetLocale())
        return 1;
    testing::InitGoogleTest(&argc, argv);
    for (const Store &store : stores())
        RegisterConformance(store);
    testing::TestEventListeners &listeners = testing::UnitTest::GetInstance()->listeners();
    if (options.quiet || options.json)
        delete listeners.Release(listeners.default_result_printer());
    auto *report = new Report(options);
    listeners.Append(report);
    /* GoogleTest's own answer and the report's differ only where expected.tsv has a word to say. */
    int failed = RUN_ALL_TESTS();
    if (testing::GTEST_FLAG(list_tests))
        return 0;
    return failed || !report->Good() ? 1 : 0;
}

void MakeBucket(const char *url, uint32_t kind)
{
    struct polyfs_error error = POLYFS_ERROR_INIT;
    struct polyfs_fs *fs = nullptr;
    char *path = nullptr;
    if (polyfs_fs_open(url, nullptr, &fs, &path, &error) != POLYFS_OK ||
        polyfs_mkdir(fs, path, kind | POLYFS_MKDIR_EXIST_OK, nullptr, &error) != POLYFS_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    polyfs_free(path);
    polyfs_fs_close(fs);
}

std::vector<std::string> OptionsOfEnvironment()
{
    std::vector<std::string> options;
    const char *text = getenv("POLYFS_TEST_OPTIONS");
    std::istringstream words(text ? text : "");
    for (std::string word; words >> word;)
        options.push_back(word);
    return options;
}

} // namespace conformance
