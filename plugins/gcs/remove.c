/* SPDX-License-Identifier: Apache-2.0 */
/* Removal: one object, or up to 100 in a batch, which is a document of requests with one of answers. */
#include <strings.h>

#include "gcs.h"

/* An etag that no object has is lost only where there is one. */
static int settle_etag(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                       const struct polyfs_condition *condition, struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    return gcs_is_generation(condition->if_match) ? POLYFS_OK
                                                  : gcs_stat_object(fs, call, target, NULL, &stat, NULL, err);
}

int gcs_remove(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *version,
               const struct polyfs_condition *condition, struct polyfs_error *err)
{
    struct gcs_fs *fs = self;
    struct ps_target target;
    struct gcs_request r;
    struct ps_http_connection *answer = NULL;
    int rc = gcs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = gcs_check_version(version, err);
    if (rc != POLYFS_OK)
        return rc;
    gcs_request_init(&r, "DELETE", GCS_OBJECT, &target);
    gcs_query(&r, "generation", version);
    if (condition && condition->if_match) {
        if (!gcs_is_google(fs))
            return polyfs_fail(err, POLYFS_UNSUPPORTED, "this server is not known to remove under a condition");
        rc = settle_etag(fs, call, &target, condition, err);
        if (rc == POLYFS_OK)
            rc = gcs_write_conditions(&r, condition, err);
    }
    r.http.flags |= PS_HTTP_FRESH; /* libcurl would repeat it by itself, and the repeat finds nothing */
    if (rc == POLYFS_OK)
        rc = gcs_send(fs, call, &r, &answer, err);
    ps_http_clear(fs->http, answer);
    return condition ? gcs_lost(rc, condition, err) : rc;
}

/* ---- many ------------------------------------------------------------------------------------------------------------- */

#define BOUNDARY "polyfs_batch_of_removals" /* no line of ours begins with it: names are %XX in them */

struct removal {
    struct gcs_fs *fs;
    struct polyfs_remove_item *items;
    uint64_t count, stride;
};

static struct polyfs_remove_item *item_at(const struct removal *m, uint64_t i)
{
    return (struct polyfs_remove_item *)(void *)((char *)m->items + m->stride * i);
}

/* One request of a batch; its number comes back with its answer. */
static void add_part(const struct removal *m, uint64_t i, const struct ps_target *t, struct ps_buf *body)
{
    const struct polyfs_remove_item *item = item_at(m, i);
    ps_buf_text(body, "--" BOUNDARY "\r\nContent-Type: application/http\r\nContent-ID: <polyfs+");
    ps_buf_number(body, i);
    ps_buf_text(body, ">\r\n\r\nDELETE /storage/v1/b/");
    ps_url_encode(body, t->bucket, t->bucket_len, 0);
    ps_buf_text(body, "/o/");
    ps_url_encode(body, t->key, t->key_len, 0);
    if (item->version) {
        ps_buf_text(body, "?generation=");
        ps_buf_text(body, item->version);
    }
    if (m->fs->user_project) {
        ps_buf_text(body, item->version ? "&userProject=" : "?userProject=");
        ps_url_encode(body, m->fs->user_project, strlen(m->fs->user_project), 0);
    }
    ps_buf_text(body, " HTTP/1.1\r\nHost: ");
    ps_buf_text(body, m->fs->endpoint.authority);
    ps_buf_text(body, "\r\n\r\n\r\n");
}

static uint64_t batch_body(const struct removal *m, struct ps_buf *body)
{
    uint64_t listed = 0;
    for (uint64_t i = 0; i < m->count; i++) {
        struct polyfs_remove_item *item = item_at(m, i);
        struct ps_target target;
        item->code = gcs_target(item->path, item->path_len, 1, &target, NULL);
        if (item->code == POLYFS_OK && item->if_match)
            item->code = POLYFS_UNSUPPORTED; /* core removes it singly */
        if (item->code == POLYFS_OK)
            item->code = gcs_check_version(item->version, NULL);
        if (item->code != POLYFS_OK)
            continue;
        item->code = POLYFS_IO; /* until its answer is there */
        add_part(m, i, &target, body);
        listed++;
    }
    ps_buf_text(body, "--" BOUNDARY "--\r\n");
    return listed;
}

/* Digits up to something else, or UINT64_MAX. */
static uint64_t number_at(const char *text)
{
    char digits[8];
    snprintf(digits, sizeof(digits), "%.*s", (int)strspn(text, "0123456789"), text);
    return ps_number(digits);
}

/* The answer to one request: head of the part, then `HTTP/1.1 204 ...` with head and body. Does it say whose it is? */
static int take_part(const struct removal *m, char *part, uint64_t size)
{
    struct polyfs_error error = POLYFS_ERROR_INIT;
    const char *id = strcasestr(part, "polyfs+"), *status = strstr(part, "HTTP/1.");
    if (!id || !status || id > status || !(status = strchr(status, ' ')))
        return 0;
    char digits[4];
    snprintf(digits, sizeof(digits), "%s", status + 1);
    uint64_t i = number_at(id + 7), code = ps_number(digits);
    const char *body = strstr(status, "\r\n\r\n");
    if (i >= m->count || code > 599 || item_at(m, i)->code != POLYFS_IO)
        return 0;
    struct polyfs_remove_item *item = item_at(m, i);
    body = body ? body + 4 : part + size;
    item->code = code >= 200 && code < 300
                     ? POLYFS_OK
                     : gcs_refused_part((int)code, body, (uint64_t)(part + size - body), &error);
    snprintf(item->native_code, sizeof(item->native_code), "%s", error.native_code);
    return 1;
}

/* Parts between lines of the boundary that the answer's own head names. */
static int take_answer(const struct removal *m, const char *type, struct ps_buf *text, uint64_t listed,
                       struct polyfs_error *err)
{
    char boundary[200];
    const char *name = type ? strcasestr(type, "boundary=") : NULL;
    uint64_t taken = 0;
    if (!name || !text->size)
        return ps_unclear(err, "the store does not say what it removed");
    name += 9 + (name[9] == '"');
    snprintf(boundary, sizeof(boundary), "--%.*s", (int)strcspn(name, "\"; "), name);
    for (char *at = strstr(text->data, boundary), *end; at; at = end) {
        at += strlen(boundary);
        end = strstr(at, boundary);
        if (end)
            *end = '\0'; /* the body of a part has no NUL of its own: it is JSON, or nothing */
        taken += (uint64_t)take_part(m, at, strlen(at));
    }
    return taken == listed ? POLYFS_OK : ps_unclear(err, "the store does not say of all what it removed");
}

static int batch_send(const struct removal *m, struct polyfs_call *call, const struct ps_buf *body, uint64_t listed,
                      struct polyfs_error *err)
{
    struct gcs_request r;
    struct gcs_result result;
    struct ps_http_connection *answer = NULL;
    gcs_request_init(&r, "POST", GCS_BATCH, NULL);
    gcs_header(&r, "content-type", "multipart/mixed; boundary=" BOUNDARY);
    r.http.body = body->data;
    r.http.body_bytes = body->size;
    gcs_result_sink(&result, &r);
    int rc = gcs_send(m->fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = take_answer(m, ps_http_header(answer, "content-type"), &result.text, listed, err);
    ps_http_clear(m->fs->http, answer);
    gcs_result_clear(&result);
    return rc;
}

int gcs_remove_many(struct polyfs_call *call, void *self, struct polyfs_remove_item *items, uint64_t count,
                    uint64_t stride, struct polyfs_error *err)
{
    struct ps_buf body = {0};
    const struct removal m = {.fs = self, .items = items, .count = count, .stride = stride};
    uint64_t listed = batch_body(&m, &body);
    int rc = ps_buf_check(&body, err);
    if (rc == POLYFS_OK && listed)
        rc = batch_send(&m, call, &body, listed, err);
    ps_buf_clear(&body);
    return rc;
}
