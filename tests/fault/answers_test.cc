/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that libcurl takes and polyfs must not (docs/architecture.md, "What libcurl does not check"), and values of
 * headers at their edges: B08, B11 to B15, B31, B34. The answers are written out byte by byte.
 */
#include "fault.h"

using namespace fault;

namespace
{

const struct Row {
    const char *name, *raw, *end;
} rows[] = {
    {"no length, closed early", R"(HTTP/1.1 200 OK\r\nETag: \"x\"\r\n\r\n01234)", "close"},
    {"a length over 2^63", R"(HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n0123456789)", "close"},
    {"a length of 2^63", R"(HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n0123456789)", "close"},
    {"two lengths", R"(HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 5\r\n\r\n01234)", "close"},
    {"two lengths in one line", R"(HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n01234)", "close"},
    {"a negative length", R"(HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n0123456789)", "close"},
    {"a length with a sign", R"(HTTP/1.1 200 OK\r\nContent-Length: +10\r\n\r\n0123456789)", "close"},
    {"a hexadecimal length", R"(HTTP/1.1 200 OK\r\nContent-Length: 0xA\r\n\r\n0123456789)", "close"},
    {"an empty length", R"(HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n0123456789)", "close"},
    {"shorter than its length", R"(HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234)", "close"},
    {"a length and chunks",
     R"(HTTP/1.1 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n)",
     "close"},
    {"chunks that end early", R"(HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n01234)", "close"},
    {"chunks of no size", R"(HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n01234\r\n0\r\n\r\n)",
     "close"},
    {"HTTP/0.9", R"(0123456789)", "close"},
    {"nothing", R"()", "close"},
    {"no status", R"(HTTP/1.1 abc OK\r\nContent-Length: 10\r\n\r\n0123456789)", "close"},
    {"a NUL in a header", R"(HTTP/1.1 200 OK\r\nX: a\u0000b\r\nContent-Length: 10\r\n\r\n0123456789)", "close"},
    {"a line that is no header", R"(HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 10\r\n\r\n0123456789)", "close"},
    {"no content", R"(HTTP/1.1 204 No Content\r\n\r\n)", "close"},
    {"not modified, unasked", R"(HTTP/1.1 304 Not Modified\r\n\r\n)", "close"},
    {"another range", R"(HTTP/1.1 206 Partial\r\nContent-Range: bytes 3-9/10\r\nContent-Length: 7\r\n\r\n3456789)",
     "close"},
    {"multipart ranges",
     R"(HTTP/1.1 206 Partial\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 10\r\n\r\n0123456789)",
     "close"},
    {"a reset", R"(HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234)", "reset"},
};

class Answers : public Fault
{
  protected:
    void SetUp() override
    {
        Fault::SetUp();
        Make("a", "0123456789");
    }
    void Raw(const std::string &raw, const std::string &end, int count)
    {
        Rules(R"({"method": "GET", "count": )" + std::to_string(count) + R"(, "raw": ")" + raw + R"(", "end": ")" +
              end + "\"}");
    }
    std::string bytes_;
};

std::string Repeated(const std::string &text, size_t times)
{
    std::string all;
    for (size_t i = 0; i < times; i++)
        all += text;
    return all;
}

} // namespace

TEST_F(Answers, NoneIsTakenForTheObject)
{
    for (const Row &row : rows) {
        bytes_ = "untouched";
        Raw(row.raw, row.end, 0);
        const int rc = Get("a", &bytes_);
        EXPECT_NE(POLYFS_OK, rc) << row.name;
        EXPECT_NE(POLYFS_NOT_FOUND, rc) << row.name;
        EXPECT_EQ("untouched", bytes_) << row.name;
    }
}

TEST_F(Answers, AfterOneTheNextIsRight)
{
    ASSERT_CODE(POLYFS_OK, Get("a", &bytes_));
    for (const Row &row : rows) {
        if (strstr(row.name, "not modified"))
            continue; /* an answer to a condition: never repeated */
        Raw(row.raw, row.end, 1);
        EXPECT_CODE(POLYFS_OK, Get("a", &bytes_)) << row.name;
        EXPECT_EQ("0123456789", bytes_) << row.name;
    }
}

TEST_F(Answers, HeadersAreBounded)
{
    const std::string line = "X-Long: " + std::string(8000, 'x') + R"(\r\n)";
    Raw(R"(HTTP/1.1 200 OK\r\n)" + Repeated(line, 9) + R"(Content-Length: 10\r\n\r\n0123456789)", "close", 0);
    EXPECT_CODE(POLYFS_NETWORK, Get("a", &bytes_));
    EXPECT_NE(nullptr, strstr(error().message, "64 KiB")) << error().message;
    Raw(R"(HTTP/1.1 200 OK\r\n)" + Repeated(line, 256), "close", 0);
    EXPECT_CODE(POLYFS_NETWORK, Get("a", &bytes_));
}

TEST_F(Answers, InterimOnesAreBounded)
{
    const std::string interim = R"(HTTP/1.1 103 Early\r\n\r\n)";
    const std::string real =
        R"(HTTP/1.1 206 Partial\r\nETag: \"x\"\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789)";
    Raw(Repeated(interim, 5) + real, "close", 1);
    EXPECT_CODE(POLYFS_OK, Get("a", &bytes_));
    Raw(Repeated(interim, 500) + real, "close", 0);
    EXPECT_CODE(POLYFS_NETWORK, Get("a", &bytes_));
}

/* Nothing is ever inflated: what is stored is what is read. */
TEST_F(Answers, CompressedBytesStayAsTheyAre)
{
    Raw(R"(HTTP/1.1 206 Partial\r\nETag: \"x\"\r\nContent-Encoding: gzip\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789)",
        "close", 1);
    ASSERT_CODE(POLYFS_OK, Get("a", &bytes_));
    EXPECT_EQ("0123456789", bytes_);
    EXPECT_EQ(0u, Journal("GET")[0].headers.count("accept-encoding"));
}

/* Trailers say nothing, however many there are. */
TEST_F(Answers, TrailersAreIgnored)
{
    const std::string key = P("folder/k").substr(P("").find('/') + 1);
    const std::string body = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>" + key +
                             "</Key><Size>1</Size></Contents></ListBucketResult>";
    char size[16];
    snprintf(size, sizeof(size), "%zx", body.size());
    Rules(
        R"({"method": "GET", "target": "list-type", "raw": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n)" +
        std::string(size) + R"(\r\n)" + body + R"(\r\n0\r\n)" + Repeated(R"(X-Trailer: x\r\n)", 100) +
        R"(\r\n", "end": "close"})");
    int exists = -1;
    EXPECT_CODE(POLYFS_OK, polyfs_exists(fs(), P("folder").c_str(), nullptr, &exists, E()));
    EXPECT_EQ(1, exists);
}

TEST_F(Answers, EtagsAreOpaque)
{
    const struct {
        const char *sent, *wanted;
    } etags[] = {{R"(abc)", "\"abc\""}, {R"(W/\"abc\")", "W/\"abc\""}, {R"(\"a b,c\")", "\"a b,c\""}, {R"()", ""}};
    for (const auto &etag : etags) {
        Stat stat = POLYFS_STAT_INIT;
        Rules(R"({"method": "HEAD", "set": {"etag": ")" + std::string(etag.sent) + "\"}}");
        ASSERT_CODE(POLYFS_OK, polyfs_stat(fs(), P("a").c_str(), nullptr, nullptr, &stat, E())) << etag.sent;
        EXPECT_STREQ(etag.wanted, stat.etag);
    }
    Stat stat = POLYFS_STAT_INIT;
    Rules(R"({"method": "HEAD", "count": 0, "set": {"etag": ")" + std::string(10000, 'e') + "\"}}");
    EXPECT_CODE(POLYFS_NETWORK, polyfs_stat(fs(), P("a").c_str(), nullptr, nullptr, &stat, E()));
}

TEST_F(Answers, DatesAreNeverFatal)
{
    for (const char *date : {"garbage", "", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
                             "Tue, 19 Jan 2038 03:14:08 GMT", "Wed, 31 Dec 1969 23:59:59 GMT",
                             "Thu, 99 Foo 2020 99:99:99 GMT", "Sun Nov  6 08:49:37 1994"}) {
        Stat stat = POLYFS_STAT_INIT;
        Rules(R"({"method": "HEAD", "set": {"last-modified": ")" + std::string(date) + "\"}}");
        EXPECT_CODE(POLYFS_OK, polyfs_stat(fs(), P("a").c_str(), nullptr, nullptr, &stat, E())) << date;
        EXPECT_EQ(10u, stat.size) << date;
    }
}

/* A message is the store's own words: kept short, and without what a terminal would obey. */
TEST_F(Answers, ErrorsOfAnySize)
{
    const std::string body =
        "<Error><Code>AccessDenied</Code><Message>no &#27;[31m" + std::string(200000, 'x') + "</Message></Error>";
    Rules(R"({"method": "GET", "status": 403, "body": ")" + body + "\"}");
    EXPECT_CODE(POLYFS_PERMISSION, Get("a", &bytes_));
    Rules(
        R"({"method": "GET", "status": 403, "body": "<Error><Code>AccessDenied</Code><Message>no \n way \u0007</Message></Error>"})");
    EXPECT_CODE(POLYFS_PERMISSION, Get("a", &bytes_));
    for (const char *at = error().message; *at; at++)
        EXPECT_GE(static_cast<unsigned char>(*at), 0x20);
}

/* B08: what would end a header, or be another, is refused before anything is sent. */
TEST_F(Answers, HeaderValuesOfOurs)
{
    for (const char *value : {"a\r\nX-Evil: 1", "a\nb", "a\rb"}) {
        const polyfs_kv pairs[] = {{"name", value}};
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.metadata = pairs;
        opts.metadata_count = 1;
        Rules("");
        const int rc = polyfs_put(fs(), P("b").c_str(), "x", 1, &opts, nullptr, E());
        for (const Request &request : Journal())
            EXPECT_EQ(0u, request.headers.count("x-evil"));
        EXPECT_TRUE(rc == POLYFS_OK || rc == POLYFS_INVALID) << error().message;
    }
}
