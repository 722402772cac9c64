/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs tree: a folder with all below, each level set in. Rows come in byte order with a folder before what is in
 * it, so a row's depth is the number of '/' behind the root and nothing has to be kept.
 */
#include "cli.h"

static int depth, human;

struct sums {
    size_t root; /* bytes of the path that is listed, with its '/' */
    uint64_t files, folders;
};

static int print(const struct cli_place *place, const struct polyfs_entry *row, void *user)
{
    struct sums *sums = user;
    char size[32];
    const char *rest = row->path + MIN(sums->root, row->path_len), *slash;
    int is_dir = row->type == POLYFS_TYPE_DIR;
    *(is_dir ? &sums->folders : &sums->files) += 1;
    if (cli.json) {
        cli_json_row(place, row);
        return POLYFS_OK;
    }
    for (fputs("  ", stdout); (slash = strchr(rest, '/')) && slash[1]; rest = slash + 1)
        fputs("  ", stdout);
    cli_print_name(rest);
    if (is_dir)
        puts("/");
    else
        printf("  %s\n", cli_size_text(row->size, human, size, sizeof(size)));
    return POLYFS_OK;
}

static int tree(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_lister *lister;
    struct sums sums = {strlen(path) + (*path && !g_str_has_suffix(path, "/")), 0, 0};
    g_autofree char *name = cli_name_of(place, path);
    (void)user;
    opts.call = &call;
    opts.flags = POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS;
    opts.max_depth = (uint32_t)depth;
    int rc = polyfs_list_open(place->fs, path, &opts, &lister, &err);
    if (rc != POLYFS_OK)
        return cli_tell(&err);
    if (!cli.json) {
        cli_print_name(name);
        puts("");
    }
    rc = cli_rows(place, lister, print, &sums);
    if (!cli.json && rc == POLYFS_OK)
        printf("%" PRIu64 " folders, %" PRIu64 " files\n", sums.folders, sums.files);
    return rc;
}

static int run(int argc, char **argv)
{
    (void)argc;
    return depth < 0 ? cli_usage("--max-depth takes a number above 0") : cli_each(argv, tree, NULL);
}

static const GOptionEntry options[] = {
    {"max-depth", 'L', 0, G_OPTION_ARG_INT, &depth, "so many levels at most", "N"},
    {"human", 'h', 0, G_OPTION_ARG_NONE, &human, "sizes as people read them", NULL},
    CLI_END,
};
const struct cli_command cmd_tree = {
    .name = "tree",
    .args = "URL...",
    .summary = "Show folders with all below, level by level",
    .options = options,
    .task = CLI_LOOK,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
