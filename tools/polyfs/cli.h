/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs of the command share. Each verb is one file with one `struct cli_command`: its description and its
 * run function. Help, the man page and the completion are made of these descriptions, so they cannot disagree.
 *
 * A run function returns a polyfs code; whatever is negative has been told to the user when it returns. main() makes
 * an exit status of it (design: "Errors").
 */
#ifndef POLYFS_TOOLS_CLI_H
#define POLYFS_TOOLS_CLI_H

#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"

/* Verbs are shown by task in the one-screen help, in this order. */
enum cli_task { CLI_LOOK, CLI_READ, CLI_CHANGE, CLI_MOVE, CLI_CKPT, CLI_STORES, CLI_TASKS };

struct cli_command {
    const char *name;    /* "ls", or two words: "ckpt save" */
    const char *aliases; /* separated by ' ', or NULL */
    const char *args;    /* "URL...", after the options */
    const char *summary; /* one line, no full stop */
    const char *details; /* more for the man page and `help VERB`, one paragraph, or NULL */
    const GOptionEntry *options;
    const char *const *examples; /* ended by NULL: a command line, then what it does */
    enum cli_task task;
    int min_args, max_args; /* max -1: any number */
    int (*run)(int argc, char **argv);
};
extern const struct cli_command *const cli_commands[]; /* ended by NULL */

/* What the command line said, for every verb. */
struct cli {
    const struct cli_command *command;
    int json, quiet, verbose, jobs, dry_run;
    int out_tty, err_tty;
    int64_t until_us;   /* of --timeout, monotonic; 0 none */
    GPtrArray *options; /* "key=value" of -o */
    char **args;        /* what is left behind the options */
    struct polyfs_cancel *cancel;
};
extern struct cli cli;

/* The rows of --dry-run for verbs that change something; each verb with the option ends its table so. */
#define CLI_DRY_RUN                                                                                                \
    {"dry-run", 0, 0, G_OPTION_ARG_NONE, &cli.dry_run, "say what would be done, change nothing", NULL},            \
    {                                                                                                              \
        "dryrun", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &cli.dry_run, "the same", NULL                       \
    }
#define CLI_END                                                                                                    \
    {                                                                                                              \
        NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL                                                            \
    }

/* verbs.c: which verb; args.c: its options */
const struct cli_command *cli_find(int argc, char **argv, int *out_words);
int cli_unknown_verb(int argc, char **argv);
int cli_parse(const struct cli_command *command, int argc, char **argv, int *out_help);
const GOptionEntry *cli_common_options(void);
int cli_usage(const char *format, ...) G_GNUC_PRINTF(1, 2); /* tells a mistake on the command line */

/* help.c, man.c, completion.c, complete.c: the descriptions, rendered */
void cli_help(FILE *to);
void cli_help_group(FILE *to, const char *group);
void cli_help_command(FILE *to, const struct cli_command *command);
void cli_option_text(const GOptionEntry *row, char *text, size_t room);
int cli_man(void);
int cli_completion(void);
int cli_complete(int argc, char **argv);

/* tell.c: errors and log lines on standard error */
int cli_tell(const struct polyfs_error *err); /* returns its code */
int cli_fail(int code, const char *uri, const char *format, ...) G_GNUC_PRINTF(3, 4);
void cli_note(const char *format, ...) G_GNUC_PRINTF(1, 2); /* for people; silent with -q */
void cli_log_start(void);

/* out.c: standard output */
void cli_did(const char *operation, const char *source, const char *target, int64_t bytes, int code);
int cli_planned(const char *operation, const char *source, const char *target); /* 1: a dry run, and it was told */
int cli_write_out(const void *data, size_t size);                               /* standard output, exactly */
int cli_out_end(int code); /* flush; what a full or closed output makes of the result */
int cli_out_gone(void);    /* 1: nobody reads standard output any more */

/* text.c: values as text; words.c: and back */
char *cli_shown(const char *text);     /* for a terminal: control characters escaped; free with g_free() */
char *cli_shown_err(const char *text); /* the same where standard error is one */
void cli_print_name(const char *text);
char *cli_size_text(uint64_t bytes, int human, char *buffer, size_t room);
char *cli_time_text(int64_t ns, char *buffer, size_t room);
const char *cli_type_name(uint32_t type);
int cli_parse_size(const char *text, uint64_t *out);
int cli_parse_duration(const char *text, int64_t *out_us);
/* Seconds of --older-than, a day when @text is NULL; a mistake is told. */
int cli_older_than(const char *text, uint32_t *out_s);
const char *cli_nearest(const char *asked, const char *const *names);
char *cli_checksum_text(const struct polyfs_checksum *sum);
const char *cli_checksum_name(uint32_t kind);

/* json.c: one object a line */
void cli_json_text(json_t *object, const char *key,
                   const char *text); /* names that are not UTF-8: KEY_base64 too */
void cli_json_u64(json_t *object, const char *key, uint64_t value);
void cli_json_time(json_t *object, const char *key, int64_t ns);
void cli_json_line(FILE *to, json_t *object); /* frees it */

/* interrupt.c */
int cli_interrupt_start(void);
int cli_interrupted(void); /* number of the signal, or 0 */

/* open.c: URLs of the command line */
enum cli_taken { CLI_UNTAKEN, CLI_NAME, CLI_PATTERN };
struct cli_place {
    struct polyfs_fs *fs;
    char *path;
    const char *arg;      /* as it was typed */
    enum cli_taken taken; /* for what, once cli_is_pattern() has looked */
};
int cli_open(const char *url, struct cli_place *out); /* tells its failure */
void cli_close(struct cli_place *place);
struct polyfs_call_opts cli_call(void);
char *cli_name_of(const struct cli_place *place, const char *path); /* as people wrote it; g_free() */
char *cli_url_of(const struct cli_place *place, const char *path);  /* as a URL; g_free() */
const char *const *cli_options_for(const char *url);                /* g_free() the array only */

/* rows.c: listings and patterns, row by row */
typedef int cli_row_fn(const struct cli_place *place, const struct polyfs_entry *row, void *user);
int cli_rows(const struct cli_place *place, struct polyfs_lister *lister, cli_row_fn *fn, void *user);
int cli_is_pattern(struct cli_place *place); /* 0: a name; its path is without quotes then */
int cli_glob(const struct cli_place *place, cli_row_fn *fn, void *user); /* nothing that matches is a failure */
typedef int cli_path_fn(const struct cli_place *place, const char *path, void *user);
int cli_each(char **urls, cli_path_fn *fn, void *user); /* every URL and every match; goes on after a failure */
int cli_each_name(char **urls, cli_path_fn *fn, void *user); /* the same without patterns */
int cli_stopped(int so_far);                                 /* the result of a loop that ^C ended early */
int cli_first(int so_far, int code);                         /* the first failure of two */
void cli_json_row(const struct cli_place *place, const struct polyfs_entry *row);

/* pour.c */
struct polyfs_reader *cli_reader(const struct cli_place *place, const char *path, struct polyfs_error *err);
int cli_pour(struct polyfs_reader *reader, uint64_t left);           /* to standard output, so many bytes at most */
void cli_pour_head(const struct cli_place *place, const char *path); /* which object, when there are several */

/* progress.c */
void cli_progress_start(const char *what, uint64_t total); /* POLYFS_SIZE_UNKNOWN: not known */
void cli_progress_add(uint64_t bytes);
void cli_progress_bytes(uint64_t bytes); /* so far, as far as that is known between two reports */
void cli_progress_set(uint64_t bytes, uint64_t total, uint64_t files);
void cli_progress_hide(void); /* before another line on standard error */
void cli_progress_end(void);

/* watch.c: progress of a call on a URL that tells none itself, by a thread */
void cli_watch_start(const char *what, const char *url, uint64_t total);
void cli_watch_end(void);

/* transfer.c: cp, put, get and mv; stdio.c: `-` */
struct cli_transfer {
    const char *operation; /* "copy", "upload", "download", "move" */
    int recursive, no_clobber, durable, move;
};
int cli_copy(const struct cli_transfer *how, char **sources, size_t count, const char *target);
int cli_transfer(const struct cli_transfer *how, char **sources, size_t count, const char *target);
int cli_copy_in(const struct cli_transfer *how, const char *target);
int cli_copy_out(char **sources);

#endif
