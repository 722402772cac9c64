/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file bulk.h
 * Many objects in one call, with fsspec's rules for what goes where (docs/paths.md, "Copying").
 *
 * A source is a path, a pattern (polyfs_glob_open), or with POLYFS_BULK_RECURSIVE a folder. "t/" as target means
 * into t; "d/" as source means what is in d. Where fsspec's behaviour loses data, polyfs does the right thing:
 * lists of different lengths and two sources with one target are INVALID before anything is written, and a folder
 * with one file in it stays a folder. What is written stays below the target, whatever names a listing gives.
 *
 * A bulk verb returns the first error and goes on with the rest unless POLYFS_BULK_STOP; every item's own result goes
 * to the item callback and is counted. Callbacks run only on a thread that is inside the blocking form or
 * polyfs_op_wait(). Durability is NONE unless the options say otherwise.
 */
#ifndef POLYFS_BULK_H
#define POLYFS_BULK_H

#include "polyfs/io.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One item that was dealt with. Borrowed for the call of the callback. */
struct polyfs_item {
    uint32_t struct_size;
    uint32_t flags;                   /**< POLYFS_ITEM_… */
    const char *source;               /**< path within the source filesystem; "" when there is none */
    const char *target;               /**< path within the target filesystem; "" when there is none */
    uint64_t bytes;                   /**< of the object */
    int32_t code;                     /**< POLYFS_OK, or why it failed */
    uint32_t reserved;                /**< 0 */
    const struct polyfs_error *error; /**< its details, or NULL */
};
#define POLYFS_ITEM_DIR 1u     /**< a folder that was made or removed */
#define POLYFS_ITEM_SKIPPED 2u /**< nothing was done: dry run, gone meanwhile, or there already */
#define POLYFS_ITEM_DRY_RUN 4u /**< it would have been done */

/** How far a bulk verb is. */
struct polyfs_progress {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t items_done; /**< well or not */
    uint64_t items_failed;
    uint64_t bytes_done;
    uint64_t bytes_total; /**< POLYFS_SIZE_UNKNOWN while sources are still being listed */
};

typedef void polyfs_item_fn(const struct polyfs_item *item, void *user);
typedef void polyfs_progress_fn(const struct polyfs_progress *progress, void *user);

/** How to do it. NULL: not recursive, replace, go on after failures. */
struct polyfs_bulk_opts {
    uint32_t struct_size;
    uint32_t flags;                      /**< POLYFS_BULK_… */
    const struct polyfs_call_opts *call; /**< bounds the whole verb; or NULL */
    uint32_t max_depth;                  /**< levels below a folder; 0 no limit */
    uint32_t durability;                 /**< enum polyfs_durability; DEFAULT is NONE here */
    uint32_t jobs;                       /**< objects under way at once at most; 0 = as the stores allow */
    uint32_t reserved;                   /**< 0 */
    polyfs_item_fn *on_item;             /**< or NULL */
    polyfs_progress_fn *on_progress;     /**< or NULL; a few times a second */
    void *user;                          /**< handed to both */
};
#define POLYFS_BULK_OPTS_INIT                                                                                      \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_bulk_opts), 0, NULL, 0, 0, 0, 0, NULL, NULL, NULL                           \
    }
#define POLYFS_BULK_RECURSIVE 1u   /**< folders with all that is in them */
#define POLYFS_BULK_SOURCE_LIST 2u /**< one source counts as a list of one: the target is a folder */
#define POLYFS_BULK_TARGET_LIST 4u /**< one target counts as a list of one */
#define POLYFS_BULK_NO_REPLACE 8u  /**< what is there already is skipped (decided by the store: create-only) */
#define POLYFS_BULK_STOP 16u       /**< end at the first failure */
#define POLYFS_BULK_DRY_RUN 32u    /**< only say what would be done */
#define POLYFS_BULK_LITERAL 64u    /**< `*?[\` in sources stand for themselves */

/** Sums of a bulk verb. */
struct polyfs_bulk_result {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t items_done; /**< well */
    uint64_t items_failed;
    uint64_t items_skipped;
    uint64_t bytes; /**< copied */
};

/**
 * Copy objects and folders within a store or between two.
 *
 * @param sources  @p source_count paths; more than one, or POLYFS_BULK_SOURCE_LIST: a list
 * @param targets  one path, or as many as there are sources
 * @param result   NULL, or struct_size set; filled also on failure
 * @return POLYFS_OK; POLYFS_NOT_FOUND (a source matches nothing); POLYFS_INVALID (lists of different lengths, equal
 *         targets); else the first item's failure
 * Owner: caller. Thread: any. Blocks: the stores.
 */
POLYFS_API int polyfs_bulk_copy(struct polyfs_fs *source_fs, const char *const *sources, size_t source_count,
                                struct polyfs_fs *target_fs, const char *const *targets, size_t target_count,
                                const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                                struct polyfs_error *err);

/**
 * Move: rename where one store can, else copy and then remove each object that was copied. Nothing is removed that
 * was not copied well.
 *
 * @param sources  as for polyfs_bulk_copy()
 * @return as polyfs_bulk_copy()
 * Owner: caller. Thread: any. Blocks: the stores.
 */
POLYFS_API int polyfs_bulk_move(struct polyfs_fs *source_fs, const char *const *sources, size_t source_count,
                                struct polyfs_fs *target_fs, const char *const *targets, size_t target_count,
                                const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                                struct polyfs_error *err);

/**
 * Download: polyfs_bulk_copy() to files of this machine.
 *
 * @param local_target  path of a file or folder
 * @return as polyfs_bulk_copy()
 * Owner: caller. Thread: any. Blocks: the stores.
 */
POLYFS_API int polyfs_bulk_get(struct polyfs_fs *fs, const char *const *sources, size_t source_count,
                               const char *local_target, const struct polyfs_bulk_opts *opts,
                               struct polyfs_bulk_result *result, struct polyfs_error *err);

/**
 * Upload: polyfs_bulk_copy() from files of this machine.
 *
 * @param local_sources  paths of files, folders or patterns
 * @return as polyfs_bulk_copy()
 * Owner: caller. Thread: any. Blocks: the stores.
 */
POLYFS_API int polyfs_bulk_put(struct polyfs_fs *fs, const char *const *local_sources, size_t source_count,
                               const char *target, const struct polyfs_bulk_opts *opts,
                               struct polyfs_bulk_result *result, struct polyfs_error *err);

/**
 * Remove objects, and with POLYFS_BULK_RECURSIVE folders with all that is in them, children first.
 *
 * @param paths  @p count paths or patterns
 * @return POLYFS_OK; POLYFS_NOT_FOUND (one matches nothing); POLYFS_IS_DIR (a folder, not recursive); …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_bulk_remove(struct polyfs_fs *fs, const char *const *paths, size_t count,
                                  const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                                  struct polyfs_error *err);

/**
 * One unfinished upload that polyfs_gc() found.
 *
 * @param path        where it would have been published; borrowed
 * @param started_ns  when it began, nanoseconds since 1970 UTC
 * @param code        POLYFS_OK: removed, or with POLYFS_GC_DRY_RUN to be removed; else why it could not be
 */
typedef void polyfs_gc_fn(const char *path, int64_t started_ns, int code, void *user);

/** What is garbage. NULL: all that polyfs began and did not finish, however young: also what is being written now. */
struct polyfs_gc_opts {
    uint32_t struct_size;
    uint32_t flags;                      /**< POLYFS_GC_… */
    const struct polyfs_call_opts *call; /**< or NULL */
    uint32_t older_than_s;               /**< seconds since it began, at least, by this machine's clock */
    uint32_t reserved;                   /**< 0 */
    polyfs_gc_fn *found;                 /**< or NULL */
    void *user;                          /**< handed to it */
};
#define POLYFS_GC_OPTS_INIT                                                                                        \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_gc_opts), 0, NULL, 0, 0, NULL, NULL                                         \
    }
#define POLYFS_GC_DRY_RUN 1u /**< tell, and remove nothing */
#define POLYFS_GC_FOREIGN 2u /**< also uploads that other programs began */

/**
 * Abort uploads that killed programs left unfinished: nobody sees them, and stores charge for their parts. Only those
 * that polyfs began, unless told otherwise (docs/adr/0008-marks-of-uploads.md).
 *
 * @param path         of an object, a folder or a bucket: uploads at it and below it
 * @param opts         or NULL
 * @param out_removed  NULL, or how many were aborted
 * @return POLYFS_OK, POLYFS_UNSUPPORTED (a store without uploads, or a sub filesystem), …; the first failure, behind
 *         which the others were still tried
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_gc(struct polyfs_fs *fs, const char *path, const struct polyfs_gc_opts *opts,
                         uint64_t *out_removed, struct polyfs_error *err);

/** The bytes of one object of polyfs_bulk_cat(). @p data is borrowed; with a failure it is NULL and @p code says why. */
typedef void polyfs_cat_fn(const char *path, const void *data, size_t size, int code, void *user);

/**
 * Read whole objects that match, each handed over as it is read, several under way at once. An object that is named
 * outright takes one request; a folder among the names is left out.
 *
 * @param paths  @p count paths or patterns
 * @param take   called on this thread for each object, in any order
 * @return POLYFS_OK; POLYFS_NOT_FOUND (one matches nothing); else the first failure
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_bulk_cat(struct polyfs_fs *fs, const char *const *paths, size_t count,
                               const struct polyfs_bulk_opts *opts, polyfs_cat_fn *take, void *user,
                               struct polyfs_error *err);

/** One object of polyfs_bulk_pipe(). */
struct polyfs_pipe {
    const char *path;
    const void *data; /**< @p size bytes */
    size_t size;
    int32_t code;   /**< out */
    uint32_t flags; /**< 0 */
};

/**
 * Write whole objects from memory.
 *
 * @param items  @p count objects; each gets its code
 * @return POLYFS_OK, else the first failure; with POLYFS_BULK_NO_REPLACE one that is there is POLYFS_EXISTS
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_bulk_pipe(struct polyfs_fs *fs, struct polyfs_pipe *items, size_t count,
                                const struct polyfs_bulk_opts *opts, struct polyfs_error *err);

#ifdef __cplusplus
}
#endif
#endif
