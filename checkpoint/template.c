/* SPDX-License-Identifier: Apache-2.0 */
/* One pass from left to right: fields do not see each other, so keys may repeat or begin alike. */
#include "template.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A field as it stands in a template. */
struct field {
    const char *key, *spec;
    size_t key_n, spec_n;
};

static int refuse(char why[CKPT_WHY], const char *pattern, const char *reason)
{
    snprintf(why, CKPT_WHY, "in the template \"%.150s\" %s", pattern, reason);
    return POLYFS_INVALID;
}

static int field_read(const char *pattern, const char *at, struct field *field, char why[CKPT_WHY])
{
    size_t n = strcspn(at + 1, "{}");
    const char *colon = memchr(at + 1, ':', n);
    if (at[1 + n] == '{')
        return refuse(why, pattern, n ? "a field holds '{'" : "there is \"{{\"; a '{' cannot be part of a name");
    if (!at[1 + n])
        return refuse(why, pattern, "a '{' is not closed");
    field->key = at + 1;
    field->key_n = colon ? (size_t)(colon - field->key) : n;
    field->spec = field->key + field->key_n + (colon != NULL);
    field->spec_n = n - (size_t)(field->spec - field->key);
    if (!field->key_n)
        return refuse(why, pattern, "a field names no metric");
    if (memchr(field->key, ']', field->key_n))
        return refuse(why, pattern, "the name of a metric holds ']'");
    return POLYFS_OK;
}

/* The next piece at *@at: text into @literal, or a field, and steps over it. */
static int piece_read(const char *pattern, const char **at, struct field *literal, struct field *field,
                      char why[CKPT_WHY])
{
    size_t n = strcspn(*at, "{}");
    *literal = (struct field){.key = *at, .key_n = n};
    *field = (struct field){0};
    if (!n && **at == '}') {
        if ((*at)[1] != '}')
            return refuse(why, pattern, "a '}' closes nothing");
        literal->key_n = 1;
        n = 2;
    } else if (!n) {
        int rc = field_read(pattern, *at, field, why);
        if (rc != POLYFS_OK)
            return rc;
        n = (size_t)(field->spec + field->spec_n + 1 - *at);
    }
    *at += n;
    return POLYFS_OK;
}

int ckpt_template_check(const char *pattern, char why[CKPT_WHY])
{
    struct field literal, field;
    int rc = POLYFS_OK;
    for (const char *at = pattern; *at && rc == POLYFS_OK;)
        rc = piece_read(pattern, &at, &literal, &field, why);
    return rc;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

double ckpt_metric_real(const struct polyfs_policy_metric *metric)
{
    return metric->kind == POLYFS_POLICY_REAL ? metric->real : (double)metric->integer;
}

static int is_name(const char *name, size_t n, const char *wanted)
{
    return strlen(wanted) == n && memcmp(name, wanted, n) == 0;
}

/* What is logged as epoch or step is cut to a whole number; what is none gives way to the loop's own. */
static void make_whole(struct polyfs_policy_metric *metric, int64_t own)
{
    if (metric->kind == POLYFS_POLICY_REAL)
        metric->integer = fabs(metric->real) < 0x1p63 ? (int64_t)metric->real : own;
    metric->kind = POLYFS_POLICY_INTEGER;
}

int ckpt_metric_find(const struct polyfs_policy_moment *moment, const char *name, size_t name_n,
                     struct polyfs_policy_metric *out)
{
    int found = 0;
    int is_epoch = is_name(name, name_n, "epoch"), is_step = is_name(name, name_n, "step");
    int64_t own = is_epoch ? moment->epoch : is_step ? moment->step : 0;
    *out = (struct polyfs_policy_metric){.name = name, .kind = POLYFS_POLICY_INTEGER, .integer = own};
    for (size_t i = 0; i < moment->count && !found; i++) {
        found = is_name(name, name_n, moment->metrics[i].name);
        if (found)
            *out = moment->metrics[i];
    }
    if (is_epoch || is_step)
        make_whole(out, own);
    return found || is_epoch || is_step;
}

/* ---- expansion -------------------------------------------------------------------------------------------------- */

static int field_write(const struct polyfs_policy_opts *opts, const struct field *field,
                       const struct polyfs_policy_moment *moment, struct ckpt_text *out, char why[CKPT_WHY])
{
    struct polyfs_policy_metric metric;
    ckpt_metric_find(moment, field->key, field->key_n, &metric);
    if (!(opts->flags & POLYFS_POLICY_PLAIN_VALUES)) {
        ckpt_text_add(out, field->key, field->key_n);
        ckpt_text_put(out, opts->equals);
    }
    return ckpt_number_format(&metric, field->spec, field->spec_n, out, why);
}

static int body_write(const struct polyfs_policy_opts *opts, const char *pattern,
                      const struct polyfs_policy_moment *moment, struct ckpt_text *out, char why[CKPT_WHY])
{
    struct field literal, field;
    for (const char *at = pattern; *at;) {
        int rc = piece_read(pattern, &at, &literal, &field, why);
        if (rc == POLYFS_OK && field.key)
            rc = field_write(opts, &field, moment, out, why);
        if (rc != POLYFS_OK)
            return rc;
        ckpt_text_add(out, literal.key, literal.key_n);
    }
    return POLYFS_OK;
}

int ckpt_template_expand(const struct polyfs_policy_opts *opts, const char *pattern, const char *prefix,
                         int64_t version, const struct polyfs_policy_moment *moment, struct ckpt_text *out,
                         char why[CKPT_WHY])
{
    int rc;
    ckpt_text_init(out);
    if (prefix) {
        ckpt_text_put(out, prefix);
        ckpt_text_put(out, opts->join);
    }
    if (*pattern) {
        rc = body_write(opts, pattern, moment, out, why);
    } else {
        rc = body_write(opts, "{epoch}", moment, out, why);
        ckpt_text_put(out, opts->join);
        rc = rc == POLYFS_OK ? body_write(opts, "{step}", moment, out, why) : rc;
    }
    if (version >= 0) {
        char number[32];
        snprintf(number, sizeof(number), "v%lld", (long long)version);
        ckpt_text_put(out, opts->join);
        ckpt_text_put(out, number);
    }
    ckpt_text_put(out, opts->ext);
    return rc == POLYFS_OK && out->full ? refuse(why, pattern, "the name grows too long") : rc;
}
