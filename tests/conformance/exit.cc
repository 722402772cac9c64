/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving the process with transfers under way: by return from main(), by exit(), and by a signal that nobody
 * catches. The exit status is the one that was given, and it takes at most 500 ms.
 */
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "case.h"
#include "child.h"

namespace conformance
{

namespace
{

/* Bounds hold in a release build only; sanitizers and valgrind ask for a second. */
int64_t LeaveWithinMs()
{
    /* Relaxed, a sanitizer looks for leaks behind us: seconds on a busy machine. */
    return getenv("POLYFS_RELAXED_TIME") ? 8000 : 500;
}

void Transfer(polyfs_fs *fs, const std::string &path, unsigned number)
{
    std::string bytes(16 << 20, static_cast<char>('a' + number));
    std::string own = path + "/exit-" + std::to_string(number);
    for (;;) {
        void *data = nullptr;
        size_t n;
        polyfs_put(fs, own.c_str(), bytes.data(), bytes.size(), nullptr, nullptr, nullptr);
        if (polyfs_get_all(fs, own.c_str(), nullptr, &data, &n, nullptr, nullptr) == POLYFS_OK)
            polyfs_free(data);
    }
}

/* The command line of this program, which is the child's too. */
std::vector<std::string> Arguments()
{
    std::ifstream in("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> arguments;
    for (std::string text; std::getline(in, text, '\0');)
        arguments.push_back(text);
    return arguments;
}

[[noreturn]] void BecomeChild(const Store &store, const std::string &root, const std::string &way, int ready)
{
    std::string options;
    for (const std::string &option : store.options)
        options += option + "\n";
    setenv("POLYFS_CONFORM_CHILD", (way + " " + std::to_string(ready)).c_str(), 1);
    setenv("POLYFS_CONFORM_CHILD_URL", store.url.c_str(), 1);
    setenv("POLYFS_CONFORM_CHILD_ROOT", root.c_str(), 1);
    setenv("POLYFS_CONFORM_CHILD_OPTIONS", options.c_str(), 1);
    std::vector<char *> argv;
    std::vector<std::string> arguments = Arguments();
    for (std::string &text : arguments)
        argv.push_back(text.data());
    argv.push_back(nullptr);
    /* Not /proc/self/exe: under valgrind that is valgrind. */
    execv(reinterpret_cast<const char *>(getauxval(AT_EXECFN)), argv.data());
    _exit(99);
}

/* Starts this program as a child that leaves in the given way; the wait status, and how long leaving took. */
int RunChild(const Store &store, const std::string &root, const std::string &way, int64_t *left_ms)
{
    int ready[2];
    if (pipe(ready) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0)
        BecomeChild(store, root, way, ready[1]);
    close(ready[1]);
    char byte;
    ssize_t n = read(ready[0], &byte, 1); /* it leaves now */
    int64_t began = NowMs();
    close(ready[0]);
    int status = -1;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (NowMs() - began > 20000)
            kill(child, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    *left_ms = NowMs() - began;
    return n == 1 ? status : -1;
}

void LeaveOften(const Store &store, const std::string &root, const std::string &way)
{
    for (unsigned i = 0; i < EnvNumber("POLYFS_CONFORM_EXITS", 10); i++) {
        int64_t ms = 0;
        int status = RunChild(store, root, way, &ms);
        ASSERT_NE(-1, status) << "the child did not get as far as leaving";
        if (way == "signal")
            EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << "wait status " << status;
        else
            EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << "wait status " << status;
        EXPECT_LE(ms, LeaveWithinMs());
    }
}

std::string Environment(const char *name)
{
    const char *text = getenv(name);
    return text ? text : "";
}

} // namespace

bool IsExitChild()
{
    return getenv("POLYFS_CONFORM_CHILD") != nullptr;
}

/* 90 and above mean that the child itself failed. */
int ExitChildMain()
{
    char way[16];
    int ready;
    if (sscanf(getenv("POLYFS_CONFORM_CHILD"), "%15s %d", way, &ready) != 2)
        return 90;
    Store store;
    store.url = Environment("POLYFS_CONFORM_CHILD_URL");
    std::istringstream options(Environment("POLYFS_CONFORM_CHILD_OPTIONS"));
    for (std::string option; std::getline(options, option);)
        store.options.push_back(option);
    polyfs_error err = POLYFS_ERROR_INIT;
    Fs fs = OpenStore(store, "durability=none", nullptr, &err);
    if (!fs)
        return 91;
    for (unsigned i = 0; i < 4; i++)
        std::thread(Transfer, polyfs_fs_ref(fs.get()), Environment("POLYFS_CONFORM_CHILD_ROOT"), i).detach();
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    if (write(ready, "x", 1) != 1)
        return 92;
    if (way[0] == 's')
        raise(SIGTERM);
    if (way[0] == 'e')
        exit(7);
    return 7;
}

CONFORMANCE_CASE(exit, ByReturn)
{
    LeaveOften(store(), P(), "return");
}

CONFORMANCE_CASE(exit, ByExit)
{
    LeaveOften(store(), P(), "exit");
}

CONFORMANCE_CASE(exit, BySignal)
{
    LeaveOften(store(), P(), "signal");
}

} // namespace conformance
