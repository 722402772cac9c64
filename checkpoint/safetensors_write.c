/* SPDX-License-Identifier: Apache-2.0 */
/* A safetensors file: which tensor lies where, the header that says it, and the bytes behind it. */
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tensors.h"

#define ALIGN 8u
#define HEADER_MAX UINT64_C(100000000)
#define WHAT "write tensors to"

/* ---- what may be written ---------------------------------------------------------------------------------------- */

static int tensor_check(const struct polyfs_tensor *tensor, struct polyfs_error *err)
{
    uint64_t bytes;
    if (!tensor->name || !*tensor->name || !g_utf8_validate(tensor->name, -1, NULL))
        return ckpt_fail(err, POLYFS_INVALID, WHAT, "a file", "a tensor has no name, or one that is no UTF-8");
    if (strcmp(tensor->name, "__metadata__") == 0)
        return ckpt_fail(err, POLYFS_INVALID, WHAT, "a file", "\"__metadata__\" is no name for a tensor");
    if (!tensor->dtype || !ckpt_dtype_bits(tensor->dtype))
        return ckpt_fail(err, POLYFS_INVALID, WHAT, "a file",
                         "\"%s\" has the type \"%s\"; safetensors knows BOOL, U8, I8, F8_E4M3, F16, BF16, F32, …",
                         tensor->name, tensor->dtype ? tensor->dtype : "");
    if (ckpt_tensor_bytes(tensor->dtype, tensor->shape, tensor->rank, &bytes) != POLYFS_OK ||
        bytes != tensor->bytes)
        return ckpt_fail(err, POLYFS_INVALID, WHAT, "a file",
                         "\"%s\" is said to have %llu bytes, which its shape and type do not give", tensor->name,
                         (unsigned long long)tensor->bytes);
    return POLYFS_OK;
}

/* Wide types first, so that each tensor is aligned; then by name, so that the same tensors give the same bytes. */
static int by_width(const void *a, const void *b)
{
    const struct polyfs_tensor *x = *(const struct polyfs_tensor *const *)a,
                               *y = *(const struct polyfs_tensor *const *)b;
    unsigned x_bits = ckpt_dtype_bits(x->dtype), y_bits = ckpt_dtype_bits(y->dtype);
    return x_bits != y_bits ? (x_bits > y_bits ? -1 : 1) : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    const struct polyfs_tensor *x = *(const struct polyfs_tensor *const *)a,
                               *y = *(const struct polyfs_tensor *const *)b;
    return strcmp(x->name, y->name);
}

static int order_make(const struct polyfs_tensor *const *tensors, struct ckpt_layout *layout,
                      struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < layout->count && rc == POLYFS_OK; i++)
        rc = tensor_check(layout->order[i] = tensors[i], err);
    if (rc != POLYFS_OK)
        return rc;
    qsort(layout->order, layout->count, sizeof(*layout->order), by_name);
    for (size_t i = 1; i < layout->count; i++)
        if (strcmp(layout->order[i - 1]->name, layout->order[i]->name) == 0)
            return ckpt_fail(err, POLYFS_EXISTS, WHAT, "a file", "the name \"%s\" is there twice",
                             layout->order[i]->name);
    qsort(layout->order, layout->count, sizeof(*layout->order), by_width);
    return POLYFS_OK;
}

/* ---- the header ------------------------------------------------------------------------------------------------- */

static json_t *tensor_json(const struct polyfs_tensor *tensor, uint64_t at)
{
    const uint64_t end = at + tensor->bytes;
    json_t *shape = ckpt_json_from_shape(tensor->shape, tensor->rank);
    json_t *row = !shape ? NULL
                         : json_pack("{s:s, s:O, s:[I, I]}", "dtype", tensor->dtype, "shape", shape, "data_offsets",
                                     (json_int_t)at, (json_int_t)end);
    json_decref(shape);
    return row;
}

/* The sums as text, among the pairs of the state. */
static int add_sums(const struct ckpt_layout *layout, json_t **state)
{
    char *text = malloc(8 * layout->count + 1);
    if (!*state)
        *state = json_object();
    for (size_t i = 0; text && i < layout->count; i++)
        snprintf(text + 8 * i, 9, "%08x", layout->sums[i]);
    int failed =
        !text || !*state || (layout->count && json_object_set_new(*state, CKPT_SUMS, json_string(text)) != 0);
    free(text);
    return failed ? POLYFS_NOMEM : POLYFS_OK;
}

static int sum_all(struct ckpt_layout *layout)
{
    layout->sums = malloc((layout->count ? layout->count : 1) * sizeof(*layout->sums));
    if (layout->sums)
        ckpt_sums(layout->order, layout->count, layout->sums);
    return layout->sums ? POLYFS_OK : POLYFS_NOMEM;
}

/* NULL: no memory. */
static json_t *header_json(const struct ckpt_layout *layout, json_t *state)
{
    uint64_t at = 0;
    json_t *header = json_object();
    int failed = !header || (state && json_object_set(header, "__metadata__", state) != 0);
    for (size_t i = 0; i < layout->count && !failed; i++) {
        const struct polyfs_tensor *tensor = layout->order[i];
        failed = json_object_set_new(header, tensor->name, tensor_json(tensor, at));
        at += tensor->bytes;
    }
    if (!failed)
        return header;
    json_decref(header);
    return NULL;
}

/* Its length in front; blanks behind it, so that the tensors begin at a multiple of 8. */
static int header_make(struct ckpt_layout *layout, const char *json, size_t n)
{
    size_t padded = (n + ALIGN - 1) / ALIGN * ALIGN;
    layout->header = malloc(8 + padded);
    if (!layout->header)
        return POLYFS_NOMEM;
    for (unsigned i = 0; i < 8; i++)
        layout->header[i] = (char)(padded >> (8 * i));
    memcpy(layout->header + 8, json, n);
    memset(layout->header + 8 + n, ' ', padded - n);
    layout->header_size = 8 + padded;
    return POLYFS_OK;
}

/* An object of texts, or NULL when there is none. */
static int state_read(const char *state, json_t **out, struct polyfs_error *err)
{
    char why[128] = "it is no object of texts";
    const char *key;
    json_t *pairs = NULL, *value;
    int rc = state ? ckpt_json_read(state, strlen(state), &pairs, why, sizeof(why)) : POLYFS_OK;
    int fits = !state || json_is_object(pairs);
    json_object_foreach(pairs, key, value)
    {
        fits &= json_is_string(value);
    }
    if (rc == POLYFS_OK && fits) {
        *out = pairs;
        return rc;
    }
    json_decref(pairs);
    if (rc == POLYFS_NOMEM)
        return ckpt_fail(err, rc, WHAT, "a file", "no memory");
    return ckpt_fail(err, POLYFS_INVALID, WHAT, "a file", "its state cannot be taken: %s", why);
}

static int layout_header(struct ckpt_layout *layout, json_t *state, struct polyfs_error *err)
{
    char *text = NULL;
    size_t n = 0;
    json_t *header = header_json(layout, state);
    int rc = header ? ckpt_json_write(header, &text, &n) : POLYFS_NOMEM;
    if (rc == POLYFS_OK)
        rc = n > HEADER_MAX ? POLYFS_TOO_LARGE : header_make(layout, text, n);
    json_decref(header);
    free(text);
    if (rc == POLYFS_TOO_LARGE)
        return ckpt_fail(err, rc, WHAT, "a file", "its header would have %zu bytes; the format allows %llu", n,
                         (unsigned long long)HEADER_MAX);
    return rc == POLYFS_OK ? rc : ckpt_fail(err, rc, WHAT, "a file", "no memory");
}

int ckpt_layout_make(const struct polyfs_tensor *const *tensors, size_t count, const char *state, int summed,
                     struct ckpt_layout *out, struct polyfs_error *err)
{
    struct ckpt_layout layout = {.count = count};
    json_t *pairs = NULL;
    layout.order = malloc((count ? count : 1) * sizeof(*layout.order));
    int rc =
        layout.order ? state_read(state, &pairs, err) : ckpt_fail(err, POLYFS_NOMEM, WHAT, "a file", "no memory");
    if (rc == POLYFS_OK)
        rc = order_make(tensors, &layout, err);
    if (rc == POLYFS_OK && summed && (sum_all(&layout) != POLYFS_OK || add_sums(&layout, &pairs) != POLYFS_OK))
        rc = ckpt_fail(err, POLYFS_NOMEM, WHAT, "a file", "no memory");
    if (rc == POLYFS_OK)
        rc = layout_header(&layout, pairs, err);
    json_decref(pairs);
    if (rc == POLYFS_OK)
        *out = layout;
    else
        ckpt_layout_clear(&layout);
    return rc;
}

void ckpt_layout_clear(struct ckpt_layout *layout)
{
    free(layout->header);
    free(layout->order);
    free(layout->sums);
    *layout = (struct ckpt_layout){NULL, 0, NULL, NULL, 0};
}

struct polyfs_bytes *ckpt_layout_bytes(const struct ckpt_layout *layout)
{
    struct polyfs_bytes *bytes = malloc((layout->count + 1) * sizeof(*bytes));
    if (!bytes)
        return NULL;
    bytes[0] = (struct polyfs_bytes){layout->header, layout->header_size};
    for (size_t i = 0; i < layout->count; i++)
        bytes[i + 1] = (struct polyfs_bytes){layout->order[i]->data, layout->order[i]->bytes};
    return bytes;
}

/* ---- from memory ------------------------------------------------------------------------------------------------ */

int polyfs_tensors_write(struct polyfs_writer *writer, const struct polyfs_tensor *tensors, size_t count,
                         const char *state, struct polyfs_error *err)
{
    struct ckpt_layout layout;
    const struct polyfs_tensor **at = ckpt_tensor_pointers(tensors, count);
    int rc = at ? ckpt_layout_make(at, count, state, 0, &layout, err)
                : ckpt_fail(err, POLYFS_NOMEM, WHAT, "a file", "no memory");
    free(at);
    if (rc != POLYFS_OK)
        return rc;
    struct polyfs_bytes *bytes = ckpt_layout_bytes(&layout);
    rc = bytes ? polyfs_writer_writev(writer, bytes, layout.count + 1, err)
               : ckpt_fail(err, POLYFS_NOMEM, WHAT, "a file", "no memory");
    free(bytes);
    ckpt_layout_clear(&layout);
    return rc;
}

/* ---- from other files ------------------------------------------------------------------------------------------- */

static int take_writer(void *user, const void *data, size_t size, struct polyfs_error *err)
{
    return polyfs_writer_write(user, data, size, err);
}

static int export_layout(struct polyfs_tensors *tensors, const struct ckpt_layout *layout,
                         struct polyfs_writer *writer, struct polyfs_error *err)
{
    int rc = polyfs_writer_write(writer, layout->header, layout->header_size, err);
    for (size_t i = 0; i < layout->count && rc == POLYFS_OK; i++)
        rc = ckpt_tensor_pass(tensors, (const struct ckpt_tensor *)(const void *)layout->order[i], take_writer,
                              writer, err);
    return rc;
}

int ckpt_layout_choose(struct polyfs_tensors *tensors, const char *pattern, struct ckpt_layout *out,
                       struct polyfs_error *err)
{
    size_t count = 0;
    const char *file = tensors->shard_count ? tensors->shards[0].name : "";
    const struct polyfs_tensor **chosen = malloc((tensors->rows.count + 1) * sizeof(*chosen));
    if (!chosen)
        return ckpt_fail(err, POLYFS_NOMEM, "read the tensors of", file, "no memory");
    for (size_t i = 0; i < tensors->rows.count; i++)
        if (!pattern || polyfs_tensor_matches(pattern, tensors->rows.at[i]->told.name))
            chosen[count++] = &tensors->rows.at[i]->told;
    int rc = pattern && !count ? ckpt_fail(err, POLYFS_NOT_FOUND, "read the tensors of", file,
                                           "none of its %zu tensors fits \"%s\"", tensors->rows.count, pattern)
                               : ckpt_layout_make(chosen, count, NULL, 0, out, err);
    free(chosen);
    return rc;
}

int polyfs_tensors_export(struct polyfs_tensors *tensors, const char *pattern, struct polyfs_writer *writer,
                          struct polyfs_error *err)
{
    struct ckpt_layout layout;
    int rc = ckpt_layout_choose(tensors, pattern, &layout, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = export_layout(tensors, &layout, writer, err);
    ckpt_layout_clear(&layout);
    return rc;
}
