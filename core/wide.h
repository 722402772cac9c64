/* SPDX-License-Identifier: Apache-2.0 */
/* One large range, in parts that are read several at a time, straight into the caller's memory. */
#ifndef PFS_WIDE_H
#define PFS_WIDE_H

#include "core/verb.h"

struct pfs_wide {
    void *handle;        /* the plugin's reader, or NULL: read by get */
    const char *etag;    /* of the version that is read; "" unknown */
    const char *version; /* or NULL */
    uint64_t offset;
    unsigned char *buffer;
    uint64_t length;
};

/* Is that worth it: a store across a network, and more than a part? */
int pfs_wide_pays(const struct polyfs_fs *fs, uint64_t length);
/* *out_n is less than the length only at the end of the object. In one piece where parts would not overlap. */
int pfs_wide_read(struct pfs_verb *verb, const struct pfs_wide *wide, uint64_t *out_n);

#endif
