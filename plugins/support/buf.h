/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text and bytes that grow: URLs, requests, XML bodies. A failed allocation is remembered, so that a row of additions
 * is checked once, at its end. The data always ends in NUL, which is not counted.
 */
#ifndef PS_BUF_H
#define PS_BUF_H

#include "polyfs/plugin.h"

struct ps_buf {
    char *data; /* NULL while empty */
    uint64_t size, room;
    int failed; /* no memory was left; what is here is not whole */
};

/* The services of core, set once by the plugin's entry symbol. */
extern const struct polyfs_host *ps_host;

void ps_buf_add(struct ps_buf *buf, const void *data, uint64_t size);
void ps_buf_text(struct ps_buf *buf, const char *text);
void ps_buf_char(struct ps_buf *buf, char c);
/* A number in decimal, without locale. */
void ps_buf_number(struct ps_buf *buf, uint64_t number);
/* Bytes in base64 (RFC 4648, 4), or in lower-case hexadecimal digits. */
void ps_buf_base64(struct ps_buf *buf, const void *data, uint64_t size);
void ps_buf_hex(struct ps_buf *buf, const void *data, uint64_t size);
/* The digits into @out, which has room for two of each byte and a NUL. */
void ps_hex(const void *data, uint64_t size, char *out);

/* POLYFS_NOMEM when an addition failed. */
int ps_buf_check(const struct ps_buf *buf, struct polyfs_error *err);
/* Keeps the memory for the next text. */
void ps_buf_reset(struct ps_buf *buf);
void ps_buf_clear(struct ps_buf *buf);
/* The same of a secret: its bytes are overwritten first. */
void ps_buf_wipe(struct ps_buf *buf);

/* A copy that ends in NUL, due to ps_host->free(); NULL without memory. */
char *ps_copy(const char *text, uint64_t size);

/* The bytes of a base64 text, at most @room; -1 when it is none or does not fit. */
int64_t ps_base64_decode(const char *text, void *out, uint64_t room);

/* Bytes of the UTF-8 sequence at @at (RFC 3629) and its code point; 0 bytes when it is none. */
unsigned ps_utf8_next(const unsigned char *at, uint64_t left, uint32_t *out_code);
int ps_utf8_valid(const char *text, uint64_t size);

#endif
