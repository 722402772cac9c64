/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context of one public call: its deadline, its cancel switches, its lane and its id. It lives on the stack
 * of the blocking form, or in the operation of the submit form, and outlives every slot called for it.
 */
#ifndef PFS_CTX_H
#define PFS_CTX_H

#include <stdatomic.h>

#include "core/error.h"
#include "core/fork.h"
#include "polyfs/fs.h"

/* The switch. Its descriptor is an eventfd made by the first who has to wait on it; -1 before. */
struct polyfs_cancel {
    atomic_int fired;
    atomic_int fd;
};

struct pfs_ctx {
    /* immutable after begin */
    const char *verb;
    struct polyfs_cancel *user; /* or NULL */
    struct polyfs_cancel *op;   /* of the operation that runs this call, or NULL */
    int64_t deadline_ns;        /* CLOCK_MONOTONIC; INT64_MAX none */
    uint32_t lane;
    uint8_t op_id[16];
    /* any thread */
    struct polyfs_cancel own; /* fired by polyfs_op_cancel and at exit */
    atomic_int all_fd;        /* an epoll over the switches, made on demand; -1 */

    /* guarded by the list's lock: calls that may wait on their descriptor, for the exit handler to wake */
    struct pfs_ctx *next, **back;
    uint64_t listed; /* the fork generation that listed it; 0 not listed */
};

/* @opts may be NULL. POLYFS_UNSUPPORTED for a flag that is not known. Sends nothing, takes no lock. */
int pfs_ctx_begin(struct pfs_ctx *ctx, const char *verb, const struct polyfs_call_opts *opts,
                  struct polyfs_error *err);
void pfs_ctx_end(struct pfs_ctx *ctx);

/* POLYFS_OK, POLYFS_CANCELLED or POLYFS_TIMEOUT. */
int pfs_ctx_stopped(const struct pfs_ctx *ctx);
/* The same, with @err filled. */
int pfs_ctx_check(const struct pfs_ctx *ctx, struct polyfs_error *err);
/* A descriptor that is readable once a switch was turned; -1 when none can be made. */
int pfs_ctx_fd(struct pfs_ctx *ctx);
/* Sleeps until @until_ns, a cancel or the deadline. POLYFS_OK, POLYFS_CANCELLED or POLYFS_TIMEOUT. */
int pfs_ctx_sleep(struct pfs_ctx *ctx, int64_t until_ns);

void pfs_cancel_init(struct polyfs_cancel *cancel);
void pfs_cancel_clear(struct polyfs_cancel *cancel);

/* Wakes every call that waits on its descriptor; used by the exit handler. */
void pfs_ctx_wake_all(void);

/* Set by the exit handler: every call ends with POLYFS_CANCELLED from then on. */
extern atomic_int pfs_exiting;

extern const struct pfs_fork_hook pfs_ctx_hook;

int64_t pfs_now_ns(void); /* CLOCK_MONOTONIC */

#define PFS_MS INT64_C(1000000)

#endif
