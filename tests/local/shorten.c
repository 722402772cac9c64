/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded: reads, writes and copies of more than one byte really move less than was asked, and every third is
 * interrupted first; so is every third poll(2). Plain read(2) and write(2) are those of files and pipes alone: the kernel
 * never cuts an eventfd. What is said on standard error is left alone. How many of each happened is told in the file that
 * SHORTEN_LOG names, so that a test knows. SHORTEN_TURN (0, 1, 2) says which of three is the interrupted one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_uint turn, interrupted, shortened, plain;

/* Every third time; errno is set then. */
static int interrupts(void)
{
    if (atomic_fetch_add(&turn, 1) % 3 != 0)
        return 0;
    atomic_fetch_add(&interrupted, 1);
    errno = EINTR;
    return 1;
}

/* 0: interrupted; else the bytes to move. */
static size_t less(int fd, size_t size)
{
    if (fd == STDERR_FILENO || size < 2)
        return size;
    if (interrupts())
        return 0;
    atomic_fetch_add(&shortened, 1);
    return size / 3 + 1;
}

static size_t less_plain(int fd, size_t size)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
        return size;
    atomic_fetch_add(&plain, 1);
    return less(fd, size);
}

ssize_t read(int fd, void *data, size_t size)
{
    size_t n = less_plain(fd, size);
    return n || !size ? syscall(SYS_read, fd, data, n) : -1;
}

ssize_t write(int fd, const void *data, size_t size)
{
    size_t n = less_plain(fd, size);
    return n || !size ? syscall(SYS_write, fd, data, n) : -1;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return interrupts() ? -1 : (int)syscall(SYS_poll, fds, count, timeout_ms);
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

__attribute__((constructor)) static void begin(void)
{
    const char *first = getenv("SHORTEN_TURN");
    atomic_store(&turn, first ? (unsigned)atoi(first) : 0);
}

__attribute__((destructor)) static void tell(void)
{
    const char *name = getenv("SHORTEN_LOG");
    FILE *log = name ? fopen(name, "w") : NULL;
    if (!log)
        return;
    fprintf(log, "%u %u %u\n", atomic_load(&interrupted), atomic_load(&shortened), atomic_load(&plain));
    fclose(log);
}
