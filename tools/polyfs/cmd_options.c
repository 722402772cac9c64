/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs options NAME: the options of a protocol, as its manifest tells them. Values of nobody are shown. */
#include "cli.h"

static void print_json(const struct polyfs_option_info *row)
{
    json_t *object = json_object();
    cli_json_text(object, "name", row->name);
    cli_json_text(object, "aliases", row->aliases);
    cli_json_text(object, "env", row->env);
    cli_json_text(object, "type", row->type);
    if (row->default_value)
        cli_json_text(object, "default", row->default_value);
    cli_json_text(object, "choices", row->choices);
    json_object_set_new(object, "secret", json_boolean(row->secret));
    cli_json_text(object, "help", row->help);
    cli_json_line(stdout, object);
}

static void print_text(const struct polyfs_option_info *row)
{
    printf("%s (%s%s%s%s)\n    %s\n", row->name, row->type, row->secret ? ", secret" : "",
           row->default_value ? ", default " : "", row->default_value ? row->default_value : "", row->help);
    if (*row->choices)
        printf("    one of: %s\n", row->choices);
    if (*row->aliases)
        printf("    also called: %s\n", row->aliases);
    if (*row->env)
        printf("    environment: %s\n", row->env);
}

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_option_list *list;
    g_autofree char *protocol = g_strndup(argv[0], strcspn(argv[0], ":")); /* s3:// is meant as s3 */
    (void)argc;
    if (polyfs_protocol_options(protocol, &list, &err) != POLYFS_OK)
        return cli_tell(&err);
    for (size_t i = 0; i < polyfs_option_list_count(list); i++) {
        if (cli.json)
            print_json(polyfs_option_list_at(list, i));
        else
            print_text(polyfs_option_list_at(list, i));
    }
    polyfs_option_list_free(list);
    return POLYFS_OK;
}

static const char *const examples[] = {
    "polyfs options s3",
    "what -o takes for s3:// URLs, and the environment names",
    NULL,
};
const struct cli_command cmd_options = {
    .name = "options",
    .args = "PROTOCOL",
    .summary = "Tell the options of a protocol",
    .examples = examples,
    .task = CLI_STORES,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
