/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: which verb, its options and those of every verb, what is left. Values are taken as bytes
 * (G_OPTION_ARG_FILENAME), never as text of the locale, since names in stores are bytes.
 */
#include <unistd.h>

#include "cli.h"

struct cli cli;

static gboolean add_option(const char *name, const char *value, gpointer data, GError **error)
{
    (void)name, (void)data;
    if (!strchr(value, '=')) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-o takes key=value, not \"%s\"", value);
        return FALSE;
    }
    if (!cli.options)
        cli.options = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(cli.options, g_strdup(value));
    return TRUE;
}

static gboolean add_verbose(const char *name, const char *value, gpointer data, GError **error)
{
    (void)name, (void)value, (void)data, (void)error;
    cli.verbose++;
    return TRUE;
}

static gboolean set_timeout(const char *name, const char *value, gpointer data, GError **error)
{
    int64_t us;
    (void)name, (void)data;
    if (cli_parse_duration(value, &us) != POLYFS_OK || us <= 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--timeout takes a time such as 30s, 5m or 1h, not \"%s\"", value);
        return FALSE;
    }
    cli.until_us = g_get_monotonic_time() + us;
    return TRUE;
}

static int help_wanted;

/* GOption keeps callbacks as data pointers; the row for them is the only place of the conversion. */
#define CALLBACK(fn) ((gpointer)(guintptr)(fn))

static const GOptionEntry common[] = {
    {"option", 'o', G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, CALLBACK(add_option),
     "option of the store; may repeat (polyfs options NAME)", "KEY=VALUE"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &cli.json, "one JSON object a line; errors too, on standard error", NULL},
    {"timeout", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, CALLBACK(set_timeout),
     "give up after this time: 30s, 5m, 1h", "TIME"},
    {"jobs", 'j', 0, G_OPTION_ARG_INT, &cli.jobs, "requests at a time at most", "N"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &cli.quiet, "errors only: no progress, no notes", NULL},
    {"verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, CALLBACK(add_verbose),
     "say what is done; twice: one line for each request", NULL},
    {"help", 0, 0, G_OPTION_ARG_NONE, &help_wanted, "tell about this verb", NULL},
    CLI_END,
};

const GOptionEntry *cli_common_options(void)
{
    return common;
}

static int is_name_of(const struct cli_command *command, const char *name)
{
    if (strcmp(command->name, name) == 0)
        return 1;
    g_auto(GStrv) aliases = g_strsplit(command->aliases ? command->aliases : "", " ", -1);
    return *name && g_strv_contains((const char *const *)aliases, name);
}

const struct cli_command *cli_find(int argc, char **argv, int *out_words)
{
    g_autofree char *two = argc > 1 ? g_strconcat(argv[0], " ", argv[1], NULL) : NULL;
    for (int words = two ? 2 : 1; words >= 1; words--) {
        for (size_t i = 0; cli_commands[i]; i++) {
            if (is_name_of(cli_commands[i], words == 2 ? two : argv[0])) {
                *out_words = words;
                return cli_commands[i];
            }
        }
    }
    return NULL;
}

static int is_group(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; cli_commands[i]; i++)
        if (strncmp(cli_commands[i]->name, name, n) == 0 && cli_commands[i]->name[n] == ' ')
            return 1;
    return 0;
}

/* A group without a verb of it is helped as `polyfs` alone is; anything else is a mistake with a nearest right one. */
int cli_unknown_verb(int argc, char **argv)
{
    int group = is_group(argv[0]);
    if (group && (argc == 1 || strcmp(argv[1], "--help") == 0)) {
        cli_help_group(stdout, argv[0]);
        return POLYFS_OK;
    }
    const char *names[128];
    size_t count = 0;
    for (size_t i = 0; cli_commands[i] && count < G_N_ELEMENTS(names) - 1; i++)
        names[count++] = cli_commands[i]->name;
    names[count] = NULL;
    g_autofree char *asked = group ? g_strconcat(argv[0], " ", argv[1], NULL) : g_strdup(argv[0]);
    const char *near = cli_nearest(asked, names);
    if (asked[0] == '-')
        return cli_usage("the verb comes first, then its options: polyfs VERB %s", asked);
    if (near)
        return cli_usage("there is no verb \"%s\"; did you mean: polyfs %s", asked, near);
    return cli_usage("there is no verb \"%s\"; see: polyfs help", asked);
}

int cli_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return cli_fail(POLYFS_INVALID, NULL, "%s", text);
}

/* The verb's own rows first; `-h` is help only where the verb has no other use for it. */
static GOptionContext *context_of(const struct cli_command *command)
{
    static GOptionEntry rest[] = {
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &cli.args, NULL, NULL},
        CLI_END,
    };
    static GOptionEntry short_help[] = {
        {"usage", 'h', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &help_wanted, NULL, NULL},
        CLI_END,
    };
    GOptionContext *context = g_option_context_new(NULL);
    int has_h = 0;
    g_option_context_set_help_enabled(context, FALSE);
    if (command->options)
        g_option_context_add_main_entries(context, command->options, NULL);
    for (const GOptionEntry *row = command->options; row && row->long_name; row++)
        has_h |= row->short_name == 'h';
    g_option_context_add_main_entries(context, common, NULL);
    if (!has_h)
        g_option_context_add_main_entries(context, short_help, NULL);
    g_option_context_add_main_entries(context, rest, NULL);
    return context;
}

int cli_parse(const struct cli_command *command, int argc, char **argv, int *out_help)
{
    g_autoptr(GError) error = NULL;
    GOptionContext *context = context_of(command);
    cli.command = command;
    cli.out_tty = isatty(STDOUT_FILENO);
    cli.err_tty = isatty(STDERR_FILENO);
    gboolean good = g_option_context_parse(context, &argc, &argv, &error);
    g_option_context_free(context);
    if (!good)
        return cli_usage("%s; see: polyfs help %s", error->message, command->name);
    if (!cli.args)
        cli.args = g_new0(char *, 1);
    *out_help = help_wanted;
    int count = (int)g_strv_length(cli.args);
    if (help_wanted || (count >= command->min_args && (command->max_args < 0 || count <= command->max_args)))
        return cli.jobs >= 0 ? POLYFS_OK : cli_usage("-j takes a number above 0");
    return cli_usage("%s; write: polyfs %s %s",
                     count < command->min_args ? "something is missing" : "that is too much", command->name,
                     command->args);
}
