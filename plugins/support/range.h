/* SPDX-License-Identifier: Apache-2.0 */
/* A read as a range of HTTP (RFC 9110, 14), and whether an answer is that very range. */
#ifndef PS_RANGE_H
#define PS_RANGE_H

#include "http.h"

/* What the header Range says of a read of at least one byte. */
void ps_range_text(const struct polyfs_get_request *request, char out[64]);

/*
 * Which bytes of the object an answer holds; to be called before the first of them is taken. @cut: one that holds the whole
 * where its beginning was asked for is taken, and its rest dropped (PS_HTTP_CUT). NETWORK when it is another range.
 * @out_total: bytes of the object. @out_length: bytes that this answer brings.
 */
int ps_range_accept(const struct polyfs_get_request *request, const struct ps_http_connection *answer, int cut,
                    uint64_t *out_total, uint64_t *out_length, struct polyfs_error *err);

#endif
