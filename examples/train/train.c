/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train URL [EPOCHS]: trains a network, saves a checkpoint below URL after each epoch, keeps the three best and the last
 * one, and goes on from the last when it is started again. Kill it whenever you like; type the same command again.
 */
#include <polyfs/checkpoint.h>
#include <polyfs/polyfs.h>
#include <stdio.h>
#include <stdlib.h>

#include "net.h"

#define SEED 20250101

static struct net net;
static struct data data;

static int failed(const struct polyfs_error *err)
{
    fprintf(stderr, "train: %s\n", err->message);
    return 1;
}

static const struct {
    const char *name;
    void *at;
    size_t size;
} files[] = {{"weights.f32", net.weights, sizeof(net.weights)},
             {"moment1.f32", net.moment1, sizeof(net.moment1)},
             {"moment2.f32", net.moment2, sizeof(net.moment2)},
             {"order.u32", net.order, sizeof(net.order)},
             {"progress.bin", &net.progress, sizeof(net.progress)}};
#define FILES (sizeof(files) / sizeof(files[0]))

/* The three best by the loss of what is held out, and the last one. */
static int make_policy(struct polyfs_ckpt *run, struct polyfs_policy **out, struct polyfs_error *err)
{
    struct polyfs_policy_opts opts = POLYFS_POLICY_OPTS_INIT;
    struct polyfs_policy_run training = POLYFS_POLICY_RUN_INIT;
    opts.monitor = "val_loss";
    opts.save_top_k = 3;
    opts.save_last = POLYFS_POLICY_LAST_COPY;
    opts.filename = "{epoch}-{val_loss:.4f}";
    opts.ext = "";
    training.exists = polyfs_ckpt_taken;
    training.user = run;
    int rc = polyfs_policy_new(&opts, out, err);
    return rc == POLYFS_OK ? polyfs_policy_setup(*out, &training, err) : rc;
}

/* 0: nothing there yet; 1: net is as it was; -1: failed. */
static int resume(struct polyfs_ckpt *run, struct polyfs_policy *policy, struct polyfs_error *err)
{
    struct polyfs_ckpt_view *view;
    size_t n;
    int rc = polyfs_ckpt_load(run, "last", POLYFS_CKPT_CHECK_BYTES, &view, err);
    if (rc == POLYFS_NOT_FOUND)
        return 0;
    for (size_t i = 0; rc == POLYFS_OK && i < FILES; i++)
        rc = polyfs_ckpt_read(view, files[i].name, files[i].at, files[i].size, &n, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_restore(view, policy, NULL, err);
    if (rc != POLYFS_OK)
        return -1;
    const struct polyfs_ckpt_info *info = polyfs_ckpt_view_info(view);
    printf("resumed from %s%s%s\n", info->name, info->note[0] ? "; " : "", info->note);
    polyfs_ckpt_view_close(view);
    return 1;
}

static int fill(struct polyfs_ckpt_saver *saver, const struct polyfs_policy_plan *plan, void *user,
                struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    (void)plan, (void)user;
    for (size_t i = 0; rc == POLYFS_OK && i < FILES; i++)
        rc = polyfs_ckpt_write(saver, files[i].name, files[i].at, files[i].size, err);
    return rc;
}

static int epoch_ended(struct polyfs_ckpt *run, struct polyfs_policy *policy, struct polyfs_error *err)
{
    struct polyfs_policy_metric metric = {.name = "val_loss", .kind = POLYFS_POLICY_REAL};
    struct polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
    struct polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
    metric.real = net_validate(&net, &data);
    moment.epoch = (int64_t)net.progress.epochs - 1;
    moment.step = (int64_t)net.progress.steps;
    moment.metrics = &metric;
    moment.count = 1;
    printf("epoch %llu: loss %.6f, held out %.6f, saving\n", (unsigned long long)net.progress.epochs,
           net.progress.loss, metric.real);
    int rc = polyfs_ckpt_on(run, policy, POLYFS_POLICY_EPOCH_END, &moment, fill, NULL, &info, err);
    if (rc == POLYFS_OK)
        printf("saved %s, %llu bytes\n", info.name, (unsigned long long)info.bytes);
    return rc;
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run;
    struct polyfs_policy *policy;
    uint64_t epochs = argc > 2 ? strtoull(argv[2], NULL, 10) : 6;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2) {
        fprintf(stderr, "usage: train URL [EPOCHS]\n");
        return 2;
    }
    if (polyfs_ckpt_open(argv[1], NULL, &run, &err) != POLYFS_OK || make_policy(run, &policy, &err) != POLYFS_OK)
        return failed(&err);
    data_make(&data, SEED);
    net_init(&net, SEED);
    if (resume(run, policy, &err) < 0)
        return failed(&err);
    while (net.progress.epochs < epochs) {
        net_epoch(&net, &data);
        if (epoch_ended(run, policy, &err) != POLYFS_OK)
            return failed(&err);
    }
    printf("done: %d parameters, %d samples, loss %.6f, weights %08x\n", PARAMETERS, SAMPLES, net.progress.loss,
           polyfs_crc32c(0, net.weights, sizeof(net.weights)));
    polyfs_policy_free(policy);
    polyfs_ckpt_close(run);
    return 0;
}
