/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commit that put, upload, placed, stream, copy and compose end in (commit.h).
 *
 * Invariant: target, conditions, generation and the new version are decided and made visible while the lock is
 * held once, so that of all who write under create-only or the same if-match exactly one wins. On failure the
 * store is as it was.
 */
#include "commit.h"

#include "memory.h"
#include "upload.h"

static int condition_check(const struct polyfs_condition *condition, struct polyfs_error *err)
{
    if (condition->if_none_match || condition->if_modified_ns != POLYFS_TIME_UNKNOWN)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "if_none_match and if_modified are conditions of reads");
    return POLYFS_OK;
}

static int metadata_check(const struct polyfs_put_request *request, struct polyfs_error *err)
{
    for (uint64_t i = 0; i < request->metadata_count; i++) {
        const char *row = (const char *)request->metadata + i * request->metadata_stride;
        const struct polyfs_kv *pair = (const struct polyfs_kv *)(const void *)row;
        if (!pair->key || !pair->value || pair->key[0] == '\0')
            return polyfs_fail(err, POLYFS_INVALID, "metadata needs a name and a value in every row");
    }
    if (request->content_type && strlen(request->content_type) >= sizeof(((struct polyfs_stat *)0)->content_type))
        return polyfs_fail(err, POLYFS_INVALID, "a content type has at most 127 bytes");
    return POLYFS_OK;
}

int memory_request_check(const struct polyfs_put_request *request, uint32_t flags, struct polyfs_error *err)
{
    if ((request->flags & ~flags) != 0)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag of the request is not known, or not for this call");
    if (request->durability > POLYFS_DURABILITY_FULL)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this durability is not known");
    if (request->extra_count > 0)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this store has no pass-through options");
    if (request->checksum.kind & ~MEMORY_CHECKSUMS)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this store checks CRC32C and CRC64NVME only");
    int code = metadata_check(request, err);
    return code == POLYFS_OK ? condition_check(&request->condition, err) : code;
}

/* Whether a write to a key may go on; *out_now is what it would replace, or NULL. */
static int write_allowed_locked(struct memory_fs *fs, const struct memory_key *key,
                                const struct polyfs_condition *condition, struct memory_version **out_now,
                                struct polyfs_error *err)
{
    if (condition->create_only && fs->store->real_folders &&
        memory_is_folder_locked(fs->store, key->bytes, key->folder))
        return polyfs_fail(err, POLYFS_EXISTS, "a folder of that name exists already");
    int code = memory_target_locked(fs, key, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_version *now = memory_at_locked(fs->store, key->bytes, key->length);
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (now)
        memory_version_stat(fs->store, now, 1, &stat);
    *out_now = now;
    return polyfs_condition_check(condition, now ? &stat : NULL, err);
}

int memory_write_check(struct memory_fs *fs, const char *path, uint64_t path_len,
                       const struct polyfs_put_request *request, struct polyfs_error *err)
{
    int code = memory_request_check(request, 0, err);
    MEMORY_AUTO(key) struct memory_key key = {0};
    if (code == POLYFS_OK)
        code = memory_key_make(&key, fs, path, path_len, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_version *now = NULL;
    memory_lock(fs->store);
    code = write_allowed_locked(fs, &key, &request->condition, &now, err);
    memory_unlock(fs->store);
    return code;
}

/* Verify the bytes and take all memory. */
static int commit_make(struct memory_commit *commit, const struct polyfs_call *call, const char *path,
                       uint64_t path_len, struct polyfs_error *err)
{
    struct memory_fs *fs = commit->fs;
    if (commit->content->size > MEMORY_OBJECT_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "an object holds at most 5 TiB");
    MEMORY_AUTO(meta) struct memory_meta *meta = NULL;
    int code = memory_content_verify(commit->content, call, &commit->request->checksum, err);
    if (code == POLYFS_OK)
        code = memory_meta_merge(fs, commit->request, commit->base, &meta, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&commit->key, fs, path, path_len, err);
    if (code == POLYFS_OK)
        code = memory_version_new(fs, MEMORY_OBJECT, commit->content, meta, &commit->version, err);
    if (code == POLYFS_OK)
        code = memory_node_new(fs, commit->key.bytes, commit->key.length, NULL, 0, &commit->node, err);
    if (code == POLYFS_OK)
        commit->version->checksum = commit->request->checksum;
    return code;
}

/* Turn the version of an append into all bytes. Its checksum was one of the new bytes only. */
static int append_locked(struct memory_commit *commit, const struct memory_version *now, struct polyfs_error *err)
{
    struct memory_content *joined = NULL;
    int code = memory_content_join(commit->fs, now->content, commit->version->content, &joined, err);
    if (code != POLYFS_OK)
        return code;
    memory_content_unref(commit->version->content);
    commit->version->content = joined;
    if (!commit->version->meta)
        commit->version->meta = memory_meta_ref(now->meta);
    memset(&commit->version->checksum, 0, sizeof(commit->version->checksum));
    return POLYFS_OK;
}

static int commit_locked(struct memory_commit *commit, struct memory_trash *trash, struct memory_upload **ended,
                         struct polyfs_stat *out, struct polyfs_error *err)
{
    struct memory_store *store = commit->fs->store;
    struct memory_version *now = NULL;
    int code = write_allowed_locked(commit->fs, &commit->key, &commit->request->condition, &now, err);
    if (code == POLYFS_OK && commit->append && now)
        code = append_locked(commit, now, err);
    if (code == POLYFS_OK && commit->upload)
        code = memory_upload_end_locked(store, commit->upload, ended, err);
    if (code != POLYFS_OK)
        return code;
    memory_version_stamp(commit->version);
    memory_install_locked(store, &commit->key, commit->version, &commit->node, trash);
    if (out)
        memory_version_stat(store, commit->version, 1, out);
    commit->version = NULL;
    return POLYFS_OK;
}

static int commit_run(struct memory_commit *commit, struct polyfs_stat *out, struct polyfs_error *err)
{
    MEMORY_AUTO(trash) struct memory_trash trash = {0};
    struct memory_upload *ended = NULL;
    memory_lock(commit->fs->store);
    int code = commit_locked(commit, &trash, &ended, out, err);
    memory_unlock(commit->fs->store);
    memory_upload_free(ended);
    return code;
}

int memory_publish(struct memory_commit *commit, const struct polyfs_call *call, const char *path,
                   uint64_t path_len, struct polyfs_stat *out, struct polyfs_error *err)
{
    int code = commit_make(commit, call, path, path_len, err);
    if (code == POLYFS_OK)
        code = commit_run(commit, out, err);
    memory_key_auto(&commit->key);
    memory_version_free(commit->version);
    memory_node_free(commit->node);
    return code;
}
