/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preempt URL STEPS: trains while a thread saves every tenth step; when SIGTERM says that the machine goes, the step that
 * was just finished is saved, too, within the grace. The same command goes on from there.
 */
#define _POSIX_C_SOURCE 200809L
#include <polyfs/async.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static float weights[100000];
static int64_t step;

static int save(struct polyfs_ckpt_async *async, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    opts.step = step;
    int rc = polyfs_ckpt_async_begin(async, &opts, 0, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_ckpt_write(saver, "weights.f32", weights, sizeof(weights), err); /* copied: training goes on */
    if (rc == POLYFS_OK)
        return polyfs_ckpt_async_commit(async, saver, NULL, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

static int resume(struct polyfs_ckpt *run, struct polyfs_error *err)
{
    struct polyfs_ckpt_view *view;
    size_t n;
    int rc = polyfs_ckpt_load(run, "latest", 0, &view, err);
    if (rc == POLYFS_NOT_FOUND)
        return POLYFS_OK;
    if (rc != POLYFS_OK)
        return rc;
    step = polyfs_ckpt_view_info(view)->step;
    rc = polyfs_ckpt_read(view, "weights.f32", weights, sizeof(weights), &n, err);
    polyfs_ckpt_view_close(view);
    return rc;
}

/* One step of training, told when it is finished. */
static void train(void)
{
    const struct timespec while_it_computes = {0, 3000000};
    weights[step % 100000] += 1;
    nanosleep(&while_it_computes, NULL);
    printf("finished step %lld\n", (long long)++step);
}

static int run_to(struct polyfs_ckpt_async *async, int64_t steps, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    while (rc == POLYFS_OK && step < steps && !polyfs_ckpt_preempted()) {
        train();
        if (step % 10 == 0)
            rc = save(async, err);
    }
    if (rc == POLYFS_OK && polyfs_ckpt_preempted() && step % 10 != 0)
        rc = save(async, err);
    return rc == POLYFS_OK && polyfs_ckpt_preempted() ? polyfs_ckpt_async_flush(async, polyfs_ckpt_preempted(), err)
                                                      : rc;
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_async *async = NULL;
    opts.keep_newest = 3;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int rc = argc == 3 ? polyfs_ckpt_preempt_on(SIGTERM, 25000, &err) : POLYFS_INVALID;
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_open(argv[1], &opts, &run, &err);
    if (rc == POLYFS_OK)
        rc = resume(run, &err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_async_new(run, NULL, &async, &err);
    if (rc == POLYFS_OK)
        rc = run_to(async, atoll(argv[2]), &err);
    int end = polyfs_ckpt_async_close(async, rc == POLYFS_OK ? &err : NULL);
    rc = rc == POLYFS_OK ? end : rc;
    if (rc != POLYFS_OK)
        fprintf(stderr, "%s\n", argc == 3 ? err.message : "usage: preempt URL STEPS");
    polyfs_ckpt_close(run);
    return rc == POLYFS_OK ? 0 : 1;
}
