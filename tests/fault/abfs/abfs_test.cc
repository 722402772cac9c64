/* SPDX-License-Identifier: Apache-2.0 */
/* Faults in front of Azurite that are Azure's own: block lists, batches, pages, its clock, its leases. */
#include "tests/fault/fault.h"

using namespace fault;

namespace
{

class Abfs : public Fault
{
  protected:
    void SetUp() override
    {
        Fault::SetUp();
        Make("warm", "w");
        std::string bytes;
        ASSERT_CODE(POLYFS_OK, Get("warm", &bytes));
    }
    int RemoveBoth(int codes[2])
    {
        const std::string a = P("a"), b = P("b");
        const char *paths[] = {a.c_str(), b.c_str()};
        return polyfs_remove_many(fs(), paths, 2, nullptr, codes, E());
    }
};

} // namespace

/* ---- successes that are none: F27 ---- */

TEST_F(Abfs, F27ASuccessWithoutAnEtag)
{
    int round = 0;
    for (const std::string &rule : {std::string(R"("method": "PUT", )"), AtComplete()})
        for (const char *apply : {"true", "false"}) {
            const std::string name = "a" + std::to_string(round++), bytes = Bytes(6 * MiB);
            const bool whole = round <= 2;
            Rules("{" + rule + R"("apply": )" + apply + R"(, "status": 201, "body": ""})");
            EXPECT_CODE(POLYFS_OK, whole ? Put(name, "bytes", POLYFS_WRITE_CREATE_ONLY)
                                         : Stream(name, bytes, POLYFS_WRITE_CREATE_ONLY))
                << rule << apply;
            EXPECT_TRUE((whole ? "bytes" : bytes) == There(name)) << rule << apply;
        }
}

TEST_F(Abfs, F27ACopyThatDoesNotSayHowItStands)
{
    Make("from", "bytes");
    Rules(R"({"method": "PUT", "apply": false, "status": 202, "headers": [["ETag", "\"x\""]], "body": ""})");
    EXPECT_CODE(POLYFS_OK, polyfs_copy(fs(), P("from").c_str(), fs(), P("to").c_str(), nullptr, nullptr, E()));
    EXPECT_EQ("bytes", There("to"));
}

/* Another document, or none: nothing is known to be gone, so it is asked again. */
TEST_F(Abfs, F27ABatchThatAnswersSomethingElse)
{
    const char *const type = R"("headers": [["Content-Type", "multipart/mixed; boundary=x"]], )";
    for (const char *answer : {R"("body": "")", R"("body": "--x\r\n--x--")", R"("body": "<html></html>")",
                               R"("body": "--x\r\nContent-ID: 7\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n--x--")"}) {
        int codes[2] = {7, 7};
        Make("a", "a");
        Make("b", "b");
        Rules(std::string(R"({"method": "POST", "status": 202, )") + type + answer + "}");
        EXPECT_CODE(POLYFS_OK, RemoveBoth(codes)) << answer;
        EXPECT_EQ("(absent)", There("a")) << answer;
        EXPECT_EQ("(absent)", There("b")) << answer;
    }
}

TEST_F(Abfs, F27ABatchTellsWhatFailed)
{
    int codes[2] = {7, 7};
    Make("a", "a");
    Make("b", "b");
    Rules(
        R"({"method": "POST", "status": 202, "headers": [["Content-Type", "multipart/mixed; boundary=x"]], "body": )"
        R"("--x\r\nContent-ID: 0\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n--x\r\nContent-ID: 1\r\n\r\nHTTP/1.1 403 No\r\n)"
        R"(x-ms-error-code: AuthorizationPermissionMismatch\r\n\r\n--x--"},)"
        R"({"method": "DELETE", "count": 0, "status": 403, "body": ""})");
    EXPECT_CODE(POLYFS_PERMISSION, RemoveBoth(codes));
    EXPECT_EQ(POLYFS_OK, codes[0]);
    EXPECT_EQ(POLYFS_PERMISSION, codes[1]);
}

/* ---- refusals that are Azure's own ---- */

TEST_F(Abfs, ALeaseOfAnotherIsNoLostCondition)
{
    Rules(R"({"method": "PUT", "count": 0, "status": 412, "body": "<Error><Code>LeaseIdMissing</Code></Error>"})");
    EXPECT_CODE(POLYFS_BUSY, Put("a", "bytes"));
    EXPECT_STREQ("LeaseIdMissing", error().native_code);
    EXPECT_EQ(1u, Journal("PUT").size());
}

/* The service's word for "there is such a blob already" is a 409. */
TEST_F(Abfs, CreateOnlyIsA409Here)
{
    Make("a", "theirs");
    EXPECT_CODE(POLYFS_EXISTS, Put("a", "ours", POLYFS_WRITE_CREATE_ONLY));
    EXPECT_EQ(409, error().http_status);
    EXPECT_EQ("theirs", There("a"));
}

/* To nobody what is private is told as missing: that is no absence. */
TEST_F(Abfs, PrivateIsNotAbsent)
{
    Fs nobody = Open({"anon=true"});
    int exists = -1;
    Make("a", "bytes");
    EXPECT_CODE(POLYFS_AUTH, polyfs_exists(nobody.get(), P("a").c_str(), nullptr, &exists, E()));
    EXPECT_EQ(-1, exists);
}

/* A server an hour ahead, as it says itself. */
TEST_F(Abfs, F22ClockOfTheServer)
{
    char date[64];
    time_t ahead = time(nullptr) + 3600;
    struct tm t;
    std::string bytes;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&ahead, &t));
    Rules(R"({"method": "GET", "status": 403, "headers": [["Date", ")" + std::string(date) +
          R"("]], "body": "<Error><Code>AuthenticationFailed</Code></Error>"})");
    EXPECT_CODE(POLYFS_OK, Get("warm", &bytes));
    auto sent = Journal("GET");
    ASSERT_EQ(2u, sent.size());
    EXPECT_EQ(std::string(date).substr(0, 19), sent[1].headers["x-ms-date"].substr(0, 19));
}

TEST_F(Abfs, F22AClockThatIsNotBelieved)
{
    for (const char *date : {"Sat, 01 Jan 2000 00:00:00 GMT", "garbage", ""}) {
        std::string bytes;
        Rules(R"({"method": "GET", "count": 0, "status": 403, "headers": [["Date", ")" + std::string(date) +
              R"("]], "body": "<Error><Code>AuthenticationFailed</Code></Error>"})");
        EXPECT_CODE(POLYFS_AUTH, Get("warm", &bytes)) << date;
        EXPECT_EQ(1u, Journal("GET").size()) << date;
    }
}

/* ---- pages: F28, B16 ---- */

namespace
{

class AbfsPages : public Abfs
{
  protected:
    std::string Blob(const std::string &name)
    {
        return "<Blob><Name>" + P("l/" + name).substr(P("").find('/') + 1) +
               "</Name><Properties><Etag>0x1</Etag><Content-Length>1</Content-Length></Properties></Blob>";
    }
    static std::string Answer(const std::string &document, int count = 1)
    {
        return R"({"method": "GET", "target": "comp=list", "count": )" + std::to_string(count) +
               R"(, "status": 200, "body": ")" + document + "\"}";
    }
    static std::string Page(const std::string &blobs, const std::string &marker, int count = 1)
    {
        return Answer(R"(<?xml version=\"1.0\"?><EnumerationResults><Blobs>)" + blobs + "</Blobs><NextMarker>" +
                          marker + "</NextMarker></EnumerationResults>",
                      count);
    }
    std::vector<std::string> rows_;
};

} // namespace

TEST_F(AbfsPages, F28Joined)
{
    Rules(Page(Blob("a") + Blob("b"), "1") + "," + Page("", "2") + "," + Page(Blob("c"), ""));
    ASSERT_CODE(POLYFS_OK, List(&rows_));
    EXPECT_EQ(3u, rows_.size());
    EXPECT_EQ(1u, Journal("GET", "marker=2").size());
}

TEST_F(AbfsPages, F28TheSameMarkerAgain)
{
    Rules(Page(Blob("a"), "1", 0));
    EXPECT_NE(POLYFS_OK, List(&rows_));
    EXPECT_LE(rows_.size(), 3u);
}

TEST_F(AbfsPages, F28AFailureInTheMiddle)
{
    const std::string failed = R"(, {"method": "GET", "target": "comp=list", "status": 500, "count": )";
    Rules(Page(Blob("a"), "1") + failed + "0}");
    EXPECT_CODE(POLYFS_BUSY, List(&rows_));
    Rules(Page(Blob("a"), "1") + failed + "1}, " + Page(Blob("b"), ""));
    ASSERT_CODE(POLYFS_OK, List(&rows_));
    EXPECT_EQ(2u, rows_.size());
}

TEST_F(AbfsPages, B16DocumentsThatMeanHarm)
{
    const std::string documents[] = {
        R"(<!DOCTYPE x [<!ENTITY e \"boom\">]><EnumerationResults><Blobs/></EnumerationResults>)",
        R"(<EnumerationResults><Blobs><Blob><Name>&e;</Name></Blob></Blobs></EnumerationResults>)",
        R"(<EnumerationResults><Blobs><Blob><Name>a</Name>)",
        R"(<EnumerationResults></Blobs></EnumerationResults>)",
        R"()",
        R"({\"json\": true})",
        R"(<html><body>It works!</body></html>)",
        R"(<Error><Code>InternalError</Code><Message>told</Message></Error>)",
    };
    for (const std::string &document : documents) {
        Rules(Answer(document, 0));
        EXPECT_NE(POLYFS_OK, List(&rows_)) << document;
        EXPECT_NE(POLYFS_NOT_FOUND, error().code) << document;
    }
}
