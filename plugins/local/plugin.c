/* SPDX-License-Identifier: Apache-2.0 */
/* The local plugin: files and folders through Linux system calls. This file says what it is; no logic. */
#include "local.h"

const struct polyfs_host *local_host;

POLYFS_PLUGIN_DEFINE(local, local_host, POLYFS_OK, .version = "0.1.0",
                     .summary = "Files and folders of this machine", .protocols = "file local", .authority = "none",
                     .flags = POLYFS_PLUGIN_LEADING_SLASH | POLYFS_PLUGIN_DOTS_RESOLVED, .fs = &local_fs_ops,
                     .lister = &local_lister_ops, .reader = &local_reader_ops, .placed = &local_placed_ops,
                     .stream = &local_stream_ops)
