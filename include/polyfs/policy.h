/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file policy.h
 * When to save a checkpoint, under which name, and which ones to let go: the rules of PyTorch Lightning's
 * ModelCheckpoint, and retention beyond them, for any training loop.
 *
 * A policy is a state machine that touches no store. The loop tells it what happens; each event gives a plan: what to
 * save, what to take away, and what `last` and `best` are afterwards. The loop carries the plan out, best in one
 * commit, and then says polyfs_policy_applied(); when the save failed it says polyfs_policy_dropped(), and the policy
 * is as if the event had not been. Decisions depend on arguments alone, so all ranks of a training that see the same
 * metrics come to the same plan; what one rank alone may say (time, what exists) can be handed to the others.
 *
 * The rules are those of Lightning 2.6 (its documentation of ModelCheckpoint), except where they lose data: `last`
 * moves at every event at which a save is due; nothing is removed that training resumed from or that lies outside the
 * folder, on any store; fewer checkpoints to keep than there are means that the worst go; a run that starts again
 * takes its own names again; what is dropped goes after what replaces it is saved.
 *
 * Arguments stay the caller's and text is UTF-8; @p err may be NULL. A policy may be used by one thread at a time;
 * policies are independent of each other. Nothing here blocks.
 */
#ifndef POLYFS_POLICY_H
#define POLYFS_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "polyfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct polyfs_policy; /**< rules with their state */

#define POLYFS_POLICY_ALL (-1)       /**< save_top_k: every checkpoint is kept */
#define POLYFS_POLICY_ZERO INT64_MIN /**< the number 0 itself, where 0 stands for the default */

/** Which scores are better. */
enum polyfs_policy_mode {
    POLYFS_POLICY_MIN = 0, /**< lower ones */
    POLYFS_POLICY_MAX = 1  /**< higher ones */
};

/** What `last` is. */
enum polyfs_policy_last {
    POLYFS_POLICY_LAST_NONE = 0, /**< there is none */
    POLYFS_POLICY_LAST_COPY = 1, /**< a checkpoint of its own */
    POLYFS_POLICY_LAST_LINK = 2  /**< a symbolic link to the newest ranked one; local folders only */
};

/** When epoch triggers are looked at. */
enum polyfs_policy_when {
    POLYFS_POLICY_WHEN_AUTO = 0,     /**< by how the loop validates, struct polyfs_policy_run */
    POLYFS_POLICY_WHEN_TRAINED = 1,  /**< at the end of a training epoch */
    POLYFS_POLICY_WHEN_VALIDATED = 2 /**< at the end of a validation */
};

/**
 * The rules. Zero stands for the default in every member. At most one of the three triggers may be set; when none
 * is, it is each epoch. A name is made of a template: `{key}` or `{key:spec}` becomes "key=value", formatted by
 * Python's format mini-language (no `z`; width and precision up to 255); a key that has no metric is the integer 0;
 * `}}` stands for `}`. Retention: a checkpoint stays while it is among the best, the newest @p keep_newest, or one of
 * the steps or times that are kept for good; with retention set, each due event saves what any of these rules keeps.
 */
struct polyfs_policy_opts {
    uint32_t struct_size;
    uint32_t flags;                 /**< POLYFS_POLICY_… below */
    const char *dirpath;            /**< folder of the checkpoints, taken as it is; NULL: the run's */
    const char *filename;           /**< template; NULL: "{epoch}-{step}" */
    const char *monitor;            /**< metric that ranks; NULL: none, the newest is the best */
    const char *name_last;          /**< template of `last`; NULL: "last" */
    const char *ext;                /**< behind each name; NULL: ".ckpt"; "" none */
    const char *join;               /**< between prefix, name and version; NULL: "-" */
    const char *equals;             /**< between key and value; NULL: "=" */
    uint32_t mode;                  /**< enum polyfs_policy_mode */
    uint32_t save_last;             /**< enum polyfs_policy_last */
    uint32_t when;                  /**< enum polyfs_policy_when */
    uint32_t reserved;              /**< 0 */
    int64_t save_top_k;             /**< so many best are kept; 0 = 1; POLYFS_POLICY_ALL; POLYFS_POLICY_ZERO none */
    int64_t every_n_train_steps;    /**< trigger; POLYFS_POLICY_ZERO never, and no epochs by default either */
    int64_t every_n_epochs;         /**< trigger; the same */
    int64_t train_time_interval_ms; /**< trigger; POLYFS_POLICY_ZERO after every batch */
    int64_t starting_version;       /**< N of the first "-vN"; 0 = 1; POLYFS_POLICY_ZERO 0 */
    int64_t keep_newest;            /**< retention: so many newest stay; 0 none */
    int64_t keep_every_n_steps;     /**< retention: steps that this divides stay for good; 0 none */
    int64_t keep_every_ms;          /**< retention: one stays for good each such time; 0 none */
};
#define POLYFS_POLICY_OPTS_INIT                                                                                    \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_policy_opts), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0,   \
            0, 0, 0, 0, 0, 0, 0                                                                                    \
    }
#define POLYFS_POLICY_WEIGHTS_ONLY 1u       /**< plans say so; checkpoints then hold no state of the trainer */
#define POLYFS_POLICY_ON_EXCEPTION 2u       /**< POLYFS_POLICY_EXCEPTION saves */
#define POLYFS_POLICY_PLAIN_VALUES 4u       /**< fields become "value", not "key=value" */
#define POLYFS_POLICY_NO_VERSION_COUNTER 8u /**< names that are taken are overwritten, no "-vN" */

/** A metric's value. */
struct polyfs_policy_metric {
    const char *name;
    uint32_t kind;     /**< enum polyfs_policy_kind */
    uint32_t reserved; /**< 0 */
    int64_t integer;   /**< of INTEGER; of BOOL 0 or 1 */
    double real;       /**< of REAL; widen a float32 as it is */
};
enum polyfs_policy_kind { POLYFS_POLICY_REAL = 0, POLYFS_POLICY_INTEGER = 1, POLYFS_POLICY_BOOL = 2 };

/**
 * Is this name taken? Asked for names that the policy would give.
 *
 * @param path  folder and name
 * @param user  of struct polyfs_policy_run
 * @return 0 no; 1 yes; 2 by an earlier process of this same run, as its `last` or behind the step that training
 *         resumed from, so that it may be replaced; or a negative enum polyfs_code, which ends the event
 */
typedef int polyfs_policy_exists_fn(const char *path, void *user);

/** What one training is like. */
struct polyfs_policy_run {
    uint32_t struct_size;
    uint32_t flags;                  /**< POLYFS_RUN_… below */
    const char *dirpath;             /**< folder, when the rules name none; NULL or "": names stand alone */
    const char *resumed_from;        /**< checkpoint that is never removed; or NULL */
    polyfs_policy_exists_fn *exists; /**< NULL: what this policy saved is there, and nothing else */
    void *user;                      /**< for @p exists */
    int64_t validate_every_n_epochs; /**< 0 = 1; decides POLYFS_POLICY_WHEN_AUTO, with the flags */
};
#define POLYFS_POLICY_RUN_INIT                                                                                     \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_policy_run), 0, NULL, NULL, NULL, NULL, 0                                   \
    }
#define POLYFS_RUN_REMOTE 1u        /**< the folder is on no local disk: no links */
#define POLYFS_RUN_DRY 2u           /**< a trial run of the loop: nothing is ever saved */
#define POLYFS_RUN_MANUAL 4u        /**< the loop steps its optimiser itself: batches end with step triggers only */
#define POLYFS_RUN_NO_VALIDATION 8u /**< there is none */
#define POLYFS_RUN_VALIDATES_BY_TIME 16u /**< validation comes by the clock */
#define POLYFS_RUN_VALIDATES_WITHIN 32u  /**< validation comes within epochs, not at their end alone */

/** What happened. */
enum polyfs_policy_event {
    POLYFS_POLICY_TRAIN_START = 1,
    POLYFS_POLICY_BATCH_END = 2, /**< of training, after the optimiser's step */
    POLYFS_POLICY_EPOCH_END = 3, /**< of training */
    POLYFS_POLICY_VALIDATION_END = 4,
    POLYFS_POLICY_TRAIN_END = 5,
    POLYFS_POLICY_EXCEPTION = 6 /**< training ends by an error, or is told to stop */
};

/** The loop at that moment. */
struct polyfs_policy_moment {
    uint32_t struct_size;
    uint32_t flags;  /**< POLYFS_MOMENT_… below */
    int64_t epoch;   /**< the current one, from 0 */
    int64_t step;    /**< optimiser steps done; nothing is saved at 0 */
    int64_t now_ms;  /**< of a clock that never goes back: the time trigger */
    int64_t time_ms; /**< since 1970 UTC: keep_every_ms, also over restarts */
    const struct polyfs_policy_metric
        *metrics; /**< @p count that are logged now; "epoch", "step" count by themselves */
    size_t count;
};
#define POLYFS_POLICY_MOMENT_INIT                                                                                  \
    {                                                                                                              \
        (uint32_t)sizeof(struct polyfs_policy_moment), 0, 0, 0, 0, 0, NULL, 0                                      \
    }
#define POLYFS_MOMENT_LAST_BATCH 1u      /**< of its epoch */
#define POLYFS_MOMENT_VALIDATION_NEXT 2u /**< a validation comes right behind this batch */
#define POLYFS_MOMENT_VALIDATED 4u       /**< a validation has run in this training already */
#define POLYFS_MOMENT_SANITY_CHECK 8u    /**< the trial validation before training */
#define POLYFS_MOMENT_NOT_FITTING 16u    /**< testing, predicting, or validating alone */
#define POLYFS_MOMENT_TIME_DUE 32u       /**< rank 0's polyfs_policy_time_due() said 1: now_ms decides nothing */
#define POLYFS_MOMENT_TIME_NOT_DUE 64u   /**< it said 0 */

/** Steps of a plan, in their order. */
enum polyfs_policy_what {
    POLYFS_POLICY_SAVE = 1,   /**< the state of now under @p path, over what is there */
    POLYFS_POLICY_COPY = 2,   /**< the same checkpoint as @p source, of this plan, under @p path too */
    POLYFS_POLICY_LINK = 3,   /**< @p path becomes a link to @p source */
    POLYFS_POLICY_REMOVE = 4, /**< @p path is dropped, once the rest is durable */
    POLYFS_POLICY_LEAVE = 5   /**< @p path is not ranked any more, but stays: resumed from, or outside the folder */
};
struct polyfs_policy_step {
    uint32_t what;      /**< enum polyfs_policy_what */
    uint32_t flags;     /**< POLYFS_STEP_… below */
    const char *path;   /**< folder and name */
    const char *source; /**< of COPY and LINK, else NULL */
    double score;       /**< with POLYFS_STEP_HAS_SCORE */
};
#define POLYFS_STEP_HAS_SCORE 1u /**< it is ranked by @p score; nan is told as the worst there is */
#define POLYFS_STEP_IS_LAST 2u   /**< @p path is the new `last` */

/** What an event asks for. */
struct polyfs_policy_plan {
    uint32_t struct_size;
    uint32_t flags;                         /**< POLYFS_PLAN_… below */
    const struct polyfs_policy_step *steps; /**< @p count of them */
    size_t count;                           /**< 0: nothing to do; the event has taken effect */
    const char *last;                       /**< path of `last` afterwards; "" none */
    const char *best;                       /**< path of the best afterwards; "" none */
    double best_score;                      /**< with POLYFS_PLAN_HAS_BEST_SCORE */
};
#define POLYFS_PLAN_WEIGHTS_ONLY 1u   /**< what is saved is the model alone */
#define POLYFS_PLAN_NO_METRIC 2u      /**< warn: the metric that ranks is not logged; told once */
#define POLYFS_PLAN_HAS_BEST_SCORE 4u /**< there is a best one, and it has a score */

/**
 * Make a policy.
 *
 * @param opts        the rules; NULL: all defaults
 * @param out_policy  end with polyfs_policy_free()
 * @return POLYFS_OK; POLYFS_CONFIG: a number is out of range, triggers exclude each other, mode is none, a template
 *         cannot be read, or there is nothing to rank by; POLYFS_UNSUPPORTED: a flag is not known; POLYFS_NOMEM
 * Owner: caller. Thread: any. Blocks: no.
 */
POLYFS_API int polyfs_policy_new(const struct polyfs_policy_opts *opts, struct polyfs_policy **out_policy,
                                 struct polyfs_error *err);

/**
 * End a policy.
 *
 * @param policy  or NULL
 * Owner: takes it. Thread: one. Blocks: no.
 */
POLYFS_API void polyfs_policy_free(struct polyfs_policy *policy);

/**
 * Say what this training is like: before the first event, and before polyfs_policy_restore().
 *
 * @param run  NULL: all defaults
 * @return POLYFS_OK, POLYFS_INVALID (links were asked for, and the folder is remote), POLYFS_UNSUPPORTED, POLYFS_NOMEM
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_policy_setup(struct polyfs_policy *policy, const struct polyfs_policy_run *run,
                                   struct polyfs_error *err);

/**
 * Is the time trigger due? For rank 0 to ask and to tell the others, by flags of the moment.
 *
 * @param now_ms  as in struct polyfs_policy_moment
 * @return 1 or 0
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_policy_time_due(const struct polyfs_policy *policy, int64_t now_ms);

/**
 * Something happened. A plan with steps waits for polyfs_policy_applied() or polyfs_policy_dropped().
 *
 * @param event     enum polyfs_policy_event
 * @param moment    not NULL
 * @param out_plan  borrowed until the next call on this policy that is not polyfs_policy_state() or _format()
 * @return POLYFS_OK; POLYFS_CONFIG: the metric that ranks is not logged although a validation has run;
 *         POLYFS_INVALID: a plan waits, or a name cannot be made (a format does not fit its value, or it grows too
 *         long); POLYFS_EXISTS: all of 10,000 versions of a name are taken; POLYFS_NOMEM; a code of exists(). After
 *         a failure the policy is as before.
 * Owner: library. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_policy_on(struct polyfs_policy *policy, uint32_t event,
                                const struct polyfs_policy_moment *moment,
                                const struct polyfs_policy_plan **out_plan, struct polyfs_error *err);

/**
 * The plan that waits was carried out. Without one it does nothing.
 *
 * @param policy  not NULL
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API void polyfs_policy_applied(struct polyfs_policy *policy);

/**
 * The plan that waits was not carried out; forget its event. Without one it does nothing.
 *
 * @param policy  not NULL
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API void polyfs_policy_dropped(struct polyfs_policy *policy);

/**
 * The state, to be saved in the checkpoint: as it will be after the plan that waits, else as it is.
 *
 * @param out_json  a JSON object with Lightning's names of its members; free with polyfs_free()
 * @return POLYFS_OK or POLYFS_NOMEM
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_policy_state(const struct polyfs_policy *policy, char **out_json, struct polyfs_error *err);

/**
 * The key under which Lightning keeps the state of a callback with these rules; two with the same key are the same.
 *
 * @param out_key  e.g. "ModelCheckpoint{'monitor': 'loss', …}"; free with polyfs_free()
 * @return POLYFS_OK or POLYFS_NOMEM
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_policy_state_key(const struct polyfs_policy *policy, char **out_key,
                                       struct polyfs_error *err);

/**
 * Go on from a state that was saved. When it is of another folder only its best path is taken.
 *
 * @param json       @p size bytes, of polyfs_policy_state()
 * @param out_whole  NULL, or 1: all was taken, 0: the best path alone, which is worth a warning
 * @return POLYFS_OK, POLYFS_CORRUPT (it is no state), POLYFS_INVALID (a plan waits), POLYFS_NOMEM
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_policy_restore(struct polyfs_policy *policy, const char *json, size_t size, int *out_whole,
                                     struct polyfs_error *err);

/**
 * A name by the rules, without a folder.
 *
 * @param name      template; NULL: the rules' own
 * @param prefix    joined in front, also if empty; or NULL
 * @param version   joined behind as "vN"; negative: none
 * @param moment    not NULL
 * @param out_name  free with polyfs_free()
 * @return POLYFS_OK, POLYFS_INVALID (the template, or a format that does not fit its value), POLYFS_NOMEM
 * Owner: caller. Thread: one at a time. Blocks: no.
 */
POLYFS_API int polyfs_policy_format(const struct polyfs_policy *policy, const char *name, const char *prefix,
                                    int64_t version, const struct polyfs_policy_moment *moment, char **out_name,
                                    struct polyfs_error *err);

#ifdef __cplusplus
}
#endif
#endif
