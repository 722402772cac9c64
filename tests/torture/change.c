/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios that change what is there without writing bytes, and the checksum. */
#include <string.h>

#include "torture.h"

static void tree(struct world *w)
{
    plant(w, "a", 10);
    plant(w, "b", 20);
    plant(w, "d/c", 30);
    plant(w, "d/e/f", 40);
    plant(w, "d/e/g", 50);
}

static int call_rename(struct world *w, struct polyfs_error *err)
{
    return polyfs_rename(w->fs, at(w, "a"), at(w, "b"), 0, NULL, err);
}

static int call_link(struct world *w, struct polyfs_error *err)
{
    return polyfs_link(w->fs, at(w, "link"), at(w, "a"), NULL, err);
}

static void linked(struct world *w)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    tree(w);
    must(polyfs_link(w->clean, at(w, "link"), at(w, "b"), NULL, &err), "link", &err);
}

static int call_remove(struct world *w, struct polyfs_error *err)
{
    return polyfs_remove(w->fs, at(w, "a"), NULL, err);
}

static int call_remove_many(struct world *w, struct polyfs_error *err)
{
    const char *paths[3] = {at(w, "a"), at(w, "b"), at(w, "d/c")};
    int codes[3];
    int rc = polyfs_remove_many(w->fs, paths, 3, NULL, codes, err);
    return rc == POLYFS_NOT_FOUND ? POLYFS_OK : rc; /* some were removed by a call that failed before */
}

static int call_remove_tree(struct world *w, struct polyfs_error *err)
{
    return polyfs_remove_tree(w->fs, at(w, "d"), NULL, err);
}

static int call_mkdir(struct world *w, struct polyfs_error *err)
{
    return polyfs_mkdir(w->fs, at(w, "d/new/deep"), POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, NULL, err);
}

static int call_rmdir(struct world *w, struct polyfs_error *err)
{
    return polyfs_rmdir(w->fs, at(w, "empty"), 0, NULL, err);
}

static void empty_folder(struct world *w)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    must(polyfs_mkdir(w->clean, at(w, "empty"), POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, NULL, &err), "mkdir",
         &err);
}

static const struct polyfs_kv pairs[] = {{"one", "1"}, {"two", "2"}};

static int call_metadata(struct world *w, struct polyfs_error *err)
{
    struct polyfs_pairs *got = NULL;
    int rc = polyfs_set_metadata(w->fs, at(w, "a"), pairs, 2, "text/plain", NULL, err);
    if (rc == POLYFS_OK)
        rc = polyfs_get_metadata(w->fs, at(w, "a"), NULL, &got, err);
    if (rc == POLYFS_OK)
        w->out.n = polyfs_pairs_count(got);
    polyfs_pairs_free(got);
    return rc;
}

static const char *check_metadata(const struct world *w)
{
    return w->out.n == 2 ? NULL : "pairs are missing";
}

static int call_checksum(struct world *w, struct polyfs_error *err)
{
    return polyfs_checksum(w->fs, at(w, "a"), POLYFS_CHECKSUM_SHA256, NULL, &w->out.checksum, err);
}

static const char *check_checksum(const struct world *w)
{
    return w->out.checksum.kind == POLYFS_CHECKSUM_SHA256 && w->out.checksum.length == 32 ? NULL : "it is none";
}

const struct scenario change_scenarios[] = {
    {"rename_emulated", ON_BARE | ITEMS, tree, call_rename, NULL, NULL, NULL, NULL},
    {"rename", ON_BOTH, tree, call_rename, NULL, NULL, NULL, NULL},
    {"link", ON_FILE, linked, call_link, NULL, NULL, NULL, NULL},
    {"remove", ON_ALL, tree, call_remove, NULL, NULL, NULL, NULL},
    {"remove_many", ON_ALL | ITEMS, tree, call_remove_many, NULL, NULL, NULL, NULL},
    {"remove_tree", ON_ALL | ITEMS, tree, call_remove_tree, NULL, NULL, NULL, NULL},
    {"mkdir", ON_FILE | ITEMS, tree, call_mkdir, NULL, NULL, NULL, NULL},
    {"rmdir", ON_FILE, empty_folder, call_rmdir, NULL, NULL, NULL, NULL},
    {"metadata", ON_MEMORY, tree, call_metadata, check_metadata, NULL, NULL, NULL},
    {"checksum", ON_ALL, tree, call_checksum, check_checksum, NULL, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
