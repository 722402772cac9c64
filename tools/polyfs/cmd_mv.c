/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs mv: a rename where both sides are one store, else a copy and then a removal of what was copied. */
#include "cli.h"

static struct cli_transfer how = {.operation = "move", .recursive = 1, .durable = 1, .move = 1};

static int run(int argc, char **argv)
{
    return cli_transfer(&how, argv, (size_t)argc - 1, argv[argc - 1]);
}

static const GOptionEntry options[] = {
    {"no-clobber", 'n', 0, G_OPTION_ARG_NONE, &how.no_clobber, "leave what is there already", NULL},
    CLI_DRY_RUN,
    CLI_END,
};
static const char *const examples[] = {
    "polyfs mv s3://bucket/a s3://bucket/old/",
    "under its name into a folder",
    NULL,
};
const struct cli_command cmd_mv = {
    .name = "mv",
    .aliases = "move rename",
    .args = "SOURCE... TARGET",
    .summary = "Move or rename objects, between stores too",
    .details = "A source is removed only when its copy is complete and durable.",
    .options = options,
    .examples = examples,
    .task = CLI_MOVE,
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
