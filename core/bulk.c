/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk copies: a plan whose steps feed one transfer, so that all objects share one window of requests. Targets are reached through a confined filesystem of
 * the target folder wherever names mean more than bytes, so that nothing a listing says leads out of it.
 */
#include <stdlib.h>

#include "core/bulk.h"
#include "core/plan.h"

#define PROGRESS_MS 200
#define BULK_KNOWN                                                                                                 \
    (POLYFS_BULK_RECURSIVE | POLYFS_BULK_SOURCE_LIST | POLYFS_BULK_TARGET_LIST | POLYFS_BULK_NO_REPLACE |          \
     POLYFS_BULK_STOP | POLYFS_BULK_DRY_RUN | POLYFS_BULK_LITERAL)

/* ---- reporting ---------------------------------------------------------------------------------------------------- */

/* A few times a second, and once more when it ends. */
static void tell_progress(struct pfs_bulk *b, int last)
{
    int64_t now = b->opts.on_progress ? pfs_now_ns() : 0;
    if (!b->opts.on_progress || (!last && now < b->tell_after_ns))
        return;
    b->tell_after_ns = now + PROGRESS_MS * PFS_MS;
    const struct polyfs_progress progress = {.struct_size = sizeof(progress),
                                             .items_done = b->result.items_done + b->result.items_failed,
                                             .items_failed = b->result.items_failed,
                                             .bytes_done = b->moved,
                                             .bytes_total = POLYFS_SIZE_UNKNOWN};
    b->opts.on_progress(&progress, b->opts.user);
}

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
    tell_progress(b, 0);
}

int pfs_bulk_error(const struct pfs_bulk *b, struct polyfs_error *out, int rc, const struct polyfs_error *why,
                   const char *verb, const char *path)
{
    char *url = polyfs_fs_url(b->source_fs, path);
    pfs_error_out(out, why, rc, verb, url);
    free(url);
    return rc;
}

int pfs_bulk_failed(struct pfs_bulk *b, int rc, const struct polyfs_error *error)
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
    int rc = polyfs_caps(b->target_fs, base, 0, pfs_bulk_call(b), &caps, err);
    if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_CONFINE] == POLYFS_NO)
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "this system cannot keep writes below %s (it lacks openat2)",
                         base);
    if (rc == POLYFS_OK)
        rc = polyfs_mkdir(b->target_fs, base, POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, pfs_bulk_call(b), err);
    if (rc == POLYFS_OK)
        rc = polyfs_fs_sub(b->target_fs, base, POLYFS_SUB_CONFINE, pfs_bulk_call(b), &b->below, err);
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

static char *shown_target(const struct pfs_step_item *step)
{
    size_t base = strlen(step->base);
    while (base > 1 && step->base[base - 1] == '/')
        base--;
    return pfs_format("%.*s%s", (int)base, step->base, step->relative);
}

/* An object is there, or it is not: tell of it. */
static void object_done(struct pfs_object *o, void *user)
{
    struct pfs_bulk *b = user;
    const struct pfs_step_item step = {.source = o->source, .size = o->size_hint};
    uint32_t flags = 0;
    int rc = o->rc;
    if (rc == POLYFS_EXISTS && b->opts.flags & POLYFS_BULK_NO_REPLACE) {
        flags = POLYFS_ITEM_SKIPPED;
        rc = POLYFS_OK;
    }
    pfs_bulk_report(b, &step, o->shown, flags, rc, &o->error);
    int end = pfs_bulk_failed(b, rc, &o->error);
    if (end < 0)
        b->ended = end;
}

static void bytes_moved(uint64_t bytes, void *user)
{
    struct pfs_bulk *b = user;
    b->moved += bytes;
    tell_progress(b, 0);
}

static struct pfs_object *object_of(const struct pfs_bulk *b, const struct pfs_step_item *step,
                                    struct polyfs_fs *fs, const char *path)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.durability = b->opts.durability ? b->opts.durability : POLYFS_DURABILITY_NONE;
    opts.flags = POLYFS_WRITE_PARENTS | (b->opts.flags & POLYFS_BULK_NO_REPLACE ? POLYFS_WRITE_CREATE_ONLY : 0);
    struct pfs_object *o = pfs_object_new(b->source_fs, step->source, fs, path, &opts);
    if (!o)
        return NULL;
    o->size_hint = step->size;
    o->remove_source = b->move;
    return o;
}

static int copy_folder(struct pfs_bulk *b, struct polyfs_fs *fs, const char *path, struct polyfs_error *err)
{
    if (!*path)
        return POLYFS_OK;
    return polyfs_mkdir(fs, path, POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK, pfs_bulk_call(b), err);
}

/* Hands an object to the transfer, which takes @shown over; *out_given: it tells of it itself. */
static int give(struct pfs_bulk *b, const struct pfs_step_item *step, char *shown, int *out_given,
                struct polyfs_error *err)
{
    struct polyfs_fs *fs = NULL;
    char *path = NULL;
    int rc = place(b, step, &fs, &path, err);
    if (rc == POLYFS_OK && step->is_dir) {
        rc = copy_folder(b, fs, path, err);
    } else if (rc == POLYFS_OK) {
        struct pfs_object *o = object_of(b, step, fs, path);
        *out_given = o != NULL;
        if (o) {
            o->shown = shown;
            pfs_transfer_add(&b->transfer, o);
        } else {
            rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a copy");
        }
    }
    free(path);
    return rc;
}

/* One step of a copy. */
static int copy_step(const struct pfs_step_item *step, void *user)
{
    struct pfs_bulk *b = user;
    struct polyfs_error error = POLYFS_ERROR_INIT;
    uint32_t flags = 0;
    int given = 0;
    char *shown = shown_target(step);
    pfs_transfer_wait(&b->transfer);
    if (b->ended < 0) { /* by one before it */
        free(shown);
        return b->ended;
    }
    int rc = shown ? POLYFS_OK : polyfs_fail(&error, POLYFS_NOMEM, "no memory for a name");
    if (rc == POLYFS_OK && b->opts.flags & POLYFS_BULK_DRY_RUN)
        flags = POLYFS_ITEM_SKIPPED | POLYFS_ITEM_DRY_RUN;
    else if (rc == POLYFS_OK)
        rc = give(b, step, shown, &given, &error);
    if (given)
        return b->ended;
    pfs_bulk_report(b, step, shown ? shown : "", flags, rc, &error);
    free(shown);
    rc = pfs_bulk_failed(b, rc, &error);
    return rc < 0 ? rc : b->ended;
}

int pfs_bulk_begin(struct pfs_bulk *b, const char *name, struct polyfs_fs *fs, const struct polyfs_bulk_opts *opts)
{
    b->opts = (struct polyfs_bulk_opts)POLYFS_BULK_OPTS_INIT;
    if (opts)
        memcpy(&b->opts, opts, opts->struct_size < sizeof(b->opts) ? opts->struct_size : sizeof(b->opts));
    b->result = (struct polyfs_bulk_result){.struct_size = sizeof(b->result)};
    b->call = b->opts.call ? *b->opts.call : (struct polyfs_call_opts)POLYFS_CALL_OPTS_INIT;
    int rc = pfs_verb_begin(&b->verb, name, fs, NULL, b->opts.call);
    b->verb.error.operation[0] = '\0'; /* until a verb within this one fails */
    if (rc == POLYFS_OK && b->opts.flags & ~BULK_KNOWN)
        rc = polyfs_fail(&b->verb.error, POLYFS_UNSUPPORTED, "a flag is not known");
    return rc;
}

const struct polyfs_call_opts *pfs_bulk_call(struct pfs_bulk *b)
{
    if (b->verb.ctx.deadline_ns != INT64_MAX) {
        int64_t left_ms = (b->verb.ctx.deadline_ns - pfs_now_ns()) / PFS_MS;
        b->call.timeout_ms = left_ms > 1 ? (uint32_t)left_ms : 1;
    }
    return &b->call;
}

static void bulk_result(const struct pfs_bulk *b, struct polyfs_bulk_result *out)
{
    if (!out)
        return;
    size_t room = out->struct_size && out->struct_size < sizeof(b->result) ? out->struct_size : sizeof(b->result);
    memcpy(out, &b->result, room);
    out->struct_size = (uint32_t)room;
}

int pfs_bulk_end(struct pfs_bulk *b, int rc, struct polyfs_bulk_result *out, struct polyfs_error *err)
{
    polyfs_fs_close(b->below);
    free(b->below_base);
    tell_progress(b, 1);
    bulk_result(b, out);
    if (b->first != POLYFS_OK) {
        pfs_error_copy(err, &b->error);
        pfs_verb_end(&b->verb, b->first, NULL);
        return b->first;
    }
    if (rc < 0 && b->verb.error.code == rc &&
        b->verb.error.operation[0]) { /* a verb within it made a finished error */
        pfs_error_copy(err, &b->verb.error);
        pfs_verb_end(&b->verb, rc, NULL);
        return rc;
    }
    return pfs_verb_end(&b->verb, rc < 0 ? rc : POLYFS_OK, err);
}

struct pfs_scope pfs_bulk_scope(struct pfs_bulk *b)
{
    return (struct pfs_scope){b->source_fs, b->opts.flags, b->opts.max_depth, pfs_bulk_call(b)};
}

int pfs_bulk_transfer(struct pfs_bulk *b, const char *const *sources, size_t source_count,
                      const char *const *targets, size_t target_count)
{
    struct pfs_plan plan = {.source = pfs_bulk_scope(b),
                            .target_fs = b->target_fs,
                            .sources = sources,
                            .source_count = source_count,
                            .targets = targets,
                            .target_count = target_count};
    b->transfer = (struct pfs_transfer){.done = object_done, .moved = bytes_moved, .user = b};
    pfs_transfer_begin(&b->transfer, &b->verb.ctx, b->source_fs->network || b->target_fs->network, b->opts.jobs);
    int rc = pfs_plan_run(&plan, copy_step, b, &b->verb.error);
    pfs_transfer_end(&b->transfer);
    return rc;
}

int polyfs_bulk_copy(struct polyfs_fs *source_fs, const char *const *sources, size_t source_count,
                     struct polyfs_fs *target_fs, const char *const *targets, size_t target_count,
                     const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                     struct polyfs_error *err)
{
    struct pfs_bulk b = {.source_fs = source_fs, .target_fs = target_fs};
    int rc = pfs_bulk_begin(&b, "copy", source_fs, opts);
    if (rc == POLYFS_OK)
        rc = pfs_bulk_transfer(&b, sources, source_count, targets, target_count);
    return pfs_bulk_end(&b, rc, result, err);
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
