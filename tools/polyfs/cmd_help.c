/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs help [VERB]: what `polyfs` alone prints, or the page of one verb. */
#include "cli.h"

static int run_help(int argc, char **argv)
{
    int words;
    if (!argc) {
        cli_help(stdout);
        return POLYFS_OK;
    }
    const struct cli_command *command = cli_find(argc, argv, &words);
    if (!command)
        return cli_unknown_verb(argc, argv);
    cli_help_command(stdout, command);
    return POLYFS_OK;
}

const struct cli_command cmd_help = {
    .name = "help",
    .args = "[VERB]",
    .summary = "Tell about a verb, or about all",
    .task = CLI_STORES,
    .max_args = 2,
    .run = run_help,
};
