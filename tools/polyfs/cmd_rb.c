/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs rb: an empty bucket goes; with --force first all that is in it. */
#include "cli.h"

static int force;

static int drop(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    g_autofree char *name = cli_name_of(place, path);
    (void)user;
    if (cli_planned("remove", name, NULL))
        return POLYFS_OK;
    int rc = force ? polyfs_remove_tree(place->fs, path, &call, &err) : POLYFS_OK;
    if (rc == POLYFS_OK || rc == POLYFS_NOT_FOUND)
        rc = polyfs_rmdir(place->fs, path, POLYFS_MKDIR_BUCKET, &call, &err);
    cli_did("remove", name, NULL, -1, rc);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static int run(int argc, char **argv)
{
    (void)argc;
    return cli_each_name(argv, drop, NULL);
}

static const GOptionEntry options[] = {
    {"force", 0, 0, G_OPTION_ARG_NONE, &force, "remove all that is in it first", NULL},
    CLI_DRY_RUN,
    CLI_END,
};
const struct cli_command cmd_rb = {
    .name = "rb",
    .args = "URL...",
    .summary = "Remove buckets",
    .details = "A bucket that holds something stays, unless --force is given.",
    .options = options,
    .task = CLI_CHANGE,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
