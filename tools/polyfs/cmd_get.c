/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs get: from a store to files of this machine, or to standard output. */
#include "cli.h"

static struct cli_transfer how = {.operation = "download"};

static int run(int argc, char **argv)
{
    if (argc == 1)
        return cli_copy(&how, argv, 1, "./");
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
    "polyfs get s3://bucket/run/model.bin",
    "into the working folder",
    "polyfs get 's3://bucket/run/*.csv' logs/",
    "what matches, into a folder",
    NULL,
};
const struct cli_command cmd_get = {
    .name = "get",
    .args = "URL... [TARGET]",
    .summary = "Copy from a store to files of this machine, or - for standard output",
    .details = "With one URL and no target it goes into the working folder.",
    .options = options,
    .examples = examples,
    .task = CLI_MOVE,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
