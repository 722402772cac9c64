/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios of what checkpoints hold: tensors, parts, files of ranks, and saves by a thread. */
#include <stdio.h>
#include <string.h>

#include <polyfs/async.h>

#include "torture.h"

#define ELEMENTS 1000
#define BYTES (ELEMENTS * sizeof(float))

static struct polyfs_tensor tensor_of(const char *name)
{
    static const uint64_t shape[] = {10, ELEMENTS / 10};
    struct polyfs_tensor tensor = POLYFS_TENSOR_INIT;
    tensor.name = name;
    tensor.dtype = "F32";
    tensor.shape = shape;
    tensor.rank = 2;
    tensor.bytes = BYTES;
    tensor.data = (void *)(uintptr_t)bytes_of(name, BYTES);
    return tensor;
}

/* Two tensors in one file and a state beside it. */
static int write_both(struct polyfs_ckpt_saver *saver, struct polyfs_error *err)
{
    const struct polyfs_tensor tensors[] = {tensor_of("net.weight"), tensor_of("net.bias")};
    int rc = polyfs_ckpt_write_tensors(saver, "model.safetensors", tensors, 2, err);
    return rc == POLYFS_OK ? polyfs_ckpt_write_json(saver, "loop.json", "{\"epoch\":3}", err) : rc;
}

static int save_tensors(struct polyfs_ckpt *run, int64_t step, struct polyfs_ckpt_info *info,
                        struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    opts.step = step;
    int rc = polyfs_ckpt_begin(run, &opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = write_both(saver, err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, info, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

static int call_save(struct world *w, struct polyfs_error *err)
{
    struct polyfs_ckpt *run = NULL;
    int rc = run_open(w, 0, &run, err);
    if (rc == POLYFS_OK)
        rc = save_tensors(run, 3, &w->out.info, err);
    polyfs_ckpt_close(run);
    return rc;
}

static void tensors_saved(struct world *w)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run = NULL;
    run_of_two(w);
    must(run_open(w, 0, &run, &err), "open a run", &err);
    must(save_tensors(run, 3, NULL, &err), "save", &err);
    polyfs_ckpt_close(run);
}

/* One tensor of the newest, into memory that is not touched before all can be told. */
static int call_load(struct world *w, struct polyfs_error *err)
{
    static char bytes[BYTES];
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_view *view = NULL;
    struct polyfs_tensors *tensors = NULL;
    struct polyfs_tensor into = tensor_of("net.bias");
    into.data = bytes;
    int rc = run_open(w, POLYFS_CKPT_READ_ONLY, &run, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_load(run, "latest", 0, &view, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_tensors(view, &tensors, err);
    if (rc == POLYFS_OK)
        rc = polyfs_tensors_load(tensors, &into, 1, 0, NULL, NULL, err);
    if (rc == POLYFS_OK)
        w->out.exists = memcmp(bytes, bytes_of("net.bias", BYTES), BYTES) == 0;
    polyfs_tensors_close(tensors);
    polyfs_ckpt_view_close(view);
    polyfs_ckpt_close(run);
    return rc;
}

static const char *check_load(const struct world *w)
{
    return w->out.exists == 1 ? NULL : "another tensor was loaded";
}

/* ---- a file of tensors ------------------------------------------------------------------------------------------ */

static void file_of_tensors(struct world *w)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    const struct polyfs_tensor tensors[] = {tensor_of("net.weight"), tensor_of("net.bias")};
    struct polyfs_writer *writer = NULL;
    must(polyfs_writer_open(w->clean, at(w, "a.safetensors"), NULL, &writer, &err), "open", &err);
    must(polyfs_tensors_write(writer, tensors, 2, "{\"by\":\"test\"}", &err), "write", &err);
    must(polyfs_writer_commit(writer, NULL, &err), "commit", &err);
    polyfs_writer_close(writer);
}

static int call_export(struct world *w, struct polyfs_error *err)
{
    struct polyfs_tensors *tensors = NULL;
    struct polyfs_writer *writer = NULL;
    int rc = polyfs_tensors_open(w->fs, at(w, "a.safetensors"), NULL, &tensors, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_open(w->fs, at(w, "b.safetensors"), NULL, &writer, err);
    if (rc == POLYFS_OK)
        rc = polyfs_tensors_export(tensors, "net.*", writer, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, NULL, err);
    polyfs_writer_close(writer);
    polyfs_tensors_close(tensors);
    return rc;
}

/* ---- parts ------------------------------------------------------------------------------------------------------ */

static int save_part(struct polyfs_ckpt_saver *saver, const struct polyfs_ckpt_part *part, struct polyfs_error *err)
{
    return polyfs_ckpt_write_json(saver, part->name, "{}", err);
}

static int load_part(struct polyfs_ckpt_view *view, const struct polyfs_ckpt_part *part, struct polyfs_error *err)
{
    char text[8];
    size_t n;
    return polyfs_ckpt_read(view, part->name, text, sizeof(text), &n, err);
}

static int call_parts(struct world *w, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_part parts[] = {POLYFS_CKPT_PART_INIT, POLYFS_CKPT_PART_INIT};
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_saver *saver = NULL;
    struct polyfs_ckpt_view *view = NULL;
    struct polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
    for (unsigned i = 0; i < 2; i++) {
        parts[i].name = i ? "net.json" : "early.json";
        parts[i].role = i ? POLYFS_CKPT_MODULE : POLYFS_CKPT_CALLBACK;
        parts[i].save = save_part;
        parts[i].load = load_part;
    }
    opts.step = 3;
    int rc = run_open(w, 0, &run, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_begin(run, &opts, &saver, err);
    if (rc == POLYFS_OK && (rc = polyfs_ckpt_save_parts(saver, parts, 2, 0, err)) == POLYFS_OK)
        rc = polyfs_ckpt_commit(saver, &info, err);
    else
        polyfs_ckpt_abort(saver);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_load(run, "latest", 0, &view, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_load_parts(view, parts, 2, POLYFS_CKPT_STRICT, NULL, NULL, err);
    if (rc == POLYFS_OK)
        w->out.info = info;
    polyfs_ckpt_view_close(view);
    polyfs_ckpt_close(run);
    return rc;
}

/* ---- ranks ------------------------------------------------------------------------------------------------------ */

static unsigned launches;

static int open_rank(struct world *w, uint32_t rank, struct polyfs_ckpt **out, struct polyfs_error *err)
{
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt_ranks ranks = POLYFS_CKPT_RANKS_INIT;
    ranks.rank = rank;
    ranks.world = 2;
    ranks.deadline_ms = 100;
    snprintf(ranks.launch, sizeof(ranks.launch), "%u", launches);
    opts.ranks = &ranks;
    opts.options = options_of(w);
    opts.keep_newest = 2;
    return polyfs_ckpt_open(url_at(w, "run"), &opts, out, err);
}

static int save_rank(struct polyfs_ckpt *run, struct polyfs_ckpt_info *info, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    opts.step = 3;
    int rc = polyfs_ckpt_begin(run, &opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_ckpt_write(saver, "weights", bytes_of("weights", 3000), 3000, err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_commit(saver, info, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

static int save_as(struct world *w, uint32_t rank, struct polyfs_ckpt_info *info, struct polyfs_error *err)
{
    struct polyfs_ckpt *run = NULL;
    int rc = open_rank(w, rank, &run, err);
    if (rc == POLYFS_OK)
        rc = save_rank(run, info, err);
    polyfs_ckpt_close(run);
    return rc;
}

/* Rank 1 has done its part. */
static void one_reported(struct world *w)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    run_of_two(w);
    launches++;
    must(save_as(w, 1, NULL, &err), "save as rank 1", &err);
}

static int call_ranks(struct world *w, struct polyfs_error *err)
{
    return save_as(w, 0, &w->out.info, err);
}

/* ---- by a thread ------------------------------------------------------------------------------------------------ */

static int save_async(struct polyfs_ckpt_async *async, uint64_t *ticket, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts = POLYFS_CKPT_SAVE_OPTS_INIT;
    struct polyfs_ckpt_saver *saver;
    opts.step = 3;
    int rc = polyfs_ckpt_async_begin(async, &opts, 0, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = write_both(saver, err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_async_commit(async, saver, ticket, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

static int call_async(struct world *w, struct polyfs_error *err)
{
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_async *async = NULL;
    struct polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
    uint64_t ticket = 0;
    int rc = run_open(w, 0, &run, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_async_new(run, NULL, &async, err);
    if (rc == POLYFS_OK)
        rc = save_async(async, &ticket, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_async_wait(async, ticket, 60000, &info, err);
    polyfs_ckpt_async_close(async, NULL);
    polyfs_ckpt_close(run);
    if (rc == POLYFS_OK)
        w->out.info = info;
    return rc;
}

const struct scenario content_scenarios[] = {
    {"ckpt_tensors", ON_ALL | OWN_STATE | COPES, run_of_two, call_save, run_check_save, NULL, NULL, run_settled},
    {"ckpt_tensors_load", ON_BOTH | OWN_STATE, tensors_saved, call_load, check_load, NULL, NULL, run_settled},
    {"ckpt_parts", ON_MEMORY | OWN_STATE | COPES, run_of_two, call_parts, run_check_save, NULL, NULL, run_settled},
    {"ckpt_ranks", ON_BOTH | OWN_STATE | COPES | AFRESH, one_reported, call_ranks, run_check_save, NULL, NULL,
     run_settled},
    {"ckpt_async", ON_BOTH | OWN_STATE | COPES, run_of_two, call_async, run_check_save, NULL, NULL, run_settled},
    {"tensors_export", ON_BOTH, file_of_tensors, call_export, NULL, NULL, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
