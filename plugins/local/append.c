/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native append: bytes behind what is there, in the file itself. Appenders through polyfs exclude each other by a
 * lock on the file; an abort takes its bytes back as long as nobody else wrote behind them. The table serves append
 * only: a whole new file is never written this way, since a reader would see it grow.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "local.h"

struct local_stream {
    int fd;
    int made; /* the file was not there before */
    uint64_t begin, written;
};

static int check(uint32_t flags, const struct polyfs_put_request *request, struct polyfs_error *err)
{
    if (flags != POLYFS_STREAM_APPEND)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "streams append here; whole files are placed");
    if (polyfs_put_has_more(request))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "an append changes no metadata and takes no checksum");
    return POLYFS_OK;
}

/* Opened, locked, and still the file of that name; whoever replaced it meanwhile makes us look again. */
static int open_locked(const struct local_fs *fs, const char *path, int flags, int *out_fd,
                       struct polyfs_error *err)
{
    for (;;) {
        struct stat opened, named;
        int fd = local_open(fs, path, flags | O_RDWR | O_NONBLOCK, 0666);
        if (fd < 0)
            return local_fail(err, errno, "");
        while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
            ;
        int again = local_open(fs, path, O_PATH, 0);
        int same = again >= 0 && fstat(fd, &opened) == 0 && fstat(again, &named) == 0 &&
                   opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
        if (again >= 0)
            close(again);
        if (same && !S_ISREG(opened.st_mode)) {
            close(fd);
            return polyfs_fail(err, POLYFS_INVALID, "it is no regular file");
        }
        if (same) {
            *out_fd = fd;
            return POLYFS_OK;
        }
        close(fd);
    }
}

static int check_condition(const struct local_stream *s, const struct polyfs_condition *c, struct polyfs_error *err)
{
    struct stat st;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (fstat(s->fd, &st) < 0)
        return local_fail(err, errno, "");
    local_stat_fill(&st, &stat);
    return polyfs_condition_check(c, s->made ? NULL : &stat, err);
}

/* Takes back what was added; a file that was made for it goes. */
static void take_back(const struct local_fs *fs, const char *path, const struct local_stream *s)
{
    struct stat st;
    struct local_at at;
    if (fstat(s->fd, &st) < 0 || (uint64_t)st.st_size != s->begin + s->written)
        return; /* somebody else's bytes lie behind ours */
    if (s->made && path && local_at(fs, path, &at, NULL) == POLYFS_OK) {
        unlinkat(at.dir_fd, at.name, 0);
        local_at_close(&at);
    } else if (s->written) {
        int rc = ftruncate(s->fd, (off_t)s->begin);
        (void)rc;
    }
}

struct local_appender {
    const struct local_fs *fs;
    struct local_stream s;
    char path[];
};

static int local_append_open(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                             uint32_t flags, const struct polyfs_put_request *request, struct polyfs_step *step,
                             void **out_stream, struct polyfs_error *err)
{
    struct stat st;
    (void)step;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK)
        rc = check(flags, request, err);
    if (rc != POLYFS_OK)
        return rc;
    struct local_appender *a = local_host->alloc(sizeof(*a) + path_len + 1);
    if (!a)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for an append");
    *a = (struct local_appender){.fs = self, .s = {.fd = -1}};
    memcpy(a->path, path, path_len + 1);
    rc = open_locked(self, path, 0, &a->s.fd, err);
    if (rc == POLYFS_NOT_FOUND && !request->condition.if_match) {
        a->s.made = 1;
        rc = open_locked(self, path, O_CREAT, &a->s.fd, err);
    }
    if (rc == POLYFS_OK)
        rc = check_condition(&a->s, &request->condition, err);
    if (rc == POLYFS_OK && fstat(a->s.fd, &st) < 0)
        rc = local_fail(err, errno, "");
    if (rc == POLYFS_OK) {
        a->s.begin = (uint64_t)st.st_size;
        *out_stream = a;
        return POLYFS_OK;
    }
    if (a->s.fd >= 0)
        close(a->s.fd);
    local_host->free(a);
    return rc == POLYFS_NOT_FOUND && request->condition.if_match
               ? polyfs_fail(err, POLYFS_CONDITION, "it is not there any more")
               : rc;
}

static int local_append_write(struct polyfs_call *call, void *self, const void *data, uint64_t size,
                              struct polyfs_error *err)
{
    struct local_appender *a = self;
    const char *at = data;
    for (uint64_t done = 0; done < size;) {
        int rc = local_stopped(call, err);
        if (rc != POLYFS_OK)
            return rc;
        uint64_t want = size - done < LOCAL_SLICE ? size - done : LOCAL_SLICE;
        ssize_t n = pwrite(a->s.fd, at + done, want, (off_t)(a->s.begin + a->s.written));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return local_fail(err, n < 0 ? errno : EIO, "writing");
        done += (uint64_t)n;
        a->s.written += (uint64_t)n;
    }
    return POLYFS_OK;
}

static int local_append_offset(struct polyfs_call *call, void *self, uint64_t *out_offset, struct polyfs_error *err)
{
    const struct local_appender *a = self;
    (void)call;
    (void)err;
    *out_offset = a->s.written;
    return POLYFS_OK;
}

static void append_free(struct local_appender *a)
{
    close(a->s.fd);
    local_host->free(a);
}

static int local_append_commit(struct polyfs_call *call, void *self, const struct polyfs_put_request *request,
                               struct polyfs_stat *out, struct polyfs_error *err)
{
    struct local_appender *a = self;
    struct stat st;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK && request->durability != POLYFS_DURABILITY_NONE && fsync(a->s.fd) < 0)
        rc = local_fail(err, errno, "the bytes cannot be made durable");
    if (rc != POLYFS_OK)
        return rc;
    if (out && fstat(a->s.fd, &st) == 0)
        local_stat_fill(&st, out);
    append_free(a);
    return POLYFS_OK;
}

static void local_append_abort(struct polyfs_call *call, void *self)
{
    struct local_appender *a = self;
    (void)call;
    take_back(a->fs, a->path, &a->s);
    append_free(a);
}

const struct polyfs_stream_ops local_stream_ops = {
    .struct_size = sizeof(struct polyfs_stream_ops),
    .open = local_append_open,
    .write = local_append_write,
    .offset = local_append_offset,
    .commit = local_append_commit,
    .abort = local_append_abort,
};
