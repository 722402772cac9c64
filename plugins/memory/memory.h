/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file memory.h
 * What the files of this plugin give to plugin.c: its tables, and the slots of the fs table that fs.c gathers.
 * Types come from the contract itself, so that a slot cannot drift from it.
 */
#ifndef POLYFS_MEMORY_MEMORY_H
#define POLYFS_MEMORY_MEMORY_H

#include "polyfs/plugin.h"

/* What this store verifies and keeps. */
#define MEMORY_CHECKSUMS ((uint32_t)POLYFS_CHECKSUM_CRC32C | (uint32_t)POLYFS_CHECKSUM_CRC64NVME)

extern const struct polyfs_fs_ops memory_fs_ops;
extern const struct polyfs_lister_ops memory_lister_ops;
extern const struct polyfs_reader_ops memory_reader_ops;
extern const struct polyfs_upload_ops memory_upload_ops;
extern const struct polyfs_placed_ops memory_placed_ops;
extern const struct polyfs_stream_ops memory_stream_ops;

#define MEMORY_SLOT(slot) __typeof__(*((struct polyfs_fs_ops *)0)->slot) memory_##slot

MEMORY_SLOT(get);          /* read.c */
MEMORY_SLOT(put);          /* write.c */
MEMORY_SLOT(remove);       /* remove.c */
MEMORY_SLOT(remove_many);  /* remove.c */
MEMORY_SLOT(remove_tree);  /* remove.c */
MEMORY_SLOT(copy);         /* manage.c */
MEMORY_SLOT(compose);      /* manage.c */
MEMORY_SLOT(set_metadata); /* manage.c */
MEMORY_SLOT(set_times);    /* manage.c */
MEMORY_SLOT(rename);       /* rename.c */
MEMORY_SLOT(mkdir);        /* folder.c */
MEMORY_SLOT(rmdir);        /* folder.c */

#endif
