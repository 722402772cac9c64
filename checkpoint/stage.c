/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

#include "saver.h"

/* One thing that was written. */
struct piece {
    struct piece *next;
    char *file; /* NULL: the file before is complete */
    void *data; /* @size bytes, a copy */
    size_t size;
    int is_copy;
    struct ckpt_rows rows;         /* of a file of tensors */
    struct polyfs_tensor *tensors; /* the same with their data */
};

struct ckpt_stage {
    struct ckpt_room *room;
    int pinned;    /* tensors are not copied */
    uint64_t held; /* bytes of the room */
    struct piece *first, **end;
};

static int no_memory(struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_NOMEM, "save", "a copy of the checkpoint", "no memory for it");
}

/* ---- room ------------------------------------------------------------------------------------------------------- */

/* Waits for other saves to be done; one that cannot fit even then is refused. */
static int room_take(struct ckpt_stage *stage, uint64_t bytes, struct polyfs_error *err)
{
    struct ckpt_room *room = stage->room;
    int rc = POLYFS_OK;
    pthread_mutex_lock(room->lock);
    while (room->limit && room->used + bytes > room->limit && room->used > stage->held)
        pthread_cond_wait(room->freed, room->lock);
    if (room->limit && room->used + bytes > room->limit)
        rc = ckpt_fail(err, POLYFS_TOO_LARGE, "save", "a copy of the checkpoint",
                       "it has more than the %llu bytes of its budget; give it more, or memory that stays as it is "
                       "(POLYFS_CKPT_PINNED)",
                       (unsigned long long)room->limit);
    else
        room->used += bytes;
    pthread_mutex_unlock(room->lock);
    if (rc == POLYFS_OK)
        stage->held += bytes;
    return rc;
}

static void room_give(struct ckpt_stage *stage, uint64_t bytes)
{
    stage->held -= bytes;
    pthread_mutex_lock(stage->room->lock);
    stage->room->used -= bytes;
    pthread_cond_broadcast(stage->room->freed);
    pthread_mutex_unlock(stage->room->lock);
}

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

static void piece_free(struct ckpt_stage *stage, struct piece *piece)
{
    if (piece->is_copy) {
        free(piece->data);
        room_give(stage, piece->size);
    }
    ckpt_rows_clear(&piece->rows);
    free(piece->tensors);
    free(piece->file);
    free(piece);
}

struct ckpt_stage *ckpt_stage_new(struct ckpt_room *room, int pinned)
{
    struct ckpt_stage *stage = calloc(1, sizeof(*stage));
    if (!stage)
        return NULL;
    stage->room = room;
    stage->pinned = pinned;
    stage->end = &stage->first;
    return stage;
}

void ckpt_stage_free(struct ckpt_stage *stage)
{
    if (!stage)
        return;
    while (stage->first) {
        struct piece *piece = stage->first;
        stage->first = piece->next;
        piece_free(stage, piece);
    }
    free(stage);
}

/* A piece with room for a copy of @size bytes, not filled. */
static int piece_new(struct ckpt_stage *stage, const char *file, size_t size, struct piece **out,
                     struct polyfs_error *err)
{
    struct piece *piece = calloc(1, sizeof(*piece));
    if (!piece)
        return no_memory(err);
    int copy = size > 0;
    int rc = ckpt_text_set(&piece->file, file) == POLYFS_OK ? POLYFS_OK : no_memory(err);
    if (rc == POLYFS_OK && copy)
        rc = room_take(stage, size, err);
    if (rc == POLYFS_OK && copy) {
        piece->data = malloc(size);
        piece->size = size;
        piece->is_copy = 1;
        rc = piece->data ? POLYFS_OK : no_memory(err);
    }
    if (rc != POLYFS_OK) {
        piece_free(stage, piece);
        return rc;
    }
    *out = piece;
    return POLYFS_OK;
}

static void piece_add(struct ckpt_stage *stage, struct piece *piece)
{
    *stage->end = piece;
    stage->end = &piece->next;
}

int ckpt_stage_bytes(struct ckpt_stage *stage, const char *file, const void *data, size_t size,
                     struct polyfs_error *err)
{
    struct piece *piece;
    int rc = piece_new(stage, file, size, &piece, err);
    if (rc != POLYFS_OK)
        return rc;
    if (piece->is_copy)
        memcpy(piece->data, data, size);
    piece_add(stage, piece);
    return POLYFS_OK;
}

int ckpt_stage_end(struct ckpt_stage *stage, struct polyfs_error *err)
{
    struct piece *piece;
    int rc = piece_new(stage, NULL, 0, &piece, err);
    if (rc == POLYFS_OK)
        piece_add(stage, piece);
    return rc;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

static uint64_t bytes_of(const struct polyfs_tensor *const *tensors, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += tensors[i]->bytes;
    return bytes;
}

static int rows_copy(struct piece *piece, const struct polyfs_tensor *const *tensors, size_t count)
{
    piece->tensors = calloc(count + 1, sizeof(*piece->tensors));
    int rc = piece->tensors ? POLYFS_OK : POLYFS_NOMEM;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        const struct ckpt_tensor row = {.told = *tensors[i]};
        rc = ckpt_rows_add(&piece->rows, &row);
    }
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++) {
        piece->tensors[i] = piece->rows.at[i]->told;
        piece->tensors[i].struct_size = sizeof(piece->tensors[i]);
        piece->tensors[i].data = tensors[i]->data;
    }
    return rc;
}

static void data_copy(struct piece *piece, size_t count)
{
    char *at = piece->data;
    for (size_t i = 0; i < count && piece->is_copy; i++) {
        struct polyfs_tensor *tensor = &piece->tensors[i];
        if (tensor->bytes)
            memcpy(at, tensor->data, tensor->bytes);
        tensor->data = at;
        at += tensor->bytes;
    }
}

int ckpt_stage_tensors(struct ckpt_stage *stage, const char *file, const struct polyfs_tensor *const *tensors,
                       size_t count, struct polyfs_error *err)
{
    struct piece *piece;
    int rc = piece_new(stage, file, stage->pinned ? 0 : bytes_of(tensors, count), &piece, err);
    if (rc != POLYFS_OK)
        return rc;
    if (rows_copy(piece, tensors, count) != POLYFS_OK) {
        piece_free(stage, piece);
        return no_memory(err);
    }
    data_copy(piece, count);
    piece_add(stage, piece);
    return POLYFS_OK;
}

/* ---- to the store ------------------------------------------------------------------------------------------------ */

static int piece_write(struct polyfs_ckpt_saver *saver, const struct piece *piece, struct polyfs_error *err)
{
    if (!piece->file)
        return ckpt_saver_file_end(saver, err);
    if (piece->tensors)
        return polyfs_ckpt_write_tensors(saver, piece->file, piece->tensors, piece->rows.count, err);
    return polyfs_ckpt_write(saver, piece->file, piece->data, piece->size, err);
}

int ckpt_stage_write(struct ckpt_stage *stage, struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    while (stage->first && rc == POLYFS_OK) {
        struct piece *piece = stage->first;
        rc = piece_write(saver, piece, err);
        stage->first = piece->next;
        piece_free(stage, piece);
    }
    return rc;
}
