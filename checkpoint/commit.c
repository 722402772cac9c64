/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one commit point, and what follows it: put the record; look whether it is the newest; only then remove what
 * earlier records dropped (sweep.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "segment.h"

#define NUMBERS 64

static int fenced(const struct polyfs_ckpt *ckpt, struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_CONDITION, "save to", ckpt->url,
                     "another process has taken over this run; this one must stop saving to it");
}

/* The number is taken. Ours, when the reply to an earlier attempt was lost; else somebody has taken over. */
static int resolve_taken(struct polyfs_ckpt *ckpt, const struct ckpt_record *next, struct polyfs_error *err)
{
    struct ckpt_record there;
    int rc = ckpt_log_get(ckpt, next->seq, &there, err);
    if (rc != POLYFS_OK)
        return rc;
    int ours = strcmp(there.writer, next->writer) == 0 && there.time_ns == next->time_ns;
    ckpt_record_clear(&there);
    return ours ? POLYFS_OK : fenced(ckpt, err);
}

static void keep_last(struct polyfs_ckpt *ckpt)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    if (ckpt_last_make(ckpt, &why) != POLYFS_OK && !*ckpt->undone)
        snprintf(ckpt->undone, sizeof(ckpt->undone), "%.500s", why.message);
}

/* Who is alone looks only before something is removed: what was dropped, or records beyond those kept. */
static int must_look(struct polyfs_ckpt *ckpt, const struct ckpt_record *next)
{
    if (ckpt->blind)
        return 0;
    if (ckpt->flags & POLYFS_CKPT_ALONE && !next->garbage_count &&
        ++ckpt->unseen < ckpt->keep_records + CKPT_RECORDS_LATE)
        return 0;
    ckpt->unseen = 0;
    return 1;
}

int ckpt_commit(struct polyfs_ckpt *ckpt, struct ckpt_record *next, struct polyfs_error *err)
{
    uint64_t numbers[NUMBERS];
    size_t count = 0;
    next->time_ns = ckpt_now_ns();
    memcpy(next->writer, ckpt->writer, sizeof(next->writer));
    int rc = ckpt_segments_settle(ckpt, next, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = ckpt_log_put(ckpt, next, err);
    if (rc == POLYFS_EXISTS)
        rc = resolve_taken(ckpt, next, err);
    if (rc != POLYFS_OK)
        return rc;
    /* A zombie may have put a number that was removed long ago; only the newest record may remove anything. */
    const int looks = must_look(ckpt, next);
    if (looks)
        rc = ckpt_log_numbers(ckpt, numbers, NUMBERS, &count, NULL);
    if (rc == POLYFS_OK && count && numbers[0] != next->seq)
        return fenced(ckpt, err);
    pthread_mutex_lock(&ckpt->lock);
    ckpt_record_clear(&ckpt->state);
    ckpt->state = *next;
    pthread_mutex_unlock(&ckpt->lock);
    ckpt_record_init(next);
    ckpt->undone[0] = '\0';
    if (ckpt->blind && ckpt->state.garbage_count)
        ckpt_undone(ckpt, "what was dropped stays: this store refuses to list; allow to list and delete below", "");
    keep_last(ckpt);
    if (rc == POLYFS_OK && looks && count) /* a log that does not show our record shows nothing */
        ckpt_sweep(ckpt, numbers, count);
    return POLYFS_OK;
}
