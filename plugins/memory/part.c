/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of an upload (upload.h): sent, copied from an object, listed, and joined for its completion.
 *
 * Invariant: the parts of an upload are kept by rising number, each a content of its own with an etag that was
 * never given before; sending a part again replaces it. Bytes are copied before the lock is taken; under it a
 * part only finds its place.
 */
#include "object.h"
#include "upload.h"

#define PARTS_MAX 10000u
#define PART_MAX (UINT64_C(5) << 30)

/* Where the part of a number is, or is to be. */
static uint64_t part_place(const struct memory_upload *upload, uint32_t number)
{
    uint64_t low = 0, high = upload->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (upload->parts[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int parts_grow(struct memory_fs *fs, struct memory_upload *upload, struct polyfs_error *err)
{
    uint64_t room = upload->room > 0 ? upload->room * 2 : 8;
    void *block = NULL;
    int code = memory_take(fs, room * sizeof(struct memory_part), &block, err);
    if (code != POLYFS_OK)
        return code;
    if (upload->count > 0)
        memcpy(block, upload->parts, upload->count * sizeof(struct memory_part));
    memory_give(upload->parts);
    upload->parts = block;
    upload->room = room;
    return POLYFS_OK;
}

/* Put a part at its place; *content is what to unref afterwards: the one replaced, or NULL. */
static int part_store_locked(struct memory_fs *fs, const struct memory_key *key, uint32_t number,
                             uint64_t generation, struct memory_content **content, struct polyfs_error *err)
{
    struct memory_upload *upload = NULL;
    int code = memory_upload_find_locked(fs->store, key, &upload, err);
    if (code == POLYFS_OK && upload->count == upload->room)
        code = parts_grow(fs, upload, err);
    if (code != POLYFS_OK)
        return code;
    uint64_t place = part_place(upload, number);
    struct memory_part *part = &upload->parts[place];
    struct memory_content *replaced = NULL;
    if (place < upload->count && part->number == number) {
        replaced = part->content;
    } else {
        memmove(part + 1, part, (upload->count - place) * sizeof(*part));
        upload->count++;
    }
    *part = (struct memory_part){*content, generation, number};
    *content = replaced;
    return POLYFS_OK;
}

static void part_row(const struct memory_part *part, struct polyfs_part *out)
{
    memset(out, 0, sizeof(*out));
    out->number = part->number;
    out->size = part->content->size;
    memory_etag_text(part->generation, out->etag);
}

static int part_check(uint32_t number, uint64_t size, struct polyfs_error *err)
{
    if (number == 0)
        return polyfs_fail(err, POLYFS_INVALID, "parts are numbered from 1");
    if (number > PARTS_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "an upload has at most %u parts", PARTS_MAX);
    if (size > PART_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "a part has at most 5 GiB");
    return POLYFS_OK;
}

/* Give an upload a part; takes over *content, on failure too. */
static int part_store(struct memory_fs *fs, const char *path, uint64_t path_len, const char *upload_id,
                      uint32_t number, struct memory_content **content, struct polyfs_part *out,
                      struct polyfs_error *err)
{
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_upload_key(&key, fs, path, path_len, upload_id, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_part part = {*content, memory_generation_next(), number};
    struct polyfs_part row;
    part_row(&part, &row);
    memory_lock(fs->store);
    code = part_store_locked(fs, &key, number, part.generation, content, err);
    memory_unlock(fs->store);
    if (code == POLYFS_OK)
        *out = row;
    return code;
}

int memory_upload_part(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                       const char *upload_id, uint32_t number, const void *data, uint64_t size,
                       const struct polyfs_checksum *checksum, struct polyfs_part *out, struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = part_check(number, size, err);
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    if (code == POLYFS_OK)
        code = memory_content_of(fs, call, data, size, &content, err);
    if (code == POLYFS_OK && checksum)
        code = memory_content_verify(content, call, checksum, err);
    if (code == POLYFS_OK)
        code = part_store(fs, path, path_len, upload_id, number, &content, out, err);
    return code;
}

int memory_upload_copy_part(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                            const char *upload_id, uint32_t number, const struct polyfs_source *source,
                            uint64_t offset, uint64_t size, struct polyfs_part *out, struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = part_check(number, size, err);
    MEMORY_AUTO(content) struct memory_content *whole = NULL;
    if (code == POLYFS_OK)
        code = memory_source_pin(fs, source, &whole, NULL, err);
    if (code == POLYFS_OK && (size > whole->size || offset > whole->size - size))
        code = polyfs_fail(err, POLYFS_RANGE, "the source has only %llu bytes", (unsigned long long)whole->size);
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    if (code == POLYFS_OK)
        code = memory_content_new(fs, memory_content_spans(whole, offset, size), &content, err);
    if (code != POLYFS_OK)
        return code;
    memory_content_push_range(content, whole, offset, size);
    return part_store(fs, path, path_len, upload_id, number, &content, out, err);
}

int memory_upload_list_parts(struct polyfs_call *call, void *handle, const char *path, uint64_t path_len,
                             const char *upload_id, uint32_t after, struct polyfs_part *out, uint64_t room,
                             uint64_t stride, uint64_t *out_count, struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    MEMORY_AUTO(key) struct memory_key key = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_upload_key(&key, fs, path, path_len, upload_id, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_upload *upload = NULL;
    memory_lock(fs->store);
    code = memory_upload_find_locked(fs->store, &key, &upload, err);
    if (code == POLYFS_OK) {
        uint64_t place = after < PARTS_MAX ? part_place(upload, after + 1) : upload->count;
        uint64_t count = 0;
        for (; count < room && place < upload->count; count++, place++)
            part_row(&upload->parts[place], (struct polyfs_part *)(void *)((char *)out + count * stride));
        *out_count = count;
    }
    memory_unlock(fs->store);
    return code;
}

/* The part that a row of complete names. */
static int part_pick(const struct memory_upload *upload, const struct polyfs_part *row, struct memory_content **out,
                     struct polyfs_error *err)
{
    char etag[MEMORY_ETAG_ROOM] = "";
    uint64_t place = part_place(upload, row->number);
    int there = place < upload->count && upload->parts[place].number == row->number;
    if (there)
        memory_etag_text(upload->parts[place].generation, etag);
    if (!there || strcmp(etag, row->etag) != 0)
        return polyfs_fail(err, POLYFS_INVALID, "part %u was never sent, or was sent again since", row->number);
    if (row->size != upload->parts[place].content->size)
        return polyfs_fail(err, POLYFS_INVALID, "part %u has another size than was said", row->number);
    *out = upload->parts[place].content;
    return POLYFS_OK;
}

static const struct polyfs_part *row_at(const struct polyfs_part *parts, uint64_t index, uint64_t stride)
{
    return (const struct polyfs_part *)(const void *)((const char *)parts + index * stride);
}

/* The pieces are counted first, since a content has its room from the start. */
int memory_parts_join_locked(struct memory_fs *fs, const struct memory_upload *upload,
                             const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                             struct memory_content **out, struct polyfs_error *err)
{
    struct memory_content *part = NULL;
    uint64_t room = 0, before = 0;
    for (uint64_t i = 0; i < count; i++) {
        const struct polyfs_part *row = row_at(parts, i, stride);
        if (row->number <= before)
            return polyfs_fail(err, POLYFS_INVALID, "parts must be listed by rising number");
        if (row->flags != 0)
            return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag of part %u is not known", row->number);
        int code = part_pick(upload, row, &part, err);
        if (code != POLYFS_OK)
            return code;
        room += part->count;
        before = row->number;
    }
    int code = memory_content_new(fs, room, out, err);
    for (uint64_t i = 0; i < count && code == POLYFS_OK; i++) {
        code = part_pick(upload, row_at(parts, i, stride), &part, err);
        if (code == POLYFS_OK)
            memory_content_push_range(*out, part, 0, part->size);
    }
    return code;
}

int memory_parts_verify(struct memory_fs *fs, const struct polyfs_call *call, const struct memory_content *whole,
                        const struct polyfs_part *parts, uint64_t count, uint64_t stride, struct polyfs_error *err)
{
    uint64_t offset = 0;
    for (uint64_t i = 0; i < count; i++) {
        const struct polyfs_part *row = row_at(parts, i, stride);
        if (row->checksum.kind != POLYFS_CHECKSUM_NONE) {
            MEMORY_AUTO(content) struct memory_content *part = NULL;
            int code = memory_content_new(fs, memory_content_spans(whole, offset, row->size), &part, err);
            if (code != POLYFS_OK)
                return code;
            memory_content_push_range(part, whole, offset, row->size);
            code = memory_content_verify(part, call, &row->checksum, err);
            if (code != POLYFS_OK)
                return code;
        }
        offset += row->size;
    }
    return POLYFS_OK;
}
