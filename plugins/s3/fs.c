/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the filesystem, and buckets. Folders are names that objects share: there is nothing to make or to remove,
 * and no verb on a folder ever makes a bucket.
 */
#include "s3.h"

static int only_buckets(const struct ps_target *target, struct polyfs_error *err)
{
    return target->key_len ? polyfs_fail(err, POLYFS_INVALID, "a bucket has no '/' in its name; write s3://bucket")
                           : POLYFS_OK;
}

static void location_body(const struct s3_fs *fs, struct ps_buf *body)
{
    if (strcmp(fs->region, "us-east-1") == 0)
        return;
    ps_buf_text(
        body, "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>");
    ps_buf_text(body, fs->region);
    ps_buf_text(body, "</LocationConstraint></CreateBucketConfiguration>");
}

static int fs_mkdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                    struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    struct ps_http_connection *answer = NULL;
    struct ps_buf body = {0};
    if (flags & ~(POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK | POLYFS_MKDIR_BUCKET))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (!(flags & POLYFS_MKDIR_BUCKET))
        return POLYFS_OK; /* folders are names that objects share: nothing to make, and never a bucket */
    int rc = s3_target(fs, path, path_len, 0, &target, err);
    if (rc == POLYFS_OK)
        rc = only_buckets(&target, err);
    if (rc != POLYFS_OK)
        return rc;
    s3_request_init(&r, "PUT", &target);
    location_body(fs, &body);
    r.http.body = body.data;
    r.http.body_bytes = body.size;
    rc = ps_buf_check(&body, err);
    if (rc == POLYFS_OK)
        rc = s3_send(fs, call, &r, &answer, err);
    ps_http_clear(fs->http, answer);
    ps_buf_clear(&body);
    if (rc == POLYFS_EXISTS && flags & POLYFS_MKDIR_EXIST_OK && err &&
        strcmp(err->native_code, "BucketAlreadyOwnedByYou") == 0)
        return POLYFS_OK;
    return rc;
}

static int fs_rmdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                    struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    struct ps_http_connection *answer = NULL;
    if (flags & ~POLYFS_MKDIR_BUCKET)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = s3_target(fs, path, path_len, 0, &target, err);
    if (rc == POLYFS_OK && !(flags & POLYFS_MKDIR_BUCKET))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "s3 has no folders of their own");
    if (rc == POLYFS_OK)
        rc = only_buckets(&target, err);
    if (rc != POLYFS_OK)
        return rc;
    s3_request_init(&r, "DELETE", &target);
    rc = s3_send(fs, call, &r, &answer, err);
    ps_http_clear(fs->http, answer);
    return rc;
}

const struct polyfs_fs_ops s3_fs_ops = {
    .struct_size = sizeof(struct polyfs_fs_ops),
    .open = s3_open,
    .close = s3_close,
    .caps = s3_caps,
    .stat = s3_stat,
    .get = s3_get,
    .put = s3_put,
    .remove = s3_remove,
    .remove_many = s3_remove_many,
    .copy = s3_copy,
    .mkdir = fs_mkdir,
    .rmdir = fs_rmdir,
    .set_metadata = s3_set_metadata,
    .sign = s3_sign,
    .after_fork = s3_after_fork,
};
