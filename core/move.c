/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves. One plain source within one store is one rename where the store has that for it: a folder of any size moves at
 * once, and nothing passes through here. Everything else is copied, and each source goes when its copy is there.
 */
#include <stdlib.h>

#include "core/bulk.h"
#include "core/plan.h"
#include "core/stat.h"

/* Where the one source ends up, by the same rule as a copy; malloc'ed. NULL: it could not be told. */
static char *target_of(struct pfs_bulk *b, const char *source, const char *target)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    size_t n = strlen(target), source_n = strlen(source);
    while (source_n > 1 && source[source_n - 1] == '/')
        source_n--;
    int slash = n && target[n - 1] == '/';
    int rc = polyfs_stat(b->target_fs, target, NULL, pfs_bulk_call(b), &stat, NULL);
    if (rc != POLYFS_OK && rc != POLYFS_NOT_FOUND)
        return NULL;
    while (n > 1 && target[n - 1] == '/')
        n--;
    if (!slash && !(rc == POLYFS_OK && stat.type == POLYFS_TYPE_DIR))
        return pfs_copy(target, n);
    const char *name = memrchr(source, '/', source_n);
    name = name ? name + 1 : source;
    return pfs_format("%.*s/%.*s", (int)n, target, (int)(source + source_n - name), name);
}

/* Can the store rename what is there, without losing what a copy would have kept? One that cannot tell yet is asked. */
static int store_renames(struct pfs_bulk *b, const char *source, uint32_t *out_type, uint64_t *out_size)
{
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (polyfs_stat(b->source_fs, source, NULL, pfs_bulk_call(b), &stat, NULL) != POLYFS_OK)
        return 0;
    *out_type = stat.type;
    *out_size = stat.size;
    int is_dir = stat.type == POLYFS_TYPE_DIR;
    if (is_dir && !(b->opts.flags & POLYFS_BULK_RECURSIVE))
        return 0;
    enum polyfs_fact fact = is_dir ? POLYFS_FACT_RENAME_DIR : POLYFS_FACT_RENAME;
    int rc = polyfs_caps(b->source_fs, source, 0, pfs_bulk_call(b), &caps, NULL);
    if (rc == POLYFS_OK && caps.fact[fact] == POLYFS_UNKNOWN)
        rc = polyfs_caps(b->source_fs, source, POLYFS_CAPS_PROBE, pfs_bulk_call(b), &caps, NULL);
    return rc == POLYFS_OK && caps.fact[fact] == POLYFS_YES;
}

static int rename_with_parents(struct pfs_bulk *b, const char *source, const char *target, struct polyfs_error *err)
{
    uint32_t flags = b->opts.flags & POLYFS_BULK_NO_REPLACE ? POLYFS_RENAME_NO_REPLACE : 0;
    int rc = polyfs_rename(b->source_fs, source, target, flags, pfs_bulk_call(b), err);
    const char *slash = strrchr(target, '/');
    if (rc != POLYFS_NOT_FOUND || !slash || slash == target)
        return rc;
    char *parent = pfs_copy(target, (size_t)(slash - target));
    rc = parent ? polyfs_mkdir(b->source_fs, parent, POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, pfs_bulk_call(b),
                               err)
                : polyfs_fail(err, POLYFS_NOMEM, "no memory for a name");
    free(parent);
    return rc == POLYFS_OK ? polyfs_rename(b->source_fs, source, target, flags, pfs_bulk_call(b), err) : rc;
}

/* 1: done, with *out_rc; 0: it has to be copied. */
static int move_by_rename(struct pfs_bulk *b, const char *source, const char *target, int *out_rc,
                          struct polyfs_error *err)
{
    uint32_t type;
    uint64_t size;
    if (b->source_fs != b->target_fs || pfs_source_magic(b->opts.flags, source) ||
        b->opts.flags & POLYFS_BULK_DRY_RUN || b->opts.max_depth)
        return 0;
    char *from = pfs_source_plain(b->opts.flags, source);
    size_t n = from ? strlen(from) : 0;
    char *to =
        from && n && from[n - 1] != '/' && store_renames(b, from, &type, &size) ? target_of(b, from, target) : NULL;
    int done = 0;
    if (to) {
        *out_rc = rename_with_parents(b, from, to, err);
        /* Something is in the way: a copy merges folders, and says what it skips. */
        done = *out_rc == POLYFS_OK || (*out_rc != POLYFS_IS_DIR && *out_rc != POLYFS_NOT_DIR &&
                                        *out_rc != POLYFS_EXISTS && *out_rc != POLYFS_NOT_EMPTY);
        const struct pfs_step_item step = {
            .source = from, .base = to, .relative = "", .size = size, .is_dir = type == POLYFS_TYPE_DIR};
        if (done)
            pfs_bulk_report(b, &step, to, 0, *out_rc, err);
    }
    free(to);
    free(from);
    return done;
}

/* What is left of moved folders: their objects are gone, so only empty ones can be removed. */
static int sweep(struct pfs_bulk *b, const char *const *sources, size_t source_count)
{
    const struct pfs_scope scope = {b->source_fs, b->opts.flags, 0, pfs_bulk_call(b)};
    int rc = POLYFS_OK;
    if (!(b->opts.flags & POLYFS_BULK_RECURSIVE) || b->opts.flags & POLYFS_BULK_DRY_RUN || b->first)
        return rc;
    for (size_t i = 0; rc == POLYFS_OK && i < source_count; i++)
        rc = pfs_remove_empty(&scope, sources[i], &b->verb.error);
    return rc;
}

int polyfs_bulk_move(struct polyfs_fs *source_fs, const char *const *sources, size_t source_count,
                     struct polyfs_fs *target_fs, const char *const *targets, size_t target_count,
                     const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                     struct polyfs_error *err)
{
    struct pfs_bulk b = {.source_fs = source_fs, .target_fs = target_fs, .move = 1};
    PFS_ERROR(own);
    int done = 0, renamed = POLYFS_OK;
    int rc = pfs_bulk_begin(&b, "move", source_fs, opts);
    int lists = source_count != 1 || target_count != 1 ||
                b.opts.flags & (POLYFS_BULK_SOURCE_LIST | POLYFS_BULK_TARGET_LIST);
    if (rc == POLYFS_OK && !lists)
        done = move_by_rename(&b, sources[0], targets[0], &renamed, &own);
    if (done) {
        rc = pfs_bulk_failed(&b, renamed, &own);
    } else if (rc == POLYFS_OK) {
        rc = pfs_bulk_transfer(&b, sources, source_count, targets, target_count);
        if (rc == POLYFS_OK)
            rc = sweep(&b, sources, source_count);
    }
    return pfs_bulk_end(&b, rc, result, err);
}
