/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin as core holds it: what its manifest says, and, once loaded, core's own copies of its tables.
 */
#ifndef PFS_PLUGIN_H
#define PFS_PLUGIN_H

#include "core/options.h"
#include "polyfs/plugin.h"
#include "polyfs/registry.h"

/* Core's copies; a table that the plugin lacks is all zero. */
struct pfs_tables {
    struct polyfs_fs_ops fs;
    struct polyfs_lister_ops lister;
    struct polyfs_reader_ops reader;
    struct polyfs_upload_ops upload;
    struct polyfs_placed_ops placed;
    struct polyfs_stream_ops stream;
};

struct pfs_plugin {
    /* of the manifest or the description; immutable once the registry lists it */
    char *name, *version, *summary;
    char *main_protocol;
    char *protocols; /* ' '-separated, the main one first */
    char *authority; /* "none", "bucket", "container@account", "host:port" */
    char *library;   /* absolute path, or "" for a hint and for one that is linked in */
    char *manifest;  /* absolute path, or "" */
    char *hint;      /* what can be done today; only without a library */
    uint32_t flags;  /* POLYFS_PLUGIN_… */
    uint32_t priority;
    uint32_t rank; /* of its folder: 0 linked in, then in search order */
    struct pfs_option_rows options;

    /* guarded by the registry's lock */
    char *failure; /* why it cannot be used, as told from outside; NULL */
    int trusted;   /* the program named its folder */
    int loaded;    /* tables below are valid, for ever */
    struct pfs_tables tables;
};

struct pfs_plugin *pfs_plugin_new(void);
void pfs_plugin_free(struct pfs_plugin *plugin);

/* Take over what an entry point described: check it and copy the tables. POLYFS_PLUGIN with the reason. */
int pfs_plugin_accept(struct pfs_plugin *plugin, const struct polyfs_plugin *raw, struct polyfs_error *err);
/* Fill names and rows from a description, for one that is linked in or a manifest about to be written. */
int pfs_plugin_describe(struct pfs_plugin *plugin, const struct polyfs_plugin *raw, struct polyfs_error *err);

/* Whether what the manifest said, and people saw, is what the library describes. POLYFS_PLUGIN with what is not. */
int pfs_plugin_agrees(const struct pfs_plugin *plugin, const struct polyfs_plugin *raw, struct polyfs_error *err);

/* [a-z][a-z0-9+.-]*, at most 32 bytes. */
int pfs_scheme_valid(const char *text, size_t length);
/* [a-z0-9_]{1,32} */
int pfs_plugin_name_valid(const char *name);

#endif
