/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filesystem: open, close, facts, stat, sub; and the table of all verbs on paths, which live in files by noun.
 *
 * Invariant: a filesystem is immutable. It names a store, a limit and a root, and holds nothing about objects, so
 * that sub-filesystems and handles share it freely and a fork needs no repair.
 */
#include "memory.h"

#include "object.h"

static int option_is(const struct polyfs_options *options, const char *name, const char *value)
{
    const char *text = memory_host->option(options, name);
    return text && strcmp(text, value) == 0;
}

static int fs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
                   void **out_fs, struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code != POLYFS_OK)
        return code;
    if (inner)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "memory is a store of its own, not a layer over another");
    const char *name = memory_host->option(options, "store");
    uint32_t real = option_is(options, "folders", "real") ? 1 : 0;
    uint32_t versioning = memory_host->option_number(options, "versioning") != 0 ? 1 : 0;
    int64_t max_bytes = memory_host->option_number(options, "max_bytes");
    if (real && versioning)
        return polyfs_fail(err, POLYFS_CONFIG, "versioning needs folders=implied: real folders keep no versions");
    if (max_bytes < 0)
        return polyfs_fail(err, POLYFS_CONFIG, "max_bytes is below 0");
    struct memory_store *store = NULL;
    code = memory_store_use(name ? name : "default", real, versioning, &store, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_fs *fs = NULL;
    code = memory_fs_new(store, (uint64_t)max_bytes, "", 0, &fs, err);
    if (code != POLYFS_OK)
        return code;
    fs->network = memory_host->option_number(options, "network") != 0;
    *out_fs = fs;
    return POLYFS_OK;
}

static void fs_close(void *fs)
{
    memory_fs_unref(fs);
}

/* ---- facts */

static void limits_set(const struct memory_store *store, struct polyfs_caps *out)
{
    out->shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_PARTS | POLYFS_SHAPE_PLACED | POLYFS_SHAPE_STREAM;
    out->condition_shapes = out->shapes;
    out->put_max = UINT64_C(5) << 30;
    out->part_min = 1;
    out->part_max = UINT64_C(5) << 30;
    out->object_max = MEMORY_OBJECT_MAX;
    out->parts_max = 10000;
    out->remove_many_max = 1000;
    out->compose_max = 32;
    out->list_page_max = 1000;
    out->stored_checksums = MEMORY_CHECKSUMS;
    out->cancel_bound_ms = 100;
    out->mtime_resolution_ns = 1;
    snprintf(out->limit_key, sizeof(out->limit_key), "memory:%s", store->name);
}

static int fs_caps(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len, uint32_t flags,
                   struct polyfs_caps *out, struct polyfs_error *err)
{
    const struct memory_fs *fs = handle;
    (void)path;
    (void)path_len;
    int code = memory_go(call, err);
    if (code != POLYFS_OK)
        return code;
    if ((flags & ~POLYFS_CAPS_PROBE) != 0)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag of the question is not known");
    polyfs_facts(out, POLYFS_FACT_FLAT_LIST, POLYFS_FACT_ORDERED_LIST, POLYFS_FACT_START_AFTER,
                 POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_IF_MATCH, POLYFS_FACT_COPY_CONDITION,
                 POLYFS_FACT_READ_CONDITION, POLYFS_FACT_PINNED_READ, POLYFS_FACT_SUFFIX_READ, POLYFS_FACT_METADATA,
                 POLYFS_FACT_CONTENT_TYPE, POLYFS_FACT_SET_METADATA, POLYFS_FACT_SET_TIMES, POLYFS_FACT_COPY,
                 POLYFS_FACT_COPY_PART, POLYFS_FACT_COMPOSE, POLYFS_FACT_RENAME, POLYFS_FACT_RENAME_ATOMIC,
                 POLYFS_FACT_RENAME_NO_REPLACE, POLYFS_FACT_APPEND, POLYFS_FACT_REMOVE_MANY,
                 POLYFS_FACT_REMOVE_TREE, POLYFS_FACT_LIST_UPLOADS, POLYFS_FACT_STORED_CHECKSUM,
                 POLYFS_FACT_REMOVE_CONDITION, POLYFS_FACT_CONFINE, POLYFS_FACT_CASE_SENSITIVE,
                 POLYFS_FACT_ANY_BYTES, POLYFS_FACT_COUNT);
    out->fact[POLYFS_FACT_NETWORK] = fs->network ? POLYFS_YES : POLYFS_NO;
    out->fact[POLYFS_FACT_REAL_DIRS] = fs->store->real_folders ? POLYFS_YES : POLYFS_NO;
    out->fact[POLYFS_FACT_RENAME_DIR] = fs->store->real_folders ? POLYFS_YES : POLYFS_NO;
    out->fact[POLYFS_FACT_VERSIONS] = fs->store->versioning ? POLYFS_YES : POLYFS_NO;
    limits_set(fs->store, out);
    return POLYFS_OK;
}

/* ---- stat */

/* Of the root of a store nothing is kept; it always is. So it is with the root of a sub without real folders. */
static void root_stat(struct polyfs_stat *out)
{
    uint32_t struct_size = out->struct_size;
    *out = (struct polyfs_stat)POLYFS_STAT_INIT;
    out->struct_size = struct_size;
    out->type = POLYFS_TYPE_DIR;
    out->size = 0;
}

static int stat_locked(struct memory_fs *fs, const struct memory_key *key, const char *version,
                       struct polyfs_stat *out, struct memory_meta **meta, struct polyfs_error *err)
{
    struct memory_version *found = NULL;
    int code = memory_find_locked(fs, key, version, &found, err);
    if (code != POLYFS_OK)
        return code;
    memory_version_stat(fs->store, found, found == memory_at_locked(fs->store, key->bytes, key->length), out);
    *meta = memory_meta_ref(found->meta);
    return POLYFS_OK;
}

static int fs_stat(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len, const char *version,
                   struct polyfs_stat *out, struct polyfs_pairs *meta_out, struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&key, fs, path, path_len, err);
    if (code != POLYFS_OK)
        return code;
    if (key.root && !version && (key.length == 0 || !fs->store->real_folders)) {
        root_stat(out);
        return POLYFS_OK;
    }
    MEMORY_AUTO(meta) struct memory_meta *meta = NULL;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    memory_lock(fs->store);
    code = stat_locked(fs, &key, version, &stat, &meta, err);
    memory_unlock(fs->store);
    if (code == POLYFS_OK)
        code = memory_meta_tell(meta, meta_out, err);
    if (code != POLYFS_OK)
        return code;
    stat.struct_size = out->struct_size;
    *out = stat;
    return POLYFS_OK;
}

/* ---- sub */

/* Nothing leads out of a sub: its root leads every key, and `..` is a name like any other. */
static int fs_sub(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len, uint32_t flags,
                  void **out_fs, struct polyfs_error *err)
{
    struct memory_fs *fs = handle, *sub = NULL;
    struct memory_version *found = NULL;
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK && (flags & ~POLYFS_SUB_CONFINE) != 0)
        code = polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag of the sub-filesystem is not known");
    if (code == POLYFS_OK)
        code = memory_key_make(&key, fs, path, path_len, err);
    if (code != POLYFS_OK)
        return code;
    if (fs->store->real_folders && key.folder > 0) {
        memory_lock(fs->store);
        code = memory_find_locked(fs, &key, NULL, &found, err);
        if (code == POLYFS_OK && found->kind != MEMORY_FOLDER)
            code = polyfs_fail(err, POLYFS_NOT_DIR, "it is an object, not a folder");
        memory_unlock(fs->store);
        if (code != POLYFS_OK)
            return code;
    }
    memory_store_share(fs->store);
    code = memory_fs_new(fs->store, fs->max_bytes, key.bytes, key.folder, &sub, err);
    if (code != POLYFS_OK)
        return code;
    sub->network = fs->network;
    *out_fs = sub;
    return POLYFS_OK;
}

const struct polyfs_fs_ops memory_fs_ops = {
    .struct_size = sizeof(struct polyfs_fs_ops),
    .open = fs_open,
    .close = fs_close,
    .caps = fs_caps,
    .stat = fs_stat,
    .get = memory_get,
    .put = memory_put,
    .remove = memory_remove,
    .remove_many = memory_remove_many,
    .remove_tree = memory_remove_tree,
    .copy = memory_copy,
    .compose = memory_compose,
    .rename = memory_rename,
    .mkdir = memory_mkdir,
    .rmdir = memory_rmdir,
    .set_metadata = memory_set_metadata,
    .set_times = memory_set_times,
    .sub = fs_sub,
};
