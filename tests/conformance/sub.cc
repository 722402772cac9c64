/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filesystems rooted at a folder of another: paths are relative to it, and a confined one has no way out, neither by
 * "..", nor by an absolute path, nor by a link.
 */
#include "case.h"

namespace conformance
{

namespace
{

std::string GetOf(const Fs &fs, const std::string &path)
{
    void *data = nullptr;
    size_t n = 0;
    int rc = polyfs_get_all(fs.get(), path.c_str(), nullptr, &data, &n, nullptr, nullptr);
    std::string bytes =
        rc == POLYFS_OK ? std::string(static_cast<char *>(data), n) : std::string("<") + polyfs_code_name(rc) + ">";
    polyfs_free(data);
    return bytes;
}

} // namespace

/* Opens the sub filesystem of a name into `var`, or ends the case where the store proves that it has none. */
#define OPEN_SUB(var, name, flags)                                                                                 \
    polyfs_fs *var##_raw = nullptr;                                                                                \
    int var##_rc = polyfs_fs_sub(fs(), P(name).c_str(), flags, nullptr, &var##_raw, E());                          \
    Fs var(var##_raw);                                                                                             \
    if (var##_rc == POLYFS_UNSUPPORTED && ((flags) == 0 || No(POLYFS_FACT_CONFINE)))                               \
        return;                                                                                                    \
    ASSERT_CODE(POLYFS_OK, var##_rc)

CONFORMANCE_CASE(sub, PathsAreRelative)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", "in d"));
    ASSERT_CODE(POLYFS_OK, Put("d/e/b", "in e"));
    ASSERT_CODE(POLYFS_OK, Put("a", "outside"));
    OPEN_SUB(sub, "d", 0);
    EXPECT_EQ("in d", GetOf(sub, "a"));
    EXPECT_EQ("in e", GetOf(sub, "e/b"));
    EXPECT_CODE(POLYFS_OK, polyfs_put(sub.get(), "new", "x", 1, nullptr, nullptr, E()));
    EXPECT_EQ("x", Get("d/new"));
    Text url(polyfs_fs_url(sub.get(), "a")), full(polyfs_fs_url(fs(), P("d/a").c_str()));
    EXPECT_STREQ(full.get(), url.get());
    polyfs_lister *raw = nullptr;
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    opts.flags = POLYFS_LS_RECURSIVE;
    ASSERT_CODE(POLYFS_OK, polyfs_list_open(sub.get(), "", &opts, &raw, E()));
    Lister lister(raw);
    std::vector<std::string> names;
    const polyfs_entry *rows = nullptr;
    size_t count = 0;
    for (int rc = POLYFS_MORE; rc == POLYFS_MORE;) {
        rc = polyfs_list_next(raw, &rows, &count, E());
        ASSERT_GE(rc, 0) << Why();
        for (size_t i = 0; i < count; i++)
            names.push_back(rows[i].path);
    }
    EXPECT_EQ((std::vector<std::string>{"a", "e/b", "new"}), names);
}

/* A name without a '/' is a bucket's at the top of some stores, and nobody's here. */
CONFORMANCE_CASE(sub, ListsWhatIsMissing)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", "in d"));
    OPEN_SUB(sub, "d", 0);
    for (const char *name : {"missing", "missing/"}) {
        polyfs_lister *raw = nullptr;
        const polyfs_entry *rows = nullptr;
        size_t count = 0;
        int rc = polyfs_list_open(sub.get(), name, nullptr, &raw, E());
        Lister lister(raw);
        if (rc == POLYFS_OK)
            rc = polyfs_list_next(raw, &rows, &count, E());
        EXPECT_CODE(POLYFS_NOT_FOUND, rc) << name;
    }
}

CONFORMANCE_CASE(sub, OfNoFolder)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "object"));
    polyfs_fs *raw = nullptr;
    int missing = polyfs_fs_sub(fs(), P("missing").c_str(), 0, nullptr, &raw, E());
    if (RealDirs()) {
        EXPECT_ANY_CODE(missing, POLYFS_NOT_FOUND, POLYFS_UNSUPPORTED);
        EXPECT_ANY_CODE(polyfs_fs_sub(fs(), P("a").c_str(), 0, nullptr, &raw, E()), POLYFS_NOT_DIR,
                        POLYFS_UNSUPPORTED);
        EXPECT_EQ(nullptr, raw);
    } else {
        polyfs_fs_close(raw);
    }
    raw = nullptr;
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_fs_sub(fs(), P().c_str(), UINT32_C(1) << 30, nullptr, &raw, E()));
    EXPECT_EQ(nullptr, raw);
}

CONFORMANCE_CASE(sub, ConfinedHasNoWayOut)
{
    ASSERT_CODE(POLYFS_OK, Put("secret", "outside"));
    ASSERT_CODE(POLYFS_OK, Put("jail/in", "inside"));
    ASSERT_CODE(POLYFS_OK, Put("jail/e/f", "deeper"));
    OPEN_SUB(jail, "jail", POLYFS_SUB_CONFINE);
    EXPECT_EQ("inside", GetOf(jail, "in"));
    EXPECT_EQ("deeper", GetOf(jail, "e/f"));
    for (const std::string &path :
         {std::string("../secret"), std::string("e/../../secret"), P("secret"), std::string("/../secret"),
          std::string("./../secret"), std::string("e//../../secret")}) {
        EXPECT_NE("outside", GetOf(jail, path)) << path;
        polyfs_remove(jail.get(), path.c_str(), nullptr, nullptr);
        polyfs_put(jail.get(), path.c_str(), "evil", 4, nullptr, nullptr, nullptr);
        polyfs_rename(jail.get(), "in", path.c_str(), 0, nullptr, nullptr);
        EXPECT_EQ("outside", Get("secret")) << path;
    }
    EXPECT_EQ((std::vector<std::string>{"jail/", "secret"}), Names()) << "nothing came out";
}

CONFORMANCE_CASE(sub, ConfinedFollowsNoLink)
{
    ASSERT_CODE(POLYFS_OK, Put("outside/secret", "outside"));
    ASSERT_CODE(POLYFS_OK, Put("jail/in", "inside"));
    OPEN_SUB(jail, "jail", POLYFS_SUB_CONFINE);
    if (!store().make_link) {
        EXPECT_NE(POLYFS_YES, Fact(POLYFS_FACT_LINKS)) << "links exist, but the test cannot make one";
        return;
    }
    auto link = [this](const char *target, const char *name) {
        Text to(polyfs_fs_url(fs(), P(target).c_str())), from(polyfs_fs_url(fs(), P(name).c_str()));
        return store().make_link(to.get(), from.get());
    };
    ASSERT_EQ(0, link("outside", "jail/folder"));
    ASSERT_EQ(0, link("outside/secret", "jail/file"));
    ASSERT_EQ(0, link("outside/planted", "jail/new"));
    EXPECT_NE("outside", GetOf(jail, "folder/secret"));
    EXPECT_NE("outside", GetOf(jail, "file"));
    for (const char *name : {"folder/secret", "file", "new", "folder/planted"})
        polyfs_put(jail.get(), name, "evil", 4, nullptr, nullptr, E());
    EXPECT_EQ("outside", Get("outside/secret"));
    EXPECT_EQ((std::vector<std::string>{"outside/secret"}), Names("outside")) << "nothing was planted";
}

} // namespace conformance
