/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest of one checkpoint: its files with size and checksum, and the tensors in them. Written before the record
 * that refers to it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

int ckpt_manifest_add(struct ckpt_manifest *manifest, const char *name, uint64_t size, uint32_t crc,
                      struct ckpt_rows *tensors)
{
    if (manifest->count == manifest->room) {
        size_t room = manifest->room ? manifest->room * 2 : 8;
        struct ckpt_file *more = realloc(manifest->files, room * sizeof(*more));
        if (!more)
            return POLYFS_NOMEM;
        manifest->files = more;
        manifest->room = room;
    }
    char *own = strdup(name);
    if (!own)
        return POLYFS_NOMEM;
    manifest->files[manifest->count++] = (struct ckpt_file){own, size, crc, *tensors};
    *tensors = (struct ckpt_rows){NULL, 0, 0};
    return POLYFS_OK;
}

void ckpt_manifest_clear(struct ckpt_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        ckpt_rows_clear(&manifest->files[i].tensors);
        free(manifest->files[i].name);
    }
    free(manifest->files);
    memset(manifest, 0, sizeof(*manifest));
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

static json_t *tensor_json(const struct ckpt_tensor *row)
{
    json_t *shape = ckpt_json_from_shape(row->told.shape, row->told.rank);
    json_t *all = !shape ? NULL
                         : json_pack("{s:s, s:s, s:O, s:I, s:I, s:I}", "name", row->told.name, "dtype",
                                     row->told.dtype, "shape", shape, "offset", (json_int_t)row->offset, "bytes",
                                     (json_int_t)row->told.bytes, "crc32c", (json_int_t)row->crc);
    json_decref(shape);
    return all;
}

static json_t *file_json(const struct ckpt_file *file)
{
    json_t *row = json_pack("{s:s, s:I, s:I}", "name", file->name, "size", (json_int_t)file->size, "crc32c",
                            (json_int_t)file->crc);
    json_t *tensors = row && file->tensors.count ? json_array() : NULL;
    int failed = tensors ? json_object_set_new(row, "tensors", tensors) : file->tensors.count != 0;
    for (size_t i = 0; i < file->tensors.count && !failed; i++)
        failed = json_array_append_new(tensors, tensor_json(file->tensors.at[i]));
    if (!failed)
        return row;
    json_decref(row);
    return NULL;
}

int ckpt_manifest_write(const struct ckpt_manifest *manifest, char **out, size_t *out_n)
{
    json_t *files = json_array();
    json_t *body = json_pack("{s:i, s:s, s:o}", "format", 1, "attempt", manifest->attempt, "files", files);
    int failed = !body;
    for (size_t i = 0; !failed && i < manifest->count; i++)
        failed = json_array_append_new(files, file_json(&manifest->files[i]));
    if (!failed)
        return ckpt_sealed_write(body, out, out_n);
    json_decref(body);
    return POLYFS_NOMEM;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

static int tensor_read(json_t *value, uint64_t file_size, struct ckpt_rows *out)
{
    uint64_t shape[CKPT_RANK_MAX], size;
    struct ckpt_tensor row = {.told = POLYFS_TENSOR_INIT, .has_crc = 1};
    json_t *numbers;
    json_int_t offset, bytes, crc;
    int rc =
        ckpt_json_unpack(value, "{s:s, s:s, s:o, s:I, s:I, s:I}", "name", &row.told.name, "dtype", &row.told.dtype,
                         "shape", &numbers, "offset", &offset, "bytes", &bytes, "crc32c", &crc);
    if (rc == POLYFS_OK)
        rc = ckpt_json_shape(numbers, shape, &row.told.rank);
    if (rc != POLYFS_OK)
        return rc;
    if (offset < 0 || bytes < 0 || crc < 0 || crc > UINT32_MAX || (uint64_t)offset > file_size ||
        (uint64_t)bytes > file_size - (uint64_t)offset || !*row.told.name ||
        ckpt_tensor_bytes(row.told.dtype, shape, row.told.rank, &size) != POLYFS_OK || size != (uint64_t)bytes)
        return POLYFS_CORRUPT;
    row.told.shape = shape;
    row.told.bytes = size;
    row.offset = (uint64_t)offset;
    row.crc = (uint32_t)crc;
    return ckpt_rows_add(out, &row);
}

static int file_read(json_t *row, struct ckpt_manifest *out)
{
    const char *name;
    json_int_t size, crc;
    json_t *tensors = NULL, *tensor;
    struct ckpt_rows rows = {NULL, 0, 0};
    size_t i;
    int rc = ckpt_json_unpack(row, "{s:s, s:I, s:I, s?o}", "name", &name, "size", &size, "crc32c", &crc, "tensors",
                              &tensors);
    if (rc != POLYFS_OK)
        return rc;
    if (!ckpt_name_valid(name) || size < 0 || crc < 0 || crc > UINT32_MAX || (tensors && !json_is_array(tensors)))
        return POLYFS_CORRUPT;
    for (size_t j = 0; j < out->count; j++)
        if (strcmp(out->files[j].name, name) == 0)
            return POLYFS_CORRUPT;
    json_array_foreach(tensors, i, tensor)
    {
        if (rc == POLYFS_OK)
            rc = tensor_read(tensor, (uint64_t)size, &rows);
    }
    if (rc == POLYFS_OK)
        rc = ckpt_manifest_add(out, name, (uint64_t)size, (uint32_t)crc, &rows);
    ckpt_rows_clear(&rows);
    return rc;
}

static int files_read(json_t *files, struct ckpt_manifest *out)
{
    int rc = POLYFS_OK;
    size_t i;
    json_t *row;
    json_array_foreach(files, i, row)
    {
        if (rc == POLYFS_OK)
            rc = file_read(row, out);
    }
    return rc;
}

int ckpt_manifest_read(const char *text, size_t n, struct ckpt_manifest *out, char *why, size_t why_room)
{
    const char *attempt;
    int format;
    json_t *files, *body = NULL;
    memset(out, 0, sizeof(*out));
    int rc = ckpt_sealed_read(text, n, &body, why, why_room);
    if (rc == POLYFS_OK)
        rc = ckpt_json_unpack(body, "{s:i, s:s, s:o}", "format", &format, "attempt", &attempt, "files", &files);
    if (rc == POLYFS_OK && (!json_is_array(files) || strlen(attempt) != CKPT_ATTEMPT - 1))
        rc = POLYFS_CORRUPT;
    if (rc == POLYFS_OK) {
        memcpy(out->attempt, attempt, sizeof(out->attempt));
        rc = format == 1 ? files_read(files, out) : POLYFS_UNSUPPORTED;
    }
    snprintf(why, why_room, "%s",
             rc == POLYFS_UNSUPPORTED ? "its manifest has a newer format than this polyfs knows"
             : rc == POLYFS_NOMEM     ? "no memory to read its manifest"
                                      : "its manifest is damaged");
    json_decref(body);
    if (rc != POLYFS_OK)
        ckpt_manifest_clear(out);
    return rc;
}
