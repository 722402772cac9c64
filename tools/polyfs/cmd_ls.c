/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs ls: what is in a folder, or what matches a pattern. Names of a folder's rows are told without the folder;
 * matches, and the rows of several folders, are told in full, so that each can be typed again.
 */
#include "cli.h"

static int long_rows, human, recursive;

static void print_row(const struct cli_place *place, const struct polyfs_entry *row, const char *name)
{
    char size[32], when[40];
    if (cli.json) {
        cli_json_row(place, row);
        return;
    }
    if (long_rows) {
        const char *bytes =
            row->type == POLYFS_TYPE_DIR ? "-" : cli_size_text(row->size, human, size, sizeof(size));
        printf("%12s  %-20s  ", bytes, cli_time_text(row->mtime_ns, when, sizeof(when)));
    }
    cli_print_name(name);
    puts(row->type == POLYFS_TYPE_DIR ? "/" : "");
}

/* @user is the folder that is listed, or NULL for rows that are told in full. */
static int row_in(const struct cli_place *place, const struct polyfs_entry *row, void *user)
{
    const char *folder = user;
    size_t n = folder ? strlen(folder) : 0;
    while (n && folder[n - 1] == '/')
        n--;
    if (folder && strncmp(row->path, folder, n) == 0 && row->path[n] == '/') {
        print_row(place, row, row->path + n + 1);
    } else {
        g_autofree char *name = !n && folder ? g_strdup(row->path) : cli_name_of(place, row->path);
        print_row(place, row, name);
    }
    return POLYFS_OK;
}

static int list(const struct cli_place *named, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_lister *lister;
    struct cli_place place = *named;
    int in_full = *(int *)user;
    opts.call = &call;
    opts.flags = recursive ? POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS : 0;
    if (cli_is_pattern(&place))
        return cli_glob(&place, row_in, NULL);
    if (polyfs_list_open(place.fs, path, &opts, &lister, &err) != POLYFS_OK)
        return cli_tell(&err);
    return cli_rows(&place, lister, row_in, in_full ? NULL : place.path);
}

static int run(int argc, char **argv)
{
    static char here[] = ".";
    char *only[] = {here, NULL};
    int in_full = argc > 1;
    return cli_each_name(argc ? argv : only, list, &in_full);
}

static const GOptionEntry options[] = {
    {"long", 'l', 0, G_OPTION_ARG_NONE, &long_rows, "size and time of the last change too", NULL},
    {"human", 'h', 0, G_OPTION_ARG_NONE, &human, "sizes as people read them", NULL},
    {"recursive", 'R', 0, G_OPTION_ARG_NONE, &recursive, "all levels below too", NULL},
    {"recurse", 'r', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &recursive, "the same", NULL},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs ls -lh s3://bucket/run/",
    "what is in a folder, with sizes and times",
    "polyfs ls 's3://bucket/run/*/loss.csv'",
    "what matches; quote it, or your shell looks for it here",
    NULL,
};
const struct cli_command cmd_ls = {
    .name = "ls",
    .aliases = "list dir",
    .args = "[URL...]",
    .summary = "List folders, objects or what matches a pattern",
    .details = "A pattern may hold * ? [ab] [!ab] within a part of the path, and ** for any "
               "number of parts; \\ before a character takes it as it is.",
    .options = options,
    .examples = examples,
    .task = CLI_LOOK,
    .max_args = -1,
    .run = run,
};
