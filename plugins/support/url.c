/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding, canonical queries and endpoints (url.h). */
#include "url.h"

#include <arpa/inet.h>

#include <stdlib.h>

static int is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void ps_url_encode(struct ps_buf *buf, const char *data, uint64_t size, int keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *at = (const unsigned char *)data, *end = at + size;
    while (at < end) {
        const unsigned char *from = at;
        while (at < end && (is_unreserved(*at) || (keep_slash && *at == '/')))
            at++;
        ps_buf_add(buf, from, (uint64_t)(at - from));
        if (at < end) {
            char three[3] = {'%', digits[*at >> 4], digits[*at & 15]};
            ps_buf_add(buf, three, 3);
            at++;
        }
    }
}

/* As the encoded texts compare: every byte that is encoded begins with '%', which sorts below all others. */
static int compare_encoded(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    unsigned char left = (unsigned char)*a, right = (unsigned char)*b;
    if (left && right && is_unreserved(left) != is_unreserved(right))
        return is_unreserved(left) ? 1 : -1;
    return (int)left - (int)right;
}

static int by_name(const void *a, const void *b)
{
    const struct ps_query *left = a, *right = b;
    int order = compare_encoded(left->name, right->name);
    return order ? order : compare_encoded(left->value, right->value);
}

void ps_url_query(struct ps_buf *buf, struct ps_query *rows, unsigned count)
{
    if (count)
        qsort(rows, count, sizeof(*rows), by_name);
    for (unsigned i = 0; i < count; i++) {
        if (i)
            ps_buf_char(buf, '&');
        ps_url_encode(buf, rows[i].name, strlen(rows[i].name), 0);
        ps_buf_char(buf, '=');
        ps_url_encode(buf, rows[i].value, strlen(rows[i].value), 0);
    }
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint64_t ps_url_decode(char *text, uint64_t size)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < size; i++) {
        int high = text[i] == '%' && size - i > 2 ? hex_of(text[i + 1]) : -1;
        int low = high >= 0 ? hex_of(text[i + 2]) : -1;
        if (low >= 0) {
            text[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            text[n++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    text[n] = '\0';
    return n;
}

/* ---- endpoints -------------------------------------------------------------------------------------------------- */

static int bad(const char *text, const char *why, struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_CONFIG,
                       "the endpoint \"%.200s\" %s; write it as https://host or http://host:port", text, why);
}

static int is_host_char(char c)
{
    return is_unreserved((unsigned char)c) || c == ':';
}

/* host[:port] or [v6][:port]; *out_port is 0 without one. */
static int authority_parse(const char *text, const char *at, size_t size, char *host, size_t room, long *out_port,
                           struct polyfs_error *err)
{
    const char *end = at + size, *stop = *at == '[' ? memchr(at, ']', size) : memchr(at, ':', size);
    const char *from = *at == '[' ? at + 1 : at, *port;
    if (*at == '[' && !stop)
        return bad(text, "has a '[' without its ']'", err);
    port = !stop ? end : *stop == ']' ? stop + 1 : stop;
    size_t n = (size_t)((stop ? stop : end) - from);
    if (!n || n >= room)
        return bad(text, "has no host, or one that is too long", err);
    for (size_t i = 0; i < n; i++)
        if (!is_host_char(from[i]) || (from[i] == ':' && *at != '['))
            return bad(text, "has a host with a character that no host has", err);
    memcpy(host, from, n);
    host[n] = '\0';
    *out_port = 0;
    if (port == end)
        return POLYFS_OK;
    char *rest;
    *out_port = *port == ':' && port[1] >= '0' && port[1] <= '9' ? strtol(port + 1, &rest, 10) : 0;
    if (*out_port < 1 || *out_port > 65535 || rest != end)
        return bad(text, "has a port that is none", err);
    return POLYFS_OK;
}

int ps_endpoint_parse(const char *text, struct ps_endpoint *out, struct polyfs_error *err)
{
    struct ps_endpoint e = {.tls = 1};
    const char *at = strstr(text, "://");
    long port = 0;
    if (at && strncmp(text, "http://", 7) == 0)
        e.tls = 0;
    else if (at && strncmp(text, "https://", 8) != 0)
        return bad(text, "has a scheme that is neither http nor https", err);
    at = at ? at + 3 : text;
    if (strchr(at, '@'))
        return polyfs_fail(err, POLYFS_CONFIG,
                           "the endpoint holds a user name; give keys as options, never in a URL");
    size_t size = strcspn(at, "/?#"), base = strcspn(at + size, "?#");
    if (at[size + base])
        return bad(text, "has a query or a fragment", err);
    int rc = authority_parse(text, at, size, e.host, sizeof(e.host), &port, err);
    if (rc != POLYFS_OK)
        return rc;
    while (base && at[size + base - 1] == '/')
        base--;
    if (base >= sizeof(e.base))
        return bad(text, "has a path that is too long", err);
    memcpy(e.base, at + size, base);
    const char *open = strchr(e.host, ':') ? "[" : "", *close = *open ? "]" : "";
    if (port && port != (e.tls ? 443 : 80))
        snprintf(e.authority, sizeof(e.authority), "%s%s%s:%ld", open, e.host, close, port);
    else
        snprintf(e.authority, sizeof(e.authority), "%s%s%s", open, e.host, close);
    *out = e;
    return POLYFS_OK;
}

int ps_host_is_loopback(const char *host)
{
    struct in_addr address; /* a name that only begins like one, 127.example.org, is anybody's */
    if (inet_pton(AF_INET, host, &address) == 1)
        return ntohl(address.s_addr) >> 24 == 127;
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

int ps_target_shown(const char *name, uint64_t n)
{
    const char *colon = memchr(name, ':', n);
    uint64_t shown = colon ? (uint64_t)(colon + 1 - name) : n;
    return shown < 80 ? (int)shown : 80;
}

void ps_target_split(const char *path, uint64_t path_len, struct ps_target *out)
{
    const char *slash = memchr(path, '/', path_len);
    out->bucket = path;
    out->bucket_len = slash ? (uint64_t)(slash - path) : path_len;
    out->key = slash ? slash + 1 : path + path_len;
    out->key_len = path_len - out->bucket_len - (slash != NULL);
}
