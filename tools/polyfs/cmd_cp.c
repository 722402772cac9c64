/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs cp: objects from anywhere to anywhere. put and get are the same with one side on this machine. */
#include "cli.h"

static struct cli_transfer how = {.operation = "copy"};

static int run(int argc, char **argv)
{
    return cli_copy(&how, argv, (size_t)argc - 1, argv[argc - 1]);
}

static const GOptionEntry options[] = {
    {"recursive", 'r', 0, G_OPTION_ARG_NONE, &how.recursive, "folders with all below", NULL},
    {"no-clobber", 'n', 0, G_OPTION_ARG_NONE, &how.no_clobber, "leave what is there already", NULL},
    {"durable", 0, 0, G_OPTION_ARG_NONE, &how.durable, "return when it survives a loss of power", NULL},
    CLI_DRY_RUN,
    CLI_END,
};
static const char *const examples[] = {
    "polyfs cp model.bin s3://bucket/run/",
    "a file into a folder of a store",
    "polyfs cp 's3://a/x/*.bin' gs://b/x/",
    "from one store to another, what matches",
    "tar c run | polyfs cp - s3://bucket/run.tar",
    "from a pipe; nothing is there before all of it is",
    NULL,
};
const struct cli_command cmd_cp = {
    .name = "cp",
    .aliases = "copy",
    .args = "SOURCE... TARGET",
    .summary = "Copy between stores, files, standard input and output (-)",
    .details = "An object appears whole or not at all. Into a folder (an existing one, or a target "
               "ending in /) a source goes under its last name.",
    .options = options,
    .examples = examples,
    .task = CLI_MOVE,
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
