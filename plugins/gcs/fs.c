/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the filesystem, and buckets. Folders are names that objects share: there is nothing to make or to remove,
 * and no verb on a folder ever makes a bucket.
 */
#include "gcs.h"

static int bucket_target(const char *path, uint64_t path_len, struct ps_target *out, struct polyfs_error *err)
{
    int rc = gcs_target(path, path_len, 0, out, err);
    if (rc == POLYFS_OK && out->key_len)
        rc = polyfs_fail(err, POLYFS_INVALID, "a bucket has no '/' in its name; write gs://bucket");
    return rc;
}

static void member(struct ps_buf *body, const char *name, const char *value)
{
    if (!value)
        return;
    ps_buf_char(body, ',');
    ps_json_quote(body, name, strlen(name));
    ps_buf_char(body, ':');
    ps_json_quote(body, value, strlen(value));
}

static int make_bucket(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                       struct polyfs_error *err)
{
    struct gcs_request r;
    struct gcs_result result = {0};
    struct ps_buf body = {0};
    if (!fs->project && gcs_is_google(fs))
        return polyfs_fail(err, POLYFS_CONFIG,
                           "a bucket is made in a project: set GOOGLE_CLOUD_PROJECT, or option project");
    gcs_request_init(&r, "POST", GCS_BUCKETS, NULL);
    gcs_query(&r, "project", fs->project);
    gcs_header(&r, "content-type", "application/json; charset=UTF-8");
    ps_buf_text(&body, "{\"name\":");
    ps_json_quote(&body, target->bucket, target->bucket_len);
    member(&body, "location", fs->location);
    member(&body, "storageClass", fs->storage_class);
    ps_buf_char(&body, '}');
    r.http.body = body.data;
    r.http.body_bytes = body.size;
    int rc = ps_buf_check(&body, err);
    if (rc == POLYFS_OK)
        rc = gcs_send_json(fs, call, &r, &result, err);
    gcs_result_clear(&result);
    ps_buf_clear(&body);
    if (rc == POLYFS_BUSY && err && err->http_status == 409)
        rc = polyfs_fail(err, POLYFS_EXISTS,
                         "there is such a bucket already; names of buckets are shared by all projects");
    return rc;
}

/* One that is somebody else's is there, and not fine: it cannot be seen. */
static int sees_bucket(struct gcs_fs *fs, struct polyfs_call *call, const char *path, uint64_t path_len)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    struct polyfs_error ignored = POLYFS_ERROR_INIT;
    return gcs_stat(call, fs, path, path_len, NULL, &stat, NULL, &ignored) == POLYFS_OK;
}

static int fs_mkdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                    struct polyfs_error *err)
{
    struct ps_target target;
    if (flags & ~(POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK | POLYFS_MKDIR_BUCKET))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (!(flags & POLYFS_MKDIR_BUCKET))
        return POLYFS_OK; /* folders are names that objects share: nothing to make, and never a bucket */
    int rc = bucket_target(path, path_len, &target, err);
    if (rc == POLYFS_OK)
        rc = make_bucket(self, call, &target, err);
    if (rc == POLYFS_EXISTS && flags & POLYFS_MKDIR_EXIST_OK && sees_bucket(self, call, path, path_len))
        return POLYFS_OK;
    return rc;
}

static int fs_rmdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                    struct polyfs_error *err)
{
    struct gcs_fs *fs = self;
    struct ps_target target;
    struct gcs_request r;
    struct ps_http_connection *answer = NULL;
    if (flags & ~POLYFS_MKDIR_BUCKET)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (!(flags & POLYFS_MKDIR_BUCKET))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "gcs has no folders of their own");
    int rc = bucket_target(path, path_len, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    gcs_request_init(&r, "DELETE", GCS_BUCKET, &target);
    rc = gcs_send(fs, call, &r, &answer, err);
    ps_http_clear(fs->http, answer);
    if (rc != POLYFS_OK && err && (err->http_status == 409 || err->http_status == 412))
        rc = polyfs_fail(err, POLYFS_NOT_EMPTY, "there are objects in the bucket");
    return rc;
}

const struct polyfs_fs_ops gcs_fs_ops = {
    .struct_size = sizeof(struct polyfs_fs_ops),
    .open = gcs_open,
    .close = gcs_close,
    .caps = gcs_caps,
    .stat = gcs_stat,
    .get = gcs_get,
    .put = gcs_put,
    .remove = gcs_remove,
    .remove_many = gcs_remove_many,
    .copy = gcs_copy,
    .mkdir = fs_mkdir,
    .rmdir = fs_rmdir,
    .set_metadata = gcs_set_metadata,
    .sign = gcs_sign,
    .after_fork = gcs_after_fork,
};
