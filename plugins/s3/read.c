/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat and get. A range is taken only as the very range that was asked for, of the version that was asked for; what a
 * server keeps of checksums is told, and core holds it against the bytes.
 */
#include <strings.h>

#include "plugins/support/range.h"
#include "s3.h"

/* ---- headers of an answer -------------------------------------------------------------------------------------------- */

static void checksum_of(const struct ps_http_connection *answer, struct polyfs_checksum *out)
{
    static const struct {
        const char *header;
        uint32_t kind, bytes;
    } kinds[] = {{"x-amz-checksum-crc64nvme", POLYFS_CHECKSUM_CRC64NVME, 8},
                 {"x-amz-checksum-crc32c", POLYFS_CHECKSUM_CRC32C, 4},
                 {"x-amz-checksum-sha256", POLYFS_CHECKSUM_SHA256, 32}};
    const char *type = ps_http_header(answer, "x-amz-checksum-type");
    if (type && strcasecmp(type, "COMPOSITE") == 0)
        return; /* of the parts' checksums, not of the bytes */
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *text = ps_http_header(answer, kinds[i].header);
        if (text && !strchr(text, '-') && ps_base64_decode(text, out->value, kinds[i].bytes) == kinds[i].bytes) {
            out->kind = kinds[i].kind;
            out->length = kinds[i].bytes;
            return;
        }
    }
}

/* Folders that a server keeps as objects of their own, or a mount has made. */
static int is_folder(const struct ps_target *target, const struct polyfs_stat *stat)
{
    return target->key_len && target->key[target->key_len - 1] == '/' && stat->size == 0 &&
           strncmp(stat->content_type, "application/x-directory", 23) == 0;
}

static int add_metadata(const struct ps_http_connection *answer, struct polyfs_pairs *meta,
                        struct polyfs_error *err)
{
    const char *name, *value;
    for (uint64_t cursor = 0; ps_http_next_header(answer, &cursor, &name, &value);) {
        if (strncmp(name, "x-amz-meta-", 11) != 0 || !name[11])
            continue;
        char *plain = ps_words_decode(value);
        int rc = plain ? ps_host->pair_add(meta, name + 11, plain) : POLYFS_NOMEM;
        ps_host->free(plain);
        if (rc != POLYFS_OK)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for its metadata");
    }
    return POLYFS_OK;
}

int s3_stat_of(const struct ps_http_connection *answer, struct polyfs_stat *out, struct polyfs_pairs *meta,
               struct polyfs_error *err)
{
    const char *etag = ps_http_header(answer, "etag"), *version = ps_http_header(answer, "x-amz-version-id");
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (etag && strlen(etag) >= sizeof(stat.etag))
        return polyfs_fail(err, POLYFS_NETWORK, "the store's etag is longer than any is");
    stat.type = POLYFS_TYPE_FILE;
    stat.size = ps_http_length(answer);
    stat.mtime_ns = ps_header_time_ns(answer, "last-modified");
    ps_etag(stat.etag, sizeof(stat.etag), etag ? etag : "");
    if (version && strcmp(version, "null") != 0)
        ps_header_keep(answer, "x-amz-version-id", stat.version, sizeof(stat.version));
    ps_header_keep(answer, "content-type", stat.content_type, sizeof(stat.content_type));
    ps_header_keep(answer, "x-amz-storage-class", stat.storage_class, sizeof(stat.storage_class));
    checksum_of(answer, &stat.checksum);
    *out = stat;
    return meta ? add_metadata(answer, meta, err) : POLYFS_OK;
}

/* ---- stat ------------------------------------------------------------------------------------------------------------- */

static int stat_object(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                       const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                       struct polyfs_error *err)
{
    struct s3_request r;
    struct ps_http_connection *answer = NULL;
    s3_request_init(&r, "HEAD", target);
    if (target->key_len) {
        s3_query(&r, "versionId", version);
        s3_header(&r, "x-amz-checksum-mode", "ENABLED");
        s3_sse_headers(fs, &r);
    }
    int rc = s3_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK && target->key_len)
        rc = s3_stat_of(answer, out, meta, err);
    if (rc == POLYFS_OK && (!target->key_len || is_folder(target, out)))
        ps_stat_folder(out);
    ps_http_clear(fs->http, answer);
    return rc;
}

/* To HEAD the reason is not told, and Amazon answers 400 when a session token has expired: a listing is told which. */
static int stat_refused(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target, int rc,
                        struct polyfs_error *err)
{
    struct s3_request r;
    struct ps_target bucket = *target;
    struct ps_http_connection *answer = NULL;
    struct polyfs_error why = POLYFS_ERROR_INIT;
    if (!err || err->http_status != 400 || *err->native_code)
        return rc;
    bucket.key_len = 0;
    s3_request_init(&r, "GET", &bucket);
    s3_query(&r, "list-type", "2");
    s3_query(&r, "max-keys", "1");
    int told = s3_send(fs, call, &r, &answer, &why);
    ps_http_clear(fs->http, answer);
    if (told != POLYFS_AUTH)
        return rc;
    *err = why;
    return told;
}

int s3_stat(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *version,
            struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    struct ps_target target;
    struct polyfs_stat stat;
    if (path_len == 0) {
        ps_stat_folder(&stat);
        ps_stat_give(out, &stat);
        return POLYFS_OK;
    }
    int rc = s3_target(self, path, path_len, 0, &target, err);
    if (rc == POLYFS_OK)
        rc = stat_object(self, call, &target, version, &stat, meta, err);
    if (rc == POLYFS_INVALID)
        rc = stat_refused(self, call, &target, rc, err);
    if (rc == POLYFS_OK)
        ps_stat_give(out, &stat);
    return rc;
}

/* ---- get --------------------------------------------------------------------------------------------------------------- */

struct get {
    const struct polyfs_get_request *request;
    struct polyfs_stat stat;
    uint64_t expected; /* bytes that this answer brings */
    int begun;
};

static void read_conditions(struct s3_request *r, const struct polyfs_condition *condition, char date[32])
{
    s3_header(r, "if-match", condition->if_match);
    s3_header(r, "if-none-match", condition->if_none_match);
    if (condition->if_modified_ns == POLYFS_TIME_UNKNOWN)
        return;
    ps_http_date_text(condition->if_modified_ns / 1000000000, date);
    s3_header(r, "if-modified-since", date);
}

static int accept(void *arg, const struct ps_http_connection *answer, struct polyfs_error *err)
{
    struct get *g = arg;
    const char *pin = g->request->condition.if_match;
    int rc = s3_stat_of(answer, &g->stat, NULL, err);
    int64_t since = g->request->condition.if_modified_ns;
    if (rc == POLYFS_OK && since != POLYFS_TIME_UNKNOWN && g->stat.mtime_ns != POLYFS_TIME_UNKNOWN &&
        g->stat.mtime_ns / 1000000000 <= since / 1000000000) /* not every server looks at it */
        return polyfs_fail(err, POLYFS_CONDITION, "it was not changed since");
    if (rc == POLYFS_OK)
        rc = ps_range_accept(g->request, answer, (g->request->flags & POLYFS_GET_WHOLE) != 0, &g->stat.size,
                             &g->expected, err);
    if (rc == POLYFS_OK && pin && *g->stat.etag && strcmp(pin, g->stat.etag) != 0)
        rc = ps_wrong(err, "it is of another version");
    if (rc == POLYFS_OK && g->request->meta)
        rc = add_metadata(answer, g->request->meta, err);
    g->begun = rc == POLYFS_OK;
    return rc;
}

/* Behind the end, or an empty object: which of the two a HEAD tells. */
static int settle_end(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target, struct get *g,
                      struct polyfs_error *err)
{
    int rc = stat_object(fs, call, target, g->request->version, &g->stat, g->request->meta, err);
    if (rc != POLYFS_OK)
        return rc;
    const char *pin = g->request->condition.if_match;
    if (pin && strcmp(pin, g->stat.etag) != 0)
        return polyfs_fail(err, POLYFS_CHANGED, "it was replaced");
    uint64_t offset = g->request->flags & POLYFS_GET_SUFFIX ? 0 : g->request->offset;
    if (offset > g->stat.size)
        return polyfs_fail(err, POLYFS_RANGE, "it has %llu bytes only", (unsigned long long)g->stat.size);
    if (offset == g->stat.size || !g->request->length)
        return POLYFS_OK;
    return ps_wrong(err, "the range was refused, and is there");
}

static int refused(const struct get *g, int rc, struct polyfs_error *err)
{
    if (rc == POLYFS_CONDITION && g->request->condition.if_match && (!err || err->http_status == 412)) {
        polyfs_fail(err, POLYFS_CHANGED, "it was replaced: it no longer has the etag %.100s",
                    g->request->condition.if_match);
        return POLYFS_CHANGED;
    }
    if (rc == POLYFS_NOT_FOUND && g->request->version) {
        polyfs_fail(err, POLYFS_CHANGED, "the version %.100s is gone", g->request->version);
        return POLYFS_CHANGED;
    }
    return rc;
}

static void get_prepare(struct s3_fs *fs, struct s3_request *r, struct get *g, char range[64], char date[32])
{
    const struct polyfs_get_request *q = g->request;
    *range = '\0';
    if (q->flags & POLYFS_GET_WHOLE) /* S3 tells the checksum of the whole with the whole only */
        r->http.flags |= PS_HTTP_CUT;
    else
        ps_range_text(q, range);
    s3_query(r, "versionId", q->version);
    s3_header(r, "range", *range ? range : NULL);
    s3_header(r, "x-amz-checksum-mode", "ENABLED");
    read_conditions(r, &q->condition, date);
    s3_sse_headers(fs, r);
    r->http.accept = accept;
    r->http.arg = g;
}

static int get_range(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target, struct get *g,
                     void *buffer, struct polyfs_error *err)
{
    struct s3_request r;
    struct ps_http_connection *answer = NULL;
    char range[64], date[32];
    s3_request_init(&r, "GET", target);
    get_prepare(fs, &r, g, range, date);
    r.http.buffer = buffer;
    r.http.room = g->request->length;
    int rc = s3_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK && call->bytes_done != g->expected)
        rc = ps_wrong(err, "it ended early");
    ps_http_clear(fs->http, answer);
    if (rc == POLYFS_OK && is_folder(target, &g->stat))
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
    if (rc == POLYFS_RANGE && !g->begun)
        return settle_end(fs, call, target, g, err);
    return rc == POLYFS_OK ? rc : refused(g, rc, err);
}

int s3_get(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
           const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
           struct polyfs_error *err)
{
    struct ps_target target;
    struct get g = {.request = request, .stat = POLYFS_STAT_INIT};
    if (request->flags & ~(POLYFS_GET_SUFFIX | POLYFS_GET_WHOLE))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = s3_target(self, path, path_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    /* No range has no bytes, and none begins so far behind every end; a HEAD tells what there is to tell. */
    rc = request->length && request->offset < INT64_MAX ? get_range(self, call, &target, &g, buffer, err)
                                                        : settle_end(self, call, &target, &g, err);
    if (rc == POLYFS_OK)
        *out_n = g.expected;
    if (out && (rc == POLYFS_OK || (g.begun && call->bytes_done)))
        ps_stat_give(out, &g.stat);
    return rc;
}
