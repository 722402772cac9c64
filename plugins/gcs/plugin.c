/* SPDX-License-Identifier: Apache-2.0 */
/* The gcs plugin: Google Cloud Storage and servers that speak its JSON API. This file says what it is; no logic. */
#include "gcs.h"

static struct polyfs_plugin description = {
    .magic = POLYFS_PLUGIN_MAGIC,
    .struct_size = sizeof(struct polyfs_plugin),
    .abi_major = POLYFS_PLUGIN_MAJOR,
    .abi_minor = POLYFS_PLUGIN_MINOR,
    .name = "gcs",
    .version = "0.1.0",
    .summary = "Google Cloud Storage and servers that speak its JSON API",
    .protocols = "gs gcs",
    .authority = "bucket",
    .option_stride = sizeof(struct polyfs_option),
    .fs = &gcs_fs_ops,
    .lister = &gcs_lister_ops,
    .upload = &gcs_upload_ops,
    .stream = &gcs_stream_ops,
};

POLYFS_PLUGIN_EXPORT polyfs_plugin_entry POLYFS_PLUGIN_ENTRY(gcs);

int POLYFS_PLUGIN_ENTRY(gcs)(const struct polyfs_host *host, const struct polyfs_plugin **out,
                             struct polyfs_error *err)
{
    int rc = ps_begin(host, err);
    if (rc != POLYFS_OK)
        return rc;
    description.options = gcs_options;
    description.option_count = gcs_option_count;
    *out = &description;
    return POLYFS_OK;
}
