/* SPDX-License-Identifier: Apache-2.0 */
/* best URL EPOCHS: keeps the three best epochs by the loss of what is held out, and the last one. */
#include <polyfs/checkpoint.h>
#include <stdio.h>
#include <stdlib.h>

static int fill(struct polyfs_ckpt_saver *saver, const struct polyfs_policy_plan *plan, void *user,
                struct polyfs_error *err)
{
    (void)plan, (void)user;
    return polyfs_ckpt_write(saver, "weights", "all of them", 11, err);
}

static int rules(struct polyfs_ckpt *run, struct polyfs_policy **out, struct polyfs_error *err)
{
    struct polyfs_policy_opts opts = POLYFS_POLICY_OPTS_INIT;
    struct polyfs_policy_run training = POLYFS_POLICY_RUN_INIT;
    opts.monitor = "val_loss";
    opts.save_top_k = 3;
    opts.save_last = POLYFS_POLICY_LAST_COPY;
    opts.filename = "{epoch}-{val_loss:.2f}";
    opts.ext = "";
    training.exists = polyfs_ckpt_taken;
    training.user = run;
    int rc = polyfs_policy_new(&opts, out, err);
    return rc == POLYFS_OK ? polyfs_policy_setup(*out, &training, err) : rc;
}

static int epoch_ended(struct polyfs_ckpt *run, struct polyfs_policy *policy, int64_t epoch,
                       struct polyfs_error *err)
{
    struct polyfs_policy_metric loss = {.name = "val_loss", .kind = POLYFS_POLICY_REAL};
    struct polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
    loss.real = 1.0 / (double)(1 + epoch * 7 % 10); /* what validation says */
    moment.epoch = epoch;
    moment.step = (epoch + 1) * 100;
    moment.metrics = &loss;
    moment.count = 1;
    return polyfs_ckpt_on(run, policy, POLYFS_POLICY_EPOCH_END, &moment, fill, NULL, NULL, err);
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run = NULL;
    struct polyfs_policy *policy = NULL;
    int rc = argc == 3 ? polyfs_ckpt_open(argv[1], NULL, &run, &err) : POLYFS_INVALID;
    if (rc == POLYFS_OK)
        rc = rules(run, &policy, &err);
    for (int64_t epoch = 0; rc == POLYFS_OK && epoch < atoll(argv[2]); epoch++)
        rc = epoch_ended(run, policy, epoch, &err);
    if (rc != POLYFS_OK)
        fprintf(stderr, "%s\n", argc == 3 ? err.message : "usage: best URL EPOCHS");
    polyfs_policy_free(policy);
    polyfs_ckpt_close(run);
    return rc == POLYFS_OK ? 0 : 1;
}
