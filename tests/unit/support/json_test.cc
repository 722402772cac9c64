/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of strangers: B17. */
#include <gtest/gtest.h>

#include "host.h"

namespace
{

int Read(const std::string &text, json_t **out)
{
    polyfs_error err = POLYFS_ERROR_INIT;
    *out = nullptr;
    int rc = ps_json_read(text.data(), text.size(), out, &err);
    EXPECT_EQ(rc == POLYFS_OK, *out != nullptr) << text.substr(0, 80);
    EXPECT_EQ(rc == POLYFS_OK, err.message[0] == '\0') << text.substr(0, 80);
    return rc;
}

int Code(const std::string &text)
{
    json_t *root;
    int rc = Read(text, &root);
    json_decref(root);
    return rc;
}

std::string Nested(unsigned levels)
{
    return "{\"a\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
}

} // namespace

TEST(Json, Values)
{
    json_t *root;
    ASSERT_EQ(POLYFS_OK, Read(R"({"a": "x\u00e9\n", "n": 7, "size": "18446744073709551614", "neg": -1, "text": "-1",
                                  "half": 1.5, "none": null, "o": {"a": "deep"}, "t": "7x", "z": 0, "max": 9223372036854775807})",
                              &root));
    EXPECT_STREQ("x\xc3\xa9\n", ps_json_text(root, "a"));
    EXPECT_STREQ("deep", ps_json_text(json_object_get(root, "o"), "a"));
    EXPECT_EQ(nullptr, ps_json_text(root, "n"));
    EXPECT_EQ(nullptr, ps_json_text(root, "missing"));
    EXPECT_EQ(nullptr, ps_json_text(root, "none"));
    EXPECT_EQ(7u, ps_json_number(root, "n"));
    EXPECT_EQ(0u, ps_json_number(root, "z"));
    EXPECT_EQ(UINT64_MAX - 1, ps_json_number(root, "size"));
    EXPECT_EQ(uint64_t{INT64_MAX}, ps_json_number(root, "max"));
    for (const char *key : {"neg", "text", "half", "none", "missing", "t", "o", "a"})
        EXPECT_EQ(UINT64_MAX, ps_json_number(root, key)) << key;
    json_decref(root);
}

TEST(Json, WhatIsNone)
{
    for (const char *text : {"",
                             " ",
                             "x",
                             "{",
                             "}",
                             "[]",
                             "7",
                             "\"a\"",
                             "null",
                             "{\"a\":1}x",
                             "{\"a\":1}{\"b\":2}",
                             "{\"a\":1,}",
                             "{'a':1}",
                             "{\"a\":1,\"a\":2}",
                             "{\"a\":1e400}",
                             "{\"a\":01}",
                             "{\"a\":99999999999999999999}",
                             "{\"a\":\"\\ud800\"}",
                             "{\"a\":\"\\u0000\"}",
                             "{\"a\":\"\xff\"}",
                             "{\"a\":\"\n\"}",
                             "<a/>"})
        EXPECT_EQ(POLYFS_CORRUPT, Code(text)) << text;
    EXPECT_EQ(POLYFS_CORRUPT, Code(std::string("{\"a\":\"\0\"}", 9))) << "a NUL";
}

TEST(Json, Bounds)
{
    EXPECT_EQ(POLYFS_OK, Code(Nested(64)));
    EXPECT_EQ(POLYFS_CORRUPT, Code(Nested(65)));
    EXPECT_EQ(POLYFS_CORRUPT, Code(std::string(100000, '[')));
    EXPECT_EQ(POLYFS_OK, Code("{\"a\":\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\"}"))
        << "brackets in a text are none";
    EXPECT_EQ(POLYFS_OK, Code("{\"a\":\"" + std::string(1 << 20, 'x') + "\"}"));
    EXPECT_EQ(POLYFS_CORRUPT, Code("{\"a\":\"" + std::string(16 << 20, 'x') + "\"}"));
}
