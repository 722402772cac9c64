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

int cli_is_pattern(const struct cli_place *place)
{
    struct polyfs_call_opts call = cli_call();
    int exists = 0;
    if (!strpbrk(place->path, "*?[\\"))
        return 0;
    if (strstr(place->arg, "://"))
        return 1;
    return polyfs_exists(place->fs, place->path, &call, &exists, NULL) != POLYFS_OK || !exists;
}

struct matches {
    cli_path_fn *fn;
    void *user;
    uint64_t count;
};

static int match(const struct cli_place *place, const struct polyfs_entry *row, void *user)
{
    struct matches *matches = user;
    matches->count++;
    return matches->fn(place, row->path, matches->user);
}

static int each_match(const struct cli_place *place, cli_path_fn *fn, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_lister *lister;
    struct matches matches = {fn, user, 0};
    opts.call = &call;
    int rc = polyfs_glob_open(place->fs, place->path, &opts, &lister, &err);
    if (rc != POLYFS_OK)
        return cli_tell(&err);
    rc = cli_rows(place, lister, match, &matches);
    if (rc == POLYFS_OK && !matches.count)
        return cli_fail(POLYFS_NOT_FOUND, place->arg,
                        "nothing matches %s; a name with such characters is written with "
                        "\\ before each of * ? [",
                        place->arg);
    return rc;
}

int cli_each(char **urls, cli_path_fn *fn, void *user)
{
    int rc = POLYFS_OK;
    for (; *urls && !cli_interrupted() && !cli_out_gone(); urls++) {
        struct cli_place place;
        int one = cli_open(*urls, &place);
        if (one == POLYFS_OK) {
            one = cli_is_pattern(&place) ? each_match(&place, fn, user) : fn(&place, place.path, user);
            cli_close(&place);
        }
        rc = cli_first(rc, one);
    }
    return rc;
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
