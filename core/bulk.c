/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk verbs: a plan, and one single verb for each of its steps. Targets are reached through a confined filesystem of
 * the target folder wherever names mean more than bytes, so that nothing a listing says leads out of it.
 */
#include <stdlib.h>

#include "core/bulk.h"
#include "core/plan.h"

/* ---- reporting ---------------------------------------------------------------------------------------------------- */

void pfs_bulk_report(struct pfs_bulk *b, const struct pfs_step_item *step, const char *target, uint32_t flags,
                     int rc, const struct polyfs_error *error)
{
    struct polyfs_item item = {.struct_size = sizeof(item),
                               .flags = flags | (step->is_dir ? POLYFS_ITEM_DIR : 0),
                               .source = step->source,
                               .target = target,
                               .bytes = step->size,
                               .code = rc,
                               .error = rc < 0 ? error : NULL};
    if (rc < 0)
        b->result.items_failed++;
    else if (flags & POLYFS_ITEM_SKIPPED)
        b->result.items_skipped++;
    else
        b->result.items_done++;
    if (rc == POLYFS_OK && !(flags & POLYFS_ITEM_SKIPPED) && !step->is_dir)
        b->result.bytes += step->size;
    if (b->opts.on_item)
        b->opts.on_item(&item, b->opts.user);
    struct polyfs_progress progress = {.struct_size = sizeof(progress),
                                       .items_done = b->result.items_done + b->result.items_failed,
                                       .items_failed = b->result.items_failed,
                                       .bytes_done = b->result.bytes,
                                       .bytes_total = POLYFS_SIZE_UNKNOWN};
    if (b->opts.on_progress)
        b->opts.on_progress(&progress, b->opts.user);
}

/* Keeps the first failure; 0 to go on, the code to end. */
static int note_failure(struct pfs_bulk *b, int rc, const struct polyfs_error *error)
{
    if (rc >= 0)
        return POLYFS_OK;
    if (b->first == POLYFS_OK) {
        b->first = rc;
        b->error = *error;
    }
    if (b->opts.flags & POLYFS_BULK_STOP || rc == POLYFS_CANCELLED || rc == POLYFS_TIMEOUT)
        return rc;
    return POLYFS_OK;
}

/* ---- targets ------------------------------------------------------------------------------------------------------- */

/* Names from a listing as parts of a path that a kernel resolves: ".." must not be one of them. */
static int has_dots(const char *relative)
{
    for (const char *at = relative; *at;) {
        size_t n = strcspn(at, "/");
        if (n == 2 && at[0] == '.' && at[1] == '.')
            return 1;
        at += n + (at[n] == '/');
    }
    return 0;
}

static int confined_target(struct pfs_bulk *b, const char *base, struct polyfs_error *err)
{
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    if (b->below && strcmp(b->below_base, base) == 0)
        return POLYFS_OK;
    polyfs_fs_close(b->below);
    free(b->below_base);
    b->below = NULL;
    b->below_base = strdup(base);
    if (!b->below_base)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a name");
    int rc = polyfs_caps(b->target_fs, base, 0, b->opts.call, &caps, err);
    if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_CONFINE] == POLYFS_NO)
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "this system cannot keep writes below %s (it lacks openat2)",
                         base);
    if (rc == POLYFS_OK)
        rc = polyfs_mkdir(b->target_fs, base, POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, b->opts.call, err);
    if (rc == POLYFS_OK)
        rc = polyfs_fs_sub(b->target_fs, base, POLYFS_SUB_CONFINE, b->opts.call, &b->below, err);
    return rc;
}

/* Where a step goes: a filesystem and a path within it, malloc'ed. */
static int place(struct pfs_bulk *b, const struct pfs_step_item *step, struct polyfs_fs **out_fs, char **out_path,
                 struct polyfs_error *err)
{
    size_t n = strlen(step->base);
    while (n > 1 && step->base[n - 1] == '/')
        n--;
    int kernel_names = (b->target_fs->plugin->flags & POLYFS_PLUGIN_DOTS_RESOLVED) != 0;
    if (*step->relative && kernel_names) {
        if (has_dots(step->relative))
            return polyfs_fail(err, POLYFS_INVALID, "its name would lead out of %s", step->base);
        int rc = confined_target(b, step->base, err);
        if (rc != POLYFS_OK)
            return rc;
        *out_fs = b->below;
        *out_path = strdup(step->relative + strspn(step->relative, "/"));
    } else {
        const char *root = n == 1 && step->base[0] == '/' ? "" : NULL;
        *out_fs = b->target_fs;
        *out_path = root ? strdup(*step->relative ? step->relative : "/")
                         : pfs_format("%.*s%s", (int)n, step->base, step->relative);
    }
    return *out_path ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory for a name");
}

/* ---- copying ------------------------------------------------------------------------------------------------------- */

static int copy_object(struct pfs_bulk *b, const struct pfs_step_item *step, struct polyfs_fs *fs, const char *path,
                       struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.call = b->opts.call;
    opts.durability = b->opts.durability ? b->opts.durability : POLYFS_DURABILITY_NONE;
    opts.flags = POLYFS_WRITE_PARENTS | (b->opts.flags & POLYFS_BULK_NO_REPLACE ? POLYFS_WRITE_CREATE_ONLY : 0);
    return polyfs_copy(b->source_fs, step->source, fs, path, &opts, NULL, err);
}

static int copy_folder(struct pfs_bulk *b, struct polyfs_fs *fs, const char *path, struct polyfs_error *err)
{
    if (!*path)
        return POLYFS_OK;
    return polyfs_mkdir(fs, path, POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, b->opts.call, err);
}

/* One step of a copy; with b->move the source goes when its copy is there. */
static int copy_step(const struct pfs_step_item *step, void *user)
{
    struct pfs_bulk *b = user;
    struct polyfs_error error = POLYFS_ERROR_INIT;
    struct polyfs_fs *fs = NULL;
    char *path = NULL;
    uint32_t flags = 0;
    size_t base = strlen(step->base);
    while (base > 1 && step->base[base - 1] == '/')
        base--;
    char *shown = pfs_format("%.*s%s", (int)base, step->base, step->relative);
    int rc = POLYFS_OK;
    if (b->opts.flags & POLYFS_BULK_DRY_RUN) {
        flags = POLYFS_ITEM_SKIPPED | POLYFS_ITEM_DRY_RUN;
    } else {
        rc = place(b, step, &fs, &path, &error);
        if (rc == POLYFS_OK)
            rc = step->is_dir ? copy_folder(b, fs, path, &error) : copy_object(b, step, fs, path, &error);
        if (rc == POLYFS_EXISTS && b->opts.flags & POLYFS_BULK_NO_REPLACE) {
            flags = POLYFS_ITEM_SKIPPED;
            rc = POLYFS_OK;
        }
        if (rc == POLYFS_OK && b->move && !flags && !step->is_dir)
            rc = polyfs_remove(b->source_fs, step->source,
                               &(struct polyfs_remove_opts){sizeof(struct polyfs_remove_opts), 0, b->opts.call,
                                                            NULL, NULL},
                               &error);
    }
    pfs_bulk_report(b, step, shown ? shown : "", flags, rc, &error);
    free(shown);
    free(path);
    return note_failure(b, rc, &error);
}

void pfs_bulk_begin(struct pfs_bulk *b, const struct polyfs_bulk_opts *opts)
{
    b->opts = (struct polyfs_bulk_opts)POLYFS_BULK_OPTS_INIT;
    if (opts)
        memcpy(&b->opts, opts, opts->struct_size < sizeof(b->opts) ? opts->struct_size : sizeof(b->opts));
    b->result = (struct polyfs_bulk_result){.struct_size = sizeof(b->result)};
}

void pfs_bulk_result(const struct pfs_bulk *b, struct polyfs_bulk_result *out)
{
    if (!out)
        return;
    size_t room = out->struct_size && out->struct_size < sizeof(b->result) ? out->struct_size : sizeof(b->result);
    memcpy(out, &b->result, room);
    out->struct_size = (uint32_t)room;
}

#define BULK_KNOWN                                                                                                 \
    (POLYFS_BULK_RECURSIVE | POLYFS_BULK_SOURCE_LIST | POLYFS_BULK_TARGET_LIST | POLYFS_BULK_NO_REPLACE |          \
     POLYFS_BULK_STOP | POLYFS_BULK_DRY_RUN | POLYFS_BULK_LITERAL)

/* The first failure of an item, or what kept the plan from going on. */
static int bulk_end(struct pfs_bulk *b, int rc, struct polyfs_error *plan_error, struct polyfs_error *err)
{
    polyfs_fs_close(b->below);
    free(b->below_base);
    if (b->first != POLYFS_OK) {
        *plan_error = b->error;
        rc = b->first;
    }
    if (rc >= 0)
        return POLYFS_OK;
    if (plan_error->code != rc)
        polyfs_fail(plan_error, rc, "%s", polyfs_code_name(rc));
    pfs_error_copy(err, plan_error);
    return rc;
}

static struct pfs_scope scope_of(const struct pfs_bulk *b)
{
    return (struct pfs_scope){b->source_fs, b->opts.flags, b->opts.max_depth, b->opts.call};
}

int pfs_bulk_transfer(struct pfs_bulk *b, const char *const *sources, size_t source_count,
                      const char *const *targets, size_t target_count, struct polyfs_error *err)
{
    struct polyfs_error plan_error = POLYFS_ERROR_INIT;
    struct pfs_plan plan = {.source = scope_of(b),
                            .target_fs = b->target_fs,
                            .sources = sources,
                            .source_count = source_count,
                            .targets = targets,
                            .target_count = target_count};
    int rc = b->opts.flags & ~BULK_KNOWN ? polyfs_fail(&plan_error, POLYFS_UNSUPPORTED, "a flag is not known")
                                         : pfs_plan_run(&plan, copy_step, b, &plan_error);
    return bulk_end(b, rc, &plan_error, err);
}

int polyfs_bulk_copy(struct polyfs_fs *source_fs, const char *const *sources, size_t source_count,
                     struct polyfs_fs *target_fs, const char *const *targets, size_t target_count,
                     const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                     struct polyfs_error *err)
{
    struct pfs_bulk b = {.source_fs = source_fs, .target_fs = target_fs};
    pfs_bulk_begin(&b, opts);
    int rc = pfs_bulk_transfer(&b, sources, source_count, targets, target_count, err);
    pfs_bulk_result(&b, result);
    return rc;
}

int polyfs_bulk_get(struct polyfs_fs *fs, const char *const *sources, size_t source_count, const char *local_target,
                    const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                    struct polyfs_error *err)
{
    struct polyfs_fs *local;
    int rc = polyfs_fs_open("file:///", NULL, &local, NULL, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_bulk_copy(fs, sources, source_count, local, &local_target, 1, opts, result, err);
    polyfs_fs_close(local);
    return rc;
}

int polyfs_bulk_put(struct polyfs_fs *fs, const char *const *local_sources, size_t source_count, const char *target,
                    const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                    struct polyfs_error *err)
{
    struct polyfs_fs *local;
    int rc = polyfs_fs_open("file:///", NULL, &local, NULL, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_bulk_copy(local, local_sources, source_count, fs, &target, 1, opts, result, err);
    polyfs_fs_close(local);
    return rc;
}

/* ---- removing ------------------------------------------------------------------------------------------------------ */

static int remove_rows(struct pfs_bulk *b, const struct pfs_rows *rows)
{
    int rc = POLYFS_OK;
    for (size_t i = rows->count; i-- > 0 && rc == POLYFS_OK;) { /* children first */
        const struct polyfs_entry *row = &rows->rows[i];
        struct polyfs_error error = POLYFS_ERROR_INIT;
        const struct pfs_step_item step = {.source = row->path,
                                           .size = row->size,
                                           .is_dir = row->type == POLYFS_TYPE_DIR};
        uint32_t flags = b->opts.flags & POLYFS_BULK_DRY_RUN ? POLYFS_ITEM_SKIPPED | POLYFS_ITEM_DRY_RUN : 0;
        int one = POLYFS_OK;
        if (step.is_dir && !(row->flags & POLYFS_STAT_LINK) && !(b->opts.flags & POLYFS_BULK_RECURSIVE))
            one = polyfs_fail(&error, POLYFS_IS_DIR, "%s is a folder; remove it with all that is in it: -r",
                              row->path);
        else if (!flags && step.is_dir && !(row->flags & POLYFS_STAT_LINK))
            one = polyfs_rmdir(b->source_fs, row->path, 0, b->opts.call, &error);
        else if (!flags)
            one = polyfs_remove(b->source_fs, row->path,
                                &(struct polyfs_remove_opts){sizeof(struct polyfs_remove_opts), 0, b->opts.call,
                                                             NULL, NULL},
                                &error);
        if (one == POLYFS_NOT_FOUND)
            one = POLYFS_OK;
        pfs_bulk_report(b, &step, "", flags, one, &error);
        rc = note_failure(b, one, &error);
    }
    return rc;
}

int pfs_bulk_remove(struct pfs_bulk *b, const char *const *paths, size_t count, struct polyfs_error *err)
{
    struct polyfs_error plan_error = POLYFS_ERROR_INIT;
    const struct pfs_scope scope = scope_of(b);
    int rc = POLYFS_OK;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        struct pfs_rows rows = {0};
        rc = pfs_expand(&scope, paths[i], &rows, &plan_error);
        if (rc == POLYFS_OK)
            rc = remove_rows(b, &rows);
        else
            rc = note_failure(b, rc, &plan_error);
        pfs_rows_clear(&rows);
    }
    return bulk_end(b, rc, &plan_error, err);
}

int polyfs_bulk_remove(struct polyfs_fs *fs, const char *const *paths, size_t count,
                       const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                       struct polyfs_error *err)
{
    struct pfs_bulk b = {.source_fs = fs};
    pfs_bulk_begin(&b, opts);
    int rc = pfs_bulk_remove(&b, paths, count, err);
    pfs_bulk_result(&b, result);
    return rc;
}

/* ---- cat and pipe -------------------------------------------------------------------------------------------------- */

int polyfs_bulk_cat(struct polyfs_fs *fs, const char *const *paths, size_t count,
                    const struct polyfs_bulk_opts *opts, polyfs_cat_fn *take, void *user, struct polyfs_error *err)
{
    struct pfs_bulk b = {.source_fs = fs};
    struct polyfs_error plan_error = POLYFS_ERROR_INIT;
    struct polyfs_read_opts read = POLYFS_READ_OPTS_INIT;
    pfs_bulk_begin(&b, opts);
    read.call = b.opts.call;
    const struct pfs_scope scope = scope_of(&b);
    int rc = POLYFS_OK;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        struct pfs_rows rows = {0};
        rc = pfs_expand(&scope, paths[i], &rows, &plan_error);
        if (rc < 0)
            rc = note_failure(&b, rc, &plan_error);
        for (size_t k = 0; k < rows.count && rc == POLYFS_OK; k++) {
            struct polyfs_error error = POLYFS_ERROR_INIT;
            void *data = NULL;
            size_t n = 0;
            if (rows.rows[k].type == POLYFS_TYPE_DIR)
                continue;
            int one = polyfs_get_all(fs, rows.rows[k].path, &read, &data, &n, NULL, &error);
            take(rows.rows[k].path, data, n, one, user);
            polyfs_free(data);
            rc = note_failure(&b, one, &error);
        }
        pfs_rows_clear(&rows);
    }
    return bulk_end(&b, rc, &plan_error, err);
}

int polyfs_bulk_pipe(struct polyfs_fs *fs, struct polyfs_pipe *items, size_t count,
                     const struct polyfs_bulk_opts *opts, struct polyfs_error *err)
{
    struct pfs_bulk b = {.source_fs = fs};
    struct polyfs_error plan_error = POLYFS_ERROR_INIT;
    struct polyfs_write_opts write = POLYFS_WRITE_OPTS_INIT;
    pfs_bulk_begin(&b, opts);
    write.call = b.opts.call;
    write.durability = b.opts.durability ? b.opts.durability : POLYFS_DURABILITY_NONE;
    write.flags = POLYFS_WRITE_PARENTS | (b.opts.flags & POLYFS_BULK_NO_REPLACE ? POLYFS_WRITE_CREATE_ONLY : 0);
    int rc = POLYFS_OK;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        struct polyfs_error error = POLYFS_ERROR_INIT;
        items[i].code = polyfs_put(fs, items[i].path, items[i].data, items[i].size, &write, NULL, &error);
        rc = note_failure(&b, items[i].code, &error);
    }
    return bulk_end(&b, rc, &plan_error, err);
}
