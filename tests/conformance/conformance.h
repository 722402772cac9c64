/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance suite: what every store must do, checked through the public interface only.
 * A store's test file fills a Store, calls Run() from main(), and is done (see local_test.cc). `polyfs-conform` does
 * the same for a store named on the command line.
 *
 * A case is passed, failed or n/a. n/a (a skip whose message begins with "n/a:") means only that the precondition of
 * the case cannot be made on that store; a fact that is `no` is proven, which is a pass.
 */
#ifndef POLYFS_CONFORMANCE_H
#define POLYFS_CONFORMANCE_H

#include <functional>
#include <string>
#include <vector>

#include <polyfs/polyfs.h>

namespace conformance
{

/* One store under test. The flags say what no fact tells. */
struct Store {
    std::string name;                 /* in reports and in expected.tsv */
    std::string url;                  /* folder below which each case makes a folder of its own */
    std::vector<std::string> options; /* "name=value" */
    bool dots_resolved =
        false; /* `.`, `..` and `//` mean what they mean to the kernel; else plain bytes or refused */
    bool nested_names = true;    /* without real folders: "a" and "a/b" can both be objects, and both are listed */
    bool folders_linger = false; /* without real folders: one is listed for a while after its last object went */
    bool etags_race = false;     /* an answer now and then has the bytes of one version and the etag of another */
    bool tells_absent = true;    /* removing what is not there is NOT_FOUND; else it may be OK */
    bool writers_collide =
        false; /* a commit ends all unfinished uploads to its name: they are refused, and never mixed with it */
    bool streams_resume = true;  /* a stream tells how far it came; else its last call cannot be made again */
    bool same_process = false;   /* objects live in this process: a child has a copy of its own */
    uint32_t get_requests = 1;   /* that a read of one small object takes: HDFS asks for status, place and bytes */
    bool makes_folders = false;  /* a write makes the folders that its name has: Azure's hierarchical accounts */
    bool survives_fork = true;   /* else each call of a forked child is FORKED at once: a JVM is in it */
    bool has_early_times = true; /* else a time before 1970 is INVALID: HDFS takes it for none given */
    /* Makes a symbolic link at the path of the second URL; 0 on success. Empty: the store has no way to. */
    std::function<int(const std::string &target, const std::string &link)> make_link;
};

/* Which file of known n/a to compare with, and how to tell the results. */
struct RunOptions {
    std::string expected; /* expected.tsv, or empty */
    bool json = false;
    bool quiet = false; /* failures and the summary only */
};

/* Adds all cases for a store to GoogleTest's. Opens the store to see which shapes of writing it declares. */
void RegisterConformance(const Store &store);

/*
 * Parses --expected=FILE and GoogleTest's own flags, registers the stores, runs; the exit status. The stores are asked
 * for by a function, since this very program is started again by cases that leave the process on purpose: main() must
 * not do anything before Run() that has to be undone.
 */
int Run(int argc, char **argv, const std::function<std::vector<Store>()> &stores, RunOptions options = {});

/* For stores across a network: makes the bucket, or with 0 the folder, if it is not there, or ends the program and says why. */
void MakeBucket(const char *url, uint32_t kind = POLYFS_MKDIR_BUCKET);
/* What POLYFS_TEST_OPTIONS says, words apart: options of the store in the setting of a test. */
std::vector<std::string> OptionsOfEnvironment();

/* A folder below $TMPDIR, else /tmp: made when it is first asked for, removed with all that is in it. */
class TempFolder
{
  public:
    TempFolder() = default;
    TempFolder(const TempFolder &) = delete;
    TempFolder &operator=(const TempFolder &) = delete;
    ~TempFolder();
    const std::string &Path();

  private:
    std::string path_;
};

} // namespace conformance

#endif
