/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal means: (status, the store's own code) -> code, retry class, what to do. Rows of the store's, then of HTTP. */
#ifndef PS_REFUSAL_H
#define PS_REFUSAL_H

#include "buf.h"

struct ps_refusal {
    int status;         /* 0: any */
    const char *native; /* the store's own code; NULL: any */
    int code;
    uint32_t retry;
    const char *todo; /* behind the store's own words */
};

/*
 * The row of the store's own code, else the one of the status: of the store's rows, else of HTTP's (RFC 9110, 15). A 5xx
 * that nobody knows may pass by itself. Never NULL; static, or one of @rows.
 */
const struct ps_refusal *ps_refusal_find(const struct ps_refusal *rows, size_t count, int status,
                                         const char *native);
/* What the store answers with that status, where it has no words of its own: "the store answers X, ...". */
const char *ps_refusal_words(int status);

#endif
