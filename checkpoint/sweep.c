/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records let go is removed, once a later record is the newest. Removal never makes a save fail: what is left stays
 * in the record's garbage and is tried again with the next one. Where folders are names that objects share, the files of
 * victims and old records go by one request, together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

void ckpt_undone(struct polyfs_ckpt *ckpt, const char *what, const char *below)
{
    if (!*ckpt->undone)
        snprintf(ckpt->undone, sizeof(ckpt->undone), "%s %s%s", what, ckpt->url, below);
}

static void victim_stays(struct polyfs_ckpt *ckpt)
{
    ckpt_undone(ckpt, "what was dropped stays: this store refuses to remove it; allow to list and delete below",
                "");
}

/* ---- folder by folder --------------------------------------------------------------------------------------------- */

/* The name's folder goes with its last attempt. */
static void drop_empty_parents(struct polyfs_ckpt *ckpt, const char *name)
{
    char *path = ckpt_below(ckpt, "%s", name);
    while (path && strlen(path) > strlen(ckpt->root) &&
           polyfs_rmdir(ckpt->fs, path, 0, &ckpt->call, NULL) == POLYFS_OK) {
        char *slash = strrchr(path, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    free(path);
}

static int remove_folder(struct polyfs_ckpt *ckpt, const struct ckpt_garbage *garbage)
{
    char *path = ckpt_attempt_folder(ckpt, garbage->name, garbage->attempt);
    if (!path)
        return POLYFS_NOMEM;
    int rc = polyfs_remove_tree(ckpt->fs, path, &ckpt->call, NULL);
    free(path);
    if (ckpt->folders && (rc == POLYFS_OK || rc == POLYFS_NOT_FOUND))
        drop_empty_parents(ckpt, garbage->name);
    return rc == POLYFS_NOT_FOUND ? POLYFS_OK : rc;
}

/* Those that the newest record dropped stay until the next, so that falling back finds them whole. */
static int is_due(const struct polyfs_ckpt *ckpt, size_t i)
{
    return ckpt->state.garbage[i].seq < ckpt->state.seq;
}

static int goes_at_once(const struct polyfs_ckpt *ckpt, size_t i)
{
    return !ckpt->folders && ckpt->state.garbage[i].file && is_due(ckpt, i);
}

static void remove_folders(struct polyfs_ckpt *ckpt)
{
    for (size_t i = ckpt->state.garbage_count; i-- > 0;) {
        int rc =
            is_due(ckpt, i) && !goes_at_once(ckpt, i) ? remove_folder(ckpt, &ckpt->state.garbage[i]) : POLYFS_BUSY;
        if (rc == POLYFS_OK)
            ckpt_garbage_remove(&ckpt->state, i);
        else if (rc == POLYFS_PERMISSION)
            victim_stays(ckpt);
    }
}

/* ---- at once ------------------------------------------------------------------------------------------------------ */

/* Paths: the files of victims, then old records. */
struct batch {
    char **paths;
    int *codes;
    size_t *garbage; /* which row of the state's each victim is, the last one first */
    size_t count, victims;
};

static void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        free(batch->paths[i]);
    free(batch->paths);
    free(batch->codes);
    free(batch->garbage);
}

static int batch_add(struct batch *batch, char *path)
{
    if (path)
        batch->paths[batch->count++] = path;
    return path ? POLYFS_OK : POLYFS_NOMEM;
}

static int add_victims(struct polyfs_ckpt *ckpt, struct batch *batch)
{
    int rc = POLYFS_OK;
    for (size_t i = ckpt->state.garbage_count; i-- > 0 && rc == POLYFS_OK;) {
        const struct ckpt_garbage *row = &ckpt->state.garbage[i];
        if (!goes_at_once(ckpt, i))
            continue;
        batch->garbage[batch->victims++] = i;
        rc = batch_add(batch, ckpt_below(ckpt, "%s/%s/%s", row->name, row->attempt, row->file));
    }
    return rc;
}

static int batch_fill(struct polyfs_ckpt *ckpt, const uint64_t *numbers, size_t count, struct batch *batch)
{
    const size_t room = ckpt->state.garbage_count + count + 1;
    batch->paths = calloc(room, sizeof(*batch->paths));
    batch->codes = calloc(room, sizeof(*batch->codes));
    batch->garbage = calloc(room, sizeof(*batch->garbage));
    if (!batch->paths || !batch->codes || !batch->garbage)
        return POLYFS_NOMEM;
    int rc = add_victims(ckpt, batch);
    const size_t late = batch->victims || ckpt->folders ? 0 : CKPT_RECORDS_LATE;
    for (size_t i = ckpt->keep_records; i < count && count > ckpt->keep_records + late && rc == POLYFS_OK; i++)
        rc = batch_add(batch, ckpt_log_path(ckpt, numbers[i]));
    return rc;
}

/* Each victim that is gone leaves the garbage. */
static void batch_end(struct polyfs_ckpt *ckpt, const struct batch *batch)
{
    for (size_t i = 0; i < batch->victims; i++)
        if (batch->codes[i] == POLYFS_OK || batch->codes[i] == POLYFS_NOT_FOUND)
            ckpt_garbage_remove(&ckpt->state, batch->garbage[i]);
        else if (batch->codes[i] == POLYFS_PERMISSION)
            victim_stays(ckpt);
    for (size_t i = batch->victims; i < batch->count; i++)
        if (batch->codes[i] == POLYFS_PERMISSION)
            ckpt_undone(ckpt, "old records stay: this store refuses to remove them; allow to delete below",
                        "/.ckpt");
}

void ckpt_sweep(struct polyfs_ckpt *ckpt, const uint64_t *numbers, size_t count)
{
    struct batch batch = {NULL, NULL, NULL, 0, 0};
    remove_folders(ckpt);
    if (batch_fill(ckpt, numbers, count, &batch) == POLYFS_OK && batch.count) {
        polyfs_remove_many(ckpt->fs, (const char *const *)batch.paths, batch.count, &ckpt->call, batch.codes, NULL);
        batch_end(ckpt, &batch);
    }
    batch_clear(&batch);
}
