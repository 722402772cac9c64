/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of servers, which are not trusted: B16. */
#include <gtest/gtest.h>
#include <vector>

#include "host.h"

namespace
{

using Rows = std::vector<std::string>;

int Take(void *arg, const char *path, char *text, uint64_t size, polyfs_error *err)
{
    (void)err;
    static_cast<Rows *>(arg)->push_back(std::string(path) + "=" + std::string(text, size));
    return POLYFS_OK;
}

/* In pieces of @piece bytes; the code. */
int Read(const std::string &document, size_t piece, Rows *rows, const char *root = nullptr)
{
    ps_xml *xml = nullptr;
    polyfs_error err = POLYFS_ERROR_INIT;
    EXPECT_EQ(POLYFS_OK, ps_xml_new(Take, rows, &xml, &err));
    int rc = POLYFS_OK;
    for (size_t at = 0; rc == POLYFS_OK && at < document.size(); at += piece)
        rc = ps_xml_add(xml, document.data() + at, std::min(piece, document.size() - at), &err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(xml, root, &err);
    ps_xml_free(xml);
    return rc;
}

} // namespace

TEST(Xml, ElementsAsTheyEnd)
{
    const std::string document =
        "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a xmlns=\"urn:x\">\n <b>1 &amp; 2</b>"
        "<x:c q=\"z\"><d><![CDATA[<&>]]></d>&#x41;</x:c><e/></a>";
    for (size_t piece : {size_t{1}, size_t{3}, size_t{7}, document.size()}) {
        Rows rows;
        ASSERT_EQ(POLYFS_OK, Read(document, piece, &rows)) << piece;
        EXPECT_EQ((Rows{"a/b=1 & 2", "a/c/d=<&>", "a/c=A", "a/e=", "a="}), rows) << piece;
    }
}

TEST(Xml, WhatIsNoDocument)
{
    for (const char *document :
         {"", " ", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&undefined;</a>", "<a>&#0;</a>", "<a>\xff</a>",
          "<a>\x01</a>", "<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
          "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "{}", "<a b></a>", "<a b=\"<\"/>"}) {
        Rows rows;
        EXPECT_EQ(POLYFS_CORRUPT, Read(document, 5, &rows)) << document;
    }
}

TEST(Xml, TheRootThatWasExpected)
{
    Rows rows;
    EXPECT_EQ(POLYFS_OK, Read("<List/>", 3, &rows, "List"));
    EXPECT_EQ(POLYFS_OK, Read("<s3:List/>", 3, &rows, "Other|List"));
    EXPECT_EQ(POLYFS_CORRUPT, Read("<html/>", 3, &rows, "Other|List"));
    EXPECT_EQ(POLYFS_CORRUPT, Read("<Lis/>", 3, &rows, "List"));
    EXPECT_EQ(POLYFS_CORRUPT, Read("<ListX/>", 3, &rows, "List"));
}

TEST(Xml, Bounds)
{
    std::string deep, close;
    for (int i = 0; i < 64; i++) {
        deep += "<a>";
        close += "</a>";
    }
    Rows rows;
    EXPECT_EQ(POLYFS_OK, Read(deep + close, 1000, &rows));
    EXPECT_EQ(POLYFS_CORRUPT, Read("<a>" + deep + close + "</a>", 1000, &rows));
    EXPECT_EQ(POLYFS_CORRUPT, Read("<a>" + std::string((1 << 20) + 1, 'x') + "</a>", 65536, &rows)) << "one text";
    std::string many = "<a>";
    while (many.size() <= 33u << 20)
        many += "<b>" + std::string(1000, 'x') + "</b>";
    rows.clear();
    EXPECT_EQ(POLYFS_CORRUPT, Read(many + "</a>", 1 << 20, &rows)) << "32 MiB in all";
}

TEST(Xml, ACallbackEndsIt)
{
    ps_xml *xml = nullptr;
    polyfs_error err = POLYFS_ERROR_INIT;
    auto refuse = [](void *, const char *, char *, uint64_t, polyfs_error *why) {
        return polyfs_fail(why, POLYFS_TOO_LARGE, "enough");
    };
    ASSERT_EQ(POLYFS_OK, ps_xml_new(refuse, nullptr, &xml, &err));
    EXPECT_EQ(POLYFS_TOO_LARGE, ps_xml_add(xml, "<a><b/></a>", 11, &err));
    EXPECT_STREQ("enough", err.message);
    ps_xml_free(xml);
}

TEST(Xml, Escaped)
{
    EXPECT_EQ("a&#60;b&#62;c&#38;d&#13;&#10;\"'",
              Built([](ps_buf *buf) { ps_xml_escape(buf, "a<b>c&d\r\n\"'", 11); }));
}

TEST(Xml, WhatItCanCarry)
{
    for (const char *text : {"", "a b", "a\tb\nc\r", "\xc3\xa9", "\xef\xbf\xbd", "\x7f"})
        EXPECT_TRUE(ps_xml_can_carry(text, strlen(text))) << text;
    for (const char *text : {"\x01", "\x1f", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xff", "a\x0b"})
        EXPECT_FALSE(ps_xml_can_carry(text, strlen(text)));
    EXPECT_FALSE(ps_xml_can_carry("a\0b", 3));
}
