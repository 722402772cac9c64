/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings: a folder is read whole, one getListing a call, and sorted in memory, a folder's name counting as name + '/';
 * what that takes is counted. A prefix is a folder and the beginning of a name.
 */
#include <stdlib.h>

#include "hdfs.h"

#define PAGE_ROWS 1000

struct name {
    uint64_t at, size; /* at: in text */
    int64_t mtime_ms;
    uint16_t length; /* without '/' and NUL */
    uint8_t dir;     /* sorts as name + '/' */
};

struct hdfs_lister {
    struct hdfs_fs *fs;
    char *folder; /* what leads each row's path: "" or ends in '/' */
    size_t folder_len;
    char *begins;      /* names begin with it */
    char *start_after; /* name, or NULL */
    uint32_t page_size;
    int is_read;
    char *last; /* how far it is read; NULL: from the start */

    char *text; /* "name\0" or "name/\0" */
    size_t text_len, text_room;
    struct name *names;
    size_t count, room, at;

    struct polyfs_entry *rows; /* of the page */
    char *block;               /* the page's paths */
    int64_t counted;
};

/* ---- reading the folder ----------------------------------------------------------------------------------- */

static int grow(struct hdfs_lister *l, size_t n, struct polyfs_error *err)
{
    if (l->text_len + n + 2 > l->text_room) {
        size_t room = (l->text_room ? l->text_room * 2 : 4096) + n;
        char *text = ps_host->resize(l->text, room);
        if (!text)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for a folder of %zu names", l->count);
        l->text = text;
        l->text_room = room;
    }
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 256;
        struct name *names = ps_host->resize(l->names, room * sizeof(*names));
        if (!names)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for a folder of %zu names", l->count);
        l->names = names;
        l->room = room;
    }
    return POLYFS_OK;
}

static int is_wanted(const struct hdfs_lister *l, const char *name, int dir)
{
    char key[1024];
    if (!*name || strncmp(name, POLYFS_STAGING_PREFIX, strlen(POLYFS_STAGING_PREFIX)) == 0 ||
        strncmp(name, l->begins, strlen(l->begins)) != 0)
        return 0;
    if (!l->start_after)
        return 1;
    snprintf(key, sizeof(key), "%s%s", name, dir ? "/" : "");
    return strcmp(key, l->start_after) > 0;
}

static int add_row(void *arg, const char *name, const struct hdfs_info *info, struct polyfs_error *err)
{
    struct hdfs_lister *l = arg;
    size_t n = strlen(name);
    if (!n && !info->is_dir) /* what is listed is a file, which the name node tells like that */
        return polyfs_fail(err, POLYFS_NOT_DIR, "it is a file, not a folder");
    if (!is_wanted(l, name, info->is_dir))
        return POLYFS_OK;
    int rc = grow(l, n, err);
    if (rc != POLYFS_OK)
        return rc;
    l->names[l->count++] =
        (struct name){l->text_len, info->size, info->mtime_ms, (uint16_t)n, (uint8_t)(info->is_dir != 0)};
    memcpy(l->text + l->text_len, name, n);
    l->text_len += n;
    if (info->is_dir)
        l->text[l->text_len++] = '/';
    l->text[l->text_len++] = '\0';
    return POLYFS_OK;
}

static int by_key(const void *a, const void *b, void *user)
{
    const struct name *x = a, *y = b;
    const char *text = user;
    return strcmp(text + x->at, text + y->at); /* a folder's text ends in '/' */
}

/* One answer of the name node; a failed one leaves what was read as it was. */
static int read_some(struct polyfs_call *call, struct hdfs_lister *l, struct polyfs_error *err)
{
    struct hdfs_java j;
    const size_t count = l->count, text_len = l->text_len;
    char *own = NULL, *last = NULL;
    int rc = hdfs_enter(&j, l->fs, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_path(&j, l->folder, l->folder_len, &own);
    if (rc == POLYFS_OK)
        rc = hdfs_list(&j, own, l->last ? l->last : "", add_row, l, &last);
    hdfs_leave(&j);
    free(own);
    if (rc != POLYFS_OK) {
        l->count = count;
        l->text_len = text_len;
        free(last);
        return rc;
    }
    free(l->last);
    l->last = last;
    l->is_read = !last;
    int64_t now = (int64_t)(l->text_room + l->room * sizeof(*l->names));
    ps_host->budget_count(now - l->counted);
    l->counted = now;
    if (l->is_read && l->count)
        qsort_r(l->names, l->count, sizeof(*l->names), by_key, l->text);
    return POLYFS_OK;
}

/* ---- pages -------------------------------------------------------------------------------------------------- */

static int page_fill(struct hdfs_lister *l, size_t rows, struct polyfs_error *err)
{
    size_t bytes = 1;
    for (size_t i = l->at; i < l->at + rows; i++)
        bytes += l->folder_len + l->names[i].length + 1u;
    ps_host->free(l->block);
    l->block = ps_host->alloc(bytes);
    struct polyfs_entry *more = ps_host->resize(l->rows, (rows + 1) * sizeof(*more));
    if (more)
        l->rows = more;
    if (!more || !l->block)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a page");
    char *at = l->block;
    for (size_t i = 0; i < rows; i++) {
        const struct name *name = &l->names[l->at + i];
        l->rows[i] = (struct polyfs_entry){.path = at,
                                           .path_len = l->folder_len + name->length,
                                           .type = name->dir ? POLYFS_TYPE_DIR : POLYFS_TYPE_FILE,
                                           .flags = POLYFS_STAT_LATEST,
                                           .size = name->size,
                                           .mtime_ns = name->mtime_ms * 1000000};
        memcpy(at, l->folder, l->folder_len);
        memcpy(at + l->folder_len, l->text + name->at, name->length);
        at[l->rows[i].path_len] = '\0';
        at += l->rows[i].path_len + 1;
    }
    return POLYFS_OK;
}

static int list_next(struct polyfs_call *call, void *self, struct polyfs_page *out, struct polyfs_error *err)
{
    struct hdfs_lister *l = self;
    int rc = polyfs_go_on(ps_host, call, err);
    if (rc == POLYFS_OK && !l->is_read)
        rc = read_some(call, l, err);
    if (rc != POLYFS_OK)
        return rc;
    size_t rows = l->page_size ? l->page_size : PAGE_ROWS;
    if (rows > l->count - l->at)
        rows = l->count - l->at;
    if (!l->is_read)
        rows = 0;
    rc = page_fill(l, rows, err);
    if (rc != POLYFS_OK)
        return rc;
    out->count = rows;
    out->entries = l->rows;
    out->stride = sizeof(*l->rows);
    out->marker = NULL;
    l->at += rows;
    return !l->is_read || l->at < l->count ? POLYFS_MORE : POLYFS_OK;
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

static void list_close(void *self)
{
    struct hdfs_lister *l = self;
    ps_host->budget_count(-l->counted);
    ps_host->free(l->text);
    ps_host->free(l->names);
    ps_host->free(l->rows);
    ps_host->free(l->block);
    free(l->folder);
    free(l->begins);
    free(l->start_after);
    free(l->last);
    ps_host->free(l);
}

/* Folder part and name part of a prefix: "/a/b" → "/a/" and "b"; "/a/" → "/a/" and "". */
static int split(struct hdfs_lister *l, const char *prefix, const char *start_after)
{
    const char *slash = strrchr(prefix, '/');
    l->folder_len = slash ? (size_t)(slash - prefix) + 1 : 0;
    l->folder = strndup(prefix, l->folder_len);
    l->begins = strdup(prefix + l->folder_len);
    const int is_within = start_after && strncmp(start_after, prefix, l->folder_len) == 0;
    if (is_within)
        l->start_after = strdup(start_after + l->folder_len);
    return l->folder && l->begins && (!is_within || l->start_after) ? POLYFS_OK : POLYFS_NOMEM;
}

static int list_open(struct polyfs_call *call, void *self, const char *prefix, uint64_t prefix_len,
                     const struct polyfs_list_request *request, void **out_lister, struct polyfs_error *err)
{
    (void)prefix_len;
    int rc = polyfs_go_on(ps_host, call, err);
    if (rc != POLYFS_OK)
        return rc;
    if (request->flags & ~(POLYFS_LIST_UNORDERED | POLYFS_LIST_NAMES) || request->marker)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "folders are listed one level at a time, without versions");
    struct hdfs_lister *l = ps_host->alloc(sizeof(*l));
    if (!l)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    *l = (struct hdfs_lister){.fs = self, .page_size = request->page_size};
    if (split(l, prefix, request->start_after) != POLYFS_OK) {
        list_close(l);
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    }
    *out_lister = l;
    return POLYFS_OK;
}

const struct polyfs_lister_ops hdfs_lister_ops = {
    .struct_size = sizeof(struct polyfs_lister_ops),
    .open = list_open,
    .next = list_next,
    .close = list_close,
};
