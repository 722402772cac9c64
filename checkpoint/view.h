/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint that is open for reading, for the files that look into one. */
#ifndef CKPT_VIEW_H
#define CKPT_VIEW_H

#include "run.h"

struct polyfs_ckpt_view {
    struct polyfs_fs *fs;
    char *folder; /* of the attempt */
    struct polyfs_call_opts call;
    struct polyfs_ckpt_info info;
    struct ckpt_manifest manifest;
    struct polyfs_ckpt_file *files; /* for callers */
    char *place;                    /* URL of the run that it is of */
    uint32_t rank;                  /* of whoever reads: its own files come first */
};

/* Opens what an entry of a record says, if it is whole: by sizes, with POLYFS_CKPT_CHECK_BYTES by every byte. */
int ckpt_view_whole(const struct polyfs_ckpt *ckpt, const struct ckpt_entry *entry,
                    const struct ckpt_record *record, uint32_t flags, struct polyfs_ckpt_view **out_view,
                    struct polyfs_error *err);
/* A file of it, or NULL: by its whole name, else that of this rank, else that of rank 0. */
const struct ckpt_file *ckpt_view_file(const struct polyfs_ckpt_view *view, const char *name);

#endif
