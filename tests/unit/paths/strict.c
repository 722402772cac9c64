/* SPDX-License-Identifier: Apache-2.0 */
/* See strict.h: the memory plugin's tables, with a look at each path in front. */
#include "strict.h"

#include "memory.h"
#include "polyfs/plugin.h"

unsigned strict_reached;
unsigned strict_outside;

int polyfs_plugin_v1_memory(const struct polyfs_host *host, const struct polyfs_plugin **out,
                            struct polyfs_error *err);

static const struct polyfs_option options[] = {
    {"store", "", "", POLYFS_OPTION_STRING, 0, "strict", NULL, "name of the store"},
    {"network", "", "", POLYFS_OPTION_BOOL, 0, "true", NULL, "count as a store across a network"},
};

/* Tests of either store use names that it refuses and these words in no other. */
static void look(const char *path)
{
    if (strstr(path, "refused"))
        strict_reached++;
}

static int strict_caps(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                       struct polyfs_caps *out, struct polyfs_error *err)
{
    look(path);
    if (strncmp(path, "d/", 2) != 0)
        __atomic_add_fetch(&strict_outside, 1, __ATOMIC_RELAXED);
    int rc = memory_fs_ops.caps(call, fs, path, path_len, flags, out, err);
    if (rc == POLYFS_OK)
        out->path_max = STRICT_PATH_MAX;
    return rc;
}

static int strict_stat(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                       struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    look(path);
    return memory_fs_ops.stat(call, fs, path, path_len, version, out, meta, err);
}

static int strict_get(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                      const struct polyfs_get_request *request, void *buffer, uint64_t *out_n,
                      struct polyfs_stat *out, struct polyfs_error *err)
{
    look(path);
    return memory_fs_ops.get(call, fs, path, path_len, request, buffer, out_n, out, err);
}

static int strict_put(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const void *data,
                      uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
                      struct polyfs_error *err)
{
    look(path);
    return memory_fs_ops.put(call, fs, path, path_len, data, size, request, out, err);
}

static int strict_remove(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                         const char *version, const struct polyfs_condition *condition, struct polyfs_error *err)
{
    look(path);
    return memory_fs_ops.remove(call, fs, path, path_len, version, condition, err);
}

static int strict_remove_many(struct polyfs_call *call, void *fs, struct polyfs_remove_item *items, uint64_t count,
                              uint64_t stride, struct polyfs_error *err)
{
    for (uint64_t i = 0; i < count; i++)
        look(((struct polyfs_remove_item *)(void *)((char *)items + i * stride))->path);
    return memory_fs_ops.remove_many(call, fs, items, count, stride, err);
}

static int strict_copy(struct polyfs_call *call, void *fs, const struct polyfs_source *source, const char *target,
                       uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                       struct polyfs_stat *out, struct polyfs_error *err)
{
    look(source->path);
    look(target);
    return memory_fs_ops.copy(call, fs, source, target, target_len, request, step, out, err);
}

static int strict_rename(struct polyfs_call *call, void *fs, const struct polyfs_source *source, const char *target,
                         uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                         struct polyfs_error *err)
{
    look(source->path);
    look(target);
    return memory_fs_ops.rename(call, fs, source, target, target_len, request, step, err);
}

static int strict_list(struct polyfs_call *call, void *fs, const char *prefix, uint64_t prefix_len,
                       const struct polyfs_list_request *request, void **out_lister, struct polyfs_error *err)
{
    look(prefix);
    if (prefix_len > STRICT_PATH_MAX)
        return polyfs_fail(err, POLYFS_INVALID, "the name is too long");
    return memory_lister_ops.open(call, fs, prefix, prefix_len, request, out_lister, err);
}

static int describe(const struct polyfs_host *host, const char *name, uint32_t flags, struct polyfs_plugin *plugin,
                    const struct polyfs_plugin **out, struct polyfs_error *err)
{
    static struct polyfs_fs_ops fs_ops;
    static struct polyfs_lister_ops lister_ops;
    const struct polyfs_plugin *memory;
    int rc = polyfs_plugin_v1_memory(host, &memory, err);
    if (rc != POLYFS_OK)
        return rc;
    fs_ops = memory_fs_ops;
    fs_ops.caps = strict_caps;
    fs_ops.stat = strict_stat;
    fs_ops.get = strict_get;
    fs_ops.put = strict_put;
    fs_ops.remove = strict_remove;
    fs_ops.remove_many = strict_remove_many;
    fs_ops.copy = strict_copy;
    fs_ops.rename = strict_rename;
    fs_ops.sub = NULL; /* core makes it, by a prefix */
    lister_ops = memory_lister_ops;
    lister_ops.open = strict_list;
    *plugin = *memory;
    plugin->name = plugin->protocols = name;
    plugin->flags = flags;
    plugin->options = options;
    plugin->option_count = sizeof(options) / sizeof(options[0]);
    plugin->fs = &fs_ops;
    plugin->lister = &lister_ops;
    *out = plugin;
    return POLYFS_OK;
}

static int nodots_entry(const struct polyfs_host *host, const struct polyfs_plugin **out, struct polyfs_error *err)
{
    static struct polyfs_plugin plugin;
    return describe(host, "nodots", POLYFS_PLUGIN_DOTS_REFUSED, &plugin, out, err);
}

static int noslashes_entry(const struct polyfs_host *host, const struct polyfs_plugin **out,
                           struct polyfs_error *err)
{
    static struct polyfs_plugin plugin;
    return describe(host, "noslashes", POLYFS_PLUGIN_SLASHES_REFUSED, &plugin, out, err);
}

int strict_register(void)
{
    int rc = polyfs_plugin_register(nodots_entry, NULL);
    if (rc == POLYFS_OK || rc == POLYFS_EXISTS)
        rc = polyfs_plugin_register(noslashes_entry, NULL);
    return rc == POLYFS_EXISTS ? POLYFS_OK : rc;
}
