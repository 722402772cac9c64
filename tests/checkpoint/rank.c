/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rank of a training, started by a launcher: resumes, saves steps together with the others, and tells on a line each
 * what became of every save.
 *   rank URL STEPS DEADLINE_MS [WHO WHAT]   rank WHO does WHAT in the middle of the second save: "die" or a number of ms
 */
#include <polyfs/checkpoint.h>
#include <polyfs/polyfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ELEMENTS 20000

static float weights[ELEMENTS];
static struct polyfs_ckpt_ranks ranks = POLYFS_CKPT_RANKS_INIT;
static const char *misfortune; /* of this rank, or NULL */

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell(const char *what, int64_t step, int rc, long since, const struct polyfs_error *err)
{
    char line[512];
    int n = snprintf(line, sizeof(line), "\nrank %u of %u restart %u %s step %lld code %d after %ld ms: %s\n",
                     ranks.rank, ranks.world, ranks.restart, what, (long long)step, rc, now_ms() - since,
                     rc == POLYFS_OK ? "well" : err->message);
    if (write(STDOUT_FILENO, line, (size_t)n) < 0)
        exit(3);
}

static void meet_misfortune(int64_t step)
{
    struct timespec pause;
    if (!misfortune || step != 2 || ranks.restart)
        return;
    if (strcmp(misfortune, "die") == 0)
        raise(SIGKILL);
    pause.tv_sec = atol(misfortune) / 1000;
    pause.tv_nsec = atol(misfortune) % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

static int save(struct polyfs_ckpt *run, int64_t step, struct polyfs_ckpt_info *info, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    const uint64_t shape = ELEMENTS;
    char name[32];
    struct polyfs_tensor tensor = POLYFS_TENSOR_INIT;
    snprintf(name, sizeof(name), "part.%u", ranks.rank);
    tensor.name = name;
    tensor.dtype = "F32";
    tensor.shape = &shape;
    tensor.rank = 1;
    tensor.bytes = sizeof(weights);
    tensor.data = weights;
    for (size_t i = 0; i < ELEMENTS; i++)
        weights[i] = (float)(ranks.rank * 1000 + (uint32_t)step);
    opts.step = step;
    int rc = polyfs_ckpt_begin(run, &opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_ckpt_write_tensors(saver, "part.safetensors", &tensor, 1, err);
    meet_misfortune(step);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, info, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

/* The step to go on behind: the newest that is whole, with the bytes of every rank. */
static int64_t resume(struct polyfs_ckpt *run, struct polyfs_error *err)
{
    struct polyfs_ckpt_view *view;
    int rc = polyfs_ckpt_load(run, "latest", POLYFS_CKPT_CHECK_BYTES, &view, err);
    if (rc != POLYFS_OK)
        return rc == POLYFS_NOT_FOUND ? 0 : -1;
    int64_t step = polyfs_ckpt_view_info(view)->step;
    polyfs_ckpt_view_close(view);
    return step;
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt *run;
    long begun = now_ms();
    if (argc < 4 || polyfs_ckpt_ranks_of_launcher(&ranks, &err) != POLYFS_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    ranks.deadline_ms = (uint32_t)atol(argv[3]);
    misfortune = argc > 5 && (uint32_t)atol(argv[4]) == ranks.rank ? argv[5] : NULL;
    opts.ranks = &ranks;
    if (polyfs_ckpt_open(argv[1], &opts, &run, &err) != POLYFS_OK) {
        tell("open", 0, err.code, begun, &err);
        return 1;
    }
    int64_t from = resume(run, &err);
    tell("resume", from, from < 0 ? err.code : POLYFS_OK, begun, &err);
    for (int64_t step = from + 1; from >= 0 && step <= atoll(argv[2]); step++) {
        struct polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
        begun = now_ms();
        int rc = save(run, step, &info, &err);
        tell("save", step, rc, begun, &err);
        if (rc == POLYFS_CONDITION) /* another job has the run now */
            break;
        if (rc == POLYFS_OK)
            tell("wait", step, polyfs_ckpt_wait(run, &info, ranks.deadline_ms + 5000, &err), begun, &err);
    }
    polyfs_ckpt_close(run);
    return 0;
}
