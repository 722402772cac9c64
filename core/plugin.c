/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepting a plugin. Its description and tables are hostile until checked: sizes first, then the members that
 * these sizes cover, then required slots and the rules between tables. After that core never reads them again.
 */
#include "core/plugin.h"

#include <stdlib.h>

struct pfs_plugin *pfs_plugin_new(void)
{
    return calloc(1, sizeof(struct pfs_plugin));
}

void pfs_plugin_free(struct pfs_plugin *plugin)
{
    if (!plugin)
        return;
    free(plugin->name);
    free(plugin->version);
    free(plugin->summary);
    free(plugin->protocols);
    free(plugin->main_protocol);
    free(plugin->authority);
    free(plugin->library);
    free(plugin->manifest);
    free(plugin->hint);
    free(plugin->failure);
    pfs_option_rows_clear(&plugin->options);
    free(plugin);
}

int pfs_scheme_valid(const char *text, size_t length)
{
    if (length < 1 || length > 32 || text[0] < 'a' || text[0] > 'z')
        return 0;
    for (size_t i = 0; i < length; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') || text[i] == '+' ||
              text[i] == '.' || text[i] == '-'))
            return 0;
    return 1;
}

int pfs_plugin_name_valid(const char *name)
{
    size_t length = strlen(name);
    return length >= 1 && length <= 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

/* Every word of a protocol list is a scheme, and there is one at least. */
static int protocols_valid(const char *words)
{
    int count = 0;
    for (const char *at = words; at && *at;) {
        size_t n = strcspn(at, " ");
        if (!pfs_scheme_valid(at, n))
            return 0;
        count++;
        at += n + strspn(at + n, " ");
    }
    return count > 0;
}

/* ---- the description ----------------------------------------------------------------------------------- */

static int description_check(const struct polyfs_plugin *raw, struct polyfs_error *err)
{
    if (raw->magic != POLYFS_PLUGIN_MAGIC)
        return polyfs_fail(err, POLYFS_PLUGIN, "its description has a wrong magic (0x%08x)", raw->magic);
    if (raw->struct_size < sizeof(struct polyfs_plugin))
        return polyfs_fail(err, POLYFS_PLUGIN, "its description is too short (%u of %zu bytes)", raw->struct_size,
                           sizeof(struct polyfs_plugin));
    if (raw->abi_major != POLYFS_PLUGIN_MAJOR)
        return polyfs_fail(err, POLYFS_PLUGIN, "it was built for contract %u, this polyfs has %u", raw->abi_major,
                           POLYFS_PLUGIN_MAJOR);
    if (!raw->name || !pfs_plugin_name_valid(raw->name))
        return polyfs_fail(err, POLYFS_PLUGIN, "its name is not [a-z0-9_]{1,32}");
    if (!raw->protocols || !protocols_valid(raw->protocols))
        return polyfs_fail(err, POLYFS_PLUGIN, "its list of protocols is empty or holds a word that is no scheme");
    if (raw->option_count && (!raw->options || raw->option_stride < sizeof(struct polyfs_option)))
        return polyfs_fail(err, POLYFS_PLUGIN, "its option rows are missing or too short");
    return POLYFS_OK;
}

static const struct polyfs_option *option_at(const struct polyfs_plugin *raw, uint32_t i)
{
    return (const struct polyfs_option *)(const void *)((const char *)raw->options +
                                                        (size_t)i * raw->option_stride);
}

int pfs_plugin_describe(struct pfs_plugin *plugin, const struct polyfs_plugin *raw, struct polyfs_error *err)
{
    int rc = description_check(raw, err);
    if (rc != POLYFS_OK)
        return rc;
    plugin->name = strdup(raw->name);
    plugin->version = strdup(raw->version ? raw->version : "");
    plugin->summary = strdup(raw->summary ? raw->summary : "");
    plugin->protocols = strdup(raw->protocols);
    plugin->main_protocol = pfs_copy(raw->protocols, strcspn(raw->protocols, " "));
    plugin->authority = strdup(raw->authority ? raw->authority : "none");
    plugin->flags = raw->flags;
    plugin->priority = raw->priority;
    if (!plugin->name || !plugin->version || !plugin->summary || !plugin->protocols || !plugin->main_protocol ||
        !plugin->authority)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for its description");
    for (uint32_t i = 0; i < raw->option_count; i++)
        if (pfs_option_rows_add(&plugin->options, option_at(raw, i)) != POLYFS_OK)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for its options");
    return POLYFS_OK;
}

static int same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static int same_option(const struct pfs_option_row *a, const struct pfs_option_row *b)
{
    return same_text(a->name, b->name) && same_text(a->aliases, b->aliases) && same_text(a->env, b->env) &&
           a->type == b->type && a->flags == b->flags && same_text(a->default_value, b->default_value) &&
           same_text(a->choices, b->choices);
}

/* The first thing that differs, or NULL. Version and summary are for people alone. */
static const char *difference(const struct pfs_plugin *a, const struct pfs_plugin *b)
{
    if (!same_text(a->name, b->name))
        return "name";
    if (!same_text(a->protocols, b->protocols))
        return "protocols";
    if (!same_text(a->authority, b->authority))
        return "authority";
    if (a->flags != b->flags)
        return "paths";
    if (a->priority != b->priority)
        return "priority";
    if (a->options.count != b->options.count)
        return "options";
    for (size_t i = 0; i < a->options.count; i++)
        if (!same_option(&a->options.rows[i], &b->options.rows[i]))
            return "options";
    return NULL;
}

int pfs_plugin_agrees(const struct pfs_plugin *plugin, const struct polyfs_plugin *raw, struct polyfs_error *err)
{
    struct pfs_plugin *described = pfs_plugin_new();
    int rc = described ? pfs_plugin_describe(described, raw, err) : polyfs_fail(err, POLYFS_NOMEM, "no memory");
    const char *what = rc == POLYFS_OK ? difference(plugin, described) : NULL;
    char *library = what ? pfs_shell_word(plugin->library) : NULL;
    char *manifest = what ? pfs_shell_word(plugin->manifest) : NULL;
    if (what && (!library || !manifest))
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory");
    else if (what)
        rc = polyfs_fail(err, POLYFS_PLUGIN,
                         "its manifest tells another \"%s\" than the library; to end that: polyfs manifest %s > %s",
                         what, library, manifest);
    free(library);
    free(manifest);
    pfs_plugin_free(described);
    return rc;
}

/* ---- the tables ------------------------------------------------------------------------------------------ */

/* Copies what both sides know of a table; its first member says how much the plugin knows. */
static void table_copy(void *to, size_t room, const void *from)
{
    uint32_t size = 0;
    if (!from)
        return;
    memcpy(&size, from, sizeof(size));
    memcpy(to, from, size < room ? size : room);
}

struct slot_rule {
    const char *name;
    int present;
};

static int required(const char *table, const struct slot_rule *rules, size_t count, struct polyfs_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!rules[i].present)
            return polyfs_fail(err, POLYFS_PLUGIN, "its table \"%s\" lacks the required slot \"%s\"", table,
                               rules[i].name);
    return POLYFS_OK;
}

#define SLOT(table, slot)                                                                                          \
    {                                                                                                              \
#slot, (table)->slot != NULL                                                                               \
    }
#define REQUIRED(name, rules, err) required(name, rules, sizeof(rules) / sizeof((rules)[0]), err)

static int check_paths(const struct pfs_tables *t, struct polyfs_error *err)
{
    const struct slot_rule fs[] = {SLOT(&t->fs, open), SLOT(&t->fs, close), SLOT(&t->fs, caps), SLOT(&t->fs, stat),
                                   SLOT(&t->fs, get)};
    const struct slot_rule lister[] = {SLOT(&t->lister, open), SLOT(&t->lister, next), SLOT(&t->lister, close)};
    const struct slot_rule reader[] = {SLOT(&t->reader, open), SLOT(&t->reader, pread), SLOT(&t->reader, close)};
    int rc = REQUIRED("fs", fs, err);
    if (rc == POLYFS_OK)
        rc = REQUIRED("lister", lister, err);
    if (rc == POLYFS_OK && t->reader.struct_size)
        rc = REQUIRED("reader", reader, err);
    return rc;
}

static int check_shapes(const struct pfs_tables *t, struct polyfs_error *err)
{
    const struct slot_rule upload[] = {SLOT(&t->upload, start), SLOT(&t->upload, part), SLOT(&t->upload, complete),
                                       SLOT(&t->upload, abort)};
    const struct slot_rule placed[] = {SLOT(&t->placed, open), SLOT(&t->placed, write), SLOT(&t->placed, commit),
                                       SLOT(&t->placed, abort)};
    const struct slot_rule stream[] = {SLOT(&t->stream, open), SLOT(&t->stream, write), SLOT(&t->stream, commit),
                                       SLOT(&t->stream, abort)};
    int rc = POLYFS_OK;
    if (t->upload.struct_size)
        rc = REQUIRED("upload", upload, err);
    if (rc == POLYFS_OK && t->placed.struct_size)
        rc = REQUIRED("placed", placed, err);
    if (rc == POLYFS_OK && t->stream.struct_size)
        rc = REQUIRED("stream", stream, err);
    return rc;
}

int pfs_plugin_accept(struct pfs_plugin *plugin, const struct polyfs_plugin *raw, struct polyfs_error *err)
{
    struct pfs_tables tables;
    memset(&tables, 0, sizeof(tables));
    int rc = description_check(raw, err);
    if (rc != POLYFS_OK)
        return rc;
    table_copy(&tables.fs, sizeof(tables.fs), raw->fs);
    table_copy(&tables.lister, sizeof(tables.lister), raw->lister);
    table_copy(&tables.reader, sizeof(tables.reader), raw->reader);
    table_copy(&tables.upload, sizeof(tables.upload), raw->upload);
    table_copy(&tables.placed, sizeof(tables.placed), raw->placed);
    table_copy(&tables.stream, sizeof(tables.stream), raw->stream);
    rc = check_paths(&tables, err);
    if (rc == POLYFS_OK)
        rc = check_shapes(&tables, err);
    if (rc == POLYFS_OK)
        plugin->tables = tables;
    return rc;
}
