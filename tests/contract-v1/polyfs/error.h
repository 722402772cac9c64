/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file error.h
 * The one error type of polyfs: codes, the caller-owned struct, and their mappings.
 *
 * Every fallible call returns an `int`: POLYFS_OK, POLYFS_MORE, or a negative code of the list below. Details
 * go to a `struct polyfs_error` that the caller owns and may leave out (NULL). There is no thread-local "last
 * error". The table of codes, errno values, exit statuses and Python exceptions is docs/error-model.md.
 */
#ifndef POLYFS_ERROR_H
#define POLYFS_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include "polyfs/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Result codes. Numbers are never reused. A reader treats a negative code it does not know as POLYFS_IO. */
enum polyfs_code {
    POLYFS_OK = 0,            /**< done */
    POLYFS_MORE = 1,          /**< done so far; call again (pages of a listing, steps of a long slot) */
    POLYFS_NOT_FOUND = -1,    /**< no such object, folder or bucket */
    POLYFS_EXISTS = -2,       /**< create-only lost: something is there already */
    POLYFS_CONDITION = -3,    /**< if-match lost: what is there is not what was named */
    POLYFS_CHANGED = -4,      /**< the version that a reader is pinned to is gone */
    POLYFS_IS_DIR = -5,       /**< a folder where an object is needed */
    POLYFS_NOT_DIR = -6,      /**< an object where a folder is needed */
    POLYFS_NOT_EMPTY = -7,    /**< the folder or bucket still holds something */
    POLYFS_PERMISSION = -8,   /**< the credentials are good, but lack a right */
    POLYFS_AUTH = -9,         /**< no, wrong or expired credentials */
    POLYFS_INVALID = -10,     /**< an argument that can never work: path, flag, token */
    POLYFS_CONFIG = -11,      /**< an option, environment value or file of settings is wrong */
    POLYFS_UNSUPPORTED = -12, /**< this store, path or build cannot do it; nothing was sent */
    POLYFS_RANGE = -13,       /**< the range starts beyond the end */
    POLYFS_TOO_LARGE = -14,   /**< over a limit of the store */
    POLYFS_NO_SPACE = -15,    /**< disk, quota or counted memory is full */
    POLYFS_BUSY = -16,        /**< throttled, or a lease is held; later may work */
    POLYFS_TIMEOUT = -17,     /**< the deadline passed */
    POLYFS_NETWORK = -18,     /**< name lookup, connection, TLS, or a broken reply */
    POLYFS_CANCELLED = -19,   /**< the caller cancelled */
    POLYFS_CORRUPT = -20,     /**< the bytes do not match their checksum or format */
    POLYFS_NOMEM = -21,       /**< memory is gone */
    POLYFS_FORKED = -22,      /**< a handle of the parent process, used in a child */
    POLYFS_PLUGIN = -23,      /**< no plugin for this protocol, or it cannot be loaded */
    POLYFS_IO = -24           /**< anything else */
};

/** Whether a repeat can help. Core alone repeats (docs/architecture.md, "retry has one owner"). */
enum polyfs_retry {
    POLYFS_RETRY_NEVER = 0,   /**< the same call fails the same way */
    POLYFS_RETRY_LEARNED = 1, /**< the plugin learned a region, time or key: repeat at once, at most three times */
    POLYFS_RETRY_TRANSIENT = 2, /**< repeat after a back-off */
    POLYFS_RETRY_THROTTLED = 3, /**< repeat after a longer back-off, or after_ms if that is given */
    POLYFS_RETRY_RESTART = 4    /**< this upload is dead; the same bytes may go under a new one */
};

/** What is known of a change that failed. */
enum polyfs_commit_state {
    POLYFS_COMMIT_NOT_APPLIED = 0, /**< the store holds what it held before */
    POLYFS_COMMIT_APPLIED = 1,     /**< the change is there, although the call failed */
    POLYFS_COMMIT_UNKNOWN = 2      /**< the reply was lost; look before acting */
};

/**
 * Details of one failure. Set `struct_size` (POLYFS_ERROR_INIT does) and pass its address; it is untouched on
 * success. All text is UTF-8, ends in NUL, is cut at a whole character, and never holds a secret.
 * Owner: caller. Size: 2,048 bytes, so it fits on a stack and works when memory is gone.
 */
struct polyfs_error {
    uint32_t struct_size;  /**< sizeof(struct polyfs_error) as the caller knows it */
    int32_t code;          /**< enum polyfs_code */
    uint32_t retry;        /**< enum polyfs_retry */
    uint32_t after_ms;     /**< the store's own wish for a pause; 0 none */
    uint32_t commit_state; /**< enum polyfs_commit_state */
    int32_t sys_errno;     /**< errno of a failed system call; 0 none */
    int32_t http_status;   /**< 0 none */
    uint32_t attempts;     /**< how often it was tried */
    char native_code[64];  /**< the store's own word, e.g. "SlowDown" */
    char request_id[96];   /**< what the store's operators ask for */
    char operation[32];    /**< the verb, e.g. "stat" */
    char uri[640];         /**< what it was done to; a long one is cut in the middle */
    char message[1184];    /**< a whole sentence: what happened, to what, why, what to do; print it as it is */
};

/** A ready initializer: `struct polyfs_error err = POLYFS_ERROR_INIT;` */
#define POLYFS_ERROR_INIT                                                                                          \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_error), 0, 0, 0, 0, 0, 0, 0, {0}, {0}, {0}, {0},                            \
        {                                                                                                          \
            0                                                                                                      \
        }                                                                                                          \
    }

/**
 * Name of a code in lower case, e.g. "not_found"; "io" for one that is not known.
 *
 * @param code  enum polyfs_code
 * @return a static string, never NULL
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const char *polyfs_code_name(int code);

/**
 * Code of a name as polyfs_code_name() gives it, any case.
 *
 * @param name  NUL-terminated
 * @return the code, or POLYFS_INVALID when there is none of that name (also the code of "invalid")
 * Owner: caller keeps @p name. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_code_from_name(const char *name);

/**
 * The errno value that stands for a code (docs/error-model.md).
 *
 * @param code  enum polyfs_code
 * @return 0 for POLYFS_OK and POLYFS_MORE, else a positive errno
 * Owner: none. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_code_errno(int code);

/**
 * The exit status that the command gives for a code (docs/error-model.md).
 *
 * @param code  enum polyfs_code
 * @return 0 for POLYFS_OK and POLYFS_MORE, else 1 to 8, or 130 for POLYFS_CANCELLED
 * Owner: none. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_code_exit_status(int code);

#ifdef __cplusplus
}
#endif
#endif
