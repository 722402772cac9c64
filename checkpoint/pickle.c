/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nodes of a pickle, in one table, and the items of all of them as chains of cells in another: what refers to each
 * other in circles takes nothing to let go of.
 */
#include "pickle.h"

#include <stdlib.h>
#include <string.h>

void *ckpt_pickle_grown(void *array, uint32_t count, uint32_t *room, size_t width)
{
    if (count < *room)
        return array;
    uint32_t more = *room ? *room * 2 : 64;
    while (more <= count)
        more *= 2;
    char *larger = realloc(array, more * width);
    if (!larger)
        return NULL;
    memset(larger + *room * width, 0, (more - *room) * width);
    *room = more;
    return larger;
}

int ckpt_pickle_make(struct ckpt_pickle *pickle, const struct ckpt_node *node, uint32_t *out)
{
    uint32_t number = pickle->count ? pickle->count : 1; /* 0 is none */
    if (number >= CKPT_PICKLE_ITEMS_MAX)
        return POLYFS_TOO_LARGE;
    struct ckpt_node *nodes = ckpt_pickle_grown(pickle->nodes, number, &pickle->room, sizeof(*nodes));
    if (!nodes)
        return POLYFS_NOMEM;
    pickle->nodes = nodes;
    nodes[number] = *node;
    pickle->count = number + 1;
    *out = number;
    return POLYFS_OK;
}

int ckpt_pickle_add(struct ckpt_pickle *pickle, uint32_t to, uint32_t item)
{
    struct ckpt_node *node = &pickle->nodes[to];
    uint32_t number = pickle->cell_count ? pickle->cell_count : 1; /* 0 is none */
    if (number >= CKPT_PICKLE_ITEMS_MAX)
        return POLYFS_TOO_LARGE;
    struct ckpt_cell *cells = ckpt_pickle_grown(pickle->cells, number, &pickle->cell_room, sizeof(*cells));
    if (!cells)
        return POLYFS_NOMEM;
    pickle->cells = cells;
    cells[number].node = item;
    if (node->last)
        cells[node->last].next = number;
    else
        node->first = number;
    node->last = number;
    node->count++;
    pickle->cell_count = number + 1;
    return POLYFS_OK;
}

void ckpt_pickle_clear(struct ckpt_pickle *pickle)
{
    free(pickle->nodes);
    free(pickle->cells);
    memset(pickle, 0, sizeof(*pickle));
}

uint32_t ckpt_pickle_item(const struct ckpt_pickle *pickle, uint32_t node, uint32_t index)
{
    uint32_t cell = pickle->nodes[node].first;
    while (cell && index-- > 0)
        cell = pickle->cells[cell].next;
    return cell ? pickle->cells[cell].node : 0;
}

static int slice_is(const struct ckpt_pickle *pickle, struct ckpt_slice slice, const char *text)
{
    return strlen(text) == slice.n && memcmp(pickle->bytes + slice.at, text, slice.n) == 0;
}

int ckpt_pickle_is(const struct ckpt_pickle *pickle, uint32_t node, const char *module, const char *name)
{
    const struct ckpt_node *global = &pickle->nodes[node];
    return global->kind == CKPT_NODE_GLOBAL && slice_is(pickle, global->u.global.module, module) &&
           slice_is(pickle, global->u.global.name, name);
}
