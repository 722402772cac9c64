/* SPDX-License-Identifier: Apache-2.0 */
/* The description. */
#include "store.h"

const struct polyfs_host *v1_host;

static const struct polyfs_fs_ops fs_ops = {
    .struct_size = sizeof(fs_ops),
    .open = v1_open,
    .close = v1_close,
    .caps = v1_caps,
    .stat = v1_stat,
    .get = v1_get,
    .put = v1_put,
    .remove = v1_remove,
    .remove_many = v1_remove_many,
    .remove_tree = v1_remove_tree,
    .copy = v1_copy,
    .compose = v1_compose,
    .rename = v1_rename,
    .mkdir = v1_mkdir,
    .rmdir = v1_rmdir,
    .set_metadata = v1_set_metadata,
    .set_times = v1_set_times,
    .checksum = v1_checksum,
    .after_fork = v1_after_fork,
    .query = v1_query,
};

static const struct polyfs_option options[] = {
    {"max_bytes", "", "", POLYFS_OPTION_SIZE, 0, "5TiB", NULL, "most bytes of an object"}};

static const void *plugin_query(const char *id)
{
    (void)id;
    return NULL;
}

POLYFS_PLUGIN_DEFINE(contract_v1, v1_host, POLYFS_OK, .version = "1.0",
                     .summary = "A store of the first frozen contract, in memory", .protocols = "contract-v1",
                     .authority = "none", .options = POLYFS_PLUGIN_OPTIONS(options), .fs = &fs_ops,
                     .lister = &v1_lister_ops, .reader = &v1_reader_ops, .upload = &v1_upload_ops,
                     .placed = &v1_placed_ops, .stream = &v1_stream_ops, .query = plugin_query)
