/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs rmdir: an empty folder. */
#include "cli.h"

static int remove_folder(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    g_autofree char *name = cli_name_of(place, path);
    (void)user;
    if (cli_planned("remove", name, NULL))
        return POLYFS_OK;
    int rc = polyfs_rmdir(place->fs, path, 0, &call, &err);
    cli_did("remove", name, NULL, -1, rc);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static int run(int argc, char **argv)
{
    (void)argc;
    return cli_each(argv, remove_folder, NULL);
}

static const GOptionEntry options[] = {
    CLI_DRY_RUN,
    CLI_END,
};
const struct cli_command cmd_rmdir = {
    .name = "rmdir",
    .args = "URL...",
    .summary = "Remove empty folders",
    .options = options,
    .task = CLI_CHANGE,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
