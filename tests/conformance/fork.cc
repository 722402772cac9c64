/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children after fork(): they use the filesystem that their parent opened, none hangs, and what they do with inherited
 * handles never harms the parent's. How many is POLYFS_CONFORM_FORKS.
 */
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "case.h"
#include "still.h"

namespace conformance
{

namespace
{

/* Runs in a child; what it returns is the child's status. Anything that hangs is killed after 20 s. */
/*
 * Under valgrind a child of a threaded process is told of as leaking what the threads' stacks held; it then leaves by a
 * signal, which is not looked at like that.
 */
void Leave(int code, int pipe)
{
    if (!getenv("POLYFS_CONFORM_VALGRIND"))
        _exit(code);
    char byte = static_cast<char>(code);
    if (write(pipe, &byte, 1) == 1)
        kill(getpid(), SIGKILL);
    _exit(98);
}

/* What a killed child had to say, or its status. */
int Told(int pipe, int status)
{
    char byte = 0;
    if (getenv("POLYFS_CONFORM_VALGRIND") && read(pipe, &byte, 1) == 1)
        return byte;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int InAChild(const std::function<int()> &work)
{
    int pipes[2] = {-1, -1};
    EXPECT_EQ(0, pipe2(pipes, O_CLOEXEC));
    pid_t child = fork();
    if (child == 0)
        Leave(work(), pipes[1]);
    close(pipes[1]);
    int status = -1;
    int64_t began = NowMs();
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (NowMs() - began > 20000) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            close(pipes[0]);
            return -2;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    int told = Told(pipes[0], status);
    close(pipes[0]);
    return told;
}

/* In a child of a process that a store does not survive (a JVM is in it): 0 when every call says FORKED at once. */
int IsForked(polyfs_fs *fs, const std::string &path, const std::string &own)
{
    void *data = nullptr;
    size_t n = 0;
    StatInfo stat = POLYFS_STAT_INIT;
    int64_t began = NowMs();
    if (polyfs_get_all(fs, path.c_str(), nullptr, &data, &n, nullptr, nullptr) != POLYFS_FORKED)
        return 1;
    if (polyfs_stat(fs, path.c_str(), nullptr, nullptr, &stat, nullptr) != POLYFS_FORKED)
        return 2;
    if (polyfs_put(fs, own.c_str(), "x", 1, nullptr, nullptr, nullptr) != POLYFS_FORKED)
        return 3;
    return NowMs() - began < 1000 ? 0 : 4;
}

/* 0: all went well; else which step did not. */
int UseAll(polyfs_fs *fs, const std::string &path, const std::string &wanted, const std::string &own)
{
    void *data = nullptr;
    size_t n = 0;
    StatInfo stat = POLYFS_STAT_INIT;
    polyfs_lister *lister = nullptr;
    const polyfs_entry *rows;
    size_t count = 0;
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.durability = POLYFS_DURABILITY_NONE;
    if (polyfs_get_all(fs, path.c_str(), nullptr, &data, &n, nullptr, nullptr) != POLYFS_OK)
        return 1;
    if (wanted != std::string(static_cast<char *>(data), n))
        return 2;
    polyfs_free(data);
    if (polyfs_put(fs, own.c_str(), wanted.data(), wanted.size(), &opts, nullptr, nullptr) != POLYFS_OK)
        return 3;
    if (polyfs_stat(fs, own.c_str(), nullptr, nullptr, &stat, nullptr) != POLYFS_OK || stat.size != wanted.size())
        return 4;
    std::string folder = path.substr(0, path.rfind('/'));
    if (polyfs_list_open(fs, folder.c_str(), nullptr, &lister, nullptr) != POLYFS_OK ||
        polyfs_list_next(lister, &rows, &count, nullptr) < 0 || count < 2)
        return 5;
    polyfs_list_close(lister);
    return 0;
}

/* What this store promises a child: that all goes well, or that it is told. 0 when it is so. */
int AsAChild(const Store &store, polyfs_fs *fs, const std::string &path, const std::string &wanted,
             const std::string &own)
{
    return store.survives_fork ? UseAll(fs, path, wanted, own) : IsForked(fs, path, own);
}

} // namespace

CONFORMANCE_CASE(fork, ChildrenUseTheFilesystem)
{
    const std::string bytes = Bytes(30000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    const uint64_t count = EnvNumber("POLYFS_CONFORM_FORKS", Many(100, 10));
    for (uint64_t i = 0; i < count; i++) {
        std::string own = "child" + std::to_string(i % 10);
        ASSERT_EQ(0, InAChild([&] { return AsAChild(store(), fs(), P("a"), bytes, P(own)); })) << "child " << i;
        if (!store().same_process && store().survives_fork) {
            EXPECT_TRUE(bytes == Get(own));
        }
    }
    EXPECT_TRUE(bytes == Get("a"));
}

CONFORMANCE_CASE(fork, WhileThreadsAreBusy)
{
    /* A versioned store keeps all that is written, so there it is less. */
    const std::string bytes = Bytes(3000);
    const auto pause = std::chrono::microseconds(Yes(POLYFS_FACT_VERSIONS) ? 10000 : 100);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    std::atomic<bool> stop{false};
    std::atomic<unsigned> wrong{0};
    Still still;
    std::vector<std::thread> threads;
    for (unsigned me = 0; me < 4; me++)
        threads.emplace_back([&, me] {
            while (!stop) {
                auto moving = still.hold<std::shared_lock<std::shared_mutex>>();
                wrong += UseAll(fs(), P("a"), bytes, P("busy" + std::to_string(me))) != 0;
                std::this_thread::sleep_for(pause);
            }
        });
    const uint64_t count = EnvNumber("POLYFS_CONFORM_FORKS", Many(100, 10));
    uint64_t bad = 0;
    for (uint64_t i = 0; i < count && !bad; i++) {
        auto standing = still.hold<std::unique_lock<std::shared_mutex>>();
        int status = InAChild([&] { return AsAChild(store(), fs(), P("a"), bytes, P("child")); });
        EXPECT_EQ(0, status) << "child " << i;
        bad += status != 0;
    }
    stop = true;
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(0u, wrong) << "calls of the parent that failed";
}

CONFORMANCE_CASE(fork, GrandchildrenToo)
{
    const std::string bytes = Bytes(3000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    EXPECT_EQ(0, InAChild([&] {
                  if (AsAChild(store(), fs(), P("a"), bytes, P("b")))
                      return 10;
                  return InAChild([&] { return AsAChild(store(), fs(), P("a"), bytes, P("c")); });
              }));
}

/* A handle of the parent works in a child or is FORKED; either way the parent's own goes on. */
CONFORMANCE_CASE(fork, InheritedReader)
{
    const std::string bytes = Bytes(300000);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    Reader reader = OpenReader("a");
    std::string buffer(1000, '#');
    size_t n = 0;
    ASSERT_CODE(POLYFS_OK, polyfs_reader_read(reader.get(), buffer.data(), 1000, &n, E()));
    EXPECT_EQ(0, InAChild([&] {
                  int rc = polyfs_reader_pread(reader.get(), 5000, buffer.data(), 1000, &n, nullptr);
                  if (rc != POLYFS_FORKED && (rc != POLYFS_OK || buffer != bytes.substr(5000, 1000)))
                      return 1;
                  reader.reset();
                  return 0;
              }));
    ASSERT_CODE(POLYFS_OK, polyfs_reader_read(reader.get(), buffer.data(), 1000, &n, E()));
    EXPECT_TRUE(buffer == bytes.substr(1000, 1000));
}

CONFORMANCE_CASE(fork, InheritedWriter)
{
    const std::string bytes = Bytes(20 << 20);
    Writer writer = OpenWriter("a");
    ASSERT_TRUE(writer);
    ASSERT_CODE(POLYFS_OK, Write(writer, bytes));
    EXPECT_EQ(0, InAChild([&] {
                  int rc = polyfs_writer_write(writer.get(), "child", 5, nullptr);
                  writer.reset(); /* without a commit: nothing of the parent's may go */
                  return rc == POLYFS_FORKED || store().same_process ? 0 : 1;
              }))
        << "a child that writes on is told FORKED";
    ASSERT_CODE(POLYFS_OK, Commit(writer));
    EXPECT_TRUE(bytes == Get("a"));
}

} // namespace conformance
