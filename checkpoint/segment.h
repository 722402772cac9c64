/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run with many checkpoints keeps its record small: the oldest live ones stand in segments, files that never change.
 * A record names its segments by id, size and checksum, and which of their rows are gone. docs/checkpoints.md, "Many
 * checkpoints".
 */
#ifndef CKPT_SEGMENT_H
#define CKPT_SEGMENT_H

#include "run.h"

/* What a record may take at most, so that its text stays below 256 KiB whatever the count. */
#define CKPT_TAIL_ENTRIES 1000
#define CKPT_TAIL_BYTES (128u << 10)
#define CKPT_SEGMENTS 16
#define CKPT_SEGMENT_HOLES 16 /* runs of rows that are gone, of one segment */
#define CKPT_SEGMENT_FEW 300  /* neighbours that have no more together become one */
#define CKPT_SEGMENTS_HOME ".ckpt/segments"

/* As a record has them. The reading and the copy add to a record; POLYFS_CORRUPT, POLYFS_NOMEM. */
json_t *ckpt_segments_json(const struct ckpt_record *record);
int ckpt_segments_read(json_t *rows, struct ckpt_record *record);
int ckpt_segments_copy(struct ckpt_record *to, const struct ckpt_record *from);

/*
 * Reads the segments of a record, so that record->live holds all of it. Nothing is changed on failure: POLYFS_CORRUPT
 * also for a segment that is missing.
 */
int ckpt_segments_load(struct polyfs_ckpt *ckpt, struct ckpt_record *record, struct polyfs_error *err);

/*
 * Moves the oldest live ones into a segment when there are too many for the record, and writes one of its segments anew
 * when too little of it is left. @record is whole, and about to be put; what it needs no more becomes its garbage.
 */
int ckpt_segments_settle(struct polyfs_ckpt *ckpt, struct ckpt_record *record, struct polyfs_error *err);

#endif
