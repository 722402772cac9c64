/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file tensor.h
 * Tensors in files on any store: found by name, read by ranges straight into the caller's memory.
 *
 * A file is read as what it is: safetensors (https://huggingface.co/docs/safetensors, "Format"), or what torch.save()
 * writes, Lightning's .ckpt among them: a zip of one pickle and of bytes. The pickle is read as data; nothing in it is
 * ever executed (docs/checkpoints.md). Names below a dictionary are joined by dots: "state_dict.layer.weight".
 *
 * The rules of polyfs/fs.h hold: arguments stay the caller's, @p err may be NULL.
 */
#ifndef POLYFS_TENSOR_H
#define POLYFS_TENSOR_H

#include "polyfs/io.h"

#ifdef __cplusplus
extern "C" {
#endif
POLYFS_SHARED_NAMES_BEGIN

/** One tensor: elements in row-major order, little endian. */
struct polyfs_tensor {
    uint32_t struct_size;
    uint32_t flags;        /**< 0 */
    const char *name;      /**< UTF-8, not empty */
    const char *dtype;     /**< as safetensors writes it: "F32", "BF16", "I64", … */
    const uint64_t *shape; /**< @p rank numbers; any may be 0 */
    uint32_t rank;         /**< 0: one element; 64 at most */
    uint32_t reserved;     /**< 0 */
    uint64_t bytes;        /**< of all elements */
    void *data;            /**< @p bytes bytes to be written or filled; NULL in what a file tells */
    const char *file;      /**< the file that holds it; not read when it is to be written */
};
#define POLYFS_TENSOR_INIT                                                                                         \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_tensor), 0, NULL, NULL, NULL, 0, 0, 0, NULL, NULL                           \
    }

struct polyfs_tensors; /**< the tensors of a file, or of all files of a checkpoint */

/**
 * Find out which tensors a file holds. Reads its end or its beginning, never the tensors.
 *
 * @param call         bounds each call of the store; or NULL
 * @param out_tensors  end with polyfs_tensors_close()
 * @return POLYFS_OK; POLYFS_UNSUPPORTED: no such file of tensors; POLYFS_CORRUPT: it is one, and damaged; …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_tensors_open(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *call,
                                   struct polyfs_tensors **out_tensors, struct polyfs_error *err);

/**
 * How many there are.
 *
 * @param tensors  not NULL
 * @return count
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API size_t polyfs_tensors_count(const struct polyfs_tensors *tensors);

/**
 * One of them, in the order of their files.
 *
 * @param index  below the count
 * @return borrowed until polyfs_tensors_close()
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const struct polyfs_tensor *polyfs_tensors_at(const struct polyfs_tensors *tensors, size_t index);

/**
 * The one of a name.
 *
 * @param name  whole; where several files hold one of that name, the first of them
 * @return borrowed until polyfs_tensors_close(), or NULL
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const struct polyfs_tensor *polyfs_tensors_find(const struct polyfs_tensors *tensors, const char *name);

/**
 * Whether a name fits a pattern: `*` is any number of any bytes, `?` any one byte, and a byte behind `\` itself.
 *
 * @param pattern  e.g. "encoder.*.weight"
 * @param name     of a tensor
 * @return 1 or 0
 * Owner: caller. Thread: any. Blocks: no; takes at most the product of both lengths.
 */
POLYFS_API int polyfs_tensor_matches(const char *pattern, const char *name);

/**
 * What the file holds beside tensors: the pairs of safetensors' `__metadata__`, or all that torch.save() was given,
 * with each tensor as `{"tensor": NAME}` and each object as `{"object": CLASS, …}`.
 *
 * @param tensors  not NULL
 * @return JSON, borrowed until polyfs_tensors_close(); "{}" if there is nothing
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const char *polyfs_tensors_state(const struct polyfs_tensors *tensors);

/** One tensor to be read. */
struct polyfs_tensor_read {
    const struct polyfs_tensor *tensor; /**< of polyfs_tensors_at() or _find() */
    void *buffer;                       /**< room for its `bytes` */
    int32_t code;                       /**< out: POLYFS_OK or why not */
    uint32_t flags;                     /**< 0 */
};

/**
 * Read tensors, overlapped, each straight into its buffer. Those that lie close together come in one request; of each
 * file at most 64 KiB are fetched beyond what is wanted. What was saved with a checksum is checked by it.
 *
 * @param reads  @p count of them, in any order
 * @return POLYFS_OK if all are there, else the first code that is not: POLYFS_CORRUPT, …; every read has its own
 * Owner: caller. Thread: any number on one @p tensors. Blocks: the store.
 */
POLYFS_API int polyfs_tensors_read(struct polyfs_tensors *tensors, struct polyfs_tensor_read *reads, size_t count,
                                   struct polyfs_error *err);

/** A tensor was missing in the file (@p unexpected 0), or is there and nobody wants it (1). */
typedef void polyfs_tensors_differ_fn(const char *name, int unexpected, void *user);

/**
 * Fill the caller's own tensors by their names, as a model takes its weights back.
 *
 * @param into   @p count tensors; the data of each is filled. Type and shape have to be those of the file
 * @param flags  0, or POLYFS_TENSORS_STRICT: one that is missing, or that nobody wants, is POLYFS_NOT_FOUND or
 *               POLYFS_EXISTS, before anything is read
 * @param differ NULL, or called on this thread for each that is missing or unexpected, strict or not
 * @return POLYFS_OK; POLYFS_INVALID: a type or shape differs, nothing was read; else as polyfs_tensors_read()
 * Owner: caller. Thread: any number on one @p tensors. Blocks: the store.
 */
POLYFS_API int polyfs_tensors_load(struct polyfs_tensors *tensors, const struct polyfs_tensor *into, size_t count,
                                   uint32_t flags, polyfs_tensors_differ_fn *differ, void *user,
                                   struct polyfs_error *err);
#define POLYFS_TENSORS_STRICT 1u

/**
 * Write tensors as one safetensors file, from memory, in the order that its own writer takes: wide types first, then
 * by name.
 *
 * @param writer   of polyfs_writer_open(), nothing written yet; its commit stays the caller's
 * @param tensors  @p count of them, with data
 * @param state    JSON object of text values for `__metadata__`; or NULL
 * @return POLYFS_OK; POLYFS_INVALID: a name twice, a type that is unknown, a size that does not fit the shape; …
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_tensors_write(struct polyfs_writer *writer, const struct polyfs_tensor *tensors, size_t count,
                                    const char *state, struct polyfs_error *err);

/**
 * Write tensors of a file or checkpoint as one safetensors file, in bounded memory.
 *
 * @param pattern  as for polyfs_tensor_matches(), or NULL for all; a name in several files is POLYFS_EXISTS
 * @param writer   as for polyfs_tensors_write()
 * @return as polyfs_tensors_read() and polyfs_tensors_write(); POLYFS_NOT_FOUND: nothing fits the pattern
 * Owner: caller. Thread: one at a time on @p tensors and on @p writer. Blocks: both stores.
 */
POLYFS_API int polyfs_tensors_export(struct polyfs_tensors *tensors, const char *pattern,
                                     struct polyfs_writer *writer, struct polyfs_error *err);

/**
 * End them.
 *
 * @param tensors  or NULL
 * Owner: takes it. Thread: one, when no read is under way. Blocks: no.
 */
POLYFS_API void polyfs_tensors_close(struct polyfs_tensors *tensors);

POLYFS_SHARED_NAMES_END
#ifdef __cplusplus
}
#endif
#endif
