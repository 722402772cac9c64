/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From events to plans. An event works on a copy of the state and on a plan; both count when the plan was carried out,
 * so whatever fails on the way leaves the policy as it was.
 */
#include "policy.h"

#include <string.h>

#define MOMENT_FLAGS                                                                                               \
    (POLYFS_MOMENT_LAST_BATCH | POLYFS_MOMENT_VALIDATION_NEXT | POLYFS_MOMENT_VALIDATED |                          \
     POLYFS_MOMENT_SANITY_CHECK | POLYFS_MOMENT_NOT_FITTING | POLYFS_MOMENT_TIME_DUE | POLYFS_MOMENT_TIME_NOT_DUE)

/* ---- triggers --------------------------------------------------------------------------------------------------- */

int ckpt_policy_passed(int64_t now, int64_t then, int64_t interval)
{
    int64_t passed;
    return __builtin_sub_overflow(now, then, &passed) ? now > then : passed >= interval;
}

int polyfs_policy_time_due(const struct polyfs_policy *policy, int64_t now_ms)
{
    return policy->has_interval &&
           ckpt_policy_passed(now_ms, policy->now.timer_ms, policy->opts.train_time_interval_ms);
}

static int is_time_due(const struct polyfs_policy *policy, const struct polyfs_policy_moment *moment)
{
    if (!policy->has_interval || policy->run.flags & POLYFS_RUN_MANUAL)
        return 0;
    if (moment->flags & (POLYFS_MOMENT_TIME_DUE | POLYFS_MOMENT_TIME_NOT_DUE))
        return (moment->flags & POLYFS_MOMENT_TIME_DUE) != 0;
    return polyfs_policy_time_due(policy, moment->now_ms);
}

static int is_step_due(const struct polyfs_policy *policy, const struct polyfs_policy_moment *moment)
{
    int64_t n = policy->opts.every_n_train_steps;
    return n && moment->step % n == 0;
}

/* Are epoch triggers looked at when a training epoch ends, and not when a validation does? */
static int is_at_train_end(const struct polyfs_policy *policy)
{
    uint32_t flags = policy->run.flags;
    if (policy->opts.when != POLYFS_POLICY_WHEN_AUTO)
        return policy->opts.when == POLYFS_POLICY_WHEN_TRAINED;
    if (flags & POLYFS_RUN_VALIDATES_BY_TIME || ckpt_with_default(policy->run.validate_every_n_epochs, 1) != 1)
        return 0;
    return flags & POLYFS_RUN_NO_VALIDATION || !(flags & POLYFS_RUN_VALIDATES_WITHIN);
}

static int is_skipped(const struct ckpt_turn *t)
{
    return t->policy->run.flags & POLYFS_RUN_DRY ||
           t->moment->flags & (POLYFS_MOMENT_SANITY_CHECK | POLYFS_MOMENT_NOT_FITTING) ||
           t->policy->next.saved_step == t->moment->step;
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

static int save_due(struct ckpt_turn *t)
{
    int rc = ckpt_policy_rank(t);
    if (rc == POLYFS_OK)
        rc = ckpt_policy_retain(t);
    return rc == POLYFS_OK ? ckpt_policy_last(t) : rc;
}

/* There is nothing to rank by yet: the next validation ranks. What needs no rank is saved, unless that is at hand. */
static int put_off(struct ckpt_turn *t)
{
    int at_hand = t->moment->flags & POLYFS_MOMENT_VALIDATION_NEXT && !is_at_train_end(t->policy);
    t->policy->next.deferred = 1;
    if (t->policy->quirks || at_hand || is_skipped(t))
        return POLYFS_OK;
    int rc = ckpt_policy_retain(t);
    return rc == POLYFS_OK ? ckpt_policy_last(t) : rc;
}

static int has_metric(const struct ckpt_turn *t)
{
    struct polyfs_policy_metric metric;
    const char *monitor = t->policy->opts.monitor;
    return !monitor || ckpt_metric_find(t->moment, monitor, strlen(monitor), &metric);
}

static int on_batch_end(struct ckpt_turn *t)
{
    const struct polyfs_policy *policy = t->policy;
    uint32_t before_validation = POLYFS_MOMENT_LAST_BATCH | POLYFS_MOMENT_VALIDATION_NEXT;
    int manual = (policy->run.flags & POLYFS_RUN_MANUAL) != 0;
    if (is_time_due(policy, t->moment))
        t->policy->next.timer_ms = t->moment->now_ms;
    if (manual && is_skipped(t))
        return POLYFS_OK;
    if (!has_metric(t))
        return put_off(t);
    if (!manual && policy->opts.monitor && !is_at_train_end(policy) &&
        (t->moment->flags & before_validation) == before_validation) {
        t->policy->next.deferred = 1;
        return POLYFS_OK;
    }
    return is_skipped(t) ? POLYFS_OK : save_due(t);
}

static int on_epoch(struct ckpt_turn *t)
{
    const struct polyfs_policy *policy = t->policy;
    int64_t n = policy->opts.every_n_epochs;
    int due = n && (t->moment->epoch + 1) % n == 0;
    int rc = due ? ckpt_policy_rank(t) : POLYFS_OK;
    if (rc == POLYFS_OK && due)
        rc = ckpt_policy_retain(t);
    int last = due;
    if (policy->quirks)
        last = policy->next.saved_step == t->moment->step ||
               (policy->opts.save_last == POLYFS_POLICY_LAST_LINK && policy->next.saved_path);
    return rc == POLYFS_OK && last ? ckpt_policy_last(t) : rc;
}

static int on_validation_end(struct ckpt_turn *t)
{
    if (!t->policy->next.deferred)
        return on_epoch(t);
    t->policy->next.deferred = 0;
    return save_due(t);
}

static int on_exception(struct ckpt_turn *t)
{
    const struct polyfs_policy *policy = t->policy;
    if (!(policy->opts.flags & POLYFS_POLICY_ON_EXCEPTION) || policy->run.flags & POLYFS_RUN_DRY ||
        t->moment->flags & POLYFS_MOMENT_SANITY_CHECK || policy->next.saved_step == t->moment->step)
        return POLYFS_OK;
    return ckpt_policy_rescue(t);
}

/* Lightning forgets here that a trial run saves nothing. */
static int on_train_end(struct ckpt_turn *t)
{
    const struct polyfs_policy *policy = t->policy;
    int dry = policy->run.flags & POLYFS_RUN_DRY && !policy->quirks;
    return policy->next.saved_path || dry ? POLYFS_OK : ckpt_policy_last(t);
}

static int on_event(struct ckpt_turn *t, uint32_t event)
{
    struct polyfs_policy *policy = t->policy;
    int at_train_end = is_at_train_end(policy);
    switch (event) {
    case POLYFS_POLICY_TRAIN_START: policy->next.timer_ms = t->moment->now_ms; return POLYFS_OK;
    case POLYFS_POLICY_BATCH_END: return on_batch_end(t);
    case POLYFS_POLICY_EPOCH_END: return is_skipped(t) || !at_train_end ? POLYFS_OK : on_epoch(t);
    case POLYFS_POLICY_VALIDATION_END: return is_skipped(t) || at_train_end ? POLYFS_OK : on_validation_end(t);
    case POLYFS_POLICY_TRAIN_END: return on_train_end(t);
    default: return on_exception(t);
    }
}

/* ---- from event to plan ----------------------------------------------------------------------------------------- */

static void plan_finish(struct polyfs_policy *policy, const struct ckpt_policy_state *state)
{
    struct polyfs_policy_plan *plan = &policy->plan;
    plan->steps = policy->steps;
    plan->last = state->last_path ? state->last_path : "";
    plan->best = state->best_path ? state->best_path : "";
    plan->best_score = state->has_best_score ? state->best_score : 0;
    plan->flags |= (policy->opts.flags & POLYFS_POLICY_WEIGHTS_ONLY ? POLYFS_PLAN_WEIGHTS_ONLY : 0) |
                   (state->has_best_score ? POLYFS_PLAN_HAS_BEST_SCORE : 0);
}

static int check_moment(const struct polyfs_policy *policy, uint32_t event,
                        const struct polyfs_policy_moment *moment, struct polyfs_error *err)
{
    if (policy->pending)
        return ckpt_fail(err, POLYFS_INVALID, "plan", "a checkpoint", "a plan waits to be applied or dropped");
    if (event < POLYFS_POLICY_TRAIN_START || event > POLYFS_POLICY_EXCEPTION || moment->flags & ~MOMENT_FLAGS)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "plan", "a checkpoint", "an event or flag is not known");
    if (moment->epoch < 0 || moment->step < 0 || moment->epoch == INT64_MAX)
        return ckpt_fail(err, POLYFS_INVALID, "plan", "a checkpoint", "its epoch or step is negative or too great");
    return POLYFS_OK;
}

static int plan_make(struct ckpt_turn *t, uint32_t event)
{
    struct polyfs_policy *policy = t->policy;
    if (ckpt_state_copy(&policy->next, &policy->now) != POLYFS_OK)
        return ckpt_policy_no_memory(t->err);
    int rc = on_event(t, event);
    policy->pending = 1;
    if (rc != POLYFS_OK) {
        polyfs_policy_dropped(policy);
        return rc;
    }
    plan_finish(policy, &policy->next);
    if (!policy->plan.count)
        polyfs_policy_applied(policy);
    return POLYFS_OK;
}

int polyfs_policy_on(struct polyfs_policy *policy, uint32_t event, const struct polyfs_policy_moment *moment,
                     const struct polyfs_policy_plan **out_plan, struct polyfs_error *err)
{
    struct polyfs_policy_moment own = POLYFS_POLICY_MOMENT_INIT;
    struct ckpt_turn turn = {policy, &own, err};
    memcpy(&own, moment, ckpt_known_part(moment->struct_size, sizeof(own)));
    int rc = check_moment(policy, event, &own, err);
    if (rc != POLYFS_OK)
        return rc;
    ckpt_plan_clear(policy);
    if (event == POLYFS_POLICY_BATCH_END && !is_step_due(policy, &own) && !is_time_due(policy, &own))
        plan_finish(policy, &policy->now);
    else
        rc = plan_make(&turn, event);
    if (rc == POLYFS_OK)
        *out_plan = &policy->plan;
    return rc;
}

void polyfs_policy_applied(struct polyfs_policy *policy)
{
    if (!policy->pending)
        return;
    ckpt_state_clear(&policy->now);
    policy->now = policy->next;
    memset(&policy->next, 0, sizeof(policy->next));
    policy->pending = 0;
}

void polyfs_policy_dropped(struct polyfs_policy *policy)
{
    if (!policy->pending)
        return;
    ckpt_state_clear(&policy->next);
    ckpt_plan_clear(policy);
    policy->pending = 0;
}
