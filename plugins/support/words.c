/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded words (words.h). */
#include "words.h"

#include <strings.h>

const struct polyfs_kv *ps_kv_at(const struct polyfs_kv *rows, uint32_t stride, uint32_t i)
{
    return (const struct polyfs_kv *)(const void *)((const char *)rows + (size_t)stride * i);
}

static int is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            return 0;
    return 1;
}

void ps_words_encode(struct ps_buf *buf, const char *value, int drops_empty)
{
    size_t n = strlen(value);
    if (is_ascii(value) && (n || !drops_empty) && strncmp(value, "=?", 2) != 0 &&
        (!n || (value[0] != ' ' && value[n - 1] != ' '))) {
        ps_buf_text(buf, value);
        return;
    }
    ps_buf_text(buf, "=?UTF-8?B?");
    ps_buf_base64(buf, value, n);
    ps_buf_text(buf, "?=");
}

static void decode_quoted(const char *at, const char *end, char *out)
{
    for (; at < end; at++) {
        unsigned byte;
        if (*at == '=' && end - at > 2 && sscanf(at + 1, "%2x", &byte) == 1) {
            *out++ = (char)byte;
            at += 2;
        } else {
            *out++ = (char)(*at == '_' ? ' ' : *at);
        }
    }
    *out = '\0';
}

char *ps_words_decode(const char *value)
{
    size_t n = strlen(value), done = 0;
    char *out = ps_host->alloc(n + 1);
    if (!out)
        return NULL;
    for (const char *at = value; strncasecmp(at, "=?utf-8?", 8) == 0;) {
        const char *text = at + 10, *end = at[8] && at[9] == '?' ? strstr(text, "?=") : NULL;
        if (!end)
            break;
        char *word = ps_copy(text, (uint64_t)(end - text));
        if (!word)
            break;
        int64_t got = -1;
        if (at[8] == 'B' || at[8] == 'b')
            got = ps_base64_decode(word, out + done, n - done);
        else if (at[8] == 'Q' || at[8] == 'q')
            decode_quoted(text, end, out + done), got = (int64_t)strlen(out + done);
        ps_host->free(word);
        if (got < 0)
            break;
        done += (size_t)got;
        at = end + 2;
        while (*at == ' ')
            at++;
        if (!*at) {
            out[done] = '\0';
            return out;
        }
    }
    memcpy(out, value, n + 1);
    return out;
}
