/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs version: of the library that runs, not of the header that was compiled. */
#include "cli.h"

static int run_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    if (cli.json) {
        json_t *row = json_object();
        cli_json_text(row, "version", polyfs_version());
        cli_json_line(stdout, row);
    } else {
        printf("polyfs %s\n", polyfs_version());
    }
    return POLYFS_OK;
}

const struct cli_command cmd_version = {
    .name = "version",
    .args = "",
    .summary = "Tell the version of the library that runs",
    .task = CLI_STORES,
    .run = run_version,
};
