/* SPDX-License-Identifier: Apache-2.0 */
/* The listing of unfinished uploads: pages of rows, by path, then by age. */
#include "memory.h"
#include "upload.h"

#define PAGE_ROWS 1000u

static int row_add(const struct memory_upload *upload, uint64_t root_length, struct polyfs_uploads *out,
                   struct polyfs_error *err)
{
    const char *path = upload->node->key + root_length;
    const uint64_t path_len = strlen(path);
    const struct polyfs_upload_row row = {.struct_size = sizeof(row),
                                          .path = path,
                                          .path_len = path_len,
                                          .upload_id = path + path_len + 1,
                                          .started_ns = upload->started_ns};
    if (memory_host->upload_add(out, &row) != POLYFS_OK)
        return polyfs_fail(err, POLYFS_NOMEM, "there is no memory for a page of uploads");
    return POLYFS_OK;
}

/* A cursor is the id of the last upload, ':' and its path. */
static int cursor_read(const char *text, const struct memory_fs *fs, struct memory_key *key,
                       struct polyfs_error *err)
{
    uint64_t generation;
    char id[MEMORY_ETAG_ROOM];
    if (!memory_etag_parse(text, &generation) || text[MEMORY_ETAG_ROOM - 1] != ':')
        return polyfs_fail(err, POLYFS_INVALID, "the cursor is not one of this store");
    memory_etag_text(generation, id);
    return memory_upload_key(key, fs, text + MEMORY_ETAG_ROOM, strlen(text + MEMORY_ETAG_ROOM), id, err);
}

static int cursor_write(const struct memory_upload *last, uint64_t root_length, struct polyfs_step *step,
                        struct polyfs_error *err)
{
    const char *path = last->node->key + root_length;
    const uint64_t path_len = strlen(path);
    char *text = memory_borrow(MEMORY_ETAG_ROOM + path_len + 1, err);
    if (!text)
        return POLYFS_NOMEM;
    memcpy(text, path + path_len + 1, MEMORY_ETAG_ROOM - 1);
    text[MEMORY_ETAG_ROOM - 1] = ':';
    memcpy(text + MEMORY_ETAG_ROOM, path, path_len + 1);
    int code = memory_host->text_set(step->next, text, MEMORY_ETAG_ROOM + path_len);
    memory_host->free(text);
    return code == POLYFS_OK ? POLYFS_MORE : polyfs_fail(err, code, "there is no memory for a cursor");
}

/* Rows behind the cursor, which is the key of an upload, or from the prefix on. */
static int page_locked(struct memory_fs *fs, const struct memory_key *prefix, const struct memory_key *cursor,
                       struct polyfs_step *step, struct polyfs_uploads *out, struct polyfs_error *err)
{
    const struct memory_index *uploads = &fs->store->uploads;
    const struct memory_upload *last = NULL;
    struct memory_node *node = cursor ? memory_index_seek_past(uploads, cursor->bytes, cursor->length)
                                      : memory_index_seek(uploads, prefix->bytes, prefix->length);
    uint64_t count = 0;
    for (; node && memory_node_begins(node, prefix->bytes, prefix->length); node = node->next[0]) {
        if (count++ == PAGE_ROWS)
            return cursor_write(last, fs->root_length, step, err);
        last = node->value;
        int code = row_add(last, fs->root_length, out, err);
        if (code != POLYFS_OK)
            return code;
    }
    return POLYFS_OK;
}

int memory_upload_list(struct polyfs_call *call, void *handle, const char *prefix, uint64_t prefix_len,
                       struct polyfs_step *step, struct polyfs_uploads *out, struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    MEMORY_AUTO(key) struct memory_key begin = {0}, cursor = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&begin, fs, prefix, prefix_len, err);
    if (code == POLYFS_OK && step->cursor)
        code = cursor_read(step->cursor, fs, &cursor, err);
    if (code != POLYFS_OK)
        return code;
    memory_lock(fs->store);
    code = page_locked(fs, &begin, step->cursor ? &cursor : NULL, step, out, err);
    memory_unlock(fs->store);
    step->poll_after_ms = 0;
    return code;
}
