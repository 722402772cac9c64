/* SPDX-License-Identifier: Apache-2.0 */
/* What is set up once for the process, and how the process is left. */
#ifndef PFS_RUNTIME_H
#define PFS_RUNTIME_H

#include "polyfs/runtime.h"

/* Fork handlers, budget from the environment. Cheap after the first time. */
void pfs_runtime_setup(void);

/* A plugin was loaded: from now on the exit handler matters. It is registered after the libraries of the first
 * plugin were loaded, so it runs before their own. POLYFS_OK or NOMEM. Under the registry's lock. */
int pfs_runtime_loaded(void);

/* Public calls under way; the exit handler refuses new ones and waits for these. */
int pfs_runtime_enter(void);
void pfs_runtime_leave(void);

#endif
