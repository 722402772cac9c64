/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbolic links. A new one is made where it belongs, since symlink(2) refuses a name that is taken; one that takes the
 * place of another gets a hidden name first, and then its own by rename(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "local.h"

/* Relative where @to lies below the link's folder, so that the folder can be moved; "..", which a folder that is a link
 * itself would lead astray, is never made. */
static const char *text_of(const char *path, const char *to)
{
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    return strncmp(path, to, n) == 0 && to[n] && to[n] != '/' ? to + n : to;
}

/* In the folder of @name. */
static char *hidden_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    const size_t folder = slash ? (size_t)(slash - name) + 1 : 0;
    char *temp = malloc(folder + LOCAL_STAGING_ROOM);
    if (temp) {
        memcpy(temp, name, folder);
        local_staging_name(temp + folder);
    }
    return temp;
}

static int replace(const struct local_at *at, const char *text, struct polyfs_error *err)
{
    struct stat there;
    if (fstatat(at->dir_fd, at->name, &there, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISLNK(there.st_mode))
        return polyfs_fail(err, POLYFS_EXISTS, "there is something that is no link");
    char *temp = hidden_name(at->name);
    if (!temp)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a path");
    int rc = POLYFS_OK;
    if (symlinkat(text, at->dir_fd, temp) < 0) {
        rc = local_fail(err, errno, "");
    } else if (renameat(at->dir_fd, temp, at->dir_fd, at->name) < 0) {
        rc = local_fail(err, errno, "");
        unlinkat(at->dir_fd, temp, 0);
    }
    free(temp);
    return rc;
}

int local_link(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *to,
               uint64_t to_len, struct polyfs_error *err)
{
    const struct local_fs *fs = self;
    const char *text = text_of(path, to);
    struct local_at at;
    (void)path_len;
    (void)to_len;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK && fs->root_fd >= 0 && text == to && strchr(path, '/'))
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED,
                         "within a folder of its own, links lead to what lies below theirs");
    if (rc == POLYFS_OK)
        rc = local_at(self, path, &at, err);
    if (rc != POLYFS_OK)
        return rc;
    if (symlinkat(text, at.dir_fd, at.name) < 0)
        rc = errno == EEXIST ? replace(&at, text, err) : local_fail(err, errno, "");
    if (rc == POLYFS_OK && fs->durable)
        rc = local_sync_parent(&at, err);
    local_at_close(&at);
    return rc;
}
