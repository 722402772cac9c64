/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file index.h
 * An ordered map from keys (bytes) to values: a skip list, since listings seek, walk and cut ranges, and none of
 * that may fail for memory once a node is made. Whoever uses an index holds the store's lock, or owns it alone.
 */
#ifndef POLYFS_MEMORY_INDEX_H
#define POLYFS_MEMORY_INDEX_H

#include <stdint.h>

#include "polyfs/plugin.h"

struct memory_fs;

#define MEMORY_LEVELS 16 /* one node in four reaches the next level: good for 4^16 keys */

struct memory_node {
    void *value; /* the index never looks at it */
    char *key;   /* behind the links; a NUL follows */
    uint64_t key_length;
    uint32_t levels;
    struct memory_node *next[]; /* [0] is the next key */
};

struct memory_index {
    struct memory_node *head[MEMORY_LEVELS];
};

/** A node outside of any index; its key is one string made of two. */
int memory_node_new(struct memory_fs *fs, const char *key, uint64_t length, const char *tail, uint64_t tail_length,
                    struct memory_node **out, struct polyfs_error *err);
/** Free one node, not its value. NULL is fine. */
void memory_node_free(struct memory_node *node);
/** Whether a key begins with these bytes. */
int memory_node_begins(const struct memory_node *node, const char *prefix, uint64_t length);
/** Whether a key is these bytes. */
int memory_node_is(const struct memory_node *node, const char *key, uint64_t length);

/** The node of a key, or NULL. */
struct memory_node *memory_index_find(const struct memory_index *index, const char *key, uint64_t length);
/** The first node at or behind a key, or NULL. */
struct memory_node *memory_index_seek(const struct memory_index *index, const char *key, uint64_t length);
/** The first node behind all keys that begin with @p prefix, or NULL. */
struct memory_node *memory_index_seek_past(const struct memory_index *index, const char *prefix, uint64_t length);
/** Put in a node whose key is not there. */
void memory_index_add(struct memory_index *index, struct memory_node *node);
/** Take out a node that is there. */
void memory_index_remove(struct memory_index *index, struct memory_node *node);
/** Take out all that begins with @p prefix: a chain in order through next[0], or NULL. */
struct memory_node *memory_index_cut(struct memory_index *index, const char *prefix, uint64_t length);

#endif
