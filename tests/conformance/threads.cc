/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads on one filesystem and on one handle: nothing is mixed up, everybody sees whole objects, and no thread
 * of polyfs is there that nobody needs.
 */
#include <atomic>
#include <thread>

#include "case.h"

namespace conformance
{

namespace
{

void Together(unsigned count, const std::function<void(unsigned)> &work)
{
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; i++)
        threads.emplace_back(work, i);
    for (std::thread &thread : threads)
        thread.join();
}

/* All bytes are the same, and there are this many: an object that is whole. */
bool Uniform(const char *bytes, size_t n, size_t wanted)
{
    return n == wanted && std::string(bytes, n) == std::string(n, bytes[0]);
}

} // namespace

CONFORMANCE_CASE(threads, EachItsOwnObjects)
{
    std::atomic<unsigned> wrong{0};
    const unsigned count = Many(60, 5);
    Together(8, [&](unsigned me) {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.durability = POLYFS_DURABILITY_NONE;
        for (unsigned i = 0; i < count; i++) {
            std::string path = P("t" + std::to_string(me) + "-" + std::to_string(i));
            std::string bytes = Bytes(100 + me * 1000 + i, me * 1000 + i);
            void *data = nullptr;
            size_t n = 0;
            wrong +=
                polyfs_put(fs(), path.c_str(), bytes.data(), bytes.size(), &opts, nullptr, nullptr) != POLYFS_OK;
            wrong += polyfs_get_all(fs(), path.c_str(), nullptr, &data, &n, nullptr, nullptr) != POLYFS_OK ||
                     bytes != std::string(static_cast<char *>(data), n);
            polyfs_free(data);
            if (i % 2)
                wrong += polyfs_remove(fs(), path.c_str(), nullptr, nullptr) != POLYFS_OK;
        }
    });
    EXPECT_EQ(0u, wrong);
    EXPECT_EQ(8 * (count - count / 2), Names().size());
}

CONFORMANCE_CASE(threads, OneReader)
{
    const std::string bytes = Bytes(4 << 20);
    ASSERT_CODE(POLYFS_OK, Put("a", bytes));
    Reader reader = OpenReader("a");
    std::atomic<unsigned> wrong{0};
    Together(8, [&](unsigned me) {
        std::string buffer(70000, '#');
        for (unsigned i = 0; i < Many(100, 10); i++) {
            size_t offset = (me * 7919 + i * 104729) % (bytes.size() - 1000), n = 0;
            int rc = polyfs_reader_pread(reader.get(), offset, buffer.data(), buffer.size(), &n, nullptr);
            wrong += rc != POLYFS_OK || buffer.substr(0, n) != bytes.substr(offset, buffer.size());
        }
    });
    EXPECT_EQ(0u, wrong);
}

CONFORMANCE_CASE(threads, ReadersSeeWholeObjects)
{
    const size_t size = 200000;
    ASSERT_CODE(POLYFS_OK, Put("a", std::string(size, '0')));
    std::atomic<bool> stop{false};
    std::atomic<unsigned> torn{0}, failed{0}, looks{0};
    auto look = [&, path = P("a")] {
        while (!stop) {
            void *data = nullptr;
            size_t n = 0;
            int rc = polyfs_get_all(fs(), path.c_str(), nullptr, &data, &n, nullptr, nullptr);
            if (rc == POLYFS_OK)
                torn += !Uniform(static_cast<char *>(data), n, size);
            else
                failed += rc != POLYFS_CHANGED;
            polyfs_free(data);
            looks++;
        }
    };
    std::thread one(look), two(look);
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.durability = POLYFS_DURABILITY_NONE;
    for (unsigned i = 0; i < Many(200, 10) || looks < 20; i++)
        EXPECT_CODE(POLYFS_OK, Put("a", std::string(size, static_cast<char>('a' + i % 26)), &opts));
    stop = true;
    one.join();
    two.join();
    EXPECT_EQ(0u, torn) << "of " << looks << " looks";
    EXPECT_EQ(0u, failed);
}

/* The first reads of a new reader come from many threads while the object is replaced: all are of one version. */
CONFORMANCE_CASE(threads, FirstReadsOfOneReader)
{
    const size_t size = 100000;
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.durability = POLYFS_DURABILITY_NONE;
    ASSERT_CODE(POLYFS_OK, Put("a", std::string(size, '0'), &opts));
    std::atomic<bool> stop{false};
    std::thread writer([&, path = P("a")] {
        for (unsigned i = 0; !stop; i++) {
            std::string bytes(size, static_cast<char>('a' + i % 26));
            polyfs_put(fs(), path.c_str(), bytes.data(), bytes.size(), &opts, nullptr, nullptr);
        }
    });
    unsigned mixed = 0;
    for (unsigned round = 0; round < Many(100, 10); round++) {
        Reader reader = OpenReader("a");
        std::string seen(4, '-');
        Together(4, [&](unsigned me) {
            std::string buffer(5000, '#');
            size_t n = 0;
            int rc = polyfs_reader_pread(reader.get(), me * 25000, buffer.data(), buffer.size(), &n, nullptr);
            if (rc == POLYFS_OK)
                seen[me] = Uniform(buffer.data(), n, 5000) ? buffer[0] : '!';
        });
        std::string kinds;
        for (char c : seen)
            if (c != '-' && kinds.find(c) == std::string::npos)
                kinds += c;
        mixed += kinds.size() > 1 || kinds == "!";
    }
    stop = true;
    writer.join();
    EXPECT_LE(mixed, store().etags_race ? Many(100, 10) / 10 : 0u) << "readers with bytes of two versions";
}

CONFORMANCE_CASE(threads, ListingWhileOthersWrite)
{
    for (unsigned i = 0; i < 50; i++)
        ASSERT_CODE(POLYFS_OK, Put("stays" + std::to_string(10 + i), "x"));
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.durability = POLYFS_DURABILITY_NONE;
        for (unsigned i = 0; !stop; i++) {
            std::string path = P("comes" + std::to_string(i % 20));
            polyfs_put(fs(), path.c_str(), "x", 1, &opts, nullptr, nullptr);
            polyfs_remove(fs(), path.c_str(), nullptr, nullptr);
        }
    });
    for (unsigned round = 0; round < Many(50, 5); round++) {
        size_t stays = 0;
        for (const std::string &name : Names())
            stays += name.compare(0, 5, "stays") == 0;
        EXPECT_EQ(50u, stays);
    }
    stop = true;
    writer.join();
}

CONFORMANCE_CASE(threads, OpenAndClose)
{
    std::atomic<unsigned> wrong{0};
    OpenWith("attempts=7");
    Together(8, [&](unsigned) {
        for (unsigned i = 0; i < 200; i++) {
            Fs own = OpenStore(store(), "", nullptr, nullptr),
               other = OpenStore(store(), "attempts=7", nullptr, nullptr);
            wrong += own.get() != fs() || !other;
        }
    });
    EXPECT_EQ(0u, wrong);
}

CONFORMANCE_CASE(threads, NoneIsLeft)
{
    RuntimeStats stats = {};
    stats.struct_size = sizeof(stats);
    ASSERT_CODE(POLYFS_OK, Put("a", "0123456789"));
    Reader reader = OpenReader("a");
    polyfs_shutdown();
    polyfs_runtime_stats(&stats);
    EXPECT_EQ(0u, stats.threads) << "after polyfs_shutdown()";
    char buffer[16];
    size_t n = 0;
    EXPECT_CODE(POLYFS_OK, polyfs_reader_read(reader.get(), buffer, sizeof(buffer), &n, E()))
        << "handles stay valid";
    EXPECT_EQ(10u, n);
    EXPECT_CODE(POLYFS_OK, Put("b", "small"));
    EXPECT_EQ("small", Get("b"));
    EXPECT_EQ(2u, Names().size());
    polyfs_runtime_stats(&stats);
    EXPECT_EQ(0u, stats.threads) << "one request at a time needs none";
}

} // namespace conformance
