/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs known-implementations: every protocol that this machine can open, and those that it cannot, with the reason.
 * No code of a plugin runs, but with --check, which loads each in a process of its own.
 */
#include "cli.h"

static int check;

static const char *state_name(uint32_t state)
{
    static const char *const names[] = {"available", "builtin", "failed", "shadowed", "hint"};
    return state < G_N_ELEMENTS(names) ? names[state] : "unknown";
}

static void print_json(const struct polyfs_implementation *row)
{
    json_t *object = json_object();
    cli_json_text(object, "protocol", row->protocol);
    cli_json_text(object, "state", state_name(row->state));
    cli_json_text(object, "name", row->name);
    cli_json_text(object, "version", row->version);
    cli_json_text(object, "summary", row->summary);
    cli_json_text(object, "library", row->library);
    cli_json_text(object, "manifest", row->manifest);
    cli_json_text(object, "reason", row->reason);
    cli_json_line(stdout, object);
}

static void print_text(const struct polyfs_implementation *row)
{
    g_autofree char *text = g_strdup(*row->reason ? row->reason : row->summary);
    printf("%-12s %-10s %-10s %-8s ", *row->protocol ? row->protocol : "-", state_name(row->state), row->name,
           *row->version ? row->version : "-");
    cli_print_name(text);
    puts("");
}

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_implementations *list;
    int failed = 0;
    (void)argc, (void)argv;
    if (polyfs_known_implementations(check ? POLYFS_IMPLEMENTATIONS_CHECK : 0, &list, &err) != POLYFS_OK)
        return cli_tell(&err);
    if (!cli.json)
        printf("%-12s %-10s %-10s %-8s %s\n", "PROTOCOL", "STATE", "PLUGIN", "VERSION",
               "WHAT IT IS, OR WHY IT FAILS");
    for (size_t i = 0; i < polyfs_implementations_count(list); i++) {
        const struct polyfs_implementation *row = polyfs_implementations_at(list, i);
        failed += row->state == POLYFS_PLUGIN_FAILED;
        if (cli.json)
            print_json(row);
        else
            print_text(row);
    }
    polyfs_implementations_free(list);
    return check && failed ? POLYFS_PLUGIN : POLYFS_OK;
}

static const GOptionEntry options[] = {
    {"check", 0, 0, G_OPTION_ARG_NONE, &check, "load each, and exit with 8 if one fails", NULL},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs known-implementations --check",
    "after installing a plugin: does it load?",
    NULL,
};
const struct cli_command cmd_known = {
    .name = "known-implementations",
    .aliases = "protocols known",
    .args = "",
    .summary = "List the protocols, who implements them, and what is wrong",
    .options = options,
    .examples = examples,
    .task = CLI_STORES,
    .run = run,
};
