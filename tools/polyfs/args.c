/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line behind the verb: its options and those of every verb, what is left. Values are taken as bytes
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

/* The aws command's names of the options that one types most. */
static gboolean add_named(const char *name, const char *value, gpointer data, GError **error)
{
    static const struct {
        const char *name, *option;
    } rows[] = {{"--profile", "profile"},
                {"--region", "region"},
                {"--endpoint-url", "endpoint_url"},
                {"--ca-bundle", "ca_bundle"},
                {"--no-sign-request", "anon"}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *pair = g_strdup_printf("%s=%s", rows[i].option, value ? value : "true");
        if (strcmp(rows[i].name, name) == 0)
            return add_option(name, pair, data, error);
    }
    return FALSE;
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
    {"profile", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, CALLBACK(add_named), "-o profile=NAME", "NAME"},
    {"region", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, CALLBACK(add_named), "-o region=NAME", "NAME"},
    {"endpoint-url", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, CALLBACK(add_named), "-o endpoint_url=URL",
     "URL"},
    {"ca-bundle", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, CALLBACK(add_named), "-o ca_bundle=FILE",
     "FILE"},
    {"no-sign-request", 0, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, CALLBACK(add_named), "-o anon=true", NULL},
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

/* ---- -n2 as -n 2, which GOption does not know --------------------------------------------------------------------- */

static int takes_value(const GOptionEntry *rows, char letter)
{
    for (; rows && rows->long_name; rows++)
        if (rows->short_name == letter)
            return rows->arg != G_OPTION_ARG_NONE && !(rows->flags & G_OPTION_FLAG_NO_ARG);
    return 0;
}

/* Bytes of @word up to and with the letter whose value follows within the word; 0 when there is none. */
static size_t value_within(const struct cli_command *command, const char *word)
{
    if (word[0] != '-' || word[1] == '-')
        return 0;
    for (size_t i = 1; word[i]; i++)
        if (takes_value(command->options, word[i]) || takes_value(common, word[i]))
            return word[i + 1] ? i + 1 : 0;
    return 0;
}

/* All words, those with a value within cut in two; argv[0] stays. */
static char **split_words(const struct cli_command *command, int argc, char **argv)
{
    GPtrArray *words = g_ptr_array_new();
    int ended = 0;
    for (int i = 0; i < argc; i++) {
        size_t cut = i && !ended ? value_within(command, argv[i]) : 0;
        ended |= strcmp(argv[i], "--") == 0;
        g_ptr_array_add(words, cut ? g_strndup(argv[i], cut) : g_strdup(argv[i]));
        if (cut)
            g_ptr_array_add(words, g_strdup(argv[i] + cut));
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static int check_args(const struct cli_command *command)
{
    int count = (int)g_strv_length(cli.args);
    if (help_wanted)
        return POLYFS_OK;
    if (cli.jobs < 0)
        return cli_usage("-j takes a number above 0");
    if (count >= command->min_args && (command->max_args < 0 || count <= command->max_args))
        return POLYFS_OK;
    return cli_usage("%s; write: polyfs %s %s",
                     count < command->min_args ? "something is missing" : "that is too much", command->name,
                     command->args);
}

int cli_parse(const struct cli_command *command, int argc, char **argv, int *out_help)
{
    g_autoptr(GError) error = NULL;
    GOptionContext *context = context_of(command);
    cli.command = command;
    cli.out_tty = isatty(STDOUT_FILENO);
    cli.err_tty = isatty(STDERR_FILENO);
    char **words = split_words(command, argc, argv);
    gboolean good = g_option_context_parse_strv(context, &words, &error);
    g_option_context_free(context);
    g_strfreev(words);
    if (!good)
        return cli_usage("%s; see: polyfs help %s", error->message, command->name);
    if (!cli.args)
        cli.args = g_new0(char *, 1);
    *out_help = help_wanted;
    return check_args(command);
}
