/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that the crash tests kill.
 *   saver save URL STEP    open the run and save checkpoint STEP between two marker calls
 *   saver check URL OLD NEW  the newest must be OLD or NEW, whole, with the bytes of its step; then the next save works
 */
#include <fcntl.h>
#include <polyfs/checkpoint.h>
#include <polyfs/polyfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A_BYTES 300000
#define B_BYTES 70000

static unsigned char a[A_BYTES], b[B_BYTES];

/* The bytes of a step: every one depends on it. */
static void fill(int64_t step)
{
    for (size_t i = 0; i < A_BYTES; i++)
        a[i] = (unsigned char)((size_t)step * 31 + i * 7 + (i >> 8));
    for (size_t i = 0; i < B_BYTES; i++)
        b[i] = (unsigned char)((size_t)step * 17 + i * 3 + (i >> 8));
}

/* A system call that nothing else makes: the recording is cut here. */
static void mark(const char *name)
{
    int fd = open(name, O_RDONLY);
    (void)fd;
}

static int failed(const char *what, const struct polyfs_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    return 1;
}

static int save_step(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    const struct polyfs_ckpt_item items[] = {{"a.bin", a, sizeof(a), NULL}, {"sub/b.bin", b, sizeof(b), NULL}};
    opts.step = step;
    fill(step);
    return polyfs_ckpt_save(run, &opts, items, 2, NULL, err);
}

static int open_run(const char *url, struct polyfs_ckpt **run, struct polyfs_error *err)
{
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    opts.keep_newest = 2;
    return polyfs_ckpt_open(url, &opts, run, err);
}

static int do_save(const char *url, int64_t step)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run;
    if (open_run(url, &run, &err) != POLYFS_OK)
        return failed("open", &err);
    mark("/polyfs-mark-begin");
    int rc = save_step(run, step, &err);
    mark("/polyfs-mark-end");
    polyfs_ckpt_close(run);
    return rc == POLYFS_OK ? 0 : failed("save", &err);
}

static int check_bytes(struct polyfs_ckpt_view *view, int64_t step)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    unsigned char *got = malloc(A_BYTES);
    size_t n;
    fill(step);
    int bad = !got || polyfs_ckpt_read(view, "a.bin", got, A_BYTES, &n, &err) != POLYFS_OK || n != A_BYTES ||
              memcmp(got, a, A_BYTES) != 0 ||
              polyfs_ckpt_read(view, "sub/b.bin", got, A_BYTES, &n, &err) != POLYFS_OK || n != B_BYTES ||
              memcmp(got, b, B_BYTES) != 0;
    free(got);
    return bad ? failed("bytes", &err) : 0;
}

static int do_check(const char *url, int64_t old_step, int64_t new_step)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run;
    struct polyfs_ckpt_view *view;
    if (open_run(url, &run, &err) != POLYFS_OK)
        return failed("open", &err);
    if (polyfs_ckpt_load(run, "latest", POLYFS_CKPT_CHECK_BYTES, &view, &err) != POLYFS_OK)
        return failed("load", &err);
    const struct polyfs_ckpt_info *info = polyfs_ckpt_view_info(view);
    int64_t step = info->step;
    if ((step != old_step && step != new_step) || info->note[0]) {
        fprintf(stderr, "the newest is %lld; %s\n", (long long)step, info->note);
        return 1;
    }
    if (check_bytes(view, step))
        return 1;
    polyfs_ckpt_view_close(view);
    if (save_step(run, new_step + 1, &err) != POLYFS_OK)
        return failed("next save", &err);
    if (polyfs_ckpt_verify(run, NULL, 0, NULL, NULL, &err) != POLYFS_OK)
        return failed("verify", &err);
    polyfs_ckpt_close(run);
    printf("%s\n", step == new_step ? "new" : "old");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "save") == 0)
        return do_save(argv[2], atoll(argv[3]));
    if (argc == 5 && strcmp(argv[1], "check") == 0)
        return do_check(argv[2], atoll(argv[3]), atoll(argv[4]));
    fprintf(stderr, "usage: saver save URL STEP | saver check URL OLD NEW\n");
    return 2;
}
