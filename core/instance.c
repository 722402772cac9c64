/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of open filesystems, by plugin and resolved options (secrets hashed) and fork generation. Opening runs
 * outside the table's lock, since a plugin's open may read files; two threads that open the same at once both do,
 * and the second throws its own away.
 */
#include "core/instance.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/registry.h"
#include "core/runtime.h"
#include "core/stat.h"
#include "core/url.h"
#include "core/verb.h"

#define IDLE_MAX 16

static struct {
    pthread_mutex_t mu;
    /* guarded by mu */
    struct polyfs_fs *first;
    uint64_t stamp;
} table = {.mu = PTHREAD_MUTEX_INITIALIZER};

static void fs_free(struct polyfs_fs *fs)
{
    if (!fs)
        return;
    if (fs->self && !fs->prefix) /* else it is the parent's */
        fs->plugin->tables.fs.close(fs->self);
    polyfs_fs_close(fs->parent);
    pfs_options_free(fs->options);
    free(fs->root);
    free(fs->prefix);
    free(fs->key);
    free(fs);
}

static struct polyfs_fs *fs_new(struct pfs_plugin *plugin)
{
    struct polyfs_fs *fs = calloc(1, sizeof(*fs));
    if (!fs)
        return NULL;
    fs->plugin = plugin;
    fs->uses = 1;
    atomic_init(&fs->generation, pfs_fork_generation());
    atomic_init(&fs->retry_tokens, PFS_RETRY_TOKENS);
    return fs;
}

static uint32_t durability_of(const char *name)
{
    static const char *const names[] = {"default", "none", "file", "full"};
    for (uint32_t i = 0; name && i < 4; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return POLYFS_DURABILITY_DEFAULT;
}

/* What core itself takes of the options. */
static int take_common(struct polyfs_fs *fs, struct polyfs_error *err)
{
    const struct polyfs_options *options = fs->options;
    fs->attempts = pfs_options_number(options, "attempts");
    fs->timeout_ms = pfs_options_number(options, "timeout");
    fs->part_bytes = (uint64_t)pfs_options_number(options, "part_bytes");
    fs->durability = durability_of(pfs_options_text(options, "durability"));
    if (fs->attempts < 1)
        return polyfs_fail(err, POLYFS_CONFIG, "option attempts is 1 at least");
    if (fs->part_bytes < 4096)
        return polyfs_fail(err, POLYFS_CONFIG, "option part_bytes is 4KiB at least");
    return pfs_fault_parse(pfs_options_text(options, "fault"), &fs->faults, err);
}

/* What cannot be told counts as one: its calls are limited and overlapped. */
static int ask_network(struct polyfs_fs *fs, struct polyfs_call *call, struct polyfs_error *err)
{
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    int rc = fs->plugin->tables.fs.caps(call, fs->self, "", 0, 0, &caps, NULL);
    fs->network = rc != POLYFS_OK || caps.fact[POLYFS_FACT_NETWORK] != POLYFS_NO;
    return rc == POLYFS_NOMEM ? polyfs_fail(err, rc, "no memory to open it") : POLYFS_OK;
}

static int fs_start(struct polyfs_fs *fs, struct polyfs_error *err)
{
    struct pfs_ctx ctx;
    struct polyfs_call call = {.struct_size = sizeof(call), .attempt = 1, .deadline_ns = INT64_MAX, .core = &ctx};
    int rc = take_common(fs, err);
    if (rc != POLYFS_OK)
        return rc;
    if (fs->plugin->flags & POLYFS_PLUGIN_LAYER)
        return polyfs_fail(err, POLYFS_UNSUPPORTED,
                           "\"%s\" is a layer over another protocol; this polyfs has no chains yet",
                           fs->plugin->name);
    rc = pfs_ctx_begin(&ctx, "open", NULL, err);
    fs->options->env_open = 1;
    if (rc == POLYFS_OK)
        rc = fs->plugin->tables.fs.open(&call, fs->options, NULL, &fs->self, err);
    fs->options->env_open = 0;
    if (rc == POLYFS_OK)
        rc = ask_network(fs, &call, err);
    pfs_ctx_end(&ctx);
    return rc;
}

/* ---- the table ------------------------------------------------------------------------------------------- */

static struct polyfs_fs *find_locked(const struct pfs_plugin *plugin, const char *key)
{
    for (struct polyfs_fs *fs = table.first; fs; fs = fs->next)
        if (fs->plugin == plugin && strcmp(fs->key, key) == 0)
            return fs;
    return NULL;
}

static struct polyfs_fs *use_shared(const struct pfs_plugin *plugin, const char *key)
{
    pthread_mutex_lock(&table.mu);
    struct polyfs_fs *fs = find_locked(plugin, key);
    if (fs)
        fs->uses++;
    pthread_mutex_unlock(&table.mu);
    return fs;
}

/* Puts a new one into the table; if another thread was first, that one is used. Returns the one to use. */
static struct polyfs_fs *share(struct polyfs_fs *fs)
{
    pthread_mutex_lock(&table.mu);
    struct polyfs_fs *twin = find_locked(fs->plugin, fs->key);
    if (twin) {
        twin->uses++;
    } else {
        fs->next = table.first;
        table.first = fs;
    }
    pthread_mutex_unlock(&table.mu);
    if (!twin)
        return fs;
    fs_free(fs);
    return twin;
}

static void unlink_locked(struct polyfs_fs *fs)
{
    for (struct polyfs_fs **at = &table.first; *at; at = &(*at)->next) {
        if (*at == fs) {
            *at = fs->next;
            return;
        }
    }
}

/* The idle one that waited longest, taken out of the table, when there are more than @keep. */
static struct polyfs_fs *spare_locked(unsigned keep)
{
    struct polyfs_fs *oldest = NULL;
    unsigned idle = 0;
    for (struct polyfs_fs *fs = table.first; fs; fs = fs->next) {
        if (fs->uses)
            continue;
        idle++;
        if (!oldest || fs->idle_since < oldest->idle_since)
            oldest = fs;
    }
    if (idle <= keep)
        return NULL;
    unlink_locked(oldest);
    return oldest;
}

void pfs_instances_drop_idle(void)
{
    struct polyfs_fs *spare;
    do {
        pthread_mutex_lock(&table.mu);
        spare = spare_locked(0);
        pthread_mutex_unlock(&table.mu);
        fs_free(spare);
    } while (spare);
}

struct polyfs_fs *polyfs_fs_ref(struct polyfs_fs *fs)
{
    pthread_mutex_lock(&table.mu);
    fs->uses++;
    pthread_mutex_unlock(&table.mu);
    return fs;
}

void polyfs_fs_close(struct polyfs_fs *fs)
{
    struct polyfs_fs *gone = NULL;
    if (!fs)
        return;
    pthread_mutex_lock(&table.mu);
    if (--fs->uses == 0) {
        fs->idle_since = ++table.stamp;
        gone = fs->key ? spare_locked(IDLE_MAX) : fs;
    }
    pthread_mutex_unlock(&table.mu);
    fs_free(gone);
}

/* ---- opening --------------------------------------------------------------------------------------------- */

/* Splits what follows `://` into authority, path and query as the manifest says; the parts are malloc'ed. */
static int split(const struct pfs_plugin *plugin, const char *rest, char **authority, char **path, char **query)
{
    size_t end = strlen(rest);
    const char *question = plugin->flags & POLYFS_PLUGIN_URL_QUERY ? strchr(rest, '?') : NULL;
    *query = question ? strdup(question + 1) : NULL;
    if (question)
        end = (size_t)(question - rest);
    size_t lead = 0;
    if (strcmp(plugin->authority, "host:port") == 0 || strcmp(plugin->authority, "container@account") == 0)
        for (lead = 0; lead < end && rest[lead] != '/';)
            lead++;
    *authority = pfs_copy(rest, lead);
    if (strcmp(plugin->authority, "container@account") == 0) {
        size_t container = strcspn(rest, "@/");
        if (container < lead) { /* container@account.host/path: the container leads the path */
            free(*authority);
            *authority = pfs_copy(rest + container + 1, lead - container - 1);
            *path = pfs_format("%.*s%.*s", (int)container, rest, (int)(end - lead), rest + lead);
            return *authority && *path && (!question || *query) ? POLYFS_OK : POLYFS_NOMEM;
        }
        lead = 0; /* container/path: the account is an option */
        if (*authority)
            **authority = '\0';
    }
    *path = pfs_copy(rest + lead, end - lead);
    return *authority && *path && (!question || *query) ? POLYFS_OK : POLYFS_NOMEM;
}

static int open_plugin(struct pfs_plugin *plugin, const struct pfs_url *url, const char *const *options,
                       struct polyfs_fs **out_fs, char **out_path, struct polyfs_error *err)
{
    char *authority = NULL, *path = NULL, *query = NULL, *key = NULL;
    struct polyfs_fs *fs = NULL, *shared = NULL;
    struct polyfs_options *resolved = NULL;
    int rc = split(plugin, url->rest, &authority, &path, &query);
    if (rc == POLYFS_OK)
        rc = pfs_options_resolve(url->scheme, &plugin->options, options, query, authority, &resolved, err);
    if (rc == POLYFS_OK && !(key = pfs_options_key(resolved)))
        rc = POLYFS_NOMEM;
    if (rc == POLYFS_OK && !(shared = use_shared(plugin, key))) {
        fs = fs_new(plugin);
        rc = fs ? POLYFS_OK : POLYFS_NOMEM;
        if (fs) {
            fs->options = g_steal_pointer(&resolved);
            fs->options->protocol = plugin->main_protocol; /* url->scheme is the caller's */
            fs->key = g_steal_pointer(&key);
            rc = fs_start(fs, err);
        }
        if (rc == POLYFS_OK)
            shared = share(g_steal_pointer(&fs));
    }
    if (rc == POLYFS_OK) {
        *out_fs = shared;
        if (out_path)
            *out_path = g_steal_pointer(&path);
    } else if (rc == POLYFS_NOMEM) {
        polyfs_fail(err, rc, "no memory to open it");
    }
    fs_free(fs);
    pfs_options_free(resolved);
    free(authority);
    free(path);
    free(query);
    free(key);
    return rc;
}

int polyfs_fs_open(const char *url, const char *const *options, struct polyfs_fs **out_fs, char **out_path,
                   struct polyfs_error *err)
{
    PFS_ERROR(why);
    struct pfs_url parts;
    struct pfs_plugin *plugin;
    char shown[640] = "";
    pfs_runtime_setup();
    int rc = pfs_url_parse(url, &parts, &why);
    if (rc == POLYFS_OK)
        rc = pfs_registry_get(parts.scheme, &plugin, &why);
    if (rc == POLYFS_OK)
        rc = open_plugin(plugin, &parts, options, out_fs, out_path, &why);
    if (rc != POLYFS_OK && url)
        pfs_url_redact(url, shown, sizeof(shown));
    return pfs_error_out(err, &why, rc, "open", rc == POLYFS_OK ? NULL : shown);
}

int pfs_confined_by_name(const struct polyfs_fs *fs)
{
    return !pfs_slot_present(fs, PFS_SUB) && !(fs->plugin->flags & POLYFS_PLUGIN_DOTS_RESOLVED);
}

static struct polyfs_fs *sub_new(struct polyfs_fs *fs, const char *path)
{
    struct polyfs_fs *sub = fs_new(fs->plugin);
    if (!sub)
        return NULL;
    sub->root = strdup(path);
    if (!sub->root) {
        free(sub);
        return NULL;
    }
    sub->parent = polyfs_fs_ref(fs);
    sub->attempts = fs->attempts;
    sub->timeout_ms = fs->timeout_ms;
    sub->part_bytes = fs->part_bytes;
    sub->durability = fs->durability;
    sub->network = fs->network;
    return sub;
}

/* Where the plugin has no sub filesystems: its own one, with the folder in front of every path. */
static int sub_by_prefix(struct pfs_verb *v, struct polyfs_fs *sub)
{
    struct polyfs_caps caps;
    struct polyfs_stat stat;
    size_t n = strlen(v->path);
    int rc = pfs_verb_caps(v, v->path, &caps);
    if (rc == POLYFS_OK && *v->path && caps.fact[POLYFS_FACT_REAL_DIRS] == POLYFS_YES) {
        rc = pfs_stat(v, v->path, NULL, &stat);
        if (rc == POLYFS_OK && stat.type != POLYFS_TYPE_DIR)
            rc = polyfs_fail(&v->error, POLYFS_NOT_DIR, "it is no folder");
    }
    if (rc != POLYFS_OK)
        return rc;
    while (n && v->path[n - 1] == '/')
        n--;
    const char *above = v->fs->prefix ? v->fs->prefix : "";
    sub->prefix = pfs_format("%s%.*s%s", above, (int)n, v->path, n ? "/" : "");
    if (!sub->prefix)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a name");
    sub->prefix_len = strlen(sub->prefix);
    sub->self = v->fs->self;
    return POLYFS_OK;
}

int polyfs_fs_sub(struct polyfs_fs *fs, const char *path, uint32_t flags, const struct polyfs_call_opts *opts,
                  struct polyfs_fs **out_fs, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_fs *sub = NULL;
    int rc = pfs_verb_begin(&v, "open the folder", fs, path, opts);
    if (rc == POLYFS_OK && (flags & ~POLYFS_SUB_CONFINE))
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK && flags & POLYFS_SUB_CONFINE && !pfs_confined_by_name(fs))
        rc = pfs_verb_gate(&v, POLYFS_FACT_CONFINE, "keep within a folder");
    if (rc == POLYFS_OK && !(sub = sub_new(fs, path)))
        rc = polyfs_fail(&v.error, POLYFS_NOMEM, "no memory to open it");
    if (rc == POLYFS_OK && !pfs_slot_present(fs, PFS_SUB)) {
        rc = sub_by_prefix(&v, sub);
    } else if (rc == POLYFS_OK) {
        struct pfs_request r = PFS_REQUEST_OF(&v, PFS_SUB);
        r.u.sub.flags = flags;
        r.u.sub.out = &sub->self;
        rc = pfs_verb_run(&v, &r);
    }
    if (rc == POLYFS_OK)
        *out_fs = sub;
    else
        fs_free(sub);
    return pfs_verb_end(&v, rc, err);
}

const char *polyfs_fs_protocol(const struct polyfs_fs *fs)
{
    return fs->plugin->main_protocol;
}

int pfs_is_bucket(const struct polyfs_fs *fs, const char *path)
{
    const char *lead = fs->plugin->authority, *full = fs->prefix_len ? fs->prefix : path;
    const char *slash = strchr(full, '/');
    if (strcmp(lead, "bucket") != 0 && strcmp(lead, "container@account") != 0)
        return 0;
    return (!slash || !slash[1]) && (!fs->prefix_len || !*path);
}

/* The authority in front of the path, as polyfs_fs_open split it. */
static char *url_of(const struct polyfs_fs *fs, const char *path)
{
    const char *authority = fs->options ? fs->options->authority : "";
    if (strcmp(fs->plugin->authority, "container@account") == 0 && *authority) {
        size_t container = strcspn(path, "/");
        return pfs_format("%s://%.*s@%s%s", polyfs_fs_protocol(fs), (int)container, path, authority,
                          path + container);
    }
    return pfs_format("%s://%s%s", polyfs_fs_protocol(fs), authority, path);
}

char *polyfs_fs_url(const struct polyfs_fs *fs, const char *path)
{
    if (!fs->parent)
        return url_of(fs, path);
    size_t n = strlen(fs->root);
    while (n && fs->root[n - 1] == '/')
        n--;
    char *full = pfs_format("%.*s/%s", (int)n, fs->root, path);
    char *url = full ? polyfs_fs_url(fs->parent, full) : NULL;
    free(full);
    return url;
}

void polyfs_fs_stats(const struct polyfs_fs *fs, struct polyfs_fs_stats *out)
{
    const struct pfs_counters *c = &fs->counters;
    struct polyfs_fs_stats full = {
        .struct_size = sizeof(full),
        .calls = atomic_load(&c->calls),
        .retries = atomic_load(&c->retries),
        .throttles = atomic_load(&c->throttles),
        .failures = atomic_load(&c->failures),
        .requests = atomic_load(&c->requests),
        .bytes_read = atomic_load(&c->bytes_read),
        .bytes_written = atomic_load(&c->bytes_written),
        .wire_sent = atomic_load(&c->wire_sent),
        .wire_received = atomic_load(&c->wire_received),
    };
    size_t room = out->struct_size && out->struct_size < sizeof(full) ? out->struct_size : sizeof(full);
    full.struct_size = (uint32_t)room;
    memcpy(out, &full, room);
}

static void fork_prepare(void)
{
    pthread_mutex_lock(&table.mu);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&table.mu);
}

static void fork_child(void)
{
    pthread_mutex_init(&table.mu, NULL);
}

const struct pfs_fork_hook pfs_instance_hook = {fork_prepare, fork_parent, fork_child};
