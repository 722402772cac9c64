/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The budget: nobody waits for memory that somebody else holds, and what is held stays below max(budget, handles ×
 * part), as the statistics tell at any moment (docs/adr/0006-memory.md).
 */
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/wait.h>
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

const size_t part = 65536;
const char *const options[] = {"part_bytes=64KiB", "durability=none", nullptr};
using Stats = struct polyfs_runtime_stats;

Stats Now()
{
    Stats stats = {};
    stats.struct_size = sizeof(stats);
    polyfs_runtime_stats(&stats);
    return stats;
}

uint64_t Bound(const Stats &stats)
{
    return std::max<uint64_t>(stats.budget_bytes, stats.handles * part);
}

std::string Bytes(size_t size, unsigned seed)
{
    std::string bytes(size, '\0');
    for (char &c : bytes) {
        seed = seed * 1103515245 + 12345;
        c = static_cast<char>(seed >> 16);
    }
    return bytes;
}

class Budget : public testing::Test
{
  protected:
    void SetUp() override
    {
        ASSERT_EQ(POLYFS_OK, slow_register());
        ASSERT_EQ(POLYFS_OK, polyfs_fs_open("slow://x", options, &memory_, nullptr, nullptr));
        ASSERT_EQ(POLYFS_OK, polyfs_fs_open("file:///", options, &file_, nullptr, nullptr));
        ASSERT_NE(nullptr, mkdtemp(folder_.data()));
        before_ = Now();
        ASSERT_EQ(0u, before_.handles);
        polyfs_set_budget(part);
    }
    void TearDown() override
    {
        polyfs_set_budget(before_.budget_bytes);
        EXPECT_EQ(before_.used_bytes, Now().used_bytes);
        EXPECT_EQ(0u, Now().handles);
        polyfs_fs_close(memory_);
        polyfs_fs_close(file_);
        polyfs_shutdown();
        std::filesystem::remove_all(folder_);
    }
    /* A reader of @bytes that has gone on so far that it reads ahead. */
    void OpenAhead(const std::string &bytes, polyfs_reader **out)
    {
        std::string buffer(part / 4, '\0');
        size_t n = 0;
        ASSERT_EQ(POLYFS_OK, polyfs_put(memory_, "r", bytes.data(), bytes.size(), nullptr, nullptr, nullptr));
        ASSERT_EQ(POLYFS_OK, polyfs_reader_open(memory_, "r", nullptr, out, nullptr));
        for (int i = 0; i < 3; i++)
            ASSERT_EQ(POLYFS_OK, polyfs_reader_read(*out, buffer.data(), buffer.size(), &n, nullptr));
    }
    std::string Get(polyfs_fs *fs, const std::string &path)
    {
        void *data = nullptr;
        size_t n = 0;
        EXPECT_EQ(POLYFS_OK, polyfs_get_all(fs, path.c_str(), nullptr, &data, &n, nullptr, nullptr));
        std::string bytes(static_cast<char *>(data), n);
        polyfs_free(data);
        return bytes;
    }
    /* One thread feeds all of them in turn, a sixth of a part at a time; none may wait for another. */
    void FeedForty(polyfs_fs *fs, const std::string &prefix)
    {
        const size_t size = 3 * part + 100, piece = part / 6;
        std::vector<polyfs_writer *> writers(40);
        std::vector<std::string> bytes;
        uint64_t most = 0;
        for (unsigned i = 0; i < writers.size(); i++) {
            bytes.push_back(Bytes(size, i));
            ASSERT_EQ(POLYFS_OK,
                      polyfs_writer_open(fs, (prefix + std::to_string(i)).c_str(), nullptr, &writers[i], nullptr));
        }
        EXPECT_EQ(40u, Now().handles);
        for (size_t at = 0; at < size; at += piece) {
            for (unsigned i = 0; i < writers.size(); i++)
                ASSERT_EQ(POLYFS_OK, polyfs_writer_write(writers[i], bytes[i].data() + at,
                                                         std::min(piece, size - at), nullptr));
            EXPECT_LE(Now().used_bytes, Bound(Now()));
            most = std::max(most, Now().used_bytes);
        }
        EXPECT_GE(most, 20 * part) << "the writers' memory is counted";
        for (polyfs_writer *writer : writers) {
            EXPECT_EQ(POLYFS_OK, polyfs_writer_commit(writer, nullptr, nullptr));
            polyfs_writer_close(writer);
        }
        for (unsigned i = 0; i < writers.size(); i++)
            EXPECT_TRUE(bytes[i] == Get(fs, prefix + std::to_string(i))) << i;
    }

    polyfs_fs *memory_ = nullptr, *file_ = nullptr;
    std::string folder_ = std::filesystem::temp_directory_path().string() + "/polyfs-budget-XXXXXX";
    Stats before_ = {};
};

} // namespace

TEST_F(Budget, FortyWritersFedInTurnInMemory)
{
    FeedForty(memory_, "w");
}

TEST_F(Budget, FortyWritersFedInTurnInFiles)
{
    FeedForty(file_, folder_ + "/w");
}

TEST_F(Budget, SixtyFourCopiesBothWays)
{
    const size_t size = 8 * part;
    std::vector<std::string> bytes, here, there;
    std::vector<polyfs_op *> ops(64);
    for (unsigned i = 0; i < ops.size(); i++) {
        bytes.push_back(Bytes(size, 1000 + i));
        here.push_back("c" + std::to_string(i));
        there.push_back(folder_ + "/c" + std::to_string(i));
        polyfs_fs *from = i % 2 ? file_ : memory_;
        const std::string &path = i % 2 ? there[i] : here[i];
        ASSERT_EQ(POLYFS_OK, polyfs_put(from, path.c_str(), bytes[i].data(), size, nullptr, nullptr, nullptr));
    }
    for (unsigned i = 0; i < ops.size(); i++)
        ASSERT_EQ(POLYFS_OK, i % 2 ? polyfs_copy_submit(file_, there[i].c_str(), memory_, here[i].c_str(), nullptr,
                                                        nullptr, &ops[i], nullptr)
                                   : polyfs_copy_submit(memory_, here[i].c_str(), file_, there[i].c_str(), nullptr,
                                                        nullptr, &ops[i], nullptr));
    uint64_t over = 0, looks = 0;
    for (polyfs_op *op : ops) {
        int rc = POLYFS_MORE;
        for (unsigned ms = 0; ms < 60000 && rc == POLYFS_MORE; ms++) {
            const Stats now = Now();
            over += now.used_bytes > Bound(now);
            looks++;
            rc = polyfs_op_wait(op, 1, nullptr);
        }
        ASSERT_EQ(POLYFS_OK, rc) << "MORE (1): they wait for each other";
        polyfs_op_free(op);
    }
    EXPECT_EQ(0u, over) << "of " << looks << " looks";
    for (unsigned i = 0; i < ops.size(); i++) {
        EXPECT_TRUE(bytes[i] == Get(memory_, here[i])) << i;
        EXPECT_TRUE(bytes[i] == Get(file_, there[i])) << i;
    }
}

/* The peak that is reported is never over the bound of the moment with the most handles. */
TEST_F(Budget, ThePeakIsTold)
{
    EXPECT_GT(Now().peak_bytes, part);
    EXPECT_LE(Now().peak_bytes, std::max<uint64_t>(before_.budget_bytes, 40 * part));
}

/* One that opens when others have all of the budget still has its own part; what was read ahead goes on, and no more. */
TEST_F(Budget, AHandleThatOpensLaterHasItsPart)
{
    const std::string bytes = Bytes(16 * part, 11);
    polyfs_reader *reader = nullptr;
    polyfs_writer *writer = nullptr;
    polyfs_set_budget(4 * part);
    ASSERT_NO_FATAL_FAILURE(OpenAhead(bytes, &reader));
    ASSERT_EQ(POLYFS_OK, polyfs_writer_open(memory_, "w", nullptr, &writer, nullptr));
    ASSERT_EQ(POLYFS_OK, polyfs_writer_write(writer, bytes.data(), part / 2, nullptr));
    EXPECT_GE(Now().used_bytes, part / 2);
    EXPECT_LE(Now().used_bytes, Now().budget_bytes + Now().handles * part);
    ASSERT_EQ(POLYFS_OK, polyfs_writer_commit(writer, nullptr, nullptr));
    polyfs_writer_close(writer);
    polyfs_reader_close(reader);
    EXPECT_EQ(bytes.substr(0, part / 2), Get(memory_, "w"));
}

/* Behind a head that fits no part, as a header's, each piece goes from the caller's memory: what is left of it beyond whole
 * parts goes along with the last of them, or all pieces would be copied by halves. */
TEST_F(Budget, WhatIsLeftOfAPieceGoesWithItsLastPart)
{
    const std::string bytes = Bytes(16 * part, 3), head = "ten bytes.";
    std::vector<polyfs_bytes> pieces = {{head.data(), head.size()}};
    for (size_t at = 0; at < bytes.size(); at += 2 * part)
        pieces.push_back({bytes.data() + at, 2 * part});
    struct polyfs_fs_stats before = {}, behind = {};
    before.struct_size = behind.struct_size = sizeof(before);
    polyfs_writer *writer = nullptr;
    polyfs_fs_stats(memory_, &before);
    ASSERT_EQ(POLYFS_OK, polyfs_writer_open(memory_, "w", nullptr, &writer, nullptr));
    ASSERT_EQ(POLYFS_OK, polyfs_writer_writev(writer, pieces.data(), pieces.size(), nullptr));
    ASSERT_EQ(POLYFS_OK, polyfs_writer_commit(writer, nullptr, nullptr));
    polyfs_writer_close(writer);
    polyfs_fs_stats(memory_, &behind);
    EXPECT_EQ(19u, behind.calls - before.calls) << "facts, start, first part, a long one, seven times two, commit";
    EXPECT_TRUE(head + bytes == Get(memory_, "w"));
}

/* What a handle took before a fork is the parent's: closing it in the child gives back nothing that is not there. */
TEST_F(Budget, AChildClosesWhatItInherited)
{
    const std::string bytes = Bytes(16 * part, 7);
    polyfs_reader *reader = nullptr;
    polyfs_set_budget(32 * part);
    ASSERT_NO_FATAL_FAILURE(OpenAhead(bytes, &reader));
    ASSERT_GT(Now().used_bytes, before_.used_bytes + part) << "it reads ahead";
    pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
        polyfs_reader_close(reader);
        _exit(Now().used_bytes == before_.used_bytes ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(pid, waitpid(pid, &status, 0));
    EXPECT_EQ(0, status) << "the child counts memory that it does not have";
    polyfs_reader_close(reader);
}
