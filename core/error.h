/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors inside core. They are filled once, at the bottom (polyfs_fail); on the way out a public verb puts its
 * name and URI in front (pfs_error_out). Nothing on the way replaces what the bottom said.
 */
#ifndef PFS_ERROR_H
#define PFS_ERROR_H

#include "polyfs/plugin.h"

/* A local error without clearing its 2 KiB: it is written whole when something fails. */
#define PFS_ERROR(name)                                                                                            \
    struct polyfs_error name;                                                                                      \
    (name).struct_size = (uint32_t)sizeof(name);                                                                   \
    (name).code = POLYFS_OK

/*
 * Hand an inner error to the caller: "cannot VERB URI: message". @url may be NULL. Returns @rc. When @rc is not
 * the code that @inner holds, @inner was never filled, and the message is made of the code.
 */
int pfs_error_out(struct polyfs_error *err, const struct polyfs_error *inner, int rc, const char *verb,
                  const char *url);

/* Copies a finished error to the caller, whose struct may be smaller, or missing. */
void pfs_error_copy(struct polyfs_error *to, const struct polyfs_error *from);

/* The same for a bad argument found before anything was done. */
int pfs_error_arg(struct polyfs_error *err, const char *verb, const char *format, ...) POLYFS_PRINTF(3, 4);

/* Copies @from to @to, of which at most @room bytes; cuts at a whole UTF-8 character, a long one in the middle. */
void pfs_error_text(char *to, size_t room, const char *from);

#endif
