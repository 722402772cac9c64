/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The submit forms: one closure a verb. A closure holds the arguments as the caller gave them, and calls the blocking
 * form on a coordinator; callbacks in them are replaced by steps that run the caller's own inside polyfs_op_wait().
 */
#include "core/op.h"

static int submit(pfs_op_run *run, const void *args, size_t size, struct polyfs_op **out_op,
                  struct polyfs_error *err)
{
    int rc = pfs_op_make(run, args, size, out_op, NULL, err);
    return rc == POLYFS_OK ? pfs_op_start(out_op, err) : rc;
}

#define SUBMIT(run, args, out_op, err) submit(run, &(args), sizeof(args), out_op, err)

/* ---- get, put, copy ---------------------------------------------------------------------------------------------- */

struct get_args {
    struct polyfs_fs *fs;
    const char *path;
    const struct polyfs_read_opts *opts;
    void **out_data;
    size_t *out_n;
    struct polyfs_stat *out_stat;
};

static int run_get(void *args, struct polyfs_error *err)
{
    const struct get_args *a = args;
    return polyfs_get_all(a->fs, a->path, a->opts, a->out_data, a->out_n, a->out_stat, err);
}

int polyfs_get_all_submit(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts,
                          void **out_data, size_t *out_n, struct polyfs_stat *out_stat, struct polyfs_op **out_op,
                          struct polyfs_error *err)
{
    struct get_args args = {fs, path, opts, out_data, out_n, out_stat};
    return SUBMIT(run_get, args, out_op, err);
}

struct put_args {
    struct polyfs_fs *fs;
    const char *path;
    const void *data;
    size_t size;
    const struct polyfs_write_opts *opts;
    struct polyfs_stat *out_stat;
};

static int run_put(void *args, struct polyfs_error *err)
{
    const struct put_args *a = args;
    return polyfs_put(a->fs, a->path, a->data, a->size, a->opts, a->out_stat, err);
}

int polyfs_put_submit(struct polyfs_fs *fs, const char *path, const void *data, size_t size,
                      const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat, struct polyfs_op **out_op,
                      struct polyfs_error *err)
{
    struct put_args args = {fs, path, data, size, opts, out_stat};
    return SUBMIT(run_put, args, out_op, err);
}

struct copy_args {
    struct polyfs_fs *source_fs, *target_fs;
    const char *source, *target;
    const struct polyfs_write_opts *opts;
    struct polyfs_stat *out_stat;
};

static int run_copy(void *args, struct polyfs_error *err)
{
    const struct copy_args *a = args;
    return polyfs_copy(a->source_fs, a->source, a->target_fs, a->target, a->opts, a->out_stat, err);
}

int polyfs_copy_submit(struct polyfs_fs *source_fs, const char *source, struct polyfs_fs *target_fs,
                       const char *target, const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat,
                       struct polyfs_op **out_op, struct polyfs_error *err)
{
    struct copy_args args = {source_fs, target_fs, source, target, opts, out_stat};
    return SUBMIT(run_copy, args, out_op, err);
}

/* ---- many at once -------------------------------------------------------------------------------------------------- */

struct many_args {
    struct polyfs_fs *fs;
    const char *const *paths;
    size_t count;
    const struct polyfs_call_opts *opts;
    struct polyfs_stat *out;
    int *codes;
};

static int run_stat_many(void *args, struct polyfs_error *err)
{
    const struct many_args *a = args;
    return polyfs_stat_many(a->fs, a->paths, a->count, a->opts, a->out, a->codes, err);
}

int polyfs_stat_many_submit(struct polyfs_fs *fs, const char *const *paths, size_t count,
                            const struct polyfs_call_opts *opts, struct polyfs_stat *out, int *codes,
                            struct polyfs_op **out_op, struct polyfs_error *err)
{
    struct many_args args = {fs, paths, count, opts, out, codes};
    return SUBMIT(run_stat_many, args, out_op, err);
}

static int run_remove_many(void *args, struct polyfs_error *err)
{
    const struct many_args *a = args;
    return polyfs_remove_many(a->fs, a->paths, a->count, a->opts, a->codes, err);
}

int polyfs_remove_many_submit(struct polyfs_fs *fs, const char *const *paths, size_t count,
                              const struct polyfs_call_opts *opts, int *codes, struct polyfs_op **out_op,
                              struct polyfs_error *err)
{
    struct many_args args = {fs, paths, count, opts, NULL, codes};
    return SUBMIT(run_remove_many, args, out_op, err);
}

/* ---- one path -------------------------------------------------------------------------------------------------------- */

struct path_args {
    struct polyfs_fs *fs;
    const char *path;
    const struct polyfs_call_opts *opts;
    const struct polyfs_list_opts *list_opts;
    uint32_t kind;
    struct polyfs_checksum *checksum;
    struct polyfs_usage *usage;
};

static int run_remove_tree(void *args, struct polyfs_error *err)
{
    const struct path_args *a = args;
    return polyfs_remove_tree(a->fs, a->path, a->opts, err);
}

int polyfs_remove_tree_submit(struct polyfs_fs *fs, const char *path, const struct polyfs_call_opts *opts,
                              struct polyfs_op **out_op, struct polyfs_error *err)
{
    struct path_args args = {.fs = fs, .path = path, .opts = opts};
    return SUBMIT(run_remove_tree, args, out_op, err);
}

static int run_checksum(void *args, struct polyfs_error *err)
{
    const struct path_args *a = args;
    return polyfs_checksum(a->fs, a->path, a->kind, a->opts, a->checksum, err);
}

int polyfs_checksum_submit(struct polyfs_fs *fs, const char *path, uint32_t kind,
                           const struct polyfs_call_opts *opts, struct polyfs_checksum *out,
                           struct polyfs_op **out_op, struct polyfs_error *err)
{
    struct path_args args = {.fs = fs, .path = path, .opts = opts, .kind = kind, .checksum = out};
    return SUBMIT(run_checksum, args, out_op, err);
}

static int run_du(void *args, struct polyfs_error *err)
{
    const struct path_args *a = args;
    return polyfs_du(a->fs, a->path, a->list_opts, a->usage, err);
}

int polyfs_du_submit(struct polyfs_fs *fs, const char *path, const struct polyfs_list_opts *opts,
                     struct polyfs_usage *out, struct polyfs_op **out_op, struct polyfs_error *err)
{
    struct path_args args = {.fs = fs, .path = path, .list_opts = opts, .usage = out};
    return SUBMIT(run_du, args, out_op, err);
}

/* ---- readers and writers ----------------------------------------------------------------------------------------------- */

struct readv_args {
    struct polyfs_reader *reader;
    struct polyfs_range *ranges;
    size_t count;
    polyfs_range_fn *done;
    void *user;
    struct polyfs_op *op;
    struct polyfs_range *landed; /* the range that the callback is about */
};

static void call_range(void *data)
{
    struct readv_args *a = data;
    a->done(a->landed, a->user);
}

static void range_landed(struct polyfs_range *range, void *user)
{
    struct readv_args *a = user;
    a->landed = range;
    pfs_op_call_back(a->op, call_range, a, 0);
}

static int run_readv(void *args, struct polyfs_error *err)
{
    struct readv_args *a = args;
    return polyfs_reader_readv(a->reader, a->ranges, a->count, a->done ? range_landed : NULL, a, err);
}

int polyfs_reader_readv_submit(struct polyfs_reader *reader, struct polyfs_range *ranges, size_t count,
                               polyfs_range_fn *done, void *user, struct polyfs_op **out_op,
                               struct polyfs_error *err)
{
    struct readv_args args = {reader, ranges, count, done, user, NULL, NULL};
    void *own;
    int rc = pfs_op_make(run_readv, &args, sizeof(args), out_op, &own, err);
    if (rc != POLYFS_OK)
        return rc;
    ((struct readv_args *)own)->op = *out_op;
    return pfs_op_start(out_op, err);
}

struct commit_args {
    struct polyfs_writer *writer;
    struct polyfs_stat *out_stat;
};

static int run_commit(void *args, struct polyfs_error *err)
{
    const struct commit_args *a = args;
    return polyfs_writer_commit(a->writer, a->out_stat, err);
}

int polyfs_writer_commit_submit(struct polyfs_writer *writer, struct polyfs_stat *out_stat,
                                struct polyfs_op **out_op, struct polyfs_error *err)
{
    struct commit_args args = {writer, out_stat};
    return SUBMIT(run_commit, args, out_op, err);
}

/* ---- bulk ------------------------------------------------------------------------------------------------------------------ */

struct bulk_args {
    struct polyfs_fs *source_fs, *target_fs;
    const char *const *sources, *const *targets;
    size_t source_count, target_count;
    struct polyfs_bulk_opts opts; /* with callbacks of ours */
    struct polyfs_bulk_result *result;

    const struct polyfs_bulk_opts *given;
    struct polyfs_op *op;
    const struct polyfs_item *item; /* what the callbacks are about */
    const struct polyfs_progress *progress;
};

static void call_item(void *data)
{
    const struct bulk_args *a = data;
    a->given->on_item(a->item, a->given->user);
}

static void item_done(const struct polyfs_item *item, void *user)
{
    struct bulk_args *a = user;
    a->item = item;
    pfs_op_call_back(a->op, call_item, a, 0);
}

static void call_progress(void *data)
{
    const struct bulk_args *a = data;
    a->given->on_progress(a->progress, a->given->user);
}

static void progress_made(const struct polyfs_progress *progress, void *user)
{
    struct bulk_args *a = user;
    a->progress = progress;
    pfs_op_call_back(a->op, call_progress, a, 1);
}

static int run_bulk_copy(void *args, struct polyfs_error *err)
{
    const struct bulk_args *a = args;
    return polyfs_bulk_copy(a->source_fs, a->sources, a->source_count, a->target_fs, a->targets, a->target_count,
                            &a->opts, a->result, err);
}

static int run_bulk_move(void *args, struct polyfs_error *err)
{
    const struct bulk_args *a = args;
    return polyfs_bulk_move(a->source_fs, a->sources, a->source_count, a->target_fs, a->targets, a->target_count,
                            &a->opts, a->result, err);
}

static int run_bulk_remove(void *args, struct polyfs_error *err)
{
    const struct bulk_args *a = args;
    return polyfs_bulk_remove(a->source_fs, a->sources, a->source_count, &a->opts, a->result, err);
}

static int submit_bulk(pfs_op_run *run, struct bulk_args *args, const struct polyfs_bulk_opts *opts,
                       struct polyfs_op **out_op, struct polyfs_error *err)
{
    void *made;
    args->opts = (struct polyfs_bulk_opts)POLYFS_BULK_OPTS_INIT;
    if (opts)
        memcpy(&args->opts, opts, opts->struct_size < sizeof(*opts) ? opts->struct_size : sizeof(*opts));
    args->given = opts;
    int rc = pfs_op_make(run, args, sizeof(*args), out_op, &made, err);
    if (rc != POLYFS_OK)
        return rc;
    struct bulk_args *own = made;
    own->op = *out_op;
    own->opts.user = own;
    own->opts.on_item = own->opts.on_item ? item_done : NULL;
    own->opts.on_progress = own->opts.on_progress ? progress_made : NULL;
    return pfs_op_start(out_op, err);
}

int polyfs_bulk_copy_submit(struct polyfs_fs *source_fs, const char *const *sources, size_t source_count,
                            struct polyfs_fs *target_fs, const char *const *targets, size_t target_count,
                            const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                            struct polyfs_op **out_op, struct polyfs_error *err)
{
    struct bulk_args args = {source_fs, target_fs, sources, targets, source_count, target_count, .result = result};
    return submit_bulk(run_bulk_copy, &args, opts, out_op, err);
}

int polyfs_bulk_move_submit(struct polyfs_fs *source_fs, const char *const *sources, size_t source_count,
                            struct polyfs_fs *target_fs, const char *const *targets, size_t target_count,
                            const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                            struct polyfs_op **out_op, struct polyfs_error *err)
{
    struct bulk_args args = {source_fs, target_fs, sources, targets, source_count, target_count, .result = result};
    return submit_bulk(run_bulk_move, &args, opts, out_op, err);
}

int polyfs_bulk_remove_submit(struct polyfs_fs *fs, const char *const *paths, size_t count,
                              const struct polyfs_bulk_opts *opts, struct polyfs_bulk_result *result,
                              struct polyfs_op **out_op, struct polyfs_error *err)
{
    struct bulk_args args = {.source_fs = fs, .sources = paths, .source_count = count, .result = result};
    return submit_bulk(run_bulk_remove, &args, opts, out_op, err);
}
