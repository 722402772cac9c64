/* SPDX-License-Identifier: Apache-2.0 */
/* The abfs plugin: Azure Blob Storage and Data Lake Storage. This file says what it is; no logic. */
#include "abfs.h"

static struct polyfs_plugin description = {
    .magic = POLYFS_PLUGIN_MAGIC,
    .struct_size = sizeof(struct polyfs_plugin),
    .abi_major = POLYFS_PLUGIN_MAJOR,
    .abi_minor = POLYFS_PLUGIN_MINOR,
    .name = "abfs",
    .version = "0.1.0",
    .summary = "Azure Blob Storage and Data Lake Storage",
    .protocols = "abfs abfss az adl",
    .authority = "container@account",
    .flags = POLYFS_PLUGIN_DOTS_REFUSED,
    .option_stride = sizeof(struct polyfs_option),
    .fs = &abfs_fs_ops,
    .lister = &abfs_lister_ops,
    .upload = &abfs_upload_ops,
    .stream = &abfs_stream_ops,
};

POLYFS_PLUGIN_EXPORT polyfs_plugin_entry POLYFS_PLUGIN_ENTRY(abfs);

int POLYFS_PLUGIN_ENTRY(abfs)(const struct polyfs_host *host, const struct polyfs_plugin **out,
                              struct polyfs_error *err)
{
    int rc = ps_begin(host, err);
    if (rc != POLYFS_OK)
        return rc;
    description.options = abfs_options;
    description.option_count = abfs_option_count;
    *out = &description;
    return POLYFS_OK;
}
