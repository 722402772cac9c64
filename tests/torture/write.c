/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios that write: put, the writer in each of its shapes, append, copy. */
#include <stdio.h>
#include <string.h>

#include "torture.h"

static void old(struct world *w)
{
    plant(w, "a", 100);
}

static const struct polyfs_kv metadata[] = {{"who", "torture"}, {"why", "to see it fail"}};

static int call_put(struct world *w, struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    if (strcmp(w->store, "file") != 0) { /* attributes of a mount are a matter of luck */
        opts.metadata = metadata;
        opts.metadata_count = 2;
        opts.content_type = "text/plain";
    }
    opts.durability = POLYFS_DURABILITY_FULL;
    return polyfs_put(w->fs, at(w, "a"), bytes_of("new", 3000), 3000, &opts, &w->out.stat, err);
}

static const char *check_3000(const struct world *w)
{
    return w->out.stat.size == 3000 ? NULL : "the size is wrong";
}

/* Opens, writes in three pieces, commits. */
static int write_by(struct world *w, uint32_t shape, size_t size, uint32_t flags, struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    struct polyfs_writer *writer = NULL;
    const char *bytes = bytes_of("new", size);
    opts.shape = shape;
    opts.flags = flags;
    int rc = polyfs_writer_open(w->fs, at(w, "a"), &opts, &writer, err);
    for (size_t done = 0; rc == POLYFS_OK && done < size; done += size / 3 + 1) {
        size_t n = size - done < size / 3 + 1 ? size - done : size / 3 + 1;
        rc = polyfs_writer_write(writer, bytes + done, n, err);
    }
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, &w->out.stat, err);
    polyfs_writer_close(writer);
    return rc;
}

static int call_write_put(struct world *w, struct polyfs_error *err)
{
    return write_by(w, POLYFS_SHAPE_PUT, 3000, 0, err);
}

static int call_write_parts(struct world *w, struct polyfs_error *err)
{
    return write_by(w, POLYFS_SHAPE_PARTS, BIG, 0, err);
}

static int call_write_placed(struct world *w, struct polyfs_error *err)
{
    return write_by(w, POLYFS_SHAPE_PLACED, BIG, 0, err);
}

static int call_write_stream(struct world *w, struct polyfs_error *err)
{
    return write_by(w, POLYFS_SHAPE_STREAM, BIG, 0, err);
}

static const char *check_big(const struct world *w)
{
    return w->out.stat.size == BIG ? NULL : "the size is wrong";
}

static int call_append(struct world *w, struct polyfs_error *err)
{
    return write_by(w, 0, 3000, POLYFS_WRITE_APPEND, err);
}

static const char *check_append(const struct world *w)
{
    return w->out.stat.size == 3100 ? NULL : "the size is wrong";
}

static void big(struct world *w)
{
    plant(w, "a", BIG);
    plant(w, "old", 50);
}

static int call_copy(struct world *w, struct polyfs_error *err)
{
    return polyfs_copy(w->fs, at(w, "a"), w->fs, at(w, "old"), NULL, &w->out.stat, err);
}

/* From this store to a folder of this machine and back: both directions, in parts. */
static int call_copy_across(struct world *w, struct polyfs_error *err)
{
    char path[300];
    struct polyfs_fs *local = NULL;
    const char *options[] = {"durability=none", "part_bytes=" PART, NULL};
    snprintf(path, sizeof(path), "%s/across", w->folder);
    int rc = polyfs_fs_open(path, options, &local, NULL, err);
    if (rc == POLYFS_OK)
        rc = polyfs_copy(w->fs, at(w, "a"), local, path, NULL, NULL, err);
    if (rc == POLYFS_OK)
        rc = polyfs_copy(local, path, w->fs, at(w, "old"), NULL, &w->out.stat, err);
    polyfs_fs_close(local);
    return rc;
}

const struct scenario write_scenarios[] = {
    {"put", ON_ALL, old, call_put, check_3000, NULL, NULL, NULL},
    {"write_put", ON_ALL, old, call_write_put, check_3000, NULL, NULL, NULL},
    {"write_parts", ON_MEMORY | ON_BARE | THRIFTY, old, call_write_parts, check_big, NULL, NULL, NULL},
    {"write_placed", ON_ALL, old, call_write_placed, check_big, NULL, NULL, NULL},
    {"write_stream", ON_MEMORY | ON_BARE, old, call_write_stream, check_big, NULL, NULL, NULL},
    {"append", ON_BOTH, old, call_append, check_append, NULL, NULL, NULL},
    {"append_emulated", ON_BARE | THRIFTY, old, call_append, check_append, NULL, NULL, NULL},
    {"copy", ON_ALL | THRIFTY, big, call_copy, check_big, NULL, NULL, NULL},
    {"copy_across", ON_MEMORY | ON_BARE | THRIFTY, big, call_copy_across, check_big, NULL, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
