/* SPDX-License-Identifier: Apache-2.0 */
/* The local plugin: files and folders through Linux system calls. This file says what it is; no logic. */
#include "local.h"

const struct polyfs_host *local_host;

static const struct polyfs_plugin description = {
    .magic = POLYFS_PLUGIN_MAGIC,
    .struct_size = sizeof(struct polyfs_plugin),
    .abi_major = POLYFS_PLUGIN_MAJOR,
    .abi_minor = POLYFS_PLUGIN_MINOR,
    .name = "local",
    .version = "0.1.0",
    .summary = "Files and folders of this machine",
    .protocols = "file local",
    .authority = "none",
    .flags = POLYFS_PLUGIN_LEADING_SLASH | POLYFS_PLUGIN_DOTS_RESOLVED,
    .fs = &local_fs_ops,
    .lister = &local_lister_ops,
    .reader = &local_reader_ops,
    .placed = &local_placed_ops,
    .stream = &local_stream_ops,
};

POLYFS_PLUGIN_EXPORT int POLYFS_PLUGIN_ENTRY(local)(const struct polyfs_host *host,
                                                    const struct polyfs_plugin **out, struct polyfs_error *err);

int POLYFS_PLUGIN_ENTRY(local)(const struct polyfs_host *host, const struct polyfs_plugin **out,
                               struct polyfs_error *err)
{
    (void)err;
    local_host = host;
    *out = &description;
    return POLYFS_OK;
}
