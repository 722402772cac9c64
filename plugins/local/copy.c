/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy by the kernel: shared blocks where the file system has them, else copy_file_range(2), else through a buffer.
 * The target is staged and published like any other write.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "local.h"

#define BUFFER_BYTES (UINT64_C(1) << 20)

static int copy_buffered(struct polyfs_call *call, int from, struct local_stage *stage, uint64_t done,
                         uint64_t size, uint32_t durability, struct polyfs_error *err)
{
    char *buffer = local_host->alloc(BUFFER_BYTES);
    int rc = buffer ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory for a buffer");
    while (rc == POLYFS_OK && done < size) {
        ssize_t n = pread(from, buffer, BUFFER_BYTES, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = local_fail(err, errno, "reading the source");
        else if (n == 0)
            rc = polyfs_fail(err, POLYFS_CHANGED, "the source became shorter while it was copied");
        else
            rc = local_stage_write(call, stage, done, buffer, (uint64_t)n, durability, err);
        done += n > 0 ? (uint64_t)n : 0;
    }
    local_host->free(buffer);
    return rc;
}

/* What copy_file_range cannot do here (other file system, odd kernel) goes through the buffer. */
static int copy_bytes(struct polyfs_call *call, int from, struct local_stage *stage, uint64_t size,
                      uint32_t durability, struct polyfs_error *err)
{
    uint64_t done = 0;
    if (ioctl(stage->fd, FICLONE, from) == 0)
        return POLYFS_OK;
    while (done < size) {
        int rc = local_stopped(call, err);
        if (rc != POLYFS_OK)
            return rc;
        off_t in = (off_t)done, out = (off_t)done;
        ssize_t n = copy_file_range(from, &in, stage->fd, &out, LOCAL_SLICE, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG))
            return local_fail(err, errno, "copying");
        if (n <= 0)
            return copy_buffered(call, from, stage, done, size, durability, err);
        if (durability != POLYFS_DURABILITY_NONE)
            sync_file_range(stage->fd, (off_t)done, n, SYNC_FILE_RANGE_WRITE);
        done += (uint64_t)n;
    }
    return POLYFS_OK;
}

static int open_source(const struct local_fs *fs, const struct polyfs_source *source, struct stat *st, int *out_fd,
                       struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int fd = local_open(fs, source->path, O_RDONLY | O_NONBLOCK, 0);
    int rc = POLYFS_OK;
    if (fd < 0 || fstat(fd, st) < 0)
        rc = local_fail(err, errno, "the source");
    else if (!S_ISREG(st->st_mode))
        rc = polyfs_fail(err, S_ISDIR(st->st_mode) ? POLYFS_IS_DIR : POLYFS_UNSUPPORTED,
                         "the source is no regular file");
    if (rc == POLYFS_OK) {
        local_stat_fill(st, &stat);
        if (source->etag && strcmp(source->etag, stat.etag) != 0)
            rc = polyfs_fail(err, POLYFS_CHANGED, "the source was replaced since");
    }
    if (rc == POLYFS_OK)
        *out_fd = fd;
    else if (fd >= 0)
        close(fd);
    return rc;
}

static int unchanged(int fd, const struct stat *before, struct polyfs_error *err)
{
    struct stat now;
    if (fstat(fd, &now) < 0)
        return local_fail(err, errno, "the source");
    if (now.st_size != before->st_size || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
        return polyfs_fail(err, POLYFS_CHANGED, "the source was rewritten while it was copied");
    return POLYFS_OK;
}

int local_copy(struct polyfs_call *call, void *self, const struct polyfs_source *source, const char *target,
               uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
               struct polyfs_stat *out, struct polyfs_error *err)
{
    struct local_stage stage;
    struct stat st, same;
    int from;
    (void)target_len;
    (void)step;
    int rc = open_source(source->fs ? source->fs : self, source, &st, &from, err);
    if (rc != POLYFS_OK)
        return rc;
    struct polyfs_put_request sized = *request;
    sized.size_hint = (uint64_t)st.st_size;
    rc = local_stage_open(self, target, &sized, &stage, err);
    if (rc == POLYFS_OK) {
        if (fstatat(stage.at.dir_fd, stage.at.name, &same, 0) == 0 && same.st_ino == st.st_ino &&
            same.st_dev == st.st_dev)
            rc = polyfs_fail(err, POLYFS_INVALID, "source and target are the same file");
        if (rc == POLYFS_OK)
            rc = copy_bytes(call, from, &stage, (uint64_t)st.st_size, request->durability, err);
        if (rc == POLYFS_OK)
            rc = unchanged(from, &st, err);
        if (rc == POLYFS_OK && request->flags & POLYFS_PUT_KEEP_METADATA)
            rc = local_meta_copy(from, stage.fd, err);
        if (rc == POLYFS_OK && fchmod(stage.fd, st.st_mode & 0777) < 0)
            rc = local_fail(err, errno, "setting its mode");
        if (rc == POLYFS_OK)
            rc = local_stage_publish(&stage, &sized, out, err);
        local_stage_close(&stage);
    }
    close(from);
    return rc;
}
