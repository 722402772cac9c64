/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small host, and filesystems of the memory plugin over it, for tests that call its tables directly.
 *
 * The host counts every block that it gave out, can fail the k-th request once or for good, checks that sections
 * are not nested, and lets a test stop a call at its n-th look at stopped(). Every test has a store of its own; at
 * its end the store must be empty again and nothing of it may be left.
 */
#ifndef POLYFS_TESTS_MEMORY_FIXTURE_H
#define POLYFS_TESTS_MEMORY_FIXTURE_H

#include <gtest/gtest.h>
#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cinttypes>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "polyfs/plugin.h"

extern "C" {
#include "core/crc.h"
}

extern "C" polyfs_plugin_entry POLYFS_PLUGIN_ENTRY(memory);

struct polyfs_options {
    std::map<std::string, std::string> values;
};
struct polyfs_text {
    std::string value;
};
struct polyfs_pairs {
    std::vector<std::pair<std::string, std::string>> rows;
};
struct polyfs_uploads {
    struct Row {
        std::string path, id;
        int64_t started_ns;
    };
    std::vector<Row> rows;
};

namespace fake
{

inline std::atomic<int64_t> live_blocks{0};
inline std::atomic<int64_t> requests{0};                   /* of memory since reset */
inline std::atomic<int64_t> fail_at{INT64_MAX};            /* number of the request that fails, from 1 */
inline std::atomic<bool> fail_all_after{false};            /* and all behind it */
inline pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER; /* what a fork closes */
inline thread_local int section_depth = 0;

/* What polyfs_call.core points to: the call stops at its n-th check. */
struct Stop {
    std::atomic<int> left{INT_MAX};
    int code = POLYFS_CANCELLED;
};

inline bool refuses()
{
    int64_t number = ++requests;
    return fail_all_after ? number >= fail_at : number == fail_at;
}

inline void *host_alloc(uint64_t bytes)
{
    void *block = refuses() ? nullptr : std::malloc(bytes > 0 ? bytes : 1);
    if (block)
        live_blocks++;
    return block;
}

inline void *host_resize(void *memory, uint64_t bytes)
{
    void *block = refuses() ? nullptr : std::realloc(memory, bytes);
    if (block && !memory)
        live_blocks++;
    return block;
}

inline void host_free(void *memory)
{
    if (memory)
        live_blocks--;
    std::free(memory);
}

inline int host_stopped(const struct polyfs_call *call)
{
    auto *stop = static_cast<Stop *>(const_cast<void *>(call->core));
    return stop && --stop->left <= 0 ? stop->code : POLYFS_OK;
}

inline int64_t host_clock(uint32_t which)
{
    struct timespec now;
    clock_gettime(which == 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME, &now);
    return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

inline const char *host_option(const struct polyfs_options *options, const char *name)
{
    auto found = options->values.find(name);
    return found == options->values.end() ? nullptr : found->second.c_str();
}

inline int64_t host_option_number(const struct polyfs_options *options, const char *name)
{
    const char *text = host_option(options, name);
    return text ? std::atoll(text) : 0;
}

inline int host_text_set(struct polyfs_text *out, const char *data, uint64_t length)
{
    if (refuses())
        return POLYFS_NOMEM;
    out->value.assign(data, length);
    return POLYFS_OK;
}

inline int host_pair_add(struct polyfs_pairs *out, const char *key, const char *value)
{
    if (refuses())
        return POLYFS_NOMEM;
    out->rows.emplace_back(key, value);
    return POLYFS_OK;
}

inline int host_upload_add(struct polyfs_uploads *out, const struct polyfs_upload_row *row)
{
    if (refuses())
        return POLYFS_NOMEM;
    out->rows.push_back({std::string(row->path, row->path_len), row->upload_id, row->started_ns});
    return POLYFS_OK;
}

inline void host_section_enter()
{
    if (section_depth++ != 0)
        std::abort(); /* nested: a fork between the two would wait for ever */
    pthread_rwlock_rdlock(&gate);
}

inline void host_section_leave()
{
    if (--section_depth != 0)
        std::abort();
    pthread_rwlock_unlock(&gate);
}

inline const struct polyfs_plugin *plugin()
{
    static const struct polyfs_plugin *loaded = [] {
        static struct polyfs_host host;
        host.struct_size = sizeof(host);
        host.abi_minor = POLYFS_PLUGIN_MINOR;
        host.alloc = host_alloc;
        host.resize = host_resize;
        host.free = host_free;
        host.clock_ns = host_clock;
        host.stopped = host_stopped;
        host.option = host_option;
        host.option_number = host_option_number;
        host.text_set = host_text_set;
        host.pair_add = host_pair_add;
        host.upload_add = host_upload_add;
        host.section_enter = host_section_enter;
        host.section_leave = host_section_leave;
        host.crc = pfs_crc;
        host.crc_join = pfs_crc_join;
        const struct polyfs_plugin *out = nullptr;
        struct polyfs_error err = POLYFS_ERROR_INIT;
        EXPECT_EQ(POLYFS_OK, POLYFS_PLUGIN_ENTRY(memory)(&host, &out, &err));
        return out;
    }();
    return loaded;
}

inline void fail_never()
{
    fail_at = INT64_MAX;
    fail_all_after = false;
}

} /* namespace fake */

/* Arguments of a write, with nothing asked for. */
struct Put : polyfs_put_request {
    Put() : polyfs_put_request()
    {
        struct_size = sizeof(polyfs_put_request);
        durability = POLYFS_DURABILITY_NONE;
        size_hint = POLYFS_SIZE_UNKNOWN;
        condition = POLYFS_CONDITION_INIT;
    }
    Put &createOnly()
    {
        condition.create_only = 1;
        return *this;
    }
    Put &ifMatch(const char *etag)
    {
        condition.if_match = etag;
        return *this;
    }
    Put &type(const char *text)
    {
        content_type = text;
        return *this;
    }
    Put &meta(const std::vector<polyfs_kv> &rows)
    {
        metadata = rows.data();
        metadata_count = static_cast<uint32_t>(rows.size());
        metadata_stride = sizeof(polyfs_kv);
        return *this;
    }
    Put &keep()
    {
        flags |= POLYFS_PUT_KEEP_METADATA;
        return *this;
    }
    Put &flag(uint32_t bits)
    {
        flags |= bits;
        return *this;
    }
    Put &hint(uint64_t bytes)
    {
        size_hint = bytes;
        return *this;
    }
    Put &crc(uint32_t value)
    {
        checksum.kind = POLYFS_CHECKSUM_CRC32C;
        checksum.length = 4;
        for (int i = 0; i < 4; i++)
            checksum.value[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
        return *this;
    }
};

struct Get : polyfs_get_request {
    Get() : polyfs_get_request()
    {
        struct_size = sizeof(polyfs_get_request);
        length = UINT64_C(1) << 20;
        condition = POLYFS_CONDITION_INIT;
    }
};

/* One object as a source: its name, and unless NULL the etag or the version that it must have. */
struct Source {
    const char *path;
    const char *etag = nullptr;
    const char *version = nullptr;

    struct polyfs_source row() const
    {
        return {sizeof(polyfs_source), 0, path, strlen(path), etag, version, nullptr};
    }
};

struct Row {
    std::string path;
    uint32_t type;
    uint32_t flags;
    uint64_t size;
    std::string version;
};

/* One filesystem. Every member does one call; what it gave besides its code is in the members at the end. */
class Fs
{
  public:
    Fs() = default;
    explicit Fs(void *opened) : handle(opened)
    {
    }
    Fs(const Fs &) = delete;
    Fs &operator=(const Fs &) = delete;
    ~Fs()
    {
        close();
    }

    static const struct polyfs_fs_ops *ops()
    {
        return fake::plugin()->fs;
    }

    int open(const std::map<std::string, std::string> &values)
    {
        struct polyfs_options options;
        options.values = values;
        return begin(), ops()->open(&call, &options, nullptr, &handle, &err);
    }
    void close()
    {
        if (handle)
            ops()->close(handle);
        handle = nullptr;
    }

    int put(const std::string &path, const std::string &data, const polyfs_put_request &request = Put())
    {
        return begin(),
               ops()->put(&call, handle, path.data(), path.size(), data.data(), data.size(), &request, &stat, &err);
    }
    int get(const std::string &path, const polyfs_get_request &request = Get())
    {
        begin();
        std::string buffer(request.length, '?');
        uint64_t n = 0;
        int code = ops()->get(&call, handle, path.data(), path.size(), &request, &buffer[0], &n, &stat, &err);
        if (code == POLYFS_OK)
            bytes.assign(buffer, 0, n);
        return code;
    }
    /* The whole object, or the name of the code. */
    std::string read(const std::string &path)
    {
        int code = get(path);
        return code == POLYFS_OK ? bytes : "code " + std::to_string(code);
    }
    int info(const std::string &path, const char *version = nullptr)
    {
        pairs.rows.clear();
        return begin(), ops()->stat(&call, handle, path.data(), path.size(), version, &stat, &pairs, &err);
    }
    int remove(const std::string &path, const char *version = nullptr, const polyfs_condition *condition = nullptr)
    {
        return begin(), ops()->remove(&call, handle, path.data(), path.size(), version, condition, &err);
    }
    int removeMany(std::vector<polyfs_remove_item> *rows)
    {
        return begin(), ops()->remove_many(&call, handle, rows->data(), rows->size(), sizeof((*rows)[0]), &err);
    }
    int removeTree(const std::string &path)
    {
        begin();
        struct polyfs_step step = {sizeof(step), 0, nullptr, &text, 0};
        return ops()->remove_tree(&call, handle, path.data(), path.size(), &step, &err);
    }
    int copy(const std::string &from, const std::string &to, const char *etag = nullptr,
             const polyfs_put_request &request = Put(), const char *version = nullptr)
    {
        begin();
        struct polyfs_source source = {sizeof(source), 0, from.data(), from.size(), etag, version, nullptr};
        struct polyfs_step step = {sizeof(step), 0, nullptr, &text, 0};
        return ops()->copy(&call, handle, &source, to.data(), to.size(), &request, &step, &stat, &err);
    }
    /* The rows are wider than core's own, as those of a newer core would be. */
    int compose(const std::vector<Source> &sources, const std::string &to,
                const polyfs_put_request &request = Put())
    {
        struct Wide {
            struct polyfs_source row;
            uint64_t later;
        };
        std::vector<Wide> rows;
        for (const Source &source : sources)
            rows.push_back({source.row(), 99});
        return begin(), ops()->compose(&call, handle, reinterpret_cast<const polyfs_source *>(rows.data()),
                                       rows.size(), sizeof(Wide), to.data(), to.size(), &request, &stat, &err);
    }
    int rename(const std::string &from, const std::string &to, const polyfs_put_request &request = Put(),
               const char *etag = nullptr, const char *version = nullptr)
    {
        begin();
        struct polyfs_source source = {sizeof(source), 0, from.data(), from.size(), etag, version, nullptr};
        struct polyfs_step step = {sizeof(step), 0, nullptr, &text, 0};
        return ops()->rename(&call, handle, &source, to.data(), to.size(), &request, &step, &err);
    }
    int mkdir(const std::string &path, uint32_t flags = 0)
    {
        return begin(), ops()->mkdir(&call, handle, path.data(), path.size(), flags, &err);
    }
    int rmdir(const std::string &path, uint32_t flags = 0)
    {
        return begin(), ops()->rmdir(&call, handle, path.data(), path.size(), flags, &err);
    }
    int setMetadata(const std::string &path, const polyfs_put_request &request)
    {
        return begin(), ops()->set_metadata(&call, handle, path.data(), path.size(), &request, &err);
    }
    int setTimes(const std::string &path, int64_t mtime)
    {
        return begin(), ops()->set_times(&call, handle, path.data(), path.size(), mtime, POLYFS_TIME_UNKNOWN, &err);
    }
    int sub(const std::string &path, Fs *out, uint32_t flags = POLYFS_SUB_CONFINE)
    {
        return begin(), ops()->sub(&call, handle, path.data(), path.size(), flags, &out->handle, &err);
    }
    int caps(struct polyfs_caps *out)
    {
        *out = polyfs_caps();
        out->struct_size = sizeof(*out);
        return begin(), ops()->caps(&call, handle, "x", 1, POLYFS_CAPS_PROBE, out, &err);
    }

    /* ---- uploads */
    int start(const std::string &path, std::string *id, const polyfs_put_request &request = Put())
    {
        begin();
        int code = up()->start(&call, handle, path.data(), path.size(), &request, &text, &err);
        if (code == POLYFS_OK)
            *id = text.value;
        return code;
    }
    int part(const std::string &path, const std::string &id, uint32_t number, const std::string &data,
             struct polyfs_part *out, const struct polyfs_checksum *checksum = nullptr)
    {
        return begin(), up()->part(&call, handle, path.data(), path.size(), id.c_str(), number, data.data(),
                                   data.size(), checksum, out, &err);
    }
    int copyPart(const std::string &path, const std::string &id, uint32_t number, const Source &from,
                 uint64_t offset, uint64_t size, struct polyfs_part *out)
    {
        begin();
        struct polyfs_source source = from.row();
        return up()->copy_part(&call, handle, path.data(), path.size(), id.c_str(), number, &source, offset, size,
                               out, &err);
    }
    int complete(const std::string &path, const std::string &id, const std::vector<polyfs_part> &parts,
                 const polyfs_put_request &request = Put())
    {
        return begin(), up()->complete(&call, handle, path.data(), path.size(), id.c_str(), parts.data(),
                                       parts.size(), sizeof(polyfs_part), &request, &stat, &err);
    }
    int abort(const std::string &path, const std::string &id)
    {
        return begin(), up()->abort(&call, handle, path.data(), path.size(), id.c_str(), &err);
    }
    static const struct polyfs_upload_ops *up()
    {
        return fake::plugin()->upload;
    }

    /* ---- placed and stream */
    int placed(const std::string &path, void **out, const polyfs_put_request &request = Put())
    {
        return begin(), fake::plugin()->placed->open(&call, handle, path.data(), path.size(), &request, out, &err);
    }
    int placedWrite(void *placed, uint64_t offset, const std::string &data)
    {
        return begin(), fake::plugin()->placed->write(&call, placed, offset, data.data(), data.size(), &err);
    }
    int placedCommit(void *placed, uint64_t size, const polyfs_put_request &request = Put())
    {
        return begin(), fake::plugin()->placed->commit(&call, placed, size, &request, &stat, &err);
    }
    void placedAbort(void *placed) /* leaves the error of what failed before it */
    {
        fake::plugin()->placed->abort(&call, placed);
    }
    int stream(const std::string &path, void **out, uint32_t flags = 0, const polyfs_put_request &request = Put())
    {
        begin();
        struct polyfs_step step = {sizeof(step), 0, nullptr, &text, 0};
        return fake::plugin()->stream->open(&call, handle, path.data(), path.size(), flags, &request, &step, out,
                                            &err);
    }
    int streamWrite(void *stream, const std::string &data)
    {
        return begin(), fake::plugin()->stream->write(&call, stream, data.data(), data.size(), &err);
    }
    int streamCommit(void *stream, const polyfs_put_request &request = Put())
    {
        return begin(), fake::plugin()->stream->commit(&call, stream, &request, &stat, &err);
    }
    void streamAbort(void *stream)
    {
        fake::plugin()->stream->abort(&call, stream);
    }
    /* One native append, whole. */
    int append(const std::string &path, const std::string &data, const polyfs_put_request &request = Put())
    {
        void *opened = nullptr;
        int code = stream(path, &opened, POLYFS_STREAM_APPEND, request);
        if (code != POLYFS_OK)
            return code;
        code = streamWrite(opened, data);
        if (code == POLYFS_OK)
            code = streamCommit(opened, request);
        if (code != POLYFS_OK)
            streamAbort(opened);
        return code;
    }

    /* ---- listings */
    int listOpen(const std::string &prefix, uint32_t flags, void **out, uint32_t page_size = 0,
                 const char *start_after = nullptr, const char *from = nullptr)
    {
        struct polyfs_list_request request = {sizeof(request), flags, start_after, from, page_size, 0};
        return begin(),
               fake::plugin()->lister->open(&call, handle, prefix.data(), prefix.size(), &request, out, &err);
    }
    /* One page, added to @rows. */
    int listNext(void *lister, std::vector<Row> *rows)
    {
        begin();
        struct polyfs_page page = {sizeof(page), 0, nullptr, 0, nullptr};
        int code = fake::plugin()->lister->next(&call, lister, &page, &err);
        if (code < 0)
            return code;
        for (uint64_t i = 0; i < page.count; i++) {
            auto *at = reinterpret_cast<const char *>(page.entries) + i * page.stride;
            auto *entry = reinterpret_cast<const struct polyfs_entry *>(at);
            EXPECT_EQ('\0', entry->path[entry->path_len]);
            rows->push_back({std::string(entry->path, entry->path_len), entry->type, entry->flags, entry->size,
                             entry->version ? entry->version : ""});
        }
        marker = page.marker ? page.marker : "";
        return code;
    }
    /* All pages; the code of the last. */
    int list(const std::string &prefix, uint32_t flags, std::vector<Row> *rows, uint32_t page_size = 0,
             const char *start_after = nullptr)
    {
        void *lister = nullptr;
        int code = listOpen(prefix, flags, &lister, page_size, start_after);
        if (code != POLYFS_OK)
            return code;
        while ((code = listNext(lister, rows)) == POLYFS_MORE)
            continue;
        fake::plugin()->lister->close(lister);
        return code;
    }
    /* Names only, folders with a '/' at their end, joined by ' '. */
    std::string names(const std::string &prefix, uint32_t flags = 0, uint32_t page_size = 0,
                      const char *start_after = nullptr)
    {
        std::vector<Row> rows;
        int code = list(prefix, flags, &rows, page_size, start_after);
        if (code != POLYFS_OK)
            return "code " + std::to_string(code);
        std::string joined;
        for (const Row &row : rows)
            joined += (joined.empty() ? "" : " ") + row.path + (row.type == POLYFS_TYPE_DIR ? "/" : "");
        return joined;
    }

    void *handle = nullptr;
    fake::Stop stop;
    struct polyfs_call call = {};
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    struct polyfs_text text;
    struct polyfs_pairs pairs;
    std::string bytes;
    std::string marker;

  private:
    void begin()
    {
        call.struct_size = sizeof(call);
        call.deadline_ns = INT64_MAX;
        call.core = &stop;
        err = POLYFS_ERROR_INIT;
    }
};

/* A store of its own for each test. */
class MemoryTest : public ::testing::Test
{
  protected:
    void SetUp() override
    {
        fake::fail_never();
        fake::plugin();
        blocks_before_ = fake::live_blocks;
        const auto *info = ::testing::UnitTest::GetInstance()->current_test_info();
        options_["store"] = std::string(info->test_suite_name()) + "." + info->name();
    }
    void TearDown() override
    {
        fake::fail_never();
        if (fs.handle)
            empty();
        fs.close();
        EXPECT_EQ(0, fake::section_depth);
        EXPECT_EQ(blocks_before_, fake::live_blocks) << "something of the store is left";
    }
    void open(const std::map<std::string, std::string> &more = {})
    {
        openAs(&fs, more);
    }
    void openAs(Fs *out, const std::map<std::string, std::string> &more = {})
    {
        auto values = options_;
        values["max_bytes"] = "1073741824";
        values["folders"] = "implied";
        values["versioning"] = "0";
        for (const auto &pair : more)
            values[pair.first] = pair.second;
        ASSERT_EQ(POLYFS_OK, out->open(values)) << out->err.message;
    }
    /* Remove all versions of all that is there. */
    void empty()
    {
        struct polyfs_caps caps;
        ASSERT_EQ(POLYFS_OK, fs.caps(&caps));
        std::vector<Row> rows;
        if (caps.fact[POLYFS_FACT_VERSIONS] == POLYFS_YES) {
            ASSERT_EQ(POLYFS_OK, fs.list("", POLYFS_LIST_VERSIONS | POLYFS_LIST_FLAT, &rows));
            for (const Row &row : rows)
                EXPECT_EQ(POLYFS_OK, fs.remove(row.path, row.version.c_str()));
        } else {
            EXPECT_EQ(POLYFS_OK, fs.removeTree(""));
        }
    }

    Fs fs;
    std::map<std::string, std::string> options_;

  private:
    int64_t blocks_before_ = 0;
};

class RealFolderTest : public MemoryTest
{
  protected:
    void SetUp() override
    {
        MemoryTest::SetUp();
        open({{"folders", "real"}});
    }
};

#endif
