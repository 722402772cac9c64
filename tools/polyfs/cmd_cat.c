/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs cat: bytes of objects on standard output, exactly and in order, all or a range of each. */
#include "cli.h"

static char *range_text;

/* A range as HTTP writes it: "0-99", "100-", "-100". Bytes asked before the end stay SIZE_UNKNOWN when open. */
struct range {
    uint64_t offset, length, suffix;
};

static int parse_range(const char *text, struct range *out)
{
    g_auto(GStrv) ends = g_strsplit(text ? text : "0-", "-", 2);
    uint64_t last;
    *out = (struct range){0, POLYFS_SIZE_UNKNOWN, 0};
    if (!ends[0] || !ends[1] || (!*ends[0] && !*ends[1]))
        return POLYFS_INVALID;
    if (!*ends[0])
        return cli_parse_size(ends[1], &out->suffix);
    if (cli_parse_size(ends[0], &out->offset) != POLYFS_OK)
        return POLYFS_INVALID;
    if (!*ends[1])
        return POLYFS_OK;
    if (cli_parse_size(ends[1], &last) != POLYFS_OK || last < out->offset)
        return POLYFS_INVALID;
    out->length = last - out->offset + 1;
    return POLYFS_OK;
}

static int seek_to(struct polyfs_reader *reader, const struct range *range, struct polyfs_error *err)
{
    uint64_t offset = range->offset;
    if (range->suffix) {
        struct polyfs_stat st = POLYFS_STAT_INIT;
        int rc = polyfs_reader_stat(reader, &st, err);
        if (rc != POLYFS_OK)
            return rc;
        offset = st.size > range->suffix ? st.size - range->suffix : 0;
    }
    return offset ? polyfs_reader_seek(reader, offset, err) : POLYFS_OK;
}

static int cat_one(const struct cli_place *place, const char *path, void *user)
{
    const struct range *range = user;
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_reader *reader = cli_reader(place, path, &err);
    if (!reader)
        return cli_tell(&err);
    int rc = seek_to(reader, range, &err);
    rc = rc == POLYFS_OK ? cli_pour(reader, range->length) : cli_tell(&err);
    polyfs_reader_close(reader);
    return rc;
}

static int run(int argc, char **argv)
{
    struct range range;
    (void)argc;
    if (parse_range(range_text, &range) != POLYFS_OK)
        return cli_usage("--range takes FIRST-LAST, FIRST- or -LAST_BYTES, not \"%s\"", range_text);
    return cli_each(argv, cat_one, &range);
}

static const GOptionEntry options[] = {
    {"range", 0, 0, G_OPTION_ARG_FILENAME, &range_text, "these bytes only: 0-99, 100-, or -100 for the last 100",
     "RANGE"},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs cat s3://bucket/log.txt | grep loss",
    "read without a copy on disk",
    "polyfs cat --range=-8K s3://bucket/data.parquet",
    "the last 8,192 bytes only",
    NULL,
};
const struct cli_command cmd_cat = {
    .name = "cat",
    .args = "URL...",
    .summary = "Write objects to the standard output",
    .options = options,
    .examples = examples,
    .task = CLI_READ,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
