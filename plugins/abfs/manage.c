/* SPDX-License-Identifier: Apache-2.0 */
/* What the server does by itself: copies, metadata; and signed URLs. */
#include <time.h>

#include "abfs.h"

/* ---- copies ------------------------------------------------------------------------------------------------------------ */

int abfs_copy_source(struct abfs_fs *fs, struct polyfs_call *call, struct abfs_request *r,
                     const struct polyfs_source *source, struct polyfs_error *err)
{
    struct ps_target from;
    struct ps_buf url = {0}, bearer = {0};
    const struct ps_keys *keys = NULL;
    int rc = abfs_target(source->path, source->path_len, 1, &from, err);
    if (rc == POLYFS_OK)
        rc = abfs_auth_token(fs, call, &keys, err);
    if (rc != POLYFS_OK)
        return rc;
    abfs_url(fs, &from, &url);
    if (source->version) {
        ps_buf_text(&url, "?versionid=");
        ps_url_encode(&url, source->version, strlen(source->version), 0);
    }
    if (fs->auth.kind == ABFS_SAS) {
        ps_buf_char(&url, source->version ? '&' : '?');
        ps_buf_text(&url, fs->auth.sas);
    }
    if (keys) {
        ps_buf_text(&bearer, "Bearer ");
        ps_buf_text(&bearer, keys->token);
    }
    ps_creds_release(fs->creds, keys);
    rc = ps_buf_check(&url, err);
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&bearer, err);
    ps_host->free(r->source);
    ps_host->free(r->bearer);
    r->source = url.data;
    r->bearer = bearer.data;
    abfs_header(r, "x-ms-copy-source", r->source);
    abfs_header(r, "x-ms-copy-source-authorization", r->bearer);
    abfs_header(r, "x-ms-source-if-match", source->etag);
    return rc;
}

int abfs_copy_lost(int rc, const struct polyfs_source *source, struct polyfs_error *err)
{
    if (rc != POLYFS_CONDITION || !source->etag)
        return rc;
    return polyfs_fail(err, POLYFS_CHANGED, "the source was replaced: it no longer has the etag %.100s",
                       source->etag);
}

/* Which of the two conditions was lost: the code tells. */
static int copy_lost(int rc, const struct polyfs_source *source, const struct polyfs_condition *condition,
                     struct polyfs_error *err)
{
    int is_source = err && (strcmp(err->native_code, "SourceConditionNotMet") == 0 ||
                            strcmp(err->native_code, "CannotVerifyCopySource") == 0);
    if (rc == POLYFS_CONDITION && (is_source || (!condition->create_only && !condition->if_match)))
        return abfs_copy_lost(rc, source, err);
    return is_source ? rc : abfs_lost(rc, condition, err);
}

/* What a copy has come to: OK, MORE with its id as the cursor, or why it failed. */
static int copy_status(const struct ps_http_connection *answer, struct polyfs_step *step, struct polyfs_error *err)
{
    const char *status = ps_http_header(answer, "x-ms-copy-status"), *id = ps_http_header(answer, "x-ms-copy-id");
    if (!status)
        return ps_unclear(err, "the store does not say how the copy stands");
    if (strcmp(status, "success") == 0)
        return POLYFS_OK;
    if (strcmp(status, "pending") != 0) {
        const char *why = ps_http_header(answer, "x-ms-copy-status-description");
        char text[200];
        snprintf(text, sizeof(text), "%s", why ? why : status);
        ps_tame(text);
        return polyfs_fail(err, POLYFS_IO, "the store gave the copy up: %s", text);
    }
    step->poll_after_ms = 500;
    if (!id || ps_host->text_set(step->next, id, strlen(id)) != POLYFS_OK)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a copy");
    return POLYFS_MORE;
}

/* A round after the first: the target must still be of this copy. */
static int copy_round(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                      struct polyfs_step *step, struct polyfs_stat *out, struct polyfs_error *err)
{
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    abfs_request_init(&r, "HEAD", target);
    int rc = abfs_send(fs, call, &r, &answer, err);
    if (rc != POLYFS_OK)
        return rc;
    const char *id = ps_http_header(answer, "x-ms-copy-id");
    if (!id || strcmp(id, step->cursor) != 0)
        rc = polyfs_fail(err, POLYFS_CONDITION, "another write took the place of the copy");
    else
        rc = copy_status(answer, step, err);
    if (rc == POLYFS_OK && out) {
        struct polyfs_stat stat;
        rc = abfs_stat_of(answer, &stat, NULL, err);
        if (rc == POLYFS_OK)
            ps_stat_give(out, &stat);
    }
    ps_http_clear(fs->http, answer);
    return rc;
}

/* A folder is a blob without bytes to Copy Blob, and would be copied as one. */
static int check_source(struct abfs_fs *fs, struct polyfs_call *call, const struct polyfs_source *source,
                        struct polyfs_error *err)
{
    struct ps_target from;
    int rc = abfs_target(source->path, source->path_len, 1, &from, err);
    return rc == POLYFS_OK ? abfs_lake_check_blob(fs, call, &from, err) : rc;
}

/* Copy Blob keeps what the source has beside its bytes; all else goes another way, which core finds on UNSUPPORTED. */
int abfs_copy(struct polyfs_call *call, void *self, const struct polyfs_source *source, const char *target_path,
              uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
              struct polyfs_stat *out, struct polyfs_error *err)
{
    struct abfs_fs *fs = self;
    struct ps_target target;
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    if (request->flags & ~POLYFS_PUT_KEEP_METADATA)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (!(request->flags & POLYFS_PUT_KEEP_METADATA) || request->metadata_count || request->content_type ||
        request->extra_count)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "Azure copies a blob as it is, with its metadata");
    int rc = abfs_target(target_path, target_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = abfs_lake_check_write(fs, call, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    if (step->cursor)
        return copy_round(fs, call, &target, step, out, err);
    rc = check_source(fs, call, source, err);
    abfs_request_init(&r, "PUT", &target);
    if (rc == POLYFS_OK)
        rc = abfs_copy_source(fs, call, &r, source, err);
    if (fs->auth.kind == ABFS_TOKEN) /* only so is the source read with the same token */
        abfs_header(&r, "x-ms-requires-sync", "true");
    abfs_write_conditions(&r, &request->condition);
    r.http.stall_ms = ABFS_SLOW_MS;
    if (rc == POLYFS_OK)
        rc = abfs_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = copy_status(answer, step, err);
    if (rc == POLYFS_OK)
        rc = abfs_written(fs, answer, POLYFS_SIZE_UNKNOWN, out, err);
    ps_http_clear(fs->http, answer);
    abfs_request_clear(&r);
    return rc < 0 ? copy_lost(rc, source, &request->condition, err) : rc;
}

/* ---- metadata --------------------------------------------------------------------------------------------------------- */

struct properties {
    char type[1100], encoding[256], language[256], disposition[512], control[512], md5[64];
};

static void property(const struct ps_http_connection *answer, const char *name, char *out, size_t room)
{
    const char *text = ps_http_header(answer, name);
    snprintf(out, room, "%s", text ? text : "");
}

/* To set one property sets all of them: the others are read, and said again. */
static int properties_read(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                           struct properties *out, char etag[128], struct polyfs_error *err)
{
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    abfs_request_init(&r, "HEAD", target);
    int rc = abfs_send(fs, call, &r, &answer, err);
    if (rc != POLYFS_OK)
        return rc;
    property(answer, "content-type", out->type, sizeof(out->type));
    property(answer, "content-encoding", out->encoding, sizeof(out->encoding));
    property(answer, "content-language", out->language, sizeof(out->language));
    property(answer, "content-disposition", out->disposition, sizeof(out->disposition));
    property(answer, "cache-control", out->control, sizeof(out->control));
    property(answer, "content-md5", out->md5, sizeof(out->md5));
    property(answer, "etag", etag, 128);
    ps_http_clear(fs->http, answer);
    return POLYFS_OK;
}

static int properties_set(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                          const char *type, char etag[128], struct polyfs_error *err)
{
    struct properties old;
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    char seen[128];
    int rc = properties_read(fs, call, target, &old, seen, err);
    if (rc == POLYFS_OK && *etag && strcmp(etag, seen) != 0)
        rc = polyfs_fail(err, POLYFS_CONDITION, "it has the etag %.100s now", seen);
    if (rc != POLYFS_OK)
        return rc;
    abfs_request_init(&r, "PUT", target);
    abfs_query(&r, "comp", "properties");
    abfs_header(&r, "if-match", *seen ? seen : NULL);
    abfs_header(&r, "x-ms-blob-content-type", type);
    abfs_header(&r, "x-ms-blob-content-encoding", *old.encoding ? old.encoding : NULL);
    abfs_header(&r, "x-ms-blob-content-language", *old.language ? old.language : NULL);
    abfs_header(&r, "x-ms-blob-content-disposition", *old.disposition ? old.disposition : NULL);
    abfs_header(&r, "x-ms-blob-cache-control", *old.control ? old.control : NULL);
    abfs_header(&r, "x-ms-blob-content-md5", *old.md5 ? old.md5 : NULL);
    rc = abfs_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        property(answer, "etag", etag, 128);
    ps_http_clear(fs->http, answer);
    return rc;
}

int abfs_set_metadata(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                      const struct polyfs_put_request *request, struct polyfs_error *err)
{
    struct abfs_fs *fs = self;
    struct abfs_request r;
    struct ps_target target;
    char etag[128];
    snprintf(etag, sizeof(etag), "%s", request->condition.if_match ? request->condition.if_match : "");
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = abfs_lake_check_blob(fs, call, &target, err);
    if (rc == POLYFS_OK && request->content_type)
        rc = properties_set(fs, call, &target, request->content_type, etag, err);
    if (rc != POLYFS_OK)
        return rc;
    abfs_request_init(&r, "PUT", &target);
    abfs_query(&r, "comp", "metadata");
    abfs_header(&r, "if-match", *etag ? etag : NULL);
    rc = abfs_metadata_headers(&r, request, err);
    if (rc == POLYFS_OK)
        rc = abfs_send_only(fs, call, &r, err);
    abfs_request_clear(&r);
    return rc == POLYFS_CONDITION ? polyfs_fail(err, rc, "it no longer has the etag %.100s", etag) : rc;
}

/* ---- signed URLs ---------------------------------------------------------------------------------------------------------- */

static void iso_time(int64_t seconds, char out[32])
{
    time_t time = (time_t)seconds;
    struct tm t;
    gmtime_r(&time, &t);
    snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
             t.tm_min, t.tm_sec);
}

/* "Create a service SAS", versions from 2020-12-06 on: what is signed, a line a field. */
static void sas_text(const struct abfs_fs *fs, const struct ps_target *target, const char *rights, const char *end,
                     const char *protocol, struct ps_buf *text)
{
    ps_buf_text(text, rights);
    ps_buf_text(text, "\n\n"); /* begins at once */
    ps_buf_text(text, end);
    ps_buf_text(text, "\n/blob/");
    ps_buf_text(text, fs->account);
    ps_buf_char(text, '/');
    ps_buf_add(text, target->bucket, target->bucket_len);
    ps_buf_char(text, '/');
    ps_buf_add(text, target->key, target->key_len);
    ps_buf_text(text, "\n\n\n"); /* no stored policy, any address */
    ps_buf_text(text, protocol);
    ps_buf_text(text, "\n" ABFS_VERSION "\nb\n\n\n\n\n\n\n"); /* no snapshot, scope, or headers of the answer */
}

static int sas_make(struct abfs_fs *fs, const struct ps_target *target, const char *rights, uint32_t life_s,
                    struct ps_buf *url, struct polyfs_error *err)
{
    const char *protocol = fs->endpoint.tls ? "https" : "https,http";
    struct ps_buf text = {0}, sum = {0};
    char end[32];
    iso_time(abfs_now_s(fs) + life_s, end);
    sas_text(fs, target, rights, end, protocol, &text);
    int rc = abfs_hmac(fs->auth.key, fs->auth.key_bytes, &text, &sum, err);
    struct ps_query query[] = {{"sv", ABFS_VERSION}, {"sr", "b"},       {"sp", rights},
                               {"se", end},          {"spr", protocol}, {"sig", sum.data ? sum.data : ""}};
    abfs_url(fs, target, url);
    ps_buf_char(url, '?');
    ps_url_query(url, query, sizeof(query) / sizeof(query[0]));
    ps_buf_clear(&text);
    ps_buf_clear(&sum);
    return rc == POLYFS_OK ? ps_buf_check(url, err) : rc;
}

int abfs_sign(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *verb,
              uint32_t life_s, struct polyfs_text *out, struct polyfs_error *err)
{
    struct abfs_fs *fs = self;
    struct ps_target target;
    struct ps_buf url = {0};
    (void)call;
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK && fs->auth.kind != ABFS_KEY)
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "only the account's key can sign a URL");
    if (rc == POLYFS_OK && strcmp(verb, "GET") != 0 && strcmp(verb, "PUT") != 0)
        rc = polyfs_fail(err, POLYFS_INVALID, "a URL is signed for GET or PUT");
    if (rc == POLYFS_OK && life_s < 1)
        rc = polyfs_fail(err, POLYFS_INVALID, "a signed URL lives for one second at least");
    if (rc == POLYFS_OK)
        rc = sas_make(fs, &target, *verb == 'G' ? "r" : "cw", life_s, &url, err);
    if (rc == POLYFS_OK && ps_host->text_set(out, url.data, url.size) != POLYFS_OK)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a URL");
    ps_buf_clear(&url);
    return rc;
}
