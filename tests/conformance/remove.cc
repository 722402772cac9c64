/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing and folders: one object, many, whole trees and nothing beside them; mkdir and rmdir with every answer that
 * they have, on stores with real folders and on those where a folder is what its objects' names make of it.
 */
#include "case.h"

namespace conformance
{

using Strings = std::vector<std::string>;

CONFORMANCE_CASE(remove, Object)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "x"));
    ASSERT_CODE(POLYFS_OK, Put("ab", "y"));
    EXPECT_CODE(POLYFS_OK, Remove("a"));
    EXPECT_EQ(0, Exists("a"));
    EXPECT_EQ(Strings{"ab"}, Names());
}

CONFORMANCE_CASE(remove, Missing)
{
    if (store().tells_absent) {
        EXPECT_CODE(POLYFS_NOT_FOUND, Remove("missing"));
        EXPECT_CODE(POLYFS_NOT_FOUND, Remove("no/such"));
    } else {
        EXPECT_ANY_CODE(Remove("missing"), POLYFS_NOT_FOUND, POLYFS_OK);
    }
    ASSERT_CODE(POLYFS_OK, Put("a", "x"));
    ASSERT_CODE(POLYFS_OK, Remove("a"));
    EXPECT_ANY_CODE(Remove("a"), POLYFS_NOT_FOUND, store().tells_absent ? POLYFS_NOT_FOUND : POLYFS_OK);
}

CONFORMANCE_CASE(remove, Folder)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", "x"));
    if (RealDirs())
        EXPECT_CODE(POLYFS_IS_DIR, Remove("d"));
    else
        EXPECT_ANY_CODE(Remove("d"), POLYFS_IS_DIR, POLYFS_NOT_FOUND,
                        store().tells_absent ? POLYFS_NOT_FOUND : POLYFS_OK);
    EXPECT_EQ("x", Get("d/a"));
}

CONFORMANCE_CASE(remove, UnknownFlagIsRefused)
{
    polyfs_remove_opts opts = POLYFS_REMOVE_OPTS_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "x"));
    opts.flags = 1;
    EXPECT_CODE(POLYFS_UNSUPPORTED, Remove("a", &opts));
    EXPECT_EQ(1, Exists("a"));
}

CONFORMANCE_CASE(remove, Many)
{
    const unsigned count = Many(1500, 60);
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.durability = POLYFS_DURABILITY_NONE;
    Strings paths;
    for (unsigned i = 0; i < count; i++) {
        paths.push_back(P("n" + std::to_string(i)));
        if (i % 10 != 3) {
            ASSERT_CODE(POLYFS_OK, Put("n" + std::to_string(i), "x", &opts));
        }
    }
    ASSERT_CODE(POLYFS_OK, Put("stays", "x"));
    std::vector<const char *> names;
    for (const std::string &path : paths)
        names.push_back(path.c_str());
    std::vector<int> codes(count, 77);
    EXPECT_CODE(POLYFS_OK, polyfs_remove_many(fs(), names.data(), count, nullptr, codes.data(), E()));
    EXPECT_EQ(std::vector<int>(count, POLYFS_OK), codes) << "one that is not there counts as removed";
    EXPECT_EQ(Strings{"stays"}, Names());
    EXPECT_CODE(POLYFS_OK, polyfs_remove_many(fs(), names.data(), 0, nullptr, nullptr, E()));
    EXPECT_CODE(POLYFS_OK, polyfs_remove_many(fs(), names.data(), 2, nullptr, nullptr, E())) << "without codes";
}

CONFORMANCE_CASE(remove, ManyWithAFailure)
{
    for (const char *name : {"a", "d/x", "z"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    if (!RealDirs()) {
        Strings wanted = {"d/"};
        std::string a = P("a"), z = P("z");
        const char *names[] = {a.c_str(), z.c_str()};
        EXPECT_CODE(POLYFS_OK, polyfs_remove_many(fs(), names, 2, nullptr, nullptr, E()));
        EXPECT_EQ(wanted, Names());
        return;
    }
    std::string paths[] = {P("a"), P("d"), P("z")};
    const char *names[] = {paths[0].c_str(), paths[1].c_str(), paths[2].c_str()};
    int codes[3] = {77, 77, 77};
    EXPECT_CODE(POLYFS_IS_DIR, polyfs_remove_many(fs(), names, 3, nullptr, codes, E()));
    EXPECT_CODE(POLYFS_OK, codes[0]);
    EXPECT_CODE(POLYFS_IS_DIR, codes[1]);
    EXPECT_CODE(POLYFS_OK, codes[2]);
    EXPECT_EQ(Strings{"d/"}, Names());
}

CONFORMANCE_CASE(remove, Tree)
{
    for (const char *name : {"d/a", "d/b/c", "d/b/e/f", "d-x", "d.x", "d0", "dd/a"})
        ASSERT_CODE(POLYFS_OK, Put(name, name));
    if (RealDirs()) {
        ASSERT_CODE(POLYFS_OK, Mkdir("d/empty"));
    }
    EXPECT_CODE(POLYFS_OK, polyfs_remove_tree(fs(), P("d").c_str(), nullptr, E()));
    ExpectFolderGone("d");
    EXPECT_EQ((Strings{"d-x", "d.x", "d0", "dd/a"}), Names("", POLYFS_LS_RECURSIVE))
        << "what only begins alike stays";
    EXPECT_CODE(POLYFS_OK, polyfs_remove_tree(fs(), P("dd/").c_str(), nullptr, E())) << "with '/' at the end";
    ExpectFolderGone("dd");
}

CONFORMANCE_CASE(remove, TreeOfManyObjects)
{
    const unsigned count = Many(2300, 60);
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.durability = POLYFS_DURABILITY_NONE;
    opts.flags = POLYFS_WRITE_PARENTS;
    for (unsigned i = 0; i < count; i++)
        ASSERT_CODE(POLYFS_OK, Put("d/" + std::to_string(i % 7) + "/" + std::to_string(i), "x", &opts));
    EXPECT_CODE(POLYFS_OK, polyfs_remove_tree(fs(), P("d").c_str(), nullptr, E()));
    ExpectFolderGone("d");
    ExpectNothingLeft();
}

CONFORMANCE_CASE(remove, TreeOfOneObjectAndOfNothing)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "x"));
    ASSERT_CODE(POLYFS_OK, Put("ab", "x"));
    EXPECT_CODE(POLYFS_OK, polyfs_remove_tree(fs(), P("a").c_str(), nullptr, E()));
    EXPECT_EQ(Strings{"ab"}, Names());
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_remove_tree(fs(), P("missing").c_str(), nullptr, E()));
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_remove_tree(fs(), P("no/such").c_str(), nullptr, E()));
}

/* A link in a tree is removed, what it leads to is not entered. */
CONFORMANCE_CASE(remove, TreeWithALink)
{
    ASSERT_CODE(POLYFS_OK, Put("outside/a", "kept"));
    ASSERT_CODE(POLYFS_OK, Put("d/b", "x"));
    if (!store().make_link) {
        EXPECT_NE(POLYFS_YES, Fact(POLYFS_FACT_LINKS)) << "links exist, but the test cannot make one";
        EXPECT_CODE(POLYFS_OK, polyfs_remove_tree(fs(), P("d").c_str(), nullptr, E()));
        EXPECT_EQ("kept", Get("outside/a"));
        return;
    }
    Text to(polyfs_fs_url(fs(), P("outside").c_str())), from(polyfs_fs_url(fs(), P("d/link").c_str()));
    ASSERT_EQ(0, store().make_link(to.get(), from.get()));
    EXPECT_EQ("kept", Get("d/link/a")) << "links are followed";
    EXPECT_CODE(POLYFS_OK, polyfs_remove_tree(fs(), P("d").c_str(), nullptr, E()));
    ExpectFolderGone("d");
    EXPECT_EQ("kept", Get("outside/a"));
}

CONFORMANCE_CASE(remove, AVersion)
{
    StatInfo first = POLYFS_STAT_INIT, second = POLYFS_STAT_INIT;
    polyfs_remove_opts opts = POLYFS_REMOVE_OPTS_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "first", nullptr, &first));
    ASSERT_CODE(POLYFS_OK, Put("a", "second", nullptr, &second));
    opts.version = second.version[0] ? second.version : "1";
    int rc = Remove("a", &opts);
    if (!Yes(POLYFS_FACT_VERSIONS)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        EXPECT_EQ("second", Get("a"));
        return;
    }
    EXPECT_CODE(POLYFS_OK, rc);
    EXPECT_EQ("first", Get("a")) << "the one before it is the latest now";
    StatInfo gone;
    EXPECT_CODE(POLYFS_NOT_FOUND, Stat("a", &gone, second.version));
    ASSERT_CODE(POLYFS_OK, Remove("a"));
    EXPECT_EQ(0, Exists("a"));
    EXPECT_CODE(POLYFS_OK, Stat("a", &gone, first.version)) << "a delete marker hides it, the version is there";
}

/* ---- folders ----------------------------------------------------------------------------------------------- */

CONFORMANCE_CASE(folders, Mkdir)
{
    uint64_t before = Requests();
    ASSERT_CODE(POLYFS_OK, Mkdir("d"));
    if (!RealDirs()) {
        EXPECT_EQ(before, Requests()) << "nothing is sent";
        EXPECT_EQ(0, Exists("d"));
        ExpectNothingLeft();
        return;
    }
    StatInfo stat;
    ASSERT_CODE(POLYFS_OK, Stat("d", &stat));
    EXPECT_EQ(static_cast<uint32_t>(POLYFS_TYPE_DIR), stat.type);
    EXPECT_EQ(0u, stat.size);
    EXPECT_CODE(POLYFS_OK, Stat("d/", &stat)) << "with '/' at the end";
    EXPECT_CODE(POLYFS_EXISTS, Mkdir("d"));
    EXPECT_CODE(POLYFS_OK, Mkdir("d", POLYFS_MKDIR_EXIST_OK));
    EXPECT_CODE(POLYFS_NOT_FOUND, Mkdir("x/y"));
    EXPECT_EQ(0, Exists("x"));
    EXPECT_CODE(POLYFS_OK, Mkdir("x/y/z", POLYFS_MKDIR_PARENTS));
    EXPECT_CODE(POLYFS_EXISTS, Mkdir("x/y/z", POLYFS_MKDIR_PARENTS));
    EXPECT_CODE(POLYFS_OK, Mkdir("x/y/z/", POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK));
    EXPECT_EQ((Strings{"d/", "x/", "x/y/", "x/y/z/"}), Names("", POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS));
}

CONFORMANCE_CASE(folders, MkdirWhereAnObjectIs)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "x"));
    if (RealDirs()) {
        EXPECT_ANY_CODE(Mkdir("a"), POLYFS_EXISTS, POLYFS_NOT_DIR);
        EXPECT_ANY_CODE(Mkdir("a", POLYFS_MKDIR_EXIST_OK), POLYFS_EXISTS, POLYFS_NOT_DIR);
        EXPECT_CODE(POLYFS_NOT_DIR, Mkdir("a/b"));
        EXPECT_ANY_CODE(Mkdir("a/b/c", POLYFS_MKDIR_PARENTS), POLYFS_EXISTS, POLYFS_NOT_DIR);
    } else {
        EXPECT_CODE(POLYFS_OK, Mkdir("a/b"));
    }
    EXPECT_EQ("x", Get("a"));
    EXPECT_EQ(Strings{"a"}, Names());
}

CONFORMANCE_CASE(folders, UnknownFlagIsRefused)
{
    EXPECT_CODE(POLYFS_UNSUPPORTED, Mkdir("d", UINT32_C(1) << 30));
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_rmdir(fs(), P("d").c_str(), UINT32_C(1) << 30, nullptr, E()));
    ExpectNothingLeft();
}

CONFORMANCE_CASE(folders, Rmdir)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", "x"));
    ASSERT_CODE(POLYFS_OK, Put("file", "x"));
    if (!RealDirs()) {
        EXPECT_ANY_CODE(polyfs_rmdir(fs(), P("d").c_str(), 0, nullptr, E()), POLYFS_NOT_EMPTY, POLYFS_OK);
        EXPECT_EQ("x", Get("d/a")) << "never more than the folder";
        return;
    }
    EXPECT_CODE(POLYFS_NOT_EMPTY, polyfs_rmdir(fs(), P("d").c_str(), 0, nullptr, E()));
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_rmdir(fs(), P("missing").c_str(), 0, nullptr, E()));
    EXPECT_CODE(POLYFS_NOT_DIR, polyfs_rmdir(fs(), P("file").c_str(), 0, nullptr, E()));
    ASSERT_CODE(POLYFS_OK, Remove("d/a"));
    EXPECT_EQ(1, Exists("d")) << "a folder stays when its last object goes";
    EXPECT_CODE(POLYFS_OK, polyfs_rmdir(fs(), P("d").c_str(), 0, nullptr, E()));
    EXPECT_EQ(Strings{"file"}, Names());
}

CONFORMANCE_CASE(folders, PrefixIsAFolder)
{
    ASSERT_CODE(POLYFS_OK, Put("d/e/a", "x"));
    StatInfo stat;
    for (const char *name : {"d", "d/", "d/e"}) {
        ASSERT_CODE(POLYFS_OK, Stat(name, &stat)) << name;
        EXPECT_EQ(static_cast<uint32_t>(POLYFS_TYPE_DIR), stat.type);
        EXPECT_EQ(0u, stat.size);
        EXPECT_EQ(1, Exists(name));
    }
    EXPECT_EQ(0, Exists("d/a")) << "not one level up";
    EXPECT_EQ(0, Exists("d/ea"));
    EXPECT_EQ(0, Exists("de"));
    ASSERT_CODE(POLYFS_OK, Remove("d/e/a"));
    if (RealDirs()) {
        EXPECT_EQ(1, Exists("d"));
    } else {
        ExpectFolderGone("d");
    }
}

CONFORMANCE_CASE(folders, StatMany)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "123"));
    ASSERT_CODE(POLYFS_OK, Put("d/b", "12345"));
    std::string paths[] = {P("a"), P("missing"), P("d/b"), P("d")};
    const char *names[] = {paths[0].c_str(), paths[1].c_str(), paths[2].c_str(), paths[3].c_str()};
    StatInfo stats[4] = {POLYFS_STAT_INIT, POLYFS_STAT_INIT, POLYFS_STAT_INIT, POLYFS_STAT_INIT};
    std::string untouched = Image(stats[1]);
    int codes[4] = {77, 77, 77, 77};
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_stat_many(fs(), names, 4, nullptr, stats, codes, E()));
    EXPECT_NE(std::string::npos, Why().find("missing"));
    EXPECT_CODE(POLYFS_OK, codes[0]);
    EXPECT_CODE(POLYFS_NOT_FOUND, codes[1]);
    EXPECT_CODE(POLYFS_OK, codes[2]);
    EXPECT_CODE(POLYFS_OK, codes[3]);
    EXPECT_EQ(3u, stats[0].size);
    EXPECT_EQ(untouched, Image(stats[1]));
    EXPECT_EQ(5u, stats[2].size);
    EXPECT_EQ(static_cast<uint32_t>(POLYFS_TYPE_DIR), stats[3].type);
}

} // namespace conformance
