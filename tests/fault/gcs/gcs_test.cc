/* SPDX-License-Identifier: Apache-2.0 */
/* Faults in front of fake-gcs-server: lost answers, refusals, a foreign upload address, damaged bytes. */
#include "tests/fault/fault.h"

using namespace fault;

namespace
{

const char *const LOST = R"("apply": true, "raw": "", "end": "close"})";

class Gcs : public Fault
{
};

} // namespace

TEST_F(Gcs, F08Put)
{
    Rules(std::string(R"({"method": "POST", "target": "^/upload", )") + LOST);
    ASSERT_CODE(POLYFS_OK, Put("a", Bytes(100000)));
    EXPECT_TRUE(Bytes(100000) == There("a"));
    EXPECT_EQ(2u, Journal("POST", "/upload").size());
}

TEST_F(Gcs, F10CreateOnly)
{
    Rules(std::string(R"({"method": "POST", "target": "^/upload", )") + LOST);
    ASSERT_CODE(POLYFS_OK, Put("a", Bytes(1000), POLYFS_WRITE_CREATE_ONLY));
    EXPECT_TRUE(Bytes(1000) == There("a"));
}

TEST_F(Gcs, F10CreateOnlyOfAnother)
{
    Make("a", "theirs");
    Rules(R"({"method": "POST", "target": "^/upload", "status": 503})");
    EXPECT_CODE(POLYFS_EXISTS, Put("a", "ours", POLYFS_WRITE_CREATE_ONLY));
    EXPECT_EQ("theirs", There("a"));
}

/* The upload is done, and its handle gone: the program's memory does not grow (AddressSanitizer would tell). */
TEST_F(Gcs, F09StreamCommit)
{
    Rules(std::string(R"({"method": "PUT", "header": "content-range: bytes .*/[0-9]", )") + LOST);
    std::string bytes = Bytes(11 * MiB);
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes));
    EXPECT_TRUE(bytes == There("a"));
    EXPECT_EQ(1u, Journal("DELETE", "upload_id").size()) << "the handle was let go";
}

/* This server cannot be asked how far it came: the write fails, and nothing of it is seen. */
TEST_F(Gcs, LostChunkElsewhere)
{
    Rules(std::string(R"({"method": "PUT", )") + LOST);
    EXPECT_CODE(POLYFS_NETWORK, Stream("a", Bytes(11 * MiB)));
    EXPECT_EQ("(absent)", There("a"));
}

/* Google's is asked, and the rest goes from there. */
TEST_F(Gcs, LostChunkOfGoogles)
{
    Fs google = Open({"provider=google", "token=anon"});
    std::string bytes = Bytes(11 * MiB);
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    polyfs_writer *writer = nullptr;
    opts.part_bytes = 5 * MiB;
    opts.shape = POLYFS_SHAPE_STREAM;
    Rules(
        R"({"method": "PUT", "header": "content-range: bytes \\*/\\*", "status": 308, "headers": [["Range", "bytes=0-5242879"]]}, {"method": "PUT", "apply": true, "raw": "", "end": "close"})");
    ASSERT_CODE(POLYFS_OK, polyfs_writer_open(google.get(), P("a").c_str(), &opts, &writer, E()));
    EXPECT_CODE(POLYFS_OK, polyfs_writer_write(writer, bytes.data(), bytes.size(), E()));
    EXPECT_CODE(POLYFS_OK, polyfs_writer_commit(writer, nullptr, E()));
    polyfs_writer_close(writer);
    EXPECT_TRUE(bytes == There("a"));
}

TEST_F(Gcs, B33UploadElsewhere)
{
    Rules(std::string(R"({"method": "POST", "target": "^/upload", "status": 200, "headers": [["Location", ")") +
          getenv("POLYFS_FAULT_FOREIGN") + R"(/upload?upload_id=1"]]})");
    EXPECT_CODE(POLYFS_NETWORK, Stream("a", Bytes(11 * MiB)));
    for (const Request &each : Journal())
        EXPECT_NE("foreign", each.listener);
}

TEST_F(Gcs, BusyPasses)
{
    Make("a", "bytes");
    std::string bytes;
    Rules(
        R"({"method": "GET", "status": 503, "body": "{\"error\": {\"code\": 503, \"errors\": [{\"reason\": \"backendError\"}]}}"})");
    ASSERT_CODE(POLYFS_OK, Get("a", &bytes));
    EXPECT_EQ("bytes", bytes);
}

TEST_F(Gcs, DeniedIsNotAbsent)
{
    std::string bytes;
    Rules(
        R"({"method": "GET", "count": 0, "status": 403, "body": "{\"error\": {\"code\": 403, \"message\": \"no rights\", \"errors\": [{\"reason\": \"forbidden\"}]}}"})");
    EXPECT_CODE(POLYFS_PERMISSION, Get("a", &bytes));
    EXPECT_STREQ("forbidden", error().native_code);
}

TEST_F(Gcs, DamagedOnTheWayUp)
{
    Rules(R"({"method": "POST", "target": "^/upload", "flip_request": -200})");
    ASSERT_CODE(POLYFS_OK, Put("a", Bytes(1000))) << "the server sees another checksum, and it is sent again";
    EXPECT_TRUE(Bytes(1000) == There("a"));
}

TEST_F(Gcs, DamagedOnTheWayDown)
{
    Make("a", Bytes(1000));
    std::string bytes;
    Rules(R"({"method": "GET", "target": "alt=media", "flip": 500})");
    ASSERT_CODE(POLYFS_OK, Get("a", &bytes)) << "read once more";
    EXPECT_TRUE(Bytes(1000) == bytes);
}

/* A success whose body is cut says nothing; the nonce tells. */
TEST_F(Gcs, SuccessWithoutItsBody)
{
    Rules(R"({"method": "POST", "target": "^/upload", "status": 200, "apply": true, "body": "{}"})");
    ASSERT_CODE(POLYFS_OK, Put("a", "once", POLYFS_WRITE_CREATE_ONLY));
    EXPECT_EQ("once", There("a"));
}

TEST_F(Gcs, F11RemoveLost)
{
    Make("a", "bytes");
    Rules(std::string(R"({"method": "DELETE", )") + LOST);
    ASSERT_CODE(POLYFS_OK, polyfs_remove(fs(), P("a").c_str(), nullptr, E()));
    EXPECT_EQ("(absent)", There("a"));
}

/* libcurl sends what has no body once more by itself where a connection that was used before breaks: then nobody would know. */
TEST_F(Gcs, F11RemoveLostBehindAnother)
{
    Make("a", "bytes");
    std::string bytes;
    ASSERT_CODE(POLYFS_OK, Get("a", &bytes));
    Rules(std::string(R"({"method": "DELETE", )") + LOST);
    ASSERT_CODE(POLYFS_OK, polyfs_remove(fs(), P("a").c_str(), nullptr, E()));
    EXPECT_EQ("(absent)", There("a"));
}

/* A page that is lost is asked for again, and the batch that was done tells so. */
TEST_F(Gcs, F11BatchLost)
{
    for (const char *name : {"t/a", "t/b", "t/c"})
        Make(name, "x");
    Rules(std::string(R"({"method": "POST", "target": "^/batch", )") + LOST);
    ASSERT_CODE(POLYFS_OK, polyfs_remove_tree(fs(), P("t").c_str(), nullptr, E()));
    EXPECT_EQ("(absent)", There("t/b"));
}
