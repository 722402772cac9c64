/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoints of a run, told and verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy.h"
#include "view.h"

/* ---- listing and verifying ---------------------------------------------------------------------------------- */

struct polyfs_ckpt_list {
    struct polyfs_ckpt_info *rows;
    size_t count;
};

int polyfs_ckpt_list(struct polyfs_ckpt *ckpt, struct polyfs_ckpt_list **out_list, struct polyfs_error *err)
{
    struct ckpt_record record;
    char note[512] = "";
    int found = 0;
    ckpt_record_init(&record);
    int rc = ckpt_log_newest(ckpt, CKPT_WHOLE, &record, &found, note, sizeof(note), err);
    if (rc == POLYFS_OK)
        rc = ckpt_legacy_look(ckpt, &record, err);
    if (rc != POLYFS_OK) {
        ckpt_record_clear(&record);
        return rc;
    }
    struct polyfs_ckpt_list *list = calloc(1, sizeof(*list));
    if (list)
        list->rows = calloc(record.live_count ? record.live_count : 1, sizeof(*list->rows));
    if (!list || !list->rows) {
        free(list);
        ckpt_record_clear(&record);
        return ckpt_fail(err, POLYFS_NOMEM, "list", ckpt->url, "no memory");
    }
    for (size_t i = record.live_count; i-- > 0;) {
        struct polyfs_ckpt_info *info = &list->rows[list->count++];
        ckpt_info_fill(info, &record.live[i], &record);
        if (*note) {
            info->flags |= POLYFS_CKPT_FELL_BACK;
            snprintf(info->note, sizeof(info->note), "%s", note);
        }
    }
    ckpt_record_clear(&record);
    *out_list = list;
    return POLYFS_OK;
}

size_t polyfs_ckpt_list_count(const struct polyfs_ckpt_list *list)
{
    return list->count;
}

const struct polyfs_ckpt_info *polyfs_ckpt_list_at(const struct polyfs_ckpt_list *list, size_t index)
{
    return index < list->count ? &list->rows[index] : NULL;
}

void polyfs_ckpt_list_free(struct polyfs_ckpt_list *list)
{
    if (!list)
        return;
    free(list->rows);
    free(list);
}

int polyfs_ckpt_verify(struct polyfs_ckpt *ckpt, const char *which, uint32_t flags, polyfs_ckpt_verify_fn *done,
                       void *user, struct polyfs_error *err)
{
    struct ckpt_record record;
    int found = 0, first = POLYFS_OK, seen = 0;
    uint32_t check = flags & POLYFS_CKPT_SIZES_ONLY ? 0 : POLYFS_CKPT_CHECK_BYTES;
    ckpt_record_init(&record);
    int rc = ckpt_log_newest(ckpt, CKPT_WHOLE, &record, &found, NULL, 0, err);
    if (rc == POLYFS_OK)
        rc = ckpt_legacy_look(ckpt, &record, err);
    for (size_t i = record.live_count; rc == POLYFS_OK && i-- > 0;) {
        struct polyfs_error why = POLYFS_ERROR_INIT;
        struct polyfs_ckpt_view *view = NULL;
        struct polyfs_ckpt_info info;
        if (which && strcmp(record.live[i].name, which) != 0)
            continue;
        seen = 1;
        int code = ckpt_view_whole(ckpt, &record.live[i], &record, check, &view, &why);
        polyfs_ckpt_view_close(view);
        if (code != POLYFS_OK && first == POLYFS_OK) {
            first = code;
            if (err)
                *err = why;
        }
        ckpt_info_fill(&info, &record.live[i], &record);
        if (done)
            done(&info, code, code == POLYFS_OK ? "" : why.message, user);
    }
    ckpt_record_clear(&record);
    if (rc == POLYFS_OK && which && !seen)
        return ckpt_fail(err, POLYFS_NOT_FOUND, "verify", ckpt->url, "it has no checkpoint \"%s\"", which);
    return rc == POLYFS_OK ? first : rc;
}
