/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on their way to a store, which does not read them, or gets others: F15, F17. */
#include "fault.h"

using namespace fault;

class Body : public Fault
{
};

TEST_F(Body, F15TheServerDoesNotRead)
{
    Fs quick = Open({"stall_timeout=1s"});
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    const std::string bytes = Bytes(32 * MiB);
    opts.part_bytes = bytes.size(); /* cases with throttles before this one would send parts one after another */
    Rules("{" + AtPut() + R"("count": 0, "deaf_ms": 30000})");
    const double began = Now();
    EXPECT_CODE(POLYFS_TIMEOUT,
                polyfs_put(quick.get(), P("a").c_str(), bytes.data(), bytes.size(), &opts, nullptr, E()));
    EXPECT_LE(Now() - began, 8); /* three attempts */
    EXPECT_EQ("(absent)", There("a"));
}

TEST_F(Body, F17FlippedOnItsWay)
{
    Rules("{" + AtPut() + R"("flip_request": 50000})");
    ASSERT_CODE(POLYFS_OK, Put("a", Bytes(100000)));
    EXPECT_TRUE(Bytes(100000) == There("a"));
    auto sent = Journal(D().put_method, D().put);
    ASSERT_EQ(2u, sent.size());
    EXPECT_EQ(400, sent[0].status);
}

TEST_F(Body, F17APartFlippedOnItsWay)
{
    const std::string bytes = Bytes(11 * MiB);
    Rules(std::string(R"({"method": "PUT", "target": ")") + D().part + R"(", "from": 2, "flip_request": -1})");
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes));
    EXPECT_TRUE(bytes == There("a"));
}

TEST_F(Body, F17FlippedEachTimeIsNeverStored)
{
    Rules("{" + AtPut() + R"("count": 0, "flip_request": 50000})");
    EXPECT_CODE(POLYFS_CORRUPT, Put("a", Bytes(100000)));
    EXPECT_EQ("(absent)", There("a"));
}
