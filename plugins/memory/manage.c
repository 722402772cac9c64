/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects made of objects, and what is kept beside their bytes: copy, compose, set_metadata, set_times.
 *
 * Invariant: no bytes move here. A copy and a composition share the blobs of their sources, pinned when they were
 * looked up, and end in the commit of all writes. New metadata or times change the record alone: etag, version
 * and bytes stay, and so does every reader.
 */
#include "commit.h"
#include "memory.h"

#define COMPOSE_MAX 32u

int memory_copy(struct polyfs_call *call, void *fs, const struct polyfs_source *source, const char *target,
                uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
                struct polyfs_stat *out, struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_first_round(step, err);
    if (code == POLYFS_OK)
        code = memory_request_check(request, POLYFS_PUT_KEEP_METADATA, err);
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    MEMORY_AUTO(meta) struct memory_meta *meta = NULL;
    if (code == POLYFS_OK)
        code = memory_source_pin(fs, source, &content, &meta, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_commit commit = {.fs = fs, .request = request, .content = content};
    if (request->flags & POLYFS_PUT_KEEP_METADATA)
        commit.base = meta;
    code = memory_publish(&commit, call, target, target_len, out, err);
    if (code == POLYFS_OK) {
        step->poll_after_ms = 0;
        step->done_bytes = content->size;
    }
    return code;
}

/* ---- compose */

struct sources {
    uint64_t count;
    struct memory_content *contents[COMPOSE_MAX];
};

static void memory_sources_auto(struct sources *sources)
{
    for (uint64_t i = 0; i < sources->count; i++)
        memory_content_unref(sources->contents[i]);
}

static int sources_pin(struct memory_fs *fs, const struct polyfs_source *rows, uint64_t count, uint64_t stride,
                       struct sources *sources, struct polyfs_error *err)
{
    if (count == 0)
        return polyfs_fail(err, POLYFS_INVALID, "there is nothing to join");
    if (count > COMPOSE_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "at most %u objects are joined at once", COMPOSE_MAX);
    for (uint64_t i = 0; i < count; i++) {
        const void *at = (const char *)rows + i * stride;
        int code = memory_source_pin(fs, at, &sources->contents[i], NULL, err);
        if (code != POLYFS_OK)
            return code;
        sources->count++;
    }
    return POLYFS_OK;
}

static int sources_join(struct memory_fs *fs, const struct sources *sources, struct memory_content **out,
                        struct polyfs_error *err)
{
    uint64_t pieces = 0;
    for (uint64_t i = 0; i < sources->count; i++)
        pieces += sources->contents[i]->count;
    int code = memory_content_new(fs, pieces, out, err);
    for (uint64_t i = 0; i < sources->count && code == POLYFS_OK; i++)
        memory_content_push_range(*out, sources->contents[i], 0, sources->contents[i]->size);
    return code;
}

int memory_compose(struct polyfs_call *call, void *fs, const struct polyfs_source *rows, uint64_t count,
                   uint64_t stride, const char *target, uint64_t target_len,
                   const struct polyfs_put_request *request, struct polyfs_stat *out, struct polyfs_error *err)
{
    MEMORY_AUTO(sources) struct sources sources = {0};
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_request_check(request, 0, err);
    if (code == POLYFS_OK)
        code = sources_pin(fs, rows, count, stride, &sources, err);
    if (code == POLYFS_OK)
        code = sources_join(fs, &sources, &content, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_commit commit = {.fs = fs, .request = request, .content = content};
    return memory_publish(&commit, call, target, target_len, out, err);
}

/* ---- what is kept beside the bytes */

/* Exchange the metadata of an object; *old is what to unref. Without a content type the object keeps its own. */
static int meta_set_locked(struct memory_fs *fs, const struct memory_key *key,
                           const struct polyfs_put_request *request, struct memory_meta **old,
                           struct polyfs_error *err)
{
    struct memory_version *found = NULL;
    struct memory_meta *made = NULL;
    int code = memory_object_locked(fs, key, NULL, &found, err);
    if (code != POLYFS_OK)
        return code;
    if (request->condition.if_match && !memory_version_has_etag(found, request->condition.if_match))
        return polyfs_fail(err, POLYFS_CONDITION, "it was changed: it has another etag than the one named");
    const char *type = request->content_type;
    if (!type && found->meta)
        type = found->meta->content_type;
    code =
        memory_meta_new(fs, type, request->metadata, request->metadata_count, request->metadata_stride, &made, err);
    if (code != POLYFS_OK)
        return code;
    *old = found->meta;
    found->meta = made;
    return POLYFS_OK;
}

int memory_set_metadata(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len,
                        const struct polyfs_put_request *request, struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_request_check(request, 0, err);
    if (code == POLYFS_OK && (request->condition.create_only || request->checksum.kind != POLYFS_CHECKSUM_NONE))
        code = polyfs_fail(err, POLYFS_UNSUPPORTED, "create_only and a checksum are for writes of bytes");
    MEMORY_AUTO(key) struct memory_key key = {0};
    if (code == POLYFS_OK)
        code = memory_key_make(&key, fs, path, path_len, err);
    if (code != POLYFS_OK)
        return code;
    MEMORY_AUTO(meta) struct memory_meta *old = NULL;
    memory_lock(fs->store);
    code = meta_set_locked(fs, &key, request, &old, err);
    memory_unlock(fs->store);
    return code;
}

/* Times of access are taken and forgotten, as on a filesystem that is mounted without them. */
int memory_set_times(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len, int64_t mtime_ns,
                     int64_t atime_ns, struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    struct memory_version *found = NULL;
    (void)atime_ns;
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&key, fs, path, path_len, err);
    if (code == POLYFS_OK && key.root)
        code = polyfs_fail(err, POLYFS_UNSUPPORTED, "the root has no times");
    if (code != POLYFS_OK)
        return code;
    memory_lock(fs->store);
    code = memory_find_locked(fs, &key, NULL, &found, err);
    if (code == POLYFS_OK && mtime_ns != POLYFS_TIME_UNKNOWN)
        found->mtime_ns = mtime_ns;
    memory_unlock(fs->store);
    return code;
}
