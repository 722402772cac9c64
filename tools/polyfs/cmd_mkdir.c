/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs mkdir: a folder. It never makes a bucket; on stores without folders it has nothing to do. */
#include "cli.h"

static int parents;

static int make(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    g_autofree char *name = cli_name_of(place, path);
    (void)user;
    if (cli_planned("make", name, NULL))
        return POLYFS_OK;
    uint32_t flags = parents ? POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK : 0;
    int rc = polyfs_mkdir(place->fs, path, flags, &call, &err);
    cli_did("make", name, NULL, -1, rc);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static int run(int argc, char **argv)
{
    (void)argc;
    return cli_each_name(argv, make, NULL);
}

static const GOptionEntry options[] = {
    {"parents", 'p', 0, G_OPTION_ARG_NONE, &parents, "missing parents too; fine if it is there", NULL},
    CLI_DRY_RUN,
    CLI_END,
};
const struct cli_command cmd_mkdir = {
    .name = "mkdir",
    .aliases = "makedirs",
    .args = "URL...",
    .summary = "Make folders",
    .details = "On stores without folders there is nothing to make, and that is no failure. A "
               "bucket is never made.",
    .options = options,
    .task = CLI_CHANGE,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
