/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll URL [COUNT]: COUNT objects written at once from one event loop. Each write is an operation with a descriptor;
 * the loop sleeps in epoll_wait and calls polyfs_op_wait(op, 0) on those that are ready.
 */
#include <polyfs/polyfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

struct job {
    char path[256];
    struct polyfs_op *op;
};

static const char bytes[4096] = "four kibibytes, most of them zero";

static int begin(struct polyfs_fs *fs, const char *root, size_t i, struct job *job, int loop,
                 struct polyfs_error *err)
{
    static const struct polyfs_write_opts opts = {.struct_size = sizeof(opts),
                                                  .flags = POLYFS_WRITE_PARENTS,
                                                  .durability = POLYFS_DURABILITY_NONE};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = job};
    snprintf(job->path, sizeof(job->path), "%s/object-%zu", root, i);
    int rc = polyfs_put_submit(fs, job->path, bytes, sizeof(bytes), &opts, NULL, &job->op, err);
    if (rc == POLYFS_OK)
        epoll_ctl(loop, EPOLL_CTL_ADD, polyfs_op_fd(job->op), &event);
    return rc;
}

/* Returns how many failed. */
static size_t run(int loop, size_t left)
{
    struct epoll_event ready[64];
    size_t failed = 0;
    while (left) {
        int n = epoll_wait(loop, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            struct job *job = ready[i].data.ptr;
            struct polyfs_error err = POLYFS_ERROR_INIT;
            int rc = polyfs_op_wait(job->op, 0, &err);
            if (rc == POLYFS_MORE)
                continue;
            if (rc != POLYFS_OK) {
                fprintf(stderr, "%s\n", err.message);
                failed++;
            }
            polyfs_op_free(job->op);
            left--;
        }
    }
    return failed;
}

int main(int argc, char **argv)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_runtime_stats stats = {.struct_size = sizeof(stats)};
    struct polyfs_fs *fs;
    char *root;
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000, failed = 0, begun = 0;
    if (argc < 2 || polyfs_fs_open(argv[1], NULL, &fs, &root, &err) != POLYFS_OK) {
        fprintf(stderr, "%s\n", argc < 2 ? "usage: epoll URL [COUNT]" : err.message);
        return 1;
    }
    int loop = epoll_create1(EPOLL_CLOEXEC);
    struct job *jobs = calloc(count, sizeof(*jobs));
    for (; jobs && begun < count; begun++)
        if (begin(fs, root, begun, &jobs[begun], loop, &err) != POLYFS_OK)
            break;
    failed = run(loop, begun);
    polyfs_runtime_stats(&stats);
    printf("%zu written, %zu failed, at most %u threads of polyfs\n", begun - failed, failed, stats.threads_peak);
    free(jobs);
    free(root);
    polyfs_fs_close(fs);
    polyfs_shutdown();
    return failed || begun != count || stats.threads_peak > 16;
}
