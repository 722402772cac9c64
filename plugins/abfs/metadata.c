/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User metadata. Azure takes identifiers of C# as names, so every other character goes as `_xHHHH_`, its code point in
 * hexadecimal, as .NET writes names in XML; so does an underscore that would begin such a mark. Header names come back in
 * lower case from any server on the way, hence none with capitals is taken.
 */
#include "abfs.h"

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The code point of a mark, and its bytes; 0 bytes when it is none. */
static unsigned mark_at(const char *at, uint32_t *out_code)
{
    uint32_t code = 0;
    unsigned n = 2;
    if (strncmp(at, "_x", 2) != 0)
        return 0;
    for (; n < 8 && (is_digit(at[n]) || (at[n] >= 'a' && at[n] <= 'f')); n++)
        code = code << 4 | (uint32_t)(is_digit(at[n]) ? at[n] - '0' : at[n] - 'a' + 10);
    *out_code = code;
    return n >= 6 && at[n] == '_' ? n + 1 : 0;
}

static int add_name(struct ps_buf *buf, const char *name, struct polyfs_error *err)
{
    const unsigned char *at = (const unsigned char *)name, *end = at + strlen(name);
    if (!*name)
        return polyfs_fail(err, POLYFS_INVALID, "a metadata name cannot be empty");
    for (const unsigned char *from = at; at < end;) {
        char mark[16];
        uint32_t code;
        unsigned n = ps_utf8_next(at, (uint64_t)(end - at), &code),
                 marked = mark_at((const char *)at, &(uint32_t){0});
        if (!n || code < 0x20 || code == 0x7f)
            return polyfs_fail(err, POLYFS_INVALID,
                               "a metadata name holds what is no UTF-8, or a control character");
        if (code >= 'A' && code <= 'Z')
            return polyfs_fail(err, POLYFS_INVALID,
                               "names of metadata come back in lower case, and \"%.60s\" is not", name);
        if (!marked && (is_letter((char)*at) || (is_digit((char)*at) && at > from))) {
            ps_buf_char(buf, (char)*at);
        } else {
            snprintf(mark, sizeof(mark), "_x%04x_", code);
            ps_buf_text(buf, mark);
        }
        at += n;
    }
    return POLYFS_OK;
}

int abfs_metadata_headers(struct abfs_request *r, const struct polyfs_put_request *request,
                          struct polyfs_error *err)
{
    struct ps_buf texts = {0};
    uint64_t total = 0;
    int rc = POLYFS_OK;
    for (uint32_t i = 0; i < request->metadata_count && rc == POLYFS_OK; i++) {
        const struct polyfs_kv *row = ps_kv_at(request->metadata, request->metadata_stride, i);
        uint64_t before = texts.size;
        ps_buf_text(&texts, "x-ms-meta-");
        rc = add_name(&texts, row->key, err);
        ps_buf_char(&texts, '\0');
        ps_words_encode(&texts, row->value, 1); /* an empty value is refused by some servers, dropped by others */
        ps_buf_char(&texts, '\0');
        total += texts.size - before - 12;
    }
    if (rc == POLYFS_OK && total > ABFS_METADATA_MAX)
        rc = polyfs_fail(err, POLYFS_TOO_LARGE, "Azure takes 8 KiB of metadata, names included");
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&texts, err);
    const char *at = texts.data;
    for (uint32_t i = 0; i < request->metadata_count && rc == POLYFS_OK; i++) {
        const char *value = at + strlen(at) + 1;
        abfs_header(r, at, value);
        at = value + strlen(value) + 1;
    }
    ps_host->free(r->texts);
    r->texts = texts.data;
    return rc;
}

static unsigned utf8_put(char *to, uint32_t code)
{
    if (code < 0x80)
        return to[0] = (char)code, 1;
    unsigned n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (unsigned i = n; --i; code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)((0xf00 >> n & 0xff) | code);
    return n;
}

/* A name as it comes back, in plain; in place, since a mark is never shorter than what it stands for. */
static void plain_name(char *name)
{
    char *to = name;
    for (const char *at = name; *at;) {
        uint32_t code;
        unsigned n = mark_at(at, &code);
        if (n && code && code < 0x110000 && (code < 0xd800 || code > 0xdfff)) {
            to += utf8_put(to, code);
            at += n;
        } else {
            *to++ = *at++;
        }
    }
    *to = '\0';
}

static int give_one(const char *name, const char *value, struct polyfs_pairs *meta)
{
    char *plain = ps_words_decode(value), *own = ps_copy(name, strlen(name));
    int rc = plain && own ? POLYFS_OK : POLYFS_NOMEM;
    if (rc == POLYFS_OK) {
        plain_name(own);
        rc = ps_host->pair_add(meta, own, plain);
    }
    ps_host->free(plain);
    ps_host->free(own);
    return rc;
}

int abfs_metadata_give(const struct ps_http_connection *answer, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    const char *name, *value;
    for (uint64_t cursor = 0; ps_http_next_header(answer, &cursor, &name, &value);)
        if (strncmp(name, "x-ms-meta-", 10) == 0 && name[10] && give_one(name + 10, value, meta) != POLYFS_OK)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for its metadata");
    return POLYFS_OK;
}
