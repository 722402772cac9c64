/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 over libcurl, the only place that speaks to it. One request is one call on the caller's thread: it takes a
 * warm connection of its origin, or makes one, and gives it back when its answer is cleared. It is never repeated here, no
 * redirect is followed, and what libcurl does not check (docs/architecture.md, "What libcurl does not check") is checked
 * here: length, framing, size of headers and bodies.
 *
 * Thread: any; requests of one client overlap. Blocks: until the answer, a cancel, the deadline or a stall.
 */
#ifndef PS_HTTP_H
#define PS_HTTP_H

#include "buf.h"
#include "sigv4.h"

struct ps_http;            /* a client: the connections of one filesystem */
struct ps_http_connection; /* one of them */

struct ps_http_config {
    const char *user_agent;
    const char *proxy;     /* URL, or NULL: none; the environment is not looked at */
    const char *no_proxy;  /* hosts that are reached without it, as curl writes them, or NULL */
    const char *ca_bundle; /* file of certificates, or NULL: the system's */
    const char *account;   /* that the server's name is made of, told when that has no address; or NULL */
    int insecure;          /* certificates are not verified */
    uint32_t connect_ms;   /* 0: 5 s */
    uint32_t stall_ms;     /* no byte for so long ends a request; 0: 10 s */
};

/* Sees the status and headers of an answer before its body. Not POLYFS_OK (with @err filled) ends the request. */
typedef int ps_http_accept(void *arg, const struct ps_http_connection *answer, struct polyfs_error *err);
/* Takes a piece of a 2xx body. Not POLYFS_OK (with @err filled) ends the request. */
typedef int ps_http_sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err);

struct ps_http_request {
    const char *method;
    const char *url; /* as it is sent */
    const struct ps_header *headers;
    unsigned header_count;
    const void *body; /* of PUT, POST and PATCH; read while it is sent */
    uint64_t body_bytes;
    /* In front of and behind the body, for those that are documents around somebody's bytes: */
    const void *head;
    const void *tail;
    uint64_t head_bytes, tail_bytes;
    uint32_t flags;         /* PS_HTTP_... */
    uint32_t stall_ms;      /* 0: the client's */
    ps_http_accept *accept; /* or NULL */
    /* a 2xx body goes to memory, or to a sink, or is dropped; others are kept as text of an error */
    void *buffer;
    uint64_t room;
    ps_http_sink *sink;
    void *arg; /* of accept and sink */
};
#define PS_HTTP_CHANGES 1u /* a lost answer leaves unknown whether it was done */
#define PS_HTTP_CUT 4u     /* a body that is longer than `room` ends there, and the connection with it */
#define PS_HTTP_FRESH 2u   /* a new connection: for a change without a body, which libcurl would repeat by itself */

int ps_http_new(const struct ps_http_config *config, struct ps_http **out, struct polyfs_error *err);
void ps_http_free(struct ps_http *http);
/* In a forked child: closes the parent's sockets and forgets its connections. */
void ps_http_after_fork(struct ps_http *http);

/*
 * Sends it and reads the answer, whatever its status. With POLYFS_OK *out is the answer, and is due to
 * ps_http_clear(). Counters go to @call, and with a buffer the bytes placed to call->bytes_done, also on failure.
 */
int ps_http_send(struct ps_http *http, struct polyfs_call *call, const struct ps_http_request *request,
                 struct ps_http_connection **out, struct polyfs_error *err);
void ps_http_clear(struct ps_http *http, struct ps_http_connection *answer);

int ps_http_status(const struct ps_http_connection *answer);
/* Value of a header by its name in lower case, or NULL. Valid until the answer is cleared. */
const char *ps_http_header(const struct ps_http_connection *answer, const char *name);
/* All headers one after the other: *cursor is 0 at first; 0 when there are no more. */
int ps_http_next_header(const struct ps_http_connection *answer, uint64_t *cursor, const char **out_name,
                        const char **out_value);
/* What the answer says that its body has, or UINT64_MAX (chunked, or none of them). */
uint64_t ps_http_length(const struct ps_http_connection *answer);
/* The body of an answer that is no 2xx, cut at 64 KiB; "" when there is none. */
const char *ps_http_error_body(const struct ps_http_connection *answer, uint64_t *out_size);

/* Seconds since 1970 of an HTTP date (RFC 9110, 5.6.7), or INT64_MIN when it is none. */
int64_t ps_http_date(const char *text);
/* The same of an ISO 8601 time in UTC, in nanoseconds, or POLYFS_TIME_UNKNOWN. */
int64_t ps_iso_time_ns(const char *text);
/* Digits and nothing else, or UINT64_MAX. */
uint64_t ps_number(const char *text);

/* `bytes A-B/T` (RFC 9110, 14.4): 0, or -1 when it is none of a known total. `bytes * /T` gives *first = UINT64_MAX. */
int ps_content_range(const char *text, uint64_t *first, uint64_t *last, uint64_t *total);

/* libcurl and OpenSSL, once a process: without OpenSSL's exit handler, which would free what threads still use. */
int ps_http_global(struct polyfs_error *err);

#endif
