/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt gc: what killed saves left behind, and what retention dropped but could not remove. */
#include "ckpt.h"

static char *older_than;

static void found(const char *path, int removed, void *user)
{
    (void)user;
    if (cli_planned("remove", path, NULL))
        return;
    cli_did("remove", path, NULL, -1, removed ? POLYFS_OK : POLYFS_IO);
}

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    uint32_t seconds;
    int rc = cli_older_than(older_than, &seconds);
    (void)argc;
    if (rc != POLYFS_OK)
        return rc;
    struct polyfs_ckpt *ckpt = cli_ckpt_open(argv[0], cli.dry_run ? POLYFS_CKPT_READ_ONLY : 0, 0, &rc);
    if (!ckpt)
        return rc;
    rc = polyfs_ckpt_gc(ckpt, seconds, cli.dry_run ? POLYFS_CKPT_DRY_RUN : 0, found, NULL, &err);
    polyfs_ckpt_close(ckpt);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static const GOptionEntry options[] = {
    {"older-than", 0, 0, G_OPTION_ARG_FILENAME, &older_than, "only what is older; 24h if not given", "TIME"},
    CLI_DRY_RUN,
    CLI_END,
};
static const char *const examples[] = {
    "polyfs ckpt gc s3://bucket/run --dry-run",
    "say what would go",
    NULL,
};
const struct cli_command cmd_ckpt_gc = {
    .name = "ckpt gc",
    .args = "URL",
    .summary = "Remove what killed saves left behind",
    .details = "A save under way must not be taken for a dead one: keep --older-than above the "
               "longest time that a save takes. It claims the run, as a save does.",
    .options = options,
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
