/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that a plugin's description refuses, `.` and `..` as parts or empty parts: its servers would make another name
 * of them, and an object would be stored that nobody finds. They are INVALID before the plugin is asked for anything.
 */
#include "core/instance.h"
#include "core/layers/layers.h"

#define REFUSING (POLYFS_PLUGIN_DOTS_REFUSED | POLYFS_PLUGIN_SLASHES_REFUSED)

/* The first part that is `.` or `..`, or NULL. What follows the last slash of a listing's prefix is no part yet. */
static const char *dots_of(const char *path, const char *end, int is_prefix, int *out_n)
{
    for (const char *part = path; part < end;) {
        const char *slash = memchr(part, '/', (size_t)(end - part));
        size_t n = (size_t)((slash ? slash : end) - part);
        if ((n == 1 || n == 2) && part[0] == '.' && part[n - 1] == '.' && (slash || !is_prefix)) {
            *out_n = (int)n;
            return part;
        }
        part += n + 1;
    }
    return NULL;
}

/* A folder that core put in front ends in a slash. */
static int has_empty_part(const struct polyfs_fs *fs, const char *path, const char *end)
{
    if (fs->prefix_len && path < end && *path == '/')
        return 1;
    for (const char *at = path; (at = memchr(at, '/', (size_t)(end - at))) && at + 1 < end; at++)
        if (at[1] == '/')
            return 1;
    return 0;
}

/* @what: "it", or in front of a source's path. */
static int check(const struct polyfs_fs *fs, const char *what, const char *path, uint64_t path_len, int is_prefix,
                 struct polyfs_error *err)
{
    uint32_t flags = fs->plugin->flags;
    const char *end = path + path_len, *store = fs->plugin->main_protocol;
    int n;
    const char *dots = flags & POLYFS_PLUGIN_DOTS_REFUSED ? dots_of(path, end, is_prefix, &n) : NULL;
    if (dots)
        return polyfs_fail(err, POLYFS_INVALID,
                           "%s has the part \"%.*s\", which %s does not keep; write the path without it", what, n,
                           dots, store);
    if (flags & POLYFS_PLUGIN_SLASHES_REFUSED && has_empty_part(fs, path, end))
        return polyfs_fail(err, POLYFS_INVALID,
                           "%s has an empty part (//), which %s does not keep; write one slash", what, store);
    return POLYFS_OK;
}

static int check_source(const struct pfs_request *r, const struct polyfs_source *source, struct polyfs_error *err)
{
    char what[1024];
    snprintf(what, sizeof(what), "its source %.900s", source->path);
    return check(r->fs, what, source->path, source->path_len, 0, err);
}

int pfs_name_check(const struct polyfs_fs *fs, const char *path, struct polyfs_error *err)
{
    return fs->plugin->flags & REFUSING ? check(fs, "it", path, strlen(path), 0, err) : POLYFS_OK;
}

int pfs_names_before(struct pfs_request *r)
{
    if (!(r->fs->plugin->flags & REFUSING) || !r->path)
        return POLYFS_OK;
    int is_prefix = r->slot == PFS_LIST_OPEN || r->slot == PFS_LIST_NEXT || r->slot == PFS_UPLOAD_LIST;
    int rc = check(r->fs, "it", r->path, r->path_len, is_prefix, &r->error);
    if (r->slot == PFS_COPY || r->slot == PFS_RENAME || r->slot == PFS_COMPOSE)
        for (uint64_t i = 0; i < r->u.copy.count && rc == POLYFS_OK; i++)
            rc = check_source(r, &r->u.copy.sources[i], &r->error);
    else if (r->slot == PFS_UPLOAD_COPY_PART && rc == POLYFS_OK)
        rc = check_source(r, r->u.upload.source, &r->error);
    return rc;
}
