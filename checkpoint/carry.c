/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy's plan, carried out: what is due is saved once, and one record adds it under its names, takes away what the
 * plan lets go and moves `last` and `best`. A name that is a copy or a link of another shares its files, which go when
 * the last name goes. The policy's own state is a file of the checkpoint.
 */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "view.h"

#define STATE_MAX (UINT64_C(16) << 20) /* bytes of a state that are read */

/* ---- the plan in a record ------------------------------------------------------------------------------------------- */

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

/* ---- the policy's state as a file ------------------------------------------------------------------------------------ */

/* {state key: state} */
static int state_text(const struct polyfs_policy *policy, char **out, size_t *out_n, struct polyfs_error *err)
{
    char *key = NULL;
    int rc = polyfs_policy_state_key(policy, &key, err);
    if (rc != POLYFS_OK)
        return rc;
    json_t *all = json_object(), *state = ckpt_policy_json(policy);
    rc = json_object_set_new(all, key, state) == 0 ? ckpt_json_write(all, out, out_n) : POLYFS_NOMEM;
    if (rc != POLYFS_OK)
        ckpt_fail(err, rc, "save", "the state of a policy", "no memory");
    json_decref(all);
    polyfs_free(key);
    return rc;
}

static int put_state(struct polyfs_ckpt_saver *saver, const struct polyfs_policy *policy, struct polyfs_error *err)
{
    char *text = NULL;
    size_t n = 0;
    int rc = state_text(policy, &text, &n, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_write(saver, POLYFS_CKPT_POLICY_FILE, text, n, err);
    free(text);
    return rc;
}

static int restore_from(struct polyfs_policy *policy, const json_t *all, int *out_whole, struct polyfs_error *err)
{
    char *key = NULL;
    int rc = polyfs_policy_state_key(policy, &key, err);
    if (rc != POLYFS_OK)
        return rc;
    json_t *state = json_object_get(all, key);
    rc = state
             ? ckpt_policy_json_restore(policy, state, out_whole, err)
             : ckpt_fail(err, POLYFS_NOT_FOUND, "restore", "the policy", "the checkpoint has no state of %s", key);
    polyfs_free(key);
    return rc;
}

int polyfs_ckpt_restore(struct polyfs_ckpt_view *view, struct polyfs_policy *policy, int *out_whole,
                        struct polyfs_error *err)
{
    const struct ckpt_file *file = ckpt_view_file(view, POLYFS_CKPT_POLICY_FILE);
    const char *name = polyfs_ckpt_view_info(view)->name;
    char why[128] = "its state of a policy is too large";
    json_t *all = NULL;
    size_t n = 0;
    if (!file)
        return ckpt_fail(err, POLYFS_NOT_FOUND, "restore the policy from", name, "it was saved without one");
    if (file->size > STATE_MAX)
        return ckpt_fail(err, POLYFS_CORRUPT, "restore the policy from", name, "%s", why);
    char *text = malloc(file->size + 1);
    int rc = text ? polyfs_ckpt_read(view, file->name, text, file->size, &n, err)
                  : ckpt_fail(err, POLYFS_NOMEM, "restore the policy from", name, "no memory");
    if (rc == POLYFS_OK && (rc = ckpt_json_read(text, n, &all, why, sizeof(why))) != POLYFS_OK)
        ckpt_fail(err, rc, "restore the policy from", name, "%s", why);
    if (rc == POLYFS_OK)
        rc = restore_from(policy, all, out_whole, err);
    json_decref(all);
    free(text);
    return rc;
}

/* ---- names that are taken ---------------------------------------------------------------------------------------------- */

int polyfs_ckpt_taken(const char *path, void *user)
{
    const struct polyfs_ckpt *ckpt = user;
    const struct ckpt_record *record = &ckpt->state;
    if (!ckpt_record_find(record, path))
        return 0;
    return record->last && strcmp(record->last, path) == 0 ? 2 : 1;
}

/* ---- events ------------------------------------------------------------------------------------------------------------ */

static const struct polyfs_policy_step *first_save(const struct polyfs_policy_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].what == POLYFS_POLICY_SAVE)
            return &plan->steps[i];
    return NULL;
}

/* A plan that only takes away, or moves names. */
static int commit_names(struct polyfs_ckpt *ckpt, const struct polyfs_policy_plan *plan, struct polyfs_error *err)
{
    struct ckpt_record next;
    int rc = ckpt_record_copy(&next, &ckpt->state);
    next.seq++;
    if (rc == POLYFS_OK)
        rc = ckpt_plan_apply(&next, plan, NULL);
    rc = rc == POLYFS_OK ? ckpt_commit(ckpt, &next, err)
                         : ckpt_fail(err, rc, "commit to", ckpt->url, "no memory for its record");
    ckpt_record_clear(&next);
    return rc;
}

struct event {
    const struct polyfs_policy *policy;
    const struct polyfs_policy_moment *moment;
    const struct polyfs_policy_plan *plan;
    polyfs_ckpt_fill_fn *fill;
    void *user;
};

static int save_planned(struct polyfs_ckpt *ckpt, const struct event *event, const struct polyfs_policy_step *step,
                        struct polyfs_ckpt_info *out_info, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    opts.name = step->path;
    opts.step = event->moment->step;
    opts.epoch = event->moment->epoch;
    opts.flags = step->flags & POLYFS_STEP_HAS_SCORE ? POLYFS_CKPT_HAS_SCORE : 0;
    opts.score = step->score;
    int rc = polyfs_ckpt_begin(ckpt, &opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    ckpt_saver_plan(saver, event->plan);
    rc = event->fill(saver, event->plan, event->user, err);
    if (rc == POLYFS_OK)
        rc = put_state(saver, event->policy, err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, out_info, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

int polyfs_ckpt_on(struct polyfs_ckpt *ckpt, struct polyfs_policy *policy, uint32_t event,
                   const struct polyfs_policy_moment *moment, polyfs_ckpt_fill_fn *fill, void *user,
                   struct polyfs_ckpt_info *out_info, struct polyfs_error *err)
{
    struct polyfs_error own = POLYFS_ERROR_INIT;
    struct polyfs_error *e = err ? err : &own; /* the commit state decides what may be removed */
    const struct polyfs_ckpt_info none = POLYFS_CKPT_INFO_INIT;
    const struct polyfs_policy_plan *plan;
    int rc = polyfs_policy_on(policy, event, moment, &plan, e);
    if (rc != POLYFS_OK)
        return rc;
    const struct event now = {policy, moment, plan, fill, user};
    const struct polyfs_policy_step *step = first_save(plan);
    if (step)
        rc = save_planned(ckpt, &now, step, out_info, e);
    else if (plan->count)
        rc = commit_names(ckpt, plan, e);
    if (rc == POLYFS_OK && !step)
        ckpt_info_out(out_info, &none);
    if (rc == POLYFS_OK)
        polyfs_policy_applied(policy);
    else
        polyfs_policy_dropped(policy);
    return rc;
}
