/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt latest: the name of the newest complete checkpoint; exit 3 when there is none, for scripts. */
#include "ckpt.h"

static int run(int argc, char **argv)
{
    int rc;
    (void)argc;
    struct polyfs_ckpt *ckpt = cli_ckpt_open(argv[0], POLYFS_CKPT_READ_ONLY, 0, &rc);
    if (!ckpt)
        return rc;
    struct polyfs_ckpt_view *view = cli_ckpt_load(ckpt, "latest", &rc);
    polyfs_ckpt_close(ckpt);
    if (!view)
        return rc;
    if (cli.json) {
        cli_json_line(stdout, cli_ckpt_json(polyfs_ckpt_view_info(view)));
    } else {
        cli_print_name(polyfs_ckpt_view_info(view)->name);
        puts("");
    }
    polyfs_ckpt_view_close(view);
    return POLYFS_OK;
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
