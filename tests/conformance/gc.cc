/* SPDX-License-Identifier: Apache-2.0 */
/* Unfinished uploads: found below a path, by age, and ended; what is published stays. */
#include "case.h"

namespace conformance
{

namespace
{

struct Found {
    std::vector<std::string> paths;
    std::vector<int> codes;
};

void Take(const char *path, int64_t started_ns, int code, void *user)
{
    auto *found = static_cast<Found *>(user);
    EXPECT_NE(POLYFS_TIME_UNKNOWN, started_ns);
    found->paths.push_back(path);
    found->codes.push_back(code);
}

polyfs_gc_opts OptionsOf(Found *found, uint32_t older_than_s, uint32_t flags)
{
    polyfs_gc_opts opts = POLYFS_GC_OPTS_INIT;
    opts.older_than_s = older_than_s;
    opts.flags = flags;
    opts.found = Take;
    opts.user = found;
    return opts;
}

/* What a program that was killed in the middle of a write leaves: here its abort fails instead. */
void Leave(polyfs_fs *fs, const std::string &path, uint64_t part_bytes)
{
    polyfs_write_opts write = POLYFS_WRITE_OPTS_INIT;
    polyfs_writer *writer = nullptr;
    const std::string bytes(part_bytes + 1, 'u');
    write.shape = POLYFS_SHAPE_PARTS;
    write.part_bytes = part_bytes;
    ASSERT_EQ(POLYFS_OK, polyfs_writer_open(fs, path.c_str(), &write, &writer, nullptr));
    ASSERT_EQ(POLYFS_OK, polyfs_writer_write(writer, bytes.data(), bytes.size(), nullptr));
    polyfs_writer_close(writer);
}

} // namespace

CONFORMANCE_CASE(gc, UnfinishedUploads)
{
    Found found;
    uint64_t removed = 77;
    polyfs_gc_opts now = OptionsOf(&found, 0, 0), dry = OptionsOf(&found, 0, POLYFS_GC_DRY_RUN),
                   old = OptionsOf(&found, 3600, 0);
    if (!(caps().shapes & POLYFS_SHAPE_PARTS) || No(POLYFS_FACT_LIST_UPLOADS)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_gc(fs(), P("").c_str(), &now, &removed, E()));
        EXPECT_EQ(77u, removed);
        return;
    }
    const uint64_t part = std::max<uint64_t>(caps().part_min, 65536);
    Fs leaving = OpenWith("fault=upload_abort:1+:permission");
    ASSERT_CODE(POLYFS_OK, Put("d/whole", "whole"));
    Leave(leaving.get(), P("d/left"), part);
    Leave(leaving.get(), P("dd"), part);
    ASSERT_CODE(POLYFS_OK, polyfs_gc(fs(), P("d").c_str(), &old, &removed, E()));
    EXPECT_EQ(0u, removed) << "it may be under way still";
    ASSERT_CODE(POLYFS_OK, polyfs_gc(fs(), P("d").c_str(), &dry, &removed, E()));
    EXPECT_EQ(0u, removed);
    EXPECT_EQ((std::vector<std::string>{P("d/left")}), found.paths);
    ASSERT_CODE(POLYFS_OK, polyfs_gc(fs(), P("d").c_str(), &now, &removed, E()));
    EXPECT_EQ(1u, removed);
    EXPECT_EQ((std::vector<std::string>{P("d/left"), P("d/left")}), found.paths);
    EXPECT_EQ((std::vector<int>{POLYFS_OK, POLYFS_OK}), found.codes);
    ASSERT_CODE(POLYFS_OK, polyfs_gc(fs(), P("d").c_str(), &now, &removed, E()));
    EXPECT_EQ(0u, removed) << "it is gone";
    ASSERT_CODE(POLYFS_OK, polyfs_gc(fs(), P("").c_str(), &now, &removed, E()));
    EXPECT_EQ(1u, removed) << "a name that begins alike is another";
    EXPECT_EQ("whole", Get("d/whole"));
}

} // namespace conformance
