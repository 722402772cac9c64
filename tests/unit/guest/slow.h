/* SPDX-License-Identifier: Apache-2.0 */
/* A memory store across a network that is as slow as the test wants: each stat calls the gate first. */
#ifndef SLOW_H
#define SLOW_H

#include <polyfs/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

extern void (*slow_gate)(void);
/* Registers it, once, for slow://; POLYFS_OK also when it was. */
int slow_register(void);

#ifdef __cplusplus
}
#endif
#endif
