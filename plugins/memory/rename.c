/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rename of an object, and of a real folder with all that is in it.
 *
 * Invariant: everything happens while the lock is held once, so that nobody sees both names or neither. The record
 * moves as it is, with etag and times, but where versions are kept: there the new name gets a new version and the
 * old name a delete marker. What could fail for memory comes before the first change.
 */
#include "commit.h"
#include "memory.h"

/* A rename and what it needs; memory_rename() takes it before the lock. */
struct renaming {
    struct memory_fs *fs;
    uint32_t no_replace;
    struct memory_key source;
    struct memory_key target;
    struct memory_version *version; /* of the new name */
    struct memory_version *marker;  /* of the old name, where versions are kept */
    struct memory_node *node;       /* of the new name */
    struct memory_trash trash;
};

static void memory_renaming_auto(struct renaming *renaming)
{
    memory_key_auto(&renaming->source);
    memory_key_auto(&renaming->target);
    memory_version_free(renaming->version);
    memory_version_free(renaming->marker);
    memory_node_free(renaming->node);
    memory_trash_auto(&renaming->trash);
}

/* What stands at the target: an object, a folder, or NULL. */
static struct memory_version *standing(const struct memory_store *store, const struct memory_key *target)
{
    struct memory_version *found = memory_at_locked(store, target->bytes, target->length);
    if (!found && store->real_folders)
        found = memory_at_locked(store, target->bytes, target->folder);
    if (!found && store->real_folders)
        found = memory_at_locked(store, target->bytes, target->folder - 1);
    return found;
}

static int exists(struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_EXISTS, "the target exists already");
}

static void object_move_locked(struct renaming *renaming, struct memory_node *node)
{
    struct memory_store *store = renaming->fs->store;
    const struct memory_version *from = node->value;
    struct memory_version *to = renaming->version;
    memory_version_stamp(to);
    if (!store->versioning)
        to->generation = from->generation;
    to->mtime_ns = from->mtime_ns;
    to->created_ns = from->created_ns;
    to->checksum = from->checksum;
    to->content = memory_content_ref(from->content);
    to->meta = memory_meta_ref(from->meta);
    renaming->version = NULL;
    memory_withdraw_locked(store, node, &renaming->marker, &renaming->trash);
    memory_install_locked(store, &renaming->target, to, &renaming->node, &renaming->trash);
}

static int object_rename_locked(struct renaming *renaming, struct polyfs_error *err)
{
    struct memory_fs *fs = renaming->fs;
    const struct memory_key *source = &renaming->source, *target = &renaming->target;
    int same = source->length == target->length && memcmp(source->bytes, target->bytes, source->length) == 0;
    if (renaming->no_replace && standing(fs->store, target))
        return exists(err);
    if (same)
        return POLYFS_OK;
    int code = memory_target_locked(fs, target, err);
    if (code == POLYFS_OK)
        object_move_locked(renaming, memory_index_find(&fs->store->objects, source->bytes, source->length));
    return code;
}

/* ---- folders */

static int folder_check_locked(const struct renaming *renaming, struct polyfs_error *err)
{
    const struct memory_store *store = renaming->fs->store;
    const struct memory_key *source = &renaming->source, *target = &renaming->target;
    const struct memory_version *there = standing(store, target);
    if (there && renaming->no_replace)
        return exists(err);
    if (target->folder > source->folder && memcmp(target->bytes, source->bytes, source->folder) == 0)
        return polyfs_fail(err, POLYFS_INVALID, "a folder cannot be moved into itself");
    if (there && there->kind == MEMORY_FOLDER)
        return polyfs_fail(err, POLYFS_IS_DIR, "the target is a folder, and a rename replaces none");
    if (there)
        return polyfs_fail(err, POLYFS_NOT_DIR, "the target is an object, which a folder cannot replace");
    return memory_parent_locked(store, target, err);
}

/* Nodes with the new names of all that is in the folder, in order, without values. */
static int names_make_locked(const struct renaming *renaming, struct memory_trash *made, struct polyfs_error *err)
{
    const struct memory_key *source = &renaming->source, *target = &renaming->target;
    struct memory_node **end = &made->nodes;
    struct memory_node *node = memory_index_seek(&renaming->fs->store->objects, source->bytes, source->folder);
    for (; node && memory_node_begins(node, source->bytes, source->folder); node = node->next[0]) {
        int code = memory_node_new(renaming->fs, target->bytes, target->folder, node->key + source->folder,
                                   node->key_length - source->folder, end, err);
        if (code != POLYFS_OK)
            return code;
        end = &(*end)->next[0];
    }
    return POLYFS_OK;
}

static int folder_rename_locked(struct renaming *renaming, struct polyfs_error *err)
{
    const struct memory_key *source = &renaming->source, *target = &renaming->target;
    struct memory_index *objects = &renaming->fs->store->objects;
    if (source->folder == target->folder && memcmp(source->bytes, target->bytes, source->folder) == 0)
        return renaming->no_replace ? exists(err) : POLYFS_OK;
    int code = folder_check_locked(renaming, err);
    if (code != POLYFS_OK)
        return code;
    MEMORY_AUTO(trash) struct memory_trash made = {0};
    code = names_make_locked(renaming, &made, err);
    if (code != POLYFS_OK)
        return code;
    renaming->trash.nodes = memory_index_cut(objects, source->bytes, source->folder);
    for (struct memory_node *old = renaming->trash.nodes; old; old = old->next[0]) {
        struct memory_node *node = made.nodes;
        made.nodes = node->next[0];
        node->value = old->value;
        old->value = NULL;
        memory_index_add(objects, node);
    }
    return POLYFS_OK;
}

/* ---- the slot */

static int rename_locked(struct renaming *renaming, struct polyfs_error *err)
{
    struct memory_version *found = NULL;
    int code = memory_find_locked(renaming->fs, &renaming->source, NULL, &found, err);
    if (code != POLYFS_OK)
        return code;
    return found->kind == MEMORY_FOLDER ? folder_rename_locked(renaming, err) : object_rename_locked(renaming, err);
}

static int rename_make(struct renaming *renaming, struct polyfs_error *err)
{
    struct memory_fs *fs = renaming->fs;
    const struct memory_key *target = &renaming->target;
    int code = memory_version_new(fs, MEMORY_OBJECT, NULL, NULL, &renaming->version, err);
    if (code == POLYFS_OK && fs->store->versioning)
        code = memory_version_new(fs, MEMORY_MARKER, NULL, NULL, &renaming->marker, err);
    if (code == POLYFS_OK)
        code = memory_node_new(fs, target->bytes, target->length, NULL, 0, &renaming->node, err);
    return code;
}

/* The record moves as it is, so that a rename carries nothing of its own. */
static int rename_check(const struct polyfs_source *source, const struct polyfs_put_request *request,
                        struct polyfs_error *err)
{
    if (source->etag || source->version || request->condition.if_match)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a rename here has no condition but not to replace");
    if (request->content_type || request->metadata_count > 0 || request->checksum.kind != POLYFS_CHECKSUM_NONE)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a rename changes the name alone");
    return memory_request_check(request, 0, err);
}

int memory_rename(struct polyfs_call *call, void *handle, const struct polyfs_source *source, const char *target,
                  uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                  struct polyfs_error *err)
{
    MEMORY_AUTO(renaming) struct renaming renaming = {.fs = handle, .no_replace = request->condition.create_only};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_first_round(step, err);
    if (code == POLYFS_OK)
        code = rename_check(source, request, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&renaming.source, handle, source->path, source->path_len, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&renaming.target, handle, target, target_len, err);
    if (code == POLYFS_OK && renaming.source.root)
        code = polyfs_fail(err, POLYFS_INVALID, "the root cannot be renamed");
    if (code == POLYFS_OK && renaming.target.root)
        code = polyfs_fail(err, POLYFS_IS_DIR, "the target is the root, and a rename replaces no folder");
    if (code == POLYFS_OK)
        code = rename_make(&renaming, err);
    if (code != POLYFS_OK)
        return code;
    memory_lock(renaming.fs->store);
    code = rename_locked(&renaming, err);
    memory_unlock(renaming.fs->store);
    return code;
}
