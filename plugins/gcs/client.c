/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to its answer: URL, token, and what is learned of the server on the way: whose it is. Learned is never
 * guessed: it comes from an answer.
 */
#include "gcs.h"

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static int check_bucket(const char *name, uint64_t n, struct polyfs_error *err)
{
    uint64_t plain = 0;
    while (plain < n && ((name[plain] >= 'a' && name[plain] <= 'z') || (name[plain] >= '0' && name[plain] <= '9') ||
                         name[plain] == '.' || name[plain] == '-' || name[plain] == '_'))
        plain++;
    if (n == 0)
        return polyfs_fail(err, POLYFS_INVALID, "there is no bucket in it; write gs://bucket/key");
    if (plain < n || n < 3 || n > 222 || name[0] == '.' || memmem(name, n, "..", 2))
        return polyfs_fail(err, POLYFS_INVALID,
                           "\"%.*s\" cannot be a bucket's name: 3 to 63 lower-case letters, digits, '-', '_' and "
                           "'.'; write gs://bucket/key",
                           ps_target_shown(name, n), name);
    return POLYFS_OK;
}

static int check_key(const char *key, uint64_t n, struct polyfs_error *err)
{
    if (!ps_utf8_valid(key, n))
        return polyfs_fail(err, POLYFS_INVALID, "its name is not UTF-8, and Google Cloud Storage takes no other");
    if (n > GCS_KEY_MAX)
        return polyfs_fail(err, POLYFS_INVALID, "its name has %llu bytes; Google Cloud Storage takes at most 1,024",
                           (unsigned long long)n);
    if (memchr(key, '\r', n) || memchr(key, '\n', n))
        return polyfs_fail(err, POLYFS_INVALID, "no object's name holds a line end");
    if ((n == 1 && key[0] == '.') || (n == 2 && memcmp(key, "..", 2) == 0))
        return polyfs_fail(err, POLYFS_INVALID, "no object is named `.` or `..`");
    return POLYFS_OK;
}

int gcs_target(const char *path, uint64_t path_len, int need_key, struct ps_target *out, struct polyfs_error *err)
{
    ps_target_split(path, path_len, out);
    int rc = check_bucket(path, out->bucket_len, err);
    if (rc == POLYFS_OK && need_key && !out->key_len)
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a bucket, not an object; write gs://bucket/key");
    return rc == POLYFS_OK ? check_key(out->key, out->key_len, err) : rc;
}

/* ---- making requests --------------------------------------------------------------------------------------------- */

void gcs_request_init(struct gcs_request *r, const char *method, enum gcs_place place,
                      const struct ps_target *target)
{
    memset(r, 0, sizeof(*r));
    r->http.method = method;
    r->place = place;
    if (target)
        r->target = *target;
    if (strcmp(method, "GET") != 0)
        r->http.flags = PS_HTTP_CHANGES;
}

void gcs_query(struct gcs_request *r, const char *name, const char *value)
{
    if (value && r->query_count < GCS_QUERY_MAX)
        r->query[r->query_count++] = (struct ps_query){name, value};
}

void gcs_header(struct gcs_request *r, const char *name, const char *value)
{
    if (value && r->http.header_count < GCS_HEADERS_MAX)
        r->headers[r->http.header_count++] = (struct ps_header){name, value};
}

static void object_path(struct ps_buf *url, const struct ps_target *t)
{
    ps_url_encode(url, t->bucket, t->bucket_len, 0);
    ps_buf_text(url, "/o/");
    ps_url_encode(url, t->key, t->key_len, 0); /* one segment: '/' is %2F */
}

/* What of the place the root does not say. */
static void place_path(const struct gcs_request *r, struct ps_buf *url)
{
    const struct ps_target *t = &r->target;
    if (r->place == GCS_OBJECT)
        object_path(url, t);
    else if (r->place != GCS_BUCKETS && r->place != GCS_BATCH)
        ps_url_encode(url, t->bucket, t->bucket_len, 0);
    if (r->place == GCS_OBJECTS || r->place == GCS_UPLOAD)
        ps_buf_text(url, "/o");
    if (r->place == GCS_XML && t->key_len) {
        ps_buf_char(url, '/');
        ps_url_encode(url, t->key, t->key_len, 1);
    }
    if (r->compose)
        ps_buf_text(url, "/compose");
    if (r->rewrite_to) {
        ps_buf_text(url, "/rewriteTo/b/");
        object_path(url, r->rewrite_to);
    }
}

static void url_load(const struct gcs_fs *fs, struct gcs_request *r, struct ps_buf *url)
{
    static const char *const roots[] = {[GCS_BUCKETS] = "/storage/v1/b",
                                        [GCS_BUCKET] = "/storage/v1/b/",
                                        [GCS_OBJECTS] = "/storage/v1/b/",
                                        [GCS_OBJECT] = "/storage/v1/b/",
                                        [GCS_UPLOAD] = "/upload/storage/v1/b/",
                                        [GCS_BATCH] = "/batch/storage/v1",
                                        [GCS_XML] = "/"};
    if (r->place == GCS_SESSION) {
        ps_buf_text(url, r->session);
        return;
    }
    ps_buf_text(url, fs->endpoint.tls ? "https://" : "http://");
    ps_buf_text(url, fs->endpoint.authority);
    ps_buf_text(url, fs->endpoint.base);
    ps_buf_text(url, roots[r->place]);
    place_path(r, url);
    if (r->place == GCS_XML)
        gcs_header(r, "x-goog-user-project", fs->user_project);
    else if (r->place != GCS_BATCH)
        gcs_query(r, "userProject", fs->user_project);
    if (r->query_count) {
        ps_buf_char(url, '?');
        ps_url_query(url, r->query, r->query_count);
    }
}

/* ---- learning ----------------------------------------------------------------------------------------------------- */

int gcs_is_google(struct gcs_fs *fs)
{
    ps_lock(&fs->mu);
    enum gcs_profile profile = fs->profile;
    ps_unlock(&fs->mu);
    return profile == GCS_GOOGLE;
}

static void learn_server(struct gcs_fs *fs, const struct ps_http_connection *answer)
{
    int google = ps_http_header(answer, "x-guploader-uploadid") != NULL;
    ps_lock(&fs->mu);
    if (fs->profile == GCS_UNKNOWN && google)
        fs->profile = GCS_GOOGLE;
    ps_unlock(&fs->mu);
}

static struct gcs_bucket *bucket_row_locked(struct gcs_fs *fs, const struct ps_target *t)
{
    for (unsigned i = 0; i < fs->bucket_count; i++)
        if (strlen(fs->buckets[i].name) == t->bucket_len &&
            memcmp(fs->buckets[i].name, t->bucket, t->bucket_len) == 0)
            return &fs->buckets[i];
    return NULL;
}

uint8_t gcs_bucket_answer(struct gcs_fs *fs, const struct ps_target *target, enum gcs_learned what)
{
    ps_lock(&fs->mu);
    const struct gcs_bucket *row = bucket_row_locked(fs, target);
    uint8_t answer = row ? row->answers[what] : (uint8_t)POLYFS_UNKNOWN;
    ps_unlock(&fs->mu);
    return answer;
}

void gcs_bucket_learn(struct gcs_fs *fs, const struct ps_target *target, enum gcs_learned what, uint8_t answer)
{
    ps_lock(&fs->mu);
    struct gcs_bucket *row = bucket_row_locked(fs, target);
    if (!row && target->bucket_len < sizeof(row->name)) {
        unsigned full = fs->bucket_count == GCS_BUCKETS_MAX;
        row = &fs->buckets[full ? fs->bucket_next++ % GCS_BUCKETS_MAX : fs->bucket_count++];
        memcpy(row->name, target->bucket, target->bucket_len);
        row->name[target->bucket_len] = '\0';
        memset(row->answers, (int)POLYFS_UNKNOWN, sizeof(row->answers));
    }
    if (row)
        row->answers[what] = answer;
    ps_unlock(&fs->mu);
}

/* ---- sending -------------------------------------------------------------------------------------------------------- */

static int exchange(struct gcs_fs *fs, struct polyfs_call *call, struct gcs_request *r, const char *url,
                    const struct ps_keys *keys, struct ps_http_connection **out, struct polyfs_error *err)
{
    r->http.url = url;
    r->http.headers = r->headers;
    struct ps_http_connection *answer;
    int rc = ps_http_send(fs->http, call, &r->http, &answer, err);
    if (rc != POLYFS_OK)
        return rc;
    learn_server(fs, answer);
    int status = ps_http_status(answer);
    if ((status >= 200 && status < 300) || status == r->also_good) {
        *out = answer;
        return POLYFS_OK;
    }
    rc = gcs_refused(answer, err);
    if (status == 401 && keys && ps_creds_renew(fs->creds, call, keys) && err)
        err->retry = POLYFS_RETRY_LEARNED;
    ps_http_clear(fs->http, answer);
    return rc;
}

int gcs_send(struct gcs_fs *fs, struct polyfs_call *call, struct gcs_request *r, struct ps_http_connection **out,
             struct polyfs_error *err)
{
    const struct ps_keys *keys = NULL;
    struct ps_buf url = {0}, bearer = {0};
    if (r->http.flags & PS_HTTP_CHANGES && !r->http.head_bytes && !r->http.body_bytes)
        r->http.flags |= PS_HTTP_FRESH; /* libcurl would repeat it by itself */
    int rc = gcs_auth_token(fs, call, &keys, err);
    if (rc != POLYFS_OK)
        return rc;
    url_load(fs, r, &url);
    if (keys && r->place != GCS_SESSION) { /* a session's URL is a right by itself */
        ps_buf_text(&bearer, "Bearer ");
        ps_buf_text(&bearer, keys->token);
        gcs_header(r, "authorization", bearer.data);
    }
    rc = ps_buf_check(&url, err);
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&bearer, err);
    if (rc == POLYFS_OK)
        rc = exchange(fs, call, r, url.data, keys, out, err);
    ps_creds_release(fs->creds, keys);
    ps_buf_wipe(&bearer);
    ps_buf_clear(&url);
    return rc;
}
