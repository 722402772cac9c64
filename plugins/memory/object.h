/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file object.h
 * What stands at a key, and what may be put there. What ends in _locked needs the store's lock.
 */
#ifndef POLYFS_MEMORY_OBJECT_H
#define POLYFS_MEMORY_OBJECT_H

#include "version.h"

/** What a change takes out of the store, freed when the lock is gone. */
struct memory_trash {
    struct memory_node *nodes; /* chained through next[0], with their versions */
    struct memory_version *versions;
};
void memory_trash_auto(struct memory_trash *trash);
void memory_trash_node(struct memory_trash *trash, struct memory_node *node);
/** The chain of versions of which this is the newest. */
void memory_trash_version(struct memory_trash *trash, struct memory_version *version);

/** The object or folder at a key. With @p version that one. NOT_FOUND, NOT_DIR. */
int memory_find_locked(struct memory_fs *fs, const struct memory_key *key, const char *version,
                       struct memory_version **out, struct polyfs_error *err);
/** The same, but a folder is IS_DIR. */
int memory_object_locked(struct memory_fs *fs, const struct memory_key *key, const char *version,
                         struct memory_version **out, struct polyfs_error *err);
/** What is at exactly these bytes and not deleted, or NULL. */
struct memory_version *memory_at_locked(const struct memory_store *store, const char *bytes, uint64_t length);
/** Whether these bytes name a folder that is there; the root of the store always is. */
int memory_is_folder_locked(const struct memory_store *store, const char *bytes, uint64_t length);
/** Whether the folder that a key is in is there: OK, NOT_FOUND or NOT_DIR. */
int memory_parent_locked(const struct memory_store *store, const struct memory_key *key, struct polyfs_error *err);
/** Whether an object may be put at a key. */
int memory_target_locked(struct memory_fs *fs, const struct memory_key *key, struct polyfs_error *err);

/** Put a version at a key; *spare is a node of that key, and NULL afterwards if it was used. */
void memory_install_locked(struct memory_store *store, const struct memory_key *key, struct memory_version *version,
                           struct memory_node **spare, struct memory_trash *trash);
/** Take an object away: by @p marker where versions are kept (it is used up then), else for good. */
void memory_withdraw_locked(struct memory_store *store, struct memory_node *node, struct memory_version **marker,
                            struct memory_trash *trash);

/** Take the lock, and pin the content and, unless NULL, the metadata of the latest object. CHANGED when @p etag is
 *  not NULL and not its etag. */
int memory_source_pin(struct memory_fs *fs, const struct polyfs_source *source, struct memory_content **content,
                      struct memory_meta **meta, struct polyfs_error *err);

#endif
