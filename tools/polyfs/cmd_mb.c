/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs mb: a bucket. The one verb that makes one. */
#include "cli.h"

static int ignore_existing;

static int make(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    g_autofree char *name = cli_name_of(place, path);
    (void)user;
    if (cli_planned("make", name, NULL))
        return POLYFS_OK;
    uint32_t flags = POLYFS_MKDIR_BUCKET | (ignore_existing ? POLYFS_MKDIR_EXIST_OK : 0);
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
    {"ignore-existing", 0, 0, G_OPTION_ARG_NONE, &ignore_existing, "fine if it is there and yours", NULL},
    CLI_DRY_RUN,
    CLI_END,
};
static const char *const examples[] = {
    "polyfs mb s3://my-bucket",
    "a bucket in the region that option region names",
    NULL,
};
const struct cli_command cmd_mb = {
    .name = "mb",
    .args = "URL...",
    .summary = "Make buckets",
    .options = options,
    .examples = examples,
    .task = CLI_CHANGE,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
