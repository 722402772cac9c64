/* SPDX-License-Identifier: Apache-2.0 */
/* Which verb a command line names: one word or two, an alias, or a mistake with a nearest right one. */
#include "cli.h"

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
