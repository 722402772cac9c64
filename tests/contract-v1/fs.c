/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs on one path. */
#include "store.h"

int v1_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
            void **out_fs, struct polyfs_error *err)
{
    struct store *store;
    if (inner)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "it is a store, not a layer");
    store = polyfs_go_on(v1_host, call, err) == POLYFS_OK ? v1_host->alloc(sizeof(*store)) : NULL;
    if (!store)
        return err->code ? err->code : v1_no_memory(err);
    store->max_bytes = (uint64_t)v1_host->option_number(options, "max_bytes");
    *out_fs = store;
    return POLYFS_OK;
}

void v1_close(void *fs)
{
    v1_host->free(fs);
}

int v1_caps(PATH, uint32_t flags, struct polyfs_caps *out, struct polyfs_error *err)
{
    (void)path;
    (void)path_len;
    if (flags & ~POLYFS_CAPS_PROBE)
        return v1_unknown(err);
    out->shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_PARTS | POLYFS_SHAPE_PLACED | POLYFS_SHAPE_STREAM;
    out->condition_shapes = out->shapes;
    out->part_min = 1;
    out->object_max = ((const struct store *)fs)->max_bytes;
    out->parts_max = PARTS_MAX;
    out->remove_many_max = MANY_MAX;
    out->compose_max = COMPOSE_MAX;
    out->stored_checksums = (uint32_t)POLYFS_CHECKSUM_CRC32C | (uint32_t)POLYFS_CHECKSUM_CRC64NVME;
    out->cancel_bound_ms = 100;
    out->mtime_resolution_ns = 1;
    snprintf(out->limit_key, sizeof(out->limit_key), "contract_v1");
    polyfs_facts(out, POLYFS_FACT_FLAT_LIST, POLYFS_FACT_ORDERED_LIST, POLYFS_FACT_START_AFTER,
                 POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_IF_MATCH, POLYFS_FACT_COPY_CONDITION,
                 POLYFS_FACT_READ_CONDITION, POLYFS_FACT_PINNED_READ, POLYFS_FACT_SUFFIX_READ, POLYFS_FACT_METADATA,
                 POLYFS_FACT_CONTENT_TYPE, POLYFS_FACT_SET_METADATA, POLYFS_FACT_SET_TIMES, POLYFS_FACT_COPY,
                 POLYFS_FACT_COPY_PART, POLYFS_FACT_COMPOSE, POLYFS_FACT_RENAME, POLYFS_FACT_RENAME_ATOMIC,
                 POLYFS_FACT_RENAME_NO_REPLACE, POLYFS_FACT_RENAME_CONDITION, POLYFS_FACT_APPEND,
                 POLYFS_FACT_REMOVE_MANY, POLYFS_FACT_REMOVE_TREE, POLYFS_FACT_LIST_UPLOADS,
                 POLYFS_FACT_STORED_CHECKSUM, POLYFS_FACT_REMOVE_CONDITION, POLYFS_FACT_CASE_SENSITIVE,
                 POLYFS_FACT_ANY_BYTES, POLYFS_FACT_COUNT);
    return polyfs_go_on(v1_host, call, err);
}

int v1_stat(PATH, const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    (void)fs;
    if (version)
        return v1_unknown(err);
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    const struct object *object = v1_find(path);
    if (object)
        rc = v1_meta_tell(object, meta, err);
    else if (path_len)
        rc = v1_not_found(err);
    if (rc == POLYFS_OK && object)
        v1_stat_of(object, out);
    else if (rc == POLYFS_OK) { /* the root */
        out->type = POLYFS_TYPE_DIR;
        out->size = 0;
    }
    v1_leave();
    return rc;
}

int v1_get(PATH, const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
           struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    uint64_t offset, length;
    (void)fs;
    (void)path_len;
    if (request->version)
        return v1_unknown(err);
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    const struct object *object = v1_find(path);
    if (object)
        v1_stat_of(object, &stat);
    rc = object ? polyfs_get_check(request, &stat, &offset, &length, err) : v1_not_found(err);
    if (rc == POLYFS_OK && (rc = v1_meta_tell(object, request->meta, err)) == POLYFS_OK) {
        if (length)
            memcpy(buffer, object->content->bytes + offset, length);
        call->bytes_done = *out_n = length;
        if (out)
            v1_stat_of(object, out);
    }
    v1_leave();
    return rc;
}

int v1_put(PATH, const void *data, uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
           struct polyfs_error *err)
{
    int rc = v1_request_check(request, 0, err);
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    struct content *content = v1_content_new(size);
    if (content)
        v1_content_add(content, data, size);
    rc = content ? v1_publish(fs, path, path_len, content, request, NULL, out, err) : v1_no_memory(err);
    v1_content_drop(content);
    v1_leave();
    return rc;
}

const void *v1_query(void *fs, const char *id)
{
    (void)fs;
    (void)id;
    return NULL;
}
