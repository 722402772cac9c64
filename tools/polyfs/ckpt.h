/* SPDX-License-Identifier: Apache-2.0 */
/* What the ckpt verbs share: an open run, and a checkpoint as a line or an object. */
#ifndef POLYFS_TOOLS_CKPT_H
#define POLYFS_TOOLS_CKPT_H

#include "cli.h"

/* Both: NULL when it was told. The second puts its own in front of what @opts says of the store and of calls. */
struct polyfs_ckpt *cli_ckpt_open(const char *url, uint32_t flags, uint32_t keep, int *out_rc);
struct polyfs_ckpt *cli_ckpt_open_with(const char *url, const struct polyfs_ckpt_opts *opts, int *out_rc);
json_t *cli_ckpt_json(const struct polyfs_ckpt_info *info);
void cli_ckpt_head(void);
void cli_ckpt_line(const struct polyfs_ckpt_info *info);
/* Opens which checkpoint, and says it when a newer one was passed over. NULL: told. */
struct polyfs_ckpt_view *cli_ckpt_load(struct polyfs_ckpt *ckpt, const char *which, int *out_rc);
/* A whole number of an option, POLYFS_CKPT_NO_STEP when @text is NULL; a mistake is told. */
int cli_ckpt_number(const char *option, const char *text, int64_t *out);
void cli_ckpt_saved(const char *url, const struct polyfs_ckpt_info *info); /* tells it */
void cli_ckpt_loaded(const char *folder, const struct polyfs_ckpt_info *info);
/* Prints the name of one of a run, or its row. */
int cli_ckpt_name(const char *url, const char *which);

#endif
