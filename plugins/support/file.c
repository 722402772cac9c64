/* SPDX-License-Identifier: Apache-2.0 */
/* Files (file.h). */
#include "file.h"

#include <fcntl.h>
#include <unistd.h>

#define FILE_MAX (UINT64_C(1) << 20)

int ps_file_read(const char *file, struct ps_buf *out, struct polyfs_error *err)
{
    char piece[4096];
    ssize_t n = -1;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && out->size <= FILE_MAX &&
           ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0)
            ps_buf_add(out, piece, (uint64_t)n);
    int rc = out->size > FILE_MAX ? polyfs_fail(err, POLYFS_CONFIG, "it is longer than any such file is")
             : n < 0              ? polyfs_fail_errno(err, fd < 0 ? "" : "reading it")
                                  : ps_buf_check(out, err);
    if (fd >= 0)
        close(fd);
    return rc;
}
