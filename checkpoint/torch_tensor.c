/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tensor in a pickle is a call of a function of torch with a storage, where in the storage the first element is,
 * shape and strides. What the call says is believed only as far as the storage's record in the file reaches.
 */
#include "torch.h"

#include <string.h>

#define UTILS "torch._utils"
#define WRAPPERS_MAX 8 /* torch makes two */
#define METADATA_MAX 16

/* A call that makes a tensor. */
struct call {
    uint32_t function, args;
    uint32_t state; /* attributes that are set afterwards; or 0 */
};

/* Calls around the one that makes the tensor: which argument is what. */
static const struct wrapper {
    const char *module, *name;
    int function, args; /* of the inner call; or -1: argument 0 is its result */
    int state;          /* or -1 */
} wrappers[] = {
    {UTILS, "_rebuild_parameter", -1, -1, -1},
    {UTILS, "_rebuild_parameter_with_state", -1, -1, 3},
    {"torch._tensor", "_rebuild_from_type_v2", 0, 2, 3},
    {"torch._tensor", "_rebuild_from_type", 0, 2, 3},
};

/* Names that torch has for the type of elements; NULL: safetensors has none for it. */
static const struct type {
    const char *storage, *name, *dtype;
} types[] = {
    {"DoubleStorage", "float64", "F64"},
    {"FloatStorage", "float32", "F32"},
    {"HalfStorage", "float16", "F16"},
    {"BFloat16Storage", "bfloat16", "BF16"},
    {"LongStorage", "int64", "I64"},
    {"IntStorage", "int32", "I32"},
    {"ShortStorage", "int16", "I16"},
    {"CharStorage", "int8", "I8"},
    {"ByteStorage", "uint8", "U8"},
    {"BoolStorage", "bool", "BOOL"},
    {"ComplexFloatStorage", "complex64", "C64"},
    {NULL, "uint16", "U16"},
    {NULL, "uint32", "U32"},
    {NULL, "uint64", "U64"},
    {NULL, "float8_e4m3fn", "F8_E4M3"},
    {NULL, "float8_e5m2", "F8_E5M2"},
    {NULL, "float8_e8m0fnu", "F8_E8M0"},
    {NULL, "float8_e4m3fnuz", "F8_E4M3FNUZ"},
    {NULL, "float8_e5m2fnuz", "F8_E5M2FNUZ"},
};

static const struct ckpt_node *node_at(const struct ckpt_torch *torch, uint32_t node)
{
    return &torch->pickle.nodes[node];
}

static uint32_t item(const struct ckpt_torch *torch, uint32_t node, int index)
{
    return ckpt_pickle_item(&torch->pickle, node, (uint32_t)index);
}

static int damaged(const struct ckpt_torch *torch, const char *name, const char *what)
{
    return ckpt_fail(torch->err, POLYFS_CORRUPT, "read", torch->shard->name,
                     "it is damaged: the tensor %s %s; take another copy of it", name, what);
}

/* ---- which call ------------------------------------------------------------------------------------------------- */

static const struct wrapper *wrapper_find(const struct ckpt_torch *torch, uint32_t function)
{
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++)
        if (ckpt_pickle_is(&torch->pickle, function, wrappers[i].module, wrappers[i].name))
            return &wrappers[i];
    return NULL;
}

/* An object of attributes that says nothing is none. */
static uint32_t state_of(const struct ckpt_torch *torch, uint32_t state)
{
    const struct ckpt_node *node = node_at(torch, state);
    return node->kind == CKPT_NODE_NONE || (node->kind == CKPT_NODE_DICT && !node->first) ? 0 : state;
}

static struct call inner_call(const struct ckpt_torch *torch, const struct wrapper *wrapper, uint32_t args)
{
    const struct ckpt_node *result = node_at(torch, item(torch, args, 0));
    if (wrapper->function >= 0)
        return (struct call){.function = item(torch, args, wrapper->function),
                             .args = item(torch, args, wrapper->args)};
    if (result->kind != CKPT_NODE_OBJECT)
        return (struct call){0};
    return (struct call){.function = result->u.object.callable, .args = result->u.object.args};
}

/* The call within all wrappers; none at all when they do not end soon. */
static struct call call_of(const struct ckpt_torch *torch, uint32_t object)
{
    const struct ckpt_node *node = node_at(torch, object);
    struct call call = {.function = node->u.object.callable, .args = node->u.object.args};
    for (int depth = 0; depth < WRAPPERS_MAX; depth++) {
        const struct wrapper *wrapper = wrapper_find(torch, call.function);
        uint32_t state = call.state;
        if (!wrapper)
            return call;
        if (wrapper->state >= 0 && !state)
            state = state_of(torch, item(torch, call.args, wrapper->state));
        call = inner_call(torch, wrapper, call.args);
        call.state = state;
    }
    return (struct call){0};
}

/* ---- what it says ----------------------------------------------------------------------------------------------- */

/* What a call says of a tensor; its shape and strides are in struct ckpt_torch. */
struct view {
    uint64_t numel;  /* of the storage: elements */
    uint64_t offset; /* in elements */
    uint64_t item;   /* bytes of one */
    uint32_t rank;
    const char *dtype;
    struct ckpt_zip_entry *record;
};

static int count_of(const struct ckpt_torch *torch, uint32_t node, uint64_t *out)
{
    const struct ckpt_node *number = node_at(torch, node);
    if (number->kind != CKPT_NODE_INTEGER || number->u.integer < 0)
        return 0;
    *out = (uint64_t)number->u.integer;
    return 1;
}

/* The tuple itself, or that of a torch.Size. */
static uint32_t sizes_of(const struct ckpt_torch *torch, uint32_t node)
{
    const struct ckpt_node *size = node_at(torch, node);
    if (size->kind == CKPT_NODE_OBJECT && ckpt_pickle_is(&torch->pickle, size->u.object.callable, "torch", "Size"))
        return item(torch, size->u.object.args, 0);
    return node;
}

/* Numbers of a tuple of at most CKPT_RANK_MAX, none of them negative. */
static int counts_of(const struct ckpt_torch *torch, uint32_t tuple, uint64_t out[CKPT_RANK_MAX])
{
    size_t n = 0;
    for (uint32_t at = node_at(torch, tuple)->first; at; at = torch->pickle.cells[at].next)
        if (!count_of(torch, torch->pickle.cells[at].node, &out[n++]))
            return 0;
    return 1;
}

static int geometry_read(struct ckpt_torch *torch, uint32_t args, const char *name, struct view *view,
                         const char **out_reason)
{
    uint32_t sizes = sizes_of(torch, item(torch, args, 2)), strides = sizes_of(torch, item(torch, args, 3));
    const struct ckpt_node *size = node_at(torch, sizes), *stride = node_at(torch, strides);
    uint64_t steps[CKPT_RANK_MAX];
    if (size->kind != CKPT_NODE_TUPLE || stride->kind != CKPT_NODE_TUPLE || size->count != stride->count)
        return damaged(torch, name, "has no shape and strides");
    if (size->count > CKPT_RANK_MAX) {
        *out_reason = "it has more than 64 dimensions";
        return POLYFS_OK;
    }
    view->rank = size->count;
    if (!counts_of(torch, sizes, torch->shape) || !counts_of(torch, strides, steps) ||
        !count_of(torch, item(torch, args, 1), &view->offset))
        return damaged(torch, name, "has no shape and strides");
    for (uint32_t i = 0; i < view->rank; i++)
        torch->stride[i] = (int64_t)steps[i];
    return POLYFS_OK;
}

/* Is @type the one of torch that this row is for? @storage: by the class of a storage of it. */
static int is_type(const struct ckpt_torch *torch, uint32_t type, int storage, const struct type *row)
{
    static const char *const modules[] = {"torch", "torch.storage", "torch.cuda"};
    if (!storage)
        return ckpt_pickle_is(&torch->pickle, type, "torch", row->name);
    for (size_t i = 0; i < 3 && row->storage; i++)
        if (ckpt_pickle_is(&torch->pickle, type, modules[i], row->storage))
            return 1;
    return 0;
}

static void type_read(const struct ckpt_torch *torch, uint32_t type, int storage, struct view *view)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        unsigned bits = ckpt_dtype_bits(types[i].dtype);
        if (!bits || bits % 8 || !is_type(torch, type, storage, &types[i]))
            continue;
        view->dtype = types[i].dtype;
        view->item = bits / 8;
    }
}

/*
 * The storage stands outside of the pickle, as ("storage", class, key, device, elements). @type: of the elements, when
 * the class does not say it; such a storage counts bytes. Else 0.
 */
static int storage_read(struct ckpt_torch *torch, uint32_t args, uint32_t type, const char *name, struct view *view)
{
    const struct ckpt_node *outside = node_at(torch, item(torch, args, 0));
    uint32_t id = outside->kind == CKPT_NODE_PERSISTENT ? outside->u.object.args : 0;
    const struct ckpt_node *key = node_at(torch, item(torch, id, 2));
    uint64_t bytes;
    if (key->kind != CKPT_NODE_TEXT || !count_of(torch, item(torch, id, 4), &view->numel))
        return damaged(torch, name, "has no storage");
    type_read(torch, type ? type : item(torch, id, 1), !type, view);
    if (!view->dtype)
        return POLYFS_OK;
    view->record = ckpt_torch_record(torch, "/data/", (const char *)torch->bytes + key->u.text.at, key->u.text.n);
    if (!view->record)
        return damaged(torch, name, "has no record of its storage in the file");
    if (__builtin_mul_overflow(view->numel, type ? 1 : view->item, &bytes) || bytes > view->record->size)
        return damaged(torch, name, "has a storage that is larger than its record in the file");
    view->numel = bytes / view->item;
    return POLYFS_OK;
}

/* Bits of the tensor that a call sets afterwards, by name: what is read through them differs from the bytes. */
static int is_lazy(const struct ckpt_torch *torch, uint32_t metadata)
{
    const struct ckpt_node *node = node_at(torch, metadata);
    if (node->kind != CKPT_NODE_DICT || node->count > METADATA_MAX)
        return node->kind == CKPT_NODE_DICT;
    for (uint32_t at = node->first; at;) {
        const struct ckpt_cell *value = &torch->pickle.cells[torch->pickle.cells[at].next];
        const struct ckpt_node *is = node_at(torch, value->node);
        if (is->kind == CKPT_NODE_BOOL && is->u.integer)
            return 1;
        at = value->next;
    }
    return 0;
}

/* ---- the row ---------------------------------------------------------------------------------------------------- */

/* Do all elements lie in the storage? */
static int is_inside(const struct ckpt_torch *torch, const struct view *view)
{
    uint64_t last = view->offset, part;
    for (uint32_t i = 0; i < view->rank; i++)
        if (__builtin_mul_overflow(torch->shape[i] - 1, (uint64_t)torch->stride[i], &part) ||
            __builtin_add_overflow(last, part, &last))
            return 0;
    return last < view->numel;
}

/* Is the tensor packed, its last dimension first? A stride along which there is one element only says nothing: 0. */
static int strides_settle(struct ckpt_torch *torch, uint32_t rank)
{
    uint64_t packed = 1;
    int is_packed = 1;
    for (uint32_t i = rank; i-- > 0;) {
        if (torch->shape[i] == 1)
            torch->stride[i] = 0;
        else
            is_packed &= (uint64_t)torch->stride[i] == packed;
        packed *= torch->shape[i]; /* as many bytes as are no more than 2^63 */
    }
    return is_packed;
}

static int row_add(struct ckpt_torch *torch, const struct view *view, const char *name)
{
    struct ckpt_tensor row = {.told = POLYFS_TENSOR_INIT, .offset = view->record->header};
    row.told.name = name;
    row.told.dtype = view->dtype;
    row.told.shape = torch->shape;
    row.told.rank = view->rank;
    row.told.file = torch->shard->name;
    if (ckpt_tensor_bytes(view->dtype, torch->shape, view->rank, &row.told.bytes) != POLYFS_OK)
        return damaged(torch, name, "has more elements than any memory");
    if (row.told.bytes) {
        if (!is_inside(torch, view))
            return damaged(torch, name, "reaches beyond its storage");
        int rc = ckpt_zip_locate(&torch->zip, view->record, torch->err);
        if (rc != POLYFS_OK)
            return rc;
        row.offset = view->record->data + view->offset * view->item;
        row.stride = strides_settle(torch, view->rank) ? NULL : torch->stride;
    }
    if (ckpt_tensors_add(torch->tensors, &row) != POLYFS_OK)
        return ckpt_fail(torch->err, POLYFS_NOMEM, "read", torch->shard->name, "no memory for its tensors");
    return POLYFS_OK;
}

int ckpt_torch_tensor(struct ckpt_torch *torch, uint32_t object, const char *name, struct ckpt_torch_kind *out)
{
    struct call call = call_of(torch, object);
    struct view view = {0};
    const struct ckpt_pickle *pickle = &torch->pickle;
    int has_type = ckpt_pickle_is(pickle, call.function, UTILS, "_rebuild_tensor_v3");
    *out = (struct ckpt_torch_kind){.state = call.state};
    if (!has_type && !ckpt_pickle_is(pickle, call.function, UTILS, "_rebuild_tensor_v2") &&
        !ckpt_pickle_is(pickle, call.function, UTILS, "_rebuild_tensor"))
        return POLYFS_OK;
    int rc = storage_read(torch, call.args, has_type ? item(torch, call.args, 6) : 0, name, &view);
    if (rc == POLYFS_OK)
        rc = geometry_read(torch, call.args, name, &view, &out->reason);
    if (rc == POLYFS_OK && !view.dtype)
        out->reason = "safetensors has no name for the type of its elements";
    if (rc == POLYFS_OK && is_lazy(torch, item(torch, call.args, has_type ? 7 : 6)))
        out->reason = "its elements are to be negated or conjugated first";
    if (rc != POLYFS_OK || out->reason)
        return rc;
    out->is_tensor = 1;
    return row_add(torch, &view, name);
}
