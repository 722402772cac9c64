/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multipart uploads. The id that core sees is `SUM:UploadId`, so that another process sends checksums of the same kind: "n"
 * for CRC64NVME of all bytes, "c" for CRC32C, "-" for none.
 *
 * S3 lists uploads without their metadata, so each of ours has a mark that gc finds: a last part of a few known bytes,
 * which Complete does not name and which is gone with the upload (docs/adr/0008-marks-of-uploads.md).
 */
#include <stdlib.h>

#include "s3.h"

#define S3_ID_BYTES (sizeof(((struct s3_result *)0)->upload_id) + 2)

static const char *id_of(const char *upload_id)
{
    const char *colon = strchr(upload_id, ':');
    return colon ? colon + 1 : upload_id;
}

/* How S3 calls the kinds of checksums. */
static const struct sums {
    uint32_t kind;
    char letter;
    const char *name;
} sums[] = {{POLYFS_CHECKSUM_CRC64NVME, 'n', "CRC64NVME"}, {POLYFS_CHECKSUM_CRC32C, 'c', "CRC32C"}};
#define SUMS (sizeof(sums) / sizeof(sums[0]))

/* Of an upload; NULL: it has none. */
static const struct sums *sums_of_id(const char *upload_id)
{
    for (unsigned i = 0; i < SUMS; i++)
        if (upload_id[0] == sums[i].letter && upload_id[1] == ':')
            return &sums[i];
    return NULL;
}

static const struct sums *sums_of_kind(uint32_t kind)
{
    for (unsigned i = 0; i < SUMS; i++)
        if (sums[i].kind == kind)
            return &sums[i];
    return NULL;
}

static int start_send(struct s3_fs *fs, struct polyfs_call *call, struct s3_request *r, char id[S3_ID_BYTES],
                      struct polyfs_error *err)
{
    struct s3_result result;
    struct ps_http_connection *answer = NULL;
    const struct sums *kind = sums_of_kind(s3_checksum_kind(fs));
    int rc = s3_result_begin(&result, r, err);
    if (rc != POLYFS_OK)
        return rc;
    if (kind) {
        s3_header(r, "x-amz-checksum-algorithm", kind->name);
        s3_header(r, "x-amz-checksum-type", "FULL_OBJECT");
    }
    rc = s3_send(fs, call, r, &answer, err);
    rc = s3_result_end(&result, rc, "InitiateMultipartUploadResult", err);
    ps_http_clear(fs->http, answer);
    if (rc == POLYFS_OK && !*result.upload_id)
        rc = ps_unclear(err, "the store began an upload without naming it");
    snprintf(id, S3_ID_BYTES, "%c:%s", kind ? kind->letter : '-', result.upload_id);
    return rc;
}

static void part_query(struct s3_request *r, const char *upload_id, uint32_t number, char text[16])
{
    snprintf(text, 16, "%u", number);
    s3_query(r, "partNumber", text);
    s3_query(r, "uploadId", id_of(upload_id));
}

static void part_fill(struct polyfs_part *out, uint32_t number, uint64_t size, const char *etag,
                      const struct polyfs_checksum *sum)
{
    memset(out, 0, sizeof(*out));
    out->number = number;
    out->size = size;
    if (sum)
        out->checksum = *sum;
    snprintf(out->etag, sizeof(out->etag), "%s", etag);
}

static int upload_part(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                       const char *upload_id, uint32_t number, const void *data, uint64_t size,
                       const struct polyfs_checksum *checksum, struct polyfs_part *out, struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    const struct sums *kind = sums_of_id(upload_id);
    struct polyfs_checksum sum = {0};
    struct ps_http_connection *answer = NULL;
    char text[16];
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc == POLYFS_OK && kind)
        rc = s3_checksum_of(kind->kind, data, size, checksum, &sum, err);
    if (rc != POLYFS_OK)
        return rc;
    s3_request_init(&r, "PUT", &target);
    part_query(&r, upload_id, number, text);
    s3_checksum_header(&r, &sum);
    s3_sse_headers(fs, &r);
    r.http.body = data;
    r.http.body_bytes = size;
    rc = s3_send(fs, call, &r, &answer, err);
    const char *etag = rc == POLYFS_OK ? ps_http_header(answer, "etag") : NULL;
    if (rc == POLYFS_OK && !etag)
        rc = ps_unclear(err, "the store took a part without telling its etag");
    if (rc == POLYFS_OK)
        part_fill(out, number, size, etag, &sum);
    ps_http_clear(fs->http, answer);
    return rc;
}

static int upload_copy_part(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                            const char *upload_id, uint32_t number, const struct polyfs_source *source,
                            uint64_t offset, uint64_t size, struct polyfs_part *out, struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    struct s3_result result;
    struct ps_http_connection *answer = NULL;
    char text[16], range[64];
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    s3_request_init(&r, "PUT", &target);
    part_query(&r, upload_id, number, text);
    snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)offset,
             (unsigned long long)(offset + size - 1));
    rc = s3_copy_source(fs, &r, source, err);
    s3_header(&r, "x-amz-copy-source-range", range);
    s3_sse_headers(fs, &r);
    r.http.stall_ms = S3_SLOW_MS;
    r.http.flags |= PS_HTTP_FRESH;
    if (rc == POLYFS_OK)
        rc = s3_result_begin(&result, &r, err);
    if (rc == POLYFS_OK) {
        rc = s3_send(fs, call, &r, &answer, err);
        rc = s3_result_end(&result, rc, "CopyPartResult", err);
        ps_http_clear(fs->http, answer);
        if (rc == POLYFS_OK && !*result.etag)
            rc = ps_unclear(err, "the store copied a part without telling its etag");
    }
    s3_request_clear(&r);
    if (rc == POLYFS_OK)
        part_fill(out, number, size, result.etag, NULL);
    return s3_copy_lost(rc, source, err);
}

/* ---- the beginning ---------------------------------------------------------------------------------------------------- */

static int upload_abort(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                        const char *upload_id, struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    struct ps_http_connection *answer = NULL;
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    s3_request_init(&r, "DELETE", &target);
    s3_query(&r, "uploadId", id_of(upload_id));
    rc = s3_send(fs, call, &r, &answer, err);
    ps_http_clear(fs->http, answer);
    return rc;
}

/* An upload without its mark would be nobody's: it goes, and the start has failed. */
static int mark_put(struct polyfs_call *call, struct s3_fs *fs, const char *path, uint64_t path_len, const char *id,
                    struct polyfs_error *err)
{
    struct polyfs_part part;
    struct polyfs_error ignored = POLYFS_ERROR_INIT;
    int rc = upload_part(call, fs, path, path_len, id, PS_MARK, ps_mark, PS_MARK_BYTES, NULL, &part, err);
    if (rc != POLYFS_OK)
        upload_abort(call, fs, path, path_len, id, &ignored);
    return rc;
}

static int upload_start(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                        const struct polyfs_put_request *request, struct polyfs_text *out_id,
                        struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    char id[S3_ID_BYTES];
    if (request->flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc == POLYFS_OK && (request->condition.create_only || request->condition.if_match))
        rc = s3_settle_conditions(fs, call, &target, err);
    if (rc == POLYFS_OK)
        rc = s3_check_size(fs, call, &target, POLYFS_SIZE_UNKNOWN, err);
    if (rc != POLYFS_OK)
        return rc;
    s3_settle_checksums(fs, call, &target);
    s3_request_init(&r, "POST", &target);
    s3_query(&r, "uploads", "");
    r.http.flags |= PS_HTTP_FRESH; /* it has no body: libcurl would begin a second one, which nobody knows of */
    rc = s3_write_headers(fs, &r, request, err);
    if (rc == POLYFS_OK)
        rc = start_send(fs, call, &r, id, err);
    s3_request_clear(&r);
    if (rc == POLYFS_OK)
        rc = mark_put(call, fs, path, path_len, id, err);
    if (rc == POLYFS_OK && ps_host->text_set(out_id, id, strlen(id)) != POLYFS_OK)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for the upload's name");
    return rc;
}

/* ---- the end ---------------------------------------------------------------------------------------------------------- */

/* A lost race kills the upload (409): the same bytes may go under a new one. */
static int complete_lost(int rc, const struct polyfs_put_request *request, struct polyfs_error *err)
{
    if (rc == POLYFS_BUSY && err && strcmp(err->native_code, "ConditionalRequestConflict") == 0) {
        snprintf(err->message, sizeof(err->message),
                 "another write met it, and its upload is gone with that; write it again");
        err->retry = POLYFS_RETRY_RESTART;
    }
    if (rc == POLYFS_NOT_FOUND && err && strcmp(err->native_code, "NoSuchUpload") == 0)
        return rc; /* never a lost condition: perhaps we ended it ourselves */
    return s3_lost(rc, &request->condition, err);
}

static int complete_send(struct s3_fs *fs, struct polyfs_call *call, struct s3_request *r, struct s3_result *result,
                         uint64_t size, struct polyfs_stat *out, struct polyfs_error *err)
{
    struct ps_http_connection *answer = NULL;
    int rc = s3_result_begin(result, r, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = s3_send(fs, call, r, &answer, err);
    rc = s3_result_end(result, rc, "CompleteMultipartUploadResult", err);
    if (rc == POLYFS_OK && !*result->etag)
        rc = ps_unclear(err, "the store completed an upload without telling its etag");
    if (rc == POLYFS_OK && out) {
        s3_written(answer, size, out);
        snprintf(out->etag, sizeof(out->etag), "%s", result->etag);
    }
    ps_http_clear(fs->http, answer);
    return rc;
}

static int upload_complete(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                           const char *upload_id, const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                           const struct polyfs_put_request *request, struct polyfs_stat *out,
                           struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    struct s3_result result;
    const struct sums *kind = sums_of_id(upload_id);
    struct ps_buf body = {0};
    char text[24];
    uint64_t size;
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_complete_body(&body, kind ? kind->kind : 0, parts, count, stride, &size);
    s3_request_init(&r, "POST", &target);
    s3_query(&r, "uploadId", id_of(upload_id));
    snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
    s3_header(&r, "x-amz-mp-object-size", text);
    if (kind) {
        s3_header(&r, "x-amz-checksum-type", "FULL_OBJECT");
        if (request->checksum.kind == kind->kind)
            s3_checksum_header(&r, &request->checksum);
    }
    s3_write_conditions(&r, &request->condition);
    s3_sse_headers(fs, &r);
    r.http.body = body.data;
    r.http.body_bytes = body.size;
    r.http.stall_ms = S3_SLOW_MS;
    rc = ps_buf_check(&body, err);
    if (rc == POLYFS_OK)
        rc = complete_send(fs, call, &r, &result, size, out, err);
    ps_buf_clear(&body);
    return complete_lost(rc, request, err);
}

/* ---- listing parts ----------------------------------------------------------------------------------------------------- */

struct parts {
    struct ps_xml *xml;
    struct ps_parts list;
};

static int parts_sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    return ps_xml_add(((struct parts *)arg)->xml, data, size, err);
}

static int parts_page(struct polyfs_call *call, struct s3_fs *fs, const char *path, uint64_t path_len,
                      const char *upload_id, uint32_t after, struct parts *parts, struct polyfs_error *err)
{
    struct ps_target target;
    struct s3_request r;
    struct ps_http_connection *answer = NULL;
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    s3_request_init(&r, "GET", &target);
    ps_parts_ask(&parts->list, id_of(upload_id), after, r.query, &r.query_count);
    r.http.sink = parts_sink;
    r.http.arg = parts;
    rc = ps_xml_new(ps_parts_element, &parts->list, &parts->xml, err);
    if (rc == POLYFS_OK)
        rc = s3_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(parts->xml, "ListPartsResult", err);
    ps_http_clear(fs->http, answer);
    ps_xml_free(parts->xml);
    return rc;
}

static int upload_list_parts(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                             const char *upload_id, uint32_t after, struct polyfs_part *out, uint64_t room,
                             uint64_t stride, uint64_t *out_count, struct polyfs_error *err)
{
    struct parts parts = {.list = {.out = out, .room = room, .stride = stride}};
    int rc = parts_page(call, self, path, path_len, upload_id, after, &parts, err);
    if (rc != POLYFS_OK)
        return rc;
    *out_count = parts.list.count;
    return parts.list.truncated ? POLYFS_MORE : POLYFS_OK;
}

#define PAGE_PARTS 1000

/* The mark is the last of all parts. MinIO goes on behind a part that is there only, so all pages are read. */
static int upload_is_ours(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                          const char *upload_id, uint32_t *out, struct polyfs_error *err)
{
    struct polyfs_part *rows = ps_host->alloc(PAGE_PARTS * sizeof(*rows));
    struct parts parts;
    uint32_t after = 0;
    int rc = rows ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory for a page of parts");
    do {
        parts = (struct parts){.list = {.out = rows, .room = PAGE_PARTS, .stride = sizeof(*rows)}};
        if (rc == POLYFS_OK)
            rc = parts_page(call, self, path, path_len, upload_id, after, &parts, err);
        after = rc == POLYFS_OK && parts.list.count ? rows[parts.list.count - 1].number : after;
    } while (rc == POLYFS_OK && parts.list.truncated && parts.list.count);
    ps_host->free(rows);
    if (rc == POLYFS_OK)
        *out = parts.list.marked != 0;
    return rc;
}

const struct polyfs_upload_ops s3_upload_ops = {
    .struct_size = sizeof(struct polyfs_upload_ops),
    .start = upload_start,
    .part = upload_part,
    .copy_part = upload_copy_part,
    .list_parts = upload_list_parts,
    .complete = upload_complete,
    .abort = upload_abort,
    .list = s3_uploads_list,
    .is_ours = upload_is_ours,
};
