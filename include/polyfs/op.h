/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file op.h
 * Long verbs as operations: begun here, done elsewhere, waited for in slices or by an event loop.
 *
 * polyfs_X_submit() takes the arguments of polyfs_X(), which must stay valid until the operation is done, and gives
 * an operation. It runs on one of at most four threads of polyfs; further ones queue in order. Callbacks in options
 * never run on those threads: they run inside polyfs_op_wait(), and the operation stands still until somebody waits.
 * Progress is not kept back: only the newest is handed over.
 */
#ifndef POLYFS_OP_H
#define POLYFS_OP_H

#include "polyfs/bulk.h"

#ifdef __cplusplus
extern "C" {
#endif

struct polyfs_op; /**< an operation under way, or done */

/**
 * Is it done? Never waits, and runs no callback.
 *
 * @param op  not NULL
 * @return 1 done, 0 not yet
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_op_poll(struct polyfs_op *op);

/**
 * Wait for the end, and run callbacks that are due, on this thread.
 *
 * @param timeout_ms  at most so long; 0: only what is due now; UINT32_MAX: for ever
 * @param err         filled when the operation failed; or NULL
 * @return POLYFS_MORE: not done yet; else what the blocking form would have returned
 * Owner: caller. Thread: one at a time. Blocks: at most @p timeout_ms, and as long as callbacks take.
 */
POLYFS_API int polyfs_op_wait(struct polyfs_op *op, uint32_t timeout_ms, struct polyfs_error *err);

/**
 * Cancel it. It still has to be waited for or freed.
 *
 * @param op  not NULL
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_op_cancel(struct polyfs_op *op);

/**
 * A descriptor that is readable while polyfs_op_wait() has something to do: the operation is done, or a callback is
 * due. Made on demand.
 *
 * @param op  not NULL
 * @return a descriptor that the operation owns; -1 when none can be made
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_op_fd(struct polyfs_op *op);

/**
 * Free it; one that is not done is cancelled and waited for, without callbacks.
 *
 * @param op  or NULL
 * Owner: takes it. Thread: one, no other call on it. Blocks: until a running one has ended.
 */
POLYFS_API void polyfs_op_free(struct polyfs_op *op);

/** polyfs_get_all() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_get_all_submit(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts,
                                     void **out_data, size_t *out_n, struct polyfs_stat *out_stat,
                                     struct polyfs_op **out_op, struct polyfs_error *err);

/** polyfs_put() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_put_submit(struct polyfs_fs *fs, const char *path, const void *data, size_t size,
                                 const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat,
                                 struct polyfs_op **out_op, struct polyfs_error *err);

/** polyfs_copy() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_copy_submit(struct polyfs_fs *source_fs, const char *source, struct polyfs_fs *target_fs,
                                  const char *target, const struct polyfs_write_opts *opts,
                                  struct polyfs_stat *out_stat, struct polyfs_op **out_op,
                                  struct polyfs_error *err);

/** polyfs_stat_many() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_stat_many_submit(struct polyfs_fs *fs, const char *const *paths, size_t count,
                                       const struct polyfs_call_opts *opts, struct polyfs_stat *out, int *codes,
                                       struct polyfs_op **out_op, struct polyfs_error *err);

/** polyfs_remove_many() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_remove_many_submit(struct polyfs_fs *fs, const char *const *paths, size_t count,
                                         const struct polyfs_call_opts *opts, int *codes, struct polyfs_op **out_op,
                                         struct polyfs_error *err);

/** polyfs_remove_tree() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_remove_tree_submit(struct polyfs_fs *fs, const char *path,
                                         const struct polyfs_call_opts *opts, struct polyfs_op **out_op,
                                         struct polyfs_error *err);

/** polyfs_checksum() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_checksum_submit(struct polyfs_fs *fs, const char *path, uint32_t kind,
                                      const struct polyfs_call_opts *opts, struct polyfs_checksum *out,
                                      struct polyfs_op **out_op, struct polyfs_error *err);

/** polyfs_du() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_du_submit(struct polyfs_fs *fs, const char *path, const struct polyfs_list_opts *opts,
                                struct polyfs_usage *out, struct polyfs_op **out_op, struct polyfs_error *err);

/** polyfs_reader_readv() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_reader_readv_submit(struct polyfs_reader *reader, struct polyfs_range *ranges, size_t count,
                                          polyfs_range_fn *done, void *user, struct polyfs_op **out_op,
                                          struct polyfs_error *err);

/** polyfs_writer_commit() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_writer_commit_submit(struct polyfs_writer *writer, struct polyfs_stat *out_stat,
                                           struct polyfs_op **out_op, struct polyfs_error *err);

/** polyfs_bulk_copy() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_bulk_copy_submit(struct polyfs_fs *source_fs, const char *const *sources, size_t source_count,
                                       struct polyfs_fs *target_fs, const char *const *targets, size_t target_count,
                                       const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                                       struct polyfs_op **out_op, struct polyfs_error *err);

/** polyfs_bulk_move() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_bulk_move_submit(struct polyfs_fs *source_fs, const char *const *sources, size_t source_count,
                                       struct polyfs_fs *target_fs, const char *const *targets, size_t target_count,
                                       const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                                       struct polyfs_op **out_op, struct polyfs_error *err);

/** polyfs_bulk_remove() as an operation. @return POLYFS_OK or POLYFS_NOMEM. Owner: caller. Thread: any. Blocks: no. */
POLYFS_API int polyfs_bulk_remove_submit(struct polyfs_fs *fs, const char *const *paths, size_t count,
                                         const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                                         struct polyfs_op **out_op, struct polyfs_error *err);

#ifdef __cplusplus
}
#endif
#endif
