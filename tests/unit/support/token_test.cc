/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer says of a token and its life: B21, B22. */
#include <gtest/gtest.h>

#include "host.h"

namespace
{

const int64_t NOW = 1000000;

/* The token and the seconds that it is told to live, or what is wrong. */
std::string Read(const std::string &text)
{
    ps_keys keys = {};
    polyfs_error err = POLYFS_ERROR_INIT;
    SetTestTime(NOW);
    if (ps_token_read(text.data(), text.size(), "who", &keys, &err) != 1)
        return std::to_string(err.code) + " " + err.message;
    std::string told = std::string(keys.token) + " " + std::to_string(keys.expires_s - NOW);
    ps_host->free(keys.token);
    return told;
}

std::string Life(const std::string &member)
{
    return Read(R"({"access_token": "t", )" + member + "}");
}

} // namespace

TEST(Token, Spellings)
{
    EXPECT_EQ("a.b-c_d~e+f/g= 60", Read(R"({"access_token": "a.b-c_d~e+f/g=", "expires_in": 60})"));
    EXPECT_EQ("t 100", Read(R"({"accessToken": "t", "expires_on": 1000100})"));
    EXPECT_EQ("t 100", Read(R"({"accessToken": "t", "expires_on": "1000100"})"));
    EXPECT_EQ("t 100", Read(R"({"accessToken": "t", "expireTime": "1970-01-12T13:48:20Z"})"));
}

TEST(Token, LivesThatNobodyMeans)
{
    EXPECT_EQ("t 3600", Read(R"({"access_token": "t"})"));
    EXPECT_EQ("t 0", Life(R"("expires_in": 0)"));
    EXPECT_EQ("t 86400", Life(R"("expires_in": 86400)"));
    for (const char *life : {"-1", "86401", "1e400", "9223372036854775807", "\"soon\"", "null", "[]", "1.5"})
        EXPECT_EQ(std::string(life) == "1e400" ? std::to_string(POLYFS_AUTH) + " who answers without a token"
                                               : std::string("t 3600"),
                  Life(std::string(R"("expires_in": )") + life))
            << life;
    EXPECT_EQ("t 3600", Life(R"("expireTime": "tomorrow")"));
}

/* Whatever is no token goes into no header. */
TEST(Token, NoToken)
{
    for (const char *text : {"", "{}", "[]", "no JSON", R"({"access_token": ""})", R"({"access_token": 7})",
                             R"({"access_token": "a\r\nX-Evil: 1"})", R"({"access_token": "a b"})",
                             R"({"access_token": "t", "access_token": "u"})"})
        EXPECT_EQ(std::to_string(POLYFS_AUTH) + " who answers without a token", Read(text)) << text;
}
