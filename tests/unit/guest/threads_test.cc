/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads as a guest keeps them: none before they are needed, sixteen at most however much is in flight, named, deaf
 * to signals, with small stacks, and none left behind. They are counted in /proc, not asked for.
 */
#include <algorithm>
#include <atomic>
#include <dirent.h>
#include <fstream>
#include <mutex>
#include <pthread.h>
#include <set>
#include <signal.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <polyfs/polyfs.h>
#pragma GCC diagnostic pop

#include "slow.h"

namespace
{

const unsigned operations = 1000, paths_each = 16, threads_of_ours = 16;

struct Task {
    std::string name, blocked;
};

std::string FirstLine(const std::string &path)
{
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string FieldOf(const std::string &path, const std::string &field)
{
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.compare(0, field.size(), field) == 0)
            return line.substr(line.find_first_not_of(" \t", field.size()));
    return "";
}

/* All threads of this process but the main one, as the kernel tells them. */
#ifdef __has_feature
#define HAS_TSAN __has_feature(thread_sanitizer)
#else
#define HAS_TSAN 0
#endif

/* ThreadSanitizer has a thread of its own, named as the process, from the first one that the process starts. */
void LeaveOutTheSanitizers(std::vector<Task> *tasks)
{
    const std::string own = FirstLine("/proc/self/comm");
    auto its = std::find_if(tasks->begin(), tasks->end(), [&own](const Task &task) { return task.name == own; });
    if (HAS_TSAN && its != tasks->end())
        tasks->erase(its);
}

std::vector<Task> Others()
{
    std::vector<Task> tasks;
    DIR *dir = opendir("/proc/self/task");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        const std::string path = std::string("/proc/self/task/") + entry->d_name;
        if (entry->d_name[0] != '.' && std::stoi(entry->d_name) != getpid())
            tasks.push_back({FirstLine(path + "/comm"), FieldOf(path + "/status", "SigBlk:")});
    }
    closedir(dir);
    LeaveOutTheSanitizers(&tasks);
    return tasks;
}

/* The mask of a thread that blocks what can be blocked. */
std::string MaskOfAll()
{
    std::string mask;
    std::thread deaf([&] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, nullptr);
        mask = FieldOf("/proc/thread-self/status", "SigBlk:");
    });
    deaf.join();
    return mask;
}

/* Twelve workers and four coordinators, none of which hears a signal. */
void ExpectNamedAndDeaf(const std::string &deaf)
{
    unsigned workers = 0, coordinators = 0;
    for (const Task &task : Others()) {
        workers += task.name == "polyfs-worker";
        coordinators += task.name == "polyfs-coord";
        EXPECT_EQ(deaf, task.blocked) << task.name << " hears signals";
    }
    EXPECT_EQ(12u, workers);
    EXPECT_EQ(4u, coordinators);
}

/* The gate: whoever calls stat waits here, and leaves the size of its stack. */
std::atomic<bool> open_gate{true};
std::atomic<unsigned> waiting{0};
std::mutex stacks_mutex;
std::set<size_t> stacks; /* guarded by stacks_mutex */

void Gate()
{
    pthread_attr_t attr;
    size_t bytes = 0;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &bytes);
    pthread_attr_destroy(&attr);
    {
        std::lock_guard<std::mutex> lock(stacks_mutex);
        if (gettid() != getpid())
            stacks.insert(bytes);
    }
    waiting++;
    while (!open_gate)
        usleep(1000);
    waiting--;
}

class Guest : public testing::Test
{
  protected:
    void SetUp() override
    {
        ASSERT_EQ(POLYFS_OK, slow_register());
        slow_gate = Gate;
        ASSERT_EQ(POLYFS_OK, polyfs_fs_open("slow://x", nullptr, &fs_, nullptr, nullptr));
        ASSERT_EQ(POLYFS_OK, polyfs_put(fs_, "a", "0123456789", 10, nullptr, nullptr, nullptr));
    }
    void TearDown() override
    {
        open_gate = true;
        polyfs_fs_close(fs_);
        polyfs_shutdown();
        slow_gate = nullptr;
        EXPECT_EQ(0u, Others().size()) << "after polyfs_shutdown()";
    }
    polyfs_fs *fs_ = nullptr;
};

} // namespace

TEST_F(Guest, NoThreadForOneRequestAtATime)
{
    char buffer[10];
    size_t n = 0;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    polyfs_lister *lister = nullptr;
    const struct polyfs_entry *rows;
    EXPECT_EQ(POLYFS_OK, polyfs_stat(fs_, "a", nullptr, nullptr, &stat, nullptr));
    EXPECT_EQ(POLYFS_OK, polyfs_get(fs_, "a", nullptr, buffer, 10, &n, nullptr, nullptr));
    EXPECT_EQ(POLYFS_OK, polyfs_list_open(fs_, "", nullptr, &lister, nullptr));
    EXPECT_EQ(POLYFS_OK, polyfs_list_next(lister, &rows, &n, nullptr));
    polyfs_list_close(lister);
    EXPECT_EQ(POLYFS_OK, polyfs_copy(fs_, "a", fs_, "b", nullptr, nullptr, nullptr));
    EXPECT_EQ(POLYFS_OK, polyfs_remove(fs_, "b", nullptr, nullptr));
    EXPECT_EQ(0u, Others().size());
}

/* The counting counts: one thread more is one thread more. */
TEST_F(Guest, CountingCounts)
{
    std::atomic<bool> stop{false};
    std::thread one([&] {
        while (!stop)
            usleep(1000);
    });
    EXPECT_EQ(1u, Others().size());
    stop = true;
    one.join();
}

/* So many calls of the store come to be under way together, of @jobs operations of @paths calls each. */
void ExpectTogether(unsigned expected, polyfs_fs *fs, unsigned jobs, unsigned paths)
{
    const std::vector<const char *> names(paths, "a");
    struct polyfs_stat empty = POLYFS_STAT_INIT;
    std::vector<std::vector<struct polyfs_stat>> stats(jobs, std::vector<struct polyfs_stat>(paths, empty));
    std::vector<std::vector<int>> codes(jobs, std::vector<int>(paths, 1));
    std::vector<polyfs_op *> ops(jobs);
    open_gate = false;
    for (unsigned i = 0; i < jobs; i++)
        EXPECT_EQ(POLYFS_OK, polyfs_stat_many_submit(fs, names.data(), paths, nullptr, stats[i].data(),
                                                     codes[i].data(), &ops[i], nullptr));
    for (unsigned ms = 0; ms < 5000 && waiting < expected; ms++)
        usleep(1000);
    EXPECT_EQ(expected, waiting) << jobs << " operations of " << paths;
    open_gate = true;
    for (polyfs_op *op : ops) {
        EXPECT_EQ(POLYFS_OK, polyfs_op_wait(op, UINT32_MAX, nullptr));
        polyfs_op_free(op);
    }
}

/* A thread that lies idle serves one call: what comes with it, before it has woken up, needs others. */
TEST_F(Guest, ABurstMeetsThreadsThatAreTooFew)
{
    ExpectTogether(1, fs_, 1, 1);
    ExpectTogether(4, fs_, 4, 1); /* coordinators */
    ExpectTogether(2, fs_, 1, 2);
    ExpectTogether(8, fs_, 1, 8); /* workers */
}

struct Job {
    std::vector<struct polyfs_stat> stats;
    std::vector<int> codes;
    polyfs_op *op = nullptr;
};

TEST_F(Guest, AThousandInFlight)
{
    const std::vector<const char *> paths(paths_each, "a");
    std::vector<Job> jobs(operations);
    const std::string deaf = MaskOfAll();
    open_gate = false;
    for (Job &job : jobs) {
        struct polyfs_stat empty = POLYFS_STAT_INIT;
        job.stats.assign(paths_each, empty);
        job.codes.assign(paths_each, 1);
        ASSERT_EQ(POLYFS_OK, polyfs_stat_many_submit(fs_, paths.data(), paths_each, nullptr, job.stats.data(),
                                                     job.codes.data(), &job.op, nullptr));
    }
    size_t most = 0;
    for (unsigned ms = 0; ms < 5000 && Others().size() < threads_of_ours; ms++)
        usleep(1000);
    for (unsigned i = 0; i < 200; i++) {
        most = std::max(most, Others().size());
        usleep(1000);
    }
    EXPECT_EQ(threads_of_ours, most) << "twelve workers and four coordinators, no more and no fewer";
    EXPECT_EQ(12u, waiting) << "calls of the store under way";
    ExpectNamedAndDeaf(deaf);
    for (const Job &job : jobs)
        EXPECT_EQ(0, polyfs_op_poll(job.op));
    open_gate = true;
    for (Job &job : jobs) {
        EXPECT_EQ(POLYFS_OK, polyfs_op_wait(job.op, UINT32_MAX, nullptr));
        EXPECT_EQ(std::vector<int>(paths_each, POLYFS_OK), job.codes);
        most = std::max(most, Others().size());
        polyfs_op_free(job.op);
    }
    EXPECT_EQ(threads_of_ours, most);
    EXPECT_EQ(std::set<size_t>{256 * 1024}, stacks) << "of the threads that called the store";
}

/* A coordinator makes a lone call itself. */
TEST_F(Guest, StackOfACoordinator)
{
    const char *path = "a";
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int code = 1;
    polyfs_op *op = nullptr;
    stacks.clear();
    ASSERT_EQ(POLYFS_OK, polyfs_stat_many_submit(fs_, &path, 1, nullptr, &stat, &code, &op, nullptr));
    EXPECT_EQ(POLYFS_OK, polyfs_op_wait(op, UINT32_MAX, nullptr));
    polyfs_op_free(op);
    EXPECT_EQ(std::set<size_t>{256 * 1024}, stacks);
    ASSERT_EQ(1u, Others().size());
    EXPECT_EQ("polyfs-coord", Others()[0].name);
}
