/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs find: objects at all levels below a folder, each by its full name, so that another command takes it. On
 * stores that list all levels in one go that is one listing.
 */
#include <fnmatch.h>

#include "cli.h"

static char *name, *type, *newer, *older, *larger;
static int depth, zero;

static struct {
    int64_t after_ns, before_ns;
    uint64_t more_than;
    int files, folders;
} want;

static int64_t now_ns(void)
{
    return g_get_real_time() * 1000;
}

static int parse_age(const char *option, const char *text, int64_t *out_ns)
{
    int64_t us;
    if (!text)
        return POLYFS_OK;
    if (cli_parse_duration(text, &us) != POLYFS_OK)
        return cli_usage("--%s takes a time such as 30m, 24h or 7d, not \"%s\"", option, text);
    *out_ns = now_ns() - us * 1000;
    return POLYFS_OK;
}

static int parse_all(void)
{
    want.after_ns = INT64_MIN;
    want.before_ns = INT64_MAX;
    int any = type && strcmp(type, "any") == 0;
    want.folders = any || (type && strcmp(type, "d") == 0);
    want.files = any || !type || strcmp(type, "f") == 0;
    if (!want.files && !want.folders)
        return cli_usage("--type takes f, d or any, not \"%s\"", type);
    if (larger && cli_parse_size(larger, &want.more_than) != POLYFS_OK)
        return cli_usage("--larger takes a size such as 100, 8K or 1GiB, not \"%s\"", larger);
    int rc = parse_age("newer-than", newer, &want.after_ns);
    return rc == POLYFS_OK ? parse_age("older-than", older, &want.before_ns) : rc;
}

/* A time or size that the store does not tell matches no limit. */
static int wanted(const struct polyfs_entry *row)
{
    const char *slash = strrchr(row->path, '/');
    int timed = newer || older;
    if (row->type == POLYFS_TYPE_DIR ? !want.folders : !want.files)
        return 0;
    if (name && fnmatch(name, slash ? slash + 1 : row->path, 0) != 0)
        return 0;
    if (larger && (row->size == POLYFS_SIZE_UNKNOWN || row->size <= want.more_than))
        return 0;
    return !timed || (row->mtime_ns != POLYFS_TIME_UNKNOWN && row->mtime_ns > want.after_ns &&
                      row->mtime_ns < want.before_ns);
}

static int row_found(const struct cli_place *place, const struct polyfs_entry *row, void *user)
{
    (void)user;
    if (!wanted(row))
        return POLYFS_OK;
    if (cli.json) {
        cli_json_row(place, row);
        return POLYFS_OK;
    }
    g_autofree char *full = cli_name_of(place, row->path);
    if (zero)
        fputs(full, stdout);
    else
        cli_print_name(full);
    fputs(row->type == POLYFS_TYPE_DIR ? "/" : "", stdout);
    putchar(zero ? '\0' : '\n');
    return POLYFS_OK;
}

static int find_in(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_lister *lister;
    (void)user;
    opts.call = &call;
    opts.flags = POLYFS_LS_RECURSIVE | (want.folders ? POLYFS_LS_DIRS : 0);
    opts.max_depth = (uint32_t)depth;
    int rc = polyfs_list_open(place->fs, path, &opts, &lister, &err);
    return rc == POLYFS_OK ? cli_rows(place, lister, row_found, NULL) : cli_tell(&err);
}

static int run(int argc, char **argv)
{
    (void)argc;
    int rc = depth < 0 ? cli_usage("--max-depth takes a number above 0") : parse_all();
    return rc == POLYFS_OK ? cli_each(argv, find_in, NULL) : rc;
}

static const GOptionEntry options[] = {
    {"name", 'n', 0, G_OPTION_ARG_FILENAME, &name, "whose last name matches: '*.bin'", "PATTERN"},
    {"type", 't', 0, G_OPTION_ARG_FILENAME, &type, "f objects (if not given), d folders, any", "TYPE"},
    {"larger", 0, 0, G_OPTION_ARG_FILENAME, &larger, "more bytes than this", "SIZE"},
    {"newer-than", 0, 0, G_OPTION_ARG_FILENAME, &newer, "changed within this time", "TIME"},
    {"older-than", 0, 0, G_OPTION_ARG_FILENAME, &older, "not changed within this time", "TIME"},
    {"max-depth", 0, 0, G_OPTION_ARG_INT, &depth, "so many levels at most", "N"},
    {"print0", '0', 0, G_OPTION_ARG_NONE, &zero, "end each name with NUL, for xargs -0", NULL},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs find s3://bucket/run -n '*.ckpt' --larger 1G",
    "objects below a folder, by name and size",
    NULL,
};
const struct cli_command cmd_find = {
    .name = "find",
    .args = "URL...",
    .summary = "Find objects at all levels below folders",
    .options = options,
    .examples = examples,
    .task = CLI_LOOK,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
