/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios of what comes before a store: opening by URL, settings from files, the registry, manifests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "torture.h"

static void object(struct world *w)
{
    plant(w, "a", 300);
}

static int call_open(struct world *w, struct polyfs_error *err)
{
    char *path = NULL;
    struct polyfs_fs *fs = NULL;
    int rc = polyfs_fs_open(url_at(w, "a"), options_of(w), &fs, &path, err);
    if (rc == POLYFS_OK)
        rc = polyfs_stat(fs, path, NULL, NULL, &w->out.stat, err);
    polyfs_free(path);
    polyfs_fs_close(fs);
    return rc;
}

static const char *check_open(const struct world *w)
{
    return w->out.stat.size == 300 ? NULL : "the facts are wrong";
}

/* $XDG_CONFIG_HOME of this scenario, with two files of settings; the durability they ask for cannot be seen. */
static void settings(struct world *w)
{
    char path[300];
    object(w);
    setenv("XDG_CONFIG_HOME", w->folder, 1);
    snprintf(path, sizeof(path), "%s/polyfs", w->folder);
    mkdir(path, 0777);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/polyfs/%d.ini", w->folder, i);
        FILE *file = fopen(path, "w");
        if (!file || fprintf(file, "[%s]\nattempts=%d\ndurability=none\n", w->store, 5 + i) < 0 ||
            fclose(file) != 0)
            must(POLYFS_IO, "write settings", NULL);
    }
}

static int call_settings(struct world *w, struct polyfs_error *err)
{
    int rc = call_open(w, err);
    return rc;
}

static int call_registry(struct world *w, struct polyfs_error *err)
{
    struct polyfs_implementations *list = NULL;
    int rc = polyfs_known_implementations(0, &list, err);
    if (rc == POLYFS_OK) {
        w->out.n = 0;
        for (size_t i = 0; i < polyfs_implementations_count(list); i++)
            w->out.n += polyfs_implementations_at(list, i)->state == POLYFS_PLUGIN_AVAILABLE;
        w->out.rows = (unsigned)polyfs_implementations_count(list);
    }
    polyfs_implementations_free(list);
    return rc;
}

static const char *check_registry(const struct world *w)
{
    static unsigned rows;
    if (!rows)
        rows = w->out.rows;
    return w->out.n >= 3 && w->out.rows == rows ? NULL : "protocols are missing";
}

static int call_manifest(struct world *w, struct polyfs_error *err)
{
    struct polyfs_option_list *list = NULL;
    int rc = polyfs_protocol_options(w->store, &list, err);
    if (rc == POLYFS_OK)
        w->out.n = polyfs_option_list_count(list);
    polyfs_option_list_free(list);
    return rc;
}

static const char *check_manifest(const struct world *w)
{
    return w->out.n >= 5 ? NULL : "options are missing";
}

static int call_sub(struct world *w, struct polyfs_error *err)
{
    struct polyfs_fs *sub = NULL;
    int rc = polyfs_fs_sub(w->fs, at(w, ""), POLYFS_SUB_CONFINE, NULL, &sub, err);
    if (rc == POLYFS_OK)
        rc = polyfs_stat(sub, "a", NULL, NULL, &w->out.stat, err);
    polyfs_fs_close(sub);
    return rc;
}

const struct scenario setup_scenarios[] = {
    {"open", ON_BOTH, object, call_open, check_open, NULL, NULL, NULL},
    {"settings", ON_BOTH | NO_SLOTS, settings, call_settings, check_open, NULL, NULL, NULL},
    {"registry", ON_MEMORY | NO_SLOTS, NULL, call_registry, check_registry, NULL, NULL, NULL},
    {"manifest", ON_BOTH | NO_SLOTS, NULL, call_manifest, check_manifest, NULL, NULL, NULL},
    {"sub", ON_ALL, object, call_sub, check_open, NULL, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
