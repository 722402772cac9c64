/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging and publishing: how a file appears whole or not at all.
 *
 *   open a nameless file in the target's own folder (O_TMPFILE; a hidden name where that does not work)
 *   write → fsync → give it its name → fsync the folder          (each fsync as durability asks)
 *
 * The name is given by link(2), which refuses an existing one, or by rename(2), which replaces atomically. The order
 * is what makes a crash harmless; tests/checkpoint asserts it in a recording of the system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "local.h"

#define LINKS_MAX 40

/* ---- opening ------------------------------------------------------------------------------------------------ */

/* A link as the target: the file that it leads to is replaced, as open(2) would write to it. The text is malloc'ed. */
static int follow(const struct local_fs *fs, const char *path, char **out_target, struct polyfs_error *err)
{
    char *target = strdup(path);
    for (int i = 0; target && !fs->confined && i <= LINKS_MAX; i++) {
        char text[4096];
        ssize_t n = readlinkat(fs->root_fd, target, text, sizeof(text) - 1);
        if (n < 0)
            break; /* no link, or nothing there */
        if (i == LINKS_MAX) {
            free(target);
            return local_fail(err, ELOOP, "");
        }
        text[n] = '\0';
        char *slash = strrchr(target, '/');
        char *next = NULL;
        if (text[0] == '/' || !slash)
            next = strdup(text);
        else if (asprintf(&next, "%.*s/%s", (int)(slash - target), target, text) < 0)
            next = NULL;
        free(target);
        target = next;
    }
    if (!target)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a path");
    *out_target = target;
    return POLYFS_OK;
}

/* The folder of a path as a descriptor, and the last part of the path. */
static int open_folder(const struct local_fs *fs, struct local_stage *stage, struct polyfs_error *err)
{
    char *slash = strrchr(stage->target, '/');
    const char *name = slash ? slash + 1 : stage->target;
    const char *folder = !slash ? "." : slash == stage->target ? "/" : stage->target;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return polyfs_fail(err, POLYFS_IS_DIR, "the path names a folder");
    if (strncmp(name, LOCAL_STAGING, strlen(LOCAL_STAGING)) == 0)
        return polyfs_fail(err, POLYFS_INVALID,
                           "names that begin with " LOCAL_STAGING " are polyfs's own, and not listed");
    if (slash && slash != stage->target)
        *slash = '\0';
    int fd = local_open(fs, folder, O_RDONLY | O_DIRECTORY, 0);
    int why = errno;
    if (slash && slash != stage->target)
        *slash = '/';
    if (fd < 0)
        return local_fail(err, why, "its folder");
    stage->at = (struct local_at){fd, 1, name};
    return POLYFS_OK;
}

void local_staging_name(char out[LOCAL_STAGING_ROOM])
{
    uint64_t id[2];
    local_host->random(id, sizeof(id));
    snprintf(out, LOCAL_STAGING_ROOM, LOCAL_STAGING "%016llx%016llx", (unsigned long long)id[0],
             (unsigned long long)id[1]);
}

/* Mode 0666, so that the kernel applies the umask; a replaced file's mode is put on when it is published. */
static int open_staging(struct local_stage *stage, struct polyfs_error *err)
{
    stage->fd = openat(stage->at.dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (stage->fd >= 0)
        return POLYFS_OK;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
        return local_fail(err, errno, "a staging file in its folder");
    local_staging_name(stage->temp);
    stage->fd = openat(stage->at.dir_fd, stage->temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    if (stage->fd < 0) {
        int why = errno;
        stage->temp[0] = '\0';
        return local_fail(err, why, "a staging file in its folder");
    }
    return POLYFS_OK;
}

/* What is there already decides early what cannot work: a folder, a device, or anything for create-only. */
static int check_target(const struct local_stage *stage, const struct polyfs_put_request *request,
                        struct polyfs_error *err)
{
    struct stat st;
    if (fstatat(stage->at.dir_fd, stage->at.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? POLYFS_OK : local_fail(err, errno, "");
    if (S_ISDIR(st.st_mode))
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
    if (!S_ISREG(st.st_mode))
        return polyfs_fail(err, POLYFS_INVALID, "it is no regular file, and is never replaced by one");
    if (request->condition.create_only)
        return polyfs_fail(err, POLYFS_EXISTS, "it is there already");
    return POLYFS_OK;
}

int local_stage_open(const struct local_fs *fs, const char *path, const struct polyfs_put_request *request,
                     struct local_stage *stage, struct polyfs_error *err)
{
    *stage = (struct local_stage){.fd = -1};
    if (request->extra_count || request->checksum.kind)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "files take no pass-through options and no checksum");
    int rc = follow(fs, path, &stage->target, err);
    if (rc == POLYFS_OK)
        rc = open_folder(fs, stage, err);
    if (rc == POLYFS_OK)
        rc = check_target(stage, request, err);
    if (rc == POLYFS_OK)
        rc = open_staging(stage, err);
    if (rc == POLYFS_OK && request->size_hint != POLYFS_SIZE_UNKNOWN && request->size_hint > LOCAL_SLICE &&
        fallocate(stage->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)request->size_hint) < 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) /* told now, not after gigabytes */
        rc = local_fail(err, errno, "");
    if (rc != POLYFS_OK)
        local_stage_close(stage);
    return rc;
}

void local_stage_close(struct local_stage *stage)
{
    if (stage->fd >= 0)
        close(stage->fd);
    if (stage->temp[0])
        unlinkat(stage->at.dir_fd, stage->temp, 0);
    local_at_close(&stage->at);
    free(stage->target);
    *stage = (struct local_stage){.fd = -1};
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

int local_stage_write(struct polyfs_call *call, struct local_stage *stage, uint64_t offset, const void *data,
                      uint64_t size, uint32_t durability, struct polyfs_error *err)
{
    const char *at = data;
    for (uint64_t done = 0; done < size;) {
        int rc = local_stopped(call, err);
        if (rc != POLYFS_OK)
            return rc;
        uint64_t want = size - done < LOCAL_SLICE ? size - done : LOCAL_SLICE;
        ssize_t n = pwrite(stage->fd, at + done, want, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return local_fail(err, errno, "writing");
        if (n == 0)
            return local_fail(err, EIO, "writing");
        /* Write-back begins now, so that the fsync at the end has little left to wait for. */
        if (durability != POLYFS_DURABILITY_NONE && want == LOCAL_SLICE)
            sync_file_range(stage->fd, (off_t)(offset + done), n, SYNC_FILE_RANGE_WRITE);
        done += (uint64_t)n;
    }
    return POLYFS_OK;
}

/* ---- publishing --------------------------------------------------------------------------------------------- */

/* Gives the nameless file a name: only if there is none such. Without /proc an O_TMPFILE cannot be linked. */
static int link_as(const struct local_stage *stage, const char *name)
{
    char self[64];
    if (stage->temp[0])
        return renameat2(stage->at.dir_fd, stage->temp, stage->at.dir_fd, name, RENAME_NOREPLACE);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", stage->fd);
    return linkat(AT_FDCWD, self, stage->at.dir_fd, name, AT_SYMLINK_FOLLOW);
}

/* Where renameat2 knows no NOREPLACE, link(2) and unlink(2) do the same. */
static int link_new(struct local_stage *stage, const char *name)
{
    int rc = link_as(stage, name);
    if (rc < 0 && stage->temp[0] && (errno == EINVAL || errno == ENOSYS)) {
        rc = linkat(stage->at.dir_fd, stage->temp, stage->at.dir_fd, name, 0);
        if (rc == 0)
            unlinkat(stage->at.dir_fd, stage->temp, 0);
    }
    if (rc == 0)
        stage->temp[0] = '\0';
    return rc;
}

static int publish_new(struct local_stage *stage, struct polyfs_error *err)
{
    return link_new(stage, stage->at.name) == 0 ? POLYFS_OK : local_fail(err, errno, "");
}

/* The staging file takes the mode of what it replaces, and its place, in one step. */
static int publish_over(struct local_stage *stage, const struct stat *old, struct polyfs_error *err)
{
    if (fchmod(stage->fd, old->st_mode & 07777) < 0)
        return local_fail(err, errno, "keeping its mode");
    while (!stage->temp[0]) {
        struct local_stage named = *stage;
        local_staging_name(named.temp);
        if (link_as(stage, named.temp) == 0)
            memcpy(stage->temp, named.temp, sizeof(stage->temp));
        else if (errno != EEXIST)
            return local_fail(err, errno, "naming the staging file");
    }
    if (renameat(stage->at.dir_fd, stage->temp, stage->at.dir_fd, stage->at.name) < 0)
        return local_fail(err, errno, "");
    stage->temp[0] = '\0';
    return POLYFS_OK;
}

static int publish_any(struct local_stage *stage, struct polyfs_error *err)
{
    struct stat old;
    for (;;) {
        if (fstatat(stage->at.dir_fd, stage->at.name, &old, AT_SYMLINK_NOFOLLOW) == 0) {
            if (S_ISDIR(old.st_mode))
                return polyfs_fail(err, POLYFS_IS_DIR, "it is a folder");
            return publish_over(stage, &old, err);
        }
        if (errno != ENOENT)
            return local_fail(err, errno, "");
        if (link_new(stage, stage->at.name) == 0)
            return POLYFS_OK;
        if (errno != EEXIST) /* somebody was quicker: replace theirs */
            return local_fail(err, errno, "");
    }
}

/*
 * Compare and swap among all who write through polyfs: the old file itself is the lock. Whoever waited for it finds
 * the name leading to another inode, and lost.
 */
static int publish_if_match(struct local_stage *stage, const char *etag, struct polyfs_error *err)
{
    struct stat old, now;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int rc = POLYFS_OK;
    int fd = openat(stage->at.dir_fd, stage->at.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? polyfs_fail(err, POLYFS_CONDITION, "it is not there any more")
                               : local_fail(err, errno, "");
    while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
        ;
    if (fstat(fd, &old) < 0 || fstatat(stage->at.dir_fd, stage->at.name, &now, AT_SYMLINK_NOFOLLOW) < 0)
        rc = errno == ENOENT ? polyfs_fail(err, POLYFS_CONDITION, "it was removed") : local_fail(err, errno, "");
    if (rc == POLYFS_OK) {
        local_stat_fill(&old, &stat);
        if (old.st_ino != now.st_ino || old.st_dev != now.st_dev || strcmp(stat.etag, etag) != 0)
            rc = polyfs_fail(err, POLYFS_CONDITION, "the file was replaced since");
    }
    if (rc == POLYFS_OK)
        rc = publish_over(stage, &old, err);
    close(fd);
    return rc;
}

static int sync_folder(const struct local_stage *stage, struct polyfs_error *err)
{
    if (fsync(stage->at.dir_fd) == 0 || errno == EINVAL) /* some file systems sync no folders */
        return POLYFS_OK;
    int rc = local_fail(err, errno, "the file is there, but its folder cannot be made durable");
    if (err)
        err->commit_state = POLYFS_COMMIT_APPLIED;
    return rc;
}

/*
 * Without fsync, close(2) is where network and quota file systems tell that written bytes were lost: a second
 * descriptor is closed for that before the file has its name, since afterwards the old one is gone.
 */
static int told_by_close(const struct local_stage *stage, struct polyfs_error *err)
{
    int fd = fcntl(stage->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || (close(fd) < 0 && errno != EINTR))
        return local_fail(err, errno, "writing");
    return POLYFS_OK;
}

int local_stage_publish(struct local_stage *stage, const struct polyfs_put_request *request,
                        struct polyfs_stat *out, struct polyfs_error *err)
{
    struct stat st;
    int rc = local_meta_write(stage->fd, request, err);
    if (rc == POLYFS_OK && request->durability != POLYFS_DURABILITY_NONE && fsync(stage->fd) < 0)
        rc = local_fail(err, errno, "the bytes cannot be made durable"); /* never tried again: F33 */
    if (rc == POLYFS_OK && request->durability == POLYFS_DURABILITY_NONE)
        rc = told_by_close(stage, err);
    if (rc == POLYFS_OK && request->condition.create_only)
        rc = publish_new(stage, err);
    else if (rc == POLYFS_OK && request->condition.if_match)
        rc = publish_if_match(stage, request->condition.if_match, err);
    else if (rc == POLYFS_OK)
        rc = publish_any(stage, err);
    if (rc == POLYFS_OK && request->durability == POLYFS_DURABILITY_FULL)
        rc = sync_folder(stage, err);
    if (rc == POLYFS_OK && out && fstat(stage->fd, &st) == 0)
        local_stat_fill(&st, out);
    return rc;
}
