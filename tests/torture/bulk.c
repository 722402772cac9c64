/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios over many objects, and operations. */
#include <string.h>

#include "torture.h"

static void tree(struct world *w)
{
    plant(w, "s/a", 10);
    plant(w, "s/b", BIG);
    plant(w, "s/d/c", 30);
}

static int call_bulk_copy(struct world *w, struct polyfs_error *err)
{
    const char *from = at(w, "s/"), *to = at(w, "t");
    struct polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    opts.flags = POLYFS_BULK_RECURSIVE;
    return polyfs_bulk_copy(w->fs, &from, 1, w->fs, &to, 1, &opts, NULL, err);
}

static int call_bulk_move(struct world *w, struct polyfs_error *err)
{
    struct polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    const char *from = at(w, "s/*"), *to = at(w, "t/");
    opts.flags = POLYFS_BULK_RECURSIVE;
    return polyfs_bulk_move(w->fs, &from, 1, w->fs, &to, 1, &opts, NULL, err);
}

static int call_bulk_remove(struct world *w, struct polyfs_error *err)
{
    const char *path = at(w, "s");
    struct polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    opts.flags = POLYFS_BULK_RECURSIVE;
    return polyfs_bulk_remove(w->fs, &path, 1, &opts, NULL, err);
}

static void take(const char *path, const void *data, size_t size, int code, void *user)
{
    (void)path;
    (void)data;
    *(size_t *)user += code == POLYFS_OK ? size : 0;
}

static int call_bulk_cat(struct world *w, struct polyfs_error *err)
{
    const char *paths[] = {at(w, "s/[ab]"), at(w, "s/d/c")};
    size_t bytes = 0;
    int rc = polyfs_bulk_cat(w->fs, paths, 2, NULL, take, &bytes, err);
    if (rc == POLYFS_OK)
        w->out.n = bytes;
    return rc;
}

static const char *check_bytes(const struct world *w)
{
    return w->out.n == BIG + 40 ? NULL : "bytes are missing";
}

static int call_bulk_pipe(struct world *w, struct polyfs_error *err)
{
    struct polyfs_pipe items[] = {{at(w, "s/a"), bytes_of("x", 500), 500, 0, 0},
                                  {at(w, "s/b"), bytes_of("y", 600), 600, 0, 0}};
    return polyfs_bulk_pipe(w->fs, items, 2, NULL, err);
}

/* Two operations begun, waited for and freed, and one cancelled. */
static int call_operations(struct world *w, struct polyfs_error *err)
{
    struct polyfs_op *get = NULL, *put = NULL, *cancelled = NULL;
    void *data = NULL;
    size_t n = 0;
    int rc = polyfs_get_all_submit(w->fs, at(w, "s/b"), NULL, &data, &n, NULL, &get, err);
    if (rc == POLYFS_OK)
        rc = polyfs_put_submit(w->fs, at(w, "s/a"), bytes_of("new", 700), 700, NULL, NULL, &put, err);
    if (rc == POLYFS_OK)
        rc = polyfs_op_wait(get, UINT32_MAX, err);
    if (rc == POLYFS_OK)
        rc = polyfs_op_wait(put, UINT32_MAX, err);
    if (rc == POLYFS_OK)
        rc = polyfs_du_submit(w->fs, at(w, "s"), NULL, &w->out.usage, &cancelled, err);
    if (cancelled)
        polyfs_op_wait(cancelled, UINT32_MAX, rc == POLYFS_OK ? NULL : err);
    if (rc == POLYFS_OK) {
        polyfs_op_cancel(cancelled);
        rc = polyfs_op_wait(cancelled, UINT32_MAX, err);
    }
    polyfs_op_free(cancelled);
    polyfs_op_free(put);
    polyfs_op_free(get);
    if (rc == POLYFS_OK)
        w->out.n = n;
    polyfs_free(data);
    return rc;
}

static const char *check_operations(const struct world *w)
{
    return w->out.n == BIG && w->out.usage.objects == 3 ? NULL : "an operation's result is wrong";
}

const struct scenario bulk_scenarios[] = {
    {"bulk_copy", ON_ALL | THRIFTY | ITEMS | COPES, tree, call_bulk_copy, NULL, NULL, NULL, NULL},
    {"bulk_move", ON_ALL | THRIFTY | ITEMS | AFRESH, tree, call_bulk_move, NULL, NULL, NULL, NULL},
    {"bulk_remove", ON_ALL | ITEMS | AFRESH, tree, call_bulk_remove, NULL, NULL, NULL, NULL},
    {"bulk_cat", ON_ALL, tree, call_bulk_cat, check_bytes, NULL, NULL, NULL},
    {"bulk_pipe", ON_ALL | ITEMS, tree, call_bulk_pipe, NULL, NULL, NULL, NULL},
    {"operations", ON_ALL | ITEMS, tree, call_operations, check_operations, NULL, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
