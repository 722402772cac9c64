/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of the command line become open filesystems. The options of -o go to those URLs whose protocol knows the name;
 * one that no protocol of the command line knows goes to all, so that the library refuses it and names the nearest.
 */
#include <stdlib.h>

#include "cli.h"

/* The protocol that a URL names; "file" for a plain path. g_free() it. */
static char *protocol_of(const char *url)
{
    const char *end = strstr(url, "://");
    return end ? g_strndup(url, (gsize)(end - url)) : g_strdup("file");
}

static int list_takes(const struct polyfs_option_list *list, const char *name)
{
    for (size_t i = 0; i < polyfs_option_list_count(list); i++) {
        const struct polyfs_option_info *row = polyfs_option_list_at(list, i);
        g_auto(GStrv) aliases = g_strsplit(row->aliases, " ", -1);
        if (strcmp(row->name, name) == 0 || g_strv_contains((const char *const *)aliases, name))
            return 1;
    }
    return 0;
}

/* Whether the protocol of @url has the option of @pair ("key=value"). */
static int takes(const char *url, const char *pair)
{
    struct polyfs_option_list *list;
    g_autofree char *protocol = protocol_of(url);
    if (polyfs_protocol_options(protocol, &list, NULL) != POLYFS_OK)
        return 0;
    g_autofree char *name = g_strndup(pair, strcspn(pair, "="));
    int found = list_takes(list, name);
    polyfs_option_list_free(list);
    return found;
}

static int nobody_takes(const char *pair)
{
    for (char **arg = cli.args; *arg; arg++)
        if (takes(*arg, pair))
            return 0;
    return 1;
}

const char *const *cli_options_for(const char *url)
{
    guint count = cli.options ? cli.options->len : 0;
    const char **pairs = g_new0(const char *, count + 1);
    size_t n = 0;
    for (guint i = 0; i < count; i++) {
        const char *pair = g_ptr_array_index(cli.options, i);
        if (takes(url, pair) || nobody_takes(pair))
            pairs[n++] = pair;
    }
    return pairs;
}

int cli_open(const char *url, struct cli_place *out)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    g_autofree const char *const *options = cli_options_for(url);
    *out = (struct cli_place){.arg = url};
    int rc = polyfs_fs_open(url, options, &out->fs, &out->path, &err);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

void cli_close(struct cli_place *place)
{
    polyfs_free(place->path);
    polyfs_fs_close(place->fs);
}

/* What is left of --timeout bounds the next call; a time that is over still lets the call say so. */
struct polyfs_call_opts cli_call(void)
{
    struct polyfs_call_opts opts = POLYFS_CALL_OPTS_INIT;
    opts.cancel = cli.cancel;
    if (cli.until_us) {
        int64_t left_ms = (cli.until_us - g_get_monotonic_time()) / 1000;
        opts.timeout_ms = (uint32_t)CLAMP(left_ms, 1, UINT32_MAX);
    }
    return opts;
}

char *cli_url_of(const struct cli_place *place, const char *path)
{
    g_autofree char *whole = NULL;
    if (path[0] != '/' && strcmp(polyfs_fs_protocol(place->fs), "file") == 0) {
        whole = g_canonicalize_filename(path, NULL); /* a URL that means the same in every folder */
        path = whole;
    }
    char *url = polyfs_fs_url(place->fs, path);
    char *copy = g_strdup(url ? url : path);
    polyfs_free(url);
    return copy;
}

/* Someone who typed a plain path reads plain paths. */
char *cli_name_of(const struct cli_place *place, const char *path)
{
    return strstr(place->arg, "://") ? cli_url_of(place, path) : g_strdup(path);
}
