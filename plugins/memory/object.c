/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands at a key (object.h), for both kinds of store.
 *
 * With folders=implied every key is opaque: `a`, `a/` and `a/b` are three objects. With folders=real a folder is
 * an entry whose key ends in '/', an object's key never does, and this invariant holds whenever the lock is free:
 * the folder that holds an entry is an entry too, and no name is both an object and a folder.
 */
#include "object.h"

void memory_trash_node(struct memory_trash *trash, struct memory_node *node)
{
    node->next[0] = trash->nodes;
    trash->nodes = node;
}

void memory_trash_version(struct memory_trash *trash, struct memory_version *version)
{
    if (!version)
        return;
    struct memory_version *oldest = version;
    while (oldest->older)
        oldest = oldest->older;
    oldest->older = trash->versions;
    trash->versions = version;
}

void memory_trash_auto(struct memory_trash *trash)
{
    while (trash->nodes) {
        struct memory_node *node = trash->nodes;
        trash->nodes = node->next[0];
        memory_version_free(node->value);
        memory_node_free(node);
    }
    memory_version_free(trash->versions);
}

struct memory_version *memory_at_locked(const struct memory_store *store, const char *bytes, uint64_t length)
{
    struct memory_node *node = memory_index_find(&store->objects, bytes, length);
    struct memory_version *version = node ? node->value : NULL;
    return version && version->kind != MEMORY_MARKER ? version : NULL;
}

int memory_is_folder_locked(const struct memory_store *store, const char *bytes, uint64_t length)
{
    return length == 0 || (store->real_folders && memory_at_locked(store, bytes, length));
}

/* The length of the part of a key that names its entry, without a '/' at its end. */
static uint64_t bare_length(const struct memory_key *key)
{
    return memory_key_slashed(key) ? key->length - 1 : key->length;
}

/* Whether some part before the last one is an object: then nothing can be below it. */
static int passes_object(const struct memory_store *store, const struct memory_key *key)
{
    for (uint64_t i = 0; i < bare_length(key); i++)
        if (key->bytes[i] == '/' && memory_at_locked(store, key->bytes, i))
            return 1;
    return 0;
}

static int absent(const struct memory_store *store, const struct memory_key *key, struct polyfs_error *err)
{
    if (store->real_folders && passes_object(store, key))
        return polyfs_fail(err, POLYFS_NOT_DIR, "a part of the path is an object, not a folder");
    return polyfs_fail(err, POLYFS_NOT_FOUND, "there is nothing of that name");
}

int memory_parent_locked(const struct memory_store *store, const struct memory_key *key, struct polyfs_error *err)
{
    uint64_t end = bare_length(key);
    while (end > 0 && key->bytes[end - 1] != '/')
        end--;
    if (!store->real_folders || memory_is_folder_locked(store, key->bytes, end))
        return POLYFS_OK;
    if (passes_object(store, key))
        return polyfs_fail(err, POLYFS_NOT_DIR, "a part of the path is an object, not a folder");
    return polyfs_fail(err, POLYFS_NOT_FOUND, "the folder that it is to be in does not exist; make that first");
}

/* A name that ends in '/' stands for a folder, so that an object of that name is not what was meant. */
static int find_real(struct memory_store *store, const struct memory_key *key, struct memory_version **out,
                     struct polyfs_error *err)
{
    *out = memory_at_locked(store, key->bytes, key->folder);
    if (*out)
        return POLYFS_OK;
    *out = memory_at_locked(store, key->bytes, bare_length(key));
    if (!*out)
        return absent(store, key, err);
    if (memory_key_slashed(key))
        return polyfs_fail(err, POLYFS_NOT_DIR, "it is an object, not a folder: leave out the '/' at the end");
    return POLYFS_OK;
}

int memory_find_locked(struct memory_fs *fs, const struct memory_key *key, const char *version,
                       struct memory_version **out, struct polyfs_error *err)
{
    struct memory_version *found = NULL;
    if (fs->store->real_folders) {
        int code = find_real(fs->store, key, &found, err);
        if (code != POLYFS_OK)
            return code;
    } else {
        struct memory_node *node = memory_index_find(&fs->store->objects, key->bytes, key->length);
        found = node ? node->value : NULL;
    }
    if (version) {
        found = memory_version_pick(found, version);
        if (!found || found->kind == MEMORY_MARKER)
            return polyfs_fail(err, POLYFS_NOT_FOUND, "it has no such version, or that is a delete marker");
    }
    if (!found || found->kind == MEMORY_MARKER)
        return absent(fs->store, key, err);
    *out = found;
    return POLYFS_OK;
}

int memory_object_locked(struct memory_fs *fs, const struct memory_key *key, const char *version,
                         struct memory_version **out, struct polyfs_error *err)
{
    if (key->root)
        return polyfs_fail(err, POLYFS_IS_DIR, "the root is a folder");
    struct memory_version *found = NULL;
    int code = memory_find_locked(fs, key, version, &found, err);
    if (code != POLYFS_OK)
        return code;
    if (found->kind == MEMORY_FOLDER)
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
    *out = found;
    return POLYFS_OK;
}

int memory_source_pin(struct memory_fs *fs, const struct polyfs_source *source, struct memory_content **content,
                      struct memory_meta **meta, struct polyfs_error *err)
{
    MEMORY_AUTO(key) struct memory_key key = {0};
    struct memory_version *found = NULL;
    if (source->fs)
        fs = source->fs; /* of the same store */
    int code = memory_key_make(&key, fs, source->path, source->path_len, err);
    if (code != POLYFS_OK)
        return code;
    memory_lock(fs->store);
    code = memory_object_locked(fs, &key, source->version, &found, err);
    if (code == POLYFS_OK && source->etag && !memory_version_has_etag(found, source->etag))
        code = polyfs_fail(err, POLYFS_CHANGED, "the source was changed: it has another etag than the one named");
    if (code == POLYFS_OK) {
        *content = memory_content_ref(found->content);
        if (meta)
            *meta = memory_meta_ref(found->meta);
    }
    memory_unlock(fs->store);
    return code;
}

int memory_target_locked(struct memory_fs *fs, const struct memory_key *key, struct polyfs_error *err)
{
    struct memory_store *store = fs->store;
    if (key->root)
        return polyfs_fail(err, POLYFS_IS_DIR, "the root is a folder");
    if (!store->real_folders)
        return POLYFS_OK;
    if (memory_is_folder_locked(store, key->bytes, key->folder))
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
    int code = memory_parent_locked(store, key, err);
    if (code != POLYFS_OK || !memory_key_slashed(key))
        return code;
    if (memory_at_locked(store, key->bytes, bare_length(key)))
        return polyfs_fail(err, POLYFS_NOT_DIR, "it is an object, not a folder: leave out the '/' at the end");
    return polyfs_fail(err, POLYFS_IS_DIR, "a name that ends in '/' is a folder's: leave out the '/'");
}

void memory_install_locked(struct memory_store *store, const struct memory_key *key, struct memory_version *version,
                           struct memory_node **spare, struct memory_trash *trash)
{
    struct memory_node *node = memory_index_find(&store->objects, key->bytes, key->length);
    if (!node) {
        node = *spare;
        *spare = NULL;
        memory_index_add(&store->objects, node);
    }
    if (store->versioning)
        version->older = node->value;
    else
        memory_trash_version(trash, node->value);
    node->value = version;
}

void memory_withdraw_locked(struct memory_store *store, struct memory_node *node, struct memory_version **marker,
                            struct memory_trash *trash)
{
    if (store->versioning) {
        memory_version_stamp(*marker);
        (*marker)->older = node->value;
        node->value = *marker;
        *marker = NULL;
    } else {
        memory_index_remove(&store->objects, node);
        memory_trash_node(trash, node);
    }
}
