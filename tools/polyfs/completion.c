/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs __completion: the completion for bash, made of the descriptions. It knows verbs and options by itself, and
 * asks `polyfs __complete WORD` for protocols and for what is in a folder of a store, for a second at most.
 */
#include "cli.h"

#define COMPLETE_US 1000000
#define COMPLETE_ROWS 200

static void option_words(const GOptionEntry *rows)
{
    for (; rows && rows->long_name; rows++) {
        if (rows->flags & G_OPTION_FLAG_HIDDEN)
            continue;
        if (rows->short_name)
            printf(" -%c", rows->short_name);
        printf(" --%s", rows->long_name);
    }
}

/* One case of the table: the verb as it is typed, its aliases, its options. */
static void verb_case(const struct cli_command *command)
{
    printf("    '%s'", command->name);
    g_auto(GStrv) aliases = g_strsplit(command->aliases ? command->aliases : "", " ", -1);
    for (char **alias = aliases; *alias && **alias; alias++)
        printf("|'%s'", *alias);
    fputs(") words=\"", stdout);
    option_words(command->options);
    option_words(cli_common_options());
    fputs("\" ;;\n", stdout);
}

/* First words, or the second words of one group, each once. */
static void verb_words(const char *group)
{
    size_t n = strlen(group);
    const char *last = "";
    for (size_t i = 0; cli_commands[i]; i++) {
        const char *name = cli_commands[i]->name;
        if (n && (strncmp(name, group, n) != 0 || name[n] != ' '))
            continue;
        name += n ? n + 1 : 0;
        size_t length = strcspn(name, " ");
        if (strncmp(last, name, length) != 0 || last[length] != ' ')
            printf(" %.*s", (int)length, name);
        last = name;
    }
}

int cli_completion(void)
{
    fputs("# bash completion for polyfs; made by `polyfs __completion`\n"
          "_polyfs()\n{\n"
          "    local cur=${COMP_LINE:0:COMP_POINT} verb=${COMP_WORDS[1]} words cut\n"
          "    cur=${cur##* }\n"
          "    COMPREPLY=()\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        COMPREPLY=($(compgen -W \"",
          stdout);
    verb_words("");
    fputs("\" -- \"$cur\"))\n        return\n    fi\n"
          "    if [[ $verb == ckpt ]]; then\n"
          "        if ((COMP_CWORD == 2)); then\n"
          "            COMPREPLY=($(compgen -W \"",
          stdout);
    verb_words("ckpt");
    fputs("\" -- \"$cur\"))\n            return\n        fi\n        verb=\"ckpt ${COMP_WORDS[2]}\"\n    fi\n"
          "    if [[ $cur == -* ]]; then\n    case $verb in\n",
          stdout);
    for (size_t i = 0; cli_commands[i]; i++)
        verb_case(cli_commands[i]);
    fputs("    esac\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n        return\n    fi\n"
          "    local IFS=$'\\n'\n"
          "    COMPREPLY=($(compgen -f -- \"$cur\") $(polyfs __complete \"$cur\" 2>/dev/null))\n"
          "    # bash ends a word at ':', so what stands before it must not come again\n"
          "    if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
          "        cut=${cur%\"${cur##*:}\"}\n"
          "        COMPREPLY=(\"${COMPREPLY[@]#\"$cut\"}\")\n"
          "    fi\n"
          "    [[ ${COMPREPLY[0]} == */ ]] && compopt -o nospace\n"
          "}\n"
          "complete -o filenames -F _polyfs polyfs\n",
          stdout);
    return POLYFS_OK;
}

static int complete_protocol(const char *word)
{
    struct polyfs_implementations *list;
    if (polyfs_known_implementations(0, &list, NULL) != POLYFS_OK)
        return POLYFS_OK;
    for (size_t i = 0; i < polyfs_implementations_count(list); i++) {
        const struct polyfs_implementation *row = polyfs_implementations_at(list, i);
        if ((row->state == POLYFS_PLUGIN_AVAILABLE || row->state == POLYFS_PLUGIN_BUILTIN) &&
            strncmp(row->protocol, word, strlen(word)) == 0)
            printf("%s://\n", row->protocol);
    }
    polyfs_implementations_free(list);
    return POLYFS_OK;
}

/* What begins as @word does, one level; at most so many rows, and silence where it fails. */
static int complete_url(char *word)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_call_opts call = POLYFS_CALL_OPTS_INIT;
    struct polyfs_fs *fs;
    struct polyfs_lister *lister;
    char *path;
    const struct polyfs_entry *rows;
    size_t count = 0, want = strlen(word);
    call.timeout_ms = COMPLETE_US / 1000;
    call.cancel = cli.cancel;
    opts.call = &call;
    opts.limit = COMPLETE_ROWS;
    g_autofree char *folder = g_strndup(word, (gsize)(strrchr(word, '/') + 1 - word));
    if (polyfs_fs_open(folder, NULL, &fs, &path, NULL) != POLYFS_OK)
        return POLYFS_OK;
    if (polyfs_list_open(fs, path, &opts, &lister, NULL) == POLYFS_OK) {
        int rc = polyfs_list_next(lister, &rows, &count, NULL);
        for (size_t i = 0; rc >= 0 && i < count; i++) {
            char *url = polyfs_fs_url(fs, rows[i].path);
            if (url && strncmp(url, word, want) == 0)
                printf("%s%s\n", url, rows[i].type == POLYFS_TYPE_DIR ? "/" : "");
            polyfs_free(url);
        }
        polyfs_list_close(lister);
    }
    polyfs_free(path);
    polyfs_fs_close(fs);
    return POLYFS_OK;
}

int cli_complete(int argc, char **argv)
{
    if (argc < 1)
        return POLYFS_OK;
    return strstr(argv[0], "://") ? complete_url(argv[0]) : complete_protocol(argv[0]);
}
