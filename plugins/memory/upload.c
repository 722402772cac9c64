/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads of shape PARTS from start to complete or abort (upload.h); their parts are part.c.
 *
 * Invariant: an upload is in the store from start until complete or abort takes it out, once. Complete takes the
 * very parts that the caller lists, by etag, and publishes and ends the upload in one moment; when it fails, the
 * upload stays as it was.
 */
#include "upload.h"

#include "commit.h"
#include "memory.h"

int memory_upload_find_locked(const struct memory_store *store, const struct memory_key *key,
                              struct memory_upload **out, struct polyfs_error *err)
{
    struct memory_node *node = memory_index_find(&store->uploads, key->bytes, key->length);
    if (!node)
        return polyfs_fail(err, POLYFS_NOT_FOUND, "there is no such upload: it was completed or aborted");
    *out = node->value;
    return POLYFS_OK;
}

int memory_upload_end_locked(struct memory_store *store, const struct memory_key *key, struct memory_upload **out,
                             struct polyfs_error *err)
{
    int code = memory_upload_find_locked(store, key, out, err);
    if (code == POLYFS_OK)
        memory_index_remove(&store->uploads, (*out)->node);
    return code;
}

void memory_upload_free(struct memory_upload *upload)
{
    if (!upload)
        return;
    for (uint64_t i = 0; i < upload->count; i++)
        memory_content_unref(upload->parts[i].content);
    memory_give(upload->parts);
    memory_node_free(upload->node);
    memory_give(upload);
}

/* Paths hold no NUL, so that no two keys can be confused. */
int memory_upload_key(struct memory_key *key, const struct memory_fs *fs, const char *path, uint64_t path_len,
                      const char *id, struct polyfs_error *err)
{
    uint64_t id_len = strlen(id);
    uint64_t length = fs->root_length + path_len + 1 + id_len;
    key->bytes = length < sizeof(key->room) ? key->room : memory_borrow(length + 1, err);
    if (!key->bytes)
        return POLYFS_NOMEM;
    memcpy(key->bytes, fs->root, fs->root_length);
    if (path_len > 0)
        memcpy(key->bytes + fs->root_length, path, path_len);
    key->bytes[fs->root_length + path_len] = '\0';
    memcpy(key->bytes + fs->root_length + path_len + 1, id, id_len + 1);
    key->length = length;
    return POLYFS_OK;
}

/* ---- start and abort */

static int upload_new(struct memory_fs *fs, const struct memory_key *key, struct memory_upload **out,
                      struct polyfs_error *err)
{
    void *block = NULL;
    int code = memory_take(fs, sizeof(struct memory_upload), &block, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_upload *upload = block;
    memset(upload, 0, sizeof(*upload));
    code = memory_node_new(fs, key->bytes, key->length, NULL, 0, &upload->node, err);
    if (code != POLYFS_OK) {
        memory_give(upload);
        return code;
    }
    upload->node->value = upload;
    upload->started_ns = memory_host->clock_ns(1);
    *out = upload;
    return POLYFS_OK;
}

static int upload_start(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len,
                        const struct polyfs_put_request *request, struct polyfs_text *out_id,
                        struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_write_check(fs, path, path_len, request, err);
    char id[MEMORY_ETAG_ROOM];
    memory_etag_text(memory_generation_next(), id);
    MEMORY_AUTO(key) struct memory_key key = {0};
    if (code == POLYFS_OK)
        code = memory_upload_key(&key, fs, path, path_len, id, err);
    struct memory_upload *upload = NULL;
    if (code == POLYFS_OK)
        code = upload_new(fs, &key, &upload, err);
    if (code != POLYFS_OK)
        return code;
    if (memory_host->text_set(out_id, id, strlen(id)) != POLYFS_OK) {
        memory_upload_free(upload);
        return polyfs_fail(err, POLYFS_NOMEM, "there is no memory for the id of the upload");
    }
    memory_lock(fs->store);
    memory_index_add(&fs->store->uploads, upload->node);
    memory_unlock(fs->store);
    return POLYFS_OK;
}

static int upload_abort(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len,
                        const char *upload_id, struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_upload_key(&key, fs, path, path_len, upload_id, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_upload *ended = NULL;
    memory_lock(fs->store);
    code = memory_upload_end_locked(fs->store, &key, &ended, err);
    memory_unlock(fs->store);
    memory_upload_free(ended);
    return code;
}

/* ---- complete */

static int parts_join(struct memory_fs *fs, const struct memory_key *key, const struct polyfs_part *parts,
                      uint64_t count, uint64_t stride, struct memory_content **out, struct polyfs_error *err)
{
    struct memory_upload *upload = NULL;
    memory_lock(fs->store);
    int code = memory_upload_find_locked(fs->store, key, &upload, err);
    if (code == POLYFS_OK)
        code = memory_parts_join_locked(fs, upload, parts, count, stride, out, err);
    memory_unlock(fs->store);
    return code;
}

static int upload_complete(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len,
                           const char *upload_id, const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                           const struct polyfs_put_request *request, struct polyfs_stat *out,
                           struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_request_check(request, 0, err);
    if (code == POLYFS_OK && count == 0)
        code = polyfs_fail(err, POLYFS_INVALID, "an upload needs one part at least; it may be empty");
    MEMORY_AUTO(key) struct memory_key key = {0};
    if (code == POLYFS_OK)
        code = memory_upload_key(&key, fs, path, path_len, upload_id, err);
    MEMORY_AUTO(content) struct memory_content *whole = NULL;
    if (code == POLYFS_OK)
        code = parts_join(fs, &key, parts, count, stride, &whole, err);
    if (code == POLYFS_OK)
        code = memory_parts_verify(fs, call, whole, parts, count, stride, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_commit commit = {.fs = fs, .request = request, .content = whole, .upload = &key};
    return memory_publish(&commit, call, path, path_len, out, err);
}

const struct polyfs_upload_ops memory_upload_ops = {
    .struct_size = sizeof(struct polyfs_upload_ops),
    .start = upload_start,
    .part = memory_upload_part,
    .copy_part = memory_upload_copy_part,
    .list_parts = memory_upload_list_parts,
    .complete = upload_complete,
    .abort = upload_abort,
    .list = memory_upload_list,
};
