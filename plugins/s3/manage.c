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
    if (rc == POLYFS_OK && strcmp(verb, "GET") != 0 && strcmp(verb, "PUT") != 0)
        rc = polyfs_fail(err, POLYFS_INVALID, "a URL is signed for GET or PUT");
    if (rc == POLYFS_OK && (life_s < 1 || life_s > 604800))
        rc = polyfs_fail(err, POLYFS_INVALID, "a signed URL lives for 1 to 604,800 seconds (7 days)");
    if (rc == POLYFS_OK)
        rc = s3_presign(fs, call, verb, &target, life_s, &url, err);
    if (rc == POLYFS_OK && ps_host->text_set(out, url.data, url.size) != POLYFS_OK)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a URL");
    ps_buf_clear(&url);
    return rc;
}

/* ---- unfinished uploads ----------------------------------------------------------------------------------------------------- */

#define UPLOADS_MAX 1000

/* One page, kept by the thread that asked for it until it asks again. */
struct uploads {
    struct ps_xml *xml;
    struct ps_buf text;
    struct {
        uint64_t path, path_len, id;
        int64_t started_ns;
    } at[UPLOADS_MAX];
    struct polyfs_upload_row rows[UPLOADS_MAX];
    uint64_t count;
    const struct ps_target *target;
    char key_marker[1100], id_marker[1024];
    int truncated, is_url;
};

static void upload_key(struct uploads *u, const char *text, uint64_t size)
{
    u->at[u->count].path = u->text.size;
    ps_buf_add(&u->text, u->target->bucket, u->target->bucket_len);
    ps_buf_char(&u->text, '/');
    ps_buf_add(&u->text, text, size);
    u->at[u->count].path_len = u->text.size - u->at[u->count].path;
    ps_buf_char(&u->text, '\0');
}

static int uploads_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct uploads *u = arg;
    const char *at = strchr(path, '/');
    (void)err;
    if (!at || u->count >= UPLOADS_MAX)
        return POLYFS_OK;
    if (strcmp(at, "/Upload/Key") == 0)
        upload_key(u, text, size);
    else if (strcmp(at, "/Upload/Initiated") == 0)
        u->at[u->count].started_ns = ps_iso_time_ns(text);
    else if (strcmp(at, "/EncodingType") == 0)
        u->is_url = strcmp(text, "url") == 0;
    else if (strcmp(at, "/IsTruncated") == 0)
        u->truncated = strcmp(text, "true") == 0;
    else if (strcmp(at, "/NextKeyMarker") == 0)
        snprintf(u->key_marker, sizeof(u->key_marker), "%s", text);
    else if (strcmp(at, "/NextUploadIdMarker") == 0)
        snprintf(u->id_marker, sizeof(u->id_marker), "%s", text);
    else if (strcmp(at, "/Upload/UploadId") == 0) {
        u->at[u->count].id = u->text.size;
        ps_buf_text(&u->text, "-:");
        ps_buf_add(&u->text, text, size + 1);
    } else if (strcmp(at, "/Upload") == 0) {
        u->count++;
    }
    return POLYFS_OK;
}

static int uploads_sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    return ps_xml_add(((struct uploads *)arg)->xml, data, size, err);
}

static pthread_key_t uploads_key;

static void uploads_free(void *memory)
{
    struct uploads *u = memory;
    if (u)
        ps_buf_clear(&u->text);
    ps_host->free(u);
}

int s3_uploads_init(void)
{
    return pthread_key_create(&uploads_key, uploads_free) == 0 ? POLYFS_OK : POLYFS_NOMEM;
}

static struct uploads *page_of_thread(void)
{
    struct uploads *u = pthread_getspecific(uploads_key);
    if (!u && (u = ps_host->alloc(sizeof(*u)))) {
        memset(u, 0, sizeof(*u));
        if (pthread_setspecific(uploads_key, u) != 0) {
            ps_host->free(u);
            return NULL;
        }
    }
    return u;
}

static int uploads_ask(struct s3_fs *fs, struct polyfs_call *call, struct uploads *u, const char *cursor,
                       struct polyfs_error *err)
{
    struct s3_request r;
    struct ps_target bucket = *u->target;
    struct ps_http_connection *answer = NULL;
    char *key = NULL;
    const char *cut = cursor ? strrchr(cursor, '\n') : NULL;
    bucket.key_len = 0;
    s3_request_init(&r, "GET", &bucket);
    s3_query(&r, "uploads", "");
    s3_query(&r, "max-uploads", "1000");
    s3_query(&r, "encoding-type", "url");
    if (s3_traits[s3_profile(fs)].flags & S3_UPLOADS_BY_PREFIX && u->target->key_len)
        s3_query(&r, "prefix", u->target->key);
    if (cut && (key = ps_host->alloc((uint64_t)(cut - cursor) + 1))) {
        memcpy(key, cursor, (size_t)(cut - cursor));
        key[cut - cursor] = '\0';
        s3_query(&r, "key-marker", key);
        s3_query(&r, "upload-id-marker", cut[1] ? cut + 1 : NULL);
    }
    r.http.sink = uploads_sink;
    r.http.arg = u;
    int rc = cut && !key ? polyfs_fail(err, POLYFS_NOMEM, "no memory for a page")
                         : ps_xml_new(uploads_element, u, &u->xml, err);
    if (rc == POLYFS_OK)
        rc = s3_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(u->xml, "ListMultipartUploadsResult", err);
    ps_http_clear(fs->http, answer);
    ps_xml_free(u->xml);
    u->xml = NULL;
    ps_host->free(key);
    return rc == POLYFS_OK ? ps_buf_check(&u->text, err) : rc;
}

static int uploads_more(struct uploads *u, struct polyfs_step *step, struct polyfs_error *err)
{
    char cursor[sizeof(u->key_marker) + sizeof(u->id_marker) + 2];
    if (u->is_url)
        ps_url_decode(u->key_marker, strlen(u->key_marker));
    snprintf(cursor, sizeof(cursor), "%s\n%s", u->key_marker, u->id_marker);
    if (!*u->key_marker || (step->cursor && strcmp(step->cursor, cursor) == 0))
        return polyfs_fail(err, POLYFS_NETWORK, "the store says that there are more uploads, and not where");
    step->poll_after_ms = 0;
    return ps_host->text_set(step->next, cursor, strlen(cursor)) == POLYFS_OK
               ? POLYFS_MORE
               : polyfs_fail(err, POLYFS_NOMEM, "no memory for a page");
}

/* Rows below the prefix: not every server looks at it. */
static uint64_t uploads_rows(struct uploads *u, const struct ps_target *target)
{
    uint64_t kept = 0, skip = target->bucket_len + 1;
    for (uint64_t i = 0; i < u->count; i++) {
        char *path = u->text.data + u->at[i].path;
        uint64_t key = u->at[i].path_len - skip;
        if (u->is_url)
            key = ps_url_decode(path + skip, key);
        if (key < target->key_len || memcmp(path + skip, target->key, target->key_len) != 0)
            continue;
        u->rows[kept++] = (struct polyfs_upload_row){.path = path,
                                                     .path_len = skip + key,
                                                     .upload_id = u->text.data + u->at[i].id,
                                                     .started_ns = u->at[i].started_ns};
    }
    return kept;
}

int s3_uploads_list(struct polyfs_call *call, void *self, const char *prefix, uint64_t prefix_len,
                    struct polyfs_step *step, const struct polyfs_upload_row **out_rows, uint64_t *out_count,
                    uint64_t *out_stride, struct polyfs_error *err)
{
    struct ps_target target;
    int rc = s3_target(self, prefix, prefix_len, 0, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    struct uploads *u = page_of_thread();
    if (!u)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a page");
    ps_buf_reset(&u->text);
    u->count = 0;
    u->truncated = u->is_url = 0;
    u->key_marker[0] = u->id_marker[0] = '\0';
    u->target = &target;
    rc = uploads_ask(self, call, u, step->cursor, err);
    u->target = NULL;
    if (rc != POLYFS_OK)
        return rc;
    *out_rows = u->rows;
    *out_count = uploads_rows(u, &target);
    *out_stride = sizeof(u->rows[0]);
    return u->truncated ? uploads_more(u, step, err) : POLYFS_OK;
}
