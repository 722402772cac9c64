/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry. Records are only added, never changed once loaded, never freed: a filesystem may point to its
 * plugin for ever. Folders are read when a protocol is asked for that nobody has, and for each listing.
 *
 * Lock order: the fork gate (a section), then the registry's lock; plugin entries run under both.
 */
#include "core/registry.h"

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/host.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/manifest.h"
#include "core/runtime.h"
#include "core/static_plugins.h"

static struct {
    pthread_mutex_t mu;
    /* guarded by mu */
    struct pfs_plugin **plugins;
    size_t count, room;
    char *added[PFS_FOLDERS_MAX + 1]; /* by the program, NULL-terminated */
    int scanned;
} registry = {.mu = PTHREAD_MUTEX_INITIALIZER};

static void register_static(void)
{
    for (polyfs_plugin_entry *const *entry = pfs_static_plugins; *entry; entry++) {
        struct polyfs_error err = POLYFS_ERROR_INIT;
        if (polyfs_plugin_register(*entry, &err) != POLYFS_OK)
            pfs_log(POLYFS_LOG_ERROR, "%s", err.message);
    }
}

static void registry_lock(void)
{
    pfs_runtime_setup();
    pfs_section_enter();
    pthread_mutex_lock(&registry.mu);
}

/* The same, for whoever looks something up: what is linked in is there from the first look on. */
static void registry_lock_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_static);
    registry_lock();
}

static void registry_unlock(void)
{
    pthread_mutex_unlock(&registry.mu);
    pfs_section_leave();
}

/* ---- reading folders ------------------------------------------------------------------------------------- */

static int add_locked(struct pfs_plugin *plugin)
{
    if (pfs_grow((void **)&registry.plugins, &registry.room, registry.count, sizeof(plugin)) != POLYFS_OK)
        return POLYFS_NOMEM;
    registry.plugins[registry.count++] = plugin;
    return POLYFS_OK;
}

static int is_loaded_locked(const char *manifest)
{
    for (size_t i = 0; i < registry.count; i++)
        if (registry.plugins[i]->loaded && strcmp(registry.plugins[i]->manifest, manifest) == 0)
            return 1;
    return 0;
}

static int manifest_add_locked(const char *path, uint32_t rank, int trusted, struct polyfs_error *err)
{
    struct pfs_plugin *plugin;
    if (is_loaded_locked(path))
        return POLYFS_OK;
    int rc = pfs_manifest_read(path, &plugin, err);
    if (rc != POLYFS_OK)
        return rc;
    plugin->rank = rank;
    plugin->trusted = trusted;
    PFS_ERROR(why);
    if (!plugin->failure && *plugin->library && pfs_loader_check(plugin->library, trusted, &why) != POLYFS_OK)
        rc = (plugin->failure = strdup(why.message)) ? why.code == POLYFS_NOMEM ? why.code : POLYFS_OK
                                                     : POLYFS_NOMEM;
    if (rc == POLYFS_OK)
        rc = add_locked(plugin);
    if (rc != POLYFS_OK) {
        pfs_plugin_free(plugin);
        polyfs_fail(err, rc, "no memory for the list of plugins");
    }
    return rc;
}

static int folder_read_locked(const char *folder, uint32_t rank, int trusted, struct polyfs_error *err)
{
    DIR *dir = opendir(folder);
    int rc = dir || errno != ENOMEM ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory to read %s", folder);
    for (struct dirent *entry; dir && rc == POLYFS_OK && (entry = readdir(dir));) {
        if (!g_str_has_suffix(entry->d_name, ".plugin"))
            continue;
        char *path = pfs_format("%s/%s", folder, entry->d_name);
        rc = path ? manifest_add_locked(path, rank, trusted, err)
                  : polyfs_fail(err, POLYFS_NOMEM, "no memory to read %s", folder);
        free(path);
    }
    if (dir)
        closedir(dir);
    return rc;
}

/* Records that were never loaded are read anew: their files may have changed. */
static void forget_unloaded_locked(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < registry.count; i++) {
        if (registry.plugins[i]->loaded)
            registry.plugins[kept++] = registry.plugins[i];
        else
            pfs_plugin_free(registry.plugins[i]);
    }
    registry.count = kept;
}

static int by_order(const void *a, const void *b)
{
    const struct pfs_plugin *x = *(struct pfs_plugin *const *)a, *y = *(struct pfs_plugin *const *)b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    return strcmp(x->manifest, y->manifest);
}

static int scan_locked(struct polyfs_error *err)
{
    struct pfs_folder folders[PFS_FOLDERS_MAX];
    int rc = POLYFS_OK;
    forget_unloaded_locked();
    size_t count;
    rc = pfs_loader_folders(registry.added, folders, &count, err);
    for (size_t i = 0; i < count; i++) {
        uint32_t rank = (uint32_t)i + 1; /* 0 is for plugins that are linked in */
        if (rc == POLYFS_OK)
            rc = folder_read_locked(folders[i].path, rank, folders[i].trusted, err);
        char *hints = pfs_format("%s/hints", folders[i].path);
        if (rc == POLYFS_OK)
            rc = hints ? folder_read_locked(hints, rank, folders[i].trusted, err)
                       : polyfs_fail(err, POLYFS_NOMEM, "no memory to read %s", folders[i].path);
        free(hints);
        free(folders[i].path);
    }
    if (registry.count)
        qsort(registry.plugins, registry.count, sizeof(*registry.plugins), by_order);
    registry.scanned = rc == POLYFS_OK;
    return rc;
}

/* ---- looking up -------------------------------------------------------------------------------------------- */

static int is_hint(const struct pfs_plugin *plugin)
{
    return plugin->hint && *plugin->hint && !*plugin->library;
}

/* The first usable one; else the first that cannot be used; else a hint; else NULL. */
static struct pfs_plugin *find_locked(const char *protocol)
{
    struct pfs_plugin *failed = NULL, *hint = NULL;
    for (size_t i = 0; i < registry.count; i++) {
        struct pfs_plugin *plugin = registry.plugins[i];
        if (!pfs_words_have(plugin->protocols, protocol))
            continue;
        if (is_hint(plugin))
            hint = hint ? hint : plugin;
        else if (plugin->failure)
            failed = failed ? failed : plugin;
        else
            return plugin;
    }
    return failed ? failed : hint;
}

static int unknown_locked(const char *protocol, struct polyfs_error *err)
{
    struct polyfs_text words = {NULL, 0, 0};
    for (size_t i = 0; i < registry.count; i++) {
        const char *more = registry.plugins[i]->protocols;
        if (pfs_text_add(&words, " ", 1) != POLYFS_OK || pfs_text_add(&words, more, strlen(more)) != POLYFS_OK)
            break;
    }
    char *near = words.data ? pfs_nearest(words.data, protocol) : NULL;
    if (near)
        polyfs_fail(err, POLYFS_PLUGIN, "no plugin has the protocol \"%s\"; did you mean \"%s\"?", protocol, near);
    else
        polyfs_fail(err, POLYFS_PLUGIN, "no plugin has the protocol \"%s\"; see: polyfs known-implementations",
                    protocol);
    free(near);
    pfs_text_clear(&words);
    return POLYFS_PLUGIN;
}

static int load_locked(struct pfs_plugin *plugin, const char *protocol, struct polyfs_error *err)
{
    if (plugin->loaded)
        return POLYFS_OK;
    if (is_hint(plugin))
        return polyfs_fail(err, POLYFS_PLUGIN, "no plugin for \"%s\" is installed; %s", protocol, plugin->hint);
    if (plugin->failure)
        return polyfs_fail(err, POLYFS_PLUGIN, "the plugin \"%s\" cannot be used: %s", plugin->name,
                           plugin->failure);
    PFS_ERROR(why);
    int rc = pfs_loader_load(plugin, &why);
    if (rc == POLYFS_OK)
        rc = pfs_runtime_loaded();
    if (rc == POLYFS_NOMEM) /* it says nothing of the plugin: the next one who asks tries again */
        return polyfs_fail(err, rc, "no memory to load the plugin \"%s\"", plugin->name);
    if (rc != POLYFS_OK) {
        plugin->failure = strdup(why.message);
        return polyfs_fail(err, rc, "the plugin \"%s\" cannot be used: %s", plugin->name, why.message);
    }
    plugin->loaded = 1;
    pfs_log(POLYFS_LOG_INFO, "loaded plugin %s %s from %s", plugin->name, plugin->version, plugin->library);
    return POLYFS_OK;
}

int pfs_registry_get(const char *protocol, struct pfs_plugin **out, struct polyfs_error *err)
{
    registry_lock_ready();
    struct pfs_plugin *plugin = registry.scanned ? find_locked(protocol) : NULL;
    int rc = POLYFS_OK;
    if (!plugin || (!plugin->loaded && plugin->failure) || is_hint(plugin)) {
        rc = scan_locked(err); /* it may have been dropped in, or mended, since we looked */
        plugin = find_locked(protocol);
    }
    if (rc == POLYFS_OK)
        rc = plugin ? load_locked(plugin, protocol, err) : unknown_locked(protocol, err);
    if (rc == POLYFS_OK)
        *out = plugin;
    registry_unlock();
    return rc;
}

int pfs_registry_knows(const char *protocol)
{
    registry_lock_ready();
    PFS_ERROR(ignored); /* out of memory while scanning: then nothing is known */
    if (!registry.scanned)
        scan_locked(&ignored);
    int known = find_locked(protocol) != NULL;
    registry_unlock();
    return known;
}

int pfs_registry_each(int (*visit)(const struct pfs_plugin *plugin, void *user), void *user,
                      struct polyfs_error *err)
{
    registry_lock_ready();
    int rc = scan_locked(err);
    for (size_t i = 0; i < registry.count && rc == POLYFS_OK; i++)
        rc = visit(registry.plugins[i], user);
    registry_unlock();
    return rc;
}

int pfs_registry_rows(const char *protocol,
                      int (*copy)(struct pfs_option_rows *to, const struct pfs_option_rows *from),
                      struct pfs_option_rows *to, struct polyfs_error *err)
{
    registry_lock_ready();
    int rc = scan_locked(err);
    if (rc == POLYFS_OK) {
        const struct pfs_plugin *plugin = find_locked(protocol);
        if (!plugin)
            rc = unknown_locked(protocol, err);
        else if (is_hint(plugin))
            rc = polyfs_fail(err, POLYFS_PLUGIN, "no plugin for \"%s\" is installed; %s", protocol, plugin->hint);
        else if (copy(to, &plugin->options) != POLYFS_OK)
            rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for the list");
    }
    registry_unlock();
    return rc;
}

int polyfs_plugin_path_add(const char *folder, struct polyfs_error *err)
{
    if (!folder || *folder != '/')
        return pfs_error_arg(err, "add a plugin folder", "its path is not absolute");
    registry_lock();
    size_t n = 0;
    while (registry.added[n])
        n++;
    char *copy = n < PFS_FOLDERS_MAX ? strdup(folder) : NULL;
    registry.added[n] = copy;
    registry.scanned = 0;
    registry_unlock();
    PFS_ERROR(why);
    return copy ? POLYFS_OK
                : pfs_error_out(err, &why, polyfs_fail(&why, POLYFS_NOMEM, "no room for it"), "add a plugin folder",
                                NULL);
}

/* ---- plugins that are linked in ---------------------------------------------------------------------------- */

static int register_locked(struct pfs_plugin *plugin, polyfs_plugin_entry *entry, struct polyfs_error *err)
{
    const struct polyfs_plugin *raw = NULL;
    int rc = entry(pfs_host(), &raw, err);
    if (rc == POLYFS_OK && !raw)
        rc = polyfs_fail(err, POLYFS_PLUGIN, "its entry gave no description");
    if (rc == POLYFS_OK)
        rc = pfs_plugin_describe(plugin, raw, err);
    if (rc == POLYFS_OK)
        rc = pfs_plugin_accept(plugin, raw, err);
    for (size_t i = 0; rc == POLYFS_OK && i < registry.count; i++)
        if (registry.plugins[i]->rank == 0 && strcmp(registry.plugins[i]->name, plugin->name) == 0)
            rc = polyfs_fail(err, POLYFS_EXISTS, "a plugin \"%s\" is registered already", plugin->name);
    if (rc != POLYFS_OK)
        return rc;
    plugin->loaded = 1;
    plugin->library = strdup("");
    plugin->manifest = strdup("");
    plugin->hint = strdup("");
    if (!plugin->library || !plugin->manifest || !plugin->hint || pfs_runtime_loaded() != POLYFS_OK ||
        add_locked(plugin) != POLYFS_OK)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory to register it");
    qsort(registry.plugins, registry.count, sizeof(*registry.plugins), by_order);
    return POLYFS_OK;
}

int polyfs_plugin_register(polyfs_plugin_entry *entry, struct polyfs_error *err)
{
    PFS_ERROR(why);
    registry_lock();
    struct pfs_plugin *plugin = pfs_plugin_new();
    int rc = plugin ? register_locked(plugin, entry, &why) : polyfs_fail(&why, POLYFS_NOMEM, "no memory");
    if (rc != POLYFS_OK)
        pfs_plugin_free(plugin);
    registry_unlock();
    return pfs_error_out(err, &why, rc, "register a plugin", NULL);
}

static void fork_prepare(void)
{
    pthread_mutex_lock(&registry.mu);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&registry.mu);
}

static void fork_child(void)
{
    pthread_mutex_init(&registry.mu, NULL);
}

const struct pfs_fork_hook pfs_registry_hook = {fork_prepare, fork_parent, fork_child};
