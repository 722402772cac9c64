/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints let go by name. */
#include "run.h"

int polyfs_ckpt_drop(struct polyfs_ckpt *ckpt, const char *const *names, size_t count, struct polyfs_error *err)
{
    struct ckpt_record next;
    if (ckpt->flags & POLYFS_CKPT_READ_ONLY)
        return ckpt_fail(err, POLYFS_PERMISSION, "drop from", ckpt->url, "the run was opened read-only");
    if (ckpt->ranks.rank)
        return ckpt_fail(err, POLYFS_PERMISSION, "drop from", ckpt->url, "rank 0 alone puts records");
    int rc = ckpt_record_copy(&next, &ckpt->state);
    if (rc != POLYFS_OK)
        return ckpt_fail(err, rc, "drop from", ckpt->url, "no memory");
    next.seq++;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        if (!ckpt_record_find(&next, names[i]))
            rc = ckpt_fail(err, POLYFS_NOT_FOUND, "drop from", ckpt->url, "it has no checkpoint \"%s\"", names[i]);
        else if ((rc = ckpt_record_drop(&next, names[i])) != POLYFS_OK)
            ckpt_fail(err, rc, "drop from", ckpt->url, "no memory");
    }
    if (rc == POLYFS_OK && count)
        rc = ckpt_commit(ckpt, &next, err);
    ckpt_record_clear(&next);
    return rc;
}
