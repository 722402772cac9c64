/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs ckpt load: the files of a checkpoint into a folder, each checked as it passes. */
#include "ckpt.h"

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    const char *which = argc == 3 ? argv[1] : "latest", *folder = argv[argc - 1];
    int rc;
    struct polyfs_ckpt *ckpt = cli_ckpt_open(argv[0], POLYFS_CKPT_READ_ONLY, 0, &rc);
    if (!ckpt)
        return rc;
    struct polyfs_ckpt_view *view = cli_ckpt_load(ckpt, which, &rc);
    polyfs_ckpt_close(ckpt);
    if (!view)
        return rc;
    cli_watch_start("load", argv[0], polyfs_ckpt_view_info(view)->bytes);
    rc = polyfs_ckpt_extract(view, folder, &err);
    cli_watch_end();
    if (rc == POLYFS_OK)
        cli_ckpt_loaded(folder, polyfs_ckpt_view_info(view));
    else
        cli_tell(&err);
    polyfs_ckpt_view_close(view);
    return rc;
}

static const char *const examples[] = {
    "polyfs ckpt load s3://bucket/run ./resume",
    "the newest whole one",
    "polyfs ckpt load s3://bucket/run epoch=3-step=1500 ./resume",
    "one by its name",
    NULL,
};
const struct cli_command cmd_ckpt_load = {
    .name = "ckpt load",
    .args = "URL [NAME|latest|last|best] FOLDER",
    .summary = "Write the files of a checkpoint into a folder, checked",
    .examples = examples,
    .task = CLI_CKPT,
    .min_args = 2,
    .max_args = 3,
    .run = run,
};
