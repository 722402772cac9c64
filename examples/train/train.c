/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train URL [EPOCHS]: trains a network, saves a checkpoint below URL after each epoch, and goes on from the newest
 * whole one when it is started again. Kill it whenever you like; type the same command again.
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

/* 0: nothing there yet; 1: net is as it was; -1: failed. */
static int resume(struct polyfs_ckpt *run, struct polyfs_error *err)
{
    const struct {
        const char *name;
        void *to;
        size_t size;
    } files[] = {{"weights.f32", net.weights, sizeof(net.weights)},
                 {"moment1.f32", net.moment1, sizeof(net.moment1)},
                 {"moment2.f32", net.moment2, sizeof(net.moment2)},
                 {"order.u32", net.order, sizeof(net.order)},
                 {"progress.bin", &net.progress, sizeof(net.progress)}};
    struct polyfs_ckpt_view *view;
    size_t n;
    int rc = polyfs_ckpt_load(run, "latest", POLYFS_CKPT_CHECK_BYTES, &view, err);
    if (rc == POLYFS_NOT_FOUND)
        return 0;
    for (size_t i = 0; rc == POLYFS_OK && i < sizeof(files) / sizeof(files[0]); i++)
        rc = polyfs_ckpt_read(view, files[i].name, files[i].to, files[i].size, &n, err);
    if (rc != POLYFS_OK)
        return -1;
    const struct polyfs_ckpt_info *info = polyfs_ckpt_view_info(view);
    printf("resumed from %s%s%s\n", info->name, info->note[0] ? "; " : "", info->note);
    polyfs_ckpt_view_close(view);
    return 1;
}

static int save(struct polyfs_ckpt *run, struct polyfs_error *err)
{
    const struct polyfs_ckpt_item items[] = {{"weights.f32", net.weights, sizeof(net.weights), NULL},
                                             {"moment1.f32", net.moment1, sizeof(net.moment1), NULL},
                                             {"moment2.f32", net.moment2, sizeof(net.moment2), NULL},
                                             {"order.u32", net.order, sizeof(net.order), NULL},
                                             {"progress.bin", &net.progress, sizeof(net.progress), NULL}};
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
    opts.flags = POLYFS_CKPT_HAS_SCORE;
    opts.epoch = (int64_t)net.progress.epochs;
    opts.step = (int64_t)net.progress.steps;
    opts.score = net.progress.loss;
    printf("epoch %llu: loss %.6f, saving\n", (unsigned long long)net.progress.epochs, net.progress.loss);
    int rc = polyfs_ckpt_save(run, &opts, items, sizeof(items) / sizeof(items[0]), &info, err);
    if (rc == POLYFS_OK)
        printf("saved %s, %llu bytes\n", info.name, (unsigned long long)info.bytes);
    return rc;
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt *run;
    uint64_t epochs = argc > 2 ? strtoull(argv[2], NULL, 10) : 6;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2) {
        fprintf(stderr, "usage: train URL [EPOCHS]\n");
        return 2;
    }
    opts.keep_newest = 3;
    if (polyfs_ckpt_open(argv[1], &opts, &run, &err) != POLYFS_OK)
        return failed(&err);
    data_make(&data, SEED);
    net_init(&net, SEED);
    if (resume(run, &err) < 0)
        return failed(&err);
    while (net.progress.epochs < epochs) {
        net_epoch(&net, &data);
        if (save(run, &err) != POLYFS_OK)
            return failed(&err);
    }
    printf("done: %d parameters, %d samples, loss %.6f, weights %08x\n", PARAMETERS, SAMPLES, net.progress.loss,
           polyfs_crc32c(0, net.weights, sizeof(net.weights)));
    polyfs_ckpt_close(run);
    return 0;
}
