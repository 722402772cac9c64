/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that every store with answers over HTTP makes of them. What an answer that is no success means: refusal.h. */
#ifndef PS_ANSWER_H
#define PS_ANSWER_H

#include "http.h"

/* An etag between quotes, as HTTP has it and some servers leave them out; "" when it is too long. */
void ps_etag(char *out, uint64_t room, const char *text);
/* As much of a stat as the caller's, which may be NULL, has room for. */
void ps_stat_give(struct polyfs_stat *out, const struct polyfs_stat *stat);
/* What there is to tell of a folder or a bucket. */
void ps_stat_folder(struct polyfs_stat *out);
/* A header into @out, unless there is none, or it does not fit. */
void ps_header_keep(const struct ps_http_connection *answer, const char *name, char *out, size_t room);
/* An HTTP date of a header in nanoseconds since 1970, or POLYFS_TIME_UNKNOWN. */
int64_t ps_header_time_ns(const struct ps_http_connection *answer, const char *name);
/* No control characters of a server's reach a terminal. */
void ps_tame(char *text);
/* `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7) of seconds since 1970, without locale. */
void ps_http_date_text(int64_t seconds, char out[32]);

/* An answer that is none to what was asked: NETWORK, to be asked again. */
int ps_wrong(struct polyfs_error *err, const char *why);
/* A success that does not say what it has to: NETWORK, to be sent again, and whether it was done is not known. */
int ps_unclear(struct polyfs_error *err, const char *why);

#endif
