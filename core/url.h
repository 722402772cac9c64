/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a URL apart. Nothing is decoded, folded or normalised (docs/paths.md). */
#ifndef PFS_URL_H
#define PFS_URL_H

#include "core/error.h"

struct pfs_url {
    char scheme[33];  /* lower case by grammar; "file" for a plain path */
    const char *rest; /* borrowed: what follows `://`, or the plain path */
};

/*
 * POLYFS_INVALID: "s3:/bucket" with a known protocol (names the right spelling), a scheme over 32 bytes, an empty
 * text. POLYFS_UNSUPPORTED: a chain `a::b`.
 */
int pfs_url_parse(const char *url, struct pfs_url *out, struct polyfs_error *err);

/* For messages: userinfo and anything behind '?' left out. Cut to @room. */
void pfs_url_redact(const char *url, char *out, size_t room);

#endif
