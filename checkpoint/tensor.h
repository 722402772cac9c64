/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors and where their bytes are. A format (safetensors.c, torch.c) reads the index of one file and adds a row for
 * each tensor; tensors.c reads their bytes whatever the format was.
 */
#ifndef CKPT_TENSOR_H
#define CKPT_TENSOR_H

#include <polyfs/polyfs.h>
#include <polyfs/tensor.h>

#define CKPT_RANK_MAX 64

/* One tensor of a file. */
struct ckpt_tensor {
    struct polyfs_tensor told; /* what callers see; first: they hand it back */
    uint64_t offset;           /* in the file, of the element whose indices are all 0 */
    int64_t *stride;           /* in elements, told.rank of them; NULL: packed, row-major */
    size_t shard;              /* which file */
    uint32_t crc;              /* CRC32C of its bytes, with has_crc */
    int has_crc;
};

/* One file. */
struct ckpt_shard {
    char *name; /* told to callers */
    struct polyfs_reader *reader;
    uint64_t size;
};

struct polyfs_tensors {
    struct ckpt_tensor **rows;
    size_t count, room;
    struct ckpt_shard *shards;
    size_t shard_count;
    char *state; /* JSON */
    int sorted;  /* by_name is whole */
    const struct ckpt_tensor **by_name;
};

/* tensors.c */
/* Adds a row of the last shard; everything in @row is copied. POLYFS_NOMEM. */
int ckpt_tensors_add(struct polyfs_tensors *tensors, const struct ckpt_tensor *row);
/* Reads [offset, offset + size) whole; POLYFS_CORRUPT when the file ends before. */
int ckpt_shard_read(const struct ckpt_shard *shard, uint64_t offset, void *buffer, size_t size,
                    struct polyfs_error *err);

/* dtype.c: bits of an element, or 0 for a type that safetensors does not know. */
unsigned ckpt_dtype_bits(const char *dtype);
/* Bytes of a packed tensor. POLYFS_INVALID: unknown type, no whole bytes, or more than 2^63 - 1. */
int ckpt_tensor_bytes(const char *dtype, const uint64_t *shape, uint32_t rank, uint64_t *out_bytes);

/* safetensors.c, torch.c: the index of the last shard. POLYFS_UNSUPPORTED: it is a file of another kind. */
int ckpt_safetensors_index(struct polyfs_tensors *tensors, struct polyfs_error *err);
int ckpt_torch_index(struct polyfs_tensors *tensors, struct polyfs_error *err);

#endif
