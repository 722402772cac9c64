/* SPDX-License-Identifier: Apache-2.0 */
/*
 * onefile:// keeps all objects in one file, to which records are only ever added: a head, the bytes, the name. The index
 * is those heads and names in the same order; the last one of a name counts. Each call takes in what was added since, so
 * that processes see each other's objects. A head is written last: a record that a kill cut short has none, so it is not
 * there, and the next writer cuts it off. Short rather than fast: each look at a name is a walk over the whole index.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <polyfs/plugin.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATH_OF_CALL struct polyfs_call *call, void *fs, const char *path, uint64_t path_len
enum { PUT = 0x31545550, REMOVE = 0x314d4552, LONGEST = 4095, STEP = 4 << 20 };
struct record {
    uint64_t kind, size, name_size; /* the name with its NUL */
    int64_t mtime_ns;
};
struct object {
    struct record head;
    uint64_t offset; /* of its bytes; no other was or will be there, so it is the etag too */
    char *name;
};
struct store {
    int folder, fd;
    uint64_t end; /* of the last whole record */
    uint64_t count, room;
    struct object *rows;
};
struct stream {
    struct store *store;
    int fd; /* of a nameless file in the folder */
    uint64_t size;
    char name[];
};
struct lister {
    struct store *store;
    uint64_t prefix_len, flags;
    char prefix[LONGEST + 1], after[LONGEST + 1]; /* after: the key of the last row given out */
    struct row {
        struct polyfs_entry entry;
        char text[LONGEST + 1];
    } rows[64];
};
static const struct polyfs_host *host;
static pthread_mutex_t mu =
    PTHREAD_MUTEX_INITIALIZER; /* one for all stores: locks of fcntl belong to the process */

static int sys_fail(struct polyfs_error *err, const char *what) {
    err->sys_errno = errno;
    return polyfs_fail(err, errno == ENOSPC ? POLYFS_NO_SPACE : POLYFS_IO, "cannot %s: %s", what, strerror(errno));
}
static const struct object *find(const struct store *s, const char *name) {
    for (const struct object *o = s->rows + s->count; o-- > s->rows;)
        if (strcmp(o->name, name) == 0) return o->head.kind == PUT ? o : NULL;
    return NULL;
}
/* Takes in what was added, by whomever, up to the first record without a head. */
static int replay(struct store *s, struct polyfs_error *err) {
    struct object o;
    while (pread(s->fd, &o.head, sizeof(o.head), (off_t)s->end) == sizeof(o.head) && o.head.kind) {
        if (s->count == s->room) {
            struct object *rows = host->resize(s->rows, (s->room * 2 + 64) * sizeof(*rows));
            if (!rows) return polyfs_fail(err, POLYFS_NOMEM, "no memory for the index");
            s->rows = rows, s->room = s->room * 2 + 64;
        }
        o.offset = s->end + sizeof(o.head);
        o.name = o.head.name_size - 1 > LONGEST ? NULL : host->alloc(o.head.name_size);
        if (!o.name) return polyfs_fail(err, POLYFS_NOMEM, "no memory for a name");
        if (pread(s->fd, o.name, o.head.name_size, (off_t)(o.offset + o.head.size)) != (ssize_t)o.head.name_size)
            return host->free(o.name), polyfs_fail(err, POLYFS_CORRUPT, "damaged at byte %ju", (uintmax_t)s->end);
        s->rows[s->count++] = o;
        s->end = o.offset + o.head.size + o.head.name_size;
    }
    return POLYFS_OK;
}
static void leave(const struct store *s) {
    fcntl(s->fd, F_SETLK, &(struct flock){.l_type = F_UNLCK});
    pthread_mutex_unlock(&mu);
    host->section_leave();
}
/* Locks the store among threads and processes (F_RDLCK, F_WRLCK), and brings the index up to date. */
static int enter(const struct polyfs_call *call, struct store *s, short type, struct polyfs_error *err) {
    int rc = host->stopped(call);
    if (rc != POLYFS_OK) return polyfs_fail(err, rc, "the call was stopped");
    host->section_enter();
    pthread_mutex_lock(&mu);
    rc = fcntl(s->fd, F_SETLKW, &(struct flock){.l_type = type}) == 0 ? replay(s, err) : sys_fail(err, "lock");
    if (rc != POLYFS_OK) leave(s);
    return rc;
}
static void tell(const struct object *o, struct polyfs_stat *out) {
    out->type = POLYFS_TYPE_FILE, out->size = o->head.size, out->mtime_ns = o->head.mtime_ns;
    snprintf(out->etag, sizeof(out->etag), "%jx", (uintmax_t)o->offset);
}
static int check(const struct object *o, const struct polyfs_condition *c, struct polyfs_error *err) {
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (o) tell(o, &stat);
    if (o && c && c->create_only) return polyfs_fail(err, POLYFS_EXISTS, "there is such an object");
    if (c && c->if_match && strcmp(stat.etag, c->if_match) != 0)
        return polyfs_fail(err, POLYFS_CONDITION, "it has another etag");
    return POLYFS_OK;
}
/* The bytes and the name; then, when they are safe, the head. */
static int write_record(const struct polyfs_call *call, const struct store *s, const struct object *o,
                        const char *data, int sync) {
    uint64_t at = s->end + sizeof(o->head), n;
    errno = ENOSPC; /* what a write that ends early means */
    for (uint64_t done = 0; done < o->head.size; done += n, at += n) {
        n = o->head.size - done < STEP ? o->head.size - done : STEP;
        if (host->stopped(call) != POLYFS_OK || pwrite(s->fd, data + done, n, (off_t)at) != (ssize_t)n) return -1;
    }
    if (pwrite(s->fd, o->name, o->head.name_size, (off_t)at) < (ssize_t)o->head.name_size) return -1;
    if (sync && fdatasync(s->fd) != 0) return -1;
    if (pwrite(s->fd, &o->head, sizeof(o->head), (off_t)s->end) < (ssize_t)sizeof(o->head)) return -1;
    return sync ? fdatasync(s->fd) : 0;
}
static int add(const struct polyfs_call *call, struct store *s, struct object o, const void *data, int sync,
               const struct polyfs_condition *condition, struct polyfs_stat *out, struct polyfs_error *err) {
    if (o.head.name_size - 2 >= LONGEST) return polyfs_fail(err, POLYFS_INVALID, "a name has 1 to 4,095 bytes");
    int rc = enter(call, s, F_WRLCK, err);
    if (rc != POLYFS_OK) return rc;
    const struct object *old = find(s, o.name);
    rc = o.head.kind == REMOVE && !old ? polyfs_fail(err, POLYFS_NOT_FOUND, "there is no such object")
                                       : check(old, condition, err);
    if (rc == POLYFS_OK && (ftruncate(s->fd, (off_t)s->end) || write_record(call, s, &o, data, sync))) {
        rc = host->stopped(call) ? polyfs_fail(err, host->stopped(call), "the call was stopped")
                                 : sys_fail(err, "write");
        if (ftruncate(s->fd, (off_t)s->end) != 0) err->commit_state = POLYFS_COMMIT_UNKNOWN;
    }
    if (rc == POLYFS_OK && (rc = replay(s, err)) == POLYFS_OK && out) tell(find(s, o.name), out);
    leave(s);
    return rc;
}
static int refuse(const struct polyfs_put_request *r, struct polyfs_error *err) {
    int more = r->flags || r->metadata_count || r->content_type || r->extra_count || r->checksum.kind;
    return more ? polyfs_fail(err, POLYFS_UNSUPPORTED, "onefile keeps bytes and nothing else") : POLYFS_OK;
}
static int fs_put(PATH_OF_CALL, const void *data, uint64_t size, const struct polyfs_put_request *r,
                  struct polyfs_stat *out, struct polyfs_error *err) {
    struct object o = {{PUT, size, path_len + 1, host->clock_ns(1)}, 0, (char *)path};
    int rc = refuse(r, err), sync = r->durability > POLYFS_DURABILITY_NONE;
    return rc ? rc : add(call, fs, o, data, sync, &r->condition, out, err);
}
static int fs_remove(PATH_OF_CALL, const char *version, const struct polyfs_condition *condition,
                     struct polyfs_error *err) {
    struct object o = {{REMOVE, 0, path_len + 1, host->clock_ns(1)}, 0, (char *)path};
    return add(call, fs, o, NULL, 1, condition, NULL, err);
}
static int stream_open(PATH_OF_CALL, uint32_t flags, const struct polyfs_put_request *r, struct polyfs_step *step,
                       void **out, struct polyfs_error *err) {
    int rc = flags ? polyfs_fail(err, POLYFS_UNSUPPORTED, "onefile does not append") : refuse(r, err);
    struct stream *w = rc == POLYFS_OK ? host->alloc(sizeof(*w) + path_len + 1) : NULL;
    if (!w) return rc ? rc : polyfs_fail(err, POLYFS_NOMEM, "no memory for a stream");
    *w = (struct stream){fs, openat(((struct store *)fs)->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), 0};
    memcpy(w->name, path, path_len + 1);
    if (w->fd < 0) return host->free(w), sys_fail(err, "make a nameless file");
    *out = w;
    return POLYFS_OK;
}
static int stream_write(struct polyfs_call *call, void *self, const void *data, uint64_t n,
                        struct polyfs_error *err) {
    struct stream *w = self;
    errno = ENOSPC;
    if (pwrite(w->fd, data, n, (off_t)w->size) < (ssize_t)n) return sys_fail(err, "write");
    w->size += n;
    return POLYFS_OK;
}
static void stream_abort(struct polyfs_call *call, void *self) {
    close(((struct stream *)self)->fd);
    host->free(self);
}
static int stream_commit(struct polyfs_call *call, void *self, const struct polyfs_put_request *r,
                         struct polyfs_stat *out, struct polyfs_error *err) {
    struct stream *w = self;
    void *data = w->size ? mmap(NULL, w->size, PROT_READ, MAP_SHARED, w->fd, 0) : NULL;
    if (data == MAP_FAILED) return sys_fail(err, "map a stream");
    int rc = fs_put(call, w->store, w->name, strlen(w->name), data, w->size, r, out, err);
    if (data) munmap(data, w->size);
    if (rc == POLYFS_OK) stream_abort(call, w);
    return rc;
}
/* What is there now, and where; the bytes themselves never move. */
static int look(PATH_OF_CALL, struct polyfs_stat *out, uint64_t *offset, struct polyfs_error *err) {
    int rc = enter(call, fs, F_RDLCK, err);
    if (rc != POLYFS_OK) return rc;
    const struct object *o = find(fs, path);
    if (o) tell(o, out), *offset = o->offset;
    leave(fs);
    return o ? POLYFS_OK : polyfs_fail(err, POLYFS_NOT_FOUND, "there is no such object");
}
static int fs_stat(PATH_OF_CALL, const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                   struct polyfs_error *err) {
    uint64_t offset;
    if (path_len == 0) return out->type = POLYFS_TYPE_DIR, out->size = 0, POLYFS_OK;
    return look(call, fs, path, path_len, out, &offset, err);
}
static int fs_get(PATH_OF_CALL, const struct polyfs_get_request *r, void *buffer, uint64_t *out_n,
                  struct polyfs_stat *out, struct polyfs_error *err) {
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    uint64_t offset = 0, n = r->length;
    int rc = r->flags ? polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known")
                      : look(call, fs, path, path_len, &stat, &offset, err);
    if (rc != POLYFS_OK) return rc;
    if (r->condition.if_match && strcmp(r->condition.if_match, stat.etag) != 0)
        return polyfs_fail(err, POLYFS_CHANGED, "it was changed");
    if (r->offset > stat.size) return polyfs_fail(err, POLYFS_RANGE, "it ends before that");
    if (n > stat.size - r->offset) n = stat.size - r->offset;
    if (pread(((struct store *)fs)->fd, buffer, n, (off_t)(offset + r->offset)) < (ssize_t)n)
        return sys_fail(err, "read");
    stat.struct_size = out ? out->struct_size : 0;
    if (out) *out = stat;
    *out_n = call->bytes_done = n;
    return POLYFS_OK;
}
static int fs_caps(PATH_OF_CALL, uint32_t flags, struct polyfs_caps *out, struct polyfs_error *err) {
    static const uint8_t yes[] = {POLYFS_FACT_FLAT_LIST,   POLYFS_FACT_ORDERED_LIST,   POLYFS_FACT_START_AFTER,
                                  POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_IF_MATCH,       POLYFS_FACT_REMOVE_CONDITION,
                                  POLYFS_FACT_PINNED_READ, POLYFS_FACT_DURABLE_COMMIT, POLYFS_FACT_CASE_SENSITIVE,
                                  POLYFS_FACT_ANY_BYTES};
    if (flags & ~POLYFS_CAPS_PROBE) return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    memset(out->fact, POLYFS_NO, POLYFS_FACT_COUNT);
    for (size_t i = 0; i < sizeof(yes); i++) out->fact[yes[i]] = POLYFS_YES;
    out->shapes = out->condition_shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_STREAM;
    out->path_max = LONGEST, out->mtime_resolution_ns = 1;
    return POLYFS_OK;
}
static void fs_close(void *fs) {
    struct store *s = fs;
    for (uint64_t i = 0; i < s->count; i++) host->free(s->rows[i].name);
    host->free(s->rows);
    pthread_mutex_lock(&mu); /* closing any descriptor of the file drops the locks that this process has on it */
    close(s->fd), close(s->folder);
    pthread_mutex_unlock(&mu);
    host->free(s);
}
static void fs_after_fork(void *fs) { mu = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; }
static int fs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
                   void **out, struct polyfs_error *err) {
    const char *folder = host->option(options, "folder");
    if (!folder) return polyfs_fail(err, POLYFS_CONFIG, "say where: option folder, or ONEFILE_FOLDER");
    struct store *s = host->alloc(sizeof(*s));
    if (!s) return polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    *s = (struct store){open(folder, O_DIRECTORY | O_CLOEXEC), -1, 0, 0, 0, NULL};
    s->fd = openat(s->folder, "objects.onefile", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->fd < 0 || fsync(s->folder) != 0) return sys_fail(err, folder), fs_close(s), err->code;
    *out = s;
    return POLYFS_OK;
}
static int list_open(PATH_OF_CALL, const struct polyfs_list_request *r, void **out, struct polyfs_error *err) {
    const char *after = r->marker ? r->marker : r->start_after ? r->start_after : "";
    if (r->flags & ~(POLYFS_LIST_FLAT | POLYFS_LIST_UNORDERED | POLYFS_LIST_NAMES))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (path_len > LONGEST || strlen(after) > LONGEST) return polyfs_fail(err, POLYFS_INVALID, "too long a name");
    struct lister *l = host->alloc(sizeof(*l));
    if (!l) return polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    l->store = fs, l->prefix_len = path_len, l->flags = r->flags;
    memcpy(l->prefix, path, path_len + 1), memcpy(l->after, after, strlen(after) + 1);
    *out = l;
    return POLYFS_OK;
}
/* How many bytes of a name are its row's key: all, or its folder's with the '/'. */
static uint64_t key_length(const struct lister *l, const char *name) {
    const char *slash = l->flags & POLYFS_LIST_FLAT ? NULL : strchr(name + l->prefix_len, '/');
    return slash ? (uint64_t)(slash - name) + 1 : strlen(name);
}
/* Is this object's row behind the one given out last? */
static int is_behind(const struct lister *l, const char *name) {
    return strncmp(name, l->prefix, l->prefix_len) == 0 && strcmp(name, l->after) > 0 &&
           (!*l->after || strncmp(name, l->after, key_length(l, name)) != 0);
}
/* The first object whose row comes behind the last one given out. */
static const struct object *next_object(const struct lister *l) {
    const struct object *first = NULL, *end = l->store->rows + l->store->count;
    for (const struct object *o = l->store->rows; o < end; o++)
        if (is_behind(l, o->name) && (!first || strcmp(o->name, first->name) < 0) && find(l->store, o->name) == o)
            first = o;
    return first;
}
static int list_next(struct polyfs_call *call, void *lister, struct polyfs_page *out, struct polyfs_error *err) {
    struct lister *l = lister;
    const struct object *o = NULL;
    uint64_t n, count = 0;
    int rc = enter(call, l->store, F_RDLCK, err);
    if (rc != POLYFS_OK) return rc;
    for (struct row *row = l->rows; count < sizeof(l->rows) / sizeof(*row) && (o = next_object(l));
         row++, count++) {
        n = key_length(l, o->name);
        memcpy(l->after, o->name, n), l->after[n] = 0;
        memcpy(row->text, l->after, n + 1);
        row->entry =
            (struct polyfs_entry){row->text, n, POLYFS_TYPE_FILE, 0, o->head.size, o->head.mtime_ns, NULL, NULL};
        if (o->name[n])
            row->text[n - 1] = 0, row->entry = (struct polyfs_entry){row->text, n - 1, POLYFS_TYPE_DIR,
                                                                     0,         0,     POLYFS_TIME_UNKNOWN,
                                                                     NULL,      NULL};
    }
    leave(l->store);
    out->stride = sizeof(l->rows[0]), out->entries = &l->rows[0].entry, out->count = count, out->marker = l->after;
    return o ? POLYFS_MORE : POLYFS_OK;
}
static void list_close(void *lister) { host->free(lister); }

static const struct polyfs_fs_ops fs_ops = {sizeof(fs_ops),  .open = fs_open,     .close = fs_close,
                                            .caps = fs_caps, .stat = fs_stat,     .get = fs_get,
                                            .put = fs_put,   .remove = fs_remove, .after_fork = fs_after_fork};
static const struct polyfs_lister_ops lister_ops = {sizeof(lister_ops), 0, list_open, list_next, list_close};
static const struct polyfs_stream_ops stream_ops = {sizeof(stream_ops), .open = stream_open, .write = stream_write,
                                                    .commit = stream_commit, .abort = stream_abort};
static const struct polyfs_option options[] = {
    {"folder", "", "ONEFILE_FOLDER", POLYFS_OPTION_PATH, 0, NULL, NULL, "folder that holds the file"}};
static const struct polyfs_plugin plugin = {.magic = POLYFS_PLUGIN_MAGIC,
                                            .struct_size = sizeof(plugin),
                                            .abi_major = POLYFS_PLUGIN_MAJOR,
                                            .abi_minor = POLYFS_PLUGIN_MINOR,
                                            .name = "onefile",
                                            .version = "1.0",
                                            .summary = "All objects in one append-only file",
                                            .protocols = "onefile",
                                            .authority = "none",
                                            .options = options,
                                            .option_count = 1,
                                            .option_stride = sizeof(options[0]),
                                            .fs = &fs_ops,
                                            .lister = &lister_ops,
                                            .stream = &stream_ops};

POLYFS_PLUGIN_EXPORT polyfs_plugin_entry POLYFS_PLUGIN_ENTRY(onefile);
int POLYFS_PLUGIN_ENTRY(onefile)(const struct polyfs_host *services, const struct polyfs_plugin **out,
                                 struct polyfs_error *err) {
    if (!POLYFS_HAS(struct polyfs_host, services->struct_size, random))
        return polyfs_fail(err, POLYFS_PLUGIN, "update polyfs");
    host = services;
    *out = &plugin;
    return POLYFS_OK;
}
