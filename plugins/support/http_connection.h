/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of http share: a connection with the request that it carries. Nobody else includes this. */
#ifndef PS_HTTP_CONNECTION_H
#define PS_HTTP_CONNECTION_H

#include <curl/curl.h>
#include <pthread.h>

#include "http.h"

#define PS_HEAD_MAX (UINT64_C(64) << 10)       /* bytes of an answer's headers */
#define PS_ERROR_BODY_MAX (UINT64_C(64) << 10) /* bytes kept of a body that tells an error */
#define PS_INTERIM_MAX 16                      /* 1xx answers in front of the real one */

struct ps_http_connection {
    struct ps_http_connection *next; /* in the pool */
    CURLM *multi;
    CURL *easy;
    struct ps_http *http;
    char origin[300]; /* scheme and authority that it is connected to */

    /* the request that it carries */
    const struct ps_http_request *request;
    struct polyfs_call *call;
    struct polyfs_error *error; /* filled by a callback that ends the request */
    int failed;                 /* code of that, or POLYFS_OK */
    uint64_t sent;              /* bytes of the body handed to libcurl */
    int64_t moved_ns;           /* when the last byte moved */
    int64_t window_ns;          /* when the window that slowness is measured in began */
    uint64_t window_bytes;      /* moved in it */
    char text[CURL_ERROR_SIZE]; /* libcurl's own words */

    /* its answer */
    int status;
    unsigned interim;
    int head_done; /* all headers of the real answer are there, and accepted */
    int chunked;
    int cut;            /* all that was wanted is there, and more would come */
    uint64_t length;    /* Content-Length, or UINT64_MAX */
    uint64_t received;  /* bytes of the body */
    struct ps_buf head; /* name NUL value NUL ... */
    struct ps_buf error_body;
};

struct ps_http {
    struct ps_http_config config;
    char *texts[5]; /* owned copies of the config's */
    pthread_mutex_t mu;
    /* guarded by mu, which is held inside fork sections only */
    struct ps_http_connection *idle; /* the last used first */
    unsigned idle_count;
    int *sockets; /* open ones of all connections, for a forked child */
    unsigned socket_count, socket_room;
};

/* http_connection.c: takes a warm connection to the origin or makes a new one; gives it back, or closes it. */
struct ps_http_connection *ps_pool_take(struct ps_http *http, const char *origin, uint64_t origin_size, int fresh);
void ps_pool_give(struct ps_http *http, struct ps_http_connection *c);
void ps_pool_drop(struct ps_http *http, struct ps_http_connection *c);

/* http_head.c: libcurl's callbacks. */
size_t ps_head_line(char *data, size_t size, size_t count, void *arg);
/* Ends the request from within a callback. */
size_t ps_abort(struct ps_http_connection *c, int code);
/* The body begins, or there is none: are the headers such that it may be taken? */
int ps_head_accept(struct ps_http_connection *c);

#endif
