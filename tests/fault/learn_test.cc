/* SPDX-License-Identifier: Apache-2.0 */
/* What is learned of a server, and keys that are over: F20, F22 to F24. */
#include <fstream>
#include <thread>
#include <unistd.h>

#include "fault.h"

using namespace fault;

class Learn : public Fault
{
};

static std::string Scope(Request &request)
{
    const std::string &text = request.headers["authorization"];
    return text.substr(text.find('/') + 10, text.find("/s3/") - text.find('/') - 10);
}

/* Region: from a header or a document, used at once, once, and kept. */
TEST_F(Learn, F20RegionOfABucket)
{
    const char *const answers[] = {
        R"("status": 301, "headers": [["x-amz-bucket-region", "eu-west-7"]], "body": "<Error><Code>PermanentRedirect</Code></Error>")",
        R"("status": 307, "headers": [["x-amz-bucket-region", "eu-west-7"]], "body": "")",
        R"("status": 400, "body": "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-7</Region></Error>")",
        R"("status": 403, "headers": [["x-amz-bucket-region", "eu-west-7"]], "body": "")",
    };
    Make("a", "bytes");
    for (const char *answer : answers) {
        Fs fresh = Open();
        char buffer[5];
        size_t n = 0;
        Rules(std::string(R"({"method": "GET", )") + answer + "}");
        for (int i = 0; i < 2; i++)
            ASSERT_CODE(POLYFS_OK, polyfs_get(fresh.get(), P("a").c_str(), nullptr, buffer, 5, &n, nullptr, E()))
                << answer;
        auto sent = Journal("GET");
        ASSERT_EQ(3u, sent.size()) << answer;
        EXPECT_EQ("us-east-1", Scope(sent[0])) << answer;
        EXPECT_EQ("eu-west-7", Scope(sent[1])) << answer;
        EXPECT_EQ("eu-west-7", Scope(sent[2])) << "kept; " << answer;
        EXPECT_LE(sent[1].time_s - sent[0].time_s, 0.5) << "at once";
    }
}

/* All are refused before one has learned it: each asks once more, not only the first. */
TEST_F(Learn, F20EightThreadsLearnOneRegion)
{
    std::vector<std::thread> threads;
    Fs fresh = Open();
    Make("a", "bytes");
    Rules(
        R"({"header": "authorization: .*us-east-1", "count": 0, "delay_ms": 200, "status": 400, "body": "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-7</Region></Error>"})");
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&] {
            polyfs_error err = POLYFS_ERROR_INIT;
            char buffer[5];
            size_t n = 0;
            EXPECT_EQ(POLYFS_OK, polyfs_get(fresh.get(), P("a").c_str(), nullptr, buffer, 5, &n, nullptr, &err))
                << err.message;
        });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_LE(Journal().size(), 16u) << "each is refused once at most";
}

TEST_F(Learn, F20AServerThatNeverAgrees)
{
    Rules(
        R"({"method": "GET", "count": 0, "status": 301, "headers": [["x-amz-bucket-region", "eu-west-7"]], "body": ""})");
    std::string bytes;
    EXPECT_CODE(POLYFS_CONFIG, Get("a", &bytes));
    EXPECT_LE(Journal("GET").size(), 4u);
}

TEST_F(Learn, F20ARegionThatIsNone)
{
    Rules(
        R"({"method": "GET", "count": 0, "status": 301, "headers": [["x-amz-bucket-region", "evil.example/#"]], "body": ""})");
    std::string bytes;
    EXPECT_CODE(POLYFS_CONFIG, Get("a", &bytes));
    EXPECT_EQ(1u, Journal("GET").size());
}

/* A server an hour ahead, as it says itself; then the real one, which does not agree, and is believed in turn. */
TEST_F(Learn, F22ClockOfTheServer)
{
    Make("a", "bytes");
    Fs fresh = Open();
    char buffer[5], date[64];
    size_t n = 0;
    time_t ahead = time(nullptr) + 3600;
    struct tm t;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&ahead, &t));
    Rules(R"({"method": "GET", "status": 403, "headers": [["Date", ")" + std::string(date) +
          R"("]], "body": "<Error><Code>RequestTimeTooSkewed</Code></Error>"})");
    ASSERT_CODE(POLYFS_OK, polyfs_get(fresh.get(), P("a").c_str(), nullptr, buffer, 5, &n, nullptr, E()));
    auto sent = Journal("GET");
    ASSERT_EQ(3u, sent.size());
    strftime(date, sizeof(date), "%Y%m%dT%H", &t);
    EXPECT_EQ(date, sent[1].headers["x-amz-date"].substr(0, 11));
    EXPECT_EQ(sent[0].headers["x-amz-date"].substr(0, 11), sent[2].headers["x-amz-date"].substr(0, 11));
}

TEST_F(Learn, F22AClockThatIsNotBelieved)
{
    for (const char *date : {"Sat, 01 Jan 2000 00:00:00 GMT", "garbage", ""}) {
        std::string bytes;
        Rules(R"({"method": "GET", "count": 0, "status": 403, "headers": [["Date", ")" + std::string(date) +
              R"("]], "body": "<Error><Code>RequestTimeTooSkewed</Code></Error>"})");
        EXPECT_CODE(POLYFS_AUTH, Get("a", &bytes)) << date;
        EXPECT_EQ(1u, Journal("GET").size()) << date;
    }
}

namespace
{

/* A credentials file that somebody else keeps fresh. */
class KeyFile
{
  public:
    KeyFile()
    {
        char name[] = "/tmp/polyfs-keys-XXXXXX";
        close(mkstemp(name));
        path_ = name;
        Write("old", "old");
    }
    ~KeyFile()
    {
        unlink(path_.c_str());
    }
    void Write(const std::string &id, const std::string &secret) const
    {
        std::ofstream(path_) << "[mine]\naws_access_key_id = " << id << "\naws_secret_access_key = " << secret
                             << "\n";
    }
    void Renew() const
    {
        Write(getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"));
    }
    std::vector<std::string> Options() const
    {
        return {"profile=mine", "credentials_file=" + path_, "config_file=/dev/null"};
    }

  private:
    std::string path_;
};

const char expired[] = R"({"header": "authorization: .*Credential=old/", "count": 0, "status": 403, )"
                       R"("body": "<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>"})";

} // namespace

TEST_F(Learn, F24KeysThatExpiredAndNoOthers)
{
    KeyFile file;
    Fs fresh = Open(file.Options());
    char buffer[5];
    size_t n = 0;
    Make("a", "bytes");
    Rules(expired);
    EXPECT_CODE(POLYFS_AUTH, polyfs_get(fresh.get(), P("a").c_str(), nullptr, buffer, 5, &n, nullptr, E()));
    EXPECT_EQ(1u, Journal().size());
    file.Renew();
    EXPECT_CODE(POLYFS_OK, polyfs_get(fresh.get(), P("a").c_str(), nullptr, buffer, 5, &n, nullptr, E()));
    EXPECT_EQ(3u, Journal().size());
}

TEST_F(Learn, F24KeysThatExpireUnderEightThreads)
{
    KeyFile file;
    Fs fresh = Open(file.Options());
    const std::string bytes = Bytes(100000);
    std::vector<std::thread> threads;
    Make("a", bytes);
    Rules(expired);
    file.Renew();
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&] {
            polyfs_error err = POLYFS_ERROR_INIT;
            std::string got(bytes.size(), '#');
            size_t n = 0;
            for (int k = 0; k < 20; k++)
                EXPECT_EQ(POLYFS_OK,
                          polyfs_get(fresh.get(), P("a").c_str(), nullptr, &got[0], got.size(), &n, nullptr, &err))
                    << err.message;
            EXPECT_TRUE(bytes == got);
        });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_LE(Journal().size(), 8u * 20 + 8) << "each thread is refused once at most";
}

TEST_F(Learn, F24KeysThatExpireDuringAnUpload)
{
    KeyFile file;
    Fs fresh = Open(file.Options());
    const std::string bytes = Bytes(17 * MiB);
    Rules(expired);
    file.Renew();
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.part_bytes = 5 * MiB;
    EXPECT_CODE(POLYFS_OK,
                polyfs_put(fresh.get(), P("a").c_str(), bytes.data(), bytes.size(), &opts, nullptr, E()));
    EXPECT_TRUE(bytes == There("a"));
}
