/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns records of versions and metadata (version.h).
 *
 * Invariant: the records of a name are chained from the newest to the oldest, with falling generations. A record
 * belongs to the index that holds it and changes under the store's lock only; its content and its metadata are
 * immutable and counted, so that they can be taken out of the lock.
 */
#include "version.h"

#include <inttypes.h>

void memory_etag_text(uint64_t generation, char text[MEMORY_ETAG_ROOM])
{
    snprintf(text, MEMORY_ETAG_ROOM, "%016" PRIx64, generation);
}

int memory_etag_parse(const char *text, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t value = 0;
    for (int i = 0; i < 16; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return 0;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *out = value;
    return 1;
}

int memory_version_new(struct memory_fs *fs, enum memory_kind kind, struct memory_content *content,
                       struct memory_meta *meta, struct memory_version **out, struct polyfs_error *err)
{
    void *block = NULL;
    int code = memory_take(fs, sizeof(struct memory_version), &block, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_version *version = block;
    memset(version, 0, sizeof(*version));
    version->kind = kind;
    version->content = memory_content_ref(content);
    version->meta = memory_meta_ref(meta);
    *out = version;
    return POLYFS_OK;
}

static void meta_unref(struct memory_meta *meta)
{
    if (meta && atomic_fetch_sub_explicit(&meta->refs, 1, memory_order_acq_rel) == 1)
        memory_give(meta);
}

void memory_version_free(struct memory_version *version)
{
    while (version) {
        struct memory_version *older = version->older;
        memory_content_unref(version->content);
        meta_unref(version->meta);
        memory_give(version);
        version = older;
    }
}

void memory_version_auto(struct memory_version **version)
{
    memory_version_free(*version);
}

void memory_version_stamp(struct memory_version *version)
{
    version->generation = memory_generation_next();
    version->mtime_ns = memory_host->clock_ns(1);
    version->created_ns = version->mtime_ns;
}

int memory_version_has_etag(const struct memory_version *version, const char *etag)
{
    char text[MEMORY_ETAG_ROOM];
    memory_etag_text(version->generation, text);
    return strcmp(text, etag) == 0;
}

struct memory_version *memory_version_pick(struct memory_version *newest, const char *generation)
{
    while (newest && !memory_version_has_etag(newest, generation))
        newest = newest->older;
    return newest;
}

void memory_version_stat(const struct memory_store *store, const struct memory_version *version, int latest,
                         struct polyfs_stat *out)
{
    uint32_t struct_size = out->struct_size;
    memset(out, 0, sizeof(*out));
    out->struct_size = struct_size;
    out->type = version->kind == MEMORY_FOLDER ? POLYFS_TYPE_DIR : POLYFS_TYPE_FILE;
    out->size = version->content ? version->content->size : 0;
    out->mtime_ns = version->mtime_ns;
    out->created_ns = version->created_ns;
    out->uid = UINT32_MAX;
    out->gid = UINT32_MAX;
    if (version->kind == MEMORY_FOLDER)
        return;
    out->flags = latest ? POLYFS_STAT_LATEST : 0;
    out->checksum = version->checksum;
    memory_etag_text(version->generation, out->etag);
    if (store->versioning)
        memcpy(out->version, out->etag, MEMORY_ETAG_ROOM);
    if (version->meta && version->meta->content_type)
        snprintf(out->content_type, sizeof(out->content_type), "%s", version->meta->content_type);
}

struct memory_meta *memory_meta_ref(struct memory_meta *meta)
{
    if (meta)
        atomic_fetch_add_explicit(&meta->refs, 1, memory_order_relaxed);
    return meta;
}

void memory_meta_auto(struct memory_meta **meta)
{
    meta_unref(*meta);
}

static const struct polyfs_kv *pair_at(const struct polyfs_kv *pairs, uint64_t index, uint64_t stride)
{
    return (const struct polyfs_kv *)(const void *)((const char *)pairs + index * stride);
}

/* Copy a string to *room and move on; gives the copy. */
static const char *text_put(char **room, const char *text)
{
    uint64_t size = strlen(text) + 1;
    char *copy = *room;
    memcpy(copy, text, size);
    *room += size;
    return copy;
}

int memory_meta_new(struct memory_fs *fs, const char *content_type, const struct polyfs_kv *pairs, uint64_t count,
                    uint64_t stride, struct memory_meta **out, struct polyfs_error *err)
{
    *out = NULL;
    if (!content_type && count == 0)
        return POLYFS_OK;
    uint64_t bytes = content_type ? strlen(content_type) + 1 : 0;
    for (uint64_t i = 0; i < count; i++)
        bytes += strlen(pair_at(pairs, i, stride)->key) + strlen(pair_at(pairs, i, stride)->value) + 2;
    void *block = NULL;
    uint64_t head = sizeof(struct memory_meta) + count * sizeof(struct polyfs_kv);
    int code = memory_take(fs, head + bytes, &block, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_meta *meta = block;
    char *room = (char *)block + head;
    atomic_init(&meta->refs, 1);
    meta->content_type = content_type ? text_put(&room, content_type) : NULL;
    meta->count = count;
    for (uint64_t i = 0; i < count; i++) {
        meta->pairs[i].key = text_put(&room, pair_at(pairs, i, stride)->key);
        meta->pairs[i].value = text_put(&room, pair_at(pairs, i, stride)->value);
    }
    *out = meta;
    return POLYFS_OK;
}

static int is_named(const struct polyfs_put_request *request, const char *key)
{
    for (uint64_t i = 0; i < request->metadata_count; i++)
        if (strcmp(pair_at(request->metadata, i, request->metadata_stride)->key, key) == 0)
            return 1;
    return 0;
}

/* Rows of the base that the write does not name, then those of the write. */
static uint64_t rows_join(const struct memory_meta *base, const struct polyfs_put_request *request,
                          struct polyfs_kv *rows)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < base->count; i++)
        if (!is_named(request, base->pairs[i].key))
            rows[count++] = base->pairs[i];
    for (uint64_t i = 0; i < request->metadata_count; i++)
        rows[count++] = *pair_at(request->metadata, i, request->metadata_stride);
    return count;
}

int memory_meta_merge(struct memory_fs *fs, const struct polyfs_put_request *request, struct memory_meta *base,
                      struct memory_meta **out, struct polyfs_error *err)
{
    if (!base)
        return memory_meta_new(fs, request->content_type, request->metadata, request->metadata_count,
                               request->metadata_stride, out, err);
    if (!request->content_type && request->metadata_count == 0) {
        *out = memory_meta_ref(base);
        return POLYFS_OK;
    }
    const char *type = request->content_type ? request->content_type : base->content_type;
    if (request->metadata_count == 0)
        return memory_meta_new(fs, type, base->pairs, base->count, sizeof(struct polyfs_kv), out, err);
    struct polyfs_kv *rows = memory_borrow((base->count + request->metadata_count) * sizeof(*rows), err);
    if (!rows)
        return POLYFS_NOMEM;
    int code = memory_meta_new(fs, type, rows, rows_join(base, request, rows), sizeof(*rows), out, err);
    memory_host->free(rows);
    return code;
}

int memory_meta_tell(const struct memory_meta *meta, struct polyfs_pairs *out, struct polyfs_error *err)
{
    for (uint64_t i = 0; out && meta && i < meta->count; i++)
        if (memory_host->pair_add(out, meta->pairs[i].key, meta->pairs[i].value) != POLYFS_OK)
            return polyfs_fail(err, POLYFS_NOMEM, "there is no memory for the metadata");
    return POLYFS_OK;
}
