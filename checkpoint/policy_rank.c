/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event saves and drops. Everything here changes policy->next and adds steps to the plan; what is saved comes
 * before what is dropped, so that a plan that ends halfway has lost nothing.
 */
#include "policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int set_path(const struct ckpt_turn *t, char **path, const char *to)
{
    return ckpt_text_set(path, to) == POLYFS_OK ? POLYFS_OK : ckpt_policy_no_memory(t->err);
}

/* ---- the plan --------------------------------------------------------------------------------------------------- */

static size_t place_of(const struct polyfs_policy *policy, uint32_t what)
{
    size_t at = policy->plan.count;
    while (!policy->quirks && what < POLYFS_POLICY_REMOVE && at > 0 &&
           policy->steps[at - 1].what >= POLYFS_POLICY_REMOVE)
        at--;
    return at;
}

static int step_add(struct ckpt_turn *t, struct polyfs_policy_step step)
{
    struct polyfs_policy *policy = t->policy;
    struct polyfs_policy_step *more = realloc(policy->steps, (policy->plan.count + 1) * sizeof(*more));
    if (!more)
        return ckpt_policy_no_memory(t->err);
    policy->steps = more;
    char *path = strdup(step.path), *source = step.source ? strdup(step.source) : NULL;
    if (!path || (step.source && !source)) {
        free(path);
        free(source);
        return ckpt_policy_no_memory(t->err);
    }
    step.path = path;
    step.source = source;
    size_t at = place_of(policy, step.what);
    memmove(&more[at + 1], &more[at], (policy->plan.count - at) * sizeof(*more));
    more[at] = step;
    policy->plan.count++;
    return POLYFS_OK;
}

/* What this plan has saved for ranking, retention or rescue; NULL: nothing. */
static const char *plan_saved(const struct polyfs_policy *policy)
{
    for (size_t i = 0; i < policy->plan.count; i++)
        if (policy->steps[i].what == POLYFS_POLICY_SAVE && !(policy->steps[i].flags & POLYFS_STEP_IS_LAST))
            return policy->steps[i].path;
    return NULL;
}

static int save(struct ckpt_turn *t, struct polyfs_policy_step step)
{
    struct ckpt_policy_state *s = &t->policy->next;
    step.what = POLYFS_POLICY_SAVE;
    s->saved_step = t->moment->step;
    int rc = set_path(t, &s->saved_path, step.path);
    return rc == POLYFS_OK ? step_add(t, step) : rc;
}

/* ---- dropping --------------------------------------------------------------------------------------------------- */

static int is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    while (n && folder[n - 1] == '/')
        n--;
    return !n || (strncmp(path, folder, n) == 0 && path[n] == '/');
}

static int is_same(const char *path, const char *other)
{
    return path && other && strcmp(path, other) == 0;
}

/* Another role has taken this name over, which can happen where names are not counted up. */
static int is_needed(const struct polyfs_policy *policy, const char *path)
{
    const struct ckpt_policy_state *s = &policy->next;
    for (size_t i = 0; i < policy->plan.count; i++)
        if (policy->steps[i].what < POLYFS_POLICY_REMOVE && is_same(path, policy->steps[i].path))
            return 1;
    return is_same(path, s->best_path) || is_same(path, s->last_path) ||
           ckpt_ranked_find(s, path) < s->ranked_count;
}

static int drop(struct ckpt_turn *t, const char *path)
{
    const struct polyfs_policy *policy = t->policy;
    const char *resumed = policy->run.resumed_from;
    if (!policy->quirks && is_needed(policy, path))
        return POLYFS_OK;
    int guarded = !policy->quirks || !(policy->run.flags & POLYFS_RUN_REMOTE);
    int stays = guarded && (is_same(path, resumed) || !is_below(path, ckpt_policy_folder(policy)));
    return step_add(t, (struct polyfs_policy_step){.what = stays ? POLYFS_POLICY_LEAVE : POLYFS_POLICY_REMOVE,
                                                   .path = path});
}

/* Will it still be kept when one more has come? */
static int is_kept(const struct polyfs_policy *policy, const char *path)
{
    const struct ckpt_policy_state *s = &policy->next;
    size_t at = ckpt_kept_find(s, path);
    return at < s->kept_count && (s->kept[at].for_good || (int64_t)(s->kept_count - at) < policy->opts.keep_newest);
}

/* @path is let go, since @current came instead; where retention knows it, its sweep decides. */
static int let_go(struct ckpt_turn *t, const char *path, const char *current)
{
    const struct ckpt_policy_state *s = &t->policy->next;
    if (is_same(path, current) || ckpt_kept_find(s, path) < s->kept_count)
        return POLYFS_OK;
    return drop(t, path);
}

/* ---- ranking ---------------------------------------------------------------------------------------------------- */

static int make_newest(struct ckpt_turn *t)
{
    struct ckpt_policy_state *s = &t->policy->next;
    char *path = NULL, *previous = s->best_path;
    int rc = ckpt_path_pick(t, t->policy->opts.filename, previous && is_kept(t->policy, previous) ? NULL : previous,
                            &path);
    if (rc != POLYFS_OK)
        return rc;
    s->best_path = path;
    rc = save(t, (struct polyfs_policy_step){.path = path});
    if (rc == POLYFS_OK && previous && t->policy->opts.save_top_k == 1)
        rc = let_go(t, previous, path);
    free(previous);
    return rc;
}

static int tell_absent(const struct ckpt_turn *t)
{
    const char *monitor = t->policy->opts.monitor;
    if (t->moment->flags & POLYFS_MOMENT_VALIDATED)
        return ckpt_fail(t->err, POLYFS_CONFIG, "rank by", monitor,
                         "nothing of that name is logged, although a validation has run");
    if (!t->policy->next.warned)
        t->policy->plan.flags |= POLYFS_PLAN_NO_METRIC;
    t->policy->next.warned = 1;
    return POLYFS_OK;
}

static int refresh_to(struct ckpt_turn *t, int64_t top_k)
{
    return ckpt_ranked_refresh(&t->policy->next, t->policy->opts.mode, top_k) == POLYFS_OK
               ? POLYFS_OK
               : ckpt_policy_no_memory(t->err);
}

static int refresh(struct ckpt_turn *t)
{
    return refresh_to(t, t->policy->opts.save_top_k);
}

/* Where it came from a state that kept more. */
static int shrink(struct ckpt_turn *t)
{
    const struct polyfs_policy_opts *opts = &t->policy->opts;
    struct ckpt_policy_state *s = &t->policy->next;
    while (opts->save_top_k > 0 && (int64_t)s->ranked_count > opts->save_top_k) {
        char *path = ckpt_ranked_pop(s, ckpt_ranked_worst(s, opts->mode));
        int rc = refresh(t);
        if (rc == POLYFS_OK)
            rc = let_go(t, path, NULL);
        free(path);
        if (rc != POLYFS_OK)
            return rc;
    }
    return refresh(t);
}

static size_t kth(const struct polyfs_policy *policy)
{
    const struct ckpt_policy_state *s = &policy->next;
    size_t at = s->kth_path ? ckpt_ranked_find(s, s->kth_path) : s->ranked_count;
    return at < s->ranked_count ? at : ckpt_ranked_worst(s, policy->opts.mode);
}

static int is_accepted(const struct polyfs_policy *policy, double score)
{
    const struct ckpt_policy_state *s = &policy->next;
    int64_t top_k = policy->opts.save_top_k;
    return top_k == POLYFS_POLICY_ALL || (int64_t)s->ranked_count < top_k ||
           ckpt_ranked_better(policy->opts.mode, score, s->ranked[kth(policy)].score);
}

static int rank_as(struct ckpt_turn *t, const char *path, double score)
{
    struct ckpt_policy_state *s = &t->policy->next;
    int64_t top_k = t->policy->opts.save_top_k;
    size_t before = s->ranked_count;
    s->current_score = score;
    s->has_current_score = 1;
    if (ckpt_ranked_set(s, path, score) != POLYFS_OK)
        return ckpt_policy_no_memory(t->err);
    /* Where all are kept, Lightning expects one more, and looks for the worst only then. */
    if (t->policy->quirks && top_k == POLYFS_POLICY_ALL)
        top_k = (int64_t)before + 1;
    int rc = refresh_to(t, top_k);
    if (rc != POLYFS_OK)
        return rc;
    return save(t, (struct polyfs_policy_step){.path = path, .flags = POLYFS_STEP_HAS_SCORE, .score = score});
}

static int accept(struct ckpt_turn *t, double score)
{
    const struct polyfs_policy_opts *opts = &t->policy->opts;
    struct ckpt_policy_state *s = &t->policy->next;
    char *path = NULL, *victim = NULL;
    if (opts->save_top_k > 0 && (int64_t)s->ranked_count == opts->save_top_k)
        victim = ckpt_ranked_pop(s, kth(t->policy));
    if (isnan(score))
        score = ckpt_worst_score(opts->mode);
    int rc = ckpt_path_pick(t, opts->filename, victim && is_kept(t->policy, victim) ? NULL : victim, &path);
    if (rc == POLYFS_OK)
        rc = rank_as(t, path, score);
    if (rc == POLYFS_OK && victim)
        rc = let_go(t, victim, path);
    free(path);
    free(victim);
    return rc;
}

int ckpt_policy_rank(struct ckpt_turn *t)
{
    struct polyfs_policy_metric metric;
    const struct polyfs_policy_opts *opts = &t->policy->opts;
    if (!opts->save_top_k)
        return POLYFS_OK;
    if (!opts->monitor)
        return make_newest(t);
    if (!ckpt_metric_find(t->moment, opts->monitor, strlen(opts->monitor), &metric))
        return tell_absent(t);
    int rc = t->policy->quirks ? POLYFS_OK : shrink(t);
    double score = ckpt_metric_real(&metric);
    return rc == POLYFS_OK && is_accepted(t->policy, score) ? accept(t, score) : rc;
}

/* ---- retention -------------------------------------------------------------------------------------------------- */

static int is_ranked(const struct polyfs_policy *policy, const char *path)
{
    const struct ckpt_policy_state *s = &policy->next;
    if (policy->opts.save_top_k == POLYFS_POLICY_ALL)
        return 1;
    if (!policy->opts.monitor)
        return policy->opts.save_top_k && is_same(path, s->best_path);
    return ckpt_ranked_find(s, path) < s->ranked_count;
}

static int stays_for_good(struct ckpt_turn *t)
{
    const struct polyfs_policy_opts *opts = &t->policy->opts;
    struct ckpt_policy_state *s = &t->policy->next;
    int by_step = opts->keep_every_n_steps && t->moment->step % opts->keep_every_n_steps == 0;
    int by_time =
        opts->keep_every_ms &&
        (!s->has_kept_time || ckpt_policy_passed(t->moment->time_ms, s->kept_time_ms, opts->keep_every_ms));
    if (by_time) {
        s->kept_time_ms = t->moment->time_ms;
        s->has_kept_time = 1;
    }
    return by_step || by_time;
}

/* Those that no rule keeps any more are dropped; those that nothing can drop any more are forgotten. */
static int sweep(struct ckpt_turn *t)
{
    const struct polyfs_policy_opts *opts = &t->policy->opts;
    struct ckpt_policy_state *s = &t->policy->next;
    int rc = POLYFS_OK;
    for (size_t i = 0; (int64_t)(s->kept_count - i) > opts->keep_newest && rc == POLYFS_OK;) {
        int ranked = is_ranked(t->policy, s->kept[i].path), for_good = s->kept[i].for_good;
        if (ranked && for_good && opts->save_top_k != POLYFS_POLICY_ALL) {
            i++;
            continue;
        }
        char *path = ckpt_kept_pop(s, i);
        if (!ranked && !for_good)
            rc = drop(t, path);
        free(path);
    }
    return rc;
}

int ckpt_policy_retain(struct ckpt_turn *t)
{
    const struct polyfs_policy_opts *opts = &t->policy->opts;
    const char *saved = plan_saved(t->policy);
    char *path = NULL;
    int rc = POLYFS_OK;
    if (!opts->keep_newest && !opts->keep_every_n_steps && !opts->keep_every_ms)
        return POLYFS_OK;
    int for_good = stays_for_good(t);
    if (!saved && (opts->keep_newest || for_good)) {
        rc = ckpt_path_pick(t, opts->filename, NULL, &path);
        if (rc == POLYFS_OK)
            rc = save(t, (struct polyfs_policy_step){.path = path});
        saved = path;
    }
    if (rc == POLYFS_OK && saved && ckpt_kept_add(&t->policy->next, saved, for_good) != POLYFS_OK)
        rc = ckpt_policy_no_memory(t->err);
    free(path);
    return rc == POLYFS_OK ? sweep(t) : rc;
}

/* ---- last ------------------------------------------------------------------------------------------------------- */

/* Of what this event saved, when that will do; else of the state itself. */
static int last_make(struct ckpt_turn *t, const char *path)
{
    const struct polyfs_policy *policy = t->policy;
    int link =
        policy->opts.save_last == POLYFS_POLICY_LAST_LINK && (policy->opts.save_top_k || policy->opts.keep_newest);
    const char *source = policy->quirks ? (link ? policy->next.saved_path : NULL) : plan_saved(policy);
    struct polyfs_policy_step step = {.what = link ? POLYFS_POLICY_LINK : POLYFS_POLICY_COPY,
                                      .flags = POLYFS_STEP_IS_LAST,
                                      .path = path,
                                      .source = source};
    if (!source)
        return save(t, step);
    return strcmp(source, path) == 0 ? POLYFS_OK : step_add(t, step);
}

int ckpt_policy_last(struct ckpt_turn *t)
{
    struct ckpt_policy_state *s = &t->policy->next;
    char *path = NULL, *previous = s->last_path;
    if (t->policy->opts.save_last == POLYFS_POLICY_LAST_NONE)
        return POLYFS_OK;
    int rc = ckpt_path_pick(t, t->policy->opts.name_last, previous, &path);
    if (rc != POLYFS_OK)
        return rc;
    s->last_path = path;
    rc = last_make(t, path);
    if (rc == POLYFS_OK && previous)
        rc = let_go(t, previous, path);
    free(previous);
    return rc;
}

int ckpt_policy_rescue(struct ckpt_turn *t)
{
    char *path = NULL;
    int rc = ckpt_path_make(t, t->policy->opts.filename, -1, &path);
    if (rc == POLYFS_OK)
        rc = save(t, (struct polyfs_policy_step){.path = path});
    free(path);
    return rc == POLYFS_OK ? ckpt_policy_last(t) : rc;
}

/* ---- what was not saved after all ------------------------------------------------------------------------------- */

static void forget_path(char **path, const char *gone)
{
    if (is_same(*path, gone))
        ckpt_text_set(path, NULL);
}

int ckpt_policy_forget(struct polyfs_policy *policy, const char *path)
{
    struct ckpt_policy_state *s = &policy->now;
    size_t at = ckpt_ranked_find(s, path), kept = ckpt_kept_find(s, path);
    if (kept < s->kept_count)
        free(ckpt_kept_pop(s, kept));
    forget_path(&s->last_path, path);
    forget_path(&s->saved_path, path);
    forget_path(&s->best_path, path);
    if (at == s->ranked_count)
        return POLYFS_OK;
    free(ckpt_ranked_pop(s, at));
    ckpt_text_set(&s->kth_path, NULL); /* there is room for one more now */
    s->kth_score = ckpt_worst_score(policy->opts.mode);
    s->has_best_score = 0;
    return ckpt_ranked_refresh(s, policy->opts.mode, policy->opts.save_top_k);
}
