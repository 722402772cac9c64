/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One writing verb on a URL, for the fault tests; what the command has no word for is here.
 *   local_verb put|placed|append|metadata|mkdir|copy|copy_durable|rename|rename_new URL BYTES
 * copy and rename are from "src" beside the object. All of it runs on the main thread, so that a call has one number.
 * On failure it prints the name of the code and ends with the status that the command gives for it.
 */
#include <polyfs/polyfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int write_object(struct polyfs_fs *fs, const char *path, const char *data, size_t size, int append,
                        struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    struct polyfs_writer *writer;
    opts.flags = append ? POLYFS_WRITE_APPEND : 0;
    opts.shape = append ? 0 : POLYFS_SHAPE_PLACED;
    int rc = polyfs_writer_open(fs, path, &opts, &writer, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_writer_write(writer, data, size, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, NULL, err);
    polyfs_writer_close(writer);
    return rc;
}

static int from_source(struct polyfs_fs *fs, const char *verb, const char *path, struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    char source[4096];
    int folder = (int)(strrchr(path, '/') - path);
    snprintf(source, sizeof(source), "%.*s/src", folder, path);
    opts.durability = strcmp(verb, "copy") == 0 ? POLYFS_DURABILITY_NONE : POLYFS_DURABILITY_FULL;
    if (strncmp(verb, "copy", 4) == 0)
        return polyfs_copy(fs, source, fs, path, &opts, NULL, err);
    return polyfs_rename(fs, source, path, strcmp(verb, "rename") == 0 ? 0 : POLYFS_RENAME_NO_REPLACE, NULL, err);
}

static int run(struct polyfs_fs *fs, const char *verb, const char *path, const char *data, size_t size,
               struct polyfs_error *err)
{
    const struct polyfs_kv rows[] = {{"colour", "red"}, {"shape", "round"}};
    if (strcmp(verb, "put") == 0)
        return polyfs_put(fs, path, data, size, NULL, NULL, err);
    if (strcmp(verb, "metadata") == 0)
        return polyfs_set_metadata(fs, path, rows, 2, NULL, NULL, err);
    if (strcmp(verb, "mkdir") == 0)
        return polyfs_mkdir(fs, path, 0, NULL, err);
    if (strncmp(verb, "copy", 4) == 0 || strncmp(verb, "rename", 6) == 0)
        return from_source(fs, verb, path, err);
    return write_object(fs, path, data, size, strcmp(verb, "append") == 0, err);
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_fs *fs;
    char *path, *data;
    size_t size = argc == 4 ? (size_t)atoll(argv[3]) : 0;
    if (argc != 4 || !(data = malloc(size + 1)))
        return fprintf(stderr, "usage: local_verb VERB URL BYTES\n"), 2;
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + (i >> 8));
    int rc = polyfs_fs_open(argv[2], NULL, &fs, &path, &err);
    if (rc == POLYFS_OK) {
        rc = run(fs, argv[1], path, data, size, &err);
        polyfs_free(path);
        polyfs_fs_close(fs);
    }
    free(data);
    if (rc != POLYFS_OK)
        fprintf(stderr, "{\"code\": \"%s\", \"retry\": %u}\n", polyfs_code_name(rc), (unsigned)err.retry);
    return polyfs_code_exit_status(rc);
}
