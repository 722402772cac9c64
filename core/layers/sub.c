/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sub filesystem of a plugin that has no slot for it: every path of a request gets the folder in front, and listed
 * rows lose it again. Where names are plain bytes no name leads out of the folder, so this confines as well.
 */
#include <stdlib.h>

#include "core/instance.h"
#include "core/layers/layers.h"
#include "core/list.h"

static char *join(const struct polyfs_fs *fs, const char *path, uint64_t path_len)
{
    char *full = path_len < PTRDIFF_MAX ? malloc(fs->prefix_len + path_len + 1) : NULL;
    if (!full)
        return NULL;
    memcpy(full, fs->prefix, fs->prefix_len);
    if (path_len)
        memcpy(full + fs->prefix_len, path, path_len);
    full[fs->prefix_len + path_len] = '\0';
    return full;
}

static int join_source(const struct polyfs_fs *fs, const struct polyfs_source *from, struct polyfs_source *to)
{
    *to = *from;
    to->path = join(fs, from->path, from->path_len);
    to->path_len += fs->prefix_len;
    return to->path ? POLYFS_OK : POLYFS_NOMEM;
}

static int join_sources(struct pfs_request *r, struct pfs_sub_saved *saved)
{
    uint64_t n = r->u.copy.count;
    int rc = POLYFS_OK;
    saved->own_sources = calloc(n, sizeof(*saved->own_sources));
    for (uint64_t i = 0; saved->own_sources && i < n && rc == POLYFS_OK; i++)
        rc = join_source(r->fs, &r->u.copy.sources[i], &saved->own_sources[i]);
    saved->sources = r->u.copy.sources;
    saved->count = n;
    r->u.copy.sources = saved->own_sources;
    return saved->own_sources ? rc : POLYFS_NOMEM;
}

static int join_items(struct pfs_request *r, struct pfs_sub_saved *saved)
{
    uint64_t n = r->u.remove_many.count;
    int rc = POLYFS_OK;
    saved->own_items = calloc(n, sizeof(*saved->own_items));
    for (uint64_t i = 0; saved->own_items && i < n; i++) {
        saved->own_items[i] = r->u.remove_many.items[i];
        saved->own_items[i].path = join(r->fs, saved->own_items[i].path, saved->own_items[i].path_len);
        saved->own_items[i].path_len += r->fs->prefix_len;
        rc = saved->own_items[i].path ? rc : POLYFS_NOMEM;
    }
    saved->items = r->u.remove_many.items;
    saved->count = n;
    r->u.remove_many.items = saved->own_items;
    return saved->own_items ? rc : POLYFS_NOMEM;
}

static int join_start(struct pfs_request *r, struct pfs_sub_saved *saved)
{
    saved->request = r->u.list.request;
    saved->own_request = *saved->request;
    saved->start = join(r->fs, saved->request->start_after, strlen(saved->request->start_after));
    saved->own_request.start_after = saved->start;
    r->u.list.request = &saved->own_request;
    return saved->start ? POLYFS_OK : POLYFS_NOMEM;
}

static int join_part_source(struct pfs_request *r, struct pfs_sub_saved *saved)
{
    saved->sources = r->u.upload.source;
    saved->own_sources = calloc(1, sizeof(*saved->own_sources));
    saved->count = 1;
    int rc = saved->own_sources ? join_source(r->fs, saved->sources, saved->own_sources) : POLYFS_NOMEM;
    r->u.upload.source = saved->own_sources;
    return rc;
}

/* The root of a sub is a folder: an object of that name is none of it. */
static int wants_name(enum pfs_slot slot)
{
    switch (slot) {
    case PFS_GET:
    case PFS_PUT:
    case PFS_REMOVE:
    case PFS_COPY:
    case PFS_COMPOSE:
    case PFS_RENAME:
    case PFS_SET_METADATA:
    case PFS_SET_TIMES:
    case PFS_LINK:
    case PFS_SIGN:
    case PFS_READER_OPEN:
    case PFS_UPLOAD_START:
    case PFS_PLACED_OPEN:
    case PFS_STREAM_OPEN: return 1;
    default: return 0;
    }
}

int pfs_sub_before(struct pfs_request *r, struct pfs_sub_saved *saved)
{
    int rc = POLYFS_OK;
    saved->path = NULL;
    if (!r->fs->prefix || !r->path)
        return POLYFS_OK;
    memset(saved, 0, sizeof(*saved));
    if (!r->path_len && wants_name(r->slot))
        return polyfs_fail(&r->error, POLYFS_IS_DIR, "it is the folder itself");
    saved->path = r->path;
    saved->path_len = r->path_len;
    saved->joined = join(r->fs, r->path, r->path_len);
    if (r->slot == PFS_COPY || r->slot == PFS_RENAME || r->slot == PFS_COMPOSE || r->slot == PFS_LINK)
        rc = join_sources(r, saved);
    else if (r->slot == PFS_UPLOAD_COPY_PART)
        rc = join_part_source(r, saved);
    else if (r->slot == PFS_REMOVE_MANY)
        rc = join_items(r, saved);
    else if (r->slot == PFS_LIST_OPEN && r->u.list.request->start_after)
        rc = join_start(r, saved);
    r->path = saved->joined;
    r->path_len += r->fs->prefix_len;
    return rc == POLYFS_OK && saved->joined ? POLYFS_OK
                                            : polyfs_fail(&r->error, POLYFS_NOMEM, "no memory for a name");
}

/* Each gets its answer back. */
static void return_items(struct pfs_request *r, struct pfs_sub_saved *saved)
{
    for (uint64_t i = 0; saved->own_items && i < saved->count; i++) {
        saved->items[i].code = saved->own_items[i].code;
        memcpy(saved->items[i].native_code, saved->own_items[i].native_code, sizeof(saved->items[i].native_code));
        free((char *)(uintptr_t)saved->own_items[i].path);
    }
    free(saved->own_items);
    r->u.remove_many.items = saved->items;
}

void pfs_sub_after(struct pfs_request *r, struct pfs_sub_saved *saved)
{
    if (!saved->path)
        return;
    for (uint64_t i = 0; saved->own_sources && i < saved->count; i++)
        free((char *)(uintptr_t)saved->own_sources[i].path);
    free(saved->own_sources);
    if (saved->sources && r->slot == PFS_UPLOAD_COPY_PART)
        r->u.upload.source = saved->sources;
    else if (saved->sources)
        r->u.copy.sources = saved->sources;
    if (saved->items)
        return_items(r, saved);
    if (saved->request)
        r->u.list.request = saved->request;
    free(saved->start);
    free(saved->joined);
    r->path = saved->path;
    r->path_len = saved->path_len;
}

int pfs_sub_page(const struct polyfs_fs *fs, struct polyfs_page *page, struct polyfs_entry **own)
{
    if (!fs->prefix || !page->count)
        return POLYFS_OK;
    struct polyfs_entry *rows =
        page->count < SIZE_MAX / sizeof(*rows) ? realloc(*own, page->count * sizeof(*rows)) : NULL;
    if (!rows)
        return POLYFS_NOMEM;
    *own = rows;
    for (uint64_t i = 0; i < page->count; i++) {
        rows[i] = *pfs_page_row(page, i);
        rows[i].path += fs->prefix_len;
        rows[i].path_len -= fs->prefix_len;
    }
    page->entries = rows;
    page->stride = sizeof(*rows);
    return POLYFS_OK;
}
