/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt save: files of this machine become a checkpoint of a run, all of them or none. */
#include "ckpt.h"

static char *step, *epoch, *score, *name, *last;
static int keep;

static int parse_score(struct polyfs_ckpt_save_opts *opts)
{
    char *end;
    if (!score)
        return POLYFS_OK;
    opts->score = g_ascii_strtod(score, &end);
    opts->flags = POLYFS_CKPT_HAS_SCORE;
    return *score && !*end ? POLYFS_OK : cli_usage("--score takes a number, not \"%s\"", score);
}

static int parse_last(struct polyfs_ckpt_opts *run)
{
    static const char *const kinds[] = {"record", "link", "copy", "pointer", NULL};
    if (!last)
        return POLYFS_OK;
    while (kinds[run->last_as] && strcmp(kinds[run->last_as], last) != 0)
        run->last_as++;
    return kinds[run->last_as] ? POLYFS_OK : cli_usage("--last is link, copy or pointer, not \"%s\"", last);
}

static int parse_all(struct polyfs_ckpt_save_opts *opts, struct polyfs_ckpt_opts *run)
{
    int rc = cli_ckpt_number("step", step, &opts->step);
    if (rc == POLYFS_OK)
        rc = cli_ckpt_number("epoch", epoch, &opts->epoch);
    if (rc == POLYFS_OK)
        rc = parse_score(opts);
    if (rc == POLYFS_OK)
        rc = parse_last(run);
    run->keep_newest = (uint32_t)keep;
    if (rc == POLYFS_OK && keep < 0)
        rc = cli_usage("--keep takes a number, 0 for all");
    if (rc == POLYFS_OK && !step && !name)
        rc = cli_usage("say which step it is, or what it is called: --step N or --name NAME");
    opts->name = name;
    return rc;
}

/* FILE goes under its last name, NAME=FILE under NAME. A file whose own name holds '=' and is there is a FILE. */
static void item_of(char *arg, struct polyfs_ckpt_item *item)
{
    char *equals = strchr(arg, '='), *slash = strrchr(arg, '/');
    item->name = slash ? slash + 1 : arg;
    item->path = arg;
    if (!equals || g_file_test(arg, G_FILE_TEST_EXISTS))
        return;
    *equals = '\0';
    item->name = arg;
    item->path = equals + 1;
}

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_opts where = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
    size_t count = (size_t)argc - 1;
    int rc = parse_all(&opts, &where);
    if (rc != POLYFS_OK)
        return rc;
    g_autofree struct polyfs_ckpt_item *items = g_new0(struct polyfs_ckpt_item, count);
    for (size_t i = 0; i < count; i++)
        item_of(argv[i + 1], &items[i]);
    struct polyfs_ckpt *ckpt = cli_ckpt_open_with(argv[0], &where, &rc);
    if (!ckpt)
        return rc;
    cli_watch_start("save", argv[0], POLYFS_SIZE_UNKNOWN);
    rc = polyfs_ckpt_save(ckpt, &opts, items, count, &info, &err);
    cli_watch_end();
    if (rc == POLYFS_OK)
        cli_ckpt_saved(argv[0], &info);
    else
        cli_tell(&err);
    polyfs_ckpt_close(ckpt);
    return rc;
}

static const GOptionEntry options[] = {
    {"step", 's', 0, G_OPTION_ARG_FILENAME, &step, "the training step", "N"},
    {"epoch", 'e', 0, G_OPTION_ARG_FILENAME, &epoch, "the epoch", "N"},
    {"score", 0, 0, G_OPTION_ARG_FILENAME, &score, "what it is ranked by", "X"},
    {"name", 0, 0, G_OPTION_ARG_FILENAME, &name, "its name; else made of epoch and step", "NAME"},
    {"keep", 'k', 0, G_OPTION_ARG_INT, &keep, "keep the newest N, drop older ones; 0 all", "N"},
    {"last", 0, 0, G_OPTION_ARG_FILENAME, &last, "keep URL/last too: a link, copy or pointer", "KIND"},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs ckpt save s3://bucket/run --step 1500 model.bin optim.bin",
    "two files, one checkpoint",
    "polyfs ckpt save s3://bucket/run --step 1500 --keep 3 w/model.bin=/tmp/m",
    "under a name of its own",
    NULL,
};
const struct cli_command cmd_ckpt_save = {
    .name = "ckpt save",
    .args = "URL FILE...|NAME=FILE...",
    .summary = "Save files as one checkpoint: all of them or none",
    .details = "URL is the folder of the run. A kill at any instant leaves the newest checkpoint "
               "the old one or the new one, never a part. It claims the run: a trainer that "
               "still saves to it is told so and stops.",
    .options = options,
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
