/* SPDX-License-Identifier: Apache-2.0 */
/* errno → code and words: one table, so that the same failure always reads the same. */
#include <errno.h>

#include "local.h"

static const struct errno_row {
    int sys_errno;
    int code;
    const char *why;
} errno_rows[] = {
    {ENOENT, POLYFS_NOT_FOUND, "there is no such file or folder"},
    {ENOTDIR, POLYFS_NOT_DIR, "a part of the path is a file, not a folder"},
    {EISDIR, POLYFS_IS_DIR, "it is a folder"},
    {EEXIST, POLYFS_EXISTS, "it is there already"},
    {ENOTEMPTY, POLYFS_NOT_EMPTY, "the folder is not empty"},
    {EACCES, POLYFS_PERMISSION, "permission denied; see who may with: ls -ld"},
    {EPERM, POLYFS_PERMISSION, "the operation is not permitted"},
    {EROFS, POLYFS_PERMISSION, "the file system is mounted read-only"},
    {ENOSPC, POLYFS_NO_SPACE, "the disk is full; see: df -h"},
    {EDQUOT, POLYFS_NO_SPACE, "the disk quota is used up; see: quota"},
    {EFBIG, POLYFS_TOO_LARGE, "the file is larger than the file system allows"},
    {ENAMETOOLONG, POLYFS_INVALID, "the name is too long for the file system"},
    {ELOOP, POLYFS_INVALID, "a symbolic link is in the way, or links go in a circle"},
    {EXDEV, POLYFS_INVALID, "the path leads out of its folder, or to another file system"},
    {EINVAL, POLYFS_INVALID, "the file system refuses the argument"},
    {ENOMEM, POLYFS_NOMEM, "no memory is left"},
    {EMFILE, POLYFS_BUSY, "this process has too many files open; see: ulimit -n"},
    {ENFILE, POLYFS_BUSY, "the system has too many files open"},
    {EBUSY, POLYFS_BUSY, "it is in use"},
    {ETXTBSY, POLYFS_BUSY, "it is a program that runs"},
    {ESTALE, POLYFS_CHANGED, "the file is gone from the server"},
    {ETIMEDOUT, POLYFS_TIMEOUT, "the file server does not answer"},
    {EOPNOTSUPP, POLYFS_UNSUPPORTED, "the file system cannot do it"},
};

int local_fail(struct polyfs_error *err, int sys_errno, const char *what)
{
    int code = POLYFS_IO;
    char text[96] = "";
    const char *why = NULL;
    for (size_t i = 0; i < sizeof(errno_rows) / sizeof(errno_rows[0]); i++) {
        if (errno_rows[i].sys_errno == sys_errno) {
            code = errno_rows[i].code;
            why = errno_rows[i].why;
        }
    }
    if (!why) {
        snprintf(text, sizeof(text), "%s", strerrordesc_np(sys_errno));
        why = text;
    }
    polyfs_fail(err, code, "%s%s%s", what, *what ? ": " : "", why);
    if (err)
        err->sys_errno = sys_errno;
    return code;
}

int local_stopped(struct polyfs_call *call, struct polyfs_error *err)
{
    int rc = local_host->stopped(call);
    if (rc == POLYFS_OK)
        return rc;
    return polyfs_fail(err, rc, rc == POLYFS_CANCELLED ? "it was cancelled" : "the time limit of the call passed");
}
