/* SPDX-License-Identifier: Apache-2.0 */
/* The hdfs plugin: Hadoop's file system through libhdfs and the Java behind it. This file says what it is; no logic. */
#include "hdfs.h"

static struct polyfs_plugin description = {
    .magic = POLYFS_PLUGIN_MAGIC,
    .struct_size = sizeof(struct polyfs_plugin),
    .abi_major = POLYFS_PLUGIN_MAJOR,
    .abi_minor = POLYFS_PLUGIN_MINOR,
    .name = "hdfs",
    .version = "0.1.0",
    .summary = "Hadoop's distributed file system",
    .protocols = "hdfs",
    .authority = "host:port",
    .flags = POLYFS_PLUGIN_LEADING_SLASH | POLYFS_PLUGIN_DOTS_REFUSED | POLYFS_PLUGIN_SLASHES_REFUSED |
             POLYFS_PLUGIN_URL_QUERY,
    .option_stride = sizeof(struct polyfs_option),
    .fs = &hdfs_fs_ops,
    .lister = &hdfs_lister_ops,
    .reader = &hdfs_reader_ops,
    .stream = &hdfs_stream_ops,
};

POLYFS_PLUGIN_EXPORT polyfs_plugin_entry POLYFS_PLUGIN_ENTRY(hdfs);

int POLYFS_PLUGIN_ENTRY(hdfs)(const struct polyfs_host *host, const struct polyfs_plugin **out,
                              struct polyfs_error *err)
{
    if (!POLYFS_HAS(struct polyfs_host, host->struct_size, query))
        return polyfs_fail(err, POLYFS_PLUGIN, "this polyfs is older than the plugin; update it");
    ps_host = host;
    description.options = hdfs_options;
    description.option_count = hdfs_option_count;
    *out = &description;
    return POLYFS_OK;
}
