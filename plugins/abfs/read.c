/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat and get. A range is taken only as the very range that was asked for, of the version that was asked for. The CRC64
 * or MD5 that the server sends with a short range is held against the bytes, and so is the MD5 that it keeps of the whole.
 */
#include <strings.h>

#include "abfs.h"
#include "plugins/support/digest.h"
#include "plugins/support/range.h"

/* ---- headers of an answer -------------------------------------------------------------------------------------------- */

/* The MD5 of the whole blob: of a range that has a header of its own. */
static void checksum_of(const struct ps_http_connection *answer, struct polyfs_checksum *out)
{
    const char *whole = ps_http_header(answer, "x-ms-blob-content-md5");
    const char *text = whole || ps_http_status(answer) == 206 ? whole : ps_http_header(answer, "content-md5");
    if (text && ps_base64_decode(text, out->value, 16) == 16) {
        out->kind = POLYFS_CHECKSUM_MD5;
        out->length = 16;
    }
}

static int is_true(const struct ps_http_connection *answer, const char *name, const char *value)
{
    const char *text = ps_http_header(answer, name);
    return text && strcasecmp(text, value) == 0;
}

/* Folders that a hierarchical account keeps, or a driver of Hadoop's has made. */
static int is_folder(const struct ps_http_connection *answer)
{
    return is_true(answer, "x-ms-meta-hdi_isfolder", "true") || is_true(answer, "x-ms-resource-type", "directory");
}

int abfs_stat_of(const struct ps_http_connection *answer, struct polyfs_stat *out, struct polyfs_pairs *meta,
                 struct polyfs_error *err)
{
    const char *etag = ps_http_header(answer, "etag");
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (etag && strlen(etag) >= sizeof(stat.etag))
        return polyfs_fail(err, POLYFS_NETWORK, "the store's etag is longer than any is");
    stat.type = is_folder(answer) ? POLYFS_TYPE_DIR : POLYFS_TYPE_FILE;
    stat.flags = is_true(answer, "x-ms-blob-type", "AppendBlob") ? POLYFS_STAT_APPENDABLE : 0;
    stat.size = stat.type == POLYFS_TYPE_DIR ? 0 : ps_http_length(answer);
    stat.mtime_ns = ps_header_time_ns(answer, "last-modified");
    stat.created_ns = ps_header_time_ns(answer, "x-ms-creation-time");
    ps_etag(stat.etag, sizeof(stat.etag), etag ? etag : "");
    ps_header_keep(answer, "x-ms-version-id", stat.version, sizeof(stat.version));
    ps_header_keep(answer, "content-type", stat.content_type, sizeof(stat.content_type));
    ps_header_keep(answer, "x-ms-access-tier", stat.storage_class, sizeof(stat.storage_class));
    checksum_of(answer, &stat.checksum);
    *out = stat;
    return meta ? abfs_metadata_give(answer, meta, err) : POLYFS_OK;
}

/* ---- stat ------------------------------------------------------------------------------------------------------------- */

int abfs_stat_object(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                     const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                     struct polyfs_error *err)
{
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    abfs_request_init(&r, "HEAD", target);
    abfs_query(&r, "restype", target->key_len ? NULL : "container");
    abfs_query(&r, "versionid", target->key_len ? version : NULL);
    int rc = abfs_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK && target->key_len)
        rc = abfs_stat_of(answer, out, meta, err);
    if (rc == POLYFS_OK && (!target->key_len || out->type == POLYFS_TYPE_DIR))
        ps_stat_folder(out);
    ps_http_clear(fs->http, answer);
    return rc;
}

int abfs_stat(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *version,
              struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    struct ps_target target;
    struct polyfs_stat stat;
    ps_stat_folder(&stat);
    int rc = path_len ? abfs_target(path, path_len, 0, &target, err) : POLYFS_OK;
    if (rc == POLYFS_OK && path_len)
        rc = abfs_lake_stat(self, call, &target, version, &stat, meta, err);
    if (rc == POLYFS_OK)
        ps_stat_give(out, &stat);
    return rc;
}

/* ---- get --------------------------------------------------------------------------------------------------------------- */

struct get {
    const struct polyfs_get_request *request;
    struct polyfs_stat stat;
    uint64_t expected; /* bytes that this answer brings */
    uint8_t crc[8];    /* as the service sends it: least significant byte first */
    uint8_t md5[16];
    int begun, asks_md5, has_crc, has_md5;
};

/* Azurite's spelling of a range that begins where the blob ends: `bytes 10-9/10`, and nothing of it. */
static int is_at_end(const char *text, uint64_t offset)
{
    const char *total = text ? strchr(text, '/') : NULL;
    return total && ps_number(total + 1) == offset;
}

/* Which bytes of which blob the answer holds; before the first of them is taken. */
static int accept_range(struct get *g, const struct ps_http_connection *answer, struct polyfs_error *err)
{
    const struct polyfs_get_request *q = g->request;
    if (ps_http_status(answer) == 206 && !ps_http_length(answer) &&
        is_at_end(ps_http_header(answer, "content-range"), q->offset)) {
        g->stat.size = q->offset;
        return POLYFS_OK;
    }
    return ps_range_accept(q, answer, 0, &g->stat.size, &g->expected, err);
}

/* Of the range, where that was asked for; else of the whole, when this is it. */
static void take_md5(struct get *g, const struct ps_http_connection *answer)
{
    const char *text = g->asks_md5 && ps_http_status(answer) == 206 ? ps_http_header(answer, "content-md5") : NULL;
    if (!text && g->request->offset == 0 && g->expected == g->stat.size)
        text = ps_http_header(answer, "x-ms-blob-content-md5");
    g->has_md5 = text && ps_base64_decode(text, g->md5, sizeof(g->md5)) == sizeof(g->md5);
}

static int accept(void *arg, const struct ps_http_connection *answer, struct polyfs_error *err)
{
    struct get *g = arg;
    const char *pin = g->request->condition.if_match, *crc = ps_http_header(answer, "x-ms-content-crc64");
    int64_t since = g->request->condition.if_modified_ns;
    int rc = abfs_stat_of(answer, &g->stat, NULL, err);
    if (rc == POLYFS_OK && g->stat.type == POLYFS_TYPE_DIR)
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
    if (rc == POLYFS_OK && since != POLYFS_TIME_UNKNOWN && g->stat.mtime_ns != POLYFS_TIME_UNKNOWN &&
        g->stat.mtime_ns / 1000000000 <= since / 1000000000) /* not every server looks at it */
        return polyfs_fail(err, POLYFS_CONDITION, "it was not changed since");
    if (rc == POLYFS_OK)
        rc = accept_range(g, answer, err);
    if (rc == POLYFS_OK && pin && *g->stat.etag && strcmp(pin, g->stat.etag) != 0)
        rc = ps_wrong(err, "it is of another version");
    if (rc == POLYFS_OK && g->request->meta)
        rc = abfs_metadata_give(answer, g->request->meta, err);
    g->has_crc = crc && ps_base64_decode(crc, g->crc, sizeof(g->crc)) == sizeof(g->crc);
    take_md5(g, answer);
    g->begun = rc == POLYFS_OK;
    return rc;
}

/* Behind the end, or an empty blob: which of the two a HEAD tells. */
static int settle_end(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target, struct get *g,
                      struct polyfs_error *err)
{
    uint64_t offset = 0, length = 0;
    int rc = abfs_stat_object(fs, call, target, g->request->version, &g->stat, g->request->meta, err);
    if (rc == POLYFS_OK && g->stat.type == POLYFS_TYPE_DIR)
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
    if (rc == POLYFS_OK)
        rc = polyfs_get_check(g->request, &g->stat, &offset, &length, err);
    return rc == POLYFS_OK && length ? ps_wrong(err, "the range was refused, and is there") : rc;
}

/* A blob that is not there has no etag either, nor a folder the one of a blob; some servers say no more, and a HEAD tells. */
static int refused(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                   const struct get *g, int rc, struct polyfs_error *err)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    struct polyfs_stat stat;
    int is_lost = rc == POLYFS_CONDITION && g->request->condition.if_match && (!err || err->http_status == 412);
    int seen = is_lost ? abfs_stat_object(fs, call, target, g->request->version, &stat, NULL, &why) : rc;
    if (is_lost && seen == POLYFS_NOT_FOUND && !g->request->version) {
        if (err)
            *err = why;
        return POLYFS_NOT_FOUND;
    }
    if (is_lost && seen == POLYFS_OK && stat.type == POLYFS_TYPE_DIR)
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
    if (is_lost)
        return polyfs_fail(err, POLYFS_CHANGED, "it was replaced: it no longer has the etag %.100s",
                           g->request->condition.if_match);
    if (rc == POLYFS_NOT_FOUND && g->request->version)
        return polyfs_fail(err, POLYFS_CHANGED, "the version %.100s is gone", g->request->version);
    return rc;
}

static void get_prepare(struct abfs_fs *fs, struct abfs_request *r, struct get *g, char range[64], char date[32])
{
    const struct polyfs_get_request *q = g->request;
    ps_range_text(q, range);
    abfs_query(r, "versionid", q->version);
    abfs_header(r, "x-ms-range", range);
    int is_short = q->length <= ABFS_SUM_RANGE_MAX && fs->checksums_wanted >= 0;
    int takes_crc = abfs_traits[abfs_profile(fs)].crc64 == POLYFS_YES;
    g->asks_md5 = is_short && !takes_crc;
    abfs_header(r, "x-ms-range-get-content-crc64", is_short && takes_crc ? "true" : NULL);
    abfs_header(r, "x-ms-range-get-content-md5", g->asks_md5 ? "true" : NULL);
    abfs_header(r, "if-match", q->condition.if_match);
    abfs_header(r, "if-none-match", q->condition.if_none_match);
    if (q->condition.if_modified_ns != POLYFS_TIME_UNKNOWN) {
        ps_http_date_text(q->condition.if_modified_ns / 1000000000, date);
        abfs_header(r, "if-modified-since", date);
    }
    r->http.accept = accept;
    r->http.arg = g;
}

static int is_of_crc(const struct get *g, const void *buffer)
{
    uint64_t crc = ps_host->crc(POLYFS_CHECKSUM_CRC64NVME, 0, buffer, g->expected);
    unsigned same = 0;
    while (same < sizeof(g->crc) && g->crc[same] == (uint8_t)(crc >> (8 * same)))
        same++;
    return same == sizeof(g->crc);
}

static int check_sums(const struct abfs_fs *fs, const struct get *g, const void *buffer, struct polyfs_error *err)
{
    unsigned char md5[16];
    int rc = POLYFS_OK, right = 1;
    if (fs->checksums_wanted < 0)
        return rc;
    if (g->has_crc)
        right = is_of_crc(g, buffer);
    else if (g->has_md5 && (rc = ps_md5(buffer, g->expected, md5, err)) == POLYFS_OK)
        right = memcmp(md5, g->md5, sizeof(md5)) == 0;
    if (right)
        return rc;
    rc = polyfs_fail(err, POLYFS_CORRUPT, "the bytes that came are not those of their checksum");
    if (err)
        err->retry = POLYFS_RETRY_TRANSIENT;
    return rc;
}

static int get_range(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target, struct get *g,
                     void *buffer, struct polyfs_error *err)
{
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    char range[64], date[32];
    abfs_request_init(&r, "GET", target);
    get_prepare(fs, &r, g, range, date);
    r.http.buffer = buffer;
    r.http.room = g->request->length;
    int rc = abfs_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK && call->bytes_done != g->expected)
        rc = ps_wrong(err, "it ended early");
    if (rc == POLYFS_OK && (rc = check_sums(fs, g, buffer, err)) != POLYFS_OK)
        call->bytes_done = 0;
    ps_http_clear(fs->http, answer);
    if (rc == POLYFS_RANGE && !g->begun)
        return settle_end(fs, call, target, g, err);
    return rc == POLYFS_OK ? rc : refused(fs, call, target, g, rc, err);
}

int abfs_get(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
             const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
             struct polyfs_error *err)
{
    struct ps_target target;
    struct get g = {.request = request, .stat = POLYFS_STAT_INIT};
    if (request->flags & ~POLYFS_GET_WHOLE)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = abfs_lake_check_read(self, call, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    /* No range has no bytes, and none begins so far behind every end; a HEAD tells what there is to tell. */
    rc = request->length && request->offset < INT64_MAX ? get_range(self, call, &target, &g, buffer, err)
                                                        : settle_end(self, call, &target, &g, err);
    if (rc == POLYFS_OK)
        *out_n = g.expected;
    if (rc == POLYFS_OK || (g.begun && call->bytes_done))
        ps_stat_give(out, &g.stat);
    return abfs_lake_absent(self, call, &target, rc, err);
}
