/* SPDX-License-Identifier: Apache-2.0 */
/* Parts that do not arrive, and answers of 200 that are none: F15, F27, F31. */
#include "fault.h"

using namespace fault;

class Write : public Fault
{
};

TEST_F(Write, F15TheServerDoesNotReadAPart)
{
    Fs quick = Open({"stall_timeout=1s"});
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    polyfs_writer *writer = nullptr;
    const std::string bytes = Bytes(30 * MiB);
    opts.part_bytes = 10 * MiB;
    Rules(R"({"method": "PUT", "target": "partNumber=2", "count": 0, "deaf_ms": 30000})");
    ASSERT_CODE(POLYFS_OK, polyfs_writer_open(quick.get(), P("a").c_str(), &opts, &writer, E()));
    int rc = polyfs_writer_write(writer, bytes.data(), bytes.size(), E());
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, nullptr, E());
    polyfs_writer_close(writer);
    EXPECT_CODE(POLYFS_TIMEOUT, rc);
    EXPECT_EQ("(absent)", There("a"));
    EXPECT_EQ(1u, Journal("DELETE", "uploadId=").size()) << "its upload was ended";
}

namespace
{

const char *const NOT_REALLY[] = {
    R"("<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>told</Message></Error>")",
    R"("  \n<Error><Code>InternalError</Code><Message>told</Message></Error>")",
    R"("")",
    R"("   \r\n  ")",
    R"("<?xml version=\"1.0\"?><CompleteMultipartUploadResult><ETag>\"x")",
    R"("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")",
    R"("<Other><ETag>\"x\"</ETag></Other>")",
};

} // namespace

/* 200, and no success: whether it was applied or not, in the end it is, once. */
TEST_F(Write, F27CompleteAnswers200AndMeansIt)
{
    const std::string bytes = Bytes(6 * MiB);
    int round = 0;
    for (const char *body : NOT_REALLY)
        for (const char *apply : {"true", "false"}) {
            const std::string name = "a" + std::to_string(round++);
            Rules(std::string(R"({"method": "POST", "target": "uploadId=", "apply": )") + apply +
                  R"(, "status": 200, "body": )" + body + "}");
            EXPECT_CODE(POLYFS_OK, Stream(name, bytes, POLYFS_WRITE_CREATE_ONLY)) << body << apply;
            EXPECT_TRUE(bytes == There(name)) << body << apply;
        }
}

TEST_F(Write, F27CopyAnswers200AndMeansIt)
{
    Make("from", "bytes");
    for (const char *body : NOT_REALLY) {
        polyfs_remove(Direct(), P("to").c_str(), nullptr, nullptr);
        Rules(std::string(R"({"method": "PUT", "apply": false, "status": 200, "body": )") + body + "}");
        EXPECT_CODE(POLYFS_OK, polyfs_copy(fs(), P("from").c_str(), fs(), P("to").c_str(), nullptr, nullptr, E()))
            << body;
        EXPECT_EQ("bytes", There("to")) << body;
    }
}

TEST_F(Write, F27RemoveManyTellsWhatFailed)
{
    Make("a", "a");
    Make("b", "b");
    const std::string a = P("a"), b = P("b");
    const char *paths[] = {a.c_str(), b.c_str()};
    int codes[2] = {7, 7};
    Rules(R"({"method": "POST", "status": 200, "body": "<DeleteResult><Deleted><Key>)" + a.substr(a.find('/') + 1) +
          R"(</Key></Deleted><Error><Key>)" + b.substr(b.find('/') + 1) +
          R"(</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"},)"
          R"({"method": "DELETE", "count": 0, "status": 403, "body": "<Error><Code>AccessDenied</Code></Error>"})");
    EXPECT_CODE(POLYFS_PERMISSION, polyfs_remove_many(fs(), paths, 2, nullptr, codes, E()));
    EXPECT_EQ(POLYFS_OK, codes[0]);
    EXPECT_EQ(POLYFS_PERMISSION, codes[1]);
}

/* Another document, or none: nothing is known to be gone, so it is asked again. */
TEST_F(Write, F27RemoveManyAnswersSomethingElse)
{
    for (const char *body : {"", "<Error><Code>InternalError</Code></Error>", "<DeleteResult>", "<html></html>"}) {
        Make("a", "a");
        Make("b", "b");
        const std::string a = P("a"), b = P("b");
        const char *paths[] = {a.c_str(), b.c_str()};
        int codes[2] = {7, 7};
        Rules(R"({"method": "POST", "status": 200, "body": ")" + std::string(body) + "\"}");
        EXPECT_CODE(POLYFS_OK, polyfs_remove_many(fs(), paths, 2, nullptr, codes, E())) << body;
        EXPECT_EQ("(absent)", There("a")) << body;
        EXPECT_EQ("(absent)", There("b")) << body;
    }
}

/* A failing abort hides nothing of why. */
TEST_F(Write, F31TheAbortFailsToo)
{
    Rules(
        R"({"method": "PUT", "target": "partNumber=", "count": 0, "status": 403, "body": "<Error><Code>AccessDenied</Code></Error>"},)"
        R"({"method": "DELETE", "count": 0, "status": 503})");
    EXPECT_CODE(POLYFS_PERMISSION, Stream("a", Bytes(11 * MiB)));
    EXPECT_STREQ("AccessDenied", error().native_code);
    EXPECT_EQ("(absent)", There("a"));
    EXPECT_LE(1u, Journal("DELETE", "uploadId=").size());
}

/* Lost to another writer in the middle: Amazon's 409 asks to begin anew, with a new upload where there is one. */
TEST_F(Write, ConflictBeginsAnew)
{
    const char *const conflict =
        R"("status": 409, "body": "<Error><Code>ConditionalRequestConflict</Code><Message>told</Message></Error>"})";
    Rules(std::string(R"({"method": "PUT", )") + conflict);
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes", POLYFS_WRITE_CREATE_ONLY));
    EXPECT_EQ("bytes", There("a"));
    const std::string bytes = Bytes(11 * MiB);
    Rules(std::string(R"({"method": "POST", "target": "uploadId=", )") + conflict);
    ASSERT_CODE(POLYFS_OK, Put("b", bytes, POLYFS_WRITE_CREATE_ONLY));
    EXPECT_TRUE(bytes == There("b"));
    EXPECT_EQ(2u, Journal("POST", "uploads=").size());
    Rules(std::string(R"({"method": "POST", "target": "uploadId=", )") + conflict);
    EXPECT_CODE(POLYFS_BUSY, Stream("c", bytes, POLYFS_WRITE_CREATE_ONLY)) << "its bytes are gone, so it says so";
    EXPECT_EQ("(absent)", There("c"));
}

/* The same in a copy of several: its source is still there to be read again. */
TEST_F(Write, ConflictBeginsAnewInACopyOfSeveral)
{
    const char *url = "memory://conflict/";
    polyfs_fs *made = nullptr;
    char *path = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_fs_open(url, nullptr, &made, &path, E()));
    Fs source(made);
    polyfs_free(path);
    const std::string bytes = Bytes(17 * MiB);
    const std::string to[] = {P("1"), P("2"), P("3")};
    const char *from[] = {"1", "2", "3"}, *targets[] = {to[0].c_str(), to[1].c_str(), to[2].c_str()};
    for (const char *name : from)
        ASSERT_CODE(POLYFS_OK, polyfs_put(source.get(), name, bytes.data(), bytes.size(), nullptr, nullptr, E()));
    const std::string post = R"({"method": "POST", "target": "uploadId=", "count": )";
    const std::string conflict =
        R"(, "status": 409, "body": "<Error><Code>ConditionalRequestConflict</Code><Message>told</Message></Error>"})";
    Rules(post + "2" + conflict);
    ASSERT_CODE(POLYFS_OK, polyfs_bulk_copy(source.get(), from, 3, fs(), targets, 3, nullptr, nullptr, E()));
    EXPECT_EQ(5u, Journal("POST", "uploads=").size());
    for (const char *name : from)
        EXPECT_TRUE(bytes == There(name));
    Rules(post + "0" + conflict);
    EXPECT_CODE(POLYFS_BUSY, polyfs_bulk_copy(source.get(), from, 1, fs(), targets, 1, nullptr, nullptr, E()));
    EXPECT_EQ(2u, Journal("POST", "uploads=").size()) << "once more, not for ever";
}
