/* SPDX-License-Identifier: Apache-2.0 */
/* One object of any size from store to store by the bulk copy: one window, the budget and one part. */
#include "large.h"

namespace large
{

namespace
{

struct Copied {
    int rc;
    uint64_t bytes;
};

Copied Copy(const Fs &from, const std::string &source, const Fs &to, const std::string &target)
{
    struct polyfs_bulk_result result = {};
    result.struct_size = sizeof(result);
    const char *sources[] = {source.c_str()}, *targets[] = {target.c_str()};
    int rc = polyfs_bulk_copy(from.get(), sources, 1, to.get(), targets, 1, nullptr, &result, Err());
    return {rc, result.bytes};
}

Fs SourceOf(uint64_t bytes)
{
    return Sink({"store=from", "source_bytes=" + std::to_string(bytes)});
}

class Copies : public testing::TestWithParam<const char *>
{
};

} // namespace

TEST_P(Copies, FromStoreToStore)
{
    InChild([] {
        Fs from = SourceOf(Size()), to = Sink({"store=to", std::string("shape=") + GetParam()});
        Memory memory;
        Copied copied = Copy(from, "source", to, "a");
        ASSERT_CODE(POLYFS_OK, copied.rc);
        memory.ExpectWithin(BUDGET + PART);
        EXPECT_EQ(Size(), copied.bytes);
        EXPECT_EQ(Size(), SizeOf(to, "a"));
    });
}

INSTANTIATE_TEST_SUITE_P(EachShape, Copies, testing::Values("parts", "placed", "stream", "all"),
                         [](const auto &given) { return std::string(given.param); });

/* Where the target takes an object in one put only, the budget bounds what is copied. */
TEST(Copy, ToPutAloneIsBoundedByTheBudget)
{
    InChild([] {
        Fs large = SourceOf(Size()), small = SourceOf(BUDGET), to = Sink({"store=to", "shape=put"});
        Memory memory;
        EXPECT_CODE(POLYFS_TOO_LARGE, Copy(large, "source", to, "a").rc);
        EXPECT_NE(std::string::npos, Said().find("polyfs_set_budget")) << Said();
        EXPECT_FALSE(Exists(to, "a"));
        EXPECT_CODE(POLYFS_OK, Copy(small, "source", to, "b").rc);
        memory.ExpectWithin(BUDGET + PART);
        EXPECT_EQ(BUDGET, SizeOf(to, "b"));
    });
}

/* Objects that need the whole budget each go one after another. */
TEST(Copy, SeveralToPutAloneTakeTurns)
{
    InChild([] {
        Fs from = Sink({"store=from"}), to = Sink({"store=to", "shape=put"});
        std::vector<std::string> names;
        for (unsigned i = 0; i < 12; i++) {
            names.push_back("o" + std::to_string(i));
            Writer writer = OpenWriter(from, names[i]);
            ASSERT_CODE(POLYFS_OK, Feed(writer, 0, i % 3 ? 20 * MiB : 4 * MiB));
            ASSERT_CODE(POLYFS_OK, polyfs_writer_commit(writer.get(), nullptr, Err()));
        }
        std::vector<const char *> paths;
        for (const std::string &name : names)
            paths.push_back(name.c_str());
        Memory memory;
        EXPECT_CODE(POLYFS_OK, polyfs_bulk_copy(from.get(), paths.data(), paths.size(), to.get(), paths.data(),
                                                paths.size(), nullptr, nullptr, Err()));
        memory.ExpectWithin(BUDGET + PART);
        for (unsigned i = 0; i < names.size(); i++)
            EXPECT_EQ(i % 3 ? 20 * MiB : 4 * MiB, SizeOf(to, names[i]));
    });
}

} // namespace large
