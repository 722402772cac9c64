/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching by parts. Both levels use the same idea: remember the last star and where it began, and on a mismatch let
 * it take one more; so the work is at most pattern × text, whatever the pattern.
 */
#include "core/glob.h"

#include <stdlib.h>

#include "core/text.h"

struct span {
    const char *at;
    size_t length;
};

struct pfs_glob {
    char *pattern;
    char *root;
    struct span *parts; /* of the pattern */
    size_t part_count;
    uint32_t depth;    /* parts below the root */
    uint32_t globstar; /* how many of them from the first `**` on; 0 without one */
    int dirs_only;
};

/* First byte of @path that is magic, or NULL. */
static const char *first_magic(const char *path)
{
    for (; *path; path++) {
        if (*path == '\\' && path[1])
            path++;
        else if (*path == '*' || *path == '?' || *path == '[')
            return path;
    }
    return NULL;
}

int pfs_glob_magic(const char *path)
{
    return first_magic(path) != NULL;
}

char *pfs_glob_plain(const char *path)
{
    char *plain = strdup(path), *to = plain;
    for (const char *at = plain; at && *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        *to++ = *at;
    }
    if (to)
        *to = '\0';
    return plain;
}

/* ---- one part ------------------------------------------------------------------------------------------------ */

/* Does the class that begins at @p (a '[') hold @c? *out_next: behind its ']'. -1: not closed, so no class. */
static int class_match(const char *p, const char *end, char c, const char **out_next)
{
    const char *at = p + 1;
    int negate = at < end && *at == '!', found = 0;
    at += negate;
    for (const char *first = at; at < end && (*at != ']' || at == first); at++) {
        if (at + 2 < end && at[1] == '-' && at[2] != ']') {
            found |= (unsigned char)c >= (unsigned char)at[0] && (unsigned char)c <= (unsigned char)at[2];
            at += 2;
        } else {
            found |= *at == c;
        }
    }
    if (at >= end)
        return -1;
    *out_next = at + 1;
    return found != negate;
}

/* One step of the pattern against one byte; 0 no, 1 yes and *p moves on. */
static int step_match(const char **p, const char *end, char c)
{
    const char *next = *p + 1;
    if (*p >= end)
        return 0;
    if (**p == '[') {
        int hit = class_match(*p, end, c, &next);
        if (hit >= 0) {
            *p = hit ? next : *p;
            return hit;
        }
        next = *p + 1;
    } else if (**p == '?') {
        *p = next;
        return 1;
    } else if (**p == '\\' && next < end) {
        if (*next != c)
            return 0;
        *p = next + 1;
        return 1;
    }
    if (**p != c)
        return 0;
    *p = next;
    return 1;
}

static int part_match(struct span pattern, struct span text)
{
    const char *p = pattern.at, *p_end = p + pattern.length, *t = text.at, *t_end = t + text.length;
    const char *star = NULL, *star_text = NULL;
    if (pattern.length == 1 && *p == '*')
        return text.length > 0;
    while (t < t_end) {
        if (p < p_end && *p == '*') {
            star = ++p;
            star_text = t;
        } else if (step_match(&p, p_end, *t)) {
            t++;
        } else if (star) {
            p = star;
            t = ++star_text;
        } else {
            return 0;
        }
    }
    while (p < p_end && *p == '*')
        p++;
    return p == p_end;
}

/* ---- whole paths ---------------------------------------------------------------------------------------------- */

static int is_globstar(struct span part)
{
    return part.length == 2 && part.at[0] == '*' && part.at[1] == '*';
}

static struct span next_part(const char **at, const char *end)
{
    const char *begin = *at;
    const char *slash = memchr(begin, '/', (size_t)(end - begin));
    const char *stop = slash ? slash : end;
    *at = slash ? slash + 1 : end + 1;
    return (struct span){begin, (size_t)(stop - begin)};
}

static int parts_match(const struct pfs_glob *g, const char *text, const char *end, int is_dir)
{
    size_t p = 0, star = SIZE_MAX;
    const char *t = text, *star_text = NULL;
    while (t <= end) {
        const char *after = t;
        struct span part = next_part(&after, end);
        if (p < g->part_count && is_globstar(g->parts[p])) {
            star = ++p;
            star_text = t;
            if (p == g->part_count)
                return 1; /* last: anything below, nothing included */
        } else if (p < g->part_count && part_match(g->parts[p], part)) {
            p++;
            t = after;
        } else if (star != SIZE_MAX) {
            next_part(&star_text, end);
            p = star;
            t = star_text;
        } else {
            return 0;
        }
    }
    while (is_dir && p < g->part_count && is_globstar(g->parts[p]))
        p++; /* globstars at the end match the folder in front of them too */
    return p == g->part_count;
}

int pfs_glob_match(const struct pfs_glob *g, const char *path, size_t length, int is_dir)
{
    if (g->dirs_only && !is_dir)
        return 0;
    return parts_match(g, path, path + length, is_dir);
}

/* ---- making ---------------------------------------------------------------------------------------------------- */

static int split(struct pfs_glob *g, struct polyfs_error *err)
{
    const char *at = g->pattern, *end = at + strlen(at);
    size_t room = 0;
    while (at <= end) {
        struct span part = next_part(&at, end);
        if (!is_globstar(part) && memmem(part.at, part.length, "**", 2))
            return polyfs_fail(err, POLYFS_INVALID,
                               "** stands for whole parts of a path; write it between slashes");
        if (pfs_grow((void **)&g->parts, &room, g->part_count, sizeof(*g->parts)) != POLYFS_OK)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for a pattern");
        g->parts[g->part_count++] = part;
    }
    return POLYFS_OK;
}

/* The root is the text up to the last '/' before the first magic byte; the rest tells how deep to look. */
static int find_root(struct pfs_glob *g, const char *pattern, struct polyfs_error *err)
{
    const char *magic = first_magic(pattern);
    size_t cut = magic ? (size_t)(magic - pattern) : strlen(pattern);
    while (cut && pattern[cut - 1] != '/')
        cut--;
    char *head = pfs_copy(pattern, cut > 1 ? cut - 1 : cut);
    g->root = head ? pfs_glob_plain(head) : NULL;
    free(head);
    if (!g->root)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a pattern");
    g->depth = 1;
    for (const char *at = g->pattern + cut; *at; at++)
        g->depth += *at == '/';
    for (size_t i = 0; i < g->part_count; i++)
        if (is_globstar(g->parts[i]) && !g->globstar)
            g->globstar = (uint32_t)(g->part_count - i);
    return POLYFS_OK;
}

int pfs_glob_new(const char *pattern, struct pfs_glob **out, struct polyfs_error *err)
{
    struct pfs_glob *g = calloc(1, sizeof(*g));
    size_t length = strlen(pattern);
    if (!g)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a pattern");
    g->dirs_only = length > 1 && pattern[length - 1] == '/';
    g->pattern = pfs_copy(pattern, length - (size_t)g->dirs_only);
    int rc = g->pattern ? split(g, err) : polyfs_fail(err, POLYFS_NOMEM, "no memory for a pattern");
    if (rc == POLYFS_OK)
        rc = find_root(g, g->pattern, err);
    if (rc == POLYFS_OK)
        *out = g;
    else
        pfs_glob_free(g);
    return rc;
}

void pfs_glob_free(struct pfs_glob *g)
{
    if (!g)
        return;
    free(g->pattern);
    free(g->root);
    free(g->parts);
    free(g);
}

const char *pfs_glob_root(const struct pfs_glob *g)
{
    return g->root;
}

uint32_t pfs_glob_depth(const struct pfs_glob *g, uint32_t max_depth)
{
    if (!g->globstar)
        return g->depth;
    return max_depth ? g->depth - g->globstar + max_depth : 0;
}
