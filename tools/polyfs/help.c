/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help from the descriptions: one screen by task for `polyfs` alone, one page for each verb. The screen is at most
 * 24 lines of 80 columns, however many verbs there are; a test holds it to that.
 */
#include "cli.h"

static const char *const tasks[CLI_TASKS] = {"Look", "Read", "Change", "Move", "Checkpoints", "Stores"};

/* Names of one task's verbs; a group ("ckpt save") is named once, its verbs joined. */
static char *names_of(enum cli_task task)
{
    GString *to = g_string_new(NULL);
    const char *group = "";
    for (size_t i = 0; cli_commands[i]; i++) {
        const char *name = cli_commands[i]->name, *space = strchr(name, ' ');
        size_t n = space ? (size_t)(space - name) + 1 : 0;
        if (cli_commands[i]->task != task)
            continue;
        if (space && strncmp(group, name, n) == 0)
            g_string_append_printf(to, "|%s", space + 1);
        else
            g_string_append_printf(to, "%s%s", to->len ? "  " : "", name);
        group = space ? name : "";
    }
    return g_string_free(to, FALSE);
}

void cli_help(FILE *to)
{
    fputs("polyfs: one command for every store\n\n"
          "Usage: polyfs VERB [OPTION...] [URL...]\n"
          "A URL is scheme://path (file, s3, gs, abfs, hdfs, ...); a plain path is a file.\n\n",
          to);
    for (int task = 0; task < CLI_TASKS; task++) {
        g_autofree char *names = names_of((enum cli_task)task);
        fprintf(to, "  %-11s %s\n", tasks[task], names);
    }
    fputs("\nBegin with:\n"
          "  polyfs known-implementations          which stores this machine can open\n"
          "  polyfs ls -l s3://bucket/run/         what is there\n"
          "  polyfs cp -r run/ s3://bucket/run/    a folder to a store; the same way back\n"
          "  polyfs ckpt latest s3://bucket/run    the newest complete checkpoint\n\n"
          "With every verb: -o KEY=VALUE (an option of the store), --json, --timeout TIME,\n"
          "-j N, -q, -v. More: polyfs help VERB, polyfs options SCHEME, man polyfs\n",
          to);
}

void cli_help_group(FILE *to, const char *group)
{
    size_t n = strlen(group);
    fprintf(to, "Usage: polyfs %s VERB [OPTION...] URL...\n\n", group);
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];
        if (strncmp(command->name, group, n) == 0 && command->name[n] == ' ')
            fprintf(to, "  %-10s %s\n", command->name + n + 1, command->summary);
    }
    fprintf(to, "\nMore: polyfs help %s VERB, man polyfs\n", group);
}

void cli_option_text(const GOptionEntry *row, char *text, size_t room)
{
    char letter[8] = "    ";
    if (row->short_name)
        snprintf(letter, sizeof(letter), "-%c, ", row->short_name);
    snprintf(text, room, "%s--%s%s%s", letter, row->long_name, row->arg_description ? "=" : "",
             row->arg_description ? row->arg_description : "");
}

/* A paragraph in lines of 78 columns. */
static void wrap(FILE *to, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    size_t column = 0;
    for (char **word = words; *word; word++) {
        size_t n = strlen(*word);
        const char *before = !column ? "" : column + 1 + n > 78 ? "\n" : " ";
        column = (*before == '\n' ? 0 : column + strlen(before)) + n;
        fprintf(to, "%s%s", before, *word);
    }
    fputs("\n", to);
}

static void options_help(FILE *to, const GOptionEntry *rows)
{
    char text[80];
    for (; rows && rows->long_name; rows++) {
        if (rows->flags & G_OPTION_FLAG_HIDDEN)
            continue;
        cli_option_text(rows, text, sizeof(text));
        fprintf(to, "  %-22s %s\n", text, rows->description);
    }
}

void cli_help_command(FILE *to, const struct cli_command *command)
{
    fprintf(to, "Usage: polyfs %s [OPTION...] %s\n%s.\n", command->name, command->args, command->summary);
    if (command->aliases)
        fprintf(to, "Also: %s\n", command->aliases);
    if (command->details) {
        fputs("\n", to);
        wrap(to, command->details);
    }
    fputs("\nOptions:\n", to);
    options_help(to, command->options);
    options_help(to, cli_common_options());
    if (command->examples)
        fputs("\nExamples:\n", to);
    for (const char *const *at = command->examples; at && *at; at += 2)
        fprintf(to, "  %s\n      %s\n", at[0], at[1]);
}
