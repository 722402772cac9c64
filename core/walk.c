/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk and du: listings of many folders on the caller's thread. A folder that cannot be read is an error with its
 * name, never an empty folder; one that vanished since its parent was read is passed over.
 */
#include <stdlib.h>

#include "core/list.h"

struct pending {
    char **names; /* folders still to visit; the last comes next */
    size_t count, room;
};

static int push(struct pending *pending, const char *name, size_t length)
{
    if (pfs_grow((void **)&pending->names, &pending->room, pending->count, sizeof(char *)) != POLYFS_OK)
        return POLYFS_NOMEM;
    pending->names[pending->count] = pfs_copy(name, length);
    return pending->names[pending->count++] ? POLYFS_OK : POLYFS_NOMEM;
}

static void pending_clear(struct pending *pending)
{
    while (pending->count)
        free(pending->names[--pending->count]);
    free(pending->names);
}

/* All rows of one folder. */
static int read_folder(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *call,
                       struct pfs_rows *rows, struct polyfs_error *err)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister;
    opts.call = call;
    int rc = polyfs_list_open(fs, path, &opts, &lister, err);
    if (rc != POLYFS_OK)
        return rc;
    do {
        const struct polyfs_entry *page;
        size_t n = 0;
        rc = polyfs_list_next(lister, &page, &n, err);
        for (size_t i = 0; rc >= 0 && i < n; i++)
            if (pfs_rows_add(rows, &page[i]) != POLYFS_OK)
                rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for the rows of a folder");
    } while (rc == POLYFS_MORE);
    polyfs_list_close(lister);
    return rc;
}

/* Its folders go onto the stack backwards, so that they come off in byte order. */
static int push_folders(struct pending *pending, const struct pfs_rows *rows, size_t depth_left)
{
    int rc = POLYFS_OK;
    for (size_t i = rows->count; i-- > 0 && rc == POLYFS_OK && depth_left;)
        if (rows->rows[i].type == POLYFS_TYPE_DIR && !(rows->rows[i].flags & POLYFS_STAT_LINK))
            rc = push(pending, rows->rows[i].path, rows->rows[i].path_len);
    return rc;
}

static size_t level_of(const char *path, size_t root_length)
{
    size_t level = 1;
    for (const char *at = path + root_length; *at; at++)
        level += *at == '/' && at[1] && at > path + root_length;
    return level;
}

int polyfs_walk(struct polyfs_fs *fs, const char *path, const struct polyfs_list_opts *opts, polyfs_walk_fn *visit,
                void *user, struct polyfs_error *err)
{
    struct pending pending = {NULL, 0, 0};
    struct pfs_rows rows = {0};
    size_t max_depth = opts && opts->max_depth ? opts->max_depth : SIZE_MAX;
    const struct polyfs_call_opts *call = opts ? opts->call : NULL;
    int rc = push(&pending, path, strlen(path)), first = 1;
    while (rc == POLYFS_OK && pending.count) {
        char *folder = pending.names[--pending.count];
        size_t level = first ? 0 : level_of(folder, strlen(path));
        pfs_rows_reset(&rows);
        rc = read_folder(fs, folder, call, &rows, err);
        if (rc == POLYFS_NOT_FOUND && !first)
            rc = POLYFS_OK;
        else if (rc == POLYFS_OK && visit(folder, rows.rows, rows.count, user) != 0)
            rc = polyfs_fail(err, POLYFS_CANCELLED, "the visitor ended the walk at %s", folder);
        if (rc == POLYFS_OK)
            rc = push_folders(&pending, &rows, level + 1 < max_depth);
        free(folder);
        first = 0;
    }
    if (rc == POLYFS_NOMEM)
        polyfs_fail(err, rc, "no memory to walk %s", path);
    pfs_rows_clear(&rows);
    pending_clear(&pending);
    return rc;
}

int polyfs_du(struct polyfs_fs *fs, const char *path, const struct polyfs_list_opts *opts, struct polyfs_usage *out,
              struct polyfs_error *err)
{
    struct polyfs_list_opts own = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister;
    struct polyfs_usage usage = {0, 0, 0};
    own.call = opts ? opts->call : NULL;
    own.flags = POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS;
    int rc = polyfs_list_open(fs, path, &own, &lister, err);
    if (rc != POLYFS_OK)
        return rc;
    do {
        const struct polyfs_entry *rows;
        size_t n = 0;
        rc = polyfs_list_next(lister, &rows, &n, err);
        for (size_t i = 0; rc >= 0 && i < n; i++) {
            usage.folders += rows[i].type == POLYFS_TYPE_DIR;
            usage.objects += rows[i].type != POLYFS_TYPE_DIR;
            usage.bytes +=
                rows[i].type == POLYFS_TYPE_FILE && rows[i].size != POLYFS_SIZE_UNKNOWN ? rows[i].size : 0;
        }
    } while (rc == POLYFS_MORE);
    polyfs_list_close(lister);
    if (rc == POLYFS_OK)
        *out = usage;
    return rc;
}
