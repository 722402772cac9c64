/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file checkpoint.h
 * Checkpoints on any store: saved whole or not at all, found again in two requests, checked when they are read.
 *
 * A run is a folder. A checkpoint is a set of named files below it; what makes it exist is one record in the run's
 * commit log, created only if absent: it adds the checkpoint, takes away those that retention drops, and moves
 * `latest`, all in one step. A crash at any instant leaves the newest checkpoint the old one or the new one.
 * The protocol and the formats are docs/checkpoints.md.
 *
 * The rules of polyfs/fs.h hold: arguments stay the caller's, @p err may be NULL, text that is handed out is freed
 * with polyfs_free(). A run may be used by one thread at a time unless a declaration says otherwise; runs of
 * different folders, or opened twice, are independent.
 */
#ifndef POLYFS_CHECKPOINT_H
#define POLYFS_CHECKPOINT_H

#include "polyfs/fs.h"
#include "polyfs/policy.h"
#include "polyfs/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
POLYFS_SHARED_NAMES_BEGIN

struct polyfs_ckpt;       /**< an open run */
struct polyfs_ckpt_saver; /**< a checkpoint being saved; nobody sees it before its commit */
struct polyfs_ckpt_view;  /**< a checkpoint open for reading */

#define POLYFS_CKPT_NO_STEP INT64_MIN /**< a step or epoch that was not given */

struct polyfs_ckpt_ranks;

/** How to open a run. NULL: for saving, everything kept. */
struct polyfs_ckpt_opts {
    uint32_t struct_size;
    uint32_t flags;                        /**< POLYFS_CKPT_READ_ONLY, POLYFS_CKPT_ALONE */
    const char *const *options;            /**< of the store, as for polyfs_fs_open(); or NULL */
    const struct polyfs_call_opts *call;   /**< bounds each call of the store; or NULL */
    uint32_t keep_newest;                  /**< so many checkpoints are kept; 0 all; one save drops 400 at most */
    uint32_t keep_records;                 /**< so many records of the log are kept, 3 at least; 0 = 5 */
    const struct polyfs_ckpt_ranks *ranks; /**< this process is one of many that save together; or NULL */
    uint32_t last_as;                      /**< POLYFS_CKPT_LAST_…: how other programs find the last checkpoint */
    uint32_t reserved;                     /**< 0 */
    const char *last_path;                 /**< the name below the run by which they do; NULL: "last" */
};
#define POLYFS_CKPT_OPTS_INIT                                                                                      \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_ckpt_opts), 0, NULL, NULL, 0, 0, NULL, 0, 0, NULL                           \
    }
#define POLYFS_CKPT_READ_ONLY 1u /**< never writes: lists, loads and verifies only */
/** Nobody else saves to this run: a save that removes nothing does not look whether its record is the newest. */
#define POLYFS_CKPT_ALONE 2u

/**
 * How the last checkpoint (the one that a policy calls so, else the newest) is found by programs that do not read the log.
 * Made after the commit, in one step each time; the record stays what counts. What cannot be made does not fail a save:
 * POLYFS_CKPT_UNDONE tells it.
 */
enum {
    POLYFS_CKPT_LAST_RECORD = 0, /**< by the record alone */
    POLYFS_CKPT_LAST_LINK = 1, /**< a symbolic link, to the file of a checkpoint of one file, else to the folder */
    POLYFS_CKPT_LAST_COPY = 2, /**< a copy, by the store where it can; of checkpoints of one file only */
    POLYFS_CKPT_LAST_POINTER = 3 /**< a line of text: the path below the run, as the link has it */
};

/** What the log says of one checkpoint. */
struct polyfs_ckpt_info {
    uint32_t struct_size;
    uint32_t flags;    /**< POLYFS_CKPT_… */
    uint64_t seq;      /**< number of the record that was read */
    int64_t step;      /**< or POLYFS_CKPT_NO_STEP */
    int64_t epoch;     /**< or POLYFS_CKPT_NO_STEP */
    int64_t time_ns;   /**< of its commit, nanoseconds since 1970 UTC */
    uint64_t bytes;    /**< of all its files */
    uint32_t files;    /**< how many */
    uint32_t reserved; /**< 0 */
    double score;      /**< with POLYFS_CKPT_HAS_SCORE */
    char name[256];    /**< what people call it */
    char attempt[40];  /**< of this save; never used twice */
    char note[512]; /**< with POLYFS_CKPT_FELL_BACK: what was passed over, and why; with _UNDONE: what, and why */
};
#define POLYFS_CKPT_INFO_INIT                                                                                      \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_ckpt_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, {0},                            \
        {                                                                                                          \
            0                                                                                                      \
        }                                                                                                          \
    }
#define POLYFS_CKPT_HAS_SCORE 1u
#define POLYFS_CKPT_FELL_BACK 2u /**< a newer one is damaged */
#define POLYFS_CKPT_IS_LAST 4u   /**< what a policy calls `last` */
#define POLYFS_CKPT_IS_BEST 8u   /**< what a policy ranks first */
#define POLYFS_CKPT_LEGACY 32u   /**< in a folder without a log: no checksum is known, and no attempt */
#define POLYFS_CKPT_UNDONE 16u   /**< committed, but something was not allowed: old files were not removed */

/**
 * Open a run. For saving this puts a record that claims the run: whoever saved to it before is fenced off, and its
 * next save fails with POLYFS_CONDITION instead of mixing with ours.
 *
 * @param url       of the run's folder; it need not exist
 * @param opts      or NULL
 * @param out_ckpt  end with polyfs_ckpt_close()
 * @return POLYFS_OK, POLYFS_UNSUPPORTED (the store cannot create only what is absent, or has no links and one was asked
 *         for), POLYFS_INVALID (an option), POLYFS_CORRUPT (there are
 *         records, but none can be read), or a code of polyfs_fs_open()
 * Owner: caller. Thread: any. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_open(const char *url, const struct polyfs_ckpt_opts *opts, struct polyfs_ckpt **out_ckpt,
                                struct polyfs_error *err);

/**
 * End the use of a run. A save that was begun and not committed leaves nothing behind.
 *
 * @param ckpt  or NULL
 * Owner: takes it. Thread: one. Blocks: no.
 */
POLYFS_API void polyfs_ckpt_close(struct polyfs_ckpt *ckpt);

/* ---- saving ----------------------------------------------------------------------------------------- */

/** What a checkpoint is called and ranked by. */
struct polyfs_ckpt_save_opts {
    uint32_t struct_size;
    uint32_t flags;   /**< POLYFS_CKPT_HAS_SCORE */
    const char *name; /**< NULL: made of epoch and step ("epoch=3-step=1500"); a path without "." and ".." parts */
    int64_t step;     /**< or POLYFS_CKPT_NO_STEP */
    int64_t epoch;    /**< or POLYFS_CKPT_NO_STEP */
    double score;     /**< with POLYFS_CKPT_HAS_SCORE */
};
#define POLYFS_CKPT_SAVE_OPTS_INIT                                                                                 \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_ckpt_save_opts), 0, NULL, POLYFS_CKPT_NO_STEP, POLYFS_CKPT_NO_STEP, 0       \
    }

/** One file of a checkpoint: from memory, or from a file of this machine. */
struct polyfs_ckpt_item {
    const char *name; /**< within the checkpoint; a path without "." and ".." parts */
    const void *data; /**< @p size bytes, or NULL to read @p path */
    size_t size;      /**< bytes at @p data */
    const char *path; /**< URL or path of a file, when @p data is NULL */
};

/**
 * Save a checkpoint: all files, then the one record that makes it exist.
 *
 * @param opts      or NULL
 * @param items     @p count files
 * @param out_info  NULL, or what was committed
 * @return POLYFS_OK; POLYFS_CONDITION: another process took over this run (fenced); else nothing was committed,
 *         but when the error's commit state is "unknown"
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_save(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_save_opts *opts,
                                const struct polyfs_ckpt_item *items, size_t count,
                                struct polyfs_ckpt_info *out_info, struct polyfs_error *err);

/**
 * Begin a checkpoint whose files are written piece by piece.
 *
 * @param opts       or NULL
 * @param out_saver  end with polyfs_ckpt_commit() or polyfs_ckpt_abort()
 * @return POLYFS_OK, POLYFS_INVALID (name), POLYFS_NOMEM
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_ckpt_begin(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_save_opts *opts,
                                 struct polyfs_ckpt_saver **out_saver, struct polyfs_error *err);

/**
 * Add bytes to a file of the checkpoint. Another name than in the call before begins another file.
 *
 * @param name  as in struct polyfs_ckpt_item; each file is written once
 * @param data  @p size bytes
 * @return POLYFS_OK, or an error after which only abort is left
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_write(struct polyfs_ckpt_saver *saver, const char *name, const void *data, size_t size,
                                 struct polyfs_error *err);

/**
 * Add a file of tensors, as safetensors: any reader of that format opens it. Where each tensor lies, and its checksum,
 * is told in the checkpoint's manifest, so that who loads a few of them reads those alone.
 *
 * @param name     of the file, e.g. "model.safetensors"; complete when the call returns
 * @param tensors  @p count of them, with data
 * @return as polyfs_ckpt_write(); POLYFS_INVALID, POLYFS_EXISTS: as polyfs_tensors_write()
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_write_tensors(struct polyfs_ckpt_saver *saver, const char *name,
                                         const struct polyfs_tensor *tensors, size_t count,
                                         struct polyfs_error *err);

/**
 * Add a file of tensors out of another file or checkpoint, as safetensors, in bounded memory.
 *
 * @param name     of the file
 * @param from     of polyfs_tensors_open() or polyfs_ckpt_tensors(); used by nobody else during the call
 * @param pattern  as for polyfs_tensor_matches(), or NULL for all
 * @return as polyfs_ckpt_write_tensors(); POLYFS_NOT_FOUND: nothing fits the pattern; what reading failed with
 * Owner: caller. Thread: one at a time. Blocks: both stores.
 */
POLYFS_API int polyfs_ckpt_write_from(struct polyfs_ckpt_saver *saver, const char *name,
                                      struct polyfs_tensors *from, const char *pattern, struct polyfs_error *err);

/**
 * Add small state as JSON, a file of its own.
 *
 * @param name  of the file, e.g. "loop.json"
 * @param json  text ending in NUL; checked to be JSON without a name twice
 * @return as polyfs_ckpt_write(); POLYFS_INVALID: it is no JSON
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_write_json(struct polyfs_ckpt_saver *saver, const char *name, const char *json,
                                      struct polyfs_error *err);

/**
 * Make the checkpoint exist. Frees the saver, well or not; on failure nothing of it remains visible.
 *
 * @param out_info  NULL, or what was committed
 * @return as polyfs_ckpt_save()
 * Owner: takes the saver. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_commit(struct polyfs_ckpt_saver *saver, struct polyfs_ckpt_info *out_info,
                                  struct polyfs_error *err);

/**
 * Drop a checkpoint that was begun; its files are removed as far as the store lets us.
 *
 * @param saver  or NULL
 * Owner: takes it. Thread: one at a time. Blocks: the store.
 */
POLYFS_API void polyfs_ckpt_abort(struct polyfs_ckpt_saver *saver);

/* ---- saving by a policy ------------------------------------------------------------------------------- */

#define POLYFS_CKPT_POLICY_FILE "policy.json" /**< the file of a checkpoint that holds the policy's state */

/**
 * Writes the state of the training into a checkpoint that is due, by polyfs_ckpt_write().
 *
 * @param saver  neither committed nor aborted by this function
 * @param plan   what the policy asks for; its flags say whether the weights alone are wanted
 * @param user   of polyfs_ckpt_on()
 * @return POLYFS_OK, or a code that ends the save, with @p err filled
 */
typedef int polyfs_ckpt_fill_fn(struct polyfs_ckpt_saver *saver, const struct polyfs_policy_plan *plan, void *user,
                                struct polyfs_error *err);

/**
 * Which names are taken in a run, for struct polyfs_policy_run: `exists` is this function, `user` the run. `last` may be
 * taken over, as it moves with whoever trains here.
 *
 * @param path  name of a checkpoint
 * @param ckpt  the run, open for saving
 * @return 0, 1 or 2, as polyfs_policy_exists_fn says
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_ckpt_taken(const char *path, void *ckpt);

/**
 * Something happened in the training: ask the policy, and carry out what it plans. What is due is saved once, with the
 * policy's own state; one record adds it under all its names, takes away what the plan lets go, and moves `last` and
 * `best`. When that fails the policy is as if the event had not been.
 *
 * @param policy    set up without a folder: its names are those of checkpoints in this run
 * @param event     enum polyfs_policy_event
 * @param moment    as for polyfs_policy_on()
 * @param fill      called once if something is to be saved, on this thread
 * @param user      for @p fill
 * @param out_info  NULL, or what was committed; an empty attempt: nothing was to be saved
 * @return POLYFS_OK, also when nothing was due; else a code of polyfs_policy_on(), of @p fill or of polyfs_ckpt_save()
 * Owner: caller. Thread: one at a time. Blocks: the store, when something is due.
 */
POLYFS_API int polyfs_ckpt_on(struct polyfs_ckpt *ckpt, struct polyfs_policy *policy, uint32_t event,
                              const struct polyfs_policy_moment *moment, polyfs_ckpt_fill_fn *fill, void *user,
                              struct polyfs_ckpt_info *out_info, struct polyfs_error *err);

/**
 * Take a policy's state out of a checkpoint that polyfs_ckpt_on() saved, so that it goes on from there. When the policy was
 * set up with polyfs_ckpt_taken() for another run than the checkpoint is of, only its best path is taken.
 *
 * @param policy     set up, before its first event
 * @param out_whole  as for polyfs_policy_restore()
 * @return POLYFS_OK; POLYFS_NOT_FOUND: the checkpoint holds no state, or none of a policy with these rules;
 *         POLYFS_CORRUPT, …
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_restore(struct polyfs_ckpt_view *view, struct polyfs_policy *policy, int *out_whole,
                                   struct polyfs_error *err);

/* ---- many ranks --------------------------------------------------------------------------------------- */

/**
 * Brings the reports of all ranks to rank 0, as the framework's own gather does. Called by every rank, once for each
 * checkpoint that was begun, on the thread that commits or aborts it.
 *
 * @param report     of this rank, @p size bytes; an error is a report too
 * @param out_all    on rank 0: one pointer for each rank is filled in; they stay valid until the next call. Else NULL
 * @param out_sizes  on rank 0: the sizes. Else NULL
 * @param user       of struct polyfs_ckpt_ranks
 * @return POLYFS_OK, or a code that ends the save
 */
typedef int polyfs_ckpt_gather_fn(const void *report, size_t size, const void **out_all, size_t *out_sizes,
                                  void *user);

/**
 * Who this process is among those that save together. Each rank begins the same checkpoints in the same order with the
 * same names, steps and epochs, writes files of its own (`r00003/NAME` in the checkpoint), and commits; that returns at
 * once on all ranks but rank 0, which waits for the reports of the others and puts the record, or gives up at the
 * deadline. No rank waits for another one in this library but by polyfs_ckpt_wait().
 */
struct polyfs_ckpt_ranks {
    uint32_t struct_size;
    uint32_t flags;                /**< 0 */
    uint32_t rank;                 /**< below @p world; rank 0 coordinates */
    uint32_t world;                /**< how many there are */
    uint32_t restart;              /**< how often the launcher has started them anew */
    uint32_t deadline_ms;          /**< rank 0 waits so long for the others' reports; 0 = 600,000 */
    char launch[128];              /**< the same on all ranks, and never again on a later launch */
    polyfs_ckpt_gather_fn *gather; /**< NULL: reports go through the store */
    void *user;                    /**< of @p gather */
};
#define POLYFS_CKPT_RANKS_INIT                                                                                     \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_ckpt_ranks), 0, 0, 1, 0, 0, {0}, NULL, NULL                                 \
    }

/**
 * What the launcher says in this process's environment: torchrun, Open MPI's mpirun, Slurm's srun; with none of them
 * rank 0 of 1.
 *
 * @param out_ranks  struct_size set; deadline and gather are left as they are
 * @return POLYFS_OK; POLYFS_CONFIG: a number is none, or the launcher gives nothing that tells this launch from others
 * Owner: caller. Thread: any, while none changes the environment. Blocks: no.
 */
POLYFS_API int polyfs_ckpt_ranks_of_launcher(struct polyfs_ckpt_ranks *out_ranks, struct polyfs_error *err);

/**
 * Wait until a checkpoint that this rank has committed exists for all, or will never.
 *
 * @param info        as polyfs_ckpt_commit() gave it
 * @param timeout_ms  milliseconds
 * @return POLYFS_OK; POLYFS_TIMEOUT: neither yet; else the code with which rank 0 gave it up
 * Owner: caller. Thread: one at a time. Blocks: the store, and up to @p timeout_ms.
 */
POLYFS_API int polyfs_ckpt_wait(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_info *info, uint64_t timeout_ms,
                                struct polyfs_error *err);

/* ---- finding ------------------------------------------------------------------------------------------ */

struct polyfs_ckpt_list; /**< the live checkpoints, newest first */

/**
 * The checkpoints that exist, newest first, as the newest readable record says.
 *
 * @param out_list  free with polyfs_ckpt_list_free()
 * @return POLYFS_OK (also when there are none), POLYFS_CORRUPT (there are records, but none can be read), …
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_list(struct polyfs_ckpt *ckpt, struct polyfs_ckpt_list **out_list,
                                struct polyfs_error *err);

/**
 * How many there are.
 *
 * @param list  not NULL
 * @return count
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API size_t polyfs_ckpt_list_count(const struct polyfs_ckpt_list *list);

/**
 * One of them.
 *
 * @param index  below the count; 0 is the newest
 * @return borrowed until polyfs_ckpt_list_free()
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const struct polyfs_ckpt_info *polyfs_ckpt_list_at(const struct polyfs_ckpt_list *list, size_t index);

/**
 * Free a list.
 *
 * @param list  or NULL
 * Owner: takes it. Thread: any. Blocks: no.
 */
POLYFS_API void polyfs_ckpt_list_free(struct polyfs_ckpt_list *list);

/* ---- loading ------------------------------------------------------------------------------------------ */

/**
 * Open a checkpoint for reading. "latest" passes over damaged ones, and says so in the info. "last" and "best" are
 * those that a policy chose, unless a checkpoint bears that name; a "last" that is not there is the latest. "hpc" is the
 * one named hpc_ckpt_N with the greatest N, as Lightning saves them under a cluster's manager.
 *
 * @param which     "latest", "last", "best", "hpc", or a name
 * @param flags     0 or POLYFS_CKPT_CHECK_BYTES: read and check every byte before it counts as whole
 * @param out_view  end with polyfs_ckpt_view_close()
 * @return POLYFS_OK; POLYFS_NOT_FOUND: there is none; POLYFS_CORRUPT: there are some, but none is whole; a failure
 *         to ask is that failure, never "none"; POLYFS_CONFIG: the bucket is not there
 * Owner: caller; the view outlives the run. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_load(struct polyfs_ckpt *ckpt, const char *which, uint32_t flags,
                                struct polyfs_ckpt_view **out_view, struct polyfs_error *err);
#define POLYFS_CKPT_CHECK_BYTES 1u

/** One file of a checkpoint. Text is borrowed from the view. */
struct polyfs_ckpt_file {
    const char *name;
    uint64_t size;   /**< bytes */
    uint32_t crc32c; /**< of all its bytes; 0 with POLYFS_CKPT_LEGACY */
    uint32_t flags;  /**< 0 */
};

/**
 * What the log says of it.
 *
 * @param view  not NULL
 * @return borrowed until polyfs_ckpt_view_close()
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const struct polyfs_ckpt_info *polyfs_ckpt_view_info(const struct polyfs_ckpt_view *view);

/**
 * How many files it has.
 *
 * @param view  not NULL
 * @return count
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API size_t polyfs_ckpt_view_count(const struct polyfs_ckpt_view *view);

/**
 * One of its files.
 *
 * @param index  below the count
 * @return borrowed until polyfs_ckpt_view_close()
 * Owner: library. Thread: any. Blocks: no.
 */
POLYFS_API const struct polyfs_ckpt_file *polyfs_ckpt_view_at(const struct polyfs_ckpt_view *view, size_t index);

/**
 * Read one file whole into the caller's memory, and check it.
 *
 * @param name    of the file
 * @param buffer  @p room bytes, as many as the file has at least
 * @param out_n   bytes placed
 * @return POLYFS_OK, POLYFS_NOT_FOUND (no such file in it), POLYFS_RANGE (room too small), POLYFS_CORRUPT, …
 * Owner: caller. Thread: any number on one view. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_read(struct polyfs_ckpt_view *view, const char *name, void *buffer, size_t room,
                                size_t *out_n, struct polyfs_error *err);

/**
 * Open one file for a framework's own deserialiser: read on with read-ahead, seek, pread, as polyfs/io.h says. It is not
 * held against its checksum, which is of the whole: load with POLYFS_CKPT_CHECK_BYTES for that. Its writing counterpart
 * is polyfs_ckpt_write().
 *
 * @param name        of the file
 * @param out_reader  end with polyfs_reader_close(); outlives the view
 * @return POLYFS_OK, POLYFS_NOT_FOUND (no such file in it), POLYFS_NOMEM
 * Owner: caller. Thread: any number on one view. Blocks: as polyfs_reader_open().
 */
POLYFS_API int polyfs_ckpt_reader(struct polyfs_ckpt_view *view, const char *name,
                                  struct polyfs_reader **out_reader, struct polyfs_error *err);

/**
 * The tensors of all its files. What polyfs_ckpt_write_tensors() saved is known without a request; files that were
 * taken as they are and end in .safetensors, .ckpt, .pt or .pth are asked what they hold.
 *
 * @param out_tensors  end with polyfs_tensors_close(); outlives the view
 * @return POLYFS_OK, also when there are none; POLYFS_CORRUPT, …
 * Owner: caller. Thread: any number on one view. Blocks: the store, for files that were taken as they are.
 */
POLYFS_API int polyfs_ckpt_tensors(const struct polyfs_ckpt_view *view, struct polyfs_tensors **out_tensors,
                                   struct polyfs_error *err);

/**
 * Write all its files below a folder, checked as they pass.
 *
 * @param folder_url  URL or path; made when it is missing; nothing is written outside it
 * @return POLYFS_OK, POLYFS_CORRUPT (the file that is damaged is not published), …
 * Owner: caller. Thread: one at a time. Blocks: both stores.
 */
POLYFS_API int polyfs_ckpt_extract(struct polyfs_ckpt_view *view, const char *folder_url, struct polyfs_error *err);

/**
 * End a view.
 *
 * @param view  or NULL
 * Owner: takes it. Thread: one. Blocks: no.
 */
POLYFS_API void polyfs_ckpt_view_close(struct polyfs_ckpt_view *view);

/* ---- parts of a trainer -------------------------------------------------------------------------------- */

/** What a part of a trainer is; it decides who comes before whom, as Lightning has it. */
enum polyfs_ckpt_role {
    POLYFS_CKPT_LOOPS = 1,
    POLYFS_CKPT_MODULE = 2,
    POLYFS_CKPT_CALLBACK = 3,
    POLYFS_CKPT_OPTIMIZER = 4,
    POLYFS_CKPT_SCHEDULER = 5,
    POLYFS_CKPT_PRECISION = 6,
    POLYFS_CKPT_DATAMODULE = 7
};

struct polyfs_ckpt_part;

/** Writes entries of a part: files that are named as it is, or begin with its name and `.` or `/`. */
typedef int polyfs_ckpt_part_save_fn(struct polyfs_ckpt_saver *saver, const struct polyfs_ckpt_part *part,
                                     struct polyfs_error *err);

/** Takes the state of a part back out of its entries. */
typedef int polyfs_ckpt_part_load_fn(struct polyfs_ckpt_view *view, const struct polyfs_ckpt_part *part,
                                     struct polyfs_error *err);

/** A part of a trainer that has state: the module, each callback, the data module. */
struct polyfs_ckpt_part {
    uint32_t struct_size;
    uint32_t role;                     /**< enum polyfs_ckpt_role */
    const char *name;                  /**< of its entries; each part has another */
    polyfs_ckpt_part_save_fn *save;    /**< writes its state; or NULL */
    polyfs_ckpt_part_save_fn *on_save; /**< hook: adds to it when all parts have saved theirs; or NULL */
    polyfs_ckpt_part_load_fn *on_load; /**< hook: before its state is loaded; or NULL */
    polyfs_ckpt_part_load_fn *load;    /**< takes its state back; or NULL */
    void *user;                        /**< the caller's own */
};
#define POLYFS_CKPT_PART_INIT                                                                                      \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_ckpt_part), 0, NULL, NULL, NULL, NULL, NULL, NULL                           \
    }

/**
 * Save all parts: first the state of each (loops, module, callbacks, optimizers, schedulers, precision, data module),
 * then the hooks: those of callbacks, of the others, and of the module last.
 *
 * @param parts  @p count of them; those of one role in the caller's order
 * @param flags  0 or POLYFS_CKPT_WEIGHTS_ONLY: loops and module alone, and the module's hook
 * @return POLYFS_OK; what a function of a part answered; POLYFS_INVALID: two have one name, or one wrote an entry that
 *         is not its own
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_save_parts(struct polyfs_ckpt_saver *saver, const struct polyfs_ckpt_part *parts,
                                      size_t count, uint32_t flags, struct polyfs_error *err);
#define POLYFS_CKPT_WEIGHTS_ONLY 1u

/** A part has no entry (@p unexpected 0; its name), or an entry has no part (1; the file's name). */
typedef void polyfs_ckpt_differ_fn(const char *name, int unexpected, void *user);

/**
 * Load all parts: the module, the data module, callbacks (all hooks, then all states), precision, loops, optimizers,
 * schedulers. What is missing or unexpected is told before any part is called.
 *
 * @param parts   @p count of them
 * @param flags   POLYFS_CKPT_STRICT: a missing part is POLYFS_NOT_FOUND, an unexpected entry POLYFS_EXISTS;
 *                POLYFS_CKPT_WEIGHTS_ONLY: the module alone, and nothing else is unexpected
 * @param differ  NULL, or called on this thread for each that differs
 * @return POLYFS_OK, or what a function of a part answered
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_load_parts(struct polyfs_ckpt_view *view, const struct polyfs_ckpt_part *parts,
                                      size_t count, uint32_t flags, polyfs_ckpt_differ_fn *differ, void *user,
                                      struct polyfs_error *err);
#define POLYFS_CKPT_STRICT 2u

/* ---- care ----------------------------------------------------------------------------------------------- */

/** One checkpoint was verified: @p code is POLYFS_OK or what is wrong, @p why says it. */
typedef void polyfs_ckpt_verify_fn(const struct polyfs_ckpt_info *info, int code, const char *why, void *user);

/**
 * Read checkpoints and compare sizes and checksums with what was saved.
 *
 * @param which  NULL for all, or a name
 * @param flags  0: read every byte; POLYFS_CKPT_SIZES_ONLY: ask for sizes only
 * @param done   NULL, or called on this thread for each
 * @return POLYFS_OK if all are whole, else the code of the first that is not
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_verify(struct polyfs_ckpt *ckpt, const char *which, uint32_t flags,
                                  polyfs_ckpt_verify_fn *done, void *user, struct polyfs_error *err);
#define POLYFS_CKPT_SIZES_ONLY 1u

/**
 * Let checkpoints go, up to 400 by one record. Their files are removed when the next record is put, as those are that
 * retention drops.
 *
 * @param names  @p count names
 * @return POLYFS_OK; POLYFS_NOT_FOUND: there is none of a name, and nothing was changed; POLYFS_CONDITION (fenced), …
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_drop(struct polyfs_ckpt *ckpt, const char *const *names, size_t count,
                                struct polyfs_error *err);

/** Something was found that no record needs; @p removed is 0 in a dry run or when it could not be removed. */
typedef void polyfs_ckpt_gc_fn(const char *path, int removed, void *user);

/**
 * Remove what no kept record refers to: saves that were killed, checkpoints that retention dropped, old records; and
 * uploads of saves that nobody finished, which no listing shows and stores charge for.
 *
 * @param older_than_s  only saves begun longer ago: a save under way must not be taken for a dead one
 * @param flags         0 or POLYFS_CKPT_DRY_RUN
 * @param done          NULL, or called on this thread for each
 * @return POLYFS_OK, POLYFS_CONDITION (fenced), POLYFS_PERMISSION (uploads may not be listed: all else is done), …
 * Owner: caller. Thread: one at a time. Blocks: the store.
 */
POLYFS_API int polyfs_ckpt_gc(struct polyfs_ckpt *ckpt, uint32_t older_than_s, uint32_t flags,
                              polyfs_ckpt_gc_fn *done, void *user, struct polyfs_error *err);
#define POLYFS_CKPT_DRY_RUN 1u

POLYFS_SHARED_NAMES_END
#ifdef __cplusplus
}
#endif
#endif
