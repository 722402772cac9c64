/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of paths, as fsspec has them: `*` `?` `[ab]` `[!ab]` within a part, `**` as a whole part for any number
 * of them, a trailing '/' for folders only; and `\` before a character that stands for itself.
 */
#ifndef PFS_GLOB_H
#define PFS_GLOB_H

#include "core/error.h"

struct pfs_glob;

/* Is there anything in @path that makes it a pattern? */
int pfs_glob_magic(const char *path);
/* @path without its backslashes, malloc'ed. */
char *pfs_glob_plain(const char *path);

/* POLYFS_INVALID for `a**b`; POLYFS_NOMEM. */
int pfs_glob_new(const char *pattern, struct pfs_glob **out, struct polyfs_error *err);
void pfs_glob_free(struct pfs_glob *glob);

/* The folder to search, without '/' at its end but for "/" itself. */
const char *pfs_glob_root(const struct pfs_glob *glob);
/* Levels below the root that can match; 0 = no limit. @max_depth: of what `**` may stand for; 0 = no limit. */
uint32_t pfs_glob_depth(const struct pfs_glob *glob, uint32_t max_depth);
int pfs_glob_match(const struct pfs_glob *glob, const char *path, size_t length, int is_dir);

#endif
