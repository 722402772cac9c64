/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one store makes of awkward names, as a column of the table in docs/paths.md:
 *   paths_column URL [--bucket|--folder]
 * URL is an empty folder, or a bucket or a folder that is made first. Each name is put there, looked at, listed, read and
 * removed; a line a name, with tabs between: what is awkward about it, the name, what came of it. A name that does what no
 * store should do (bytes of another object, say) is told in the same column, so it cannot pass unseen.
 */
#include <polyfs/polyfs.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace
{

struct Awkward {
    const char *what;
    std::string name;
    std::string twin; /* a second name, stored beside the first; or empty */
    const char *shown = nullptr;
};

const std::string kLongKey = std::string(200, 'a') + "/" + std::string(200, 'b') + "/" + std::string(200, 'c') +
                             "/" + std::string(200, 'd') + "/" + std::string(220, 'e');

const Awkward kNames[] = {
    {"`/` at the end", "x/", ""},
    {"`/` at the beginning", "/x", ""},
    {"empty part", "a//b", ""},
    {"part `.`", "a/./b", ""},
    {"part `..`", "a/../b", ""},
    {"`.` alone", ".", ""},
    {"encoded slash", "a%2Fb", ""},
    {"plus", "a+b", ""},
    {"question mark", "a?b=c", ""},
    {"hash", "a#b", ""},
    {"colon", "a:b", ""},
    {"backslash", "a\\b", ""},
    {"star", "*", ""},
    {"brackets", "[a]", ""},
    {"blank at the end", "a ", ""},
    {"dot at the end", "a.", ""},
    {"newline", "a\nb", ""},
    {"control characters", "\x01\t\r\x7f", ""},
    {"invalid UTF-8", "\xff\xc3", ""},
    {"U+FFFE, no character", "\xef\xbf\xbe", ""},
    {"NFC beside NFD", "\xc3\xa9", "e\xcc\x81"},
    {"lower beside upper case", "k", "K"},
    {"object beside folder", "a", "a/b"},
    {"part of 255 bytes", std::string(255, 'n'), "", "`n` × 255"},
    {"part of 256 bytes", std::string(256, 'n'), "", "`n` × 256"},
    {"key of 1,024 bytes", kLongKey, "", "four parts of 200 bytes, one of 220"},
    {"key of 1,025 bytes", kLongKey + "e", "", "four parts of 200 bytes, one of 221"},
    {"as polyfs's own staging", POLYFS_STAGING_PREFIX "x", ""},
};

/* As in C: printable ASCII is itself, but for the backslash and what a table or a code span would swallow. */
std::string Escaped(const std::string &name)
{
    std::string text = "`";
    for (char c : name) {
        char hex[5];
        snprintf(hex, sizeof(hex), "\\x%02x", static_cast<unsigned char>(c));
        if (c == '\\')
            text += "\\\\";
        else if (c > ' ' && c < 0x7f && c != '|' && c != '`')
            text += static_cast<char>(c);
        else
            text += hex;
    }
    return text + "`";
}

class Store
{
  public:
    Store() = default;
    Store(const Store &) = delete;
    Store &operator=(const Store &) = delete;
    ~Store()
    {
        polyfs_fs_close(fs_);
    }

    bool Open(const char *url, const std::string &make)
    {
        const uint32_t flags = POLYFS_MKDIR_EXIST_OK | (make == "--bucket" ? POLYFS_MKDIR_BUCKET : 0);
        polyfs_error err = POLYFS_ERROR_INIT;
        char *path = nullptr;
        if (polyfs_fs_open(url, nullptr, &fs_, &path, &err) != POLYFS_OK) {
            fprintf(stderr, "%s\n", err.message);
            return false;
        }
        base_ = path;
        polyfs_free(path);
        if (make.empty() || polyfs_mkdir(fs_, base_.c_str(), flags, nullptr, &err) == POLYFS_OK)
            return true;
        fprintf(stderr, "%s\n", err.message);
        return false;
    }

    int Put(const std::string &name, const std::string &bytes)
    {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.flags = name.find('/') != std::string::npos ? POLYFS_WRITE_PARENTS : 0;
        return polyfs_put(fs_, Path(name).c_str(), bytes.data(), bytes.size(), &opts, nullptr, nullptr);
    }

    /* POLYFS_CORRUPT when it is another object's. */
    int Stat(const std::string &name, size_t size)
    {
        struct polyfs_stat stat = POLYFS_STAT_INIT;
        int rc = polyfs_stat(fs_, Path(name).c_str(), nullptr, nullptr, &stat, nullptr);
        return rc == POLYFS_OK && (stat.type != POLYFS_TYPE_FILE || stat.size != size) ? POLYFS_CORRUPT : rc;
    }

    int Get(const std::string &name, const std::string &bytes)
    {
        void *data = nullptr;
        size_t n = 0;
        int rc = polyfs_get_all(fs_, Path(name).c_str(), nullptr, &data, &n, nullptr, nullptr);
        if (rc == POLYFS_OK && std::string(static_cast<char *>(data), n) != bytes)
            rc = POLYFS_CORRUPT;
        polyfs_free(data);
        return rc;
    }

    /* POLYFS_EXISTS when it is still there afterwards. */
    int Remove(const std::string &name)
    {
        int exists = 0;
        int rc = polyfs_remove(fs_, Path(name).c_str(), nullptr, nullptr);
        if (rc == POLYFS_OK)
            rc = polyfs_exists(fs_, Path(name).c_str(), nullptr, &exists, nullptr);
        return rc == POLYFS_OK && exists ? POLYFS_EXISTS : rc;
    }

    /* All objects, without the folder in front. */
    int List(std::vector<std::string> *out)
    {
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        polyfs_lister *lister = nullptr;
        opts.flags = POLYFS_LS_RECURSIVE;
        out->clear();
        int rc = polyfs_list_open(fs_, base_.c_str(), &opts, &lister, nullptr);
        if (rc != POLYFS_OK)
            return rc;
        do {
            const polyfs_entry *rows = nullptr;
            size_t count = 0;
            rc = polyfs_list_next(lister, &rows, &count, nullptr);
            for (size_t i = 0; rc >= 0 && i < count; i++)
                out->emplace_back(rows[i].path + base_.size() + 1, rows[i].path_len - base_.size() - 1);
        } while (rc == POLYFS_MORE);
        polyfs_list_close(lister);
        return rc;
    }

    /* What is left of one name must not meet the next. */
    int Clear()
    {
        int rc = polyfs_remove_tree(fs_, base_.c_str(), nullptr, nullptr);
        if (rc == POLYFS_OK || rc == POLYFS_NOT_FOUND)
            rc = polyfs_mkdir(fs_, base_.c_str(), POLYFS_MKDIR_EXIST_OK, nullptr, nullptr);
        return rc;
    }

  private:
    std::string Path(const std::string &name) const
    {
        return base_ + "/" + name;
    }

    polyfs_fs *fs_ = nullptr;
    std::string base_;
};

std::string Refused(Store *store, const char *which, int rc, size_t there)
{
    std::vector<std::string> listed;
    std::string cell = std::string(which) + "refused: `" + polyfs_code_name(rc) + "`";
    int list = store->List(&listed);
    if (list < 0 && list != POLYFS_NOT_FOUND)
        cell += std::string(", list: `") + polyfs_code_name(list) + "`";
    return listed.size() == there ? cell : cell + ", but something is stored";
}

/* What stat, get and remove say when it is not what they should; nothing when it is. */
std::string Failures(Store *store, const std::string &name, const std::string &bytes)
{
    std::string text;
    /* in this order: the last one removes it */
    const std::pair<const char *, int> steps[] = {{"stat", store->Stat(name, bytes.size())},
                                                  {"get", store->Get(name, bytes)},
                                                  {"remove", store->Remove(name)}};
    for (const auto &step : steps)
        if (step.second != POLYFS_OK)
            text += std::string(", ") + step.first + ": `" + polyfs_code_name(step.second) + "`";
    return text;
}

std::string One(Store *store, const Awkward &row)
{
    std::vector<std::string> listed;
    int rc = store->Put(row.name, row.what);
    if (rc != POLYFS_OK)
        return Refused(store, "", rc, 0);
    rc = store->List(&listed);
    std::string cell = "kept";
    if (rc != POLYFS_OK)
        cell = std::string("kept, list: `") + polyfs_code_name(rc) + "`";
    else if (listed.empty())
        cell = "kept, not listed";
    else if (listed.size() > 1)
        cell = "kept, listed as several";
    else if (listed[0] != row.name)
        cell = "listed as " + Escaped(listed[0]);
    return cell + Failures(store, row.name, row.what);
}

std::string Two(Store *store, const Awkward &row)
{
    const std::string bytes[] = {"first", "the second"}, names[] = {row.name, row.twin};
    std::vector<std::string> listed, wanted = {row.name, row.twin};
    int rc = store->Put(names[0], bytes[0]);
    if (rc != POLYFS_OK)
        return Refused(store, "first ", rc, 0);
    rc = store->Put(names[1], bytes[1]);
    if (rc != POLYFS_OK) {
        const std::string refused = Refused(store, "second ", rc, 1);
        return refused + Failures(store, names[0], bytes[0]);
    }
    if (store->Get(names[0], bytes[1]) == POLYFS_OK)
        return "one object, that of the second";
    rc = store->List(&listed);
    std::sort(listed.begin(), listed.end());
    std::sort(wanted.begin(), wanted.end());
    std::string cell = rc == POLYFS_OK && listed == wanted ? "kept apart" : "kept, not listed as two";
    /* the second first: what lies below a name keeps it in being */
    const std::string second = Failures(store, names[1], bytes[1]);
    return cell + Failures(store, names[0], bytes[0]) + second;
}

} // namespace

int main(int argc, char **argv)
{
    Store store;
    const std::string make = argc == 3 ? argv[2] : "";
    if (argc < 2 || argc > 3 || (argc == 3 && make != "--bucket" && make != "--folder"))
        return fprintf(stderr, "usage: paths_column URL [--bucket|--folder]\n"), 2;
    if (!store.Open(argv[1], make))
        return 1;
    for (const Awkward &row : kNames) {
        int rc = store.Clear();
        if (rc != POLYFS_OK)
            return fprintf(stderr, "%s cannot be cleared: %s\n", argv[1], polyfs_code_name(rc)), 1;
        const std::string cell = row.twin.empty() ? One(&store, row) : Two(&store, row);
        const std::string shown = row.shown          ? row.shown
                                  : row.twin.empty() ? Escaped(row.name)
                                                     : Escaped(row.name) + ", then " + Escaped(row.twin);
        printf("%s\t%s\t%s\n", row.what, shown.c_str(), cell.c_str());
    }
    return store.Clear() == POLYFS_OK ? 0 : 1;
}
