/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations: a closure that runs a blocking form on a coordinator thread. Coordinators are few and never wait for one
 * another; what they wait for are the executor's tasks, and a callback that only a waiting caller may run.
 */
#ifndef PFS_OP_H
#define PFS_OP_H

#include <stdatomic.h>

#include "core/ctx.h"
#include "core/fork.h"
#include "polyfs/op.h"

#define PFS_COORDINATORS_MAX 4

typedef int pfs_op_run(void *args, struct polyfs_error *err);

/*
 * Make an operation that calls run(args), and then queue it. @args is copied (@size bytes) into memory of the
 * operation, and its address there is handed out, so that callbacks can be pointed back at the operation in between.
 */
int pfs_op_make(pfs_op_run *run, const void *args, size_t size, struct polyfs_op **out_op, void **out_args,
                struct polyfs_error *err);
int pfs_op_start(struct polyfs_op **op, struct polyfs_error *err);

/*
 * Run fn(data) on a thread that is inside polyfs_op_wait() on @op, and wait until it has. With @drop set nobody waits:
 * the call is dropped when nobody is inside right now (progress). Returns at once when the operation was cancelled.
 */
void pfs_op_call_back(struct polyfs_op *op, void (*fn)(void *data), void *data, int drop);

/* The switch of the operation that this thread runs, or NULL: every context begun on it obeys. */
struct polyfs_cancel *pfs_op_current_cancel(void);

void pfs_op_stop(void);
unsigned pfs_op_threads(unsigned *out_peak);

extern const struct pfs_fork_hook pfs_op_hook;

#endif
