/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs du: bytes, objects and folders at and below each name. */
#include "cli.h"

static int human;

static void print(const struct cli_place *place, const char *path, const struct polyfs_usage *usage)
{
    char size[32];
    if (cli.json) {
        g_autofree char *url = cli_url_of(place, path);
        json_t *row = json_object();
        cli_json_text(row, "uri", url);
        cli_json_u64(row, "bytes", usage->bytes);
        cli_json_u64(row, "objects", usage->objects);
        cli_json_u64(row, "folders", usage->folders);
        cli_json_line(stdout, row);
        return;
    }
    g_autofree char *name = cli_name_of(place, path);
    printf("%12s %10" PRIu64 " objects %8" PRIu64 " folders  ",
           cli_size_text(usage->bytes, human, size, sizeof(size)), usage->objects, usage->folders);
    cli_print_name(name);
    puts("");
}

static int sum(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_usage usage = {0, 0, 0};
    (void)user;
    opts.call = &call;
    if (polyfs_du(place->fs, path, &opts, &usage, &err) != POLYFS_OK)
        return cli_tell(&err);
    print(place, path, &usage);
    return POLYFS_OK;
}

static int run(int argc, char **argv)
{
    (void)argc;
    return cli_each(argv, sum, NULL);
}

static const GOptionEntry options[] = {
    {"human", 'h', 0, G_OPTION_ARG_NONE, &human, "sizes as people read them", NULL},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs du -h 's3://bucket/run/*'",
    "what each folder of a run takes",
    NULL,
};
const struct cli_command cmd_du = {
    .name = "du",
    .args = "URL...",
    .summary = "Sum up bytes and objects below folders",
    .options = options,
    .examples = examples,
    .task = CLI_LOOK,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
