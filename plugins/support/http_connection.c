/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of a client: a multi with one easy handle each, the last used on top. Sockets are kept in a list, since a
 * forked child must close them and touch nothing else of libcurl's. Invariant: mu is held inside fork sections only, so
 * that no fork finds it locked.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_connection.h"
#include "lock.h"

#define IDLE_MAX 256
#define BUFFER_BYTES (256L << 10) /* one read; libcurl keeps a buffer of it a connection */
#define UPLOAD_BYTES (128L << 10) /* the same for writes */
#define IDLE_SECONDS 4L           /* S3 closes idle connections at about 5 s; a later request makes a new one */

/* ---- sockets ------------------------------------------------------------------------------------------------------ */

static int note(struct ps_http *http, int fd)
{
    int rc = POLYFS_OK;
    ps_lock(&http->mu);
    if (http->socket_count == http->socket_room) {
        unsigned room = http->socket_room ? http->socket_room * 2 : 16;
        int *grown = ps_host->resize(http->sockets, room * sizeof(*grown));
        rc = grown ? POLYFS_OK : POLYFS_NOMEM;
        if (grown) {
            http->sockets = grown;
            http->socket_room = room;
        }
    }
    if (rc == POLYFS_OK)
        http->sockets[http->socket_count++] = fd;
    ps_unlock(&http->mu);
    return rc;
}

static curl_socket_t socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0 && note(arg, fd) != POLYFS_OK) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int socket_close(void *arg, curl_socket_t fd)
{
    struct ps_http *http = arg;
    ps_lock(&http->mu);
    for (unsigned i = 0; i < http->socket_count; i++) {
        if (http->sockets[i] == fd) {
            http->sockets[i] = http->sockets[--http->socket_count];
            break;
        }
    }
    ps_unlock(&http->mu);
    return close(fd);
}

void ps_http_after_fork(struct ps_http *http)
{
    pthread_mutex_init(&http->mu, NULL);
    for (unsigned i = 0; i < http->socket_count; i++)
        close(http->sockets[i]);
    http->socket_count = 0;
    http->idle = NULL; /* leaked on purpose: freeing them would speak TLS on the parent's connections */
    http->idle_count = 0;
}

/* ---- making them ---------------------------------------------------------------------------------------------------- */

#define SET(option, value)                                                                                         \
    if (curl_easy_setopt(c->easy, option, value) != CURLE_OK)                                                      \
    return -1

static int set_manners(struct ps_http_connection *c)
{
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* never waits for a name lookup that was given up */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    SET(CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
    SET(CURLOPT_ERRORBUFFER, c->text);
    SET(CURLOPT_PRIVATE, c);
    SET(CURLOPT_HEADERFUNCTION, ps_head_line);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_OPENSOCKETFUNCTION, socket_open);
    SET(CURLOPT_OPENSOCKETDATA, c->http);
    SET(CURLOPT_CLOSESOCKETFUNCTION, socket_close);
    SET(CURLOPT_CLOSESOCKETDATA, c->http);
    return 0;
}

static int set_config(struct ps_http_connection *c)
{
    const struct ps_http_config *config = &c->http->config;
    SET(CURLOPT_USERAGENT, config->user_agent);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_ms);
    SET(CURLOPT_PROXY, config->proxy ? config->proxy : ""); /* "": not of the environment either */
    SET(CURLOPT_NOPROXY, config->no_proxy ? config->no_proxy : "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* those of the proxy's own answer are not the server's */
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
    if (config->ca_bundle)
        SET(CURLOPT_CAINFO, config->ca_bundle);
    return 0;
}

static void connection_free(struct ps_http_connection *c)
{
    curl_easy_cleanup(c->easy);
    if (c->multi)
        curl_multi_cleanup(c->multi);
    ps_buf_clear(&c->head);
    ps_buf_clear(&c->error_body);
    ps_host->free(c);
}

static struct ps_http_connection *connection_new(struct ps_http *http)
{
    struct ps_http_connection *c = ps_host->alloc(sizeof(*c));
    if (!c)
        return NULL;
    memset(c, 0, sizeof(*c));
    c->http = http;
    c->multi = curl_multi_init();
    c->easy = curl_easy_init();
    if (!c->multi || !c->easy || set_manners(c) != 0 || set_config(c) != 0) {
        connection_free(c);
        return NULL;
    }
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L);
    return c;
}

/* ---- the pool -------------------------------------------------------------------------------------------------------- */

struct ps_http_connection *ps_pool_take(struct ps_http *http, const char *origin, uint64_t origin_size, int fresh)
{
    struct ps_http_connection *c = NULL;
    if (origin_size >= sizeof(c->origin))
        return NULL;
    ps_lock(&http->mu);
    for (struct ps_http_connection **at = &http->idle; *at && !fresh; at = &(*at)->next) {
        if (strlen((*at)->origin) == origin_size && memcmp((*at)->origin, origin, origin_size) == 0) {
            c = *at;
            *at = c->next;
            http->idle_count--;
            break;
        }
    }
    ps_unlock(&http->mu);
    if (!c) {
        ps_host->section_enter();
        c = connection_new(http);
        ps_host->section_leave();
    }
    if (c) {
        memcpy(c->origin, origin, origin_size);
        c->origin[origin_size] = '\0';
    }
    return c;
}

void ps_pool_drop(struct ps_http *http, struct ps_http_connection *c)
{
    (void)http;
    ps_host->section_enter();
    connection_free(c);
    ps_host->section_leave();
}

void ps_pool_give(struct ps_http *http, struct ps_http_connection *c)
{
    struct ps_http_connection *last = NULL;
    if (c->error_body.room > 4096)
        ps_buf_clear(&c->error_body);
    ps_lock(&http->mu);
    c->next = http->idle;
    http->idle = c;
    if (++http->idle_count > IDLE_MAX) { /* the one that was idle longest goes */
        struct ps_http_connection **at = &http->idle;
        while ((*at)->next)
            at = &(*at)->next;
        last = *at;
        *at = NULL;
        http->idle_count--;
    }
    ps_unlock(&http->mu);
    if (last)
        ps_pool_drop(http, last);
}

/* ---- the client ------------------------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    return text ? ps_copy(text, strlen(text)) : NULL;
}

int ps_http_new(const struct ps_http_config *config, struct ps_http **out, struct polyfs_error *err)
{
    struct ps_http *http = ps_host->alloc(sizeof(*http));
    if (!http)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a client");
    memset(http, 0, sizeof(*http));
    http->config = *config;
    if (!http->config.connect_ms)
        http->config.connect_ms = 5000;
    if (!http->config.stall_ms)
        http->config.stall_ms = 10000;
    const char **texts[] = {&http->config.user_agent, &http->config.proxy, &http->config.no_proxy,
                            &http->config.ca_bundle, &http->config.account};
    int failed = 0;
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        http->texts[i] = copy(*texts[i]);
        failed |= *texts[i] && !http->texts[i];
        *texts[i] = http->texts[i];
    }
    pthread_mutex_init(&http->mu, NULL);
    if (failed) {
        ps_http_free(http);
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a client");
    }
    *out = http;
    return POLYFS_OK;
}

void ps_http_free(struct ps_http *http)
{
    if (!http)
        return;
    ps_host->section_enter();
    for (struct ps_http_connection *c = http->idle, *next; c; c = next) {
        next = c->next;
        connection_free(c);
    }
    ps_host->section_leave();
    for (unsigned i = 0; i < sizeof(http->texts) / sizeof(http->texts[0]); i++)
        ps_host->free(http->texts[i]);
    ps_host->free(http->sockets);
    pthread_mutex_destroy(&http->mu);
    ps_host->free(http);
}
