/* SPDX-License-Identifier: Apache-2.0 */
/* What a filesystem keeps of its options. */
#ifndef PS_TEXTS_H
#define PS_TEXTS_H

#include "buf.h"

/* Texts that stay as long as a filesystem; they may be secret, and are wiped. */
#define PS_TEXTS_MAX 32
struct ps_texts {
    char *at[PS_TEXTS_MAX]; /* owned */
    unsigned count;
};
/* A copy of a text, until ps_texts_clear(); NULL and "" give NULL. Sets *failed when there is no memory. */
const char *ps_texts_keep(struct ps_texts *texts, const char *text, int *failed);
void ps_texts_clear(struct ps_texts *texts);

/* An option's text, or NULL when it has none or "". */
const char *ps_option(const struct polyfs_options *options, const char *name);
/* Is it what this variable of the environment says? */
int ps_is_of_env(const struct polyfs_options *options, const char *value, const char *variable);

#endif
