/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pickle describes, as nodes: Python's pickle protocols 2 to 5 (Lib/pickletools.py describes them), read as
 * data. A function or class is a name here, and its call a node of its own with what it would be called with: nothing
 * is ever looked up or run.
 */
#ifndef CKPT_PICKLE_H
#define CKPT_PICKLE_H

#include "number.h"

/*
 * The pickle of a file of torch.save() has some 200 bytes for each tensor, and what else was saved: a million tensors
 * fit. An item takes at least one byte of it and at most 48 bytes of memory, so that all of them take 400 MiB at most.
 */
#define CKPT_PICKLE_MAX (256 << 20)
#define CKPT_PICKLE_ITEMS_MAX (8 << 20) /* nodes; items in nodes; what waits on the stack; what is remembered */

enum ckpt_node_kind {
    CKPT_NODE_NONE,
    CKPT_NODE_BOOL,
    CKPT_NODE_INTEGER,
    CKPT_NODE_LONG, /* an integer of more than 64 bits: `text` has its bytes, two's complement, lowest first */
    CKPT_NODE_REAL,
    CKPT_NODE_TEXT, /* UTF-8 if all is well; surrogates may be in it */
    CKPT_NODE_BYTES,
    CKPT_NODE_TUPLE,
    CKPT_NODE_LIST,
    CKPT_NODE_SET,
    CKPT_NODE_DICT,      /* items: key, value, key, value, … An OrderedDict is one, too. */
    CKPT_NODE_GLOBAL,    /* a function or class, by `global` */
    CKPT_NODE_OBJECT,    /* what a call would return; its items were added to it afterwards */
    CKPT_NODE_PERSISTENT /* what stands outside of the pickle under the id `object.args` */
};

/* Bytes of the pickle. */
struct ckpt_slice {
    uint32_t at, n;
};

/* The number of a node stands for it; 0 is none. Only what items and `state` lead to can lead back. */
struct ckpt_node {
    uint8_t kind;         /* enum ckpt_node_kind */
    uint8_t pairs;        /* of an object: its items are keys and values */
    uint8_t open;         /* for whoever walks: it is on the way to where they are */
    uint32_t first, last; /* cells of its items; 0: none */
    uint32_t count;       /* items */
    union {
        int64_t integer; /* also of CKPT_NODE_BOOL */
        double real;
        struct ckpt_slice text;
        struct {
            struct ckpt_slice module, name;
        } global;
        struct {
            uint32_t callable, args, state; /* state 0: none; args: a tuple */
        } object;
    } u;
};

/* An item of a node, and the cell of the next one. */
struct ckpt_cell {
    uint32_t node, next;
};

struct ckpt_pickle {
    const uint8_t *bytes; /* borrowed for as long as the nodes are used */
    size_t size;
    struct ckpt_node *nodes;
    uint32_t count, room;
    struct ckpt_cell *cells;
    uint32_t cell_count, cell_room;
    uint32_t root;
};

/*
 * pickle_machine.c. POLYFS_CORRUPT, TOO_LARGE (more than the limits above), UNSUPPORTED (a later protocol) or NOMEM,
 * with the reason and the place in @why. End it with ckpt_pickle_clear(), which takes what is all zeros, too.
 */
int ckpt_pickle_read(const uint8_t *bytes, size_t size, struct ckpt_pickle *out, char why[CKPT_WHY]);
void ckpt_pickle_clear(struct ckpt_pickle *pickle);

/* For who reads it: a new node, and one more item of a node. POLYFS_TOO_LARGE, NOMEM. */
int ckpt_pickle_make(struct ckpt_pickle *pickle, const struct ckpt_node *node, uint32_t *out);
int ckpt_pickle_add(struct ckpt_pickle *pickle, uint32_t to, uint32_t item);
/* @array with a place @count, each of @width bytes, or NULL without memory; new places are all zeros. */
void *ckpt_pickle_grown(void *array, uint32_t count, uint32_t *room, size_t width);

/* The item of that number, or 0. */
uint32_t ckpt_pickle_item(const struct ckpt_pickle *pickle, uint32_t node, uint32_t index);

/* Is it the function or class of that name? */
int ckpt_pickle_is(const struct ckpt_pickle *pickle, uint32_t node, const char *module, const char *name);

#endif
