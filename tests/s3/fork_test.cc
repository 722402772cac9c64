/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of a process whose four threads are in TLS handshakes all the time: each child reads an object through the
 * filesystem it inherited, none hangs, and no request of the parent fails. How many: POLYFS_TEST_FORKS, else 500.
 */
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <polyfs/polyfs.h>
#pragma GCC diagnostic pop

namespace
{

const char *const PATH = "polyfs-fork/object";
const std::string BYTES(10000, 'b');

polyfs_fs *Open(const std::string &own)
{
    const std::string option = "no_proxy=" + own; /* an instance of its own, with connections of its own */
    const char *options[] = {option.c_str(), nullptr};
    polyfs_error error = POLYFS_ERROR_INIT;
    polyfs_fs *fs = nullptr;
    EXPECT_EQ(POLYFS_OK, polyfs_fs_open("s3://polyfs-fork", options, &fs, nullptr, &error)) << error.message;
    return fs;
}

bool Reads(polyfs_fs *fs, polyfs_error *error)
{
    void *data = nullptr;
    size_t n = 0;
    int rc = polyfs_get_all(fs, PATH, nullptr, &data, &n, nullptr, error);
    bool same = rc == POLYFS_OK && BYTES.compare(0, std::string::npos, static_cast<char *>(data), n) == 0;
    polyfs_free(data);
    return same;
}

/* 0: it read the object; 124: it hung. */
int InAChild(polyfs_fs *fs)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        _exit(Reads(fs, nullptr) ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 124 : WEXITSTATUS(status);
}

} // namespace

TEST(Fork, WhileThreadsShakeHands)
{
    const char *text = getenv("POLYFS_TEST_FORKS"), *endpoint = getenv("AWS_ENDPOINT_URL");
    const unsigned long forks = text ? strtoul(text, nullptr, 10) : 500;
    ASSERT_TRUE(endpoint && std::string(endpoint).rfind("https://", 0) == 0) << "this is about TLS";
    polyfs_error error = POLYFS_ERROR_INIT;
    polyfs_fs *fs = Open("parent");
    ASSERT_EQ(POLYFS_OK,
              polyfs_mkdir(fs, "polyfs-fork", POLYFS_MKDIR_BUCKET | POLYFS_MKDIR_EXIST_OK, nullptr, &error))
        << error.message;
    ASSERT_EQ(POLYFS_OK, polyfs_put(fs, PATH, BYTES.data(), BYTES.size(), nullptr, nullptr, &error))
        << error.message;
    std::atomic<bool> stop{false};
    std::atomic<unsigned> shaken{0}, failed{0};
    std::vector<std::thread> threads;
    for (int me = 0; me < 4; me++)
        threads.emplace_back([&, me] {
            for (unsigned i = 0; !stop; i++) {
                polyfs_error why = POLYFS_ERROR_INIT;
                polyfs_fs *own = Open(std::to_string(me) + "-" + std::to_string(i));
                if (!Reads(own, &why)) {
                    failed++;
                    ADD_FAILURE() << why.message;
                }
                polyfs_fs_close(own);
                shaken++;
            }
        });
    for (unsigned long i = 0; i < forks && !testing::Test::HasFailure(); i++)
        EXPECT_EQ(0, InAChild(fs)) << "child " << i;
    stop = true;
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(0u, failed);
    EXPECT_GT(shaken, forks / 10) << "they were in handshakes meanwhile";
    EXPECT_TRUE(Reads(fs, &error)) << error.message;
    polyfs_fs_close(fs);
}
