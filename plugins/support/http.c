/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request on one connection (http.h). The calling thread drives libcurl: inside a fork section while libcurl works,
 * outside while it waits for the socket, a cancel, or the end of a window in which nothing moved.
 */
#include <openssl/ssl.h>
#include <stdlib.h>

#include "http_connection.h"

#define MS INT64_C(1000000)
#define SLOWEST 1024 /* bytes in a stall window; fewer count as a stall */
#define LOOK_MS 1000 /* how often a wait looks at deadline and stall, at the least */

int ps_http_global(struct polyfs_error *err)
{
    ps_host->section_enter();
    int done = OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL) && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    ps_host->section_leave();
    return done ? POLYFS_OK : polyfs_fail(err, POLYFS_PLUGIN, "OpenSSL or libcurl cannot be started");
}

/* ---- bodies --------------------------------------------------------------------------------------------------------- */

static void moved(struct ps_http_connection *c, uint64_t bytes)
{
    c->window_bytes += bytes;
    c->moved_ns = ps_host->clock_ns(0);
}

static uint64_t body_total(const struct ps_http_request *r)
{
    return r->head_bytes + r->body_bytes + r->tail_bytes;
}

/* Bytes of head, body and tail, as if they were one; within one of them. */
static size_t body_out(char *to, size_t size, size_t count, void *arg)
{
    struct ps_http_connection *c = arg;
    const struct ps_http_request *r = c->request;
    const struct {
        const void *data;
        uint64_t size;
    } pieces[] = {{r->head, r->head_bytes}, {r->body, r->body_bytes}, {r->tail, r->tail_bytes}};
    uint64_t at = c->sent, i = 0;
    while (i < 3 && at >= pieces[i].size)
        at -= pieces[i++].size;
    if (i == 3)
        return 0;
    uint64_t n = pieces[i].size - at;
    if (n > size * count)
        n = size * count;
    memcpy(to, (const char *)pieces[i].data + at, n);
    c->sent += n;
    moved(c, n);
    return n;
}

/* libcurl repeats a request by itself when a warm connection dies; one whose bytes were sent must not be. */
static int body_again(void *arg, curl_off_t offset, int origin)
{
    const struct ps_http_connection *c = arg;
    return c->sent || offset || origin != SEEK_SET ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static size_t body_in(char *data, size_t size, size_t count, void *arg)
{
    struct ps_http_connection *c = arg;
    const struct ps_http_request *r = c->request;
    uint64_t n = size * count;
    moved(c, n);
    if (c->status < 200 || c->status > 299) {
        if (c->error_body.size + n <= PS_ERROR_BODY_MAX)
            ps_buf_add(&c->error_body, data, n);
        return n;
    }
    if (r->sink) {
        int rc = r->sink(r->arg, data, n, c->error);
        if (rc != POLYFS_OK)
            return ps_abort(c, rc);
    } else if (r->buffer) {
        if (n > r->room - c->received && r->flags & PS_HTTP_CUT) {
            n = r->room - c->received;
            c->cut = 1;
        } else if (n > r->room - c->received) {
            polyfs_fail(c->error, POLYFS_NETWORK, "the server sends more than was asked for");
            return ps_abort(c, POLYFS_NETWORK);
        }
        memcpy((char *)r->buffer + c->received, data, n);
        c->call->bytes_done = c->received + n;
    }
    c->received += n;
    return c->cut ? 0 : n; /* fewer than given: libcurl ends the transfer */
}

/* ---- failures ------------------------------------------------------------------------------------------------------- */

static const struct curl_row {
    CURLcode curl;
    int code;
    uint32_t retry;
    const char *why;
} curl_rows[] = {
    {CURLE_COULDNT_RESOLVE_HOST, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT,
     "cannot find the address of %s; is its name right, and is there a network?"},
    {CURLE_COULDNT_RESOLVE_PROXY, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT,
     "cannot find the address of the proxy on the way to %s"},
    {CURLE_COULDNT_CONNECT, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT,
     "cannot connect to %s; does a server listen there?"},
    {CURLE_OPERATION_TIMEDOUT, POLYFS_TIMEOUT, POLYFS_RETRY_TRANSIENT, "%s does not answer"},
    {CURLE_PEER_FAILED_VERIFICATION, POLYFS_NETWORK, POLYFS_RETRY_NEVER,
     "the certificate of %s is not to be trusted; give its authority as ca_bundle"},
    {CURLE_SSL_CACERT_BADFILE, POLYFS_CONFIG, POLYFS_RETRY_NEVER,
     "cannot read the certificates of ca_bundle for %s"},
    {CURLE_SSL_CONNECT_ERROR, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, "no TLS connection to %s"},
    {CURLE_OUT_OF_MEMORY, POLYFS_NOMEM, POLYFS_RETRY_NEVER, "no memory for the connection to %s"},
    {CURLE_URL_MALFORMAT, POLYFS_INVALID, POLYFS_RETRY_NEVER, "the address of %s is not one"},
};
static const struct curl_row curl_other = {CURLE_OK, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT,
                                           "the connection to %s broke"};

/* May the server have done it? Not before the whole of it has left. */
static uint32_t state_of(const struct ps_http_connection *c)
{
    long sent = 0;
    if (!(c->request->flags & PS_HTTP_CHANGES))
        return POLYFS_COMMIT_NOT_APPLIED;
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent);
    return sent && c->sent == body_total(c->request) ? POLYFS_COMMIT_UNKNOWN : POLYFS_COMMIT_NOT_APPLIED;
}

static int fail(struct ps_http_connection *c, int code, uint32_t retry, const char *format)
{
    char what[256];
    const char *host = strstr(c->origin, "://");
    snprintf(what, sizeof(what), format, host ? host + 3 : c->origin);
    polyfs_fail(c->error, code, "%s%s%s%s", what, c->text[0] ? " (" : "", c->text, c->text[0] ? ")" : "");
    if (c->error) {
        c->error->retry = retry;
        c->error->commit_state = state_of(c);
    }
    return code;
}

/* The proxy that this connection goes through, without its password; NULL: none. libcurl's own words name its address. */
static const char *proxy_of(const struct ps_http_connection *c)
{
    const char *proxy = c->http->config.proxy, *at = proxy ? strrchr(proxy, '@') : NULL;
    const char *scheme = proxy ? strstr(proxy, "://") : NULL;
    return at ? at + 1 : scheme ? scheme + 3 : proxy;
}

static int fail_proxy(struct ps_http_connection *c, const char *proxy, CURLcode curl)
{
    char why[160];
    snprintf(why, sizeof(why), "%.100s, the proxy on the way to %%s, %s", proxy,
             curl == CURLE_COULDNT_CONNECT ? "cannot be reached" : "refuses to pass it on");
    return fail(c, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, why);
}

/* It is a mistake in the account more often than one of the network. */
static int fail_account(struct ps_http_connection *c, const char *account)
{
    char why[160];
    snprintf(why, sizeof(why),
             "cannot find the address of %%s; is the account \"%.64s\" right, and is there a network?", account);
    return fail(c, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, why);
}

static int fail_curl(struct ps_http_connection *c, CURLcode curl)
{
    const char *proxy = proxy_of(c), *account = c->http->config.account;
    const struct curl_row *row = &curl_other;
    for (size_t i = 0; i < sizeof(curl_rows) / sizeof(curl_rows[0]); i++)
        if (curl_rows[i].curl == curl)
            row = &curl_rows[i];
    int by_proxy = proxy && strncmp(c->origin, "https:", 6) == 0 && !c->head_done &&
                   (curl == CURLE_COULDNT_CONNECT || curl == CURLE_RECV_ERROR);
    if (c->failed == POLYFS_OK && by_proxy && !strchr(proxy, '%'))
        return fail_proxy(c, proxy, curl);
    if (c->failed == POLYFS_OK && curl == CURLE_COULDNT_RESOLVE_HOST && account && !strchr(account, '%'))
        return fail_account(c, account);
    if (c->failed == POLYFS_OK)
        return fail(c, row->code, row->retry, row->why);
    if (c->error)
        c->error->commit_state = state_of(c);
    return c->failed;
}

/* ---- driving --------------------------------------------------------------------------------------------------------- */

static int stopped(struct ps_http_connection *c)
{
    int rc = ps_host->stopped(c->call);
    if (rc == POLYFS_OK)
        return rc;
    polyfs_fail(c->error, rc, rc == POLYFS_CANCELLED ? "it was cancelled" : "the time limit of the call passed");
    if (c->error)
        c->error->commit_state = state_of(c);
    return rc;
}

static int64_t stall_ns(const struct ps_http_connection *c)
{
    return (c->request->stall_ms ? c->request->stall_ms : c->http->config.stall_ms) * MS;
}

/* Nothing moved for so long, or next to nothing in a whole window. */
static int stalled(struct ps_http_connection *c, int64_t now)
{
    if (now - c->moved_ns >= stall_ns(c))
        return fail(c, POLYFS_TIMEOUT, POLYFS_RETRY_TRANSIENT, "%s has stalled");
    if (now - c->window_ns < stall_ns(c))
        return POLYFS_OK;
    uint64_t bytes = c->window_bytes;
    c->window_ns = now;
    c->window_bytes = 0;
    if (bytes >= SLOWEST)
        return POLYFS_OK;
    return fail(c, POLYFS_TIMEOUT, POLYFS_RETRY_TRANSIENT, "%s hardly moves any more");
}

static int wait_ms(const struct ps_http_connection *c, int64_t now)
{
    int64_t until = (c->moved_ns < c->window_ns ? c->moved_ns : c->window_ns) + stall_ns(c);
    if (until > c->call->deadline_ns)
        until = c->call->deadline_ns;
    int64_t ms = (until - now) / MS + 1;
    return ms < 0 ? 0 : ms > LOOK_MS ? LOOK_MS : (int)ms;
}

static int perform(struct ps_http_connection *c, int *running)
{
    ps_host->section_enter();
    CURLMcode rc = curl_multi_perform(c->multi, running);
    ps_host->section_leave();
    return rc == CURLM_OK ? POLYFS_OK : fail(c, POLYFS_NOMEM, POLYFS_RETRY_NEVER, "libcurl cannot go on with %s");
}

static int drive(struct ps_http_connection *c)
{
    int running = 1, rc = perform(c, &running);
    struct curl_waitfd stop = {.fd = -1, .events = CURL_WAIT_POLLIN};
    while (rc == POLYFS_OK && running) {
        if (stop.fd < 0)
            stop.fd = ps_host->stop_fd(c->call);
        int64_t now = ps_host->clock_ns(0);
        rc = stopped(c);
        if (rc == POLYFS_OK)
            rc = stalled(c, now);
        if (rc != POLYFS_OK)
            return rc;
        curl_multi_poll(c->multi, &stop, stop.fd >= 0, wait_ms(c, now), NULL);
        rc = perform(c, &running);
    }
    return rc;
}

/* What libcurl says in the end. */
static int result(struct ps_http_connection *c)
{
    int left;
    const CURLMsg *message = curl_multi_info_read(c->multi, &left);
    CURLcode curl = message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
    if (c->cut && c->failed == POLYFS_OK)
        return POLYFS_OK;
    if (curl != CURLE_OK || c->failed != POLYFS_OK)
        return fail_curl(c, curl);
    if (!c->head_done)
        return fail(c, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, "%s gave no answer");
    if (c->length != UINT64_MAX && c->received != c->length && strcmp(c->request->method, "HEAD") != 0 &&
        c->status >= 200 && c->status < 300 && c->status != 204)
        return fail(c, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, "%s ended its answer early");
    return POLYFS_OK;
}

/* ---- preparing ------------------------------------------------------------------------------------------------------- */

#define SET(option, value)                                                                                         \
    if (curl_easy_setopt(c->easy, option, value) != CURLE_OK)                                                      \
    return polyfs_fail(c->error, POLYFS_NOMEM, "no memory for a request")

static int set_method(struct ps_http_connection *c)
{
    const struct ps_http_request *r = c->request;
    int sends = r->method[0] == 'P'; /* PUT, POST, PATCH */
    SET(CURLOPT_HTTPGET, 1L);        /* back to plain, whatever the request before was */
    SET(CURLOPT_CUSTOMREQUEST, NULL);
    if (strcmp(r->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (strcmp(r->method, "GET") != 0) {
        SET(CURLOPT_CUSTOMREQUEST, r->method);
    }
    if (sends) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)body_total(r));
    }
    return POLYFS_OK;
}

static int set_request(struct ps_http_connection *c, struct curl_slist *lines)
{
    SET(CURLOPT_URL, c->request->url);
    SET(CURLOPT_HTTPHEADER, lines);
    SET(CURLOPT_FRESH_CONNECT, c->request->flags & PS_HTTP_FRESH ? 1L : 0L);
    SET(CURLOPT_WRITEFUNCTION, body_in);
    SET(CURLOPT_WRITEDATA, c);
    SET(CURLOPT_READFUNCTION, body_out);
    SET(CURLOPT_READDATA, c);
    SET(CURLOPT_SEEKFUNCTION, body_again);
    SET(CURLOPT_SEEKDATA, c);
    return set_method(c);
}

/* No byte of a header may end it or begin another. */
static int is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return 0;
    return 1;
}

static int add_line(struct curl_slist **lines, struct ps_buf *line, const struct ps_header *header,
                    struct polyfs_error *err)
{
    if (!is_plain(header->name) || !is_plain(header->value))
        return polyfs_fail(err, POLYFS_INVALID, "the header %.40s would hold a control character", header->name);
    ps_buf_reset(line);
    ps_buf_text(line, header->name);
    ps_buf_text(line, *header->value ? ": " : ";"); /* libcurl's spelling of a header without a value */
    ps_buf_text(line, header->value);
    struct curl_slist *longer = line->failed ? NULL : curl_slist_append(*lines, line->data);
    if (!longer)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a header");
    *lines = longer;
    return POLYFS_OK;
}

/* Ours, and without what libcurl would add. */
static int make_lines(const struct ps_http_request *r, struct curl_slist **out, struct polyfs_error *err)
{
    struct curl_slist *lines = curl_slist_append(NULL, "Expect:");
    struct ps_buf line = {0};
    int rc = lines ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory for a header");
    for (unsigned i = 0; i < r->header_count && rc == POLYFS_OK; i++)
        if (strcmp(r->headers[i].name, "host") != 0) /* libcurl's own is the same */
            rc = add_line(&lines, &line, &r->headers[i], err);
    ps_buf_clear(&line);
    if (rc == POLYFS_OK)
        *out = lines;
    else
        curl_slist_free_all(lines);
    return rc;
}

static void begin(struct ps_http_connection *c, struct polyfs_call *call, const struct ps_http_request *request,
                  struct polyfs_error *err)
{
    c->request = request;
    c->call = call;
    c->error = err;
    c->failed = POLYFS_OK;
    c->sent = c->received = c->window_bytes = 0;
    c->moved_ns = c->window_ns = ps_host->clock_ns(0);
    c->text[0] = '\0';
    c->status = c->head_done = c->chunked = c->cut = 0;
    c->interim = 0;
    c->length = UINT64_MAX;
    ps_buf_reset(&c->head);
    ps_buf_reset(&c->error_body);
}

/* How often did libcurl send it? It repeats what a warm connection lost by itself, and tells only how much that was. */
static uint32_t sendings(const struct ps_http_connection *c, long sent)
{
    const struct ps_http_request *r = c->request;
    uint64_t once =
        40 + strlen(c->origin) + strlen(r->method) + strlen(r->url) + strlen(c->http->config.user_agent);
    for (unsigned i = 0; i < r->header_count; i++)
        once += strlen(r->headers[i].name) + strlen(r->headers[i].value) + 4;
    uint64_t times = ((uint64_t)sent + once / 2) / once;
    return times > 1 ? (uint32_t)times : 1;
}

static void count(const struct ps_http_connection *c, struct polyfs_call *call)
{
    long out = 0, in = 0, connects = 0;
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &out);
    curl_easy_getinfo(c->easy, CURLINFO_HEADER_SIZE, &in);
    curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &connects);
    call->requests += sendings(c, out);
    call->wire_sent += (uint64_t)out + c->sent;
    call->wire_received += (uint64_t)in + c->received + c->error_body.size;
    call->reused = connects == 0;
}

static int exchange(struct ps_http_connection *c, struct curl_slist *lines)
{
    int rc = set_request(c, lines);
    if (rc != POLYFS_OK)
        return rc;
    ps_host->section_enter();
    CURLMcode added = curl_multi_add_handle(c->multi, c->easy);
    ps_host->section_leave();
    if (added != CURLM_OK)
        return polyfs_fail(c->error, POLYFS_NOMEM, "no memory for a request");
    rc = drive(c);
    if (rc == POLYFS_OK)
        rc = result(c);
    count(c, c->call);
    ps_host->section_enter();
    curl_multi_remove_handle(c->multi, c->easy);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL);
    ps_host->section_leave();
    return rc;
}

int ps_http_send(struct ps_http *http, struct polyfs_call *call, const struct ps_http_request *request,
                 struct ps_http_connection **out, struct polyfs_error *err)
{
    struct curl_slist *lines = NULL;
    const char *host = strstr(request->url, "://");
    uint64_t origin = host ? (uint64_t)(host - request->url) + 3 + strcspn(host + 3, "/?") : 0;
    int fresh = request->flags & PS_HTTP_FRESH || call->flags & POLYFS_CALL_OTHER_CONNECTION;
    int rc = make_lines(request, &lines, err);
    struct ps_http_connection *c = rc == POLYFS_OK ? ps_pool_take(http, request->url, origin, fresh) : NULL;
    if (!c) {
        curl_slist_free_all(lines);
        return rc != POLYFS_OK ? rc : polyfs_fail(err, POLYFS_NOMEM, "no memory for a connection");
    }
    begin(c, call, request, err);
    rc = exchange(c, lines);
    curl_slist_free_all(lines);
    if (rc == POLYFS_OK)
        *out = c;
    else
        ps_pool_drop(http, c);
    return rc;
}

void ps_http_clear(struct ps_http *http, struct ps_http_connection *answer)
{
    if (answer)
        ps_pool_give(http, answer);
}
