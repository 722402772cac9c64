/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt verify: are the bytes those that were saved? Exit 7 when one checkpoint is damaged. */
#include "ckpt.h"

static int sizes_only;

static void verified(const struct polyfs_ckpt_info *info, int code, const char *why, void *user)
{
    (void)user;
    if (cli.json) {
        json_t *row = cli_ckpt_json(info);
        cli_json_text(row, "state", code == POLYFS_OK ? "whole" : polyfs_code_name(code));
        if (code != POLYFS_OK)
            cli_json_text(row, "why", why ? why : "");
        cli_json_line(stdout, row);
        return;
    }
    printf("%-8s ", code == POLYFS_OK ? "whole" : code == POLYFS_CORRUPT ? "damaged" : polyfs_code_name(code));
    cli_print_name(info->name);
    if (code != POLYFS_OK && why) {
        fputs(": ", stdout);
        cli_print_name(why);
    }
    puts("");
}

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    int rc;
    struct polyfs_ckpt *ckpt = cli_ckpt_open(argv[0], POLYFS_CKPT_READ_ONLY, 0, &rc);
    if (!ckpt)
        return rc;
    cli_watch_start("verify", argv[0], POLYFS_SIZE_UNKNOWN);
    rc = polyfs_ckpt_verify(ckpt, argc > 1 ? argv[1] : NULL, sizes_only ? POLYFS_CKPT_SIZES_ONLY : 0, verified,
                            NULL, &err);
    cli_watch_end();
    polyfs_ckpt_close(ckpt);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static const GOptionEntry options[] = {
    {"sizes-only", 0, 0, G_OPTION_ARG_NONE, &sizes_only, "ask for sizes, read no bytes", NULL},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs ckpt verify s3://bucket/run",
    "read and check every checkpoint of the run",
    NULL,
};
const struct cli_command cmd_ckpt_verify = {
    .name = "ckpt verify",
    .args = "URL [NAME]",
    .summary = "Compare checkpoints with what was saved; exit 7 on damage",
    .options = options,
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
