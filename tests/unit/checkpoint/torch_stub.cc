/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for tensors.c and dtype.c, and goes when they come. */
#include <cstdlib>
#include <cstring>

#include "internal.h"

extern "C" int ckpt_shard_read(const struct ckpt_shard *shard, uint64_t offset, void *buffer, size_t size,
                               struct polyfs_error *err)
{
    size_t n = 0;
    int rc = polyfs_reader_pread(shard->reader, offset, buffer, size, &n, err);
    if (rc == POLYFS_OK && n < size)
        return ckpt_fail(err, POLYFS_CORRUPT, "read", shard->name, "the file ends before byte %llu",
                         static_cast<unsigned long long>(offset + size));
    return rc;
}

static void row_free(struct ckpt_tensor *row)
{
    free(const_cast<char *>(row->told.name));
    free(const_cast<char *>(row->told.dtype));
    free(const_cast<uint64_t *>(row->told.shape));
    free(row->stride);
    free(row);
}

extern "C" int ckpt_tensors_add(struct polyfs_tensors *tensors, const struct ckpt_tensor *row)
{
    size_t rank = row->told.rank;
    auto *own = static_cast<ckpt_tensor *>(calloc(1, sizeof(*row)));
    auto **rows = static_cast<ckpt_tensor **>(
        realloc(static_cast<void *>(tensors->rows), (tensors->count + 1) * sizeof(*tensors->rows)));
    tensors->rows = rows ? rows : tensors->rows;
    if (!own || !rows) {
        free(own);
        return POLYFS_NOMEM;
    }
    auto *shape = static_cast<uint64_t *>(calloc(rank + 1, sizeof(uint64_t)));
    auto *stride = row->stride ? static_cast<int64_t *>(calloc(rank + 1, sizeof(int64_t))) : nullptr;
    *own = *row;
    own->told.name = strdup(row->told.name);
    own->told.dtype = strdup(row->told.dtype);
    own->told.shape = shape;
    own->stride = stride;
    if (!own->told.name || !own->told.dtype || !shape || (row->stride && !stride)) {
        row_free(own);
        return POLYFS_NOMEM;
    }
    for (size_t i = 0; i < rank; i++)
        shape[i] = row->told.shape[i];
    for (size_t i = 0; stride && i < rank; i++)
        stride[i] = row->stride[i];
    tensors->rows[tensors->count++] = own;
    return POLYFS_OK;
}

extern "C" unsigned ckpt_dtype_bits(const char *dtype)
{
    static const struct {
        const char *name;
        unsigned bits;
    } types[] = {{"BOOL", 8},    {"U8", 8},          {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8},
                 {"F8_E8M0", 8}, {"I16", 16},        {"U16", 16},        {"F16", 16},    {"BF16", 16},
                 {"I32", 32},    {"U32", 32},        {"F32", 32},        {"C64", 64},    {"F64", 64},
                 {"I64", 64},    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"U64", 64}};
    for (const auto &type : types)
        if (strcmp(type.name, dtype) == 0)
            return type.bits;
    return 0;
}

extern "C" int ckpt_tensor_bytes(const char *dtype, const uint64_t *shape, uint32_t rank, uint64_t *out_bytes)
{
    uint64_t bytes = ckpt_dtype_bits(dtype) / 8;
    for (uint32_t i = 0; i < rank; i++)
        if (!shape[i])
            bytes = 0;
    for (uint32_t i = 0; i < rank && bytes; i++)
        if (__builtin_mul_overflow(bytes, shape[i], &bytes))
            return POLYFS_INVALID;
    if (bytes > INT64_MAX)
        return POLYFS_INVALID;
    *out_bytes = bytes;
    return POLYFS_OK;
}

extern "C" void polyfs_tensors_close(struct polyfs_tensors *tensors)
{
    for (size_t i = 0; tensors && i < tensors->count; i++)
        row_free(tensors->rows[i]);
    for (size_t i = 0; tensors && i < tensors->shard_count; i++) {
        polyfs_reader_close(tensors->shards[i].reader);
        free(tensors->shards[i].name);
    }
    if (tensors) {
        free(static_cast<void *>(tensors->rows));
        free(tensors->shards);
        free(tensors->state);
    }
    free(tensors);
}
