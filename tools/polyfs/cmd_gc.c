/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs gc: uploads that killed programs left unfinished go. */
#include "cli.h"

static char *older_than;
static int foreign;

static void found(const char *path, int64_t started_ns, int code, void *user)
{
    g_autofree char *name = cli_name_of(user, path);
    (void)started_ns;
    if (code == POLYFS_OK && cli_planned("remove the upload of", name, NULL))
        return;
    cli_did("remove the upload of", name, NULL, -1, code);
}

static int clean(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_gc_opts opts = POLYFS_GC_OPTS_INIT;
    opts.call = &call;
    opts.older_than_s = *(const uint32_t *)user;
    opts.flags = (cli.dry_run ? POLYFS_GC_DRY_RUN : 0) | (foreign ? POLYFS_GC_FOREIGN : 0);
    opts.found = found;
    opts.user = (struct cli_place *)(uintptr_t)place;
    int rc = polyfs_gc(place->fs, path, &opts, NULL, &err);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static int run(int argc, char **argv)
{
    uint32_t seconds;
    int rc = cli_older_than(older_than, &seconds);
    (void)argc;
    return rc != POLYFS_OK ? rc : cli_each_name(argv, clean, &seconds);
}

static const GOptionEntry options[] = {
    {"older-than", 0, 0, G_OPTION_ARG_FILENAME, &older_than, "only what began longer ago; 24h if not given",
     "TIME"},
    {"foreign", 0, 0, G_OPTION_ARG_NONE, &foreign, "also uploads that other programs began", NULL},
    CLI_DRY_RUN,
    CLI_END,
};
static const char *const examples[] = {
    "polyfs gc s3://bucket --older-than 24h --dry-run",
    "say which unfinished uploads would go",
    NULL,
};
const struct cli_command cmd_gc = {
    .name = "gc",
    .args = "URL...",
    .summary = "Remove uploads that killed programs left unfinished",
    .details =
        "Nobody sees them, and stores charge for their parts. Only those that polyfs began, unless --foreign is "
        "given. Keep --older-than above the longest time that an upload takes.",
    .options = options,
    .examples = examples,
    .task = CLI_CHANGE,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
