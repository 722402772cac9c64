/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file io.h
 * Bytes in and out of one object: one-shot get and put, readers, writers, append, copy.
 *
 * The rules of fs.h hold here too: any thread, overlapping calls, arguments stay the caller's, @p err may be NULL.
 */
#ifndef POLYFS_IO_H
#define POLYFS_IO_H

#include "polyfs/fs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- reading --------------------------------------------------------------------------------------- */

/** How to read. NULL: the latest version, all of it. */
struct polyfs_read_opts {
    uint32_t struct_size;
    uint32_t flags;                      /**< POLYFS_READ_… */
    const struct polyfs_call_opts *call; /**< or NULL */
    uint64_t offset;                     /**< first byte */
    uint64_t length;                     /**< bytes wanted, or POLYFS_SIZE_UNKNOWN for all behind @p offset */
    const char *version;                 /**< or NULL */
    struct polyfs_condition condition;
    uint64_t merge_gap;      /**< vectored: ranges at most so far apart become one request */
    uint64_t read_ahead_max; /**< sequential: bytes fetched ahead at most; 0 = the default */
};
#define POLYFS_READ_OPTS_INIT                                                                                      \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_read_opts), 0, NULL, 0, POLYFS_SIZE_UNKNOWN, NULL, POLYFS_CONDITION_INIT,   \
            UINT64_C(262144), 0                                                                                    \
    }
#define POLYFS_READ_SUFFIX 1u /**< get: the last `length` bytes */

/**
 * One range of an object into the caller's memory.
 *
 * @param opts      or NULL
 * @param buffer    @p room bytes; a longer range is cut to it
 * @param out_n     bytes placed; fewer than asked only at the end of the object
 * @param out_stat  NULL, or what was read (size, etag, version at least)
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_RANGE (starts behind the end), POLYFS_CONDITION, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_get(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts, void *buffer,
                          size_t room, size_t *out_n, struct polyfs_stat *out_stat, struct polyfs_error *err);

/**
 * One range of an object, or all of it, into new memory; a NUL follows the bytes.
 *
 * @param out_data  free with polyfs_free()
 * @param out_n     bytes in it, without the NUL
 * @return as polyfs_get(), and POLYFS_NOMEM
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_get_all(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts,
                              void **out_data, size_t *out_n, struct polyfs_stat *out_stat,
                              struct polyfs_error *err);

struct polyfs_reader; /**< one version of one object, open for reading */

/**
 * Open an object for reading, pinned to what is there at the first read: bytes of two versions never mix.
 *
 * @param opts        or NULL; offset and length are ignored
 * @param out_reader  end with polyfs_reader_close()
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_IS_DIR, … ; where a read tells as much, they come with the first one
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_reader_open(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts,
                                  struct polyfs_reader **out_reader, struct polyfs_error *err);

/**
 * Read at an offset. Does not move the position of polyfs_reader_read().
 *
 * @param buffer  @p size bytes
 * @param out_n   bytes placed; fewer than @p size only at the end; 0 at or behind it
 * @return POLYFS_OK, POLYFS_CHANGED (the pinned version is gone), …
 * Owner: caller. Thread: any number on one reader. Blocks: the store.
 */
POLYFS_API int polyfs_reader_pread(struct polyfs_reader *reader, uint64_t offset, void *buffer, size_t size,
                                   size_t *out_n, struct polyfs_error *err);

/** One range of a vectored read. */
struct polyfs_range {
    uint64_t offset; /**< first byte */
    uint64_t length; /**< bytes */
    void *buffer;    /**< room for @p length bytes */
    uint64_t bytes;  /**< out: bytes placed */
    int32_t code;    /**< out: POLYFS_OK or why not */
    uint32_t flags;  /**< 0 */
    void *user;      /**< the caller's own */
};

/** One range is complete, well or not. Called on the thread that called polyfs_reader_readv(). */
typedef void polyfs_range_fn(struct polyfs_range *range, void *user);

/**
 * Read many ranges, overlapped; those at most merge_gap apart in one request.
 *
 * @param ranges  any order; may overlap
 * @param done    NULL, or called once for each range as it lands
 * @return POLYFS_OK if all are, else the first code that is not; every range has its own
 * Owner: caller. Thread: any number on one reader. Blocks: the store.
 */
POLYFS_API int polyfs_reader_readv(struct polyfs_reader *reader, struct polyfs_range *ranges, size_t count,
                                   polyfs_range_fn *done, void *user, struct polyfs_error *err);

/**
 * Read on from the position, with bounded read-ahead where that helps.
 *
 * @param buffer  @p size bytes
 * @param out_n   bytes placed; 0 only at the end (or with @p size 0)
 * @return as polyfs_reader_pread()
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_reader_read(struct polyfs_reader *reader, void *buffer, size_t size, size_t *out_n,
                                  struct polyfs_error *err);

/**
 * Move the position of polyfs_reader_read().
 *
 * @param offset  from the start; behind the end is fine
 * @return POLYFS_OK
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_reader_seek(struct polyfs_reader *reader, uint64_t offset, struct polyfs_error *err);

/**
 * What is pinned.
 *
 * @param out  struct_size set; filled
 * @return POLYFS_OK, or what the first read met
 * Owner: caller. Thread: any. Blocks: the store, when nothing was read yet.
 */
POLYFS_API int polyfs_reader_stat(struct polyfs_reader *reader, struct polyfs_stat *out, struct polyfs_error *err);

/**
 * End a reader.
 *
 * @param reader  or NULL
 * Owner: takes it. Thread: one, when no call is under way. Blocks: no.
 */
POLYFS_API void polyfs_reader_close(struct polyfs_reader *reader);

/* ---- writing --------------------------------------------------------------------------------------- */

/** How to write. NULL: replace what is there, full durability. */
struct polyfs_write_opts {
    uint32_t struct_size;
    uint32_t flags;                      /**< POLYFS_WRITE_… */
    const struct polyfs_call_opts *call; /**< or NULL; timeout_ms bounds each call on a writer */
    uint64_t size_hint;                  /**< bytes to come, or POLYFS_SIZE_UNKNOWN */
    const char *if_match;                /**< only if it still has this etag, else POLYFS_CONDITION; or NULL */
    const char *content_type;            /**< or NULL */
    const struct polyfs_kv *metadata;    /**< user metadata, @p metadata_count rows */
    size_t metadata_count;
    const struct polyfs_kv *extra; /**< pass-through options of the store, @p extra_count rows */
    size_t extra_count;
    uint64_t part_bytes;             /**< 0 = 8 MiB, or as much more as the store's limits ask */
    uint32_t durability;             /**< enum polyfs_durability */
    uint32_t shape;                  /**< 0 = core chooses; else one bit of enum polyfs_shape (tests) */
    struct polyfs_checksum checksum; /**< of all bytes, refused if it does not fit; or kind NONE */
};
#define POLYFS_WRITE_OPTS_INIT                                                                                     \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_write_opts), 0, NULL, POLYFS_SIZE_UNKNOWN, NULL, NULL, NULL, 0, NULL, 0, 0, \
            0, 0,                                                                                                  \
        {                                                                                                          \
            0, 0,                                                                                                  \
            {                                                                                                      \
                0                                                                                                  \
            }                                                                                                      \
        }                                                                                                          \
    }
#define POLYFS_WRITE_CREATE_ONLY 1u /**< only if nothing is there, else POLYFS_EXISTS */
#define POLYFS_WRITE_APPEND 2u      /**< behind what is there; a missing object begins empty */
#define POLYFS_WRITE_PARENTS 4u     /**< make missing folders of the path first */

/**
 * A whole object from memory, all or nothing.
 *
 * @param data      @p size bytes; not copied
 * @param out_stat  NULL, or what is there now (size, etag, version at least)
 * @return POLYFS_OK, POLYFS_EXISTS, POLYFS_CONDITION, POLYFS_NO_SPACE, POLYFS_TOO_LARGE, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_put(struct polyfs_fs *fs, const char *path, const void *data, size_t size,
                          const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat,
                          struct polyfs_error *err);

struct polyfs_writer; /**< an object being written; nobody sees it before its commit */

/**
 * Begin an object of any length. Nothing is visible before polyfs_writer_commit().
 *
 * @param opts        or NULL; its strings and rows are copied
 * @param out_writer  end with polyfs_writer_close()
 * @return POLYFS_OK, POLYFS_UNSUPPORTED (a condition that this path cannot honour), POLYFS_EXISTS where that is
 *         known already, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_writer_open(struct polyfs_fs *fs, const char *path, const struct polyfs_write_opts *opts,
                                  struct polyfs_writer **out_writer, struct polyfs_error *err);

/**
 * Add bytes.
 *
 * @param data  @p size bytes, any number, also more than 4 GiB; free to change when the call returns
 * @return POLYFS_OK, or an error after which only close is left: POLYFS_TOO_LARGE where a store takes objects in one
 *         piece only and the memory budget has no room for what was gathered (polyfs_put() gathers nothing), …
 * Owner: caller. Thread: one at a time. Blocks: when the window of parts is full.
 */
POLYFS_API int polyfs_writer_write(struct polyfs_writer *writer, const void *data, size_t size,
                                   struct polyfs_error *err);

/** Bytes somewhere in memory. */
struct polyfs_bytes {
    const void *data;
    size_t size; /**< bytes at @p data */
};

/**
 * Add bytes that lie in many places, one place after the other. They are sent as one run: it does not wait at the end of
 * each place as so many calls would.
 *
 * @param bytes  @p count places; free to change when the call returns
 * @return as polyfs_writer_write()
 * Owner: caller. Thread: one at a time. Blocks: until what is sent from there has left.
 */
POLYFS_API int polyfs_writer_writev(struct polyfs_writer *writer, const struct polyfs_bytes *bytes, size_t count,
                                    struct polyfs_error *err);

/**
 * Publish all bytes written. All or nothing; after an error with commit state "unknown" look before acting.
 *
 * @param out_stat  NULL, or what is there now
 * @return POLYFS_OK, POLYFS_EXISTS, POLYFS_CONDITION, …
 * Owner: caller; close is still due. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_writer_commit(struct polyfs_writer *writer, struct polyfs_stat *out_stat,
                                    struct polyfs_error *err);

/**
 * End a writer. Without a commit before it nothing is published and nothing of it remains.
 *
 * @param writer  or NULL
 * Owner: takes it. Thread: one. Blocks: the store, when there is something to abort.
 */
POLYFS_API void polyfs_writer_close(struct polyfs_writer *writer);

/**
 * Copy one object: by the store itself where source and target allow it, else through this process in a
 * bounded window. All or nothing.
 *
 * @param opts      or NULL; without a content type and metadata those of the source are kept where known
 * @param out_stat  NULL, or what is there now
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_IS_DIR, POLYFS_EXISTS, POLYFS_CHANGED (source replaced meanwhile), …
 * Owner: caller. Thread: any. Blocks: the stores.
 */
POLYFS_API int polyfs_copy(struct polyfs_fs *source_fs, const char *source, struct polyfs_fs *target_fs,
                           const char *target, const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat,
                           struct polyfs_error *err);

#ifdef __cplusplus
}
#endif
#endif
