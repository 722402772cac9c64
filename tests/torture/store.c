/* SPDX-License-Identifier: Apache-2.0 */
/* The two stores: opening, emptying, looking at all that is there, staging files included. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "torture.h"

void must(int rc, const char *what, const struct polyfs_error *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "torture: cannot %s: %s\n", what, err ? err->message : polyfs_code_name(rc));
    exit(1);
}

const char *at(const struct world *w, const char *name)
{
    static char texts[32][400];
    static unsigned next;
    char *text = texts[next++ % 32];
    snprintf(text, sizeof(texts[0]), "%s%s%s", w->base, *name ? "/" : "", name);
    return text;
}

const char *url_at(const struct world *w, const char *name)
{
    static char texts[8][400];
    static unsigned next;
    char *text = texts[next++ % 8];
    snprintf(text, sizeof(texts[0]), "%s://%s", w->store, at(w, name));
    return text;
}

const char *bytes_of(const char *name, size_t size)
{
    static char bytes[4][BIG + 16];
    static unsigned next;
    char *text = bytes[next++ % 4];
    unsigned x = 1;
    for (const char *c = name; *c; c++)
        x = x * 31 + (unsigned char)*c;
    for (size_t i = 0; i < size; i++) {
        x = x * 1103515245 + 12345;
        text[i] = (char)(x >> 16);
    }
    return text;
}

void plant(struct world *w, const char *name, size_t size)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = POLYFS_WRITE_PARENTS;
    must(polyfs_put(w->clean, at(w, name), bytes_of(name, size), size, &opts, NULL, &err), "plant", &err);
}

/* A timeout nobody reaches makes each filesystem one of its own: a fault counts from its first call. */
const char *const *options_of(const struct world *w)
{
    static char timeout[40];
    static const char *options[8];
    static unsigned serial;
    unsigned n = 0;
    snprintf(timeout, sizeof(timeout), "timeout=%us", 100000 + serial++ % 100000);
    options[n++] = timeout;
    options[n++] = "durability=none";
    options[n++] = "part_bytes=" PART;
    if (strcmp(w->store, "file") != 0)
        options[n++] = "store=torture";
    if (w->option)
        options[n++] = w->option;
    options[n] = NULL;
    return options;
}

struct polyfs_fs *store_with_fault(struct world *w, const char *fault)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_fs *fs = NULL;
    char url[400];
    snprintf(url, sizeof(url), "%s://%s", w->store, w->base);
    w->option = fault;
    must(polyfs_fs_open(url, options_of(w), &fs, NULL, &err), "open the store", &err);
    return fs;
}

void store_open(struct world *w, const char *name)
{
    /* Thousands of stores are made and emptied: in memory, where there is such a folder. */
    const char *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    memset(w, 0, sizeof(*w));
    w->store = name;
    snprintf(w->folder, sizeof(w->folder), "%s/polyfs-torture-XXXXXX", tmp);
    if (!mkdtemp(w->folder)) {
        perror(w->folder);
        exit(1);
    }
    if (strcmp(name, "file") == 0)
        snprintf(w->base, sizeof(w->base), "%s/t", w->folder);
    else
        snprintf(w->base, sizeof(w->base), "t");
    w->clean = w->fs = store_with_fault(w, NULL);
}

static int drop_path(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void store_close(struct world *w)
{
    store_clear(w);
    nftw(w->folder, drop_path, 8, FTW_DEPTH | FTW_PHYS);
    polyfs_fs_close(w->clean);
}

void store_clear(struct world *w)
{
    if (strcmp(w->store, "file") == 0) {
        nftw(w->base, drop_path, 8, FTW_DEPTH | FTW_PHYS);
        mkdir(w->base, 0777);
        return;
    }
    struct polyfs_error err = POLYFS_ERROR_INIT;
    int rc = polyfs_remove_tree(w->clean, w->base, NULL, &err);
    must(rc == POLYFS_NOT_FOUND ? 0 : rc, "empty the store", &err);
}

/* ---- looking ------------------------------------------------------------------------------------------------------ */

static struct row *row_add(struct snapshot *to, const char *path, int folder)
{
    if (to->count == sizeof(to->rows) / sizeof(to->rows[0])) {
        fprintf(stderr, "torture: more objects than a snapshot holds\n");
        exit(1);
    }
    struct row *row = &to->rows[to->count++];
    memset(row, 0, sizeof(*row));
    snprintf(row->path, sizeof(row->path), "%s", path);
    row->folder = folder;
    return row;
}

/* The raw folder, not polyfs's listing of it: that leaves staging files out. */
static void look_folder(const char *folder, size_t skip, struct snapshot *out)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[600];
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (lstat(path, &st) != 0)
            continue;
        struct row *row = row_add(out, path + skip, S_ISDIR(st.st_mode));
        if (S_ISDIR(st.st_mode)) {
            look_folder(path, skip, out);
            continue;
        }
        FILE *file = fopen(path, "r");
        char bytes[4096];
        for (size_t n; file && (n = fread(bytes, 1, sizeof(bytes), file)) > 0; row->size += n)
            row->crc = polyfs_crc32c(row->crc, bytes, n);
        if (file)
            fclose(file);
    }
    if (dir)
        closedir(dir);
}

static void look_store(struct world *w, struct snapshot *out)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister = NULL;
    const struct polyfs_entry *rows;
    size_t count;
    int rc;
    opts.flags = POLYFS_LS_RECURSIVE;
    must(polyfs_list_open(w->clean, w->base, &opts, &lister, &err), "list", &err);
    do {
        rc = polyfs_list_next(lister, &rows, &count, &err);
        for (size_t i = 0; rc >= 0 && i < count; i++) {
            void *data;
            size_t n;
            struct row *row = row_add(out, rows[i].path + strlen(w->base), 0);
            must(polyfs_get_all(w->clean, rows[i].path, NULL, &data, &n, NULL, &err), "read", &err);
            row->size = n;
            row->crc = polyfs_crc32c(0, data, n);
            polyfs_free(data);
        }
    } while (rc == POLYFS_MORE);
    must(rc == POLYFS_NOT_FOUND ? 0 : rc, "list", &err);
    polyfs_list_close(lister);
}

void store_look(struct world *w, struct snapshot *out)
{
    memset(out, 0, sizeof(*out));
    if (strcmp(w->store, "file") == 0)
        look_folder(w->base, strlen(w->base), out);
    else
        look_store(w, out);
}

static const struct row *row_of(const struct snapshot *in, const char *path)
{
    for (unsigned i = 0; i < in->count; i++)
        if (strcmp(in->rows[i].path, path) == 0)
            return &in->rows[i];
    return NULL;
}

static int same_row(const struct row *a, const struct row *b)
{
    return (!a && !b) || (a && b && a->size == b->size && a->crc == b->crc && a->folder == b->folder);
}

static int same(const struct snapshot *a, const struct snapshot *b)
{
    int equal = a->count == b->count;
    for (unsigned i = 0; equal && i < a->count; i++)
        equal = same_row(&a->rows[i], row_of(b, a->rows[i].path));
    return equal;
}

const char *store_compare(const struct snapshot *before, const struct snapshot *after, const struct snapshot *now,
                          int whole)
{
    static char why[300];
    const struct snapshot *all[] = {before, after, now};
    for (unsigned s = 0; s < 3; s++) {
        for (unsigned i = 0; i < all[s]->count; i++) {
            const char *path = all[s]->rows[i].path;
            const struct row *row = row_of(now, path);
            if (same_row(row, row_of(before, path)) || same_row(row, row_of(after, path)))
                continue;
            snprintf(why, sizeof(why), "half-visible: %s is %s", path,
                     row ? "neither as before nor as after" : "gone");
            return why;
        }
    }
    if (whole && !same(now, before) && !same(now, after))
        return "half-visible: some objects are as before, some as after";
    return NULL;
}
