/* SPDX-License-Identifier: Apache-2.0 */
#include "core/uploads.h"

#include <stdlib.h>

#include "core/text.h"

int pfs_uploads_add(struct polyfs_uploads *uploads, const struct polyfs_upload_row *row)
{
    if (pfs_grow((void **)&uploads->rows, &uploads->room, uploads->count, sizeof(*uploads->rows)) != POLYFS_OK)
        return POLYFS_NOMEM;
    struct pfs_upload *upload = &uploads->rows[uploads->count++];
    *upload = (struct pfs_upload){.path = pfs_copy(row->path, row->path_len),
                                  .id = pfs_copy(row->upload_id, strlen(row->upload_id)),
                                  .started_ns = row->started_ns};
    return upload->path && upload->id ? POLYFS_OK : POLYFS_NOMEM;
}

void pfs_uploads_clear(struct polyfs_uploads *uploads)
{
    while (uploads->count) {
        free(uploads->rows[--uploads->count].path);
        free(uploads->rows[uploads->count].id);
    }
}

void pfs_uploads_free(struct polyfs_uploads *uploads)
{
    pfs_uploads_clear(uploads);
    free(uploads->rows);
    *uploads = (struct polyfs_uploads){NULL, 0, 0};
}
