/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory budget: what is extra to the first part of each open handle. Whoever needs memory of it takes all it
 * needs in one step, first come first served, and never waits while it holds some (docs/architecture.md, "Memory").
 */
#ifndef PFS_BUDGET_H
#define PFS_BUDGET_H

#include <stdint.h>

#include "core/ctx.h"
#include "core/fork.h"
#include "polyfs/runtime.h"

#define PFS_BUDGET_DEFAULT (UINT64_C(32) << 20)

/* Waits its turn. A request larger than the whole budget is granted when nothing else is taken. */
int pfs_budget_take(struct pfs_ctx *ctx, uint64_t bytes);
/* Never waits: 1 when taken, 0 when there is no room now or somebody is before us. */
int pfs_budget_try(uint64_t bytes);
void pfs_budget_give(uint64_t bytes);

/* The first part of an open handle: counted and reported, never waited for. */
void pfs_budget_handle(int delta);
void pfs_budget_count(int64_t bytes);

/* Fills what the budget knows of the runtime's statistics. */
void pfs_budget_stats(struct polyfs_runtime_stats *out);

extern const struct pfs_fork_hook pfs_budget_hook;

#endif
