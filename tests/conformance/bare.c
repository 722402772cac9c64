/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store with nothing but what the contract requires, made of the memory plugin by taking the rest away: no reader, no
 * copy, no rename, no batch, no sub filesystem, no append, and every call counts as one across a network. What core
 * makes of other slots is so proven by the same cases. Option `copies`: the store copies itself, up to 1 MiB at a time
 * and in parts beyond, as object stores do.
 */
#include <pthread.h>

#include "memory.h"
#include "store.h"

#define COPY_MAX (UINT64_C(1) << 20)

static const struct polyfs_option options[] = {
    {"store", "", "", POLYFS_OPTION_STRING, 0, "bare", NULL, "name of the store"},
    {"max_bytes", "", "", POLYFS_OPTION_SIZE, 0, "1GiB", NULL, "most memory that the store may take"},
    {"copies", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL, "the store copies itself"},
    {"shapes", "", "", POLYFS_OPTION_INT, 0, "15", NULL, "enum polyfs_shape, or'ed"},
    {"condition_shapes", "", "", POLYFS_OPTION_INT, 0, "15", NULL, "those of them that honour conditions"},
};

struct bare {
    void *memory;
    int copies;
    uint32_t shapes, condition_shapes;
};

/*
 * Stands for a library that is not fork-safe: a lock that a child inherits locked for ever, if a fork happens while a
 * thread is inside. So every call goes through a fork section, and a gate that fails hangs a child.
 */
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

static void library_call(void)
{
    static volatile unsigned work;
    memory_host->section_enter();
    pthread_mutex_lock(&library);
    for (unsigned i = 0; i < 2000; i++)
        work = work + 1;
    pthread_mutex_unlock(&library);
    memory_host->section_leave();
}

/* The memory filesystem of a call that counts as one request. */
static void *memory_of(struct polyfs_call *call, void *fs)
{
    library_call();
    call->requests = 1;
    return ((struct bare *)fs)->memory;
}

static struct polyfs_fs_ops fs_ops;
static struct polyfs_lister_ops lister_ops;
static struct polyfs_upload_ops upload_ops;
static struct polyfs_placed_ops placed_ops;
static struct polyfs_stream_ops stream_ops;

static int bare_open(struct polyfs_call *call, const struct polyfs_options *given, const struct polyfs_inner *inner,
                     void **out_fs, struct polyfs_error *err)
{
    struct bare *bare = memory_host->alloc(sizeof(*bare));
    if (!bare)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory to open it");
    int rc = memory_fs_ops.open(call, given, inner, &bare->memory, err);
    bare->copies = memory_host->option_number(given, "copies") != 0;
    bare->shapes = (uint32_t)memory_host->option_number(given, "shapes");
    bare->condition_shapes = (uint32_t)memory_host->option_number(given, "condition_shapes");
    if (rc == POLYFS_OK)
        *out_fs = bare;
    else
        memory_host->free(bare);
    return rc;
}

static void bare_close(void *fs)
{
    struct bare *bare = fs;
    memory_fs_ops.close(bare->memory);
    memory_host->free(bare);
}

static const uint8_t taken_away[] = {
    POLYFS_FACT_COPY,         POLYFS_FACT_COPY_PART,         POLYFS_FACT_COPY_CONDITION, POLYFS_FACT_COMPOSE,
    POLYFS_FACT_RENAME,       POLYFS_FACT_RENAME_ATOMIC,     POLYFS_FACT_RENAME_DIR,     POLYFS_FACT_APPEND,
    POLYFS_FACT_REMOVE_MANY,  POLYFS_FACT_RENAME_NO_REPLACE, POLYFS_FACT_REMOVE_TREE,    POLYFS_FACT_CONFINE,
    POLYFS_FACT_SET_METADATA, POLYFS_FACT_SET_TIMES,         POLYFS_FACT_LIST_UPLOADS,   POLYFS_FACT_START_AFTER,
};

static int bare_caps(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                     struct polyfs_caps *out, struct polyfs_error *err)
{
    const struct bare *bare = fs;
    int rc = memory_fs_ops.caps(call, bare->memory, path, path_len, flags, out, err);
    if (rc != POLYFS_OK)
        return rc;
    for (size_t i = 0; i < sizeof(taken_away); i++)
        out->fact[taken_away[i]] = POLYFS_NO;
    out->fact[POLYFS_FACT_NETWORK] = POLYFS_YES;
    out->shapes &= bare->shapes;
    out->condition_shapes &= bare->shapes & bare->condition_shapes;
    if (bare->copies) {
        out->fact[POLYFS_FACT_COPY] = out->fact[POLYFS_FACT_COPY_PART] = POLYFS_YES;
        out->fact[POLYFS_FACT_COPY_CONDITION] = POLYFS_YES;
        out->copy_max = COPY_MAX;
    }
    return POLYFS_OK;
}

static int bare_copy(struct polyfs_call *call, void *fs, const struct polyfs_source *source, const char *target,
                     uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                     struct polyfs_stat *out, struct polyfs_error *err)
{
    struct bare *bare = fs;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int rc =
        memory_fs_ops.stat(call, bare->memory, source->path, source->path_len, source->version, &stat, NULL, err);
    if (rc == POLYFS_OK && stat.size > COPY_MAX)
        rc = polyfs_fail(err, POLYFS_TOO_LARGE, "it is too large for one copy");
    if (rc == POLYFS_OK && !step->cursor) { /* in two rounds, as large copies go */
        step->poll_after_ms = 1;
        return memory_host->text_set(step->next, "2", 1) == POLYFS_OK
                   ? POLYFS_MORE
                   : polyfs_fail(err, POLYFS_NOMEM, "no memory for a cursor");
    }
    struct polyfs_step first = {.struct_size = sizeof(first)};
    if (rc == POLYFS_OK)
        rc = memory_fs_ops.copy(call, bare->memory, source, target, target_len, request, &first, out, err);
    return rc;
}

/* Every other slot is memory's own, with its filesystem in the place of ours. */
static int bare_stat(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                     struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    return memory_fs_ops.stat(call, memory_of(call, fs), path, path_len, version, out, meta, err);
}

static int bare_get(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                    const struct polyfs_get_request *request, void *buffer, uint64_t *out_n,
                    struct polyfs_stat *out, struct polyfs_error *err)
{
    return memory_fs_ops.get(call, memory_of(call, fs), path, path_len, request, buffer, out_n, out, err);
}

static int bare_put(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const void *data,
                    uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
                    struct polyfs_error *err)
{
    return memory_fs_ops.put(call, memory_of(call, fs), path, path_len, data, size, request, out, err);
}

static int bare_remove(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                       const struct polyfs_condition *condition, struct polyfs_error *err)
{
    return memory_fs_ops.remove(call, memory_of(call, fs), path, path_len, version, condition, err);
}

static int bare_mkdir(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                      struct polyfs_error *err)
{
    return memory_fs_ops.mkdir(call, ((struct bare *)fs)->memory, path, path_len, flags, err);
}

static int bare_rmdir(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                      struct polyfs_error *err)
{
    return memory_fs_ops.rmdir(call, memory_of(call, fs), path, path_len, flags, err);
}

static int bare_list(struct polyfs_call *call, void *fs, const char *prefix, uint64_t prefix_len,
                     const struct polyfs_list_request *request, void **out_lister, struct polyfs_error *err)
{
    if (request->start_after)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "listings begin at the beginning");
    return memory_lister_ops.open(call, ((struct bare *)fs)->memory, prefix, prefix_len, request, out_lister, err);
}

static int bare_next(struct polyfs_call *call, void *lister, struct polyfs_page *out, struct polyfs_error *err)
{
    call->requests = 1;
    return memory_lister_ops.next(call, lister, out, err);
}

/* A shape that says that it honours no conditions is never given one. */
static int check_condition(const struct bare *bare, uint32_t shape, const struct polyfs_put_request *request,
                           struct polyfs_error *err)
{
    if (bare->condition_shapes & shape || (!request->condition.create_only && !request->condition.if_match))
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_PLUGIN, "core writes under a condition in a shape that honours none");
}

static int bare_start(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                      const struct polyfs_put_request *request, struct polyfs_text *out_id,
                      struct polyfs_error *err)
{
    int rc = check_condition(fs, POLYFS_SHAPE_PARTS, request, err);
    return rc == POLYFS_OK
               ? memory_upload_ops.start(call, memory_of(call, fs), path, path_len, request, out_id, err)
               : rc;
}

static int bare_part(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *upload_id,
                     uint32_t number, const void *data, uint64_t size, const struct polyfs_checksum *checksum,
                     struct polyfs_part *out, struct polyfs_error *err)
{
    return memory_upload_ops.part(call, memory_of(call, fs), path, path_len, upload_id, number, data, size,
                                  checksum, out, err);
}

static int bare_copy_part(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                          const char *upload_id, uint32_t number, const struct polyfs_source *source,
                          uint64_t offset, uint64_t size, struct polyfs_part *out, struct polyfs_error *err)
{
    return memory_upload_ops.copy_part(call, memory_of(call, fs), path, path_len, upload_id, number, source, offset,
                                       size, out, err);
}

static int bare_complete(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                         const char *upload_id, const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                         const struct polyfs_put_request *request, struct polyfs_stat *out,
                         struct polyfs_error *err)
{
    return memory_upload_ops.complete(call, memory_of(call, fs), path, path_len, upload_id, parts, count, stride,
                                      request, out, err);
}

static int bare_abort(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                      const char *upload_id, struct polyfs_error *err)
{
    return memory_upload_ops.abort(call, memory_of(call, fs), path, path_len, upload_id, err);
}

static int bare_placed(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                       const struct polyfs_put_request *request, void **out, struct polyfs_error *err)
{
    int rc = check_condition(fs, POLYFS_SHAPE_PLACED, request, err);
    return rc == POLYFS_OK ? memory_placed_ops.open(call, memory_of(call, fs), path, path_len, request, out, err)
                           : rc;
}

static int bare_stream(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                       const struct polyfs_put_request *request, struct polyfs_step *step, void **out,
                       struct polyfs_error *err)
{
    return memory_stream_ops.open(call, memory_of(call, fs), path, path_len, flags, request, step, out, err);
}

static void tables_make(void)
{
    fs_ops = (struct polyfs_fs_ops){.struct_size = sizeof(fs_ops),
                                    .open = bare_open,
                                    .close = bare_close,
                                    .caps = bare_caps,
                                    .stat = bare_stat,
                                    .get = bare_get,
                                    .put = bare_put,
                                    .remove = bare_remove,
                                    .copy = bare_copy,
                                    .mkdir = bare_mkdir,
                                    .rmdir = bare_rmdir};
    lister_ops = memory_lister_ops;
    lister_ops.open = bare_list;
    lister_ops.next = bare_next;
    upload_ops = (struct polyfs_upload_ops){.struct_size = sizeof(upload_ops),
                                            .start = bare_start,
                                            .part = bare_part,
                                            .copy_part = bare_copy_part,
                                            .complete = bare_complete,
                                            .abort = bare_abort};
    placed_ops = memory_placed_ops;
    placed_ops.open = bare_placed;
    stream_ops = memory_stream_ops;
    stream_ops.open = bare_stream;
}

static const struct polyfs_plugin plugin = {
    .magic = POLYFS_PLUGIN_MAGIC,
    .struct_size = sizeof(struct polyfs_plugin),
    .abi_major = POLYFS_PLUGIN_MAJOR,
    .abi_minor = POLYFS_PLUGIN_MINOR,
    .name = "bare",
    .version = "0.1.0",
    .summary = "A store with the required slots alone",
    .protocols = "bare",
    .authority = "none",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_stride = sizeof(options[0]),
    .fs = &fs_ops,
    .lister = &lister_ops,
    .upload = &upload_ops,
    .placed = &placed_ops,
    .stream = &stream_ops,
};

/* Memory's own entry is in this file's place: core calls ours, and memory's state is set up by its own. */
int polyfs_plugin_v1_memory(const struct polyfs_host *host, const struct polyfs_plugin **out,
                            struct polyfs_error *err);

POLYFS_API polyfs_plugin_entry polyfs_plugin_v1;

int polyfs_plugin_v1(const struct polyfs_host *host, const struct polyfs_plugin **out, struct polyfs_error *err)
{
    const struct polyfs_plugin *memory;
    int rc = polyfs_plugin_v1_memory(host, &memory, err);
    if (rc != POLYFS_OK)
        return rc;
    tables_make();
    *out = &plugin;
    return POLYFS_OK;
}
