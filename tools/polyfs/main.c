/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs: every store from a shell. This file is the table of verbs and the way from a command line to one of them;
 * a new verb is a file cmd_NAME.c and two lines here.
 */
#include <locale.h>
#include <stdlib.h>

#include "cli.h"

extern const struct cli_command cmd_ls, cmd_stat, cmd_find, cmd_du, cmd_tree, cmd_checksum, cmd_cat, cmd_head,
    cmd_tail, cmd_touch, cmd_mkdir, cmd_rmdir, cmd_mb, cmd_rb, cmd_presign, cmd_gc, cmd_rm, cmd_cp, cmd_mv, cmd_put,
    cmd_get, cmd_ckpt_save, cmd_ckpt_list, cmd_ckpt_latest, cmd_ckpt_best, cmd_ckpt_show, cmd_ckpt_load,
    cmd_ckpt_export, cmd_ckpt_import, cmd_ckpt_verify, cmd_ckpt_prune, cmd_ckpt_gc, cmd_known, cmd_options,
    cmd_caps, cmd_manifest, cmd_version, cmd_help;

const struct cli_command *const cli_commands[] = {
    &cmd_ls,         &cmd_stat,      &cmd_find,      &cmd_du,          &cmd_tree,        &cmd_checksum,
    &cmd_cat,        &cmd_head,      &cmd_tail,      &cmd_touch,       &cmd_mkdir,       &cmd_rmdir,
    &cmd_mb,         &cmd_rb,        &cmd_presign,   &cmd_gc,          &cmd_rm,          &cmd_cp,
    &cmd_mv,         &cmd_put,       &cmd_get,       &cmd_ckpt_save,   &cmd_ckpt_list,   &cmd_ckpt_latest,
    &cmd_ckpt_best,  &cmd_ckpt_show, &cmd_ckpt_load, &cmd_ckpt_export, &cmd_ckpt_import, &cmd_ckpt_verify,
    &cmd_ckpt_prune, &cmd_ckpt_gc,   &cmd_known,     &cmd_options,     &cmd_caps,        &cmd_manifest,
    &cmd_version,    &cmd_help,      NULL,
};

/* Verbs for the build and the shell, which no help names. Above 0: it is none of them. */
static int hidden(int argc, char **argv)
{
    if (strcmp(argv[1], "__man") == 0)
        return cli_man();
    if (strcmp(argv[1], "__completion") == 0)
        return cli_completion();
    return strcmp(argv[1], "__complete") == 0 ? cli_complete(argc - 2, argv + 2) : 1;
}

static int run(int argc, char **argv)
{
    int words, help = 0;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_help(stdout);
        return POLYFS_OK;
    }
    int rc = hidden(argc, argv);
    if (rc <= 0)
        return rc;
    if (strcmp(argv[1], "--version") == 0)
        return cmd_version.run(0, NULL);
    const struct cli_command *command = cli_find(argc - 1, argv + 1, &words);
    if (!command)
        return cli_unknown_verb(argc - 1, argv + 1);
    rc = cli_parse(command, argc - words, argv + words, &help);
    if (rc != POLYFS_OK)
        return rc;
    if (help) {
        cli_help_command(stdout, command);
        return POLYFS_OK;
    }
    cli_log_start();
    return command->run((int)g_strv_length(cli.args), cli.args);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* which characters a terminal shows; numbers and messages stay as they are */
    int rc = cli_interrupt_start();
    if (rc == POLYFS_OK)
        rc = cli_out_end(run(argc, argv));
    int stopped = cli_interrupted();
    polyfs_set_log(0, NULL, NULL);
    if (cli.options)
        g_ptr_array_free(cli.options, TRUE);
    g_strfreev(cli.args);
    if (stopped && rc < 0)
        return 128 + stopped; /* whatever the call that was cancelled made of it */
    return rc > 0 ? rc : polyfs_code_exit_status(rc);
}
