/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file version.h
 * What one name stood for at one time: an object's content and what goes with it, a folder, or a delete marker.
 */
#ifndef POLYFS_MEMORY_VERSION_H
#define POLYFS_MEMORY_VERSION_H

#include "content.h"

#define MEMORY_ETAG_ROOM 17 /* 16 hexadecimal digits and a NUL */

enum memory_kind { MEMORY_OBJECT = 0, MEMORY_FOLDER = 1, MEMORY_MARKER = 2 };

/** Content type and user metadata: one block, counted references, never changed. */
struct memory_meta {
    _Atomic uint64_t refs;
    const char *content_type; /* or NULL */
    uint64_t count;
    struct polyfs_kv pairs[];
};

struct memory_version {
    struct memory_version *older;
    struct memory_content *content; /* of an object */
    struct memory_meta *meta;       /* NULL: none */
    uint64_t generation;            /* its etag, and its version where versions are kept */
    int64_t mtime_ns;
    int64_t created_ns;
    struct polyfs_checksum checksum; /* as it was given and verified, or kind NONE */
    uint32_t kind;
};

/** A record with references of its own to @p content and @p meta; times and generation are set at the commit. */
int memory_version_new(struct memory_fs *fs, enum memory_kind kind, struct memory_content *content,
                       struct memory_meta *meta, struct memory_version **out, struct polyfs_error *err);
/** Free a record and all older ones. NULL is fine. */
void memory_version_free(struct memory_version *version);
void memory_version_auto(struct memory_version **version);
/** Give it its generation, and the time as its times. */
void memory_version_stamp(struct memory_version *version);
/** The record of that generation among this one and the older ones, or NULL. */
struct memory_version *memory_version_pick(struct memory_version *newest, const char *generation);
int memory_version_has_etag(const struct memory_version *version, const char *etag);
void memory_version_stat(const struct memory_store *store, const struct memory_version *version, int latest,
                         struct polyfs_stat *out);

/** OK with NULL when there is nothing to keep. */
int memory_meta_new(struct memory_fs *fs, const char *content_type, const struct polyfs_kv *pairs, uint64_t count,
                    uint64_t stride, struct memory_meta **out, struct polyfs_error *err);
/** What a write asks for, added to what @p base (or NULL) has: where both name a thing, the write's counts. */
int memory_meta_merge(struct memory_fs *fs, const struct polyfs_put_request *request, struct memory_meta *base,
                      struct memory_meta **out, struct polyfs_error *err);
struct memory_meta *memory_meta_ref(struct memory_meta *meta);
void memory_meta_auto(struct memory_meta **meta);

void memory_etag_text(uint64_t generation, char text[MEMORY_ETAG_ROOM]);
/** 1 when the first 16 bytes are such text. */
int memory_etag_parse(const char *text, uint64_t *out);

/** Hand the user metadata over; nothing happens when there is none, or @p out is NULL. */
int memory_meta_tell(const struct memory_meta *meta, struct polyfs_pairs *out, struct polyfs_error *err);

#endif
