/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs share that look at tensors: those of a run's checkpoint, or of one file on any store. */
#ifndef POLYFS_TOOLS_TENSORS_H
#define POLYFS_TOOLS_TENSORS_H

#include "ckpt.h"

struct cli_tensors {
    struct polyfs_tensors *tensors;
    struct polyfs_ckpt_view *view; /* NULL: of a file */
};

/* Whether the name says that it is a file of tensors: .safetensors, .ckpt, .pt, .pth. */
int cli_is_tensors(const char *url);
/* @which: a checkpoint of the run at @url, or NULL: the file there, or the latest. A failure is told. */
int cli_tensors_open(const char *url, const char *which, struct cli_tensors *out);
void cli_tensors_close(struct cli_tensors *from);
/* Bytes of those that fit @pattern; NULL: of all. */
uint64_t cli_tensors_bytes(const struct cli_tensors *from, const char *pattern);

#endif
