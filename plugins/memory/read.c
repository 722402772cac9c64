/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads: fs.get, and readers that pin what they opened.
 *
 * Invariant: the lock covers the choice of the version and a reference to its content, never the copy of bytes.
 * So bytes of two versions cannot mix, and a replaced or removed object lives on until its last reader is gone.
 * On failure the first call->bytes_done bytes of the buffer are valid, and no other output is touched.
 */
#include "memory.h"
#include "version.h"

#include "object.h"

struct memory_reader {
    struct memory_fs *fs;
    struct memory_content *content;
};

static int pin_locked(struct memory_fs *fs, const struct memory_key *key, const char *version,
                      struct memory_content **content, struct memory_meta **meta, struct polyfs_stat *stat,
                      struct polyfs_error *err)
{
    struct memory_version *found = NULL;
    int code = memory_object_locked(fs, key, version, &found, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_version *latest = memory_at_locked(fs->store, key->bytes, key->length);
    memory_version_stat(fs->store, found, found == latest, stat);
    *content = memory_content_ref(found->content);
    if (meta)
        *meta = memory_meta_ref(found->meta);
    return POLYFS_OK;
}

/* The content and the facts of a version, taken in one moment. */
static int pin(struct memory_fs *fs, const char *path, uint64_t path_len, const char *version,
               struct memory_content **content, struct memory_meta **meta, struct polyfs_stat *stat,
               struct polyfs_error *err)
{
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_key_make(&key, fs, path, path_len, err);
    if (code != POLYFS_OK)
        return code;
    memory_lock(fs->store);
    code = pin_locked(fs, &key, version, content, meta, stat, err);
    memory_unlock(fs->store);
    return code;
}

int memory_get(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
               const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
               struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code != POLYFS_OK)
        return code;
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    MEMORY_AUTO(meta) struct memory_meta *meta = NULL;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    code = pin(fs, path, path_len, request->version, &content, request->meta ? &meta : NULL, &stat, err);
    uint64_t offset = 0, length = 0;
    if (code == POLYFS_OK)
        code = polyfs_get_check(request, &stat, &offset, &length, err);
    call->bytes_done = 0;
    if (code == POLYFS_OK)
        code = memory_content_read(content, call, offset, buffer, length, &call->bytes_done, err);
    if (code == POLYFS_OK)
        code = memory_meta_tell(meta, request->meta, err);
    if (code != POLYFS_OK)
        return code;
    *out_n = length;
    if (out) {
        stat.struct_size = out->struct_size;
        *out = stat;
    }
    return POLYFS_OK;
}

static int reader_open(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const char *version,
                       void **out_reader, struct polyfs_stat *out, struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code != POLYFS_OK)
        return code;
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    code = pin(fs, path, path_len, version, &content, NULL, &stat, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_reader *reader = memory_borrow(sizeof(*reader), err);
    if (!reader)
        return POLYFS_NOMEM;
    reader->fs = memory_fs_ref(fs);
    reader->content = memory_content_ref(content);
    if (out) {
        stat.struct_size = out->struct_size;
        *out = stat;
    }
    *out_reader = reader;
    return POLYFS_OK;
}

static int reader_pread(struct polyfs_call *call, void *handle, uint64_t offset, void *buffer, uint64_t length,
                        uint64_t *out_n, struct polyfs_error *err)
{
    struct memory_reader *reader = handle;
    call->bytes_done = 0;
    int code = memory_go(call, err);
    uint64_t size = reader->content->size;
    uint64_t left = offset < size ? size - offset : 0;
    uint64_t part = length < left ? length : left;
    if (code == POLYFS_OK)
        code = memory_content_read(reader->content, call, offset, buffer, part, &call->bytes_done, err);
    if (code == POLYFS_OK)
        *out_n = part;
    return code;
}

static void reader_close(void *handle)
{
    struct memory_reader *reader = handle;
    if (!reader)
        return;
    memory_content_unref(reader->content);
    memory_fs_unref(reader->fs);
    memory_host->free(reader);
}

const struct polyfs_reader_ops memory_reader_ops = {
    .struct_size = sizeof(struct polyfs_reader_ops),
    .open = reader_open,
    .pread = reader_pread,
    .close = reader_close,
};
