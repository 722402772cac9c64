/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders: mkdir and rmdir.
 *
 * With folders=real a folder is an entry whose key ends in '/', made in its parent and removed when nothing is
 * below it. With folders=implied there are none to make: mkdir has nothing to do and says so by succeeding, and
 * rmdir only refuses what is not empty.
 */
#include "memory.h"

#include "object.h"

#define MKDIR_FLAGS (POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK)

static int flags_check(uint32_t flags, uint32_t known, struct polyfs_error *err)
{
    if (flags & POLYFS_MKDIR_BUCKET)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this store has no buckets; its option store names another");
    if ((flags & ~known) != 0)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    return POLYFS_OK;
}

static int folder_add_locked(struct memory_fs *fs, const char *bytes, uint64_t length, struct polyfs_error *err)
{
    struct memory_version *version = NULL;
    struct memory_node *node = NULL;
    int code = memory_version_new(fs, MEMORY_FOLDER, NULL, NULL, &version, err);
    if (code == POLYFS_OK)
        code = memory_node_new(fs, bytes, length, NULL, 0, &node, err);
    if (code != POLYFS_OK) {
        memory_version_free(version);
        return code;
    }
    memory_version_stamp(version);
    node->value = version;
    memory_index_add(&fs->store->objects, node);
    return POLYFS_OK;
}

/* Make the missing folders before the last; those made stay when a later one fails. */
static int parents_add_locked(struct memory_fs *fs, const struct memory_key *key, struct polyfs_error *err)
{
    for (uint64_t i = fs->root_length; i + 1 < key->folder; i++) {
        if (key->bytes[i] != '/' || memory_is_folder_locked(fs->store, key->bytes, i + 1))
            continue;
        if (memory_at_locked(fs->store, key->bytes, i))
            return polyfs_fail(err, POLYFS_NOT_DIR, "a part of the path is an object, not a folder");
        int code = folder_add_locked(fs, key->bytes, i + 1, err);
        if (code != POLYFS_OK)
            return code;
    }
    return POLYFS_OK;
}

static int mkdir_locked(struct memory_fs *fs, const struct memory_key *key, uint32_t flags,
                        struct polyfs_error *err)
{
    if (memory_is_folder_locked(fs->store, key->bytes, key->folder)) {
        if (flags & POLYFS_MKDIR_EXIST_OK)
            return POLYFS_OK;
        return polyfs_fail(err, POLYFS_EXISTS, "the folder exists already");
    }
    if (memory_at_locked(fs->store, key->bytes, key->folder - 1))
        return polyfs_fail(err, POLYFS_EXISTS, "an object of that name exists already");
    int code = POLYFS_OK;
    /* a sub whose own folder is gone must not bring it back */
    if ((flags & POLYFS_MKDIR_PARENTS) && memory_is_folder_locked(fs->store, fs->root, fs->root_length))
        code = parents_add_locked(fs, key, err);
    if (code == POLYFS_OK)
        code = memory_parent_locked(fs->store, key, err);
    return code == POLYFS_OK ? folder_add_locked(fs, key->bytes, key->folder, err) : code;
}

int memory_mkdir(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len, uint32_t flags,
                 struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = flags_check(flags, MKDIR_FLAGS, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&key, fs, path, path_len, err);
    if (code != POLYFS_OK || !fs->store->real_folders)
        return code;
    memory_lock(fs->store);
    code = mkdir_locked(fs, &key, flags, err);
    memory_unlock(fs->store);
    return code;
}

/* The first entry below a folder that is not deleted, or NULL. */
static struct memory_node *first_below(const struct memory_store *store, const struct memory_key *key)
{
    struct memory_node *node = memory_index_seek(&store->objects, key->bytes, key->folder);
    for (; node && memory_node_begins(node, key->bytes, key->folder); node = node->next[0]) {
        const struct memory_version *version = node->value;
        int itself = version->kind == MEMORY_FOLDER && node->key_length == key->folder;
        if (version->kind != MEMORY_MARKER && !itself)
            return node;
    }
    return NULL;
}

static int rmdir_locked(struct memory_fs *fs, const struct memory_key *key, struct memory_trash *trash,
                        struct polyfs_error *err)
{
    struct memory_store *store = fs->store;
    struct memory_version *found = NULL;
    if (store->real_folders) {
        int code = memory_find_locked(fs, key, NULL, &found, err);
        if (code != POLYFS_OK)
            return code;
        if (found->kind != MEMORY_FOLDER)
            return polyfs_fail(err, POLYFS_NOT_DIR, "it is an object, not a folder");
    }
    if (first_below(store, key))
        return polyfs_fail(err, POLYFS_NOT_EMPTY, "there is something in the folder");
    if (store->real_folders) {
        struct memory_node *node = memory_index_find(&store->objects, key->bytes, key->folder);
        memory_index_remove(&store->objects, node);
        memory_trash_node(trash, node);
    }
    return POLYFS_OK;
}

int memory_rmdir(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len, uint32_t flags,
                 struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = flags_check(flags, 0, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&key, fs, path, path_len, err);
    if (code == POLYFS_OK && key.root)
        code = polyfs_fail(err, POLYFS_INVALID, "the root cannot be removed");
    if (code != POLYFS_OK)
        return code;
    MEMORY_AUTO(trash) struct memory_trash trash = {0};
    memory_lock(fs->store);
    code = rmdir_locked(fs, &key, &trash, err);
    memory_unlock(fs->store);
    return code;
}
