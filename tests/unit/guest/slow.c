/* SPDX-License-Identifier: Apache-2.0 */
/* See slow.h: the memory plugin's tables with another stat in them. */
#include "slow.h"

#include "memory.h"
#include "polyfs/plugin.h"

void (*slow_gate)(void);

int polyfs_plugin_v1_memory(const struct polyfs_host *host, const struct polyfs_plugin **out,
                            struct polyfs_error *err);

static const struct polyfs_option options[] = {
    {"store", "", "", POLYFS_OPTION_STRING, 0, "slow", NULL, "name of the store"},
    {"network", "", "", POLYFS_OPTION_BOOL, 0, "true", NULL, "count as a store across a network"},
};

static int slow_stat(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                     struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    if (slow_gate)
        slow_gate();
    return memory_fs_ops.stat(call, fs, path, path_len, version, out, meta, err);
}

static int slow_entry(const struct polyfs_host *host, const struct polyfs_plugin **out, struct polyfs_error *err)
{
    static struct polyfs_plugin plugin;
    static struct polyfs_fs_ops fs_ops;
    const struct polyfs_plugin *memory;
    int rc = polyfs_plugin_v1_memory(host, &memory, err);
    if (rc != POLYFS_OK)
        return rc;
    fs_ops = memory_fs_ops;
    fs_ops.stat = slow_stat;
    plugin = *memory;
    plugin.name = plugin.protocols = "slow";
    plugin.options = options;
    plugin.option_count = sizeof(options) / sizeof(options[0]);
    plugin.fs = &fs_ops;
    *out = &plugin;
    return POLYFS_OK;
}

int slow_register(void)
{
    int rc = polyfs_plugin_register(slow_entry, NULL);
    return rc == POLYFS_EXISTS ? POLYFS_OK : rc;
}
