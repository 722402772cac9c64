/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of every protocol, for people: the registry's records as rows, and the options of one protocol.
 * Nothing here runs code of a plugin, but for POLYFS_IMPLEMENTATIONS_CHECK, which does so in child processes.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/loader.h"
#include "core/manifest.h"
#include "core/registry.h"
#include "core/verb.h"

#define CHECK_MS 10000

struct polyfs_implementations {
    struct polyfs_implementation *rows;
    size_t count, room;
};

/* ---- loading in a child --------------------------------------------------------------------------------------- */

/* One library to try; gathered under the registry's lock, tried outside it, since fork handlers take that lock. */
struct check {
    char *manifest, *library;
    int trusted;
    char *failure; /* what loading told, or NULL */
};

struct checks {
    struct check *rows;
    size_t count, room;
};

/* The child reads the manifest itself, so that all of it is compared with the library; it ends, so nothing is freed. */
static void child_load(const struct check *check, int fd)
{
    PFS_ERROR(why);
    struct pfs_plugin *plugin;
    int rc = pfs_manifest_read(check->manifest, &plugin, &why);
    if (rc == POLYFS_OK) {
        plugin->trusted = check->trusted;
        rc = pfs_loader_load(plugin, &why);
    }
    const char *text = rc == POLYFS_OK ? "" : why.message;
    size_t left = strlen(text) + 1;
    while (left) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno != EINTR)
            _exit(1);
        if (n > 0) {
            text += n;
            left -= (size_t)n;
        }
    }
    _exit(0);
}

/* Reads what the child says until it ends or the time is over; returns the bytes read. */
static size_t listen_to(int fd, char *text, size_t room)
{
    size_t have = 0;
    int64_t until = pfs_now_ns() + CHECK_MS * PFS_MS;
    while (have < room - 1) {
        int64_t left = (until - pfs_now_ns()) / PFS_MS;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0)
            break;
        int ready = poll(&p, 1, (int)left);
        ssize_t n = ready > 0 ? read(fd, text + have, room - 1 - have) : ready;
        if (n < 0 && errno == EINTR) /* a signal of the program's, which may come at any time */
            continue;
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    text[have] = '\0';
    return have;
}

/* What only loading can tell: NULL when the plugin loads, else the reason, malloc'ed. */
static char *check_by_loading(const struct check *check)
{
    int fds[2], status = 0;
    char text[1200];
    if (pipe(fds) < 0)
        return pfs_format("it cannot be tried: %s", strerrordesc_np(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        child_load(check, fds[1]);
    }
    close(fds[1]);
    size_t n = pid > 0 ? listen_to(fds[0], text, sizeof(text)) : 0;
    close(fds[0]);
    if (pid < 0)
        return pfs_format("it cannot be tried: %s", strerrordesc_np(errno));
    if (!n)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (n)
        return text[0] ? strdup(text) : NULL;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        return pfs_format("it crashes while it loads (%s)", strsignal(WTERMSIG(status)));
    if (WIFSIGNALED(status))
        return pfs_format("it did not finish loading within %d s", CHECK_MS / 1000);
    return pfs_format("it ended the process while it was loaded (exit status %d)", WEXITSTATUS(status));
}

static int check_add(const struct pfs_plugin *plugin, void *user)
{
    struct checks *checks = user;
    if (plugin->loaded || plugin->failure || !*plugin->library)
        return POLYFS_OK;
    if (pfs_grow((void **)&checks->rows, &checks->room, checks->count, sizeof(*checks->rows)) != POLYFS_OK)
        return POLYFS_NOMEM;
    struct check *check = &checks->rows[checks->count];
    memset(check, 0, sizeof(*check));
    check->manifest = strdup(plugin->manifest);
    check->library = strdup(plugin->library);
    check->trusted = plugin->trusted;
    checks->count++; /* counted at once, so that a half-filled row is freed too */
    return check->manifest && check->library ? POLYFS_OK : POLYFS_NOMEM;
}

static const char *failure_of(const struct checks *checks, const struct pfs_plugin *plugin)
{
    for (size_t i = 0; i < checks->count; i++)
        if (strcmp(checks->rows[i].manifest, plugin->manifest) == 0)
            return checks->rows[i].failure;
    return NULL;
}

static void checks_clear(struct checks *checks)
{
    for (size_t i = 0; i < checks->count; i++) {
        free(checks->rows[i].manifest);
        free(checks->rows[i].library);
        free(checks->rows[i].failure);
    }
    free(checks->rows);
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static void row_free(struct polyfs_implementation *row)
{
    free((char *)(uintptr_t)row->protocol);
    free((char *)(uintptr_t)row->name);
    free((char *)(uintptr_t)row->version);
    free((char *)(uintptr_t)row->summary);
    free((char *)(uintptr_t)row->library);
    free((char *)(uintptr_t)row->manifest);
    free((char *)(uintptr_t)row->reason);
}

static int row_add(struct polyfs_implementations *list, const struct pfs_plugin *plugin, const char *protocol,
                   size_t length, uint32_t state, const char *reason)
{
    if (pfs_grow((void **)&list->rows, &list->room, list->count, sizeof(*list->rows)) != POLYFS_OK)
        return POLYFS_NOMEM;
    struct polyfs_implementation *row = &list->rows[list->count];
    *row = (struct polyfs_implementation){
        .struct_size = sizeof(*row),
        .state = state,
        .protocol = pfs_copy(protocol, length),
        .name = strdup(plugin->name),
        .version = strdup(plugin->version),
        .summary = strdup(plugin->summary),
        .library = strdup(plugin->library),
        .manifest = strdup(plugin->manifest),
        .reason = strdup(reason),
    };
    if (!row->protocol || !row->name || !row->version || !row->summary || !row->library || !row->manifest ||
        !row->reason) {
        row_free(row);
        return POLYFS_NOMEM;
    }
    list->count++;
    return POLYFS_OK;
}

/* The row that serves this protocol already, or NULL. */
static const struct polyfs_implementation *winner_of(const struct polyfs_implementations *list,
                                                     const char *protocol, size_t length)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct polyfs_implementation *row = &list->rows[i];
        if ((row->state == POLYFS_PLUGIN_AVAILABLE || row->state == POLYFS_PLUGIN_BUILTIN) &&
            strlen(row->protocol) == length && memcmp(row->protocol, protocol, length) == 0)
            return row;
    }
    return NULL;
}

static int known_at_all(const struct polyfs_implementations *list, const char *protocol, size_t length)
{
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->rows[i].protocol) == length && memcmp(list->rows[i].protocol, protocol, length) == 0)
            return 1;
    return 0;
}

static int protocol_add(struct polyfs_implementations *list, const struct pfs_plugin *plugin, const char *protocol,
                        size_t length, const char *failure)
{
    int hint = !*plugin->library && *plugin->hint && !plugin->loaded;
    if (hint && (failure || known_at_all(list, protocol, length)))
        return POLYFS_OK; /* somebody provides it, or fails to: the hint has nothing to add */
    if (hint)
        return row_add(list, plugin, protocol, length, POLYFS_PLUGIN_HINT, plugin->hint);
    if (failure)
        return row_add(list, plugin, protocol, length, POLYFS_PLUGIN_FAILED, failure);
    const struct polyfs_implementation *winner = winner_of(list, protocol, length);
    if (winner) {
        char *reason =
            pfs_format("%s comes first", *winner->manifest ? winner->manifest : "a plugin linked into the program");
        int rc = reason ? row_add(list, plugin, protocol, length, POLYFS_PLUGIN_SHADOWED, reason) : POLYFS_NOMEM;
        free(reason);
        return rc;
    }
    return row_add(list, plugin, protocol, length,
                   plugin->rank == 0 ? POLYFS_PLUGIN_BUILTIN : POLYFS_PLUGIN_AVAILABLE, "");
}

struct collect {
    struct polyfs_implementations *list;
    const struct checks *checks;
    int hints; /* the second pass */
};

/* One plugin: a row for each of its protocols; one that names none still gets a row, with its reason. */
static int collect_one(const struct pfs_plugin *plugin, void *user)
{
    struct collect *c = user;
    int hint = !*plugin->library && *plugin->hint && !plugin->loaded;
    int rc = POLYFS_OK;
    if (hint != c->hints)
        return POLYFS_OK;
    const char *failure = plugin->failure ? plugin->failure : failure_of(c->checks, plugin);
    if (!*plugin->protocols)
        rc = row_add(c->list, plugin, "", 0, POLYFS_PLUGIN_FAILED, failure ? failure : "it names no protocol");
    for (const char *at = plugin->protocols; *at && rc == POLYFS_OK;) {
        size_t n = strcspn(at, " ");
        rc = protocol_add(c->list, plugin, at, n, failure);
        at += n + strspn(at + n, " ");
    }
    return rc;
}

static int by_protocol(const void *a, const void *b)
{
    const struct polyfs_implementation *x = a, *y = b;
    int order = strcmp(x->protocol, y->protocol);
    return order ? order : (int)x->state - (int)y->state;
}

int polyfs_known_implementations(uint32_t flags, struct polyfs_implementations **out_list, struct polyfs_error *err)
{
    PFS_ERROR(why);
    struct polyfs_implementations *list = calloc(1, sizeof(*list));
    struct checks checks = {NULL, 0, 0};
    struct collect c = {list, &checks, 0};
    int rc = list ? POLYFS_OK : polyfs_fail(&why, POLYFS_NOMEM, "no memory for the list");
    if (rc == POLYFS_OK && flags & ~POLYFS_IMPLEMENTATIONS_CHECK)
        rc = polyfs_fail(&why, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK && flags & POLYFS_IMPLEMENTATIONS_CHECK)
        rc = pfs_registry_each(check_add, &checks, &why);
    for (size_t i = 0; i < checks.count; i++)
        checks.rows[i].failure = check_by_loading(&checks.rows[i]);
    for (; rc == POLYFS_OK && c.hints < 2; c.hints++)
        rc = pfs_registry_each(collect_one, &c, &why);
    if (rc == POLYFS_OK) {
        if (list->count)
            qsort(list->rows, list->count, sizeof(*list->rows), by_protocol);
        *out_list = list;
    } else {
        polyfs_implementations_free(list);
    }
    checks_clear(&checks);
    return pfs_error_out(err, &why, rc, "list the known implementations", NULL);
}

size_t polyfs_implementations_count(const struct polyfs_implementations *list)
{
    return list->count;
}

const struct polyfs_implementation *polyfs_implementations_at(const struct polyfs_implementations *list,
                                                              size_t index)
{
    return index < list->count ? &list->rows[index] : NULL;
}

void polyfs_implementations_free(struct polyfs_implementations *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        row_free(&list->rows[i]);
    free(list->rows);
    free(list);
}

/* ---- options of a protocol -------------------------------------------------------------------------------------- */

struct polyfs_option_list {
    struct pfs_option_rows rows;
    struct polyfs_option_info *info;
};

static int rows_copy(struct pfs_option_rows *to, const struct pfs_option_rows *from)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < from->count && rc == POLYFS_OK; i++) {
        const struct pfs_option_row *row = &from->rows[i];
        const struct polyfs_option plain = {row->name,  row->aliases,       row->env,     row->type,
                                            row->flags, row->default_value, row->choices, row->help};
        rc = pfs_option_rows_add(to, &plain);
    }
    return rc;
}

static int info_fill(struct polyfs_option_list *list)
{
    list->info = calloc(list->rows.count ? list->rows.count : 1, sizeof(*list->info));
    if (!list->info)
        return POLYFS_NOMEM;
    for (size_t i = 0; i < list->rows.count; i++) {
        const struct pfs_option_row *row = &list->rows.rows[i];
        list->info[i] = (struct polyfs_option_info){
            .struct_size = sizeof(list->info[i]),
            .secret = row->flags & POLYFS_OPTION_SECRET ? 1 : 0,
            .name = row->name,
            .aliases = row->aliases,
            .env = row->env,
            .type = pfs_option_type_name(row->type),
            .default_value = row->default_value,
            .choices = row->choices,
            .help = row->help,
        };
    }
    return POLYFS_OK;
}

int polyfs_protocol_options(const char *protocol, struct polyfs_option_list **out_list, struct polyfs_error *err)
{
    PFS_ERROR(why);
    struct polyfs_option_list *list = calloc(1, sizeof(*list));
    int rc = list ? POLYFS_OK : polyfs_fail(&why, POLYFS_NOMEM, "no memory for the list");
    if (rc == POLYFS_OK)
        rc = pfs_registry_rows(protocol, rows_copy, &list->rows, &why);
    if (rc == POLYFS_OK && (rows_copy(&list->rows, pfs_common_rows()) != POLYFS_OK || info_fill(list) != POLYFS_OK))
        rc = polyfs_fail(&why, POLYFS_NOMEM, "no memory for the list");
    if (rc == POLYFS_OK)
        *out_list = list;
    else
        polyfs_option_list_free(list);
    return pfs_error_out(err, &why, rc, "tell the options of", protocol);
}

size_t polyfs_option_list_count(const struct polyfs_option_list *list)
{
    return list->rows.count;
}

const struct polyfs_option_info *polyfs_option_list_at(const struct polyfs_option_list *list, size_t index)
{
    return index < list->rows.count ? &list->info[index] : NULL;
}

void polyfs_option_list_free(struct polyfs_option_list *list)
{
    if (!list)
        return;
    pfs_option_rows_clear(&list->rows);
    free(list->info);
    free(list);
}
