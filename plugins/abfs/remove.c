/* SPDX-License-Identifier: Apache-2.0 */
/* Removal of one blob; many in one request are batch.c's. */
#include "abfs.h"

int abfs_remove(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *version,
                const struct polyfs_condition *condition, struct polyfs_error *err)
{
    struct abfs_target target;
    struct abfs_request r;
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    abfs_request_init(&r, "DELETE", &target);
    abfs_query(&r, "versionid", version);
    abfs_header(&r, "x-ms-delete-snapshots", version ? NULL : "include");
    abfs_header(&r, "if-match", condition ? condition->if_match : NULL);
    rc = abfs_send_only(self, call, &r, err);
    return condition ? abfs_lost(rc, condition, err) : rc;
}
