/* SPDX-License-Identifier: Apache-2.0 */
/*
 * onefile:// keeps all objects in one file, to which records are only ever added: head, name, bytes. Each call takes in
 * what others added. One byte is written last: a record that a kill cut short lacks it, so it is not there, and the next
 * writer cuts it off. Bytes never move, so they are read without a lock.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <polyfs/plugin.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#define PATH struct polyfs_call *call, void *fs, const char *path, uint64_t path_len
#define RESULT struct polyfs_stat *out, struct polyfs_error *err
struct object { /* of the index, or what a stream or a removal is about to add; as in the file up to `kind` */
    uint64_t size, name_size, mtime_ns; /* the name with its NUL */
    char kind[8];                       /* the first is '+', or '-' for a removal: the byte that is written last */
    struct object *next;                /* by name */
    struct store *store;
    uint64_t at; /* of the bytes; no others were or will be there, so it is the etag too */
    int fd;      /* of a nameless file, with a stream's bytes */
    char name[];
};
enum { LONGEST = 4095, ROWS = 64, KIND = offsetof(struct object, kind), HEAD = KIND + 8, REMOVAL = 1 << 30 };
struct store {
    int folder, fd;
    uint64_t end; /* of the last whole record */
    struct object *first;
};
struct lister {
    struct store *store;
    const char *stop; /* what ends the name of a row: "/", or "" in a flat listing */
    struct polyfs_entry rows[ROWS];
    char paths[ROWS][LONGEST + 1], after[LONGEST + 2], prefix[]; /* after: key of the last row given out */
};
static const struct polyfs_host *host;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER; /* of all stores: locks of fcntl belong to the process */
static int look(const struct store *s, const char *name, struct polyfs_stat *out) {
    const struct object *o = s->first;
    while (o && strcmp(o->name, name) < 0) o = o->next;
    if (!o || strcmp(o->name, name) != 0 || o->kind[0] != '+') return 0;
    out->type = POLYFS_TYPE_FILE, out->size = o->size, out->mtime_ns = o->mtime_ns;
    return snprintf(out->etag, sizeof(out->etag), "%jx", (uintmax_t)o->at);
}
/* Takes in what was added, by whomever, up to the first record that is not whole. */
static int replay(struct store *s, struct polyfs_error *err) {
    struct object head, *o, *old, **link;
    while (pread(s->fd, &head, HEAD, s->end) == HEAD && head.kind[0]) {
        o = head.name_size - 1 > LONGEST ? NULL : host->alloc(sizeof(*o) + head.name_size);
        if (!o) return polyfs_fail(err, POLYFS_NOMEM, "no memory for a name");
        *o = head, o->at = s->end + HEAD + o->name_size;
        if (pread(s->fd, o->name, o->name_size, s->end + HEAD) != (ssize_t)o->name_size ||
            o->name[o->name_size - 1])
            return host->free(o), polyfs_fail(err, POLYFS_CORRUPT, "damaged at byte %ju", (uintmax_t)s->end);
        for (link = &s->first; (old = *link) && strcmp(old->name, o->name) < 0;) link = &old->next;
        if (old && strcmp(old->name, o->name) == 0) *link = old->next, host->free(old);
        o->next = *link, *link = o, s->end = o->at + o->size;
    }
    return POLYFS_OK;
}
static void leave(struct store *s) { lockf(s->fd, F_ULOCK, 0), pthread_mutex_unlock(&mu), host->section_leave(); }
/* Locks the store among threads and processes, and brings the index up to date. */
static int enter(struct store *s, struct polyfs_error *err) {
    host->section_enter(), pthread_mutex_lock(&mu);
    int rc = TEMP_FAILURE_RETRY(lockf(s->fd, F_LOCK, 0)) ? polyfs_fail_errno(err, "the lock") : replay(s, err);
    if (rc != POLYFS_OK) leave(s);
    return rc;
}
static int begin(PATH, uint32_t flags, const struct polyfs_put_request *r, struct polyfs_step *step, void **out,
                 struct polyfs_error *err) {
    if (path_len - 1 >= LONGEST) return polyfs_fail(err, POLYFS_INVALID, "a name has 1 to %d bytes", LONGEST);
    if (flags || r->flags & ~REMOVAL || polyfs_put_has_more(r))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "onefile keeps bytes and nothing else");
    struct object *o = host->alloc(sizeof(*o) + path_len + 1);
    if (!o) return polyfs_fail(err, POLYFS_NOMEM, "no memory for a stream");
    *o = (struct object){.store = fs, .name_size = path_len + 1}, memcpy(o->name, path, path_len + 1);
    o->fd = openat(o->store->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (o->fd < 0) return host->free(o), polyfs_fail_errno(err, "a nameless file");
    return *out = o, POLYFS_OK;
}
static int append(struct polyfs_call *call, void *stream, const void *data, uint64_t n, struct polyfs_error *err) {
    struct object *o = stream;
    o->size += n, errno = ENOSPC; /* what a write that ends early means */
    return pwrite(o->fd, data, n, o->size - n) == (ssize_t)n ? POLYFS_OK : polyfs_fail_errno(err, "writing");
}
static void cancel(struct polyfs_call *call, void *o) { close(((struct object *)o)->fd), host->free(o); }
static int commit(struct polyfs_call *call, void *stream, const struct polyfs_put_request *r, RESULT) {
    struct object *o = stream;
    struct store *s = o->store;
    struct polyfs_stat old = POLYFS_STAT_INIT;
    if (enter(s, err) != POLYFS_OK) return err->code;
    int there = look(s, o->name, &old), sync = r->durability > POLYFS_DURABILITY_NONE;
    int rc = r->flags && !there ? polyfs_fail(err, POLYFS_NOT_FOUND, "there is no such object")
                                : polyfs_condition_check(&r->condition, there ? &old : NULL, err);
    off_t from = 0, to = s->end + HEAD + o->name_size;
    o->mtime_ns = host->clock_ns(1), errno = ENOSPC;
    int ok = rc == POLYFS_OK && ftruncate(s->fd, s->end) == 0 && pwrite(s->fd, o, KIND, s->end) == KIND &&
             pwrite(s->fd, o->name, o->name_size, s->end + HEAD) == (ssize_t)o->name_size;
    while (ok && from < (off_t)o->size && (rc = polyfs_go_on(host, call, err)) == POLYFS_OK)
        ok = copy_file_range(o->fd, &from, s->fd, &to, 4 << 20, 0) > 0;
    ok = ok && rc == POLYFS_OK && (!sync || fdatasync(s->fd) == 0) &&
         pwrite(s->fd, r->flags ? "-" : "+", 1, s->end + KIND) == 1 && (!sync || fdatasync(s->fd) == 0);
    if (!ok && rc == POLYFS_OK) rc = polyfs_fail_errno(err, "writing");
    if (!ok && ftruncate(s->fd, s->end) != 0) err->commit_state = POLYFS_COMMIT_UNKNOWN;
    if (ok && (rc = replay(s, err)) != POLYFS_OK) err->commit_state = POLYFS_COMMIT_APPLIED;
    if (ok && out) look(s, o->name, out);
    leave(s);
    if (rc == POLYFS_OK) cancel(call, o);
    return rc;
}
static int fs_put(PATH, const void *data, uint64_t size, const struct polyfs_put_request *r, RESULT) {
    void *stream;
    if (begin(call, fs, path, path_len, 0, r, NULL, &stream, err) != POLYFS_OK) return err->code;
    int rc = append(call, stream, data, size, err);
    if (rc != POLYFS_OK || (rc = commit(call, stream, r, out, err)) != POLYFS_OK) cancel(call, stream);
    return rc;
}
static int fs_remove(PATH, const char *version, const struct polyfs_condition *c, struct polyfs_error *err) {
    struct polyfs_put_request r = {.flags = REMOVAL, .durability = POLYFS_DURABILITY_FULL};
    if (c) r.condition = *c;
    return fs_put(call, fs, path, path_len, NULL, 0, &r, NULL, err);
}
static int fs_stat(PATH, const char *v, struct polyfs_stat *out, struct polyfs_pairs *m, struct polyfs_error *err) {
    if (enter(fs, err) != POLYFS_OK) return err->code;
    int there = look(fs, path, out);
    leave(fs);
    return there ? POLYFS_OK : polyfs_fail(err, POLYFS_NOT_FOUND, "there is no such object");
}
static int fs_get(PATH, const struct polyfs_get_request *r, void *buffer, uint64_t *out_n, RESULT) {
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    uint64_t at = 0, n = 0, *done = &call->bytes_done;
    if (fs_stat(call, fs, path, path_len, NULL, &stat, NULL, err) || polyfs_get_check(r, &stat, &at, &n, err))
        return err->code;
    at += strtoull(stat.etag, NULL, 16);
    for (ssize_t got; *done < n; *done += got)
        if ((got = pread(((struct store *)fs)->fd, (char *)buffer + *done, n - *done, at + *done)) <= 0)
            return polyfs_fail_errno(err, "reading");
    if (out) stat.struct_size = out->struct_size, *out = stat;
    return *out_n = n, POLYFS_OK;
}
static int fs_caps(PATH, uint32_t flags, struct polyfs_caps *out, struct polyfs_error *err) {
    if (flags & ~POLYFS_CAPS_PROBE) return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    out->shapes = out->condition_shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_STREAM, out->path_max = LONGEST;
    return polyfs_facts(out, POLYFS_FACT_FLAT_LIST, POLYFS_FACT_ORDERED_LIST, POLYFS_FACT_START_AFTER,
                        POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_IF_MATCH, POLYFS_FACT_REMOVE_CONDITION,
                        POLYFS_FACT_READ_CONDITION, POLYFS_FACT_CASE_SENSITIVE, POLYFS_FACT_DURABLE_COMMIT,
                        POLYFS_FACT_SUFFIX_READ, POLYFS_FACT_PINNED_READ, POLYFS_FACT_ANY_BYTES, POLYFS_FACT_COUNT);
}
static void fs_close(void *fs) {
    struct store *s = fs;
    pthread_mutex_lock(&mu); /* closing any descriptor of the file drops the locks that this process has on it */
    close(s->fd), close(s->folder), pthread_mutex_unlock(&mu);
    for (struct object *o; (o = s->first); host->free(o)) s->first = o->next;
    host->free(s);
}
static void fs_after_fork(void *fs) { mu = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; }
static int fs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
                   void **out, struct polyfs_error *err) {
    struct store *s = host->alloc(sizeof(*s));
    if (!s) return polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    *s = (struct store){open(host->option(options, "folder"), O_DIRECTORY | O_CLOEXEC), -1, 0, NULL};
    s->fd = openat(s->folder, "objects.onefile", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->fd < 0 || fsync(s->folder) != 0) return polyfs_fail_errno(err, "the folder"), fs_close(s), err->code;
    return *out = s, POLYFS_OK;
}
static int list_open(PATH, const struct polyfs_list_request *r, void **out, struct polyfs_error *err) {
    if (r->flags & ~POLYFS_LIST_PLAIN) return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    struct lister *l = host->alloc(sizeof(*l) + path_len + 1);
    if (!l) return polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    l->store = fs, l->stop = r->flags & POLYFS_LIST_FLAT ? "" : "/", memcpy(l->prefix, path, path_len + 1);
    snprintf(l->after, LONGEST + 1, "%s", r->marker ? r->marker : r->start_after ? r->start_after : "");
    return *out = l, POLYFS_OK;
}
static int list_next(struct polyfs_call *call, void *lister, struct polyfs_page *out, struct polyfs_error *err) {
    struct lister *l = lister;
    uint64_t n, skip = strlen(l->prefix), count = 0;
    if (enter(l->store, err) != POLYFS_OK) return err->code;
    for (const struct object *o = l->store->first; o && count < ROWS; o = o->next) {
        if (o->kind[0] != '+' || strncmp(o->name, l->prefix, skip) != 0) continue;
        n = skip + strcspn(o->name + skip, l->stop);
        if (strncmp(o->name, l->after, n + 1) <= 0) continue; /* with the '/' or NUL behind it */
        snprintf(l->after, n + 2, "%s", o->name), snprintf(l->paths[count], n + 1, "%s", o->name);
        struct polyfs_entry *row = &l->rows[count];
        *row = (struct polyfs_entry){l->paths[count++], n, POLYFS_TYPE_FILE, 0, o->size, o->mtime_ns, NULL, NULL};
        if (o->name[n]) row->type = POLYFS_TYPE_DIR, row->size = 0, row->mtime_ns = POLYFS_TIME_UNKNOWN;
    }
    leave(l->store);
    out->stride = sizeof(l->rows[0]), out->entries = l->rows, out->count = count, out->marker = l->after;
    return count < ROWS ? POLYFS_OK : POLYFS_MORE;
}
static void list_close(void *lister) { host->free(lister); }
static const struct polyfs_fs_ops fs_ops = {
    sizeof(fs_ops), 0, fs_open, fs_close, fs_caps, fs_stat, fs_get, fs_put, fs_remove, .after_fork = fs_after_fork};
static const struct polyfs_lister_ops lister_ops = {sizeof(lister_ops), 0, list_open, list_next, list_close};
static const struct polyfs_stream_ops stream_ops = {sizeof(stream_ops), 0, begin, append, NULL, commit, cancel};
static const struct polyfs_option options[] = {
    {"folder", "", "ONEFILE_FOLDER", POLYFS_OPTION_PATH, 0, ".", NULL, "folder that holds the file"}};
POLYFS_PLUGIN_DEFINE(onefile, host, POLYFS_OK, .version = "1.0", .summary = "All objects in one append-only file",
                     .protocols = "onefile", .authority = "none", .options = POLYFS_PLUGIN_OPTIONS(options),
                     .fs = &fs_ops, .lister = &lister_ops, .stream = &stream_ops)
