/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat. NOT_FOUND is only ever the store's own word: a failure to ask is that failure.
 */
#include "core/stat.h"

#include <stdlib.h>

#include "core/many.h"

static int stat_version(struct pfs_verb *v, const char *path, const char *version, struct polyfs_stat *out)
{
    struct pfs_request r = PFS_REQUEST(PFS_STAT, v->fs, &v->ctx, path);
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    r.u.stat.version = version;
    r.u.stat.out = &stat;
    int rc = pfs_verb_run(v, &r);
    if (rc == POLYFS_OK)
        *out = stat;
    return rc;
}

int pfs_stat_object(struct pfs_verb *v, const char *path, struct polyfs_stat *out)
{
    return stat_version(v, path, NULL, out);
}

/*
 * Is there any key under @path + "/"? One page of one row. Of all levels where that is one request: MinIO and SeaweedFS go
 * on to list a folder whose last object was removed.
 */
static int any_below(struct pfs_verb *v, const char *path, const struct polyfs_caps *caps, int *out_any)
{
    uint32_t flat = caps->fact[POLYFS_FACT_FLAT_LIST] == POLYFS_YES ? POLYFS_LIST_FLAT : 0;
    size_t n = strlen(path);
    char *prefix = pfs_format("%s%s", path, n && path[n - 1] != '/' ? "/" : "");
    struct polyfs_list_request request = {.struct_size = sizeof(request),
                                          .flags = POLYFS_LIST_NAMES | POLYFS_LIST_UNORDERED | flat,
                                          .page_size = 1};
    struct polyfs_page page = {.struct_size = sizeof(page)};
    void *lister = NULL;
    if (!prefix)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for its name");
    struct pfs_request open = PFS_REQUEST(PFS_LIST_OPEN, v->fs, &v->ctx, prefix);
    open.u.list.request = &request;
    open.u.list.out = &lister;
    int rc = pfs_verb_run(v, &open);
    while (rc == POLYFS_OK || rc == POLYFS_MORE) {
        struct pfs_request next = PFS_REQUEST(PFS_LIST_NEXT, v->fs, &v->ctx, prefix);
        next.handle = lister;
        next.u.list.page = &page;
        rc = pfs_verb_run(v, &next);
        *out_any = rc >= 0 && page.count > 0;
        if (rc != POLYFS_MORE || page.count)
            break;
    }
    if (lister)
        v->fs->plugin->tables.lister.close(lister);
    free(prefix);
    return rc < 0 ? rc : POLYFS_OK;
}

/* Below a name that is as long as names may be there is nothing, and a store would refuse the prefix. */
static int has_room_below(const struct pfs_verb *v, const char *path, const struct polyfs_caps *caps)
{
    size_t n = v->fs->prefix_len + strlen(path) + (path[strlen(path) - 1] != '/');
    return !caps->path_max || n <= caps->path_max;
}

int pfs_stat(struct pfs_verb *v, const char *path, const char *version, struct polyfs_stat *out)
{
    struct polyfs_caps caps;
    int any = 0;
    int rc = version ? pfs_verb_gate(v, POLYFS_FACT_VERSIONS, "keep versions") : POLYFS_OK;
    if (rc == POLYFS_OK && *path)
        rc = stat_version(v, path, version, out);
    if ((rc != POLYFS_NOT_FOUND && *path) || rc < POLYFS_NOT_FOUND || version)
        return rc;
    PFS_ERROR(absent);
    absent = v->error;
    rc = pfs_verb_caps(v, path, &caps);
    if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_REAL_DIRS] == POLYFS_YES) {
        if (!*path)
            return stat_version(v, path, NULL, out);
        v->error = absent;
        return POLYFS_NOT_FOUND;
    }
    if (rc == POLYFS_OK && *path && has_room_below(v, path, &caps))
        rc = any_below(v, path, &caps, &any);
    if (rc < 0 && rc != POLYFS_NOT_FOUND)
        return rc;
    if (!any && *path) {
        if (rc == POLYFS_OK) /* else the listing was refused, and told why: there is no such bucket */
            v->error = absent;
        return POLYFS_NOT_FOUND;
    }
    *out = (struct polyfs_stat)POLYFS_STAT_INIT;
    out->type = POLYFS_TYPE_DIR;
    out->size = 0;
    return POLYFS_OK;
}

/* ---- many ------------------------------------------------------------------------------------------------------ */

struct many {
    struct polyfs_fs *fs;
    struct pfs_ctx *ctx;
    const char *const *paths;
    const struct polyfs_call_opts *opts;
    struct polyfs_stat *out, *stats; /* the caller's, and whole ones for what is under way, by index */
    int *codes;
    int first;
    struct polyfs_error *err;
};

static int many_fill(size_t i, struct pfs_request *r, void *user)
{
    struct many *many = user;
    many->stats[i] = (struct polyfs_stat)POLYFS_STAT_INIT;
    if (!*many->paths[i]) /* the root is asked about below */
        return PFS_ANSWERED;
    *r = PFS_REQUEST(PFS_STAT, many->fs, many->ctx, many->paths[i]);
    r->u.stat.out = &many->stats[i];
    return POLYFS_OK;
}

/* What the store does not know as an object may be a folder: that takes a look of its own. */
static int many_landed(size_t i, struct pfs_request *r, void *user)
{
    struct many *many = user;
    struct polyfs_error *err = many->first == POLYFS_OK ? many->err : NULL;
    int rc = r->rc;
    if (rc == POLYFS_NOT_FOUND || !*many->paths[i]) {
        rc = polyfs_stat(many->fs, many->paths[i], NULL, many->opts, &many->out[i], err);
    } else if (rc < 0) {
        char *url = polyfs_fs_url(many->fs, many->paths[i]);
        pfs_error_out(err, &r->error, rc, "stat", url);
        free(url);
    } else {
        pfs_stat_out(&many->out[i], &many->stats[i]);
    }
    many->codes[i] = rc;
    if (many->first == POLYFS_OK)
        many->first = rc;
    return POLYFS_OK;
}

int polyfs_stat_many(struct polyfs_fs *fs, const char *const *paths, size_t count,
                     const struct polyfs_call_opts *opts, struct polyfs_stat *out, int *codes,
                     struct polyfs_error *err)
{
    struct pfs_verb v;
    struct many many = {.fs = fs, .paths = paths, .opts = opts, .out = out, .codes = codes, .err = err};
    int rc = pfs_verb_begin(&v, "stat", fs, NULL, opts);
    many.ctx = &v.ctx;
    many.stats = count < SIZE_MAX / sizeof(*many.stats) ? calloc(count ? count : 1, sizeof(*many.stats)) : NULL;
    if (rc == POLYFS_OK && !many.stats)
        rc = polyfs_fail(&v.error, POLYFS_NOMEM, "no memory for %zu answers", count);
    struct pfs_many window = {.ctx = &v.ctx,
                              .width = pfs_many_width(fs, 0),
                              .count = count,
                              .fill = many_fill,
                              .landed = many_landed,
                              .user = &many};
    if (rc == POLYFS_OK)
        rc = pfs_many_run(&window, &v.error);
    free(many.stats);
    if (rc == POLYFS_OK && many.first != POLYFS_OK)
        return pfs_verb_end(&v, many.first, NULL);
    return pfs_verb_end(&v, rc, err);
}
