/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Awkward names (B01 to B07): each either makes the whole round, exactly as it was given (put, stat, list, get,
 * remove), or is refused before anything is stored. None ever stands for another object. Where the store's manifest
 * says that `.`, `..` and `//` are resolved, a name with them is what the kernel makes of it.
 */
#include <set>

#include "case.h"

namespace conformance
{

namespace
{

struct AwkwardName {
    const char *label;
    std::string name;
    const char
        *resolved; /* with the kernel's dots: the name it stands for below "in", "" for a folder; else NULL */
};

const std::vector<AwkwardName> &AwkwardNames()
{
    static const std::vector<AwkwardName> names = {
        {"dot", ".", ""},
        {"dot_dot", "..", ""},
        {"leads_up", "../x", "../x"},
        {"leads_up_from_below", "sub/../../x", "../x"},
        {"leading_slash", "/abs", "abs"},
        {"double_slash", "sub//b", "sub/b"},
        {"dot_in_the_middle", "sub/./b", "sub/b"},
        {"trailing_slash", "x/", ""},
        {"drive", "C:/x", nullptr},
        {"backslashes", "\\\\srv\\x", nullptr},
        {"percent_slash", "%2F", nullptr},
        {"percent_nul", "a%00b", nullptr},
        {"percent_dots", "%2e%2e", nullptr},
        {"spaces", " a b ", nullptr},
        {"url_characters", "a+b&c=d;e,f:g@h!i'(j)~k", nullptr},
        {"query_and_fragment", "x?y=1#z", nullptr},
        {"glob_characters", "*[a]{b}?", nullptr},
        {"control_characters", "a\r\n\tb\x01\x7f", nullptr},
        {"invalid_utf8", "\xff\xfe\xc3", nullptr},
        {"noncharacter_and_rtl",
         "\xef\xbf\xbe\xe2\x80\xae"
         "gpj",
         nullptr},
        {"quotes_and_pipes", "'\"`$<>|", nullptr},
        {"leading_dash", "-rf", nullptr},
        {"tilde", "~", nullptr},
        {"trailing_dot", "name.", nullptr},
        {"scheme_inside", "s3://bucket/key", "s3:/bucket/key"},
        {"staging_prefix", POLYFS_STAGING_PREFIX "mine", nullptr},
        {"long_part", std::string(256, 'n'), nullptr},
        {"long_path_1024",
         std::string(200, 'a') + "/" + std::string(200, 'b') + "/" + std::string(200, 'c') + "/" +
             std::string(200, 'd') + "/" + std::string(220, 'e'),
         nullptr},
    };
    return names;
}

} // namespace

/* Put refused it: nothing may be there. IS_DIR is the right word for "x/" where folders are real. */
#define EXPECT_REFUSED(rc, row)                                                                                    \
    do {                                                                                                           \
        if ((row).name.back() == '/' || ((row).resolved && !*(row).resolved))                                      \
            EXPECT_ANY_CODE(rc, POLYFS_INVALID, POLYFS_UNSUPPORTED, POLYFS_TOO_LARGE, POLYFS_IS_DIR);              \
        else                                                                                                       \
            EXPECT_ANY_CODE(rc, POLYFS_INVALID, POLYFS_UNSUPPORTED, POLYFS_TOO_LARGE);                             \
    } while (0)

CONFORMANCE_CASE(names, EachMakesTheRoundOrIsRefused)
{
    for (const AwkwardName &row : AwkwardNames()) {
        SCOPED_TRACE(row.label);
        if (store().dots_resolved && row.resolved)
            continue;
        ASSERT_CODE(POLYFS_OK, Mkdir("in", POLYFS_MKDIR_EXIST_OK));
        ASSERT_CODE(POLYFS_OK, Put("in/sub/marker", "m"));
        const std::string name = "in/" + row.name;
        std::set<std::string> before;
        for (const std::string &one : Names("", POLYFS_LS_RECURSIVE))
            before.insert(one);
        int rc = Put(name, row.label);
        std::set<std::string> after;
        for (const std::string &one : Names("", POLYFS_LS_RECURSIVE))
            after.insert(one);
        if (rc != POLYFS_OK) {
            EXPECT_REFUSED(rc, row);
            EXPECT_EQ(before, after) << "refused, but something is there";
            continue;
        }
        StatInfo stat;
        EXPECT_CODE(POLYFS_OK, Stat(name, &stat));
        EXPECT_EQ(std::string(row.label).size(), stat.size);
        EXPECT_EQ(row.label, Get(name));
        before.insert(name);
        EXPECT_EQ(before, after) << "listed as it was given";
        EXPECT_CODE(POLYFS_OK, Remove(name));
        EXPECT_EQ(0, Exists(name));
        polyfs_remove_tree(fs(), P("in").c_str(), nullptr, nullptr);
    }
}

/* Where dots are the kernel's, such a name is the object that the kernel says, by all verbs alike. */
CONFORMANCE_CASE(names, ResolvedDots)
{
    ASSERT_CODE(POLYFS_OK, Put("in/sub/marker", "m"));
    for (const AwkwardName &row : AwkwardNames()) {
        if (!store().dots_resolved || !row.resolved)
            continue;
        SCOPED_TRACE(row.label);
        const std::string name = "in/" + row.name, real = std::string("in/") + row.resolved;
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        if (!*row.resolved) {
            EXPECT_REFUSED(Put(name, "x", &opts), row);
            continue;
        }
        opts.flags = POLYFS_WRITE_PARENTS;
        ASSERT_CODE(POLYFS_OK, Put(name, row.label, &opts));
        EXPECT_EQ(row.label, Get(real));
        EXPECT_EQ(row.label, Get(name));
        EXPECT_EQ(Etag(real), Etag(name));
        EXPECT_CODE(POLYFS_OK, Remove(real));
        EXPECT_EQ(0, Exists(name));
    }
}

/* Names that some other system would take for one: each keeps its own bytes. */
CONFORMANCE_CASE(names, TwinsStayApart)
{
    const std::vector<std::pair<std::string, std::string>> twins = {{"\xc3\xa9", "e\xcc\x81"},
                                                                    {"a", "A"},
                                                                    {"a b", "a%20b"},
                                                                    {"a+b", "a b"},
                                                                    {"x", "x."},
                                                                    {"x", " x"},
                                                                    {"%41", "A"},
                                                                    {"a\\b", "a-b"},
                                                                    {"\xff", "\xfe"},
                                                                    {"a", "a\n"},
                                                                    {"\xe2\x84\xaa", "K"},
                                                                    {"\xc3\x9f", "ss"},
                                                                    {"a:b", "a_b"},
                                                                    {"x", "x~"}};
    for (const auto &twin : twins) {
        int one = Put(twin.first, "one"), two = Put(twin.second, "two");
        if (one == POLYFS_OK && two == POLYFS_OK && !(twin.first == "a" && No(POLYFS_FACT_CASE_SENSITIVE))) {
            EXPECT_EQ("one", Get(twin.first)) << twin.first << " and " << twin.second;
            EXPECT_EQ("two", Get(twin.second)) << twin.first << " and " << twin.second;
        } else if (one != POLYFS_OK) {
            EXPECT_ANY_CODE(one, POLYFS_INVALID, POLYFS_UNSUPPORTED, POLYFS_TOO_LARGE) << twin.first;
        } else if (two != POLYFS_OK) {
            EXPECT_ANY_CODE(two, POLYFS_INVALID, POLYFS_UNSUPPORTED, POLYFS_TOO_LARGE) << twin.second;
        }
        Remove(twin.first);
        Remove(twin.second);
    }
}

CONFORMANCE_CASE(names, ObjectAndFolderOfOneName)
{
    NEEDS_NESTED_NAMES();
    ASSERT_CODE(POLYFS_OK, Put("a", "object"));
    int rc = Put("a/b", "below");
    if (RealDirs()) {
        EXPECT_CODE(POLYFS_NOT_DIR, rc);
        EXPECT_EQ((std::vector<std::string>{"a"}), Names());
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    EXPECT_EQ("object", Get("a"));
    EXPECT_EQ("below", Get("a/b"));
    EXPECT_EQ((std::vector<std::string>{"a", "a/"}), Names());
    EXPECT_EQ((std::vector<std::string>{"a", "a/b"}), Names("", POLYFS_LS_RECURSIVE));
    EXPECT_EQ((std::vector<std::string>{"a/b"}), Names("a")) << "the folder is what is listed";
    ASSERT_CODE(POLYFS_OK, Remove("a"));
    EXPECT_EQ("below", Get("a/b"));
}

/* An empty path is the root: it is there, it is a folder, and it is never written to, renamed over or removed. */
CONFORMANCE_CASE(names, EmptyPath)
{
    StatInfo stat = POLYFS_STAT_INIT;
    polyfs_fs *raw = nullptr;
    ASSERT_CODE(POLYFS_OK, Put("d/a", "x"));
    int rc = polyfs_fs_sub(fs(), P("d").c_str(), 0, nullptr, &raw, E());
    Fs root(rc == POLYFS_UNSUPPORTED ? polyfs_fs_ref(fs()) : raw);
    ASSERT_TRUE(root) << Why();
    EXPECT_CODE(POLYFS_OK, polyfs_stat(root.get(), "", nullptr, nullptr, &stat, E()));
    EXPECT_EQ(static_cast<uint32_t>(POLYFS_TYPE_DIR), stat.type);
    EXPECT_LT(polyfs_put(root.get(), "", "x", 1, nullptr, nullptr, E()), 0);
    EXPECT_LT(polyfs_remove(root.get(), "", nullptr, E()), 0);
    EXPECT_LT(polyfs_rename(root.get(), rc == POLYFS_OK ? "a" : P("d/a").c_str(), "", 0, nullptr, E()), 0);
    EXPECT_EQ("x", Get("d/a"));
}

} // namespace conformance
