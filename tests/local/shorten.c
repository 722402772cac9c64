/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded: reads, writes and copies of more than one byte really move less than was asked, and every third is
 * interrupted first. Which of them happened is told in the file that SHORTEN_LOG names, so that a test knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_uint turn, interrupted, shortened;

/* 0: interrupted, with errno set; else the bytes to move. Standard input and output are left alone. */
static size_t less(int fd, size_t size)
{
    if (fd <= 2 || size < 2)
        return size;
    if (atomic_fetch_add(&turn, 1) % 3 == 0) {
        atomic_fetch_add(&interrupted, 1);
        errno = EINTR;
        return 0;
    }
    atomic_fetch_add(&shortened, 1);
    return size / 3 + 1;
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    size_t n = less(fd, size);
    return n || !size ? syscall(SYS_pread64, fd, data, n, offset) : -1;
}

ssize_t pread64(int fd, void *data, size_t size, off_t offset)
{
    return pread(fd, data, size, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    size_t n = less(fd, size);
    return n || !size ? syscall(SYS_pwrite64, fd, data, n, offset) : -1;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    return pwrite(fd, data, size, offset);
}

ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags)
{
    size_t n = less(out, size);
    return n || !size ? syscall(SYS_copy_file_range, in, in_at, out, out_at, n, flags) : -1;
}

__attribute__((destructor)) static void tell(void)
{
    const char *name = getenv("SHORTEN_LOG");
    FILE *log = name ? fopen(name, "w") : NULL;
    if (!log)
        return;
    fprintf(log, "%u %u\n", atomic_load(&interrupted), atomic_load(&shortened));
    fclose(log);
}
