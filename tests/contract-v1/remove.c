/* SPDX-License-Identifier: Apache-2.0 */
/* Removals, and folders, of which there are none. */
#include "store.h"

static int remove_locked(const char *path, const char *version, const char *if_match, struct polyfs_error *err)
{
    struct polyfs_condition condition = POLYFS_CONDITION_INIT;
    struct object **at = v1_seek(path);
    if (version)
        return v1_unknown(err);
    if (!*at || strcmp((*at)->path, path) != 0)
        return v1_not_found(err);
    condition.if_match = if_match;
    int rc = v1_target_check(*at, &condition, err);
    if (rc == POLYFS_OK)
        v1_object_cut(at);
    return rc;
}

int v1_remove(PATH, const char *version, const struct polyfs_condition *condition, struct polyfs_error *err)
{
    (void)fs;
    (void)path_len;
    if (condition &&
        (condition->create_only || condition->if_none_match || condition->if_modified_ns != POLYFS_TIME_UNKNOWN))
        return v1_unknown(err);
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = remove_locked(path, version, condition ? condition->if_match : NULL, err);
    v1_leave();
    return rc;
}

int v1_remove_many(CALL, struct polyfs_remove_item *items, uint64_t count, uint64_t stride,
                   struct polyfs_error *err)
{
    (void)fs;
    if (count > MANY_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "one call removes at most %d objects", MANY_MAX);
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    for (uint64_t i = 0; i < count; i++) {
        struct polyfs_remove_item *item = (struct polyfs_remove_item *)(void *)((char *)items + i * stride);
        item->code =
            item->flags ? POLYFS_UNSUPPORTED : remove_locked(item->path, item->version, item->if_match, NULL);
        item->native_code[0] = '\0';
        if (item->code == POLYFS_NOT_FOUND)
            item->code = POLYFS_OK;
    }
    v1_leave();
    return POLYFS_OK;
}

int v1_first_round(const struct polyfs_step *step, struct polyfs_error *err)
{
    return step->cursor ? polyfs_fail(err, POLYFS_INVALID, "this store has done in one round") : POLYFS_OK;
}

/* A folder may be named with a '/' at its end. */
static int is_below(const char *path, const char *folder, uint64_t folder_len)
{
    if (folder_len && folder[folder_len - 1] == '/')
        folder_len--;
    return folder_len == 0 || (strncmp(path, folder, folder_len) == 0 && path[folder_len] == '/');
}

int v1_remove_tree(PATH, struct polyfs_step *step, struct polyfs_error *err)
{
    int count = 0;
    (void)fs;
    int rc = v1_first_round(step, err);
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    for (struct object **at = &v1_objects; *at;) {
        if (!is_below((*at)->path, path, path_len)) {
            at = &(*at)->next;
            continue;
        }
        v1_object_cut(at);
        count++;
    }
    v1_leave();
    return count || !path_len ? POLYFS_OK : polyfs_fail(err, POLYFS_NOT_FOUND, "there is nothing below that name");
}

int v1_mkdir(PATH, uint32_t flags, struct polyfs_error *err)
{
    (void)fs;
    (void)path;
    (void)path_len;
    if (flags & ~(POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK))
        return v1_unknown(err);
    return polyfs_go_on(v1_host, call, err);
}

int v1_rmdir(PATH, uint32_t flags, struct polyfs_error *err)
{
    (void)fs;
    if (flags)
        return v1_unknown(err);
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    for (const struct object *object = v1_objects; object && rc == POLYFS_OK; object = object->next)
        if (is_below(object->path, path, path_len))
            rc = polyfs_fail(err, POLYFS_NOT_EMPTY, "there is something below that name");
    v1_leave();
    return rc;
}
