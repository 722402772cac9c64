/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt prune: let older checkpoints go, but those that a policy calls last or best, and those kept for good. */
#include "ckpt.h"

static int keep = -1, every;

static int stays(const struct polyfs_ckpt_info *info, size_t index)
{
    return index < (size_t)keep || info->flags & (POLYFS_CKPT_IS_LAST | POLYFS_CKPT_IS_BEST) ||
           (every && info->step != POLYFS_CKPT_NO_STEP && info->step % every == 0);
}

/* Names of those that go, borrowed from the list. */
static GPtrArray *names_of(const struct polyfs_ckpt_list *list)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < polyfs_ckpt_list_count(list); i++) {
        const struct polyfs_ckpt_info *info = polyfs_ckpt_list_at(list, i);
        if (!stays(info, i))
            g_ptr_array_add(names, (void *)(uintptr_t)info->name);
    }
    return names;
}

static int drop(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_list *list)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    GPtrArray *names = names_of(list);
    int rc = POLYFS_OK, planned = 0;
    for (guint i = 0; i < names->len; i++)
        planned += cli_planned("drop", g_ptr_array_index(names, i), NULL);
    if (names->len && !planned)
        rc = polyfs_ckpt_drop(ckpt, (const char *const *)names->pdata, names->len, &err);
    for (guint i = 0; i < names->len && rc == POLYFS_OK && !planned; i++)
        cli_did("drop", g_ptr_array_index(names, i), NULL, -1, POLYFS_OK);
    g_ptr_array_free(names, TRUE);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_list *list = NULL;
    int rc;
    (void)argc;
    if (keep < 1)
        return cli_usage("say how many of the newest stay: --keep N, at least 1");
    if (every < 0)
        return cli_usage("--every takes a number of steps");
    struct polyfs_ckpt *ckpt = cli_ckpt_open(argv[0], cli.dry_run ? POLYFS_CKPT_READ_ONLY : 0, 0, &rc);
    if (!ckpt)
        return rc;
    rc = polyfs_ckpt_list(ckpt, &list, &err);
    rc = rc == POLYFS_OK ? drop(ckpt, list) : cli_tell(&err);
    polyfs_ckpt_list_free(list);
    polyfs_ckpt_close(ckpt);
    return rc;
}

static const GOptionEntry options[] = {
    {"keep", 'k', 0, G_OPTION_ARG_INT, &keep, "so many of the newest stay", "N"},
    {"every", 0, 0, G_OPTION_ARG_INT, &every, "those whose step is a multiple of N stay, too", "N"},
    CLI_DRY_RUN,
    CLI_END,
};
static const char *const examples[] = {
    "polyfs ckpt prune s3://bucket/run --keep 5 --every 10000 --dry-run",
    "say what would go",
    NULL,
};
const struct cli_command cmd_ckpt_prune = {
    .name = "ckpt prune",
    .args = "URL",
    .summary = "Let older checkpoints go, all by one record",
    .details = "What a trainer's policy calls last or best stays. The files go with the next save, or by "
               "polyfs ckpt gc. It claims the run, as a save does.",
    .options = options,
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
