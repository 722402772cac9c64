/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsspec's abstract scenarios of copy, get and put (1a to 2c and the edge cases of glob) as tables, each row on trees of
 * its own. Where fsspec's behaviour is a defect (a folder with one file becomes that file), the row says what polyfs
 * does instead.
 */
#include <algorithm>
#include <sstream>

#include "case.h"

namespace conformance
{

namespace
{

using Strings = std::vector<std::string>;

const char subdir[] = "subdir/nesteddir/nestedfile subdir/subfile1 subdir/subfile2";
const char source_files[] = "file1 file2 subdir/nesteddir/nestedfile subdir/subfile1 subdir/subfile2 "
                            "subdir.txt one/only deep/in/er/leaf";
const char glob_files[] = "file1 file2 subdir0/nesteddir/nestedfile subdir0/subfile1 subdir0/subfile2 "
                          "subdir1/nesteddir/nestedfile subdir1/subfile1 subdir1/subfile2";
const char glob_level2[] = "file1 file2 subdir0/subfile1 subdir0/subfile2 subdir1/subfile1 subdir1/subfile2";
const char glob_subdirs[] = "subdir0/nesteddir/nestedfile subdir0/subfile1 subdir0/subfile2 "
                            "subdir1/nesteddir/nestedfile subdir1/subfile1 subdir1/subfile2";
const char glob_files_of_subdirs[] = "subdir0/subfile1 subdir0/subfile2 subdir1/subfile1 subdir1/subfile2";

/* Sources and target as fsspec's users write them; what is below the target folder afterwards, words separated. */
struct Scenario {
    const char *label;
    const char *sources; /* separated by spaces */
    bool list;
    bool recursive;
    uint32_t depth;
    const char *target; /* below "target", which exists and is empty */
    const char *wanted;
};

const Scenario scenarios[] = {
    {"1a file to folder", "subdir/subfile1", false, false, 0, "", "subfile1"},
    {"1a file to folder/", "subdir/subfile1", false, false, 0, "/", "subfile1"},
    {"1b file to new folder/", "subdir/subfile1", false, false, 0, "/new/", "new/subfile1"},
    {"1c file to file", "subdir/subfile1", false, false, 0, "/newfile", "newfile"},
    {"1d file to file in new folder", "subdir/subfile1", false, false, 0, "/new/newfile", "new/newfile"},
    {"1e folder, not recursive", "subdir", false, false, 0, "/", ""},
    {"1e folder", "subdir", false, true, 0, "/", subdir},
    {"1e folder, target without slash", "subdir", false, true, 0, "", subdir},
    {"1e folder/", "subdir/", false, true, 0, "/", "nesteddir/nestedfile subfile1 subfile2"},
    {"1e folder, one level", "subdir", false, true, 1, "/", "subdir/subfile1 subdir/subfile2"},
    {"1e folder/, one level", "subdir/", false, true, 1, "/", "subfile1 subfile2"},
    {"1f folder to new", "subdir", false, true, 0, "/new", "new/nesteddir/nestedfile new/subfile1 new/subfile2"},
    {"1f folder/ to new/", "subdir/", false, true, 0, "/new/",
     "new/nesteddir/nestedfile new/subfile1 new/subfile2"},
    {"1f folder to new/ nests", "subdir", false, true, 0, "/new/",
     "new/subdir/nesteddir/nestedfile new/subdir/subfile1 new/subdir/subfile2"},
    {"1f folder to new, one level", "subdir", false, true, 1, "/new", "new/subfile1 new/subfile2"},
    {"1g glob to folder", "subdir/*", false, false, 0, "/", "subfile1 subfile2"},
    {"1g glob recursive to folder", "subdir/*", false, true, 0, "", "nesteddir/nestedfile subfile1 subfile2"},
    {"1g glob recursive, one level", "subdir/*", false, true, 1, "/", "subfile1 subfile2"},
    {"1h glob to new", "subdir/*", false, false, 0, "/new", "new/subfile1 new/subfile2"},
    {"1h glob recursive to new/", "subdir/*", false, true, 0, "/new/",
     "new/nesteddir/nestedfile new/subfile1 new/subfile2"},
    {"2a list to folder", "file1 file2 subdir/subfile1", true, false, 0, "/", "file1 file2 subfile1"},
    {"2a list of one to folder", "file1", true, false, 0, "", "file1"},
    {"2b list to new", "file1 file2 subdir/subfile1", true, false, 0, "/new", "new/file1 new/file2 new/subfile1"},
    {"2b list to new/", "file1 file2 subdir/subfile1", true, false, 0, "/new/", "new/file1 new/file2 new/subfile1"},
    {"folder and file of one prefix", "subdir", false, true, 0, "/new",
     "new/nesteddir/nestedfile new/subfile1 new/subfile2"},
    {"a folder with one file stays a folder", "one", false, true, 1, "/new", "new/only"},
    {"and within an existing one", "one", false, true, 1, "", "one/only"},
    {"a folder whose files lie deep keeps its levels", "deep", false, true, 0, "/new", "new/in/er/leaf"},
};

struct GlobCase {
    const char *pattern;
    bool recursive;
    uint32_t depth;
    const char *wanted; /* below the new target folder */
};

const GlobCase glob_cases[] = {
    {"fil?1", false, 0, "file1"},
    {"fil?1", true, 0, "file1"},
    {"file[1-2]", false, 0, "file1 file2"},
    {"file[1-2]", true, 0, "file1 file2"},
    {"*", false, 0, "file1 file2"},
    {"*", true, 0, glob_files},
    {"*", true, 1, "file1 file2"},
    {"*", true, 2, glob_level2},
    {"*1", false, 0, "file1"},
    {"*1", true, 0, "file1 subdir1/nesteddir/nestedfile subdir1/subfile1 subdir1/subfile2"},
    {"*1", true, 2, "file1 subdir1/subfile1 subdir1/subfile2"},
    {"**", false, 0, glob_files},
    {"**", true, 0, glob_files},
    {"**", true, 1, "file1 file2"},
    {"**", true, 2, glob_files}, /* each match is then expanded one level less */
    {"**", false, 2, glob_level2},
    {"**/*1", false, 0, "file1 subdir0/subfile1 subdir1/subfile1"},
    {"**/*1", true, 0, "file1 subdir0/subfile1 subdir1/nesteddir/nestedfile subdir1/subfile1 subdir1/subfile2"},
    {"**/*1", true, 1, "file1"},
    {"**/*1", true, 2, "file1 subdir0/subfile1 subdir1/subfile1 subdir1/subfile2"},
    {"**/*1", false, 2, "file1 subdir0/subfile1 subdir1/subfile1"},
    {"**/subdir0", false, 0, ""},
    {"**/subdir0", true, 0, "nesteddir/nestedfile subfile1 subfile2"},
    {"**/subdir0/nested*", false, 2, ""},
    {"**/subdir0/nested*", true, 2, "nestedfile"},
    {"subdir[1-2]", false, 0, ""},
    {"subdir[1-2]", true, 0, "nesteddir/nestedfile subfile1 subfile2"},
    {"subdir[1-2]", true, 2, "subfile1 subfile2"},
    {"subdir[0-1]", false, 0, ""},
    {"subdir[0-1]", true, 0, glob_subdirs},
    {"subdir[0-1]/*fil[e]*", false, 0, glob_files_of_subdirs},
    {"subdir[0-1]/*fil[e]*", true, 0, glob_files_of_subdirs},
};

Strings Words(const std::string &text)
{
    std::istringstream in(text);
    Strings words;
    for (std::string word; in >> word;)
        words.push_back(word);
    std::sort(words.begin(), words.end());
    return words;
}

/* One end of a transfer: a filesystem and a folder there. */
struct Side {
    polyfs_fs *fs;
    std::string folder;
    bool real;
};

enum class How { kCopy, kGet, kPut };

void MakeTree(const Side &side, const char *files)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = POLYFS_WRITE_PARENTS;
    opts.durability = POLYFS_DURABILITY_NONE;
    for (const std::string &name : Words(files))
        EXPECT_EQ(POLYFS_OK, polyfs_put(side.fs, (side.folder + "/" + name).c_str(), name.data(), name.size(),
                                        &opts, nullptr, nullptr));
}

/* An empty folder; where there are none, one with a file in it that nobody counts. */
void MakeTarget(const Side &side)
{
    if (side.real)
        EXPECT_EQ(POLYFS_OK, polyfs_mkdir(side.fs, side.folder.c_str(), POLYFS_MKDIR_PARENTS, nullptr, nullptr));
    else
        MakeTree(side, "dummy");
}

Strings Files(const Side &side)
{
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    polyfs_lister *raw = nullptr;
    Strings names;
    opts.flags = POLYFS_LS_RECURSIVE;
    EXPECT_EQ(POLYFS_OK, polyfs_list_open(side.fs, side.folder.c_str(), &opts, &raw, nullptr));
    Lister lister(raw);
    for (int rc = POLYFS_MORE; rc == POLYFS_MORE;) {
        const polyfs_entry *rows = nullptr;
        size_t count = 0;
        rc = polyfs_list_next(raw, &rows, &count, nullptr);
        for (size_t i = 0; rc >= 0 && i < count; i++)
            names.push_back(std::string(rows[i].path).substr(side.folder.size() + 1));
    }
    names.erase(std::remove(names.begin(), names.end(), "dummy"), names.end());
    std::sort(names.begin(), names.end());
    return names;
}

int Transfer(How how, const Side &from, const Strings &sources, const Side &to, const Strings &targets,
             const polyfs_bulk_opts &opts, polyfs_bulk_result *result, polyfs_error *err)
{
    std::vector<const char *> names, places;
    for (const std::string &source : sources)
        names.push_back(source.c_str());
    for (const std::string &target : targets)
        places.push_back(target.c_str());
    if (how == How::kGet && places.size() == 1)
        return polyfs_bulk_get(from.fs, names.data(), names.size(), places[0], &opts, result, err);
    if (how == How::kPut && places.size() == 1)
        return polyfs_bulk_put(to.fs, names.data(), names.size(), places[0], &opts, result, err);
    return polyfs_bulk_copy(from.fs, names.data(), names.size(), to.fs, places.data(), places.size(), &opts, result,
                            err);
}

polyfs_bulk_opts Bulk(bool recursive, bool list, uint32_t depth)
{
    polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    opts.flags = (recursive ? POLYFS_BULK_RECURSIVE : 0) | (list ? POLYFS_BULK_SOURCE_LIST : 0);
    opts.max_depth = depth;
    return opts;
}

void Check(How how, const Scenario &row, const Side &from, const Side &to)
{
    Strings sources;
    std::istringstream in(row.sources);
    for (std::string word; in >> word;)
        sources.push_back(from.folder + "/" + word);
    polyfs_bulk_result result = {};
    polyfs_error err = POLYFS_ERROR_INIT;
    result.struct_size = sizeof(result);
    MakeTarget(to);
    int rc = Transfer(how, from, sources, to, {to.folder + row.target}, Bulk(row.recursive, row.list, row.depth),
                      &result, &err);
    EXPECT_EQ(POLYFS_OK, rc) << row.label << ": " << err.message;
    EXPECT_EQ(Words(row.wanted), Files(to)) << row.label;
    EXPECT_EQ(0u, result.items_failed) << row.label;
}

} // namespace

class Fsspec : public Case
{
  public:
    using Case::Case;

  protected:
    void SetUp() override
    {
        Case::SetUp();
        polyfs_fs *raw = nullptr;
        char *path = nullptr;
        ASSERT_CODE(POLYFS_OK, polyfs_fs_open(("file://" + temp_.Path()).c_str(), nullptr, &raw, &path, E()));
        local_fs_.reset(raw);
        local_ = path;
        polyfs_free(path);
    }
    void TearDown() override
    {
        local_fs_.reset();
        Case::TearDown();
    }
    Side Here(const std::string &name)
    {
        return {fs(), P(name), RealDirs()};
    }
    Side There(const std::string &name)
    {
        return {local_fs_.get(), local_ + "/" + name, true};
    }
    Side From(How how, const std::string &name)
    {
        return how == How::kPut ? There(name) : Here(name);
    }
    Side To(How how, const std::string &name)
    {
        return how == How::kGet ? There(name) : Here(name);
    }
    /* Where a folder cannot be kept to, that is told before anything is written. */
    bool ProvenRefused(How how)
    {
        Side from = From(how, "source"), to = To(how, "refused");
        if (Confines(to.fs, to.folder))
            return false;
        MakeTree(from, source_files);
        MakeTarget(to);
        EXPECT_CODE(POLYFS_UNSUPPORTED, Transfer(how, from, {from.folder + "/subdir"}, to, {to.folder + "/"},
                                                 Bulk(true, false, 0), nullptr, E()));
        EXPECT_EQ(Strings{}, Files(to));
        return true;
    }
    void RunScenarios(How how)
    {
        unsigned number = 0;
        if (ProvenRefused(how))
            return;
        MakeTree(From(how, "source"), source_files);
        for (const Scenario &row : scenarios)
            Check(how, row, From(how, "source"), To(how, "target" + std::to_string(number++)));
    }
    void RunGlobs(How how)
    {
        unsigned number = 0;
        if (ProvenRefused(how))
            return;
        MakeTree(From(how, "globs"), glob_files);
        for (const GlobCase &row : glob_cases) {
            for (const char *target : {"/new", "/new/"}) {
                std::string wanted, label = std::string(row.pattern) + (row.recursive ? " recursive " : " ") +
                                            std::to_string(row.depth) + " to " + target;
                for (const std::string &name : Words(row.wanted))
                    wanted += "new/" + name + " ";
                Check(how, {label.c_str(), row.pattern, false, row.recursive, row.depth, target, wanted.c_str()},
                      From(how, "globs"), To(how, "globbed" + std::to_string(number++)));
            }
        }
    }
    void RunRefusals(How how);

  private:
    TempFolder temp_;
    Fs local_fs_;
    std::string local_;
};

void Fsspec::RunRefusals(How how)
{
    Side from = From(how, "source"), to = To(how, "refused");
    MakeTree(from, source_files);
    MakeTarget(to);
    auto at = [&](const char *name) { return from.folder + "/" + name; };
    const std::string target = to.folder + "/";
    polyfs_bulk_opts plain = Bulk(false, false, 0), deep = Bulk(true, false, 0);
    EXPECT_CODE(POLYFS_NOT_FOUND, Transfer(how, from, {at("missing")}, to, {target}, plain, nullptr, E()));
    EXPECT_CODE(POLYFS_NOT_FOUND, Transfer(how, from, {at("missing")}, to, {target}, deep, nullptr, E()));
    EXPECT_CODE(POLYFS_NOT_FOUND, Transfer(how, from, {at("none*")}, to, {target}, plain, nullptr, E()));
    MakeTree(from, "again/file1");
    EXPECT_CODE(POLYFS_INVALID,
                Transfer(how, from, {at("file1"), at("again/file1")}, to, {target}, plain, nullptr, E()))
        << "two sources with one target";
    EXPECT_EQ(Strings{}, Files(to)) << "nothing is written before that is known";
}

#define FSSPEC_CASE(name, call)                                                                                    \
    namespace                                                                                                      \
    {                                                                                                              \
    class fsspec_##name final : public Fsspec                                                                      \
    {                                                                                                              \
      public:                                                                                                      \
        using Fsspec::Fsspec;                                                                                      \
        void TestBody() override                                                                                   \
        {                                                                                                          \
            call;                                                                                                  \
        }                                                                                                          \
    };                                                                                                             \
    [[maybe_unused]] const bool fsspec_##name##_added =                                                            \
        AddCase({"fsspec", #name, __FILE__, __LINE__, false, Always,                                               \
                 [](const Subject &subject) -> Case * { return new fsspec_##name(subject); }});                    \
    }

FSSPEC_CASE(Copy, RunScenarios(How::kCopy))
FSSPEC_CASE(Get, RunScenarios(How::kGet))
FSSPEC_CASE(Put, RunScenarios(How::kPut))
FSSPEC_CASE(CopyGlobs, RunGlobs(How::kCopy))
FSSPEC_CASE(GetGlobs, RunGlobs(How::kGet))
FSSPEC_CASE(PutGlobs, RunGlobs(How::kPut))
FSSPEC_CASE(CopyRefusals, RunRefusals(How::kCopy))
FSSPEC_CASE(GetRefusals, RunRefusals(How::kGet))
FSSPEC_CASE(PutRefusals, RunRefusals(How::kPut))

/* 2c: a list to a list keeps its order, and lists of different lengths are refused. */
CONFORMANCE_CASE(fsspec, ListToList)
{
    MakeTree({fs(), P("source"), RealDirs()}, source_files);
    MakeTarget({fs(), P("target"), RealDirs()});
    std::string a = P("source/file1"), b = P("source/subdir/subfile1"), x = P("target/x"), y = P("target/y");
    const char *sources[] = {b.c_str(), a.c_str()}, *targets[] = {x.c_str(), y.c_str()};
    polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    opts.flags = POLYFS_BULK_SOURCE_LIST | POLYFS_BULK_TARGET_LIST;
    EXPECT_CODE(POLYFS_INVALID, polyfs_bulk_copy(fs(), sources, 1, fs(), targets, 2, &opts, nullptr, E()));
    EXPECT_EQ(0, Exists("target/x"));
    ASSERT_CODE(POLYFS_OK, polyfs_bulk_copy(fs(), sources, 2, fs(), targets, 2, &opts, nullptr, E()));
    EXPECT_EQ("subdir/subfile1", Get("target/x"));
    EXPECT_EQ("file1", Get("target/y"));
}

/* A file that is literally named like a pattern, taken as it is. */
CONFORMANCE_CASE(fsspec, LiteralNames)
{
    int rc = Put("source/a[1]", "bytes");
    if (rc != POLYFS_OK) {
        EXPECT_ANY_CODE(rc, POLYFS_INVALID, POLYFS_UNSUPPORTED);
        return;
    }
    std::string source = P("source/a[1]"), target = P("copied");
    const char *sources[] = {source.c_str()}, *targets[] = {target.c_str()};
    polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_bulk_copy(fs(), sources, 1, fs(), targets, 1, &opts, nullptr, E()));
    opts.flags = POLYFS_BULK_LITERAL;
    ASSERT_CODE(POLYFS_OK, polyfs_bulk_copy(fs(), sources, 1, fs(), targets, 1, &opts, nullptr, E()));
    EXPECT_EQ("bytes", Get("copied"));
}

} // namespace conformance
