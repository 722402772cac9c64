/* SPDX-License-Identifier: Apache-2.0 */
/* One plugin lister with its current page (list.h), and what is held of a store's word about it. */
#include <stdlib.h>

#include "core/layers/layers.h"
#include "core/list.h"

int pfs_key_compare(const char *a, size_t a_len, int a_dir, const char *b, size_t b_len, int b_dir)
{
    size_t n = a_len < b_len ? a_len : b_len;
    int order = memcmp(a, b, n);
    if (order)
        return order;
    int x = a_len > n ? (unsigned char)a[n] : a_dir ? '/' : -1;
    int y = b_len > n ? (unsigned char)b[n] : b_dir ? '/' : -1;
    if (x != y || x < 0)
        return x - y;
    return (a_len > n + 1 || (a_len > n && a_dir)) - (b_len > n + 1 || (b_len > n && b_dir));
}

int pfs_source_open(struct pfs_verb *v, struct pfs_source *source, const char *prefix,
                    const struct polyfs_list_request *request)
{
    *source = (struct pfs_source){.page = {.struct_size = sizeof(source->page)}};
    source->prefix = strdup(prefix);
    if (!source->prefix)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a listing");
    struct pfs_request r = PFS_REQUEST(PFS_LIST_OPEN, v->fs, &v->ctx, source->prefix);
    r.u.list.request = request;
    r.u.list.out = &source->handle;
    return pfs_verb_run(v, &r);
}

static int is_below(const char *prefix, const struct polyfs_entry *e)
{
    size_t n = strlen(prefix);
    return e->path_len >= n && memcmp(e->path, prefix, n) == 0;
}

static int comes_behind(const struct polyfs_entry *e, const char *before, size_t n, int is_dir)
{
    return pfs_key_compare(e->path, e->path_len, e->type == POLYFS_TYPE_DIR, before, n, is_dir) > 0;
}

/*
 * What a store lists is below the prefix that was asked for, and goes forward where it says so: else a row might be given
 * twice, or never, or be a name that a copy would follow to elsewhere.
 */
static int page_check(struct pfs_verb *v, const struct pfs_source *source, int ordered)
{
    const struct polyfs_entry *before = NULL;
    int good = 1;
    for (uint64_t i = 0; i < source->page.count && good; i++) {
        const struct polyfs_entry *e = pfs_page_row(&source->page, i);
        good = is_below(source->prefix, e);
        if (good && ordered && before)
            good = comes_behind(e, before->path, before->path_len, before->type == POLYFS_TYPE_DIR);
        else if (good && ordered && source->previous)
            good = comes_behind(e, source->previous, strlen(source->previous), 0);
        before = e;
    }
    return good ? POLYFS_OK
                : polyfs_fail(
                      &v->error, POLYFS_NETWORK,
                      "the store lists what was not asked for, or the same again; nothing of that page is given");
}

static int page_remember(struct pfs_verb *v, struct pfs_source *source)
{
    const struct polyfs_entry *e = source->page.count ? pfs_page_row(&source->page, source->page.count - 1) : NULL;
    if (!e)
        return POLYFS_OK;
    free(source->previous);
    source->previous = pfs_format("%.*s%s", (int)e->path_len, e->path, e->type == POLYFS_TYPE_DIR ? "/" : "");
    return source->previous ? POLYFS_OK : polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a page");
}

int pfs_source_page(struct pfs_verb *v, struct pfs_source *source, int ordered)
{
    struct polyfs_page page = {.struct_size = sizeof(page), .stride = sizeof(struct polyfs_entry)};
    struct pfs_request r = PFS_REQUEST(PFS_LIST_NEXT, v->fs, &v->ctx, source->prefix);
    r.handle = source->handle;
    r.u.list.page = &page;
    int rc = pfs_verb_run(v, &r);
    if (rc >= 0 && pfs_sub_page(v->fs, &page, &source->own) != POLYFS_OK)
        rc = polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a page");
    if (rc < 0)
        return rc;
    source->page = page;
    source->at = 0;
    source->last = rc == POLYFS_OK;
    int checked = page_check(v, source, ordered);
    if (checked == POLYFS_OK && ordered && rc == POLYFS_MORE)
        checked = page_remember(v, source);
    return checked == POLYFS_OK ? rc : checked;
}

void pfs_source_close(struct polyfs_fs *fs, struct pfs_source *source)
{
    if (source->handle)
        fs->plugin->tables.lister.close(source->handle);
    free(source->own);
    free(source->prefix);
    free(source->marker);
    free(source->previous);
    *source = (struct pfs_source){0};
}
