/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors and where their bytes are. A format (safetensors.c, torch.c) reads the index of one file and adds a row for
 * each tensor; tensors_read.c reads their bytes whatever the format was.
 */
#ifndef CKPT_TENSORS_H
#define CKPT_TENSORS_H

#include <pthread.h>

#include <polyfs/polyfs.h>
#include <polyfs/tensor.h>

#define CKPT_RANK_MAX 64
#define CKPT_HEAD_BYTES (UINT32_C(64) << 10) /* of a file, read at once: most indexes fit */

/* One tensor of a file. */
struct ckpt_tensor {
    struct polyfs_tensor told; /* what callers see; first: they hand it back */
    uint64_t offset;           /* in the file, of the element whose indices are all 0 */
    int64_t *stride;           /* in elements, told.rank of them; NULL: packed, row-major */
    size_t shard;              /* which file */
    uint32_t crc;              /* CRC32C of its bytes, with has_crc */
    int has_crc;
};

/* Rows that grow. Each is one piece of memory with its texts, shape and stride. */
struct ckpt_rows {
    struct ckpt_tensor **at;
    size_t count, room;
};
int ckpt_rows_add(struct ckpt_rows *rows, const struct ckpt_tensor *row); /* a copy; POLYFS_NOMEM */
void ckpt_rows_clear(struct ckpt_rows *rows);

/* Pointers to the rows of a caller's array, which may be of another size than ours; freed by free(), or NULL. */
const struct polyfs_tensor **ckpt_tensor_pointers(const struct polyfs_tensor *tensors, size_t count);

/* One file. */
struct ckpt_shard {
    char *name; /* told to callers */
    char *path;
    struct polyfs_reader *reader; /* opened when it is needed, under the lock of its owner */
    uint64_t size;
    char *head; /* its first bytes, when they were read already; or NULL */
    size_t head_size;
};

struct polyfs_tensors {
    struct polyfs_fs *fs;
    struct polyfs_call_opts call;
    pthread_mutex_t lock; /* guards the opening of readers */
    struct ckpt_rows rows;
    struct ckpt_tensor **by_name; /* the same, sorted */
    struct ckpt_shard *shards;
    size_t shard_count;
    char *state; /* JSON */
    int own;     /* files of a checkpoint: what their headers say of checksums is believed */
};

/* tensors.c */
/* For @shards files; add them, their rows, then seal it. POLYFS_NOMEM. */
int ckpt_tensors_new(struct polyfs_fs *fs, const struct polyfs_call_opts *call, size_t shards,
                     struct polyfs_tensors **out);
/* @path is taken over, also on failure. */
int ckpt_tensors_shard(struct polyfs_tensors *tensors, const char *name, char *path, uint64_t size);
/* Adds a row of the last shard; everything in @row is copied. POLYFS_NOMEM. */
int ckpt_tensors_add(struct polyfs_tensors *tensors, const struct ckpt_tensor *row);
/* Finds out what the last shard is, and adds its rows. POLYFS_UNSUPPORTED: no file of tensors. */
int ckpt_tensors_index(struct polyfs_tensors *tensors, struct polyfs_error *err);
/* All rows are there: makes them found by name. */
int ckpt_tensors_seal(struct polyfs_tensors *tensors);
/* The reader of a shard, opened if it was not yet. Any thread. */
int ckpt_shard_reader(struct polyfs_tensors *tensors, size_t shard, struct polyfs_reader **out,
                      struct polyfs_error *err);
/* @rc of opening or reading a shard, and when it is POLYFS_NOT_FOUND what that means: see absent.c, and a file that a
 * checkpoint's record names is damage. */
int ckpt_shard_gone(struct polyfs_tensors *tensors, size_t shard, int rc, struct polyfs_error *err);
/* Reads [offset, offset + size) of an open shard whole; POLYFS_CORRUPT when the file ends before. */
int ckpt_shard_read(const struct ckpt_shard *shard, uint64_t offset, void *buffer, size_t size,
                    struct polyfs_error *err);

/* sums.c: CRC32C of the data of each, by up to three threads more while it lasts. */
void ckpt_sums(const struct polyfs_tensor *const *tensors, size_t count, uint32_t *out);

/* dtype.c: bits of an element, or 0 for a type that safetensors does not know. */
unsigned ckpt_dtype_bits(const char *dtype);
/* Bytes of a packed tensor. POLYFS_INVALID: unknown type, no whole bytes, or more than 2^61. */
int ckpt_tensor_bytes(const char *dtype, const uint64_t *shape, uint32_t rank, uint64_t *out_bytes);

/* safetensors.c, torch.c: the index of the last shard, whose head is there. POLYFS_UNSUPPORTED: it is of another kind. */
int ckpt_safetensors_index(struct polyfs_tensors *tensors, struct polyfs_error *err);
int ckpt_torch_index(struct polyfs_tensors *tensors, struct polyfs_error *err);

/* A safetensors file to be written: its header, and its tensors in the order of their bytes. */
struct ckpt_layout {
    char *header; /* with its length in front, padded */
    size_t header_size;
    const struct polyfs_tensor **order; /* borrowed from the caller's */
    uint32_t *sums;                     /* CRC32C of each, or NULL */
    size_t count;
};
/* @summed: with checksums of the data, which the header tells, too. */
int ckpt_layout_make(const struct polyfs_tensor *const *tensors, size_t count, const char *state, int summed,
                     struct ckpt_layout *out, struct polyfs_error *err);
#define CKPT_SUMS                                                                                                  \
    "polyfs.crc32c" /* in `__metadata__`: eight hexadecimal digits for each tensor, in order of bytes */
void ckpt_layout_clear(struct ckpt_layout *layout);
/* The file's bytes where they lie: the header, and each tensor's. NULL without memory; free() it. */
struct polyfs_bytes *ckpt_layout_bytes(const struct ckpt_layout *layout);
/* The same of those that fit a pattern, or of all when it is NULL. POLYFS_NOT_FOUND: none fits. */
int ckpt_layout_choose(struct polyfs_tensors *tensors, const char *pattern, struct ckpt_layout *out,
                       struct polyfs_error *err);

/* tensors_read.c: the bytes of one tensor, in order, in pieces, through @take. */
typedef int ckpt_take_fn(void *user, const void *data, size_t size, struct polyfs_error *err);
int ckpt_tensor_pass(struct polyfs_tensors *tensors, const struct ckpt_tensor *row, ckpt_take_fn *take, void *user,
                     struct polyfs_error *err);

#endif
