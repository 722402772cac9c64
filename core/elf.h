/* SPDX-License-Identifier: Apache-2.0 */
/* What a shared object says of itself, read from its file without loading it. */
#ifndef PFS_ELF_H
#define PFS_ELF_H

#include "polyfs/plugin.h"

/* A shared object for this kind of machine that defines @symbol itself, or POLYFS_PLUGIN with the reason. */
int pfs_elf_check(int fd, const char *path, const char *symbol, struct polyfs_error *err);

#endif
