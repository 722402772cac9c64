/* SPDX-License-Identifier: Apache-2.0 */
#include "multipart.h"

const char ps_mark[] = "polyfs upload";
#define MARK_ETAG "\"55f7d332968f4a7c65ab2b475a1a4a85\""

/* How a part's element calls its checksum. */
static const struct sums {
    uint32_t kind, length;
    const char *element;
} sums[] = {{POLYFS_CHECKSUM_CRC64NVME, 8, "ChecksumCRC64NVME"}, {POLYFS_CHECKSUM_CRC32C, 4, "ChecksumCRC32C"}};
#define SUMS (sizeof(sums) / sizeof(sums[0]))

/* ---- the end of an upload --------------------------------------------------------------------------------------------- */

static void part_checksum(struct ps_buf *body, const struct polyfs_checksum *sum)
{
    unsigned i = 0;
    while (i < SUMS && sums[i].kind != sum->kind)
        i++;
    if (i == SUMS)
        return;
    ps_buf_char(body, '<');
    ps_buf_text(body, sums[i].element);
    ps_buf_char(body, '>');
    ps_buf_base64(body, sum->value, sum->length);
    ps_buf_text(body, "</");
    ps_buf_text(body, sums[i].element);
    ps_buf_char(body, '>');
}

void ps_complete_body(struct ps_buf *body, uint32_t kind, const struct polyfs_part *parts, uint64_t count,
                      uint64_t stride, uint64_t *out_size)
{
    *out_size = 0;
    ps_buf_text(body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (uint64_t i = 0; i < count; i++) {
        const struct polyfs_part *part = (const void *)((const char *)parts + stride * i);
        ps_buf_text(body, "<Part><PartNumber>");
        ps_buf_number(body, part->number);
        ps_buf_text(body, "</PartNumber><ETag>");
        ps_xml_escape(body, part->etag, strlen(part->etag));
        ps_buf_text(body, "</ETag>");
        if (kind && part->checksum.kind == kind)
            part_checksum(body, &part->checksum);
        ps_buf_text(body, "</Part>");
        *out_size += part->size;
    }
    ps_buf_text(body, "</CompleteMultipartUpload>");
}

/* ---- questions -------------------------------------------------------------------------------------------------------- */

static void ask(struct ps_query *query, unsigned *count, const char *name, const char *value)
{
    if (value)
        query[(*count)++] = (struct ps_query){name, value};
}

void ps_parts_ask(struct ps_parts *parts, const char *upload_id, uint32_t after, struct ps_query *query,
                  unsigned *query_count)
{
    snprintf(parts->after, sizeof(parts->after), "%u", after);
    snprintf(parts->most, sizeof(parts->most), "%llu",
             (unsigned long long)(parts->room < 1000 ? parts->room : 1000));
    ask(query, query_count, "uploadId", upload_id);
    ask(query, query_count, "part-number-marker", after ? parts->after : NULL);
    ask(query, query_count, "max-parts", parts->most);
}

/* ---- parts ------------------------------------------------------------------------------------------------------------ */

/* Encrypted parts have etags that are no MD5. */
static int is_mark(const struct polyfs_part *part)
{
    return part->number == PS_MARK && part->size == PS_MARK_BYTES &&
           (strlen(part->etag) != strlen(MARK_ETAG) || strcmp(part->etag, MARK_ETAG) == 0);
}

static void checksum_of(struct polyfs_checksum *out, const char *element, const char *text)
{
    for (unsigned i = 0; i < SUMS; i++)
        if (strcmp(element, sums[i].element) == 0 &&
            ps_base64_decode(text, out->value, sums[i].length) == sums[i].length)
            out->kind = sums[i].kind, out->length = sums[i].length;
}

int ps_parts_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct ps_parts *p = arg;
    (void)size;
    (void)err;
    if (strcmp(path, "ListPartsResult/IsTruncated") == 0)
        p->truncated = strcmp(text, "true") == 0;
    if (strncmp(path, "ListPartsResult/Part", 20) != 0)
        return POLYFS_OK;
    const char *name = path + 20;
    if (strcmp(name, "/PartNumber") == 0)
        p->part.number = (uint32_t)ps_number(text);
    else if (strcmp(name, "/Size") == 0)
        p->part.size = ps_number(text);
    else if (strcmp(name, "/ETag") == 0)
        snprintf(p->part.etag, sizeof(p->part.etag), "%s", text);
    else if (*name)
        checksum_of(&p->part.checksum, name + 1, text);
    if (*name)
        return POLYFS_OK;
    if (p->part.number == PS_MARK)
        p->marked = is_mark(&p->part);
    else if (p->count < p->room)
        *(struct polyfs_part *)(void *)((char *)p->out + p->stride * p->count++) = p->part;
    else
        p->truncated = 1;
    memset(&p->part, 0, sizeof(p->part));
    return POLYFS_OK;
}

/* ---- unfinished uploads ----------------------------------------------------------------------------------------------- */

#define UPLOADS_MAX 1000

struct ps_uploads {
    struct ps_buf text;
    struct {
        uint64_t path, path_len, id;
        int64_t started_ns;
    } at[UPLOADS_MAX];
    uint64_t count;
    const struct ps_target *target;
    const char *id_prefix;
    char *after; /* the key that the page before ended with */
    char key_marker[1100], id_marker[1024];
    int truncated, is_url;
};

struct ps_uploads *ps_uploads_new(const struct ps_target *target, const char *id_prefix, struct polyfs_error *err)
{
    struct ps_uploads *u = ps_host->alloc(sizeof(*u));
    if (!u) {
        polyfs_fail(err, POLYFS_NOMEM, "no memory for a page of uploads");
        return NULL;
    }
    memset(u, 0, sizeof(*u));
    u->target = target;
    u->id_prefix = id_prefix;
    return u;
}

void ps_uploads_free(struct ps_uploads *u)
{
    if (!u)
        return;
    ps_buf_clear(&u->text);
    ps_host->free(u->after);
    ps_host->free(u);
}

int ps_uploads_ask(struct ps_uploads *u, const char *cursor, int by_prefix, struct ps_query *query,
                   unsigned *query_count, struct polyfs_error *err)
{
    const char *cut = cursor ? strrchr(cursor, '\n') : NULL;
    ask(query, query_count, "uploads", "");
    ask(query, query_count, "max-uploads", "1000");
    ask(query, query_count, "encoding-type", "url");
    ask(query, query_count, "prefix", by_prefix && u->target->key_len ? u->target->key : NULL);
    if (!cut)
        return POLYFS_OK;
    u->after = ps_copy(cursor, (uint64_t)(cut - cursor));
    ask(query, query_count, "key-marker", u->after);
    ask(query, query_count, "upload-id-marker", cut[1] ? cut + 1 : NULL);
    return u->after ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory for a page of uploads");
}

static void upload_key(struct ps_uploads *u, const char *text, uint64_t size)
{
    u->at[u->count].path = u->text.size;
    ps_buf_add(&u->text, u->target->bucket, u->target->bucket_len);
    ps_buf_char(&u->text, '/');
    ps_buf_add(&u->text, text, size);
    u->at[u->count].path_len = u->text.size - u->at[u->count].path;
    ps_buf_char(&u->text, '\0');
}

int ps_uploads_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct ps_uploads *u = arg;
    const char *at = strchr(path, '/');
    (void)err;
    if (!at || u->count >= UPLOADS_MAX)
        return POLYFS_OK;
    if (strcmp(at, "/Upload/Key") == 0)
        upload_key(u, text, size);
    else if (strcmp(at, "/Upload/Initiated") == 0)
        u->at[u->count].started_ns = ps_iso_time_ns(text);
    else if (strcmp(at, "/EncodingType") == 0)
        u->is_url = strcmp(text, "url") == 0;
    else if (strcmp(at, "/IsTruncated") == 0)
        u->truncated = strcmp(text, "true") == 0;
    else if (strcmp(at, "/NextKeyMarker") == 0)
        snprintf(u->key_marker, sizeof(u->key_marker), "%s", text);
    else if (strcmp(at, "/NextUploadIdMarker") == 0)
        snprintf(u->id_marker, sizeof(u->id_marker), "%s", text);
    else if (strcmp(at, "/Upload/UploadId") == 0) {
        u->at[u->count].id = u->text.size;
        ps_buf_text(&u->text, u->id_prefix);
        ps_buf_add(&u->text, text, size + 1);
    } else if (strcmp(at, "/Upload") == 0) {
        u->count++;
    }
    return POLYFS_OK;
}

static int uploads_more(struct ps_uploads *u, struct polyfs_step *step, struct polyfs_error *err)
{
    char cursor[sizeof(u->key_marker) + sizeof(u->id_marker) + 2];
    if (u->is_url)
        ps_url_decode(u->key_marker, strlen(u->key_marker));
    snprintf(cursor, sizeof(cursor), "%s\n%s", u->key_marker, u->id_marker);
    if (!*u->key_marker || (step->cursor && strcmp(step->cursor, cursor) == 0))
        return polyfs_fail(err, POLYFS_NETWORK, "the store says that there are more uploads, and not where");
    step->poll_after_ms = 0;
    return ps_host->text_set(step->next, cursor, strlen(cursor)) == POLYFS_OK
               ? POLYFS_MORE
               : polyfs_fail(err, POLYFS_NOMEM, "no memory for a page of uploads");
}

/* Whether names are encoded is known once the whole page is. */
static int upload_give(struct ps_uploads *u, uint64_t i, struct polyfs_uploads *out)
{
    char *path = u->text.data + u->at[i].path;
    const uint64_t skip = u->target->bucket_len + 1;
    uint64_t key_len = u->at[i].path_len - skip;
    if (u->is_url)
        key_len = ps_url_decode(path + skip, key_len);
    if (key_len < u->target->key_len || memcmp(path + skip, u->target->key, u->target->key_len) != 0)
        return POLYFS_OK;
    return ps_host->upload_add(out,
                               &(const struct polyfs_upload_row){.struct_size = sizeof(struct polyfs_upload_row),
                                                                 .path = path,
                                                                 .path_len = skip + key_len,
                                                                 .upload_id = u->text.data + u->at[i].id,
                                                                 .started_ns = u->at[i].started_ns});
}

int ps_uploads_give(struct ps_uploads *u, struct polyfs_step *step, struct polyfs_uploads *out,
                    struct polyfs_error *err)
{
    int rc = ps_buf_check(&u->text, err);
    for (uint64_t i = 0; rc == POLYFS_OK && i < u->count; i++)
        if (upload_give(u, i, out) != POLYFS_OK)
            rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a page of uploads");
    return rc == POLYFS_OK && u->truncated ? uploads_more(u, step, err) : rc;
}
