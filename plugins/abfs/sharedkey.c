/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures with the account's key ("Authorize with Shared Key", Azure Storage REST reference). The text that is signed:
 * verb, eleven standard headers, the x-ms- headers in order, then account, path as it is sent, and the query decoded.
 */
#include <stdlib.h>

#include "abfs.h"
#include "plugins/support/digest.h"

int abfs_hmac(const unsigned char *key, unsigned key_bytes, const struct ps_buf *text, struct ps_buf *out,
              struct polyfs_error *err)
{
    unsigned char sum[32];
    int rc = ps_buf_check(text, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = ps_hmac(key, key_bytes, text->data, text->size, sum, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_buf_base64(out, sum, sizeof(sum));
    return ps_buf_check(out, err);
}

/* ---- order ------------------------------------------------------------------------------------------------------------- */

/* How the service compares names: '-' counts for nothing, '_' comes before digits, those before letters. */
static int weight(char c)
{
    return c == '\0' ? 0 : c == '_' ? 1 : c >= '0' && c <= '9' ? 2 + (c - '0') : 12 + (unsigned char)c;
}

static int by_name(const void *a, const void *b)
{
    const char *left = ((const struct ps_header *)a)->name, *right = ((const struct ps_header *)b)->name;
    const char *l = left, *r = right;
    for (;; l++, r++) {
        l += strspn(l, "-");
        r += strspn(r, "-");
        int order = weight(*l) - weight(*r);
        if (order)
            return order;
        if (!*l)
            break;
    }
    for (l = left, r = right; *l && *l == *r;)
        l++, r++;
    return *l == *r ? 0 : *l == '-' ? 1 : -1; /* the one with the later dash is first */
}

static int by_query_name(const void *a, const void *b)
{
    const struct ps_query *left = a, *right = b;
    return strcmp(left->name, right->name);
}

/* ---- the text ---------------------------------------------------------------------------------------------------------- */

static const char *value_of(const struct ps_header *headers, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(headers[i].name, name) == 0)
            return headers[i].value;
    return "";
}

static void add_standard(struct ps_buf *text, const struct ps_header *headers, unsigned count, uint64_t body_bytes)
{
    static const char *const names[] = {
        "content-encoding",  "content-language", "content-length", "content-md5",         "content-type", "date",
        "if-modified-since", "if-match",         "if-none-match",  "if-unmodified-since", "range"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (i == 2 && body_bytes) /* a length of 0 counts as none */
            ps_buf_number(text, body_bytes);
        else if (i != 2)
            ps_buf_text(text, value_of(headers, count, names[i]));
        ps_buf_char(text, '\n');
    }
}

static void add_own(struct ps_buf *text, struct ps_header *headers, unsigned count)
{
    qsort(headers, count, sizeof(*headers), by_name);
    for (unsigned i = 0; i < count; i++) {
        if (strncmp(headers[i].name, "x-ms-", 5) != 0)
            continue;
        const char *value = headers[i].value + strspn(headers[i].value, " ");
        size_t n = strlen(value);
        while (n && value[n - 1] == ' ')
            n--;
        ps_buf_text(text, headers[i].name);
        ps_buf_char(text, ':');
        ps_buf_add(text, value, n);
        ps_buf_char(text, '\n');
    }
}

int abfs_sharedkey(const unsigned char *key, unsigned key_bytes, const char *account, const char *method,
                   const char *path, struct ps_query *query, unsigned query_count, struct ps_header *headers,
                   unsigned header_count, uint64_t body_bytes, struct ps_buf *out, struct polyfs_error *err)
{
    struct ps_buf text = {0};
    ps_buf_text(&text, method);
    ps_buf_char(&text, '\n');
    add_standard(&text, headers, header_count, body_bytes);
    add_own(&text, headers, header_count);
    ps_buf_char(&text, '/');
    ps_buf_text(&text, account);
    ps_buf_text(&text, path);
    if (query_count)
        qsort(query, query_count, sizeof(*query), by_query_name);
    for (unsigned i = 0; i < query_count; i++) {
        ps_buf_char(&text, '\n');
        ps_buf_text(&text, query[i].name);
        ps_buf_char(&text, ':');
        ps_buf_text(&text, query[i].value);
    }
    ps_buf_text(out, "SharedKey ");
    ps_buf_text(out, account);
    ps_buf_char(out, ':');
    int rc = abfs_hmac(key, key_bytes, &text, out, err);
    ps_buf_clear(&text);
    return rc;
}
