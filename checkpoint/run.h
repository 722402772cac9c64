/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the checkpoint layer share. The layer knows no protocol: everything goes through polyfs's public
 * interface. docs/checkpoints.md is the specification that this code implements.
 */
#ifndef CKPT_RUN_H
#define CKPT_RUN_H

#include <polyfs/checkpoint.h>
#include <polyfs/polyfs.h>

#include <jansson.h>

#include "tensors.h"

#define CKPT_ATTEMPT 33 /* 32 hexadecimal digits and a NUL */
#define CKPT_RECORDS_MIN 3
#define CKPT_RECORDS 5
#define CKPT_RECORDS_LATE 16 /* old ones that wait for a request that removes something anyway */
#define CKPT_TEXT_MAX 4096
#define CKPT_DROPS_MAX 400 /* by one record, whose garbage is bounded; the next ones drop the rest */

/* A live checkpoint, as records hold it. */
struct ckpt_entry {
    char *name;
    char *home; /* whose folder has the attempt: its own, or that of one that shares its files */
    char attempt[CKPT_ATTEMPT];
    int64_t step, epoch, time_ns;
    uint64_t bytes;
    uint32_t files;
    int has_score;
    double score;
    char *file; /* the one that it has, which then stands for its manifest; or NULL */
    uint64_t manifest_size;
    uint32_t manifest_crc;
    char segment[CKPT_ATTEMPT]; /* in which it stands, or "": in the record itself */
    uint32_t row;               /* its place there */
};

/* Checkpoints that stand in a file of their own, the oldest of a run. */
struct ckpt_segment {
    char id[CKPT_ATTEMPT];
    uint32_t rows; /* those that are gone included */
    uint64_t size; /* of the file */
    uint32_t crc;
    char *gone; /* rows that are no more, "0-17,40"; NULL once the segment is read, since then live tells */
};

/* What retention dropped, and in which record: its files go once a later record is the newest. */
struct ckpt_garbage {
    char *name; /* of the folder that has the attempt */
    char attempt[CKPT_ATTEMPT];
    uint64_t seq;
    char *file; /* the one that it has; NULL: it has several, or that is not known */
};

/* One record: the whole state of the run. */
struct ckpt_record {
    uint64_t seq;
    char run[CKPT_ATTEMPT];    /* of the run's first record */
    char writer[CKPT_ATTEMPT]; /* of whoever put this record: tells our own from another's */
    uint64_t incarnation;
    int64_t time_ns;
    struct ckpt_entry *live; /* oldest first */
    size_t live_count;
    struct ckpt_segment *segments; /* oldest first; those of a record that was only read are not in live */
    size_t segment_count;
    int whole;         /* live holds what stands in segments, too */
    char *last, *best; /* names of live ones that a policy chose; or NULL */
    struct ckpt_garbage *garbage;
    size_t garbage_count;
};

struct polyfs_ckpt {
    struct polyfs_fs *fs;
    char *root; /* path of the run, without '/' at its end */
    char *url;
    char *place; /* url as core spells it: the same for everybody who means this folder */
    struct polyfs_call_opts call;
    uint32_t flags, keep_newest, keep_records;
    uint32_t last_as;
    char *last_path;
    char last_attempt[CKPT_ATTEMPT]; /* which last_path leads to, as far as this process knows; or "" */
    struct polyfs_ckpt_ranks ranks;  /* world 1: alone */
    int folders;                     /* are real here: they have to be removed, too */
    int blind;                       /* the log may not be listed: numbers are found by asking for them */
    char undone[512];                /* what the last commit was not allowed to do; "" nothing */
    uint32_t unseen;                 /* records put since the log was last looked at */
    uint64_t begun;                  /* checkpoints, the same on all ranks */
    char writer[CKPT_ATTEMPT];
    pthread_mutex_t lock;     /* guards the change of state against other threads that look at it */
    struct ckpt_record state; /* as of the last record that we put or read */
};

/* text.c: small helpers over malloc; NULL or POLYFS_NOMEM when there is no memory. */
int ckpt_text_set(char **text, const char *to); /* a copy instead of what was there; NULL: nothing */
char *ckpt_format(const char *format, ...) POLYFS_PRINTF(1, 2);
int ckpt_fail(struct polyfs_error *err, int code, const char *what, const char *where, const char *format, ...)
    POLYFS_PRINTF(5, 6);
void ckpt_id(char out[CKPT_ATTEMPT]); /* 128 random bits */
int64_t ckpt_now_ns(void);
int64_t ckpt_monotonic_ms(void); /* safe in a signal handler */
/* A relative path whose parts are neither empty, "." nor "..", and which holds no control byte. */
int ckpt_name_valid(const char *name);

/* Text that grows up to CKPT_TEXT_MAX bytes; what does not fit sets @full. It always ends in NUL. */
struct ckpt_text {
    size_t n;
    int full;
    char data[CKPT_TEXT_MAX];
};
void ckpt_text_init(struct ckpt_text *text);
void ckpt_text_add(struct ckpt_text *text, const char *bytes, size_t n);
void ckpt_text_put(struct ckpt_text *text, const char *string);
void ckpt_text_repeat(struct ckpt_text *text, const char *unit, size_t count);

/* object.c */
char *ckpt_below(const struct polyfs_ckpt *ckpt, const char *format, ...) POLYFS_PRINTF(2, 3); /* path in the run */
int ckpt_put(struct polyfs_ckpt *ckpt, const char *path, const void *data, size_t size, uint32_t flags,
             struct polyfs_error *err); /* with its folder; @flags: 0 or POLYFS_WRITE_CREATE_ONLY */
int ckpt_remove(struct polyfs_ckpt *ckpt, const char *path, struct polyfs_error *err); /* OK also when it is gone */

/* Shows each row of a listing, until one is not POLYFS_OK, with @err filled: then that. */
typedef int ckpt_see_fn(const struct polyfs_entry *row, void *user, struct polyfs_error *err);
int ckpt_look(struct polyfs_fs *fs, const char *folder, const struct polyfs_list_opts *opts, ckpt_see_fn *see,
              void *user, struct polyfs_error *err);

/* run.c: where the files of an attempt lie; @home: whose folder has it. NULL without memory. */
char *ckpt_attempt_folder(const struct polyfs_ckpt *ckpt, const char *home, const char *attempt);

/* record.c */
void ckpt_record_init(struct ckpt_record *record);
void ckpt_record_clear(struct ckpt_record *record);
int ckpt_record_copy(struct ckpt_record *to, const struct ckpt_record *from);
int ckpt_record_add(struct ckpt_record *record, const struct ckpt_entry *entry);
/* The live one of that name, or NULL. */
const struct ckpt_entry *ckpt_record_find(const struct ckpt_record *record, const char *name);
/* Takes the live one of that name away, if there is one; its files become garbage of record->seq unless another shares
 * them. */
int ckpt_record_drop(struct ckpt_record *record, const char *name);
void ckpt_garbage_remove(struct ckpt_record *record, size_t index);
int ckpt_record_garbage(struct ckpt_record *record, const struct ckpt_garbage *row); /* copies its texts */
void ckpt_entry_free(struct ckpt_entry *entry);                                      /* its texts */
json_t *ckpt_entry_json(const struct ckpt_entry *entry);
int ckpt_entry_read(json_t *row, struct ckpt_record *record); /* adds it */
int ckpt_is_id(const char *text);
int ckpt_record_write(const struct ckpt_record *record, char **out, size_t *out_n);
/* POLYFS_CORRUPT, UNSUPPORTED (a newer format) or NOMEM, with the reason in @why. */
int ckpt_record_read(const char *text, size_t n, struct ckpt_record *out, char *why, size_t why_room);

/* sealed.c: JSON text with a CRC32C of its very bytes in front. */
int ckpt_sealed_write(json_t *body, char **out, size_t *out_n); /* takes the body; NULL: it had no memory */
int ckpt_sealed_read(const char *text, size_t n, json_t **out_body, char *why, size_t why_room);

/* json.c: POLYFS_CORRUPT for what the text says, POLYFS_NOMEM for what memory cannot hold. */
int ckpt_json_read(const char *text, size_t n, json_t **out, char *why, size_t why_room);
int ckpt_json_write(const json_t *value, char **out, size_t *out_n); /* a NUL follows */
int ckpt_json_unpack(json_t *value, const char *format, ...);
/* A double; what JSON has no number for is a string: nan, inf, -inf. */
json_t *ckpt_json_real(double value);
int ckpt_json_real_read(const json_t *value, double *out);
/* The shape of a tensor: CKPT_RANK_MAX numbers at most. */
json_t *ckpt_json_from_shape(const uint64_t *shape, uint32_t rank);
int ckpt_json_shape(json_t *array, uint64_t *shape, uint32_t *out_rank);

/* absent.c: behind a POLYFS_NOT_FOUND for @path, with its error: that, or POLYFS_CONFIG when the bucket is missing. */
int ckpt_absent(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *call,
                struct polyfs_error *err);

/* log.c */
/*
 * The newest record that can be read, into @out; with CKPT_WHOLE together with its segments. *out_found 0: the log is
 * empty. @note: what was passed over.
 */
#define CKPT_WHOLE 1u
int ckpt_log_newest(struct polyfs_ckpt *ckpt, uint32_t flags, struct ckpt_record *out, int *out_found, char *note,
                    size_t note_room, struct polyfs_error *err);
/* Puts @record as number record->seq. POLYFS_EXISTS when that number is taken by another. */
int ckpt_log_put(struct polyfs_ckpt *ckpt, const struct ckpt_record *record, struct polyfs_error *err);
int ckpt_log_get(struct polyfs_ckpt *ckpt, uint64_t seq, struct ckpt_record *out, struct polyfs_error *err);
/*
 * Numbers in the log, newest first, at most @room. Where listing is refused they are found by asking for records; if none
 * answers then, that there is none cannot be told: POLYFS_PERMISSION with ckpt->blind set.
 */
int ckpt_log_numbers(struct polyfs_ckpt *ckpt, uint64_t *out, size_t room, size_t *out_count,
                     struct polyfs_error *err);
int ckpt_log_remove(struct polyfs_ckpt *ckpt, uint64_t seq, struct polyfs_error *err);
char *ckpt_log_path(const struct polyfs_ckpt *ckpt, uint64_t seq); /* NULL without memory */

/* sweep.c */
/* Behind a commit that is the newest: removes what is due. @numbers: the log's, newest first. */
void ckpt_sweep(struct polyfs_ckpt *ckpt, const uint64_t *numbers, size_t count);
/* Saved all the same, but for @what; told with the URL of the folder @below the run. The first thing stays. */
void ckpt_undone(struct polyfs_ckpt *ckpt, const char *what, const char *below);

/* run.c: number of the record that the state is of. Any thread. */
uint64_t ckpt_seq(struct polyfs_ckpt *ckpt);

/* last.c */
int ckpt_last_check(const struct polyfs_ckpt *ckpt, struct polyfs_error *err); /* can it be made here? */
/* Leads last_path to what the state calls the last. */
int ckpt_last_make(struct polyfs_ckpt *ckpt, struct polyfs_error *err);

/* commit.c */
/* Commits @next as the record behind the state, then takes it as the state and removes what became garbage. */
int ckpt_commit(struct polyfs_ckpt *ckpt, struct ckpt_record *next, struct polyfs_error *err);

/* plan.c */
/* A plan of one's own; NULL without memory. */
struct polyfs_policy_plan *ckpt_plan_copy(const struct polyfs_policy_plan *plan);
void ckpt_plan_free(struct polyfs_policy_plan *plan);
/* Adds what @failed, a plan that was not carried out, would have taken away. POLYFS_NOMEM. */
int ckpt_plan_owe(struct polyfs_policy_plan *plan, const struct polyfs_policy_plan *failed);
/* The first thing that it saves, or NULL. */
const struct polyfs_policy_step *ckpt_plan_save(const struct polyfs_policy_plan *plan);
/* A plan that saves nothing: it only takes away, or moves names. */
int ckpt_plan_commit(struct polyfs_ckpt *ckpt, const struct polyfs_policy_plan *plan, struct polyfs_error *err);
/* A plan's names, in a record. @saved: the attempt of its saves, NULL when it has none. */
int ckpt_plan_apply(struct ckpt_record *next, const struct polyfs_policy_plan *plan,
                    const struct ckpt_entry *saved);

/* ranks.c */
/* The attempt that all ranks give to the checkpoint they begin now: no message, and never the same again. */
int ckpt_ranks_attempt(const struct polyfs_ckpt *ckpt, const struct ckpt_entry *entry, char out[CKPT_ATTEMPT]);
/* Behind "r00003/", when a file has that in front; else the whole name. */
const char *ckpt_ranks_plain(const char *file);

/* manifest.c */
struct ckpt_file {
    char *name;
    uint64_t size;
    uint32_t crc;
    struct ckpt_rows tensors; /* which lie in it, as far as they are known without reading it */
};
struct ckpt_manifest {
    char attempt[CKPT_ATTEMPT];
    struct ckpt_file *files;
    size_t count, room;
};
/* Takes the rows of @tensors over, when there are any. */
int ckpt_manifest_add(struct ckpt_manifest *manifest, const char *name, uint64_t size, uint32_t crc,
                      struct ckpt_rows *tensors);
void ckpt_manifest_clear(struct ckpt_manifest *manifest);
int ckpt_manifest_write(const struct ckpt_manifest *manifest, char **out, size_t *out_n);
int ckpt_manifest_read(const char *text, size_t n, struct ckpt_manifest *out, char *why, size_t why_room);
#define CKPT_MANIFEST "manifest.json"

/* report.c: what a rank has written, or why not; to rank 0. */
/* Ends this rank's part. @why NULL: @manifest is complete. On rank 0 only with a gather. */
int ckpt_report_send(struct polyfs_ckpt *ckpt, const struct ckpt_manifest *manifest, int code, const char *why,
                     struct polyfs_error *err);
/* On rank 0: adds the files of all others to @manifest. The first report of an error is the error. */
int ckpt_report_collect(struct polyfs_ckpt *ckpt, struct ckpt_manifest *manifest, struct polyfs_error *err);
/* On rank 0: says that the attempt is given up; @collected: behind ckpt_report_collect(). */
void ckpt_report_give_up(struct polyfs_ckpt *ckpt, const char *attempt, int collected, int code, const char *why);
/* On rank 0, behind the commit: nobody needs the reports any more. */
void ckpt_report_clear(struct polyfs_ckpt *ckpt, const char *attempt);

void ckpt_info_fill(struct polyfs_ckpt_info *info, const struct ckpt_entry *entry,
                    const struct ckpt_record *record);
void ckpt_info_out(struct polyfs_ckpt_info *to, const struct polyfs_ckpt_info *from);

#endif
