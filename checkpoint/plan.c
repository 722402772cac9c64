/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy plans, as a record has it: names that come and go. A name that is a copy or a link of another shares its
 * files, which go when the last name goes.
 */
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* ---- in a record ------------------------------------------------------------------------------------------------ */

/* One name more for files that are there. */
static int add_name(struct ckpt_record *next, const struct polyfs_policy_step *step, const struct ckpt_entry *of)
{
    struct ckpt_entry entry = *of;
    entry.name = (char *)(uintptr_t)step->path; /* copied by add */
    entry.home = of->home ? of->home : of->name;
    entry.has_score = (step->flags & POLYFS_STEP_HAS_SCORE) != 0;
    entry.score = entry.has_score ? step->score : 0;
    return ckpt_record_add(next, &entry);
}

static int apply_step(struct ckpt_record *next, const struct polyfs_policy_step *step,
                      const struct ckpt_entry *saved)
{
    const struct ckpt_entry *of = saved;
    int rc = POLYFS_OK;
    if (step->what == POLYFS_POLICY_LEAVE)
        return rc;
    if (step->what == POLYFS_POLICY_REMOVE)
        return ckpt_record_drop(next, step->path);
    if (step->what != POLYFS_POLICY_SAVE && strcmp(step->source, step->path) == 0)
        return rc;
    rc = ckpt_record_drop(next, step->path);
    if (step->what != POLYFS_POLICY_SAVE)
        of = ckpt_record_find(next, step->source);
    return rc == POLYFS_OK && of ? add_name(next, step, of) : rc;
}

int ckpt_plan_apply(struct ckpt_record *next, const struct polyfs_policy_plan *plan, const struct ckpt_entry *saved)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < plan->count && rc == POLYFS_OK; i++)
        rc = apply_step(next, &plan->steps[i], saved);
    if (rc == POLYFS_OK)
        rc = ckpt_text_set(&next->last, ckpt_record_find(next, plan->last) ? plan->last : NULL);
    if (rc == POLYFS_OK)
        rc = ckpt_text_set(&next->best, ckpt_record_find(next, plan->best) ? plan->best : NULL);
    return rc;
}

/* ---- copies ----------------------------------------------------------------------------------------------------- */

struct own_plan {
    struct polyfs_policy_plan plan; /* first: it is what others see */
    struct polyfs_policy_step *steps;
    char *last, *best;
};

void ckpt_plan_free(struct polyfs_policy_plan *plan)
{
    struct own_plan *own = (struct own_plan *)(void *)plan;
    if (!own)
        return;
    for (size_t i = 0; i < own->plan.count; i++) {
        free((char *)(uintptr_t)own->steps[i].path);
        free((char *)(uintptr_t)own->steps[i].source);
    }
    free(own->steps);
    free(own->last);
    free(own->best);
    free(own);
}

static int step_copy(struct polyfs_policy_step *to, const struct polyfs_policy_step *from)
{
    *to = *from;
    to->path = strdup(from->path);
    to->source = from->source ? strdup(from->source) : NULL;
    return to->path && (to->source || !from->source) ? POLYFS_OK : POLYFS_NOMEM;
}

struct polyfs_policy_plan *ckpt_plan_copy(const struct polyfs_policy_plan *plan)
{
    struct own_plan *own = calloc(1, sizeof(*own));
    if (!own)
        return NULL;
    own->plan = *plan;
    own->plan.count = 0;
    own->steps = calloc(plan->count + 1, sizeof(*own->steps));
    own->last = strdup(plan->last);
    own->best = strdup(plan->best);
    int rc = own->steps && own->last && own->best ? POLYFS_OK : POLYFS_NOMEM;
    for (size_t i = 0; i < plan->count && rc == POLYFS_OK; i++)
        rc = step_copy(&own->steps[own->plan.count++], &plan->steps[i]);
    own->plan.steps = own->steps;
    own->plan.last = own->last;
    own->plan.best = own->best;
    if (rc == POLYFS_OK)
        return &own->plan;
    ckpt_plan_free(&own->plan);
    return NULL;
}

static int mentions(const struct polyfs_policy_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->steps[i].path, path) == 0)
            return 1;
    return 0;
}

int ckpt_plan_owe(struct polyfs_policy_plan *plan, const struct polyfs_policy_plan *failed)
{
    struct own_plan *own = (struct own_plan *)(void *)plan;
    struct polyfs_policy_step *more = realloc(own->steps, (own->plan.count + failed->count + 1) * sizeof(*more));
    if (!more)
        return POLYFS_NOMEM;
    own->steps = more;
    own->plan.steps = more;
    for (size_t i = 0; i < failed->count; i++) {
        if (failed->steps[i].what != POLYFS_POLICY_REMOVE || mentions(&own->plan, failed->steps[i].path))
            continue;
        int rc = step_copy(&more[own->plan.count++], &failed->steps[i]);
        if (rc != POLYFS_OK)
            return rc;
    }
    return POLYFS_OK;
}

const struct polyfs_policy_step *ckpt_plan_save(const struct polyfs_policy_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].what == POLYFS_POLICY_SAVE)
            return &plan->steps[i];
    return NULL;
}

int ckpt_plan_commit(struct polyfs_ckpt *ckpt, const struct polyfs_policy_plan *plan, struct polyfs_error *err)
{
    struct ckpt_record next;
    if (ckpt->ranks.rank) /* rank 0 puts the one record */
        return POLYFS_OK;
    int rc = ckpt_record_copy(&next, &ckpt->state);
    next.seq++;
    if (rc == POLYFS_OK)
        rc = ckpt_plan_apply(&next, plan, NULL);
    rc = rc == POLYFS_OK ? ckpt_commit(ckpt, &next, err)
                         : ckpt_fail(err, rc, "commit to", ckpt->url, "no memory for its record");
    ckpt_record_clear(&next);
    return rc;
}
