/* SPDX-License-Identifier: Apache-2.0 */
/* The filesystem of sink.h: its options, its table of objects, reading, listing. */
#include "sink.h"

#include <stdio.h>

#include "pattern.h"

const struct polyfs_host *sink_host;

static const struct polyfs_option options[] = {
    {"store", "", "", POLYFS_OPTION_STRING, 0, "one", NULL, "name of the store"},
    {"shape", "", "", POLYFS_OPTION_CHOICE, 0, "all", "all put parts placed stream", "shapes of writing it has"},
    {"every", "", "", POLYFS_OPTION_SIZE, 0, "8", NULL, "bytes from one word of the pattern to the next"},
    {"put_max", "", "", POLYFS_OPTION_SIZE, 0, "0", NULL, "bytes of one put; 0 for no limit"},
    {"source_bytes", "", "", POLYFS_OPTION_SIZE, 0, "0", NULL, "size of the object `source`; 0: there is none"},
    {"network", "", "", POLYFS_OPTION_BOOL, 0, "true", NULL, "count as a store across a network"},
    {"zeroed", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL, "readers give memory that holds zeros"},
};

/* ---- the table of objects -------------------------------------------------------------------------------------- */

struct sink_object *sink_find_locked(struct sink *sink, const char *path)
{
    for (unsigned i = 0; i < sink->count; i++)
        if (strcmp(sink->objects[i].name, path) == 0)
            return &sink->objects[i];
    return NULL;
}

static void describe(const struct sink_object *object, struct polyfs_stat *out)
{
    if (!out)
        return;
    out->type = POLYFS_TYPE_FILE;
    out->size = object->size;
    snprintf(out->etag, sizeof(out->etag), "%llu", (unsigned long long)object->serial);
}

static int find(struct sink *sink, const char *path, struct sink_object *out, struct polyfs_error *err)
{
    pthread_mutex_lock(&sink->mu);
    const struct sink_object *object = sink_find_locked(sink, path);
    if (object)
        *out = *object;
    pthread_mutex_unlock(&sink->mu);
    return object ? POLYFS_OK : polyfs_fail(err, POLYFS_NOT_FOUND, "there is no such object");
}

static int allowed(const struct sink_object *object, const struct polyfs_condition *condition,
                   struct polyfs_error *err)
{
    char etag[24];
    if (condition->create_only && object)
        return polyfs_fail(err, POLYFS_EXISTS, "it is there already");
    snprintf(etag, sizeof(etag), "%llu", object ? (unsigned long long)object->serial : 0);
    if (condition->if_match && strcmp(condition->if_match, etag) != 0)
        return polyfs_fail(err, POLYFS_CONDITION, "it has another etag");
    return POLYFS_OK;
}

int sink_publish(struct sink *sink, const char *path, uint64_t size, const struct polyfs_put_request *request,
                 struct polyfs_stat *out, struct polyfs_error *err)
{
    if (strlen(path) >= SINK_NAME_ROOM || strchr(path, '/'))
        return polyfs_fail(err, POLYFS_INVALID, "names are short and without '/' here");
    pthread_mutex_lock(&sink->mu);
    struct sink_object *object = sink_find_locked(sink, path);
    int rc = allowed(object, &request->condition, err);
    if (rc == POLYFS_OK && !object && sink->count < SINK_OBJECTS_MAX) {
        object = &sink->objects[sink->count++];
        snprintf(object->name, sizeof(object->name), "%s", path);
    }
    if (rc == POLYFS_OK && !object)
        rc = polyfs_fail(err, POLYFS_NO_SPACE, "it holds %d objects at most", SINK_OBJECTS_MAX);
    if (rc == POLYFS_OK) {
        object->size = size;
        object->serial = ++sink->serial;
        describe(object, out);
    }
    pthread_mutex_unlock(&sink->mu);
    return rc;
}

int sink_check(const struct sink *sink, const void *data, uint64_t offset, uint64_t size, struct polyfs_error *err)
{
    return pattern_holds(data, offset, size, sink->every)
               ? POLYFS_OK
               : polyfs_fail(err, POLYFS_CORRUPT, "%llu bytes are not those that stand at byte %llu",
                             (unsigned long long)size, (unsigned long long)offset);
}

/* ---- the filesystem ----------------------------------------------------------------------------------------------- */

static uint32_t shapes_of(const char *name)
{
    static const struct {
        const char *name;
        uint32_t shapes;
    } rows[] = {{"put", POLYFS_SHAPE_PUT},
                {"parts", POLYFS_SHAPE_PARTS},
                {"placed", POLYFS_SHAPE_PLACED},
                {"stream", POLYFS_SHAPE_STREAM}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].shapes;
    return POLYFS_SHAPE_PUT | POLYFS_SHAPE_PARTS | POLYFS_SHAPE_PLACED | POLYFS_SHAPE_STREAM;
}

static int sink_open(struct polyfs_call *call, const struct polyfs_options *given, const struct polyfs_inner *inner,
                     void **out_fs, struct polyfs_error *err)
{
    struct sink *sink = sink_host->alloc(sizeof(*sink));
    (void)call, (void)inner;
    if (!sink)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory to open it");
    *sink = (struct sink){.shapes = shapes_of(sink_host->option(given, "shape")),
                          .every = (uint64_t)sink_host->option_number(given, "every"),
                          .put_max = (uint64_t)sink_host->option_number(given, "put_max"),
                          .network = sink_host->option_number(given, "network") != 0,
                          .zeroed = sink_host->option_number(given, "zeroed") != 0};
    pthread_mutex_init(&sink->mu, NULL);
    int64_t source_bytes = sink_host->option_number(given, "source_bytes");
    if (source_bytes)
        sink->objects[sink->count++] =
            (struct sink_object){.name = "source", .size = (uint64_t)source_bytes, .serial = ++sink->serial};
    *out_fs = sink;
    return POLYFS_OK;
}

static void sink_close(void *fs)
{
    struct sink *sink = fs;
    pthread_mutex_destroy(&sink->mu);
    sink_host->free(sink);
}

static int sink_caps(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                     struct polyfs_caps *out, struct polyfs_error *err)
{
    static const uint8_t has[] = {POLYFS_FACT_FLAT_LIST,      POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_IF_MATCH,
                                  POLYFS_FACT_READ_CONDITION, POLYFS_FACT_PINNED_READ, POLYFS_FACT_CASE_SENSITIVE};
    const struct sink *sink = fs;
    (void)call, (void)path, (void)path_len, (void)flags, (void)err;
    memset(out->fact, POLYFS_NO, sizeof(out->fact));
    for (size_t i = 0; i < sizeof(has); i++)
        out->fact[has[i]] = POLYFS_YES;
    out->fact[POLYFS_FACT_NETWORK] = sink->network ? POLYFS_YES : POLYFS_NO;
    out->shapes = out->condition_shapes = sink->shapes;
    out->put_max = sink->put_max;
    snprintf(out->limit_key, sizeof(out->limit_key), "sink");
    return POLYFS_OK;
}

static int sink_stat(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                     struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    struct sink_object object;
    (void)path_len, (void)version, (void)meta;
    call->requests = 1;
    int rc = find(fs, path, &object, err);
    if (rc == POLYFS_OK)
        describe(&object, out);
    return rc;
}

static int sink_get(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                    const struct polyfs_get_request *request, void *buffer, uint64_t *out_n,
                    struct polyfs_stat *out, struct polyfs_error *err)
{
    const struct sink *sink = fs;
    struct sink_object object;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    (void)path_len;
    call->requests = 1;
    int rc = find(fs, path, &object, err);
    if (rc != POLYFS_OK)
        return rc;
    describe(&object, &stat);
    if (request->condition.if_match && strcmp(request->condition.if_match, stat.etag) != 0)
        return polyfs_fail(err, POLYFS_CHANGED, "it has another etag");
    if (request->offset > object.size)
        return polyfs_fail(err, POLYFS_RANGE, "the range begins behind the end");
    uint64_t left = object.size - request->offset, n = request->length < left ? request->length : left;
    pattern_fill(buffer, request->offset, n, sink->every, sink->zeroed);
    *out_n = call->bytes_done = n;
    describe(&object, out);
    return POLYFS_OK;
}

/* ---- listing: one page of copies ----------------------------------------------------------------------------------- */

struct sink_lister {
    struct polyfs_entry rows[SINK_OBJECTS_MAX];
    struct sink_object objects[SINK_OBJECTS_MAX];
    unsigned count;
};

static int sink_list_open(struct polyfs_call *call, void *fs, const char *prefix, uint64_t prefix_len,
                          const struct polyfs_list_request *request, void **out_lister, struct polyfs_error *err)
{
    struct sink *sink = fs;
    struct sink_lister *lister = sink_host->alloc(sizeof(*lister));
    (void)call, (void)request;
    if (!lister)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory to list");
    memset(lister, 0, sizeof(*lister));
    pthread_mutex_lock(&sink->mu);
    for (unsigned i = 0; i < sink->count; i++) {
        if (strncmp(sink->objects[i].name, prefix, prefix_len) != 0)
            continue;
        struct sink_object *object = &lister->objects[lister->count];
        *object = sink->objects[i];
        lister->rows[lister->count++] = (struct polyfs_entry){.path = object->name,
                                                              .path_len = strlen(object->name),
                                                              .type = POLYFS_TYPE_FILE,
                                                              .size = object->size,
                                                              .mtime_ns = POLYFS_TIME_UNKNOWN};
    }
    pthread_mutex_unlock(&sink->mu);
    *out_lister = lister;
    return POLYFS_OK;
}

static int sink_list_next(struct polyfs_call *call, void *self, struct polyfs_page *out, struct polyfs_error *err)
{
    const struct sink_lister *lister = self;
    (void)err;
    call->requests = 1;
    out->entries = lister->rows;
    out->stride = sizeof(lister->rows[0]);
    out->count = lister->count;
    return POLYFS_OK;
}

static void sink_list_close(void *self)
{
    sink_host->free(self);
}

/* ---- the description ------------------------------------------------------------------------------------------------ */

static const struct polyfs_fs_ops fs_ops = {
    .struct_size = sizeof(struct polyfs_fs_ops),
    .open = sink_open,
    .close = sink_close,
    .caps = sink_caps,
    .stat = sink_stat,
    .get = sink_get,
    .put = sink_put,
};

static const struct polyfs_lister_ops lister_ops = {
    .struct_size = sizeof(struct polyfs_lister_ops),
    .open = sink_list_open,
    .next = sink_list_next,
    .close = sink_list_close,
};

static const struct polyfs_plugin plugin = {
    .magic = POLYFS_PLUGIN_MAGIC,
    .struct_size = sizeof(struct polyfs_plugin),
    .abi_major = POLYFS_PLUGIN_MAJOR,
    .abi_minor = POLYFS_PLUGIN_MINOR,
    .name = "sink",
    .version = "0.1.0",
    .summary = "A store that compares bytes and keeps none",
    .protocols = "sink",
    .authority = "none",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_stride = sizeof(options[0]),
    .fs = &fs_ops,
    .lister = &lister_ops,
    .upload = &sink_upload_ops,
    .placed = &sink_placed_ops,
    .stream = &sink_stream_ops,
};

POLYFS_API polyfs_plugin_entry polyfs_plugin_v1;

int polyfs_plugin_v1(const struct polyfs_host *host, const struct polyfs_plugin **out, struct polyfs_error *err)
{
    (void)err;
    sink_host = host;
    *out = &plugin;
    return POLYFS_OK;
}
