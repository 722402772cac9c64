/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape PARTS: multipart uploads of the XML API, which know no conditions, and of what a write says only what headers carry.
 * A write that has more is staged: its parts make an object of a temporary name, and a compose of that one object publishes it
 * with all that the write says; then it is removed. The id that core sees is "u:UploadId", or "t:DIGITS:UploadId" with the
 * digits of the temporary name.
 *
 * Who may not remove objects would leave the temporary one for ever, so that is tried once a bucket, on a name that nothing has.
 */
#include "gcs.h"

#define DIGITS 32
#define ID_MAX 1100

/* In the folder of the target, unless that makes it too long. */
static void stage(struct gcs_upload *u, const char *digits)
{
    const char *slash = u->target.key_len ? memrchr(u->target.key, '/', u->target.key_len) : NULL;
    int folder = slash ? (int)(slash + 1 - u->target.key) : 0;
    if (folder + (int)strlen(POLYFS_STAGING_PREFIX) + DIGITS > GCS_KEY_MAX)
        folder = 0;
    u->made.key = u->temporary;
    u->made.key_len = (uint64_t)snprintf(u->temporary, sizeof(u->temporary), "%.*s" POLYFS_STAGING_PREFIX "%.*s",
                                         folder, u->target.key, DIGITS, digits);
    u->staged = 1;
}

int gcs_upload_load(struct gcs_upload *u, struct gcs_fs *fs, const char *path, uint64_t path_len, const char *id,
                    struct polyfs_error *err)
{
    memset(u, 0, sizeof(*u));
    u->fs = fs;
    int rc = gcs_target(path, path_len, 1, &u->target, err);
    u->made = u->target;
    if (rc != POLYFS_OK || !id)
        return rc;
    if (strncmp(id, "u:", 2) == 0) {
        u->id = id + 2;
    } else if (strncmp(id, "t:", 2) == 0 && strspn(id + 2, "0123456789abcdef") == DIGITS && id[2 + DIGITS] == ':') {
        stage(u, id + 2);
        u->id = id + 3 + DIGITS;
    } else {
        rc = polyfs_fail(err, POLYFS_NOT_FOUND, "there is no upload \"%.60s\" here", id);
    }
    return rc;
}

/* ---- parts ------------------------------------------------------------------------------------------------------------ */

static int upload_part(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *id,
                       uint32_t number, const void *data, uint64_t size, const struct polyfs_checksum *checksum,
                       struct polyfs_part *out, struct polyfs_error *err)
{
    struct gcs_upload u;
    struct gcs_request r;
    struct gcs_sum sum;
    struct ps_http_connection *answer = NULL;
    static const struct polyfs_checksum none;
    char text[16], hash[32];
    int rc = gcs_upload_load(&u, self, path, path_len, id, err);
    if (rc == POLYFS_OK)
        rc = gcs_sum_of(data, size, checksum ? checksum : &none, &sum, err);
    if (rc != POLYFS_OK)
        return rc;
    gcs_request_init(&r, "PUT", GCS_XML, &u.made);
    snprintf(text, sizeof(text), "%u", number);
    snprintf(hash, sizeof(hash), "crc32c=%s", sum.text);
    gcs_query(&r, "partNumber", text);
    gcs_query(&r, "uploadId", u.id);
    gcs_header(&r, "x-goog-hash", hash);
    r.http.body = data;
    r.http.body_bytes = size;
    rc = gcs_send(u.fs, call, &r, &answer, err);
    const char *etag = rc == POLYFS_OK ? ps_http_header(answer, "etag") : NULL;
    if (rc == POLYFS_OK && !etag)
        rc = ps_unclear(err, "the store took a part without telling its etag");
    if (rc == POLYFS_OK) {
        *out = (struct polyfs_part){.number = number, .size = size};
        gcs_crc32c_parse(sum.text, &out->checksum);
        snprintf(out->etag, sizeof(out->etag), "%s", etag);
    }
    ps_http_clear(u.fs->http, answer);
    return rc;
}

/* ---- the temporary object ----------------------------------------------------------------------------------------------- */

/* OK when it is gone, NOT_FOUND when there was none. */
static int temporary_remove(struct gcs_upload *u, struct polyfs_call *call, const char *generation,
                            struct polyfs_error *err)
{
    struct gcs_request r;
    struct ps_http_connection *answer = NULL;
    gcs_request_init(&r, "DELETE", GCS_OBJECT, &u->made);
    gcs_query(&r, "generation", generation);
    int rc = gcs_send(u->fs, call, &r, &answer, err);
    ps_http_clear(u->fs->http, answer);
    return rc;
}

static void temporary_drop(struct gcs_upload *u, struct polyfs_call *call, const char *generation)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    char text[GCS_KEY_MAX + 300];
    int rc = temporary_remove(u, call, generation, &why);
    if (rc == POLYFS_OK || rc == POLYFS_NOT_FOUND)
        return;
    if (rc == POLYFS_PERMISSION)
        gcs_bucket_learn(u->fs, &u->target, GCS_REMOVES, POLYFS_NO);
    snprintf(text, sizeof(text), "the temporary object %.*s/%s stays: %.200s", (int)u->made.bucket_len,
             u->made.bucket, u->temporary, why.message);
    ps_host->log(call, 1, text);
}

/* May we remove objects there? Told by the removal of one that nobody ever made. */
static int settle_removal(struct gcs_upload *u, struct polyfs_call *call, struct polyfs_error *err)
{
    uint8_t may = gcs_bucket_answer(u->fs, &u->target, GCS_REMOVES);
    int rc = may == POLYFS_UNKNOWN ? temporary_remove(u, call, NULL, err) : POLYFS_OK;
    if (may == POLYFS_UNKNOWN && (rc == POLYFS_OK || rc == POLYFS_NOT_FOUND || rc == POLYFS_PERMISSION)) {
        may = rc == POLYFS_PERMISSION ? (uint8_t)POLYFS_NO : (uint8_t)POLYFS_YES;
        gcs_bucket_learn(u->fs, &u->target, GCS_REMOVES, may);
        rc = POLYFS_OK;
    }
    if (rc == POLYFS_OK && may == POLYFS_NO) {
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED,
                         "an upload in parts under a condition needs the right to remove "
                         "objects: storage.objects.delete");
        if (err)
            err->retry = POLYFS_RETRY_RESTART; /* in another shape, which facts tell from now on */
    }
    return rc;
}

/* ---- the beginning ------------------------------------------------------------------------------------------------------ */

static int upload_abort(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *id,
                        struct polyfs_error *err)
{
    struct gcs_upload u;
    struct gcs_request r;
    struct ps_http_connection *answer = NULL;
    int rc = gcs_upload_load(&u, self, path, path_len, id, err);
    if (rc != POLYFS_OK)
        return rc;
    gcs_request_init(&r, "DELETE", GCS_XML, &u.made);
    gcs_query(&r, "uploadId", u.id);
    rc = gcs_send(u.fs, call, &r, &answer, err);
    ps_http_clear(u.fs->http, answer);
    return rc == POLYFS_NOT_FOUND && u.staged ? temporary_remove(&u, call, NULL, err) : rc;
}

static int id_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    (void)size;
    (void)err;
    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0)
        snprintf(arg, ID_MAX - DIGITS - 3, "%s", text);
    return POLYFS_OK;
}

/* @id has a prefix already; the store's goes behind it. */
static int start_send(struct gcs_upload *u, struct polyfs_call *call, struct gcs_request *r, char id[ID_MAX],
                      struct polyfs_error *err)
{
    struct ps_http_connection *answer = NULL;
    char *own = id + strlen(id);
    gcs_query(r, "uploads", "");
    r->http.flags |= PS_HTTP_FRESH; /* it has no body: libcurl would begin a second one, which nobody knows of */
    int rc = gcs_send_xml(u->fs, call, r, "InitiateMultipartUploadResult", id_element, own, &answer, err);
    ps_http_clear(u->fs->http, answer);
    if (rc == POLYFS_OK && !*own)
        rc = ps_unclear(err, "the store began an upload without naming it");
    return rc;
}

/* An upload without its mark would be nobody's: it goes, and the start has failed. */
static int mark_put(struct polyfs_call *call, struct gcs_fs *fs, const char *path, uint64_t path_len,
                    const char *id, struct polyfs_error *err)
{
    struct polyfs_part part;
    struct polyfs_error ignored = POLYFS_ERROR_INIT;
    int rc = upload_part(call, fs, path, path_len, id, PS_MARK, ps_mark, PS_MARK_BYTES, NULL, &part, err);
    if (rc != POLYFS_OK)
        upload_abort(call, fs, path, path_len, id, &ignored);
    return rc;
}

/* What is staged is looked for by nobody: of it headers say only how it is kept, and that not for long. */
static int start_staged(struct gcs_upload *u, struct polyfs_call *call, struct gcs_request *r, char id[ID_MAX],
                        struct polyfs_error *err)
{
    unsigned char random[DIGITS / 2];
    ps_host->random(random, sizeof(random));
    snprintf(id, ID_MAX, "t:");
    ps_hex(random, sizeof(random), id + 2);
    stage(u, id + 2);
    memcpy(id + 2 + DIGITS, ":", 2);
    int rc = settle_removal(u, call, err);
    gcs_request_init(r, "POST", GCS_XML, &u->made);
    gcs_header(r, "x-goog-storage-class", "STANDARD");
    gcs_header(r, "x-goog-encryption-kms-key-name", u->fs->kms_key);
    return rc;
}

static int upload_start(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                        const struct polyfs_put_request *request, struct polyfs_text *out_id,
                        struct polyfs_error *err)
{
    struct gcs_upload u;
    struct gcs_request r;
    struct ps_buf texts = {0};
    char id[ID_MAX] = "u:";
    if (request->flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = gcs_upload_load(&u, self, path, path_len, NULL, err);
    if (rc != POLYFS_OK)
        return rc;
    gcs_request_init(&r, "POST", GCS_XML, &u.made);
    int fits = gcs_xml_headers(u.fs, &u.target, request, &r, &texts, err);
    rc = fits < 0 ? fits : POLYFS_OK;
    if (rc == POLYFS_OK && (!fits || request->condition.create_only || request->condition.if_match))
        rc = start_staged(&u, call, &r, id, err);
    if (rc == POLYFS_OK)
        rc = start_send(&u, call, &r, id, err);
    ps_buf_clear(&texts);
    if (rc == POLYFS_OK)
        rc = mark_put(call, u.fs, path, path_len, id, err);
    if (rc == POLYFS_OK && ps_host->text_set(out_id, id, strlen(id)) != POLYFS_OK)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for the upload's name");
    return rc;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------ */

/* What the bytes are: the caller's word for it, and the parts'. They must agree. */
static int sum_of_parts(const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                        const struct polyfs_checksum *given, struct gcs_sum *out, struct polyfs_error *err)
{
    struct gcs_sum made = {{0}};
    uint32_t crc = 0;
    uint64_t known = 0;
    for (uint64_t i = 0; i < count; i++) {
        const struct polyfs_part *part = (const void *)((const char *)parts + stride * i);
        known += part->checksum.kind == POLYFS_CHECKSUM_CRC32C;
        crc = (uint32_t)ps_host->crc_join(POLYFS_CHECKSUM_CRC32C, crc, gcs_crc32c_of(&part->checksum), part->size);
    }
    if (known == count)
        gcs_sum_text(crc, &made);
    int rc = gcs_sum_given(given, out, err);
    if (rc == POLYFS_OK && *out->text && *made.text && strcmp(out->text, made.text) != 0)
        return polyfs_fail(err, POLYFS_CORRUPT, "other bytes were sent than were meant: their CRC32C is %s, not %s",
                           made.text, out->text);
    if (rc == POLYFS_OK && !*out->text)
        *out = made;
    return rc;
}

/* What an answer of the XML API tells of what was made; what it does not, a stat does. */
static int made_of(struct gcs_upload *u, struct polyfs_call *call, const struct ps_http_connection *answer,
                   uint64_t size, struct polyfs_stat *out, struct polyfs_error *err)
{
    gcs_stat_of_headers(answer, out);
    out->size = size;
    out->content_type[0] = '\0'; /* the answer's own */
    return out->etag[0] ? POLYFS_OK : gcs_stat_object(u->fs, call, &u->made, NULL, out, NULL, err);
}

static int complete_parts(struct gcs_upload *u, struct polyfs_call *call, const struct polyfs_part *parts,
                          uint64_t count, uint64_t stride, struct polyfs_stat *out, struct polyfs_error *err)
{
    struct gcs_request r;
    struct ps_buf body = {0};
    struct ps_http_connection *answer = NULL;
    uint64_t size;
    ps_complete_body(&body, 0, parts, count, stride, &size);
    gcs_request_init(&r, "POST", GCS_XML, &u->made);
    gcs_query(&r, "uploadId", u->id);
    gcs_header(&r, "content-type", "application/xml");
    r.http.body = body.data;
    r.http.body_bytes = body.size;
    r.http.stall_ms = GCS_SLOW_MS;
    int rc = ps_buf_check(&body, err);
    if (rc == POLYFS_OK)
        rc = gcs_send_xml(u->fs, call, &r, "CompleteMultipartUploadResult", NULL, NULL, &answer, err);
    if (rc == POLYFS_OK)
        rc = made_of(u, call, answer, size, out, err);
    ps_http_clear(u->fs->http, answer);
    ps_buf_clear(&body);
    return rc;
}

/* The temporary object becomes the target, under the condition of the write and with all that it says. */
static int publish(struct gcs_upload *u, struct polyfs_call *call, const struct polyfs_put_request *request,
                   const struct polyfs_stat *temporary, struct polyfs_stat *out, struct polyfs_error *err)
{
    struct gcs_request r;
    struct gcs_result result = {0};
    struct ps_buf body = {0};
    gcs_request_init(&r, "POST", GCS_OBJECT, &u->target);
    r.compose = 1;
    gcs_header(&r, "content-type", "application/json; charset=UTF-8");
    ps_buf_text(&body, "{\"sourceObjects\":[{\"name\":");
    ps_json_quote(&body, u->made.key, u->made.key_len);
    ps_buf_text(&body, ",\"generation\":\"");
    ps_buf_text(&body, temporary->etag);
    ps_buf_text(&body, "\"}],\"destination\":");
    int rc = gcs_resource(u->fs, &u->target, request, NULL, &r, &body, err);
    ps_buf_char(&body, '}');
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&body, err);
    if (rc == POLYFS_OK)
        rc = gcs_write_conditions(&r, &request->condition, err);
    r.http.body = body.data;
    r.http.body_bytes = body.size;
    r.http.stall_ms = GCS_SLOW_MS;
    if (rc == POLYFS_OK)
        rc = gcs_send_json(u->fs, call, &r, &result, err);
    if (rc == POLYFS_OK)
        rc = gcs_written(result.root, out, err);
    gcs_result_clear(&result);
    ps_buf_clear(&body);
    return gcs_lost(rc, &request->condition, err);
}

/* A repeat finds the upload gone where the first had joined its parts: what they made is there then. */
static int complete_staged(struct gcs_upload *u, struct polyfs_call *call, const struct polyfs_put_request *request,
                           int rc, const struct gcs_sum *sum, struct polyfs_stat *stat, struct polyfs_error *err)
{
    struct polyfs_stat temporary = *stat;
    if (rc == POLYFS_NOT_FOUND)
        rc = gcs_stat_object(u->fs, call, &u->made, NULL, &temporary, NULL, err);
    if (rc == POLYFS_OK)
        rc = gcs_check_sum_of(&temporary.checksum, sum, err);
    if (rc == POLYFS_CORRUPT && err)
        err->commit_state = POLYFS_COMMIT_NOT_APPLIED; /* nothing was published */
    if (rc == POLYFS_OK)
        rc = publish(u, call, request, &temporary, stat, err);
    if (rc == POLYFS_OK || rc == POLYFS_EXISTS || rc == POLYFS_CONDITION || rc == POLYFS_CORRUPT)
        temporary_drop(u, call, temporary.etag);
    return rc;
}

static int upload_complete(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                           const char *id, const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                           const struct polyfs_put_request *request, struct polyfs_stat *out,
                           struct polyfs_error *err)
{
    struct gcs_upload u;
    struct gcs_sum sum;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int rc = gcs_upload_load(&u, self, path, path_len, id, err);
    if (rc == POLYFS_OK && !u.staged && (request->condition.create_only || request->condition.if_match))
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "the upload was begun without a condition, and has none now");
    if (rc == POLYFS_OK)
        rc = sum_of_parts(parts, count, stride, &request->checksum, &sum, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = complete_parts(&u, call, parts, count, stride, &stat, err);
    if (u.staged)
        rc = complete_staged(&u, call, request, rc, &sum, &stat, err);
    else if (rc == POLYFS_OK)
        rc = gcs_check_sum_of(&stat.checksum, &sum, err);
    if (rc == POLYFS_OK)
        ps_stat_give(out, &stat);
    return rc;
}

const struct polyfs_upload_ops gcs_upload_ops = {
    .struct_size = sizeof(struct polyfs_upload_ops),
    .start = upload_start,
    .part = upload_part,
    .list_parts = gcs_uploads_parts,
    .complete = upload_complete,
    .abort = upload_abort,
    .list = gcs_uploads_list,
    .is_ours = gcs_uploads_is_ours,
};
