/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file content.h
 * Bytes of objects. A content is a row of pieces of blobs; both are counted references, and neither changes once
 * others can see it. So reads and copies of bytes need no lock, copies and parts share bytes, and a reader stays
 * with the version it opened.
 */
#ifndef POLYFS_MEMORY_CONTENT_H
#define POLYFS_MEMORY_CONTENT_H

#include "store.h"

#define MEMORY_OBJECT_MAX (UINT64_C(5) << 40)

struct memory_blob {
    _Atomic uint64_t refs;
    uint64_t size;
    unsigned char bytes[];
};

struct memory_piece {
    struct memory_blob *blob; /* NULL: zeros */
    uint64_t from;            /* first byte in the blob */
    uint64_t at;              /* where it stands in the content */
    uint64_t size;            /* never 0 */
};

struct memory_content {
    _Atomic uint64_t refs;
    uint64_t size;
    uint64_t count;
    struct memory_piece pieces[];
};

/** A blob whose bytes are yet to be filled. */
int memory_blob_new(struct memory_fs *fs, uint64_t size, struct memory_blob **out, struct polyfs_error *err);
void memory_blob_unref(struct memory_blob *blob);

/** An empty content with room for @p room pieces. */
int memory_content_new(struct memory_fs *fs, uint64_t room, struct memory_content **out, struct polyfs_error *err);
/** A content of the caller's bytes, copied in slices between which a stop is seen. */
int memory_content_of(struct memory_fs *fs, const struct polyfs_call *call, const void *data, uint64_t size,
                      struct memory_content **out, struct polyfs_error *err);
/** The two one behind the other; a small end is melted with what follows, so that appends do not pile up pieces. */
int memory_content_join(struct memory_fs *fs, struct memory_content *first, struct memory_content *second,
                        struct memory_content **out, struct polyfs_error *err);
/** Add a piece behind the others; takes over the reference. Only before others see the content. */
void memory_content_push(struct memory_content *content, struct memory_blob *blob, uint64_t from, uint64_t size);
/** Add a range of another content. Needs room for as many pieces as memory_content_spans() says. */
void memory_content_push_range(struct memory_content *content, const struct memory_content *source, uint64_t offset,
                               uint64_t size);
uint64_t memory_content_spans(const struct memory_content *content, uint64_t offset, uint64_t size);
struct memory_content *memory_content_ref(struct memory_content *content);
void memory_content_unref(struct memory_content *content);
void memory_content_auto(struct memory_content **content);

/** Copy a range that lies within, in slices between which a stop is seen; *done tells how far it came. */
int memory_content_read(const struct memory_content *content, const struct polyfs_call *call, uint64_t offset,
                        void *buffer, uint64_t size, uint64_t *done, struct polyfs_error *err);
/** Whether a checksum fits the bytes: OK, or CORRUPT. Kind NONE always fits. */
int memory_content_verify(const struct memory_content *content, const struct polyfs_call *call,
                          const struct polyfs_checksum *checksum, struct polyfs_error *err);

#endif
