/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a policy, normalised and checked, and its life. */
#include "policy.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTS_FLAGS                                                                                                 \
    (POLYFS_POLICY_WEIGHTS_ONLY | POLYFS_POLICY_ON_EXCEPTION | POLYFS_POLICY_PLAIN_VALUES |                        \
     POLYFS_POLICY_NO_VERSION_COUNTER)
#define RUN_FLAGS                                                                                                  \
    (POLYFS_RUN_REMOTE | POLYFS_RUN_DRY | POLYFS_RUN_MANUAL | POLYFS_RUN_NO_VALIDATION |                           \
     POLYFS_RUN_VALIDATES_BY_TIME | POLYFS_RUN_VALIDATES_WITHIN)

/* ---- the rules -------------------------------------------------------------------------------------------------- */

static int reject(struct polyfs_error *err, const char *name, int64_t value, const char *why)
{
    char what[64];
    snprintf(what, sizeof(what), "%s=%lld", name, (long long)value);
    return ckpt_fail(err, POLYFS_CONFIG, "use", what, "%s", why);
}

static int not_negative(struct polyfs_error *err, const char *name, int64_t value)
{
    return value >= 0 ? POLYFS_OK : reject(err, name, value, "it must be >= 0");
}

int64_t ckpt_with_default(int64_t value, int64_t otherwise)
{
    return value == POLYFS_POLICY_ZERO ? 0 : value ? value : otherwise;
}

/* Every default becomes a value; when no trigger is set, it is each epoch. */
static void normalise(struct polyfs_policy *policy)
{
    struct polyfs_policy_opts *o = &policy->opts;
    int triggers = o->every_n_train_steps || o->every_n_epochs || o->train_time_interval_ms;
    policy->has_interval = o->train_time_interval_ms != 0;
    o->save_top_k = ckpt_with_default(o->save_top_k, 1);
    o->every_n_train_steps = ckpt_with_default(o->every_n_train_steps, 0);
    o->every_n_epochs = ckpt_with_default(o->every_n_epochs, !triggers);
    o->train_time_interval_ms = ckpt_with_default(o->train_time_interval_ms, 0);
    o->starting_version = ckpt_with_default(o->starting_version, 1);
    o->keep_newest = ckpt_with_default(o->keep_newest, 0);
    o->keep_every_n_steps = ckpt_with_default(o->keep_every_n_steps, 0);
    o->keep_every_ms = ckpt_with_default(o->keep_every_ms, 0);
}

static int check_numbers(const struct polyfs_policy *policy, struct polyfs_error *err)
{
    const struct polyfs_policy_opts *o = &policy->opts;
    int rc = POLYFS_OK;
    if (o->save_top_k < POLYFS_POLICY_ALL)
        return reject(err, "save_top_k", o->save_top_k, "it must be >= -1");
    if ((rc = not_negative(err, "every_n_train_steps", o->every_n_train_steps)) != POLYFS_OK ||
        (rc = not_negative(err, "every_n_epochs", o->every_n_epochs)) != POLYFS_OK ||
        (rc = not_negative(err, "train_time_interval_ms", o->train_time_interval_ms)) != POLYFS_OK ||
        (rc = not_negative(err, "starting_version", o->starting_version)) != POLYFS_OK ||
        (rc = not_negative(err, "keep_newest", o->keep_newest)) != POLYFS_OK ||
        (rc = not_negative(err, "keep_every_n_steps", o->keep_every_n_steps)) != POLYFS_OK ||
        (rc = not_negative(err, "keep_every_ms", o->keep_every_ms)) != POLYFS_OK)
        return rc;
    if ((o->every_n_train_steps > 0) + (o->every_n_epochs > 0) + policy->has_interval > 1)
        return ckpt_fail(err, POLYFS_CONFIG, "use", "more than one trigger",
                         "every_n_train_steps, every_n_epochs and train_time_interval_ms are mutually exclusive");
    return POLYFS_OK;
}

static int check_words(const struct polyfs_policy *policy, struct polyfs_error *err)
{
    const struct polyfs_policy_opts *o = &policy->opts;
    if (!o->monitor && o->save_top_k > 1)
        return reject(err, "save_top_k", o->save_top_k,
                      "there is no quantity to track: without monitor it is -1, 0 (POLYFS_POLICY_ZERO) or 1");
    if (o->mode > POLYFS_POLICY_MAX)
        return reject(err, "mode", o->mode, "it is min (0) or max (1)");
    if (o->save_last > POLYFS_POLICY_LAST_LINK)
        return reject(err, "save_last", o->save_last, "it is none (0), copy (1) or link (2)");
    if (o->when > POLYFS_POLICY_WHEN_VALIDATED)
        return reject(err, "when", o->when, "it is auto (0), trained (1) or validated (2)");
    if (o->flags & ~OPTS_FLAGS)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "make", "a policy", "a flag is not known");
    return POLYFS_OK;
}

static int check_template(struct polyfs_error *err, const char *name, const char *pattern)
{
    char why[CKPT_WHY];
    int rc = ckpt_template_check(pattern, why);
    return rc == POLYFS_OK ? rc : ckpt_fail(err, POLYFS_CONFIG, "use", name, "%s", why);
}

/* A copy of the caller's text, or of @otherwise, in its place. */
static int own_text(const char **text, const char *otherwise, struct polyfs_error *err)
{
    const char *from = *text ? *text : otherwise;
    *text = NULL;
    if (!from)
        return POLYFS_OK;
    if (!g_utf8_validate(from, -1, NULL))
        return ckpt_fail(err, POLYFS_CONFIG, "make", "a policy", "a text of it is not UTF-8");
    *text = strdup(from);
    return *text ? POLYFS_OK : ckpt_policy_no_memory(err);
}

/* All are tried, so that none of the caller's texts stays in its place and is freed as if it were ours. */
static int own_texts(struct polyfs_policy_opts *o, struct polyfs_error *err)
{
    struct {
        const char **text, *otherwise;
    } rows[] = {{&o->dirpath, NULL}, {&o->filename, ""}, {&o->monitor, NULL}, {&o->name_last, "last"},
                {&o->ext, ".ckpt"},  {&o->join, "-"},    {&o->equals, "="}};
    int rc = POLYFS_OK;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int one = own_text(rows[i].text, rows[i].otherwise, err);
        rc = rc == POLYFS_OK ? one : rc;
    }
    return rc;
}

static void free_text(const char *text)
{
    free((char *)(uintptr_t)text);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

void ckpt_plan_clear(struct polyfs_policy *policy)
{
    for (size_t i = 0; i < policy->plan.count; i++) {
        free_text(policy->steps[i].path);
        free_text(policy->steps[i].source);
    }
    free(policy->steps);
    policy->steps = NULL;
    policy->plan = (struct polyfs_policy_plan){.struct_size = sizeof(policy->plan)};
}

void polyfs_policy_free(struct polyfs_policy *policy)
{
    if (!policy)
        return;
    const char *const texts[] = {policy->opts.dirpath,   policy->opts.filename, policy->opts.monitor,
                                 policy->opts.name_last, policy->opts.ext,      policy->opts.join,
                                 policy->opts.equals,    policy->run.dirpath,   policy->run.resumed_from};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        free_text(texts[i]);
    ckpt_plan_clear(policy);
    ckpt_state_clear(&policy->now);
    ckpt_state_clear(&policy->next);
    free(policy);
}

size_t ckpt_known_part(uint32_t struct_size, size_t known)
{
    return struct_size < known ? struct_size : known;
}

int polyfs_policy_new(const struct polyfs_policy_opts *opts, struct polyfs_policy **out_policy,
                      struct polyfs_error *err)
{
    struct polyfs_policy *policy = calloc(1, sizeof(*policy));
    if (!policy)
        return ckpt_policy_no_memory(err);
    if (opts)
        memcpy(&policy->opts, opts, ckpt_known_part(opts->struct_size, sizeof(*opts)));
    int rc = own_texts(&policy->opts, err);
    normalise(policy);
    ckpt_state_init(&policy->now, policy->opts.mode);
    if (rc == POLYFS_OK && (rc = check_numbers(policy, err)) == POLYFS_OK &&
        (rc = check_words(policy, err)) == POLYFS_OK &&
        (rc = check_template(err, "filename", policy->opts.filename)) == POLYFS_OK &&
        (rc = check_template(err, "name_last", policy->opts.name_last)) == POLYFS_OK) {
        *out_policy = policy;
        return POLYFS_OK;
    }
    polyfs_policy_free(policy);
    return rc;
}

int polyfs_policy_setup(struct polyfs_policy *policy, const struct polyfs_policy_run *run, struct polyfs_error *err)
{
    struct polyfs_policy_run own = POLYFS_POLICY_RUN_INIT;
    if (run)
        memcpy(&own, run, ckpt_known_part(run->struct_size, sizeof(own)));
    int rc = own_text(&own.dirpath, NULL, err), other = own_text(&own.resumed_from, NULL, err);
    rc = rc == POLYFS_OK ? other : rc;
    if (rc == POLYFS_OK && own.flags & ~RUN_FLAGS)
        rc = ckpt_fail(err, POLYFS_UNSUPPORTED, "set up", "a policy", "a flag is not known");
    if (rc == POLYFS_OK && own.flags & POLYFS_RUN_REMOTE && policy->opts.save_last == POLYFS_POLICY_LAST_LINK)
        rc = ckpt_fail(err, POLYFS_INVALID, "use", "save_last=link", "the folder is not local; links need that");
    if (rc == POLYFS_OK) {
        struct polyfs_policy_run old = policy->run;
        policy->run = own;
        own = old;
    }
    free_text(own.dirpath);
    free_text(own.resumed_from);
    return rc;
}

int ckpt_policy_no_memory(struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_NOMEM, "plan", "a checkpoint", "no memory");
}

const char *ckpt_policy_folder(const struct polyfs_policy *policy)
{
    return policy->opts.dirpath ? policy->opts.dirpath : policy->run.dirpath ? policy->run.dirpath : "";
}

void ckpt_policy_quirks(struct polyfs_policy *policy)
{
    policy->quirks = 1;
}
