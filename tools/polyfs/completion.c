/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs __completion: the completion for bash, made of the descriptions. It knows verbs and options by itself, and
 * asks `polyfs __complete WORD` for protocols and for what is in a folder of a store, for a second at most.
 */
#include "cli.h"

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

static const char before_verbs[] = "# bash completion for polyfs; made by `polyfs __completion`\n"
                                   "_polyfs()\n{\n"
                                   "    local cur=${COMP_LINE:0:COMP_POINT} verb=${COMP_WORDS[1]} words cut\n"
                                   "    cur=${cur##* }\n"
                                   "    COMPREPLY=()\n"
                                   "    if ((COMP_CWORD == 1)); then\n"
                                   "        COMPREPLY=($(compgen -W \"";
static const char before_ckpt[] = "\" -- \"$cur\"))\n        return\n    fi\n"
                                  "    if [[ $verb == ckpt ]]; then\n"
                                  "        if ((COMP_CWORD == 2)); then\n"
                                  "            COMPREPLY=($(compgen -W \"";
static const char before_cases[] = "\" -- \"$cur\"))\n            return\n        fi\n"
                                   "        verb=\"ckpt ${COMP_WORDS[2]}\"\n    fi\n"
                                   "    if [[ $cur == -* ]]; then\n    case $verb in\n";
static const char after_cases[] =
    "    esac\n"
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
    "complete -o filenames -F _polyfs polyfs\n";

int cli_completion(void)
{
    fputs(before_verbs, stdout);
    verb_words("");
    fputs(before_ckpt, stdout);
    verb_words("ckpt");
    fputs(before_cases, stdout);
    for (size_t i = 0; cli_commands[i]; i++)
        verb_case(cli_commands[i]);
    fputs(after_cases, stdout);
    return POLYFS_OK;
}
