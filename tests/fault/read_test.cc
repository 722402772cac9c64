/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that end early, stall, change, or are of another range or version: F12 to F14, F16, F18, F19. */
#include "fault.h"

using namespace fault;

namespace
{

const size_t SIZE = 3 * MiB + 77;

class Read : public Fault
{
  protected:
    void SetUp() override
    {
        Fault::SetUp();
        bytes_ = Bytes(SIZE, 5);
        Make("a", bytes_);
        ASSERT_CODE(POLYFS_OK, Warm());
    }
    int Warm()
    {
        char one;
        size_t n;
        return polyfs_get(fs(), P("a").c_str(), nullptr, &one, 1, &n, nullptr, E());
    }
    Reader OpenReader(const char *name = "a")
    {
        polyfs_reader *reader = nullptr;
        EXPECT_EQ(POLYFS_OK, polyfs_reader_open(fs(), P(name).c_str(), nullptr, &reader, E())) << error().message;
        return Reader(reader);
    }
    int Pread(const Reader &reader, uint64_t offset, size_t size, std::string *out)
    {
        size_t n = 0;
        out->resize(size);
        int rc = polyfs_reader_pread(reader.get(), offset, &(*out)[0], size, &n, E());
        out->resize(rc == POLYFS_OK ? n : 0);
        return rc;
    }
    std::string bytes_;
};

} // namespace

/* Each way to end early, with each way to close: read on from there, of the same version. */
TEST_F(Read, F12EndsEarly)
{
    for (const char *cut : {"0", "1", "\"half\"", "\"last\""}) {
        for (const char *end : {"close", "reset"}) {
            std::string got;
            Rules(R"({"method": "GET", "cut": )" + std::string(cut) + R"(, "end": ")" + end + "\"}");
            ASSERT_CODE(POLYFS_OK, Get("a", &got)) << cut << end;
            EXPECT_TRUE(got == bytes_) << cut << end;
            auto sent = Journal("GET");
            ASSERT_GE(sent.size(), 2u);
            if (std::string(end) == "close" && std::string(cut) == "\"half\"") {
                EXPECT_NE(0u, RangeOf(sent[1]).find("bytes=0-")) << "it goes on where it was";
                EXPECT_TRUE(IsPinned(sent[1])) << "to what it began with";
            }
        }
    }
}

TEST_F(Read, F12EndsEarlyAgainAndAgain)
{
    std::string got;
    Rules(R"({"method": "GET", "count": 0, "cut": 100000})");
    const int rc = Get("a", &got);
    EXPECT_TRUE(rc == POLYFS_NETWORK || rc == POLYFS_OK) << error().message;
    EXPECT_TRUE(rc != POLYFS_OK || got == bytes_);
}

TEST_F(Read, F13Stalls)
{
    Fs quick = Open({"stall_timeout=1s"});
    std::string got(SIZE, '\0');
    size_t n = 0;
    const double began = Now();
    Rules(R"({"method": "GET", "cut": 1000, "end": "stall"})");
    ASSERT_CODE(POLYFS_OK, polyfs_get(quick.get(), P("a").c_str(), nullptr, &got[0], SIZE, &n, nullptr, E()));
    EXPECT_TRUE(got == bytes_);
    EXPECT_LE(Now() - began, 4);
    EXPECT_GE(Now() - began, 0.9);
}

TEST_F(Read, F13StallsBeforeItsHead)
{
    Fs quick = Open({"stall_timeout=1s"});
    std::string got(SIZE, '\0');
    size_t n = 0;
    Rules(R"({"method": "GET", "raw": "", "end": "stall"})");
    ASSERT_CODE(POLYFS_OK, polyfs_get(quick.get(), P("a").c_str(), nullptr, &got[0], SIZE, &n, nullptr, E()));
    EXPECT_TRUE(got == bytes_);
}

TEST_F(Read, F14Drips)
{
    Fs quick = Open({"stall_timeout=1s"});
    std::string got(SIZE, '\0');
    size_t n = 0;
    const double began = Now();
    Rules(R"({"method": "GET", "drip": 100})");
    ASSERT_CODE(POLYFS_OK, polyfs_get(quick.get(), P("a").c_str(), nullptr, &got[0], SIZE, &n, nullptr, E()));
    EXPECT_TRUE(got == bytes_);
    EXPECT_LE(Now() - began, 5);
}

TEST_F(Read, F16OneByteFlipped)
{
    for (const char *at : {"0", "1500000", "-1"}) {
        std::string got;
        Rules(R"({"method": "GET", "flip": )" + std::string(at) + "}");
        ASSERT_CODE(POLYFS_OK, Get("a", &got)) << at;
        EXPECT_TRUE(got == bytes_) << at;
        EXPECT_EQ(2u, Journal("GET").size()) << at;
    }
}

/* An object of three parts, each of which comes by itself: read at once, on and on, and as a copy. */
TEST_F(Read, F16FlippedInAPart)
{
    const std::string large = Bytes(20 * MiB + 5, 8), to = P("copy");
    Make("large", large);
    for (const char *flip : {R"({"method": "GET", "flip": 70000})", R"({"method": "GET", "from": 3, "flip": 5})"}) {
        std::string got(large.size(), '\0');
        size_t n = 0, all = 0;
        Rules(flip);
        ASSERT_CODE(POLYFS_OK, Get("large", &got)) << flip;
        EXPECT_TRUE(got == large) << flip;
        Rules(flip);
        ASSERT_CODE(POLYFS_OK, polyfs_copy(fs(), P("large").c_str(), Direct(), to.c_str(), nullptr, nullptr, E()))
            << flip;
        EXPECT_TRUE(There("copy") == large) << flip;
        Rules(flip);
        Reader reader = OpenReader("large");
        int rc = POLYFS_OK;
        while (rc == POLYFS_OK && all < got.size()) {
            rc = polyfs_reader_read(reader.get(), &got[all], MiB, &n, E());
            all += n;
        }
        EXPECT_CODE(POLYFS_CORRUPT, rc) << flip;
    }
    Rules(R"({"method": "GET", "target": "large", "from": 2, "count": 0, "flip": 5})");
    std::string got = "untouched";
    EXPECT_CODE(POLYFS_CORRUPT, Get("large", &got));
    ASSERT_CODE(POLYFS_OK, polyfs_remove(Direct(), to.c_str(), nullptr, E()));
    EXPECT_CODE(POLYFS_CORRUPT, polyfs_copy(fs(), P("large").c_str(), Direct(), to.c_str(), nullptr, nullptr, E()));
    EXPECT_EQ("(absent)", There("copy"));
}

/* What is asked for whole, and is more, ends where it was asked to. */
TEST_F(Read, ALargerObjectIsCutOff)
{
    std::string got(70000, '-');
    size_t n = 0;
    ASSERT_CODE(POLYFS_OK, polyfs_get(fs(), P("a").c_str(), nullptr, &got[0], got.size(), &n, nullptr, E()));
    EXPECT_EQ(70000u, n);
    EXPECT_TRUE(got == bytes_.substr(0, 70000));
}

TEST_F(Read, F16FlippedAgainIsFinal)
{
    std::string got = "untouched";
    Rules(R"({"method": "GET", "count": 0, "flip": 5})");
    EXPECT_CODE(POLYFS_CORRUPT, Get("a", &got));
    EXPECT_TRUE(got == "untouched");
}

TEST_F(Read, F18ReplacedBetweenReads)
{
    Reader reader = OpenReader();
    std::string got;
    ASSERT_CODE(POLYFS_OK, Pread(reader, 0, 1000, &got));
    EXPECT_EQ(bytes_.substr(0, 1000), got);
    Make("a", Bytes(SIZE, 6));
    EXPECT_CODE(POLYFS_CHANGED, Pread(reader, 1000, 1000, &got));
    Reader again = OpenReader();
    ASSERT_CODE(POLYFS_OK, Pread(again, 1000, 1000, &got));
    EXPECT_EQ(Bytes(SIZE, 6).substr(1000, 1000), got);
}

/* A server that does not look at If-Match: its etag tells. */
TEST_F(Read, F18ReplacedAndTheConditionIgnored)
{
    Reader reader = OpenReader();
    std::string got;
    ASSERT_CODE(POLYFS_OK, Pread(reader, 0, 1000, &got));
    Rules(std::string(R"({"method": "GET", "count": 0, "set": {)") + D().version + "}}");
    EXPECT_NE(POLYFS_OK, Pread(reader, 1000, 1000, &got));
}

TEST_F(Read, F18RemovedBetweenReads)
{
    Reader reader = OpenReader();
    std::string got;
    ASSERT_CODE(POLYFS_OK, Pread(reader, 0, 1000, &got));
    ASSERT_CODE(POLYFS_OK, polyfs_remove(Direct(), P("a").c_str(), nullptr, E()));
    const int rc = Pread(reader, 1000, 1000, &got);
    EXPECT_TRUE(rc == POLYFS_CHANGED || rc == POLYFS_NOT_FOUND) << error().message;
}

/* An answer of another range is not taken, once or for good. */
TEST_F(Read, F19WrongRanges)
{
    const char *const answers[] = {
        R"("set": {"content-range": "bytes 0-999/3145805"})",
        R"("set": {"content-range": "bytes 1001-2000/3145805"})",
        R"("set": {"content-range": null})",
        R"("set": {"content-range": "bytes 5-4/10"})",
        R"("set": {"content-range": "bytes */0"})",
        R"("set": {"content-range": "bytes 1000-1999/99999999999999999999"})",
        R"("set": {"content-range": "bytes 1000-1999"})",
        R"("set": {"content-range": "lines 1000-1999/3145805"})",
        R"("set": {"content-range": "bytes 1000-1999/*"})",
        R"("status": 206, "headers": [["Content-Range", "bytes 1000-1004/3145805"], ["ETag", "\"x\""]], "body": "abcde")",
        R"("status": 206, "headers": [["Content-Range", "bytes 1000-1999/3145805"], ["ETag", "\"x\""]], "body": "abcde")",
    };
    for (const char *answer : answers) {
        polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
        std::string got(1000, '-');
        size_t n = 77;
        opts.offset = 1000;
        opts.length = 1000;
        Rules(std::string(R"({"method": "GET", "count": 0, )") + answer + "}");
        EXPECT_CODE(POLYFS_NETWORK, polyfs_get(fs(), P("a").c_str(), &opts, &got[0], 1000, &n, nullptr, E()))
            << answer;
        EXPECT_EQ(77u, n) << answer;
        Rules(std::string(R"({"method": "GET", )") + answer + "}");
        ASSERT_CODE(POLYFS_OK, polyfs_get(fs(), P("a").c_str(), &opts, &got[0], 1000, &n, nullptr, E())) << answer;
        EXPECT_EQ(bytes_.substr(1000, 1000), got) << answer;
    }
}

/* All of it instead of a part: the bytes of that part are not taken from the wrong place. */
TEST_F(Read, F19RangeIgnored)
{
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    std::string got(1000, '-');
    size_t n = 0;
    opts.offset = 1000;
    opts.length = 1000;
    Rules(R"({"method": "GET", "count": 0, "status": 200, "headers": [["ETag", "\"x\""]], "body": ")" +
          std::string(3000, 'z') + "\"}");
    EXPECT_CODE(POLYFS_NETWORK, polyfs_get(fs(), P("a").c_str(), &opts, &got[0], 1000, &n, nullptr, E()));
}

/* Ranges fetched at the same time, each of which ends early once. */
TEST_F(Read, F12InAVectoredRead)
{
    std::string got[8];
    struct polyfs_range ranges[8] = {};
    for (size_t i = 0; i < 8; i++) {
        got[i].resize(100000);
        ranges[i].offset = i * 350000;
        ranges[i].length = 100000;
        ranges[i].buffer = &got[i][0];
    }
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    polyfs_reader *opened = nullptr;
    opts.merge_gap = 0;
    ASSERT_CODE(POLYFS_OK, polyfs_reader_open(fs(), P("a").c_str(), &opts, &opened, E()));
    Reader reader(opened);
    Rules(R"({"method": "GET", "from": 2, "count": 4, "cut": "half"})");
    ASSERT_CODE(POLYFS_OK, polyfs_reader_readv(reader.get(), ranges, 8, nullptr, nullptr, E()));
    for (size_t i = 0; i < 8; i++)
        EXPECT_TRUE(got[i] == bytes_.substr(i * 350000, 100000)) << i;
}
