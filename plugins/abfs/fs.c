/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the filesystem, and containers. No verb on a folder ever makes one. */
#include "abfs.h"

static int only_containers(const struct ps_target *target, struct polyfs_error *err)
{
    return target->key_len
               ? polyfs_fail(err, POLYFS_INVALID, "a container has no '/' in its name; write abfs://container")
               : POLYFS_OK;
}

static int fs_mkdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                    struct polyfs_error *err)
{
    struct ps_target target;
    struct abfs_request r;
    if (flags & ~(POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK | POLYFS_MKDIR_BUCKET))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = abfs_target(path, path_len, 0, &target, err);
    if (rc == POLYFS_OK && !(flags & POLYFS_MKDIR_BUCKET))
        return abfs_lake_mkdir(self, call, &target, flags, err);
    if (rc == POLYFS_OK)
        rc = only_containers(&target, err);
    if (rc != POLYFS_OK)
        return rc;
    abfs_request_init(&r, "PUT", &target);
    abfs_query(&r, "restype", "container");
    rc = abfs_send_only(self, call, &r, err);
    return rc == POLYFS_EXISTS && flags & POLYFS_MKDIR_EXIST_OK ? POLYFS_OK : rc;
}

static int look_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    int *has_blobs = arg;
    (void)text;
    (void)err;
    if (strcmp(path, "EnumerationResults/Blobs/Blob") == 0 ||
        (strcmp(path, "EnumerationResults/NextMarker") == 0 && size))
        *has_blobs = 1;
    return POLYFS_OK;
}

/* The service would take a container's blobs along. */
static int check_empty(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *container,
                       struct polyfs_error *err)
{
    int has_blobs = 0;
    struct abfs_request r;
    abfs_request_init(&r, "GET", container);
    abfs_query(&r, "restype", "container");
    abfs_query(&r, "comp", "list");
    abfs_query(&r, "maxresults", "1");
    int rc = abfs_send_xml(fs, call, &r, look_element, &has_blobs, "EnumerationResults", err);
    return rc == POLYFS_OK && has_blobs
               ? polyfs_fail(err, POLYFS_NOT_EMPTY,
                             "the container is not empty; remove what is in it first: polyfs rm -r")
               : rc;
}

static int fs_rmdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                    struct polyfs_error *err)
{
    struct ps_target target;
    struct abfs_request r;
    if (flags & ~POLYFS_MKDIR_BUCKET)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = abfs_target(path, path_len, 0, &target, err);
    if (rc == POLYFS_OK && !(flags & POLYFS_MKDIR_BUCKET))
        return abfs_lake_rmdir(self, call, &target, err);
    if (rc == POLYFS_OK)
        rc = only_containers(&target, err);
    if (rc == POLYFS_OK)
        rc = check_empty(self, call, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    abfs_request_init(&r, "DELETE", &target);
    abfs_query(&r, "restype", "container");
    return abfs_send_only(self, call, &r, err);
}

const struct polyfs_fs_ops abfs_fs_ops = {
    .struct_size = sizeof(struct polyfs_fs_ops),
    .open = abfs_open,
    .close = abfs_close,
    .caps = abfs_caps,
    .stat = abfs_stat,
    .get = abfs_get,
    .put = abfs_put,
    .remove = abfs_remove,
    .remove_many = abfs_remove_many,
    .remove_tree = abfs_remove_tree,
    .copy = abfs_copy,
    .rename = abfs_rename,
    .mkdir = fs_mkdir,
    .rmdir = fs_rmdir,
    .set_metadata = abfs_set_metadata,
    .sign = abfs_sign,
    .after_fork = abfs_after_fork,
};
