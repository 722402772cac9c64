/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests are GKeyFile text: group [plugin], then one group [option NAME] a row. They are read under the
 * registry's lock, which fork handlers take, so GLib's own locks are never held at a fork.
 */
#include "core/manifest.h"

#include <glib.h>
#include <stdlib.h>

#define GROUP "plugin"
#define OPTION_PREFIX "option "

static const struct flag_name {
    const char *name;
    uint32_t flag;
} flag_names[] = {
    {"leading-slash", POLYFS_PLUGIN_LEADING_SLASH},
    {"dots-resolved", POLYFS_PLUGIN_DOTS_RESOLVED},
    {"dots-refused", POLYFS_PLUGIN_DOTS_REFUSED},
    {"url-query", POLYFS_PLUGIN_URL_QUERY},
    {"layer", POLYFS_PLUGIN_LAYER},
    {"slashes-refused", POLYFS_PLUGIN_SLASHES_REFUSED},
};
#define FLAG_NAMES (sizeof(flag_names) / sizeof(flag_names[0]))

/* A value as malloc'ed text; "" when the key is not there. */
static char *text_of(GKeyFile *file, const char *group, const char *key)
{
    g_autofree char *text = g_key_file_get_string(file, group, key, NULL);
    return strdup(text ? text : "");
}

static uint32_t flags_of(GKeyFile *file)
{
    g_autofree char *words = g_key_file_get_string(file, GROUP, "paths", NULL);
    uint32_t flags = 0;
    for (size_t i = 0; words && i < FLAG_NAMES; i++)
        if (pfs_words_have(words, flag_names[i].name))
            flags |= flag_names[i].flag;
    return flags;
}

/* Text that had to be made. */
static int give(char *text, char **out)
{
    *out = text;
    return text ? POLYFS_OK : POLYFS_NOMEM;
}

static int option_read(GKeyFile *file, const char *group, struct pfs_plugin *plugin)
{
    g_autofree char *type = g_key_file_get_string(file, group, "type", NULL);
    g_autofree char *aliases = g_key_file_get_string(file, group, "aliases", NULL);
    g_autofree char *env = g_key_file_get_string(file, group, "env", NULL);
    g_autofree char *value = g_key_file_get_string(file, group, "default", NULL);
    g_autofree char *choices = g_key_file_get_string(file, group, "choices", NULL);
    g_autofree char *help = g_key_file_get_string(file, group, "help", NULL);
    struct polyfs_option row = {
        .name = group + strlen(OPTION_PREFIX),
        .aliases = aliases,
        .env = env,
        .flags = g_key_file_get_boolean(file, group, "secret", NULL) ? POLYFS_OPTION_SECRET : 0,
        .default_value = value,
        .choices = choices,
        .help = help,
    };
    if (pfs_option_type_of(type ? type : "string", &row.type) != POLYFS_OK) {
        free(plugin->failure);
        return give(pfs_format("the manifest gives option %s an unknown type", row.name), &plugin->failure);
    }
    return pfs_option_rows_add(&plugin->options, &row);
}

static int options_read(GKeyFile *file, struct pfs_plugin *plugin)
{
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    int rc = POLYFS_OK;
    for (size_t i = 0; groups[i] && rc == POLYFS_OK; i++)
        if (g_str_has_prefix(groups[i], OPTION_PREFIX))
            rc = option_read(file, groups[i], plugin);
    return rc;
}

/* What is wrong with it, or NULL. */
static int fault_of(GKeyFile *file, const struct pfs_plugin *plugin, const char *library, char **out)
{
    *out = NULL;
    if (!pfs_plugin_name_valid(plugin->name))
        return give(strdup("the manifest has no name of the form [a-z0-9_]{1,32}"), out);
    if (!*plugin->protocols)
        return give(strdup("the manifest names no protocol"), out);
    for (const char *at = plugin->protocols; *at;) {
        size_t n = strcspn(at, " ");
        if (!pfs_scheme_valid(at, n))
            return give(pfs_format("the manifest names \"%.*s\", which is no scheme", (int)n, at), out);
        at += n + strspn(at + n, " ");
    }
    if (!*library)
        return *plugin->hint ? POLYFS_OK : give(strdup("the manifest names neither a library nor a hint"), out);
    if (strchr(library, '/'))
        return give(strdup("the manifest names a library outside its own folder"), out);
    int abi = g_key_file_get_integer(file, GROUP, "abi", NULL);
    if (abi == (int)POLYFS_PLUGIN_MAJOR)
        return POLYFS_OK;
    return give(pfs_format("it was built for contract %d, this polyfs has %u; get a newer build of it", abi,
                           POLYFS_PLUGIN_MAJOR),
                out);
}

static int fill(struct pfs_plugin *plugin, GKeyFile *file, const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *library = g_key_file_get_string(file, GROUP, "library", NULL);
    plugin->name = text_of(file, GROUP, "name");
    plugin->version = text_of(file, GROUP, "version");
    plugin->summary = text_of(file, GROUP, "summary");
    plugin->protocols = text_of(file, GROUP, "protocols");
    plugin->main_protocol = pfs_copy(plugin->protocols ? plugin->protocols : "",
                                     plugin->protocols ? strcspn(plugin->protocols, " ") : 0);
    plugin->authority = text_of(file, GROUP, "authority");
    plugin->hint = text_of(file, GROUP, "hint");
    plugin->library = library && *library ? pfs_format("%s/%s", folder, library) : strdup("");
    plugin->flags = flags_of(file);
    plugin->priority = (uint32_t)g_key_file_get_integer(file, GROUP, "priority", NULL);
    if (!plugin->name || !plugin->version || !plugin->summary || !plugin->protocols || !plugin->authority ||
        !plugin->hint || !plugin->library || !plugin->main_protocol)
        return POLYFS_NOMEM;
    int rc = fault_of(file, plugin, library ? library : "", &plugin->failure);
    return rc == POLYFS_OK ? options_read(file, plugin) : rc;
}

/* A file that is no manifest is still listed, under its own name, so that its owner sees why it does nothing. */
static int fill_broken(struct pfs_plugin *plugin, const char *path, const char *why)
{
    g_autofree char *base = g_path_get_basename(path);
    char *dot = strrchr(base, '.');
    if (dot)
        *dot = '\0';
    plugin->name = strdup(base);
    plugin->version = strdup("");
    plugin->summary = strdup("");
    plugin->protocols = strdup("");
    plugin->main_protocol = strdup("");
    plugin->authority = strdup("");
    plugin->hint = strdup("");
    plugin->library = strdup("");
    plugin->failure = pfs_format("the manifest cannot be read: %s", why);
    return plugin->name && plugin->version && plugin->summary && plugin->protocols && plugin->main_protocol &&
                   plugin->authority && plugin->hint && plugin->library && plugin->failure
               ? POLYFS_OK
               : POLYFS_NOMEM;
}

int pfs_manifest_read(const char *path, struct pfs_plugin **out, struct polyfs_error *err)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) why = NULL;
    struct pfs_plugin *plugin = pfs_plugin_new();
    int rc = POLYFS_NOMEM;
    if (plugin) {
        plugin->manifest = strdup(path);
        if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) /* a FIFO would wait for its writer */
            rc = fill_broken(plugin, path, "it is no regular file");
        else if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &why))
            rc = fill_broken(plugin, path, why->message);
        else
            rc = plugin->manifest ? fill(plugin, file, path) : POLYFS_NOMEM;
    }
    if (rc != POLYFS_OK) {
        pfs_plugin_free(plugin);
        return polyfs_fail(err, rc, "no memory for the manifest %s", path);
    }
    *out = plugin;
    return POLYFS_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void set_unless_empty(GKeyFile *file, const char *group, const char *key, const char *value)
{
    if (value && *value)
        g_key_file_set_string(file, group, key, value);
}

static void option_write(GKeyFile *file, const struct pfs_option_row *row)
{
    g_autofree char *group = g_strconcat(OPTION_PREFIX, row->name, NULL);
    g_key_file_set_string(file, group, "type", pfs_option_type_name(row->type));
    set_unless_empty(file, group, "aliases", row->aliases);
    set_unless_empty(file, group, "env", row->env);
    if (row->default_value)
        g_key_file_set_string(file, group, "default", row->default_value);
    set_unless_empty(file, group, "choices", row->choices);
    if (row->flags & POLYFS_OPTION_SECRET)
        g_key_file_set_boolean(file, group, "secret", TRUE);
    set_unless_empty(file, group, "help", row->help);
}

static void paths_write(GKeyFile *file, uint32_t flags)
{
    struct polyfs_text words = {NULL, 0, 0};
    for (size_t i = 0; i < FLAG_NAMES; i++)
        if (flags & flag_names[i].flag) {
            if (words.length)
                pfs_text_add(&words, " ", 1);
            pfs_text_add(&words, flag_names[i].name, strlen(flag_names[i].name));
        }
    set_unless_empty(file, GROUP, "paths", words.data);
    pfs_text_clear(&words);
}

int pfs_manifest_write(const struct polyfs_plugin *raw, char **out, struct polyfs_error *err)
{
    struct pfs_plugin *plugin = pfs_plugin_new();
    int rc = plugin ? pfs_plugin_describe(plugin, raw, err) : polyfs_fail(err, POLYFS_NOMEM, "no memory");
    if (rc == POLYFS_OK) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *library = g_strdup_printf("polyfs-%s.so", plugin->name);
        g_key_file_set_string(file, GROUP, "name", plugin->name);
        g_key_file_set_integer(file, GROUP, "abi", (int)raw->abi_major);
        g_key_file_set_string(file, GROUP, "version", plugin->version);
        g_key_file_set_string(file, GROUP, "summary", plugin->summary);
        g_key_file_set_string(file, GROUP, "library", library);
        g_key_file_set_string(file, GROUP, "protocols", plugin->protocols);
        g_key_file_set_string(file, GROUP, "authority", plugin->authority);
        g_key_file_set_integer(file, GROUP, "priority", (int)plugin->priority);
        paths_write(file, plugin->flags);
        for (size_t i = 0; i < plugin->options.count; i++)
            option_write(file, &plugin->options.rows[i]);
        g_autofree char *text = g_key_file_to_data(file, NULL, NULL);
        *out = strdup(text);
    }
    pfs_plugin_free(plugin);
    return rc;
}
