/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the bytes of objects: blobs and the contents made of them (content.h).
 *
 * Invariant: the pieces of a content follow each other without a gap from 0 to its size, none is empty, and each
 * holds a reference to its blob. Whoever holds a reference may read without a lock; the last one gives the
 * memory back.
 */
#include "content.h"

#include "memory.h"

#define SLICE_BYTES (UINT64_C(8) << 20) /* a copy of so many bytes stays far below 100 ms */
#define MELT_BYTES (UINT64_C(64) << 10)

int memory_blob_new(struct memory_fs *fs, uint64_t size, struct memory_blob **out, struct polyfs_error *err)
{
    if (size > MEMORY_OBJECT_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "an object holds at most 5 TiB");
    void *block = NULL;
    int code = memory_take(fs, sizeof(struct memory_blob) + size, &block, err);
    if (code != POLYFS_OK)
        return code;
    *out = block;
    atomic_init(&(*out)->refs, 1);
    (*out)->size = size;
    return POLYFS_OK;
}

void memory_blob_unref(struct memory_blob *blob)
{
    if (blob && atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) == 1)
        memory_give(blob);
}

int memory_content_new(struct memory_fs *fs, uint64_t room, struct memory_content **out, struct polyfs_error *err)
{
    if (room > UINT32_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "an object is made of at most 2^32 pieces");
    void *block = NULL;
    int code = memory_take(fs, sizeof(struct memory_content) + room * sizeof(struct memory_piece), &block, err);
    if (code != POLYFS_OK)
        return code;
    *out = block;
    memset(*out, 0, sizeof(**out));
    atomic_init(&(*out)->refs, 1);
    return POLYFS_OK;
}

struct memory_content *memory_content_ref(struct memory_content *content)
{
    if (content)
        atomic_fetch_add_explicit(&content->refs, 1, memory_order_relaxed);
    return content;
}

void memory_content_unref(struct memory_content *content)
{
    if (!content || atomic_fetch_sub_explicit(&content->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint64_t i = 0; i < content->count; i++)
        memory_blob_unref(content->pieces[i].blob);
    memory_give(content);
}

void memory_content_auto(struct memory_content **content)
{
    memory_content_unref(*content);
}

void memory_content_push(struct memory_content *content, struct memory_blob *blob, uint64_t from, uint64_t size)
{
    if (size == 0) {
        memory_blob_unref(blob);
        return;
    }
    content->pieces[content->count++] = (struct memory_piece){blob, from, content->size, size};
    content->size += size;
}

/* The piece that holds the byte at @offset, which is below the size. */
static uint64_t piece_at(const struct memory_content *content, uint64_t offset)
{
    uint64_t low = 0, high = content->count;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (content->pieces[middle].at <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t memory_content_spans(const struct memory_content *content, uint64_t offset, uint64_t size)
{
    return size == 0 ? 0 : piece_at(content, offset + size - 1) - piece_at(content, offset) + 1;
}

void memory_content_push_range(struct memory_content *content, const struct memory_content *source, uint64_t offset,
                               uint64_t size)
{
    uint64_t index = size > 0 ? piece_at(source, offset) : 0;
    while (size > 0) {
        const struct memory_piece *piece = &source->pieces[index++];
        uint64_t skip = offset - piece->at;
        uint64_t part = piece->size - skip < size ? piece->size - skip : size;
        if (piece->blob)
            atomic_fetch_add_explicit(&piece->blob->refs, 1, memory_order_relaxed);
        memory_content_push(content, piece->blob, piece->from + skip, part);
        offset += part;
        size -= part;
    }
}

/* Copy, or make zeros of no source, in slices. */
static int copy_slices(const struct polyfs_call *call, unsigned char *to, const unsigned char *from, uint64_t size,
                       uint64_t *done, struct polyfs_error *err)
{
    while (size > 0) {
        int code = memory_go(call, err);
        if (code != POLYFS_OK)
            return code;
        uint64_t slice = size < SLICE_BYTES ? size : SLICE_BYTES;
        if (from) {
            memcpy(to, from, slice);
            from += slice;
        } else {
            memset(to, 0, slice);
        }
        to += slice;
        size -= slice;
        *done += slice;
    }
    return POLYFS_OK;
}

int memory_content_of(struct memory_fs *fs, const struct polyfs_call *call, const void *data, uint64_t size,
                      struct memory_content **out, struct polyfs_error *err)
{
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    int code = memory_content_new(fs, size > 0, &content, err);
    if (code != POLYFS_OK)
        return code;
    if (size > 0) {
        struct memory_blob *blob = NULL;
        code = memory_blob_new(fs, size, &blob, err);
        if (code != POLYFS_OK)
            return code;
        memory_content_push(content, blob, 0, size);
        uint64_t done = 0;
        code = copy_slices(call, blob->bytes, data, size, &done, err);
        if (code != POLYFS_OK)
            return code;
    }
    *out = memory_content_ref(content);
    return POLYFS_OK;
}

int memory_content_read(const struct memory_content *content, const struct polyfs_call *call, uint64_t offset,
                        void *buffer, uint64_t size, uint64_t *done, struct polyfs_error *err)
{
    unsigned char *to = buffer;
    uint64_t index = size > 0 ? piece_at(content, offset) : 0;
    while (size > 0) {
        const struct memory_piece *piece = &content->pieces[index++];
        uint64_t skip = offset - piece->at;
        uint64_t part = piece->size - skip < size ? piece->size - skip : size;
        const unsigned char *from = piece->blob ? piece->blob->bytes + piece->from + skip : NULL;
        int code = copy_slices(call, to, from, part, done, err);
        if (code != POLYFS_OK)
            return code;
        to += part;
        offset += part;
        size -= part;
    }
    return POLYFS_OK;
}

/* A blob of the end of one content and all of another: both are small. */
static int melt(struct memory_fs *fs, const struct memory_piece *end, const struct memory_content *second,
                struct memory_blob **out, struct polyfs_error *err)
{
    int code = memory_blob_new(fs, end->size + second->size, out, err);
    if (code != POLYFS_OK)
        return code;
    unsigned char *to = (*out)->bytes;
    memcpy(to, end->blob->bytes + end->from, end->size);
    to += end->size;
    for (uint64_t i = 0; i < second->count; i++) {
        const struct memory_piece *piece = &second->pieces[i];
        if (piece->blob)
            memcpy(to, piece->blob->bytes + piece->from, piece->size);
        else
            memset(to, 0, piece->size);
        to += piece->size;
    }
    return POLYFS_OK;
}

int memory_content_join(struct memory_fs *fs, struct memory_content *first, struct memory_content *second,
                        struct memory_content **out, struct polyfs_error *err)
{
    if (first->size > MEMORY_OBJECT_MAX - second->size)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "an object holds at most 5 TiB");
    MEMORY_AUTO(content) struct memory_content *joined = NULL;
    int code = memory_content_new(fs, first->count + second->count, &joined, err);
    if (code != POLYFS_OK)
        return code;
    const struct memory_piece *end = first->count > 0 ? &first->pieces[first->count - 1] : NULL;
    if (end && end->blob && second->size > 0 && end->size + second->size <= MELT_BYTES) {
        struct memory_blob *blob = NULL;
        code = melt(fs, end, second, &blob, err);
        if (code != POLYFS_OK)
            return code;
        memory_content_push_range(joined, first, 0, end->at);
        memory_content_push(joined, blob, 0, blob->size);
    } else {
        memory_content_push_range(joined, first, 0, first->size);
        memory_content_push_range(joined, second, 0, second->size);
    }
    *out = memory_content_ref(joined);
    return POLYFS_OK;
}

/* The checksum of all bytes, a slice at a time. */
static int content_crc(const struct memory_content *content, const struct polyfs_call *call, uint32_t kind,
                       uint64_t *out, struct polyfs_error *err)
{
    static const unsigned char zeros[4096];
    uint64_t crc = 0;
    for (uint64_t i = 0; i < content->count; i++) {
        const struct memory_piece *piece = &content->pieces[i];
        uint64_t most = piece->blob ? SLICE_BYTES : sizeof(zeros), slice;
        for (uint64_t at = 0; at < piece->size; at += slice) {
            int code = memory_go(call, err);
            if (code != POLYFS_OK)
                return code;
            slice = piece->size - at < most ? piece->size - at : most;
            crc = memory_host->crc(kind, crc, piece->blob ? piece->blob->bytes + piece->from + at : zeros, slice);
        }
    }
    *out = crc;
    return POLYFS_OK;
}

int memory_content_verify(const struct memory_content *content, const struct polyfs_call *call,
                          const struct polyfs_checksum *checksum, struct polyfs_error *err)
{
    if (checksum->kind == POLYFS_CHECKSUM_NONE)
        return POLYFS_OK;
    if (!(checksum->kind & MEMORY_CHECKSUMS))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this store checks CRC32C and CRC64NVME only");
    if (checksum->length != (checksum->kind == POLYFS_CHECKSUM_CRC32C ? 4 : 8))
        return polyfs_fail(err, POLYFS_INVALID, "a CRC32C has 4 bytes, a CRC64NVME 8");
    uint64_t crc = 0, wanted = 0;
    int code = content_crc(content, call, checksum->kind, &crc, err);
    if (code != POLYFS_OK)
        return code;
    for (uint32_t i = 0; i < checksum->length; i++)
        wanted = wanted << 8 | checksum->value[i];
    if (crc != wanted)
        return polyfs_fail(err, POLYFS_CORRUPT, "the bytes have the checksum %08llx, not %08llx as was said",
                           (unsigned long long)crc, (unsigned long long)wanted);
    return POLYFS_OK;
}
