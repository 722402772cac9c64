/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of servers that give them (OAuth 2.0, RFC 6749): a question, and what the answer says. Who asked was wrong, if anybody
 * was: a refusal is AUTH, and only what may pass by itself stays what it is. Nothing that was sent goes into an error.
 *
 * Thread: any. Blocks: as ps_http_send() does.
 */
#ifndef PS_TOKEN_H
#define PS_TOKEN_H

#include "creds.h"
#include "http.h"

struct ps_token_question {
    struct ps_http *http;
    const char *method, *url;
    const char *whom;            /* in errors */
    struct ps_header headers[8]; /* header_count of them; values borrowed */
    unsigned header_count;
    struct ps_buf body;     /* owned, and wiped when it was asked */
    uint32_t stall_ms;      /* 0: the client's */
    int is_near;            /* this machine's own service, which is asked by http:// */
    ps_http_accept *accept; /* or NULL */
    /* Fills an error of an answer that is no 2xx, and gives its code. */
    int (*refused)(const struct ps_http_connection *answer, struct polyfs_error *err);
};

void ps_token_header(struct ps_token_question *q, const char *name, const char *value);
/* One name of a form (application/x-www-form-urlencoded). */
void ps_token_field(struct ps_token_question *q, const char *name, const char *value);

/* The text of the answer. CONFIG for a URL that is neither https:// nor of this machine. */
int ps_token_answer(struct ps_token_question *q, struct polyfs_call *call, struct ps_buf *out,
                    struct polyfs_error *err);
/* The token of the answer: 1, or a code. */
int ps_token_ask(struct ps_token_question *q, struct polyfs_call *call, struct ps_keys *out,
                 struct polyfs_error *err);
/*
 * The token that a text of JSON names, and when it ends: `access_token` with `expires_in` or `expires_on`, and in the spelling
 * of tools and of Google's IAM `accessToken` with `expireTime`. A life that nobody means is an hour. 1, or AUTH.
 */
int ps_token_read(const char *text, uint64_t size, const char *whom, struct ps_keys *out, struct polyfs_error *err);

/*
 * The metadata service of a machine has an address of its own, where elsewhere nobody answers: that is found out once a
 * process. The note is taken of a question that failed on its own, and was not given up.
 */
int ps_machine_has_none(void);
void ps_machine_note_none(const struct polyfs_call *call, int rc);

#endif
