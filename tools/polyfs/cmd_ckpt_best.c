/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt best: the name of the checkpoint that a policy ranks first; exit 3 when there is none. */
#include "ckpt.h"

static int run(int argc, char **argv)
{
    (void)argc;
    return cli_ckpt_name(argv[0], "best");
}

static const char *const examples[] = {
    "polyfs ckpt best s3://bucket/run",
    "as ranked by the trainer's metric",
    NULL,
};
const struct cli_command cmd_ckpt_best = {
    .name = "ckpt best",
    .args = "URL",
    .summary = "Print the name of the checkpoint that is ranked first",
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
