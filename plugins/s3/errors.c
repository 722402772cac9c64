/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal means: (status, the store's own code) -> code, retry class, what to do. One table, no state. */
#include "s3.h"

/* What it means, unless it is what it means everywhere. */
static const struct ps_refusal rows[] = {
    {0, "NoSuchBucket", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, "; make it with: polyfs mb s3://NAME"},
    {0, "NoSuchKey", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {0, "NoSuchVersion", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {0, "NoSuchUpload", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {0, "BucketAlreadyOwnedByYou", POLYFS_EXISTS, POLYFS_RETRY_NEVER, ""},
    {0, "BucketAlreadyExists", POLYFS_EXISTS, POLYFS_RETRY_NEVER, "; names of buckets are shared by all accounts"},
    {0, "BucketNotEmpty", POLYFS_NOT_EMPTY, POLYFS_RETRY_NEVER, ""},
    {0, "AccessDenied", POLYFS_PERMISSION, POLYFS_RETRY_NEVER, ""},
    {0, "AllAccessDisabled", POLYFS_PERMISSION, POLYFS_RETRY_NEVER, ""},
    {0, "ExpiredToken", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; get new keys, for example with: aws sso login"},
    {0, "TokenRefreshRequired", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; get new keys"},
    {0, "InvalidToken", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; AWS_SESSION_TOKEN does not belong to these keys"},
    {0, "InvalidAccessKeyId", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; is AWS_ACCESS_KEY_ID one of this server's?"},
    {0, "SignatureDoesNotMatch", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; is AWS_SECRET_ACCESS_KEY right?"},
    {0, "RequestTimeTooSkewed", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; set this machine's clock"},
    {0, "AuthorizationHeaderMalformed", POLYFS_CONFIG, POLYFS_RETRY_NEVER,
     "; is the region right? See option region"},
    {0, "PermanentRedirect", POLYFS_CONFIG, POLYFS_RETRY_NEVER,
     "; the bucket is elsewhere, see endpoint_url and region"},
    {0, "TemporaryRedirect", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {0, "BadDigest", POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "XAmzContentChecksumMismatch", POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "XAmzContentSHA256Mismatch", POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "InvalidChecksum", POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "EntityTooLarge", POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {0, "EntityTooSmall", POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {0, "KeyTooLongError", POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {0, "MetadataTooLarge", POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {0, "InvalidRange", POLYFS_RANGE, POLYFS_RETRY_NEVER, ""},
    {0, "XMinioStorageFull", POLYFS_NO_SPACE, POLYFS_RETRY_NEVER, ""},
    {0, "QuotaExceeded", POLYFS_NO_SPACE, POLYFS_RETRY_NEVER, ""},
    {0, "XMinioObjectExistsAsDirectory", POLYFS_IS_DIR, POLYFS_RETRY_NEVER, ""},
    {0, "XMinioParentIsObject", POLYFS_NOT_DIR, POLYFS_RETRY_NEVER, ""},
    {0, "ObjectParentIsFile", POLYFS_NOT_DIR, POLYFS_RETRY_NEVER, ""},
    {0, "ConditionalRequestConflict", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {0, "OperationAborted", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {0, "RequestTimeout", POLYFS_TIMEOUT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "SlowDown", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "SlowDownRead", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "SlowDownWrite", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "RequestLimitExceeded", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "Throttling", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "ThrottlingException", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "NotImplemented", POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {0, "InvalidObjectState", POLYFS_PERMISSION, POLYFS_RETRY_NEVER,
     "; it is archived and has to be restored first"},
    {301, NULL, POLYFS_CONFIG, POLYFS_RETRY_NEVER, "; the bucket is elsewhere, see endpoint_url and region"},
    {307, NULL, POLYFS_CONFIG, POLYFS_RETRY_NEVER, "; the bucket is elsewhere, see endpoint_url and region"},
    {401, NULL, POLYFS_AUTH, POLYFS_RETRY_NEVER, ""},
    {507, NULL, POLYFS_NO_SPACE, POLYFS_RETRY_NEVER, ""},
};

struct document {
    char code[64], message[384];
};

static int element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct document *document = arg;
    (void)size;
    (void)err;
    if (strcmp(path, "Error/Code") == 0)
        snprintf(document->code, sizeof(document->code), "%s", text);
    if (strcmp(path, "Error/Message") == 0)
        snprintf(document->message, sizeof(document->message), "%s", text);
    return POLYFS_OK;
}

/* Retry-After in seconds, x-amz-retry-after in milliseconds; what is neither is no wish. */
static uint32_t wish_ms(const struct ps_http_connection *answer)
{
    const char *text = ps_http_header(answer, "x-amz-retry-after");
    uint64_t ms = text ? ps_number(text) : UINT64_MAX;
    if (ms == UINT64_MAX && (text = ps_http_header(answer, "retry-after"))) {
        ms = ps_number(text);
        ms = ms > UINT32_MAX ? UINT64_MAX : ms * 1000;
    }
    return ms == UINT64_MAX ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static int fill(int status, struct document *document, struct polyfs_error *err)
{
    const struct ps_refusal *row = ps_refusal_find(rows, sizeof(rows) / sizeof(rows[0]), status, document->code);
    size_t n = strlen(document->message);
    while (n && (document->message[n - 1] == '.' || document->message[n - 1] == ' '))
        document->message[--n] = '\0';
    ps_tame(document->message);
    ps_tame(document->code);
    if (n)
        polyfs_fail(err, row->code, "the store says: %s%s", document->message, row->todo);
    else
        polyfs_fail(err, row->code, "the store answers %s%s%s%s", document->code, *document->code ? ", " : "",
                    ps_refusal_words(status), row->todo);
    if (err) {
        err->retry = row->retry;
        err->http_status = status;
        snprintf(err->native_code, sizeof(err->native_code), "%s", document->code);
    }
    return row->code;
}

const char *s3_refusal_header(const struct ps_http_connection *answer)
{
    const int status = ps_http_status(answer);
    const char *code = ps_http_header(answer, "x-minio-error-code");
    return code && status >= 400 && status <= 403 ? code : "";
}

int s3_refused(const struct ps_http_connection *answer, struct polyfs_error *err)
{
    struct document document = {{0}, {0}};
    uint64_t size = 0;
    const char *body = ps_http_error_body(answer, &size), *id = ps_http_header(answer, "x-amz-request-id");
    if (size)
        ps_xml_read(body, size, element, &document, NULL);
    if (!*document.code)
        snprintf(document.code, sizeof(document.code), "%s", s3_refusal_header(answer));
    int code = fill(ps_http_status(answer), &document, err);
    if (err) {
        err->after_ms = wish_ms(answer);
        snprintf(err->request_id, sizeof(err->request_id), "%s", id ? id : "");
        ps_tame(err->request_id);
    }
    return code;
}

int s3_error_in_body(const char *code, const char *message, struct polyfs_error *err)
{
    struct document document = {{0}, {0}};
    snprintf(document.code, sizeof(document.code), "%s", code);
    snprintf(document.message, sizeof(document.message), "%s", message);
    int rc = fill(500, &document, err);
    if (err) {
        err->http_status = 200;
        err->commit_state = POLYFS_COMMIT_UNKNOWN;
    }
    return rc;
}
