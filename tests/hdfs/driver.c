/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process on a cluster that fails meanwhile: takes a line of standard input, does it, and answers it with a line
 * "CODE MILLISECONDS BYTES MESSAGE", CODE as polyfs_code_name() says it. Bytes of an object follow from their places.
 *   hdfs_driver URL
 *   open NAME [append]     a writer of shape STREAM, of pieces of 1 MiB, or one that appends
 *   write BYTES            by that writer          commit, close
 *   put NAME BYTES         get NAME BYTES, which says "corrupt" when they are others       remove NAME
 */
#include <polyfs/polyfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct polyfs_error err = POLYFS_ERROR_INIT;
static struct polyfs_fs *store;
static char *folder;
static struct polyfs_writer *writer;
static size_t written; /* by it */

static const char *path_of(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static char *bytes_of(size_t from, size_t size)
{
    char *data = malloc(size + 1);
    for (size_t i = 0; data && i < size; i++)
        data[i] = (char)((from + i) * 7 + ((from + i) >> 10));
    return data;
}

static int begin(const char *name, const char *how)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = strcmp(how, "append") == 0 ? POLYFS_WRITE_APPEND : 0;
    opts.shape = opts.flags ? 0 : POLYFS_SHAPE_STREAM;
    written = 0;
    return polyfs_writer_open(store, path_of(name), &opts, &writer, &err);
}

static int more(size_t size)
{
    char *data = bytes_of(written, size);
    int rc = polyfs_writer_write(writer, data, size, &err);
    written += size;
    free(data);
    return rc;
}

static int finish(int well)
{
    int rc = well ? polyfs_writer_commit(writer, NULL, &err) : POLYFS_OK;
    polyfs_writer_close(writer);
    writer = NULL;
    return rc;
}

static int put(const char *name, size_t size)
{
    char *data = bytes_of(0, size);
    int rc = polyfs_put(store, path_of(name), data, size, NULL, NULL, &err);
    free(data);
    return rc;
}

static int get(const char *name, size_t size, size_t *n)
{
    char *wanted = bytes_of(0, size);
    void *got = NULL;
    int rc = polyfs_get_all(store, path_of(name), NULL, &got, n, NULL, &err);
    if (rc == POLYFS_OK && (*n != size || memcmp(got, wanted, size) != 0))
        rc = POLYFS_CORRUPT;
    polyfs_free(got);
    free(wanted);
    return rc;
}

static int obey(char *line, size_t *n)
{
    char verb[16] = "", name[256] = "", rest[64] = "";
    sscanf(line, "%15s %255s %63s", verb, name, rest);
    if (strcmp(verb, "open") == 0)
        return begin(name, rest);
    if (strcmp(verb, "write") == 0)
        return more(strtoul(name, NULL, 10));
    if (strcmp(verb, "commit") == 0 || strcmp(verb, "close") == 0)
        return finish(verb[1] == 'o');
    if (strcmp(verb, "put") == 0)
        return put(name, strtoul(rest, NULL, 10));
    if (strcmp(verb, "get") == 0)
        return get(name, strtoul(rest, NULL, 10), n);
    if (strcmp(verb, "remove") == 0)
        return polyfs_remove(store, path_of(name), NULL, &err);
    abort();
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    const char *options[] = {"part_bytes=1MiB", NULL};
    char line[1024];
    if (argc != 2 || polyfs_fs_open(argv[1], options, &store, &folder, &err) != POLYFS_OK) {
        fprintf(stderr, "hdfs_driver: %s\n", argc == 2 ? err.message : "one URL");
        return 1;
    }
    while (fgets(line, sizeof(line), stdin)) {
        size_t n = 0;
        long began = now_ms();
        int rc = obey(line, &n);
        printf("%s %ld %zu %s\n", polyfs_code_name(rc), now_ms() - began, n, rc == POLYFS_OK ? "" : err.message);
        fflush(stdout);
    }
    if (writer)
        polyfs_writer_close(writer);
    polyfs_free(folder);
    polyfs_fs_close(store);
    return 0;
}
