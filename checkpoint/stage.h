/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was written to a checkpoint, kept in memory until it goes to the store: in order, as copies, tensors also as the
 * caller's own memory. Copies count against a room that all stages of a run share.
 */
#ifndef CKPT_STAGE_H
#define CKPT_STAGE_H

#include <pthread.h>

#include "tensors.h"

struct polyfs_ckpt_saver;

struct ckpt_room {
    pthread_mutex_t *lock; /* of the owner; guards used */
    pthread_cond_t *freed;
    uint64_t limit; /* bytes; 0 none */
    uint64_t used;
};

struct ckpt_stage;

/* @pinned: the memory of tensors stays the caller's. NULL without memory. */
struct ckpt_stage *ckpt_stage_new(struct ckpt_room *room, int pinned);
void ckpt_stage_free(struct ckpt_stage *stage);
int ckpt_stage_bytes(struct ckpt_stage *stage, const char *file, const void *data, size_t size,
                     struct polyfs_error *err);
int ckpt_stage_tensors(struct ckpt_stage *stage, const char *file, const struct polyfs_tensor *const *tensors,
                       size_t count, struct polyfs_error *err);
int ckpt_stage_end(struct ckpt_stage *stage, struct polyfs_error *err); /* of a file */
/* All of it to a saver that has no stage; memory is given back as it goes. */
int ckpt_stage_write(struct ckpt_stage *stage, struct polyfs_ckpt_saver *saver, struct polyfs_error *err);

#endif
