/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs __complete WORD: what a word can become, for the completion of a shell. A second at most, a few hundred rows
 * at most, and silence where anything fails: nobody asked for a message.
 */
#include "cli.h"

#define COMPLETE_MS 1000
#define COMPLETE_ROWS 200

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
    call.timeout_ms = COMPLETE_MS;
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
