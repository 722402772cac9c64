/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal means: (status, the store's own reason) -> code, retry class, what to do. One table, no state. */
#include <strings.h>

#include "gcs.h"

/* What it means, unless it is what it means everywhere. */
static const struct ps_refusal rows[] = {
    {0, "conditionNotMet", POLYFS_CONDITION, POLYFS_RETRY_NEVER, ""},
    {0, "rateLimitExceeded", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "userRateLimitExceeded", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "quotaExceeded", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "dailyLimitExceeded", POLYFS_BUSY, POLYFS_RETRY_NEVER, ""},
    {0, "uploadTooLarge", POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {0, "storageQuotaExceeded", POLYFS_NO_SPACE, POLYFS_RETRY_NEVER, ""},
    {0, "userProjectMissing", POLYFS_INVALID, POLYFS_RETRY_NEVER, "; say who pays: option user_project"},
    {0, "userProjectInconsistent", POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {0, "accountDisabled", POLYFS_PERMISSION, POLYFS_RETRY_NEVER, ""},
    {0, "NoSuchUpload", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {0, "BadDigest", POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "CrcMismatch", POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "InvalidDigest", POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "EntityTooLarge", POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {0, "EntityTooSmall", POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {0, "UserProjectMissing", POLYFS_INVALID, POLYFS_RETRY_NEVER, "; say who pays: option user_project"},
    {0, "SlowDown", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "notImplemented", POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {0, "invalid_grant", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; sign in again: gcloud auth application-default login"},
    {0, "invalid_rapt", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; sign in again: gcloud auth application-default login"},
    {0, "invalid_client", POLYFS_AUTH, POLYFS_RETRY_NEVER, ""},
    {0, "invalid_scope", POLYFS_AUTH, POLYFS_RETRY_NEVER, ""},
    {0, "unauthorized_client", POLYFS_AUTH, POLYFS_RETRY_NEVER, ""},
    {308, NULL, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, ""},
    {401, NULL, POLYFS_AUTH, POLYFS_RETRY_NEVER,
     "; is the token over? Get one with: gcloud auth application-default login"},
    {410, NULL, POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""}, /* an upload that is over */
};

struct document {
    char reason[64], message[384];
};

/* Sums that differ are a 400 without a reason of their own. */
static const struct ps_refusal *row_of(int status, const struct document *document)
{
    static const struct ps_refusal damaged = {400, NULL, POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""};
    static const struct ps_refusal no_bucket = {404, NULL, POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER,
                                                "; make it with: polyfs mb gs://NAME"};
    if (status == 400 && strstr(document->message, "doesn't match calculated"))
        return &damaged;
    if (status == 404 && strstr(document->message, "bucket does not exist"))
        return &no_bucket;
    return ps_refusal_find(rows, sizeof(rows) / sizeof(rows[0]), status, document->reason);
}

static int xml_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct document *document = arg;
    (void)size;
    (void)err;
    if (strcmp(path, "Error/Code") == 0)
        snprintf(document->reason, sizeof(document->reason), "%s", text);
    if (strcmp(path, "Error/Message") == 0)
        snprintf(document->message, sizeof(document->message), "%s", text);
    return POLYFS_OK;
}

/* The store's {"error":{"message","errors":[{"reason"}]}}, a token server's {"error","error_description"}, or plain words. */
static void read_document(const char *body, uint64_t size, struct document *out)
{
    json_t *root = NULL;
    const char *reason = NULL, *message = NULL;
    memset(out, 0, sizeof(*out));
    if (size && *body == '<') { /* of the XML API, or a page of somebody's in between, which has neither */
        ps_xml_read(body, size, xml_element, out, NULL);
        return;
    }
    if (size && ps_json_read(body, size, &root, NULL) == POLYFS_OK) {
        const json_t *error = json_object_get(root, "error");
        reason = json_is_string(error)
                     ? json_string_value(error)
                     : ps_json_text(json_array_get(json_object_get(error, "errors"), 0), "reason");
        message = json_is_string(error) ? ps_json_text(root, "error_description") : ps_json_text(error, "message");
        if (!reason)
            reason = ps_json_text(error, "status");
    }
    snprintf(out->reason, sizeof(out->reason), "%s", reason ? reason : "");
    if (message)
        snprintf(out->message, sizeof(out->message), "%s", message);
    else if (size && !root)
        snprintf(out->message, sizeof(out->message), "%.*s", size < 200 ? (int)size : 200, body);
    json_decref(root);
}

/* Nothing of a server's disturbs a terminal, and no dot stands in front of our own words. */
static void tame(char *text)
{
    ps_tame(text);
    for (size_t n = strlen(text); n && (text[n - 1] == '.' || text[n - 1] == ' ');)
        text[--n] = '\0';
}

static int fill(int status, struct document *document, struct polyfs_error *err)
{
    const struct ps_refusal *row = row_of(status, document);
    tame(document->message);
    tame(document->reason);
    if (*document->message && strcasecmp(document->message, "Not Found") != 0)
        polyfs_fail(err, row->code, "the store says: %s%s", document->message, row->todo);
    else
        polyfs_fail(err, row->code, "the store answers %d%s%s, %s%s", status, *document->reason ? " " : "",
                    document->reason, status == 401 ? "that it does not know who asks" : ps_refusal_words(status),
                    row->todo);
    if (err) {
        err->retry = row->retry;
        err->http_status = status;
        snprintf(err->native_code, sizeof(err->native_code), "%s", document->reason);
    }
    return row->code;
}

int gcs_refused_part(int status, const char *body, uint64_t size, struct polyfs_error *err)
{
    struct document document;
    read_document(body, size, &document);
    return fill(status, &document, err);
}

int gcs_refused(const struct ps_http_connection *answer, struct polyfs_error *err)
{
    uint64_t size = 0;
    const char *body = ps_http_error_body(answer, &size), *id = ps_http_header(answer, "x-guploader-uploadid");
    const char *after = ps_http_header(answer, "retry-after");
    int code = gcs_refused_part(ps_http_status(answer), body, size, err);
    if (err) {
        uint64_t seconds = after ? ps_number(after) : UINT64_MAX;
        err->after_ms = seconds > 3600 ? 0 : (uint32_t)seconds * 1000;
        snprintf(err->request_id, sizeof(err->request_id), "%s", id ? id : "");
        tame(err->request_id);
    }
    return code;
}
