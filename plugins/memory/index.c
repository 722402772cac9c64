/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ordered map of index.h.
 *
 * Invariant: on every level the nodes of that level are linked in strictly rising byte order of their keys, and a
 * node of n levels is linked on levels 0 to n-1. Only memory_node_new() can fail; all the rest is pointer work,
 * so that a change under the lock is all or nothing.
 */
#include "index.h"

#include <stdatomic.h>

#include "store.h"

/* How often a level is reached follows from mixing a counter (splitmix64): spread like chance, never blocks. */
static uint32_t pick_levels(void)
{
    static _Atomic uint64_t counter;
    uint64_t mixed = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    mixed ^= mixed >> 31;
    uint32_t levels = 1;
    while (levels < MEMORY_LEVELS && (mixed & 3) == 0) {
        levels++;
        mixed >>= 2;
    }
    return levels;
}

int memory_node_new(struct memory_fs *fs, const char *key, uint64_t length, const char *tail, uint64_t tail_length,
                    struct memory_node **out, struct polyfs_error *err)
{
    uint32_t levels = pick_levels();
    uint64_t links = sizeof(struct memory_node) + levels * sizeof(struct memory_node *);
    void *block = NULL;
    int code = memory_take(fs, links + length + tail_length + 1, &block, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_node *node = block;
    memset(node, 0, links);
    node->levels = levels;
    node->key = (char *)block + links;
    node->key_length = length + tail_length;
    if (length > 0)
        memcpy(node->key, key, length);
    if (tail_length > 0)
        memcpy(node->key + length, tail, tail_length);
    node->key[length + tail_length] = '\0';
    *out = node;
    return POLYFS_OK;
}

void memory_node_free(struct memory_node *node)
{
    memory_give(node);
}

int memory_node_begins(const struct memory_node *node, const char *prefix, uint64_t length)
{
    return node->key_length >= length && (length == 0 || memcmp(node->key, prefix, length) == 0);
}

int memory_node_is(const struct memory_node *node, const char *key, uint64_t length)
{
    return node->key_length == length && memory_node_begins(node, key, length);
}

/* Whether a node stands before a key; with @past also when it only begins with it. */
static int is_before(const struct memory_node *node, const char *key, uint64_t length, int past)
{
    uint64_t common = node->key_length < length ? node->key_length : length;
    int order = common > 0 ? memcmp(node->key, key, common) : 0;
    if (order != 0)
        return order < 0;
    return node->key_length < length || past;
}

static struct memory_node *next_of(const struct memory_index *index, const struct memory_node *node, uint32_t level)
{
    return node ? node->next[level] : index->head[level];
}

static void set_next(struct memory_index *index, struct memory_node *node, uint32_t level, struct memory_node *to)
{
    if (node)
        node->next[level] = to;
    else
        index->head[level] = to;
}

/* The last node before a key on each level; NULL stands for the head. */
static void trail(const struct memory_index *index, const char *key, uint64_t length, int past,
                  struct memory_node *before[MEMORY_LEVELS])
{
    struct memory_node *at = NULL;
    for (uint32_t level = MEMORY_LEVELS; level-- > 0;) {
        struct memory_node *next = next_of(index, at, level);
        while (next && is_before(next, key, length, past)) {
            at = next;
            next = next_of(index, at, level);
        }
        before[level] = at;
    }
}

struct memory_node *memory_index_seek(const struct memory_index *index, const char *key, uint64_t length)
{
    struct memory_node *before[MEMORY_LEVELS];
    trail(index, key, length, 0, before);
    return next_of(index, before[0], 0);
}

struct memory_node *memory_index_seek_past(const struct memory_index *index, const char *prefix, uint64_t length)
{
    struct memory_node *before[MEMORY_LEVELS];
    trail(index, prefix, length, 1, before);
    return next_of(index, before[0], 0);
}

struct memory_node *memory_index_find(const struct memory_index *index, const char *key, uint64_t length)
{
    struct memory_node *node = memory_index_seek(index, key, length);
    return node && memory_node_is(node, key, length) ? node : NULL;
}

void memory_index_add(struct memory_index *index, struct memory_node *node)
{
    struct memory_node *before[MEMORY_LEVELS];
    trail(index, node->key, node->key_length, 0, before);
    for (uint32_t level = 0; level < node->levels; level++) {
        node->next[level] = next_of(index, before[level], level);
        set_next(index, before[level], level, node);
    }
}

void memory_index_remove(struct memory_index *index, struct memory_node *node)
{
    struct memory_node *before[MEMORY_LEVELS];
    trail(index, node->key, node->key_length, 0, before);
    for (uint32_t level = 0; level < node->levels; level++)
        set_next(index, before[level], level, node->next[level]);
}

struct memory_node *memory_index_cut(struct memory_index *index, const char *prefix, uint64_t length)
{
    struct memory_node *before[MEMORY_LEVELS], *last[MEMORY_LEVELS];
    trail(index, prefix, length, 0, before);
    trail(index, prefix, length, 1, last);
    struct memory_node *chain = last[0] != before[0] ? next_of(index, before[0], 0) : NULL;
    for (uint32_t level = 0; level < MEMORY_LEVELS; level++)
        if (last[level] != before[level])
            set_next(index, before[level], level, last[level]->next[level]);
    if (chain)
        last[0]->next[0] = NULL;
    return chain;
}
