/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which plugin serves which protocol. The list comes from folders of manifests; core holds no list of its own.
 */
#ifndef PFS_REGISTRY_H
#define PFS_REGISTRY_H

#include "core/fork.h"
#include "core/plugin.h"

/* The plugin of a protocol, loaded. POLYFS_PLUGIN: none (names the nearest), or why it cannot be used. */
int pfs_registry_get(const char *protocol, struct pfs_plugin **out, struct polyfs_error *err);

/* Does any manifest, usable or not, know this protocol? Used to refuse "s3:/bucket/key". */
int pfs_registry_knows(const char *protocol);

/* Reads the folders anew and visits each record, in the order in which they are preferred, until one fails. */
int pfs_registry_each(int (*visit)(const struct pfs_plugin *plugin, void *user), void *user,
                      struct polyfs_error *err);

/* The option rows of a protocol's plugin, also of one that cannot be used, through @copy. */
int pfs_registry_rows(const char *protocol,
                      int (*copy)(struct pfs_option_rows *to, const struct pfs_option_rows *from),
                      struct pfs_option_rows *to, struct polyfs_error *err);

extern const struct pfs_fork_hook pfs_registry_hook;

#endif
