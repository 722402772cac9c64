/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are a small XML document. S3 sends 200 before it knows how a Complete or a copy ends, so success is the
 * root element that was expected, whole and with its values; anything else leaves the commit unknown.
 */
#include "s3.h"

static void keep(char *to, size_t room, const char *text)
{
    snprintf(to, room, "%s", text);
}

static int element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct s3_result *result = arg;
    const char *slash = strchr(path, '/');
    (void)size;
    (void)err;
    if (!slash)
        keep(result->root, sizeof(result->root), path);
    else if (strcmp(slash, "/ETag") == 0)
        ps_etag(result->etag, sizeof(result->etag), text);
    else if (strcmp(slash, "/UploadId") == 0)
        keep(result->upload_id, sizeof(result->upload_id), text);
    else if (strcmp(slash, "/Code") == 0)
        keep(result->code, sizeof(result->code), text);
    else if (strcmp(slash, "/Message") == 0)
        keep(result->message, sizeof(result->message), text);
    return POLYFS_OK;
}

/* Blanks in front keep the connection alive while the store works; XML allows none before its declaration. */
static int sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    struct s3_result *result = arg;
    while (!result->begun && size && (*data == ' ' || *data == '\n' || *data == '\r' || *data == '\t')) {
        data++;
        size--;
    }
    if (!size)
        return POLYFS_OK;
    result->begun = 1;
    return ps_xml_add(result->xml, data, size, err);
}

int s3_result_begin(struct s3_result *result, struct s3_request *r, struct polyfs_error *err)
{
    memset(result, 0, sizeof(*result));
    r->http.sink = sink;
    r->http.arg = result;
    return ps_xml_new(element, result, &result->xml, err);
}

static int judge(struct s3_result *result, const char *root, struct polyfs_error *err)
{
    int rc = result->begun ? ps_xml_end(result->xml, NULL, err)
                           : polyfs_fail(err, POLYFS_NETWORK, "the store's answer is empty");
    if (rc == POLYFS_OK && strcmp(result->root, "Error") == 0)
        return s3_error_in_body(result->code, result->message, err);
    if (rc == POLYFS_OK && strcmp(result->root, root) != 0)
        rc = polyfs_fail(err, POLYFS_NETWORK, "the store answers <%s> where <%s> was expected", result->root, root);
    return rc;
}

int s3_result_end(struct s3_result *result, int rc, const char *root, struct polyfs_error *err)
{
    int judged = rc;
    if (rc == POLYFS_OK) {
        judged = judge(result, root, err);
        if (judged != POLYFS_OK && err) {
            if (strcmp(result->root, "Error") != 0)
                err->retry = POLYFS_RETRY_TRANSIENT;
            err->commit_state = POLYFS_COMMIT_UNKNOWN;
        }
    } else if (result->begun && err) {
        err->commit_state = POLYFS_COMMIT_UNKNOWN; /* it broke within a 200 */
    }
    ps_xml_free(result->xml);
    result->xml = NULL;
    return judged;
}
