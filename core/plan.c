/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules (reference: fsspec's other_paths, measured on 2026.9), with the corrections that bulk.h names:
 *   one source, one target: base = what all expanded paths share; for a plain folder the folder itself
 *   into: one match of a pattern, or a plain source without '/' at its end onto a folder → base moves one up
 *   target(p) = target without '/' at its end + what follows base in p
 *   a list onto one target: target + "/" + last part of each
 */
#include "core/plan.h"

#include <stdlib.h>

#include "core/stat.h"

#define PAIRS_AT_ONCE 32

static size_t without_slashes(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int ends_in_slash(const char *path)
{
    size_t n = strlen(path);
    return n > 0 && path[n - 1] == '/';
}

/* 1 yes, 0 no, below 0: could not be told. */
static int is_folder(const struct pfs_plan *plan, const char *path, struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int rc = polyfs_stat(plan->target_fs, path, NULL, plan->source.call, &stat, err);
    if (rc == POLYFS_NOT_FOUND || rc == POLYFS_NOT_DIR)
        return 0;
    return rc < 0 ? rc : stat.type == POLYFS_TYPE_DIR;
}

/* Who may not list is not told whether a name is a folder. Where folders are prefixes an object may have it all the same;
 * a slash at the end says that a folder is meant. */
static int may_be_both(const struct pfs_plan *plan, const char *path)
{
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    return polyfs_caps(plan->target_fs, path, 0, plan->source.call, &caps, NULL) == POLYFS_OK &&
           caps.fact[POLYFS_FACT_REAL_DIRS] == POLYFS_NO;
}

static int emit_row(const struct polyfs_entry *row, const char *base, const char *relative, pfs_plan_fn *emit,
                    void *user)
{
    const struct pfs_step_item item = {
        .source = row->path,
        .base = base,
        .relative = relative,
        .size = row->size,
        .is_dir = row->type == POLYFS_TYPE_DIR,
    };
    return emit(&item, user);
}

/* ---- one source, one target ----------------------------------------------------------------------------------- */

/* Length of the longest run of whole parts that all rows share; for one row all of it. */
static size_t common_parts(const struct pfs_rows *rows)
{
    size_t n = rows->rows[0].path_len;
    for (size_t i = 1; i < rows->count; i++) {
        const struct polyfs_entry *row = &rows->rows[i];
        size_t m = 0;
        while (m < n && m < row->path_len && row->path[m] == rows->rows[0].path[m])
            m++;
        if ((m < n && rows->rows[0].path[m] != '/') || (m < row->path_len && row->path[m] != '/'))
            while (m && rows->rows[0].path[m - 1] != '/')
                m--;
        while (m && rows->rows[0].path[m - 1] == '/' && m < n)
            m--;
        n = m;
    }
    return n;
}

static size_t parent_of(const char *path, size_t n)
{
    while (n && path[n - 1] != '/')
        n--;
    return n ? n - 1 : 0;
}

static void drop_folders(struct pfs_rows *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->rows[i].type != POLYFS_TYPE_DIR)
            rows->rows[kept++] = rows->rows[i];
    rows->count = kept;
}

/* How a row goes below the target: what follows @base in its path. A row equal to the base goes to the target itself. */
static int emit_below(const struct polyfs_entry *row, size_t base, const char *target, pfs_plan_fn *emit,
                      void *user)
{
    const char *rest = row->path + base;
    char *relative = *rest && *rest != '/' ? pfs_format("/%s", rest) : strdup(rest);
    int rc = relative ? emit_row(row, target, relative, emit, user) : POLYFS_NOMEM;
    free(relative);
    return rc;
}

static int emit_rows(const struct pfs_rows *rows, size_t base, const char *target, pfs_plan_fn *emit, void *user)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < rows->count && rc >= 0; i++)
        rc = emit_below(&rows->rows[i], base, target, emit, user);
    return rc;
}

static int plan_glob(struct pfs_plan *plan, const char *source, const char *target, pfs_plan_fn *emit, void *user,
                     struct polyfs_error *err)
{
    struct pfs_rows rows = {0};
    int rc = pfs_expand(&plan->source, source, &rows, err);
    if (rc == POLYFS_OK && (!(plan->source.flags & POLYFS_BULK_RECURSIVE) || plan->source.max_depth))
        drop_folders(&rows);
    if (rc == POLYFS_OK && rows.count) {
        size_t base = common_parts(&rows);
        if (rows.count == 1)
            base = parent_of(rows.rows[0].path, base);
        rc = emit_rows(&rows, base, target, emit, user);
    }
    pfs_rows_clear(&rows);
    return rc;
}

/* A folder as it is listed: the folder first, then each row; constant memory. */
static int plan_folder(struct pfs_plan *plan, const char *folder, size_t base, const char *target,
                       pfs_plan_fn *emit, void *user, struct polyfs_error *err)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister;
    const struct polyfs_entry self = {.path = folder, .path_len = strlen(folder), .type = POLYFS_TYPE_DIR};
    opts.flags = POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS;
    opts.max_depth = plan->source.max_depth;
    opts.call = plan->source.call;
    int rc = plan->source.max_depth ? POLYFS_OK : emit_below(&self, base, target, emit, user);
    if (rc >= 0)
        rc = polyfs_list_open(plan->source.fs, folder, &opts, &lister, err);
    if (rc < 0)
        return rc;
    do {
        const struct polyfs_entry *rows;
        size_t n = 0;
        int emitted = POLYFS_OK;
        rc = polyfs_list_next(lister, &rows, &n, err);
        for (size_t i = 0; rc >= 0 && i < n && emitted >= 0; i++)
            if (rows[i].type != POLYFS_TYPE_DIR || !plan->source.max_depth)
                emitted = emit_below(&rows[i], base, target, emit, user);
        rc = emitted < 0 ? emitted : rc;
    } while (rc == POLYFS_MORE);
    polyfs_list_close(lister);
    return rc;
}

/* A folder copied into itself would be found by its own listing, again and again. */
static int lies_within(const struct pfs_plan *plan, const char *folder, const char *target)
{
    size_t n = strlen(folder);
    return plan->source.fs == plan->target_fs && strncmp(target, folder, n) == 0 &&
           (!target[n] || target[n] == '/');
}

static int plan_plain(struct pfs_plan *plan, const char *source, const char *target, pfs_plan_fn *emit, void *user,
                      struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    char *plain = pfs_copy(source, without_slashes(source));
    if (!plain)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a name");
    int rc = pfs_stat_source(&plan->source, plain, &stat, err);
    int folder = rc != POLYFS_OK ? 0 : ends_in_slash(target) ? 1 : is_folder(plan, target, err);
    if (folder == POLYFS_PERMISSION && stat.type != POLYFS_TYPE_DIR && may_be_both(plan, target))
        folder = 0;
    if (folder < 0)
        rc = folder;
    int into = folder > 0 && !ends_in_slash(source);
    size_t base = into ? parent_of(plain, strlen(plain)) : strlen(plain);
    if (rc == POLYFS_OK && stat.type != POLYFS_TYPE_DIR) {
        const struct polyfs_entry row = {.path = plain,
                                         .path_len = strlen(plain),
                                         .type = stat.type,
                                         .size = stat.size};
        rc = emit_below(&row, base, target, emit, user);
    } else if (rc == POLYFS_OK && plan->source.flags & POLYFS_BULK_RECURSIVE && lies_within(plan, plain, target)) {
        rc = polyfs_fail(err, POLYFS_INVALID, "the target %s lies within the source %s", target, plain);
    } else if (rc == POLYFS_OK && plan->source.flags & POLYFS_BULK_RECURSIVE) {
        rc = plan_folder(plan, plain, base, target, emit, user, err);
    } /* a folder without RECURSIVE is nothing, as in fsspec; the command says so to people */
    free(plain);
    return rc;
}

static int plan_one(struct pfs_plan *plan, const char *source, const char *target, pfs_plan_fn *emit, void *user,
                    struct polyfs_error *err)
{
    if (pfs_source_magic(plan->source.flags, source))
        return plan_glob(plan, source, target, emit, user, err);
    char *plain = pfs_source_plain(plan->source.flags, source);
    int rc = plain ? plan_plain(plan, plain, target, emit, user, err) : polyfs_fail(err, POLYFS_NOMEM, "no memory");
    free(plain);
    return rc;
}

/* ---- lists --------------------------------------------------------------------------------------------------------- */

/* What some sources are, asked at once; who could not be told is asked again alone, for the error to be of that one. */
static int plan_some_pairs(struct pfs_plan *plan, size_t first, size_t count, pfs_plan_fn *emit, void *user,
                           struct polyfs_error *err)
{
    struct polyfs_stat stats[PAIRS_AT_ONCE];
    int codes[PAIRS_AT_ONCE], rc = POLYFS_OK;
    for (size_t i = 0; i < count; i++) {
        stats[i] = (struct polyfs_stat)POLYFS_STAT_INIT;
        codes[i] = POLYFS_MORE; /* not told */
    }
    polyfs_stat_many(plan->source.fs, plan->sources + first, count, plan->source.call, stats, codes, NULL);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        const char *source = plan->sources[first + i];
        rc = codes[i] == POLYFS_OK ? POLYFS_OK : pfs_stat_source(&plan->source, source, &stats[i], err);
        const struct polyfs_entry row = {.path = source,
                                         .path_len = strlen(source),
                                         .type = stats[i].type,
                                         .size = stats[i].size};
        if (rc == POLYFS_OK)
            rc = emit_row(&row, plan->targets[first + i], "", emit, user);
    }
    return rc;
}

/* Pairs in the given order, as they are; a folder among them is a folder to make. */
static int plan_pairs(struct pfs_plan *plan, pfs_plan_fn *emit, void *user, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    if (plan->source_count != plan->target_count)
        return polyfs_fail(err, POLYFS_INVALID, "there are %zu sources and %zu targets", plan->source_count,
                           plan->target_count);
    for (size_t i = 0; i < plan->source_count && rc >= 0; i += PAIRS_AT_ONCE) {
        size_t left = plan->source_count - i;
        rc = plan_some_pairs(plan, i, left < PAIRS_AT_ONCE ? left : PAIRS_AT_ONCE, emit, user, err);
    }
    return rc;
}

static int by_last_part(const void *a, const void *b)
{
    return strcmp(last_part(((const struct polyfs_entry *)a)->path),
                  last_part(((const struct polyfs_entry *)b)->path));
}

/* Two sources that would end under one name: fsspec lets the later win, and loses the earlier. */
static int refuse_twins(const struct pfs_rows *rows, struct polyfs_error *err)
{
    struct polyfs_entry *sorted = malloc(rows->count * sizeof(*sorted) + 1);
    int rc = POLYFS_OK;
    if (!sorted)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a list of names");
    memcpy(sorted, rows->rows, rows->count * sizeof(*sorted));
    if (rows->count)
        qsort(sorted, rows->count, sizeof(*sorted), by_last_part);
    for (size_t i = 1; i < rows->count && rc == POLYFS_OK; i++)
        if (by_last_part(&sorted[i - 1], &sorted[i]) == 0)
            rc = polyfs_fail(err, POLYFS_INVALID, "%s and %s would both become \"%s\"", sorted[i - 1].path,
                             sorted[i].path, last_part(sorted[i].path));
    free(sorted);
    return rc;
}

/* A list onto one target: all of it flat into that folder. */
static int plan_flat(struct pfs_plan *plan, pfs_plan_fn *emit, void *user, struct polyfs_error *err)
{
    struct pfs_rows rows = {0};
    int rc = POLYFS_OK;
    for (size_t i = 0; i < plan->source_count && rc == POLYFS_OK; i++)
        rc = pfs_expand(&plan->source, plan->sources[i], &rows, err);
    if (rc == POLYFS_OK)
        rc = refuse_twins(&rows, err);
    for (size_t i = 0; i < rows.count && rc >= 0; i++) {
        char *relative = pfs_format("/%s", last_part(rows.rows[i].path));
        rc = relative ? emit_row(&rows.rows[i], plan->targets[0], relative, emit, user) : POLYFS_NOMEM;
        free(relative);
    }
    pfs_rows_clear(&rows);
    return rc;
}

static int plan_any(struct pfs_plan *plan, pfs_plan_fn *emit, void *user, struct polyfs_error *err)
{
    int source_list = plan->source_count != 1 || plan->source.flags & POLYFS_BULK_SOURCE_LIST;
    int target_list = plan->target_count != 1 || plan->source.flags & POLYFS_BULK_TARGET_LIST;
    if (!plan->source_count || !plan->target_count)
        return polyfs_fail(err, POLYFS_INVALID, "there is no source or no target");
    if (target_list)
        return plan_pairs(plan, emit, user, err);
    if (source_list)
        return plan_flat(plan, emit, user, err);
    return plan_one(plan, plan->sources[0], plan->targets[0], emit, user, err);
}

int pfs_plan_run(struct pfs_plan *plan, pfs_plan_fn *emit, void *user, struct polyfs_error *err)
{
    int rc = plan_any(plan, emit, user, err);
    if (rc == POLYFS_NOMEM && err->code != rc) /* told by nobody yet */
        polyfs_fail(err, rc, "no memory for the plan");
    return rc;
}
