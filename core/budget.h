/* SPDX-License-Identifier: Apache-2.0 */
/* The memory budget: bounds what is extra to the first part of each open handle (docs/adr/0006-memory.md). */
#ifndef PFS_BUDGET_H
#define PFS_BUDGET_H

#include <stdint.h>

#include "core/ctx.h"
#include "core/fork.h"
#include "polyfs/runtime.h"

#define PFS_BUDGET_DEFAULT (UINT64_C(32) << 20)

/* 1 when taken; 0: there is no room now. Never waits. */
int pfs_budget_try(uint64_t bytes);
void pfs_budget_give(uint64_t bytes);

/* The first part of an open handle: counted and reported, never waited for. */
void pfs_budget_handle(int delta);
void pfs_budget_count(int64_t bytes);

/* Frees memory of @room bytes, of which @extra were taken and the rest was counted. */
void pfs_budget_free(void *memory, uint64_t room, uint64_t extra);

/* Fills what the budget knows of the runtime's statistics. */
void pfs_budget_stats(struct polyfs_runtime_stats *out);

extern const struct pfs_fork_hook pfs_budget_hook;

#endif
