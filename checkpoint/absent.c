/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What "not found" is said of. Where a store answers with it in words of its own, the bucket may be what is missing:
 * removed, or never there. Then nothing can be told of what it holds, and a training must not begin anew as if there
 * were none.
 */
#include <stdlib.h>
#include <string.h>

#include "run.h"

int ckpt_absent(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *call,
                struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (!err || !*err->native_code) /* it is the store that says so, in words of its own */
        return POLYFS_NOT_FOUND;
    char *bucket = strndup(path, strcspn(path, "/"));
    int rc = bucket ? polyfs_stat(fs, bucket, NULL, call, &stat, NULL) : POLYFS_NOMEM;
    if (rc == POLYFS_NOT_FOUND)
        rc = ckpt_fail(
            err, POLYFS_CONFIG, "find", path,
            "the bucket \"%s\" is not there, so what is in it cannot be told; is the URL right? A new one "
            "is made by: polyfs mb",
            bucket);
    else
        rc = POLYFS_NOT_FOUND; /* of what was asked for, as far as can be told */
    free(bucket);
    return rc;
}
