/* SPDX-License-Identifier: Apache-2.0 */
/* Plain loops in an order that compilers turn into vector code; one thread, so sums always add up the same way. */
#include "net.h"

#include <math.h>
#include <string.h>

#define RATE 0.001f
#define DECAY1 0.9f
#define DECAY2 0.999f
#define TINY 1e-8f

/* splitmix64 */
static uint64_t next(struct rng *rng)
{
    uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Uniform in [-1, 1). */
static float uniform(struct rng *rng)
{
    return (float)(next(rng) >> 40) / 8388608.0f - 1.0f;
}

/* Labels come from a fixed random teacher of one hidden layer, so there is something to learn. */
void data_make(struct data *data, uint64_t seed)
{
    enum { TEACHER = 24 };
    float in[INPUTS][TEACHER], out[TEACHER][CLASSES];
    struct rng rng = {seed};
    for (int i = 0; i < INPUTS; i++)
        for (int j = 0; j < TEACHER; j++)
            in[i][j] = uniform(&rng);
    for (int j = 0; j < TEACHER; j++)
        for (int k = 0; k < CLASSES; k++)
            out[j][k] = uniform(&rng);
    for (int s = 0; s < SAMPLES + HELD_OUT; s++) {
        float hidden[TEACHER] = {0}, score[CLASSES] = {0};
        int best = 0;
        for (int i = 0; i < INPUTS; i++) {
            float x = data->inputs[s][i] = uniform(&rng);
            for (int j = 0; j < TEACHER; j++)
                hidden[j] += x * in[i][j];
        }
        for (int j = 0; j < TEACHER; j++)
            for (int k = 0; k < CLASSES; k++)
                score[k] += (hidden[j] > 0 ? hidden[j] : 0) * out[j][k];
        for (int k = 1; k < CLASSES; k++)
            best = score[k] > score[best] ? k : best;
        data->labels[s] = (uint8_t)best;
    }
}

/* Where each layer's weights lie in the one array. */
static float *layer1(float *all)
{
    return all;
}
static float *bias1(float *all)
{
    return all + INPUTS * HIDDEN;
}
static float *layer2(float *all)
{
    return all + INPUTS * HIDDEN + HIDDEN;
}
static float *bias2(float *all)
{
    return all + INPUTS * HIDDEN + HIDDEN + HIDDEN * CLASSES;
}

void net_init(struct net *net, uint64_t seed)
{
    struct rng rng = {seed ^ UINT64_C(0x5eed)};
    memset(net, 0, sizeof(*net));
    for (int i = 0; i < INPUTS * HIDDEN; i++)
        layer1(net->weights)[i] = uniform(&rng) * 0.25f;
    for (int i = 0; i < HIDDEN * CLASSES; i++)
        layer2(net->weights)[i] = uniform(&rng) * 0.05f;
    for (uint32_t i = 0; i < SAMPLES; i++)
        net->order[i] = i;
    net->progress.rng = rng.state;
}

static void shuffle(struct net *net)
{
    struct rng rng = {net->progress.rng};
    for (uint32_t i = SAMPLES - 1; i > 0; i--) {
        uint32_t j = (uint32_t)(next(&rng) % (i + 1));
        uint32_t other = net->order[j];
        net->order[j] = net->order[i];
        net->order[i] = other;
    }
    net->progress.rng = rng.state;
}

static void forward(float *weights, const float *x, float *hidden, float *score)
{
    const float *w1 = layer1(weights), *w2 = layer2(weights);
    memcpy(hidden, bias1(weights), HIDDEN * sizeof(float));
    for (int i = 0; i < INPUTS; i++)
        for (int j = 0; j < HIDDEN; j++)
            hidden[j] += x[i] * w1[i * HIDDEN + j];
    for (int j = 0; j < HIDDEN; j++)
        hidden[j] = hidden[j] > 0 ? hidden[j] : 0;
    for (int k = 0; k < CLASSES; k++) {
        float sum = bias2(weights)[k];
        for (int j = 0; j < HIDDEN; j++)
            sum += hidden[j] * w2[k * HIDDEN + j];
        score[k] = sum;
    }
}

/* Turns scores into the gradient of the cross entropy, and returns the loss. */
static double softmax(float *score, int label)
{
    float top = score[0], sum = 0;
    for (int k = 1; k < CLASSES; k++)
        top = score[k] > top ? score[k] : top;
    for (int k = 0; k < CLASSES; k++)
        sum += score[k] = expf(score[k] - top);
    for (int k = 0; k < CLASSES; k++)
        score[k] /= sum;
    double loss = -log((double)score[label] + 1e-12);
    score[label] -= 1.0f;
    return loss;
}

static void backward(float *weights, float *gradient, const float *x, const float *hidden, const float *score)
{
    static float back[HIDDEN];
    float *g1 = layer1(gradient), *g2 = layer2(gradient);
    memset(back, 0, sizeof(back));
    for (int k = 0; k < CLASSES; k++) {
        bias2(gradient)[k] += score[k];
        for (int j = 0; j < HIDDEN; j++) {
            g2[k * HIDDEN + j] += score[k] * hidden[j];
            back[j] += score[k] * layer2(weights)[k * HIDDEN + j];
        }
    }
    for (int j = 0; j < HIDDEN; j++)
        back[j] = hidden[j] > 0 ? back[j] : 0;
    for (int j = 0; j < HIDDEN; j++)
        bias1(gradient)[j] += back[j];
    for (int i = 0; i < INPUTS; i++)
        for (int j = 0; j < HIDDEN; j++)
            g1[i * HIDDEN + j] += x[i] * back[j];
}

static void adam(struct net *net, const float *gradient)
{
    float step = (float)++net->progress.steps;
    float correct1 = 1.0f / (1.0f - powf(DECAY1, step)), correct2 = 1.0f / (1.0f - powf(DECAY2, step));
    for (int p = 0; p < PARAMETERS; p++) {
        float g = gradient[p] / BATCH;
        net->moment1[p] = DECAY1 * net->moment1[p] + (1.0f - DECAY1) * g;
        net->moment2[p] = DECAY2 * net->moment2[p] + (1.0f - DECAY2) * g * g;
        net->weights[p] -= RATE * net->moment1[p] * correct1 / (sqrtf(net->moment2[p] * correct2) + TINY);
    }
}

void net_epoch(struct net *net, const struct data *data)
{
    static float gradient[PARAMETERS], hidden[HIDDEN];
    float score[CLASSES];
    double loss = 0;
    int visited = 0;
    shuffle(net);
    for (int at = 0; at + BATCH <= SAMPLES; at += BATCH) {
        memset(gradient, 0, sizeof(gradient));
        for (int b = 0; b < BATCH; b++, visited++) {
            uint32_t s = net->order[at + b];
            forward(net->weights, data->inputs[s], hidden, score);
            loss += softmax(score, data->labels[s]);
            backward(net->weights, gradient, data->inputs[s], hidden, score);
        }
        adam(net, gradient);
    }
    net->progress.epochs++;
    net->progress.loss = loss / visited;
}

double net_validate(struct net *net, const struct data *data)
{
    static float hidden[HIDDEN];
    float score[CLASSES];
    double loss = 0;
    for (int s = SAMPLES; s < SAMPLES + HELD_OUT; s++) {
        forward(net->weights, data->inputs[s], hidden, score);
        loss += softmax(score, data->labels[s]);
    }
    return loss / HELD_OUT;
}
