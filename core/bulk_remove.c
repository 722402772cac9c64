/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk removal: what matches, children before their folders. Objects between two folders go together, in the largest
 * requests that the store takes, or several at a time.
 */
#include <stdlib.h>

#include "core/bulk.h"
#include "core/plan.h"
#include "core/remove.h"

static int is_folder(const struct polyfs_entry *row)
{
    return row->type == POLYFS_TYPE_DIR && !(row->flags & POLYFS_STAT_LINK);
}

static int report(struct pfs_bulk *b, const struct polyfs_entry *row, uint32_t flags, int rc,
                  const struct polyfs_error *error)
{
    const struct pfs_step_item step = {.source = row->path, .size = row->size, .is_dir = is_folder(row)};
    if (rc == POLYFS_NOT_FOUND)
        rc = POLYFS_OK;
    pfs_bulk_report(b, &step, "", flags, rc, error);
    return pfs_bulk_failed(b, rc, error);
}

static int remove_folder(struct pfs_bulk *b, const struct polyfs_entry *row)
{
    struct polyfs_error error = POLYFS_ERROR_INIT;
    int rc;
    if (!(b->opts.flags & POLYFS_BULK_RECURSIVE))
        rc = polyfs_fail(&error, POLYFS_IS_DIR, "%s is a folder; remove it with all that is in it: -r", row->path);
    else
        rc = polyfs_rmdir(b->source_fs, row->path, 0, pfs_bulk_call(b), &error);
    return report(b, row, 0, rc, &error);
}

struct objects {
    struct pfs_bulk *bulk;
    const struct polyfs_entry *rows;
};

static int removed(size_t i, int code, const struct polyfs_error *why, void *user)
{
    const struct objects *objects = user;
    const struct polyfs_entry *row = &objects->rows[i];
    PFS_ERROR(error);
    if (code < 0)
        pfs_bulk_error(objects->bulk, &error, code, why, "remove", row->path);
    return report(objects->bulk, row, 0, code, &error);
}

static int remove_objects(struct pfs_bulk *b, const struct polyfs_entry *rows, size_t count)
{
    struct objects objects = {b, rows};
    const char **paths = calloc(count, sizeof(*paths));
    if (!paths)
        return polyfs_fail(&b->verb.error, POLYFS_NOMEM, "no memory for a list of names");
    for (size_t i = 0; i < count; i++)
        paths[i] = rows[i].path;
    int rc = pfs_remove_many(&b->verb, paths, count, b->opts.jobs, removed, &objects);
    free(paths);
    return rc;
}

static int remove_rows(struct pfs_bulk *b, const struct pfs_rows *rows)
{
    int rc = POLYFS_OK;
    for (size_t end = rows->count; end && rc == POLYFS_OK;) { /* children first */
        const struct polyfs_entry *row = &rows->rows[end - 1];
        size_t begin = end - 1;
        while (begin && !is_folder(row) && !is_folder(&rows->rows[begin - 1]))
            begin--;
        if (b->opts.flags & POLYFS_BULK_DRY_RUN)
            begin = end - 1;
        if (b->opts.flags & POLYFS_BULK_DRY_RUN && (!is_folder(row) || b->opts.flags & POLYFS_BULK_RECURSIVE))
            rc = report(b, row, POLYFS_ITEM_SKIPPED | POLYFS_ITEM_DRY_RUN, POLYFS_OK, NULL);
        else if (is_folder(row))
            rc = remove_folder(b, row);
        else
            rc = remove_objects(b, &rows->rows[begin], end - begin);
        end = begin;
    }
    return rc;
}

int polyfs_bulk_remove(struct polyfs_fs *fs, const char *const *paths, size_t count,
                       const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                       struct polyfs_error *err)
{
    struct pfs_bulk b = {.source_fs = fs};
    int rc = pfs_bulk_begin(&b, "remove", fs, opts);
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        const struct pfs_scope scope = pfs_bulk_scope(&b);
        struct pfs_rows rows = {0};
        rc = pfs_expand(&scope, paths[i], &rows, &b.verb.error);
        rc = rc < 0 ? pfs_bulk_failed(&b, rc, &b.verb.error) : remove_rows(&b, &rows);
        pfs_rows_clear(&rows);
    }
    return pfs_bulk_end(&b, rc, result, err);
}
