/* SPDX-License-Identifier: Apache-2.0 */
/* A memory store across a network that is as slow as the test wants: each stat calls the gate first. */
#ifndef SLOW_H
#define SLOW_H

#include <polyfs/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

extern void (*slow_gate)(void);
int slow_entry(const struct polyfs_host *host, const struct polyfs_plugin **out, struct polyfs_error *err);

#ifdef __cplusplus
}
#endif
#endif
