/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape STREAM: a resumable upload. The store takes multiples of 256 KiB, so what is left of a write stays here until more
 * comes, or the end. Invariants: `sent` bytes are with the store and `rest` of them are here, together all that was taken;
 * `crc` is of these. The URL of an upload is a right by itself: it goes into no text.
 *
 * How much the store holds is asked only of Google's own: fake-gcs-server takes that question for the end of the upload, and
 * would publish what there is.
 */
#include <openssl/crypto.h>

#include "gcs.h"

struct stream {
    struct gcs_fs *fs;
    char *url;      /* owned */
    uint64_t sent;  /* bytes that the store holds, of whole chunks */
    uint32_t crc;   /* CRC32C of all that was taken */
    uint64_t rest;  /* bytes in buffer */
    uint32_t *ends; /* owned: of a write that failed, the CRC32C behind each chunk that was sent of it */
    uint64_t ends_count;
    int committed;
    unsigned char buffer[GCS_CHUNK];
};

static uint32_t crc_add(uint32_t crc, const void *data, uint64_t size)
{
    return size ? (uint32_t)ps_host->crc(POLYFS_CHECKSUM_CRC32C, crc, data, size) : crc;
}

static void stream_free(struct stream *s)
{
    if (s->url)
        OPENSSL_cleanse(s->url, strlen(s->url));
    ps_host->free(s->url);
    ps_host->free(s->ends);
    ps_host->free(s);
}

/* ---- the beginning ---------------------------------------------------------------------------------------------------- */

/* What the store calls the upload must lie with the store: nobody else is sent the bytes. */
static int take_location(struct stream *s, const struct ps_http_connection *answer, struct polyfs_error *err)
{
    const char *location = ps_http_header(answer, "location");
    char origin[320];
    int n =
        snprintf(origin, sizeof(origin), "http%s://%s/", s->fs->endpoint.tls ? "s" : "", s->fs->endpoint.authority);
    if (!location)
        return ps_unclear(err, "the store began an upload without naming it");
    if (strncmp(location, origin, (size_t)n) != 0)
        return polyfs_fail(err, POLYFS_NETWORK, "the store sends the upload to another server; it is not followed");
    s->url = ps_copy(location, strlen(location));
    return s->url ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory for an upload");
}

static int begin(struct stream *s, struct polyfs_call *call, const struct ps_target *target,
                 const struct polyfs_put_request *request, struct polyfs_error *err)
{
    struct gcs_request r;
    struct ps_buf body = {0};
    struct ps_http_connection *answer = NULL;
    struct gcs_sum sum;
    gcs_request_init(&r, "POST", GCS_UPLOAD, target);
    gcs_query(&r, "uploadType", "resumable");
    gcs_query(&r, "fields", GCS_FIELDS);
    gcs_header(&r, "content-type", "application/json; charset=UTF-8");
    gcs_header(&r, "x-upload-content-type", request->content_type);
    int rc = gcs_sum_given(&request->checksum, &sum, err);
    if (rc == POLYFS_OK)
        rc = gcs_write_conditions(&r, &request->condition, err);
    if (rc == POLYFS_OK)
        rc = gcs_resource(s->fs, target, request, &sum, &r, &body, err);
    r.http.body = body.data;
    r.http.body_bytes = body.size;
    if (rc == POLYFS_OK)
        rc = gcs_send(s->fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = take_location(s, answer, err);
    ps_http_clear(s->fs->http, answer);
    ps_buf_clear(&body);
    return gcs_lost(rc, &request->condition, err);
}

static int stream_open(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                       const struct polyfs_put_request *request, struct polyfs_step *step, void **out,
                       struct polyfs_error *err)
{
    struct ps_target target;
    (void)step;
    if (flags || request->flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = gcs_target(path, path_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    struct stream *s = ps_host->alloc(sizeof(*s));
    if (!s)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for an upload");
    memset(s, 0, offsetof(struct stream, buffer));
    s->fs = self;
    rc = begin(s, call, &target, request, err);
    if (rc == POLYFS_OK)
        *out = s;
    else
        stream_free(s);
    return rc;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------ */

static void session_request(struct stream *s, struct gcs_request *r, const char *method)
{
    gcs_request_init(r, method, GCS_SESSION, NULL);
    r->session = s->url;
    r->also_good = 308;
}

/* Bytes that the store says that it holds. */
static uint64_t held(const struct ps_http_connection *answer)
{
    const char *range = ps_http_header(answer, "range");
    uint64_t last;
    if (!range)
        return 0;
    if (strncmp(range, "bytes=0-", 8) != 0 || (last = ps_number(range + 8)) >= INT64_MAX)
        return UINT64_MAX;
    return last + 1;
}

/* After a failure the store may hold some chunks of these bytes: of what would be taken then, the sum is kept. */
static void remember_ends(struct stream *s, const unsigned char *data, uint64_t head, uint64_t chunks)
{
    uint32_t crc = s->crc;
    ps_host->free(s->ends);
    s->ends = chunks && gcs_is_google(s->fs) ? ps_host->alloc(chunks * sizeof(*s->ends)) : NULL;
    s->ends_count = s->ends ? chunks : 0;
    for (uint64_t i = 0; i < s->ends_count; i++) {
        uint64_t n = i ? GCS_CHUNK : head; /* the first has the rest of the write before in front */
        crc = crc_add(crc, data, n);
        data += n;
        s->ends[i] = crc;
    }
}

static int send_chunks(struct stream *s, struct polyfs_call *call, const void *data, uint64_t size,
                       struct polyfs_error *err)
{
    struct gcs_request r;
    struct ps_http_connection *answer = NULL;
    uint64_t end = s->sent + s->rest + size;
    char range[80];
    session_request(s, &r, "PUT");
    snprintf(range, sizeof(range), "bytes %llu-%llu/*", (unsigned long long)s->sent, (unsigned long long)end - 1);
    gcs_header(&r, "content-range", range);
    r.http.head = s->buffer;
    r.http.head_bytes = s->rest;
    r.http.body = data;
    r.http.body_bytes = size;
    int rc = gcs_send(s->fs, call, &r, &answer, err);
    if (rc == POLYFS_OK && ps_http_status(answer) != 308)
        rc = polyfs_fail(err, POLYFS_IO, "the store ended the upload before its end");
    else if (rc == POLYFS_OK && held(answer) != end) {
        rc = polyfs_fail(err, POLYFS_NETWORK, "the store took a part of what was sent");
        if (err)
            err->retry = POLYFS_RETRY_TRANSIENT;
    }
    ps_http_clear(s->fs->http, answer);
    return rc;
}

static int stream_write(struct polyfs_call *call, void *self, const void *data, uint64_t size,
                        struct polyfs_error *err)
{
    struct stream *s = self;
    const unsigned char *bytes = data;
    uint64_t whole = (s->rest + size) / GCS_CHUNK * GCS_CHUNK, now = whole ? whole - s->rest : 0;
    if (whole) {
        int rc = send_chunks(s, call, data, now, err);
        if (rc != POLYFS_OK) {
            remember_ends(s, bytes, GCS_CHUNK - s->rest, whole / GCS_CHUNK);
            return rc;
        }
        s->sent += whole;
        s->rest = 0;
    }
    memcpy(s->buffer + s->rest, bytes + now, size - now);
    s->rest += size - now;
    s->crc = crc_add(s->crc, data, size);
    return POLYFS_OK;
}

/* The store holds this much: of a write that failed some chunks, or none. */
static int catch_up(struct stream *s, uint64_t at, struct polyfs_error *err)
{
    uint64_t chunks = at >= s->sent ? (at - s->sent) / GCS_CHUNK : 0;
    if (at < s->sent || (at - s->sent) % GCS_CHUNK || chunks > s->ends_count)
        return polyfs_fail(err, POLYFS_IO, "the store holds %llu bytes of the upload, which is not what was sent",
                           (unsigned long long)at);
    if (chunks) {
        s->crc = s->ends[chunks - 1];
        s->rest = 0;
    }
    s->sent = at;
    s->ends_count = 0;
    return POLYFS_OK;
}

static int stream_offset(struct polyfs_call *call, void *self, uint64_t *out, struct polyfs_error *err)
{
    struct stream *s = self;
    struct gcs_request r;
    struct ps_http_connection *answer = NULL;
    if (!gcs_is_google(s->fs))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this server is not known to tell how far an upload came");
    session_request(s, &r, "PUT");
    r.http.flags = PS_HTTP_FRESH; /* asking changes nothing */
    gcs_header(&r, "content-range", "bytes */*");
    int rc = gcs_send(s->fs, call, &r, &answer, err);
    if (rc == POLYFS_OK && ps_http_status(answer) != 308)
        rc = polyfs_fail(err, POLYFS_IO, "the store ended the upload before its end");
    if (rc == POLYFS_OK)
        rc = catch_up(s, held(answer), err);
    if (rc == POLYFS_OK)
        *out = s->sent + s->rest;
    ps_http_clear(s->fs->http, answer);
    return rc;
}

/* ---- the end ---------------------------------------------------------------------------------------------------------- */

static int commit_send(struct stream *s, struct polyfs_call *call, const struct gcs_sum *sum,
                       struct polyfs_stat *out, struct polyfs_error *err)
{
    struct gcs_request r;
    struct gcs_result result;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    unsigned long long all = s->sent + s->rest;
    char range[80], hash[32];
    session_request(s, &r, "PUT");
    if (s->rest)
        snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)s->sent, all - 1, all);
    else
        snprintf(range, sizeof(range), "bytes */%llu", all);
    snprintf(hash, sizeof(hash), "crc32c=%s", sum->text);
    gcs_header(&r, "content-range", range);
    gcs_header(&r, "x-goog-hash", hash);
    r.http.body = s->buffer;
    r.http.body_bytes = s->rest;
    r.also_good = 0;
    int rc = gcs_send_json(s->fs, call, &r, &result, err);
    if (rc == POLYFS_OK)
        rc = gcs_written(result.root, &stat, err);
    if (rc == POLYFS_OK && stat.size != all)
        rc = ps_unclear(err, "the store tells another size than was sent");
    if (rc == POLYFS_OK)
        rc = gcs_check_sum(result.root, sum, err);
    if (rc == POLYFS_OK)
        ps_stat_give(out, &stat);
    s->committed = rc == POLYFS_OK || (err && err->commit_state == POLYFS_COMMIT_APPLIED);
    gcs_result_clear(&result);
    return rc;
}

static int stream_commit(struct polyfs_call *call, void *self, const struct polyfs_put_request *request,
                         struct polyfs_stat *out, struct polyfs_error *err)
{
    struct stream *s = self;
    struct gcs_sum sum;
    int rc = gcs_sum_given(&request->checksum, &sum, err);
    if (rc == POLYFS_OK && !*sum.text)
        gcs_sum_text(s->crc, &sum);
    if (rc == POLYFS_OK)
        rc = commit_send(s, call, &sum, out, err);
    if (rc == POLYFS_OK)
        stream_free(s);
    return gcs_lost(rc, &request->condition, err);
}

/* The store forgets it, at once or after a week; what it says to that changes nothing. */
static void stream_abort(struct polyfs_call *call, void *self)
{
    struct stream *s = self;
    struct gcs_request r;
    struct polyfs_error ignored = POLYFS_ERROR_INIT;
    struct ps_http_connection *answer = NULL;
    if (!s->committed) {
        session_request(s, &r, "DELETE");
        r.also_good = 499;
        gcs_send(s->fs, call, &r, &answer, &ignored);
        ps_http_clear(s->fs->http, answer);
    }
    stream_free(s);
}

const struct polyfs_stream_ops gcs_stream_ops = {
    .struct_size = sizeof(struct polyfs_stream_ops),
    .open = stream_open,
    .write = stream_write,
    .offset = stream_offset,
    .commit = stream_commit,
    .abort = stream_abort,
};
