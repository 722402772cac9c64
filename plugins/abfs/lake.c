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

static int has_slash(const struct ps_target *t)
{
    return t->key_len && t->key[t->key_len - 1] == '/';
}

/* The name of a folder, with or without a '/' behind it. */
static struct ps_target folder_of(const struct ps_target *target)
{
    struct ps_target folder = *target;
    while (has_slash(&folder))
        folder.key_len--;
    return folder;
}

/* A folder without a name: of these the service makes another path. */
static int check_parts(const struct ps_target *t, struct polyfs_error *err)
{
    return t->key_len && (t->key[0] == '/' || memmem(t->key, t->key_len, "//", 2))
               ? polyfs_fail(err, POLYFS_INVALID,
                             "its name has an empty part (//), which an account with folders does not keep; write "
                             "one slash")
               : POLYFS_OK;
}

static void lake_request(struct abfs_request *r, const char *method, const struct ps_target *target)
{
    const struct ps_target path = folder_of(target);
    abfs_request_init(r, method, &path);
    r->at_lake = 1;
}

/* What is left to do of a step that the service does in rounds: MORE with the cursor, or OK. */
static int step_more(const struct ps_http_connection *answer, struct polyfs_step *step, struct polyfs_error *err)
{
    const char *more = ps_http_header(answer, "x-ms-continuation");
    if (!more || !*more)
        return POLYFS_OK;
    step->poll_after_ms = 0;
    return ps_host->text_set(step->next, more, strlen(more)) == POLYFS_OK
               ? POLYFS_MORE
               : polyfs_fail(err, POLYFS_NOMEM, "no memory for a step");
}

static int only_there(struct abfs_fs *fs, struct polyfs_error *err)
{
    return abfs_lake(fs) == POLYFS_YES
               ? POLYFS_OK
               : polyfs_fail(err, POLYFS_UNSUPPORTED, "the account has no hierarchical namespace");
}

/* ---- folders ----------------------------------------------------------------------------------------------------------- */

static struct ps_target parent_of(const struct ps_target *target)
{
    struct ps_target parent = folder_of(target);
    while (parent.key_len && !has_slash(&parent))
        parent.key_len--;
    return folder_of(&parent);
}

/* The folder that a path lies in must be there. Where it is not, a blob may be in its way, @levels further up. */
static int check_parent(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                        unsigned levels, struct polyfs_error *err)
{
    struct ps_target parent = parent_of(target);
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int rc = abfs_stat_object(fs, call, &parent, NULL, &stat, NULL, err), up = rc;
    while (up == POLYFS_NOT_FOUND && levels-- && parent.key_len) {
        parent = parent_of(&parent);
        up = abfs_stat_object(fs, call, &parent, NULL, &stat, NULL, NULL);
    }
    return up == POLYFS_OK && stat.type != POLYFS_TYPE_DIR
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
    int rc = check_parts(&r.target, err);
    if (rc == POLYFS_OK && !(flags & POLYFS_MKDIR_PARENTS))
        rc = check_parent(fs, call, &r.target, ABFS_KEY_MAX, err);
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
    if (rc == POLYFS_OK)
        rc = step_more(answer, step, err);
    ps_http_clear(fs->http, answer);
    return rc;
}

/* ---- names of folders where a blob is meant ---------------------------------------------------------------------------- */

/* Does it end in '/', which only a folder's name does here? In a flat namespace that is a name like any. */
static int names_folder(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target, int *out,
                        struct polyfs_error *err)
{
    *out = 0;
    if (!has_slash(target))
        return POLYFS_OK;
    int rc = abfs_lake_probe(fs, call, target, err);
    *out = rc == POLYFS_OK && abfs_lake(fs) == POLYFS_YES;
    return rc;
}

int abfs_lake_check_write(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                          struct polyfs_error *err)
{
    if (!has_slash(target) && check_parts(target, NULL) == POLYFS_OK)
        return POLYFS_OK;
    int rc = abfs_lake_probe(fs, call, target, err);
    if (rc != POLYFS_OK || abfs_lake(fs) != POLYFS_YES)
        return rc;
    rc = check_parts(target, err);
    return rc == POLYFS_OK ? polyfs_fail(err, POLYFS_IS_DIR, "a name that ends in '/' is a folder's") : rc;
}

int abfs_lake_check_read(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                         struct polyfs_error *err)
{
    return has_slash(target) ? abfs_lake_check_blob(fs, call, target, err) : POLYFS_OK;
}

int abfs_lake_check_blob(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                         struct polyfs_error *err)
{
    struct polyfs_stat stat;
    int rc = abfs_lake_probe(fs, call, target, err);
    if (rc != POLYFS_OK || abfs_lake(fs) != POLYFS_YES)
        return rc;
    rc = abfs_lake_stat(fs, call, target, NULL, &stat, NULL, err);
    return rc == POLYFS_OK && stat.type == POLYFS_TYPE_DIR ? polyfs_fail(err, POLYFS_IS_DIR, "it is a folder") : rc;
}

int abfs_lake_stat(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                   const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                   struct polyfs_error *err)
{
    struct ps_target folder = *target;
    int is_folder;
    int rc = names_folder(fs, call, target, &is_folder, err);
    if (is_folder)
        folder = folder_of(target);
    if (rc == POLYFS_OK)
        rc = abfs_stat_object(fs, call, &folder, version, out, meta, err);
    return is_folder && rc == POLYFS_OK && out->type != POLYFS_TYPE_DIR
               ? polyfs_fail(err, POLYFS_NOT_DIR, "it is a blob, not a folder")
               : rc;
}

int abfs_lake_absent(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target, int rc,
                     struct polyfs_error *err)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    if (rc != POLYFS_NOT_FOUND || !memchr(target->key, '/', target->key_len) ||
        abfs_lake_probe(fs, call, target, NULL) != POLYFS_OK || abfs_lake(fs) != POLYFS_YES ||
        check_parent(fs, call, target, 0, &why) != POLYFS_NOT_DIR)
        return rc;
    if (err)
        *err = why;
    return POLYFS_NOT_DIR;
}

/* ---- blobs --------------------------------------------------------------------------------------------------------------- */

/* Without "recursive" the service takes no folder, not even an empty one. */
int abfs_lake_remove(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                     const struct polyfs_condition *condition, struct polyfs_error *err)
{
    struct abfs_request r;
    int rc = abfs_lake_check_read(fs, call, target, err);
    if (rc != POLYFS_OK)
        return rc;
    lake_request(&r, "DELETE", target);
    abfs_header(&r, "if-match", condition ? condition->if_match : NULL);
    rc = abfs_send_only(fs, call, &r, err);
    if (rc == POLYFS_INVALID && (!err || err->http_status == 400))
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
    return condition && rc == POLYFS_CONDITION ? abfs_lost(rc, condition, err) : rc;
}

/* ---- renames ------------------------------------------------------------------------------------------------------------- */

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

struct move {
    struct ps_target from, to;
    int is_folder;
};

/* What is moved, and whether the names fit it. The service would put a folder in the place of an empty one. */
static int move_load(struct abfs_fs *fs, struct polyfs_call *call, const struct polyfs_source *source,
                     const char *target, uint64_t target_len, int goes_on, struct move *out,
                     struct polyfs_error *err)
{
    struct polyfs_stat stat = {.type = POLYFS_TYPE_DIR};
    struct ps_target from, to;
    int rc = abfs_target(source->path, source->path_len, 1, &from, err);
    if (rc == POLYFS_OK)
        rc = abfs_target(target, target_len, 1, &to, err);
    if (rc == POLYFS_OK)
        rc = check_parts(&to, err);
    if (rc == POLYFS_OK && !goes_on)
        rc = abfs_lake_stat(fs, call, &from, NULL, &stat, NULL, err);
    if (rc != POLYFS_OK)
        return rc;
    *out = (struct move){folder_of(&from), folder_of(&to), stat.type == POLYFS_TYPE_DIR};
    return !out->is_folder && has_slash(&to)
               ? polyfs_fail(err, POLYFS_NOT_DIR, "it is a blob, and the target's name is a folder's")
               : POLYFS_OK;
}

static int move_lost(int rc, const struct polyfs_source *source, const struct polyfs_condition *condition,
                     struct polyfs_error *err)
{
    if (rc == POLYFS_CONDITION && err && strcmp(err->native_code, "SourceConditionNotMet") == 0)
        return abfs_copy_lost(rc, source, err);
    return abfs_lost(rc, condition, err);
}

int abfs_rename(struct polyfs_call *call, void *self, const struct polyfs_source *source, const char *target_path,
                uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                struct polyfs_error *err)
{
    struct abfs_fs *fs = self;
    struct polyfs_condition condition = request->condition;
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    struct move move;
    int rc = only_there(fs, err);
    if (rc == POLYFS_OK && (request->flags || condition.if_match))
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag or condition is not known of renames");
    if (rc == POLYFS_OK)
        rc = move_load(fs, call, source, target_path, target_len, step->cursor != NULL, &move, err);
    if (rc != POLYFS_OK)
        return rc;
    condition.create_only |= (uint32_t)move.is_folder;
    lake_request(&r, "PUT", &move.to);
    abfs_query(&r, "mode", "legacy");
    abfs_query(&r, "continuation", step->cursor);
    abfs_header(&r, "if-none-match", condition.create_only && !step->cursor ? "*" : NULL);
    abfs_header(&r, "x-ms-source-if-match", source->etag);
    r.http.stall_ms = ABFS_SLOW_MS;
    rc = rename_source(fs, &r, &move.from, err);
    if (rc == POLYFS_OK)
        rc = abfs_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = step_more(answer, step, err);
    ps_http_clear(fs->http, answer);
    abfs_request_clear(&r);
    return rc < 0 ? move_lost(rc, source, &condition, err) : rc;
}
