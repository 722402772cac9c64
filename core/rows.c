/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a listing copied out of a plugin's page: text lies in 16 KiB blocks, so one row costs no allocation. */
#include <stdlib.h>

#include "core/list.h"

#define BLOCK_BYTES 16384

static char *text_room(struct pfs_rows *rows, size_t bytes)
{
    if (rows->block_count && rows->used + bytes <= BLOCK_BYTES) {
        char *at = rows->blocks[rows->block_count - 1] + rows->used;
        rows->used += bytes;
        return at;
    }
    if (pfs_grow((void **)&rows->blocks, &rows->block_room, rows->block_count, sizeof(char *)) != POLYFS_OK)
        return NULL;
    char *block = malloc(bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES);
    if (!block)
        return NULL;
    rows->blocks[rows->block_count++] = block;
    rows->used = bytes;
    return block;
}

static char *keep(struct pfs_rows *rows, const char *text, size_t length)
{
    char *own = text_room(rows, length + 1);
    if (own) {
        memcpy(own, text, length);
        own[length] = '\0';
    }
    return own;
}

int pfs_rows_add(struct pfs_rows *rows, const struct polyfs_entry *entry)
{
    if (pfs_grow((void **)&rows->rows, &rows->room, rows->count, sizeof(*rows->rows)) != POLYFS_OK)
        return POLYFS_NOMEM;
    struct polyfs_entry *own = &rows->rows[rows->count];
    *own = *entry;
    own->path = keep(rows, entry->path, entry->path_len);
    if (entry->etag)
        own->etag = keep(rows, entry->etag, strlen(entry->etag));
    if (entry->version)
        own->version = keep(rows, entry->version, strlen(entry->version));
    if (!own->path || (entry->etag && !own->etag) || (entry->version && !own->version))
        return POLYFS_NOMEM;
    rows->count++;
    return POLYFS_OK;
}

void pfs_rows_reset(struct pfs_rows *rows)
{
    while (rows->block_count > 1)
        free(rows->blocks[--rows->block_count]);
    rows->used = 0;
    rows->count = 0;
}

void pfs_rows_clear(struct pfs_rows *rows)
{
    while (rows->block_count)
        free(rows->blocks[--rows->block_count]);
    free(rows->blocks);
    free(rows->rows);
    *rows = (struct pfs_rows){0};
}
