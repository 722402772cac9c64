/* SPDX-License-Identifier: Apache-2.0 */
/* polyfs caps: the facts and limits of a path: what the store does, what polyfs makes of other things, what not. */
#include "cli.h"

static int probe;

static const char *answer_name(uint8_t answer)
{
    static const char *const names[] = {"unknown", "no", "yes", "emulated"};
    return names[answer < G_N_ELEMENTS(names) ? answer : 0];
}

static json_t *shapes_of(uint32_t bits)
{
    static const char *const names[] = {"put", "parts", "placed", "stream"};
    json_t *list = json_array();
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (bits & (1u << i))
            json_array_append_new(list, json_string(names[i]));
    return list;
}

static json_t *checksums_of(uint32_t bits)
{
    json_t *list = json_array();
    for (uint32_t bit = 1; bit && bit <= bits; bit *= 2)
        if (bits & bit)
            json_array_append_new(list, json_string(cli_checksum_name(bit)));
    return list;
}

static json_t *limits_of(const struct polyfs_caps *caps)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"put_max", caps->put_max},           {"part_min", caps->part_min},
        {"part_max", caps->part_max},         {"part_align", caps->part_align},
        {"parts_max", caps->parts_max},       {"object_max", caps->object_max},
        {"copy_max", caps->copy_max},         {"remove_many_max", caps->remove_many_max},
        {"compose_max", caps->compose_max},   {"list_page_max", caps->list_page_max},
        {"path_max", caps->path_max},         {"name_max", caps->name_max},
        {"metadata_max", caps->metadata_max}, {"cancel_bound_ms", caps->cancel_bound_ms},
        {"sign_max_s", caps->sign_max_s},     {"mtime_resolution_ns", caps->mtime_resolution_ns},
    };
    json_t *limits = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (rows[i].value)
            cli_json_u64(limits, rows[i].name, rows[i].value);
    return limits;
}

static json_t *object_of(const char *url, const struct polyfs_caps *caps)
{
    json_t *object = json_object(), *facts = json_object();
    cli_json_text(object, "uri", url);
    for (uint32_t i = 0; i < POLYFS_FACT_ROOM && polyfs_fact_name(i); i++)
        cli_json_text(facts, polyfs_fact_name(i), answer_name(caps->fact[i]));
    json_object_set_new(object, "facts", facts);
    json_object_set_new(object, "limits", limits_of(caps));
    json_object_set_new(object, "shapes", shapes_of(caps->shapes));
    json_object_set_new(object, "condition_shapes", shapes_of(caps->condition_shapes));
    json_object_set_new(object, "stored_checksums", checksums_of(caps->stored_checksums));
    cli_json_text(object, "limit_key", caps->limit_key);
    return object;
}

static void print_list(const char *name, const json_t *list)
{
    size_t i;
    json_t *item;
    printf("%-20s", name);
    json_array_foreach(list, i, item) printf(" %s", json_string_value(item));
    puts(json_array_size(list) ? "" : " -");
}

static void print(json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(object, "facts"), key, value)
        printf("%-20s %s\n", key, json_string_value(value));
    json_object_foreach(json_object_get(object, "limits"), key, value)
        printf("%-20s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
    print_list("shapes", json_object_get(object, "shapes"));
    print_list("condition_shapes", json_object_get(object, "condition_shapes"));
    print_list("stored_checksums", json_object_get(object, "stored_checksums"));
}

static int run(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    struct polyfs_call_opts call = cli_call();
    struct cli_place place;
    (void)argc;
    int rc = cli_open(argv[0], &place);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_caps(place.fs, place.path, probe ? POLYFS_CAPS_PROBE : 0, &call, &caps, &err);
    if (rc == POLYFS_OK) {
        g_autofree char *url = cli_url_of(&place, place.path);
        json_t *object = object_of(url, &caps);
        if (!cli.json)
            print(object);
        if (cli.json)
            cli_json_line(stdout, object);
        else
            json_decref(object);
    }
    cli_close(&place);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static const GOptionEntry options[] = {
    {"probe", 0, 0, G_OPTION_ARG_NONE, &probe, "settle what is unknown now; may send requests", NULL},
    CLI_END,
};
static const char *const examples[] = {
    "polyfs caps --probe s3://bucket/run",
    "does this store rename atomically, create only what is absent, ...",
    NULL,
};
const struct cli_command cmd_caps = {
    .name = "caps",
    .aliases = "facts",
    .args = "URL",
    .summary = "Tell what a store can do at a path, and its limits",
    .options = options,
    .examples = examples,
    .task = CLI_STORES,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
