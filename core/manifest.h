/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAME.plugin: the text file beside a plugin that says everything the registry needs, so that listing protocols
 * and options runs no code of a plugin. `polyfs manifest FILE.so` writes it; docs/plugin-guide.md has an example.
 */
#ifndef PFS_MANIFEST_H
#define PFS_MANIFEST_H

#include "core/plugin.h"

/* Reads a manifest. A wrong one still gives a plugin as far as it can be told, with `failure` set. */
int pfs_manifest_read(const char *path, struct pfs_plugin **out, struct polyfs_error *err);

/* The text of a manifest for what @raw describes; free() it. */
int pfs_manifest_write(const struct polyfs_plugin *raw, char **out, struct polyfs_error *err);

#endif
