/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to 256 blobs removed in one request ("Blob Batch"): a multipart/mixed body of requests, each signed by itself, and as
 * many answers, told apart by their Content-ID. A row whose answer is missing is not known to be removed.
 */
#include <strings.h>

#include "abfs.h"

#define BOUNDARY "batch_polyfs"
#define ANSWER_MAX (UINT64_C(4) << 20)

struct batch {
    struct abfs_fs *fs;
    struct polyfs_remove_item *items;
    uint64_t count, stride;
    const struct ps_target *container;
    const struct ps_keys *keys;
    char date[32];
    struct ps_buf body, answer;
};

static struct polyfs_remove_item *item_at(const struct batch *b, uint64_t i)
{
    return (struct polyfs_remove_item *)(void *)((char *)b->items + b->stride * i);
}

/* ---- the request --------------------------------------------------------------------------------------------------------- */

static void line(struct ps_buf *body, const char *name, const char *value)
{
    if (!value)
        return;
    ps_buf_text(body, name);
    ps_buf_text(body, ": ");
    ps_buf_text(body, value);
    ps_buf_text(body, "\r\n");
}

static int add_authorization(struct batch *b, const char *path, const struct polyfs_remove_item *item,
                             struct polyfs_error *err)
{
    struct ps_query query[] = {{"versionid", item->version}};
    struct ps_header headers[3] = {{"x-ms-date", b->date}};
    unsigned count = 1;
    struct ps_buf text = {0};
    int rc = POLYFS_OK;
    if (!item->version)
        headers[count++] = (struct ps_header){"x-ms-delete-snapshots", "include"};
    if (item->if_match)
        headers[count++] = (struct ps_header){"if-match", item->if_match};
    if (b->fs->auth.kind == ABFS_KEY) {
        rc = abfs_sharedkey(b->fs->auth.key, b->fs->auth.key_bytes, b->fs->account, "DELETE", path, query,
                            item->version ? 1 : 0, headers, count, 0, &text, err);
    } else if (b->keys) {
        ps_buf_text(&text, "Bearer ");
        ps_buf_text(&text, b->keys->token);
        rc = ps_buf_check(&text, err);
    }
    for (unsigned i = 0; i < count; i++)
        line(&b->body, headers[i].name, headers[i].value);
    line(&b->body, "authorization", text.data);
    ps_buf_wipe(&text);
    return rc;
}

static int add_item(struct batch *b, uint64_t i, const struct ps_target *target, struct polyfs_error *err)
{
    const struct polyfs_remove_item *item = item_at(b, i);
    struct ps_buf url = {0}, *body = &b->body;
    abfs_url(b->fs, target, &url);
    int rc = ps_buf_check(&url, err);
    const char *path = rc == POLYFS_OK ? strchr(strstr(url.data, "://") + 3, '/') : "";
    ps_buf_text(body, "--" BOUNDARY "\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
                      "Content-ID: ");
    ps_buf_number(body, i);
    ps_buf_text(body, "\r\n\r\nDELETE ");
    ps_buf_text(body, path);
    if (item->version) {
        ps_buf_text(body, "?versionid=");
        ps_url_encode(body, item->version, strlen(item->version), 0);
    }
    if (b->fs->auth.kind == ABFS_SAS) {
        ps_buf_char(body, item->version ? '&' : '?');
        ps_buf_text(body, b->fs->auth.sas);
    }
    ps_buf_text(body, " HTTP/1.1\r\n");
    if (rc == POLYFS_OK)
        rc = add_authorization(b, path, item, err);
    ps_buf_text(body, "Content-Length: 0\r\n\r\n");
    ps_buf_clear(&url);
    return rc;
}

/* How many are asked for; a row of another container stays UNSUPPORTED, and core removes it by itself. */
static int add_items(struct batch *b, uint64_t *out_listed, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (uint64_t i = 0; i < b->count && rc == POLYFS_OK; i++) {
        struct polyfs_remove_item *item = item_at(b, i);
        struct ps_target target;
        item->code = abfs_target(item->path, item->path_len, 1, &target, NULL);
        if (item->code == POLYFS_OK && (target.bucket_len != b->container->bucket_len ||
                                        memcmp(target.bucket, b->container->bucket, target.bucket_len) != 0))
            item->code = POLYFS_UNSUPPORTED;
        if (item->code != POLYFS_OK)
            continue;
        item->code = POLYFS_NETWORK; /* until its answer is there */
        ++*out_listed;
        rc = add_item(b, i, &target, err);
    }
    ps_buf_text(&b->body, "--" BOUNDARY "--\r\n");
    return rc == POLYFS_OK ? ps_buf_check(&b->body, err) : rc;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------- */

static int take(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    struct batch *b = arg;
    if (b->answer.size + size > ANSWER_MAX)
        return polyfs_fail(err, POLYFS_NETWORK, "the store's answer is longer than any is");
    ps_buf_add(&b->answer, data, size);
    return ps_buf_check(&b->answer, err);
}

/* The value of a header within one part of the answer, or NULL; cut to fit. */
static const char *header_of(const char *part, const char *end, const char *name, char out[64])
{
    size_t n = strlen(name);
    for (const char *at = part; at && at + n < end; at = memmem(at, (size_t)(end - at), "\n", 1)) {
        at += *at == '\n';
        if (at + n >= end || strncasecmp(at, name, n) != 0 || at[n] != ':')
            continue;
        at += n + 1;
        at += strspn(at, " ");
        size_t size = strcspn(at, "\r\n");
        snprintf(out, 64, "%.*s", (int)(size < 63 ? size : 63), at);
        return out;
    }
    return NULL;
}

/* One part: which row it is of, and what became of that. Does it say so? */
static int part_read(struct batch *b, const char *part, const char *end)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    char id[64], native[64] = "";
    const char *status = memmem(part, (size_t)(end - part), "HTTP/1.1 ", 9);
    uint64_t i = header_of(part, end, "content-id", id) ? ps_number(id) : UINT64_MAX;
    if (!status || i >= b->count || item_at(b, i)->code != POLYFS_NETWORK)
        return 0;
    struct polyfs_remove_item *item = item_at(b, i);
    int code = (status[9] - '0') * 100 + (status[10] - '0') * 10 + status[11] - '0';
    header_of(status, end, "x-ms-error-code", native);
    item->code = code >= 200 && code < 300 ? POLYFS_OK : abfs_refused_part(b->fs, code, native, &why);
    snprintf(item->native_code, sizeof(item->native_code), "%.31s", native);
    return 1;
}

static int answer_read(struct batch *b, const char *type, uint64_t listed, struct polyfs_error *err)
{
    const char *boundary = type ? strstr(type, "boundary=") : NULL;
    char mark[128];
    uint64_t taken = 0;
    if (!boundary || !b->answer.data)
        return ps_unclear(err, "the store does not say what it removed");
    boundary += 9;
    boundary += *boundary == '"';
    snprintf(mark, sizeof(mark), "--%.*s", (int)strcspn(boundary, "\";"), boundary);
    const char *end = b->answer.data + b->answer.size;
    for (const char *at = strstr(b->answer.data, mark); at;) {
        const char *next = strstr(at + strlen(mark), mark);
        taken += (uint64_t)part_read(b, at, next ? next : end);
        at = next;
    }
    return taken == listed ? POLYFS_OK : ps_unclear(err, "the store does not say of all what it removed");
}

static int send(struct batch *b, struct polyfs_call *call, uint64_t listed, struct polyfs_error *err)
{
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    abfs_request_init(&r, "POST", b->container);
    abfs_query(&r, "restype", "container");
    abfs_query(&r, "comp", "batch");
    abfs_header(&r, "content-type", "multipart/mixed; boundary=" BOUNDARY);
    r.http.body = b->body.data;
    r.http.body_bytes = b->body.size;
    r.http.stall_ms = ABFS_SLOW_MS;
    r.http.sink = take;
    r.http.arg = b;
    int rc = abfs_send(b->fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = answer_read(b, ps_http_header(answer, "content-type"), listed, err);
    ps_http_clear(b->fs->http, answer);
    return rc;
}

int abfs_remove_many(struct polyfs_call *call, void *self, struct polyfs_remove_item *items, uint64_t count,
                     uint64_t stride, struct polyfs_error *err)
{
    struct ps_target container;
    struct batch b = {.fs = self, .items = items, .count = count, .stride = stride, .container = &container};
    uint64_t listed = 0;
    if (!count)
        return POLYFS_OK;
    int rc = abfs_target(items->path, items->path_len, 0, &container, err);
    container.key_len = 0;
    if (rc == POLYFS_OK)
        rc = abfs_auth_token(self, call, &b.keys, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_http_date_text(abfs_now_s(self), b.date);
    rc = add_items(&b, &listed, err);
    if (rc == POLYFS_OK && listed)
        rc = send(&b, call, listed, err);
    ps_creds_release(b.fs->creds, b.keys);
    ps_buf_wipe(&b.body); /* it holds a SAS or a token */
    ps_buf_clear(&b.answer);
    return rc;
}
