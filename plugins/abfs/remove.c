/* SPDX-License-Identifier: Apache-2.0 */
/* Removal of one blob; many in one request are batch.c's. */
#include "abfs.h"

/* A blob that is not there has no etag either, and some servers say no more than that; a HEAD tells. */
static int lost(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                const struct polyfs_condition *condition, int rc, struct polyfs_error *err)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (rc != POLYFS_CONDITION || !condition->if_match)
        return rc;
    if (abfs_stat(call, fs, path, path_len, version, &stat, NULL, &why) != POLYFS_NOT_FOUND)
        return abfs_lost(rc, condition, err);
    if (err)
        *err = why;
    return POLYFS_NOT_FOUND;
}

int abfs_remove(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *version,
                const struct polyfs_condition *condition, struct polyfs_error *err)
{
    struct ps_target target;
    struct abfs_request r;
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = abfs_lake_probe(self, call, &target,
                             err); /* the Blob endpoint of a lake removes an empty folder, too */
    if (rc != POLYFS_OK)
        return rc;
    if (abfs_lake(self) == POLYFS_YES)
        return abfs_lake_remove(self, call, &target, condition, err);
    abfs_request_init(&r, "DELETE", &target);
    abfs_query(&r, "versionid", version);
    abfs_header(&r, "x-ms-delete-snapshots", version ? NULL : "include");
    abfs_header(&r, "if-match", condition ? condition->if_match : NULL);
    rc = abfs_send_only(self, call, &r, err);
    return condition ? lost(call, self, path, path_len, version, condition, rc, err) : rc;
}
