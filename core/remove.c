/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing many objects and whole folders. The store's own slot where it has one; else a listing of all below, whose
 * objects go first and whose folders go last, the deepest first. Memory is bounded by a page of rows, but for the
 * names of folders.
 */
#include <stdlib.h>

#include "core/layers/layers.h"
#include "core/list.h"
#include "core/many.h"
#include "core/remove.h"
#include "core/stat.h"
#include "core/step.h"

static int remove_one(struct pfs_verb *v, const char *path)
{
    struct pfs_request r = PFS_REQUEST(PFS_REMOVE, v->fs, &v->ctx, path);
    int rc = pfs_verb_run(v, &r);
    return rc == POLYFS_NOT_FOUND ? POLYFS_OK : rc;
}

/* ---- many ---------------------------------------------------------------------------------------------------- */

struct removal {
    struct pfs_verb *verb;
    const char *const *paths;
    pfs_removed_fn *removed;
    void *user;
};

static int tell(const struct removal *removal, size_t i, int code, const struct polyfs_error *why)
{
    return removal->removed(i, code == POLYFS_NOT_FOUND ? POLYFS_OK : code, why, removal->user);
}

/* What a batch could not take, or only now and then, may go by itself: that is repeated as any request is. */
static int remove_singly(const struct removal *removal, const struct polyfs_remove_item *item,
                         struct polyfs_error *why)
{
    struct pfs_request r = PFS_REQUEST(PFS_REMOVE, removal->verb->fs, &removal->verb->ctx, item->path);
    pfs_run(&r);
    *why = r.error;
    return r.rc;
}

/* Each item has its own answer; one that failed gets an error of its own. */
static int tell_items(const struct removal *removal, size_t first, const struct polyfs_remove_item *items,
                      size_t count)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < count; i++) {
        PFS_ERROR(why);
        int code = items[i].code;
        if (code == POLYFS_UNSUPPORTED || code == POLYFS_BUSY || code == POLYFS_TIMEOUT) {
            code = remove_singly(removal, &items[i], &why);
        } else if (code < 0) {
            polyfs_fail(&why, items[i].code, "the store refused to remove it%s%s%s",
                        *items[i].native_code ? " (" : "", items[i].native_code, *items[i].native_code ? ")" : "");
            pfs_error_text(why.native_code, sizeof(why.native_code), items[i].native_code);
        }
        int end = tell(removal, first + i, code, &why);
        rc = rc < 0 ? rc : end;
    }
    return rc;
}

static int remove_batch(const struct removal *removal, size_t first, size_t count)
{
    struct pfs_verb *v = removal->verb;
    struct polyfs_remove_item *items = calloc(count, sizeof(*items));
    if (!items)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for %zu names", count);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct polyfs_remove_item){.path = removal->paths[first + i],
                                               .path_len = strlen(removal->paths[first + i])};
    struct pfs_request r = PFS_REQUEST(PFS_REMOVE_MANY, v->fs, &v->ctx, items[0].path);
    r.u.remove_many.items = items;
    r.u.remove_many.count = count;
    int rc = pfs_run(&r), end = POLYFS_OK;
    if (rc == POLYFS_OK)
        end = tell_items(removal, first, items, count);
    for (size_t i = 0; rc < 0 && i < count; i++) {
        int one = tell(removal, first + i, rc, &r.error);
        end = end < 0 ? end : one;
    }
    free(items);
    return end;
}

static int each_fill(size_t i, struct pfs_request *r, void *user)
{
    const struct removal *removal = user;
    *r = PFS_REQUEST(PFS_REMOVE, removal->verb->fs, &removal->verb->ctx, removal->paths[i]);
    return POLYFS_OK;
}

static int each_landed(size_t i, struct pfs_request *r, void *user)
{
    return tell(user, i, r->rc, &r->error);
}

/* A name that is refused goes with no batch: it has an error of its own. */
static int batches(struct pfs_verb *v, const char *const *paths, size_t count, struct polyfs_caps *caps, int *out)
{
    *out = 0;
    if (!pfs_slot_present(v->fs, PFS_REMOVE_MANY))
        return POLYFS_OK;
    for (size_t i = 0; i < count; i++)
        if (pfs_name_check(v->fs, paths[i], NULL) != POLYFS_OK)
            return POLYFS_OK;
    int rc = pfs_verb_caps(v, paths[0], caps);
    *out = rc == POLYFS_OK && caps->fact[POLYFS_FACT_REMOVE_MANY] == POLYFS_YES;
    return rc;
}

int pfs_remove_many(struct pfs_verb *v, const char *const *paths, size_t count, unsigned jobs,
                    pfs_removed_fn *removed, void *user)
{
    struct removal removal = {v, paths, removed, user};
    struct polyfs_caps caps;
    int batched;
    if (!count)
        return POLYFS_OK;
    int rc = batches(v, paths, count, &caps, &batched);
    if (rc != POLYFS_OK)
        return rc;
    if (batched) {
        size_t step = caps.remove_many_max ? caps.remove_many_max : 1000;
        for (size_t at = 0; at < count && rc == POLYFS_OK; at += step)
            rc = remove_batch(&removal, at, count - at < step ? count - at : step);
        return rc;
    }
    struct pfs_many many = {.ctx = &v->ctx,
                            .width = pfs_many_width(v->fs, jobs),
                            .count = count,
                            .fill = each_fill,
                            .landed = each_landed,
                            .user = &removal};
    return pfs_many_run(&many, &v->error);
}

/* The first failure is the verb's; @codes, if any, get each one's own. */
struct outcome {
    struct pfs_verb *verb;
    int *codes;
    int first;
};

static int keep_code(size_t i, int code, const struct polyfs_error *why, void *user)
{
    struct outcome *outcome = user;
    if (outcome->codes)
        outcome->codes[i] = code;
    if (code < 0 && outcome->first == POLYFS_OK) {
        outcome->first = code;
        outcome->verb->error = *why;
    }
    return POLYFS_OK;
}

static int remove_all(struct pfs_verb *v, const char *const *paths, size_t count, int *codes)
{
    struct outcome outcome = {v, codes, POLYFS_OK};
    int rc = pfs_remove_many(v, paths, count, 0, keep_code, &outcome);
    return rc < 0 ? rc : outcome.first;
}

int polyfs_remove_many(struct polyfs_fs *fs, const char *const *paths, size_t count,
                       const struct polyfs_call_opts *opts, int *codes, struct polyfs_error *err)
{
    struct pfs_verb v;
    int rc = pfs_verb_begin(&v, "remove", fs, count ? paths[0] : "", opts);
    if (rc == POLYFS_OK)
        rc = remove_all(&v, paths, count, codes);
    return pfs_verb_end(&v, rc, err);
}

/* ---- folders ------------------------------------------------------------------------------------------------- */

struct folders {
    char **names;
    size_t count, room;
};

static int folder_add(struct folders *folders, const struct polyfs_entry *row)
{
    if (pfs_grow((void **)&folders->names, &folders->room, folders->count, sizeof(char *)) != POLYFS_OK)
        return POLYFS_NOMEM;
    char *name = pfs_copy(row->path, row->path_len);
    if (!name)
        return POLYFS_NOMEM;
    folders->names[folders->count++] = name;
    return POLYFS_OK;
}

/* Objects of a page go now, folders are kept for the end. A link to a folder is removed, not entered. */
static int remove_page(struct pfs_verb *v, const struct polyfs_entry *rows, size_t count, struct folders *folders)
{
    const char **objects = calloc(count ? count : 1, sizeof(*objects));
    size_t n = 0;
    int rc = objects ? POLYFS_OK : POLYFS_NOMEM;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        if (rows[i].type == POLYFS_TYPE_DIR && !(rows[i].flags & POLYFS_STAT_LINK))
            rc = folder_add(folders, &rows[i]);
        else
            objects[n++] = rows[i].path;
    }
    if (rc == POLYFS_NOMEM)
        polyfs_fail(&v->error, rc, "no memory for a page of names");
    if (rc == POLYFS_OK && n)
        rc = remove_all(v, objects, n, NULL);
    free(objects);
    return rc;
}

static int remove_folders(struct pfs_verb *v, struct folders *folders)
{
    int rc = POLYFS_OK;
    while (folders->count && rc == POLYFS_OK) { /* byte order puts parents first, so backwards */
        char *name = folders->names[--folders->count];
        struct pfs_request r = PFS_REQUEST(PFS_RMDIR, v->fs, &v->ctx, name);
        rc = pfs_verb_run(v, &r);
        if (rc == POLYFS_NOT_FOUND)
            rc = POLYFS_OK;
        free(name);
    }
    while (folders->count)
        free(folders->names[--folders->count]);
    free(folders->names);
    return rc;
}

/* Everything below, by listing. @real: there are folders to remove too. */
static int remove_below(struct pfs_verb *v, const char *path, int real)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister;
    struct folders folders = {NULL, 0, 0};
    opts.flags = POLYFS_LS_RECURSIVE | (real ? POLYFS_LS_DIRS : 0);
    int rc = polyfs_list_open(v->fs, path, &opts, &lister, &v->error);
    if (rc != POLYFS_OK)
        return rc;
    do {
        const struct polyfs_entry *rows;
        size_t count;
        rc = pfs_ctx_check(&v->ctx, &v->error);
        if (rc == POLYFS_OK)
            rc = polyfs_list_next(lister, &rows, &count, &v->error);
        if (rc >= 0 && count) {
            int removed = remove_page(v, rows, count, &folders);
            rc = removed == POLYFS_OK ? rc : removed;
        }
    } while (rc == POLYFS_MORE);
    polyfs_list_close(lister);
    int last = remove_folders(v, &folders);
    return rc == POLYFS_OK ? last : rc;
}

static int remove_tree_by_store(struct pfs_verb *v)
{
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_REMOVE_TREE);
    return pfs_step_run(v, &r, &r.u.copy.step);
}

static int remove_tree_by_names(struct pfs_verb *v, int real)
{
    int rc = remove_below(v, v->path, real);
    if (rc != POLYFS_OK || !real ||
        pfs_is_bucket(v->fs, v->path)) /* a bucket stays, as where folders are implied */
        return rc;
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_RMDIR);
    return pfs_verb_run(v, &r);
}

int polyfs_remove_tree(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *opts,
                       struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_caps caps;
    struct polyfs_stat stat;
    int rc = pfs_verb_begin(&v, "remove the folder", fs, path, opts);
    if (rc == POLYFS_OK)
        rc = pfs_verb_caps_of(&v, path, POLYFS_FACT_REMOVE_TREE, &caps);
    if (rc == POLYFS_OK)
        rc = pfs_stat(&v, path, NULL, &stat);
    int real = rc == POLYFS_OK && caps.fact[POLYFS_FACT_REAL_DIRS] == POLYFS_YES;
    if (rc == POLYFS_OK && stat.type != POLYFS_TYPE_DIR) {
        rc = remove_one(&v, path);
    } else if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_REMOVE_TREE] == POLYFS_YES) {
        rc = remove_tree_by_store(&v);
    } else if (rc == POLYFS_OK) {
        rc = remove_tree_by_names(&v, real);
    }
    return pfs_verb_end(&v, rc, err);
}
