/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt latest: the name of the newest complete checkpoint; exit 3 when there is none, for scripts. */
#include "ckpt.h"

static int run(int argc, char **argv)
{
    (void)argc;
    return cli_ckpt_name(argv[0], "latest");
}

static const char *const examples[] = {
    "polyfs ckpt latest s3://bucket/run || echo start anew",
    "exit status 3: there is none",
    NULL,
};
const struct cli_command cmd_ckpt_latest = {
    .name = "ckpt latest",
    .args = "URL",
    .summary = "Print the name of the newest whole checkpoint",
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
