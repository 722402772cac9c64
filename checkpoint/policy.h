/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the policy share. policy.c: rules and life; policy_event.c: from an event to a plan; policy_rank.c: what
 * it saves and drops; policy_name.c: under which names; policy_state.c, policy_json.c: the state.
 */
#ifndef CKPT_POLICY_H
#define CKPT_POLICY_H

#include <polyfs/policy.h>

#include "template.h"

struct ckpt_ranked {
    char *path;
    double score; /* never nan */
};

/* What retention looks after: the newest, and those that stay for good as long as they are ranked, too. */
struct ckpt_kept {
    char *path;
    int for_good;
};

/* Paths are NULL when there is none. */
struct ckpt_policy_state {
    struct ckpt_ranked *ranked; /* in the order in which they came */
    size_t ranked_count;
    char *kth_path, *best_path, *last_path, *saved_path; /* saved: by the newest SAVE of any kind */
    double kth_score, best_score, current_score;
    int has_best_score, has_current_score;
    int64_t saved_step;
    struct ckpt_kept *kept; /* oldest first */
    size_t kept_count;
    int64_t kept_time_ms; /* of the newest that stays for good by its time */
    int has_kept_time;
    int deferred; /* a trigger waits for the next validation */

    /* not saved */
    int64_t timer_ms; /* when the time trigger was due last */
    int warned;
};

struct polyfs_policy {
    struct polyfs_policy_opts opts; /* normalised: no default left, none of POLYFS_POLICY_ZERO; texts are own */
    int has_interval;
    struct polyfs_policy_run run; /* texts are own */
    int quirks;
    struct ckpt_policy_state now, next; /* next: after the plan */
    int pending;
    struct polyfs_policy_plan plan;
    struct polyfs_policy_step *steps; /* of the plan; texts are own */
};

/* An event being worked on: it changes policy->next and adds to the plan. */
struct ckpt_turn {
    struct polyfs_policy *policy;
    const struct polyfs_policy_moment *moment;
    struct polyfs_error *err;
};

/*
 * Lightning's behaviour with its defects, for tests that compare with it: `last` that lags behind and that a trial run
 * may save, no guards on remote folders, too many kept after top_k shrank, the worst not looked for when a name comes
 * again, names of an earlier process taken for a stranger's.
 */
void ckpt_policy_quirks(struct polyfs_policy *policy);

/* policy.c */
const char *ckpt_policy_folder(const struct polyfs_policy *policy);
int ckpt_policy_no_memory(struct polyfs_error *err);
void ckpt_plan_clear(struct polyfs_policy *policy);
int64_t ckpt_with_default(int64_t value, int64_t otherwise);
size_t ckpt_known_part(uint32_t struct_size, size_t known); /* bytes of a caller's struct that we know */

/* policy_event.c */
int ckpt_policy_passed(int64_t now, int64_t then, int64_t interval);

/* policy_name.c: a path by its template into @out, free with free(); pick: the first version that is free. */
int ckpt_path_make(const struct ckpt_turn *turn, const char *pattern, int64_t version, char **out);
int ckpt_path_pick(const struct ckpt_turn *turn, const char *pattern, const char *reusable, char **out);

/* policy_rank.c: POLYFS_OK, or a code with the turn's error filled. */
int ckpt_policy_rank(struct ckpt_turn *turn);   /* the best, or the newest without a monitor */
int ckpt_policy_retain(struct ckpt_turn *turn); /* the newest, and those for good */
int ckpt_policy_last(struct ckpt_turn *turn);
int ckpt_policy_rescue(struct ckpt_turn *turn); /* at an exception */
/* What was planned and applied under this name was not saved after all. */
int ckpt_policy_forget(struct polyfs_policy *policy, const char *path);

/* policy_json.c: the state as it will be, NULL without memory; and back, for polyfs_policy_restore. */
json_t *ckpt_policy_json(const struct polyfs_policy *policy);
/* @elsewhere: it is of another folder, whatever it says itself. */
int ckpt_policy_json_restore(struct polyfs_policy *policy, json_t *body, int elsewhere, int *out_whole,
                             struct polyfs_error *err);

/* policy_state.c: POLYFS_OK or POLYFS_NOMEM. Append: what is not there yet; set, add: what may be. */
double ckpt_worst_score(uint32_t mode); /* what nan counts as */
void ckpt_state_init(struct ckpt_policy_state *state, uint32_t mode);
void ckpt_state_clear(struct ckpt_policy_state *state);
int ckpt_state_copy(struct ckpt_policy_state *to, const struct ckpt_policy_state *from);
int ckpt_ranked_append(struct ckpt_policy_state *state, const char *path, double score);
int ckpt_ranked_set(struct ckpt_policy_state *state, const char *path, double score);
char *ckpt_ranked_pop(struct ckpt_policy_state *state, size_t at);
size_t ckpt_ranked_find(const struct ckpt_policy_state *state, const char *path); /* its count: not there */
size_t ckpt_ranked_worst(const struct ckpt_policy_state *state, uint32_t mode);
int ckpt_ranked_better(uint32_t mode, double a, double b);
/* Best and, when @top_k are there, worst of what is ranked. */
int ckpt_ranked_refresh(struct ckpt_policy_state *state, uint32_t mode, int64_t top_k);
size_t ckpt_kept_find(const struct ckpt_policy_state *state, const char *path); /* its count: not there */
int ckpt_kept_append(struct ckpt_policy_state *state, const char *path, int for_good);
int ckpt_kept_add(struct ckpt_policy_state *state, const char *path, int for_good);
char *ckpt_kept_pop(struct ckpt_policy_state *state, size_t at);

#endif
