/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: stat, folders, remove, rename, sub. Confinement is here: every name of a confined filesystem is reached
 * through its folder, opened by openat2(2) so that no "..", link or mount trick leads out of the root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "local.h"

#define RESOLVE (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)

/* ---- from paths to descriptors --------------------------------------------------------------------------- */

int local_open(const struct local_fs *fs, const char *path, int flags, unsigned mode)
{
    if (!fs->confined)
        return openat(fs->root_fd, *path ? path : ".", flags | O_CLOEXEC, mode);
    struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE};
    if (flags & O_CREAT)
        how.mode = mode;
    return (int)syscall(SYS_openat2, fs->root_fd, *path ? path : ".", &how, sizeof(how));
}

static int confined_at(const struct local_fs *fs, const char *path, struct local_at *out, struct polyfs_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return polyfs_fail(err, POLYFS_INVALID, "the last part of the path is no name");
    char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (!folder)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a path");
    int fd = local_open(fs, folder, O_PATH | O_DIRECTORY, 0);
    int why = errno;
    free(folder);
    if (fd < 0)
        return local_fail(err, why, "its folder");
    *out = (struct local_at){fd, 1, name};
    return POLYFS_OK;
}

int local_at(const struct local_fs *fs, const char *path, struct local_at *out, struct polyfs_error *err)
{
    if (fs->confined)
        return confined_at(fs, path, out, err);
    *out = (struct local_at){fs->root_fd, 0, *path ? path : "."};
    return POLYFS_OK;
}

void local_at_close(struct local_at *at)
{
    if (at->owned)
        close(at->dir_fd);
    at->owned = 0;
}

/* ---- stat --------------------------------------------------------------------------------------------------- */

static int64_t time_ns(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

void local_stat_fill(const struct stat *st, struct polyfs_stat *out)
{
    out->type = S_ISREG(st->st_mode)   ? POLYFS_TYPE_FILE
                : S_ISDIR(st->st_mode) ? POLYFS_TYPE_DIR
                                       : POLYFS_TYPE_OTHER;
    out->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    out->mtime_ns = time_ns(&st->st_mtim);
    out->mode = st->st_mode & 07777;
    out->uid = st->st_uid;
    out->gid = st->st_gid;
    out->flags |= POLYFS_STAT_LATEST;
    if (S_ISREG(st->st_mode))
        snprintf(out->etag, sizeof(out->etag), "%llx-%llx-%llx", (unsigned long long)st->st_ino,
                 (unsigned long long)st->st_size, (unsigned long long)out->mtime_ns);
}

static int stat_meta(const struct local_fs *fs, const char *path, struct polyfs_stat *out,
                     struct polyfs_pairs *meta, struct polyfs_error *err)
{
    int fd = local_open(fs, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 && !meta)
        return POLYFS_OK; /* what cannot be read can still be looked at */
    if (fd < 0)
        return local_fail(err, errno, "");
    int rc = POLYFS_OK;
    if (meta)
        rc = local_meta_read(fd, out, meta, err);
    else
        local_meta_type(fd, out);
    close(fd);
    return rc;
}

static int local_stat(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                      const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                      struct polyfs_error *err)
{
    const struct local_fs *fs = self;
    struct polyfs_stat result = *out;
    struct stat st;
    (void)path_len;
    int rc = local_stopped(call, err);
    if (rc != POLYFS_OK)
        return rc;
    if (version)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "files have no versions");
    if (fs->confined) {
        int fd = local_open(fs, path, O_PATH, 0);
        if (fd < 0 || fstat(fd, &st) < 0)
            rc = local_fail(err, errno, "");
        if (fd >= 0)
            close(fd);
    } else if (fstatat(fs->root_fd, *path ? path : ".", &st, 0) < 0) {
        rc = local_fail(err, errno, "");
    }
    if (rc != POLYFS_OK)
        return rc;
    local_stat_fill(&st, &result);
    if (S_ISREG(st.st_mode))
        rc = stat_meta(fs, path, &result, meta, err);
    if (rc == POLYFS_OK)
        *out = result;
    return rc;
}

/* ---- folders ------------------------------------------------------------------------------------------------ */

/* A new folder's name lies in its parent; a file published in it later is lost with it after loss of power. */
int local_sync_parent(const struct local_at *at, struct polyfs_error *err)
{
    const char *slash = strrchr(at->name, '/');
    char *parent =
        at->owned || !slash ? strdup(".") : strndup(at->name, slash == at->name ? 1 : (size_t)(slash - at->name));
    if (!parent)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a path");
    int fd = openat(at->dir_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || (fsync(fd) < 0 && errno != EINVAL);
    int rc =
        failed ? local_fail(err, errno, "the folder is there, but its parent cannot be made durable") : POLYFS_OK;
    if (fd >= 0)
        close(fd);
    free(parent);
    return rc;
}

/* An existing folder is fine when asked so; anything else of that name is not. */
static int mkdir_one(const struct local_fs *fs, const char *path, int exist_ok, struct polyfs_error *err)
{
    struct local_at at;
    struct stat st;
    int rc = local_at(fs, path, &at, err);
    if (rc != POLYFS_OK)
        return rc;
    if (mkdirat(at.dir_fd, at.name, 0777) == 0) {
        rc = fs->durable ? local_sync_parent(&at, err) : POLYFS_OK;
    } else {
        int why = errno;
        int is_dir = why == EEXIST && fstatat(at.dir_fd, at.name, &st, 0) == 0 && S_ISDIR(st.st_mode);
        if (!exist_ok || !is_dir)
            rc = local_fail(err, why, "");
        if (why == EEXIST && exist_ok && !is_dir)
            rc = polyfs_fail(err, POLYFS_NOT_DIR, "there is a file of that name");
    }
    local_at_close(&at);
    return rc;
}

static int local_mkdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                       struct polyfs_error *err)
{
    const struct local_fs *fs = self;
    int rc = local_stopped(call, err);
    if (rc != POLYFS_OK)
        return rc;
    if (flags & ~(POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "there are no buckets here");
    char *part = strdup(path);
    if (!part)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a path");
    while (path_len > 1 && part[path_len - 1] == '/')
        part[--path_len] = '\0';
    for (char *slash = part + 1; flags & POLYFS_MKDIR_PARENTS && *part && rc == POLYFS_OK;) {
        slash = strchr(slash, '/');
        if (!slash)
            break;
        *slash = '\0';
        rc = mkdir_one(fs, part, 1, err);
        *slash = '/';
        slash += strspn(slash, "/");
    }
    if (rc == POLYFS_OK)
        rc = mkdir_one(fs, part, (flags & POLYFS_MKDIR_EXIST_OK) != 0, err);
    free(part);
    return rc;
}

static int unlink_at(struct polyfs_call *call, void *self, const char *path, int flags, struct polyfs_error *err)
{
    struct local_at at;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK)
        rc = local_at(self, path, &at, err);
    if (rc != POLYFS_OK)
        return rc;
    if (unlinkat(at.dir_fd, at.name, flags) < 0)
        rc = local_fail(err, errno, "");
    local_at_close(&at);
    return rc;
}

/*
 * Staging files that a killed process left are in no listing, so they must not keep a folder from being removed. 1 when
 * the folder holds nothing else, and they are gone.
 */
static int sweep_staging(const struct local_fs *fs, const char *path)
{
    int fd = local_open(fs, path, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    int swept = 0, only = dir != NULL;
    for (int removing = 0; only && removing < 2; removing++, rewinddir(dir)) {
        for (const struct dirent *entry; only && (entry = readdir(dir));) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            only = strncmp(entry->d_name, LOCAL_STAGING, strlen(LOCAL_STAGING)) == 0;
            if (only && removing && unlinkat(fd, entry->d_name, 0) == 0)
                swept = 1;
        }
    }
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    return only && swept;
}

static int local_rmdir(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                       struct polyfs_error *err)
{
    (void)path_len;
    if (flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "there are no buckets here");
    int rc = unlink_at(call, self, path, AT_REMOVEDIR, err);
    if (rc == POLYFS_NOT_EMPTY && sweep_staging(self, path))
        rc = unlink_at(call, self, path, AT_REMOVEDIR, err);
    return rc;
}

static int local_remove(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                        const char *version, const struct polyfs_condition *condition, struct polyfs_error *err)
{
    (void)path_len;
    if (version || condition)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "files have neither versions nor conditional removal");
    return unlink_at(call, self, path, 0, err);
}

/* ---- rename ------------------------------------------------------------------------------------------------- */

/* rename(2) replaces an empty folder too; the contract replaces objects only. */
static int replace(const struct local_at *from, const struct local_at *to, struct polyfs_error *err)
{
    struct stat source, target;
    if (fstatat(from->dir_fd, from->name, &source, AT_SYMLINK_NOFOLLOW) < 0)
        return local_fail(err, errno, "");
    if (fstatat(to->dir_fd, to->name, &target, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISDIR(target.st_mode))
            return polyfs_fail(err, POLYFS_IS_DIR, "the target is a folder");
        if (S_ISDIR(source.st_mode))
            return polyfs_fail(err, POLYFS_NOT_DIR, "the target is a file, the source a folder");
    }
    if (renameat(from->dir_fd, from->name, to->dir_fd, to->name) < 0)
        return local_fail(err, errno, "");
    return POLYFS_OK;
}

/* Where renameat2 has no NOREPLACE (NFS, old FUSE), link(2) refuses an existing name just as well, for files. */
static int rename_no_replace(const struct local_at *from, const struct local_at *to, struct polyfs_error *err)
{
    if (renameat2(from->dir_fd, from->name, to->dir_fd, to->name, RENAME_NOREPLACE) == 0)
        return POLYFS_OK;
    if (errno != EINVAL && errno != ENOSYS)
        return local_fail(err, errno, "");
    if (linkat(from->dir_fd, from->name, to->dir_fd, to->name, 0) < 0)
        return local_fail(err, errno == EPERM ? EOPNOTSUPP : errno, "");
    return unlinkat(from->dir_fd, from->name, 0) < 0 ? local_fail(err, errno, "the old name") : POLYFS_OK;
}

static int local_rename(struct polyfs_call *call, void *self, const struct polyfs_source *source,
                        const char *target, uint64_t target_len, const struct polyfs_put_request *request,
                        struct polyfs_step *step, struct polyfs_error *err)
{
    struct local_at from, to;
    (void)target_len;
    (void)step;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK && (source->version || source->etag || request->condition.if_match))
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "files are renamed without a condition on their bytes");
    if (rc == POLYFS_OK)
        rc = local_at(self, source->path, &from, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = local_at(self, target, &to, err);
    if (rc == POLYFS_OK) {
        rc = request->condition.create_only ? rename_no_replace(&from, &to, err) : replace(&from, &to, err);
        local_at_close(&to);
    }
    local_at_close(&from);
    return rc;
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

static int fs_make(int root_fd, int confined, int durable, void **out_fs, struct polyfs_error *err)
{
    struct local_fs *fs = local_host->alloc(sizeof(*fs));
    if (!fs)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory to open it");
    *fs = (struct local_fs){root_fd, confined, durable};
    *out_fs = fs;
    return POLYFS_OK;
}

static int local_fs_open(struct polyfs_call *call, const struct polyfs_options *options,
                         const struct polyfs_inner *inner, void **out_fs, struct polyfs_error *err)
{
    const char *durability = local_host->option(options, "durability");
    (void)call;
    (void)inner;
    return fs_make(AT_FDCWD, 0, !durability || strcmp(durability, "none") != 0, out_fs, err);
}

static void local_fs_close(void *self)
{
    struct local_fs *fs = self;
    if (fs->root_fd >= 0)
        close(fs->root_fd);
    local_host->free(fs);
}

static int local_sub(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                     void **out_fs, struct polyfs_error *err)
{
    const struct local_fs *fs = self;
    (void)path_len;
    int rc = local_stopped(call, err);
    if (rc != POLYFS_OK)
        return rc;
    int fd = local_open(fs, path, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return local_fail(err, errno, "");
    rc = fs_make(fd, fs->confined || flags & POLYFS_SUB_CONFINE, fs->durable, out_fs, err);
    if (rc != POLYFS_OK)
        close(fd);
    return rc;
}

const struct polyfs_fs_ops local_fs_ops = {
    .struct_size = sizeof(struct polyfs_fs_ops),
    .open = local_fs_open,
    .close = local_fs_close,
    .caps = local_caps,
    .stat = local_stat,
    .get = local_get,
    .put = local_put,
    .remove = local_remove,
    .copy = local_copy,
    .rename = local_rename,
    .mkdir = local_mkdir,
    .rmdir = local_rmdir,
    .set_metadata = local_set_metadata,
    .set_times = local_set_times,
    .link = local_link,
    .sub = local_sub,
};
