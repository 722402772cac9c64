/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that hold checkpoints but no log: read as they are. docs/checkpoints.md, "Folders without a log". */
#ifndef CKPT_LEGACY_H
#define CKPT_LEGACY_H

#include "run.h"

/*
 * When @record names no checkpoint: makes it name those that lie in the run's folder, the newest last. A file by its
 * ending; if there is no log (its seq is 0), also a folder by a step in its name. They have no attempt.
 */
int ckpt_legacy_look(struct polyfs_ckpt *ckpt, struct ckpt_record *record, struct polyfs_error *err);

/* What stands for the manifest of such a folder: its files and their sizes; their checksums are not known. */
int ckpt_legacy_files(struct polyfs_fs *fs, const char *folder, const struct polyfs_call_opts *call,
                      struct ckpt_manifest *out, struct polyfs_error *err);

/* The step, or epoch, in a name: behind that word, and a step also as the name's last number. POLYFS_CKPT_NO_STEP. */
int64_t ckpt_legacy_number(const char *name, const char *word);

#endif
