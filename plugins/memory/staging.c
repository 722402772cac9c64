/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the chunks of a staging (staging.h): blobs of one size, made when a write first touches them, found by
 * their number in an index, so that a write far out costs one chunk and not all before it.
 *
 * Invariant: chunk n holds the bytes from n * chunk_bytes on, zeros where nothing was written. The lock guards
 * the index only; bytes move outside of it. A content made of a staging shares all chunks but a partial last one,
 * which is copied to its length; writes after a commit are against the contract, and after a failed one the
 * content is gone before the next write.
 */
#include "staging.h"

#define CHUNK_MIN (UINT64_C(1) << 10)
#define CHUNK_USUAL (UINT64_C(64) << 10) /* when nobody told how much is to come */
#define CHUNK_MAX (UINT64_C(1) << 20)

void memory_staging_init(struct memory_staging *staging, struct memory_fs *fs, uint64_t size_hint)
{
    memset(staging, 0, sizeof(*staging));
    staging->fs = memory_fs_ref(fs);
    staging->chunk_bytes = size_hint;
    if (size_hint == POLYFS_SIZE_UNKNOWN)
        staging->chunk_bytes = CHUNK_USUAL;
    else if (size_hint < CHUNK_MIN)
        staging->chunk_bytes = CHUNK_MIN;
    else if (size_hint > CHUNK_MAX)
        staging->chunk_bytes = CHUNK_MAX;
}

static void number_key(uint64_t number, char key[8])
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        key[i] = (char)(number & 0xff);
}

static uint64_t number_of(const struct memory_node *node)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | (unsigned char)node->key[i];
    return number;
}

static struct memory_blob *chunk_find(struct memory_staging *staging, const char key[8])
{
    memory_lock(staging->fs->store);
    struct memory_node *node = memory_index_find(&staging->chunks, key, 8);
    struct memory_blob *blob = node ? node->value : NULL;
    memory_unlock(staging->fs->store);
    return blob;
}

/* The chunk of a number, made if there is none. Another thread may make it meanwhile: the first one stays. It is
 * cleared unless the write that asks for it fills it @whole: then no other write may touch it. */
static int chunk_get(struct memory_staging *staging, uint64_t number, int whole, struct memory_blob **out,
                     struct polyfs_error *err)
{
    char key[8];
    number_key(number, key);
    *out = chunk_find(staging, key);
    if (*out)
        return POLYFS_OK;
    struct memory_node *node = NULL;
    int code = memory_node_new(staging->fs, key, sizeof(key), NULL, 0, &node, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_blob *blob = NULL;
    code = memory_blob_new(staging->fs, staging->chunk_bytes, &blob, err);
    if (code != POLYFS_OK) {
        memory_node_free(node);
        return code;
    }
    if (!whole)
        memset(blob->bytes, 0, blob->size);
    node->value = blob;
    memory_lock(staging->fs->store);
    struct memory_node *there = memory_index_find(&staging->chunks, key, sizeof(key));
    if (!there)
        memory_index_add(&staging->chunks, node);
    *out = there ? there->value : blob;
    memory_unlock(staging->fs->store);
    if (there) {
        memory_blob_unref(blob);
        memory_node_free(node);
    }
    return POLYFS_OK;
}

int memory_staging_write(struct memory_staging *staging, const struct polyfs_call *call, uint64_t offset,
                         const void *data, uint64_t size, uint64_t *done, struct polyfs_error *err)
{
    if (size > MEMORY_OBJECT_MAX || offset > MEMORY_OBJECT_MAX - size)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "an object holds at most 5 TiB");
    const unsigned char *from = data;
    while (size > 0) {
        int code = memory_go(call, err);
        if (code != POLYFS_OK)
            return code;
        uint64_t skip = offset % staging->chunk_bytes;
        uint64_t part = staging->chunk_bytes - skip < size ? staging->chunk_bytes - skip : size;
        struct memory_blob *blob = NULL;
        code = chunk_get(staging, offset / staging->chunk_bytes, part == staging->chunk_bytes, &blob, err);
        if (code != POLYFS_OK)
            return code;
        memcpy(blob->bytes + skip, from, part);
        from += part;
        offset += part;
        size -= part;
        *done += part;
    }
    return POLYFS_OK;
}

/* Pieces for all chunks below @size, holes between them and at the end. */
static uint64_t pieces_needed(const struct memory_staging *staging, uint64_t size)
{
    uint64_t pieces = 1, expected = 0;
    for (struct memory_node *node = staging->chunks.head[0]; node; node = node->next[0]) {
        uint64_t number = number_of(node);
        if (number * staging->chunk_bytes >= size)
            break;
        pieces += number == expected ? 1 : 2;
        expected = number + 1;
    }
    return pieces;
}

static int push_chunk(struct memory_staging *staging, struct memory_content *content, struct memory_blob *blob,
                      uint64_t size, struct polyfs_error *err)
{
    if (size >= blob->size) {
        atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
        memory_content_push(content, blob, 0, blob->size);
        return POLYFS_OK;
    }
    struct memory_blob *part = NULL;
    int code = memory_blob_new(staging->fs, size, &part, err);
    if (code != POLYFS_OK)
        return code;
    memcpy(part->bytes, blob->bytes, size);
    memory_content_push(content, part, 0, size);
    return POLYFS_OK;
}

int memory_staging_content(struct memory_staging *staging, uint64_t size, struct memory_content **out,
                           struct polyfs_error *err)
{
    if (size > MEMORY_OBJECT_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "an object holds at most 5 TiB");
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    int code = memory_content_new(staging->fs, pieces_needed(staging, size), &content, err);
    if (code != POLYFS_OK)
        return code;
    for (struct memory_node *node = staging->chunks.head[0]; node; node = node->next[0]) {
        uint64_t start = number_of(node) * staging->chunk_bytes;
        if (start >= size)
            break;
        memory_content_push(content, NULL, 0, start - content->size);
        code = push_chunk(staging, content, node->value, size - start, err);
        if (code != POLYFS_OK)
            return code;
    }
    memory_content_push(content, NULL, 0, size - content->size);
    *out = memory_content_ref(content);
    return POLYFS_OK;
}

void memory_staging_clear(struct memory_staging *staging)
{
    struct memory_node *node = staging->chunks.head[0];
    while (node) {
        struct memory_node *next = node->next[0];
        memory_blob_unref(node->value);
        memory_node_free(node);
        node = next;
    }
    memory_fs_unref(staging->fs);
}
