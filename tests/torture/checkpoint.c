/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios of the checkpoint layer. After any failure the newest is the old one or the new one, and whole. */
#include <stdio.h>
#include <string.h>

#include "torture.h"

int run_open(struct world *w, uint32_t flags, struct polyfs_ckpt **out, struct polyfs_error *err)
{
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    opts.options = options_of(w);
    opts.flags = flags;
    opts.keep_newest = 2;
    return polyfs_ckpt_open(url_at(w, "run"), &opts, out, err);
}

int run_save(struct polyfs_ckpt *run, int64_t step, struct polyfs_ckpt_info *info, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    char name[16];
    snprintf(name, sizeof(name), "step%lld", (long long)step);
    struct polyfs_ckpt_item items[] = {{"weights", bytes_of(name, 5000), 5000, NULL},
                                       {"state/optimizer", bytes_of("optimizer", 70), 70, NULL}};
    opts.step = step;
    opts.score = 0.25;
    opts.flags = POLYFS_CKPT_HAS_SCORE;
    return polyfs_ckpt_save(run, &opts, items, 2, info, err);
}

void run_of_two(struct world *w)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run = NULL;
    must(run_open(w, 0, &run, &err), "open a run", &err);
    must(run_save(run, 1, NULL, &err), "save", &err);
    must(run_save(run, 2, NULL, &err), "save", &err);
    polyfs_ckpt_close(run);
}

/* The newest that can be loaded is step 2 or 3, and every byte of all that are listed is there. */
const char *run_settled(struct world *w, int rc)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_view *view = NULL;
    static char why[300];
    (void)rc;
    int code = run_open(w, POLYFS_CKPT_READ_ONLY, &run, &err);
    if (code == POLYFS_OK)
        code = polyfs_ckpt_load(run, "latest", POLYFS_CKPT_CHECK_BYTES, &view, &err);
    int64_t step = view ? polyfs_ckpt_view_info(view)->step : 0;
    uint32_t fell_back = view ? polyfs_ckpt_view_info(view)->flags & POLYFS_CKPT_FELL_BACK : 0;
    if (code == POLYFS_OK)
        code = polyfs_ckpt_verify(run, NULL, 0, NULL, NULL, &err);
    polyfs_ckpt_view_close(view);
    polyfs_ckpt_close(run);
    snprintf(why, sizeof(why), "torn: %s", err.message);
    return code != POLYFS_OK        ? why
           : fell_back              ? "torn: the newest was passed over"
           : step != 2 && step != 3 ? "torn: the newest is neither the old one nor the new one"
                                    : NULL;
}

static int call_save(struct world *w, struct polyfs_error *err)
{
    struct polyfs_ckpt *run = NULL;
    int rc = run_open(w, 0, &run, err);
    if (rc == POLYFS_OK)
        rc = run_save(run, 3, &w->out.info, err);
    polyfs_ckpt_close(run);
    return rc;
}

const char *run_check_save(const struct world *w)
{
    return w->out.info.step == 3 && w->out.info.files == 2 ? NULL : "another one was saved";
}

static int call_list(struct world *w, struct polyfs_error *err)
{
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_list *list = NULL;
    int rc = run_open(w, POLYFS_CKPT_READ_ONLY, &run, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_list(run, &list, err);
    if (rc == POLYFS_OK)
        w->out.n =
            polyfs_ckpt_list_count(list) * 10 + (size_t)polyfs_ckpt_list_at(list, 0)->step +
            (polyfs_ckpt_list_at(list, 0)->score < 0.25 || polyfs_ckpt_list_at(list, 0)->score > 0.25 ? 1000 : 0);
    polyfs_ckpt_list_free(list);
    polyfs_ckpt_close(run);
    return rc;
}

static const char *check_list(const struct world *w)
{
    return w->out.n == 22 ? NULL : "the list is wrong";
}

static int call_load(struct world *w, struct polyfs_error *err)
{
    static char bytes[5000];
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_view *view = NULL;
    size_t n = 0;
    int rc = run_open(w, POLYFS_CKPT_READ_ONLY, &run, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_load(run, "latest", 0, &view, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_read(view, "weights", bytes, sizeof(bytes), &n, err);
    if (rc == POLYFS_OK) {
        w->out.n = n;
        w->out.exists = memcmp(bytes, bytes_of("step2", 5000), 5000) == 0 &&
                        !(polyfs_ckpt_view_info(view)->flags & POLYFS_CKPT_FELL_BACK);
    }
    polyfs_ckpt_view_close(view);
    polyfs_ckpt_close(run);
    return rc;
}

static const char *check_load(const struct world *w)
{
    return w->out.n == 5000 && w->out.exists == 1 ? NULL : "another one was loaded";
}

static void count_whole(const struct polyfs_ckpt_info *info, int code, const char *why, void *user)
{
    (void)info;
    (void)why;
    *(size_t *)user += code == POLYFS_OK;
}

static int call_verify(struct world *w, struct polyfs_error *err)
{
    struct polyfs_ckpt *run = NULL;
    size_t whole = 0;
    int rc = run_open(w, POLYFS_CKPT_READ_ONLY, &run, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_verify(run, NULL, 0, count_whole, &whole, err);
    if (rc == POLYFS_OK)
        w->out.n = whole;
    polyfs_ckpt_close(run);
    return rc;
}

static const char *check_verify(const struct world *w)
{
    return w->out.n == 2 ? NULL : "one was not verified";
}

/* With a save that was killed and one that retention dropped. */
static void litter(struct world *w)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_saver *saver = NULL;
    run_of_two(w);
    must(run_open(w, 0, &run, &err), "open a run", &err);
    must(run_save(run, 3, NULL, &err), "save", &err);
    must(polyfs_ckpt_begin(run, NULL, &saver, &err), "begin a save", &err);
    polyfs_ckpt_abort(saver);
    polyfs_ckpt_close(run);
    plant(w, "run/dead/0123456789abcdef0123456789abcdef/weights", 100);
}

static int call_gc(struct world *w, struct polyfs_error *err)
{
    struct polyfs_ckpt *run = NULL;
    int rc = run_open(w, 0, &run, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_gc(run, 0, 0, NULL, NULL, err);
    polyfs_ckpt_close(run);
    return rc;
}

/* ---- by a policy ----------------------------------------------------------------------------------------------------- */

struct training {
    struct polyfs_ckpt *run;
    struct polyfs_policy *policy;
};

static int training_open(struct world *w, struct training *t, struct polyfs_error *err)
{
    struct polyfs_policy_opts opts = POLYFS_POLICY_OPTS_INIT;
    struct polyfs_policy_run training = POLYFS_POLICY_RUN_INIT;
    opts.filename = "step{step:02d}";
    opts.flags = POLYFS_POLICY_PLAIN_VALUES;
    opts.monitor = "val";
    opts.save_last = POLYFS_POLICY_LAST_COPY;
    int rc = run_open(w, 0, &t->run, err);
    if (rc == POLYFS_OK)
        rc = polyfs_policy_new(&opts, &t->policy, err);
    training.exists = polyfs_ckpt_taken;
    training.user = t->run;
    return rc == POLYFS_OK ? polyfs_policy_setup(t->policy, &training, err) : rc;
}

static void training_close(struct training *t)
{
    polyfs_policy_free(t->policy);
    polyfs_ckpt_close(t->run);
}

static int fill(struct polyfs_ckpt_saver *saver, const struct polyfs_policy_plan *plan, void *user,
                struct polyfs_error *err)
{
    (void)plan;
    return polyfs_ckpt_write(saver, "weights", bytes_of(user, 3000), 3000, err);
}

/* Better with each step, so that each takes the one before away. */
static int epoch_end(struct training *t, int64_t step, struct polyfs_ckpt_info *info, struct polyfs_error *err)
{
    static char name[] = "policy";
    struct polyfs_policy_metric metric = {"val", POLYFS_POLICY_REAL, 0, 0, 1.0 / (double)step};
    struct polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
    moment.step = step;
    moment.epoch = step;
    moment.metrics = &metric;
    moment.count = 1;
    return polyfs_ckpt_on(t->run, t->policy, POLYFS_POLICY_EPOCH_END, &moment, fill, name, info, err);
}

static void trained(struct world *w)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct training t = {0};
    must(training_open(w, &t, &err), "open a run", &err);
    must(epoch_end(&t, 1, NULL, &err), "save", &err);
    must(epoch_end(&t, 2, NULL, &err), "save", &err);
    training_close(&t);
}

static int call_on(struct world *w, struct polyfs_error *err)
{
    struct training t = {0};
    struct polyfs_ckpt_view *view = NULL;
    int rc = training_open(w, &t, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_load(t.run, "last", 0, &view, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_restore(view, t.policy, NULL, err);
    if (rc == POLYFS_OK)
        rc = epoch_end(&t, 3, &w->out.info, err);
    polyfs_ckpt_view_close(view);
    training_close(&t);
    return rc;
}

const struct scenario checkpoint_scenarios[] = {
    {"ckpt_save", ON_ALL | OWN_STATE | COPES, run_of_two, call_save, run_check_save, NULL, NULL, run_settled},
    {"ckpt_on", ON_ALL | OWN_STATE | COPES, trained, call_on, run_check_save, NULL, NULL, run_settled},
    {"ckpt_list", ON_BOTH | OWN_STATE, run_of_two, call_list, check_list, NULL, NULL, run_settled},
    {"ckpt_load", ON_ALL | OWN_STATE, run_of_two, call_load, check_load, NULL, NULL, run_settled},
    {"ckpt_verify", ON_BOTH | OWN_STATE, run_of_two, call_verify, check_verify, NULL, NULL, run_settled},
    {"ckpt_gc", ON_BOTH | OWN_STATE | COPES, litter, call_gc, NULL, NULL, NULL, run_settled},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
