/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: rows that describe them, and the values that one filesystem was opened with.
 *
 * Who wins: call > URL > the protocol's environment variables > POLYFS_<PROTO>_<KEY> > ~/.config/polyfs/(all).ini >
 * default. (The ecosystem's own files come between the last two; plugins read them.) Every value remembers its source.
 */
#ifndef PFS_OPTIONS_H
#define PFS_OPTIONS_H

#include "core/error.h"
#include "core/text.h"

/* A row of core's own, with its text owned: made of a plugin's table or of its manifest. */
struct pfs_option_row {
    char *name, *aliases, *env, *default_value, *choices, *help; /* default_value NULL: none */
    uint32_t type;                                               /* enum polyfs_option_type */
    uint32_t flags;                                              /* POLYFS_OPTION_SECRET */
};

struct pfs_option_rows {
    struct pfs_option_row *rows;
    size_t count, room;
};

/* Rows that every protocol has: timeout, retries, durability, part_bytes, fault. Never freed. */
const struct pfs_option_rows *pfs_common_rows(void);

int pfs_option_rows_add(struct pfs_option_rows *rows, const struct polyfs_option *row);
void pfs_option_rows_clear(struct pfs_option_rows *rows);
const char *pfs_option_type_name(uint32_t type);
/* POLYFS_INVALID when there is none of that name. */
int pfs_option_type_of(const char *name, uint32_t *out_type);

/* What a resolved value says of itself. */
struct pfs_option_value {
    const struct pfs_option_row *row;
    char *text;     /* NULL: not set and no default */
    int64_t number; /* bool, int, size in bytes, duration in ms */
    char *source;   /* "call", "url", "env AWS_REGION", "file …", "default" */
};

struct polyfs_options {
    const char *protocol;
    char *authority;
    struct pfs_option_value *values; /* one a row: the common ones, then the plugin's */
    size_t count;
    int env_open; /* the environment may be read: only while fs.open runs on the caller's thread */
};

/*
 * Resolve. @call: NULL or "name=value" strings ended by NULL. An unknown name is POLYFS_CONFIG and the message
 * names the nearest. @rows must outlive the result.
 */
int pfs_options_resolve(const char *protocol, const struct pfs_option_rows *rows, const char *const *call,
                        const char *url_query, const char *authority, struct polyfs_options **out,
                        struct polyfs_error *err);
void pfs_options_free(struct polyfs_options *options);

/* A key that is the same exactly when the values are; secrets go in as SHA-256. NULL without memory. */
char *pfs_options_key(const struct polyfs_options *options);

/* For plugins, through the host table. */
const char *pfs_options_text(const struct polyfs_options *options, const char *name);
int64_t pfs_options_number(const struct polyfs_options *options, const char *name);
const char *pfs_options_env(const struct polyfs_options *options, const char *name);
const char *pfs_options_authority(const struct polyfs_options *options);

/* The environment on the caller's thread, outside any open; NULL when the process is setuid. */
const char *pfs_env(const char *name);

/* "64MiB" → bytes, "10s" → ms, "true" → 1, "12" → 12. POLYFS_CONFIG with the reason otherwise. */
int pfs_option_number(uint32_t type, const char *text, int64_t *out, struct polyfs_error *err);

/* The word of @words (separated by ' ') that is nearest to @word by edit distance, or NULL when none is near. */
char *pfs_nearest(const char *words, const char *word);

#endif
