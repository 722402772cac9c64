/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the filesystem, and folders. */
#include <stdlib.h>

#include "hdfs.h"

/* ---- making -------------------------------------------------------------------------------------------------------- */

/* The name node says that a folder which is there was made: it is looked for before. */
static int make(struct hdfs_java *j, const char *path, uint32_t flags)
{
    struct hdfs_info info;
    int rc = hdfs_info(j, path, &info);
    if (rc != POLYFS_OK)
        return rc;
    if (info.is_there && !info.is_dir)
        return polyfs_fail(j->err, flags & POLYFS_MKDIR_EXIST_OK ? POLYFS_NOT_DIR : POLYFS_EXISTS,
                           "there is a file of that name");
    if (info.is_there)
        return flags & POLYFS_MKDIR_EXIST_OK ? POLYFS_OK
                                             : polyfs_fail(j->err, POLYFS_EXISTS, "it is there already");
    return hdfs_make_folder(j, path, (flags & POLYFS_MKDIR_PARENTS) != 0);
}

static int fs_mkdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                    struct polyfs_error *err)
{
    struct hdfs_java j;
    char *own = NULL;
    if (flags & ~(POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "there are no buckets here");
    int rc = hdfs_enter(&j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_path(&j, path, path_len, &own);
    if (rc == POLYFS_OK)
        rc = make(&j, own, flags);
    free(own);
    hdfs_leave(&j);
    return rc;
}

/* ---- renaming ------------------------------------------------------------------------------------------------------- */

/* What is replaced is an object, never a folder; OVERWRITE alone would replace an empty one. */
static int replace(struct hdfs_java *j, const char *from, const char *to)
{
    struct hdfs_info source, target;
    int rc = hdfs_info(j, from, &source);
    if (rc == POLYFS_OK && !source.is_there)
        rc = polyfs_fail(j->err, POLYFS_NOT_FOUND, "there is no such file or folder");
    if (rc == POLYFS_OK)
        rc = hdfs_info(j, to, &target);
    if (rc != POLYFS_OK || strcmp(from, to) == 0)
        return rc;
    if (target.is_there && target.is_dir)
        return polyfs_fail(j->err, POLYFS_IS_DIR, "the target is a folder");
    if (target.is_there && source.is_dir)
        return polyfs_fail(j->err, POLYFS_NOT_DIR, "the target is a file, the source a folder");
    rc = hdfs_rename_path(j, from, to, !source.is_dir);
    if (rc == POLYFS_EXISTS) /* a folder came to be there meanwhile */
        rc = polyfs_fail(j->err, POLYFS_IS_DIR, "the target is a folder");
    return rc;
}

static int fs_rename(struct polyfs_call *call, void *self, const struct polyfs_source *source, const char *target,
                     uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                     struct polyfs_error *err)
{
    struct hdfs_java j;
    char *from = NULL, *to = NULL;
    (void)step;
    if (source->version || source->etag || request->condition.if_match)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "files are renamed without a condition on their bytes");
    int rc = hdfs_enter(&j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_path(&j, source->path, source->path_len, &from);
    if (rc == POLYFS_OK)
        rc = hdfs_path(&j, target, target_len, &to);
    if (rc == POLYFS_OK)
        rc = request->condition.create_only ? hdfs_rename_path(&j, from, to, 0) : replace(&j, from, to);
    free(from);
    free(to);
    hdfs_leave(&j);
    return rc;
}

const struct polyfs_fs_ops hdfs_fs_ops = {
    .struct_size = sizeof(struct polyfs_fs_ops),
    .open = hdfs_open,
    .close = hdfs_close,
    .caps = hdfs_caps,
    .stat = hdfs_stat,
    .get = hdfs_get,
    .put = hdfs_put,
    .remove = hdfs_remove,
    .remove_tree = hdfs_remove_tree,
    .rename = fs_rename,
    .mkdir = fs_mkdir,
    .rmdir = hdfs_rmdir,
    .set_metadata = hdfs_set_metadata,
    .set_times = hdfs_set_times,
};
