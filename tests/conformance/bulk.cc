/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk verbs as a machine: one window over all objects, bounded memory, every item told of once. */
#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "case.h"

namespace conformance
{

using Strings = std::vector<std::string>;

namespace
{

struct Items {
    std::multiset<std::string> targets;
    uint64_t failed = 0, progressed = 0;
};

void OnItem(const polyfs_item *item, void *user)
{
    Items *items = static_cast<Items *>(user);
    items->targets.insert(item->target);
    items->failed += item->code < 0;
}

void OnProgress(const polyfs_progress *progress, void *user)
{
    Items *items = static_cast<Items *>(user);
    EXPECT_GE(progress->bytes_done, items->progressed) << "it never goes back";
    items->progressed = progress->bytes_done;
}

std::string Name(unsigned i)
{
    char name[32];
    snprintf(name, sizeof(name), "d/%02u/%04u", i % 10, i);
    return name;
}

struct Taken {
    std::multiset<std::string> bytes;
    std::map<std::string, int> codes;
};

void Take(const char *path, const void *data, size_t size, int code, void *user)
{
    Taken *taken = static_cast<Taken *>(user);
    if (code == POLYFS_OK)
        taken->bytes.insert(std::string(static_cast<const char *>(data), size));
    else
        taken->codes[path] = code;
}

} // namespace

/* A thousand objects of three parts, one at a time, with memory for one part: it ends, and nothing is torn. */
CONFORMANCE_CASE(bulk, OneAtATimeInOnePart)
{
    if (!Confines(fs(), P()))
        return; /* fsspec's cases prove that it is refused */
    const unsigned count = Many(1000, SameProcess() ? 1000 : 30);
    const uint64_t part = std::max<uint64_t>(caps().part_min, 4096);
    polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    polyfs_bulk_result result = {};
    RuntimeStats old = {};
    old.struct_size = sizeof(old);
    polyfs_runtime_stats(&old);
    for (unsigned i = 0; i < count; i++)
        ASSERT_CODE(POLYFS_OK, Put(Name(i), Bytes(2 * part + i, i)));
    Items items;
    std::string sized = "part_bytes=" + std::to_string(part);
    Fs other = OpenWith(sized);
    std::string source = P("d"), target = P("t");
    const char *sources[] = {source.c_str()}, *targets[] = {target.c_str()};
    result.struct_size = sizeof(result);
    opts.flags = POLYFS_BULK_RECURSIVE;
    opts.jobs = 1;
    opts.on_item = OnItem;
    opts.on_progress = OnProgress;
    opts.user = &items;
    polyfs_set_budget(part);
    int rc = polyfs_bulk_copy(fs(), sources, 1, other.get(), targets, 1, &opts, &result, E());
    polyfs_set_budget(old.budget_bytes);
    ASSERT_CODE(POLYFS_OK, rc);
    EXPECT_EQ(0u, items.failed);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes += 2 * part + i;
        EXPECT_EQ(1u, items.targets.count(P("t" + Name(i).substr(1)))) << Name(i) << " is told of once";
        EXPECT_TRUE(Bytes(2 * part + i, i) == Get("t" + Name(i).substr(1))) << Name(i);
    }
    EXPECT_EQ(bytes, result.bytes);
    EXPECT_EQ(bytes, items.progressed);
}

/* One item that fails is told of, the others are copied; with STOP nothing new is begun behind it. */
CONFORMANCE_CASE(bulk, OneFails)
{
    if (!Confines(fs(), P()))
        return;
    for (unsigned i = 0; i < 10; i++)
        ASSERT_CODE(POLYFS_OK, Put(Name(i), "bytes"));
    std::string source = P("d"), target = P("t");
    const char *sources[] = {source.c_str()}, *targets[] = {target.c_str()};
    for (uint32_t stop : {0u, POLYFS_BULK_STOP}) {
        Fs breaks = OpenWith("fault=put:3:io,placed_open:3:io,upload_start:3:io,stream_open:3:io,any:" +
                             std::to_string(1000000 + stop) + ":io");
        Items items;
        polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
        polyfs_bulk_result result = {};
        result.struct_size = sizeof(result);
        opts.flags = POLYFS_BULK_RECURSIVE | stop;
        opts.on_item = OnItem;
        opts.user = &items;
        opts.jobs = 1;
        EXPECT_CODE(POLYFS_IO, polyfs_bulk_copy(fs(), sources, 1, breaks.get(), targets, 1, &opts, &result, E()));
        EXPECT_EQ(1u, items.failed);
        EXPECT_EQ(1u, result.items_failed);
        if (Chaos()) { /* call 3 may be the repeat of the second, or of the first */
            EXPECT_GE(stop ? 2u : 9u, Names("t", POLYFS_LS_RECURSIVE).size());
        } else {
            EXPECT_EQ(stop ? 2u : 9u, Names("t", POLYFS_LS_RECURSIVE).size());
        }
        ASSERT_CODE(POLYFS_OK, polyfs_remove_tree(fs(), target.c_str(), nullptr, E()));
    }
}

/* Removal in the largest requests: each object is told of, folders behind their members. */
CONFORMANCE_CASE(bulk, RemoveAll)
{
    const unsigned count = Many(1500, SameProcess() ? 1500 : 40);
    for (unsigned i = 0; i < count; i++)
        ASSERT_CODE(POLYFS_OK, Put(Name(i), "x"));
    polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    polyfs_bulk_result result = {};
    std::string path = P("d");
    const char *paths[] = {path.c_str()};
    result.struct_size = sizeof(result);
    opts.flags = POLYFS_BULK_RECURSIVE;
    ASSERT_CODE(POLYFS_OK, polyfs_bulk_remove(fs(), paths, 1, &opts, &result, E()));
    ExpectFolderGone("d");
    EXPECT_GE(result.items_done, count);
    EXPECT_EQ(0u, result.items_failed);
}

/* Many stats, several under way: each has its own answer. */
CONFORMANCE_CASE(bulk, StatMany)
{
    ASSERT_CODE(POLYFS_OK, Put("d/x", "12345"));
    std::vector<std::string> names;
    for (unsigned i = 0; i < 60; i++)
        names.push_back(P(i % 3 == 0 ? "d/x" : i % 3 == 1 ? "missing" : "d"));
    std::vector<const char *> paths;
    for (const std::string &name : names)
        paths.push_back(name.c_str());
    std::vector<StatInfo> stats(paths.size(), StatInfo POLYFS_STAT_INIT);
    std::vector<int> codes(paths.size(), 1);
    EXPECT_CODE(POLYFS_NOT_FOUND,
                polyfs_stat_many(fs(), paths.data(), paths.size(), nullptr, stats.data(), codes.data(), E()));
    for (unsigned i = 0; i < paths.size(); i++) {
        EXPECT_EQ(i % 3 == 1 ? POLYFS_NOT_FOUND : POLYFS_OK, codes[i]) << paths[i];
        if (i % 3 != 1) {
            EXPECT_EQ(i % 3 == 0 ? POLYFS_TYPE_FILE : POLYFS_TYPE_DIR, static_cast<int>(stats[i].type));
        }
    }
}

/* What was named is read at once, whatever its size; a folder is nothing to read; what is missing is told by name. */
CONFORMANCE_CASE(bulk, CatOfNames)
{
    const std::string large = Bytes(3 << 20), small = Bytes(100, 1);
    ASSERT_CODE(POLYFS_OK, Put("small", small));
    ASSERT_CODE(POLYFS_OK, Put("empty", ""));
    ASSERT_CODE(POLYFS_OK, Put("large", large));
    ASSERT_CODE(POLYFS_OK, Put("d/x1", "one"));
    ASSERT_CODE(POLYFS_OK, Put("d/x2", "two"));
    const Strings names = {P("small"), P("missing"), P("empty"), P("d"), P("large"), P("d/x*"), P("small")};
    std::vector<const char *> paths;
    for (const std::string &name : names)
        paths.push_back(name.c_str());
    Taken taken;
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_bulk_cat(fs(), paths.data(), paths.size(), nullptr, Take, &taken, E()));
    EXPECT_NE(std::string::npos, Why().find("missing"));
    EXPECT_TRUE(taken.bytes == (std::multiset<std::string>{small, small, "", large, "one", "two"}));
    EXPECT_EQ((std::map<std::string, int>{{P("missing"), POLYFS_NOT_FOUND}}), taken.codes);
}

/* A request for each object and none beside, once the store is known. */
CONFORMANCE_CASE(bulk, CatTakesOneRequestAnObject)
{
    const unsigned count = 20;
    Strings names;
    for (unsigned i = 0; i < count; i++) {
        names.push_back(P("o" + std::to_string(i)));
        ASSERT_CODE(POLYFS_OK, Put("o" + std::to_string(i), Bytes(1000, i)));
    }
    std::vector<const char *> paths;
    for (const std::string &name : names)
        paths.push_back(name.c_str());
    Taken taken;
    uint64_t before = Requests();
    ASSERT_CODE(POLYFS_OK, polyfs_bulk_cat(fs(), paths.data(), paths.size(), nullptr, Take, &taken, E()));
    EXPECT_EQ(count, taken.bytes.size());
    if (!Chaos()) {
        EXPECT_GE(before + count * store().get_requests, Requests());
    }
}

} // namespace conformance
