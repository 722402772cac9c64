/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User metadata as headers: rows of a write, and text that headers cannot carry, which goes as an encoded word of MIME
 * (RFC 2047, 2) and comes back as it was.
 */
#ifndef PS_WORDS_H
#define PS_WORDS_H

#include "buf.h"

/* One row of an array that crossed the contract. */
const struct polyfs_kv *ps_kv_at(const struct polyfs_kv *rows, uint32_t stride, uint32_t i);

/* Adds a value as a header carries it. @drops_empty: the store keeps none that is empty, so that goes encoded too. */
void ps_words_encode(struct ps_buf *buf, const char *value, int drops_empty);
/* One encoded word, or several with blanks between them, as plain text due to ps_host->free(); anything else stays as it
 * is. NULL without memory. */
char *ps_words_decode(const char *value);

#endif
