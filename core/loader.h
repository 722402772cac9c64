/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file name to core's copies of its tables: where plugins are looked for, which files may be loaded, and
 * the loading itself. Nothing is ever unloaded.
 */
#ifndef PFS_LOADER_H
#define PFS_LOADER_H

#include "core/plugin.h"

/* One folder to look in. */
struct pfs_folder {
    char *path;
    int trusted; /* named by the program: owner and mode are its own business */
};

#define PFS_FOLDERS_MAX 64

/*
 * Fills @out in search order; paths are malloc'ed, also those found before memory was gone. @added: NULL-terminated,
 * from the program.
 */
int pfs_loader_folders(char *const *added, struct pfs_folder out[PFS_FOLDERS_MAX], size_t *out_count,
                       struct polyfs_error *err);

/*
 * May this file be loaded? Regular, no link, right ELF, owned by root, us or whoever owns the running library, and
 * writable by nobody else, and so each folder above it. POLYFS_PLUGIN with the reason and the command that ends it.
 */
int pfs_loader_check(const char *path, int trusted, struct polyfs_error *err);

/* Load, call the entry symbol, take the tables. Runs code of the plugin. */
int pfs_loader_load(struct pfs_plugin *plugin, struct polyfs_error *err);

/* The description of any plugin file that the program names, for `polyfs manifest`. */
int pfs_loader_describe(const char *path, const struct polyfs_plugin **out, struct polyfs_error *err);

#endif
