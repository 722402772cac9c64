/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a zip file tells where its directory is, the directory which records there are and where the header of
 * each is, and that header where the bytes begin: its length is told nowhere else.
 */
#include "zip.h"

#include <stdlib.h>
#include <string.h>

#define END_SIGN 0x06054b50u
#define END_SIZE 22u
#define LOCATOR_SIGN 0x07064b50u /* of the end in 64 bits */
#define LOCATOR_SIZE 20u
#define END64_SIGN 0x06064b50u
#define END64_SIZE 56u
#define ENTRY_SIGN 0x02014b50u
#define ENTRY_SIZE 46u
#define HEADER_SIGN 0x04034b50u
#define HEADER_SIZE 30u
#define EXTRA_ROOM 1024u /* read along with a header; torch's are shorter than 100 bytes */

#define FLAG_ENCRYPTED 0x0001u
#define FLAG_SIZES_BEHIND 0x0008u /* the header does not have them */
#define ALIGNMENT 64u             /* of torch's writer, for every record */

static uint16_t u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)u16(at) | (uint32_t)u16(at + 2) << 16;
}

static uint64_t u64(const uint8_t *at)
{
    return (uint64_t)u32(at) | (uint64_t)u32(at + 4) << 32;
}

static int damaged(const struct ckpt_zip *zip, const char *what, struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_CORRUPT, "read", zip->shard->name,
                     "it is a damaged zip file: %s; take another copy of it", what);
}

static int no_memory(const struct ckpt_zip *zip, struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_NOMEM, "read", zip->shard->name, "no memory for its directory");
}

/* Bytes of the file, from memory where the tail has them. The range must lie in the file. */
static int bytes_read(const struct ckpt_zip *zip, uint64_t offset, void *buffer, size_t size,
                      struct polyfs_error *err)
{
    if (offset < zip->tail_at)
        return ckpt_shard_read(zip->shard, offset, buffer, size, err);
    memcpy(buffer, zip->tail + (offset - zip->tail_at), size);
    return POLYFS_OK;
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

/* Where the directory lies. */
struct place {
    uint64_t offset, size, count;
    uint64_t end; /* in the file, of what comes behind it */
};

static int tail_read(struct ckpt_zip *zip, struct polyfs_error *err)
{
    uint64_t size = zip->shard->size;
    zip->tail_n = size < CKPT_ZIP_TAIL_MAX ? (size_t)size : CKPT_ZIP_TAIL_MAX;
    zip->tail_at = size - zip->tail_n;
    if (zip->tail_n < END_SIZE || size > INT64_MAX)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "read", zip->shard->name, "it is no zip file");
    zip->tail = malloc(zip->tail_n);
    if (!zip->tail)
        return no_memory(zip, err);
    return ckpt_shard_read(zip->shard, zip->tail_at, zip->tail, zip->tail_n, err);
}

/* The last place that looks like the end and whose comment ends where the file does: in the tail, or NULL. */
static const uint8_t *end_find(const struct ckpt_zip *zip)
{
    for (size_t at = zip->tail_n - END_SIZE + 1; at-- > 0;)
        if (u32(zip->tail + at) == END_SIGN && u16(zip->tail + at + 20) == zip->tail_n - at - END_SIZE)
            return zip->tail + at;
    return NULL;
}

/* What @narrow says must be what the wide number is, or that it did not fit. */
static int agrees(uint64_t narrow, uint64_t most, uint64_t wide)
{
    return narrow == wide || narrow == most;
}

/* The end in 64 bits, which the locator in front of @end leads to. */
static int end64_read(const struct ckpt_zip *zip, const uint8_t *end, struct place *out, struct polyfs_error *err)
{
    const uint8_t *locator = end - LOCATOR_SIZE;
    uint64_t locator_at = zip->tail_at + (uint64_t)(locator - zip->tail), at = u64(locator + 8);
    if (at < zip->tail_at || locator_at < END64_SIZE || at > locator_at - END64_SIZE)
        return damaged(zip, "the end of its directory is not where it says", err);
    const uint8_t *wide = zip->tail + (at - zip->tail_at);
    if (u32(wide) != END64_SIGN || u64(wide + 4) != locator_at - at - 12)
        return damaged(zip, "the end of its directory is not where it says", err);
    if (u32(locator + 4) || u32(locator + 16) != 1 || u32(wide + 16) || u32(wide + 20) ||
        u64(wide + 24) != u64(wide + 32))
        return damaged(zip, "it is one part of several", err);
    *out = (struct place){.offset = u64(wide + 48), .size = u64(wide + 40), .count = u64(wide + 32), .end = at};
    if (!agrees(u16(end + 10), UINT16_MAX, out->count) || !agrees(u32(end + 12), UINT32_MAX, out->size) ||
        !agrees(u32(end + 16), UINT32_MAX, out->offset))
        return damaged(zip, "its two ends contradict each other", err);
    return POLYFS_OK;
}

static int end_read(const struct ckpt_zip *zip, const uint8_t *end, struct place *out, struct polyfs_error *err)
{
    size_t at = (size_t)(end - zip->tail);
    if (at >= LOCATOR_SIZE && u32(end - LOCATOR_SIZE) == LOCATOR_SIGN)
        return end64_read(zip, end, out, err);
    if (u16(end + 4) || u16(end + 6) || u16(end + 8) != u16(end + 10))
        return damaged(zip, "it is one part of several", err);
    *out = (struct place){.offset = u32(end + 16),
                          .size = u32(end + 12),
                          .count = u16(end + 10),
                          .end = zip->tail_at + at};
    return POLYFS_OK;
}

/* ---- the directory ---------------------------------------------------------------------------------------------- */

static int place_check(const struct ckpt_zip *zip, const struct place *place, struct polyfs_error *err)
{
    if (place->offset > place->end || place->size != place->end - place->offset)
        return damaged(zip, "its directory does not lie in front of its end", err);
    if (place->count > place->size / ENTRY_SIZE)
        return damaged(zip, "its directory has no room for so many records", err);
    if (place->size > CKPT_ZIP_DIRECTORY_MAX)
        return ckpt_fail(err, POLYFS_TOO_LARGE, "read", zip->shard->name,
                         "its zip directory has %llu bytes, and %d are read at most",
                         (unsigned long long)place->size, CKPT_ZIP_DIRECTORY_MAX);
    return POLYFS_OK;
}

/* The bytes of the directory: those that the tail lacks are read, in front of the others. */
static int directory_read(struct ckpt_zip *zip, const struct place *place, const uint8_t **out,
                          struct polyfs_error *err)
{
    if (place->offset >= zip->tail_at) {
        *out = zip->tail + (place->offset - zip->tail_at);
        return POLYFS_OK;
    }
    size_t size = (size_t)place->size, front = (size_t)(zip->tail_at - place->offset);
    zip->directory = malloc(size);
    if (!zip->directory)
        return no_memory(zip, err);
    *out = zip->directory;
    memcpy(zip->directory + front, zip->tail, size - front);
    return ckpt_shard_read(zip->shard, place->offset, zip->directory, front, err);
}

/* The field of 64-bit numbers among those of an entry. */
static const uint8_t *wide_field(const uint8_t *at, size_t n, size_t *out_n)
{
    while (n >= 4) {
        size_t size = u16(at + 2);
        if (size > n - 4)
            return NULL;
        if (u16(at) == 1) {
            *out_n = size;
            return at + 4;
        }
        at += 4 + size;
        n -= 4 + size;
    }
    return NULL;
}

/* Numbers that have no room in 32 bits stand in the field, in this order. */
static int wide_read(const uint8_t *extra, size_t extra_n, uint64_t *const numbers[], size_t count)
{
    size_t n = 0;
    const uint8_t *field = wide_field(extra, extra_n, &n);
    for (size_t i = 0; i < count; i++) {
        if (*numbers[i] != UINT32_MAX)
            continue;
        if (!field || n < 8)
            return 0;
        *numbers[i] = u64(field);
        field += 8;
        n -= 8;
    }
    return 1;
}

/* The entry at @at, and how long it is; 0 when it is damaged. @limit: where the records end. */
static size_t entry_read(const uint8_t *at, uint64_t n, uint64_t limit, struct ckpt_zip_entry *out)
{
    if (n < ENTRY_SIZE || u32(at) != ENTRY_SIGN)
        return 0;
    size_t name_n = u16(at + 28), extra_n = u16(at + 30), length = ENTRY_SIZE + name_n + extra_n + u16(at + 32);
    uint64_t plain = u32(at + 24), stored = u32(at + 20), header = u32(at + 42);
    uint64_t *const numbers[] = {&plain, &stored, &header};
    if (length > n || !name_n || !wide_read(at + ENTRY_SIZE + name_n, extra_n, numbers, 3))
        return 0;
    *out = (struct ckpt_zip_entry){.name = (const char *)at + ENTRY_SIZE,
                                   .name_n = name_n,
                                   .header = header,
                                   .size = stored,
                                   .crc = u32(at + 16),
                                   .method = u16(at + 10),
                                   .flags = u16(at + 8)};
    if (out->method == 0 && plain != stored && !(out->flags & FLAG_ENCRYPTED))
        return 0;
    if (header > limit || limit - header < HEADER_SIZE + name_n || stored > limit - header - HEADER_SIZE - name_n)
        return 0;
    return length;
}

static int entries_read(struct ckpt_zip *zip, const uint8_t *at, const struct place *place,
                        struct polyfs_error *err)
{
    uint64_t rest = place->size;
    zip->end = place->offset;
    zip->entries = calloc((size_t)place->count + 1, sizeof(*zip->entries));
    zip->by_name = calloc((size_t)place->count + 1, sizeof(struct ckpt_zip_entry *));
    if (!zip->entries || !zip->by_name)
        return no_memory(zip, err);
    for (zip->count = 0; zip->count < place->count; zip->count++) {
        struct ckpt_zip_entry *entry = &zip->entries[zip->count];
        size_t length = entry_read(at, rest, zip->end, entry);
        if (!length)
            return damaged(zip, "an entry of its directory makes no sense", err);
        entry->next = zip->end;
        if (zip->count)
            entry[-1].next = entry->header;
        zip->by_name[zip->count] = entry;
        at += length;
        rest -= length;
    }
    return rest ? damaged(zip, "its directory is longer than its entries", err) : POLYFS_OK;
}

static int name_compare(const char *a, size_t a_n, const char *b, size_t b_n)
{
    int order = memcmp(a, b, a_n < b_n ? a_n : b_n);
    return order ? order : (a_n > b_n) - (a_n < b_n);
}

static int by_name(const void *left, const void *right)
{
    const struct ckpt_zip_entry *a = *(struct ckpt_zip_entry *const *)left;
    const struct ckpt_zip_entry *b = *(struct ckpt_zip_entry *const *)right;
    return name_compare(a->name, a->name_n, b->name, b->name_n);
}

static int names_sort(struct ckpt_zip *zip, struct polyfs_error *err)
{
    qsort(zip->by_name, zip->count, sizeof(*zip->by_name), by_name);
    for (size_t i = 1; i < zip->count; i++)
        if (by_name(&zip->by_name[i - 1], &zip->by_name[i]) == 0)
            return damaged(zip, "two of its records have one name", err);
    return POLYFS_OK;
}

static int open_into(struct ckpt_zip *zip, struct polyfs_error *err)
{
    struct place place = {0};
    const uint8_t *end, *directory = NULL;
    int rc = tail_read(zip, err);
    if (rc != POLYFS_OK)
        return rc;
    end = end_find(zip);
    if (!end)
        return ckpt_fail(err, POLYFS_UNSUPPORTED, "read", zip->shard->name, "it is no zip file");
    if ((rc = end_read(zip, end, &place, err)) != POLYFS_OK || (rc = place_check(zip, &place, err)) != POLYFS_OK ||
        (rc = directory_read(zip, &place, &directory, err)) != POLYFS_OK ||
        (rc = entries_read(zip, directory, &place, err)) != POLYFS_OK)
        return rc;
    return names_sort(zip, err);
}

int ckpt_zip_open(const struct ckpt_shard *shard, struct ckpt_zip *out, struct polyfs_error *err)
{
    struct ckpt_zip zip = {.shard = shard};
    int rc = open_into(&zip, err);
    if (rc == POLYFS_OK)
        *out = zip;
    else
        ckpt_zip_clear(&zip);
    return rc;
}

void ckpt_zip_clear(struct ckpt_zip *zip)
{
    free(zip->tail);
    free(zip->directory);
    free(zip->entries);
    free(zip->by_name);
    memset(zip, 0, sizeof(*zip));
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

struct ckpt_zip_entry *ckpt_zip_find(const struct ckpt_zip *zip, const char *name, size_t name_n)
{
    for (size_t low = 0, high = zip->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        struct ckpt_zip_entry *entry = zip->by_name[middle];
        int order = name_compare(name, name_n, entry->name, entry->name_n);
        if (order == 0)
            return entry;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static int record_damaged(const struct ckpt_zip *zip, const struct ckpt_zip_entry *entry, struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_CORRUPT, "read", zip->shard->name,
                     "it is a damaged zip file: its record %.*s is not where its directory says; take another copy "
                     "of it",
                     (int)entry->name_n, entry->name);
}

static int plain_check(const struct ckpt_zip *zip, const struct ckpt_zip_entry *entry, struct polyfs_error *err)
{
    int is_encrypted = entry->flags & FLAG_ENCRYPTED;
    if (entry->method == 0 && !is_encrypted)
        return POLYFS_OK;
    return ckpt_fail(
        err, POLYFS_UNSUPPORTED, "read", zip->shard->name,
        "its record %.*s is %s, and only plain ones can be read in part; load it and save it again with "
        "torch.save()",
        (int)entry->name_n, entry->name, is_encrypted ? "encrypted" : "compressed");
}

/*
 * Where torch's writer puts the bytes of a record: as many bytes behind the header as make its place a multiple of
 * 64, in a field "FB" behind the one of 64-bit numbers.
 */
static uint64_t aligned_data(const struct ckpt_zip_entry *entry)
{
    uint64_t big = entry->size >= UINT32_MAX, far = entry->header >= UINT32_MAX;
    uint64_t wide = big || far ? 4 + 16 * big + 8 * far : 0;
    return (entry->header + HEADER_SIZE + entry->name_n + wide + 4 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Does the next record begin right behind the bytes that begin at @data, and behind what torch's writer adds? */
static int is_followed(const struct ckpt_zip_entry *entry, uint64_t data)
{
    uint64_t behind = entry->size >= UINT32_MAX || entry->header >= UINT32_MAX ? 24 : 16;
    return entry->flags & FLAG_SIZES_BEHIND && data <= entry->next && entry->next - data == entry->size + behind;
}

/* Takes entry->data of the header at @at, of which @n bytes are there, its name among them. */
static int header_read(struct ckpt_zip *zip, struct ckpt_zip_entry *entry, const uint8_t *at, size_t n,
                       struct polyfs_error *err)
{
    size_t name_n = u16(at + 26), extra_n = u16(at + 28);
    uint64_t data = entry->header + HEADER_SIZE + name_n + extra_n;
    if (u32(at) != HEADER_SIGN || u16(at + 8) != entry->method || name_n != entry->name_n ||
        memcmp(at + HEADER_SIZE, entry->name, name_n) != 0 || data > zip->end || entry->size > zip->end - data)
        return record_damaged(zip, entry, err);
    entry->data = data;
    if (data == aligned_data(entry) && is_followed(entry, data) && n >= HEADER_SIZE + name_n + 2 &&
        memcmp(at + HEADER_SIZE + name_n, "FB", 2) == 0)
        zip->aligned = 1;
    return POLYFS_OK;
}

/*
 * A file of thousands of tensors would take as many requests. So when one header has shown that torch wrote the file,
 * its rule says where the bytes of the others are; any whose neighbour does not bear that out is looked up.
 */
int ckpt_zip_locate(struct ckpt_zip *zip, struct ckpt_zip_entry *entry, struct polyfs_error *err)
{
    uint8_t header[HEADER_SIZE + CKPT_ZIP_NAME_MAX];
    size_t size = HEADER_SIZE + entry->name_n;
    int rc = size > sizeof(header) ? record_damaged(zip, entry, err) : plain_check(zip, entry, err);
    if (rc != POLYFS_OK || entry->data)
        return rc;
    if (zip->aligned && is_followed(entry, aligned_data(entry))) {
        entry->data = aligned_data(entry);
        return POLYFS_OK;
    }
    rc = bytes_read(zip, entry->header, header, size, err);
    return rc == POLYFS_OK ? header_read(zip, entry, header, size, err) : rc;
}

/* Header and bytes come in one request, unless the header is unusually long. */
int ckpt_zip_read(struct ckpt_zip *zip, struct ckpt_zip_entry *entry, uint8_t **out, struct polyfs_error *err)
{
    uint64_t rest = zip->shard->size - entry->header, wanted = HEADER_SIZE + entry->name_n + EXTRA_ROOM;
    int rc = plain_check(zip, entry, err);
    if (rc != POLYFS_OK)
        return rc;
    size_t room = (size_t)(rest < wanted || rest - wanted < entry->size ? rest : wanted + entry->size);
    uint8_t *bytes = malloc(room);
    if (!bytes)
        return ckpt_fail(err, POLYFS_NOMEM, "read", zip->shard->name, "no memory for its record %.*s",
                         (int)entry->name_n, entry->name);
    rc = bytes_read(zip, entry->header, bytes, room, err);
    if (rc == POLYFS_OK)
        rc = header_read(zip, entry, bytes, room, err);
    uint64_t skip = entry->data - entry->header;
    if (rc == POLYFS_OK && skip <= room && room - skip >= entry->size)
        memmove(bytes, bytes + skip, (size_t)entry->size);
    else if (rc == POLYFS_OK)
        rc = bytes_read(zip, entry->data, bytes, (size_t)entry->size, err);
    if (rc == POLYFS_OK)
        *out = bytes;
    else
        free(bytes);
    return rc;
}
