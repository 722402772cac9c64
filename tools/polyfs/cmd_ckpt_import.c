/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs ckpt import: what other programs saved becomes a checkpoint of a run: the tensors of a torch or safetensors file,
 * with the rest of it as JSON, or all files of a folder as they are.
 */
#include "tensors.h"

static char *step, *epoch, *name;

/* Lightning and many loops save these two beside the weights. */
static int64_t state_number(const json_t *state, const char *key)
{
    const json_t *value = json_object_get(state, key);
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : POLYFS_CKPT_NO_STEP;
}

static int parse(struct polyfs_ckpt_save_opts *opts)
{
    int rc = cli_ckpt_number("step", step, &opts->step);
    if (rc == POLYFS_OK)
        rc = cli_ckpt_number("epoch", epoch, &opts->epoch);
    opts->name = name;
    return rc;
}

/* What was not said is taken from the file, if it says it. */
static int complete(struct polyfs_ckpt_save_opts *opts, const json_t *state)
{
    if (opts->step == POLYFS_CKPT_NO_STEP)
        opts->step = state_number(state, "global_step");
    if (opts->epoch == POLYFS_CKPT_NO_STEP)
        opts->epoch = state_number(state, "epoch");
    if (opts->step == POLYFS_CKPT_NO_STEP && !name)
        return cli_usage("say which step it is, or what it is called: --step N or --name NAME");
    return POLYFS_OK;
}

static int save(const char *url, const struct polyfs_ckpt_save_opts *opts,
                int (*fill)(struct polyfs_ckpt_saver *saver, const void *from, struct polyfs_error *err),
                const void *from)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
    struct polyfs_ckpt_saver *saver = NULL;
    int rc;
    struct polyfs_ckpt *ckpt = cli_ckpt_open(url, 0, 0, &rc);
    if (!ckpt)
        return rc;
    cli_watch_start("import", url, POLYFS_SIZE_UNKNOWN);
    rc = polyfs_ckpt_begin(ckpt, opts, &saver, &err);
    if (rc == POLYFS_OK && (rc = fill(saver, from, &err)) != POLYFS_OK)
        polyfs_ckpt_abort(saver);
    else if (rc == POLYFS_OK)
        rc = polyfs_ckpt_commit(saver, &info, &err);
    cli_watch_end();
    if (rc == POLYFS_OK)
        cli_ckpt_saved(url, &info);
    else
        cli_tell(&err);
    polyfs_ckpt_close(ckpt);
    return rc;
}

/* ---- a file of tensors ------------------------------------------------------------------------------------------ */

static int fill_tensors(struct polyfs_ckpt_saver *saver, const void *from, struct polyfs_error *err)
{
    struct polyfs_tensors *tensors = ((const struct cli_tensors *)from)->tensors;
    int rc = polyfs_ckpt_write_from(saver, "tensors.safetensors", tensors, NULL, err);
    if (rc == POLYFS_OK && strcmp(polyfs_tensors_state(tensors), "{}") != 0)
        rc = polyfs_ckpt_write_json(saver, "state.json", polyfs_tensors_state(tensors), err);
    return rc;
}

static int import_file(const char *url, const char *file, struct polyfs_ckpt_save_opts *opts)
{
    struct cli_tensors from;
    int rc = cli_tensors_open(file, NULL, &from);
    if (rc != POLYFS_OK)
        return rc;
    json_t *state = json_loads(polyfs_tensors_state(from.tensors), JSON_DECODE_ANY, NULL);
    rc = complete(opts, state);
    json_decref(state);
    if (rc == POLYFS_OK)
        rc = save(url, opts, fill_tensors, &from);
    cli_tensors_close(&from);
    return rc;
}

/* ---- a folder --------------------------------------------------------------------------------------------------- */

static int copy_file(struct polyfs_ckpt_saver *saver, const struct cli_place *place, const char *path,
                     const char *as, struct polyfs_error *err)
{
    struct polyfs_reader *reader = cli_reader(place, path, err);
    g_autofree char *buffer = g_malloc(1 << 20);
    size_t n = 1;
    int rc = reader ? polyfs_ckpt_write(saver, as, "", 0, err) : err->code;
    while (rc == POLYFS_OK && n) {
        rc = polyfs_reader_read(reader, buffer, 1 << 20, &n, err);
        if (rc == POLYFS_OK && n)
            rc = polyfs_ckpt_write(saver, as, buffer, n, err);
    }
    polyfs_reader_close(reader);
    return rc;
}

static int fill_folder(struct polyfs_ckpt_saver *saver, const void *from, struct polyfs_error *err)
{
    const struct cli_place *place = from;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_lister *lister;
    size_t root = strlen(place->path);
    int seen = POLYFS_OK;
    opts.flags = POLYFS_LS_RECURSIVE;
    opts.call = &call;
    int rc = polyfs_list_open(place->fs, place->path, &opts, &lister, err);
    if (rc != POLYFS_OK)
        return rc;
    do {
        const struct polyfs_entry *rows;
        size_t n = 0;
        rc = polyfs_list_next(lister, &rows, &n, err);
        for (size_t i = 0; rc >= 0 && i < n && seen == POLYFS_OK; i++) {
            const char *as = rows[i].path + root;
            if (rows[i].type == POLYFS_TYPE_FILE)
                seen = copy_file(saver, place, rows[i].path, as + strspn(as, "/"), err);
        }
    } while (rc == POLYFS_MORE && seen == POLYFS_OK);
    polyfs_list_close(lister);
    return seen != POLYFS_OK ? seen : rc;
}

static int import_folder(const char *url, const char *folder, struct polyfs_ckpt_save_opts *opts)
{
    struct cli_place place;
    int rc = complete(opts, NULL);
    if (rc == POLYFS_OK)
        rc = cli_open(folder, &place);
    if (rc != POLYFS_OK)
        return rc;
    rc = save(url, opts, fill_folder, &place);
    cli_close(&place);
    return rc;
}

static int run(int argc, char **argv)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    int rc = parse(&opts);
    (void)argc;
    if (rc != POLYFS_OK)
        return rc;
    return cli_is_tensors(argv[1]) ? import_file(argv[0], argv[1], &opts) : import_folder(argv[0], argv[1], &opts);
}

static const GOptionEntry options[] = {
    {"step", 's', 0, G_OPTION_ARG_FILENAME, &step, "the training step; else the file's own", "N"},
    {"epoch", 'e', 0, G_OPTION_ARG_FILENAME, &epoch, "the epoch; else the file's own", "N"},
    {"name", 0, 0, G_OPTION_ARG_FILENAME, &name, "its name; else made of epoch and step", "NAME"},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs ckpt import s3://bucket/run lightning/epoch=3.ckpt",
    "its tensors as safetensors, the rest as state.json, its step and epoch",
    "polyfs ckpt import s3://bucket/run ./old --step 1500",
    "every file of a folder as it is",
    NULL,
};
const struct cli_command cmd_ckpt_import = {
    .name = "ckpt import",
    .args = "URL FILE|FOLDER",
    .summary = "Make a checkpoint of a .ckpt, .pt, .safetensors or a folder",
    .details = "Nothing in a torch file is executed; what is neither a tensor nor a plain value stays as a "
               "description in state.json.",
    .options = options,
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
