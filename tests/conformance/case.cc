/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixture. Each case opens the store as a program would, works in a folder that nobody else has, and removes it;
 * what the case leaves behind in the process (handles, counted memory, descriptors) fails it.
 */
#include "case.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <random>
#include <unistd.h>

namespace conformance
{

namespace
{

std::string UniqueName()
{
    static std::atomic<unsigned> serial{0};
    static const unsigned salt = std::random_device{}();
    char name[64];
    snprintf(name, sizeof(name), "case-%d-%u-%08x", static_cast<int>(getpid()), ++serial, salt);
    return name;
}

size_t OpenDescriptors()
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

} // namespace

Fs OpenStore(const Store &store, const std::string &option, std::string *path, polyfs_error *err)
{
    std::vector<const char *> options;
    for (const std::string &text : store.options)
        options.push_back(text.c_str());
    if (!option.empty())
        options.push_back(option.c_str());
    options.push_back(nullptr);
    polyfs_fs *fs = nullptr;
    char *text = nullptr;
    if (polyfs_fs_open(store.url.c_str(), options.data(), &fs, &text, err) != POLYFS_OK)
        return nullptr;
    if (path)
        *path = text;
    polyfs_free(text);
    return Fs(fs);
}

void Case::SetUp()
{
    std::string base;
    fs_ = OpenStore(store(), "", &base, E());
    ASSERT_TRUE(fs_) << Why();
    root_ = base + (base.empty() || base.back() == '/' ? "" : "/") + UniqueName();
    ASSERT_CODE(POLYFS_OK, polyfs_mkdir(fs(), root_.c_str(), POLYFS_MKDIR_PARENTS, nullptr, E()));
    caps_.struct_size = sizeof(caps_);
    ASSERT_CODE(POLYFS_OK, polyfs_caps(fs(), root_.c_str(), POLYFS_CAPS_PROBE, nullptr, &caps_, E()));
    before_.struct_size = sizeof(before_);
    polyfs_runtime_stats(&before_);
    fds_before_ = Network() ? 0 : OpenDescriptors();
}

/* Old versions and delete markers go too, or a versioned store would grow with each case. */
void Case::Purge()
{
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    opts.flags = POLYFS_LS_RECURSIVE | POLYFS_LS_VERSIONS;
    std::vector<Row> rows;
    if (Fact(POLYFS_FACT_VERSIONS) != POLYFS_YES)
        return;
    if (List("", &opts, &rows) < 0)
        return;
    for (const Row &row : rows) {
        polyfs_remove_opts version = POLYFS_REMOVE_OPTS_INIT;
        version.version = row.version.c_str();
        polyfs_remove(fs(), row.path.c_str(), &version, nullptr);
    }
}

void Case::TearDown()
{
    if (!fs_ || root_.empty() || !caps_.struct_size)
        return;
    RuntimeStats after = {};
    after.struct_size = sizeof(after);
    polyfs_runtime_stats(&after);
    EXPECT_EQ(before_.handles, after.handles) << "open readers and writers are left";
    EXPECT_EQ(before_.used_bytes, after.used_bytes) << "counted memory is left";
    if (!Network()) {
        EXPECT_GE(fds_before_, OpenDescriptors()) << "open descriptors are left";
    }
    EXPECT_ANY_CODE(polyfs_remove_tree(fs(), root_.c_str(), nullptr, E()), POLYFS_OK, POLYFS_NOT_FOUND);
    Purge();
    ExpectFolderGone("");
}

std::string Case::P(const std::string &name) const
{
    return name.empty() ? root_ : root_ + "/" + name;
}

polyfs_error *Case::E()
{
    err_ = POLYFS_ERROR_INIT;
    return &err_;
}

std::string Case::Why() const
{
    return err_.message[0] ? std::string(" (") + err_.message + ")" : "";
}

int Case::Put(const std::string &name, const std::string &bytes, const polyfs_write_opts *opts, StatInfo *out)
{
    polyfs_write_opts parents = POLYFS_WRITE_OPTS_INIT;
    if (name.find('/') != std::string::npos)
        parents.flags = POLYFS_WRITE_PARENTS;
    return polyfs_put(fs(), P(name).c_str(), bytes.data(), bytes.size(), opts ? opts : &parents, out, E());
}

std::string Case::Get(const std::string &name)
{
    void *data = nullptr;
    size_t n = 0;
    int rc = polyfs_get_all(fs(), P(name).c_str(), nullptr, &data, &n, nullptr, E());
    EXPECT_CODE(POLYFS_OK, rc) << " reading " << name;
    if (rc != POLYFS_OK)
        return std::string("<") + polyfs_code_name(rc) + ">";
    std::string bytes(static_cast<char *>(data), n);
    polyfs_free(data);
    return bytes;
}

int Case::Stat(const std::string &name, StatInfo *out, const char *version)
{
    *out = POLYFS_STAT_INIT;
    return polyfs_stat(fs(), P(name).c_str(), version, nullptr, out, E());
}

std::string Case::Etag(const std::string &name)
{
    StatInfo stat;
    EXPECT_CODE(POLYFS_OK, Stat(name, &stat)) << " " << name;
    EXPECT_STRNE("", stat.etag) << name;
    return stat.etag;
}

int Case::Exists(const std::string &name)
{
    int there = -1;
    int rc = polyfs_exists(fs(), P(name).c_str(), nullptr, &there, E());
    return rc == POLYFS_OK ? there : rc;
}

int Case::Mkdir(const std::string &name, uint32_t flags)
{
    return polyfs_mkdir(fs(), P(name).c_str(), flags, nullptr, E());
}

int Case::Remove(const std::string &name, const polyfs_remove_opts *opts)
{
    return polyfs_remove(fs(), P(name).c_str(), opts, E());
}

int Case::List(const std::string &name, const polyfs_list_opts *opts, std::vector<Row> *out)
{
    polyfs_lister *raw = nullptr;
    int rc = polyfs_list_open(fs(), P(name).c_str(), opts, &raw, E());
    Lister lister(raw);
    if (rc == POLYFS_OK)
        rc = POLYFS_MORE;
    while (rc == POLYFS_MORE) {
        const polyfs_entry *rows = nullptr;
        size_t count = 0;
        rc = polyfs_list_next(raw, &rows, &count, E());
        for (size_t i = 0; rc >= 0 && i < count; i++)
            out->push_back({std::string(rows[i].path, rows[i].path_len), rows[i].type, rows[i].flags, rows[i].size,
                            rows[i].mtime_ns, rows[i].etag ? rows[i].etag : "",
                            rows[i].version ? rows[i].version : ""});
    }
    return rc;
}

std::string Case::Relative(const Row &row) const
{
    std::string name = row.path;
    if (name.compare(0, root_.size() + 1, root_ + "/") == 0)
        name.erase(0, root_.size() + 1);
    return name + (row.type == POLYFS_TYPE_DIR ? "/" : "");
}

std::vector<std::string> Case::Names(const std::string &name, uint32_t flags)
{
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    opts.flags = flags;
    std::vector<Row> rows;
    std::vector<std::string> names;
    EXPECT_CODE(POLYFS_OK, List(name, &opts, &rows)) << " listing " << name;
    for (const Row &row : rows)
        names.push_back(Relative(row));
    return names;
}

Reader Case::OpenReader(const std::string &name, const polyfs_read_opts *opts)
{
    polyfs_reader *reader = nullptr;
    EXPECT_CODE(POLYFS_OK, polyfs_reader_open(fs(), P(name).c_str(), opts, &reader, E()));
    return Reader(reader);
}

Writer Case::OpenWriter(const std::string &name, const polyfs_write_opts *opts)
{
    polyfs_write_opts own = POLYFS_WRITE_OPTS_INIT;
    if (opts)
        own = *opts;
    if (shape())
        own.shape = shape();
    polyfs_writer *writer = nullptr;
    EXPECT_CODE(POLYFS_OK, polyfs_writer_open(fs(), P(name).c_str(), &own, &writer, E()));
    return Writer(writer);
}

int Case::Write(const Writer &writer, const std::string &bytes)
{
    return polyfs_writer_write(writer.get(), bytes.data(), bytes.size(), E());
}

int Case::Commit(const Writer &writer, StatInfo *out)
{
    return polyfs_writer_commit(writer.get(), out, E());
}

int Case::PutShaped(const std::string &name, const std::string &bytes, const polyfs_write_opts *opts)
{
    polyfs_write_opts own = POLYFS_WRITE_OPTS_INIT;
    if (opts)
        own = *opts;
    own.shape = shape();
    polyfs_writer *raw = nullptr;
    int rc = polyfs_writer_open(fs(), P(name).c_str(), &own, &raw, E());
    Writer writer(raw);
    if (rc == POLYFS_OK)
        rc = Write(writer, bytes);
    return rc == POLYFS_OK ? Commit(writer) : rc;
}

Fs Case::OpenWith(const std::string &option)
{
    size_t before = OpenDescriptors();
    Fs other = OpenStore(store(), option, nullptr, E());
    EXPECT_TRUE(other) << option << Why();
    if (!Network())
        fds_before_ += OpenDescriptors() - before; /* the instance stays for the next one who asks for it */
    return other;
}

void Case::Warm(const Fs &other, const std::string &name)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    for (int i = 0; i < 20 && polyfs_stat(other.get(), P(name).c_str(), nullptr, nullptr, &stat, E()) != POLYFS_OK;
         i++)
        continue;
}

void Case::ExpectFolderGone(const std::string &name)
{
    EXPECT_EQ(0, Exists(name)) << name;
    if (!store().folders_linger)
        return;
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    std::vector<Row> rows;
    opts.flags = POLYFS_LS_RECURSIVE;
    EXPECT_ANY_CODE(List(name, &opts, &rows), POLYFS_OK, POLYFS_NOT_FOUND);
    EXPECT_TRUE(rows.empty()) << name << " holds something";
}

void Case::ExpectNothingLeft()
{
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    opts.flags = POLYFS_LS_RECURSIVE | (store().folders_linger ? 0 : POLYFS_LS_DIRS);
    std::vector<Row> rows;
    int rc = List("", &opts, &rows);
    if (rc == POLYFS_NOT_FOUND && !RealDirs())
        return;
    EXPECT_CODE(POLYFS_OK, rc);
    for (const Row &row : rows)
        ADD_FAILURE() << "left behind: " << Relative(row);
}

uint64_t Case::Requests() const
{
    FsStats stats = {};
    stats.struct_size = sizeof(stats);
    polyfs_fs_stats(fs(), &stats);
    return stats.requests;
}

/* ---- values --------------------------------------------------------------------------------------------------- */

std::string Bytes(size_t size, uint64_t seed)
{
    std::string bytes(size, '\0');
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t at = 0; at < size; at += sizeof(state)) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(&bytes[at], &state, std::min(sizeof(state), size - at));
    }
    return bytes;
}

int64_t NowMs()
{
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

bool Case::Confines(polyfs_fs *fs, const std::string &folder)
{
    CapsInfo caps = {};
    caps.struct_size = sizeof(caps);
    EXPECT_EQ(POLYFS_OK, polyfs_caps(fs, folder.c_str(), 0, nullptr, &caps, E()));
    return caps.fact[POLYFS_FACT_CONFINE] != POLYFS_NO;
}

uint64_t UsedNow()
{
    RuntimeStats stats = {};
    stats.struct_size = sizeof(stats);
    polyfs_runtime_stats(&stats);
    return stats.used_bytes;
}

bool Chaos()
{
    return getenv("POLYFS_CONFORM_CHAOS") != nullptr;
}

uint64_t EnvNumber(const char *name, uint64_t value)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, nullptr, 10) : value;
}

const char *ShapeName(uint32_t shape)
{
    switch (shape) {
    case POLYFS_SHAPE_PUT: return "put";
    case POLYFS_SHAPE_PARTS: return "parts";
    case POLYFS_SHAPE_PLACED: return "placed";
    case POLYFS_SHAPE_STREAM: return "stream";
    default: return "any";
    }
}

testing::AssertionResult IsCode(const char *, const char *call, int expected, int code)
{
    if (expected == code)
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << call << " is " << polyfs_code_name(code) << " (" << code << "), not "
                                       << polyfs_code_name(expected);
}

testing::AssertionResult IsAnyOf(const char *, const char *call, const std::vector<int> &codes, int code)
{
    testing::AssertionResult failure = testing::AssertionFailure();
    failure << call << " is " << polyfs_code_name(code) << " (" << code << "), none of";
    for (int one : codes) {
        if (one == code)
            return testing::AssertionSuccess();
        failure << " " << polyfs_code_name(one);
    }
    return failure;
}

} // namespace conformance
