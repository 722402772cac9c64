/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of more than 4 GiB: written in many writes and in one, added to, read, copied in and out, and as the one file of
 * a checkpoint. They need room for one such file in the folder for temporary files; without it the tests fail.
 */
#include "large.h"

#include <cstdlib>
#include <filesystem>

namespace large
{

namespace
{

class Files : public testing::Test
{
  protected:
    void SetUp() override
    {
        const uint64_t needed = Size() + 64 * MiB;
        const std::filesystem::path above = std::filesystem::temp_directory_path();
        const uint64_t room = std::filesystem::space(above).available;
        ASSERT_GE(room, needed) << above << " has no room for a file of " << Size()
                                << " bytes: make room, or name another folder with TMPDIR";
        folder_ = (above / "polyfs-large-XXXXXX").string();
        ASSERT_NE(nullptr, mkdtemp(folder_.data()));
    }
    void TearDown() override
    {
        std::filesystem::remove_all(folder_);
    }
    std::string At(const std::string &name) const
    {
        return folder_ + "/" + name;
    }
    /* Durability is not what is tested, and the disk would be. */
    static Fs Here()
    {
        return Open("file:///", {"durability=none"});
    }

    std::string folder_;
};

} // namespace

TEST_F(Files, WrittenAddedToAndRead)
{
    InChild([this] {
        Fs fs = Here();
        Memory memory;
        Writer writer = OpenWriter(fs, At("a"), POLYFS_SHAPE_PLACED);
        ASSERT_CODE(POLYFS_OK, Feed(writer, 0, Size()));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), nullptr, Err()));
        EXPECT_EQ(Size(), SizeOf(fs, At("a")));

        polyfs_writer *raw = nullptr;
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.flags = POLYFS_WRITE_APPEND;
        ASSERT_CODE(POLYFS_OK, polyfs_writer_open(fs.get(), At("a").c_str(), &opts, &raw, Err()));
        writer.reset(raw);
        ASSERT_CODE(POLYFS_OK, Feed(writer, Size(), Size() + 3 * MiB));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), nullptr, Err()));
        writer.reset();

        Reader reader = OpenReader(fs, At("a"));
        Drain(reader, 0, Size() + 3 * MiB, MiB);
        memory.ExpectWithin(PART);
    });
}

TEST_F(Files, InOneWriteAndCopiedOut)
{
    InChild([this] {
        Fs fs = Here(), to = Sink({"shape=parts", Sparse()});
        Lent lent(Size());
        Memory memory;
        Writer writer = OpenWriter(fs, At("a"));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_write(writer.get(), lent.data(), lent.size(), Err()));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), nullptr, Err()));
        writer.reset();
        memory.ExpectWithin(PART);
        EXPECT_EQ(Size(), SizeOf(fs, At("a")));
        ASSERT_CODE(POLYFS_OK, polyfs_copy(fs.get(), At("a").c_str(), to.get(), "a", nullptr, nullptr, Err()));
        memory.ExpectWithin(BUDGET + PART);
        EXPECT_EQ(Size(), SizeOf(to, "a"));
    });
}

TEST_F(Files, InOnePutOfTheWhole)
{
    InChild([this] {
        Fs fs = Here();
        Lent lent(Size());
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.shape = POLYFS_SHAPE_PUT;
        Memory memory;
        ASSERT_CODE(POLYFS_OK,
                    polyfs_put(fs.get(), At("a").c_str(), lent.data(), lent.size(), &opts, nullptr, Err()));
        memory.ExpectWithin(0);
        EXPECT_EQ(Size(), SizeOf(fs, At("a")));
        Zeros piece(PART);
        Reader reader = OpenReader(fs, At("a"));
        for (uint64_t at = 0, n = 1; n; at += n) {
            ASSERT_CODE(POLYFS_OK, polyfs_reader_read(reader.get(), piece.data(), PART, &n, Err()));
            ASSERT_TRUE(pattern_holds(piece.data(), at, n, SPARSE)) << "at " << at;
        }
    });
}

/* The store's own append carries the bytes, whatever shape the object was to have: nothing is gathered. */
TEST_F(Files, AppendedToInTheShapeOfOnePut)
{
    InChild([this] {
        Fs fs = Here();
        polyfs_writer *raw = nullptr;
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.flags = POLYFS_WRITE_APPEND;
        opts.shape = POLYFS_SHAPE_PUT;
        Memory memory;
        ASSERT_CODE(POLYFS_OK, polyfs_writer_open(fs.get(), At("a").c_str(), &opts, &raw, Err()));
        Writer writer(raw);
        ASSERT_CODE(POLYFS_OK, Feed(writer, 0, Size()));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), nullptr, Err()));
        writer.reset();
        memory.ExpectWithin(PART);
        Reader reader = OpenReader(fs, At("a"));
        Drain(reader, 0, Size(), MiB);
    });
}

TEST_F(Files, CopiedInAndWithinTheFolder)
{
    InChild([this] {
        Fs from = Sink({"source_bytes=" + std::to_string(Size())}), fs = Here();
        Memory memory;
        ASSERT_CODE(POLYFS_OK,
                    polyfs_copy(from.get(), "source", fs.get(), At("a").c_str(), nullptr, nullptr, Err()));
        memory.ExpectWithin(BUDGET + PART);
        ASSERT_CODE(POLYFS_OK, polyfs_rename(fs.get(), At("a").c_str(), At("b").c_str(), 0, nullptr, Err()));
        Reader reader = OpenReader(fs, At("b"));
        Drain(reader, 0, Size(), MiB);
    });
}

TEST_F(Files, AsACheckpoint)
{
    InChild([this] {
        polyfs_ckpt *ckpt = nullptr;
        polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
        polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
        polyfs_ckpt_saver *saver = nullptr;
        const std::string url = "file://" + At("run");
        Lent lent(Size());
        ASSERT_CODE(POLYFS_OK, polyfs_ckpt_open(url.c_str(), nullptr, &ckpt, Err()));
        opts.step = 1;
        Memory memory;
        ASSERT_CODE(POLYFS_OK, polyfs_ckpt_begin(ckpt, &opts, &saver, Err()));
        ASSERT_CODE(POLYFS_OK, polyfs_ckpt_write(saver, "weights", lent.data(), lent.size(), Err()));
        ASSERT_CODE(POLYFS_OK, polyfs_ckpt_commit(saver, &info, Err()));
        EXPECT_EQ(Size(), info.bytes);
        int whole = 0;
        auto count = [](const polyfs_ckpt_info *, int code, const char *, void *user) {
            *static_cast<int *>(user) += code == POLYFS_OK ? 1 : 100;
        };
        ASSERT_CODE(POLYFS_OK, polyfs_ckpt_verify(ckpt, nullptr, 0, count, &whole, Err()));
        EXPECT_EQ(1, whole);
        memory.ExpectWithin(PART);
        polyfs_ckpt_close(ckpt);
    });
}

} // namespace large
