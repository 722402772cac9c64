/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bench/stores.py measures of the library, one job a run; URL names a bucket or a folder, KEY what is in it.
 *   put URL KEY FILE      get URL KEY FILE       cat URL KEY (bytes read and dropped)
 *   small-put URL COUNT BYTES      small-get URL COUNT      objects small/NNNNNN
 *   list URL PREFIX       ranges URL KEY COUNT BYTES
 * Jobs that write nothing print how many bytes or objects it was.
 */
#include <polyfs/polyfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (1 << 20)

static struct polyfs_error err = POLYFS_ERROR_INIT;
static struct polyfs_fs *store;
static char *bucket;

static int told(int rc)
{
    if (rc < 0)
        fprintf(stderr, "bench_library: %s\n", err.message);
    return rc < 0;
}

static char *path_of(const char *key)
{
    size_t room = strlen(bucket) + strlen(key) + 2;
    char *path = malloc(room);
    if (!path)
        abort();
    snprintf(path, room, "%s/%s", bucket, key);
    return path;
}

static int copy(char **words, int up)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    struct polyfs_fs *files;
    char *key = path_of(words[0]), *file = NULL;
    opts.durability = POLYFS_DURABILITY_NONE;
    if (told(polyfs_fs_open(words[1], NULL, &files, &file, &err)))
        return 1;
    int rc = up ? polyfs_copy(files, file, store, key, &opts, NULL, &err)
                : polyfs_copy(store, key, files, file, &opts, NULL, &err);
    polyfs_fs_close(files);
    polyfs_free(file);
    free(key);
    return told(rc);
}

static int put(char **words)
{
    return copy(words, 1);
}

static int get(char **words)
{
    return copy(words, 0);
}

static int cat(char **words)
{
    struct polyfs_reader *reader;
    static char buffer[PIECE];
    size_t n = 1, bytes = 0;
    char *key = path_of(words[0]);
    int rc = polyfs_reader_open(store, key, NULL, &reader, &err);
    if (told(rc))
        return 1;
    while (rc == POLYFS_OK && n) {
        rc = polyfs_reader_read(reader, buffer, sizeof(buffer), &n, &err);
        bytes += rc == POLYFS_OK ? n : 0;
    }
    polyfs_reader_close(reader);
    free(key);
    printf("%zu\n", bytes);
    return told(rc);
}

static char **small_names(size_t count)
{
    char **names = calloc(count, sizeof(*names)), key[32];
    for (size_t i = 0; names && i < count; i++) {
        snprintf(key, sizeof(key), "small/%06zu", i);
        names[i] = path_of(key);
    }
    if (!names)
        abort();
    return names;
}

static int small_put(char **words)
{
    size_t count = strtoul(words[0], NULL, 10), bytes = strtoul(words[1], NULL, 10);
    char **names = small_names(count), *data = malloc(bytes);
    struct polyfs_pipe *items = calloc(count, sizeof(*items));
    if (!items || !data)
        abort();
    memset(data, 'x', bytes);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct polyfs_pipe){.path = names[i], .data = data, .size = bytes};
    return told(polyfs_bulk_pipe(store, items, count, NULL, &err));
}

static void dropped(const char *path, const void *data, size_t size, int code, void *user)
{
    (void)path;
    (void)data;
    (void)code;
    *(size_t *)user += size;
}

static int small_get(char **words)
{
    size_t count = strtoul(words[0], NULL, 10), bytes = 0;
    struct polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    char **names = small_names(count);
    opts.flags = POLYFS_BULK_LITERAL;
    int rc = polyfs_bulk_cat(store, (const char *const *)names, count, &opts, dropped, &bytes, &err);
    printf("%zu\n", bytes);
    return told(rc);
}

static int list(char **words)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister;
    const struct polyfs_entry *rows;
    size_t count, all = 0;
    char *prefix = path_of(words[0]);
    opts.flags = POLYFS_LS_RECURSIVE;
    int rc = polyfs_list_open(store, prefix, &opts, &lister, &err);
    if (told(rc))
        return 1;
    while ((rc = polyfs_list_next(lister, &rows, &count, &err)) >= 0) {
        all += count;
        if (rc == POLYFS_OK)
            break;
    }
    polyfs_list_close(lister);
    free(prefix);
    printf("%zu\n", all);
    return told(rc);
}

static int ranges(char **words)
{
    size_t count = strtoul(words[1], NULL, 10), bytes = strtoul(words[2], NULL, 10);
    struct polyfs_range *rows = calloc(count, sizeof(*rows));
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    struct polyfs_reader *reader;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    char *data = malloc(count * bytes), *key = path_of(words[0]);
    unsigned seed = 7;
    if (!rows || !data)
        abort();
    opts.merge_gap = 0;
    if (told(polyfs_reader_open(store, key, &opts, &reader, &err)) || told(polyfs_reader_stat(reader, &stat, &err)))
        return 1;
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1103515245 + 12345;
        rows[i] = (struct polyfs_range){.offset = (uint64_t)seed * 2654435761u % (stat.size - bytes),
                                        .length = bytes,
                                        .buffer = data + i * bytes};
    }
    int rc = polyfs_reader_readv(reader, rows, count, NULL, NULL, &err);
    polyfs_reader_close(reader);
    printf("%zu\n", count * bytes);
    return told(rc);
}

static const struct job {
    const char *name;
    int words;
    int (*run)(char **words);
} jobs[] = {
    {"put", 2, put},
    {"get", 2, get},
    {"cat", 1, cat},
    {"small-put", 2, small_put},
    {"small-get", 1, small_get},
    {"list", 1, list},
    {"ranges", 3, ranges},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 2 && i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        if (strcmp(jobs[i].name, argv[1]) != 0 || argc != jobs[i].words + 3)
            continue;
        if (told(polyfs_fs_open(argv[2], NULL, &store, &bucket, &err)))
            return 1;
        int failed = jobs[i].run(argv + 3);
        polyfs_fs_close(store);
        return failed;
    }
    fprintf(stderr, "usage: bench_library JOB URL ...; see the head of bench/library.c\n");
    return 2;
}
