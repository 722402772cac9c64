/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives a policy by lines of JSON on standard input, and answers each with a line of JSON:
 *   {"op": "new", "quirks": b, "opts": {…}, "run": {…}}         a policy, in place of the one before
 *   {"op": "on", "event": n, "moment": {…}, "taken": [paths], "ours": [paths], "applied": b}   a plan, carried out or not
 *   {"op": "restore", "state": text}   {"op": "key"}   {"op": "due", "now_ms": n}
 *   {"op": "name", "moment": {…}, "template": t, "prefix": t, "version": n}   {"op": "format", "value": v, "spec": t}
 * Members are called what the structs call them; a metric's kind is that of its JSON value, and "nan", "inf" are numbers.
 */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/policy.h"

#define METRICS_MAX 64

static struct polyfs_policy *policy;
static json_t *taken, *ours; /* of the event at hand */

static int lists(const json_t *names, const char *path)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name)
    {
        if (strcmp(json_string_value(name), path) == 0)
            return 1;
    }
    return 0;
}

static int exists(const char *path, void *user)
{
    (void)user;
    return lists(ours, path) ? 2 : lists(taken, path);
}

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static struct polyfs_policy_metric metric_of(const char *name, const json_t *value)
{
    struct polyfs_policy_metric metric = {.name = name, .integer = json_integer_value(value)};
    if (json_is_boolean(value)) {
        metric.kind = POLYFS_POLICY_BOOL;
        metric.integer = json_is_true(value);
    } else if (json_is_integer(value)) {
        metric.kind = POLYFS_POLICY_INTEGER;
    } else {
        ckpt_json_real_read(value, &metric.real);
    }
    return metric;
}

static struct polyfs_policy_moment moment_of(const json_t *from, struct polyfs_policy_metric metrics[METRICS_MAX])
{
    struct polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(from, "metrics"), name, value)
    {
        if (moment.count < METRICS_MAX)
            metrics[moment.count++] = metric_of(name, value);
    }
    moment.flags = (uint32_t)number(from, "flags");
    moment.epoch = number(from, "epoch");
    moment.step = number(from, "step");
    moment.now_ms = number(from, "now_ms");
    moment.time_ms = number(from, "time_ms");
    moment.metrics = metrics;
    return moment;
}

static json_t *answer(int rc, const struct polyfs_error *err)
{
    return json_pack("{s:s, s:s}", "rc", polyfs_code_name(rc), "message", err->message);
}

static json_t *make(const json_t *line)
{
    const json_t *o = json_object_get(line, "opts"), *r = json_object_get(line, "run");
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_policy_opts opts = POLYFS_POLICY_OPTS_INIT;
    struct polyfs_policy_run run = POLYFS_POLICY_RUN_INIT;
    opts.flags = (uint32_t)number(o, "flags");
    opts.dirpath = text(o, "dirpath");
    opts.filename = text(o, "filename");
    opts.monitor = text(o, "monitor");
    opts.name_last = text(o, "name_last");
    opts.ext = text(o, "ext");
    opts.join = text(o, "join");
    opts.equals = text(o, "equals");
    opts.mode = (uint32_t)number(o, "mode");
    opts.save_last = (uint32_t)number(o, "save_last");
    opts.when = (uint32_t)number(o, "when");
    opts.save_top_k = number(o, "save_top_k");
    opts.every_n_train_steps = number(o, "every_n_train_steps");
    opts.every_n_epochs = number(o, "every_n_epochs");
    opts.train_time_interval_ms = number(o, "train_time_interval_ms");
    opts.starting_version = number(o, "starting_version");
    opts.keep_newest = number(o, "keep_newest");
    opts.keep_every_n_steps = number(o, "keep_every_n_steps");
    opts.keep_every_ms = number(o, "keep_every_ms");
    run.flags = (uint32_t)number(r, "flags");
    run.dirpath = text(r, "dirpath");
    run.resumed_from = text(r, "resumed_from");
    run.validate_every_n_epochs = number(r, "validate_every_n_epochs");
    run.exists = exists;
    polyfs_policy_free(policy);
    policy = NULL;
    int rc = polyfs_policy_new(&opts, &policy, &err);
    if (rc == POLYFS_OK && json_is_true(json_object_get(line, "quirks")))
        ckpt_policy_quirks(policy);
    if (rc == POLYFS_OK)
        rc = polyfs_policy_setup(policy, &run, &err);
    return answer(rc, &err);
}

static json_t *steps_json(const struct polyfs_policy_plan *plan)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < plan->count; i++) {
        const struct polyfs_policy_step *s = &plan->steps[i];
        json_array_append_new(steps, json_pack("[i, s, s?, i, o]", (int)s->what, s->path, s->source, (int)s->flags,
                                               ckpt_json_real(s->score)));
    }
    return steps;
}

static json_t *event(const json_t *line)
{
    struct polyfs_policy_metric metrics[METRICS_MAX];
    struct polyfs_policy_moment moment = moment_of(json_object_get(line, "moment"), metrics);
    struct polyfs_error err = POLYFS_ERROR_INIT;
    const struct polyfs_policy_plan *plan;
    taken = json_object_get(line, "taken");
    ours = json_object_get(line, "ours");
    int rc = polyfs_policy_on(policy, (uint32_t)number(line, "event"), &moment, &plan, &err);
    json_t *out = answer(rc, &err);
    if (rc == POLYFS_OK) {
        json_object_set_new(out, "steps", steps_json(plan));
        json_object_set_new(out, "flags", json_integer(plan->flags));
        json_object_set_new(out, "last", json_string(plan->last));
        json_object_set_new(out, "best", json_string(plan->best));
        json_object_set_new(out, "best_score", ckpt_json_real(plan->best_score));
        if (json_is_true(json_object_get(line, "applied")))
            polyfs_policy_applied(policy);
        else
            polyfs_policy_dropped(policy);
    }
    char *state = NULL;
    if (polyfs_policy_state(policy, &state, &err) == POLYFS_OK)
        json_object_set_new(out, "state", json_string(state));
    free(state);
    return out;
}

static json_t *restore(const json_t *line)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    int whole = -1;
    const char *state = text(line, "state");
    json_t *out = answer(polyfs_policy_restore(policy, state, strlen(state), &whole, &err), &err);
    json_object_set_new(out, "whole", json_integer(whole));
    return out;
}

static json_t *key(void)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    char *made = NULL;
    json_t *out = answer(polyfs_policy_state_key(policy, &made, &err), &err);
    json_object_set_new(out, "text", json_string(made));
    free(made);
    return out;
}

static json_t *name(const json_t *line)
{
    struct polyfs_policy_metric metrics[METRICS_MAX];
    struct polyfs_policy_moment moment = moment_of(json_object_get(line, "moment"), metrics);
    struct polyfs_error err = POLYFS_ERROR_INIT;
    char *made = NULL;
    int rc = polyfs_policy_format(policy, text(line, "template"), text(line, "prefix"), number(line, "version"),
                                  &moment, &made, &err);
    json_t *out = answer(rc, &err);
    json_object_set_new(out, "text", made ? json_string(made) : json_null());
    free(made);
    return out;
}

static json_t *format(const json_t *line)
{
    struct polyfs_policy_metric metric = metric_of("x", json_object_get(line, "value"));
    struct ckpt_text out;
    char why[CKPT_WHY] = "";
    const char *spec = text(line, "spec");
    ckpt_text_init(&out);
    int rc = ckpt_number_format(&metric, spec, strlen(spec), &out, why);
    return json_pack("{s:s, s:s, s:s}", "rc", polyfs_code_name(rc), "message", why, "text", out.data);
}

static json_t *run_line(const json_t *line)
{
    const char *op = text(line, "op");
    if (strcmp(op, "new") == 0)
        return make(line);
    if (strcmp(op, "on") == 0)
        return event(line);
    if (strcmp(op, "restore") == 0)
        return restore(line);
    if (strcmp(op, "key") == 0)
        return key();
    if (strcmp(op, "name") == 0)
        return name(line);
    if (strcmp(op, "due") == 0)
        return json_pack("{s:i}", "due", polyfs_policy_time_due(policy, number(line, "now_ms")));
    return format(line);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    setlocale(LC_ALL, "");
    while (getline(&line, &room, stdin) > 0) {
        json_error_t error;
        json_t *in = json_loads(line, JSON_ALLOW_NUL, &error);
        if (!in) {
            fprintf(stderr, "%s: %s\n", error.text, line);
            return 1;
        }
        json_t *out = run_line(in);
        json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
        putchar('\n');
        fflush(stdout);
        json_decref(out);
        json_decref(in);
    }
    free(line);
    polyfs_policy_free(policy);
    return 0;
}
