/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs rm: objects, and with -r folders with all below. What takes a whole store away in one slip, the root of a
 * filesystem or of a bucket, needs --force. Matches of a pattern go many in one request, where the store has that.
 */
#include "cli.h"

#define BATCH 1000

static int recursive, force;

static struct {
    struct cli_place place; /* whose paths are waiting; its fs is a use of our own */
    char *paths[BATCH];
    size_t count;
} batch;

static int flush(void)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    g_autofree int *codes = g_new0(int, BATCH);
    if (!batch.count)
        return POLYFS_OK;
    int rc = polyfs_remove_many(batch.place.fs, (const char *const *)batch.paths, batch.count, &call, codes, &err);
    for (size_t i = 0; i < batch.count; i++) {
        g_autofree char *name = cli_name_of(&batch.place, batch.paths[i]);
        cli_did("remove", name, NULL, -1, codes[i]);
        g_free(batch.paths[i]);
    }
    polyfs_fs_close(batch.place.fs);
    batch.count = 0;
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static int add(const struct cli_place *place, const char *path)
{
    int other = batch.count && (batch.place.fs != place->fs || batch.place.arg != place->arg);
    int rc = other || batch.count == BATCH ? flush() : POLYFS_OK;
    if (!batch.count)
        batch.place = (struct cli_place){.fs = polyfs_fs_ref(place->fs), .arg = place->arg};
    batch.paths[batch.count++] = g_strdup(path);
    return rc;
}

/* Whether @path is all of a store: nothing but slashes and dots, or a bucket; a name without '/' across a network is one. */
static int is_root(const struct cli_place *place, const char *path)
{
    struct polyfs_call_opts call = cli_call();
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    size_t first = strcspn(path, "/");
    if (path[0] == '/' || !path[0]) {
        g_autofree char *plain = g_canonicalize_filename(path, "/");
        return strspn(plain, "/") == strlen(plain);
    }
    if (path[first + strspn(path + first, "/")])
        return 0;
    return polyfs_caps(place->fs, path, 0, &call, &caps, NULL) != POLYFS_OK ||
           caps.fact[POLYFS_FACT_REAL_DIRS] != POLYFS_YES || caps.fact[POLYFS_FACT_NETWORK] == POLYFS_YES;
}

static int remove_now(const struct cli_place *place, const char *path, const char *name)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_remove_opts opts = POLYFS_REMOVE_OPTS_INIT;
    opts.call = &call;
    int rc =
        recursive ? polyfs_remove_tree(place->fs, path, &call, &err) : polyfs_remove(place->fs, path, &opts, &err);
    if (rc == POLYFS_NOT_FOUND && force)
        rc = POLYFS_OK;
    cli_did("remove", name, NULL, -1, rc);
    if (rc == POLYFS_IS_DIR)
        return cli_fail(rc, name, "cannot remove %s: it is a folder; with all that is in it: polyfs rm -r", name);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static void on_planned(const struct polyfs_item *item, void *user)
{
    g_autofree char *name = cli_name_of(user, item->source);
    if (item->code == POLYFS_OK)
        cli_planned("remove", name, NULL);
}

/* Every object and folder that would go. */
static int plan(const struct cli_place *place, const char *path)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
    opts.flags = POLYFS_BULK_DRY_RUN | POLYFS_BULK_LITERAL | (recursive ? POLYFS_BULK_RECURSIVE : 0);
    opts.call = &call;
    opts.on_item = on_planned;
    opts.user = (void *)(guintptr)place;
    int rc = polyfs_bulk_remove(place->fs, &path, 1, &opts, NULL, &err);
    return rc == POLYFS_OK || (rc == POLYFS_NOT_FOUND && force) ? POLYFS_OK : cli_tell(&err);
}

static int remove_one(const struct cli_place *place, const char *path, void *user)
{
    g_autofree char *name = cli_name_of(place, path);
    int matched = place->taken == CLI_PATTERN;
    (void)user;
    if (recursive && !force && is_root(place, path))
        return cli_fail(POLYFS_INVALID, name, "%s is a whole store; if all of it shall go, add --force", name);
    if (cli.dry_run)
        return plan(place, path);
    return matched && !recursive ? add(place, path) : remove_now(place, path, name);
}

static int run(int argc, char **argv)
{
    (void)argc;
    int rc = cli_each(argv, remove_one, NULL);
    return cli_first(rc, flush());
}

static const GOptionEntry options[] = {
    {"recursive", 'r', 0, G_OPTION_ARG_NONE, &recursive, "folders with all below", NULL},
    {"force", 'f', 0, G_OPTION_ARG_NONE, &force, "a whole store too; what is missing is no failure", NULL},
    CLI_DRY_RUN,
    CLI_END,
};
static const char *const examples[] = {
    "polyfs rm 's3://bucket/run/*.tmp'",
    "what matches, many in one request",
    "polyfs rm -r --dry-run s3://bucket/run",
    "say what would go",
    NULL,
};
const struct cli_command cmd_rm = {
    .name = "rm",
    .aliases = "remove del",
    .args = "URL...",
    .summary = "Remove objects, and with -r folders",
    .options = options,
    .examples = examples,
    .task = CLI_CHANGE,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
