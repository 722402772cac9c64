/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a policy as JSON, which checkpoints carry. Its members are called what Lightning calls them. */
#include "policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *path_json(const char *path)
{
    return json_string(path ? path : "");
}

static json_t *rows_json(const struct ckpt_policy_state *s, json_t **out_kept)
{
    json_t *ranked = json_object(), *kept = json_array();
    int failed = 0;
    for (size_t i = 0; i < s->ranked_count; i++)
        failed |= json_object_set_new(ranked, s->ranked[i].path, ckpt_json_real(s->ranked[i].score));
    for (size_t i = 0; i < s->kept_count; i++)
        failed |= json_array_append_new(kept, json_pack("{s:s, s:b}", "path", s->kept[i].path, "for_good",
                                                        s->kept[i].for_good));
    if (!failed && ranked && kept) {
        *out_kept = kept;
        return ranked;
    }
    json_decref(ranked);
    json_decref(kept);
    return NULL;
}

static json_t *state_json(const struct polyfs_policy *policy, const struct ckpt_policy_state *s)
{
    json_t *kept = NULL, *ranked = rows_json(s, &kept);
    if (!ranked)
        return NULL;
    return json_pack("{s:s?, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:b, s:o}", "monitor",
                     policy->opts.monitor, "best_model_score",
                     s->has_best_score ? ckpt_json_real(s->best_score) : json_null(), "best_model_path",
                     path_json(s->best_path), "current_score",
                     s->has_current_score ? ckpt_json_real(s->current_score) : json_null(), "dirpath",
                     ckpt_policy_folder(policy), "best_k_models", ranked, "kth_best_model_path",
                     path_json(s->kth_path), "kth_value", ckpt_json_real(s->kth_score), "last_model_path",
                     path_json(s->last_path), "last_checkpoint_saved", path_json(s->saved_path), "kept", kept,
                     "last_global_step_saved", (json_int_t)s->saved_step, "kept_time_ms",
                     s->has_kept_time ? json_integer(s->kept_time_ms) : json_null(), "deferred", s->deferred,
                     "format", json_integer(1));
}

json_t *ckpt_policy_json(const struct polyfs_policy *policy)
{
    return state_json(policy, policy->pending ? &policy->next : &policy->now);
}

int polyfs_policy_state(const struct polyfs_policy *policy, char **out_json, struct polyfs_error *err)
{
    json_t *body = ckpt_policy_json(policy);
    char *text = NULL;
    size_t n = 0;
    int rc = body ? ckpt_json_write(body, &text, &n) : POLYFS_NOMEM;
    char *ended = rc == POLYFS_OK ? realloc(text, n + 1) : NULL;
    json_decref(body);
    if (!ended) {
        free(text);
        return ckpt_fail(err, POLYFS_NOMEM, "write", "the state of a policy", "no memory");
    }
    ended[n] = '\0';
    *out_json = ended;
    return POLYFS_OK;
}

/* ---- and back --------------------------------------------------------------------------------------------------- */

static int path_read(json_t *body, const char *key, char **out)
{
    const char *text = json_string_value(json_object_get(body, key));
    return text && *text ? ckpt_text_set(out, text) : POLYFS_OK;
}

static int score_read(const json_t *value, uint32_t mode, double *out)
{
    if (ckpt_json_real_read(value, out) != POLYFS_OK)
        return POLYFS_CORRUPT;
    if (isnan(*out))
        *out = ckpt_worst_score(mode);
    return POLYFS_OK;
}

static int ranked_read(json_t *rows, uint32_t mode, struct ckpt_policy_state *s)
{
    const char *path;
    json_t *value;
    json_object_foreach(rows, path, value)
    {
        double score;
        int rc = score_read(value, mode, &score);
        if (rc == POLYFS_OK)
            rc = ckpt_ranked_append(s, path, score);
        if (rc != POLYFS_OK)
            return rc;
    }
    return POLYFS_OK;
}

static int kept_read(json_t *rows, struct ckpt_policy_state *s)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *path;
        int for_good;
        int rc = ckpt_json_unpack(row, "{s:s, s:b}", "path", &path, "for_good", &for_good);
        if (rc == POLYFS_OK)
            rc = ckpt_kept_append(s, path, for_good);
        if (rc != POLYFS_OK)
            return rc;
    }
    return POLYFS_OK;
}

/* What Lightning restores; @s keeps what it has of the rest. */
static int scores_read(json_t *body, uint32_t mode, struct ckpt_policy_state *s)
{
    json_t *ranked, *kth, *best = json_object_get(body, "best_model_score");
    int rc = ckpt_json_unpack(body, "{s:o, s:o}", "best_k_models", &ranked, "kth_value", &kth);
    if (rc == POLYFS_OK && !json_is_object(ranked))
        rc = POLYFS_CORRUPT;
    if (rc != POLYFS_OK || (rc = ranked_read(ranked, mode, s)) != POLYFS_OK ||
        (rc = score_read(kth, mode, &s->kth_score)) != POLYFS_OK ||
        (rc = path_read(body, "kth_best_model_path", &s->kth_path)) != POLYFS_OK)
        return rc;
    s->has_best_score = best && !json_is_null(best);
    if (s->has_best_score)
        rc = score_read(best, mode, &s->best_score);
    return rc == POLYFS_OK ? path_read(body, "last_model_path", &s->last_path) : rc;
}

/* What is ours, and what Lightning forgets. */
static int rest_read(const struct polyfs_policy *policy, json_t *body, struct ckpt_policy_state *s)
{
    json_t *time = json_object_get(body, "kept_time_ms");
    json_int_t step = 0;
    int deferred = 0;
    int rc = ckpt_json_unpack(body, "{s?I, s?b}", "last_global_step_saved", &step, "deferred", &deferred);
    if (rc == POLYFS_OK)
        rc = kept_read(json_object_get(body, "kept"), s);
    if (rc == POLYFS_OK)
        rc = path_read(body, "last_checkpoint_saved", &s->saved_path);
    s->saved_step = step;
    s->deferred = deferred;
    s->has_kept_time = json_is_integer(time);
    s->kept_time_ms = json_integer_value(time);
    return rc == POLYFS_OK ? ckpt_ranked_refresh(s, policy->opts.mode, policy->opts.save_top_k) : rc;
}

static int body_read(const struct polyfs_policy *policy, json_t *body, int elsewhere, int *out_whole,
                     struct ckpt_policy_state *s)
{
    const char *dirpath, *best;
    int rc = ckpt_json_unpack(body, "{s:s, s:s}", "dirpath", &dirpath, "best_model_path", &best);
    if (rc != POLYFS_OK)
        return rc;
    int whole = !elsewhere && strcmp(dirpath, ckpt_policy_folder(policy)) == 0;
    rc = path_read(body, "best_model_path", &s->best_path);
    if (rc == POLYFS_OK && whole)
        rc = scores_read(body, policy->opts.mode, s);
    if (rc == POLYFS_OK && whole && !policy->quirks)
        rc = rest_read(policy, body, s);
    if (rc == POLYFS_OK && out_whole)
        *out_whole = whole;
    return rc;
}

static const char WHAT[] = "take up", WHERE[] = "the state of a policy";

static int check_idle(const struct polyfs_policy *policy, struct polyfs_error *err)
{
    return policy->pending ? ckpt_fail(err, POLYFS_INVALID, WHAT, WHERE, "a plan waits to be applied or dropped")
                           : POLYFS_OK;
}

int ckpt_policy_json_restore(struct polyfs_policy *policy, json_t *body, int elsewhere, int *out_whole,
                             struct polyfs_error *err)
{
    struct ckpt_policy_state read;
    int rc = check_idle(policy, err);
    if (rc != POLYFS_OK)
        return rc;
    ckpt_state_init(&read, policy->opts.mode);
    read.timer_ms = policy->now.timer_ms;
    rc = body_read(policy, body, elsewhere, out_whole, &read);
    if (rc != POLYFS_OK) {
        ckpt_state_clear(&read);
        return ckpt_fail(err, rc, WHAT, WHERE, rc == POLYFS_NOMEM ? "no memory" : "it is none");
    }
    ckpt_state_clear(&policy->now);
    policy->now = read;
    return POLYFS_OK;
}

int polyfs_policy_restore(struct polyfs_policy *policy, const char *json, size_t size, int *out_whole,
                          struct polyfs_error *err)
{
    char why[CKPT_WHY];
    json_t *body = NULL;
    int rc = check_idle(policy, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = ckpt_json_read(json, size, &body, why, sizeof(why));
    if (rc == POLYFS_OK)
        rc = ckpt_policy_json_restore(policy, body, 0, out_whole, err);
    else
        ckpt_fail(err, rc, WHAT, WHERE, "%s", rc == POLYFS_NOMEM ? "no memory" : why);
    json_decref(body);
    return rc;
}
