/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cp, mv, put and get over the bulk verbs, which know fsspec's rules for what goes where. Sources of a command line
 * are handed over in runs: neighbours of one filesystem that are all patterns, or all names.
 */
#include "cli.h"

struct job {
    const struct cli_transfer *how;
    struct cli_place target;
    const struct cli_place *source; /* of the run that is under way */
    uint64_t before, total;         /* bytes written to the target's filesystem so far; bytes to come, if known */
    uint64_t told;                  /* failures of items that were told */
    GHashTable *seen;               /* names of the command line that became items; NULL: not looked at */
};

static void on_item(const struct polyfs_item *item, void *user)
{
    struct job *job = user;
    g_autofree char *from = cli_name_of(job->source, item->source);
    g_autofree char *to = cli_name_of(&job->target, item->target);
    int skipped = item->flags & POLYFS_ITEM_SKIPPED || item->code == POLYFS_CHANGED;
    const char *verb = skipped ? "skip" : job->how->operation;
    if (job->seen)
        g_hash_table_add(job->seen, g_strdup(item->source));
    if (item->flags & POLYFS_ITEM_DIR && item->code == POLYFS_OK)
        return; /* what people asked for are the objects in it */
    if (item->flags & POLYFS_ITEM_DRY_RUN) {
        cli_planned(job->how->operation, from, to);
        return;
    }
    cli_did(verb, from, to, (int64_t)item->bytes, item->code);
    if (item->code == POLYFS_OK || !item->error)
        return;
    cli_tell(item->error);
    job->told++;
}

static uint64_t written(const struct job *job)
{
    struct polyfs_fs_stats stats = {.struct_size = sizeof(stats)};
    polyfs_fs_stats(job->target.fs, &stats);
    return stats.bytes_written;
}

static void on_progress(const struct polyfs_progress *progress, void *user)
{
    struct job *job = user;
    uint64_t total = progress->bytes_total == POLYFS_SIZE_UNKNOWN ? job->total : progress->bytes_total;
    cli_progress_set(MAX(progress->bytes_done, written(job) - job->before), total, progress->items_done);
}

/* One object has a size to ask for; only where somebody looks, since it costs a request. */
static uint64_t total_of(const struct job *job, const struct cli_place *place, size_t count, uint32_t flags)
{
    struct polyfs_stat st = POLYFS_STAT_INIT;
    struct polyfs_call_opts call = cli_call();
    if (count > 1 || !(flags & POLYFS_BULK_LITERAL) || cli.quiet || !cli.err_tty || cli.dry_run ||
        job->how->recursive)
        return POLYFS_SIZE_UNKNOWN;
    int rc = polyfs_stat(place->fs, place->path, NULL, &call, &st, NULL);
    return rc == POLYFS_OK && st.type == POLYFS_TYPE_FILE ? st.size : POLYFS_SIZE_UNKNOWN;
}

/* Waits in slices: the line of progress moves also while one large object is under way. */
static int wait_for(struct job *job, struct polyfs_op *op, struct polyfs_error *err)
{
    int rc;
    while ((rc = polyfs_op_wait(op, 200, err)) == POLYFS_MORE)
        cli_progress_bytes(written(job) - job->before);
    polyfs_op_free(op);
    return rc;
}

static void bulk_opts(struct job *job, const struct polyfs_call_opts *call, struct polyfs_bulk_opts *opts)
{
    const struct cli_transfer *how = job->how;
    *opts = (struct polyfs_bulk_opts)POLYFS_BULK_OPTS_INIT;
    opts->flags = (how->recursive ? POLYFS_BULK_RECURSIVE : 0) | (how->no_clobber ? POLYFS_BULK_NO_REPLACE : 0) |
                  (cli.dry_run ? POLYFS_BULK_DRY_RUN : 0);
    opts->call = call;
    opts->durability = how->durable ? POLYFS_DURABILITY_FULL : POLYFS_DURABILITY_NONE;
    opts->jobs = (uint32_t)cli.jobs;
    opts->on_item = on_item;
    opts->on_progress = on_progress;
    opts->user = job;
}

/* Folders are passed over without -r, as fsspec has it; here that is a failure, since nothing else would tell. */
static int tell_passed_over(struct job *job, const struct cli_place *places, size_t count)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < count; i++)
        if (!g_hash_table_contains(job->seen, places[i].path))
            rc = cli_fail(POLYFS_IS_DIR, places[i].arg, "%s is a folder; with all that is in it: polyfs %s -r",
                          places[i].arg, cli.command->name);
    return rc;
}

/* One run: @count places of one filesystem, all patterns or all names. */
static int transfer_run(struct job *job, const struct cli_place *places, size_t count, uint32_t flags)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_bulk_opts opts;
    struct polyfs_op *op;
    const char *target = job->target.path;
    g_autofree const char **paths = g_new0(const char *, count);
    for (size_t i = 0; i < count; i++)
        paths[i] = places[i].path;
    bulk_opts(job, &call, &opts);
    opts.flags |= flags;
    job->source = &places[0];
    job->told = 0;
    job->seen = flags & POLYFS_BULK_LITERAL && !job->how->recursive
                    ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)
                    : NULL;
    job->before = written(job);
    job->total = total_of(job, &places[0], count, flags);
    cli_progress_start(job->how->operation, job->total);
    int rc = (job->how->move ? polyfs_bulk_move_submit : polyfs_bulk_copy_submit)(places[0].fs, paths, count,
                                                                                  job->target.fs, &target, 1, &opts,
                                                                                  NULL, &op, &err);
    if (rc == POLYFS_OK)
        rc = wait_for(job, op, &err);
    cli_progress_end();
    if (rc != POLYFS_OK && !job->told)
        cli_tell(&err);
    else if (rc == POLYFS_OK && job->seen)
        rc = tell_passed_over(job, places, count);
    g_clear_pointer(&job->seen, g_hash_table_unref);
    return rc;
}

static int transfer_all(struct job *job, struct cli_place *places, size_t count)
{
    int rc = POLYFS_OK;
    for (size_t from = 0, to; from < count && !cli_interrupted(); from = to) {
        int pattern = cli_is_pattern(&places[from]);
        for (to = from + 1; to < count; to++)
            if (places[to].fs != places[from].fs || cli_is_pattern(&places[to]) != pattern)
                break;
        uint32_t flags = (pattern ? 0 : POLYFS_BULK_LITERAL) | (count > 1 ? POLYFS_BULK_SOURCE_LIST : 0);
        rc = cli_first(rc, transfer_run(job, &places[from], to - from, flags));
    }
    return cli_stopped(rc == POLYFS_CHANGED ? POLYFS_IO : rc); /* a source that never rested was skipped: exit 1 */
}

int cli_transfer(const struct cli_transfer *how, char **sources, size_t count, const char *target)
{
    struct job job = {.how = how};
    g_autofree struct cli_place *places = g_new0(struct cli_place, count);
    size_t opened = 0;
    int rc = cli_open(target, &job.target);
    for (; rc == POLYFS_OK && opened < count; opened++)
        rc = cli_open(sources[opened], &places[opened]);
    if (rc == POLYFS_OK)
        rc = transfer_all(&job, places, count);
    for (size_t i = 0; i < opened; i++)
        cli_close(&places[i]);
    cli_close(&job.target);
    return rc;
}

int cli_copy(const struct cli_transfer *how, char **sources, size_t count, const char *target)
{
    size_t from_std = 0;
    g_autofree char **list = g_new0(char *, count + 1);
    memcpy(list, sources, count * sizeof(*list));
    for (size_t i = 0; i < count; i++)
        from_std += strcmp(list[i], "-") == 0;
    if (from_std && (count > 1 || strcmp(target, "-") == 0))
        return cli_usage("standard input (-) stands alone: polyfs %s - TARGET", cli.command->name);
    if (from_std)
        return cli_copy_in(how, target);
    return strcmp(target, "-") == 0 ? cli_copy_out(list) : cli_transfer(how, list, count, target);
}
