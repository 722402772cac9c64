/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs tail: the last lines or bytes. Lines are looked for from the end backwards, a block at a time. */
#include "cli.h"

#define BLOCK 65536u

static int lines = 10;
static char *bytes;

/* The last byte of an object ends its last line, so the line ends before it are counted. */
static int find_start(struct polyfs_reader *reader, uint64_t size, uint64_t *out_start, struct polyfs_error *err)
{
    char block[BLOCK];
    int left = lines, rc = POLYFS_OK;
    uint64_t end = size ? size - 1 : 0;
    *out_start = lines > 0 ? 0 : size;
    while (end && left > 0 && rc == POLYFS_OK) {
        size_t n = (size_t)MIN(BLOCK, end), have;
        rc = polyfs_reader_pread(reader, end - n, block, n, &have, err);
        for (size_t i = rc == POLYFS_OK ? have : 0; i > 0 && left > 0; i--)
            if (block[i - 1] == '\n' && --left == 0)
                *out_start = end - n + i;
        end -= n;
    }
    return rc;
}

static int tail_one(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_stat st = POLYFS_STAT_INIT;
    uint64_t start = 0, count = *(uint64_t *)user;
    struct polyfs_reader *reader = cli_reader(place, path, &err);
    if (!reader)
        return cli_tell(&err);
    int rc = polyfs_reader_stat(reader, &st, &err);
    if (bytes)
        start = st.size > count ? st.size - count : 0;
    else if (rc == POLYFS_OK)
        rc = find_start(reader, st.size, &start, &err);
    if (rc == POLYFS_OK)
        rc = polyfs_reader_seek(reader, start, &err);
    if (rc == POLYFS_OK) {
        cli_pour_head(place, path);
        rc = cli_pour(reader, st.size - start);
    } else {
        cli_tell(&err);
    }
    polyfs_reader_close(reader);
    return rc;
}

static int run(int argc, char **argv)
{
    uint64_t count = 0;
    (void)argc;
    if (bytes && cli_parse_size(bytes, &count) != POLYFS_OK)
        return cli_usage("--bytes takes a size such as 100, 8K or 1MiB, not \"%s\"", bytes);
    return cli_each(argv, tail_one, &count);
}

static const GOptionEntry options[] = {
    {"lines", 'n', 0, G_OPTION_ARG_INT, &lines, "so many lines; 10 if not given", "N"},
    {"bytes", 'c', 0, G_OPTION_ARG_FILENAME, &bytes, "so many bytes instead", "SIZE"},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs tail -c 1K s3://bucket/train.log",
    "the last 1,024 bytes",
    NULL,
};
const struct cli_command cmd_tail = {
    .name = "tail",
    .args = "URL...",
    .summary = "Write the last lines or bytes of objects",
    .options = options,
    .examples = examples,
    .task = CLI_READ,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
