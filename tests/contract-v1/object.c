/* SPDX-License-Identifier: Apache-2.0 */
/* The objects: their bytes, their metadata, and the commit that every write ends in. All under the lock. */
#include "store.h"

struct object *v1_objects;
uint64_t v1_generations;

/* ---- bytes --------------------------------------------------------------------------------------------------------- */

struct content *v1_content_new(uint64_t size)
{
    struct content *content = v1_host->alloc(sizeof(*content) + size);
    if (content) {
        content->references = 1;
        content->size = 0;
        content->room = size;
    }
    return content;
}

void v1_content_add(struct content *content, const void *data, uint64_t size)
{
    if (size)
        memcpy(content->bytes + content->size, data, size);
    content->size += size;
}

void v1_content_drop(struct content *content)
{
    if (content && --content->references == 0)
        v1_host->free(content);
}

int v1_checksum_check(const struct polyfs_checksum *sum, const void *data, uint64_t size, struct polyfs_error *err)
{
    uint64_t value = 0, crc;
    if (sum->kind == POLYFS_CHECKSUM_NONE)
        return POLYFS_OK;
    if (sum->kind != POLYFS_CHECKSUM_CRC32C && sum->kind != POLYFS_CHECKSUM_CRC64NVME)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a checksum of this kind is not kept");
    crc = v1_host->crc(sum->kind, 0, data, size);
    for (uint32_t i = 0; i < sum->length; i++)
        value = value << 8 | sum->value[i];
    if (value != crc)
        return polyfs_fail(err, POLYFS_CORRUPT, "the bytes do not match their checksum");
    return POLYFS_OK;
}

/* ---- objects ------------------------------------------------------------------------------------------------------- */

/* Where the object of that name is, or would be. */
struct object **v1_seek(const char *path)
{
    struct object **at = &v1_objects;
    while (*at && strcmp((*at)->path, path) < 0)
        at = &(*at)->next;
    return at;
}

struct object *v1_find(const char *path)
{
    struct object *object = *v1_seek(path);
    return object && strcmp(object->path, path) == 0 ? object : NULL;
}

static void object_free(struct object *object)
{
    v1_content_drop(object->content);
    v1_host->free(object->meta);
    v1_host->free(object);
}

void v1_object_cut(struct object **at)
{
    struct object *gone = *at;
    *at = gone->next;
    object_free(gone);
}

void v1_stat_of(const struct object *object, struct polyfs_stat *out)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    stat.struct_size = out->struct_size;
    stat.type = POLYFS_TYPE_FILE;
    stat.flags = POLYFS_STAT_LATEST;
    stat.size = object->content->size;
    stat.mtime_ns = object->mtime_ns;
    stat.checksum = object->checksum;
    snprintf(stat.etag, sizeof(stat.etag), "%llu", (unsigned long long)object->generation);
    memcpy(stat.content_type, object->content_type, sizeof(stat.content_type));
    *out = stat;
}

int v1_meta_tell(const struct object *object, struct polyfs_pairs *out, struct polyfs_error *err)
{
    for (uint64_t at = 0; out && at < object->meta_bytes;) {
        const char *name = object->meta + at, *value = name + strlen(name) + 1;
        if (v1_host->pair_add(out, name, value) != POLYFS_OK)
            return v1_no_memory(err);
        at = (uint64_t)(value + strlen(value) + 1 - object->meta);
    }
    return POLYFS_OK;
}

/* ---- metadata ------------------------------------------------------------------------------------------------------ */

static const struct polyfs_kv *row_of(const struct polyfs_put_request *request, uint32_t i)
{
    const char *row = (const char *)request->metadata + (uint64_t)i * request->metadata_stride;
    return (const struct polyfs_kv *)(const void *)row;
}

static void meta_add(struct object *object, const char *name, const char *value)
{
    const uint64_t name_bytes = strlen(name) + 1, value_bytes = strlen(value) + 1;
    memcpy(object->meta + object->meta_bytes, name, name_bytes);
    memcpy(object->meta + object->meta_bytes + name_bytes, value, value_bytes);
    object->meta_bytes += name_bytes + value_bytes;
}

static int is_given(const struct polyfs_put_request *request, const char *name)
{
    for (uint32_t i = 0; i < request->metadata_count; i++)
        if (strcmp(row_of(request, i)->key, name) == 0)
            return 1;
    return 0;
}

/* What the write says, and of @base what it does not say. */
int v1_meta_make(struct object *object, const struct polyfs_put_request *request, const struct object *base)
{
    uint64_t room = base ? base->meta_bytes : 0;
    for (uint32_t i = 0; i < request->metadata_count; i++)
        room += strlen(row_of(request, i)->key) + strlen(row_of(request, i)->value) + 2;
    object->meta_bytes = 0;
    object->meta = v1_host->alloc(room + 1);
    if (!object->meta)
        return POLYFS_NOMEM;
    for (uint64_t at = 0; base && at < base->meta_bytes;) {
        const char *name = base->meta + at, *value = name + strlen(name) + 1;
        if (!is_given(request, name))
            meta_add(object, name, value);
        at = (uint64_t)(value + strlen(value) + 1 - base->meta);
    }
    for (uint32_t i = 0; i < request->metadata_count; i++)
        meta_add(object, row_of(request, i)->key, row_of(request, i)->value);
    if (request->content_type)
        snprintf(object->content_type, sizeof(object->content_type), "%s", request->content_type);
    else if (base)
        memcpy(object->content_type, base->content_type, sizeof(object->content_type));
    return POLYFS_OK;
}

/* ---- the commit of all writes -------------------------------------------------------------------------------------- */

int v1_request_check(const struct polyfs_put_request *request, uint32_t flags, struct polyfs_error *err)
{
    const struct polyfs_condition *c = &request->condition;
    if (request->flags & ~flags || request->reserved || c->if_none_match ||
        c->if_modified_ns != POLYFS_TIME_UNKNOWN)
        return v1_unknown(err);
    if (request->extra_count)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this store has no options to pass through");
    if (request->content_type && strlen(request->content_type) >= sizeof(((struct object *)0)->content_type))
        return polyfs_fail(err, POLYFS_INVALID, "a content type has at most 127 bytes");
    return POLYFS_OK;
}

int v1_target_check(const struct object *there, const struct polyfs_condition *condition, struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (there)
        v1_stat_of(there, &stat);
    return polyfs_condition_check(condition, there ? &stat : NULL, err);
}

int v1_object_new(const char *path, uint64_t path_len, struct content *content,
                  const struct polyfs_put_request *request, const struct object *base, struct object **out,
                  struct polyfs_error *err)
{
    struct object *object = v1_host->alloc(sizeof(*object) + path_len + 1);
    if (!object)
        return v1_no_memory(err);
    memset(object, 0, sizeof(*object));
    memcpy(object->path, path, path_len + 1);
    if (v1_meta_make(object, request, base) != POLYFS_OK) {
        v1_host->free(object);
        return v1_no_memory(err);
    }
    object->content = content;
    content->references++;
    object->generation = ++v1_generations;
    object->mtime_ns = v1_host->clock_ns(1);
    *out = object;
    return POLYFS_OK;
}

/* Puts an object in the place of what has its name. */
void v1_install(struct object *object, struct polyfs_stat *out)
{
    struct object **at = v1_seek(object->path);
    if (*at && strcmp((*at)->path, object->path) == 0)
        v1_object_cut(at);
    object->next = *at;
    *at = object;
    if (out)
        v1_stat_of(object, out);
}

/* Under the lock, of a request that was checked. @base: whose metadata go along. */
int v1_publish(const struct store *store, const char *path, uint64_t path_len, struct content *content,
               const struct polyfs_put_request *request, const struct object *base, struct polyfs_stat *out,
               struct polyfs_error *err)
{
    struct object *object;
    if (path_len == 0)
        return polyfs_fail(err, POLYFS_INVALID, "an object has a name");
    if (content->size > store->max_bytes)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "it has more bytes than the option max_bytes allows");
    int rc = v1_target_check(v1_find(path), &request->condition, err);
    if (rc == POLYFS_OK)
        rc = v1_checksum_check(&request->checksum, content->bytes, content->size, err);
    if (rc == POLYFS_OK)
        rc = v1_object_new(path, path_len, content, request, base, &object, err);
    if (rc != POLYFS_OK)
        return rc;
    object->checksum = request->checksum;
    v1_install(object, out);
    return POLYFS_OK;
}
