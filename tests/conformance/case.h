/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a case is made of: the fixture with a folder of its own, short forms of the verbs, owners of handles, and the
 * macros that add a case to the catalogue. Helpers keep the last error, so that a failed check prints it.
 */
#ifndef POLYFS_CONFORMANCE_CASE_H
#define POLYFS_CONFORMANCE_CASE_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conformance.h"
#include "handles.h"

namespace conformance
{

using namespace handles;

/* In C these names are those of functions too. */
using StatInfo = struct polyfs_stat;
using CapsInfo = struct polyfs_caps;
using FsStats = struct polyfs_fs_stats;
using RuntimeStats = struct polyfs_runtime_stats;
using Checksum = struct polyfs_checksum;

/* A row of a listing that outlives its page. */
struct Row {
    std::string path;
    uint32_t type, flags;
    uint64_t size;
    int64_t mtime_ns;
    std::string etag, version;
};

/* What a case runs on: the store, and for cases of writing the shape. */
struct Subject {
    const Store *store;
    uint32_t shape;
};

class Case : public testing::Test
{
  public:
    explicit Case(const Subject &subject) : subject_(subject)
    {
    }

  protected:
    void SetUp() override;
    void TearDown() override;

    polyfs_fs *fs() const
    {
        return fs_.get();
    }
    const Store &store() const
    {
        return *subject_.store;
    }
    uint32_t shape() const
    {
        return subject_.shape;
    }
    const CapsInfo &caps() const
    {
        return caps_;
    }

    /* Path of a name in the case's own folder; the folder itself for "". */
    std::string P(const std::string &name = "") const;
    /* A clean error struct for the next call, which Why() then tells. */
    polyfs_error *E();
    std::string Why() const;

    uint8_t Fact(uint32_t fact) const
    {
        return caps_.fact[fact];
    }
    bool Yes(uint32_t fact) const
    {
        return Fact(fact) == POLYFS_YES || Fact(fact) == POLYFS_EMULATED;
    }
    bool No(uint32_t fact) const
    {
        return Fact(fact) == POLYFS_NO;
    }
    /* Has a folder to be there before anything is written into it? */
    bool NeedsFolders() const
    {
        return RealDirs() && !store().makes_folders;
    }
    bool RealDirs() const
    {
        return Fact(POLYFS_FACT_REAL_DIRS) == POLYFS_YES;
    }
    bool Network() const
    {
        return Fact(POLYFS_FACT_NETWORK) != POLYFS_NO;
    }
    /* May a bulk verb write below a folder of this filesystem? It must keep what it writes there. */
    bool Confines(polyfs_fs *fs, const std::string &folder);
    bool SameProcess() const
    {
        return store().same_process;
    }
    /* A number for cases with many objects: smaller where each is a request. */
    unsigned Many(unsigned local, unsigned remote) const
    {
        return Network() ? remote : local;
    }

    void DescriptorsAreNotCounted()
    {
        fds_before_ = SIZE_MAX;
    }

    /* Verbs on names in the case's folder. Without opts, Put makes missing folders. */
    int Put(const std::string &name, const std::string &bytes, const polyfs_write_opts *opts = nullptr,
            StatInfo *out = nullptr);
    std::string Get(const std::string &name);
    int Stat(const std::string &name, StatInfo *out, const char *version = nullptr);
    std::string Etag(const std::string &name);
    int Exists(const std::string &name); /* 1, 0 or a code */
    int Mkdir(const std::string &name, uint32_t flags = 0);
    int Remove(const std::string &name, const polyfs_remove_opts *opts = nullptr);
    int List(const std::string &name, const polyfs_list_opts *opts, std::vector<Row> *out);
    /* Names in a folder, relative to the case's folder, folders with '/' behind. Fails the case on an error. */
    std::vector<std::string> Names(const std::string &name = "", uint32_t flags = 0);
    std::string Relative(const Row &row) const;
    Reader OpenReader(const std::string &name, const polyfs_read_opts *opts = nullptr);
    Writer OpenWriter(const std::string &name, const polyfs_write_opts *opts = nullptr);
    int Write(const Writer &writer, const std::string &bytes);
    int Commit(const Writer &writer, StatInfo *out = nullptr);
    /* Opens, writes and commits by the shape of this case. */
    int PutShaped(const std::string &name, const std::string &bytes, const polyfs_write_opts *opts = nullptr);
    /* The same store once more, with one more option. */
    Fs OpenWith(const std::string &option);
    /* An instance none of whose requests has succeeded asks only twice, so that mistakes are told at once; where requests
     * fail by chance (chaos), that is not enough. Asks for what is there until it is told. */
    void Warm(const Fs &other, const std::string &name);
    /* Another instance of the same store. */
    Fs OpenAnother()
    {
        return OpenWith("attempts=13");
    }
    /* Nothing at all is in the case's folder, staging included. */
    void ExpectNothingLeft();
    /* A folder went with its last object; some servers list it for a while still. */
    void ExpectFolderGone(const std::string &name);
    /* On a store with versions: removes all of them for good. */
    void Purge();
    uint64_t Requests() const;

  private:
    const Subject subject_;
    Fs fs_;
    std::string root_;
    CapsInfo caps_ = {};
    polyfs_error err_ = POLYFS_ERROR_INIT;
    RuntimeStats before_ = {};
    size_t fds_before_ = 0;
};

/* Bytes of the memory budget that are in use. */
uint64_t UsedNow();

/* Reproducible bytes; no two seeds give the same. */
std::string Bytes(size_t size, uint64_t seed = 1);
int64_t NowMs();
/* A number from the environment, or the default. */
uint64_t EnvNumber(const char *name, uint64_t value);
/* Requests fail on their way (POLYFS_CONFORM_CHAOS): what counts attempts cannot be told. */
bool Chaos();
Fs OpenStore(const Store &store, const std::string &option, std::string *path, polyfs_error *err);
const char *ShapeName(uint32_t shape);
/* Bytes of a struct, to see that nobody touched it. */
template <typename T> std::string Image(const T &value)
{
    return std::string(reinterpret_cast<const char *>(&value), sizeof(value));
}

testing::AssertionResult IsCode(const char *, const char *call, int expected, int code);
testing::AssertionResult IsAnyOf(const char *, const char *call, const std::vector<int> &codes, int code);

#define EXPECT_CODE(expected, call) EXPECT_PRED_FORMAT2(::conformance::IsCode, expected, call) << Why()
#define ASSERT_CODE(expected, call) ASSERT_PRED_FORMAT2(::conformance::IsCode, expected, call) << Why()
#define EXPECT_ANY_CODE(call, ...)                                                                                 \
    EXPECT_PRED_FORMAT2(::conformance::IsAnyOf, (std::vector<int>{__VA_ARGS__}), call) << Why()

/* Ends a case whose precondition cannot be made on this store, and only such a one. */
#define NEEDS_NESTED_NAMES()                                                                                       \
    if (!RealDirs() && !store().nested_names)                                                                      \
    NOT_APPLICABLE("an object hides the names below it on this server")
#define NOT_APPLICABLE(why) GTEST_SKIP() << "n/a: " << (why)

/* ---- the catalogue ------------------------------------------------------------------------------------------ */

struct CatalogueRow {
    const char *group, *name, *file;
    int line;
    bool per_shape;
    bool (*wanted)(const Store &);
    Case *(*make)(const Subject &);
};

bool AddCase(const CatalogueRow &row);
const std::vector<CatalogueRow> &Catalogue();
inline bool Always(const Store &)
{
    return true;
}

#define CONFORMANCE_ROW(group, name, per_shape, wanted)                                                            \
    namespace                                                                                                      \
    {                                                                                                              \
    class group##_##name final : public ::conformance::Case                                                        \
    {                                                                                                              \
      public:                                                                                                      \
        using Case::Case;                                                                                          \
        void TestBody() override;                                                                                  \
    };                                                                                                             \
    [[maybe_unused]] const bool group##_##name##_added =                                                           \
        ::conformance::AddCase({#group, #name, __FILE__, __LINE__, per_shape, wanted,                              \
                                [](const ::conformance::Subject &subject) -> ::conformance::Case * {               \
                                    return new group##_##name(subject);                                            \
                                }});                                                                               \
    }                                                                                                              \
    void group##_##name::TestBody()

#define CONFORMANCE_CASE(group, name) CONFORMANCE_ROW(group, name, false, ::conformance::Always)
/* Runs once per shape of writing that the store declares. */
#define CONFORMANCE_SHAPE_CASE(group, name) CONFORMANCE_ROW(group, name, true, ::conformance::Always)
/* Is there only when `wanted(store)` says so: for cases that the environment asks for. */
#define CONFORMANCE_CASE_IF(group, name, wanted) CONFORMANCE_ROW(group, name, false, wanted)

} // namespace conformance

#endif
