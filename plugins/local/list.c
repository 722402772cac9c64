/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings: a folder is read whole and sorted in memory, a folder's name counting as name + '/'; what that takes is
 * counted. Rows get size and time page by page. A prefix is a folder and the beginning of a name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "local.h"

#define PAGE_ROWS 1000
#define READ_BYTES 65536

struct name {
    uint32_t at;     /* in text */
    uint16_t length; /* without '/' and NUL */
    uint8_t type;    /* d_type */
    uint8_t dir;     /* sorts as name + '/' */
};

struct local_lister {
    const struct local_fs *fs;
    char *folder; /* what leads each row's path: "" or ends in '/' */
    size_t folder_len;
    char *begins;      /* names begin with it */
    char *start_after; /* name, or NULL */
    uint32_t flags, page_size;
    int dir_fd; /* -1 until the first page */

    char *text; /* "name\0" or "name/\0" */
    size_t text_len, text_room;
    struct name *names;
    size_t count, room, at;

    struct polyfs_entry *rows; /* of the page */
    char *block;               /* the page's paths */
    size_t row_room;
    int64_t counted;
};

static void count_memory(struct local_lister *l)
{
    int64_t now = (int64_t)(l->text_room + l->room * sizeof(*l->names));
    local_host->budget_count(now - l->counted);
    l->counted = now;
}

/* ---- reading the folder ----------------------------------------------------------------------------------- */

static int add_name(struct local_lister *l, const char *name, unsigned char type, int dir, struct polyfs_error *err)
{
    size_t n = strlen(name);
    if (l->text_len + n + 2 > l->text_room) {
        size_t room = (l->text_room ? l->text_room * 2 : 4096) + n;
        char *text = room < UINT32_MAX ? local_host->resize(l->text, room) : NULL;
        if (!text)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for a folder of %zu names", l->count);
        l->text = text;
        l->text_room = room;
    }
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 256;
        struct name *names = local_host->resize(l->names, room * sizeof(*names));
        if (!names)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for a folder of %zu names", l->count);
        l->names = names;
        l->room = room;
    }
    struct name *row = &l->names[l->count++];
    *row = (struct name){(uint32_t)l->text_len, (uint16_t)n, type, (uint8_t)dir};
    memcpy(l->text + l->text_len, name, n);
    l->text_len += n;
    if (dir)
        l->text[l->text_len++] = '/';
    l->text[l->text_len++] = '\0';
    return POLYFS_OK;
}

/* d_type, asked for by name where the file system does not tell it. */
static unsigned char type_of(const struct local_lister *l, const char *name, unsigned char type)
{
    struct stat st;
    if (type == DT_UNKNOWN && fstatat(l->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return (unsigned char)IFTODT(st.st_mode);
    return type;
}

/* Does it sort as a folder? A link does when it leads to one; in a confined filesystem links lead nowhere. */
static int is_folder(const struct local_lister *l, const char *name, unsigned char type)
{
    struct stat st;
    if (type != DT_LNK || l->fs->confined)
        return type == DT_DIR;
    return fstatat(l->dir_fd, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static int wanted(const struct local_lister *l, const char *name, int dir)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        strncmp(name, LOCAL_STAGING, strlen(LOCAL_STAGING)) == 0)
        return 0;
    if (*l->begins && strncmp(name, l->begins, strlen(l->begins)) != 0)
        return 0;
    if (!l->start_after)
        return 1;
    char key[NAME_MAX + 2];
    snprintf(key, sizeof(key), "%s%s", name, dir ? "/" : "");
    return strcmp(key, l->start_after) > 0;
}

static int take_entries(struct local_lister *l, const char *buffer, long n, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (long at = 0; at < n && rc == POLYFS_OK;) {
        const struct dirent64 *entry = (const struct dirent64 *)(const void *)(buffer + at);
        unsigned char type = type_of(l, entry->d_name, entry->d_type);
        int dir = is_folder(l, entry->d_name, type);
        if (wanted(l, entry->d_name, dir))
            rc = add_name(l, entry->d_name, type, dir, err);
        at += entry->d_reclen;
    }
    return rc;
}

static int by_key(const void *a, const void *b, void *user)
{
    const struct name *x = a, *y = b;
    const char *text = user;
    return strcmp(text + x->at, text + y->at); /* a folder's text ends in '/' */
}

static int read_folder(struct polyfs_call *call, struct local_lister *l, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    int fd = local_open(l->fs, l->folder, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return local_fail(err, errno, "");
    l->dir_fd = fd;
    l->count = 0;
    l->text_len = 0;
    char *buffer = local_host->alloc(READ_BYTES);
    if (!buffer)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a folder");
    while (rc == POLYFS_OK) {
        rc = local_stopped(call, err);
        long n = rc == POLYFS_OK ? syscall(SYS_getdents64, fd, buffer, READ_BYTES) : 0;
        if (n < 0)
            rc = local_fail(err, errno, "reading the folder");
        if (n <= 0)
            break;
        rc = take_entries(l, buffer, n, err);
    }
    local_host->free(buffer);
    if (rc == POLYFS_OK) {
        if (l->count)
            qsort_r(l->names, l->count, sizeof(*l->names), by_key, l->text);
        count_memory(l);
    } else {
        close(fd);
        l->dir_fd = -1;
    }
    return rc;
}

/* ---- pages -------------------------------------------------------------------------------------------------- */

static int page_room(struct local_lister *l, size_t rows, struct polyfs_error *err)
{
    size_t bytes = 0;
    for (size_t i = l->at; i < l->at + rows; i++)
        bytes += l->folder_len + l->names[i].length + 1u;
    local_host->free(l->block);
    l->block = local_host->alloc(bytes);
    if (l->row_room < rows) {
        struct polyfs_entry *more = local_host->resize(l->rows, rows * sizeof(*more));
        if (!more)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for a page");
        l->rows = more;
        l->row_room = rows;
    }
    return l->block ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory for a page");
}

/* Size and time; a name that vanished since is left out (returns 0). */
static int fill_row(const struct local_lister *l, const struct name *name, struct polyfs_entry *row)
{
    struct stat st;
    const char *text = l->text + name->at;
    char own[NAME_MAX + 1];
    row->flags = POLYFS_STAT_LATEST;
    row->type = name->type == DT_DIR   ? POLYFS_TYPE_DIR
                : name->type == DT_REG ? POLYFS_TYPE_FILE
                                       : POLYFS_TYPE_OTHER;
    row->size = row->type == POLYFS_TYPE_FILE ? POLYFS_SIZE_UNKNOWN : 0;
    row->mtime_ns = POLYFS_TIME_UNKNOWN;
    if (l->flags & POLYFS_LIST_NAMES && name->type != DT_LNK)
        return 1;
    if (name->dir) {
        memcpy(own, text, name->length);
        own[name->length] = '\0';
        text = own;
    }
    if (name->type == DT_LNK)
        row->flags |= POLYFS_STAT_LINK;
    if (fstatat(l->dir_fd, text, &st, l->fs->confined ? AT_SYMLINK_NOFOLLOW : 0) < 0)
        return name->type == DT_LNK && errno == ENOENT;
    row->type = S_ISREG(st.st_mode) ? POLYFS_TYPE_FILE : S_ISDIR(st.st_mode) ? POLYFS_TYPE_DIR : POLYFS_TYPE_OTHER;
    row->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    row->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return 1;
}

static uint64_t fill_page(struct local_lister *l, size_t rows)
{
    char *at = l->block;
    uint64_t count = 0;
    for (size_t i = l->at; i < l->at + rows; i++) {
        const struct name *name = &l->names[i];
        struct polyfs_entry *row = &l->rows[count];
        *row = (struct polyfs_entry){.path = at, .path_len = l->folder_len + name->length};
        if (!fill_row(l, name, row))
            continue;
        memcpy(at, l->folder, l->folder_len);
        memcpy(at + l->folder_len, l->text + name->at, name->length);
        at[row->path_len] = '\0';
        at += row->path_len + 1;
        count++;
    }
    return count;
}

static int local_list_next(struct polyfs_call *call, void *self, struct polyfs_page *out, struct polyfs_error *err)
{
    struct local_lister *l = self;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK && l->dir_fd < 0)
        rc = read_folder(call, l, err);
    if (rc != POLYFS_OK)
        return rc;
    size_t rows = l->page_size ? l->page_size : PAGE_ROWS;
    if (rows > l->count - l->at)
        rows = l->count - l->at;
    rc = page_room(l, rows, err);
    if (rc != POLYFS_OK)
        return rc;
    out->count = fill_page(l, rows);
    out->entries = l->rows;
    out->stride = sizeof(*l->rows);
    out->marker = NULL;
    l->at += rows;
    return l->at < l->count ? POLYFS_MORE : POLYFS_OK;
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

static void local_list_close(void *self)
{
    struct local_lister *l = self;
    if (l->dir_fd >= 0)
        close(l->dir_fd);
    local_host->budget_count(-l->counted);
    local_host->free(l->text);
    local_host->free(l->names);
    local_host->free(l->rows);
    local_host->free(l->block);
    free(l->folder);
    free(l->begins);
    free(l->start_after);
    local_host->free(l);
}

/* Folder part and name part of a prefix: "a/b" → "a/" and "b"; "a/" → "a/" and "". */
static int split(struct local_lister *l, const char *prefix, const char *start_after)
{
    const char *slash = strrchr(prefix, '/');
    l->folder_len = slash ? (size_t)(slash - prefix) + 1 : 0;
    l->folder = strndup(prefix, l->folder_len);
    l->begins = strdup(prefix + l->folder_len);
    if (start_after && strncmp(start_after, prefix, l->folder_len) == 0)
        l->start_after = strdup(start_after + l->folder_len);
    return l->folder && l->begins &&
                   (!start_after || l->start_after || strncmp(start_after, prefix, l->folder_len) != 0)
               ? POLYFS_OK
               : POLYFS_NOMEM;
}

static int local_list_open(struct polyfs_call *call, void *self, const char *prefix, uint64_t prefix_len,
                           const struct polyfs_list_request *request, void **out_lister, struct polyfs_error *err)
{
    (void)prefix_len;
    int rc = local_stopped(call, err);
    if (rc != POLYFS_OK)
        return rc;
    if (request->flags & ~(POLYFS_LIST_UNORDERED | POLYFS_LIST_NAMES) || request->marker)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "folders are listed one level at a time, without versions");
    struct local_lister *l = local_host->alloc(sizeof(*l));
    if (!l)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    *l = (struct local_lister){.fs = self, .flags = request->flags, .page_size = request->page_size, .dir_fd = -1};
    if (split(l, prefix, request->start_after) != POLYFS_OK) {
        local_list_close(l);
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    }
    *out_lister = l;
    return POLYFS_OK;
}

const struct polyfs_lister_ops local_lister_ops = {
    .struct_size = sizeof(struct polyfs_lister_ops),
    .open = local_list_open,
    .next = local_list_next,
    .close = local_list_close,
};
