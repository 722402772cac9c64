/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob, walk and du: what core makes of listings, checked on every store since each lists in its own way. The rules of
 * glob are those of fsspec (reference: "Glob rules"), with `\` before a character that stands for itself.
 */
#include <algorithm>
#include <cstring>

#include "case.h"

namespace conformance
{

using Strings = std::vector<std::string>;

namespace
{

/* In a pattern the folder's own path stands for itself, whatever is in it. */
std::string Quoted(const std::string &path)
{
    std::string out;
    for (char c : path) {
        if (c == '*' || c == '?' || c == '[' || c == '\\')
            out += '\\';
        out += c;
    }
    return out;
}

int Glob(polyfs_fs *fs, const std::string &root, const std::string &pattern, Strings *names, polyfs_error *err)
{
    polyfs_lister *raw = nullptr;
    int rc = polyfs_glob_open(fs, (Quoted(root) + "/" + pattern).c_str(), nullptr, &raw, err);
    Lister lister(raw);
    names->clear();
    for (int more = rc == POLYFS_OK ? POLYFS_MORE : rc; more == POLYFS_MORE; rc = more) {
        const polyfs_entry *rows = nullptr;
        size_t count = 0;
        more = polyfs_list_next(raw, &rows, &count, err);
        for (size_t i = 0; more >= 0 && i < count; i++)
            names->push_back(std::string(rows[i].path).substr(std::min(root.size() + 1, strlen(rows[i].path))) +
                             (rows[i].type == POLYFS_TYPE_DIR ? "/" : ""));
    }
    return rc;
}

struct GlobRow {
    const char *pattern;
    Strings names;
};

} // namespace

CONFORMANCE_CASE(glob, Patterns)
{
    for (const char *name :
         {"a", "ab", "abc", "b.txt", "d/a", "d/b.txt", "d/e/a.txt", "d/e/f/b.txt", "x1", "x2", ".h"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    const std::vector<GlobRow> rows = {
        {"a", {"a"}},
        {"a*", {"a", "ab", "abc"}},
        {"a?", {"ab"}},
        {"*", {".h", "a", "ab", "abc", "b.txt", "d/", "x1", "x2"}},
        {"*.txt", {"b.txt"}},
        {"x[12]", {"x1", "x2"}},
        {"x[!1]", {"x2"}},
        {"x[0-1]", {"x1"}},
        {"[", {}},
        {"nothing*", {}},
        {"d/*", {"d/a", "d/b.txt", "d/e/"}},
        {"*/*.txt", {"d/b.txt"}},
        {"d/*/*", {"d/e/a.txt", "d/e/f/"}},
        {"**/*.txt", {"b.txt", "d/b.txt", "d/e/a.txt", "d/e/f/b.txt"}},
        {"d/**/b.txt", {"d/b.txt", "d/e/f/b.txt"}},
        {"d/e/**", {"d/e/", "d/e/a.txt", "d/e/f/", "d/e/f/b.txt"}},
        {"*/", {"d/"}},
        {"d/*/", {"d/e/"}},
        {"missing/*", {}},
    };
    for (const GlobRow &row : rows) {
        Strings names;
        EXPECT_CODE(POLYFS_OK, Glob(fs(), P(), row.pattern, &names, E())) << row.pattern;
        EXPECT_EQ(row.names, names) << row.pattern;
    }
}

CONFORMANCE_CASE(glob, QuotedCharacters)
{
    Strings kept;
    for (const char *name : {"a[1]", "a*b", "a?b", "a1", "axb"})
        if (Put(name, name) == POLYFS_OK)
            kept.push_back(name);
    const std::vector<GlobRow> rows = {
        {"a\\[1\\]", {"a[1]"}}, {"a\\*b", {"a*b"}}, {"a\\?b", {"a?b"}}, {"a[[]1]", {"a[1]"}}, {"a[*]b", {"a*b"}}};
    for (const GlobRow &row : rows) {
        Strings names;
        bool there = std::find(kept.begin(), kept.end(), row.names[0]) != kept.end();
        EXPECT_CODE(POLYFS_OK, Glob(fs(), P(), row.pattern, &names, E())) << row.pattern;
        EXPECT_EQ(there ? row.names : Strings{}, names) << row.pattern;
    }
}

CONFORMANCE_CASE(glob, Refusals)
{
    Strings names;
    ASSERT_CODE(POLYFS_OK, Put("a", "x"));
    for (const char *pattern : {"a**b", "**b", "d/a**"})
        EXPECT_CODE(POLYFS_INVALID, Glob(fs(), P(), pattern, &names, E())) << pattern;
    polyfs_lister *raw = nullptr;
    char *token = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_glob_open(fs(), (Quoted(P()) + "/*").c_str(), nullptr, &raw, E()));
    Lister lister(raw);
    const polyfs_entry *rows;
    size_t count;
    EXPECT_GE(polyfs_list_next(raw, &rows, &count, E()), 0);
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_list_token(raw, &token, E())) << "a pattern has no token";
}

/* The work is bounded, whatever the pattern: fifty stars take no longer than one. */
CONFORMANCE_CASE(glob, ManyStars)
{
    ASSERT_CODE(POLYFS_OK, Put(std::string(100, 'a'), "x"));
    std::string stars, deep;
    for (int i = 0; i < 50; i++) {
        stars += "*a";
        deep += "**/";
    }
    int64_t began = NowMs();
    Strings names;
    EXPECT_CODE(POLYFS_OK, Glob(fs(), P(), stars + "b", &names, E()));
    EXPECT_TRUE(names.empty());
    EXPECT_CODE(POLYFS_OK, Glob(fs(), P(), deep + "*b", &names, E()));
    EXPECT_TRUE(names.empty());
    EXPECT_LT(NowMs() - began, Network() ? 20000 : 2000);
}

namespace
{

struct Walked {
    Strings folders;
    Strings rows;
    size_t stop_after = SIZE_MAX;
};

int Visit(const char *dir, const polyfs_entry *rows, size_t count, void *user)
{
    Walked *walked = static_cast<Walked *>(user);
    walked->folders.push_back(dir);
    for (size_t i = 0; i < count; i++)
        walked->rows.push_back(rows[i].path);
    return walked->folders.size() >= walked->stop_after;
}

} // namespace

CONFORMANCE_CASE(walk, ParentsFirst)
{
    Walked walked;
    for (const char *name : {"b", "a/y/z", "a/x", "a-b", "c/d/e/f"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    ASSERT_CODE(POLYFS_OK, polyfs_walk(fs(), P().c_str(), nullptr, Visit, &walked, E()));
    EXPECT_EQ((Strings{P(), P("a"), P("a/y"), P("c"), P("c/d"), P("c/d/e")}), walked.folders);
    EXPECT_EQ((Strings{P("a-b"), P("a"), P("b"), P("c"), P("a/x"), P("a/y"), P("a/y/z"), P("c/d"), P("c/d/e"),
                       P("c/d/e/f")}),
              walked.rows);
    for (uint32_t depth = 1; depth < 4; depth++) {
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        Walked some;
        opts.max_depth = depth;
        ASSERT_CODE(POLYFS_OK, polyfs_walk(fs(), P().c_str(), &opts, Visit, &some, E()));
        EXPECT_EQ(depth == 1 ? 1u : depth == 2 ? 3u : 5u, some.folders.size()) << "depth " << depth;
    }
}

CONFORMANCE_CASE(walk, EndsWhenTold)
{
    Walked walked;
    for (const char *name : {"a/x", "b/x", "c/x"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    walked.stop_after = 2;
    EXPECT_CODE(POLYFS_CANCELLED, polyfs_walk(fs(), P().c_str(), nullptr, Visit, &walked, E()));
    EXPECT_EQ(2u, walked.folders.size());
    Walked none;
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_walk(fs(), P("missing").c_str(), nullptr, Visit, &none, E()));
    EXPECT_TRUE(none.folders.empty());
}

/* A folder that cannot be read is an error with its name, never an empty one (filesystem_spec#631). */
CONFORMANCE_CASE(walk, TellsFailures)
{
    for (const char *name : {"a/x", "b/x", "c/x"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    Fs broken = OpenWith("fault=list_next:2+:permission");
    Walked walked;
    EXPECT_CODE(POLYFS_PERMISSION, polyfs_walk(broken.get(), P().c_str(), nullptr, Visit, &walked, E()));
    if (!Chaos()) { /* where call 2 may be the repeat of the first */
        EXPECT_EQ(Strings{P()}, walked.folders);
        EXPECT_NE(std::string::npos, Why().find("/a")) << Why();
    }
}

CONFORMANCE_CASE(walk, Usage)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", Bytes(1000)));
    ASSERT_CODE(POLYFS_OK, Put("d/e/b", Bytes(234)));
    ASSERT_CODE(POLYFS_OK, Put("d2", "not in it"));
    polyfs_usage usage = {77, 77, 77};
    ASSERT_CODE(POLYFS_OK, polyfs_du(fs(), P("d").c_str(), nullptr, &usage, E()));
    EXPECT_EQ(1234u, usage.bytes);
    EXPECT_EQ(2u, usage.objects);
    EXPECT_EQ(1u, usage.folders) << "below it";
    ASSERT_CODE(POLYFS_OK, polyfs_du(fs(), P("d/a").c_str(), nullptr, &usage, E()));
    EXPECT_EQ(1000u, usage.bytes);
    EXPECT_EQ(1u, usage.objects);
    usage = {77, 77, 77};
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_du(fs(), P("missing").c_str(), nullptr, &usage, E()));
    EXPECT_EQ(77u, usage.bytes);
}

} // namespace conformance
