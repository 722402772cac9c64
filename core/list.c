/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public lister. Its three ways, chosen when the first page is asked for:
 *  - one source: one level, or all levels where the store lists flat; the plugin's pages are handed through;
 *  - a stack of sources: all levels of real folders, each folder in byte order, so the whole is in byte order of
 *    the full key (a folder counts as its name + '/');
 *  - a single row: the path is an object.
 * Invariant: what was handed out is behind `last` in byte order, so a failed page can be asked for again.
 */
#include "core/list.h"

#include <glib.h>
#include <stdlib.h>

#include "core/glob.h"
#include "core/layers/layers.h"
#include "core/stat.h"

#define PAGE_ROWS 1000 /* rows of a page that core makes itself */
#define DEPTH_MAX 512

enum way { WAY_NOT_YET, WAY_SOURCE, WAY_STACK, WAY_SINGLE, WAY_DONE };

struct polyfs_lister {
    /* immutable */
    struct polyfs_fs *fs;
    char *path;                   /* as given */
    char *prefix;                 /* what every row begins with */
    struct polyfs_list_opts opts; /* texts are owned */
    struct polyfs_call_opts call;
    struct pfs_glob *glob; /* rows must match it; NULL: all do */

    /* one thread at a time */
    enum way way;
    struct pfs_source *stack; /* [0] also for WAY_SOURCE */
    size_t depth, room;
    struct pfs_rows rows; /* the page handed out, where it is core's own */
    char *last;           /* last path handed out */
    int last_is_dir;
    uint64_t given;
    int first_page_seen;
    int ordered; /* the store says that it lists in order */
};

/* ---- opening --------------------------------------------------------------------------------------------- */

static char *copy_text(const char *text, int *failed)
{
    char *copy = text ? strdup(text) : NULL;
    *failed |= text && !copy;
    return copy;
}

static int take_opts(struct polyfs_lister *l, const struct polyfs_list_opts *opts)
{
    int failed = 0;
    if (!opts)
        return POLYFS_OK;
    memcpy(&l->opts, opts, opts->struct_size < sizeof(l->opts) ? opts->struct_size : sizeof(l->opts));
    l->opts.start_after = copy_text(opts->start_after, &failed);
    l->opts.token = copy_text(opts->token, &failed);
    if (opts->call) {
        l->call = *opts->call;
        l->opts.call = &l->call;
    }
    return failed ? POLYFS_NOMEM : POLYFS_OK;
}

/* "d" and "d/" → "d/"; "" → ""; a prefix stays what it is. */
static char *prefix_of(const char *path, uint32_t flags)
{
    size_t n = strlen(path);
    int add = n && path[n - 1] != '/' && !(flags & POLYFS_LS_PREFIX);
    return pfs_format("%s%s", path, add ? "/" : "");
}

/* The token: base64 of version, hash of what it belongs to, and the last path. */
#define TOKEN_VERSION '1'

/* Of the text "NAME\nPREFIX\nFLAGS\nLAST", by Bernstein's function; made without that text. */
static uint32_t token_hash(const struct polyfs_lister *l, const char *last)
{
    char flags[16];
    uint32_t hash = 5381;
    snprintf(flags, sizeof(flags), "%u",
             l->opts.flags & (POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS | POLYFS_LS_VERSIONS));
    const char *parts[] = {l->fs->plugin->name, "\n", l->prefix, "\n", flags, "\n", last};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (const char *c = parts[i]; *c; c++)
            hash = hash * 33 + (unsigned char)*c;
    return hash;
}

/* Its bytes; NULL without memory. g_base64_decode would end the process, and the token is the caller's. */
static guchar *token_bytes(const char *token, gsize *out_n)
{
    gsize length = strlen(token);
    gint state = 0;
    guint save = 0;
    guchar *bytes = malloc(length / 4 * 3 + 4);
    if (bytes)
        *out_n = g_base64_decode_step(token, length, bytes, &state, &save);
    return bytes;
}

static char *token_text(const struct polyfs_text *bytes)
{
    gint state = 0, save = 0;
    char *text = bytes->length < SIZE_MAX / 2 ? malloc((bytes->length / 3 + 1) * 4 + 4 + 1) : NULL;
    if (!text)
        return NULL;
    gsize n = g_base64_encode_step((const guchar *)bytes->data, bytes->length, FALSE, text, &state, &save);
    n += g_base64_encode_close(FALSE, text + n, &state, &save);
    text[n] = '\0';
    return text;
}

static int take_token(struct polyfs_lister *l, struct polyfs_error *err)
{
    gsize n;
    if (!l->opts.token)
        return POLYFS_OK;
    guchar *bytes = token_bytes(l->opts.token, &n);
    uint32_t hash = 0;
    int fits = bytes && n >= 1 + sizeof(hash) + 1 && bytes[0] == TOKEN_VERSION;
    char *last = fits ? pfs_copy((const char *)bytes + 1 + sizeof(hash), n - 1 - sizeof(hash)) : NULL;
    if (fits)
        memcpy(&hash, bytes + 1, sizeof(hash));
    if (bytes && !fits) {
        free(bytes);
        return polyfs_fail(err, POLYFS_INVALID, "the token is not one of a listing");
    }
    free(bytes);
    if (!last)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for the token");
    free((char *)(uintptr_t)l->opts.start_after);
    l->opts.start_after = last;
    if (hash != token_hash(l, last) || strncmp(last, l->prefix, strlen(l->prefix)) != 0)
        return polyfs_fail(err, POLYFS_INVALID, "the token belongs to another listing");
    return POLYFS_OK;
}

int polyfs_list_token(struct polyfs_lister *l, char **out, struct polyfs_error *err)
{
    PFS_ERROR(why);
    struct polyfs_text bytes = {NULL, 0, 0};
    const char version = TOKEN_VERSION;
    const char *given = l->last ? l->last : l->opts.start_after ? l->opts.start_after : l->prefix;
    if (l->opts.flags & POLYFS_LS_UNORDERED || l->glob)
        return pfs_error_out(err, &why,
                             polyfs_fail(&why, POLYFS_UNSUPPORTED, "unordered listings and patterns have no token"),
                             "make a token", NULL);
    char *last = pfs_format("%s%s", given, l->last && l->last_is_dir ? "/" : "");
    uint32_t hash = last ? token_hash(l, last) : 0;
    int rc = last ? pfs_text_add(&bytes, &version, 1) : POLYFS_NOMEM;
    if (rc == POLYFS_OK)
        rc = pfs_text_add(&bytes, (const char *)&hash, sizeof(hash));
    if (rc == POLYFS_OK)
        rc = pfs_text_add(&bytes, last, strlen(last));
    if (rc == POLYFS_OK) {
        char *text = token_text(&bytes);
        rc = text ? POLYFS_OK : POLYFS_NOMEM;
        *out = text ? text : *out;
    }
    if (rc == POLYFS_NOMEM)
        polyfs_fail(&why, rc, "no memory for the token");
    free(last);
    pfs_text_clear(&bytes);
    return pfs_error_out(err, &why, rc, "make a token", NULL);
}

#define LS_KNOWN                                                                                                   \
    (POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS | POLYFS_LS_PREFIX | POLYFS_LS_VERSIONS | POLYFS_LS_UNORDERED)

int polyfs_list_open(struct polyfs_fs *fs, const char *path, const struct polyfs_list_opts *opts,
                     struct polyfs_lister **out_lister, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_lister *l = calloc(1, sizeof(*l));
    int rc = pfs_verb_begin(&v, "list", fs, path, opts ? opts->call : NULL);
    if (rc == POLYFS_OK && opts && opts->flags & ~LS_KNOWN)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK && opts && opts->flags & POLYFS_LS_VERSIONS)
        rc = pfs_verb_gate(&v, POLYFS_FACT_VERSIONS, "keep versions");
    if (rc == POLYFS_OK) {
        rc = POLYFS_NOMEM;
        if (l && take_opts(l, opts) == POLYFS_OK) {
            l->fs = polyfs_fs_ref(fs);
            l->path = strdup(path);
            l->prefix = prefix_of(path, l->opts.flags);
            rc = l->path && l->prefix ? take_token(l, &v.error) : POLYFS_NOMEM;
        }
    }
    if (rc == POLYFS_OK)
        *out_lister = l;
    else
        polyfs_list_close(l);
    return pfs_verb_end(&v, rc, err);
}

void polyfs_list_close(struct polyfs_lister *l)
{
    if (!l)
        return;
    while (l->depth)
        pfs_source_close(l->fs, &l->stack[--l->depth]);
    free(l->stack);
    pfs_rows_clear(&l->rows);
    free((char *)(uintptr_t)l->opts.start_after);
    free((char *)(uintptr_t)l->opts.token);
    free(l->last);
    free(l->prefix);
    free(l->path);
    pfs_glob_free(l->glob);
    polyfs_fs_close(l->fs);
    free(l);
}

/* ---- choosing the way ------------------------------------------------------------------------------------------ */

/* What the plugin is asked for below @prefix, given where the listing starts. */
static struct polyfs_list_request request_for(const struct polyfs_lister *l, const char *start_after,
                                              uint32_t flags)
{
    return (struct polyfs_list_request){
        .struct_size = sizeof(struct polyfs_list_request),
        .flags = flags | (l->opts.flags & POLYFS_LS_VERSIONS ? POLYFS_LIST_VERSIONS : 0) |
                 (l->opts.flags & POLYFS_LS_UNORDERED ? POLYFS_LIST_UNORDERED : 0),
        .start_after = start_after,
        .page_size = l->opts.page_size,
    };
}

static int push(struct pfs_verb *v, struct polyfs_lister *l, const char *prefix, const char *start_after,
                uint32_t flags)
{
    if (l->depth >= DEPTH_MAX)
        return polyfs_fail(&v->error, POLYFS_TOO_LARGE, "the folders are more than %d deep", DEPTH_MAX);
    if (pfs_grow((void **)&l->stack, &l->room, l->depth, sizeof(*l->stack)) != POLYFS_OK)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a listing");
    struct polyfs_list_request request = request_for(l, start_after, flags);
    int rc = pfs_source_open(v, &l->stack[l->depth], prefix, &request);
    if (rc < 0) {
        pfs_source_close(l->fs, &l->stack[l->depth]);
        return rc;
    }
    l->depth++;
    return POLYFS_OK;
}

/* What a prefix ends with is no name yet: its facts are those of the folder that it is in. */
static int facts_of(struct pfs_verb *v, const struct polyfs_lister *l, struct polyfs_caps *out)
{
    const char *slash = strrchr(l->path, '/');
    if (!(l->opts.flags & POLYFS_LS_PREFIX))
        return pfs_verb_caps(v, l->path, out);
    char *folder = pfs_copy(l->path, slash ? (size_t)(slash + 1 - l->path) : 0);
    int rc = folder ? pfs_verb_caps(v, folder, out) : polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a name");
    free(folder);
    return rc;
}

static int choose_way(struct pfs_verb *v, struct polyfs_lister *l)
{
    struct polyfs_caps caps;
    int rc = facts_of(v, l, &caps);
    if (rc != POLYFS_OK)
        return rc;
    int recursive = (l->opts.flags & POLYFS_LS_RECURSIVE) != 0;
    int flat = recursive && caps.fact[POLYFS_FACT_FLAT_LIST] == POLYFS_YES && !(l->opts.flags & POLYFS_LS_DIRS) &&
               !l->opts.max_depth;
    enum way way = recursive && !flat ? WAY_STACK : WAY_SOURCE;
    l->ordered = caps.fact[POLYFS_FACT_ORDERED_LIST] == POLYFS_YES &&
                 !(l->opts.flags & (POLYFS_LS_VERSIONS | POLYFS_LS_UNORDERED));
    int starts =
        way == WAY_SOURCE && caps.fact[POLYFS_FACT_START_AFTER] == POLYFS_YES; /* else rows are skipped here */
    rc = push(v, l, l->prefix, starts ? l->opts.start_after : NULL, flat ? POLYFS_LIST_FLAT : 0);
    if (rc == POLYFS_OK)
        l->way = way;
    return rc;
}

static int is_no_folder(int rc)
{
    return rc == POLYFS_NOT_DIR || rc == POLYFS_NOT_FOUND;
}

/* The folder is not one: an object of that name is listed as itself. */
static int list_single(struct pfs_verb *v, struct polyfs_lister *l, int rc)
{
    struct polyfs_stat stat;
    size_t n = strlen(l->path);
    if (l->opts.flags & POLYFS_LS_PREFIX || !n || l->path[n - 1] == '/' || (l->glob && rc < 0))
        return rc;
    int stat_rc = pfs_stat(v, l->path, NULL, &stat);
    if (stat_rc < 0)
        return stat_rc;
    if (stat.type == POLYFS_TYPE_DIR)
        return rc;
    struct polyfs_entry entry = {.path = l->path,
                                 .path_len = n,
                                 .type = stat.type,
                                 .size = stat.size,
                                 .mtime_ns = stat.mtime_ns,
                                 .etag = stat.etag[0] ? stat.etag : NULL,
                                 .version = stat.version[0] ? stat.version : NULL};
    if (pfs_rows_add(&l->rows, &entry) != POLYFS_OK)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a row");
    l->way = WAY_SINGLE;
    return POLYFS_OK;
}

/* Nothing below it on a store without folders: an object of that name, an empty bucket, or nothing at all. */
static int first_page_empty(struct pfs_verb *v, struct polyfs_lister *l)
{
    struct polyfs_caps caps;
    int rc = facts_of(v, l, &caps);
    if (rc != POLYFS_OK || caps.fact[POLYFS_FACT_REAL_DIRS] == POLYFS_YES || l->opts.flags & POLYFS_LS_PREFIX)
        return rc;
    if (!*l->path || l->opts.start_after || pfs_is_bucket(l->fs, l->path)) /* one that is missing has told so */
        return POLYFS_OK;
    return list_single(v, l, polyfs_fail(&v->error, POLYFS_NOT_FOUND, "there is no such folder or object"));
}

/* ---- pages ----------------------------------------------------------------------------------------------- */

/* Is this row behind where the listing starts? */
static int behind_start(const struct polyfs_lister *l, const struct polyfs_entry *e)
{
    const char *start = l->opts.start_after;
    return !start || pfs_key_compare(e->path, e->path_len, e->type == POLYFS_TYPE_DIR, start, strlen(start), 0) > 0;
}

/* A folder's own marker object ("d/" within "d/") is not in the folder. */
static int is_marker(const struct polyfs_lister *l, const char *prefix, const struct polyfs_entry *e)
{
    return !(l->opts.flags & POLYFS_LS_PREFIX) && e->path_len == strlen(prefix) && e->path_len &&
           memcmp(e->path, prefix, e->path_len) == 0;
}

/* Every reason to leave a row out. */
static int wanted(const struct polyfs_lister *l, const char *prefix, const struct polyfs_entry *e)
{
    return !is_marker(l, prefix, e) && behind_start(l, e) &&
           (!l->glob || pfs_glob_match(l->glob, e->path, e->path_len, e->type == POLYFS_TYPE_DIR));
}

static int remember_last(struct polyfs_lister *l, const struct polyfs_entry *e)
{
    char *last = pfs_copy(e->path, e->path_len);
    if (!last)
        return POLYFS_NOMEM;
    free(l->last);
    l->last = last;
    l->last_is_dir = e->type == POLYFS_TYPE_DIR;
    return POLYFS_OK;
}

/* A page as the plugin gave it, when no row of it has to go. */
static int page_clean(const struct polyfs_lister *l, const struct pfs_source *s)
{
    for (uint64_t i = 0; i < s->page.count; i++) {
        const struct polyfs_entry *e = pfs_page_row(&s->page, i);
        if (!wanted(l, s->prefix, e))
            return 0;
    }
    return s->page.stride == sizeof(struct polyfs_entry);
}

static int page_copy(struct polyfs_lister *l, const struct pfs_source *s)
{
    for (uint64_t i = 0; i < s->page.count; i++) {
        const struct polyfs_entry *e = pfs_page_row(&s->page, i);
        if (wanted(l, s->prefix, e) && pfs_rows_add(&l->rows, e) != POLYFS_OK)
            return POLYFS_NOMEM;
    }
    return POLYFS_OK;
}

static int next_of_source(struct pfs_verb *v, struct polyfs_lister *l, const struct polyfs_entry **out_rows,
                          size_t *out_count)
{
    struct pfs_source *s = &l->stack[0];
    int rc;
    do { /* pages that lie before the start are passed over */
        rc = pfs_source_page(v, s, l->ordered);
        if (rc < 0)
            return is_no_folder(rc) && !l->first_page_seen ? list_single(v, l, rc) : rc;
        if (page_clean(l, s)) {
            *out_rows = s->page.entries;
            *out_count = s->page.count;
            return rc;
        }
        if (page_copy(l, s) != POLYFS_OK)
            return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a page");
    } while (rc == POLYFS_MORE && !l->rows.count && l->opts.start_after);
    *out_rows = l->rows.rows;
    *out_count = l->rows.count;
    return rc;
}

/* Could anything below this folder be behind the start? */
static int worth_entering(const struct polyfs_lister *l, const struct polyfs_entry *e)
{
    const char *start = l->opts.start_after;
    size_t n = start ? strlen(start) : 0;
    if (behind_start(l, e))
        return 1;
    return n > e->path_len && memcmp(start, e->path, e->path_len) == 0 && start[e->path_len] == '/';
}

static int enter(struct pfs_verb *v, struct polyfs_lister *l, const struct polyfs_entry *e)
{
    char *prefix = pfs_format("%.*s/", (int)e->path_len, e->path);
    if (!prefix)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a listing");
    int rc = push(v, l, prefix, NULL, 0);
    free(prefix);
    return rc;
}

/* Takes one row of the innermost folder; steps into and out of folders. */
static int step_stack(struct pfs_verb *v, struct polyfs_lister *l)
{
    struct pfs_source *s = &l->stack[l->depth - 1];
    if (s->at >= s->page.count) {
        if (s->last) {
            pfs_source_close(l->fs, s);
            l->depth--;
            return POLYFS_OK;
        }
        int rc = pfs_source_page(v, s, l->ordered);
        if (is_no_folder(rc) && l->depth == 1 && !l->first_page_seen)
            return list_single(v, l, rc);
        if (rc == POLYFS_NOT_FOUND && l->depth > 1) { /* removed since its parent was read */
            s->last = 1;
            rc = POLYFS_OK;
        }
        return rc < 0 ? rc : POLYFS_OK;
    }
    const struct polyfs_entry *e = pfs_page_row(&s->page, s->at++);
    int dir = e->type == POLYFS_TYPE_DIR;
    if ((!dir || l->opts.flags & POLYFS_LS_DIRS) && wanted(l, s->prefix, e) &&
        pfs_rows_add(&l->rows, e) != POLYFS_OK)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a row");
    if (dir && !(e->flags & POLYFS_STAT_LINK) && !is_marker(l, s->prefix, e) && worth_entering(l, e) &&
        (!l->opts.max_depth || l->depth < l->opts.max_depth))
        return enter(v, l, e);
    return POLYFS_OK;
}

static int next_of_stack(struct pfs_verb *v, struct polyfs_lister *l, const struct polyfs_entry **out_rows,
                         size_t *out_count)
{
    size_t wanted = l->opts.page_size ? l->opts.page_size : PAGE_ROWS;
    int rc = POLYFS_OK;
    while (l->way == WAY_STACK && l->depth && l->rows.count < wanted && rc == POLYFS_OK)
        rc = step_stack(v, l);
    if (rc < 0)
        return rc;
    *out_rows = l->rows.rows;
    *out_count = l->rows.count;
    return l->way == WAY_STACK && l->depth ? POLYFS_MORE : POLYFS_OK;
}

/* "a/" followed by a globstar matches the folder a itself, which no listing of a shows. */
static int add_glob_root(struct pfs_verb *v, struct polyfs_lister *l)
{
    struct polyfs_stat stat;
    struct polyfs_entry root = {.path = l->path, .path_len = strlen(l->path), .type = POLYFS_TYPE_DIR};
    if (!*l->path || !pfs_glob_match(l->glob, root.path, root.path_len, 1) || !behind_start(l, &root))
        return POLYFS_OK;
    int rc = pfs_stat(v, l->path, NULL, &stat);
    root.mtime_ns = stat.mtime_ns;
    if (rc == POLYFS_OK && stat.type == POLYFS_TYPE_DIR && pfs_rows_add(&l->rows, &root) != POLYFS_OK)
        rc = polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a row");
    return rc;
}

static int next_page(struct pfs_verb *v, struct polyfs_lister *l, const struct polyfs_entry **out_rows,
                     size_t *out_count)
{
    int rc = l->way == WAY_NOT_YET ? choose_way(v, l) : POLYFS_OK;
    if (rc >= 0 && l->way == WAY_STACK && l->glob && !l->first_page_seen && !l->rows.count)
        rc = add_glob_root(v, l);
    if (is_no_folder(rc) && l->way == WAY_NOT_YET)
        rc = list_single(v, l, rc);
    if (rc < 0)
        return rc;
    if (l->way == WAY_SOURCE)
        rc = next_of_source(v, l, out_rows, out_count);
    else if (l->way == WAY_STACK)
        rc = next_of_stack(v, l, out_rows, out_count);
    if (rc >= 0 && !l->first_page_seen && rc == POLYFS_OK && *out_count == 0 && l->way != WAY_SINGLE)
        rc = first_page_empty(v, l);
    if (rc >= 0 && l->way == WAY_SINGLE) {
        *out_rows = l->rows.rows;
        *out_count = l->rows.count;
        rc = POLYFS_OK;
    }
    return rc;
}

int polyfs_list_next(struct polyfs_lister *l, const struct polyfs_entry **out_rows, size_t *out_count,
                     struct polyfs_error *err)
{
    struct pfs_verb v;
    const struct polyfs_entry *rows = NULL;
    size_t count = 0;
    if (l->way == WAY_DONE) {
        *out_count = 0;
        return POLYFS_OK;
    }
    int rc = pfs_verb_begin(&v, "list", l->fs, l->path, l->opts.call);
    if ((l->way != WAY_STACK && l->way != WAY_SINGLE) || l->first_page_seen)
        pfs_rows_reset(&l->rows);
    if (rc == POLYFS_OK)
        rc = next_page(&v, l, &rows, &count);
    if ((rc == POLYFS_NOT_FOUND || rc == POLYFS_NOT_DIR) &&
        l->glob) { /* nothing matches below a folder that is not there */
        count = 0;
        rc = POLYFS_OK;
    }
    if (rc >= 0) {
        l->first_page_seen = 1;
        if (l->opts.limit && l->given + count >= l->opts.limit) {
            count = (size_t)(l->opts.limit - l->given);
            rc = POLYFS_OK;
        }
        l->given += count;
        if (count && remember_last(l, &rows[count - 1]) != POLYFS_OK)
            rc = polyfs_fail(&v.error, POLYFS_NOMEM, "no memory for the place reached");
    }
    if (rc == POLYFS_OK)
        l->way = WAY_DONE;
    if (rc >= 0) {
        *out_rows = rows;
        *out_count = count;
    }
    return pfs_verb_end(&v, rc, err);
}

/* ---- patterns -------------------------------------------------------------------------------------------------- */

/* No magic: the one row, if it is there. */
static int glob_literal(struct pfs_verb *v, struct polyfs_lister *l)
{
    l->way = WAY_DONE;
    int rc = list_single(v, l, POLYFS_OK);
    if (l->way == WAY_SINGLE || rc == POLYFS_NOT_FOUND)
        return POLYFS_OK;
    if (rc < 0)
        return rc;
    struct polyfs_entry folder = {.path = l->path,
                                  .path_len = strlen(l->path),
                                  .type = POLYFS_TYPE_DIR,
                                  .mtime_ns = POLYFS_TIME_UNKNOWN};
    while (folder.path_len > 1 && l->path[folder.path_len - 1] == '/')
        folder.path_len--;
    if (pfs_rows_add(&l->rows, &folder) != POLYFS_OK)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a row");
    l->way = WAY_SINGLE;
    return POLYFS_OK;
}

int polyfs_glob_open(struct polyfs_fs *fs, const char *pattern, const struct polyfs_list_opts *opts,
                     struct polyfs_lister **out_lister, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct pfs_glob *glob = NULL;
    struct polyfs_lister *l = NULL;
    struct polyfs_list_opts own = POLYFS_LIST_OPTS_INIT;
    int magic = pfs_glob_magic(pattern);
    char *plain = magic ? NULL : pfs_glob_plain(pattern);
    if (opts)
        memcpy(&own, opts, opts->struct_size < sizeof(own) ? opts->struct_size : sizeof(own));
    int rc = pfs_verb_begin(&v, "list", fs, pattern, own.call);
    if (rc == POLYFS_OK && magic)
        rc = pfs_glob_new(pattern, &glob, &v.error);
    if (rc == POLYFS_OK && own.flags & ~POLYFS_LS_DIRS)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a pattern takes no such flag");
    own.flags = POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS;
    own.max_depth = magic && rc == POLYFS_OK ? pfs_glob_depth(glob, own.max_depth) : 0;
    if (rc == POLYFS_OK)
        rc = polyfs_list_open(fs, magic ? pfs_glob_root(glob) : plain, &own, &l, &v.error);
    if (rc == POLYFS_OK && !magic)
        rc = glob_literal(&v, l);
    if (rc == POLYFS_OK) {
        l->glob = glob;
        *out_lister = l;
    } else {
        pfs_glob_free(glob);
        polyfs_list_close(l);
    }
    free(plain);
    return pfs_verb_end(&v, rc, err);
}
