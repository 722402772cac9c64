/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fs.h
 * A filesystem and the verbs on its paths.
 *
 * A path is what follows `scheme://` in a URL: bytes, never decoded, folded or normalised (docs/paths.md). It is
 * NUL-terminated here, so it holds no NUL. Folders may be given with or without a '/' at their end.
 *
 * Unless a declaration says otherwise: any thread may call, calls on one filesystem overlap, the call blocks for
 * as long as the store takes (at most opts->timeout_ms), arguments stay the caller's, strings that are handed
 * out are freed with polyfs_free(), and @p err may be NULL.
 */
#ifndef POLYFS_FS_H
#define POLYFS_FS_H

#include "polyfs/types.h"

#ifdef __cplusplus
extern "C" {
#endif
POLYFS_SHARED_NAMES_BEGIN

struct polyfs_fs;     /**< one store with one set of options; shared and counted */
struct polyfs_cancel; /**< a switch that ends calls */
struct polyfs_pairs;  /**< names with values, as a store gave them */

/** What bounds any call. NULL wherever it is taken means: no deadline, no cancel, interactive. */
struct polyfs_call_opts {
    uint32_t struct_size;
    uint32_t lane;                /**< enum polyfs_lane */
    uint32_t timeout_ms;          /**< for the whole call, retries included; 0 none */
    uint32_t flags;               /**< 0 */
    struct polyfs_cancel *cancel; /**< or NULL; must outlive the call */
};
#define POLYFS_CALL_OPTS_INIT                                                                                      \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_call_opts), 0, 0, 0, NULL                                                   \
    }

/**
 * A switch that any thread, and a signal handler, may turn; calls that were given it end with POLYFS_CANCELLED,
 * within 100 ms where the wait is polyfs's own (caps: cancel_bound_ms).
 *
 * @return a new switch, or NULL without memory; free with polyfs_cancel_free()
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API struct polyfs_cancel *polyfs_cancel_new(void);

/**
 * Turn the switch. It stays turned.
 *
 * @param cancel  not NULL
 * Owner: caller keeps it. Thread: any; async-signal-safe. Blocks: no.
 */
POLYFS_API void polyfs_cancel_now(struct polyfs_cancel *cancel);

/**
 * Free a switch that no call uses any more.
 *
 * @param cancel  or NULL
 * Owner: takes it. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_cancel_free(struct polyfs_cancel *cancel);

/**
 * Free anything that polyfs handed out as memory or text.
 *
 * @param memory  or NULL
 * Owner: takes it. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_free(void *memory);

/* ---- opening --------------------------------------------------------------------------------------- */

/**
 * Open the store of a URL. Sends nothing. Filesystems with the same resolved options are one and the same.
 *
 * @param url       `scheme://…`, or a plain path, which is `file://`; relative ones start at the working folder
 * @param options   NULL, or "name=value" strings ended by NULL; `polyfs options NAME` lists the names
 * @param out_fs    end with polyfs_fs_close()
 * @param out_path  NULL, or where to put the path within it; free with polyfs_free()
 * @return POLYFS_OK, or POLYFS_INVALID (URL), POLYFS_CONFIG (option), POLYFS_PLUGIN (no plugin, or it fails to
 *         load), POLYFS_UNSUPPORTED (`a::b` chains), POLYFS_NOMEM
 * Owner: caller. Thread: any. Blocks: reads files of settings and may load a plugin.
 */
POLYFS_API int polyfs_fs_open(const char *url, const char *const *options, struct polyfs_fs **out_fs,
                              char **out_path, struct polyfs_error *err);

/**
 * Use a filesystem once more; each use ends with polyfs_fs_close().
 *
 * @param fs  not NULL
 * @return @p fs
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API struct polyfs_fs *polyfs_fs_ref(struct polyfs_fs *fs);

/**
 * End a use of a filesystem.
 *
 * @param fs  or NULL
 * Owner: takes the use. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_fs_close(struct polyfs_fs *fs);

/**
 * A filesystem rooted at a folder of another; its paths are relative to it.
 *
 * @param fs      not NULL
 * @param path    of the folder
 * @param flags   0 or POLYFS_SUB_CONFINE: no "..", link or mount leads out (POLYFS_UNSUPPORTED where not known)
 * @param out_fs  end with polyfs_fs_close()
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_NOT_DIR, POLYFS_UNSUPPORTED, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_fs_sub(struct polyfs_fs *fs, const char *path, uint32_t flags,
                             const struct polyfs_call_opts *opts, struct polyfs_fs **out_fs,
                             struct polyfs_error *err);

/**
 * The main protocol of a filesystem, e.g. "s3".
 *
 * @param fs  not NULL
 * @return a string that lives as long as @p fs
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const char *polyfs_fs_protocol(const struct polyfs_fs *fs);

/**
 * The URL of a path, such that polyfs_fs_open() comes back to it.
 *
 * @param fs    not NULL
 * @param path  within it
 * @return NUL-terminated; NULL without memory; free with polyfs_free()
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API char *polyfs_fs_url(const struct polyfs_fs *fs, const char *path);

/** Counters of one filesystem since it was opened, as statistics and tests read them. */
struct polyfs_fs_stats {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t calls;         /**< calls of slots, first attempts */
    uint64_t retries;       /**< attempts after the first */
    uint64_t throttles;     /**< attempts that the store throttled */
    uint64_t failures;      /**< calls that failed in the end */
    uint64_t requests;      /**< requests on the wire */
    uint64_t bytes_read;    /**< bytes of objects read */
    uint64_t bytes_written; /**< bytes of objects written */
    uint64_t wire_sent;     /**< bytes on the wire */
    uint64_t wire_received; /**< bytes on the wire */
};

/**
 * Read the counters.
 *
 * @param fs   not NULL
 * @param out  struct_size set; filled
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_fs_stats(const struct polyfs_fs *fs, struct polyfs_fs_stats *out);

/* ---- looking --------------------------------------------------------------------------------------- */

/**
 * Facts and limits of a path (docs/architecture.md, "Facts, not wishes").
 *
 * @param path   need not exist
 * @param flags  0 or POLYFS_CAPS_PROBE, which may send requests to settle what is unknown
 * @param out    struct_size set; filled
 * @return POLYFS_OK, or what a probe met
 * Owner: caller. Thread: any. Blocks: with PROBE.
 */
POLYFS_API int polyfs_caps(struct polyfs_fs *fs, const char *path, uint32_t flags,
                           const struct polyfs_call_opts *opts, struct polyfs_caps *out, struct polyfs_error *err);

/**
 * Name of a fact, e.g. "rename_atomic".
 *
 * @param fact  enum polyfs_fact
 * @return a static string, or NULL for a number that is not known
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const char *polyfs_fact_name(uint32_t fact);

/**
 * What is there. Folders too: real ones, and on other stores prefixes under which something lies.
 *
 * @param version  NULL, or of this version
 * @param out      struct_size set; filled
 * @return POLYFS_OK, POLYFS_NOT_FOUND (the store said so), POLYFS_PERMISSION (it would not say), …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_stat(struct polyfs_fs *fs, const char *path, const char *version,
                           const struct polyfs_call_opts *opts, struct polyfs_stat *out, struct polyfs_error *err);

/**
 * Many stats, overlapped.
 *
 * @param paths  @p count paths
 * @param out    @p count structs, struct_size of each set
 * @param codes  @p count codes, one of each path
 * @return POLYFS_OK if all are, else the first code that is not, with its details in @p err
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_stat_many(struct polyfs_fs *fs, const char *const *paths, size_t count,
                                const struct polyfs_call_opts *opts, struct polyfs_stat *out, int *codes,
                                struct polyfs_error *err);

/**
 * Whether something is there. Three answers: 1, 0, or an error that says why it could not be told.
 *
 * @param out_exists  1 or 0; untouched on failure
 * @return POLYFS_OK, or any code but POLYFS_NOT_FOUND and POLYFS_NOT_DIR (below an object there is nothing: 0)
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_exists(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *opts,
                             int *out_exists, struct polyfs_error *err);

/**
 * User metadata of an object.
 *
 * @param out  names with values; free with polyfs_pairs_free()
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_UNSUPPORTED, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_get_metadata(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *opts,
                                   struct polyfs_pairs **out, struct polyfs_error *err);

/**
 * How many pairs there are.
 *
 * @param pairs  not NULL
 * @return count
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API size_t polyfs_pairs_count(const struct polyfs_pairs *pairs);

/**
 * One pair.
 *
 * @param index  below polyfs_pairs_count()
 * @return borrowed until polyfs_pairs_free()
 * Owner: library. Thread: one at a time. Blocks: no.
 */
POLYFS_API const struct polyfs_kv *polyfs_pairs_at(const struct polyfs_pairs *pairs, size_t index);

/**
 * Free what polyfs_get_metadata() gave.
 *
 * @param pairs  or NULL
 * Owner: takes it. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_pairs_free(struct polyfs_pairs *pairs);

/**
 * A checksum of all bytes: the one that the store keeps where it keeps that kind, else computed by reading.
 *
 * @param kind  one of enum polyfs_checksum_kind
 * @param out   filled
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_INVALID (kind), …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_checksum(struct polyfs_fs *fs, const char *path, uint32_t kind,
                               const struct polyfs_call_opts *opts, struct polyfs_checksum *out,
                               struct polyfs_error *err);

/**
 * CRC32C of some bytes, going on from an earlier value: polyfs_crc32c(polyfs_crc32c(0, a, n), b, m) is that of both.
 *
 * @param crc   0 to begin, else the value so far
 * @param data  @p size bytes
 * @return the checksum (Castagnoli polynomial, RFC 3720 B.4)
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API uint32_t polyfs_crc32c(uint32_t crc, const void *data, size_t size);

/**
 * CRC32C of two runs of bytes, one behind the other, from that of each.
 *
 * @param a        of the first
 * @param b        of the second
 * @param b_bytes  how many bytes the second has
 * @return the value
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API uint32_t polyfs_crc32c_join(uint32_t a, uint32_t b, uint64_t b_bytes);

/* ---- listing --------------------------------------------------------------------------------------- */

struct polyfs_lister; /**< a listing under way; one thread at a time */

/** Which listing. NULL: one level, in order. */
struct polyfs_list_opts {
    uint32_t struct_size;
    uint32_t flags;                      /**< POLYFS_LS_… */
    const struct polyfs_call_opts *call; /**< or NULL; bounds each page */
    uint64_t limit;                      /**< rows in all; 0 no limit */
    uint32_t page_size;                  /**< rows wanted a page; 0 = the store's own */
    uint32_t max_depth;                  /**< levels with POLYFS_LS_RECURSIVE; 0 no limit */
    const char *start_after;             /**< full path; only rows behind it in byte order; or NULL */
    const char *token;                   /**< of polyfs_list_token(), also from another process; or NULL */
};
#define POLYFS_LIST_OPTS_INIT                                                                                      \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_list_opts), 0, NULL, 0, 0, 0, NULL, NULL                                    \
    }
#define POLYFS_LS_RECURSIVE 1u  /**< all levels; objects only unless POLYFS_LS_DIRS */
#define POLYFS_LS_DIRS 2u       /**< with RECURSIVE: folders too */
#define POLYFS_LS_PREFIX 4u     /**< the path is a key prefix ("log/2024-"), not a folder */
#define POLYFS_LS_VERSIONS 8u   /**< every version and delete marker */
#define POLYFS_LS_UNORDERED 16u /**< any order; there is no token then */

/**
 * Begin a listing. Of a folder: what is in it. Of an object: that one row.
 *
 * @param path        folder, object, or with POLYFS_LS_PREFIX a prefix
 * @param opts        or NULL
 * @param out_lister  end with polyfs_list_close()
 * @return POLYFS_OK, POLYFS_INVALID (a token of another listing), POLYFS_UNSUPPORTED, …
 * Owner: caller; @p opts may go afterwards. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_list_open(struct polyfs_fs *fs, const char *path, const struct polyfs_list_opts *opts,
                                struct polyfs_lister **out_lister, struct polyfs_error *err);

/**
 * Begin a listing of what matches a pattern: `*` `?` `[ab]` `[!ab]` within a part, `**` for any number of parts,
 * `\` before a character that stands for itself. Only the text before the first of them is searched.
 *
 * @param pattern     path with or without such characters; with none it is that one row, if it is there
 * @param out_lister  end with polyfs_list_close()
 * @return POLYFS_OK, POLYFS_INVALID (`a**b`), …
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_glob_open(struct polyfs_fs *fs, const char *pattern, const struct polyfs_list_opts *opts,
                                struct polyfs_lister **out_lister, struct polyfs_error *err);

/**
 * The next page.
 *
 * @param out_rows   rows; borrowed until the next call on @p lister
 * @param out_count  how many; may be 0 with POLYFS_MORE
 * @return POLYFS_MORE: call again; POLYFS_OK: this was the last page; POLYFS_NOT_FOUND: no such folder; after any
 *         error the same page may be asked again
 * Owner: lister owns the rows. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_list_next(struct polyfs_lister *lister, const struct polyfs_entry **out_rows,
                                size_t *out_count, struct polyfs_error *err);

/**
 * A token with which another lister, also of another process, goes on behind the rows given so far.
 *
 * @param out  NUL-terminated; free with polyfs_free()
 * @return POLYFS_OK, POLYFS_UNSUPPORTED (unordered, or a pattern), POLYFS_NOMEM
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_list_token(struct polyfs_lister *lister, char **out, struct polyfs_error *err);

/**
 * End a listing.
 *
 * @param lister  or NULL
 * Owner: takes it. Thread: one at a time. Blocks: no.
 */
POLYFS_API void polyfs_list_close(struct polyfs_lister *lister);

/** One folder of a walk; return 0 to go on, anything else to end the walk with POLYFS_CANCELLED. */
typedef int polyfs_walk_fn(const char *dir, const struct polyfs_entry *rows, size_t count, void *user);

/**
 * Visit a folder and all below it, each with its rows, parents first, in byte order.
 *
 * @param visit  called on this thread; its rows are borrowed until it returns
 * @return POLYFS_OK, or the first failure: a folder that cannot be read is an error, never an empty one
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_walk(struct polyfs_fs *fs, const char *path, const struct polyfs_list_opts *opts,
                           polyfs_walk_fn *visit, void *user, struct polyfs_error *err);

/** Sums of polyfs_du(). */
struct polyfs_usage {
    uint64_t bytes;
    uint64_t objects;
    uint64_t folders;
};

/**
 * Bytes and objects at and below a path.
 *
 * @param out  filled
 * @return POLYFS_OK, POLYFS_NOT_FOUND, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_du(struct polyfs_fs *fs, const char *path, const struct polyfs_list_opts *opts,
                         struct polyfs_usage *out, struct polyfs_error *err);

/* ---- changing -------------------------------------------------------------------------------------- */

/**
 * Make a folder. On stores without folders it sends nothing, and it never makes a bucket but with POLYFS_MKDIR_BUCKET.
 *
 * @param flags  POLYFS_MKDIR_…
 * @return POLYFS_OK, POLYFS_EXISTS, POLYFS_NOT_FOUND (parent), POLYFS_NOT_DIR, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_mkdir(struct polyfs_fs *fs, const char *path, uint32_t flags,
                            const struct polyfs_call_opts *opts, struct polyfs_error *err);

/**
 * Remove an empty folder.
 *
 * @param flags  0 or POLYFS_MKDIR_BUCKET: an empty bucket
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_NOT_EMPTY, POLYFS_NOT_DIR, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_rmdir(struct polyfs_fs *fs, const char *path, uint32_t flags,
                            const struct polyfs_call_opts *opts, struct polyfs_error *err);

/** Which object to remove. NULL: the latest, whatever it is. */
struct polyfs_remove_opts {
    uint32_t struct_size;
    uint32_t flags;                      /**< 0 */
    const struct polyfs_call_opts *call; /**< or NULL */
    const char *if_match;                /**< only if it still has this etag, else POLYFS_CONDITION; or NULL */
    const char *version;                 /**< this version, for good; or NULL */
};
#define POLYFS_REMOVE_OPTS_INIT                                                                                    \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_remove_opts), 0, NULL, NULL, NULL                                           \
    }

/**
 * Remove one object.
 *
 * @param opts  or NULL
 * @return POLYFS_OK, POLYFS_NOT_FOUND (where the store tells it), POLYFS_IS_DIR, POLYFS_CONDITION, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_remove(struct polyfs_fs *fs, const char *path, const struct polyfs_remove_opts *opts,
                             struct polyfs_error *err);

/**
 * Remove many objects with as few requests as the store allows. One that is not there counts as removed.
 *
 * @param codes  NULL, or @p count codes, one of each path
 * @return POLYFS_OK if all are, else the first code that is not
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_remove_many(struct polyfs_fs *fs, const char *const *paths, size_t count,
                                  const struct polyfs_call_opts *opts, int *codes, struct polyfs_error *err);

/**
 * Remove a folder and all below it, or one object.
 *
 * @return POLYFS_OK, POLYFS_NOT_FOUND, … ; on failure what could be removed is
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_remove_tree(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *opts,
                                  struct polyfs_error *err);

/**
 * Rename within one filesystem. Replaces an object unless told not to. caps tell whether it is atomic.
 *
 * @param flags  0 or POLYFS_RENAME_NO_REPLACE
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_EXISTS, POLYFS_IS_DIR, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_rename(struct polyfs_fs *fs, const char *source, const char *target, uint32_t flags,
                             const struct polyfs_call_opts *opts, struct polyfs_error *err);

/**
 * Set times of last change and of last access.
 *
 * @param mtime_ns  nanoseconds since 1970 UTC, or POLYFS_TIME_UNKNOWN to leave it
 * @param atime_ns  the same
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_UNSUPPORTED, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_set_times(struct polyfs_fs *fs, const char *path, int64_t mtime_ns, int64_t atime_ns,
                                const struct polyfs_call_opts *opts, struct polyfs_error *err);

/**
 * Make a symbolic link, or lead one elsewhere, in one step: who looks sees the old or the new.
 *
 * @param path  of the link; its folder exists
 * @param to    path of the same filesystem, which need not exist. Below the link's folder it is stored relative to it, so
 *              that the folder can be moved
 * @return POLYFS_OK, POLYFS_EXISTS (something that is no link bears that name), POLYFS_NOT_FOUND (its folder),
 *         POLYFS_UNSUPPORTED (the store has no links), …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_link(struct polyfs_fs *fs, const char *path, const char *to,
                           const struct polyfs_call_opts *opts, struct polyfs_error *err);

/**
 * Replace user metadata and, unless NULL, the content type; the bytes stay. A failure leaves the old; where pairs are
 * kept one by one (file://) a process that is killed meanwhile may leave some old and some new.
 *
 * @param pairs  @p count names with values
 * @return POLYFS_OK, POLYFS_NOT_FOUND, POLYFS_UNSUPPORTED, …
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_set_metadata(struct polyfs_fs *fs, const char *path, const struct polyfs_kv *pairs,
                                   size_t count, const char *content_type, const struct polyfs_call_opts *opts,
                                   struct polyfs_error *err);

/**
 * A URL that lets anybody read or write an object for a while.
 *
 * @param verb    "GET" or "PUT"
 * @param life_s  seconds
 * @param out     the URL, a secret; free with polyfs_free()
 * @return POLYFS_OK, POLYFS_UNSUPPORTED, POLYFS_AUTH, …
 * Owner: caller. Thread: any. Blocks: no, but where a store signs.
 */
POLYFS_API int polyfs_sign(struct polyfs_fs *fs, const char *path, const char *verb, uint32_t life_s,
                           const struct polyfs_call_opts *opts, char **out, struct polyfs_error *err);

POLYFS_SHARED_NAMES_END
#ifdef __cplusplus
}
#endif
#endif
