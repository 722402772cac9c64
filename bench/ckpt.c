/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bench/ckpt.py measures of the checkpoint layer, one job a run. URL names a run's folder; a checkpoint is MIB MiB in
 * 64 tensors. The first four print what one call took: seconds, seconds of CPU, MiB of memory above what was there in
 * front of it, requests.
 *   save URL MIB     a checkpoint in place of the one before      put URL MIB    the same bytes, as one object
 *   load URL MIB     the newest, into memory of its own           write PATH MIB the same, by write and fsync
 *   requests URL     of a save: one that evicts, one that does not, one of an object of one part, beside the parts
 *   grow URL COUNT   for 1, 10, … checkpoints: count, ms and requests of a save, ms and requests of finding the newest
 *   ranks URL WORLD  the same of one that so many ranks save      tensors URL COUNT  the same of one with so many tensors
 *   stall URL MIB N  medians of N: seconds that an asynchronous save takes its caller, and a memcpy into new memory
 */
#include <fcntl.h>
#include <polyfs/async.h>
#include <polyfs/polyfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TENSORS 64
#define MIB ((size_t)1 << 20)
#define PIECE (8 * MIB)
#define REPEATS 9
#define PART (8 * MIB)
#define LONG 10    /* saves of a run until old records go with each */
#define SMALL 4096 /* bytes of a tensor where their number counts */

static struct polyfs_error err = POLYFS_ERROR_INIT;
static struct polyfs_fs *store; /* the run's own: the same options are one and the same filesystem */
static char *place;             /* of the run, within it */

/* Nothing is measured behind a failure. */
static void must(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "bench_ckpt: %s\n", err.message);
    exit(1);
}

static void *room(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        abort();
    return memory;
}

/* Bytes that no store keeps as a hole. */
static void *filled(size_t size)
{
    char *data = room(size);
    for (size_t i = 0; i + sizeof(i) <= size; i += 64)
        memcpy(data + i, &i, sizeof(i));
    return data;
}

/* ---- what a call takes ------------------------------------------------------------------------------------------ */

struct meter {
    double wall, cpu, mib;
    uint64_t requests;
};

static double wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_now(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double mib_of(const char *field)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtol(line + strlen(field), NULL, 10);
    if (file)
        fclose(file);
    return (double)kib / 1024;
}

static uint64_t requests_now(void)
{
    struct polyfs_fs_stats stats = {.struct_size = sizeof(stats)};
    polyfs_fs_stats(store, &stats);
    return stats.requests;
}

/* The peak of memory counts from here on. */
static struct meter meter_begin(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
    return (struct meter){wall_now(), cpu_now(), mib_of("VmRSS:"), store ? requests_now() : 0};
}

static struct meter meter_end(struct meter from)
{
    return (struct meter){wall_now() - from.wall, cpu_now() - from.cpu, mib_of("VmHWM:") - from.mib,
                          store ? requests_now() - from.requests : 0};
}

static void tell(struct meter took)
{
    printf("%.6f %.6f %.1f %llu\n", took.wall, took.cpu, took.mib, (unsigned long long)took.requests);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return values[count / 2];
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------ */

struct model {
    struct polyfs_tensor *tensors;
    uint64_t *shapes;
    char (*names)[16];
    size_t count;
};

static struct model model_of(size_t count, size_t bytes_each)
{
    struct model model = {room(count * sizeof(*model.tensors)), room(count * sizeof(*model.shapes)),
                          room(count * sizeof(*model.names)), count};
    for (size_t i = 0; i < count; i++) {
        struct polyfs_tensor *tensor = &model.tensors[i];
        *tensor = (struct polyfs_tensor)POLYFS_TENSOR_INIT;
        snprintf(model.names[i], sizeof(*model.names), "layer%zu.w", i);
        model.shapes[i] = bytes_each / 4;
        tensor->name = model.names[i];
        tensor->dtype = "F32";
        tensor->shape = &model.shapes[i];
        tensor->rank = 1;
        tensor->bytes = bytes_each;
        tensor->data = filled(bytes_each);
    }
    return model;
}

static struct polyfs_ckpt *opened(const char *url, uint32_t flags, uint32_t keep)
{
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt *run;
    opts.flags = flags;
    opts.keep_newest = keep;
    must(polyfs_ckpt_open(url, &opts, &run, &err));
    return run;
}

static struct polyfs_ckpt_info save_model(struct polyfs_ckpt *run, const struct model *model)
{
    struct polyfs_ckpt_saver *saver;
    struct polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
    must(polyfs_ckpt_begin(run, NULL, &saver, &err));
    must(polyfs_ckpt_write_tensors(saver, "model.safetensors", model->tensors, model->count, &err));
    must(polyfs_ckpt_commit(saver, &info, &err));
    return info;
}

static void save_small(struct polyfs_ckpt *run)
{
    const struct polyfs_ckpt_item item = {"state", "x", 1, NULL};
    must(polyfs_ckpt_save(run, NULL, &item, 1, NULL, &err));
}

/* ---- jobs of one call ------------------------------------------------------------------------------------------- */

static void put(char **words)
{
    size_t size = strtoull(words[1], NULL, 10) * MIB;
    void *data = filled(size);
    struct meter from = meter_begin();
    must(polyfs_put(store, place, data, size, NULL, NULL, &err));
    tell(meter_end(from));
}

static void save(char **words)
{
    struct model model = model_of(TENSORS, strtoull(words[1], NULL, 10) * MIB / TENSORS);
    struct polyfs_ckpt *run = opened(words[0], 0, 1);
    struct meter from = meter_begin();
    save_model(run, &model);
    tell(meter_end(from));
}

static struct polyfs_tensors *newest_tensors(const char *url)
{
    struct polyfs_ckpt *run = opened(url, POLYFS_CKPT_READ_ONLY, 0);
    struct polyfs_ckpt_view *view;
    struct polyfs_tensors *tensors;
    must(polyfs_ckpt_load(run, "latest", 0, &view, &err));
    must(polyfs_ckpt_tensors(view, &tensors, &err));
    polyfs_ckpt_view_close(view);
    polyfs_ckpt_close(run);
    return tensors;
}

static void load(char **words)
{
    struct meter from = meter_begin();
    struct polyfs_tensors *tensors = newest_tensors(words[0]);
    size_t count = polyfs_tensors_count(tensors);
    struct polyfs_tensor_read *reads = room(count * sizeof(*reads));
    for (size_t i = 0; i < count; i++) {
        const struct polyfs_tensor *tensor = polyfs_tensors_at(tensors, i);
        reads[i] = (struct polyfs_tensor_read){tensor, room(tensor->bytes), POLYFS_OK, 0};
    }
    must(polyfs_tensors_read(tensors, reads, count, &err));
    tell(meter_end(from));
}

static void write_bare(char **words)
{
    size_t size = strtoull(words[1], NULL, 10) * MIB, done = 0;
    char *data = filled(size), *folder = strdup(words[0]);
    if (!folder)
        abort();
    *strrchr(folder, '/') = '\0';
    struct meter from = meter_begin();
    int fd = open(words[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (done < size) {
        ssize_t n = write(fd, data + done, size - done < PIECE ? size - done : PIECE);
        if (n < 0)
            exit(1);
        done += (size_t)n;
    }
    if (fsync(fd) < 0 || close(fd) < 0 || fsync(above) < 0)
        exit(1);
    tell(meter_end(from));
}

/* ---- counting requests ------------------------------------------------------------------------------------------ */

static uint64_t requests_of_save(struct polyfs_ckpt *run, const struct model *model, uint64_t *out_bytes)
{
    uint64_t before = requests_now();
    struct polyfs_ckpt_info info = save_model(run, model);
    *out_bytes = info.bytes;
    return requests_now() - before;
}

/* Requests of a save in a run of its own, once it has had so many: a run goes on for long. */
static uint64_t later_save(const char *url, const char *name, uint32_t flags, uint32_t keep, int number,
                           const struct model *model, uint64_t *out_bytes)
{
    char below[1024];
    uint64_t requests = 0;
    snprintf(below, sizeof(below), "%s/%s", url, name);
    struct polyfs_ckpt *run = opened(below, flags, keep);
    for (int i = 0; i < number; i++)
        requests = requests_of_save(run, model, out_bytes);
    polyfs_ckpt_close(run);
    return requests;
}

static void count_requests(char **words)
{
    const struct model large = model_of(TENSORS, 32 * MIB / TENSORS), small = model_of(TENSORS, MIB / TENSORS);
    uint64_t bytes, evicts = later_save(words[0], "evicts", 0, 1, LONG, &large, &bytes);
    uint64_t keeps = later_save(words[0], "keeps", 0, 0, LONG, &large, &bytes), unused;
    /* Each tensor is smaller than a part, so all goes in whole ones; and the part that is the mark of an upload (ADR 0008). */
    uint64_t parts = (bytes + PART - 1) / PART + 1;
    uint64_t alone = later_save(words[0], "alone", POLYFS_CKPT_ALONE, 0, 2, &small, &unused);
    printf("%llu %llu %llu %llu\n", (unsigned long long)(evicts - parts), (unsigned long long)(keeps - parts),
           (unsigned long long)alone, (unsigned long long)parts);
}

/* ---- cost against numbers --------------------------------------------------------------------------------------- */

/* Medians of finding the newest, in a run opened anew; the requests are those of the last. */
static void tell_with_newest(const char *url, unsigned long count, double save_ms, uint64_t save_requests)
{
    double ms[REPEATS];
    struct meter took = {0};
    for (int i = 0; i < REPEATS; i++) {
        struct polyfs_ckpt *run = opened(url, POLYFS_CKPT_READ_ONLY, 0);
        struct polyfs_ckpt_view *view;
        struct meter from = meter_begin();
        must(polyfs_ckpt_load(run, "latest", 0, &view, &err));
        took = meter_end(from);
        ms[i] = took.wall * 1e3;
        polyfs_ckpt_view_close(view);
        polyfs_ckpt_close(run);
    }
    printf("%lu %.3f %llu %.3f %llu\n", count, save_ms, (unsigned long long)save_requests, median(ms, REPEATS),
           (unsigned long long)took.requests);
    fflush(stdout);
}

static void grow(char **words)
{
    unsigned long count = strtoul(words[1], NULL, 10), next = 1;
    struct polyfs_ckpt *run = opened(words[0], 0, 0);
    for (unsigned long i = 1; i <= count; i++) {
        struct meter from = meter_begin();
        save_small(run);
        struct meter took = meter_end(from);
        if (i != next && i != count)
            continue;
        tell_with_newest(words[0], i, took.wall * 1e3, took.requests);
        next *= 10;
    }
}

static void many_tensors(char **words)
{
    struct model model = model_of(strtoul(words[1], NULL, 10), SMALL);
    struct polyfs_ckpt *run = opened(words[0], 0, 0);
    struct meter from = meter_begin();
    save_model(run, &model);
    struct meter took = meter_end(from);
    tell_with_newest(words[0], model.count, took.wall * 1e3, took.requests);
}

static struct polyfs_ckpt *opened_rank(const char *url, uint32_t rank, uint32_t world)
{
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt_ranks who = POLYFS_CKPT_RANKS_INIT;
    struct polyfs_ckpt *run;
    who.rank = rank;
    who.world = world;
    snprintf(who.launch, sizeof(who.launch), "process %ld", (long)getpid());
    opts.ranks = &who;
    must(polyfs_ckpt_open(url, &opts, &run, &err));
    return run;
}

/* One after another, rank 0 last, so that it waits for nobody. */
static void many_ranks(char **words)
{
    const struct polyfs_ckpt_item item = {"state", "x", 1, NULL};
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    uint32_t world = (uint32_t)strtoul(words[1], NULL, 10);
    struct polyfs_ckpt **runs = room(world * sizeof(struct polyfs_ckpt *));
    for (uint32_t rank = 0; rank < world; rank++)
        runs[rank] = opened_rank(words[0], rank, world);
    opts.step = 1;
    struct meter from = meter_begin();
    for (uint32_t rank = world; rank-- > 0;)
        must(polyfs_ckpt_save(runs[rank], &opts, &item, 1, NULL, &err));
    struct meter took = meter_end(from);
    tell_with_newest(words[0], world, took.wall * 1e3, took.requests);
}

/* ---- asynchronous ----------------------------------------------------------------------------------------------- */

static double stall_once(struct polyfs_ckpt_async *async, const struct model *model)
{
    struct polyfs_ckpt_saver *saver;
    double from = wall_now();
    must(polyfs_ckpt_async_begin(async, NULL, 0, &saver, &err));
    must(polyfs_ckpt_write_tensors(saver, "model.safetensors", model->tensors, model->count, &err));
    must(polyfs_ckpt_async_commit(async, saver, NULL, &err));
    double took = wall_now() - from;
    must(polyfs_ckpt_async_flush(async, 600000, &err));
    return took;
}

static double copy_once(const struct model *model)
{
    size_t each = model->tensors[0].bytes, size = each * model->count;
    double from = wall_now();
    char *to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (to == MAP_FAILED)
        abort();
    for (size_t i = 0; i < model->count; i++)
        memcpy(to + i * each, model->tensors[i].data, each);
    double took = wall_now() - from;
    munmap(to, size);
    return took;
}

static void stall(char **words)
{
    struct model model = model_of(TENSORS, strtoull(words[1], NULL, 10) * MIB / TENSORS);
    size_t count = strtoul(words[2], NULL, 10);
    double *ours = room(count * sizeof(*ours)), *copies = room(count * sizeof(*copies));
    struct polyfs_ckpt *run = opened(words[0], 0, 1);
    struct polyfs_ckpt_async *async;
    must(polyfs_ckpt_async_new(run, NULL, &async, &err));
    stall_once(async, &model); /* the first warms up */
    for (size_t i = 0; i < count; i++) {
        copies[i] = copy_once(&model);
        ours[i] = stall_once(async, &model);
    }
    must(polyfs_ckpt_async_close(async, &err));
    polyfs_ckpt_close(run);
    printf("%.6f %.6f\n", median(ours, count), median(copies, count));
}

static const struct job {
    const char *name;
    int words;
    void (*run)(char **words);
} jobs[] = {
    {"put", 2, put},
    {"save", 2, save},
    {"load", 2, load},
    {"write", 2, write_bare},
    {"requests", 1, count_requests},
    {"grow", 2, grow},
    {"ranks", 2, many_ranks},
    {"tensors", 2, many_tensors},
    {"stall", 3, stall},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 2 && i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        if (strcmp(jobs[i].name, argv[1]) != 0 || argc != jobs[i].words + 2)
            continue;
        must(polyfs_fs_open(argv[2], NULL, &store, &place, &err));
        jobs[i].run(argv + 2);
        return 0;
    }
    fprintf(stderr, "usage: bench_ckpt JOB URL ...; see the head of bench/ckpt.c\n");
    return 2;
}
