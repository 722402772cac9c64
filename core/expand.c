/* SPDX-License-Identifier: Apache-2.0 */
/* From what a caller wrote to the objects it stands for: fsspec's expand_path, with an escape and without guesses. */
#include <stdlib.h>

#include "core/bulk.h"
#include "core/glob.h"
#include "core/plan.h"
#include "core/stat.h"

int pfs_source_magic(uint32_t flags, const char *source)
{
    return !(flags & POLYFS_BULK_LITERAL) && pfs_glob_magic(source);
}

char *pfs_source_plain(uint32_t flags, const char *source)
{
    return flags & POLYFS_BULK_LITERAL ? strdup(source) : pfs_glob_plain(source);
}

static int add_rows(struct polyfs_lister *lister, struct pfs_rows *out, struct polyfs_error *err)
{
    int rc;
    do {
        const struct polyfs_entry *rows;
        size_t n = 0;
        rc = polyfs_list_next(lister, &rows, &n, err);
        for (size_t i = 0; rc >= 0 && i < n; i++)
            if (pfs_rows_add(out, &rows[i]) != POLYFS_OK)
                rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a list of names");
    } while (rc == POLYFS_MORE);
    return rc;
}

/* A path below an object does not exist, whatever the store's reason for saying so. */
int pfs_stat_source(const struct pfs_scope *scope, const char *path, struct polyfs_stat *out,
                    struct polyfs_error *err)
{
    int rc = polyfs_stat(scope->fs, path, NULL, scope->call, out, err);
    if (rc != POLYFS_NOT_DIR)
        return rc;
    if (err)
        err->code = POLYFS_NOT_FOUND;
    return POLYFS_NOT_FOUND;
}

static int add_one(const struct pfs_scope *scope, const char *path, struct pfs_rows *out, int *out_is_dir,
                   struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int rc = pfs_stat_source(scope, path, &stat, err);
    if (rc != POLYFS_OK)
        return rc;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/' && stat.type == POLYFS_TYPE_DIR)
        n--;
    struct polyfs_entry entry = {
        .path = path, .path_len = n, .type = stat.type, .size = stat.size, .mtime_ns = stat.mtime_ns};
    *out_is_dir = stat.type == POLYFS_TYPE_DIR;
    return pfs_rows_add(out, &entry) == POLYFS_OK ? POLYFS_OK
                                                  : polyfs_fail(err, POLYFS_NOMEM, "no memory for a name");
}

/* A folder and all below it; an object is itself. */
static int add_tree(const struct pfs_scope *scope, const char *path, uint32_t max_depth, struct pfs_rows *out,
                    struct polyfs_error *err)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister;
    int is_dir = 0;
    int rc = add_one(scope, path, out, &is_dir, err);
    if (rc != POLYFS_OK || !is_dir)
        return rc;
    opts.flags = POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS;
    opts.max_depth = max_depth;
    opts.call = scope->call;
    rc = polyfs_list_open(scope->fs, path, &opts, &lister, err);
    if (rc == POLYFS_OK) {
        rc = add_rows(lister, out, err);
        polyfs_list_close(lister);
    }
    return rc;
}

static int add_glob(const struct pfs_scope *scope, const char *pattern, struct pfs_rows *out,
                    struct polyfs_error *err)
{
    struct polyfs_lister *lister;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    size_t before = out->count;
    uint32_t max_depth = scope->max_depth;
    opts.max_depth = max_depth;
    opts.call = scope->call;
    int rc = polyfs_glob_open(scope->fs, pattern, &opts, &lister, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = add_rows(lister, out, err);
    polyfs_list_close(lister);
    size_t found = out->count;
    if (rc != POLYFS_OK || !(scope->flags & POLYFS_BULK_RECURSIVE) || max_depth == 1)
        return rc;
    for (size_t i = before; i < found && rc == POLYFS_OK; i++) {
        if (out->rows[i].type != POLYFS_TYPE_DIR)
            continue;
        char *folder = pfs_copy(out->rows[i].path, out->rows[i].path_len);
        rc = folder ? add_tree(scope, folder, max_depth ? max_depth - 1 : 0, out, err)
                    : polyfs_fail(err, POLYFS_NOMEM, "no memory for a name");
        free(folder);
    }
    return rc;
}

static int by_path(const void *a, const void *b)
{
    const struct polyfs_entry *x = a, *y = b;
    size_t n = x->path_len < y->path_len ? x->path_len : y->path_len;
    int order = memcmp(x->path, y->path, n);
    return order ? order : (x->path_len > y->path_len) - (x->path_len < y->path_len);
}

static void sort_and_unite(struct pfs_rows *rows)
{
    size_t kept = 0;
    if (rows->count)
        qsort(rows->rows, rows->count, sizeof(*rows->rows), by_path);
    for (size_t i = 0; i < rows->count; i++)
        if (!kept || by_path(&rows->rows[kept - 1], &rows->rows[i]) != 0)
            rows->rows[kept++] = rows->rows[i];
    rows->count = kept;
}

int pfs_expand(const struct pfs_scope *scope, const char *source, struct pfs_rows *out, struct polyfs_error *err)
{
    int is_dir, rc;
    size_t before = out->count;
    char *plain = pfs_source_plain(scope->flags, source);
    if (!plain)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a name");
    if (pfs_source_magic(scope->flags, source))
        rc = add_glob(scope, source, out, err);
    else if (scope->flags & POLYFS_BULK_RECURSIVE)
        rc = add_tree(scope, plain, scope->max_depth, out, err);
    else
        rc = add_one(scope, plain, out, &is_dir, err);
    if (rc == POLYFS_OK && out->count == before)
        rc = polyfs_fail(err, POLYFS_NOT_FOUND, "nothing matches %s", source);
    free(plain);
    sort_and_unite(out);
    return rc;
}

int pfs_remove_empty(const struct pfs_scope *scope, const char *path, struct polyfs_error *err)
{
    struct pfs_rows rows = {0};
    struct polyfs_error why = POLYFS_ERROR_INIT;
    int rc = pfs_expand(scope, path, &rows, &why);
    for (size_t i = rows.count; rc == POLYFS_OK && i-- > 0;) {
        if (rows.rows[i].type != POLYFS_TYPE_DIR)
            continue;
        rc = polyfs_rmdir(scope->fs, rows.rows[i].path, 0, scope->call, &why);
        if (rc == POLYFS_NOT_EMPTY)
            rc = POLYFS_OK;
    }
    pfs_rows_clear(&rows);
    if (rc == POLYFS_NOT_FOUND) /* implied folders went with their last object */
        return POLYFS_OK;
    if (rc < 0 && err)
        pfs_error_out(err, &why, rc, "remove the empty folder", path);
    return rc;
}
