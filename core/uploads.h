/* SPDX-License-Identifier: Apache-2.0 */
/* Unfinished uploads as a store tells them: a page at a time, each with memory of its own. */
#ifndef PFS_UPLOADS_H
#define PFS_UPLOADS_H

#include <stddef.h>

#include "polyfs/plugin.h"

struct pfs_upload {
    char *path, *id;
    int64_t started_ns;
};

/* All zero is empty and valid. */
struct polyfs_uploads {
    struct pfs_upload *rows;
    size_t count, room;
};

/* Copies the row. POLYFS_OK or POLYFS_NOMEM. */
int pfs_uploads_add(struct polyfs_uploads *uploads, const struct polyfs_upload_row *row);
/* Empty again, its room kept. */
void pfs_uploads_clear(struct polyfs_uploads *uploads);
void pfs_uploads_free(struct polyfs_uploads *uploads);

#endif
