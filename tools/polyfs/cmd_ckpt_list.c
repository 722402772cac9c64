/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt list: the checkpoints of a run, newest first. */
#include "ckpt.h"

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_list *list;
    int rc;
    (void)argc;
    struct polyfs_ckpt *ckpt = cli_ckpt_open(argv[0], POLYFS_CKPT_READ_ONLY, 0, &rc);
    if (!ckpt)
        return rc;
    rc = polyfs_ckpt_list(ckpt, &list, &err);
    polyfs_ckpt_close(ckpt);
    if (rc != POLYFS_OK)
        return cli_tell(&err);
    size_t count = polyfs_ckpt_list_count(list);
    if (count && !cli.json)
        cli_ckpt_head();
    for (size_t i = 0; i < count; i++) {
        if (cli.json)
            cli_json_line(stdout, cli_ckpt_json(polyfs_ckpt_list_at(list, i)));
        else
            cli_ckpt_line(polyfs_ckpt_list_at(list, i));
    }
    if (!count)
        cli_note("there is no checkpoint in %s", argv[0]);
    polyfs_ckpt_list_free(list);
    return POLYFS_OK;
}

static const char *const examples[] = {
    "polyfs ckpt list s3://bucket/run",
    "newest first, with step, score and size",
    NULL,
};
const struct cli_command cmd_ckpt_list = {
    .name = "ckpt list",
    .args = "URL",
    .summary = "List the checkpoints of a run, newest first",
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
