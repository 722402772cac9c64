/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy's plan, carried out: what is due is saved once, and one record adds it under its names, takes away what the
 * plan lets go and moves `last` and `best`. The policy's own state is a file of the checkpoint.
 */
#include <stdlib.h>
#include <string.h>

#include "carry.h"
#include "policy.h"
#include "saver.h"
#include "view.h"

#define STATE_MAX (UINT64_C(16) << 20) /* bytes of a state that are read */

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

/* A name means another checkpoint there: only what is best is taken over. */
static int is_elsewhere(const struct polyfs_policy *policy, const struct polyfs_ckpt_view *view)
{
    const struct polyfs_ckpt *ckpt = policy->run.user;
    return policy->run.exists == polyfs_ckpt_taken && strcmp(ckpt->place, view->place) != 0;
}

static int restore_from(struct polyfs_policy *policy, const json_t *all, int elsewhere, int *out_whole,
                        struct polyfs_error *err)
{
    char *key = NULL;
    int rc = polyfs_policy_state_key(policy, &key, err);
    if (rc != POLYFS_OK)
        return rc;
    json_t *state = json_object_get(all, key);
    rc = state
             ? ckpt_policy_json_restore(policy, state, elsewhere, out_whole, err)
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
        rc = restore_from(policy, all, is_elsewhere(policy, view), out_whole, err);
    json_decref(all);
    free(text);
    return rc;
}

/* ---- names that are taken ---------------------------------------------------------------------------------------- */

int polyfs_ckpt_taken(const char *path, void *user)
{
    struct polyfs_ckpt *ckpt = user;
    pthread_mutex_lock(&ckpt->lock);
    int taken = ckpt_record_find(&ckpt->state, path) != NULL;
    if (taken && ckpt->state.last && strcmp(ckpt->state.last, path) == 0)
        taken = 2;
    pthread_mutex_unlock(&ckpt->lock);
    return taken;
}

/* ---- events ------------------------------------------------------------------------------------------------------------ */

int ckpt_carry_fill(struct polyfs_ckpt_saver *saver, const struct ckpt_carry *carry, struct polyfs_error *err)
{
    int rc = ckpt_saver_plan(saver, carry->plan, err);
    if (rc == POLYFS_OK)
        rc = carry->fill(saver, carry->plan, carry->user, err);
    return rc == POLYFS_OK ? put_state(saver, carry->policy, err) : rc;
}

void ckpt_carry_opts(const struct ckpt_carry *carry, const struct polyfs_policy_step *step,
                     struct polyfs_ckpt_save_opts *out)
{
    *out = (struct polyfs_ckpt_save_opts)POLYFS_CKPT_SAVE_OPTS_INIT;
    out->name = step->path;
    out->step = carry->moment->step;
    out->epoch = carry->moment->epoch;
    out->flags = step->flags & POLYFS_STEP_HAS_SCORE ? POLYFS_CKPT_HAS_SCORE : 0;
    out->score = step->score;
}

static int save_planned(struct polyfs_ckpt *ckpt, const struct ckpt_carry *carry,
                        const struct polyfs_policy_step *step, struct polyfs_ckpt_info *out_info,
                        struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts;
    struct polyfs_ckpt_saver *saver;
    ckpt_carry_opts(carry, step, &opts);
    int rc = polyfs_ckpt_begin(ckpt, &opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = ckpt_carry_fill(saver, carry, err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, out_info, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

int polyfs_ckpt_on(struct polyfs_ckpt *ckpt, struct polyfs_policy *policy, uint32_t event,
                   const struct polyfs_policy_moment *moment, polyfs_ckpt_fill_fn *fill, void *user,
                   struct polyfs_ckpt_info *out_info, struct polyfs_error *err)
{
    const struct polyfs_ckpt_info none = POLYFS_CKPT_INFO_INIT;
    const struct polyfs_policy_plan *plan;
    int rc = polyfs_policy_on(policy, event, moment, &plan, err);
    if (rc != POLYFS_OK)
        return rc;
    const struct ckpt_carry carry = {policy, moment, plan, fill, user};
    const struct polyfs_policy_step *step = ckpt_plan_save(plan);
    if (step)
        rc = save_planned(ckpt, &carry, step, out_info, err);
    else if (plan->count)
        rc = ckpt_plan_commit(ckpt, plan, err);
    if (rc == POLYFS_OK && !step)
        ckpt_info_out(out_info, &none);
    if (rc == POLYFS_OK)
        polyfs_policy_applied(policy);
    else
        polyfs_policy_dropped(policy);
    return rc;
}
