/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints let go by name. */
#include "run.h"

static int drop_some(struct polyfs_ckpt *ckpt, const char *const *names, size_t count, struct polyfs_error *err)
{
    struct ckpt_record next;
    int rc = ckpt_record_copy(&next, &ckpt->state);
    next.seq++;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++)
        rc = ckpt_record_drop(&next, names[i]);
    rc = rc == POLYFS_OK ? ckpt_commit(ckpt, &next, err) : ckpt_fail(err, rc, "drop from", ckpt->url, "no memory");
    ckpt_record_clear(&next);
    return rc;
}

int polyfs_ckpt_drop(struct polyfs_ckpt *ckpt, const char *const *names, size_t count, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    if (ckpt->flags & POLYFS_CKPT_READ_ONLY)
        return ckpt_fail(err, POLYFS_PERMISSION, "drop from", ckpt->url, "the run was opened read-only");
    if (ckpt->ranks.rank)
        return ckpt_fail(err, POLYFS_PERMISSION, "drop from", ckpt->url, "rank 0 alone puts records");
    for (size_t i = 0; i < count; i++)
        if (!ckpt_record_find(&ckpt->state, names[i]))
            return ckpt_fail(err, POLYFS_NOT_FOUND, "drop from", ckpt->url, "it has no checkpoint \"%s\"",
                             names[i]);
    for (size_t i = 0; i < count && rc == POLYFS_OK; i += CKPT_DROPS_MAX)
        rc = drop_some(ckpt, names + i, count - i < CKPT_DROPS_MAX ? count - i : CKPT_DROPS_MAX, err);
    return rc;
}
