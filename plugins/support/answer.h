/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that every store with answers over HTTP makes of them. */
#ifndef PS_ANSWER_H
#define PS_ANSWER_H

#include "buf.h"

/* An etag between quotes, as HTTP has it and some servers leave them out; "" when it is too long. */
void ps_etag(char *out, uint64_t room, const char *text);
/* As much of a stat as the caller's has room for. */
void ps_stat_give(struct polyfs_stat *out, const struct polyfs_stat *stat);
/* No control characters of a server's reach a terminal. */
void ps_tame(char *text);
/* `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7) of seconds since 1970, without locale. */
void ps_http_date_text(int64_t seconds, char out[32]);

#endif
