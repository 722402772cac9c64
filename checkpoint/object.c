/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a run, by their path: small ones are put whole and durable, one that is gone is removed, many are seen. */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

char *ckpt_below(const struct polyfs_ckpt *ckpt, const char *format, ...)
{
    char *below = NULL;
    va_list args;
    va_start(args, format);
    const int n = vasprintf(&below, format, args);
    va_end(args);
    if (n < 0)
        return NULL;
    char *path = ckpt_format("%s%s%s", ckpt->root, *ckpt->root ? "/" : "", below);
    free(below);
    return path;
}

int ckpt_put(struct polyfs_ckpt *ckpt, const char *path, const void *data, size_t size, uint32_t flags,
             struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.call = &ckpt->call;
    opts.flags = POLYFS_WRITE_PARENTS | flags;
    opts.durability = POLYFS_DURABILITY_FULL;
    return polyfs_put(ckpt->fs, path, data, size, &opts, NULL, err);
}

int ckpt_remove(struct polyfs_ckpt *ckpt, const char *path, struct polyfs_error *err)
{
    struct polyfs_remove_opts opts = POLYFS_REMOVE_OPTS_INIT;
    opts.call = &ckpt->call;
    int rc = polyfs_remove(ckpt->fs, path, &opts, err);
    return rc == POLYFS_NOT_FOUND ? POLYFS_OK : rc;
}

int ckpt_look(struct polyfs_fs *fs, const char *folder, const struct polyfs_list_opts *opts, ckpt_see_fn *see,
              void *user, struct polyfs_error *err)
{
    struct polyfs_lister *lister;
    int rc = polyfs_list_open(fs, folder, opts, &lister, err);
    if (rc != POLYFS_OK)
        return rc;
    do {
        const struct polyfs_entry *rows;
        size_t n = 0;
        int seen = POLYFS_OK;
        rc = polyfs_list_next(lister, &rows, &n, err);
        for (size_t i = 0; rc >= 0 && i < n && seen == POLYFS_OK; i++)
            seen = see(&rows[i], user, err);
        rc = seen == POLYFS_OK ? rc : seen;
    } while (rc == POLYFS_MORE);
    polyfs_list_close(lister);
    return rc;
}
