/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk through what a pickle holds: a row for each tensor, and JSON for everything. A name is the way to what it
 * names: keys of dictionaries and of attributes, and numbers of what lists and calls hold, joined by dots.
 *
 * A pickle may lead back to where one is, or to one thing by very many ways. The first is told as a cycle; the second
 * is bounded by what all of the JSON may take.
 */
#include "torch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 200         /* a model that was saved whole takes three for each level of modules */
#define SPENT_MAX (256 << 20) /* bytes of names and texts, and VALUE_COST for each value */
#define VALUE_COST 64
#define ALONE "tensor" /* the name of what is not in anything */

struct walk {
    struct ckpt_torch *torch;
    struct ckpt_text name; /* the way to where we are */
    unsigned depth;
    uint64_t spent;
};

static int value(struct walk *walk, uint32_t id, json_t **out);

static struct ckpt_node *node_at(const struct walk *walk, uint32_t node)
{
    return &walk->torch->pickle.nodes[node];
}

static const struct ckpt_cell *cell_at(const struct walk *walk, uint32_t cell)
{
    return &walk->torch->pickle.cells[cell];
}

static int too_large(const struct walk *walk, const char *what)
{
    return ckpt_fail(walk->torch->err, POLYFS_TOO_LARGE, "read", walk->torch->shard->name, "%s", what);
}

static int no_memory(const struct walk *walk)
{
    return ckpt_fail(walk->torch->err, POLYFS_NOMEM, "read", walk->torch->shard->name,
                     "no memory for what it holds beside tensors");
}

static int spend(struct walk *walk, uint64_t bytes)
{
    walk->spent += VALUE_COST + bytes;
    if (walk->spent <= SPENT_MAX)
        return POLYFS_OK;
    return too_large(walk, "what it holds beside tensors would be more than 256 MiB of JSON; save tensors alone");
}

/* New JSON, or NULL when there was no memory for it. */
static int told(const struct walk *walk, json_t *made, json_t **out)
{
    if (!made)
        return no_memory(walk);
    *out = made;
    return POLYFS_OK;
}

/* An object with one member, which it takes. */
static json_t *around(const char *name, json_t *made)
{
    json_t *object = json_object();
    if (!object)
        json_decref(made);
    else if (json_object_set_new(object, name, made) != 0) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* What is in @made now, if all went well. */
static int finish(int rc, json_t *made, json_t **out)
{
    if (rc == POLYFS_OK)
        *out = made;
    else
        json_decref(made);
    return rc;
}

/* ---- values without others in them ------------------------------------------------------------------------------ */

static int text_tell(struct walk *walk, uint32_t id, json_t **out)
{
    char *text = ckpt_torch_text(walk->torch, id, 0);
    json_t *made = text ? json_string(text) : NULL;
    int rc = spend(walk, text ? strlen(text) : 0);
    free(text);
    return rc == POLYFS_OK ? told(walk, made, out) : finish(rc, made, out);
}

static int global_tell(struct walk *walk, uint32_t id, json_t **out)
{
    json_t *name = NULL;
    int rc = text_tell(walk, id, &name);
    return rc == POLYFS_OK ? told(walk, around("object", name), out) : rc;
}

static int bytes_tell(struct walk *walk, uint64_t n, json_t **out)
{
    return told(walk, json_pack("{s:I}", "bytes", (json_int_t)n), out);
}

static int plain_tell(struct walk *walk, uint32_t id, json_t **out)
{
    const struct ckpt_node *node = node_at(walk, id);
    switch (node->kind) {
    case CKPT_NODE_NONE: return told(walk, json_null(), out);
    case CKPT_NODE_BOOL: return told(walk, json_boolean(node->u.integer), out);
    case CKPT_NODE_INTEGER: return told(walk, json_integer(node->u.integer), out);
    case CKPT_NODE_REAL: return told(walk, ckpt_json_real(node->u.real), out);
    case CKPT_NODE_BYTES: return bytes_tell(walk, node->u.text.n, out);
    case CKPT_NODE_GLOBAL: return global_tell(walk, id, out);
    default: return text_tell(walk, id, out);
    }
}

/* ---- values with others in them --------------------------------------------------------------------------------- */

/* A value one part further on the way. */
static int below(struct walk *walk, const char *part, uint32_t id, json_t **out)
{
    size_t n = walk->name.n;
    int full = walk->name.full;
    if (n)
        ckpt_text_put(&walk->name, ".");
    ckpt_text_put(&walk->name, part);
    int rc = value(walk, id, out);
    walk->name.n = n;
    walk->name.full = full;
    walk->name.data[n] = '\0';
    return rc;
}

/* The items of @id in turn. */
static int sequence_tell(struct walk *walk, uint32_t id, json_t **out)
{
    json_t *array = json_array();
    int rc = array ? POLYFS_OK : no_memory(walk);
    uint32_t index = 0;
    for (uint32_t at = node_at(walk, id)->first; at && rc == POLYFS_OK; at = cell_at(walk, at)->next) {
        char part[16];
        json_t *item = NULL;
        snprintf(part, sizeof(part), "%u", index++);
        rc = below(walk, part, cell_at(walk, at)->node, &item);
        if (rc == POLYFS_OK && json_array_append_new(array, item) != 0)
            rc = no_memory(walk);
    }
    return finish(rc, array, out);
}

static int pair_tell(struct walk *walk, uint32_t key, uint32_t item, uint32_t index, json_t *object)
{
    json_t *made = NULL;
    char *name = ckpt_torch_text(walk->torch, key, index);
    int rc = name ? spend(walk, strlen(name)) : no_memory(walk);
    if (rc == POLYFS_OK)
        rc = below(walk, name, item, &made);
    if (rc == POLYFS_OK && json_object_set_new(object, name, made) != 0)
        rc = no_memory(walk);
    free(name);
    return rc;
}

/* The items of @id as keys and values. */
static int mapping_tell(struct walk *walk, uint32_t id, json_t **out)
{
    json_t *object = json_object();
    int rc = object ? POLYFS_OK : no_memory(walk);
    uint32_t index = 0;
    for (uint32_t at = node_at(walk, id)->first; at && rc == POLYFS_OK;) {
        const struct ckpt_cell *key = cell_at(walk, at), *item = cell_at(walk, key->next);
        rc = pair_tell(walk, key->node, item->node, index++, object);
        at = item->next;
    }
    return finish(rc, object, out);
}

/* ---- objects ---------------------------------------------------------------------------------------------------- */

/* Sets a member of @object to what @id is; the way stays what it is. */
static int member_set(struct walk *walk, json_t *object, const char *name, uint32_t id)
{
    json_t *made = NULL;
    int rc = value(walk, id, &made);
    if (rc == POLYFS_OK && json_object_set_new(object, name, made) != 0)
        rc = no_memory(walk);
    return rc;
}

static int tensor_tell(struct walk *walk, uint32_t state, json_t **out)
{
    json_t *object = json_pack("{s:s}", "tensor", walk->name.n ? walk->name.data : ALONE);
    int rc = object ? spend(walk, walk->name.n) : no_memory(walk);
    if (rc == POLYFS_OK && state)
        rc = member_set(walk, object, "state", state);
    return finish(rc, object, out);
}

static int is_built_in(const struct walk *walk, uint32_t id, const char *name)
{
    return ckpt_pickle_is(&walk->torch->pickle, id, "builtins", name) ||
           ckpt_pickle_is(&walk->torch->pickle, id, "__builtin__", name);
}

/* Calls that only make a sequence of what they are given: old protocols have no other way for a set. */
static int is_sequence(const struct walk *walk, uint32_t callable)
{
    return ckpt_pickle_is(&walk->torch->pickle, callable, "torch", "Size") || is_built_in(walk, callable, "set") ||
           is_built_in(walk, callable, "frozenset");
}

/* Old protocols have bytes as text, one character for each; and no text when there are none. */
static int is_bytes(const struct walk *walk, uint32_t callable)
{
    return ckpt_pickle_is(&walk->torch->pickle, callable, "_codecs", "encode") ||
           is_built_in(walk, callable, "bytes") || is_built_in(walk, callable, "bytearray");
}

static int text_bytes_tell(struct walk *walk, const struct ckpt_node *node, json_t **out)
{
    const uint8_t *bytes = walk->torch->pickle.bytes + node->u.text.at;
    uint64_t count = 0;
    int rc = spend(walk, node->u.text.n); /* for the work: there may be many ways here */
    for (uint32_t i = 0; i < node->u.text.n; i++)
        count += node->kind == CKPT_NODE_BYTES || (bytes[i] & 0xc0) != 0x80;
    return rc == POLYFS_OK ? bytes_tell(walk, count, out) : rc;
}

/* A call that nobody here knows, and what was added to what it returned. */
static int call_tell(struct walk *walk, uint32_t id, const char *reason, json_t **out)
{
    const struct ckpt_node *node = node_at(walk, id);
    uint32_t callable = node->u.object.callable;
    json_t *object = json_object(), *made = NULL;
    int rc = object ? POLYFS_OK : no_memory(walk);
    if (rc == POLYFS_OK)
        rc = node_at(walk, callable)->kind == CKPT_NODE_GLOBAL ? text_tell(walk, callable, &made)
                                                               : value(walk, callable, &made);
    if (rc == POLYFS_OK && json_object_set_new(object, "object", made) != 0)
        rc = no_memory(walk);
    if (rc == POLYFS_OK && reason && json_object_set_new(object, "reason", json_string(reason)) != 0)
        rc = no_memory(walk);
    if (rc == POLYFS_OK && node_at(walk, node->u.object.args)->first)
        rc = member_set(walk, object, "args", node->u.object.args);
    if (rc == POLYFS_OK && node->first) {
        rc = node->pairs ? mapping_tell(walk, id, &made) : sequence_tell(walk, id, &made);
        if (rc == POLYFS_OK && json_object_set_new(object, "items", made) != 0)
            rc = no_memory(walk);
    }
    if (rc == POLYFS_OK && node->u.object.state)
        rc = member_set(walk, object, "state", node->u.object.state);
    return finish(rc, object, out);
}

static int object_tell(struct walk *walk, uint32_t id, json_t **out)
{
    const struct ckpt_node *node = node_at(walk, id);
    uint32_t callable = node->u.object.callable;
    uint32_t first = ckpt_pickle_item(&walk->torch->pickle, node->u.object.args, 0);
    struct ckpt_torch_kind kind;
    int rc = ckpt_torch_tensor(walk->torch, id, walk->name.n ? walk->name.data : ALONE, &kind);
    if (rc != POLYFS_OK)
        return rc;
    if (kind.is_tensor && walk->name.full)
        return too_large(walk, "the name of a tensor is longer than 4095 bytes");
    if (kind.is_tensor)
        return tensor_tell(walk, kind.state, out);
    if (is_sequence(walk, callable) && node_at(walk, first)->kind >= CKPT_NODE_TUPLE &&
        node_at(walk, first)->kind <= CKPT_NODE_SET)
        return value(walk, first, out);
    if (is_bytes(walk, callable) &&
        (!first || node_at(walk, first)->kind == CKPT_NODE_TEXT || node_at(walk, first)->kind == CKPT_NODE_BYTES))
        return text_bytes_tell(walk, node_at(walk, first), out);
    return call_tell(walk, id, kind.reason, out);
}

static int persistent_tell(struct walk *walk, uint32_t id, json_t **out)
{
    json_t *object = json_pack("{s:s}", "object", "persistent");
    int rc = object ? member_set(walk, object, "args", node_at(walk, id)->u.object.args) : no_memory(walk);
    return finish(rc, object, out);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static int node_tell(struct walk *walk, uint32_t id, json_t **out)
{
    switch (node_at(walk, id)->kind) {
    case CKPT_NODE_TUPLE:
    case CKPT_NODE_LIST:
    case CKPT_NODE_SET: return sequence_tell(walk, id, out);
    case CKPT_NODE_DICT: return mapping_tell(walk, id, out);
    case CKPT_NODE_OBJECT: return object_tell(walk, id, out);
    case CKPT_NODE_PERSISTENT: return persistent_tell(walk, id, out);
    default: return plain_tell(walk, id, out);
    }
}

static int value(struct walk *walk, uint32_t id, json_t **out)
{
    struct ckpt_node *node = node_at(walk, id);
    if (node->open)
        return told(walk, json_pack("{s:b}", "cycle", 1), out);
    if (walk->depth == DEPTH_MAX)
        return too_large(walk, "what it holds is nested more than 200 levels deep");
    int rc = spend(walk, 0);
    node->open = 1;
    walk->depth++;
    if (rc == POLYFS_OK)
        rc = node_tell(walk, id, out);
    walk->depth--;
    node->open = 0;
    return rc;
}

/* As text that ends in NUL. */
static int text_write(const struct walk *walk, const json_t *state, char **out)
{
    char *text = NULL, *ended;
    size_t n = 0;
    if (ckpt_json_write(state, &text, &n) != POLYFS_OK)
        return no_memory(walk);
    ended = realloc(text, n + 1);
    if (!ended) {
        free(text);
        return no_memory(walk);
    }
    ended[n] = '\0';
    *out = ended;
    return POLYFS_OK;
}

int ckpt_torch_state(struct ckpt_torch *torch, char **out)
{
    struct walk walk = {.torch = torch};
    json_t *state = NULL;
    int rc = value(&walk, torch->pickle.root, &state);
    if (rc == POLYFS_OK && !json_is_object(state) && !json_is_array(state)) {
        state = around("value", state);
        rc = state ? POLYFS_OK : no_memory(&walk);
    }
    if (rc == POLYFS_OK)
        rc = text_write(&walk, state, out);
    json_decref(state);
    return rc;
}
