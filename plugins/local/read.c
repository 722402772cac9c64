/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: ranges and readers. An open descriptor pins the inode; a file that somebody rewrites in place shows in
 * its size or mtime, which are looked at after each read, so that bytes of two versions never mix.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "local.h"

struct local_reader {
    int fd;
    struct stat pinned;
};

/* O_NONBLOCK: opening a FIFO must not wait for a writer; it has no effect on files. */
static int open_file(const struct local_fs *fs, const char *path, int *out_fd, struct stat *st,
                     struct polyfs_error *err)
{
    int fd = local_open(fs, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 || fstat(fd, st) < 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return local_fail(err, why, "");
    }
    if (!S_ISREG(st->st_mode)) {
        int is_dir = S_ISDIR(st->st_mode);
        close(fd);
        return polyfs_fail(err, is_dir ? POLYFS_IS_DIR : POLYFS_UNSUPPORTED,
                           is_dir ? "it is a folder" : "it is no regular file");
    }
    *out_fd = fd;
    return POLYFS_OK;
}

static int read_range(struct polyfs_call *call, int fd, uint64_t offset, char *buffer, uint64_t length,
                      uint64_t *out_n, struct polyfs_error *err)
{
    uint64_t have = 0;
    while (have < length) {
        int rc = local_stopped(call, err);
        if (rc != POLYFS_OK)
            return rc;
        uint64_t want = length - have < LOCAL_SLICE ? length - have : LOCAL_SLICE;
        ssize_t n = pread(fd, buffer + have, want, (off_t)(offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return local_fail(err, errno, "reading");
        if (n == 0)
            break;
        have += (uint64_t)n;
        call->bytes_done = have;
    }
    *out_n = have;
    return POLYFS_OK;
}

static int still_the_same(int fd, const struct stat *pinned, struct polyfs_error *err)
{
    struct stat now;
    if (fstat(fd, &now) < 0)
        return local_fail(err, errno, "");
    if (now.st_size != pinned->st_size || now.st_mtim.tv_sec != pinned->st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != pinned->st_mtim.tv_nsec)
        return polyfs_fail(err, POLYFS_CHANGED, "the file was rewritten in place while it was read");
    return POLYFS_OK;
}

int local_get(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
              const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
              struct polyfs_error *err)
{
    struct stat st;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    uint64_t offset = 0, length = 0, n = 0;
    int fd = -1;
    (void)path_len;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK && request->version)
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "files have no versions");
    if (rc == POLYFS_OK)
        rc = open_file(self, path, &fd, &st, err);
    if (rc != POLYFS_OK)
        return rc;
    local_stat_fill(&st, &stat);
    local_meta_type(fd, &stat);
    rc = polyfs_get_check(request, &stat, &offset, &length, err);
    if (rc == POLYFS_OK)
        rc = read_range(call, fd, offset, buffer, length, &n, err);
    if (rc == POLYFS_OK)
        rc = still_the_same(fd, &st, err);
    if (rc == POLYFS_OK && request->meta)
        rc = local_meta_read(fd, &stat, request->meta, err);
    if (rc == POLYFS_CHANGED)
        call->bytes_done = 0;
    close(fd);
    if (out && (rc == POLYFS_OK || call->bytes_done))
        *out = stat;
    if (rc == POLYFS_OK)
        *out_n = n;
    return rc;
}

static int local_reader_open(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                             const char *version, void **out_reader, struct polyfs_stat *out,
                             struct polyfs_error *err)
{
    struct local_reader *reader = local_host->alloc(sizeof(*reader));
    (void)path_len;
    if (!reader)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a reader");
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK && version)
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "files have no versions");
    if (rc == POLYFS_OK)
        rc = open_file(self, path, &reader->fd, &reader->pinned, err);
    if (rc != POLYFS_OK) {
        local_host->free(reader);
        return rc;
    }
    if (out) {
        local_stat_fill(&reader->pinned, out);
        local_meta_type(reader->fd, out);
    }
    *out_reader = reader;
    return POLYFS_OK;
}

static int local_reader_pread(struct polyfs_call *call, void *self, uint64_t offset, void *buffer, uint64_t length,
                              uint64_t *out_n, struct polyfs_error *err)
{
    const struct local_reader *reader = self;
    uint64_t n = 0, size = (uint64_t)reader->pinned.st_size;
    if (offset >= size)
        length = 0;
    else if (length > size - offset)
        length = size - offset;
    int rc = read_range(call, reader->fd, offset, buffer, length, &n, err);
    if (rc == POLYFS_OK)
        rc = still_the_same(reader->fd, &reader->pinned, err);
    if (rc == POLYFS_OK)
        *out_n = n;
    return rc;
}

static void local_reader_close(void *self)
{
    struct local_reader *reader = self;
    close(reader->fd);
    local_host->free(reader);
}

const struct polyfs_reader_ops local_reader_ops = {
    .struct_size = sizeof(struct polyfs_reader_ops),
    .open = local_reader_open,
    .pread = local_reader_pread,
    .close = local_reader_close,
};
