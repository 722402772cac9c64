/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flatdir:// keeps each object as one file of one folder (option `folder`), under its name with all but letters, digits,
 * '-' and '_' as %XX. What holds something frees it when it goes (Fd, Staging, unique_ptr), and what fails throws; each
 * slot runs inside Guard(), so that no exception crosses the contract.
 */
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <polyfs/plugin.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace
{

const polyfs_host *host;
using Call = polyfs_call;
using Error = polyfs_error;
using StatInfo = struct polyfs_stat; /* in C it may be a function too */

/* ---- what fails ------------------------------------------------------------------------------------------- */

struct Failure {
    int code;
    std::string why;
};

struct SystemFailure {
    int number;
    std::string what;
};

[[noreturn]] void ThrowErrno(const std::string &what)
{
    throw SystemFailure{errno, what};
}

template <typename Body> int Guard(Error *err, Body body) noexcept
{
    try {
        return body();
    } catch (const Failure &failure) {
        return polyfs_fail(err, failure.code, "%s", failure.why.c_str());
    } catch (const SystemFailure &failure) {
        errno = failure.number;
        return polyfs_fail_errno(err, failure.what.c_str());
    } catch (const std::bad_alloc &) {
        return polyfs_fail(err, POLYFS_NOMEM, "there is no memory");
    } catch (...) {
        return polyfs_fail(err, POLYFS_IO, "it failed in a way that nobody foresaw");
    }
}

void GoOn(const Call *call)
{
    if (int code = host->stopped(call))
        throw Failure{code, "the call was stopped"};
}

/* ---- what is held ----------------------------------------------------------------------------------------- */

class Fd
{
  public:
    Fd(int folder, const std::string &name, int flags) : fd_(openat(folder, name.c_str(), flags | O_CLOEXEC, 0666))
    {
        if (fd_ < 0)
            ThrowErrno(name);
    }
    Fd(const Fd &) = delete;
    Fd &operator=(const Fd &) = delete;
    ~Fd()
    {
        close(fd_);
    }
    int Get() const
    {
        return fd_;
    }

  private:
    int fd_;
};

struct Store {
    Fd folder;
};

/* A file that has no object's name yet, and is gone with this unless it was published. */
class Staging
{
  public:
    Staging(const Store &store, std::string target)
        : store_(store), target_(std::move(target)), name_(NewName()),
          fd_(store.folder.Get(), name_, O_RDWR | O_CREAT | O_EXCL)
    {
    }
    ~Staging()
    {
        if (!name_.empty())
            unlinkat(store_.folder.Get(), name_.c_str(), 0);
    }
    void Write(const Call *call, const char *data, uint64_t size, uint64_t offset)
    {
        for (uint64_t done = 0; done < size;) {
            GoOn(call);
            size_t step = static_cast<size_t>(std::min<uint64_t>(size - done, 8 << 20));
            ssize_t n = pwrite(fd_.Get(), data + done, step, static_cast<off_t>(offset + done));
            if (n < 0 && errno != EINTR)
                ThrowErrno("write");
            done += static_cast<uint64_t>(std::max<ssize_t>(n, 0));
        }
    }
    void Publish(const polyfs_put_request &request)
    {
        const int folder = store_.folder.Get();
        if (request.durability >= POLYFS_DURABILITY_FILE && fdatasync(fd_.Get()) != 0)
            ThrowErrno("fdatasync");
        if (request.condition.create_only && linkat(folder, name_.c_str(), folder, target_.c_str(), 0) != 0)
            ThrowErrno("publish");
        if (!request.condition.create_only && renameat(folder, name_.c_str(), folder, target_.c_str()) != 0)
            ThrowErrno("rename");
        if (!request.condition.create_only)
            name_.clear();
        if (request.durability >= POLYFS_DURABILITY_FULL && fsync(folder) != 0)
            ThrowErrno("fsync of the folder");
    }
    int Get() const
    {
        return fd_.Get();
    }

  private:
    static std::string NewName()
    {
        uint64_t number;
        char name[32];
        host->random(&number, sizeof(number));
        snprintf(name, sizeof(name), ".new-%016jx", static_cast<uintmax_t>(number));
        return name;
    }
    const Store &store_;
    const std::string target_;
    std::string name_;
    const Fd fd_;
};

/* ---- names ------------------------------------------------------------------------------------------------ */

bool IsPlain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string FileOf(const char *path, uint64_t length)
{
    std::string file;
    for (uint64_t i = 0; i < length; i++) {
        char code[4];
        snprintf(code, sizeof(code), "%%%02X", static_cast<unsigned char>(path[i]));
        if (IsPlain(path[i]))
            file += path[i];
        else
            file += code;
    }
    if (file.empty() || file.size() > 255)
        throw Failure{POLYFS_INVALID, "the name is empty, or longer than 255 bytes once it is quoted"};
    return file;
}

/* False for what is no object's file, such as a staging file. */
bool NameOf(const std::string &file, std::string *out)
{
    out->clear();
    for (size_t i = 0; i < file.size(); i++) {
        unsigned value;
        int end = 0;
        if (IsPlain(file[i])) {
            *out += file[i];
        } else if (sscanf(file.c_str() + i, "%%%2X%n", &value, &end) == 1 && end == 3) {
            *out += static_cast<char>(value);
            i += 2;
        } else {
            return false;
        }
    }
    return !out->empty();
}

/* ---- facts of an object ----------------------------------------------------------------------------------- */

void Tell(const struct stat &file, StatInfo *out)
{
    out->type = POLYFS_TYPE_FILE;
    out->size = static_cast<uint64_t>(file.st_size);
    out->mtime_ns = file.st_mtim.tv_sec * INT64_C(1000000000) + file.st_mtim.tv_nsec;
    snprintf(out->etag, sizeof(out->etag), "%jx-%jx-%jx", static_cast<uintmax_t>(file.st_ino),
             static_cast<uintmax_t>(out->mtime_ns), static_cast<uintmax_t>(file.st_size));
}

void TellOf(int fd, StatInfo *out)
{
    struct stat file;
    if (fstat(fd, &file) != 0)
        ThrowErrno("fstat");
    if (out)
        Tell(file, out);
}

/* In pieces, so that a cancel is seen between them. */
uint64_t ReadSome(Call *call, int fd, void *buffer, uint64_t length, uint64_t offset)
{
    uint64_t &done = call->bytes_done;
    for (ssize_t n = 1; done < length && n > 0; done += static_cast<uint64_t>(n)) {
        GoOn(call);
        size_t step = static_cast<size_t>(std::min<uint64_t>(length - done, 8 << 20));
        n = pread(fd, static_cast<char *>(buffer) + done, step, static_cast<off_t>(offset + done));
        if (n < 0)
            ThrowErrno("read");
    }
    return done;
}

void Refuse(const polyfs_put_request &r)
{
    if (r.flags || r.condition.if_match || polyfs_put_has_more(&r))
        throw Failure{POLYFS_UNSUPPORTED, "flatdir keeps bytes and nothing else, and compares no etags"};
}

/* ---- slots: verbs on paths -------------------------------------------------------------------------------- */

int FsOpen(Call *, const polyfs_options *options, const polyfs_inner *, void **out, Error *err)
{
    return Guard(err, [=] {
        const char *folder = host->option(options, "folder");
        if (!folder)
            throw Failure{POLYFS_CONFIG, "say where the objects are: option folder, or FLATDIR_FOLDER"};
        *out = new Store{{AT_FDCWD, folder, O_DIRECTORY}};
        return POLYFS_OK;
    });
}

void FsClose(void *fs)
{
    delete static_cast<Store *>(fs);
}

int FsCaps(Call *, void *, const char *, uint64_t, uint32_t flags, struct polyfs_caps *out, Error *err)
{
    if (flags & ~POLYFS_CAPS_PROBE)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    polyfs_facts(out, POLYFS_FACT_FLAT_LIST, POLYFS_FACT_ORDERED_LIST, POLYFS_FACT_START_AFTER,
                 POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_READ_CONDITION, POLYFS_FACT_SUFFIX_READ,
                 POLYFS_FACT_PINNED_READ, POLYFS_FACT_RENAME, POLYFS_FACT_RENAME_ATOMIC,
                 POLYFS_FACT_RENAME_NO_REPLACE, POLYFS_FACT_DURABLE_COMMIT, POLYFS_FACT_CASE_SENSITIVE,
                 POLYFS_FACT_ANY_BYTES, POLYFS_FACT_COUNT);
    out->shapes = out->condition_shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_PLACED;
    out->path_max = 255;
    out->mtime_resolution_ns = 1;
    return POLYFS_OK;
}

int FsStat(Call *call, void *fs, const char *path, uint64_t length, const char *, StatInfo *out, polyfs_pairs *,
           Error *err)
{
    return Guard(err, [=] {
        struct stat file;
        GoOn(call);
        if (length == 0) {
            out->type = POLYFS_TYPE_DIR;
            out->size = 0;
            return POLYFS_OK;
        }
        const std::string name = FileOf(path, length);
        if (fstatat(static_cast<Store *>(fs)->folder.Get(), name.c_str(), &file, 0) != 0)
            ThrowErrno("stat");
        Tell(file, out);
        return POLYFS_OK;
    });
}

int FsGet(Call *call, void *fs, const char *path, uint64_t length, const polyfs_get_request *request, void *buffer,
          uint64_t *out_n, StatInfo *out, Error *err)
{
    return Guard(err, [=]() -> int {
        StatInfo stat = POLYFS_STAT_INIT;
        uint64_t offset = 0, size = 0;
        const Fd file(static_cast<Store *>(fs)->folder.Get(), FileOf(path, length), O_RDONLY);
        TellOf(file.Get(), &stat);
        if (int code = polyfs_get_check(request, &stat, &offset, &size, err))
            return code;
        *out_n = ReadSome(call, file.Get(), buffer, size, offset);
        if (out) {
            stat.struct_size = out->struct_size;
            *out = stat;
        }
        return POLYFS_OK;
    });
}

int FsPut(Call *call, void *fs, const char *path, uint64_t length, const void *data, uint64_t size,
          const polyfs_put_request *request, StatInfo *out, Error *err)
{
    return Guard(err, [=] {
        Refuse(*request);
        Staging staging(*static_cast<Store *>(fs), FileOf(path, length));
        staging.Write(call, static_cast<const char *>(data), size, 0);
        staging.Publish(*request);
        TellOf(staging.Get(), out);
        return POLYFS_OK;
    });
}

int FsRemove(Call *call, void *fs, const char *path, uint64_t length, const char *, const polyfs_condition *,
             Error *err)
{
    return Guard(err, [=] {
        GoOn(call);
        if (unlinkat(static_cast<Store *>(fs)->folder.Get(), FileOf(path, length).c_str(), 0) != 0)
            ThrowErrno("remove");
        return POLYFS_OK;
    });
}

int FsRename(Call *call, void *fs, const polyfs_source *source, const char *target, uint64_t length,
             const polyfs_put_request *request, polyfs_step *, Error *err)
{
    return Guard(err, [=] {
        const int folder = static_cast<Store *>(fs)->folder.Get();
        const std::string from = FileOf(source->path, source->path_len), to = FileOf(target, length);
        GoOn(call);
        if (source->etag || source->version)
            throw Failure{POLYFS_UNSUPPORTED, "flatdir compares no etags"};
        Refuse(*request);
        if (renameat2(folder, from.c_str(), folder, to.c_str(),
                      request->condition.create_only ? RENAME_NOREPLACE : 0))
            ThrowErrno("rename");
        return POLYFS_OK;
    });
}

/* ---- slots: reader and placed ----------------------------------------------------------------------------- */

int ReaderOpen(Call *call, void *fs, const char *path, uint64_t length, const char *, void **out_reader,
               StatInfo *out, Error *err)
{
    return Guard(err, [=] {
        GoOn(call);
        auto file = std::make_unique<Fd>(static_cast<Store *>(fs)->folder.Get(), FileOf(path, length), O_RDONLY);
        TellOf(file->Get(), out);
        *out_reader = file.release();
        return POLYFS_OK;
    });
}

int ReaderPread(Call *call, void *reader, uint64_t offset, void *buffer, uint64_t length, uint64_t *out_n,
                Error *err)
{
    return Guard(err, [=] {
        *out_n = offset > INT64_MAX ? 0 : ReadSome(call, static_cast<Fd *>(reader)->Get(), buffer, length, offset);
        return POLYFS_OK;
    });
}

void ReaderClose(void *reader)
{
    delete static_cast<Fd *>(reader);
}

int PlacedOpen(Call *call, void *fs, const char *path, uint64_t length, const polyfs_put_request *request,
               void **out, Error *err)
{
    return Guard(err, [=] {
        GoOn(call);
        Refuse(*request);
        *out = new Staging(*static_cast<Store *>(fs), FileOf(path, length));
        return POLYFS_OK;
    });
}

int PlacedWrite(Call *call, void *placed, uint64_t offset, const void *data, uint64_t size, Error *err)
{
    return Guard(err, [=] {
        static_cast<Staging *>(placed)->Write(call, static_cast<const char *>(data), size, offset);
        return POLYFS_OK;
    });
}

int PlacedCommit(Call *call, void *placed, uint64_t size, const polyfs_put_request *request, StatInfo *out,
                 Error *err)
{
    return Guard(err, [=] {
        auto *staging = static_cast<Staging *>(placed);
        GoOn(call);
        Refuse(*request);
        if (ftruncate(staging->Get(), static_cast<off_t>(size)) != 0)
            ThrowErrno("ftruncate");
        staging->Publish(*request);
        TellOf(staging->Get(), out);
        delete staging;
        return POLYFS_OK;
    });
}

void PlacedAbort(Call *, void *placed)
{
    delete static_cast<Staging *>(placed);
}

/* ---- slots: listings -------------------------------------------------------------------------------------- */

/* The keys of all rows are read and sorted with the first page; sizes are asked for a page at a time. */
struct Lister {
    const Store &store;
    const std::string prefix, after;
    const uint32_t flags;
    bool read = false;
    size_t next = 0;
    std::vector<std::string> keys = {}; /* a folder's ends in '/' */
    std::vector<std::string> paths = {};
    std::vector<polyfs_entry> rows = {};

    void Read(const Call *call)
    {
        std::vector<std::string> found;
        std::string name;
        const int fd = openat(store.folder.Get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        std::unique_ptr<DIR, int (*)(DIR *)> folder(fd < 0 ? nullptr : fdopendir(fd), closedir);
        if (!folder)
            ThrowErrno("open the folder");
        while (const dirent *file = readdir(folder.get())) {
            GoOn(call);
            if (!NameOf(file->d_name, &name) || name.compare(0, prefix.size(), prefix) != 0)
                continue;
            size_t slash = flags & POLYFS_LIST_FLAT ? std::string::npos : name.find('/', prefix.size());
            found.push_back(name.substr(0, slash == std::string::npos ? slash : slash + 1));
        }
        std::sort(found.begin(), found.end());
        found.erase(std::unique(found.begin(), found.end()), found.end());
        found.erase(found.begin(),
                    after.empty() ? found.begin() : std::upper_bound(found.begin(), found.end(), after));
        keys = std::move(found);
        read = true;
    }

    bool Add(const std::string &key)
    {
        const bool folder = !(flags & POLYFS_LIST_FLAT) && key.back() == '/';
        struct stat file;
        StatInfo stat = POLYFS_STAT_INIT;
        if (folder)
            stat.size = 0;
        else if (fstatat(store.folder.Get(), FileOf(key.data(), key.size()).c_str(), &file, 0) == 0)
            Tell(file, &stat);
        else if (errno == ENOENT)
            return false; /* removed meanwhile */
        else
            ThrowErrno("stat");
        paths.push_back(folder ? key.substr(0, key.size() - 1) : key);
        rows.push_back({nullptr, paths.back().size(),
                        static_cast<uint32_t>(folder ? POLYFS_TYPE_DIR : POLYFS_TYPE_FILE), 0, stat.size,
                        stat.mtime_ns, nullptr, nullptr});
        return true;
    }

    int Page(const Call *call, polyfs_page *out)
    {
        if (!read)
            Read(call);
        size_t at = next;
        paths.clear();
        rows.clear();
        for (; at < keys.size() && rows.size() < 1000; at++) {
            GoOn(call);
            Add(keys[at]);
        }
        for (size_t i = 0; i < rows.size(); i++)
            rows[i].path = paths[i].c_str();
        out->stride = sizeof(rows[0]);
        out->entries = rows.data();
        out->count = rows.size();
        out->marker = at ? keys[at - 1].c_str() : nullptr;
        next = at; /* last, so that a page that failed can be asked for again */
        return at < keys.size() ? POLYFS_MORE : POLYFS_OK;
    }
};

int ListOpen(Call *, void *fs, const char *prefix, uint64_t length, const polyfs_list_request *request, void **out,
             Error *err)
{
    return Guard(err, [=] {
        const char *after = request->marker ? request->marker : request->start_after;
        if (request->flags & ~POLYFS_LIST_PLAIN)
            throw Failure{POLYFS_UNSUPPORTED, "a flag is not known"};
        *out =
            new Lister{*static_cast<Store *>(fs), std::string(prefix, length), after ? after : "", request->flags};
        return POLYFS_OK;
    });
}

int ListNext(Call *call, void *lister, polyfs_page *out, Error *err)
{
    return Guard(err, [=] { return static_cast<Lister *>(lister)->Page(call, out); });
}

void ListClose(void *lister)
{
    delete static_cast<Lister *>(lister);
}

/* ---- the description -------------------------------------------------------------------------------------- */

/* C++17 has no names in initializers, so the tables are filled by functions. */
polyfs_fs_ops FsTable()
{
    polyfs_fs_ops table = {};
    table.struct_size = sizeof(table);
    table.open = FsOpen;
    table.close = FsClose;
    table.caps = FsCaps;
    table.stat = FsStat;
    table.get = FsGet;
    table.put = FsPut;
    table.remove = FsRemove;
    table.rename = FsRename;
    return table;
}

const polyfs_fs_ops fs_ops = FsTable();
const polyfs_lister_ops lister_ops = {sizeof(lister_ops), 0, ListOpen, ListNext, ListClose};
const polyfs_reader_ops reader_ops = {sizeof(reader_ops), 0, ReaderOpen, ReaderPread, ReaderClose};
const polyfs_placed_ops placed_ops = {sizeof(placed_ops), 0, PlacedOpen, PlacedWrite, PlacedCommit, PlacedAbort};
const polyfs_option options[] = {
    {"folder", "", "FLATDIR_FOLDER", POLYFS_OPTION_PATH, 0, nullptr, nullptr, "folder that holds the objects"}};

} // namespace

POLYFS_PLUGIN_DEFINE(flatdir, host, POLYFS_OK, "1.0", "Objects as files of one folder, whatever their names",
                     "flatdir", "none", 0, 0, POLYFS_PLUGIN_OPTIONS(options), &fs_ops, &lister_ops, &reader_ops,
                     nullptr, &placed_ops, nullptr, nullptr)
