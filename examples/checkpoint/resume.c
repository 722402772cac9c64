/* SPDX-License-Identifier: Apache-2.0 */
/* resume URL STEPS: saves after each step, and goes on from the newest whole checkpoint. */
#include <polyfs/checkpoint.h>
#include <stdio.h>
#include <stdlib.h>

static float weights[1000];
static int64_t step;
static const uint64_t shape[] = {10, 100};

static struct polyfs_tensor model(void)
{
    struct polyfs_tensor tensor = POLYFS_TENSOR_INIT;
    tensor.name = "net.weight";
    tensor.dtype = "F32";
    tensor.shape = shape;
    tensor.rank = 2;
    tensor.bytes = sizeof(weights);
    tensor.data = weights;
    return tensor;
}

static int save(struct polyfs_ckpt *run, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    struct polyfs_tensor tensor = model();
    opts.step = step;
    int rc = polyfs_ckpt_begin(run, &opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_ckpt_write_tensors(saver, "model.safetensors", &tensor, 1, err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, NULL, err); /* from here on it exists, all of it */
    polyfs_ckpt_abort(saver);
    return rc;
}

static int resume(struct polyfs_ckpt *run, struct polyfs_error *err)
{
    struct polyfs_ckpt_view *view;
    struct polyfs_tensors *tensors = NULL;
    struct polyfs_tensor tensor = model();
    int rc = polyfs_ckpt_load(run, "latest", 0, &view, err);
    if (rc == POLYFS_NOT_FOUND) /* the store's own word: there is none yet */
        return POLYFS_OK;
    if (rc != POLYFS_OK)
        return rc;
    step = polyfs_ckpt_view_info(view)->step;
    rc = polyfs_ckpt_tensors(view, &tensors, err);
    if (rc == POLYFS_OK)
        rc = polyfs_tensors_load(tensors, &tensor, 1, POLYFS_TENSORS_STRICT, NULL, NULL, err);
    printf("resumed from step %lld\n", (long long)step);
    polyfs_tensors_close(tensors);
    polyfs_ckpt_view_close(view);
    return rc;
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt *run = NULL;
    opts.keep_newest = 5;
    int rc = argc == 3 ? polyfs_ckpt_open(argv[1], &opts, &run, &err) : POLYFS_INVALID;
    if (rc == POLYFS_OK)
        rc = resume(run, &err);
    for (int64_t steps = argc == 3 ? atoll(argv[2]) : 0; rc == POLYFS_OK && step < steps;) {
        weights[step++ % 1000] += 1; /* training */
        rc = save(run, &err);
    }
    if (rc != POLYFS_OK)
        fprintf(stderr, "%s\n", argc == 3 ? err.message : "usage: resume URL STEPS");
    else
        printf("at step %lld\n", (long long)step);
    polyfs_ckpt_close(run);
    return rc == POLYFS_OK ? 0 : 1;
}
