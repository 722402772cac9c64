/* SPDX-License-Identifier: Apache-2.0 */
/* Copies within one store. */
#ifndef PFS_COPY_H
#define PFS_COPY_H

#include "core/verb.h"

/* The verb's path is the target. @etag pins the source, or NULL. */
int pfs_copy_by_store(struct pfs_verb *verb, const char *source, const char *etag,
                      const struct polyfs_put_request *request, struct polyfs_stat *out);

#endif
