/* SPDX-License-Identifier: Apache-2.0 */
/* A page's rows: memory that grows by doubling up to a bound, sorted only where the store did not. */
#include <stdlib.h>

#include "pager.h"

static const struct ps_row empty = {.size = POLYFS_SIZE_UNKNOWN, .mtime_ns = POLYFS_TIME_UNKNOWN};

void ps_page_reset(struct ps_page *page)
{
    ps_buf_reset(&page->text);
    ps_buf_char(&page->text, '\0'); /* so that 0 is no place */
    page->count = 0;
    page->row = empty;
}

void ps_page_clear(struct ps_page *page)
{
    ps_host->free(page->rows);
    ps_buf_clear(&page->text);
}

uint64_t ps_page_keep(struct ps_page *page, const char *text, uint64_t size)
{
    uint64_t at = page->text.size;
    ps_buf_add(&page->text, text, size);
    ps_buf_char(&page->text, '\0');
    return at;
}

void ps_page_path(struct ps_page *page, const char *container, uint64_t container_len, const char *name,
                  uint64_t size)
{
    page->row.path = page->text.size;
    ps_buf_add(&page->text, container, container_len);
    ps_buf_char(&page->text, '/');
    ps_buf_add(&page->text, name, size);
    page->row.path_len = page->text.size - page->row.path;
    ps_buf_char(&page->text, '\0');
}

static int grow(struct ps_page *page, struct polyfs_error *err)
{
    uint64_t room = page->room ? page->room * 2 : 64;
    if (page->count < page->room)
        return POLYFS_OK;
    if (room > PS_PAGE_ROWS_MAX)
        return polyfs_fail(err, POLYFS_NETWORK, "the store's page has more rows than any has");
    struct ps_row *rows = ps_host->resize(page->rows, room * sizeof(*rows));
    if (!rows)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a page");
    page->rows = rows;
    page->room = room;
    return POLYFS_OK;
}

int ps_page_row_end(struct ps_page *page, uint32_t type, struct polyfs_error *err)
{
    int rc = grow(page, err);
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&page->text, err);
    page->row.type = type;
    if (type == POLYFS_TYPE_DIR)
        page->row.size = 0;
    if (rc == POLYFS_OK && page->row.path_len)
        page->rows[page->count++] = page->row;
    page->row = empty;
    return rc;
}

/* ---- in order ----------------------------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b, void *text)
{
    const struct ps_row *left = a, *right = b;
    uint64_t n = left->path_len < right->path_len ? left->path_len : right->path_len;
    int order = memcmp((char *)text + left->path, (char *)text + right->path, n);
    if (order || left->path_len != right->path_len)
        return order ? order : left->path_len < right->path_len ? -1 : 1;
    return left < right ? -1 : left > right; /* versions of one key stay as they came: the newest first */
}

static int is_sorted(const struct ps_page *page)
{
    for (uint64_t i = 1; i < page->count; i++)
        if (by_path(&page->rows[i - 1], &page->rows[i], page->text.data) > 0)
            return 0;
    return 1;
}

/* A row as core takes it; a folder's name loses its '/'. */
static void make_entry(struct ps_row *row, char *text)
{
    char *path = text + row->path;
    if (row->type == POLYFS_TYPE_DIR && row->path_len && path[row->path_len - 1] == '/')
        path[--row->path_len] = '\0';
    row->entry = (struct polyfs_entry){.path = path,
                                       .path_len = row->path_len,
                                       .type = row->type,
                                       .flags = row->flags,
                                       .size = row->size,
                                       .mtime_ns = row->mtime_ns,
                                       .etag = row->etag ? text + row->etag : NULL,
                                       .version = row->version ? text + row->version : NULL};
}

int ps_page_end(struct ps_page *page, struct polyfs_page *out, struct polyfs_error *err)
{
    int rc = ps_buf_check(&page->text, err);
    if (rc != POLYFS_OK)
        return rc;
    if (!is_sorted(page))
        qsort_r(page->rows, page->count, sizeof(*page->rows), by_path, page->text.data);
    for (uint64_t i = 0; i < page->count; i++)
        make_entry(&page->rows[i], page->text.data);
    out->stride = sizeof(*page->rows);
    out->entries = page->count ? &page->rows[0].entry : NULL;
    out->count = page->count;
    return POLYFS_OK;
}
