/* SPDX-License-Identifier: Apache-2.0 */
/* Growing text (buf.h). Invariant: data[size] is NUL whenever data is not NULL. */
#include "buf.h"

const struct polyfs_host *ps_host;

char *ps_copy(const char *text, uint64_t size)
{
    char *made = ps_host->alloc(size + 1);
    if (made) {
        memcpy(made, text, size);
        made[size] = '\0';
    }
    return made;
}

static int grow(struct ps_buf *buf, uint64_t more)
{
    uint64_t room = buf->room ? buf->room : 256;
    while (room - buf->size <= more && room < UINT64_MAX / 2)
        room *= 2;
    char *data = buf->failed ? NULL : ps_host->resize(buf->data, room);
    if (!data) {
        buf->failed = 1;
        return -1;
    }
    buf->data = data;
    buf->room = room;
    return 0;
}

void ps_buf_add(struct ps_buf *buf, const void *data, uint64_t size)
{
    if (buf->room - buf->size <= size && grow(buf, size) != 0)
        return;
    if (size)
        memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void ps_buf_text(struct ps_buf *buf, const char *text)
{
    ps_buf_add(buf, text, strlen(text));
}

void ps_buf_char(struct ps_buf *buf, char c)
{
    ps_buf_add(buf, &c, 1);
}

void ps_buf_number(struct ps_buf *buf, uint64_t number)
{
    char digits[20];
    unsigned at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
    } while (number /= 10);
    ps_buf_add(buf, digits + at, sizeof(digits) - at);
}

void ps_buf_base64(struct ps_buf *buf, const void *data, uint64_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = data;
    for (; size; at += 3) {
        uint64_t n = size < 3 ? size : 3;
        unsigned bits = (unsigned)at[0] << 16 | (n > 1 ? (unsigned)at[1] << 8 : 0) | (n > 2 ? at[2] : 0u);
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], n > 1 ? digits[bits >> 6 & 63] : '=',
                        n > 2 ? digits[bits & 63] : '='};
        ps_buf_add(buf, four, 4);
        size -= n;
    }
}

void ps_hex(const void *data, uint64_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = data;
    for (; size; size--, at++) {
        *out++ = digits[*at >> 4];
        *out++ = digits[*at & 15];
    }
    *out = '\0';
}

void ps_buf_hex(struct ps_buf *buf, const void *data, uint64_t size)
{
    const unsigned char *at = data;
    char two[3];
    for (; size; size--, at++) {
        ps_hex(at, 1, two);
        ps_buf_add(buf, two, 2);
    }
}

int ps_buf_check(const struct ps_buf *buf, struct polyfs_error *err)
{
    return buf->failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for a request") : POLYFS_OK;
}

void ps_buf_reset(struct ps_buf *buf)
{
    buf->size = 0;
    buf->failed = 0;
    if (buf->data)
        *buf->data = '\0';
}

void ps_buf_clear(struct ps_buf *buf)
{
    ps_host->free(buf->data);
    *buf = (struct ps_buf){0};
}

void ps_buf_wipe(struct ps_buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->size);
    ps_buf_clear(buf);
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int64_t ps_base64_decode(const char *text, void *out, uint64_t room)
{
    unsigned char *to = out;
    uint64_t n = 0, padding = strlen(text) - strcspn(text, "=");
    unsigned bits = 0, held = 0;
    if (strlen(text) % 4 || padding > 2)
        return -1;
    for (; *text && *text != '='; text++) {
        int digit = digit_of(*text);
        if (digit < 0)
            return -1;
        bits = bits << 6 | (unsigned)digit;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (n == room)
            return -1;
        to[n++] = (unsigned char)(bits >> held);
        bits &= (1u << held) - 1;
    }
    return strspn(text, "=") == strlen(text) && !bits ? (int64_t)n : -1;
}

unsigned ps_utf8_next(const unsigned char *at, uint64_t left, uint32_t *out_code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned n = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
    uint32_t code = n == 1 ? *at : n ? *at & (0x7fu >> n) : 0;
    *out_code = 0;
    if (!n || n > left)
        return 0;
    for (unsigned i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    if (code < least[n] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
        return 0;
    *out_code = code;
    return n;
}

int ps_utf8_valid(const char *text, uint64_t size)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    while (at < end) {
        uint32_t code;
        unsigned n = ps_utf8_next(at, (uint64_t)(end - at), &code);
        if (!n)
            return 0;
        at += n;
    }
    return 1;
}
