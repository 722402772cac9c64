/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of a server that is wrong, or means harm: F28, B16, B18. */
#include "fault.h"

#include <set>

using namespace fault;

namespace
{

class Listing : public Fault
{
  protected:
    void SetUp() override
    {
        Fault::SetUp();
        Make("warm", "w");
        std::string bytes;
        ASSERT_CODE(POLYFS_OK, Get("warm", &bytes));
    }
    std::string Key(const std::string &name)
    {
        return "<Contents><Key>" + P("l/" + name).substr(P("").find('/') + 1) +
               "</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>x</ETag><Size>1</Size></Contents>";
    }
    /* A rule that answers one page; @count 0: always. */
    static std::string Page(const std::string &inside, int count = 1)
    {
        return R"({"method": "GET", "target": "list-type", "count": )" + std::to_string(count) +
               R"(, "status": 200, "body": "<?xml version=\"1.0\"?><ListBucketResult>)" + inside +
               R"(</ListBucketResult>"})";
    }
    std::vector<std::string> rows_;
};

const char *const MORE = "<IsTruncated>true</IsTruncated>";
const char *const LAST = "<IsTruncated>false</IsTruncated>";

std::string Token(const std::string &text)
{
    return "<NextContinuationToken>" + text + "</NextContinuationToken>";
}

} // namespace

TEST_F(Listing, PagesAreJoined)
{
    Rules(Page(MORE + Token("t1") + Key("a") + Key("b")) + "," + Page(MORE + Token("t2") + Key("c")) + "," +
          Page(LAST + Key("d")));
    ASSERT_CODE(POLYFS_OK, List(&rows_));
    EXPECT_EQ(4u, rows_.size());
}

TEST_F(Listing, F28TruncatedWithoutAToken)
{
    Rules(Page(MORE + Key("a"), 0));
    const int rc = List(&rows_);
    EXPECT_LE(rows_.size(), 10000u) << "it ends";
    EXPECT_NE(POLYFS_OK, rc) << "and does not pass for whole";
}

TEST_F(Listing, F28TheSameTokenAgain)
{
    Rules(Page(MORE + Token("t") + Key("a"), 0));
    EXPECT_NE(POLYFS_OK, List(&rows_));
    EXPECT_LE(rows_.size(), 3u);
}

TEST_F(Listing, F28EmptyPageWithAToken)
{
    Rules(Page(MORE + Token("t1")) + "," + Page(MORE + Token("t2") + Key("a")) + "," + Page(LAST + Key("b")));
    ASSERT_CODE(POLYFS_OK, List(&rows_));
    EXPECT_EQ(2u, rows_.size());
}

TEST_F(Listing, F28DuplicatesAndDisorder)
{
    Rules(Page(MORE + Token("t1") + Key("a") + Key("a") + Key("b")) + "," + Page(LAST + Key("b") + Key("c")));
    const int rc = List(&rows_);
    EXPECT_EQ(rows_.size(), std::set<std::string>(rows_.begin(), rows_.end()).size()) << "none is given twice";
    EXPECT_TRUE(rc != POLYFS_OK || rows_.size() == 3) << "nor is one lost without a word";
    Rules(Page(LAST + Key("b") + Key("a")));
    const int disorder = List(&rows_);
    EXPECT_TRUE(disorder != POLYFS_OK || rows_.size() == 2) << error().message;
}

/* Keys that were not asked for: of another prefix. */
TEST_F(Listing, F28KeysOfElsewhere)
{
    Rules(Page(std::string(LAST) + "<Contents><Key>elsewhere/x</Key><Size>1</Size></Contents>" + Key("a")));
    const int rc = List(&rows_);
    for (const std::string &row : rows_)
        EXPECT_EQ(0u, row.find(P("l"))) << row;
    (void)rc;
}

TEST_F(Listing, F28AFailureInTheMiddle)
{
    Rules(Page(MORE + Token("t1") + Key("a")) +
          R"(, {"method": "GET", "target": "list-type", "count": 0, "status": 500})");
    EXPECT_CODE(POLYFS_BUSY, List(&rows_));
    Rules(Page(MORE + Token("t1") + Key("a")) + R"(, {"method": "GET", "target": "list-type", "status": 500}, )" +
          Page(LAST + Key("b")));
    ASSERT_CODE(POLYFS_OK, List(&rows_));
    EXPECT_EQ(2u, rows_.size());
}

TEST_F(Listing, B16DocumentsThatMeanHarm)
{
    std::string deep, close;
    for (int i = 0; i < 10000; i++) {
        deep += "<a>";
        close += "</a>";
    }
    const std::string documents[] = {
        R"(<!DOCTYPE x [<!ENTITY e \"boom\">]><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>)",
        R"(<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>)",
        R"(<ListBucketResult><Contents><Key>&e;</Key></Contents></ListBucketResult>)",
        R"(<ListBucketResult>)" + deep + close + "</ListBucketResult>",
        R"(<ListBucketResult><Contents><Key>a\u00ff\u00fe</Key></Contents></ListBucketResult>)",
        R"(<ListBucketResult><Contents><Key>a&#0;b</Key></Contents></ListBucketResult>)",
        R"(<ListBucketResult><Contents><Key>a</Key>)",
        R"(<ListBucketResult></Contents></ListBucketResult>)",
        R"()",
        R"({\"json\": true})",
        R"(<html><body>It works!</body></html>)",
        R"(<Error><Code>InternalError</Code><Message>told</Message></Error>)",
    };
    for (const std::string &document : documents) {
        Rules(R"({"method": "GET", "target": "list-type", "count": 0, "status": 200, "body": ")" + document +
              "\"}");
        EXPECT_NE(POLYFS_OK, List(&rows_)) << document.substr(0, 80);
        EXPECT_NE(POLYFS_NOT_FOUND, error().code) << document.substr(0, 80);
    }
}

TEST_F(Listing, B16DocumentsAsTheyMayBe)
{
    const std::string inside = std::string(LAST) + Key("a");
    const std::string documents[] = {
        R"(\u00ef\u00bb\u00bf<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>)" + inside +
            "</ListBucketResult>",
        R"(<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">)" + inside + "</ListBucketResult>",
        R"(<ListBucketResult xmlns=\"urn:another\" x=\"1\"><New><Thing/></New>)" + inside + "</ListBucketResult>",
        R"(<!-- a remark --><ListBucketResult><IsTruncated><![CDATA[false]]></IsTruncated>)" + Key("a") +
            "</ListBucketResult>",
    };
    for (const std::string &document : documents) {
        Rules(R"({"method": "GET", "target": "list-type", "status": 200, "body": ")" + document + "\"}");
        EXPECT_CODE(POLYFS_OK, List(&rows_)) << document.substr(0, 80);
        EXPECT_EQ(1u, rows_.size()) << document.substr(0, 80);
    }
}

/* Sizes that are none are not zero. */
TEST_F(Listing, B18SizesThatAreNone)
{
    for (const char *size : {"-1", "x", "99999999999999999999", ""}) {
        Rules(Page(std::string(LAST) + "<Contents><Key>" + P("l/a").substr(P("").find('/') + 1) + "</Key><Size>" +
                   size + "</Size></Contents>"));
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        polyfs_lister *lister = nullptr;
        const struct polyfs_entry *rows = nullptr;
        size_t count = 0;
        ASSERT_CODE(POLYFS_OK, polyfs_list_open(fs(), P("l").c_str(), &opts, &lister, E()));
        const int rc = polyfs_list_next(lister, &rows, &count, E());
        for (size_t i = 0; i < (rc >= POLYFS_OK ? count : 0); i++)
            EXPECT_EQ(POLYFS_SIZE_UNKNOWN, rows[i].size) << size;
        polyfs_list_close(lister);
    }
}
