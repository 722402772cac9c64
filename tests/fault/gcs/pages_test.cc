/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of a server that is wrong: F28, B17. */
#include "tests/fault/fault.h"

using namespace fault;

namespace
{

class GcsPages : public Fault
{
  protected:
    void SetUp() override
    {
        Fault::SetUp();
        Make("warm", "w");
        std::string bytes;
        ASSERT_CODE(POLYFS_OK, Get("warm", &bytes));
    }
    /* A rule that answers one page; @count 0: always. */
    static std::string Answer(const std::string &document, int count = 1)
    {
        std::string quoted;
        for (char c : document)
            quoted += c == '"' ? "\\\"" : std::string(1, c);
        return R"({"method": "GET", "target": "/o\\?", "count": )" + std::to_string(count) +
               R"(, "status": 200, "body": ")" + quoted + "\"}";
    }
    std::string Page(const std::vector<std::string> &names, const std::string &token, int count = 1)
    {
        std::string items;
        for (const std::string &name : names)
            items += (items.empty() ? "" : ",") + std::string(R"({"size":"1","name":")") +
                     P("l/" + name).substr(P("").find('/') + 1) + "\"}";
        return Answer(R"({"items":[)" + items + "]" +
                          (token.empty() ? "" : R"(,"nextPageToken":")" + token + "\"") + "}",
                      count);
    }
    std::vector<std::string> rows_;
};

} // namespace

TEST_F(GcsPages, F28Joined)
{
    Rules(Page({"a", "b"}, "1") + "," + Page({}, "2") + "," + Page({"c"}, ""));
    ASSERT_CODE(POLYFS_OK, List(&rows_));
    EXPECT_EQ(3u, rows_.size());
    EXPECT_EQ(1u, Journal("GET", "pageToken=2").size());
}

TEST_F(GcsPages, F28TheSameTokenAgain)
{
    Rules(Page({"a"}, "1", 0));
    EXPECT_NE(POLYFS_OK, List(&rows_));
    EXPECT_LE(rows_.size(), 3u);
}

TEST_F(GcsPages, F28AFailureInTheMiddle)
{
    const std::string failed = R"(, {"method": "GET", "target": "/o\\?", "status": 500, "count": )";
    Rules(Page({"a"}, "1") + failed + "0}");
    EXPECT_CODE(POLYFS_BUSY, List(&rows_));
    Rules(Page({"a"}, "1") + failed + "1}, " + Page({"b"}, ""));
    ASSERT_CODE(POLYFS_OK, List(&rows_));
    EXPECT_EQ(2u, rows_.size());
}

TEST_F(GcsPages, B17DocumentsThatMeanHarm)
{
    const std::string deep = std::string(10000, '[') + std::string(10000, ']');
    for (const std::string &document :
         {std::string(""), std::string("[]"), std::string(R"({"items":[)"), std::string(R"({"items":[{}]})"),
          std::string(R"({"items":[],"items":[]})"), std::string("{} {}"), R"({"items":)" + deep + "}",
          std::string("<html><body>It works!</body></html>")}) {
        Rules(Answer(document, 0));
        EXPECT_NE(POLYFS_OK, List(&rows_)) << document.substr(0, 80);
        EXPECT_NE(POLYFS_NOT_FOUND, error().code) << document.substr(0, 80);
    }
}
