/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removals: of one object or version, of many objects, of a folder with all that is in it.
 *
 * Invariant: what is removed leaves the index under the lock and is freed behind it; readers that pinned it go on.
 * Where versions are kept, a removal without a version adds a delete marker and loses nothing.
 */
#include "memory.h"

#include "object.h"

#define MANY_MAX 1000u

static int condition_check(const struct polyfs_condition *condition, struct polyfs_error *err)
{
    if (condition &&
        (condition->create_only || condition->if_none_match || condition->if_modified_ns != POLYFS_TIME_UNKNOWN))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "the only condition of a removal is if_match");
    return POLYFS_OK;
}

/* Take one version out for good; the name goes with its last one. */
static void version_drop_locked(struct memory_store *store, struct memory_node *node, struct memory_version *gone,
                                struct memory_trash *trash)
{
    struct memory_version *newer = node->value;
    if (newer == gone) {
        node->value = gone->older;
    } else {
        while (newer->older != gone)
            newer = newer->older;
        newer->older = gone->older;
    }
    gone->older = NULL;
    memory_trash_version(trash, gone);
    if (!node->value) {
        memory_index_remove(&store->objects, node);
        memory_trash_node(trash, node);
    }
}

/* With a version any kind of record is found, a delete marker too: removing it brings the object back. */
static int find_locked(struct memory_fs *fs, const struct memory_key *key, const char *version,
                       struct memory_node **node, struct memory_version **found, struct polyfs_error *err)
{
    *node = memory_index_find(&fs->store->objects, key->bytes, key->length);
    if (!version || fs->store->real_folders || key->root)
        return memory_object_locked(fs, key, version, found, err);
    *found = *node ? memory_version_pick((*node)->value, version) : NULL;
    return *found ? POLYFS_OK : polyfs_fail(err, POLYFS_NOT_FOUND, "it has no such version");
}

static int remove_locked(struct memory_fs *fs, const struct memory_key *key, const char *version,
                         const char *if_match, struct memory_version **marker, struct memory_trash *trash,
                         struct polyfs_error *err)
{
    struct memory_node *node = NULL;
    struct memory_version *found = NULL;
    int code = find_locked(fs, key, version, &node, &found, err);
    if (code != POLYFS_OK)
        return code;
    if (if_match && !memory_version_has_etag(found, if_match))
        return polyfs_fail(err, POLYFS_CONDITION, "it was changed: it has another etag than the one named");
    if (version)
        version_drop_locked(fs->store, node, found, trash);
    else
        memory_withdraw_locked(fs->store, node, marker, trash);
    return POLYFS_OK;
}

static int remove_one(struct memory_fs *fs, const char *path, uint64_t path_len, const char *version,
                      const char *if_match, struct polyfs_error *err)
{
    MEMORY_AUTO(key) struct memory_key key = {0};
    MEMORY_AUTO(version) struct memory_version *marker = NULL;
    int code = memory_key_make(&key, fs, path, path_len, err);
    if (code == POLYFS_OK && fs->store->versioning && !version)
        code = memory_version_new(fs, MEMORY_MARKER, NULL, NULL, &marker, err);
    if (code != POLYFS_OK)
        return code;
    MEMORY_AUTO(trash) struct memory_trash trash = {0};
    memory_lock(fs->store);
    code = remove_locked(fs, &key, version, if_match, &marker, &trash, err);
    memory_unlock(fs->store);
    return code;
}

int memory_remove(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                  const struct polyfs_condition *condition, struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = condition_check(condition, err);
    if (code == POLYFS_OK)
        code = remove_one(fs, path, path_len, version, condition ? condition->if_match : NULL, err);
    return code;
}

/* After a stop the rows not reached yet get its code; what is absent counts as removed. */
int memory_remove_many(struct polyfs_call *call, void *fs, struct polyfs_remove_item *items, uint64_t count,
                       uint64_t stride, struct polyfs_error *err)
{
    int stop = memory_go(call, err);
    if (stop != POLYFS_OK)
        return stop;
    if (count > MANY_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "one request removes at most %u objects", MANY_MAX);
    for (uint64_t i = 0; i < count; i++) {
        struct polyfs_remove_item *item = (struct polyfs_remove_item *)(void *)((char *)items + i * stride);
        if (stop == POLYFS_OK)
            stop = memory_go(call, err);
        item->native_code[0] = '\0';
        if (stop != POLYFS_OK)
            item->code = stop;
        else if (item->flags != 0)
            item->code = POLYFS_UNSUPPORTED;
        else
            item->code = remove_one(fs, item->path, item->path_len, item->version, item->if_match, NULL);
        if (item->code == POLYFS_NOT_FOUND)
            item->code = POLYFS_OK;
    }
    return stop;
}

/* ---- a folder with all that is in it */

/* Where versions are kept every object below gets a marker. Those done stay done when memory ends. */
static int mark_tree_locked(struct memory_fs *fs, const struct memory_key *key, uint64_t *count,
                            struct polyfs_error *err)
{
    struct memory_node *node = memory_index_seek(&fs->store->objects, key->bytes, key->folder);
    for (; node && memory_node_begins(node, key->bytes, key->folder); node = node->next[0]) {
        const struct memory_version *newest = node->value;
        if (newest->kind == MEMORY_MARKER)
            continue;
        struct memory_version *marker = NULL;
        int code = memory_version_new(fs, MEMORY_MARKER, NULL, NULL, &marker, err);
        if (code != POLYFS_OK)
            return code;
        memory_withdraw_locked(fs->store, node, &marker, NULL);
        (*count)++;
    }
    return POLYFS_OK;
}

/* Cut the range out of the index in one go. The root of a sub is a folder of its own that stays. */
static void cut_tree_locked(struct memory_store *store, const struct memory_key *key, struct memory_trash *trash)
{
    struct memory_node *self = NULL;
    trash->nodes = memory_index_cut(&store->objects, key->bytes, key->folder);
    if (store->real_folders && key->root && key->folder > 0) {
        self = trash->nodes;
        trash->nodes = self->next[0];
        memory_index_add(&store->objects, self);
    }
}

static int tree_locked(struct memory_fs *fs, const struct memory_key *key, struct memory_trash *trash,
                       struct polyfs_error *err)
{
    struct memory_version *found = NULL;
    uint64_t count = 0;
    if (fs->store->real_folders && key->folder > 0) {
        int code = memory_find_locked(fs, key, NULL, &found, err);
        if (code != POLYFS_OK)
            return code;
        if (found->kind != MEMORY_FOLDER)
            return polyfs_fail(err, POLYFS_NOT_DIR, "it is an object, not a folder");
    }
    if (fs->store->versioning) {
        int code = mark_tree_locked(fs, key, &count, err);
        if (code != POLYFS_OK)
            return code;
    } else {
        cut_tree_locked(fs->store, key, trash);
        count = trash->nodes != NULL;
    }
    if (count == 0 && !key->root)
        return polyfs_fail(err, POLYFS_NOT_FOUND, "there is nothing of that name");
    return POLYFS_OK;
}

int memory_remove_tree(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len,
                       struct polyfs_step *step, struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_first_round(step, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&key, fs, path, path_len, err);
    if (code != POLYFS_OK)
        return code;
    MEMORY_AUTO(trash) struct memory_trash trash = {0};
    memory_lock(fs->store);
    code = tree_locked(fs, &key, &trash, err);
    memory_unlock(fs->store);
    return code;
}
