/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One page of a listing, as a store's answer fills it: rows, and their texts beside them. A parser describes `row` piece
 * by piece and ends it; when the page is whole it is put in order and handed to core. Texts are places in one buffer,
 * since that moves while it grows. Invariant: what core is given points into `text`, which stays until the next page.
 *
 * Thread: one at a time, as the lister it belongs to. Does not block.
 */
#ifndef PS_PAGER_H
#define PS_PAGER_H

#include "buf.h"

#define PS_PAGE_ROWS_MAX 8192 /* Azure gives at most 5,000, S3 and GCS 1,000 */

struct ps_row {
    struct polyfs_entry entry; /* made of what follows when the page is whole */
    uint64_t path, path_len;   /* place in text, the container's name in front */
    uint64_t etag, version;    /* places in text; 0: none */
    uint64_t size;             /* POLYFS_SIZE_UNKNOWN at first */
    int64_t mtime_ns;          /* POLYFS_TIME_UNKNOWN at first */
    uint32_t type, flags;
};

struct ps_page {
    struct ps_buf text;
    struct ps_row *rows;
    uint64_t count, room;
    struct ps_row row; /* being described */
};

/* Empties it for the next page and keeps its memory. A page of zeroes is due to this first. */
void ps_page_reset(struct ps_page *page);
void ps_page_clear(struct ps_page *page);

/* A text kept for the page; its place. */
uint64_t ps_page_keep(struct ps_page *page, const char *text, uint64_t size);
/* The path of the row being described: container, '/', name. */
void ps_page_path(struct ps_page *page, const char *container, uint64_t container_len, const char *name,
                  uint64_t size);
/* The row is described; one without a path is dropped. A folder's name may end in '/'. NETWORK for a page too long. */
int ps_page_row_end(struct ps_page *page, uint32_t type, struct polyfs_error *err);

/*
 * The page is whole: rows by bytes of their full key, a folder counting as its name and '/', equal ones as they came.
 * Fills in entries, count and stride of @out.
 */
int ps_page_end(struct ps_page *page, struct polyfs_page *out, struct polyfs_error *err);

#endif
