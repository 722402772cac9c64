/* SPDX-License-Identifier: Apache-2.0 */
/* The one spelling of URLs (B06), endpoints as users write them, base64. */
#include <gtest/gtest.h>

#include "host.h"

namespace
{

std::string Encoded(const std::string &bytes, bool keep_slash = true)
{
    return Built([&](ps_buf *buf) { ps_url_encode(buf, bytes.data(), bytes.size(), keep_slash); });
}

std::string Decoded(std::string text)
{
    text.resize(ps_url_decode(&text[0], text.size()));
    return text;
}

} // namespace

TEST(Url, EachByteOnce)
{
    EXPECT_EQ("AZaz09-._~", Encoded("AZaz09-._~"));
    EXPECT_EQ("%20%25%2B%26%3F%23%3D%3B%3A%40%21%2A%27%28%29%2C%24", Encoded(" %+&?#=;:@!*'(),$"));
    EXPECT_EQ("%252F%2500", Encoded("%2F%00"));
    EXPECT_EQ("%00%0D%0A%09%7F%FF%C3%A9", Encoded(std::string("\0\r\n\t\x7f\xff\xc3\xa9", 8)));
    EXPECT_EQ("a//b/../c/./d/", Encoded("a//b/../c/./d/"));
    EXPECT_EQ("a%2Fb", Encoded("a/b", false));
}

TEST(Url, EveryByteComesBack)
{
    std::string all;
    for (int c = 0; c < 256; c++)
        all += static_cast<char>(c);
    EXPECT_EQ(all, Decoded(Encoded(all)));
}

TEST(Url, DecodesWhatListsHold)
{
    EXPECT_EQ("a b", Decoded("a+b"));
    EXPECT_EQ("a+b", Decoded("a%2Bb"));
    EXPECT_EQ("%", Decoded("%"));
    EXPECT_EQ("%2", Decoded("%2"));
    EXPECT_EQ("%zz", Decoded("%zz"));
    EXPECT_EQ("/", Decoded("%2f"));
}

TEST(Url, QueriesAreSortedAsTheyAreEncoded)
{
    ps_query rows[] = {{"b", "2"}, {"a", ""}, {"b", "1"}, {"A", "x y"}, {"a-", "1"}, {"a%", "1"}, {"aa", "&="}};
    EXPECT_EQ("A=x%20y&a=&a%25=1&a-=1&aa=%26%3D&b=1&b=2",
              Built([&](ps_buf *buf) { ps_url_query(buf, rows, sizeof(rows) / sizeof(rows[0])); }));
    EXPECT_EQ("", Built([&](ps_buf *buf) { ps_url_query(buf, nullptr, 0); }));
}

TEST(Endpoint, AsUsersWriteThem)
{
    const struct {
        const char *text;
        int tls;
        const char *host, *authority, *base;
    } rows[] = {
        {"https://s3.example.org", 1, "s3.example.org", "s3.example.org", ""},
        {"http://127.0.0.1:9000", 0, "127.0.0.1", "127.0.0.1:9000", ""},
        {"http://127.0.0.1:9000/", 0, "127.0.0.1", "127.0.0.1:9000", ""},
        {"https://host:443/a/b/", 1, "host", "host", "/a/b"},
        {"http://host:80", 0, "host", "host", ""},
        {"https://host:80", 1, "host", "host:80", ""},
        {"host:9000", 1, "host", "host:9000", ""},
        {"http://[::1]:9000", 0, "::1", "[::1]:9000", ""},
    };
    for (const auto &row : rows) {
        ps_endpoint endpoint = {};
        polyfs_error err = POLYFS_ERROR_INIT;
        ASSERT_EQ(POLYFS_OK, ps_endpoint_parse(row.text, &endpoint, &err)) << row.text << ": " << err.message;
        EXPECT_EQ(row.tls, endpoint.tls) << row.text;
        EXPECT_STREQ(row.host, endpoint.host) << row.text;
        EXPECT_STREQ(row.authority, endpoint.authority) << row.text;
        EXPECT_STREQ(row.base, endpoint.base) << row.text;
    }
}

TEST(Endpoint, ThatAreNone)
{
    for (const char *text : {"", "http://", "https:///x", "ftp://host", "file:///etc", "http://user:pass@host",
                             "http://host:x", "http://host:99999", "http://ho st", "http://host\r\nX: y",
                             "http://host?x=1", "http://host#x", "http://[::1", "http://host:"}) {
        ps_endpoint endpoint = {};
        polyfs_error err = POLYFS_ERROR_INIT;
        EXPECT_EQ(POLYFS_CONFIG, ps_endpoint_parse(text, &endpoint, &err)) << text;
        EXPECT_EQ(nullptr, strstr(err.message, "pass")) << "a secret";
    }
}

TEST(Endpoint, Loopback)
{
    for (const char *host : {"localhost", "127.0.0.1", "127.9.9.9", "::1"})
        EXPECT_TRUE(ps_host_is_loopback(host)) << host;
    for (const char *host :
         {"127.0.0.1.example.org", "localhost.example.org", "128.0.0.1", "::2", "", "example.org"})
        EXPECT_FALSE(ps_host_is_loopback(host)) << host;
}

TEST(Base64, Vectors) /* RFC 4648, 10 */
{
    const struct {
        const char *plain, *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}};
    for (const auto &row : rows) {
        char back[16] = "";
        EXPECT_EQ(row.text, Built([&](ps_buf *buf) { ps_buf_base64(buf, row.plain, strlen(row.plain)); }));
        EXPECT_EQ(static_cast<int64_t>(strlen(row.plain)), ps_base64_decode(row.text, back, sizeof(back)));
        EXPECT_STREQ(row.plain, back);
    }
}

TEST(Base64, ThatIsNone)
{
    char back[8];
    for (const char *text :
         {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zm9v Zm9v", "Zm9v\n", "Zm-_", "=Zg=", "Zg=v"})
        EXPECT_EQ(-1, ps_base64_decode(text, back, sizeof(back))) << text;
    EXPECT_EQ(-1, ps_base64_decode("Zm9vYmFyYmF6", back, 8)) << "no room";
}

TEST(Utf8, Sequences)
{
    for (const char *text : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbd"})
        EXPECT_TRUE(ps_utf8_valid(text, strlen(text))) << text;
    for (const char *text : {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
                             "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "a\xe2\x82"})
        EXPECT_FALSE(ps_utf8_valid(text, strlen(text)));
}
