/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bare libhdfs costs: one stream, pieces of 1 MiB, bytes dropped or made up; and what it does where polyfs goes past
 * it (docs/adr/0009-hdfs-data.md). Java is found as libhdfs finds it: CLASSPATH, and LD_PRELOAD or LD_LIBRARY_PATH.
 *   hdfs_floor put|get HOST PORT PATH BYTES     seconds, without the start of Java and the connection
 *   hdfs_floor open HOST PORT PATH              opens it for writing, closes it
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PIECE (1 << 20)

static struct {
    void *(*connect)(const char *host, uint16_t port);
    void *(*open)(void *fs, const char *path, int flags, int buffer, short copies, int32_t block);
    int (*close)(void *fs, void *file);
    int32_t (*write)(void *fs, void *file, const void *data, int32_t size);
    int32_t (*pread)(void *fs, void *file, int64_t at, void *data, int32_t size);
    int (*sync)(void *fs, void *file);
} hdfs;

static void find(void *library, const char *name, void *out)
{
    void *address = dlsym(library, name);
    if (!address) {
        fprintf(stderr, "hdfs_floor: libhdfs has no %s\n", name);
        exit(1);
    }
    memcpy(out, &address, sizeof(address));
}

static void load(void)
{
    const char *name = getenv("POLYFS_LIBHDFS");
    void *library = dlopen(name ? name : "libhdfs.so", RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        fprintf(stderr, "hdfs_floor: %s\n", dlerror());
        exit(1);
    }
    find(library, "hdfsConnectNewInstance", &hdfs.connect);
    find(library, "hdfsOpenFile", &hdfs.open);
    find(library, "hdfsCloseFile", &hdfs.close);
    find(library, "hdfsWrite", &hdfs.write);
    find(library, "hdfsPread", &hdfs.pread);
    find(library, "hdfsHSync", &hdfs.sync);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int put(void *fs, void *file, long bytes, char *piece)
{
    memset(piece, 'x', PIECE);
    for (long done = 0; done < bytes; done += PIECE)
        if (hdfs.write(fs, file, piece, PIECE) != PIECE)
            return 1;
    return hdfs.sync(fs, file) != 0;
}

static int get(void *fs, void *file, long bytes, char *piece)
{
    int32_t n = 1;
    for (long done = 0; done < bytes && n > 0; done += n)
        n = hdfs.pread(fs, file, done, piece, PIECE);
    return n <= 0;
}

static int run(void *fs, const char *job, const char *path, long bytes)
{
    int writes = strcmp(job, "get") != 0;
    char *piece = malloc(PIECE);
    double began = now_s();
    void *file = hdfs.open(fs, path, writes ? O_WRONLY : O_RDONLY, 0, 0, 0);
    if (!file || !piece) {
        perror("hdfs_floor: open");
        free(piece);
        return 1;
    }
    int failed = bytes && (writes ? put(fs, file, bytes, piece) : get(fs, file, bytes, piece));
    failed |= hdfs.close(fs, file) != 0;
    printf("%s %.3f s\n", job, now_s() - began);
    free(piece);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: hdfs_floor put|get|open HOST PORT PATH [BYTES]\n");
        return 2;
    }
    load();
    void *fs = hdfs.connect(argv[2], (uint16_t)strtoul(argv[3], NULL, 10));
    if (!fs) {
        perror("hdfs_floor: connect");
        return 1;
    }
    return run(fs, argv[1], argv[4], argc > 5 ? strtol(argv[5], NULL, 10) : 0);
}
