/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call puts where: outputs untouched on failure, structs of an older and shorter kind not overrun, and what
 * opening refuses.
 */
#include <cstddef>
#include <cstring>

#include "case.h"

namespace conformance
{

namespace
{

template <typename T> struct Marked {
    union {
        T value;
        char bytes[sizeof(T) + 64];
    };
    explicit Marked(size_t size)
    {
        memset(bytes, '#', sizeof(bytes));
        memset(bytes, 0, size);
        value.struct_size = static_cast<uint32_t>(size);
    }
    bool Overrun(size_t size) const
    {
        return std::string(bytes + size, bytes + sizeof(bytes)) != std::string(sizeof(bytes) - size, '#');
    }
};

} // namespace

CONFORMANCE_CASE(outputs, UntouchedOnFailure)
{
    char there_bytes[8] = "abcdefg";
    void *data = there_bytes;
    size_t n = 77;
    int there = 77;
    StatInfo stat;
    memset(&stat, '#', sizeof(stat));
    stat.struct_size = sizeof(stat);
    std::string before = Image(stat);
    auto *pairs = reinterpret_cast<polyfs_pairs *>(there_bytes);
    auto *sub = reinterpret_cast<polyfs_fs *>(there_bytes);
    std::string path = P("missing/thing");
    EXPECT_LT(polyfs_stat(fs(), path.c_str(), nullptr, nullptr, &stat, E()), 0);
    EXPECT_LT(polyfs_get(fs(), path.c_str(), nullptr, there_bytes, 8, &n, &stat, E()), 0);
    EXPECT_LT(polyfs_get_all(fs(), path.c_str(), nullptr, &data, &n, &stat, E()), 0);
    EXPECT_LT(polyfs_get_metadata(fs(), path.c_str(), nullptr, &pairs, E()), 0);
    EXPECT_LT(polyfs_copy(fs(), path.c_str(), fs(), P("b").c_str(), nullptr, &stat, E()), 0);
    if (RealDirs()) {
        EXPECT_LT(polyfs_fs_sub(fs(), path.c_str(), 0, nullptr, &sub, E()), 0);
    }
    if (NeedsFolders()) {
        EXPECT_LT(polyfs_put(fs(), path.c_str(), "x", 1, nullptr, &stat, E()), 0);
    }
    Fs broken = OpenWith("fault=any:1+:permission");
    EXPECT_LT(polyfs_exists(broken.get(), path.c_str(), nullptr, &there, E()), 0);
    EXPECT_EQ(before, Image(stat));
    EXPECT_STREQ("abcdefg", there_bytes);
    EXPECT_EQ(77u, n);
    EXPECT_EQ(77, there);
    EXPECT_EQ(static_cast<void *>(there_bytes), data);
    EXPECT_EQ(static_cast<void *>(there_bytes), static_cast<void *>(pairs));
    EXPECT_EQ(static_cast<void *>(there_bytes), static_cast<void *>(sub));
}

CONFORMANCE_CASE(outputs, ShortStat)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "12345"));
    Reader reader = OpenReader("a");
    for (size_t size : {offsetof(StatInfo, mtime_ns), offsetof(StatInfo, checksum), offsetof(StatInfo, etag) + 5,
                        sizeof(StatInfo)}) {
        Marked<StatInfo> stat(size), got(size), pinned(size), put(size);
        char buffer[8];
        size_t n;
        ASSERT_CODE(POLYFS_OK, polyfs_stat(fs(), P("a").c_str(), nullptr, nullptr, &stat.value, E()));
        ASSERT_CODE(POLYFS_OK, polyfs_get(fs(), P("a").c_str(), nullptr, buffer, 8, &n, &got.value, E()));
        ASSERT_CODE(POLYFS_OK, polyfs_reader_stat(reader.get(), &pinned.value, E()));
        ASSERT_CODE(POLYFS_OK, polyfs_put(fs(), P("b").c_str(), "12345", 5, nullptr, &put.value, E()));
        for (const Marked<StatInfo> *one : {&stat, &got, &pinned, &put}) {
            EXPECT_EQ(5u, one->value.size);
            EXPECT_EQ(size, one->value.struct_size);
            EXPECT_FALSE(one->Overrun(size)) << size << " bytes";
        }
    }
}

CONFORMANCE_CASE(outputs, ShortCapsAndStatistics)
{
    for (size_t size : {offsetof(CapsInfo, fact) + 4, offsetof(CapsInfo, put_max), sizeof(CapsInfo)}) {
        Marked<CapsInfo> own(size);
        ASSERT_CODE(POLYFS_OK, polyfs_caps(fs(), P().c_str(), 0, nullptr, &own.value, E()));
        EXPECT_EQ(caps().shapes, own.value.shapes);
        EXPECT_FALSE(own.Overrun(size)) << size << " bytes of facts";
    }
    for (size_t size : {offsetof(FsStats, retries), sizeof(FsStats)}) {
        Marked<FsStats> stats(size);
        polyfs_fs_stats(fs(), &stats.value);
        EXPECT_GT(stats.value.calls, 0u);
        EXPECT_FALSE(stats.Overrun(size)) << size << " bytes of a filesystem's statistics";
    }
    for (size_t size : {offsetof(RuntimeStats, budget_bytes), sizeof(RuntimeStats)}) {
        Marked<RuntimeStats> stats(size);
        polyfs_runtime_stats(&stats.value);
        EXPECT_FALSE(stats.Overrun(size)) << size << " bytes of the runtime's statistics";
    }
}

CONFORMANCE_CASE(outputs, ShortCodesOfManyPaths)
{
    std::string path = P("missing");
    const char *names[] = {path.c_str(), path.c_str()};
    StatInfo stats[2] = {POLYFS_STAT_INIT, POLYFS_STAT_INIT};
    int codes[3] = {77, 77, 77};
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_stat_many(fs(), names, 2, nullptr, stats, codes, E()));
    EXPECT_CODE(POLYFS_NOT_FOUND, codes[0]);
    EXPECT_CODE(POLYFS_NOT_FOUND, codes[1]);
    EXPECT_EQ(77, codes[2]);
    EXPECT_CODE(POLYFS_OK, polyfs_stat_many(fs(), names, 0, nullptr, stats, codes, E()));
}

CONFORMANCE_CASE(open, Refusals)
{
    const struct {
        std::string url;
        int code;
    } urls[] = {{"", POLYFS_INVALID},
                {"nosuchprotocol://x", POLYFS_PLUGIN},
                {std::string(40, 'x') + "://x", POLYFS_INVALID},
                {"a::" + store().url, POLYFS_UNSUPPORTED}};
    char other_bytes[8] = "";
    for (const auto &row : urls) {
        auto *raw = reinterpret_cast<polyfs_fs *>(other_bytes);
        char *path = other_bytes;
        EXPECT_CODE(row.code, polyfs_fs_open(row.url.c_str(), nullptr, &raw, &path, E())) << row.url;
        EXPECT_EQ(static_cast<void *>(other_bytes), static_cast<void *>(raw)) << row.url;
        EXPECT_EQ(other_bytes, path) << row.url;
        EXPECT_NE("", Why());
    }
    std::string scheme = store().url.substr(0, store().url.find("://")),
                rest = store().url.substr(scheme.size() + 3);
    std::string one_slash = scheme + ":/" + rest.substr(std::min(rest.find_first_not_of('/'), rest.size()));
    polyfs_fs *raw = nullptr;
    EXPECT_CODE(POLYFS_INVALID, polyfs_fs_open(one_slash.c_str(), nullptr, &raw, nullptr, E()));
    EXPECT_NE(std::string::npos, Why().find("://")) << "the right spelling is told: " << Why();
}

CONFORMANCE_CASE(open, Options)
{
    const char *unknown[] = {"atempts=3", nullptr}, *wrong[] = {"attempts=many", nullptr},
               *none[] = {"attempts=0", nullptr}, *bare[] = {"attempts", nullptr};
    polyfs_fs *raw = nullptr;
    EXPECT_CODE(POLYFS_CONFIG, polyfs_fs_open(store().url.c_str(), unknown, &raw, nullptr, E()));
    EXPECT_NE(std::string::npos, Why().find("attempts")) << "the nearest name is told: " << Why();
    EXPECT_CODE(POLYFS_CONFIG, polyfs_fs_open(store().url.c_str(), wrong, &raw, nullptr, E()));
    EXPECT_CODE(POLYFS_CONFIG, polyfs_fs_open(store().url.c_str(), none, &raw, nullptr, E()));
    EXPECT_CODE(POLYFS_CONFIG, polyfs_fs_open(store().url.c_str(), bare, &raw, nullptr, E()));
    EXPECT_EQ(nullptr, raw);
}

CONFORMANCE_CASE(open, SendsNothing)
{
    Fs other = OpenWith("attempts=4");
    FsStats stats = {};
    stats.struct_size = sizeof(stats);
    polyfs_fs_stats(other.get(), &stats);
    EXPECT_EQ(0u, stats.requests);
}

CONFORMANCE_CASE(open, SameOptionsAreOneFilesystem)
{
    Fs one = OpenWith("attempts=5"), two = OpenWith("attempts=5"), other = OpenWith("attempts=6");
    EXPECT_EQ(one.get(), two.get());
    EXPECT_NE(one.get(), other.get());
    Fs again(polyfs_fs_ref(one.get()));
    one.reset();
    two.reset();
    int there = 77;
    EXPECT_CODE(POLYFS_OK, polyfs_exists(again.get(), P("a").c_str(), nullptr, &there, E()));
    EXPECT_EQ(0, there);
}

} // namespace conformance
