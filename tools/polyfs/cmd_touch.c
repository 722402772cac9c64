/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs touch: an empty object where none is; else its time of last change becomes now, where the store can. */
#include "cli.h"

static int touch(const struct cli_place *place, struct polyfs_error *err)
{
    struct polyfs_call_opts call = cli_call();
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.call = &call;
    opts.flags = POLYFS_WRITE_CREATE_ONLY;
    int rc = polyfs_put(place->fs, place->path, "", 0, &opts, NULL, err);
    if (rc != POLYFS_EXISTS)
        return rc;
    int64_t now_ns = g_get_real_time() * 1000;
    return polyfs_set_times(place->fs, place->path, now_ns, now_ns, &call, err);
}

static int touch_one(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    g_autofree char *name = cli_name_of(place, path);
    (void)user;
    if (cli_planned("touch", name, NULL))
        return POLYFS_OK;
    int rc = touch(place, &err);
    cli_did("touch", name, NULL, -1, rc);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static int run(int argc, char **argv)
{
    (void)argc;
    return cli_each_name(argv, touch_one, NULL);
}

static const GOptionEntry options[] = {
    CLI_DRY_RUN,
    CLI_END,
};
const struct cli_command cmd_touch = {
    .name = "touch",
    .args = "URL...",
    .summary = "Make empty objects, or set the time of last change to now",
    .options = options,
    .task = CLI_CHANGE,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
