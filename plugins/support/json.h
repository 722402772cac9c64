/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON of servers and files that are not trusted, read by jansson within bounds: at most 16 MiB, 64 levels, no key twice,
 * nothing behind the document, no NUL in texts (reliability B17). Numbers of bytes are asked for as such, whether the
 * store writes them as a number or, as Google does, as a text.
 */
#ifndef PS_JSON_H
#define PS_JSON_H

#include <jansson.h>

#include "buf.h"

/* A document whose root is an object, due to json_decref(); CORRUPT saying where it is none, NOMEM. */
int ps_json_read(const char *text, uint64_t size, json_t **out, struct polyfs_error *err);

/* A text of an object, or NULL when it is missing or of another kind. Borrowed. */
const char *ps_json_text(const json_t *object, const char *key);
/* A whole number from 0 on, or UINT64_MAX when it is missing, negative, a fraction or too large. */
uint64_t ps_json_number(const json_t *object, const char *key);

/* A text as JSON has it, between quotes (RFC 8259, 7). It is UTF-8 already. */
void ps_json_quote(struct ps_buf *buf, const char *text, uint64_t size);

#endif
