/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings inside core. A source is one plugin lister over one key prefix; a polyfs_lister is what callers hold: one
 * source, or a stack of them where the levels of real folders are walked one by one.
 */
#ifndef PFS_LIST_H
#define PFS_LIST_H

#include "core/verb.h"

/* One plugin lister with its current page. */
struct pfs_source {
    char *prefix;
    void *handle; /* NULL until the first page is asked for */
    struct polyfs_page page;
    struct polyfs_entry *own; /* rows of the page, where core changed them */
    uint64_t at;              /* next row of the page */
    int last;                 /* no page behind this one */
    char *marker;             /* of the page before: where to begin again */
    char *previous;           /* last row of the page before, if pages come in order; a folder's ends in '/' */
};

static inline const struct polyfs_entry *pfs_page_row(const struct polyfs_page *page, uint64_t i)
{
    return (const struct polyfs_entry *)(const void *)((const char *)page->entries + i * page->stride);
}

int pfs_source_open(struct pfs_verb *verb, struct pfs_source *source, const char *prefix,
                    const struct polyfs_list_request *request);
/* The next page; POLYFS_MORE or POLYFS_OK (it was the last). @ordered: its rows must go forward. */
int pfs_source_page(struct pfs_verb *verb, struct pfs_source *source, int ordered);
void pfs_source_close(struct polyfs_fs *fs, struct pfs_source *source);

/* Byte order of full keys, a folder counting as its name + '/'. */
int pfs_key_compare(const char *a, size_t a_len, int a_dir, const char *b, size_t b_len, int b_dir);

/* Rows copied into memory of the lister's own, when they must outlive the page they came from. */
struct pfs_rows {
    struct polyfs_entry *rows;
    size_t count, room;
    char **blocks; /* text, in blocks that never move */
    size_t block_count, block_room;
    size_t used; /* bytes of the newest block */
};

int pfs_rows_add(struct pfs_rows *rows, const struct polyfs_entry *entry);
void pfs_rows_reset(struct pfs_rows *rows);
void pfs_rows_clear(struct pfs_rows *rows);

#endif
