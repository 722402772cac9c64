/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolving options. This is the only file of core that reads the environment, and it does so on the caller's
 * thread while a filesystem is opened: getenv(3) races with setenv(3) anywhere else.
 */
#include "core/options.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <sys/auxv.h>

/* Static, so that having them needs no memory. */
static struct pfs_option_row common[] = {
    {"timeout", "", "POLYFS_TIMEOUT", NULL, "", "Time limit of a call that gives none of its own",
     POLYFS_OPTION_DURATION, 0},
    {"attempts", "max_attempts", "POLYFS_ATTEMPTS", "3", "", "How often a request is tried in all",
     POLYFS_OPTION_INT, 0},
    {"durability", "", "POLYFS_DURABILITY", "default", "default none file full",
     "How safe a finished write is before the call returns", POLYFS_OPTION_CHOICE, 0},
    {"part_bytes", "", "POLYFS_PART_BYTES", "8MiB", "", "Size of the parts of a large write or read",
     POLYFS_OPTION_SIZE, 0},
    {"fault", "", "", NULL, "", "For tests: fail calls of slots, as SLOT:K[+]:CODE, separated by commas",
     POLYFS_OPTION_STRING, 0},
};
#define COMMON (sizeof(common) / sizeof(common[0]))

const struct pfs_option_rows *pfs_common_rows(void)
{
    static const struct pfs_option_rows rows = {common, COMMON, COMMON};
    return &rows;
}

static const char *const type_names[] = {"string", "int", "size", "duration", "bool", "choice", "path"};
#define TYPE_NAMES (sizeof(type_names) / sizeof(type_names[0]))

const char *pfs_option_type_name(uint32_t type)
{
    return type < TYPE_NAMES ? type_names[type] : "string";
}

int pfs_option_type_of(const char *name, uint32_t *out_type)
{
    for (uint32_t i = 0; i < TYPE_NAMES; i++) {
        if (strcmp(type_names[i], name) == 0) {
            *out_type = i;
            return POLYFS_OK;
        }
    }
    return POLYFS_INVALID;
}

static void row_clear(struct pfs_option_row *row)
{
    free(row->name);
    free(row->aliases);
    free(row->env);
    free(row->default_value);
    free(row->choices);
    free(row->help);
}

static char *copy_or_empty(const char *text)
{
    return strdup(text ? text : "");
}

int pfs_option_rows_add(struct pfs_option_rows *rows, const struct polyfs_option *row)
{
    if (pfs_grow((void **)&rows->rows, &rows->room, rows->count, sizeof(*rows->rows)) != POLYFS_OK)
        return POLYFS_NOMEM;
    struct pfs_option_row *own = &rows->rows[rows->count];
    *own = (struct pfs_option_row){
        .name = copy_or_empty(row->name),
        .aliases = copy_or_empty(row->aliases),
        .env = copy_or_empty(row->env),
        .default_value = row->default_value ? strdup(row->default_value) : NULL,
        .choices = copy_or_empty(row->choices),
        .help = copy_or_empty(row->help),
        .type = row->type,
        .flags = row->flags,
    };
    if (!own->name || !own->aliases || !own->env || !own->choices || !own->help ||
        (row->default_value && !own->default_value)) {
        row_clear(own);
        return POLYFS_NOMEM;
    }
    rows->count++;
    return POLYFS_OK;
}

void pfs_option_rows_clear(struct pfs_option_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        row_clear(&rows->rows[i]);
    free(rows->rows);
    *rows = (struct pfs_option_rows){NULL, 0, 0};
}

/* ---- values ---------------------------------------------------------------------------------------- */

static const struct unit {
    const char *name;
    int64_t factor;
} size_units[] = {{"", 1},
                  {"b", 1},
                  {"k", 1 << 10},
                  {"kb", 1000},
                  {"kib", 1 << 10},
                  {"m", 1 << 20},
                  {"mb", 1000000},
                  {"mib", 1 << 20},
                  {"g", 1 << 30},
                  {"gb", 1000000000},
                  {"gib", 1 << 30},
                  {"t", INT64_C(1) << 40},
                  {"tb", INT64_C(1000000000000)},
                  {"tib", INT64_C(1) << 40},
                  {NULL, 0}},
  time_units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {NULL, 0}},
  no_units[] = {{"", 1}, {NULL, 0}};

static int scaled(const char *text, const struct unit *units, int64_t *out)
{
    char *end;
    errno = 0;
    int64_t value = g_ascii_strtoll(text, &end, 10);
    if (end == text || errno)
        return POLYFS_CONFIG;
    while (*end == ' ')
        end++;
    for (; units->name; units++)
        if (g_ascii_strcasecmp(end, units->name) == 0)
            return __builtin_mul_overflow(value, units->factor, out) ? POLYFS_CONFIG : POLYFS_OK;
    return POLYFS_CONFIG;
}

static int truth(const char *text, int64_t *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (g_ascii_strcasecmp(text, yes[i]) == 0 || g_ascii_strcasecmp(text, no[i]) == 0) {
            *out = g_ascii_strcasecmp(text, yes[i]) == 0;
            return POLYFS_OK;
        }
    }
    return POLYFS_CONFIG;
}

int pfs_option_number(uint32_t type, const char *text, int64_t *out, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    const char *wanted = "";
    *out = 0;
    if (type == POLYFS_OPTION_BOOL) {
        rc = truth(text, out);
        wanted = "true or false";
    } else if (type == POLYFS_OPTION_INT) {
        rc = scaled(text, no_units, out);
        wanted = "a whole number";
    } else if (type == POLYFS_OPTION_SIZE) {
        rc = scaled(text, size_units, out);
        wanted = "a size such as 512KiB or 64MiB";
    } else if (type == POLYFS_OPTION_DURATION) {
        rc = scaled(text, time_units, out);
        wanted = "a time such as 500ms or 10s";
    }
    if (rc == POLYFS_OK && *out < 0 && type != POLYFS_OPTION_INT)
        rc = POLYFS_CONFIG;
    return rc == POLYFS_OK ? rc : polyfs_fail(err, rc, "write %s", wanted);
}

/* "~/x" is in the home folder; as it is where there is none. NULL without memory. */
static char *value_text(const struct pfs_option_row *row, const char *text)
{
    const char *home = row->type == POLYFS_OPTION_PATH && strncmp(text, "~/", 2) == 0 ? pfs_env("HOME") : NULL;
    return home && *home ? pfs_format("%s%s", home, text + 1) : strdup(text);
}

static int value_set(struct pfs_option_value *value, const char *text, const char *source, struct polyfs_error *err)
{
    const struct pfs_option_row *row = value->row;
    int64_t number;
    if (row->type == POLYFS_OPTION_CHOICE && !pfs_words_have(row->choices, text))
        return polyfs_fail(err, POLYFS_CONFIG, "option %s from %s is one of: %s", row->name, source, row->choices);
    PFS_ERROR(why);
    if (pfs_option_number(row->type, text, &number, &why) != POLYFS_OK)
        return polyfs_fail(err, POLYFS_CONFIG, "option %s from %s: %s", row->name, source, why.message);
    char *own = value_text(row, text);
    char *own_source = strdup(source);
    if (!own || !own_source) {
        free(own);
        free(own_source);
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for option %s", row->name);
    }
    free(value->text);
    free(value->source);
    value->text = own;
    value->source = own_source;
    value->number = number;
    return POLYFS_OK;
}

static struct pfs_option_value *value_of(const struct polyfs_options *options, const char *name)
{
    for (size_t i = 0; i < options->count; i++) {
        struct pfs_option_value *value = &options->values[i];
        if (strcmp(value->row->name, name) == 0 || pfs_words_have(value->row->aliases, name))
            return value;
    }
    return NULL;
}

static int unknown_option(const struct polyfs_options *options, const char *name, size_t length,
                          struct polyfs_error *err)
{
    struct polyfs_text words = {NULL, 0, 0};
    for (size_t i = 0; i < options->count; i++) {
        const char *row = options->values[i].row->name;
        if (pfs_text_add(&words, " ", 1) != POLYFS_OK || pfs_text_add(&words, row, strlen(row)) != POLYFS_OK)
            break;
    }
    char *asked = pfs_copy(name, length);
    char *near = words.data && asked ? pfs_nearest(words.data, asked) : NULL;
    int rc = polyfs_fail(err, POLYFS_CONFIG, "there is no option \"%.*s\" for %s%s%s%s; see: polyfs options %s",
                         (int)length, name, options->protocol, near ? "; did you mean \"" : "", near ? near : "",
                         near ? "\"?" : "", options->protocol);
    free(near);
    free(asked);
    pfs_text_clear(&words);
    return rc;
}

static int no_memory(const struct polyfs_options *options, struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_NOMEM, "no memory for the options of %s", options->protocol);
}

/* One "name=value" of a call or URL. */
static int pair_set(struct polyfs_options *options, const char *pair, size_t length, const char *source,
                    struct polyfs_error *err)
{
    const char *equals = memchr(pair, '=', length);
    if (!equals)
        return polyfs_fail(err, POLYFS_CONFIG, "write options as name=value, not \"%.*s\"", (int)length, pair);
    size_t name_length = (size_t)(equals - pair);
    char *name = pfs_copy(pair, name_length);
    char *text = pfs_copy(equals + 1, length - name_length - 1);
    struct pfs_option_value *value = name ? value_of(options, name) : NULL;
    int rc = !name || !text ? no_memory(options, err)
             : value        ? value_set(value, text, source, err)
                            : unknown_option(options, pair, name_length, err);
    free(name);
    free(text);
    return rc;
}

/* ---- sources, the weakest first ---------------------------------------------------------------------- */

static int from_defaults(struct polyfs_options *options, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < options->count && rc == POLYFS_OK; i++)
        if (options->values[i].row->default_value)
            rc = value_set(&options->values[i], options->values[i].row->default_value, "default", err);
    return rc;
}

static int from_file(struct polyfs_options *options, const char *path, struct polyfs_error *err)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) why = NULL;
    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &why))
        return polyfs_fail(err, POLYFS_CONFIG, "the settings in %s cannot be read: %s", path, why->message);
    g_auto(GStrv) keys = g_key_file_get_keys(file, options->protocol, NULL, NULL);
    g_autofree char *source = pfs_format("file %s", path);
    if (!source)
        return no_memory(options, err);
    for (size_t i = 0; keys && keys[i]; i++) {
        g_autofree char *text = g_key_file_get_string(file, options->protocol, keys[i], NULL);
        struct pfs_option_value *value = value_of(options, keys[i]);
        if (!value)
            return unknown_option(options, keys[i], strlen(keys[i]), err);
        int rc = value_set(value, text ? text : "", source, err);
        if (rc != POLYFS_OK)
            return rc;
    }
    return POLYFS_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int from_files(struct polyfs_options *options, struct polyfs_error *err)
{
    const char *config = pfs_options_env(options, "XDG_CONFIG_HOME");
    const char *home = pfs_options_env(options, "HOME");
    if (!(config && *config == '/') && !(home && *home == '/'))
        return POLYFS_OK;
    g_autofree char *folder = config && *config == '/' ? g_build_filename(config, "polyfs", NULL)
                                                       : g_build_filename(home, ".config", "polyfs", NULL);
    char *names[64];
    size_t count = 0;
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOMEM)
        return no_memory(options, err);
    for (struct dirent *entry; dir && count < 64 && (entry = readdir(dir));)
        if (g_str_has_suffix(entry->d_name, ".ini"))
            names[count++] = g_build_filename(folder, entry->d_name, NULL);
    if (dir)
        closedir(dir);
    qsort(names, count, sizeof(names[0]), by_name);
    int rc = POLYFS_OK;
    for (size_t i = 0; i < count; i++) {
        if (rc == POLYFS_OK)
            rc = from_file(options, names[i], err);
        g_free(names[i]);
    }
    return rc;
}

static int env_set(struct polyfs_options *options, struct pfs_option_value *value, const char *variable,
                   struct polyfs_error *err)
{
    const char *text = pfs_options_env(options, variable);
    if (!text || !*text)
        return POLYFS_OK;
    char *source = pfs_format("env %s", variable);
    int rc = source ? value_set(value, text, source, err) : no_memory(options, err);
    free(source);
    return rc;
}

/* The row's own variables; of several that are set the first wins, so they are applied backwards. */
static int own_env_set(struct polyfs_options *options, struct pfs_option_value *value, struct polyfs_error *err)
{
    char *names = strdup(value->row->env);
    int rc = names ? POLYFS_OK : no_memory(options, err);
    for (char *end = names ? names + strlen(names) : NULL; rc == POLYFS_OK && end && end > names;) {
        *end = '\0';
        char *blank = strrchr(names, ' ');
        char *name = blank ? blank + 1 : names;
        rc = env_set(options, value, name, err);
        end = blank ? blank : names;
    }
    free(names);
    return rc;
}

/* POLYFS_S3_ENDPOINT_URL; weaker than the protocol's own variables, so it is applied before them. */
static int from_env(struct polyfs_options *options, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < options->count && rc == POLYFS_OK; i++) {
        struct pfs_option_value *value = &options->values[i];
        char *upper = pfs_format("POLYFS_%s_%s", options->protocol, value->row->name);
        for (char *at = upper; at && *at; at++)
            *at = strchr(".+-", *at) ? '_' : g_ascii_toupper(*at);
        rc = upper ? env_set(options, value, upper, err) : no_memory(options, err);
        free(upper);
        if (rc == POLYFS_OK)
            rc = own_env_set(options, value, err);
    }
    return rc;
}

static int from_query(struct polyfs_options *options, const char *query, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    while (query && *query && rc == POLYFS_OK) {
        size_t n = strcspn(query, "&");
        if (n)
            rc = pair_set(options, query, n, "url", err);
        query += n + (query[n] == '&');
    }
    return rc;
}

static int from_call(struct polyfs_options *options, const char *const *call, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (; call && *call && rc == POLYFS_OK; call++)
        rc = pair_set(options, *call, strlen(*call), "call", err);
    return rc;
}

static struct polyfs_options *options_new(const char *protocol, const struct pfs_option_rows *rows,
                                          const char *authority)
{
    const struct pfs_option_rows *shared = pfs_common_rows();
    struct polyfs_options *options = calloc(1, sizeof(*options));
    if (!options)
        return NULL;
    options->protocol = protocol;
    options->authority = strdup(authority);
    options->values = calloc(shared->count + rows->count, sizeof(*options->values));
    if (!options->authority || !options->values) {
        pfs_options_free(options);
        return NULL;
    }
    for (size_t i = 0; i < shared->count; i++)
        options->values[options->count++].row = &shared->rows[i];
    for (size_t i = 0; i < rows->count; i++)
        options->values[options->count++].row = &rows->rows[i];
    return options;
}

int pfs_options_resolve(const char *protocol, const struct pfs_option_rows *rows, const char *const *call,
                        const char *url_query, const char *authority, struct polyfs_options **out,
                        struct polyfs_error *err)
{
    struct polyfs_options *options = options_new(protocol, rows, authority);
    if (!options)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for the options of %s", protocol);
    options->env_open = 1;
    int rc = from_defaults(options, err);
    if (rc == POLYFS_OK)
        rc = from_files(options, err);
    if (rc == POLYFS_OK)
        rc = from_env(options, err);
    if (rc == POLYFS_OK)
        rc = from_query(options, url_query, err);
    if (rc == POLYFS_OK)
        rc = from_call(options, call, err);
    options->env_open = 0;
    if (rc != POLYFS_OK) {
        pfs_options_free(options);
        return rc;
    }
    *out = options;
    return POLYFS_OK;
}

void pfs_options_free(struct polyfs_options *options)
{
    if (!options)
        return;
    for (size_t i = 0; i < options->count; i++) {
        struct pfs_option_value *value = &options->values[i];
        if (value->text && value->row->flags & POLYFS_OPTION_SECRET)
            explicit_bzero(value->text, strlen(value->text));
        free(value->text);
        free(value->source);
    }
    free(options->values);
    free(options->authority);
    free(options);
}

char *pfs_options_key(const struct polyfs_options *options)
{
    struct polyfs_text key = {NULL, 0, 0};
    int rc = pfs_text_add(&key, options->authority, strlen(options->authority));
    for (size_t i = 0; i < options->count && rc == POLYFS_OK; i++) {
        const struct pfs_option_value *value = &options->values[i];
        if (!value->text)
            continue;
        g_autofree char *hash = value->row->flags & POLYFS_OPTION_SECRET
                                    ? g_compute_checksum_for_string(G_CHECKSUM_SHA256, value->text, -1)
                                    : NULL;
        const char *parts[] = {"\n", value->row->name, "=", hash ? hash : value->text};
        for (size_t p = 0; p < 4 && rc == POLYFS_OK; p++)
            rc = pfs_text_add(&key, parts[p], strlen(parts[p]));
    }
    if (rc == POLYFS_OK)
        return pfs_text_steal(&key);
    pfs_text_clear(&key);
    return NULL;
}

const char *pfs_options_text(const struct polyfs_options *options, const char *name)
{
    const struct pfs_option_value *value = value_of(options, name);
    return value ? value->text : NULL;
}

int64_t pfs_options_number(const struct polyfs_options *options, const char *name)
{
    const struct pfs_option_value *value = value_of(options, name);
    return value && value->text ? value->number : 0;
}

const char *pfs_options_env(const struct polyfs_options *options, const char *name)
{
    return options->env_open ? pfs_env(name) : NULL;
}

const char *pfs_env(const char *name)
{
    return getauxval(AT_SECURE) ? NULL : getenv(name);
}

const char *pfs_options_authority(const struct polyfs_options *options)
{
    return options->authority;
}

/* ---- the nearest name ---------------------------------------------------------------------------------- */

#define NEAR_MAX 48

/* Levenshtein's distance, over words of at most NEAR_MAX bytes. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned row[NEAR_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

char *pfs_nearest(const char *words, const char *word)
{
    size_t length = strlen(word);
    const char *best = NULL;
    size_t best_length = 0;
    unsigned best_distance = length > 4 ? 3 : 2; /* farther than that is no typing mistake */
    for (const char *at = words + strspn(words, " "); *at && length <= NEAR_MAX;) {
        size_t n = strcspn(at, " ");
        unsigned d = n <= NEAR_MAX ? distance(word, length, at, n) : UINT_MAX;
        if (d < best_distance) {
            best = at;
            best_length = n;
            best_distance = d;
        }
        at += n + strspn(at + n, " ");
    }
    return best ? pfs_copy(best, best_length) : NULL;
}
