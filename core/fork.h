/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork(2) in a process that uses polyfs. A gate keeps every thread out of libraries that are not fork-safe while
 * the process forks; the child counts a new generation and makes threads, budget and locks anew.
 * Why: without the gate 2 of 6,000 children hung in TLS, with it none (docs/adr/0004-fork-and-exit.md).
 */
#ifndef PFS_FORK_H
#define PFS_FORK_H

#include <stdint.h>

/* 1 in the first process, one more in each forked child. */
uint64_t pfs_fork_generation(void);

/* The gate. Sections may nest on one thread; enter waits while the process forks. */
void pfs_section_enter(void);
void pfs_section_leave(void);

/* A lock of ours that a fork must not find held. Rows are taken in the order of registration. */
struct pfs_fork_hook {
    void (*prepare)(void); /* take the lock */
    void (*parent)(void);  /* release it */
    void (*child)(void);   /* make it anew */
};
void pfs_fork_hook_add(const struct pfs_fork_hook *hook);

#endif
