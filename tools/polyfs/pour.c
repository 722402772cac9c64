/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of an object on standard output: what cat, head and tail share. */
#include "cli.h"

#define CHUNK (1u << 20)

struct polyfs_reader *cli_reader(const struct cli_place *place, const char *path, struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_reader *reader;
    opts.call = &call;
    return polyfs_reader_open(place->fs, path, &opts, &reader, err) == POLYFS_OK ? reader : NULL;
}

/* Failures of the store are told here; those of the output are told at the end, once. */
int cli_pour(struct polyfs_reader *reader, uint64_t left)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    g_autofree char *buffer = g_try_malloc(CHUNK);
    size_t n = 1;
    int rc = buffer ? POLYFS_OK : cli_fail(POLYFS_NOMEM, NULL, "no memory is left");
    while (rc == POLYFS_OK && n && left) {
        rc = polyfs_reader_read(reader, buffer, (size_t)MIN(CHUNK, left), &n, &err);
        if (rc != POLYFS_OK)
            return cli_tell(&err);
        rc = cli_write_out(buffer, n);
        left -= n;
    }
    return rc;
}

void cli_pour_head(const struct cli_place *place, const char *path)
{
    static int count;
    if (cli.quiet || !cli.args[0] || !cli.args[1])
        return;
    g_autofree char *name = cli_name_of(place, path);
    printf("%s==> ", count++ ? "\n" : "");
    cli_print_name(name);
    puts(" <==");
}
