/* SPDX-License-Identifier: Apache-2.0 */
/* Faults in front of the scripted server: uploads in parts whose last answers are lost, alone and under a condition. */
#include "tests/fault/fault.h"

using namespace fault;

namespace
{

const char *const LOST = R"("apply": true, "raw": "", "end": "close"})";

class GcsParts : public Fault
{
};

} // namespace

/* The repeat is told that the upload is gone; the object is there, and has our nonce. */
TEST_F(GcsParts, F09Complete)
{
    Rules(std::string(R"({"method": "POST", "target": "uploadId=", )") + LOST);
    std::string bytes = Bytes(11 * MiB);
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes));
    EXPECT_TRUE(bytes == There("a"));
    EXPECT_EQ(0u, Journal("POST", "/compose").size());
}

/* The parts were joined: the repeat goes on with what they made. */
TEST_F(GcsParts, F09CompleteUnderACondition)
{
    Rules(std::string(R"({"method": "POST", "target": "uploadId=", )") + LOST);
    std::string bytes = Bytes(11 * MiB);
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes, POLYFS_WRITE_CREATE_ONLY));
    EXPECT_TRUE(bytes == There("a"));
    EXPECT_EQ(1u, Journal("POST", "/compose").size());
    EXPECT_EQ(1u, Journal("DELETE", "?generation=").size()) << "the temporary object is gone";
}

/* The object was published: the repeat loses to it, and it is ours. */
TEST_F(GcsParts, F10Compose)
{
    Rules(std::string(R"({"method": "POST", "target": "/compose", )") + LOST);
    std::string bytes = Bytes(11 * MiB);
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes, POLYFS_WRITE_CREATE_ONLY));
    EXPECT_TRUE(bytes == There("a"));
    EXPECT_EQ(2u, Journal("POST", "/compose").size());
    EXPECT_EQ(1u, Journal("DELETE", "?generation=").size()) << "the temporary object is gone";
}

TEST_F(GcsParts, F10ComposeOfAnother)
{
    Make("a", "theirs");
    EXPECT_CODE(POLYFS_EXISTS, Stream("a", Bytes(11 * MiB), POLYFS_WRITE_CREATE_ONLY));
    EXPECT_EQ("theirs", There("a"));
    EXPECT_EQ(1u, Journal("DELETE", "?generation=").size()) << "the temporary object is gone";
}

/* A refused part goes again. */
TEST_F(GcsParts, APartIsBusy)
{
    Rules(R"({"method": "PUT", "target": "partNumber=2", "status": 503})");
    std::string bytes = Bytes(11 * MiB);
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes));
    EXPECT_TRUE(bytes == There("a"));
    EXPECT_EQ(2u, Journal("PUT", "partNumber=2").size());
}

/* The end of an upload whose bytes came in order: refused, it is sent again; lost, the object is there and is ours. */
TEST_F(GcsParts, CommitOfAStream)
{
    const std::string bytes = Bytes(11 * MiB);
    for (const char *fate : {R"("status": 503})", R"("apply": true, "raw": "", "end": "close"})"}) {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        polyfs_writer *writer = nullptr;
        opts.part_bytes = 5 * MiB;
        opts.shape = POLYFS_SHAPE_STREAM;
        Rules(std::string(R"({"method": "PUT", "header": "content-range: bytes .*/[0-9]", )") + fate);
        ASSERT_CODE(POLYFS_OK, polyfs_writer_open(fs(), P("a").c_str(), &opts, &writer, E()));
        EXPECT_CODE(POLYFS_OK, polyfs_writer_write(writer, bytes.data(), bytes.size(), E()));
        EXPECT_CODE(POLYFS_OK, polyfs_writer_commit(writer, nullptr, E())) << fate;
        polyfs_writer_close(writer);
        EXPECT_TRUE(bytes == There("a"));
        polyfs_remove(fs(), P("a").c_str(), nullptr, nullptr);
    }
}
