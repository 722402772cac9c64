/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint that is being saved: written to the store as it comes, or staged in memory for a save behind the scenes. */
#ifndef CKPT_SAVER_H
#define CKPT_SAVER_H

#include "run.h"
#include "stage.h"

struct polyfs_ckpt_saver {
    struct polyfs_ckpt *ckpt;
    struct ckpt_entry entry;
    struct ckpt_manifest manifest; /* while it is staged: the names alone */
    struct ckpt_stage *stage;      /* where its files go; NULL: to the store */
    char *folder;                  /* of this attempt */
    char front[16];                /* of the names of this rank's files; "" when there is one rank */
    int collected;                 /* rank 0 has asked the others */
    char why[256];                 /* of the first failure, for the other ranks */
    int code;
    struct polyfs_policy_plan *plan; /* own, or NULL */

    /* the file being written */
    int open;
    struct polyfs_writer *writer; /* NULL when it is staged */
    char *file;                   /* its name in the manifest */
    uint64_t size;
    uint32_t crc;
    struct ckpt_rows tensors;
    int self_told; /* its tensors' places and checksums are in it */
};

/* saver.c */
void ckpt_saver_free(struct polyfs_ckpt_saver *saver);
/* Keeps the first failure, for other ranks, and tells it: @rc. */
int ckpt_saver_failed(struct polyfs_ckpt_saver *saver, int rc, const struct polyfs_error *why,
                      struct polyfs_error *err);
/* What a plan asks for beside the save; copied. */
int ckpt_saver_plan(struct polyfs_ckpt_saver *saver, const struct polyfs_policy_plan *plan,
                    struct polyfs_error *err);
/* The file that is being written is complete. */
int ckpt_saver_file_end(struct polyfs_ckpt_saver *saver, struct polyfs_error *err);
/* polyfs_ckpt_write() of bytes whose checksum is known. */
int ckpt_saver_write(struct polyfs_ckpt_saver *saver, const char *name, const void *data, size_t size, uint32_t crc,
                     struct polyfs_error *err);
/* The same of bytes in many places, which are a whole run: @crc is that of all. */
int ckpt_saver_writev(struct polyfs_ckpt_saver *saver, const char *name, const struct polyfs_bytes *bytes,
                      size_t count, uint32_t crc, struct polyfs_error *err);
/* One tensor of the file that is being written. */
int ckpt_saver_row(struct polyfs_ckpt_saver *saver, const struct ckpt_tensor *row, struct polyfs_error *err);
/* A whole file of tensors, into the stage. */
int ckpt_saver_stage_tensors(struct polyfs_ckpt_saver *saver, const char *name,
                             const struct polyfs_tensor *const *tensors, size_t count, struct polyfs_error *err);
/* Writes to the store what was staged. */
int ckpt_saver_replay(struct polyfs_ckpt_saver *saver, struct polyfs_error *err);

#endif
