/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small real network: two layers, softmax, Adam, on data that it makes itself. Everything is deterministic: the
 * same seed gives the same bits, whether the run was interrupted or not.
 */
#ifndef TRAIN_NET_H
#define TRAIN_NET_H

#include <stddef.h>
#include <stdint.h>

enum { INPUTS = 32, HIDDEN = 2048, CLASSES = 10, SAMPLES = 60000, BATCH = 64, HELD_OUT = 2000 };
enum { PARAMETERS = INPUTS * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES };

struct rng {
    uint64_t state;
};

/* All that a run has to remember. Each array is one file of a checkpoint. */
struct net {
    float weights[PARAMETERS];
    float moment1[PARAMETERS]; /* Adam's running means */
    float moment2[PARAMETERS];
    uint32_t order[SAMPLES]; /* in which the samples are visited */
    struct {
        uint64_t rng;
        uint64_t steps;
        uint64_t epochs; /* done */
        double loss;     /* of the last epoch */
    } progress;
};

struct data {
    float inputs[SAMPLES + HELD_OUT][INPUTS]; /* the last ones are never trained on */
    uint8_t labels[SAMPLES + HELD_OUT];
};

void data_make(struct data *data, uint64_t seed);
void net_init(struct net *net, uint64_t seed);
/* One pass over all samples; sets progress. */
void net_epoch(struct net *net, const struct data *data);
/* The loss of what is held out. */
double net_validate(struct net *net, const struct data *data);

#endif
