/* SPDX-License-Identifier: Apache-2.0 */
/* The s3 plugin: Amazon S3 and servers that speak its protocol. This file says what it is; no logic. */
#include "s3.h"

static struct polyfs_plugin description = {
    .magic = POLYFS_PLUGIN_MAGIC,
    .struct_size = sizeof(struct polyfs_plugin),
    .abi_major = POLYFS_PLUGIN_MAJOR,
    .abi_minor = POLYFS_PLUGIN_MINOR,
    .name = "s3",
    .version = "0.1.0",
    .summary = "Amazon S3 and servers that speak its protocol",
    .protocols = "s3 s3a",
    .authority = "bucket",
    .option_stride = sizeof(struct polyfs_option),
    .fs = &s3_fs_ops,
    .lister = &s3_lister_ops,
    .upload = &s3_upload_ops,
};

POLYFS_PLUGIN_EXPORT polyfs_plugin_entry POLYFS_PLUGIN_ENTRY(s3);

int POLYFS_PLUGIN_ENTRY(s3)(const struct polyfs_host *host, const struct polyfs_plugin **out,
                            struct polyfs_error *err)
{
    int rc = ps_begin(host, err);
    if (rc != POLYFS_OK)
        return rc;
    description.options = s3_options;
    description.option_count = s3_option_count;
    *out = &description;
    return POLYFS_OK;
}
