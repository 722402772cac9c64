/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar: scheme "://" bytes, with scheme = [a-z][a-z0-9+.-]* of at most 32 bytes; everything else is a local
 * path, but for two things that are always mistakes: one slash after a known protocol, and a chain.
 */
#include "core/url.h"

#include "core/plugin.h"
#include "core/registry.h"

/* How many leading bytes could be a scheme. */
static size_t scheme_span(const char *url)
{
    size_t n = strspn(url, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
    return n && url[0] >= 'a' && url[0] <= 'z' ? n : 0;
}

static int one_slash(const char *url, size_t n, struct polyfs_error *err)
{
    char name[33];
    if (n > 32)
        return POLYFS_OK;
    memcpy(name, url, n);
    name[n] = '\0';
    if (!pfs_registry_knows(name))
        return POLYFS_OK; /* a local name with a colon in it */
    const char *rest = url + n + 1;
    const char *slash = strcmp(name, "file") == 0 ? "/" : "";
    return polyfs_fail(err, POLYFS_INVALID, "after a protocol come two slashes; write %s://%s%s", name, slash,
                       rest + strspn(rest, "/"));
}

int pfs_url_parse(const char *url, struct pfs_url *out, struct polyfs_error *err)
{
    if (!url || !*url)
        return polyfs_fail(err, POLYFS_INVALID, "the URL is empty");
    size_t n = scheme_span(url);
    if (n && strncmp(url + n, "://", 3) == 0) {
        if (!pfs_scheme_valid(url, n))
            return polyfs_fail(err, POLYFS_INVALID, "the protocol in front of :// has more than 32 characters");
        memcpy(out->scheme, url, n);
        out->scheme[n] = '\0';
        out->rest = url + n + 3;
        return POLYFS_OK;
    }
    if (n && strncmp(url + n, "::", 2) == 0 && strstr(url + n, "://"))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this polyfs has no layer \"%.*s\" for chained URLs (a::b)",
                           (int)(n < 32 ? n : 32), url);
    int rc = n && url[n] == ':' && url[n + 1] == '/' ? one_slash(url, n, err) : POLYFS_OK;
    if (rc != POLYFS_OK)
        return rc;
    memcpy(out->scheme, "file", 5);
    out->rest = url;
    return POLYFS_OK;
}

/* A password may hold any byte, '/' too; a number behind the colon is a port. */
static const char *password_of(const char *authority, const char **out_end)
{
    const char *colon = strpbrk(authority, ":/");
    *out_end = colon && *colon == ':' ? strrchr(colon, '@') : NULL;
    if (!*out_end)
        return NULL;
    char behind = colon[1 + strspn(colon + 1, "0123456789")];
    return behind == '/' || !behind ? NULL : colon + 1;
}

void pfs_url_redact(const char *url, char *out, size_t room)
{
    const char *scheme = strstr(url, "://"), *end, *password = scheme ? password_of(scheme + 3, &end) : NULL;
    char text[1200];
    if (password) /* user:password@host: the password goes */
        snprintf(text, sizeof(text), "%.*s***%s", (int)(password - url < 600 ? password - url : 600), url, end);
    else
        snprintf(text, sizeof(text), "%s", url);
    pfs_error_text(out, room, text);
}
