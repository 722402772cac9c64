/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt export: tensors of a checkpoint, or of a torch file, as one safetensors file anywhere. */
#include "tensors.h"

static char *pattern;

static int write_file(struct cli_tensors *from, const char *url, struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_writer *writer = NULL;
    struct cli_place place;
    if (cli_open(url, &place) != POLYFS_OK)
        return POLYFS_INVALID;
    opts.call = &call;
    opts.flags = POLYFS_WRITE_PARENTS;
    int rc = polyfs_writer_open(place.fs, place.path, &opts, &writer, err);
    if (rc == POLYFS_OK)
        rc = polyfs_tensors_export(from->tensors, pattern, writer, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, NULL, err);
    polyfs_writer_close(writer);
    cli_close(&place);
    if (rc != POLYFS_OK)
        cli_tell(err);
    return rc;
}

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct cli_tensors from;
    char size[32];
    const char *target = argv[argc - 1];
    int rc = cli_tensors_open(argv[0], argc > 2 ? argv[1] : NULL, &from);
    if (rc != POLYFS_OK)
        return rc;
    uint64_t bytes = cli_tensors_bytes(&from, pattern);
    cli_watch_start("export", argv[0], bytes);
    rc = write_file(&from, target, &err);
    cli_watch_end();
    if (rc == POLYFS_OK && cli.json)
        cli_did("export", argv[0], target, (int64_t)bytes, rc);
    else if (rc == POLYFS_OK)
        cli_note("wrote %s of tensors to %s", cli_size_text(bytes, 1, size, sizeof(size)), target);
    cli_tensors_close(&from);
    return rc;
}

static const GOptionEntry options[] = {
    {"tensors", 't', 0, G_OPTION_ARG_FILENAME, &pattern, "only those whose names fit, e.g. 'encoder.*'", "PATTERN"},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs ckpt export s3://bucket/run best weights.safetensors",
    "the best checkpoint's tensors as one file",
    "polyfs ckpt export old/epoch=3.ckpt -t 'state_dict.*' weights.safetensors",
    "the weights of a Lightning checkpoint, without torch",
    NULL,
};
const struct cli_command cmd_ckpt_export = {
    .name = "ckpt export",
    .args = "URL [NAME|latest|last|best] FILE",
    .summary = "Write tensors of a checkpoint or torch file as one safetensors file",
    .options = options,
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 2,
    .max_args = 3,
    .run = run,
};
