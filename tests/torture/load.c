/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a plugin happens once in a process, so each point is a child of this one, which has loaded none: the first
 * open fails for memory, the second must do. Registry records are kept for ever by design; so the blocks left are
 * compared with those of a child that was not troubled.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "torture.h"

/* What a child found out. */
struct verdict {
    int reached;
    int in_loader; /* the failure met the dynamic loader: what that keeps for good is its own affair */
    unsigned skipped;
    int64_t live;
    char why[300];
};

static int open_once(struct polyfs_error *err)
{
    const char *options[] = {"store=torture", NULL};
    struct polyfs_fs *fs = NULL;
    int rc = polyfs_fs_open("memory://load", options, &fs, NULL, err);
    polyfs_fs_close(fs);
    return rc;
}

static void try(unsigned nth, int for_good, struct verdict *out)
{
    struct polyfs_error err = POLYFS_ERROR_INIT, again = POLYFS_ERROR_INIT;
    memset(out, 0, sizeof(*out));
    if (nth)
        alloc_arm(nth, for_good ? ALLOC_FOR_GOOD : ALLOC_ONCE);
    int rc = open_once(&err);
    struct alloc_report report = alloc_disarm();
    out->reached = report.failed > 0;
    out->skipped = report.skipped;
    out->in_loader = report.inside == INSIDE_LOAD;
    char where[240];
    alloc_where(&report, where, sizeof(where));
    if (out->reached && rc == POLYFS_OK && report.inside != INSIDE_SORT && report.inside != INSIDE_LOAD)
        snprintf(out->why, sizeof(out->why), "the failure was swallowed%s", where);
    /* The dynamic loader tells a failure by text alone, and not always the right one. */
    int told = rc == POLYFS_NOMEM || (rc == POLYFS_PLUGIN && report.inside == INSIDE_LOAD);
    if (out->reached && rc < 0 && !told)
        snprintf(out->why, sizeof(out->why), "the code is %s (%.200s)", polyfs_code_name(rc), err.message);
    if (open_once(&again) != POLYFS_OK)
        snprintf(out->why, sizeof(out->why), "the next call fails: %.200s", again.message);
    open_once(&again);
    polyfs_shutdown();
    out->live = alloc_live();
}

static int in_child(unsigned nth, int for_good, struct verdict *out)
{
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        try(nth, for_good, out);
        ssize_t n = write(ends[1], out, sizeof(*out));
        _exit(n == (ssize_t)sizeof(*out) ? 0 : 1);
    }
    close(ends[1]);
    ssize_t n = child > 0 ? read(ends[0], out, sizeof(*out)) : -1;
    close(ends[0]);
    if (child > 0)
        waitpid(child, &status, 0);
    return n == (ssize_t)sizeof(*out) && status == 0 ? 0 : -1;
}

static unsigned points(int for_good, int64_t live, unsigned *failures, unsigned *skipped)
{
    struct verdict v;
    for (unsigned nth = 1;; nth++) {
        if (in_child(nth, for_good, &v) != 0)
            snprintf(v.why, sizeof(v.why), "the process died");
        else if (!v.reached)
            return nth - 1;
        else if (!*v.why && !v.in_loader && v.live > live)
            snprintf(v.why, sizeof(v.why), "leak: %lld blocks", (long long)(v.live - live));
        *skipped = v.skipped;
        if (*v.why) {
            fprintf(stderr, "  load, allocation %u%s: %s\n", nth, for_good ? "+" : "", v.why);
            ++*failures;
        }
    }
}

unsigned drive_load(void)
{
    struct verdict v;
    alloc_arm(0, ALLOC_COUNT); /* what it allocates itself, once, is not the children's */
    alloc_disarm();
    unsigned failures = 0, skipped = 0;
    if (in_child(0, 0, &v) != 0 || *v.why) {
        fprintf(stderr, "torture: the memory plugin cannot be loaded: %s\n", v.why);
        return 1;
    }
    unsigned once = points(0, v.live, &failures, &skipped);
    unsigned good = points(1, v.live, &failures, &skipped);
    printf("%-18s %-7s %7u %7u %7u %7u %7u %8u %8u %8u\n", "load", "memory", once, good, 0, 0, 0, skipped, 0,
           failures);
    fflush(stdout);
    return failures;
}
