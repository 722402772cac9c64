/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of system calls, and calls that were stopped. */
#include <errno.h>

#include "local.h"

int local_fail(struct polyfs_error *err, int sys_errno, const char *what)
{
    errno = sys_errno;
    return polyfs_fail_errno(err, what);
}

int local_stopped(struct polyfs_call *call, struct polyfs_error *err)
{
    return polyfs_go_on(local_host, call, err);
}
