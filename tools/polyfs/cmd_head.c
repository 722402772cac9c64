/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs head: the first lines or bytes. Lines are counted as they pass; reading stops at the last one. */
#include "cli.h"

#define CHUNK 65536u

static int lines = 10;
static char *bytes;

/* Bytes up to and with the end of the last line wanted. */
static size_t cut(const char *buffer, size_t n, int *left)
{
    for (size_t i = 0; i < n; i++)
        if (buffer[i] == '\n' && --*left <= 0)
            return i + 1;
    return n;
}

static int pour_lines(struct polyfs_reader *reader)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    char buffer[CHUNK];
    size_t n = 1;
    int rc = POLYFS_OK, left = lines;
    while (rc == POLYFS_OK && n && left > 0) {
        rc = polyfs_reader_read(reader, buffer, sizeof(buffer), &n, &err);
        if (rc != POLYFS_OK)
            return cli_tell(&err);
        rc = cli_write_out(buffer, cut(buffer, n, &left));
    }
    return rc;
}

static int head_one(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_reader *reader = cli_reader(place, path, &err);
    if (!reader)
        return cli_tell(&err);
    cli_pour_head(place, path);
    int rc = bytes ? cli_pour(reader, *(uint64_t *)user) : pour_lines(reader);
    polyfs_reader_close(reader);
    return rc;
}

static int run(int argc, char **argv)
{
    uint64_t count = 0;
    (void)argc;
    if (bytes && cli_parse_size(bytes, &count) != POLYFS_OK)
        return cli_usage("--bytes takes a size such as 100, 8K or 1MiB, not \"%s\"", bytes);
    return cli_each(argv, head_one, &count);
}

static const GOptionEntry options[] = {
    {"lines", 'n', 0, G_OPTION_ARG_INT, &lines, "so many lines; 10 if not given", "N"},
    {"bytes", 'c', 0, G_OPTION_ARG_FILENAME, &bytes, "so many bytes instead", "SIZE"},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs head -n 3 s3://bucket/loss.csv",
    "reads no more than it takes",
    NULL,
};
const struct cli_command cmd_head = {
    .name = "head",
    .args = "URL...",
    .summary = "Write the first lines or bytes of objects",
    .options = options,
    .examples = examples,
    .task = CLI_READ,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
