/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept beside the bytes: user metadata, content type, times, checksums, signed URLs. Each value comes back
 * exactly or is refused before anything is stored; what a store does not keep is UNSUPPORTED.
 */
#include <cstring>
#include <map>

#include "case.h"

namespace conformance
{

namespace
{

using Map = std::map<std::string, std::string>;

polyfs_write_opts WithPairs(const std::vector<polyfs_kv> &pairs)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.metadata = pairs.data();
    opts.metadata_count = pairs.size();
    return opts;
}

int ReadMetadata(polyfs_fs *fs, const std::string &path, Map *out, polyfs_error *err)
{
    polyfs_pairs *raw = nullptr;
    int rc = polyfs_get_metadata(fs, path.c_str(), nullptr, &raw, err);
    Pairs pairs(raw);
    out->clear();
    for (size_t i = 0; rc == POLYFS_OK && i < polyfs_pairs_count(raw); i++)
        (*out)[polyfs_pairs_at(raw, i)->key] = polyfs_pairs_at(raw, i)->value;
    return rc;
}

} // namespace

CONFORMANCE_CASE(metadata, RoundTrip)
{
    std::vector<polyfs_kv> pairs = {{"step", "1000"}, {"loss", "0.25"}, {"note", "two words"}};
    polyfs_write_opts opts = WithPairs(pairs);
    Map got;
    int rc = Put("a", "bytes", &opts);
    if (No(POLYFS_FACT_METADATA)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        ExpectNothingLeft();
        ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
        EXPECT_CODE(POLYFS_UNSUPPORTED, ReadMetadata(fs(), P("a"), &got, E()));
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    ASSERT_CODE(POLYFS_OK, ReadMetadata(fs(), P("a"), &got, E()));
    EXPECT_EQ((Map{{"step", "1000"}, {"loss", "0.25"}, {"note", "two words"}}), got);
    ASSERT_CODE(POLYFS_OK, Put("a", "other bytes"));
    ASSERT_CODE(POLYFS_OK, ReadMetadata(fs(), P("a"), &got, E()));
    EXPECT_TRUE(got.empty()) << "a replaced object has the metadata that came with it";
    EXPECT_CODE(POLYFS_NOT_FOUND, ReadMetadata(fs(), P("missing"), &got, E()));
}

/* An answer whose end is lost may have told all of it already. */
CONFORMANCE_CASE(metadata, ToldOnceBehindALostAnswer)
{
    std::vector<polyfs_kv> pairs = {{"step", "1000"}};
    polyfs_write_opts opts = WithPairs(pairs), put = POLYFS_WRITE_OPTS_INIT;
    Fs unsure = OpenWith("fault=stat:2:network:lost"), losing = OpenWith("fault=get:1:network:lost");
    polyfs_pairs *raw = nullptr;
    int rc = Put("a", "bytes", &opts);
    if (No(POLYFS_FACT_METADATA)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    Warm(unsure, "a");
    Warm(losing, "a");
    ASSERT_CODE(POLYFS_OK, polyfs_get_metadata(unsure.get(), P("a").c_str(), nullptr, &raw, E()));
    Pairs told(raw);
    EXPECT_EQ(1u, polyfs_pairs_count(raw));
    put.shape = POLYFS_SHAPE_PUT; /* through the process */
    ASSERT_CODE(POLYFS_OK, polyfs_copy(losing.get(), P("a").c_str(), fs(), P("b").c_str(), &put, nullptr, E()));
    ASSERT_CODE(POLYFS_OK, polyfs_get_metadata(fs(), P("b").c_str(), nullptr, &raw, E()));
    Pairs kept(raw);
    EXPECT_EQ(1u, polyfs_pairs_count(raw));
}

namespace
{

std::vector<std::string> AwkwardText()
{
    const std::string kilobyte(1024, 'v'), more(2049, 'w');
    return {"",
            " ",
            " lead",
            "trail ",
            "tab\there",
            "a\r\nX-Evil: 1",
            "a\nb",
            "\x7f",
            "\x01",
            "gr\xc3\xbc\xc3\x9f",
            "\xff\xfe",
            "a=b;c,d",
            "\"quoted\" \\",
            "%41%00",
            "=?utf-8?q?x?=",
            kilobyte,
            more};
}

} // namespace

CONFORMANCE_CASE(metadata, AwkwardValues)
{
    if (No(POLYFS_FACT_METADATA)) {
        std::vector<polyfs_kv> pairs = {{"k", "v"}};
        polyfs_write_opts opts = WithPairs(pairs);
        EXPECT_CODE(POLYFS_UNSUPPORTED, Put("a", "x", &opts));
        return;
    }
    for (const std::string &value : AwkwardText()) {
        std::vector<polyfs_kv> pairs = {{"key", value.c_str()}};
        polyfs_write_opts opts = WithPairs(pairs);
        Map got;
        int rc = Put("a", "bytes", &opts);
        if (rc != POLYFS_OK) {
            EXPECT_ANY_CODE(rc, POLYFS_INVALID, POLYFS_UNSUPPORTED, POLYFS_TOO_LARGE) << value;
            EXPECT_EQ(0, Exists("a")) << value;
            continue;
        }
        EXPECT_CODE(POLYFS_OK, ReadMetadata(fs(), P("a"), &got, E()));
        EXPECT_EQ((Map{{"key", value}}), got);
        ASSERT_CODE(POLYFS_OK, Remove("a"));
    }
}

CONFORMANCE_CASE(metadata, AwkwardKeys)
{
    if (No(POLYFS_FACT_METADATA)) {
        std::vector<polyfs_kv> pairs = {{"k", "v"}};
        polyfs_write_opts opts = WithPairs(pairs);
        EXPECT_CODE(POLYFS_UNSUPPORTED, Put("a", "x", &opts));
        return;
    }
    const std::string large(300, 'k');
    for (const char *key : {"", "Upper", "under_score", "with-dash", "with.dot", "with space", "new\nline",
                            "co:lon", "\xc3\xbc", "polyfs_op", large.c_str()}) {
        std::vector<polyfs_kv> pairs = {{key, "value"}};
        polyfs_write_opts opts = WithPairs(pairs);
        Map got;
        int rc = Put("a", "bytes", &opts);
        if (rc != POLYFS_OK) {
            EXPECT_ANY_CODE(rc, POLYFS_INVALID, POLYFS_UNSUPPORTED, POLYFS_TOO_LARGE) << key;
            EXPECT_EQ(0, Exists("a")) << key;
            continue;
        }
        EXPECT_CODE(POLYFS_OK, ReadMetadata(fs(), P("a"), &got, E()));
        EXPECT_EQ((Map{{key, "value"}}), got) << "kept exactly or refused";
        ASSERT_CODE(POLYFS_OK, Remove("a"));
    }
}

CONFORMANCE_CASE(metadata, TooMuch)
{
    const std::string large(1 << 20, 'v');
    std::vector<polyfs_kv> pairs = {{"key", large.c_str()}};
    polyfs_write_opts opts = WithPairs(pairs);
    Map got;
    int rc = Put("a", "bytes", &opts);
    if (No(POLYFS_FACT_METADATA)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
    } else if (rc == POLYFS_OK) {
        EXPECT_EQ(0u, caps().metadata_max) << "there is a limit, and this is over it";
        ASSERT_CODE(POLYFS_OK, ReadMetadata(fs(), P("a"), &got, E()));
        EXPECT_TRUE(got["key"] == large);
        return;
    } else {
        EXPECT_ANY_CODE(rc, POLYFS_TOO_LARGE, POLYFS_INVALID);
    }
    ExpectNothingLeft();
}

CONFORMANCE_CASE(metadata, ContentType)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    StatInfo stat;
    opts.content_type = "application/x-safetensors";
    int rc = Put("a", "bytes", &opts);
    if (No(POLYFS_FACT_CONTENT_TYPE)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        ExpectNothingLeft();
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
    EXPECT_STREQ("application/x-safetensors", stat.content_type);
    ASSERT_CODE(POLYFS_OK, Put("a", "other"));
    ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
    EXPECT_STRNE("application/x-safetensors", stat.content_type) << "not that of the object before";
    const std::string large(4000, 't'), evil = "text/plain\r\nX-Evil: 1";
    for (const std::string &type : {large, evil}) {
        opts.content_type = type.c_str();
        EXPECT_ANY_CODE(Put("b", "x", &opts), POLYFS_INVALID, POLYFS_UNSUPPORTED, POLYFS_TOO_LARGE);
        EXPECT_EQ(0, Exists("b"));
    }
}

CONFORMANCE_CASE(metadata, SetMetadata)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    const polyfs_kv old = {"old", "1"}, fresh[] = {{"new", "2"}, {"more", "3"}};
    opts.metadata = &old;
    opts.metadata_count = No(POLYFS_FACT_METADATA) ? 0 : 1;
    opts.content_type = No(POLYFS_FACT_CONTENT_TYPE) ? nullptr : "text/x-one";
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes", &opts));
    int rc = polyfs_set_metadata(fs(), P("a").c_str(), fresh, 2, nullptr, nullptr, E());
    if (No(POLYFS_FACT_SET_METADATA)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        return;
    }
    Map got;
    StatInfo stat;
    ASSERT_CODE(POLYFS_OK, rc);
    ASSERT_CODE(POLYFS_OK, ReadMetadata(fs(), P("a"), &got, E()));
    EXPECT_EQ((Map{{"new", "2"}, {"more", "3"}}), got) << "all of it is replaced";
    ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
    EXPECT_STREQ(opts.content_type ? opts.content_type : "", stat.content_type) << "NULL leaves the content type";
    EXPECT_EQ("bytes", Get("a"));
    ASSERT_CODE(POLYFS_OK, polyfs_set_metadata(fs(), P("a").c_str(), nullptr, 0, "text/x-two", nullptr, E()));
    ASSERT_CODE(POLYFS_OK, ReadMetadata(fs(), P("a"), &got, E()));
    EXPECT_TRUE(got.empty());
    ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
    EXPECT_STREQ("text/x-two", stat.content_type);
    EXPECT_EQ("bytes", Get("a"));
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_set_metadata(fs(), P("no").c_str(), fresh, 2, nullptr, nullptr, E()));
}

CONFORMANCE_CASE(metadata, SetTimes)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    const int64_t moments[] = {INT64_C(1000000000123456789), 0, -1500000000, INT64_C(4102444800000000001)};
    int64_t step = static_cast<int64_t>(caps().mtime_resolution_ns ? caps().mtime_resolution_ns : 1);
    for (int64_t moment : moments) {
        StatInfo stat;
        int rc = polyfs_set_times(fs(), P("a").c_str(), moment, POLYFS_TIME_UNKNOWN, nullptr, E());
        if (No(POLYFS_FACT_SET_TIMES)) {
            EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
            continue;
        }
        if (moment < 0 && !store().has_early_times) {
            EXPECT_CODE(POLYFS_INVALID, rc);
            continue;
        }
        ASSERT_CODE(POLYFS_OK, rc);
        ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
        EXPECT_LT(std::abs(stat.mtime_ns - moment), step) << moment;
        ASSERT_CODE(POLYFS_OK,
                    polyfs_set_times(fs(), P("a").c_str(), POLYFS_TIME_UNKNOWN, 5000000000, nullptr, E()));
        ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
        EXPECT_LT(std::abs(stat.mtime_ns - moment), step) << "the time of access alone";
        EXPECT_EQ("bytes", Get("a"));
    }
    EXPECT_CODE(No(POLYFS_FACT_SET_TIMES) ? POLYFS_UNSUPPORTED : POLYFS_NOT_FOUND,
                polyfs_set_times(fs(), P("no").c_str(), 0, 0, nullptr, E()));
}

/* Of "123456789": RFC 3720 B.4, NVM Express 1.0 8.3.5.12, RFC 1321, FIPS 180-4. */
CONFORMANCE_CASE(metadata, Checksum)
{
    const struct {
        uint32_t kind;
        const char *hex;
    } known[] = {{POLYFS_CHECKSUM_CRC32C, "e3069283"},
                 {POLYFS_CHECKSUM_CRC64NVME, "ae8b14860a799888"},
                 {POLYFS_CHECKSUM_MD5, "25f9e794323b453885f5181f1b624d0b"},
                 {POLYFS_CHECKSUM_SHA256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"}};
    ASSERT_CODE(POLYFS_OK, Put("a", "123456789"));
    ASSERT_CODE(POLYFS_OK, Put("d/x", "x"));
    Checksum sum = {};
    for (const auto &row : known) {
        std::string hex;
        ASSERT_CODE(POLYFS_OK, polyfs_checksum(fs(), P("a").c_str(), row.kind, nullptr, &sum, E()));
        EXPECT_EQ(row.kind, sum.kind);
        for (uint32_t i = 0; i < sum.length; i++)
            hex += {"0123456789abcdef"[sum.value[i] >> 4], "0123456789abcdef"[sum.value[i] & 15]};
        EXPECT_EQ(row.hex, hex);
    }
    std::string before = Image(sum);
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_checksum(fs(), P("no").c_str(), 1, nullptr, &sum, E()));
    EXPECT_ANY_CODE(polyfs_checksum(fs(), P("d").c_str(), 1, nullptr, &sum, E()), POLYFS_IS_DIR, POLYFS_NOT_FOUND);
    for (uint32_t kind : {0u, 3u, 16u, 0x80000000u})
        EXPECT_CODE(POLYFS_INVALID, polyfs_checksum(fs(), P("a").c_str(), kind, nullptr, &sum, E())) << kind;
    EXPECT_EQ(before, Image(sum));
}

CONFORMANCE_CASE(metadata, Sign)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    char *url = nullptr;
    uint64_t before = Requests();
    for (const char *verb : {"GET", "PUT"}) {
        uint32_t fact = verb[0] == 'G' ? POLYFS_FACT_SIGN_GET : POLYFS_FACT_SIGN_PUT;
        int rc = polyfs_sign(fs(), P("a").c_str(), verb, 60, nullptr, &url, E());
        if (No(fact)) {
            EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
            EXPECT_EQ(before, Requests());
            EXPECT_EQ(nullptr, url);
            continue;
        }
        ASSERT_CODE(POLYFS_OK, rc);
        EXPECT_NE(nullptr, strstr(url, "://"));
        polyfs_free(url);
        url = nullptr;
    }
    EXPECT_ANY_CODE(polyfs_sign(fs(), P("a").c_str(), "DELETE", 60, nullptr, &url, E()), POLYFS_INVALID,
                    POLYFS_UNSUPPORTED);
}

} // namespace conformance
