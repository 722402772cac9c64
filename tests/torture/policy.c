/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario of the checkpoint policy: made, told of a training, its state saved and taken up by another one. */
#include <polyfs/policy.h>
#include <stdio.h>
#include <string.h>

#include "torture.h"

#define EPOCHS 4

static struct polyfs_policy *made(struct polyfs_error *err, int *rc)
{
    struct polyfs_policy_opts opts = POLYFS_POLICY_OPTS_INIT;
    struct polyfs_policy_run run = POLYFS_POLICY_RUN_INIT;
    struct polyfs_policy *policy = NULL;
    opts.filename = "{epoch}-{val:.2f}";
    opts.monitor = "val";
    opts.save_top_k = 2;
    opts.save_last = POLYFS_POLICY_LAST_COPY;
    opts.keep_newest = 1;
    run.dirpath = "/run";
    run.resumed_from = "/run/first.ckpt";
    *rc = polyfs_policy_new(&opts, &policy, err);
    if (*rc == POLYFS_OK)
        *rc = polyfs_policy_setup(policy, &run, err);
    return policy;
}

/* One epoch; *steps grows by the steps of its plan. */
static int epoch(struct polyfs_policy *policy, int64_t number, size_t *steps, struct polyfs_error *err)
{
    static const double scores[EPOCHS] = {3, 1, 2, 0};
    const struct polyfs_policy_metric metric = {"val", POLYFS_POLICY_REAL, 0, 0, scores[number % EPOCHS]};
    struct polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
    const struct polyfs_policy_plan *plan;
    moment.epoch = number;
    moment.step = 10 * (number + 1);
    moment.metrics = &metric;
    moment.count = 1;
    int rc = polyfs_policy_on(policy, POLYFS_POLICY_EPOCH_END, &moment, &plan, err);
    if (rc == POLYFS_OK)
        *steps += plan->count;
    return rc;
}

/* The last epoch's plan waits while the state is taken. */
static int train(struct polyfs_policy *policy, size_t *steps, char **out_state, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (int64_t i = 0; i < EPOCHS && rc == POLYFS_OK; i++) {
        polyfs_policy_applied(policy);
        rc = epoch(policy, i, steps, err);
    }
    return rc == POLYFS_OK ? polyfs_policy_state(policy, out_state, err) : rc;
}

static int go_on(const char *state, size_t *steps, char **out_key, struct polyfs_error *err)
{
    int rc, whole = 0;
    struct polyfs_policy *policy = made(err, &rc);
    if (rc == POLYFS_OK)
        rc = polyfs_policy_restore(policy, state, strlen(state), &whole, err);
    if (rc == POLYFS_OK)
        rc = epoch(policy, EPOCHS + 1, steps, err);
    if (rc == POLYFS_OK)
        rc = polyfs_policy_state_key(policy, out_key, err);
    polyfs_policy_free(policy);
    return rc;
}

static int call_policy(struct world *w, struct polyfs_error *err)
{
    char *state = NULL, *key = NULL;
    size_t steps = 0;
    int rc;
    struct polyfs_policy *policy = made(err, &rc);
    if (rc == POLYFS_OK)
        rc = train(policy, &steps, &state, err);
    polyfs_policy_free(policy);
    if (rc == POLYFS_OK)
        rc = go_on(state, &steps, &key, err);
    if (rc == POLYFS_OK)
        w->out.n = steps;
    polyfs_free(state);
    polyfs_free(key);
    return rc;
}

static const char *check_policy(const struct world *w)
{
    static size_t steps;
    if (!steps)
        steps = w->out.n;
    return w->out.n == steps && steps > 10 ? NULL : "another plan was made";
}

const struct scenario policy_scenarios[] = {
    {"policy", ON_MEMORY | NO_SLOTS, NULL, call_policy, check_policy, NULL, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
