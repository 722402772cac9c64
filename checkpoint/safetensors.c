/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a safetensors file: 8 bytes of length, little endian, then that much JSON, then the tensors' bytes. All
 * of it is checked against the size of the file before anything is believed: types, shapes, and that the tensors lie
 * side by side without a hole, as its own reader demands (https://huggingface.co/docs/safetensors, "Format").
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tensors.h"

#define HEADER_MAX UINT64_C(100000000)
#define STATE "__metadata__"

/* What is read, and where it failed. */
struct index {
    struct polyfs_tensors *tensors;
    const struct ckpt_shard *shard;
    uint64_t data_at, data_bytes;
    char why[256];
};

static int bad(struct index *index, const char *name, const char *why)
{
    snprintf(index->why, sizeof(index->why), "its tensor \"%.100s\" %s", name, why);
    return POLYFS_CORRUPT;
}

static int tensor_read(struct index *index, const char *name, json_t *value)
{
    uint64_t shape[CKPT_RANK_MAX];
    struct ckpt_tensor row = {.told = POLYFS_TENSOR_INIT};
    json_t *shape_json;
    json_int_t begin, end;
    int rc = ckpt_json_unpack(value, "{s:s, s:o, s:[I, I!]}", "dtype", &row.told.dtype, "shape", &shape_json,
                              "data_offsets", &begin, &end);
    if (rc == POLYFS_NOMEM)
        return rc;
    if (rc != POLYFS_OK || !*name || ckpt_json_shape(shape_json, shape, &row.told.rank) != POLYFS_OK)
        return bad(index, name, "lacks a type, a shape or offsets, or has wrong ones");
    if (begin < 0 || end < begin || (uint64_t)end > index->data_bytes)
        return bad(index, name, "lies outside the file");
    if (!ckpt_dtype_bits(row.told.dtype)) {
        bad(index, name, "has a type that this polyfs does not know");
        return POLYFS_UNSUPPORTED;
    }
    row.told.name = name;
    row.told.shape = shape;
    row.offset = index->data_at + (uint64_t)begin;
    if (ckpt_tensor_bytes(row.told.dtype, shape, row.told.rank, &row.told.bytes) != POLYFS_OK ||
        row.told.bytes != (uint64_t)(end - begin))
        return bad(index, name, "has more or fewer bytes than its shape and type say");
    return ckpt_tensors_add(index->tensors, &row);
}

/* Pairs of texts. */
static int state_read(struct index *index, json_t *value)
{
    const char *key;
    json_t *text;
    char *state = NULL;
    size_t n;
    json_object_foreach(value, key, text)
    {
        if (!json_is_string(text))
            return bad(index, STATE, "holds something that is no text");
    }
    if (!json_is_object(value))
        return bad(index, STATE, "is no object");
    json_object_del(value, CKPT_SUMS); /* ours, and read already */
    int rc = ckpt_json_write(value, &state, &n);
    if (rc == POLYFS_OK) {
        free(index->tensors->state);
        index->tensors->state = state;
    }
    return rc;
}

static int by_offset(const void *a, const void *b)
{
    const struct ckpt_tensor *x = *(struct ckpt_tensor *const *)a, *y = *(struct ckpt_tensor *const *)b;
    uint64_t x_end = x->offset + x->told.bytes, y_end = y->offset + y->told.bytes;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x_end < y_end ? -1 : x_end > y_end;
}

/* Side by side, from the first byte to the last. */
static int tiling_check(struct index *index)
{
    struct ckpt_rows *rows = &index->tensors->rows;
    uint64_t at = index->data_at;
    if (rows->count)
        qsort(rows->at, rows->count, sizeof(*rows->at), by_offset);
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->at[i]->offset != at)
            return bad(index, rows->at[i]->told.name, "overlaps another, or a hole lies before it");
        at += rows->at[i]->told.bytes;
    }
    if (at == index->data_at + index->data_bytes)
        return POLYFS_OK;
    snprintf(index->why, sizeof(index->why), "it has %llu bytes behind its last tensor",
             (unsigned long long)(index->data_at + index->data_bytes - at));
    return POLYFS_CORRUPT;
}

/* Written by us, and the checkpoint says that it is ours: rows are in order of bytes, as the sums are. */
static int sums_read(struct index *index, const json_t *header)
{
    struct ckpt_rows *rows = &index->tensors->rows;
    const char *text = json_string_value(json_object_get(json_object_get(header, STATE), CKPT_SUMS));
    if (!index->tensors->own || !text)
        return POLYFS_OK;
    if (strlen(text) != 8 * rows->count || strspn(text, "0123456789abcdef") != 8 * rows->count)
        return bad(index, STATE, "has other checksums than tensors");
    for (size_t i = 0; i < rows->count; i++) {
        const char digits[] = {text[8 * i],     text[8 * i + 1], text[8 * i + 2],
                               text[8 * i + 3], text[8 * i + 4], text[8 * i + 5],
                               text[8 * i + 6], text[8 * i + 7], '\0'};
        rows->at[i]->crc = (uint32_t)strtoul(digits, NULL, 16);
        rows->at[i]->has_crc = 1;
    }
    return POLYFS_OK;
}

static int header_read(struct index *index, const char *text, size_t n)
{
    json_t *header = NULL, *value;
    const char *name;
    int rc = ckpt_json_read(text, n, &header, index->why, sizeof(index->why));
    if (rc == POLYFS_OK && !json_is_object(header)) {
        snprintf(index->why, sizeof(index->why), "its header is no object");
        rc = POLYFS_CORRUPT;
    }
    json_object_foreach(header, name, value)
    {
        if (rc == POLYFS_OK && strcmp(name, STATE) != 0)
            rc = tensor_read(index, name, value);
    }
    if (rc == POLYFS_OK)
        rc = tiling_check(index);
    if (rc == POLYFS_OK)
        rc = sums_read(index, header);
    value = json_object_get(header, STATE);
    if (rc == POLYFS_OK && value)
        rc = state_read(index, value);
    json_decref(header);
    return rc;
}

static uint64_t little_endian(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

/* The length of the header; POLYFS_UNSUPPORTED: this is no safetensors file. */
static int length_read(const struct ckpt_shard *shard, uint64_t *out, struct polyfs_error *err)
{
    if (shard->head_size < 9 || shard->head[8] != '{')
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "read the tensors of", shard->name,
                         "it is neither a safetensors file nor one of torch.save()");
    *out = little_endian((const unsigned char *)shard->head);
    if (*out > HEADER_MAX || *out > shard->size - 8)
        return ckpt_fail(err, POLYFS_CORRUPT, "read the tensors of", shard->name,
                         "its header is said to have %llu bytes: more than %s", (unsigned long long)*out,
                         *out > HEADER_MAX ? "the format allows" : "the file has");
    return POLYFS_OK;
}

int ckpt_safetensors_index(struct polyfs_tensors *tensors, struct polyfs_error *err)
{
    const struct ckpt_shard *shard = &tensors->shards[tensors->shard_count - 1];
    struct index index = {.tensors = tensors, .shard = shard, .why = "no memory"};
    uint64_t n = 0;
    int rc = length_read(shard, &n, err);
    if (rc != POLYFS_OK)
        return rc;
    char *text = malloc(n + 1);
    if (!text)
        return ckpt_fail(err, POLYFS_NOMEM, "read the tensors of", shard->name, "no memory");
    rc = ckpt_shard_read(shard, 8, text, n, err);
    if (rc == POLYFS_OK) {
        index.data_at = 8 + n;
        index.data_bytes = shard->size - index.data_at;
        rc = header_read(&index, text, n);
        if (rc != POLYFS_OK)
            ckpt_fail(err, rc, "read the tensors of", shard->name, "%s",
                      rc == POLYFS_NOMEM ? "no memory" : index.why);
    }
    free(text);
    return rc;
}
