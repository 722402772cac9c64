/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file plugin.h
 * The contract between core and a store. A plugin author needs this header alone; docs/plugin-guide.md is the
 * way in, docs/adr/0001-slots.md says for each slot and each of six stores which request or call it is.
 *
 * Status: DRAFT. It may change until the last of the six stores works; then it is frozen.
 *
 * A plugin is a shared object with one exported symbol, POLYFS_PLUGIN_ENTRY(name). It imports nothing of polyfs:
 * every service comes in `struct polyfs_host`. It fills tables of functions ("slots"); core copies what both
 * sides know of each table, refuses one that lacks a required slot, and answers UNSUPPORTED for an optional one
 * that is NULL. Core never asks a slot for what caps() calls POLYFS_NO.
 *
 * Rules for every slot:
 *  - Any thread may call it, and calls on one filesystem overlap. Handles (lister, reader, placed, stream) are
 *    used by one thread at a time, but for reader.pread and placed.write, which overlap on one handle.
 *  - It does one thing, once: it never repeats, never sleeps, keeps nothing about objects and plans nothing. It
 *    may keep connections and what it learned of an endpoint. Core alone repeats, waits and plans.
 *  - It returns within 100 ms of host->stopped() turning non-zero wherever the wait is its own; caps() says
 *    where not (cancel_bound_ms).
 *  - Outputs are untouched on failure, but that the first call->bytes_done bytes of a read buffer are valid.
 *  - Errors: fill @p err once, where it happens (polyfs_fail below), and return its code. A failure is never
 *    told as "absent". No secret goes into any text.
 *  - Paths are what follows `scheme://`, the bucket or container included and a "host:port" authority left out:
 *    bytes with a length; a NUL follows them. Core has checked that they hold no NUL themselves, and none of the
 *    parts that the description refuses (POLYFS_PLUGIN_DOTS_REFUSED, POLYFS_PLUGIN_SLASHES_REFUSED).
 *  - A flag or field that it does not know is refused with POLYFS_UNSUPPORTED, never ignored.
 */
#ifndef POLYFS_PLUGIN_H
#define POLYFS_PLUGIN_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "polyfs/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define POLYFS_PLUGIN_MAGIC 0x504c4653u /**< "PLFS" */
#define POLYFS_PLUGIN_MAJOR 1u          /**< in the entry symbol's name too */
#define POLYFS_PLUGIN_MINOR 0u          /**< grows with each field or slot added at an end */

/* ---- what core lends: opaque to plugins, used through the host table ---------------------------------- */

struct polyfs_options; /**< resolved options of the filesystem being opened; valid during fs.open only */
struct polyfs_text;    /**< takes one string from a plugin */
struct polyfs_pairs;   /**< takes names with values from a plugin */
struct polyfs_uploads; /**< takes unfinished uploads from a plugin */
struct polyfs_upload_row;
struct polyfs_inner; /**< the filesystem below a layer; its members are at the end of this file */

/** One call of a slot. Core owns it; it is valid until the slot returns. */
struct polyfs_call {
    uint32_t struct_size;
    uint32_t attempt;    /**< 1 for the first */
    uint32_t flags;      /**< POLYFS_CALL_… */
    uint32_t lane;       /**< enum polyfs_lane */
    int64_t deadline_ns; /**< CLOCK_MONOTONIC; INT64_MAX none */
    uint8_t op_id[16];   /**< the same for all attempts of one public call */
    const void *core;    /**< core's own */
    /* filled by the slot */
    uint64_t bytes_done;    /**< valid bytes in the read buffer, also after a failure */
    uint64_t wire_sent;     /**< bytes, headers included */
    uint64_t wire_received; /**< bytes, headers included */
    uint32_t requests;      /**< requests sent, repeats inside a library included */
    uint32_t reused;        /**< 1 when the connection was warm */
};
#define POLYFS_CALL_EARLIER_UNKNOWN 1u  /**< an earlier attempt may have been applied */
#define POLYFS_CALL_OTHER_CONNECTION 2u /**< do not use the connection of the attempt still under way */

/**
 * What core does for plugins. All members may be called from any thread, and none blocks but where it says so.
 * A plugin keeps the pointer; it stays valid for the life of the process.
 */
struct polyfs_host {
    uint32_t struct_size;
    uint32_t abi_minor; /**< POLYFS_PLUGIN_MINOR of the core */

    /** Memory for anything whose size a caller or a network chose. NULL when there is none; free with free(). */
    void *(*alloc)(uint64_t bytes);
    void *(*resize)(void *memory, uint64_t bytes); /**< as realloc(3); the old memory stays on NULL */
    void (*free)(void *memory);                    /**< NULL is fine */

    /** A line for the program's log (polyfs_set_log). @p call may be NULL. Never a secret. */
    void (*log)(const struct polyfs_call *call, uint32_t level, const char *message);

    /** Nanoseconds: CLOCK_MONOTONIC for 0, CLOCK_REALTIME for 1. */
    int64_t (*clock_ns)(uint32_t which);

    /** 0 to go on, POLYFS_CANCELLED or POLYFS_TIMEOUT to return with that code now. */
    int (*stopped)(const struct polyfs_call *call);
    /** A descriptor that turns readable on cancel, made on demand, or -1. Core owns it. Deadlines are not told. */
    int (*stop_fd)(const struct polyfs_call *call);

    /** The value of an option by the name of its row, or NULL when it has none. Valid during fs.open. */
    const char *(*option)(const struct polyfs_options *options, const char *name);
    /** The same for rows of type int, size, duration (ms) and bool; 0 when it has none. */
    int64_t (*option_number)(const struct polyfs_options *options, const char *name);
    /** A variable of the environment during fs.open; NULL when unset, or always when the process is setuid. */
    const char *(*env)(const struct polyfs_options *options, const char *name);
    /** What follows `scheme://` as far as the manifest calls it the authority; "" when there is none. */
    const char *(*authority)(const struct polyfs_options *options);

    /** Hand over one string. POLYFS_OK or POLYFS_NOMEM. */
    int (*text_set)(struct polyfs_text *out, const char *data, uint64_t length);
    /** Hand over one name with its value. POLYFS_OK or POLYFS_NOMEM. */
    int (*pair_add)(struct polyfs_pairs *out, const char *key, const char *value);
    /** Hand over one unfinished upload. POLYFS_OK or POLYFS_NOMEM. */
    int (*upload_add)(struct polyfs_uploads *out, const struct polyfs_upload_row *row);

    /** Count memory that a handle keeps (a sorted folder, say), so that it is reported. Negative gives back. */
    void (*budget_count)(int64_t bytes);

    /** Bracket every stretch inside a library that is not fork-safe, and every lock held; leave it while waiting. */
    void (*section_enter)(void);
    void (*section_leave)(void);
    /** Grows by one in a forked child. Connections of another generation are closed with close(2) and forgotten. */
    uint64_t (*fork_generation)(void);

    /** Random bytes for ids and temporary names. */
    void (*random)(void *out, uint64_t bytes);

    /** CRC32C or CRC64NVME (enum polyfs_checksum_kind; 0 for any other), going on from @p crc, which begins as 0. */
    uint64_t (*crc)(uint32_t kind, uint64_t crc, const void *data, uint64_t size);
    /** The same of bytes and @p behind_bytes more, of what both have. */
    uint64_t (*crc_join)(uint32_t kind, uint64_t crc, uint64_t behind, uint64_t behind_bytes);

    /** Later tables by name; NULL when this core has none of it. */
    const void *(*query)(const char *id);
};

/* ---- options --------------------------------------------------------------------------------------- */

enum polyfs_option_type {
    POLYFS_OPTION_STRING = 0,
    POLYFS_OPTION_INT = 1,
    POLYFS_OPTION_SIZE = 2,     /**< bytes; "64MiB" */
    POLYFS_OPTION_DURATION = 3, /**< milliseconds; "10s" */
    POLYFS_OPTION_BOOL = 4,
    POLYFS_OPTION_CHOICE = 5, /**< one of `choices` */
    POLYFS_OPTION_PATH = 6    /**< of a local file; ~ is expanded */
};
#define POLYFS_OPTION_SECRET 1u /**< the value is never printed, logged or kept in a key */

/** One option. Parsing, `polyfs options NAME`, tables in documents, bindings and redaction come from these rows. */
struct polyfs_option {
    const char *name;          /**< lower case, '_' between words */
    const char *aliases;       /**< other accepted names, separated by ' ', or "" */
    const char *env;           /**< variables of the environment, first set wins, separated by ' ', or "" */
    uint32_t type;             /**< enum polyfs_option_type */
    uint32_t flags;            /**< POLYFS_OPTION_SECRET */
    const char *default_value; /**< text, or NULL for none */
    const char *choices;       /**< for CHOICE: separated by ' '; else NULL */
    const char *help;          /**< one line without a full stop */
};

/* ---- requests and results of slots ----------------------------------------------------------------- */

/** A read of one range. */
struct polyfs_get_request {
    uint32_t struct_size;
    uint32_t flags;      /**< POLYFS_GET_… */
    uint64_t offset;     /**< first byte; with SUFFIX ignored */
    uint64_t length;     /**< bytes wanted; with SUFFIX the last so many; never more than the buffer */
    const char *version; /**< of this version, or NULL for the latest */
    struct polyfs_condition condition;
    struct polyfs_pairs *meta; /**< takes the user metadata, once an answer tells it; or NULL: not wanted */
};
#define POLYFS_GET_SUFFIX 1u /**< the last @p length bytes */
/**
 * From the start, and @p length is expected to reach to the end. A store that tells the checksum of an object only when
 * it is asked for all of it should be asked so; what lies behind @p length is not read. It may be ignored.
 */
#define POLYFS_GET_WHOLE 2u

/** An object as the source of a copy: one version of it where etag or version is given. */
struct polyfs_source {
    uint32_t struct_size;
    uint32_t reserved;
    const char *path;
    uint64_t path_len;
    const char *etag;    /**< only if it still has this etag, else POLYFS_CHANGED; or NULL */
    const char *version; /**< of this version, or NULL for the latest */
    void *fs;            /**< whose path it is: a filesystem of which the target's is a sub, or the other way
                              round; or NULL: the target's own */
};

/** What a write carries besides its bytes. Given at start, and the same again at commit, which decides. */
struct polyfs_put_request {
    uint32_t struct_size;
    uint32_t flags;      /**< POLYFS_PUT_KEEP_METADATA */
    uint32_t durability; /**< enum polyfs_durability, never DEFAULT */
    uint32_t reserved;   /**< 0 */
    uint64_t size_hint;  /**< bytes to come, or POLYFS_SIZE_UNKNOWN */
    struct polyfs_condition condition;
    const char *content_type;         /**< or NULL */
    const struct polyfs_kv *metadata; /**< user metadata */
    uint32_t metadata_count;
    uint32_t metadata_stride;      /**< bytes from one row to the next */
    const struct polyfs_kv *extra; /**< pass-through options of this store (storage class, tags, …) */
    uint32_t extra_count;
    uint32_t extra_stride;
    struct polyfs_checksum checksum; /**< of all bytes, or kind NONE */
};
#define POLYFS_PUT_KEEP_METADATA 1u /**< copy: metadata and content type of the source, ours added to them */

/** Which listing. The path given to open is a key prefix: everything listed begins with these very bytes. */
struct polyfs_list_request {
    uint32_t struct_size;
    uint32_t flags;          /**< POLYFS_LIST_… */
    const char *start_after; /**< only rows behind this full key, or NULL (needs FACT_START_AFTER) */
    const char *marker;      /**< as an earlier page gave it, or NULL */
    uint32_t page_size;      /**< rows wanted a page; 0 = the store's own size */
    uint32_t reserved;       /**< 0 */
};
#define POLYFS_LIST_FLAT 1u      /**< all levels, no folders (needs FACT_FLAT_LIST); else up to the next '/' */
#define POLYFS_LIST_VERSIONS 2u  /**< every version and delete marker */
#define POLYFS_LIST_UNORDERED 4u /**< any order will do */
#define POLYFS_LIST_NAMES 8u     /**< type only; size and times may be left unknown */
#define POLYFS_LIST_PLAIN 13u    /**< all but VERSIONS */

/** One page. Rows are borrowed until the next call on the lister. */
struct polyfs_page {
    uint32_t struct_size;
    uint32_t stride; /**< bytes from one row to the next */
    const struct polyfs_entry *entries;
    uint64_t count;
    const char *marker; /**< what makes open go on behind this page, or NULL */
};

/** One object of remove_many, with its own answer. */
struct polyfs_remove_item {
    const char *path;
    uint64_t path_len;
    const char *version;  /**< this version for good, or NULL */
    const char *if_match; /**< only with this etag (needs FACT_REMOVE_CONDITION), or NULL */
    int32_t code;         /**< out: POLYFS_OK, or why not; NOT_FOUND counts as removed */
    uint32_t flags;       /**< 0 */
    char native_code[32]; /**< out */
};

/** One unfinished upload. */
struct polyfs_upload_row {
    uint32_t struct_size;
    uint32_t reserved; /**< 0 */
    const char *path;
    uint64_t path_len;
    const char *upload_id;
    int64_t started_ns; /**< or POLYFS_TIME_UNKNOWN */
};

/** State of a slot that a store finishes in rounds. Core loops, sleeps and can go on in another process. */
struct polyfs_step {
    uint32_t struct_size;
    uint32_t poll_after_ms;   /**< out, with POLYFS_MORE: the pause before the next call */
    const char *cursor;       /**< in: what the round before gave, or NULL at first */
    struct polyfs_text *next; /**< out, with POLYFS_MORE: the cursor of the next round */
    uint64_t done_bytes;      /**< out: progress, if known */
};

/* ---- the tables. R = required -------------------------------------------------------------------------- */

/** Verbs on paths. The first argument pair is always the call and what fs.open gave. */
struct polyfs_fs_ops {
    uint32_t struct_size;
    uint32_t reserved;

    /** R. Make a filesystem of resolved options. Sends nothing. @p inner is NULL but for a layer (`a::b`). */
    int (*open)(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
                void **out_fs, struct polyfs_error *err);
    /** R. Let it go; no call is under way. */
    void (*close)(void *fs);
    /** R. Facts of a path, without a request unless @p flags has POLYFS_CAPS_PROBE. @p out comes zeroed. */
    int (*caps)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                struct polyfs_caps *out, struct polyfs_error *err);
    /** R. What is there. Folders too, where they are real. With @p meta also user metadata. NOT_FOUND only when
     *  the store said so. @p version may be NULL. */
    int (*stat)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err);
    /** R. One range into @p buffer; *out_n < length only at the end. @p out: size, etag, version at least; may be
     *  NULL, and is filled on failure too when call->bytes_done is not 0, so that core can go on with the same
     *  version. An offset at or behind the end: OK with 0 bytes when it equals the size, else RANGE. */
    int (*get)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
               const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
               struct polyfs_error *err);
    /** Shape PUT: all bytes at once. @p out may be NULL. */
    int (*put)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const void *data,
               uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
               struct polyfs_error *err);
    /** One object (never a folder: IS_DIR). NOT_FOUND when the store tells it. @p version: that version for good,
     *  or NULL: the latest (where versions are kept, by a delete marker). @p condition may be NULL. */
    int (*remove)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                  const struct polyfs_condition *condition, struct polyfs_error *err);
    /** Up to caps.remove_many_max objects; each row gets its own code, the return value is about the request. */
    int (*remove_many)(struct polyfs_call *call, void *fs, struct polyfs_remove_item *items, uint64_t count,
                       uint64_t stride, struct polyfs_error *err);
    /** A folder with all that is in it. A step slot. */
    int (*remove_tree)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                       struct polyfs_step *step, struct polyfs_error *err);
    /** Copy by the store itself, up to caps.copy_max bytes. The request's condition is about the target (needs
     *  FACT_COPY_CONDITION). CHANGED when the source is not what it names. A step slot. */
    int (*copy)(struct polyfs_call *call, void *fs, const struct polyfs_source *source, const char *target,
                uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                struct polyfs_stat *out, struct polyfs_error *err);
    /** Join up to caps.compose_max objects, in order, into one. */
    int (*compose)(struct polyfs_call *call, void *fs, const struct polyfs_source *sources, uint64_t count,
                   uint64_t stride, const char *target, uint64_t target_len,
                   const struct polyfs_put_request *request, struct polyfs_stat *out, struct polyfs_error *err);
    /** Replaces an object, never a folder. The condition is about the target: create_only refuses to replace
     *  (EXISTS), if_match as in a put (needs FACT_RENAME_CONDITION). A step slot. */
    int (*rename)(struct polyfs_call *call, void *fs, const struct polyfs_source *source, const char *target,
                  uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                  struct polyfs_error *err);
    /** @p flags: POLYFS_MKDIR_…. Below a bucket of a store without folders it sends nothing. */
    int (*mkdir)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                 struct polyfs_error *err);
    /** An empty folder, or with POLYFS_MKDIR_BUCKET an empty bucket. */
    int (*rmdir)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                 struct polyfs_error *err);
    /** Replace user metadata and content type, keep the bytes. */
    int (*set_metadata)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                        const struct polyfs_put_request *request, struct polyfs_error *err);
    /** Nanoseconds since 1970 UTC; POLYFS_TIME_UNKNOWN leaves that one alone. */
    int (*set_times)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, int64_t mtime_ns,
                     int64_t atime_ns, struct polyfs_error *err);
    /** @p path becomes a symbolic link to @p to, a path of this filesystem that need not exist, in one step: it takes the
     *  place of another link. EXISTS where anything else is. FACT_LINKS. */
    int (*link)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *to,
                uint64_t to_len, struct polyfs_error *err);
    /** A URL that anybody may use for @p life_s seconds. @p verb: "GET" or "PUT". Sends nothing if it can. */
    int (*sign)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *verb,
                uint32_t life_s, struct polyfs_text *out, struct polyfs_error *err);
    /** A filesystem rooted at a folder, or NULL: there are none here; its paths are relative. @p flags: POLYFS_SUB_CONFINE. Closed by close. */
    int (*sub)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
               void **out_fs, struct polyfs_error *err);
    /** A checksum of all bytes that the store computes without moving them, of a kind that stat does not tell. */
    int (*checksum)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                    uint32_t kind, struct polyfs_checksum *out, struct polyfs_error *err);
    /** In a forked child, before its first call: forget connections and threads of the parent. */
    void (*after_fork)(void *fs);
    /** Later tables of this filesystem by name, or NULL. */
    const void *(*query)(void *fs, const char *id);
};

/** Listings. open sends nothing; each next is one request, and after a failure the same page can be asked again. */
struct polyfs_lister_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /** R. A prefix that ends in '/' and is no folder: NOT_FOUND where folders are real, else an empty page. */
    int (*open)(struct polyfs_call *call, void *fs, const char *prefix, uint64_t prefix_len,
                const struct polyfs_list_request *request, void **out_lister, struct polyfs_error *err);
    /** R. POLYFS_MORE: there are pages left, also behind an empty one. POLYFS_OK: this was the last. */
    int (*next)(struct polyfs_call *call, void *lister, struct polyfs_page *out, struct polyfs_error *err);
    /** R. */
    void (*close)(void *lister);
};

/** A reader with something to keep between reads (a descriptor, a stream). Without it core reads by fs.get. */
struct polyfs_reader_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /** R. Pins what is there now, or @p version. @p out may be NULL. */
    int (*open)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                void **out_reader, struct polyfs_stat *out, struct polyfs_error *err);
    /** R. *out_n < length only at the end. Calls overlap. */
    int (*pread)(struct polyfs_call *call, void *reader, uint64_t offset, void *buffer, uint64_t length,
                 uint64_t *out_n, struct polyfs_error *err);
    /** R. */
    void (*close)(void *reader);
};

/** Shape PARTS. An upload is named by text, so that another process can go on with it or abort it. */
struct polyfs_upload_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /** R. */
    int (*start)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                 const struct polyfs_put_request *request, struct polyfs_text *out_id, struct polyfs_error *err);
    /** R. Repeatable; parts in any order and at the same time. @p checksum of these bytes, or NULL. */
    int (*part)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *upload_id,
                uint32_t number, const void *data, uint64_t size, const struct polyfs_checksum *checksum,
                struct polyfs_part *out, struct polyfs_error *err);
    /** A part made of a range of an object of the same store. */
    int (*copy_part)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *upload_id,
                     uint32_t number, const struct polyfs_source *source, uint64_t offset, uint64_t size,
                     struct polyfs_part *out, struct polyfs_error *err);
    /** Parts that the store holds, by number, behind @p after. POLYFS_MORE when there are more than fit. */
    int (*list_parts)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                      const char *upload_id, uint32_t after, struct polyfs_part *out, uint64_t room,
                      uint64_t stride, uint64_t *out_count, struct polyfs_error *err);
    /** R. The commit. @p parts by number. */
    int (*complete)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *upload_id,
                    const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                    const struct polyfs_put_request *request, struct polyfs_stat *out, struct polyfs_error *err);
    /** R. Nothing of it remains, or will once the store has swept; NOT_FOUND when there was nothing. */
    int (*abort)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *upload_id,
                 struct polyfs_error *err);
    /** Unfinished uploads below a prefix, a page a round. What was handed over before a failure does not count. A step
     *  slot. */
    int (*list)(struct polyfs_call *call, void *fs, const char *prefix, uint64_t prefix_len,
                struct polyfs_step *step, struct polyfs_uploads *out, struct polyfs_error *err);
    /** Whether polyfs began this upload, by a mark that start left there. Left out: every one of list is. */
    int (*is_ours)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *upload_id,
                   uint32_t *out, struct polyfs_error *err);
};

/** Shape PLACED: a staging object that nobody sees, written at any offset. */
struct polyfs_placed_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /** R. */
    int (*open)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                const struct polyfs_put_request *request, void **out_placed, struct polyfs_error *err);
    /** R. Repeatable; writes that do not overlap may run at the same time. */
    int (*write)(struct polyfs_call *call, void *placed, uint64_t offset, const void *data, uint64_t size,
                 struct polyfs_error *err);
    /** R. Publish @p size bytes. The handle is gone on OK; else abort ends it. @p out may be NULL. */
    int (*commit)(struct polyfs_call *call, void *placed, uint64_t size, const struct polyfs_put_request *request,
                  struct polyfs_stat *out, struct polyfs_error *err);
    /** R. Nothing of it remains. */
    void (*abort)(struct polyfs_call *call, void *placed);
};

/** Shape STREAM, and native append: bytes in order, one call at a time, not repeatable. */
struct polyfs_stream_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /** R. @p flags: POLYFS_STREAM_APPEND (needs FACT_APPEND = YES; a missing object begins empty). A plugin
     *  without shape STREAM may have this table for append only. A step slot: a lease may have to be recovered. */
    int (*open)(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                const struct polyfs_put_request *request, struct polyfs_step *step, void **out_stream,
                struct polyfs_error *err);
    /** R. After an error the stream is dead, unless offset() tells how far it came. */
    int (*write)(struct polyfs_call *call, void *stream, const void *data, uint64_t size, struct polyfs_error *err);
    /** Bytes of this stream (not of the object) that the store holds for sure; core sends again from there. */
    int (*offset)(struct polyfs_call *call, void *stream, uint64_t *out_offset, struct polyfs_error *err);
    /** R. The handle is gone on OK; else abort ends it. */
    int (*commit)(struct polyfs_call *call, void *stream, const struct polyfs_put_request *request,
                  struct polyfs_stat *out, struct polyfs_error *err);
    /** R. Nothing of it remains (an append that was begun may have added bytes). */
    void (*abort)(struct polyfs_call *call, void *stream);
};
#define POLYFS_STREAM_APPEND 1u

/** The inner filesystem of a layer: its tables as core holds them, and its handle. */
struct polyfs_inner {
    uint32_t struct_size;
    uint32_t reserved;
    void *fs;
    const struct polyfs_fs_ops *fs_ops;
    const struct polyfs_lister_ops *lister_ops;
    const struct polyfs_reader_ops *reader_ops;
    const struct polyfs_upload_ops *upload_ops;
    const struct polyfs_placed_ops *placed_ops;
    const struct polyfs_stream_ops *stream_ops;
};

/** What a plugin is. Static data of the plugin; core copies it and never reads it again. */
struct polyfs_plugin {
    uint32_t magic; /**< POLYFS_PLUGIN_MAGIC */
    uint32_t struct_size;
    uint32_t abi_major;    /**< POLYFS_PLUGIN_MAJOR of the header it was built with */
    uint32_t abi_minor;    /**< POLYFS_PLUGIN_MINOR of the header it was built with */
    const char *name;      /**< [a-z0-9_]{1,32}; the file is polyfs-NAME.so */
    const char *version;   /**< of the plugin */
    const char *summary;   /**< one line */
    const char *protocols; /**< names separated by ' ', the main one first */
    const char *authority; /**< what leads a path: "none", "bucket", "container@account" or "host:port" */
    uint32_t flags;        /**< POLYFS_PLUGIN_… */
    uint32_t priority;     /**< the higher wins within one folder */
    const struct polyfs_option *options;
    uint32_t option_count;
    uint32_t option_stride;                 /**< bytes from one row to the next */
    const struct polyfs_fs_ops *fs;         /**< R */
    const struct polyfs_lister_ops *lister; /**< R */
    const struct polyfs_reader_ops *reader;
    const struct polyfs_upload_ops *upload; /**< R with shape PARTS */
    const struct polyfs_placed_ops *placed; /**< R with shape PLACED */
    const struct polyfs_stream_ops *stream; /**< R with shape STREAM */
    const void *(*query)(const char *id);   /**< later tables by name, or NULL */
};
#define POLYFS_PLUGIN_LEADING_SLASH 1u /**< a leading '/' belongs to the path */
#define POLYFS_PLUGIN_DOTS_RESOLVED 2u /**< `.` `..` and `//` mean what they mean to the kernel; else plain bytes */
#define POLYFS_PLUGIN_DOTS_REFUSED 4u  /**< `.` and `..` as parts of a path are INVALID */
#define POLYFS_PLUGIN_URL_QUERY 8u     /**< what follows '?' in a URL are options */
#define POLYFS_PLUGIN_LAYER 16u        /**< fs.open needs an inner filesystem */
#define POLYFS_PLUGIN_SLASHES_REFUSED 32u /**< empty parts of a path (`//`) are INVALID */

/**
 * The entry symbol. Called once, under core's lock.
 *
 * @param host  services, valid for the life of the process
 * @param out   where to put the address of the plugin's static description
 * @param err   filled on failure
 * @return POLYFS_OK, or a code that says why this plugin cannot work here
 */
typedef int polyfs_plugin_entry(const struct polyfs_host *host, const struct polyfs_plugin **out,
                                struct polyfs_error *err);

#ifdef POLYFS_STATIC
#define POLYFS_PLUGIN_ENTRY(name) polyfs_plugin_v1_##name
#define POLYFS_PLUGIN_EXPORT
#else
#define POLYFS_PLUGIN_ENTRY(name) polyfs_plugin_v1
#define POLYFS_PLUGIN_EXPORT POLYFS_API
#endif

/* ---- help for plugin authors, compiled into the plugin --------------------------------------------- */

/**
 * Fill an error and give its code back: `return polyfs_fail(err, POLYFS_IO, "cannot read %s", name);`
 * Say what is wrong and what to do; core puts verb and URI in front.
 */
static inline int polyfs_fail(struct polyfs_error *err, int code, const char *format, ...) POLYFS_PRINTF(3, 4);
static inline int polyfs_fail(struct polyfs_error *err, int code, const char *format, ...)
{
    if (err) {
        uint32_t room = err->struct_size;
        if (room == 0 || room > sizeof(*err))
            room = (uint32_t)sizeof(*err);
        memset(err, 0, room);
        err->struct_size = room;
        err->code = code;
        if (room > offsetof(struct polyfs_error, message)) {
            va_list args;
            va_start(args, format);
            vsnprintf(err->message, room - offsetof(struct polyfs_error, message), format, args);
            va_end(args);
        }
    }
    return code;
}

/** Whether a struct of @p size bytes holds @p member. */
#define POLYFS_HAS(type, size, member) ((size) >= offsetof(type, member) + sizeof(((type *)0)->member))

/** Code of an errno, and why in words; NULL for one that says nothing, which is POLYFS_IO. */
static inline const char *polyfs_errno_why(int sys_errno, int *out_code)
{
    static const struct {
        int sys_errno, code;
        const char *why;
    } rows[] = {
        {ENOENT, POLYFS_NOT_FOUND, "there is no such file or folder"},
        {ENOTDIR, POLYFS_NOT_DIR, "a part of the path is a file, not a folder"},
        {EISDIR, POLYFS_IS_DIR, "it is a folder"},
        {EEXIST, POLYFS_EXISTS, "it is there already"},
        {ENOTEMPTY, POLYFS_NOT_EMPTY, "the folder is not empty"},
        {EACCES, POLYFS_PERMISSION, "permission denied; see who may with: ls -ld"},
        {EPERM, POLYFS_PERMISSION, "the operation is not permitted"},
        {EROFS, POLYFS_PERMISSION, "the file system is mounted read-only"},
        {EIO, POLYFS_IO, "the device failed; see: dmesg"},
        {ENOSPC, POLYFS_NO_SPACE, "the disk is full; see: df -h"},
        {EDQUOT, POLYFS_NO_SPACE, "the disk quota is used up; see: quota"},
        {EFBIG, POLYFS_TOO_LARGE, "the file is larger than the file system allows"},
        {ENAMETOOLONG, POLYFS_INVALID, "the name is too long for the file system"},
        {ELOOP, POLYFS_INVALID, "a symbolic link is in the way, or links go in a circle"},
        {EXDEV, POLYFS_INVALID, "the path leads out of its folder, or to another file system"},
        {EINVAL, POLYFS_INVALID, "the file system refuses the argument"},
        {ENOMEM, POLYFS_NOMEM, "no memory is left"},
        {EMFILE, POLYFS_BUSY, "this process has too many files open; see: ulimit -n"},
        {ENFILE, POLYFS_BUSY, "the system has too many files open"},
        {EBUSY, POLYFS_BUSY, "it is in use"},
        {ETXTBSY, POLYFS_BUSY, "it is a program that runs"},
        {ESTALE, POLYFS_CHANGED, "the file is gone from the server"},
        {ETIMEDOUT, POLYFS_TIMEOUT, "the file server does not answer"},
        {EOPNOTSUPP, POLYFS_UNSUPPORTED, "the file system cannot do it"},
    };
    size_t i = 0;
    while (i < sizeof(rows) / sizeof(rows[0]) && rows[i].sys_errno != sys_errno)
        i++;
    const int known = i < sizeof(rows) / sizeof(rows[0]);
    *out_code = known ? rows[i].code : POLYFS_IO;
    return known ? rows[i].why : NULL;
}

/** polyfs_fail for a system call that failed, by errno: `return polyfs_fail_errno(err, "reading");` @p what may be "". */
static inline int polyfs_fail_errno(struct polyfs_error *err, const char *what)
{
    const int sys_errno = errno;
    int code;
    char number[32];
    const char *why = polyfs_errno_why(sys_errno, &code);
    snprintf(number, sizeof(number), "errno %d", sys_errno);
    polyfs_fail(err, code, "%s%s%s", what, *what ? ": " : "", why ? why : number);
    if (err && POLYFS_HAS(struct polyfs_error, err->struct_size, sys_errno))
        err->sys_errno = sys_errno;
    return code;
}

/** POLYFS_OK to go on; else the error is filled, to be returned at once. */
static inline int polyfs_go_on(const struct polyfs_host *host, const struct polyfs_call *call,
                               struct polyfs_error *err)
{
    const int code = host->stopped(call);
    if (code == POLYFS_OK)
        return code;
    return polyfs_fail(err, code,
                       code == POLYFS_TIMEOUT ? "the time limit of the call passed" : "it was cancelled");
}

/** The facts of a store: those named are YES, the others NO. POLYFS_FACT_COUNT ends the list. Gives POLYFS_OK. */
static inline int polyfs_facts(struct polyfs_caps *out, ...)
{
    memset(out->fact, POLYFS_NO, POLYFS_FACT_COUNT);
    {
        va_list args;
        va_start(args, out);
        for (int fact; (fact = va_arg(args, int)) != POLYFS_FACT_COUNT;)
            out->fact[fact] = POLYFS_YES;
        va_end(args);
    }
    return POLYFS_OK;
}

/**
 * What fs.get checks of the object that is there: the conditions, and that the range begins within it. Then
 * *out_length bytes from *out_offset on are to be read: fewer than asked for where the object ends, or none.
 */
static inline int polyfs_get_check(const struct polyfs_get_request *request, const struct polyfs_stat *stat,
                                   uint64_t *out_offset, uint64_t *out_length, struct polyfs_error *err)
{
    const struct polyfs_condition *c = &request->condition;
    uint64_t offset = request->offset;
    if (request->flags & ~(POLYFS_GET_SUFFIX | POLYFS_GET_WHOLE) || c->create_only)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag or condition is not known of reads");
    if (c->if_match && strcmp(c->if_match, stat->etag) != 0)
        return polyfs_fail(err, POLYFS_CHANGED, "it was changed since: it has another etag");
    if (c->if_none_match && strcmp(c->if_none_match, stat->etag) == 0)
        return polyfs_fail(err, POLYFS_CONDITION, "it is still the same: it has this etag");
    if (c->if_modified_ns != POLYFS_TIME_UNKNOWN && stat->mtime_ns <= c->if_modified_ns)
        return polyfs_fail(err, POLYFS_CONDITION, "it was not changed since that time");
    if (request->flags & POLYFS_GET_SUFFIX)
        offset = request->length < stat->size ? stat->size - request->length : 0;
    if (offset > stat->size)
        return polyfs_fail(err, POLYFS_RANGE, "it has %llu bytes, and the range begins at byte %llu",
                           (unsigned long long)stat->size, (unsigned long long)offset);
    *out_offset = offset;
    *out_length = request->length < stat->size - offset ? request->length : stat->size - offset;
    return POLYFS_OK;
}

/** What a commit, or a removal, checks of what is there, or NULL: the condition. Under the lock that it commits in. */
static inline int polyfs_condition_check(const struct polyfs_condition *c, const struct polyfs_stat *there,
                                         struct polyfs_error *err)
{
    if (c->create_only && there)
        return polyfs_fail(err, POLYFS_EXISTS, "it is there already");
    if (c->if_match && !there)
        return polyfs_fail(err, POLYFS_CONDITION, "it is gone, and so is the etag that was named");
    if (c->if_match && strcmp(c->if_match, there->etag) != 0)
        return polyfs_fail(err, POLYFS_CONDITION, "it was changed since: it has another etag");
    return POLYFS_OK;
}

/** Whether a write brings more than bytes and a condition: for stores that keep nothing else, and so refuse it. */
static inline int polyfs_put_has_more(const struct polyfs_put_request *r)
{
    return r->metadata_count || r->content_type || r->extra_count || r->checksum.kind;
}

/** Rows of options for a description, with their number and size: `.options = POLYFS_PLUGIN_OPTIONS(rows)`. */
#define POLYFS_PLUGIN_OPTIONS(rows)                                                                                \
    (rows), (uint32_t)(sizeof(rows) / sizeof((rows)[0])), (uint32_t)sizeof((rows)[0])

#ifdef __cplusplus
#define POLYFS_PLUGIN_LINKAGE extern "C"
#else
#define POLYFS_PLUGIN_LINKAGE
#endif

/**
 * The description and the entry of the plugin @p plugin_name, which puts the services into @p host_pointer. @p begin is
 * what else there is to do then: POLYFS_OK, or a call that gives a code (with `err`). The rest are the members of the
 * description from `version` on; in C they may have names.
 */
#define POLYFS_PLUGIN_DEFINE(plugin_name, host_pointer, begin, ...)                                                \
    POLYFS_PLUGIN_LINKAGE POLYFS_PLUGIN_EXPORT polyfs_plugin_entry POLYFS_PLUGIN_ENTRY(plugin_name);               \
    int POLYFS_PLUGIN_ENTRY(plugin_name)(const struct polyfs_host *host_given, const struct polyfs_plugin **out,   \
                                         struct polyfs_error *err)                                                 \
    {                                                                                                              \
        static const struct polyfs_plugin description = {POLYFS_PLUGIN_MAGIC,                                      \
                                                         (uint32_t)sizeof(struct polyfs_plugin),                   \
                                                         POLYFS_PLUGIN_MAJOR,                                      \
                                                         POLYFS_PLUGIN_MINOR,                                      \
                                                         #plugin_name,                                             \
                                                         __VA_ARGS__};                                             \
        if (!POLYFS_HAS(struct polyfs_host, host_given->struct_size, query))                                       \
            return polyfs_fail(err, POLYFS_PLUGIN, "this polyfs is older than the plugin; update it");             \
        (host_pointer) = host_given;                                                                               \
        *out = &description;                                                                                       \
        return (begin);                                                                                            \
    }

#ifdef __cplusplus
}
#endif
#endif
