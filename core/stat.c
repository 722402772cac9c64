/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat. NOT_FOUND is only ever the store's own word: a failure to ask is that failure.
 */
#include "core/stat.h"

#include <stdlib.h>

static int stat_object(struct pfs_verb *v, const char *path, const char *version, struct polyfs_stat *out)
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

/* Is there any key under @path + "/"? One page of one row. */
static int any_below(struct pfs_verb *v, const char *path, int *out_any)
{
    size_t n = strlen(path);
    char *prefix = pfs_format("%s%s", path, n && path[n - 1] != '/' ? "/" : "");
    struct polyfs_list_request request = {.struct_size = sizeof(request),
                                          .flags = POLYFS_LIST_NAMES | POLYFS_LIST_UNORDERED,
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

int pfs_stat(struct pfs_verb *v, const char *path, const char *version, struct polyfs_stat *out)
{
    struct polyfs_caps caps;
    int any = 0;
    int rc = version ? pfs_verb_gate(v, POLYFS_FACT_VERSIONS, "keep versions") : POLYFS_OK;
    if (rc == POLYFS_OK && *path)
        rc = stat_object(v, path, version, out);
    if ((rc != POLYFS_NOT_FOUND && *path) || rc < POLYFS_NOT_FOUND || version)
        return rc;
    PFS_ERROR(absent);
    absent = v->error;
    rc = pfs_verb_caps(v, path, &caps);
    if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_REAL_DIRS] == POLYFS_YES) {
        if (!*path)
            return stat_object(v, path, NULL, out);
        v->error = absent;
        return POLYFS_NOT_FOUND;
    }
    if (rc == POLYFS_OK && *path)
        rc = any_below(v, path, &any);
    if (rc < 0 && rc != POLYFS_NOT_FOUND)
        return rc;
    if (!any && *path) {
        v->error = absent;
        return POLYFS_NOT_FOUND;
    }
    *out = (struct polyfs_stat)POLYFS_STAT_INIT;
    out->type = POLYFS_TYPE_DIR;
    out->size = 0;
    return POLYFS_OK;
}

int polyfs_stat_many(struct polyfs_fs *fs, const char *const *paths, size_t count,
                     const struct polyfs_call_opts *opts, struct polyfs_stat *out, int *codes,
                     struct polyfs_error *err)
{
    int first = POLYFS_OK;
    for (size_t i = 0; i < count; i++) {
        codes[i] = polyfs_stat(fs, paths[i], NULL, opts, &out[i], first == POLYFS_OK ? err : NULL);
        if (first == POLYFS_OK)
            first = codes[i];
    }
    return first;
}
