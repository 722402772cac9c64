/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Signature Version 4 for S3 ("Authenticating Requests", S3 API reference): the path is encoded once and never
 * normalised, the query is canonical already (url.h), and every header that is given is signed.
 */
#ifndef PS_SIGV4_H
#define PS_SIGV4_H

#include "buf.h"

#define PS_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"
#define PS_SIGV4_LIFE_MAX_S 604800 /* of a signed URL; Google's version 4 has the same */

/* Who signs, for where, at which time. Borrowed. */
struct ps_signer {
    const char *key_id, *secret, *token; /* token may be NULL */
    const char *region, *service;
    const char *payload_sha256; /* of services that send no x-amz-content-sha256; NULL: that header's value */
    int64_t time_s;             /* seconds since 1970 UTC */
    char derived[32];           /* key of this day, region and service: kept by ps_sigv4_derive */
    int derived_is_set;         /* 0: derived on each use */
};

/* A header to be signed: the name in lower case, the value without blanks at its ends. */
struct ps_header {
    const char *name;
    const char *value;
};

/* `20261126T110000Z` of a time; 17 bytes with the NUL. */
void ps_sigv4_date(int64_t time_s, char out[17]);

/* Fills signer->derived, which holds for the day of its time. */
int ps_sigv4_derive(struct ps_signer *signer, struct polyfs_error *err);

/*
 * The value of the Authorization header. @headers (sorted here) hold at least host, x-amz-date and
 * x-amz-content-sha256, whose value is also the last line of the canonical request.
 */
int ps_sigv4_header(const struct ps_signer *signer, const char *method, const char *path, const char *query,
                    struct ps_header *headers, unsigned count, struct ps_buf *out, struct polyfs_error *err);

/* INVALID for what no URL is signed for: another verb than GET and PUT, or another life than 1 s to the longest. */
int ps_sigv4_check(const char *verb, uint32_t life_s, struct polyfs_error *err);

/* `https://host/path?query` signed for @life_s seconds; @query rows are copied, at most 16. */
struct ps_query;
int ps_sigv4_presign(const struct ps_signer *signer, const char *method, const char *origin, const char *host,
                     const char *path, const struct ps_query *rows, unsigned count, uint32_t life_s,
                     struct ps_buf *out, struct polyfs_error *err);

#endif
