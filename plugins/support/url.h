/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs in the one spelling that is sent and signed: every byte outside A-Z a-z 0-9 - . _ ~ is %XX (RFC 3986, 2.3), once,
 * and nothing is folded: `//`, `.` and `..` stay what they are.
 */
#ifndef PS_URL_H
#define PS_URL_H

#include "buf.h"

/* Bytes of a path; @keep_slash: '/' stays as it is. */
void ps_url_encode(struct ps_buf *buf, const char *data, uint64_t size, int keep_slash);

/* A name of a query with its value, which may be "". Borrowed. */
struct ps_query {
    const char *name, *value;
};
/* `name=value&...` in canonical order: sorted by encoded name, then value. Sorts @rows. */
void ps_url_query(struct ps_buf *buf, struct ps_query *rows, unsigned count);

/* %XX in place, as lists with encoding-type=url hold keys ('+' is a space there). Returns the new length. */
uint64_t ps_url_decode(char *text, uint64_t size);

/* A path: bucket/key. Borrowed; neither ends in NUL of its own. */
struct ps_target {
    const char *bucket, *key;
    uint64_t bucket_len, key_len; /* 0: none of it */
};
/* How many bytes of what cannot be a bucket's name a text may show: behind a ':' there may be a password. */
int ps_target_shown(const char *name, uint64_t n);
void ps_target_split(const char *path, uint64_t path_len, struct ps_target *out);

/* An endpoint as users write it: http[s]://host[:port][/path]. */
struct ps_endpoint {
    int tls;
    char host[256];      /* without brackets */
    char authority[280]; /* what the Host header says: the port only when it is not the scheme's own */
    char base[256];      /* path in front of all others, without a slash at its end */
};
/* CONFIG with the reason and the spelling when it is none. No scheme means https. */
int ps_endpoint_parse(const char *text, struct ps_endpoint *out, struct polyfs_error *err);
/* localhost, 127.0.0.0/8 or ::1. */
int ps_host_is_loopback(const char *host);

#endif
