/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a policy gives: of checkpoints, and of its own state among the states of others. */
#include "policy.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSIONS_MAX 10000

static int is_tracked(const struct ckpt_policy_state *s, const char *path)
{
    const char *const paths[] = {s->best_path, s->last_path, s->saved_path};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        if (paths[i] && strcmp(paths[i], path) == 0)
            return 1;
    return ckpt_kept_find(s, path) < s->kept_count || ckpt_ranked_find(s, path) < s->ranked_count;
}

/* 1, 0 or a negative code. What this plan does to a name is as good as done. */
static int is_taken(const struct ckpt_turn *t, const char *path, const char *reusable)
{
    const struct polyfs_policy *policy = t->policy;
    if (reusable && strcmp(path, reusable) == 0)
        return 0;
    for (size_t i = policy->plan.count; i-- > 0;)
        if (strcmp(policy->steps[i].path, path) == 0)
            return !policy->quirks || policy->steps[i].what != POLYFS_POLICY_REMOVE;
    if (!policy->run.exists)
        return is_tracked(&policy->next, path);
    int answer = policy->run.exists(path, policy->run.user);
    if (answer == 2 && !policy->quirks)
        return is_tracked(&policy->next, path);
    return answer < 0 ? answer : answer != 0;
}

int ckpt_path_make(const struct ckpt_turn *t, const char *pattern, int64_t version, char **out)
{
    const char *folder = ckpt_policy_folder(t->policy);
    struct ckpt_text name;
    char why[CKPT_WHY];
    int rc = ckpt_template_expand(&t->policy->opts, pattern, NULL, version, t->moment, &name, why);
    if (rc != POLYFS_OK)
        return ckpt_fail(t->err, rc, "name", "a checkpoint", "%s", why);
    size_t n = strlen(folder);
    *out = ckpt_format("%s%s%s", folder, n && folder[n - 1] != '/' ? "/" : "", name.data);
    return *out ? POLYFS_OK : ckpt_policy_no_memory(t->err);
}

int ckpt_path_pick(const struct ckpt_turn *t, const char *pattern, const char *reusable, char **out)
{
    const struct polyfs_policy_opts *opts = &t->policy->opts;
    int64_t version = -1;
    char *path = NULL;
    for (int tries = 0; tries < VERSIONS_MAX; tries++) {
        int rc = ckpt_path_make(t, pattern, version, &path);
        if (rc != POLYFS_OK)
            return rc;
        int taken = opts->flags & POLYFS_POLICY_NO_VERSION_COUNTER ? 0 : is_taken(t, path, reusable);
        if (taken == 0) {
            *out = path;
            return POLYFS_OK;
        }
        free(path);
        if (taken < 0)
            return ckpt_fail(t->err, taken, "name", "a checkpoint", "it cannot be told which names are taken");
        version = version < 0 ? opts->starting_version : version + 1;
    }
    return ckpt_fail(t->err, POLYFS_EXISTS, "name", "a checkpoint", "%d versions of \"%s\" are taken", VERSIONS_MAX,
                     pattern);
}

static int hand_out(const struct ckpt_text *text, char **out, struct polyfs_error *err)
{
    char *own = text->full ? NULL : strdup(text->data);
    if (!own)
        return ckpt_policy_no_memory(err);
    *out = own;
    return POLYFS_OK;
}

int polyfs_policy_format(const struct polyfs_policy *policy, const char *name, const char *prefix, int64_t version,
                         const struct polyfs_policy_moment *moment, char **out_name, struct polyfs_error *err)
{
    struct polyfs_policy_moment own = POLYFS_POLICY_MOMENT_INIT;
    struct ckpt_text text;
    char why[CKPT_WHY];
    memcpy(&own, moment, ckpt_known_part(moment->struct_size, sizeof(own)));
    int rc =
        ckpt_template_expand(&policy->opts, name ? name : policy->opts.filename, prefix, version, &own, &text, why);
    return rc == POLYFS_OK ? hand_out(&text, out_name, err) : ckpt_fail(err, rc, "name", "a checkpoint", "%s", why);
}

/* ---- the key of the state: a Python dict as repr() writes it ---------------------------------------------------- */

static int is_printable(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);
    return c == ' ' || (g_unichar_isprint(c) && !g_unichar_isspace(c) && type != G_UNICODE_PRIVATE_USE &&
                        type != G_UNICODE_SPACE_SEPARATOR);
}

static void add_character(struct ckpt_text *out, gunichar c, char quote)
{
    char text[16] = "";
    if (c == (gunichar)quote || c == '\\')
        snprintf(text, sizeof(text), "\\%c", (char)c);
    else if (c == '\n' || c == '\r' || c == '\t')
        snprintf(text, sizeof(text), "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (is_printable(c))
        g_unichar_to_utf8(c, text);
    else
        snprintf(text, sizeof(text), c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    ckpt_text_put(out, text);
}

static void add_string(struct ckpt_text *out, const char *string)
{
    char quote = strchr(string, '\'') && !strchr(string, '"') ? '"' : '\'';
    ckpt_text_add(out, &quote, 1);
    for (const char *at = string; *at; at = g_utf8_next_char(at))
        add_character(out, g_utf8_get_char(at), quote);
    ckpt_text_add(out, &quote, 1);
}

static void add_part(struct ckpt_text *out, const char *name, int64_t value, int *count)
{
    char text[64];
    if (!value)
        return;
    snprintf(text, sizeof(text), "%s%s=%lld", (*count)++ ? ", " : "", name, (long long)value);
    ckpt_text_put(out, text);
}

static void add_interval(struct ckpt_text *out, int64_t ms)
{
    int count = 0;
    ckpt_text_put(out, "datetime.timedelta(");
    add_part(out, "days", ms / 86400000, &count);
    add_part(out, "seconds", ms % 86400000 / 1000, &count);
    add_part(out, "microseconds", ms % 1000 * 1000, &count);
    ckpt_text_put(out, count ? ")" : "0)");
}

int polyfs_policy_state_key(const struct polyfs_policy *policy, char **out_key, struct polyfs_error *err)
{
    const struct polyfs_policy_opts *o = &policy->opts;
    struct ckpt_text text;
    char numbers[128];
    ckpt_text_init(&text);
    ckpt_text_put(&text, "ModelCheckpoint{'monitor': ");
    if (o->monitor)
        add_string(&text, o->monitor);
    else
        ckpt_text_put(&text, "None");
    snprintf(numbers, sizeof(numbers),
             ", 'mode': '%s', 'every_n_train_steps': %lld, 'every_n_epochs': %lld, 'train_time_interval': ",
             o->mode == POLYFS_POLICY_MIN ? "min" : "max", (long long)o->every_n_train_steps,
             (long long)o->every_n_epochs);
    ckpt_text_put(&text, numbers);
    if (policy->has_interval)
        add_interval(&text, o->train_time_interval_ms);
    else
        ckpt_text_put(&text, "None");
    ckpt_text_put(&text, "}");
    return hand_out(&text, out_key, err);
}
