/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings and patterns, a page at a time: nothing here grows with what a store holds. A plain path that is there as
 * it was typed is no pattern, since a shell expands those itself and names may hold `[`.
 */
#include "cli.h"

int cli_first(int so_far, int code)
{
    return so_far != POLYFS_OK ? so_far : code;
}

int cli_rows(const struct cli_place *place, struct polyfs_lister *lister, cli_row_fn *fn, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    int rc, done = POLYFS_OK;
    do {
        const struct polyfs_entry *rows;
        size_t count = 0;
        rc = polyfs_list_next(lister, &rows, &count, &err);
        for (size_t i = 0; rc >= 0 && i < count && !cli_out_gone(); i++)
            done = cli_first(done, fn(place, &rows[i], user));
    } while (rc == POLYFS_MORE && !cli_out_gone() && !cli_interrupted());
    polyfs_list_close(lister);
    if (rc == POLYFS_MORE && cli_interrupted())
        return cli_fail(POLYFS_CANCELLED, place->arg, "it was interrupted");
    return rc < 0 ? cli_tell(&err) : done;
}

/* Text with wildcards: 1. Text with quotes only: 0, and the quotes are taken away. */
static int take_quotes(char *path)
{
    char *to = path;
    for (const char *at = path; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '*' || *at == '?' || *at == '[')
            return 1;
    }
    for (const char *at = path; *at; at++) {
        at += *at == '\\' && at[1];
        *to++ = *at;
    }
    *to = '\0';
    return 0;
}

int cli_is_pattern(struct cli_place *place)
{
    struct polyfs_call_opts call = cli_call();
    int exists = 0;
    if (place->taken || !strpbrk(place->path, "*?[\\"))
        return place->taken == CLI_PATTERN;
    if (!strstr(place->arg, "://") && polyfs_exists(place->fs, place->path, &call, &exists, NULL) == POLYFS_OK &&
        exists)
        place->taken = CLI_NAME;
    else
        place->taken = take_quotes(place->path) ? CLI_PATTERN : CLI_NAME;
    return place->taken == CLI_PATTERN;
}

struct counted {
    cli_row_fn *fn;
    void *user;
    uint64_t count;
};

static int count(const struct cli_place *place, const struct polyfs_entry *row, void *user)
{
    struct counted *counted = user;
    counted->count++;
    return counted->fn(place, row, counted->user);
}

int cli_glob(const struct cli_place *place, cli_row_fn *fn, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_lister *lister;
    struct counted counted = {fn, user, 0};
    opts.call = &call;
    int rc = polyfs_glob_open(place->fs, place->path, &opts, &lister, &err);
    if (rc != POLYFS_OK)
        return cli_tell(&err);
    rc = cli_rows(place, lister, count, &counted);
    if (rc != POLYFS_OK || counted.count)
        return rc;
    return cli_fail(POLYFS_NOT_FOUND, place->arg,
                    "nothing matches %s; before * ? or [ that stand for themselves "
                    "write \\",
                    place->arg);
}

struct matches {
    cli_path_fn *fn;
    void *user;
};

static int match(const struct cli_place *place, const struct polyfs_entry *row, void *user)
{
    struct matches *matches = user;
    return matches->fn(place, row->path, matches->user);
}

/* ^C between two names: what was done is done, and the rest was not looked at. */
int cli_stopped(int so_far)
{
    if (!cli_interrupted() || so_far != POLYFS_OK)
        return so_far;
    return cli_fail(POLYFS_CANCELLED, NULL, "it was interrupted before all was done");
}

int cli_each_name(char **urls, cli_path_fn *fn, void *user)
{
    int rc = POLYFS_OK;
    for (; *urls && !cli_interrupted() && !cli_out_gone(); urls++) {
        struct cli_place place;
        int one = cli_open(*urls, &place);
        if (one == POLYFS_OK) {
            one = fn(&place, place.path, user);
            cli_close(&place);
        }
        rc = cli_first(rc, one);
    }
    return *urls ? cli_stopped(rc) : rc;
}

static int with_pattern(const struct cli_place *named, const char *path, void *user)
{
    struct matches *matches = user;
    struct cli_place place = *named; /* the same path: quotes go from it in place */
    (void)path;
    return cli_is_pattern(&place) ? cli_glob(&place, match, matches)
                                  : matches->fn(&place, place.path, matches->user);
}

int cli_each(char **urls, cli_path_fn *fn, void *user)
{
    struct matches matches = {fn, user};
    return cli_each_name(urls, with_pattern, &matches);
}

void cli_json_row(const struct cli_place *place, const struct polyfs_entry *row)
{
    const char *slash = strrchr(row->path, '/');
    g_autofree char *url = cli_url_of(place, row->path);
    json_t *object = json_object();
    cli_json_text(object, "uri", url);
    cli_json_text(object, "name", slash ? slash + 1 : row->path);
    cli_json_text(object, "type", cli_type_name(row->type));
    cli_json_u64(object, "size", row->size);
    cli_json_time(object, "mtime", row->mtime_ns);
    if (row->etag)
        cli_json_text(object, "etag", row->etag);
    if (row->version)
        cli_json_text(object, "version", row->version);
    cli_json_line(stdout, object);
}
