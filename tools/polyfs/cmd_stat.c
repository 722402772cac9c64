/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs stat: all that a store tells of an object or folder. What it does not tell is left out. */
#include "cli.h"

static int with_metadata;

static json_t *metadata_of(const struct cli_place *place, const char *path)
{
    struct polyfs_call_opts call = cli_call();
    struct polyfs_pairs *pairs;
    json_t *object = json_object();
    if (polyfs_get_metadata(place->fs, path, &call, &pairs, NULL) != POLYFS_OK)
        return object; /* many stores have none; stat itself went well */
    for (size_t i = 0; i < polyfs_pairs_count(pairs); i++)
        cli_json_text(object, polyfs_pairs_at(pairs, i)->key, polyfs_pairs_at(pairs, i)->value);
    polyfs_pairs_free(pairs);
    return object;
}

static json_t *object_of(const char *url, const struct polyfs_stat *st)
{
    char mode[8];
    json_t *object = json_object();
    cli_json_text(object, "uri", url);
    cli_json_text(object, "type", cli_type_name(st->type));
    cli_json_u64(object, "size", st->size);
    cli_json_time(object, "mtime", st->mtime_ns);
    cli_json_time(object, "created", st->created_ns);
    snprintf(mode, sizeof(mode), "%04o", st->mode & 07777u);
    if (st->mode)
        cli_json_text(object, "mode", mode);
    if (st->uid != UINT32_MAX)
        cli_json_u64(object, "uid", st->uid);
    if (st->gid != UINT32_MAX)
        cli_json_u64(object, "gid", st->gid);
    const struct {
        const char *key, *text;
    } texts[] = {{"etag", st->etag},
                 {"version", st->version},
                 {"content_type", st->content_type},
                 {"storage_class", st->storage_class}};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        if (*texts[i].text)
            cli_json_text(object, texts[i].key, texts[i].text);
    g_autofree char *sum = cli_checksum_text(&st->checksum);
    if (st->checksum.kind)
        cli_json_text(object, cli_checksum_name(st->checksum.kind), sum);
    return object;
}

/* The same rows for people: one a line, a size with its unit. */
static void print(const json_t *object)
{
    const char *key;
    json_t *value;
    char human[32];
    json_object_foreach((json_t *)(guintptr)object, key, value)
    {
        if (g_str_has_suffix(key, "_base64") || json_is_object(value))
            continue;
        printf("%-14s ", key);
        if (json_is_integer(value)) {
            uint64_t number = (uint64_t)json_integer_value(value);
            printf("%" PRIu64, number);
            if (strcmp(key, "size") == 0 && number >= 1024)
                printf(" (%s)", cli_size_text(number, 1, human, sizeof(human)));
        } else {
            cli_print_name(json_string_value(value));
        }
        puts("");
    }
}

static void print_metadata(const json_t *metadata)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(guintptr)metadata, key, value)
    {
        fputs("metadata       ", stdout);
        cli_print_name(key);
        fputs("=", stdout);
        cli_print_name(json_string_value(value));
        puts("");
    }
}

static int stat_one(const struct cli_place *place, const char *path, void *user)
{
    static int told;
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_stat st = POLYFS_STAT_INIT;
    struct polyfs_call_opts call = cli_call();
    (void)user;
    if (polyfs_stat(place->fs, path, NULL, &call, &st, &err) != POLYFS_OK)
        return cli_tell(&err);
    g_autofree char *url = cli_url_of(place, path);
    json_t *object = object_of(url, &st);
    if (with_metadata)
        json_object_set_new(object, "metadata", metadata_of(place, path));
    if (cli.json) {
        cli_json_line(stdout, object);
        return POLYFS_OK;
    }
    fputs(told++ ? "\n" : "", stdout);
    print(object);
    if (with_metadata)
        print_metadata(json_object_get(object, "metadata"));
    json_decref(object);
    return POLYFS_OK;
}

static int run(int argc, char **argv)
{
    (void)argc;
    return cli_each(argv, stat_one, NULL);
}

static const GOptionEntry options[] = {
    {"metadata", 'm', 0, G_OPTION_ARG_NONE, &with_metadata, "user metadata too", NULL},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs stat --json s3://bucket/key",
    "size, time, etag and what else the store tells, for a program",
    NULL,
};
const struct cli_command cmd_stat = {
    .name = "stat",
    .aliases = "info",
    .args = "URL...",
    .summary = "Tell all that is known of an object or folder",
    .options = options,
    .examples = examples,
    .task = CLI_LOOK,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
