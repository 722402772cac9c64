/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings and pairs that cross from plugins to callers. Core owns the memory, whatever allocator a plugin uses.
 * All functions end in POLYFS_NOMEM rather than abort.
 */
#ifndef PFS_TEXT_H
#define PFS_TEXT_H

#include "polyfs/fs.h"
#include "polyfs/plugin.h"

/* One string, grown as needed. {NULL, 0, 0} is empty and valid. */
struct polyfs_text {
    char *data; /* NUL-terminated once anything was set */
    size_t length;
    size_t room;
};

/* Names with values, each an allocation of its own. All zero is empty and valid. */
struct polyfs_pairs {
    struct polyfs_kv *rows;
    size_t count;
    size_t room;
};

int pfs_text_set(struct polyfs_text *text, const char *data, uint64_t length);
int pfs_text_add(struct polyfs_text *text, const char *data, uint64_t length);
/* Hands the memory to the caller; the text is empty then. "" when nothing was set; NULL without memory. */
char *pfs_text_steal(struct polyfs_text *text);
void pfs_text_clear(struct polyfs_text *text);

int pfs_pairs_add(struct polyfs_pairs *pairs, const char *key, const char *value);
/* Takes a pair out; nothing happens when it is not there. */
void pfs_pairs_drop(struct polyfs_pairs *pairs, const char *key);
/* All behind the first @count. */
void pfs_pairs_cut(struct polyfs_pairs *pairs, size_t count);
void pfs_pairs_clear(struct polyfs_pairs *pairs);

/* malloc'ed form of a path that a shell takes as one word, as it is where that is so; or NULL. */
char *pfs_shell_word(const char *path);
/* malloc'ed copy of @length bytes with a NUL behind them, or NULL. */
char *pfs_copy(const char *data, size_t length);
char *pfs_format(const char *format, ...) POLYFS_PRINTF(1, 2);

/* Makes room for one more row of @row_bytes in an array that doubles; POLYFS_OK or POLYFS_NOMEM. */
int pfs_grow(void **rows, size_t *room, size_t count, size_t row_bytes);

/* Of the ' '-separated words in @words, is @word one? */
int pfs_words_have(const char *words, const char *word);

#endif
