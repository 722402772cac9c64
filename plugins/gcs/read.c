/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat and get. A range is taken only as the very range that was asked for, of the generation that was asked for: servers
 * that ignore a condition on reads are told by the generation that they name. The CRC32C that the store keeps is told, and
 * core holds it against the bytes.
 */
#include <strings.h>

#include "gcs.h"
#include "plugins/support/range.h"

int gcs_is_generation(const char *text)
{
    uint64_t number = ps_number(text);
    return number != 0 && number <= INT64_MAX;
}

int gcs_check_version(const char *version, struct polyfs_error *err)
{
    if (!version || gcs_is_generation(version))
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_NOT_FOUND, "there is no version \"%.60s\"; versions are numbers here", version);
}

/* ---- stat ------------------------------------------------------------------------------------------------------------- */

int gcs_stat_object(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                    const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                    struct polyfs_error *err)
{
    struct gcs_request r;
    struct gcs_result result;
    int rc = gcs_check_version(version, err);
    if (rc != POLYFS_OK)
        return rc;
    gcs_request_init(&r, "GET", GCS_OBJECT, target);
    gcs_query(&r, "generation", version);
    gcs_query(&r, "projection", "noAcl");
    gcs_query(&r, "fields", GCS_FIELDS);
    rc = gcs_send_json(fs, call, &r, &result, err);
    if (rc == POLYFS_OK)
        rc = gcs_stat_of(result.root, out, meta, err);
    gcs_result_clear(&result);
    return rc;
}

static int stat_bucket(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                       struct polyfs_stat *out, struct polyfs_error *err)
{
    struct gcs_request r;
    struct gcs_result result;
    gcs_request_init(&r, "GET", GCS_BUCKET, target);
    gcs_query(&r, "fields", "name");
    int rc = gcs_send_json(fs, call, &r, &result, err);
    gcs_result_clear(&result);
    ps_stat_folder(out);
    return rc;
}

int gcs_stat(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *version,
             struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    struct ps_target target;
    struct polyfs_stat stat;
    ps_stat_folder(&stat);
    int rc = path_len ? gcs_target(path, path_len, 0, &target, err) : POLYFS_OK;
    if (rc == POLYFS_OK && path_len)
        rc = target.key_len ? gcs_stat_object(self, call, &target, version, &stat, meta, err)
                            : stat_bucket(self, call, &target, &stat, err);
    if (rc == POLYFS_OK)
        ps_stat_give(out, &stat);
    return rc;
}

/* ---- get --------------------------------------------------------------------------------------------------------------- */

struct get {
    const struct polyfs_get_request *request;
    struct polyfs_stat stat;
    char generation[24]; /* "": whatever there is */
    uint64_t expected;   /* bytes that this answer brings */
    int begun;
};

static int replaced(const struct get *g, struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_CHANGED, "it was replaced: it no longer has the etag %.60s",
                       g->request->condition.if_match ? g->request->condition.if_match : g->generation);
}

/* `crc32c=AAAAAA==,md5=...`, in one header or several. */
static void checksum_of(const struct ps_http_connection *answer, struct polyfs_checksum *out)
{
    const char *name, *value;
    char text[16];
    for (uint64_t cursor = 0; ps_http_next_header(answer, &cursor, &name, &value);) {
        const char *at = strcmp(name, "x-goog-hash") == 0 ? strstr(value, "crc32c=") : NULL;
        if (!at)
            continue;
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(at + 7, ", "), at + 7);
        gcs_crc32c_parse(text, out);
    }
}

void gcs_stat_of_headers(const struct ps_http_connection *answer, struct polyfs_stat *out)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    stat.type = POLYFS_TYPE_FILE;
    stat.mtime_ns = ps_header_time_ns(answer, "last-modified");
    ps_header_keep(answer, "x-goog-generation", stat.etag, sizeof(stat.etag));
    memcpy(stat.version, stat.etag, sizeof(stat.version));
    ps_header_keep(answer, "content-type", stat.content_type, sizeof(stat.content_type));
    ps_header_keep(answer, "x-goog-storage-class", stat.storage_class, sizeof(stat.storage_class));
    checksum_of(answer, &stat.checksum);
    *out = stat;
}

/* What was stored was asked for: an object that is unpacked on its way has other bytes and another length. */
static int is_unpacked(const struct ps_http_connection *answer)
{
    const char *stored = ps_http_header(answer, "x-goog-stored-content-encoding");
    return stored && strcasecmp(stored, "gzip") == 0 && !ps_http_header(answer, "content-encoding");
}

static int accept(void *arg, const struct ps_http_connection *answer, struct polyfs_error *err)
{
    struct get *g = arg;
    const char *other = g->request->condition.if_none_match;
    struct polyfs_checksum sum = g->stat.checksum;
    int64_t mtime_ns = g->stat.mtime_ns;
    gcs_stat_of_headers(answer, &g->stat);
    if (sum.kind && !g->stat.checksum.kind)
        g->stat.checksum = sum; /* of the stat before */
    if (mtime_ns != POLYFS_TIME_UNKNOWN)
        g->stat.mtime_ns = mtime_ns;
    if (!g->stat.etag[0])
        return ps_wrong(err, "it does not name its generation");
    if (*g->generation && strcmp(g->generation, g->stat.etag) != 0)
        return replaced(g, err);
    if (other && strcmp(other, g->stat.etag) == 0)
        return polyfs_fail(err, POLYFS_CONDITION, "it is still the same: it has this etag");
    if (is_unpacked(answer))
        return ps_wrong(err, "it was unpacked on its way");
    int rc = ps_range_accept(g->request, answer, 0, &g->stat.size, &g->expected, err);
    g->begun = rc == POLYFS_OK;
    return rc;
}

/* What the bytes' own answer does not tell, or what has none: metadata, changes since, the end of the object. */
static int look_first(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target, struct get *g,
                      struct polyfs_error *err)
{
    const struct polyfs_get_request *q = g->request;
    uint64_t offset, length;
    int rc = gcs_stat_object(fs, call, target, q->version, &g->stat, q->meta, err);
    if (rc == POLYFS_OK)
        rc = polyfs_get_check(q, &g->stat, &offset, &length, err);
    if (rc == POLYFS_OK)
        snprintf(g->generation, sizeof(g->generation), "%s", g->stat.etag);
    return rc;
}

/* Behind the end, or an empty object: which of the two a stat tells. */
static int settle_end(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target, struct get *g,
                      struct polyfs_error *err)
{
    uint64_t offset = 0, length = 0;
    int rc = gcs_stat_object(fs, call, target, g->request->version, &g->stat, g->request->meta, err);
    if (rc == POLYFS_OK)
        rc = polyfs_get_check(g->request, &g->stat, &offset, &length, err);
    if (rc == POLYFS_OK && length)
        return ps_wrong(err, "the range was refused, and is there");
    return rc;
}

static int refused(const struct get *g, int rc, struct polyfs_error *err)
{
    if (rc == POLYFS_CONDITION && g->request->condition.if_match && (!err || err->http_status == 412))
        return replaced(g, err);
    if (rc == POLYFS_NOT_FOUND && g->request->version)
        return polyfs_fail(err, POLYFS_CHANGED, "the version %.60s is gone", g->request->version);
    return rc;
}

static void get_prepare(struct gcs_request *r, struct get *g, char range[64])
{
    const struct polyfs_get_request *q = g->request;
    const char *other = q->condition.if_none_match;
    ps_range_text(q, range);
    gcs_query(r, "alt", "media");
    gcs_query(r, "generation", q->version);
    gcs_query(r, "ifGenerationMatch", *g->generation ? g->generation : NULL);
    gcs_query(r, "ifGenerationNotMatch", other && gcs_is_generation(other) ? other : NULL);
    gcs_header(r, "range", range);
    gcs_header(r, "accept-encoding", "gzip"); /* so that stored bytes come as they are stored */
    r->http.accept = accept;
    r->http.arg = g;
}

static int get_range(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target, struct get *g,
                     void *buffer, struct polyfs_error *err)
{
    struct gcs_request r;
    struct ps_http_connection *answer = NULL;
    char range[64];
    gcs_request_init(&r, "GET", GCS_OBJECT, target);
    get_prepare(&r, g, range);
    r.http.buffer = buffer;
    r.http.room = g->request->length;
    int rc = gcs_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK && call->bytes_done != g->expected)
        rc = ps_wrong(err, "it ended early");
    ps_http_clear(fs->http, answer);
    if (rc == POLYFS_RANGE && !g->begun)
        return settle_end(fs, call, target, g, err);
    return rc == POLYFS_OK ? rc : refused(g, rc, err);
}

/* What can be told without asking: flags, and etags and versions that nothing here has. */
static int check_request(struct get *g, struct polyfs_error *err)
{
    const struct polyfs_get_request *q = g->request;
    const char *pin = q->condition.if_match;
    if (q->flags & ~(POLYFS_GET_SUFFIX | POLYFS_GET_WHOLE) || q->condition.create_only)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag or condition is not known of reads");
    if (q->version && !gcs_is_generation(q->version))
        return polyfs_fail(err, POLYFS_CHANGED, "there is no version \"%.60s\"", q->version);
    if (pin && gcs_is_generation(pin))
        snprintf(g->generation, sizeof(g->generation), "%s", pin);
    return POLYFS_OK;
}

/* An etag that is no generation is none of this object's, if there is an object. */
static int wants_look(const struct polyfs_get_request *request)
{
    const char *pin = request->condition.if_match;
    return request->meta || request->condition.if_modified_ns != POLYFS_TIME_UNKNOWN ||
           (pin && !gcs_is_generation(pin));
}

int gcs_get(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
            const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
            struct polyfs_error *err)
{
    struct ps_target target;
    struct get g = {.request = request, .stat = POLYFS_STAT_INIT};
    int rc = gcs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = check_request(&g, err);
    /* No range has no bytes, and none begins so far behind every end; a stat tells what there is to tell. */
    int has_bytes = request->length && request->offset < INT64_MAX;
    if (rc == POLYFS_OK && has_bytes && wants_look(request))
        rc = look_first(self, call, &target, &g, err);
    if (rc == POLYFS_OK)
        rc = has_bytes ? get_range(self, call, &target, &g, buffer, err) : settle_end(self, call, &target, &g, err);
    if (rc == POLYFS_OK)
        *out_n = g.expected;
    if (rc == POLYFS_OK || (g.begun && call->bytes_done))
        ps_stat_give(out, &g.stat);
    return rc;
}
