/* SPDX-License-Identifier: Apache-2.0 */
/* What is at a path, folders of stores without folders included. */
#ifndef PFS_STAT_H
#define PFS_STAT_H

#include "core/verb.h"
#include "polyfs/io.h"

/*
 * As polyfs_stat, inside a verb. Where folders are not real, a prefix under which something lies is one: that takes
 * a second request, and only after the store said that there is no such object.
 */
/* The object alone: a folder that only its members imply is NOT_FOUND. */
int pfs_stat_object(struct pfs_verb *verb, const char *path, struct polyfs_stat *out);
int pfs_stat(struct pfs_verb *verb, const char *path, const char *version, struct polyfs_stat *out);

#endif
