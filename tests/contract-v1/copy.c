/* SPDX-License-Identifier: Apache-2.0 */
/* Objects made of objects, and what is kept beside their bytes. */
#include "store.h"

int v1_source_find(const struct polyfs_source *source, struct object **out, struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (source->version || source->reserved)
        return v1_unknown(err);
    *out = v1_find(source->path);
    if (!*out)
        return v1_not_found(err);
    v1_stat_of(*out, &stat);
    if (source->etag && strcmp(source->etag, stat.etag) != 0)
        return polyfs_fail(err, POLYFS_CHANGED, "the source was changed since: it has another etag");
    return POLYFS_OK;
}

int v1_copy(CALL, const struct polyfs_source *source, const char *target, uint64_t target_len,
            const struct polyfs_put_request *request, struct polyfs_step *step, struct polyfs_stat *out,
            struct polyfs_error *err)
{
    struct object *from;
    int rc = v1_request_check(request, POLYFS_PUT_KEEP_METADATA, err);
    if (rc == POLYFS_OK)
        rc = v1_first_round(step, err);
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    rc = v1_source_find(source, &from, err);
    if (rc == POLYFS_OK) {
        step->done_bytes = from->content->size;
        rc = v1_publish(fs, target, target_len, from->content, request,
                        request->flags & POLYFS_PUT_KEEP_METADATA ? from : NULL, out, err);
    }
    v1_leave();
    return rc;
}

static int join(const struct polyfs_source *sources, uint64_t count, uint64_t stride, struct content **out,
                struct polyfs_error *err)
{
    struct object *from[COMPOSE_MAX];
    uint64_t size = 0;
    if (count < 1 || count > COMPOSE_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "1 to %d objects are joined at once", COMPOSE_MAX);
    for (uint64_t i = 0; i < count; i++) {
        const void *at = (const char *)sources + i * stride;
        int rc = v1_source_find(at, &from[i], err);
        if (rc != POLYFS_OK)
            return rc;
        size += from[i]->content->size;
    }
    *out = v1_content_new(size);
    for (uint64_t i = 0; *out && i < count; i++)
        v1_content_add(*out, from[i]->content->bytes, from[i]->content->size);
    return *out ? POLYFS_OK : v1_no_memory(err);
}

int v1_compose(CALL, const struct polyfs_source *sources, uint64_t count, uint64_t stride, const char *target,
               uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_stat *out,
               struct polyfs_error *err)
{
    struct content *content = NULL;
    int rc = v1_request_check(request, 0, err);
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    rc = join(sources, count, stride, &content, err);
    if (rc == POLYFS_OK)
        rc = v1_publish(fs, target, target_len, content, request, NULL, out, err);
    v1_content_drop(content);
    v1_leave();
    return rc;
}

/* The object goes on under the new name with its etag and times. */
static int rename_locked(const struct polyfs_source *source, const char *target, uint64_t target_len,
                         const struct polyfs_put_request *request, struct polyfs_error *err)
{
    struct object *from, *to;
    int rc = v1_source_find(source, &from, err);
    if (rc == POLYFS_OK)
        rc = v1_target_check(v1_find(target), &request->condition, err);
    if (rc != POLYFS_OK || strcmp(source->path, target) == 0)
        return rc;
    rc = v1_object_new(target, target_len, from->content, request, from, &to, err);
    if (rc != POLYFS_OK)
        return rc;
    to->generation = from->generation;
    to->mtime_ns = from->mtime_ns;
    to->checksum = from->checksum;
    v1_object_cut(v1_seek(source->path));
    v1_install(to, NULL);
    return POLYFS_OK;
}

int v1_rename(CALL, const struct polyfs_source *source, const char *target, uint64_t target_len,
              const struct polyfs_put_request *request, struct polyfs_step *step, struct polyfs_error *err)
{
    (void)fs;
    int rc = v1_request_check(request, 0, err);
    if (rc == POLYFS_OK && polyfs_put_has_more(request))
        rc = v1_unknown(err);
    if (rc == POLYFS_OK)
        rc = v1_first_round(step, err);
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    rc = rename_locked(source, target, target_len, request, err);
    v1_leave();
    return rc;
}

int v1_set_metadata(PATH, const struct polyfs_put_request *request, struct polyfs_error *err)
{
    struct object *there, made;
    (void)fs;
    (void)path_len;
    int rc = v1_request_check(request, 0, err);
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    there = v1_find(path);
    rc = there ? v1_target_check(there, &request->condition, err) : v1_not_found(err);
    if (rc == POLYFS_OK)
        rc = v1_meta_make(&made, request, NULL) == POLYFS_OK ? POLYFS_OK : v1_no_memory(err);
    if (rc == POLYFS_OK) {
        v1_host->free(there->meta);
        there->meta = made.meta;
        there->meta_bytes = made.meta_bytes;
        if (request->content_type)
            memcpy(there->content_type, made.content_type, sizeof(there->content_type));
    }
    v1_leave();
    return rc;
}

int v1_set_times(PATH, int64_t mtime_ns, int64_t atime_ns, struct polyfs_error *err)
{
    (void)fs;
    (void)path_len;
    (void)atime_ns;
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    struct object *there = v1_find(path);
    if (there && mtime_ns != POLYFS_TIME_UNKNOWN)
        there->mtime_ns = mtime_ns;
    v1_leave();
    return there ? POLYFS_OK : v1_not_found(err);
}

int v1_checksum(PATH, const char *version, uint32_t kind, struct polyfs_checksum *out, struct polyfs_error *err)
{
    (void)fs;
    (void)path_len;
    if (version || (kind != POLYFS_CHECKSUM_CRC32C && kind != POLYFS_CHECKSUM_CRC64NVME))
        return v1_unknown(err);
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    const struct object *there = v1_find(path);
    if (there) {
        uint64_t crc = v1_host->crc(kind, 0, there->content->bytes, there->content->size);
        out->kind = kind;
        out->length = kind == POLYFS_CHECKSUM_CRC32C ? 4 : 8;
        for (uint32_t i = out->length; i-- > 0; crc >>= 8)
            out->value[i] = (uint8_t)crc;
    }
    v1_leave();
    return there ? POLYFS_OK : v1_not_found(err);
}
