/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that never came: F08 to F11. Each is asked of a warm connection, where libcurl would send the request again by
 * itself and hide it.
 */
#include "fault.h"
#include <set>

using namespace fault;

namespace
{

const char *const LOST = R"("apply": true, "raw": "", "end": "close"})";

class Lost : public Fault
{
  protected:
    void SetUp() override
    {
        Fault::SetUp();
        Make("warm", "w");
        std::string bytes;
        ASSERT_CODE(POLYFS_OK, Get("warm", &bytes));
    }
    /* Each attempt is one request: nothing below core repeats. */
    void ExpectOneRequestAnAttempt(const std::string &method, const std::string &in_target, size_t attempts)
    {
        auto sent = Journal(method, in_target);
        ASSERT_EQ(attempts, sent.size());
        for (size_t i = 1; i < sent.size(); i++)
            EXPECT_NE(sent[i - 1].connection, sent[i].connection);
        EXPECT_EQ(attempts - 1, Stats().retries);
    }
};

} // namespace

TEST_F(Lost, F08Put)
{
    Rules(std::string("{") + AtPut() + LOST);
    ASSERT_CODE(POLYFS_OK, Put("a", Bytes(100000)));
    EXPECT_TRUE(Bytes(100000) == There("a"));
    ExpectOneRequestAnAttempt(D().put_method, D().put, 2);
}

TEST_F(Lost, F08PutOfNothing)
{
    Rules(std::string("{") + AtPut() + LOST);
    ASSERT_CODE(POLYFS_OK, Put("a", ""));
    EXPECT_EQ("", There("a"));
    ExpectOneRequestAnAttempt(D().put_method, D().put, 2);
}

TEST_F(Lost, F10CreateOnly)
{
    Rules(std::string("{") + AtPut() + LOST);
    ASSERT_CODE(POLYFS_OK, Put("a", Bytes(100000), POLYFS_WRITE_CREATE_ONLY));
    EXPECT_TRUE(Bytes(100000) == There("a"));
    ExpectOneRequestAnAttempt(D().put_method, D().put, 2);
}

TEST_F(Lost, F10CreateOnlyOfNothing)
{
    Rules(std::string("{") + AtPut() + LOST);
    ASSERT_CODE(POLYFS_OK, Put("a", "", POLYFS_WRITE_CREATE_ONLY));
    ExpectOneRequestAnAttempt(D().put_method, D().put, 2);
}

TEST_F(Lost, F10CreateOnlyIsToldFromAForeignSuccess)
{
    Make("a", "theirs");
    Rules(std::string("{") + AtPut() + LOST);
    EXPECT_CODE(POLYFS_EXISTS, Put("a", "mine", POLYFS_WRITE_CREATE_ONLY));
    EXPECT_EQ("theirs", There("a"));
}

TEST_F(Lost, F10TheSameBytesOfAnotherAreForeign)
{
    Make("a", "same");
    Rules(std::string("{") + AtPut() + LOST);
    EXPECT_CODE(POLYFS_EXISTS, Put("a", "same", POLYFS_WRITE_CREATE_ONLY));
}

TEST_F(Lost, F10IfMatch)
{
    Make("a", "old");
    Stat stat = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, polyfs_stat(Direct(), P("a").c_str(), nullptr, nullptr, &stat, E()));
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.if_match = stat.etag;
    Rules(std::string("{") + AtPut() + LOST);
    ASSERT_CODE(POLYFS_OK, polyfs_put(fs(), P("a").c_str(), "new", 3, &opts, nullptr, E()));
    EXPECT_EQ("new", There("a"));
}

/* Where the check itself fails, the state is not guessed. */
TEST_F(Lost, F10WhatCannotBeCheckedIsUnknown)
{
    Rules("{" + AtStat() + R"("count": 0, "status": 500}, {)" + AtPut() + LOST);
    const int rc = Put("a", "mine", POLYFS_WRITE_CREATE_ONLY);
    EXPECT_NE(POLYFS_OK, rc);
    EXPECT_NE(POLYFS_EXISTS, rc) << error().message;
    EXPECT_EQ(static_cast<uint32_t>(POLYFS_COMMIT_UNKNOWN), error().commit_state) << error().message;
}

TEST_F(Lost, F09Complete)
{
    const std::string bytes = Bytes(11 * MiB);
    Rules(std::string("{") + AtComplete() + LOST);
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes));
    EXPECT_TRUE(bytes == There("a"));
    ExpectOneRequestAnAttempt(D().complete_method, D().complete, 2);
}

TEST_F(Lost, F09CompleteCreateOnly)
{
    const std::string bytes = Bytes(11 * MiB);
    Rules(std::string("{") + AtComplete() + LOST);
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes, POLYFS_WRITE_CREATE_ONLY));
    EXPECT_TRUE(bytes == There("a"));
}

TEST_F(Lost, F09CompleteLosesToAForeignObject)
{
    Make("a", "theirs");
    Rules(std::string("{") + AtComplete() + LOST);
    EXPECT_CODE(POLYFS_EXISTS, Stream("a", Bytes(11 * MiB), POLYFS_WRITE_CREATE_ONLY));
    EXPECT_EQ("theirs", There("a"));
}

TEST_F(Lost, F09Part)
{
    const std::string bytes = Bytes(11 * MiB);
    Rules(std::string(R"({"method": "PUT", "from": 2, "target": ")") + D().part + R"(", )" + LOST);
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes));
    EXPECT_TRUE(bytes == There("a"));
    std::set<std::string> parts;
    const std::vector<Request> sent = Journal("PUT", D().part);
    for (const Request &request : sent)
        parts.insert(request.target);
    EXPECT_EQ(parts.size() + 1, sent.size()) << "one of them twice";
}

/* The upload that nobody knows of stays; its bytes go under another. */
TEST_F(Lost, F09Start)
{
    const std::string bytes = Bytes(11 * MiB);
    Rules(std::string(R"({"method": "POST", "target": "uploads", )") + LOST);
    ASSERT_CODE(POLYFS_OK, Stream("a", bytes));
    EXPECT_TRUE(bytes == There("a"));
    ExpectOneRequestAnAttempt("POST", "uploads=", 2);
}

TEST_F(Lost, F11Remove)
{
    Make("a", "a");
    Rules(std::string(R"({"method": "DELETE", )") + LOST);
    const uint64_t before = Stats().requests;
    ASSERT_CODE(POLYFS_OK, polyfs_remove(fs(), P("a").c_str(), nullptr, E()));
    EXPECT_EQ("(absent)", There("a"));
    EXPECT_EQ(2u, Journal("DELETE").size());
    EXPECT_EQ(before + 2, Stats().requests) << "libcurl's own repeat counts too";
}

TEST_F(Lost, F11RemoveMany)
{
    Make("a", "a");
    Make("b", "b");
    const std::string a = P("a"), b = P("b");
    const char *paths[] = {a.c_str(), b.c_str()};
    int codes[2] = {-1, -1};
    Rules(std::string(R"({"method": "POST", )") + LOST);
    ASSERT_CODE(POLYFS_OK, polyfs_remove_many(fs(), paths, 2, nullptr, codes, E()));
    EXPECT_EQ(POLYFS_OK, codes[0]);
    EXPECT_EQ(POLYFS_OK, codes[1]);
    EXPECT_EQ("(absent)", There("a"));
}

/* A rename is a copy and a removal here: whichever answer is lost, one of both is there, and whole. */
TEST_F(Lost, F11RenameNeverLosesBoth)
{
    for (const char *method : {"PUT", "DELETE"}) {
        Make("from", "bytes");
        polyfs_remove(Direct(), P("to").c_str(), nullptr, nullptr);
        Rules(std::string(R"({"method": ")") + method + R"(", )" + LOST);
        const int rc = polyfs_rename(fs(), P("from").c_str(), P("to").c_str(), 0, nullptr, E());
        if (rc == POLYFS_UNSUPPORTED)
            return; /* s3 has none, and core makes none */
        EXPECT_CODE(POLYFS_OK, rc) << method;
        EXPECT_EQ("bytes", There("to")) << method;
        EXPECT_EQ("(absent)", There("from")) << method;
    }
}

TEST_F(Lost, F11MoveNeverLosesBoth)
{
    for (const char *method : {"PUT", "DELETE", "POST"}) {
        Make("from", "bytes");
        polyfs_remove(Direct(), P("to").c_str(), nullptr, nullptr);
        const std::string from = P("from"), to = P("to");
        const char *sources[] = {from.c_str()}, *targets[] = {to.c_str()};
        Rules(std::string(R"({"method": ")") + method + R"(", )" + LOST);
        EXPECT_CODE(POLYFS_OK, polyfs_bulk_move(fs(), sources, 1, fs(), targets, 1, nullptr, nullptr, E()))
            << method;
        EXPECT_EQ("bytes", There("to")) << method;
        EXPECT_EQ("(absent)", There("from")) << method;
    }
}

/* Reset before it was applied: nothing is known to be there, and the same call does it. */
TEST_F(Lost, F07ResetBeforeItWasApplied)
{
    Rules("{" + AtPut() + R"("apply": false, "end": "reset"})");
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes", POLYFS_WRITE_CREATE_ONLY));
    EXPECT_EQ("bytes", There("a"));
}
