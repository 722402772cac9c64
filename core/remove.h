/* SPDX-License-Identifier: Apache-2.0 */
/* Removing many objects, for the verbs that do. */
#ifndef PFS_REMOVE_H
#define PFS_REMOVE_H

#include "core/verb.h"

/* One is removed, or why not; what was not there counts as removed. Below 0: begin no further ones. */
typedef int pfs_removed_fn(size_t i, int code, const struct polyfs_error *why, void *user);

/* Objects, not folders: in the largest requests that the store takes, else several at a time. */
int pfs_remove_many(struct pfs_verb *verb, const char *const *paths, size_t count, unsigned jobs,
                    pfs_removed_fn *removed, void *user);

#endif
