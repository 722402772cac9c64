/* SPDX-License-Identifier: Apache-2.0 */
/* Small text files that somebody else keeps: documents of credentials, tokens. */
#ifndef PS_FILE_H
#define PS_FILE_H

#include "buf.h"

/* A file whole, behind what is in @out; NOT_FOUND or NOT_DIR when there is none, CONFIG for one over 1 MiB. */
int ps_file_read(const char *file, struct ps_buf *out, struct polyfs_error *err);

#endif
