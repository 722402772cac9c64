/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs __man: the man page, made of the descriptions of the verbs and of the library's table of codes. */
#include "cli.h"

/* Text for troff: no line begins with a control character, hyphens and backslashes stay what they are. */
static void text(const char *from)
{
    int begin = 1;
    for (; *from; from++) {
        if (begin && (*from == '.' || *from == '\''))
            fputs("\\&", stdout);
        if (*from == '\\')
            fputs("\\e", stdout);
        else if (*from == '-')
            fputs("\\-", stdout);
        else
            putchar(*from);
        begin = *from == '\n';
    }
}

static void tagged(const char *tag, const char *body)
{
    fputs(".TP\n.B ", stdout);
    text(tag);
    putchar('\n');
    text(body);
    putchar('\n');
}

static void options(const GOptionEntry *rows)
{
    char line[80];
    for (; rows && rows->long_name; rows++) {
        if (rows->flags & G_OPTION_FLAG_HIDDEN)
            continue;
        cli_option_text(rows, line, sizeof(line));
        tagged(line + strspn(line, " "), rows->description);
    }
}

static void verb(const struct cli_command *command)
{
    fputs(".SS polyfs ", stdout);
    text(command->name);
    fputs(command->options ? " [OPTION...] " : " ", stdout);
    text(command->args);
    putchar('\n');
    text(command->summary);
    fputs(".\n", stdout);
    if (command->aliases) {
        fputs("Also called: ", stdout);
        text(command->aliases);
        fputs(".\n", stdout);
    }
    if (command->details) {
        fputs(".PP\n", stdout);
        text(command->details);
        putchar('\n');
    }
    options(command->options);
    for (const char *const *at = command->examples; at && *at; at += 2) {
        fputs(".PP\n.nf\n.B ", stdout);
        text(at[0]);
        fputs("\n.fi\n.RS\n", stdout);
        text(at[1]);
        fputs("\n.RE\n", stdout);
    }
}

static void statuses(void)
{
    static const int rows[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 130};
    fputs(".SH \"EXIT STATUS\"\n", stdout);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *tag = g_strdup_printf("%d", rows[i]);
        g_autoptr(GString) body = g_string_new(rows[i] ? NULL : "done");
        for (int code = -1; code > -100; code--) {
            if (strcmp(polyfs_code_name(code), "io") == 0 && code != POLYFS_IO)
                break; /* beyond the list every number is "io" */
            if (polyfs_code_exit_status(code) == rows[i])
                g_string_append_printf(body, "%s%s", body->len ? ", " : "", polyfs_code_name(code));
        }
        tagged(tag, body->str);
    }
    tagged("141", "nobody reads the standard output any more");
    tagged("143", "ended by SIGTERM");
}

static void surroundings(void)
{
    fputs(".SH ENVIRONMENT\n", stdout);
    tagged("POLYFS_PLUGIN_PATH", "folders with plugins, separated by ':', looked at before all others");
    tagged("POLYFS_BUDGET", "memory for transfers beyond the first part of each, in bytes; 32 MiB if not set");
    tagged("POLYFS_PROTOCOL_OPTION",
           "an option of a protocol, e.g. POLYFS_S3_ENDPOINT_URL; see: polyfs options s3");
    fputs(".SH FILES\n", stdout);
    tagged("~/.config/polyfs/*.ini", "settings, one section for each protocol");
    tagged("~/.local/lib/polyfs/plugins-1/", "plugins of the user");
}

int cli_man(void)
{
    printf(".TH POLYFS 1 \"\" \"polyfs %s\" \"User Commands\"\n.SH NAME\npolyfs \\- one command for every store\n"
           ".SH SYNOPSIS\n.B polyfs\n.I VERB\n[\\fIOPTION\\fR...] [\\fIURL\\fR...]\n.SH DESCRIPTION\n",
           polyfs_version());
    text(
        "A URL is scheme://path: file, s3, gs, abfs, hdfs or whatever a plugin adds; what has no scheme is a file "
        "of "
        "this machine. Names are bytes: on a terminal control characters are shown escaped, in a pipe and with "
        "--json "
        "they are exact. In a URL * ? [ are patterns; \\ before one takes it as it is. What a shell would take for "
        "itself is quoted.\n");
    fputs(".SH \"OPTIONS OF EVERY VERB\"\n", stdout);
    options(cli_common_options());
    fputs(".SH VERBS\n", stdout);
    for (size_t i = 0; cli_commands[i]; i++)
        verb(cli_commands[i]);
    statuses();
    surroundings();
    return POLYFS_OK;
}
