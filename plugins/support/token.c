/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "json.h"
#include "token.h"
#include "url.h"

#define ANSWER_MAX (UINT64_C(1) << 20)
#define LIFE_S 3600
#define LIFE_MAX_S 86400 /* no server gives longer ones */

/* ---- asking ----------------------------------------------------------------------------------------------------------- */

void ps_token_header(struct ps_token_question *q, const char *name, const char *value)
{
    if (q->header_count < sizeof(q->headers) / sizeof(q->headers[0]))
        q->headers[q->header_count++] = (struct ps_header){name, value};
}

void ps_token_field(struct ps_token_question *q, const char *name, const char *value)
{
    if (q->body.size)
        ps_buf_char(&q->body, '&');
    ps_buf_text(&q->body, name);
    ps_buf_char(&q->body, '=');
    ps_url_encode(&q->body, value, strlen(value), 0);
}

/* Secrets go to https://, or to this machine. */
static int check_url(const struct ps_token_question *q, struct polyfs_error *err)
{
    struct ps_endpoint endpoint;
    const char *end = strstr(q->url, "://");
    char origin[300];
    size_t n = end ? (size_t)(end - q->url) + 3 + strcspn(end + 3, "/?") : sizeof(origin);
    if (q->is_near)
        return POLYFS_OK;
    if (n < sizeof(origin)) {
        snprintf(origin, sizeof(origin), "%.*s", (int)n, q->url);
        if (ps_endpoint_parse(origin, &endpoint, NULL) == POLYFS_OK &&
            (endpoint.tls || ps_host_is_loopback(endpoint.host)))
            return POLYFS_OK;
    }
    return polyfs_fail(err, POLYFS_CONFIG,
                       "%s is at \"%.100s\", which is no https:// address, and secrets would go there", q->whom,
                       q->url);
}

static int take(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    struct ps_buf *text = arg;
    if (text->size + size > ANSWER_MAX)
        return polyfs_fail(err, POLYFS_NETWORK, "the answer is longer than any should be");
    ps_buf_add(text, data, size);
    return ps_buf_check(text, err);
}

static int failed(const struct ps_token_question *q, int rc, struct polyfs_error *err)
{
    char text[600];
    int passes = rc == POLYFS_NETWORK || rc == POLYFS_BUSY || rc == POLYFS_TIMEOUT || rc == POLYFS_CANCELLED ||
                 rc == POLYFS_NOMEM;
    if (!err)
        return passes ? rc : POLYFS_AUTH;
    snprintf(text, sizeof(text), "%s gives no token: %.400s", q->whom, err->message);
    snprintf(err->message, sizeof(err->message), "%s", text);
    err->commit_state = POLYFS_COMMIT_NOT_APPLIED; /* of what is asked for, nothing was sent */
    if (!passes)
        err->code = POLYFS_AUTH;
    return err->code;
}

int ps_token_answer(struct ps_token_question *q, struct polyfs_call *call, struct ps_buf *out,
                    struct polyfs_error *err)
{
    struct ps_http_connection *answer = NULL;
    int rc = check_url(q, err);
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&q->body, err);
    const struct ps_http_request request = {.method = q->method,
                                            .url = q->url,
                                            .headers = q->headers,
                                            .header_count = q->header_count,
                                            .body = q->body.data,
                                            .body_bytes = q->body.size,
                                            .stall_ms = q->stall_ms,
                                            .accept = q->accept,
                                            .sink = take,
                                            .arg = out};
    if (rc == POLYFS_OK) {
        rc = ps_http_send(q->http, call, &request, &answer, err);
        int status = rc == POLYFS_OK ? ps_http_status(answer) : 0;
        if (rc == POLYFS_OK && (status < 200 || status > 299))
            rc = q->refused(answer, err);
        if (rc != POLYFS_OK)
            rc = failed(q, rc, err);
    }
    ps_http_clear(q->http, answer);
    ps_buf_wipe(&q->body);
    return rc;
}

/* ---- what it says -------------------------------------------------------------------------------------------------------- */

static int64_t end_of(const json_t *object)
{
    const char *until = ps_json_text(object, "expireTime");
    uint64_t in = ps_json_number(object, "expires_in"), on = ps_json_number(object, "expires_on");
    int64_t ns = until ? ps_iso_time_ns(until) : POLYFS_TIME_UNKNOWN;
    if (ns != POLYFS_TIME_UNKNOWN)
        return ns / 1000000000;
    if (on < INT64_MAX)
        return (int64_t)on;
    return ps_host->clock_ns(1) / 1000000000 + (in > LIFE_MAX_S ? LIFE_S : (int64_t)in);
}

/* What a header may hold of it (RFC 6750, 2.1). */
static int is_token(const char *text)
{
    return text && *text &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") == strlen(text);
}

int ps_token_read(const char *text, uint64_t size, const char *whom, struct ps_keys *out, struct polyfs_error *err)
{
    json_t *object = NULL;
    int rc = ps_json_read(text ? text : "", size, &object, NULL);
    const char *token = rc == POLYFS_OK ? ps_json_text(object, "access_token") : NULL;
    if (rc == POLYFS_OK && !token)
        token = ps_json_text(object, "accessToken");
    if (is_token(token)) {
        out->expires_s = end_of(object);
        rc = ps_keys_set(out, NULL, NULL, token, err);
    } else {
        rc = polyfs_fail(err, POLYFS_AUTH, "%s answers without a token", whom);
    }
    json_decref(object);
    return rc == POLYFS_OK ? 1 : rc;
}

int ps_token_ask(struct ps_token_question *q, struct polyfs_call *call, struct ps_keys *out,
                 struct polyfs_error *err)
{
    struct ps_buf text = {0};
    int rc = ps_token_answer(q, call, &text, err);
    if (rc == POLYFS_OK)
        rc = ps_token_read(text.data, text.size, q->whom, out, err);
    ps_buf_wipe(&text);
    return rc;
}

/* ---- this machine --------------------------------------------------------------------------------------------------------- */

static int machine_has_none;

int ps_machine_has_none(void)
{
    return __atomic_load_n(&machine_has_none, __ATOMIC_RELAXED);
}

void ps_machine_note_none(const struct polyfs_call *call, int rc)
{
    if (rc != POLYFS_CANCELLED && (!call || ps_host->stopped(call) == POLYFS_OK))
        __atomic_store_n(&machine_has_none, 1, __ATOMIC_RELAXED);
}
