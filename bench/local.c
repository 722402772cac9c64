/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bench/local.py measures, one way a run: polyfs's own and the bare system calls that it is held against.
 *   put PATH BYTES     polyfs_put from memory, durability full      write PATH BYTES   write, fsync of file and folder
 *   list URL           a line for each object: path, type, size, mtime
 *   run WORD...        that program; tells on standard error its seconds, seconds of CPU and peak KiB. A child of
 *                      Python would be told to have had Python's own peak.
 *   call COUNT         nanoseconds of one polyfs_stat of an object in memory, all layers and the plugin together
 */
#include <fcntl.h>
#include <polyfs/polyfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE (8 << 20)

static int fail(const char *what)
{
    fprintf(stderr, "bench_local: %s\n", what);
    return 1;
}

/* Bytes that no file system stores as a hole. */
static char *filled(size_t size)
{
    char *data = malloc(size ? size : 1);
    for (size_t i = 0; data && i < size; i += 64)
        memcpy(data + i, &i, sizeof(i) < size - i ? sizeof(i) : size - i);
    return data;
}

static int put(const char *path, size_t size)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    char *data = filled(size);
    return data && polyfs_put_url(path, data, size, &err) == POLYFS_OK ? 0 : fail(err.message);
}

static int write_bare(const char *path, size_t size)
{
    char *data = filled(size), *folder = strdup(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    size_t done = 0;
    while (data && fd >= 0 && done < size) {
        ssize_t n = write(fd, data + done, size - done < PIECE ? size - done : PIECE);
        if (n < 0)
            return fail("write");
        done += (size_t)n;
    }
    *strrchr(folder, '/') = '\0';
    int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 && close(fd) == 0 && above >= 0 && fsync(above) == 0 ? 0 : fail("fsync");
}

static int list(const char *url)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_fs *fs;
    struct polyfs_lister *lister;
    char *path;
    if (polyfs_fs_open(url, NULL, &fs, &path, &err) || polyfs_list_open(fs, path, &opts, &lister, &err))
        return fail(err.message);
    const struct polyfs_entry *rows;
    size_t count;
    int rc;
    do {
        rc = polyfs_list_next(lister, &rows, &count, &err);
        for (size_t i = 0; rc >= 0 && i < count; i++)
            printf("%s %c %llu %lld.%09lld\n", rows[i].path, rows[i].type == POLYFS_TYPE_DIR ? 'd' : 'f',
                   (unsigned long long)rows[i].size, (long long)(rows[i].mtime_ns / 1000000000),
                   (long long)(rows[i].mtime_ns % 1000000000));
    } while (rc == POLYFS_MORE);
    polyfs_list_close(lister);
    polyfs_fs_close(fs);
    polyfs_free(path);
    return rc < 0 ? fail(err.message) : 0;
}

static int call(long count)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    struct polyfs_fs *fs;
    struct timespec began, ended;
    if (polyfs_fs_open("memory://", NULL, &fs, NULL, &err) || polyfs_put(fs, "a", "x", 1, NULL, NULL, &err))
        return fail(err.message);
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (long i = 0; i < count; i++)
        if (polyfs_stat(fs, "a", NULL, NULL, &stat, &err))
            return fail(err.message);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%.0f\n",
           ((double)(ended.tv_sec - began.tv_sec) * 1e9 + (double)(ended.tv_nsec - began.tv_nsec)) / (double)count);
    polyfs_fs_close(fs);
    return 0;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int run(char **words)
{
    struct timespec began, ended;
    struct rusage usage;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &began);
    pid_t child = fork();
    if (child == 0) {
        execvp(words[0], words);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) < 0)
        return fail(words[0]);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "bench_local: %s ended with status %d, signal %d\n", words[0], WEXITSTATUS(status),
                WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    fprintf(stderr, "%.6f %.6f %ld\n",
            (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9,
            seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "run") == 0)
        return run(argv + 2);
    if (argc == 4 && strcmp(argv[1], "put") == 0)
        return put(argv[2], strtoull(argv[3], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "write") == 0)
        return write_bare(argv[2], strtoull(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "list") == 0)
        return list(argv[2]);
    if (argc == 3 && strcmp(argv[1], "call") == 0)
        return call(strtol(argv[2], NULL, 10));
    return fail("put PATH BYTES | write PATH BYTES | list URL | call COUNT");
}
