/* SPDX-License-Identifier: Apache-2.0 */
/* put, and what all writes carry: the object resource with its metadata, conditions, checksums. */
#include "gcs.h"

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

/* Names become headers of a download, which know no case; values of any script are kept, but for what ends a header. */
static int check_metadata(const struct polyfs_kv *row, struct polyfs_error *err)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t n = strlen(row->value);
    if (!*row->key || strspn(row->key, plain) != strlen(row->key))
        return polyfs_fail(
            err, POLYFS_INVALID,
            "the metadata name \"%.60s\" cannot be a header: lower-case letters, digits and - _ . only", row->key);
    if (!ps_utf8_valid(row->value, n))
        return polyfs_fail(err, POLYFS_INVALID, "the metadata \"%.60s\" is not UTF-8", row->key);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)row->value[i] < 0x20 || row->value[i] == 0x7f)
            return polyfs_fail(err, POLYFS_INVALID, "the metadata \"%.60s\" has a control character", row->key);
    return POLYFS_OK;
}

static int is_given(const struct polyfs_put_request *request, const char *name)
{
    uint32_t i = 0;
    while (i < request->metadata_count &&
           strcmp(ps_kv_at(request->metadata, request->metadata_stride, i)->key, name) != 0)
        i++;
    return i < request->metadata_count;
}

/* A name that is to go is given as null. */
static void add_gone(const json_t *old, const struct polyfs_put_request *request, struct ps_buf *out)
{
    const char *name;
    json_t *value;
    int any = request->metadata_count != 0;
    json_object_foreach((json_t *)(uintptr_t)old, name, value)
    {
        (void)value;
        if (is_given(request, name))
            continue;
        ps_buf_text(out, any ? "," : "");
        ps_json_quote(out, name, strlen(name));
        ps_buf_text(out, ":null");
        any = 1;
    }
}

int gcs_metadata_json(const struct polyfs_put_request *request, const json_t *old, struct ps_buf *out,
                      struct polyfs_error *err)
{
    uint64_t total = 0;
    int rc = POLYFS_OK;
    ps_buf_text(out, "\"metadata\":{");
    for (uint32_t i = 0; i < request->metadata_count && rc == POLYFS_OK; i++) {
        const struct polyfs_kv *row = ps_kv_at(request->metadata, request->metadata_stride, i);
        rc = check_metadata(row, err);
        total += strlen(row->key) + strlen(row->value);
        if (i)
            ps_buf_char(out, ',');
        ps_json_quote(out, row->key, strlen(row->key));
        ps_buf_char(out, ':');
        ps_json_quote(out, row->value, strlen(row->value));
    }
    add_gone(old, request, out);
    ps_buf_char(out, '}');
    if (rc == POLYFS_OK && total > GCS_METADATA_MAX)
        rc = polyfs_fail(err, POLYFS_TOO_LARGE, "Google Cloud Storage takes 8 KiB of metadata, names included");
    return rc;
}

/* ---- the resource ---------------------------------------------------------------------------------------------------- */

/* What a filesystem says of all writes; these rows come first. */
enum { STORAGE_CLASS, ACL, KMS_KEY };

/* Names of a write's extra rows: the filesystem's options, and the spellings of the JSON API. */
static const struct extra {
    const char *name, *json;
    const char *of_copy;    /* of what is said beside the resource, not in it: how a copy says it */
    const char *of_compose; /* and a compose */
    const char *header;     /* of the XML API, or NULL: none with these values */
} extras[] = {
    [STORAGE_CLASS] = {"storage_class", "storageClass", NULL, NULL, "x-goog-storage-class"},
    [ACL] = {"acl", "predefinedAcl", "destinationPredefinedAcl", "destinationPredefinedAcl", NULL},
    [KMS_KEY] = {"kms_key_name", "kmsKeyName", "destinationKmsKeyName", "kmsKeyName",
                 "x-goog-encryption-kms-key-name"},
    {"cache_control", "cacheControl", NULL, NULL, "cache-control"},
    {"content_disposition", "contentDisposition", NULL, NULL, "content-disposition"},
    {"content_encoding", "contentEncoding", NULL, NULL, "content-encoding"},
    {"content_language", "contentLanguage", NULL, NULL, "content-language"},
    {"custom_time", "customTime", NULL, NULL, NULL},
};
#define EXTRAS (sizeof(extras) / sizeof(extras[0]))

static void member(struct ps_buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    ps_buf_char(out, ',');
    ps_json_quote(out, name, strlen(name));
    ps_buf_char(out, ':');
    ps_json_quote(out, value, strlen(value));
}

/* The value of each row of extras[], or NULL: what this write says, else what the filesystem does. */
static int extras_of(const struct gcs_fs *fs, const struct polyfs_put_request *request, const char *values[EXTRAS],
                     struct polyfs_error *err)
{
    const char *const own[EXTRAS] = {[STORAGE_CLASS] = fs->storage_class, [ACL] = fs->acl, [KMS_KEY] = fs->kms_key};
    memcpy(values, own, sizeof(own));
    for (uint32_t i = 0; i < request->extra_count; i++) {
        const struct polyfs_kv *row = ps_kv_at(request->extra, request->extra_stride, i);
        size_t at = 0;
        while (at < EXTRAS && strcmp(row->key, extras[at].name) != 0 && strcmp(row->key, extras[at].json) != 0)
            at++;
        if (at == EXTRAS)
            return polyfs_fail(err, POLYFS_INVALID, "gcs knows no option \"%.60s\" of a write", row->key);
        if (!ps_utf8_valid(row->value, strlen(row->value)))
            return polyfs_fail(err, POLYFS_INVALID, "the option \"%.60s\" is not UTF-8", row->key);
        values[at] = row->value;
    }
    return POLYFS_OK;
}

static int check_type(const char *type, struct polyfs_error *err)
{
    for (const char *at = type; *at; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e || at - type > 255)
            return polyfs_fail(err, POLYFS_INVALID, "\"%.60s\" cannot be a content type", type);
    return POLYFS_OK;
}

int gcs_resource(struct gcs_fs *fs, const struct ps_target *target, const struct polyfs_put_request *request,
                 const struct gcs_sum *sum, struct gcs_request *r, struct ps_buf *out, struct polyfs_error *err)
{
    const char *values[EXTRAS];
    int rc = extras_of(fs, request, values, err);
    if (rc == POLYFS_OK && request->content_type)
        rc = check_type(request->content_type, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_buf_text(out, "{\"name\":");
    ps_json_quote(out, target->key, target->key_len);
    member(out, "contentType", request->content_type);
    member(out, "crc32c", sum && *sum->text ? sum->text : NULL);
    for (size_t i = 0; i < EXTRAS; i++) {
        if (extras[i].of_copy)
            gcs_query(r,
                      r->rewrite_to ? extras[i].of_copy
                      : r->compose  ? extras[i].of_compose
                                    : extras[i].json,
                      values[i]);
        else
            member(out, extras[i].json, values[i]);
    }
    if (request->metadata_count) {
        ps_buf_char(out, ',');
        rc = gcs_metadata_json(request, NULL, out, err);
    }
    ps_buf_char(out, '}');
    return rc == POLYFS_OK ? ps_buf_check(out, err) : rc;
}

/* As it is, and not as a header would change it. */
static int is_plain(const char *text)
{
    size_t n = strlen(text), i = 0;
    while (i < n && text[i] >= 0x20 && text[i] <= 0x7e)
        i++;
    return n && i == n && text[0] != ' ' && text[n - 1] != ' ';
}

#define XML_METADATA_MAX 8 /* rows; more are no rarity, and go in a resource */

static int metadata_headers(const struct polyfs_put_request *request, struct gcs_request *r, struct ps_buf *texts)
{
    uint64_t at[XML_METADATA_MAX];
    if (request->metadata_count > XML_METADATA_MAX)
        return 0;
    for (uint32_t i = 0; i < request->metadata_count; i++) {
        const struct polyfs_kv *row = ps_kv_at(request->metadata, request->metadata_stride, i);
        if (!is_plain(row->value))
            return 0;
        at[i] = texts->size;
        ps_buf_text(texts, "x-goog-meta-");
        ps_buf_add(texts, row->key, strlen(row->key) + 1);
    }
    for (uint32_t i = 0; i < request->metadata_count && !texts->failed; i++)
        gcs_header(r, texts->data + at[i], ps_kv_at(request->metadata, request->metadata_stride, i)->value);
    return 1;
}

int gcs_xml_headers(struct gcs_fs *fs, const struct ps_target *target, const struct polyfs_put_request *request,
                    struct gcs_request *r, struct ps_buf *texts, struct polyfs_error *err)
{
    const char *values[EXTRAS];
    struct gcs_request unsent = {0};
    int rc = gcs_resource(fs, target, request, NULL, &unsent, texts, err); /* what no write can say is told now */
    if (rc == POLYFS_OK)
        rc = extras_of(fs, request, values, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_buf_reset(texts);
    for (size_t i = 0; i < EXTRAS; i++) {
        if (values[i] && (!extras[i].header || !is_plain(values[i])))
            return 0;
        gcs_header(r, extras[i].header, values[i]);
    }
    gcs_header(r, "content-type", request->content_type);
    int fits = metadata_headers(request, r, texts);
    rc = ps_buf_check(texts, err);
    return rc == POLYFS_OK ? fits : rc;
}

/* ---- conditions ------------------------------------------------------------------------------------------------------- */

static int etag_lost(const struct polyfs_condition *condition, struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_CONDITION, "it no longer has the etag %.60s", condition->if_match);
}

int gcs_write_conditions(struct gcs_request *r, const struct polyfs_condition *condition, struct polyfs_error *err)
{
    if (condition->if_match && !gcs_is_generation(condition->if_match)) /* 0 would mean: only if nothing is there */
        return etag_lost(condition, err);
    gcs_query(r, "ifGenerationMatch", condition->create_only ? "0" : condition->if_match);
    return POLYFS_OK;
}

int gcs_lost(int rc, const struct polyfs_condition *condition, struct polyfs_error *err)
{
    if (condition->create_only && rc == POLYFS_CONDITION)
        return polyfs_fail(err, POLYFS_EXISTS, "there is such an object already");
    return condition->if_match && rc == POLYFS_CONDITION ? etag_lost(condition, err) : rc;
}

/* ---- checksums -------------------------------------------------------------------------------------------------------- */

void gcs_sum_text(uint32_t crc, struct gcs_sum *out)
{
    const unsigned char bytes[4] = {(unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
                                    (unsigned char)(crc >> 8), (unsigned char)crc};
    struct ps_buf text = {0};
    ps_buf_base64(&text, bytes, sizeof(bytes));
    snprintf(out->text, sizeof(out->text), "%s", text.data ? text.data : "");
    ps_buf_clear(&text);
}

uint32_t gcs_crc32c_of(const struct polyfs_checksum *sum)
{
    const uint8_t *v = sum->value;
    return (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3];
}

int gcs_sum_given(const struct polyfs_checksum *given, struct gcs_sum *out, struct polyfs_error *err)
{
    *out = (struct gcs_sum){{0}};
    if (given->kind == POLYFS_CHECKSUM_NONE)
        return POLYFS_OK;
    if (given->kind != POLYFS_CHECKSUM_CRC32C || given->length != 4)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "Google Cloud Storage verifies CRC32C only");
    gcs_sum_text(gcs_crc32c_of(given), out);
    return POLYFS_OK;
}

int gcs_sum_of(const void *data, uint64_t size, const struct polyfs_checksum *given, struct gcs_sum *out,
               struct polyfs_error *err)
{
    int rc = gcs_sum_given(given, out, err);
    if (rc == POLYFS_OK && !*out->text)
        gcs_sum_text((uint32_t)ps_host->crc(POLYFS_CHECKSUM_CRC32C, 0, data, size), out);
    return rc;
}

static int check_text(const char *kept, const struct gcs_sum *sent, struct polyfs_error *err)
{
    if (strcmp(kept, sent->text) == 0)
        return POLYFS_OK;
    polyfs_fail(err, POLYFS_CORRUPT, "the store keeps other bytes than were sent: their CRC32C is %.12s, not %s",
                kept, sent->text);
    if (err)
        err->commit_state = POLYFS_COMMIT_APPLIED;
    return POLYFS_CORRUPT;
}

int gcs_check_sum_of(const struct polyfs_checksum *kept, const struct gcs_sum *sent, struct polyfs_error *err)
{
    struct gcs_sum text;
    if (kept->kind != POLYFS_CHECKSUM_CRC32C || !*sent->text)
        return POLYFS_OK;
    gcs_sum_given(kept, &text, NULL);
    return check_text(text.text, sent, err);
}

int gcs_check_sum(const json_t *object, const struct gcs_sum *sent, struct polyfs_error *err)
{
    const char *kept = ps_json_text(object, "crc32c");
    return kept && *sent->text ? check_text(kept, sent, err) : POLYFS_OK;
}

/* ---- put ------------------------------------------------------------------------------------------------------------------ */

/* multipart/related (RFC 2387): the resource, then the bytes; @boundary is random, so that no bytes hold it. */
static int put_frame(struct gcs_fs *fs, const struct ps_target *target, const struct polyfs_put_request *request,
                     const struct gcs_sum *sum, const char *boundary, struct gcs_request *r, struct ps_buf *head,
                     struct ps_buf *tail, struct polyfs_error *err)
{
    ps_buf_text(head, "--");
    ps_buf_text(head, boundary);
    ps_buf_text(head, "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n");
    int rc = gcs_resource(fs, target, request, sum, r, head, err);
    ps_buf_text(head, "\r\n--");
    ps_buf_text(head, boundary);
    if (request->content_type) {
        ps_buf_text(head, "\r\nContent-Type: ");
        ps_buf_text(head, request->content_type);
    }
    ps_buf_text(head, "\r\n\r\n");
    ps_buf_text(tail, "\r\n--");
    ps_buf_text(tail, boundary);
    ps_buf_text(tail, "--\r\n");
    r->http.head = head->data;
    r->http.head_bytes = head->size;
    r->http.tail = tail->data;
    r->http.tail_bytes = tail->size;
    if (rc == POLYFS_OK)
        rc = ps_buf_check(head, err);
    return rc == POLYFS_OK ? ps_buf_check(tail, err) : rc;
}

static int put_send(struct gcs_fs *fs, struct polyfs_call *call, struct gcs_request *r, const struct gcs_sum *sum,
                    uint64_t size, struct polyfs_stat *out, struct polyfs_error *err)
{
    struct gcs_result result;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int rc = gcs_send_json(fs, call, r, &result, err);
    if (rc == POLYFS_OK)
        rc = gcs_written(result.root, &stat, err);
    if (rc == POLYFS_OK && stat.size != size)
        rc = ps_unclear(err, "the store tells another size than was sent");
    if (rc == POLYFS_OK)
        rc = gcs_check_sum(result.root, sum, err);
    if (rc == POLYFS_OK)
        ps_stat_give(out, &stat);
    gcs_result_clear(&result);
    return rc;
}

int gcs_put(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const void *data,
            uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
            struct polyfs_error *err)
{
    struct ps_target target;
    struct gcs_request r;
    struct gcs_sum sum;
    struct ps_buf head = {0}, tail = {0};
    unsigned char random[16];
    char boundary[40] = "polyfs", type[80];
    if (request->flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = gcs_target(path, path_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_host->random(random, sizeof(random));
    ps_hex(random, sizeof(random), boundary + 6);
    snprintf(type, sizeof(type), "multipart/related; boundary=%s", boundary);
    gcs_request_init(&r, "POST", GCS_UPLOAD, &target);
    gcs_query(&r, "uploadType", "multipart");
    gcs_query(&r, "fields", GCS_FIELDS);
    gcs_header(&r, "content-type", type);
    r.http.body = data;
    r.http.body_bytes = size;
    rc = gcs_sum_of(data, size, &request->checksum, &sum, err);
    if (rc == POLYFS_OK)
        rc = gcs_write_conditions(&r, &request->condition, err);
    if (rc == POLYFS_OK)
        rc = put_frame(self, &target, request, &sum, boundary, &r, &head, &tail, err);
    if (rc == POLYFS_OK)
        rc = put_send(self, call, &r, &sum, size, out, err);
    ps_buf_clear(&head);
    ps_buf_clear(&tail);
    return gcs_lost(rc, &request->condition, err);
}
