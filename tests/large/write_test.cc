/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of any length through each shape of writing, in many writes and in one of more than 4 GiB: every byte in its
 * place, once, and in memory the budget and one part.
 */
#include "large.h"

namespace large
{

namespace
{

class Streams : public testing::TestWithParam<const char *>
{
  protected:
    /* Only parts overlap; the others have one buffer. */
    static uint64_t Bound()
    {
        return GetParam() == std::string("parts") ? BUDGET + PART : PART;
    }
};

std::string Shape(const char *name)
{
    return std::string("shape=") + name;
}

/* Touches what a first write touches, so that it does not count as growth; one of the two patterns is the sink's. */
void Warm(const Fs &fs)
{
    std::vector<unsigned char> bytes(64 * 1024);
    for (uint64_t every : {PATTERN_DENSE, SPARSE}) {
        pattern_fill(bytes.data(), 0, bytes.size(), every, 0);
        polyfs_put(fs.get(), "warm", bytes.data(), bytes.size(), nullptr, nullptr, nullptr);
    }
}

} // namespace

TEST_P(Streams, InWritesOfOneMiB)
{
    InChild([] {
        Fs fs = Sink({Shape(GetParam())});
        Warm(fs);
        Memory memory;
        Stat stat = POLYFS_STAT_INIT;
        Writer writer = OpenWriter(fs, "a");
        ASSERT_CODE(POLYFS_OK, Feed(writer, 0, Size()));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), &stat, Err()));
        writer.reset();
        memory.ExpectWithin(Bound());
        EXPECT_EQ(Size(), stat.size);
        EXPECT_EQ(Size(), SizeOf(fs, "a"));
    });
}

TEST_P(Streams, InOneWrite)
{
    InChild([] {
        Fs fs = Sink({Shape(GetParam()), Sparse()});
        Lent lent(Size());
        Warm(fs);
        Memory memory;
        Stat stat = POLYFS_STAT_INIT;
        Writer writer = OpenWriter(fs, "a");
        ASSERT_CODE(POLYFS_OK, polyfs_writer_write(writer.get(), lent.data(), lent.size(), Err()));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), &stat, Err()));
        writer.reset();
        memory.ExpectWithin(Bound());
        EXPECT_EQ(Size(), stat.size);
        EXPECT_EQ(Size(), SizeOf(fs, "a"));
    });
}

/* What does not fit whole parts stays behind in the writer's buffer, and the next write begins within a part. */
TEST_P(Streams, InTwoWritesOfOddSizes)
{
    InChild([] {
        Fs fs = Sink({Shape(GetParam()), Sparse()});
        Lent lent(Size());
        const uint64_t first = 3 * MiB + 11;
        Warm(fs);
        Memory memory;
        Writer writer = OpenWriter(fs, "a");
        ASSERT_CODE(POLYFS_OK, polyfs_writer_write(writer.get(), lent.data(), first, Err()));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_write(writer.get(), lent.data() + first, lent.size() - first, Err()));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), nullptr, Err()));
        writer.reset();
        memory.ExpectWithin(Bound());
        EXPECT_EQ(Size(), SizeOf(fs, "a"));
    });
}

TEST_P(Streams, InOnePut)
{
    InChild([] {
        Fs fs = Sink({Shape(GetParam()), Sparse()});
        Lent lent(Size());
        Warm(fs);
        Memory memory;
        ASSERT_CODE(POLYFS_OK, polyfs_put(fs.get(), "a", lent.data(), lent.size(), nullptr, nullptr, Err()));
        memory.ExpectWithin(Bound());
        EXPECT_EQ(Size(), SizeOf(fs, "a"));
    });
}

INSTANTIATE_TEST_SUITE_P(EachShape, Streams, testing::Values("parts", "placed", "stream"),
                         [](const auto &given) { return std::string(given.param); });

/* Of a stream of unknown length parts grow, and the memory that is counted with them. */
TEST(Parts, GrowWithinTheBudget)
{
    InChild([] {
        const uint64_t part = Size() / 1280 / 4096 * 4096, budget = 8 * part;
        Fs fs = Sink({"shape=parts"});
        polyfs_set_budget(budget);
        Warm(fs);
        Memory memory;
        Writer writer = OpenWriter(fs, "a", 0, part);
        ASSERT_CODE(POLYFS_OK, Feed(writer, 0, Size()));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), nullptr, Err()));
        writer.reset();
        memory.ExpectWithin(budget + 2 * part);
        EXPECT_EQ(Size(), SizeOf(fs, "a"));
    });
}

/* A store without a native append: the old bytes pass through here, and 1 MiB more. */
TEST(Append, ToALargeObject)
{
    InChild([] {
        const uint64_t old = Size() / 8 * 8;
        Fs fs = Sink({"shape=parts", "source_bytes=" + std::to_string(old)});
        Warm(fs);
        Memory memory;
        polyfs_writer *raw = nullptr;
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.flags = POLYFS_WRITE_APPEND;
        ASSERT_CODE(POLYFS_OK, polyfs_writer_open(fs.get(), "source", &opts, &raw, Err()));
        Writer writer(raw);
        ASSERT_CODE(POLYFS_OK, Feed(writer, old, old + MiB));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), nullptr, Err()));
        writer.reset();
        memory.ExpectWithin(BUDGET + PART);
        EXPECT_EQ(old + MiB, SizeOf(fs, "source"));
    });
}

/* ---- a store that takes an object in one put only ------------------------------------------------------------------ */

/* What is given at once goes as it is. */
TEST(PutAlone, TakesAnyPut)
{
    InChild([] {
        Fs fs = Sink({"shape=put", Sparse()});
        Lent lent(Size());
        Warm(fs);
        Memory memory;
        ASSERT_CODE(POLYFS_OK, polyfs_put(fs.get(), "a", lent.data(), lent.size(), nullptr, nullptr, Err()));
        memory.ExpectWithin(0);
        EXPECT_EQ(Size(), SizeOf(fs, "a"));
    });
}

/* The same where the caller asks for this shape and the store has others. */
TEST(PutAlone, ForcedTakesAnyPut)
{
    InChild([] {
        Fs fs = Sink({Sparse()});
        Lent lent(Size());
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.shape = POLYFS_SHAPE_PUT;
        Warm(fs);
        Memory memory;
        ASSERT_CODE(POLYFS_OK, polyfs_put(fs.get(), "a", lent.data(), lent.size(), &opts, nullptr, Err()));
        memory.ExpectWithin(PART);
        EXPECT_EQ(Size(), SizeOf(fs, "a"));
    });
}

/* A stream is gathered as far as the budget goes, and then refused with what to do. */
TEST(PutAlone, RefusesAStreamBeyondTheBudget)
{
    InChild([] {
        Fs fs = Sink({"shape=put", Sparse()});
        Fs dense = Sink({"shape=put"});
        Lent lent(Size());
        Warm(fs);
        Memory memory;
        Writer many = OpenWriter(dense, "a");
        EXPECT_CODE(POLYFS_TOO_LARGE, Feed(many, 0, Size()));
        EXPECT_NE(std::string::npos, Said().find("polyfs_set_budget")) << Said();
        EXPECT_CODE(POLYFS_TOO_LARGE, polyfs_writer_commit(many.get(), nullptr, Err()));
        many.reset();
        Writer one = OpenWriter(fs, "a");
        EXPECT_CODE(POLYFS_TOO_LARGE, polyfs_writer_write(one.get(), lent.data(), lent.size(), Err()));
        one.reset();
        memory.ExpectWithin(BUDGET + PART);
        EXPECT_FALSE(Exists(dense, "a"));
    });
}

TEST(PutAlone, GathersWhatFitsTheBudget)
{
    InChild([] {
        Fs fs = Sink({"shape=put"});
        Warm(fs);
        Memory memory;
        Writer writer = OpenWriter(fs, "a");
        ASSERT_CODE(POLYFS_OK, Feed(writer, 0, BUDGET));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), nullptr, Err()));
        writer.reset();
        memory.ExpectWithin(BUDGET + PART);
        EXPECT_EQ(BUDGET, SizeOf(fs, "a"));
    });
}

TEST(PutAlone, RefusesWhatThePutDoesNotTake)
{
    InChild([] {
        const uint64_t most = 12 * MiB;
        Fs fs = Sink({"shape=put", "put_max=12MiB"});
        Writer fits = OpenWriter(fs, "fits"), beyond = OpenWriter(fs, "beyond");
        ASSERT_CODE(POLYFS_OK, Feed(fits, 0, most));
        ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(fits.get(), nullptr, Err()));
        ASSERT_CODE(POLYFS_OK, Feed(beyond, 0, most));
        EXPECT_CODE(POLYFS_TOO_LARGE, polyfs_writer_write(beyond.get(), "x", 1, Err()));
        EXPECT_NE(std::string::npos, Said().find("12582912")) << Said();
        EXPECT_EQ(most, SizeOf(fs, "fits"));
        EXPECT_FALSE(Exists(fs, "beyond"));
    });
}

/* ---- the sink tells what is wrong ---------------------------------------------------------------------------------- */

namespace
{

/* Writes these pieces of 64 KiB, a part each. The first code that is not OK. */
int WritePieces(const char *shape, uint64_t every, const std::vector<uint64_t> &order)
{
    const uint64_t piece = 64 * 1024;
    Fs fs = Sink({Shape(shape), "every=" + std::to_string(every)});
    Writer writer = OpenWriter(fs, "a", 0, piece);
    std::vector<unsigned char> bytes(piece);
    int rc = POLYFS_OK;
    for (uint64_t number : order) {
        pattern_fill(bytes.data(), number * piece, piece, every, 0);
        rc = rc == POLYFS_OK ? polyfs_writer_write(writer.get(), bytes.data(), piece, Err()) : rc;
    }
    return rc == POLYFS_OK ? polyfs_writer_commit(writer.get(), nullptr, Err()) : rc;
}

} // namespace

TEST(Sink, TellsBytesOutOfPlace)
{
    InChild([] {
        for (const char *shape : {"parts", "placed", "stream", "put"}) {
            for (uint64_t every : {PATTERN_DENSE, UINT64_C(16384)}) {
                EXPECT_CODE(POLYFS_OK, WritePieces(shape, every, {0, 1, 2, 3})) << shape;
                EXPECT_CODE(POLYFS_CORRUPT, WritePieces(shape, every, {0, 2, 1, 3})) << shape << ": exchanged";
                EXPECT_CODE(POLYFS_CORRUPT, WritePieces(shape, every, {0, 1, 3})) << shape << ": lost";
                EXPECT_CODE(POLYFS_CORRUPT, WritePieces(shape, every, {0, 1, 1, 2})) << shape << ": doubled";
                EXPECT_CODE(POLYFS_CORRUPT, WritePieces(shape, every, {1, 2})) << shape << ": the first lost";
            }
        }
    });
}

TEST(Sink, TellsASingleWrongByte)
{
    std::vector<unsigned char> bytes(64 * 1024);
    for (uint64_t every : {PATTERN_DENSE, UINT64_C(16384)}) {
        for (uint64_t offset : {UINT64_C(0), UINT64_C(5), (UINT64_C(4) << 30) - 8, (UINT64_C(4) << 30) + 3}) {
            pattern_fill(bytes.data(), offset, bytes.size(), every, 0);
            EXPECT_TRUE(pattern_holds(bytes.data(), offset, bytes.size(), every));
            EXPECT_FALSE(pattern_holds(bytes.data(), offset + (UINT64_C(4) << 30), bytes.size(), every));
            for (size_t at = 0; at < bytes.size(); at += 509) {
                bytes[at] ^= 1;
                EXPECT_FALSE(pattern_holds(bytes.data(), offset, bytes.size(), every)) << at;
                bytes[at] ^= 1;
            }
        }
    }
}

} // namespace large
