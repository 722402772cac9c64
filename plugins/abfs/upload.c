/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads of blocks. To begin one sends nothing: its name is made here, and leads the name of each of its blocks, so that
 * two uploads to one blob never mix. All blocks of a blob have names of one length, as the service wants it. There is
 * nothing to abort either: blocks that no list names are gone after a week, or with the next write of the blob.
 */
#include "abfs.h"

#define ID_BYTES 32 /* hexadecimal digits */
#define BLOCK_NAME_BYTES (ID_BYTES + 6)

static int check_id(const char *upload_id, struct polyfs_error *err)
{
    if (strlen(upload_id) == ID_BYTES && strspn(upload_id, "0123456789abcdef") == ID_BYTES)
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_NOT_FOUND, "there is no such upload");
}

/* `UPLOAD-NNNNN` in base64. */
static void block_name(const char *upload_id, uint32_t number, char out[64])
{
    char plain[64];
    struct ps_buf text = {0};
    snprintf(plain, sizeof(plain), "%.32s-%05u", upload_id, number);
    ps_buf_base64(&text, plain, BLOCK_NAME_BYTES);
    snprintf(out, 64, "%s", text.data ? text.data : "");
    ps_buf_clear(&text);
}

static int part_begin(struct abfs_request *r, const char *path, uint64_t path_len, const char *upload_id,
                      uint32_t number, char block[64], struct polyfs_error *err)
{
    struct ps_target target;
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = check_id(upload_id, err);
    if (rc == POLYFS_OK && (number < 1 || number > ABFS_PARTS_MAX))
        rc = polyfs_fail(err, POLYFS_INVALID, "parts have numbers from 1 to 50,000");
    if (rc != POLYFS_OK)
        return rc;
    block_name(upload_id, number, block);
    abfs_request_init(r, "PUT", &target);
    abfs_query(r, "comp", "block");
    abfs_query(r, "blockid", block);
    return POLYFS_OK;
}

static void part_fill(struct polyfs_part *out, uint32_t number, uint64_t size, const char *block)
{
    memset(out, 0, sizeof(*out));
    out->number = number;
    out->size = size;
    snprintf(out->etag, sizeof(out->etag), "%s", block);
}

static int upload_start(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                        const struct polyfs_put_request *request, struct polyfs_text *out_id,
                        struct polyfs_error *err)
{
    struct ps_target target;
    struct abfs_request r;
    unsigned char bytes[ID_BYTES / 2];
    struct ps_buf id = {0};
    if (request->flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = abfs_lake_check_write(self, call, &target, err);
    abfs_request_init(&r, "PUT", NULL);
    if (rc == POLYFS_OK) /* what the commit would be refused for is told now */
        rc = abfs_write_headers(self, &r, request, err);
    if (rc == POLYFS_OK && request->checksum.kind)
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "abfs verifies no checksum of a blob that comes in parts");
    abfs_request_clear(&r);
    if (rc != POLYFS_OK)
        return rc;
    ps_host->random(bytes, sizeof(bytes));
    ps_buf_hex(&id, bytes, sizeof(bytes));
    rc = ps_buf_check(&id, err);
    if (rc == POLYFS_OK && ps_host->text_set(out_id, id.data, id.size) != POLYFS_OK)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for the upload's name");
    ps_buf_clear(&id);
    return rc;
}

/* An empty block is none to the service: it is left out of the list. */
static int upload_part(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                       const char *upload_id, uint32_t number, const void *data, uint64_t size,
                       const struct polyfs_checksum *checksum, struct polyfs_part *out, struct polyfs_error *err)
{
    struct abfs_request r;
    char block[64];
    int rc = part_begin(&r, path, path_len, upload_id, number, block, err);
    if (rc == POLYFS_OK && size)
        rc = abfs_checksum_header(self, &r, data, size, checksum, err);
    if (rc == POLYFS_OK && size) {
        r.http.body = data;
        r.http.body_bytes = size;
        rc = abfs_send_only(self, call, &r, err);
    }
    if (rc == POLYFS_OK)
        part_fill(out, number, size, block);
    return rc;
}

static int upload_copy_part(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                            const char *upload_id, uint32_t number, const struct polyfs_source *source,
                            uint64_t offset, uint64_t size, struct polyfs_part *out, struct polyfs_error *err)
{
    struct abfs_request r;
    char block[64], range[64];
    int rc = part_begin(&r, path, path_len, upload_id, number, block, err);
    if (rc != POLYFS_OK)
        return rc;
    snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)offset,
             (unsigned long long)(offset + size - 1));
    abfs_header(&r, "x-ms-source-range", range);
    r.http.stall_ms = ABFS_SLOW_MS;
    rc = abfs_copy_source(self, call, &r, source, err);
    if (rc == POLYFS_OK)
        rc = abfs_send_only(self, call, &r, err);
    abfs_request_clear(&r);
    if (rc == POLYFS_OK)
        part_fill(out, number, size, block);
    return abfs_copy_lost(rc, source, err);
}

/* ---- the end ---------------------------------------------------------------------------------------------------------- */

static void complete_body(struct ps_buf *body, const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                          uint64_t *out_size)
{
    *out_size = 0;
    ps_buf_text(body, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for (uint64_t i = 0; i < count; i++) {
        const struct polyfs_part *part = (const void *)((const char *)parts + stride * i);
        *out_size += part->size;
        if (!part->size)
            continue;
        ps_buf_text(body, "<Uncommitted>");
        ps_xml_escape(body, part->etag, strlen(part->etag));
        ps_buf_text(body, "</Uncommitted>");
    }
    ps_buf_text(body, "</BlockList>");
}

/* Another write of this name has swept our blocks away: the same bytes may go under a new upload. */
static int complete_lost(int rc, const struct polyfs_put_request *request, struct polyfs_error *err)
{
    if (err && strcmp(err->native_code, "InvalidBlockList") == 0) {
        if (request->condition.create_only || request->condition.if_match)
            return abfs_lost(POLYFS_CONDITION, &request->condition, err);
        snprintf(err->message, sizeof(err->message),
                 "another write of this name met it, and its upload is gone with that; write it again");
        err->code = POLYFS_BUSY;
        err->retry = POLYFS_RETRY_RESTART;
        return POLYFS_BUSY;
    }
    return abfs_lost(rc, &request->condition, err);
}

static int upload_complete(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                           const char *upload_id, const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                           const struct polyfs_put_request *request, struct polyfs_stat *out,
                           struct polyfs_error *err)
{
    struct abfs_fs *fs = self;
    struct ps_target target;
    struct abfs_request r;
    struct ps_http_connection *answer = NULL;
    struct ps_buf body = {0};
    uint64_t size;
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = check_id(upload_id, err);
    if (rc != POLYFS_OK)
        return rc;
    complete_body(&body, parts, count, stride, &size);
    abfs_request_init(&r, "PUT", &target);
    abfs_query(&r, "comp", "blocklist");
    rc = abfs_write_headers(fs, &r, request, err);
    abfs_write_conditions(&r, &request->condition);
    r.http.body = body.data;
    r.http.body_bytes = body.size;
    r.http.stall_ms = ABFS_SLOW_MS;
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&body, err);
    if (rc == POLYFS_OK)
        rc = abfs_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = abfs_written(fs, answer, size, out, err);
    ps_http_clear(fs->http, answer);
    ps_buf_clear(&body);
    abfs_request_clear(&r);
    return rc == POLYFS_OK ? rc : complete_lost(rc, request, err);
}

static int upload_abort(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                        const char *upload_id, struct polyfs_error *err)
{
    struct ps_target target;
    (void)call;
    (void)self;
    int rc = abfs_target(path, path_len, 1, &target, err);
    return rc == POLYFS_OK ? check_id(upload_id, err) : rc;
}

/* ---- listing parts ----------------------------------------------------------------------------------------------------- */

struct parts {
    const char *upload_id;
    struct polyfs_part part; /* the one being read */
    struct polyfs_part *out;
    uint64_t room, stride, count;
    uint32_t after;
    int truncated;
};

/* The number in a block's name, or 0 when it is of another upload. */
static uint32_t number_of(const struct parts *p, const char *block)
{
    char plain[64];
    int64_t n = ps_base64_decode(block, plain, sizeof(plain) - 1);
    if (n != BLOCK_NAME_BYTES || memcmp(plain, p->upload_id, ID_BYTES) != 0 || plain[ID_BYTES] != '-')
        return 0;
    plain[n] = '\0';
    uint64_t number = ps_number(plain + ID_BYTES + 1);
    return number <= ABFS_PARTS_MAX ? (uint32_t)number : 0;
}

static struct polyfs_part *part_at(const struct parts *p, uint64_t i)
{
    return (struct polyfs_part *)(void *)((char *)p->out + p->stride * i);
}

/* Blocks come in the order of their arrival; the lowest numbers behind `after` are kept, in order. */
static void keep_part(struct parts *p)
{
    uint64_t at = p->count;
    if (p->part.number <= p->after)
        return;
    while (at && part_at(p, at - 1)->number > p->part.number)
        at--;
    p->truncated |= p->count == p->room;
    if (at == p->room)
        return;
    for (uint64_t i = p->count < p->room ? p->count : p->room - 1; i > at; i--)
        *part_at(p, i) = *part_at(p, i - 1);
    *part_at(p, at) = p->part;
    p->count += p->count < p->room;
}

static int parts_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct parts *p = arg;
    (void)size;
    (void)err;
    if (strcmp(path, "BlockList/UncommittedBlocks/Block/Name") == 0) {
        p->part.number = number_of(p, text);
        snprintf(p->part.etag, sizeof(p->part.etag), "%s", text);
    } else if (strcmp(path, "BlockList/UncommittedBlocks/Block/Size") == 0) {
        p->part.size = ps_number(text);
    } else if (strcmp(path, "BlockList/UncommittedBlocks/Block") == 0) {
        keep_part(p);
        memset(&p->part, 0, sizeof(p->part));
    }
    return POLYFS_OK;
}

static int upload_list_parts(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                             const char *upload_id, uint32_t after, struct polyfs_part *out, uint64_t room,
                             uint64_t stride, uint64_t *out_count, struct polyfs_error *err)
{
    struct parts parts = {.upload_id = upload_id, .out = out, .room = room, .stride = stride, .after = after};
    struct ps_target target;
    struct abfs_request r;
    int rc = abfs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = check_id(upload_id, err);
    if (rc != POLYFS_OK)
        return rc;
    abfs_request_init(&r, "GET", &target);
    abfs_query(&r, "comp", "blocklist");
    abfs_query(&r, "blocklisttype", "uncommitted");
    rc = abfs_send_xml(self, call, &r, parts_element, &parts, "BlockList", err);
    if (rc != POLYFS_OK)
        return rc;
    *out_count = parts.count;
    return parts.truncated ? POLYFS_MORE : POLYFS_OK;
}

const struct polyfs_upload_ops abfs_upload_ops = {
    .struct_size = sizeof(struct polyfs_upload_ops),
    .start = upload_start,
    .part = upload_part,
    .copy_part = upload_copy_part,
    .list_parts = upload_list_parts,
    .complete = upload_complete,
    .abort = upload_abort,
};
