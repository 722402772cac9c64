/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that the crash tests kill.
 *   saver save URL STEP [KIND]  open the run and do KIND as step STEP between two marker calls
 *   saver check URL OLD NEW [KIND]
 *                               the newest must be OLD (0: none) or NEW, whole, with the bytes of its step; then the next
 *                               save works, and garbage collection leaves what the records name and nothing else
 *   saver fill URL COUNT        steps 1 to COUNT for the kind segment, small but for the last; COUNT 0: until the record
 *                               grows no more, since its older rows went into a segment; prints how many that took
 * What goes wrong is told with the name of its code. With POLYFS_TEST_KILL_US it dies so many microseconds after it began,
 * as by SIGKILL from outside, however late anything outside would be scheduled; with POLYFS_TEST_KILL_SAVE_US so many after
 * the run was opened. It prints how many it took, counted from the same moment.
 * KIND: plain, tensors, ranks (three of them, one after another), async, again (by the thread until it tells a failure,
 * four times at most), parts (with a file that is uploaded in parts where POLYFS_PART_BYTES is 5MiB), gc (which saves
 * nothing), drop (of the oldest), open (which does nothing more), segment (which keeps all), link and pointer (`last` is
 * made, too).
 */
#include <fcntl.h>
#include <polyfs/async.h>
#include <polyfs/polyfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define A_BYTES 300000
#define B_BYTES 70000
#define C_BYTES (2 * (5 << 20) + 1000)

static unsigned char a[A_BYTES], b[B_BYTES], c[C_BYTES];

/* The bytes of a step: every one depends on it. */
static void fill(int64_t step)
{
    for (size_t i = 0; i < A_BYTES; i++)
        a[i] = (unsigned char)((size_t)step * 31 + i * 7 + (i >> 8));
    for (size_t i = 0; i < B_BYTES; i++)
        b[i] = (unsigned char)((size_t)step * 17 + i * 3 + (i >> 8));
}

/* The large file, of one kind alone. */
static void fill_large(int64_t step)
{
    for (size_t i = 0; i < C_BYTES; i++)
        c[i] = (unsigned char)((size_t)step * 13 + i * 5 + (i >> 8));
}

/* A system call that nothing else makes: the recording is cut here. */
static void mark(const char *name)
{
    int fd = open(name, O_RDONLY);
    (void)fd;
}

static int failed(const char *what, const struct polyfs_error *err)
{
    fprintf(stderr, "%s: %s: %s\n", what, polyfs_code_name(err->code), err->message);
    return 1;
}

static int save_plain(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    const struct polyfs_ckpt_item items[] = {{"a.bin", a, sizeof(a), NULL}, {"sub/b.bin", b, sizeof(b), NULL}};
    opts.step = step;
    fill(step);
    return polyfs_ckpt_save(run, &opts, items, 2, NULL, err);
}

/* Long names, so that few rows fill a record. */
static int save_named(struct polyfs_ckpt *run, int64_t step, size_t size, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    const struct polyfs_ckpt_item items[] = {{"a.bin", a, size, NULL}, {"sub/b.bin", b, sizeof(b), NULL}};
    char name[224];
    snprintf(name, sizeof(name), "s%0200lld", (long long)step);
    opts.name = name;
    opts.step = step;
    fill(step);
    return polyfs_ckpt_save(run, &opts, items, size == sizeof(a) ? 2 : 1, NULL, err);
}

static int save_segment(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    return save_named(run, step, sizeof(a), err);
}

static int save_parts(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    const struct polyfs_ckpt_item items[] = {{"a.bin", a, sizeof(a), NULL},
                                             {"sub/b.bin", b, sizeof(b), NULL},
                                             {"c.bin", c, sizeof(c), NULL}};
    opts.step = step;
    fill(step);
    fill_large(step);
    return polyfs_ckpt_save(run, &opts, items, 3, NULL, err);
}

/* a.bin as a tensor, b.bin as it is. */
static int write_both(struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    const uint64_t shape = sizeof(a);
    struct polyfs_tensor tensor = POLYFS_TENSOR_INIT;
    tensor.name = "a";
    tensor.dtype = "U8";
    tensor.shape = &shape;
    tensor.rank = 1;
    tensor.bytes = sizeof(a);
    tensor.data = a;
    int rc = polyfs_ckpt_write_tensors(saver, "a.safetensors", &tensor, 1, err);
    return rc == POLYFS_OK ? polyfs_ckpt_write(saver, "sub/b.bin", b, sizeof(b), err) : rc;
}

static int save_tensors(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    opts.step = step;
    fill(step);
    int rc = polyfs_ckpt_begin(run, &opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = write_both(saver, err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, NULL, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

static int save_by_thread(struct polyfs_ckpt_async *async, int64_t step, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    opts.step = step;
    int rc = polyfs_ckpt_async_begin(async, &opts, 0, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = write_both(saver, err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_async_commit(async, saver, NULL, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

/* What a save failed with is told by the end, unless a later one was told it. */
static int save_async(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    struct polyfs_ckpt_async *async;
    fill(step);
    int rc = polyfs_ckpt_async_new(run, NULL, &async, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = save_by_thread(async, step, err);
    int end = polyfs_ckpt_async_close(async, rc == POLYFS_OK ? err : NULL);
    return rc == POLYFS_OK ? end : rc;
}

/* One is written and one waits at most, so the fourth begins behind the first one's end. */
static int save_again(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    struct polyfs_ckpt_async *async;
    fill(step);
    int rc = polyfs_ckpt_async_new(run, NULL, &async, err);
    if (rc != POLYFS_OK)
        return rc;
    for (int i = 0; i < 4 && rc == POLYFS_OK; i++)
        rc = save_by_thread(async, step, err);
    polyfs_ckpt_async_close(async, NULL);
    return rc;
}

/* Rank 1 has b.bin, rank 0 the tensor, rank 2 nothing of weight. */
static int save_rank(struct polyfs_ckpt *run, uint32_t rank, int64_t step, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    opts.step = step;
    int rc = polyfs_ckpt_begin(run, &opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    if (rank == 1)
        rc = polyfs_ckpt_write(saver, "sub/b.bin", b, sizeof(b), err);
    else if (rank == 0)
        rc = polyfs_ckpt_write(saver, "a.bin", a, sizeof(a), err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, NULL, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

#define WORLD 3u
static struct polyfs_ckpt *ranks[WORLD];

static int open_ranks(const char *url, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (uint32_t rank = 0; rank < WORLD && rc == POLYFS_OK; rank++) {
        struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
        struct polyfs_ckpt_ranks who = POLYFS_CKPT_RANKS_INIT;
        who.rank = rank;
        who.world = WORLD;
        snprintf(who.launch, sizeof(who.launch), "process %ld", (long)getpid());
        opts.keep_newest = 2;
        opts.ranks = &who;
        rc = polyfs_ckpt_open(url, &opts, &ranks[rank], err);
    }
    return rc;
}

static int save_ranks(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    (void)run;
    fill(step);
    for (uint32_t rank = WORLD; rank-- > 0 && rc == POLYFS_OK;)
        rc = save_rank(ranks[rank], rank, step, err);
    return rc;
}

static int collect(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    (void)step;
    return polyfs_ckpt_gc(run, 0, 0, NULL, NULL, err);
}

static int drop_oldest(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    struct polyfs_ckpt_list *list;
    (void)step;
    int rc = polyfs_ckpt_list(run, &list, err);
    if (rc != POLYFS_OK)
        return rc;
    const char *name = polyfs_ckpt_list_at(list, polyfs_ckpt_list_count(list) - 1)->name;
    rc = polyfs_ckpt_drop(run, &name, 1, err);
    polyfs_ckpt_list_free(list);
    return rc;
}

static int only_open(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err)
{
    (void)run;
    (void)step;
    (void)err;
    return POLYFS_OK;
}

static const struct {
    const char *name;
    int (*run)(struct polyfs_ckpt *run, int64_t step, struct polyfs_error *err);
    uint32_t keep_newest; /* 0: all */
    uint32_t last_as;
} kinds[] = {{"plain", save_plain, 2, 0},     {"tensors", save_tensors, 2, 0},
             {"ranks", save_ranks, 2, 0},     {"async", save_async, 2, 0},
             {"again", save_again, 2, 0},     {"parts", save_parts, 2, 0},
             {"gc", collect, 2, 0},           {"drop", drop_oldest, 2, 0},
             {"segment", save_segment, 0, 0}, {"link", save_plain, 2, POLYFS_CKPT_LAST_LINK},
             {"open", only_open, 2, 0},       {"pointer", save_plain, 2, POLYFS_CKPT_LAST_POINTER}};

static size_t kind_of(const char *name)
{
    size_t k = 0;
    while (k < sizeof(kinds) / sizeof(*kinds) && strcmp(kinds[k].name, name) != 0)
        k++;
    if (k == sizeof(kinds) / sizeof(*kinds))
        abort();
    return k;
}

static int open_run(const char *url, size_t kind, struct polyfs_ckpt **run, struct polyfs_error *err)
{
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    opts.keep_newest = kinds[kind].keep_newest;
    opts.last_as = kinds[kind].last_as;
    return polyfs_ckpt_open(url, &opts, run, err);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die_when_told(const char *variable)
{
    const char *text = getenv(variable);
    const long us = text ? atol(text) : 0;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 + 1}};
    timer_t timer;
    if (text && (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &when, NULL) < 0))
        abort();
}

static int do_save(const char *url, int64_t step, const char *kind)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run = NULL;
    size_t k = kind_of(kind);
    mark("/polyfs-mark-open");
    die_when_told("POLYFS_TEST_KILL_US");
    int64_t began = now_us();
    int rc = kinds[k].run == save_ranks ? open_ranks(url, &err) : open_run(url, k, &run, &err);
    if (rc != POLYFS_OK)
        return failed("open", &err);
    die_when_told("POLYFS_TEST_KILL_SAVE_US");
    if (getenv("POLYFS_TEST_KILL_SAVE_US"))
        began = now_us();
    mark("/polyfs-mark-begin");
    rc = kinds[k].run(run, step, &err);
    mark("/polyfs-mark-end");
    printf("%lld\n", (long long)(now_us() - began));
    polyfs_ckpt_close(run);
    for (uint32_t rank = 0; rank < WORLD; rank++)
        polyfs_ckpt_close(ranks[rank]);
    return rc == POLYFS_OK ? 0 : failed(kinds[k].name, &err);
}

/* Under whatever name a kind of save gave it. */
static int read_any(struct polyfs_ckpt_view *view, const char *const *names, void *to, size_t *n,
                    struct polyfs_error *err)
{
    int rc = POLYFS_NOT_FOUND;
    for (; *names && rc == POLYFS_NOT_FOUND; names++)
        rc = polyfs_ckpt_read(view, *names, to, A_BYTES, n, err);
    return rc;
}

static int read_tensor(struct polyfs_ckpt_view *view, void *to, size_t *n, struct polyfs_error *err)
{
    struct polyfs_tensors *tensors;
    int rc = polyfs_ckpt_tensors(view, &tensors, err);
    if (rc != POLYFS_OK)
        return rc;
    struct polyfs_tensor_read read = {polyfs_tensors_find(tensors, "a"), to, POLYFS_OK, 0};
    rc = read.tensor ? polyfs_tensors_read(tensors, &read, 1, err) : POLYFS_NOT_FOUND;
    *n = A_BYTES;
    polyfs_tensors_close(tensors);
    return rc;
}

/* A save of another kind has none. */
static int check_large(struct polyfs_ckpt_view *view, int64_t step)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    unsigned char *got = malloc(C_BYTES);
    size_t n = 0;
    fill_large(step);
    int rc = got ? polyfs_ckpt_read(view, "c.bin", got, C_BYTES, &n, &err) : POLYFS_NOMEM;
    int bad = rc != POLYFS_NOT_FOUND && (rc != POLYFS_OK || n != C_BYTES || memcmp(got, c, C_BYTES) != 0);
    free(got);
    return bad ? failed("bytes of c.bin", &err) : 0;
}

static int check_bytes(struct polyfs_ckpt_view *view, int64_t step)
{
    static const char *const a_names[] = {"a.bin", NULL}, *const b_names[] = {"sub/b.bin", "r00001/sub/b.bin",
                                                                              NULL};
    struct polyfs_error err = POLYFS_ERROR_INIT;
    unsigned char *got = malloc(A_BYTES);
    size_t n = 0;
    fill(step);
    int rc = got ? read_any(view, a_names, got, &n, &err) : POLYFS_NOMEM;
    if (rc == POLYFS_NOT_FOUND)
        rc = read_tensor(view, got, &n, &err);
    int bad = rc != POLYFS_OK || n != A_BYTES || memcmp(got, a, A_BYTES) != 0 ||
              read_any(view, b_names, got, &n, &err) != POLYFS_OK || n != B_BYTES || memcmp(got, b, B_BYTES) != 0;
    free(got);
    return bad ? failed("bytes", &err) : check_large(view, step);
}

/* After garbage collection a further one finds nothing. */
static void count_found(const char *path, int removed, void *user)
{
    (void)path;
    (void)removed;
    ++*(int *)user;
}

static int check_garbage(struct polyfs_ckpt *run)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    int found = 0;
    if (polyfs_ckpt_gc(run, 0, 0, NULL, NULL, &err) != POLYFS_OK ||
        polyfs_ckpt_gc(run, 0, POLYFS_CKPT_DRY_RUN, count_found, &found, &err) != POLYFS_OK)
        return failed("gc", &err);
    if (found)
        fprintf(stderr, "%d folders are left after garbage collection\n", found);
    return found != 0;
}

/* The step of the newest, when it is one of the two and whole; 0 when there is none and none is right; else -1. */
static int64_t check_newest(struct polyfs_ckpt *run, int64_t old_step, int64_t new_step)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt_view *view;
    int rc = polyfs_ckpt_load(run, "latest", POLYFS_CKPT_CHECK_BYTES, &view, &err);
    if (rc == POLYFS_NOT_FOUND && old_step == 0)
        return 0;
    if (rc != POLYFS_OK)
        return -failed("load", &err);
    const struct polyfs_ckpt_info *info = polyfs_ckpt_view_info(view);
    int64_t step = info->step;
    if ((step != old_step && step != new_step) || info->note[0]) {
        fprintf(stderr, "the newest is %lld; %s\n", (long long)step, info->note);
        step = -1;
    } else if (check_bytes(view, step)) {
        step = -1;
    }
    polyfs_ckpt_view_close(view);
    return step;
}

/* `last` of the kinds that make it leads to the bytes of that step. */
static int check_last(const char *url, size_t kind, int64_t step)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    char path[4200], to[4096] = "last";
    void *line = NULL, *got = NULL;
    size_t n = 0;
    if (!kinds[kind].last_as)
        return 0;
    snprintf(path, sizeof(path), "%s/last", url);
    if (kinds[kind].last_as == POLYFS_CKPT_LAST_POINTER) {
        if (polyfs_get_url(path, &line, &n, &err) != POLYFS_OK)
            return failed("last", &err);
        snprintf(to, sizeof(to), "%.*s", n ? (int)n - 1 : 0, (const char *)line);
    }
    snprintf(path, sizeof(path), "%s/%s/a.bin", url, to);
    int rc = polyfs_get_url(path, &got, &n, &err);
    fill(step);
    int bad = rc != POLYFS_OK || n != sizeof(a) || memcmp(got, a, n) != 0;
    polyfs_free(line);
    polyfs_free(got);
    return bad ? failed("bytes of last", &err) : 0;
}

static int do_check(const char *url, int64_t old_step, int64_t new_step, size_t kind)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run;
    if (open_run(url, kind, &run, &err) != POLYFS_OK)
        return failed("open", &err);
    int64_t step = check_newest(run, old_step, new_step);
    if (step < 0 || (step > 0 && check_last(url, kind, step)))
        return 1;
    if (save_plain(run, new_step + 1, &err) != POLYFS_OK)
        return failed("next save", &err);
    if (check_last(url, kind, new_step + 1) || check_garbage(run))
        return 1;
    if (polyfs_ckpt_verify(run, NULL, 0, NULL, NULL, &err) != POLYFS_OK)
        return failed("verify", &err);
    polyfs_ckpt_close(run);
    printf("%s\n", step == new_step ? "new" : "old");
    return 0;
}

/* The newest, whole, and it stays alone. */
static int do_read(const char *url, int64_t step)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run;
    if (open_run(url, kind_of("plain"), &run, &err) != POLYFS_OK)
        return failed("open", &err);
    int64_t found = check_newest(run, step, step);
    polyfs_ckpt_close(run);
    return found != step;
}

static int has_segment(const char *url)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_fs *fs;
    char below[4200], *path;
    int found = 0;
    snprintf(below, sizeof(below), "%s/.ckpt/segments", url);
    if (polyfs_fs_open(below, NULL, &fs, &path, &err) != POLYFS_OK ||
        polyfs_exists(fs, path, NULL, &found, &err) != POLYFS_OK)
        exit(failed("segments", &err));
    polyfs_free(path);
    polyfs_fs_close(fs);
    return found;
}

static int do_fill(const char *url, int64_t count)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run;
    int64_t step = 0;
    if (open_run(url, kind_of("segment"), &run, &err) != POLYFS_OK)
        return failed("open", &err);
    for (int done = 0; !done; done = count ? step == count : has_segment(url)) {
        step++;
        if (save_named(run, step, step == count ? sizeof(a) : 100, &err) != POLYFS_OK)
            return failed("fill", &err);
    }
    polyfs_ckpt_close(run);
    printf("%lld\n", (long long)step);
    return 0;
}

int main(int argc, char **argv)
{
    if ((argc == 4 || argc == 5) && strcmp(argv[1], "save") == 0)
        return do_save(argv[2], atoll(argv[3]), argc == 5 ? argv[4] : "plain");
    if ((argc == 5 || argc == 6) && strcmp(argv[1], "check") == 0)
        return do_check(argv[2], atoll(argv[3]), atoll(argv[4]), kind_of(argc == 6 ? argv[5] : "plain"));
    if (argc == 4 && strcmp(argv[1], "read") == 0)
        return do_read(argv[2], atoll(argv[3]));
    if (argc == 4 && strcmp(argv[1], "fill") == 0)
        return do_fill(argv[2], atoll(argv[3]));
    fprintf(stderr,
            "usage: saver save URL STEP [KIND] | check URL OLD NEW [KIND] | read URL STEP | fill URL COUNT\n");
    return 2;
}
