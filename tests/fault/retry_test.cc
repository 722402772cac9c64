/* SPDX-License-Identifier: Apache-2.0 */
/* How often, when, and with what end a refused request is sent again: F01, F02, F04, F26, F29. */
#include "fault.h"

using namespace fault;

namespace
{

std::string Refusal(int status, const std::string &code, const std::string &headers = "")
{
    return R"("status": )" + std::to_string(status) + R"(, "headers": [[")" + D().request_id + R"(", "req-1"])" +
           (headers.empty() ? "" : ", " + headers) + R"(], "body": "<Error><Code>)" + code +
           R"(</Code><Message>told so</Message></Error>")";
}

class Retry : public Fault
{
  protected:
    void SetUp() override
    {
        Fault::SetUp();
        Make("a", "0123456789");
        ASSERT_CODE(POLYFS_OK, Get("a", &bytes_)); /* one success: three attempts from here on */
        bytes_.clear();
    }
    /* Seconds between the first two requests for the object when the first is refused with these headers. */
    double Pause(const std::string &headers)
    {
        Rules(R"({"method": "GET", )" + Refusal(503, D().busy, headers) + "}");
        EXPECT_CODE(POLYFS_OK, Get("a", &bytes_));
        auto sent = Journal("GET");
        EXPECT_EQ(2u, sent.size());
        return sent.size() == 2 ? sent[1].time_s - sent[0].time_s : -1;
    }
    std::string bytes_;
};

} // namespace

TEST_F(Retry, F01ThrottledTwice)
{
    Rules(R"({"method": "GET", "count": 2, )" + Refusal(503, D().busy) + "}");
    ASSERT_CODE(POLYFS_OK, Get("a", &bytes_));
    EXPECT_EQ("0123456789", bytes_);
    auto sent = Journal("GET");
    ASSERT_EQ(3u, sent.size());
    EXPECT_LE(sent[1].time_s - sent[0].time_s, 1.2);
    EXPECT_LE(sent[2].time_s - sent[1].time_s, 2.2);
    EXPECT_EQ(2u, Stats().throttles);
    EXPECT_EQ(2u, Stats().retries);
}

TEST_F(Retry, F02ForEverTellsAllOfIt)
{
    Rules(R"({"method": "GET", "count": 0, )" + Refusal(503, D().busy) + "}");
    EXPECT_EQ(POLYFS_BUSY, Get("a", &bytes_));
    EXPECT_EQ(3u, error().attempts);
    EXPECT_EQ(503, error().http_status);
    EXPECT_STREQ(D().busy, error().native_code);
    EXPECT_STREQ("req-1", error().request_id);
    EXPECT_STREQ("read", error().operation);
    EXPECT_NE(nullptr, strstr(error().uri, "/a")) << error().uri;
    EXPECT_EQ(3u, Journal("GET").size());
}

/* 500 tokens, 14 for each repeat: 35 repeats, and then every call has one attempt. */
TEST_F(Retry, F02TheBucketDrains)
{
    Rules(R"({"method": "GET", "count": 0, )" + Refusal(500, D().failed) + "}");
    for (int i = 0; i < 30; i++)
        ASSERT_EQ(POLYFS_BUSY, Get("key" + std::to_string(i), &bytes_));
    EXPECT_EQ(1u, error().attempts);
    EXPECT_LE(Journal("GET").size(), 30u + 36u);
    const double began = Now();
    ASSERT_EQ(POLYFS_BUSY, Get("another", &bytes_));
    EXPECT_LE(Now() - began, 0.5) << "others fail at once";
    Rules("");
    ASSERT_CODE(POLYFS_OK, Get("a", &bytes_));
}

TEST_F(Retry, F02NotBeyondTheDeadline)
{
    polyfs_call_opts call = POLYFS_CALL_OPTS_INIT;
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    char buffer[16];
    size_t n = 0;
    call.timeout_ms = 700;
    opts.call = &call;
    Rules(R"({"method": "GET", "count": 0, )" + Refusal(503, D().busy, R"(["retry-after", "3"])") + "}");
    const double began = Now();
    const int rc = polyfs_get(fs(), P("a").c_str(), &opts, buffer, sizeof(buffer), &n, nullptr, E());
    EXPECT_TRUE(rc == POLYFS_BUSY || rc == POLYFS_TIMEOUT) << error().message;
    EXPECT_LE(Now() - began, 1.7);
}

TEST_F(Retry, F04WishesOfTheStore)
{
    EXPECT_GE(Pause(R"(["Retry-After", "2"])"), 1.99);
    if (D().wish_ms) {
        EXPECT_GE(Pause(std::string("[\"") + D().wish_ms + R"(", "1500"])"), 1.49);
    }
    const double most = 6.3; /* 1 s of its own at most, and 5 s more */
    EXPECT_LE(Pause(R"(["Retry-After", "86400"])"), most);
    EXPECT_LE(Pause(R"(["Retry-After", "-5"])"), 1.2);
    EXPECT_LE(Pause(R"(["Retry-After", "soon"])"), 1.2);
    EXPECT_LE(Pause(R"(["Retry-After", "Wed, 21 Oct 2099 07:28:00 GMT"])"), most);
}

TEST_F(Retry, F26WhatCannotHelpIsNotRepeated)
{
    for (const Dialect::Refusal &row : D().final) {
        Rules(R"({"method": "GET", "count": 0, )" + Refusal(row.status, row.code) + "}");
        EXPECT_CODE(row.rc, Get("a", &bytes_)) << row.code;
        EXPECT_EQ(1u, Journal("GET").size()) << row.code;
    }
}

/* A mistake is told at once: until one request has succeeded there are two attempts. */
TEST_F(Retry, TwoAttemptsBeforeTheFirstSuccess)
{
    Fs fresh = Open();
    char buffer[4];
    size_t n = 0;
    Rules(R"({"count": 0, )" + Refusal(500, D().failed) + "}");
    EXPECT_EQ(POLYFS_BUSY, polyfs_get(fresh.get(), P("a").c_str(), nullptr, buffer, 4, &n, nullptr, E()));
    EXPECT_EQ(2u, error().attempts);
    EXPECT_EQ(2u, Journal("GET").size());
}

TEST_F(Retry, F29AFailureIsNeverAbsence)
{
    for (int status : {500, 503, 403, 400, 302}) {
        Rules(R"({"count": 0, "method": "HEAD|GET", )" + Refusal(status, "") + "}");
        Stat stat = POLYFS_STAT_INIT;
        int exists = -1;
        EXPECT_NE(POLYFS_OK, polyfs_stat(fs(), P("a").c_str(), nullptr, nullptr, &stat, E())) << status;
        EXPECT_NE(POLYFS_NOT_FOUND, error().code) << status;
        EXPECT_NE(POLYFS_OK, polyfs_exists(fs(), P("a").c_str(), nullptr, &exists, E())) << status;
        EXPECT_EQ(-1, exists) << "untouched: it could not be told";
    }
    Rules("{" + AtStat() + R"("status": 503})");
    Stat stat = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, polyfs_stat(fs(), P("a").c_str(), nullptr, nullptr, &stat, E()));
    EXPECT_EQ(10u, stat.size);
}

/* A write over what is there is not done on a guess either: append reads the old bytes first. */
TEST_F(Retry, F29AppendAfterAFailureKeepsTheOld)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    polyfs_writer *writer = nullptr;
    opts.flags = POLYFS_WRITE_APPEND;
    Rules(R"({"method": "HEAD|GET", "count": 0, "status": 503})");
    int rc = polyfs_writer_open(fs(), P("a").c_str(), &opts, &writer, E());
    if (rc == POLYFS_OK)
        rc = polyfs_writer_write(writer, "more", 4, E());
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, nullptr, E());
    polyfs_writer_close(writer);
    EXPECT_NE(POLYFS_OK, rc);
    EXPECT_EQ("0123456789", There("a"));
}
