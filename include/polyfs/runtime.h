/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file runtime.h
 * What is one for the whole process: version, log, memory budget, shutdown.
 *
 * polyfs is a guest: it starts no thread before a call needs a second request in flight, and it never touches
 * signals, locale, umask, the working folder or the standard streams.
 */
#ifndef POLYFS_RUNTIME_H
#define POLYFS_RUNTIME_H

#include "polyfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif
POLYFS_SHARED_NAMES_BEGIN

#define POLYFS_VERSION_MAJOR 0
#define POLYFS_VERSION_MINOR 1
#define POLYFS_VERSION_PATCH 0

/**
 * Version of the running library.
 *
 * @return "MAJOR.MINOR.PATCH"
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const char *polyfs_version(void);

/** Levels of log lines. */
enum polyfs_log_level {
    POLYFS_LOG_ERROR = 0,
    POLYFS_LOG_WARNING = 1,
    POLYFS_LOG_INFO = 2,
    POLYFS_LOG_DEBUG = 3 /**< one line an attempt: operation, URI, attempt, result, milliseconds */
};

/** Takes one log line, without a line end. Called on the thread it is about; must not call polyfs. */
typedef void polyfs_log_fn(uint32_t level, const char *line, void *user);

/**
 * Send log lines of this level and worse to a function. Without one, lines are dropped.
 *
 * @param level  enum polyfs_log_level
 * @param fn     or NULL for none
 * @param user   handed to @p fn
 * Owner: caller keeps @p user alive. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_set_log(uint32_t level, polyfs_log_fn *fn, void *user);

/** Memory and threads, as polyfs_runtime_stats() tells them. */
struct polyfs_runtime_stats {
    uint32_t struct_size;
    uint32_t threads;      /**< of ours, now */
    uint32_t threads_peak; /**< of ours, at most so far */
    uint32_t handles; /**< open readers and writers, transfers and vectored reads: each has a right to one part */
    uint64_t budget_bytes; /**< the budget */
    uint64_t used_bytes;   /**< taken of it now */
    uint64_t peak_bytes;   /**< at most so far; never over budget + handles × part (docs/adr/0006-memory.md) */
};

/**
 * Read them.
 *
 * @param out  struct_size set; filled
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_runtime_stats(struct polyfs_runtime_stats *out);

/**
 * Set the budget for memory beyond the first part of each open handle. Default 32 MiB, or POLYFS_BUDGET.
 *
 * @param bytes  any; more than is taken now takes effect as memory comes back
 * Owner: none. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_set_budget(uint64_t bytes);

/**
 * End all threads of polyfs and forget cached filesystems. Handles still open stay valid; a later call starts
 * threads anew.
 *
 * Owner: none. Thread: any, outside callbacks. Blocks: until calls under way have ended.
 */
POLYFS_API void polyfs_shutdown(void);

POLYFS_SHARED_NAMES_END
#ifdef __cplusplus
}
#endif
#endif
