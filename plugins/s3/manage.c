/* SPDX-License-Identifier: Apache-2.0 */
/* What the server does by itself: copies, metadata, the list of unfinished uploads; and signed URLs. */
#include <strings.h>

#include "s3.h"

/* ---- copies ------------------------------------------------------------------------------------------------------------ */

int s3_copy_source(const struct s3_fs *fs, struct s3_request *r, const struct polyfs_source *source,
                   struct polyfs_error *err)
{
    struct ps_target from;
    struct ps_buf text = {0};
    int rc = s3_target(fs, source->path, source->path_len, 1, &from, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_buf_char(&text, '/');
    ps_url_encode(&text, from.bucket, from.bucket_len, 0);
    ps_buf_char(&text, '/');
    ps_url_encode(&text, from.key, from.key_len, 1);
    if (source->version) {
        ps_buf_text(&text, "?versionId=");
        ps_url_encode(&text, source->version, strlen(source->version), 0);
    }
    rc = ps_buf_check(&text, err);
    ps_host->free(r->source);
    r->source = text.data;
    s3_header(r, "x-amz-copy-source", r->source);
    s3_header(r, "x-amz-copy-source-if-match", source->etag);
    if (fs->sse_key) {
        s3_header(r, "x-amz-copy-source-server-side-encryption-customer-algorithm", "AES256");
        s3_header(r, "x-amz-copy-source-server-side-encryption-customer-key", fs->sse_key);
        s3_header(r, "x-amz-copy-source-server-side-encryption-customer-key-md5", fs->sse_key_md5);
    }
    return rc;
}

int s3_copy_lost(int rc, const struct polyfs_source *source, struct polyfs_error *err)
{
    if (rc != POLYFS_CONDITION || !source->etag)
        return rc;
    polyfs_fail(err, POLYFS_CHANGED, "the source was replaced: it no longer has the etag %.100s", source->etag);
    return POLYFS_CHANGED;
}

static int copy_send(struct s3_fs *fs, struct polyfs_call *call, struct s3_request *r, struct polyfs_stat *out,
                     struct polyfs_error *err)
{
    struct s3_result result;
    struct ps_http_connection *answer = NULL;
    r->http.stall_ms = S3_SLOW_MS;
    r->http.flags |= PS_HTTP_FRESH;
    int rc = s3_result_begin(&result, r, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = s3_send(fs, call, r, &answer, err);
    rc = s3_result_end(&result, rc, "CopyObjectResult", err);
    if (rc == POLYFS_OK && !*result.etag)
        rc = ps_unclear(err, "the store copied without telling an etag");
    if (rc == POLYFS_OK && out) {
        s3_written(answer, POLYFS_SIZE_UNKNOWN, out);
        snprintf(out->etag, sizeof(out->etag), "%s", result.etag);
    }
    ps_http_clear(fs->http, answer);
    return rc;
}

/* A 400 for its size is TOO_LARGE, so that core copies in parts. */
static int too_large(int rc, struct polyfs_error *err)
{
    if (rc != POLYFS_INVALID || !err || strcmp(err->native_code, "InvalidRequest") != 0 ||
        !strstr(err->message, "maximum"))
        return rc;
    return polyfs_fail(err, POLYFS_TOO_LARGE, "one copy takes at most 5 GiB");
}

int s3_copy(struct polyfs_call *call, void *self, const struct polyfs_source *source, const char *target_path,
            uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
            struct polyfs_stat *out, struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    int conditional = request->condition.create_only || request->condition.if_match;
    (void)step;
    if (request->flags & ~POLYFS_PUT_KEEP_METADATA)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (conditional && s3_traits[s3_profile(fs)].copy_condition != POLYFS_YES)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this server is not known to copy under a condition");
    int rc = s3_target(fs, target_path, target_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    int keeps = request->flags & POLYFS_PUT_KEEP_METADATA && !request->metadata_count && !request->content_type;
    s3_request_init(&r, "PUT", &target);
    rc = s3_copy_source(fs, &r, source, err);
    s3_header(&r, "x-amz-metadata-directive", keeps ? "COPY" : "REPLACE");
    if (rc == POLYFS_OK)
        rc = s3_write_headers(fs, &r, request, err);
    s3_write_conditions(&r, &request->condition);
    if (rc == POLYFS_OK)
        rc = copy_send(fs, call, &r, out, err);
    s3_request_clear(&r);
    rc = too_large(rc, err);
    return conditional ? s3_lost(rc, &request->condition, err) : s3_copy_lost(rc, source, err);
}

/* ---- metadata: a copy onto itself --------------------------------------------------------------------------------------- */

int s3_set_metadata(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                    const struct polyfs_put_request *request, struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    struct polyfs_put_request own = *request;
    struct s3_request r;
    struct ps_target target;
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = s3_stat(call, fs, path, path_len, NULL, &stat, NULL, err);
    if (rc == POLYFS_OK && request->condition.if_match && strcmp(request->condition.if_match, stat.etag) != 0)
        rc = polyfs_fail(err, POLYFS_CONDITION, "it has the etag %.100s now", stat.etag);
    if (rc != POLYFS_OK)
        return rc;
    const struct polyfs_source source = {.struct_size = sizeof(source),
                                         .path = path,
                                         .path_len = path_len,
                                         .etag = stat.etag};
    if (!own.content_type && stat.content_type[0])
        own.content_type = stat.content_type;
    s3_request_init(&r, "PUT", &target);
    rc = s3_copy_source(fs, &r, &source, err);
    s3_header(&r, "x-amz-metadata-directive", "REPLACE");
    if (rc == POLYFS_OK)
        rc = s3_write_headers(fs, &r, &own, err);
    if (rc == POLYFS_OK)
        rc = copy_send(fs, call, &r, NULL, err);
    s3_request_clear(&r);
    return s3_copy_lost(too_large(rc, err), &source, err);
}

/* ---- signed URLs ---------------------------------------------------------------------------------------------------------- */

int s3_sign(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *verb,
            uint32_t life_s, struct polyfs_text *out, struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct ps_buf url = {0};
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc == POLYFS_OK && !fs->creds)
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "without keys there is nothing to sign with");
    if (rc == POLYFS_OK)
        rc = ps_sigv4_check(verb, life_s, err);
    if (rc == POLYFS_OK)
        rc = s3_presign(fs, call, verb, &target, life_s, &url, err);
    if (rc == POLYFS_OK && ps_host->text_set(out, url.data, url.size) != POLYFS_OK)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a URL");
    ps_buf_clear(&url);
    return rc;
}

/* ---- unfinished uploads ----------------------------------------------------------------------------------------------------- */

struct uploads {
    struct ps_xml *xml;
    struct ps_uploads *page;
};

static int uploads_sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    return ps_xml_add(((struct uploads *)arg)->xml, data, size, err);
}

static int uploads_ask(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                       struct uploads *u, const char *cursor, struct polyfs_error *err)
{
    struct s3_request r;
    struct ps_target bucket = *target;
    struct ps_http_connection *answer = NULL;
    bucket.key_len = 0;
    s3_request_init(&r, "GET", &bucket);
    r.http.sink = uploads_sink;
    r.http.arg = u;
    const int by_prefix = (s3_traits[s3_profile(fs)].flags & S3_UPLOADS_BY_PREFIX) != 0;
    int rc = ps_uploads_ask(u->page, cursor, by_prefix, r.query, &r.query_count, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_new(ps_uploads_element, u->page, &u->xml, err);
    if (rc == POLYFS_OK)
        rc = s3_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(u->xml, "ListMultipartUploadsResult", err);
    ps_http_clear(fs->http, answer);
    ps_xml_free(u->xml);
    return rc;
}

int s3_uploads_list(struct polyfs_call *call, void *self, const char *prefix, uint64_t prefix_len,
                    struct polyfs_step *step, struct polyfs_uploads *out, struct polyfs_error *err)
{
    struct ps_target target;
    int rc = s3_target(self, prefix, prefix_len, 0, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    struct uploads u = {.page = ps_uploads_new(&target, "-:", err)};
    if (!u.page)
        return POLYFS_NOMEM;
    rc = uploads_ask(self, call, &target, &u, step->cursor, err);
    if (rc == POLYFS_OK)
        rc = ps_uploads_give(u.page, step, out, err);
    ps_uploads_free(u.page);
    return rc;
}
