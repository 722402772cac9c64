/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file types.h
 * Values that callers, core and plugins share: what an object is, what a path can do, under which condition a
 * change is made. Fixed-width members only; every struct says its size, so that it can grow at its end.
 */
#ifndef POLYFS_TYPES_H
#define POLYFS_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "polyfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A size or time that the store did not tell. */
#define POLYFS_SIZE_UNKNOWN UINT64_MAX
#define POLYFS_TIME_UNKNOWN INT64_MIN

/** What a name stands for. */
enum polyfs_type {
    POLYFS_TYPE_UNKNOWN = 0,
    POLYFS_TYPE_FILE = 1, /**< an object or regular file */
    POLYFS_TYPE_DIR = 2,  /**< a folder, or the common prefix of some keys */
    POLYFS_TYPE_OTHER = 3 /**< device, socket, FIFO, dangling link: listed, never read */
};

/** Checksums that a store keeps or core computes; values are bits, so that a set fits one word. */
enum polyfs_checksum_kind {
    POLYFS_CHECKSUM_NONE = 0,
    POLYFS_CHECKSUM_CRC32C = 1,    /**< Castagnoli, 4 bytes, big-endian (RFC 3720, B.4) */
    POLYFS_CHECKSUM_CRC64NVME = 2, /**< 8 bytes, big-endian (NVM Express 1.0, 8.3.5.12) */
    POLYFS_CHECKSUM_MD5 = 4,       /**< 16 bytes (RFC 1321) */
    POLYFS_CHECKSUM_SHA256 = 8     /**< 32 bytes (FIPS 180-4) */
};

/** A checksum of all bytes of an object. */
struct polyfs_checksum {
    uint32_t kind;     /**< enum polyfs_checksum_kind; NONE = not told */
    uint32_t length;   /**< bytes used in @p value */
    uint8_t value[32]; /**< most significant byte first */
};

/** What is told of one object. Text is NUL-terminated and empty when the store does not have it. */
struct polyfs_stat {
    uint32_t struct_size;
    uint32_t type;      /**< enum polyfs_type */
    uint64_t size;      /**< bytes, or POLYFS_SIZE_UNKNOWN; 0 for a folder */
    int64_t mtime_ns;   /**< last change, nanoseconds since 1970 UTC, or POLYFS_TIME_UNKNOWN */
    int64_t created_ns; /**< the same for its creation */
    uint32_t mode;      /**< POSIX permission bits without type; 0 not told */
    uint32_t uid;       /**< owner; UINT32_MAX not told */
    uint32_t gid;       /**< group; UINT32_MAX not told */
    uint32_t flags;     /**< POLYFS_STAT_… */
    struct polyfs_checksum checksum;
    char etag[128];    /**< opaque; what if_match takes on this store; changes with the bytes */
    char version[128]; /**< opaque; names this version for a pinned read, where versions are kept */
    char content_type[128];
    char storage_class[32];
};
#define POLYFS_STAT_INIT                                                                                           \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_stat), 0, POLYFS_SIZE_UNKNOWN, POLYFS_TIME_UNKNOWN, POLYFS_TIME_UNKNOWN, 0, \
            UINT32_MAX, UINT32_MAX, 0, {0, 0, {0}}, {0}, {0}, {0},                                                 \
        {                                                                                                          \
            0                                                                                                      \
        }                                                                                                          \
    }
#define POLYFS_STAT_LATEST 1u  /**< this version is the one that a read without a version gets */
#define POLYFS_STAT_DELETED 2u /**< a delete marker, not an object */
#define POLYFS_STAT_LINK 4u    /**< reached through a symbolic link; recursion does not follow it */

/** One row of a listing. Text is borrowed from the lister until its next call. */
struct polyfs_entry {
    const char *path;    /**< full path within the filesystem; a folder ends without '/' */
    uint64_t path_len;   /**< bytes in @p path; the byte behind them is NUL */
    uint32_t type;       /**< enum polyfs_type */
    uint32_t flags;      /**< POLYFS_STAT_… */
    uint64_t size;       /**< as in struct polyfs_stat */
    int64_t mtime_ns;    /**< as in struct polyfs_stat */
    const char *etag;    /**< NULL when the listing does not tell it */
    const char *version; /**< NULL when the listing does not tell it */
};

/** One name with its value: user metadata, pass-through options. Owner: whoever says so; borrowed in arguments. */
struct polyfs_kv {
    const char *key;
    const char *value;
};

/** Answers of a fact. UNKNOWN is settled by POLYFS_CAPS_PROBE or by first use; DURABLE_COMMIT only where it can be told. */
enum polyfs_answer {
    POLYFS_UNKNOWN = 0,
    POLYFS_NO = 1,
    POLYFS_YES = 2,     /**< the store does it */
    POLYFS_EMULATED = 3 /**< core makes it of other slots; docs/architecture.md says with which limits */
};

/** Facts of a path: index into polyfs_caps.fact. Numbers are never reused. */
enum polyfs_fact {
    POLYFS_FACT_NETWORK = 0,            /**< a call crosses a network: worth overlapping, may be lost */
    POLYFS_FACT_REAL_DIRS = 1,          /**< folders exist by themselves */
    POLYFS_FACT_FLAT_LIST = 2,          /**< one listing call spans all levels */
    POLYFS_FACT_ORDERED_LIST = 3,       /**< listings come in byte order of the full key */
    POLYFS_FACT_START_AFTER = 4,        /**< a listing can start behind a key */
    POLYFS_FACT_CREATE_ONLY = 5,        /**< "only if absent" is decided by the store */
    POLYFS_FACT_IF_MATCH = 6,           /**< "only if still this etag" is decided by the store, on writes */
    POLYFS_FACT_COPY_CONDITION = 7,     /**< copy and compose honour conditions on their target */
    POLYFS_FACT_READ_CONDITION = 8,     /**< if_match, if_none_match on reads */
    POLYFS_FACT_VERSIONS = 9,           /**< old versions are kept and can be listed */
    POLYFS_FACT_PINNED_READ = 10,       /**< a reader never mixes two versions */
    POLYFS_FACT_SUFFIX_READ = 11,       /**< "the last n bytes" in one request */
    POLYFS_FACT_METADATA = 12,          /**< user metadata is kept with the object */
    POLYFS_FACT_CONTENT_TYPE = 13,      /**< a content type is kept with the object */
    POLYFS_FACT_SET_METADATA = 14,      /**< metadata changes without moving the bytes through the caller */
    POLYFS_FACT_SET_TIMES = 15,         /**< mtime can be set */
    POLYFS_FACT_COPY = 16,              /**< the store copies by itself */
    POLYFS_FACT_COPY_PART = 17,         /**< a part of an upload can be a range of an object there */
    POLYFS_FACT_COMPOSE = 18,           /**< several objects can be joined by the store */
    POLYFS_FACT_RENAME = 19,            /**< rename of an object */
    POLYFS_FACT_RENAME_ATOMIC = 20,     /**< no moment with both or neither name */
    POLYFS_FACT_RENAME_NO_REPLACE = 21, /**< rename can refuse to replace */
    POLYFS_FACT_RENAME_DIR = 22,        /**< rename of a folder, in one step */
    POLYFS_FACT_APPEND = 23,            /**< bytes can be added at the end */
    POLYFS_FACT_REMOVE_MANY = 24,       /**< many objects in one request */
    POLYFS_FACT_REMOVE_TREE = 25,       /**< a whole folder in one call */
    POLYFS_FACT_SIGN_GET = 26,          /**< signed URLs for reading */
    POLYFS_FACT_SIGN_PUT = 27,          /**< signed URLs for writing */
    POLYFS_FACT_LIST_UPLOADS = 28,      /**< unfinished uploads can be found */
    POLYFS_FACT_STORED_CHECKSUM = 29,   /**< stat tells the checksum that the write gave */
    POLYFS_FACT_DURABLE_COMMIT = 30,    /**< a commit survives loss of power */
    POLYFS_FACT_CONFINE = 31,           /**< sub() can refuse every way out of the folder */
    POLYFS_FACT_CASE_SENSITIVE = 32,    /**< "a" and "A" are two names */
    POLYFS_FACT_ANY_BYTES = 33,         /**< every byte but NUL may stand in a name */
    POLYFS_FACT_LINKS = 34,             /**< symbolic links exist, are followed, and can be made */
    POLYFS_FACT_REFLINK = 35,           /**< copy shares blocks instead of moving bytes */
    POLYFS_FACT_REMOVE_CONDITION = 36,  /**< "only if still this etag" is decided by the store, on removal */
    POLYFS_FACT_RENAME_CONDITION = 37,  /**< the same on the target of a rename */
    POLYFS_FACT_EQUAL_PARTS = 38,       /**< all parts of an upload but the last must have one size */
    POLYFS_FACT_COUNT = 39              /**< how many this header knows; not a fact */
};
#define POLYFS_FACT_ROOM 64u

/** How a store takes a whole object (docs/adr/0001-slots.md, "The four shapes of writing"). Bits. */
enum polyfs_shape {
    POLYFS_SHAPE_PUT = 1,    /**< one call with all bytes */
    POLYFS_SHAPE_PARTS = 2,  /**< numbered parts in any order, nothing visible before complete */
    POLYFS_SHAPE_PLACED = 4, /**< a staging object written at any offset, then committed */
    POLYFS_SHAPE_STREAM = 8  /**< bytes in order, none repeatable */
};

/** Facts and limits of one path. 0 in a limit means that there is none worth knowing. */
struct polyfs_caps {
    uint32_t struct_size;
    uint32_t shapes;                /**< enum polyfs_shape, or'ed */
    uint32_t condition_shapes;      /**< shapes whose commit honours what CREATE_ONLY and IF_MATCH allow */
    uint32_t reserved;              /**< 0 */
    uint8_t fact[POLYFS_FACT_ROOM]; /**< enum polyfs_answer, by enum polyfs_fact */
    uint64_t put_max;               /**< bytes of one PUT */
    uint64_t part_min;              /**< bytes of a part that is not the last */
    uint64_t part_max;              /**< bytes of a part */
    uint64_t part_align;            /**< parts are multiples of it, but for the last */
    uint64_t object_max;            /**< bytes of an object */
    uint64_t copy_max;              /**< bytes of one server-side copy */
    uint32_t parts_max;             /**< parts of an upload */
    uint32_t remove_many_max;       /**< names of one remove_many */
    uint32_t compose_max;           /**< sources of one compose */
    uint32_t list_page_max;         /**< entries of one page */
    uint32_t path_max;              /**< bytes of a path */
    uint32_t name_max;              /**< bytes between two '/' */
    uint32_t metadata_max;          /**< bytes of all user metadata, names included */
    uint32_t stored_checksums;      /**< enum polyfs_checksum_kind, or'ed */
    uint32_t cancel_bound_ms;     /**< a cancelled call returns within it; 100 where the wait is ours; 0 no bound */
    uint32_t sign_max_s;          /**< longest life of a signed URL, seconds */
    uint64_t mtime_resolution_ns; /**< step of mtime */
    char limit_key[128];          /**< paths with the same text share one throttle */
};
#define POLYFS_CAPS_PROBE 1u /**< settle unknown facts now, even if that takes requests */

/** Where a part of an interrupted upload stands, and what complete takes. */
struct polyfs_part {
    uint32_t number; /**< from 1 */
    uint32_t flags;  /**< 0 */
    uint64_t size;   /**< bytes */
    struct polyfs_checksum checksum;
    char etag[128]; /**< opaque */
};

/** Under which condition a change is made, or a read answered. NULL text = no such condition. */
struct polyfs_condition {
    uint32_t struct_size;
    uint32_t create_only;      /**< 1: only if nothing is there; else POLYFS_EXISTS */
    const char *if_match;      /**< only if it still has this etag; else POLYFS_CONDITION (reads: POLYFS_CHANGED) */
    const char *if_none_match; /**< reads: only if it has another etag; else POLYFS_CONDITION */
    int64_t if_modified_ns;    /**< reads: only if changed after it; POLYFS_TIME_UNKNOWN none */
};
#define POLYFS_CONDITION_INIT                                                                                      \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_condition), 0, NULL, NULL, POLYFS_TIME_UNKNOWN                              \
    }

/** How safe a finished write must be before the call returns (design: "durability"). */
enum polyfs_durability {
    POLYFS_DURABILITY_DEFAULT = 0, /**< FULL for put, writer and checkpoints; NONE for bulk verbs */
    POLYFS_DURABILITY_NONE = 1,    /**< appears whole or not at all; may be gone after loss of power */
    POLYFS_DURABILITY_FILE = 2,    /**< its bytes survive loss of power */
    POLYFS_DURABILITY_FULL = 3     /**< its bytes and its name survive loss of power */
};

#define POLYFS_MKDIR_PARENTS 1u     /**< make missing parents too; those that are there are fine */
#define POLYFS_MKDIR_EXIST_OK 2u    /**< a folder of that name is fine */
#define POLYFS_MKDIR_BUCKET 4u      /**< the bucket or container itself: only `mb` and `rb` ask for it */
#define POLYFS_RENAME_NO_REPLACE 1u /**< refuse with POLYFS_EXISTS when the target is there */
#define POLYFS_SUB_CONFINE 1u       /**< no link, ".." or mount leads out of the folder */

/** Staging objects that stores without nameless ones make begin with it; listings leave them out. */
#define POLYFS_STAGING_PREFIX ".polyfs-tmp-"

/** Which requests go first when both wait. */
enum polyfs_lane {
    POLYFS_LANE_INTERACTIVE = 0, /**< somebody waits for this very answer */
    POLYFS_LANE_BULK = 1         /**< part of a long transfer */
};

#ifdef __cplusplus
}
#endif
#endif
