/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file upload.h
 * Unfinished uploads of shape PARTS. They live in the store, not in a handle, so that any filesystem on it can go
 * on with one, complete it or abort it by its path and id.
 */
#ifndef POLYFS_MEMORY_UPLOAD_H
#define POLYFS_MEMORY_UPLOAD_H

#include "content.h"
#include "version.h"

struct memory_part {
    struct memory_content *content;
    uint64_t generation; /* its etag */
    uint32_t number;
};

struct memory_upload {
    struct memory_node *node;  /* key: path, NUL, id */
    struct memory_part *parts; /* by number */
    uint64_t count;
    uint64_t room;
    int64_t started_ns;
};

/** Make the key of an upload: path, NUL, id. NOMEM. */
int memory_upload_key(struct memory_key *key, const struct memory_fs *fs, const char *path, uint64_t path_len,
                      const char *id, struct polyfs_error *err);
/** The upload of a key (path, NUL, id). NOT_FOUND. */
int memory_upload_find_locked(const struct memory_store *store, const struct memory_key *key,
                              struct memory_upload **out, struct polyfs_error *err);
/** Take an upload out of the store. NOT_FOUND. */
int memory_upload_end_locked(struct memory_store *store, const struct memory_key *key, struct memory_upload **out,
                             struct polyfs_error *err);
/** Free one that is out of the store, with its parts. NULL is fine. */
void memory_upload_free(struct memory_upload *upload);

/** All bytes of the parts that the rows name, in order, shared with them. INVALID when one is not as named. */
int memory_parts_join_locked(struct memory_fs *fs, const struct memory_upload *upload,
                             const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                             struct memory_content **out, struct polyfs_error *err);
/** The checksums that the rows carry, against the bytes they stand for in the whole. */
int memory_parts_verify(struct memory_fs *fs, const struct polyfs_call *call, const struct memory_content *whole,
                        const struct polyfs_part *parts, uint64_t count, uint64_t stride, struct polyfs_error *err);

#define MEMORY_UPLOAD_SLOT(slot) __typeof__(*((struct polyfs_upload_ops *)0)->slot) memory_upload_##slot

MEMORY_UPLOAD_SLOT(part);       /* part.c */
MEMORY_UPLOAD_SLOT(copy_part);  /* part.c */
MEMORY_UPLOAD_SLOT(list_parts); /* part.c */
MEMORY_UPLOAD_SLOT(list);       /* pending.c */

#endif
