/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds what comes on standard input to an object, and says how that ended: `ok SIZE`, or a code and why. It says `open` when
 * nothing has been sent yet, so that others may come first.
 *   abfs_append URL
 */
#include <polyfs/polyfs.h>
#include <stdio.h>

static struct polyfs_error err = POLYFS_ERROR_INIT;

static int add(struct polyfs_writer *writer, struct polyfs_stat *out)
{
    static char bytes[16 << 20];
    printf("open\n");
    fflush(stdout);
    size_t n = fread(bytes, 1, sizeof(bytes), stdin);
    int rc = polyfs_writer_write(writer, bytes, n, &err);
    return rc == POLYFS_OK ? polyfs_writer_commit(writer, out, &err) : rc;
}

int main(int argc, char **argv)
{
    struct polyfs_fs *store = NULL;
    struct polyfs_writer *writer = NULL;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    char *path = NULL;
    opts.flags = POLYFS_WRITE_APPEND;
    int rc = argc == 2 ? polyfs_fs_open(argv[1], NULL, &store, &path, &err) : POLYFS_INVALID;
    if (rc == POLYFS_OK)
        rc = polyfs_writer_open(store, path, &opts, &writer, &err);
    if (rc == POLYFS_OK)
        rc = add(writer, &stat);
    polyfs_writer_close(writer);
    if (rc == POLYFS_OK)
        printf("ok %llu\n", (unsigned long long)stat.size);
    else
        printf("%s %s\n", polyfs_code_name(rc), err.message);
    polyfs_free(path);
    polyfs_fs_close(store);
    return 0;
}
