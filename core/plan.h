/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bulk copy does, before it does it: fsspec's rules C1-C12 of which source goes to which target. A plain folder
 * is planned as it is listed, in constant memory; patterns and lists are expanded first, since their common prefix and
 * equal targets show only at the end, and that memory is counted against the budget.
 */
#ifndef PFS_PLAN_H
#define PFS_PLAN_H

#include "core/list.h"
#include "polyfs/bulk.h"

/* One step. @base + @relative is where it goes: @base as the caller wrote it, @relative as a listing gave it. */
struct pfs_step_item {
    const char *source;
    const char *base;
    const char *relative; /* "" or begins with '/' */
    uint64_t size;
    int is_dir;
};

typedef int pfs_plan_fn(const struct pfs_step_item *item, void *user);

/* In which filesystem, how deep and under which bounds sources are looked for. */
struct pfs_scope {
    struct polyfs_fs *fs;
    uint32_t flags; /* POLYFS_BULK_… */
    uint32_t max_depth;
    const struct polyfs_call_opts *call;
};

struct pfs_plan {
    struct pfs_scope source;
    struct polyfs_fs *target_fs;
    const char *const *sources;
    size_t source_count;
    const char *const *targets;
    size_t target_count;
};

/* Calls @emit for each step, in order; what it returns below 0 ends the plan. */
int pfs_plan_run(struct pfs_plan *plan, pfs_plan_fn *emit, void *user, struct polyfs_error *err);

/* Everything that one source stands for (rule C5), folders included, sorted, added to @out. */
int pfs_expand(const struct pfs_scope *scope, const char *source, struct pfs_rows *out, struct polyfs_error *err);

/* Is it a pattern? And what it names when it is none, malloc'ed. @flags: POLYFS_BULK_…, which may say that it never is. */
int pfs_source_magic(uint32_t flags, const char *source);
char *pfs_source_plain(uint32_t flags, const char *source);

/* polyfs_stat for a source: a path below an object is NOT_FOUND too. */
int pfs_stat_source(const struct pfs_scope *scope, const char *path, struct polyfs_stat *out,
                    struct polyfs_error *err);

/* Removes the empty folders at and below a path; one that still holds something stays. */
int pfs_remove_empty(const struct pfs_scope *scope, const char *path, struct polyfs_error *err);

#endif
