/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file async.h
 * Saving while training goes on: a checkpoint is copied, or its memory is left alone, and a thread writes it. Commits
 * happen in the order in which they were asked for, so that nothing is evicted before what replaces it is there.
 * And what to do when the machine is about to be taken away.
 *
 * The rules of polyfs/checkpoint.h hold. While there is a struct polyfs_ckpt_async, its run is used through it alone;
 * runs that are opened beside it for reading are independent, as ever. A child of fork() gets POLYFS_FORKED. What is
 * queued when the process leaves without polyfs_ckpt_async_close() or _flush() is lost.
 */
#ifndef POLYFS_ASYNC_H
#define POLYFS_ASYNC_H

#include "polyfs/checkpoint.h"

#ifdef __cplusplus
extern "C" {
#endif
POLYFS_SHARED_NAMES_BEGIN

struct polyfs_ckpt_async; /**< a run that is saved to by a thread */

/** What becomes of a save when the queue is full. */
enum polyfs_ckpt_full {
    POLYFS_CKPT_BLOCK = 0,   /**< it waits for room */
    POLYFS_CKPT_DROP = 1,    /**< it is not taken: POLYFS_BUSY */
    POLYFS_CKPT_REPLACE = 2, /**< it takes the place of the newest that waits */
};

/** How to save. NULL: one save waits beside the one under way, a further one waits for room, memory as it is needed. */
struct polyfs_ckpt_async_opts {
    uint32_t struct_size;
    uint32_t depth;    /**< saves that may wait, 32 at most; 0 = 1 */
    uint32_t full;     /**< enum polyfs_ckpt_full */
    uint32_t reserved; /**< 0 */
    uint64_t
        budget_bytes; /**< of copies in all; 0 no limit. A save waits for it; one that is larger is TOO_LARGE */
};
#define POLYFS_CKPT_ASYNC_OPTS_INIT                                                                                \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_ckpt_async_opts), 0, POLYFS_CKPT_BLOCK, 0, 0                                \
    }

/**
 * Begin to save to a run by a thread. The thread is made with the first save.
 *
 * @param ckpt       open for saving; it has to outlive this
 * @param opts       or NULL
 * @param out_async  end with polyfs_ckpt_async_close()
 * @return POLYFS_OK, POLYFS_INVALID, POLYFS_NOMEM
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_ckpt_async_new(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_async_opts *opts,
                                     struct polyfs_ckpt_async **out_async, struct polyfs_error *err);

/**
 * Begin a checkpoint. What is written to the saver is copied; with POLYFS_CKPT_PINNED the tensors are not.
 *
 * @param opts       or NULL
 * @param flags      0 or POLYFS_CKPT_PINNED: the data of tensors stays as it is until the save is done
 * @param out_saver  for polyfs_ckpt_write() and its like; end with polyfs_ckpt_async_commit() or polyfs_ckpt_abort()
 * @return POLYFS_OK; POLYFS_BUSY: with POLYFS_CKPT_DROP, the queue is full; what an earlier save failed with, told once:
 *         nothing was begun, and the next call begins
 * Owner: caller. Thread: one at a time. Blocks: with POLYFS_CKPT_BLOCK, until there is room.
 */
POLYFS_API int polyfs_ckpt_async_begin(struct polyfs_ckpt_async *async, const struct polyfs_ckpt_save_opts *opts,
                                       uint32_t flags, struct polyfs_ckpt_saver **out_saver,
                                       struct polyfs_error *err);
#define POLYFS_CKPT_PINNED 1u

/**
 * Hand a checkpoint over to be saved.
 *
 * @param saver       of polyfs_ckpt_async_begin(); gone when the call returns, well or not
 * @param out_ticket  NULL, or its number for status and wait
 * @return POLYFS_OK: queued; POLYFS_NOMEM
 * Owner: takes the saver. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_ckpt_async_commit(struct polyfs_ckpt_async *async, struct polyfs_ckpt_saver *saver,
                                        uint64_t *out_ticket, struct polyfs_error *err);

/**
 * polyfs_ckpt_on() by the thread: the state is copied, and the policy goes on as if it were saved. A queue that is full
 * blocks, whatever the options say: a plan that is left out would leave the policy wrong. When a save fails that was
 * due, the next call tells it, once, and the policy forgets that checkpoint.
 *
 * @param fill        called on this thread
 * @param out_ticket  NULL, or its number; 0: nothing was due
 * @return as polyfs_ckpt_on(), and as polyfs_ckpt_async_begin()
 * Owner: caller. Thread: one at a time. Blocks: until there is room.
 */
POLYFS_API int polyfs_ckpt_async_on(struct polyfs_ckpt_async *async, struct polyfs_policy *policy, uint32_t event,
                                    const struct polyfs_policy_moment *moment, polyfs_ckpt_fill_fn *fill,
                                    void *user, uint64_t *out_ticket, struct polyfs_error *err);

/**
 * polyfs_ckpt_taken() that knows what is queued, too.
 *
 * @param path   name of a checkpoint
 * @param async  as the `user` of struct polyfs_policy_run
 * @return 0, 1 or 2
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_ckpt_async_taken(const char *path, void *async);

/**
 * Wait for a save.
 *
 * @param ticket      of one of the 64 newest saves
 * @param timeout_ms  milliseconds; 0: only look
 * @param out_info    NULL, or what was committed
 * @return POLYFS_OK: committed; POLYFS_MORE: not yet; POLYFS_CANCELLED: replaced or dropped; POLYFS_NOT_FOUND: no such
 *         ticket; else what it failed with, which then counts as told
 * Owner: caller. Thread: any. Blocks: up to @p timeout_ms.
 */
POLYFS_API int polyfs_ckpt_async_wait(struct polyfs_ckpt_async *async, uint64_t ticket, uint64_t timeout_ms,
                                      struct polyfs_ckpt_info *out_info, struct polyfs_error *err);

/**
 * Get everything that is queued committed before a deadline, as when the machine is about to go. Of several saves that
 * have not been started only the newest is made, but those of a policy are all made.
 *
 * @param deadline_ms  milliseconds from now
 * @return POLYFS_OK: nothing is queued any more; POLYFS_TIMEOUT; else what a save failed with, told once
 * Owner: caller. Thread: one at a time. Blocks: up to @p deadline_ms.
 */
POLYFS_API int polyfs_ckpt_async_flush(struct polyfs_ckpt_async *async, uint64_t deadline_ms,
                                       struct polyfs_error *err);

/**
 * Save what is queued, and end.
 *
 * @param async  or NULL
 * @return POLYFS_OK, or the first failure that was not told
 * Owner: takes it. Thread: one. Blocks: until the queue is empty.
 */
POLYFS_API int polyfs_ckpt_async_close(struct polyfs_ckpt_async *async, struct polyfs_error *err);

/* ---- being preempted ----------------------------------------------------------------------------------- */

/**
 * Ask for a signal to be noted, as those have it that say "this machine goes in 30 seconds". A program calls it once; it
 * is the only function of this library that sets a handler. A handler that was there before is called too.
 *
 * @param signal    e.g. SIGTERM; more than one by more than one call
 * @param grace_ms  milliseconds from the signal until the process has to be done
 * @return POLYFS_OK, POLYFS_INVALID
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_ckpt_preempt_on(int signal, uint32_t grace_ms, struct polyfs_error *err);

/**
 * Whether the signal has come: to be asked after each step. A signal handler may ask, too.
 *
 * @return 0: no; else how many milliseconds of the grace are left, 1 at least
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API uint32_t polyfs_ckpt_preempted(void);

POLYFS_SHARED_NAMES_END
#ifdef __cplusplus
}
#endif
#endif
