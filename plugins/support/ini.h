/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of other tools (~/.aws/config, credentials) as botocore reads them: sections, `#` and `;` lines, `=` or `:`,
 * values over several lines, a block of nested keys under an empty value, a byte-order mark, lines of any length. Nothing
 * is interpolated.
 */
#ifndef PS_INI_H
#define PS_INI_H

#include "buf.h"

struct ps_ini;

/* A file that does not exist is an empty one. CONFIG with file and line for one that makes no sense. */
int ps_ini_load(const char *path, struct ps_ini **out, struct polyfs_error *err);
void ps_ini_free(struct ps_ini *ini);

/* The last value of a key, or NULL. @section without brackets, blanks between its words counted as one. A nested key is
 * named "outer.inner". */
const char *ps_ini_get(const struct ps_ini *ini, const char *section, const char *key);
int ps_ini_has(const struct ps_ini *ini, const char *section);

#endif
