/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs put: files of this machine, or standard input, into a store. */
#include "cli.h"

static struct cli_transfer how = {.operation = "upload", .durable = 1};

static int run(int argc, char **argv)
{
    return cli_copy(&how, argv, (size_t)argc - 1, argv[argc - 1]);
}

static const GOptionEntry options[] = {
    {"recursive", 'r', 0, G_OPTION_ARG_NONE, &how.recursive, "folders with all below", NULL},
    {"no-clobber", 'n', 0, G_OPTION_ARG_NONE, &how.no_clobber, "leave what is there already", NULL},
    CLI_DRY_RUN,
    CLI_END,
};
static const char *const examples[] = {
    "polyfs put model.bin s3://bucket/run/",
    "a file into a folder of a store",
    "date | polyfs put - s3://bucket/now.txt",
    "from a pipe",
    NULL,
};
const struct cli_command cmd_put = {
    .name = "put",
    .args = "FILE... URL",
    .summary = "Copy files of this machine, or - for standard input, into a store",
    .options = options,
    .examples = examples,
    .task = CLI_MOVE,
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
