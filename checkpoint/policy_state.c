/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a policy: what is ranked and what is kept. */
#include "policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double ckpt_worst_score(uint32_t mode)
{
    return mode == POLYFS_POLICY_MIN ? (double)INFINITY : -(double)INFINITY;
}

void ckpt_state_init(struct ckpt_policy_state *state, uint32_t mode)
{
    memset(state, 0, sizeof(*state));
    state->kth_score = ckpt_worst_score(mode);
}

void ckpt_state_clear(struct ckpt_policy_state *state)
{
    while (state->ranked_count)
        free(ckpt_ranked_pop(state, state->ranked_count - 1));
    while (state->kept_count)
        free(ckpt_kept_pop(state, state->kept_count - 1));
    free(state->ranked);
    free(state->kept);
    free(state->kth_path);
    free(state->best_path);
    free(state->last_path);
    free(state->saved_path);
    memset(state, 0, sizeof(*state));
}

int ckpt_ranked_append(struct ckpt_policy_state *state, const char *path, double score)
{
    struct ckpt_ranked *more = realloc(state->ranked, (state->ranked_count + 1) * sizeof(*more));
    if (!more)
        return POLYFS_NOMEM;
    state->ranked = more;
    char *own = strdup(path);
    if (!own)
        return POLYFS_NOMEM;
    more[state->ranked_count++] = (struct ckpt_ranked){own, score};
    return POLYFS_OK;
}

int ckpt_kept_append(struct ckpt_policy_state *state, const char *path, int for_good)
{
    struct ckpt_kept *more = realloc(state->kept, (state->kept_count + 1) * sizeof(*more));
    if (!more)
        return POLYFS_NOMEM;
    state->kept = more;
    char *own = strdup(path);
    if (!own)
        return POLYFS_NOMEM;
    more[state->kept_count++] = (struct ckpt_kept){own, for_good};
    return POLYFS_OK;
}

static int rows_copy(struct ckpt_policy_state *to, const struct ckpt_policy_state *from)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < from->ranked_count && rc == POLYFS_OK; i++)
        rc = ckpt_ranked_append(to, from->ranked[i].path, from->ranked[i].score);
    for (size_t i = 0; i < from->kept_count && rc == POLYFS_OK; i++)
        rc = ckpt_kept_append(to, from->kept[i].path, from->kept[i].for_good);
    return rc;
}

int ckpt_state_copy(struct ckpt_policy_state *to, const struct ckpt_policy_state *from)
{
    *to = *from;
    to->ranked = NULL;
    to->kept = NULL;
    to->ranked_count = to->kept_count = 0;
    to->kth_path = to->best_path = to->last_path = to->saved_path = NULL;
    int rc = rows_copy(to, from);
    if (rc != POLYFS_OK || (rc = ckpt_text_set(&to->kth_path, from->kth_path)) != POLYFS_OK ||
        (rc = ckpt_text_set(&to->best_path, from->best_path)) != POLYFS_OK ||
        (rc = ckpt_text_set(&to->last_path, from->last_path)) != POLYFS_OK ||
        (rc = ckpt_text_set(&to->saved_path, from->saved_path)) != POLYFS_OK)
        ckpt_state_clear(to);
    return rc;
}

/* ---- what is ranked --------------------------------------------------------------------------------------------- */

size_t ckpt_ranked_find(const struct ckpt_policy_state *state, const char *path)
{
    size_t at = 0;
    while (at < state->ranked_count && strcmp(state->ranked[at].path, path) != 0)
        at++;
    return at;
}

/* A path that is there keeps its place. */
int ckpt_ranked_set(struct ckpt_policy_state *state, const char *path, double score)
{
    size_t at = ckpt_ranked_find(state, path);
    if (at == state->ranked_count)
        return ckpt_ranked_append(state, path, score);
    state->ranked[at].score = score;
    return POLYFS_OK;
}

char *ckpt_ranked_pop(struct ckpt_policy_state *state, size_t at)
{
    char *path = state->ranked[at].path;
    memmove(&state->ranked[at], &state->ranked[at + 1], (state->ranked_count - at - 1) * sizeof(*state->ranked));
    state->ranked_count--;
    return path;
}

int ckpt_ranked_better(uint32_t mode, double a, double b)
{
    return mode == POLYFS_POLICY_MIN ? a < b : a > b;
}

size_t ckpt_ranked_worst(const struct ckpt_policy_state *state, uint32_t mode)
{
    size_t worst = 0;
    for (size_t i = 1; i < state->ranked_count; i++)
        if (ckpt_ranked_better(mode, state->ranked[worst].score, state->ranked[i].score))
            worst = i;
    return worst;
}

/* The worst the other way round. */
static size_t best_of(const struct ckpt_policy_state *state, uint32_t mode)
{
    return ckpt_ranked_worst(state, mode == POLYFS_POLICY_MIN ? POLYFS_POLICY_MAX : POLYFS_POLICY_MIN);
}

int ckpt_ranked_refresh(struct ckpt_policy_state *state, uint32_t mode, int64_t top_k)
{
    if (!state->ranked_count)
        return POLYFS_OK;
    const struct ckpt_ranked *best = &state->ranked[best_of(state, mode)];
    const struct ckpt_ranked *worst = &state->ranked[ckpt_ranked_worst(state, mode)];
    state->best_score = best->score;
    state->has_best_score = 1;
    int rc = ckpt_text_set(&state->best_path, best->path);
    if (rc != POLYFS_OK || (top_k != POLYFS_POLICY_ALL && state->ranked_count != (size_t)top_k))
        return rc;
    state->kth_score = worst->score;
    return ckpt_text_set(&state->kth_path, worst->path);
}

/* ---- what is kept ----------------------------------------------------------------------------------------------- */

size_t ckpt_kept_find(const struct ckpt_policy_state *state, const char *path)
{
    size_t at = 0;
    while (at < state->kept_count && strcmp(state->kept[at].path, path) != 0)
        at++;
    return at;
}

/* A path that is there becomes the newest. */
int ckpt_kept_add(struct ckpt_policy_state *state, const char *path, int for_good)
{
    size_t at = ckpt_kept_find(state, path);
    if (at < state->kept_count)
        free(ckpt_kept_pop(state, at));
    return ckpt_kept_append(state, path, for_good);
}

char *ckpt_kept_pop(struct ckpt_policy_state *state, size_t at)
{
    char *path = state->kept[at].path;
    memmove(&state->kept[at], &state->kept[at + 1], (state->kept_count - at - 1) * sizeof(*state->kept));
    state->kept_count--;
    return path;
}
