/* SPDX-License-Identifier: Apache-2.0 */
/* put, and what all writes carry: metadata, conditions, checksums, tiers. */
#include "abfs.h"
#include "plugins/support/digest.h"

/* ---- pass-through options ------------------------------------------------------------------------------------------- */

/* Names of a write's extra rows: ours and azure-storage-blob's. */
static const struct extra {
    const char *name, *sdk, *header;
} extras[] = {
    {"access_tier", "standard_blob_tier", "x-ms-access-tier"},
    {"tags", "blob_tags", "x-ms-tags"},
    {"cache_control", "CacheControl", "x-ms-blob-cache-control"},
    {"content_disposition", "ContentDisposition", "x-ms-blob-content-disposition"},
    {"content_encoding", "ContentEncoding", "x-ms-blob-content-encoding"},
    {"content_language", "ContentLanguage", "x-ms-blob-content-language"},
    {"encryption_scope", "EncryptionScope", "x-ms-encryption-scope"},
    {"lease_id", "lease", "x-ms-lease-id"},
};

static int has_header(const struct abfs_request *r, const char *name)
{
    for (unsigned i = 0; i < r->http.header_count && i < ABFS_HEADERS_MAX; i++)
        if (strcmp(r->headers[i].name, name) == 0)
            return 1;
    return 0;
}

static int add_extra(struct abfs_request *r, const struct polyfs_kv *row, struct polyfs_error *err)
{
    for (unsigned i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        if (strcmp(row->key, extras[i].name) == 0 || strcmp(row->key, extras[i].sdk) == 0) {
            abfs_header(r, extras[i].header, row->value);
            return POLYFS_OK;
        }
    }
    return polyfs_fail(err, POLYFS_INVALID, "abfs knows no option \"%.60s\" of a write", row->key);
}

int abfs_write_headers(struct abfs_fs *fs, struct abfs_request *r, const struct polyfs_put_request *request,
                       struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (uint32_t i = 0; i < request->extra_count && rc == POLYFS_OK; i++)
        rc = add_extra(r, ps_kv_at(request->extra, request->extra_stride, i), err);
    if (fs->access_tier && !has_header(r, "x-ms-access-tier"))
        abfs_header(r, "x-ms-access-tier", fs->access_tier);
    if (rc == POLYFS_OK && request->content_type && strlen(request->content_type) > 1024)
        rc = polyfs_fail(err, POLYFS_INVALID, "a content type has at most 1,024 bytes");
    abfs_header(r, "x-ms-blob-content-type", request->content_type);
    return rc == POLYFS_OK ? abfs_metadata_headers(r, request, err) : rc;
}

void abfs_write_conditions(struct abfs_request *r, const struct polyfs_condition *condition)
{
    if (condition->create_only)
        abfs_header(r, "if-none-match", "*");
    abfs_header(r, "if-match", condition->if_match);
}

int abfs_lost(int rc, const struct polyfs_condition *condition, struct polyfs_error *err)
{
    if (condition->create_only && rc == POLYFS_CONDITION)
        return polyfs_fail(err, POLYFS_EXISTS, "there is such a blob already");
    int is_gone = rc == POLYFS_NOT_FOUND && (!err || strcmp(err->native_code, "ContainerNotFound") != 0);
    if (condition->if_match && (rc == POLYFS_CONDITION || is_gone))
        return polyfs_fail(err, POLYFS_CONDITION, "it no longer has the etag %.100s", condition->if_match);
    return rc;
}

/* ---- checksums --------------------------------------------------------------------------------------------------------- */

static void sum_header(struct abfs_request *r, const char *name, const void *value, uint64_t size)
{
    struct ps_buf text = {0};
    ps_buf_base64(&text, value, size);
    snprintf(r->sum, sizeof(r->sum), "%s", text.data ? text.data : "");
    ps_buf_clear(&text);
    abfs_header(r, name, r->sum);
}

/* CRC64 as Azure writes it: the least significant byte first. */
static void crc_header(struct abfs_request *r, const void *data, uint64_t size, const struct polyfs_checksum *given)
{
    uint64_t crc = given ? 0 : ps_host->crc(POLYFS_CHECKSUM_CRC64NVME, 0, data, size);
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(given ? given->value[7 - i] : crc >> (8 * i));
    sum_header(r, "x-ms-content-crc64", bytes, sizeof(bytes));
}

/* MD5 is slow, and every server takes it: for those that are not known to verify CRC64. */
int abfs_checksum_header(struct abfs_fs *fs, struct abfs_request *r, const void *data, uint64_t size,
                         const struct polyfs_checksum *given, struct polyfs_error *err)
{
    int wanted = fs->checksums_wanted, rc = POLYFS_OK;
    int takes_crc = wanted > 0 || (wanted == 0 && abfs_traits[abfs_profile(fs)].crc64 == POLYFS_YES);
    uint32_t kind = given ? given->kind : POLYFS_CHECKSUM_NONE;
    unsigned char md5[16];
    if (kind == POLYFS_CHECKSUM_MD5)
        sum_header(r, "content-md5", given->value, sizeof(md5));
    else if (takes_crc && (kind == POLYFS_CHECKSUM_NONE || kind == POLYFS_CHECKSUM_CRC64NVME))
        crc_header(r, data, size, kind ? given : NULL);
    else if (kind != POLYFS_CHECKSUM_NONE)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "abfs verifies MD5 here%s only",
                           takes_crc ? " and CRC64NVME" : "");
    else if (wanted == 0) {
        rc = ps_md5(data, size, md5, err);
        if (rc == POLYFS_OK)
            sum_header(r, "content-md5", md5, sizeof(md5));
    }
    return rc;
}

/* ---- put ------------------------------------------------------------------------------------------------------------------ */

int abfs_written(struct abfs_fs *fs, const struct ps_http_connection *answer, uint64_t size,
                 struct polyfs_stat *out, struct polyfs_error *err)
{
    struct polyfs_stat stat;
    int rc = abfs_stat_of(answer, &stat, NULL, err);
    if (rc == POLYFS_OK && !*stat.etag)
        rc = ps_unclear(err, "the store took it without telling its etag");
    if (rc != POLYFS_OK)
        return rc;
    abfs_versions_set(fs, *stat.version ? POLYFS_YES : POLYFS_NO); /* each write of such an account makes one */
    stat.size = size;
    stat.type = POLYFS_TYPE_FILE;
    stat.content_type[0] = '\0'; /* of the answer, not of the blob */
    stat.checksum = (struct polyfs_checksum){0};
    ps_stat_give(out, &stat);
    return POLYFS_OK;
}

int abfs_put(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const void *data,
             uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
             struct polyfs_error *err)
{
    struct abfs_fs *fs = self;
    struct ps_target target;
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    if (request->flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = abfs_lake_check_write(fs, call, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    abfs_request_init(&r, "PUT", &target);
    abfs_header(&r, "x-ms-blob-type", "BlockBlob");
    rc = abfs_write_headers(fs, &r, request, err);
    if (rc == POLYFS_OK)
        rc = abfs_checksum_header(fs, &r, data, size, &request->checksum, err);
    if (rc == POLYFS_OK) {
        abfs_write_conditions(&r, &request->condition);
        r.http.body = data;
        r.http.body_bytes = size;
        rc = abfs_send(fs, call, &r, &answer, err);
    }
    if (rc == POLYFS_OK)
        rc = abfs_written(fs, answer, size, out, err);
    ps_http_clear(fs->http, answer);
    abfs_request_clear(&r);
    return abfs_lost(rc, &request->condition, err);
}
