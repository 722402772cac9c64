/* SPDX-License-Identifier: Apache-2.0 */
/* put, and what all writes carry: metadata, conditions, checksums, encryption. */
#include "s3.h"

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

static int is_token(const char *text)
{
    static const char others[] = "!#$%&'*+-.^_`|~"; /* RFC 9110, 5.6.2 */
    for (const char *at = text; *at; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
              strchr(others, *at)))
            return 0;
    return *text != '\0';
}

static int check_name(const char *name, struct polyfs_error *err)
{
    for (const char *at = name; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            return polyfs_fail(err, POLYFS_INVALID,
                               "S3 keeps the names of metadata in lower case, and \"%.60s\" is not", name);
    if (is_token(name))
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_INVALID,
                       "the metadata name \"%.60s\" cannot be a header: letters, digits and - _ . only", name);
}

/* x-amz-meta-NAME: all names and values in one block that the request owns, then one header a row. */
static int add_metadata(struct s3_fs *fs, struct s3_request *r, const struct polyfs_put_request *request,
                        struct polyfs_error *err)
{
    struct ps_buf texts = {0};
    uint64_t total = 0;
    int rc = POLYFS_OK;
    for (uint32_t i = 0; i < request->metadata_count && rc == POLYFS_OK; i++) {
        const struct polyfs_kv *row = ps_kv_at(request->metadata, request->metadata_stride, i);
        rc = check_name(row->key, err);
        total += strlen(row->key) + strlen(row->value);
        ps_buf_text(&texts, "x-amz-meta-");
        ps_buf_text(&texts, row->key);
        ps_buf_char(&texts, '\0');
        ps_words_encode(&texts, row->value, (s3_traits[s3_profile(fs)].flags & S3_DROPS_EMPTY) != 0);
        ps_buf_char(&texts, '\0');
    }
    if (rc == POLYFS_OK && total > S3_METADATA_MAX)
        rc = polyfs_fail(err, POLYFS_TOO_LARGE, "S3 takes 2 KiB of metadata, names included");
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&texts, err);
    const char *at = texts.data;
    for (uint32_t i = 0; i < request->metadata_count && rc == POLYFS_OK; i++) {
        const char *value = at + strlen(at) + 1;
        s3_header(r, at, value);
        at = value + strlen(value) + 1;
    }
    r->texts = texts.data;
    return rc;
}

/* ---- pass-through options ------------------------------------------------------------------------------------------- */

/* Names of a write's extra rows: the filesystem's options, s3fs's and boto3's spellings. */
static const struct extra {
    const char *name, *boto, *header;
} extras[] = {
    {"acl", "ACL", "x-amz-acl"},
    {"storage_class", "StorageClass", "x-amz-storage-class"},
    {"tagging", "Tagging", "x-amz-tagging"},
    {"server_side_encryption", "ServerSideEncryption", "x-amz-server-side-encryption"},
    {"sse_kms_key_id", "SSEKMSKeyId", "x-amz-server-side-encryption-aws-kms-key-id"},
    {"sse_context", "SSEKMSEncryptionContext", "x-amz-server-side-encryption-context"},
    {"bucket_key_enabled", "BucketKeyEnabled", "x-amz-server-side-encryption-bucket-key-enabled"},
    {"cache_control", "CacheControl", "cache-control"},
    {"content_disposition", "ContentDisposition", "content-disposition"},
    {"content_encoding", "ContentEncoding", "content-encoding"},
    {"content_language", "ContentLanguage", "content-language"},
    {"expires", "Expires", "expires"},
    {"website_redirect", "WebsiteRedirectLocation", "x-amz-website-redirect-location"},
};

static int has_header(const struct s3_request *r, const char *name)
{
    for (unsigned i = 0; i < r->http.header_count && i < S3_HEADERS_MAX; i++)
        if (strcmp(r->headers[i].name, name) == 0)
            return 1;
    return 0;
}

static int add_extra(struct s3_request *r, const struct polyfs_kv *row, struct polyfs_error *err)
{
    for (unsigned i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        if (strcmp(row->key, extras[i].name) == 0 || strcmp(row->key, extras[i].boto) == 0) {
            s3_header(r, extras[i].header, row->value);
            return POLYFS_OK;
        }
    }
    return polyfs_fail(err, POLYFS_INVALID, "s3 knows no option \"%.60s\" of a write", row->key);
}

/* What the filesystem says, where this write says nothing. */
static void add_default(struct s3_request *r, const char *header, const char *value)
{
    if (value && !has_header(r, header))
        s3_header(r, header, value);
}

void s3_sse_headers(const struct s3_fs *fs, struct s3_request *r)
{
    if (!fs->sse_key)
        return;
    s3_header(r, "x-amz-server-side-encryption-customer-algorithm", "AES256");
    s3_header(r, "x-amz-server-side-encryption-customer-key", fs->sse_key);
    s3_header(r, "x-amz-server-side-encryption-customer-key-md5", fs->sse_key_md5);
}

int s3_write_headers(struct s3_fs *fs, struct s3_request *r, const struct polyfs_put_request *request,
                     struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (uint32_t i = 0; i < request->extra_count && rc == POLYFS_OK; i++)
        rc = add_extra(r, ps_kv_at(request->extra, request->extra_stride, i), err);
    add_default(r, "x-amz-acl", fs->acl);
    add_default(r, "x-amz-storage-class", fs->storage_class);
    add_default(r, "x-amz-tagging", fs->tagging);
    if (!has_header(r, "x-amz-server-side-encryption")) {
        s3_header(r, "x-amz-server-side-encryption", fs->sse);
        add_default(r, "x-amz-server-side-encryption-aws-kms-key-id", fs->sse_kms_key);
    }
    s3_sse_headers(fs, r);
    s3_header(r, "content-type", request->content_type);
    return rc == POLYFS_OK ? add_metadata(fs, r, request, err) : rc;
}

void s3_write_conditions(struct s3_request *r, const struct polyfs_condition *condition)
{
    if (condition->create_only)
        s3_header(r, "if-none-match", "*");
    s3_header(r, "if-match", condition->if_match);
}

int s3_lost(int rc, const struct polyfs_condition *condition, struct polyfs_error *err)
{
    if (condition->create_only && rc == POLYFS_CONDITION) {
        polyfs_fail(err, POLYFS_EXISTS, "there is such an object already");
        return POLYFS_EXISTS;
    }
    if (condition->if_match && (rc == POLYFS_CONDITION || rc == POLYFS_NOT_FOUND)) {
        polyfs_fail(err, POLYFS_CONDITION, "it no longer has the etag %.100s", condition->if_match);
        return POLYFS_CONDITION;
    }
    return rc;
}

/* ---- checksums --------------------------------------------------------------------------------------------------------- */

uint32_t s3_checksum_kind(struct s3_fs *fs)
{
    uint32_t kind = s3_traits[s3_profile(fs)].checksum;
    if (fs->checksums_wanted < 0)
        return POLYFS_CHECKSUM_NONE;
    return fs->checksums_wanted > 0 && kind == POLYFS_CHECKSUM_NONE ? POLYFS_CHECKSUM_CRC64NVME : kind;
}

void s3_settle_checksums(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target)
{
    struct polyfs_error ignored = POLYFS_ERROR_INIT; /* the write itself meets whatever is wrong */
    if (fs->checksums_wanted == 0)
        s3_learn_profile(fs, call, target, &ignored);
}

int s3_checksum_of(uint32_t kind, const void *data, uint64_t size, const struct polyfs_checksum *given,
                   struct polyfs_checksum *out, struct polyfs_error *err)
{
    *out = (struct polyfs_checksum){0};
    if (given && given->kind != POLYFS_CHECKSUM_NONE) {
        if (given->kind != POLYFS_CHECKSUM_CRC32C && given->kind != POLYFS_CHECKSUM_CRC64NVME)
            return polyfs_fail(err, POLYFS_UNSUPPORTED, "s3 verifies CRC32C and CRC64NVME only");
        *out = *given;
        return POLYFS_OK;
    }
    if (kind == POLYFS_CHECKSUM_NONE)
        return POLYFS_OK;
    uint64_t crc = ps_host->crc(kind, 0, data, size);
    out->kind = kind;
    out->length = kind == POLYFS_CHECKSUM_CRC32C ? 4 : 8;
    for (unsigned i = 0; i < out->length; i++)
        out->value[i] = (uint8_t)(crc >> (8 * (out->length - 1 - i)));
    return POLYFS_OK;
}

int s3_check_size(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target, uint64_t size,
                  struct polyfs_error *err)
{
    if (!size || target->key[target->key_len - 1] != '/')
        return POLYFS_OK;
    int rc = s3_learn_profile(fs, call, target, err);
    enum s3_profile profile = s3_profile(fs);
    if (rc == POLYFS_OK && s3_traits[profile].flags & S3_NO_BYTES_IN_FOLDERS)
        rc = polyfs_fail(err, POLYFS_INVALID, "%s keeps no bytes under a name that ends in '/'; use another",
                         s3_traits[profile].name);
    return rc;
}

/* ---- put ------------------------------------------------------------------------------------------------------------------ */

void s3_written(const struct ps_http_connection *answer, uint64_t size, struct polyfs_stat *out)
{
    struct polyfs_stat stat;
    if (!out || s3_stat_of(answer, &stat, NULL, NULL) != POLYFS_OK)
        return;
    stat.size = size;
    stat.content_type[0] = '\0'; /* of the answer, not of the object */
    ps_stat_give(out, &stat);
}

static int is_conditional(const struct polyfs_condition *condition)
{
    return condition->create_only || condition->if_match;
}

int s3_put(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const void *data,
           uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
           struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    struct polyfs_checksum sum;
    struct ps_http_connection *answer = NULL;
    if (request->flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc == POLYFS_OK && is_conditional(&request->condition))
        rc = s3_settle_conditions(fs, call, &target, err);
    if (rc == POLYFS_OK)
        rc = s3_check_size(fs, call, &target, size, err);
    if (rc != POLYFS_OK)
        return rc;
    s3_settle_checksums(fs, call, &target);
    s3_request_init(&r, "PUT", &target);
    rc = s3_write_headers(fs, &r, request, err);
    if (rc == POLYFS_OK)
        rc = s3_checksum_of(s3_checksum_kind(fs), data, size, &request->checksum, &sum, err);
    if (rc == POLYFS_OK) {
        s3_checksum_header(&r, &sum);
        s3_write_conditions(&r, &request->condition);
        r.http.body = data;
        r.http.body_bytes = size;
        if (!size)
            r.http.flags |= PS_HTTP_FRESH; /* libcurl would repeat it by itself */
        rc = s3_send(fs, call, &r, &answer, err);
    }
    if (rc == POLYFS_OK)
        s3_written(answer, size, out);
    ps_http_clear(fs->http, answer);
    s3_request_clear(&r);
    return s3_lost(rc, &request->condition, err);
}
