/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts with a hierarchical namespace: whether this is one, and what only its Data Lake endpoint does: folders of their
 * own, renames, and trees removed at once. All else goes through the Blob endpoint, there as everywhere.
 */
#include "abfs.h"

/* ---- is it one? --------------------------------------------------------------------------------------------------- */

/* Was the question refused, rather than not answered? */
static int is_refusal(int rc)
{
    return rc == POLYFS_PERMISSION || rc == POLYFS_AUTH || rc == POLYFS_INVALID || rc == POLYFS_UNSUPPORTED ||
           rc == POLYFS_NOT_FOUND;
}

/* Only the account's owner may ask what it is; to others the root of a container tells, which has rights only there. */
static int ask_container(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                         struct polyfs_error *err)
{
    struct ps_target root = *target;
    struct abfs_request r;
    struct polyfs_error why = POLYFS_ERROR_INIT;
    root.key_len = 0;
    abfs_request_init(&r, "HEAD", &root);
    r.at_lake = 1;
    abfs_query(&r, "action", "getAccessControl");
    int rc = abfs_send_only(fs, call, &r, &why);
    if (rc == POLYFS_OK || is_refusal(rc)) {
        abfs_lake_set(fs, rc == POLYFS_OK ? POLYFS_YES : POLYFS_NO);
        return POLYFS_OK;
    }
    if (err)
        *err = why;
    return rc;
}

int abfs_lake_probe(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                    struct polyfs_error *err)
{
    struct abfs_request r;
    struct polyfs_error why = POLYFS_ERROR_INIT;
    if (abfs_lake(fs) != POLYFS_UNKNOWN)
        return POLYFS_OK;
    abfs_request_init(&r, "HEAD", NULL);
    abfs_query(&r, "restype", "account");
    abfs_query(&r, "comp", "properties");
    int rc = abfs_send_only(fs, call, &r, &why);
    if (rc == POLYFS_OK && abfs_lake(fs) != POLYFS_UNKNOWN)
        return rc;
    if (rc == POLYFS_OK || is_refusal(rc))
        return ask_container(fs, call, target, err);
    if (err)
        *err = why;
    return rc;
}

/* ---- requests ---------------------------------------------------------------------------------------------------------- */

static void lake_request(struct abfs_request *r, const char *method, const struct ps_target *target)
{
    abfs_request_init(r, method, target);
    while (r->target.key_len && r->target.key[r->target.key_len - 1] == '/')
        r->target.key_len--;
    r->at_lake = 1;
}

static int only_there(struct abfs_fs *fs, struct polyfs_error *err)
{
    return abfs_lake(fs) == POLYFS_YES
               ? POLYFS_OK
               : polyfs_fail(err, POLYFS_UNSUPPORTED, "the account has no hierarchical namespace");
}

/* ---- folders ----------------------------------------------------------------------------------------------------------- */

/* The folder that a path lies in must be there. */
static int check_parent(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                        struct polyfs_error *err)
{
    struct ps_target parent = *target;
    struct polyfs_stat stat;
    while (parent.key_len && parent.key[parent.key_len - 1] != '/')
        parent.key_len--;
    while (parent.key_len && parent.key[parent.key_len - 1] == '/')
        parent.key_len--;
    int rc = abfs_stat_object(fs, call, &parent, NULL, &stat, NULL, err);
    return rc == POLYFS_OK && stat.type != POLYFS_TYPE_DIR
               ? polyfs_fail(err, POLYFS_NOT_DIR, "a part of the path is a blob, not a folder")
               : rc;
}

/* There already: as a folder that is fine with EXIST_OK. */
static int settle_there(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                        uint32_t flags, struct polyfs_error *err)
{
    struct polyfs_stat stat;
    int rc = abfs_stat_object(fs, call, target, NULL, &stat, NULL, err);
    if (rc == POLYFS_OK && (!(flags & POLYFS_MKDIR_EXIST_OK) || stat.type != POLYFS_TYPE_DIR))
        rc = polyfs_fail(err, POLYFS_EXISTS, "it is there already");
    return rc;
}

/* In a flat namespace folders are names that blobs share: nothing to make. */
int abfs_lake_mkdir(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target, uint32_t flags,
                    struct polyfs_error *err)
{
    struct abfs_request r;
    if (abfs_lake(fs) != POLYFS_YES)
        return POLYFS_OK;
    lake_request(&r, "PUT", target);
    if (!r.target.key_len)
        return settle_there(fs, call, &r.target, flags, err);
    int rc = flags & POLYFS_MKDIR_PARENTS ? POLYFS_OK : check_parent(fs, call, &r.target, err);
    abfs_query(&r, "resource", "directory");
    abfs_header(&r, "if-none-match", "*");
    if (rc == POLYFS_OK)
        rc = abfs_send_only(fs, call, &r, err);
    return rc == POLYFS_EXISTS || rc == POLYFS_CONDITION ? settle_there(fs, call, &r.target, flags, err) : rc;
}

int abfs_lake_rmdir(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                    struct polyfs_error *err)
{
    struct abfs_request r;
    struct polyfs_stat stat;
    int rc = only_there(fs, err);
    lake_request(&r, "DELETE", target);
    if (rc == POLYFS_OK && !r.target.key_len)
        rc = polyfs_fail(err, POLYFS_INVALID, "it is a container; remove it with: polyfs rb");
    if (rc == POLYFS_OK)
        rc = abfs_stat_object(fs, call, &r.target, NULL, &stat, NULL, err);
    if (rc == POLYFS_OK && stat.type != POLYFS_TYPE_DIR)
        rc = polyfs_fail(err, POLYFS_NOT_DIR, "it is a blob, not a folder");
    abfs_query(&r, "recursive", "false");
    return rc == POLYFS_OK ? abfs_send_only(fs, call, &r, err) : rc;
}

int abfs_remove_tree(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                     struct polyfs_step *step, struct polyfs_error *err)
{
    struct abfs_fs *fs = self;
    struct ps_target target;
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    int rc = only_there(fs, err);
    if (rc == POLYFS_OK)
        rc = abfs_target(path, path_len, 0, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    lake_request(&r, "DELETE", &target);
    if (!r.target.key_len)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a container is emptied name by name");
    abfs_query(&r, "recursive", "true");
    abfs_query(&r, "paginated", "true");
    abfs_query(&r, "continuation", step->cursor);
    r.http.stall_ms = ABFS_SLOW_MS;
    rc = abfs_send(fs, call, &r, &answer, err);
    const char *more = rc == POLYFS_OK ? ps_http_header(answer, "x-ms-continuation") : NULL;
    if (more && *more) {
        step->poll_after_ms = 0;
        rc = ps_host->text_set(step->next, more, strlen(more)) == POLYFS_OK
                 ? POLYFS_MORE
                 : polyfs_fail(err, POLYFS_NOMEM, "no memory for a removal");
    }
    ps_http_clear(fs->http, answer);
    return rc;
}

/* ---- blobs --------------------------------------------------------------------------------------------------------------- */

/* Without "recursive" the service takes no folder, not even an empty one. */
int abfs_lake_remove(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                     const struct polyfs_condition *condition, struct polyfs_error *err)
{
    struct abfs_request r;
    abfs_request_init(&r, "DELETE", target);
    r.at_lake = 1;
    abfs_header(&r, "if-match", condition ? condition->if_match : NULL);
    int rc = abfs_send_only(fs, call, &r, err);
    if (rc == POLYFS_INVALID && (!err || err->http_status == 400))
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
    return condition ? abfs_lost(rc, condition, err) : rc;
}

/* Where it comes from, as the service wants it: a path, with the SAS behind it. */
static int rename_source(struct abfs_fs *fs, struct abfs_request *r, const struct ps_target *from,
                         struct polyfs_error *err)
{
    struct ps_buf path = {0};
    ps_buf_char(&path, '/');
    ps_url_encode(&path, from->bucket, from->bucket_len, 0);
    ps_buf_char(&path, '/');
    ps_url_encode(&path, from->key, from->key_len, 1);
    if (fs->auth.kind == ABFS_SAS) {
        ps_buf_char(&path, '?');
        ps_buf_text(&path, fs->auth.sas);
    }
    r->source = path.data;
    abfs_header(r, "x-ms-rename-source", r->source);
    return ps_buf_check(&path, err);
}

int abfs_rename(struct polyfs_call *call, void *self, const struct polyfs_source *source, const char *target_path,
                uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                struct polyfs_error *err)
{
    struct abfs_fs *fs = self;
    struct ps_target from, to;
    struct abfs_request r;
    (void)step;
    int rc = only_there(fs, err);
    if (rc == POLYFS_OK && (request->flags || request->condition.if_match))
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag or condition is not known of renames");
    if (rc == POLYFS_OK)
        rc = abfs_target(source->path, source->path_len, 1, &from, err);
    if (rc == POLYFS_OK)
        rc = abfs_target(target_path, target_len, 1, &to, err);
    if (rc != POLYFS_OK)
        return rc;
    lake_request(&r, "PUT", &to);
    abfs_query(&r, "mode", "legacy");
    abfs_header(&r, "if-none-match", request->condition.create_only ? "*" : NULL);
    abfs_header(&r, "x-ms-source-if-match", source->etag);
    rc = rename_source(fs, &r, &from, err);
    if (rc == POLYFS_OK)
        rc = abfs_send_only(fs, call, &r, err);
    abfs_request_clear(&r);
    if (rc == POLYFS_CONDITION && err && strcmp(err->native_code, "SourceConditionNotMet") == 0)
        return abfs_copy_lost(rc, source, err);
    return abfs_lost(rc, &request->condition, err);
}
