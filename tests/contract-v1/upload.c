/* SPDX-License-Identifier: Apache-2.0 */
/* Shape PARTS. */
#include "store.h"

struct part {
    struct part *next; /* by number */
    struct content *content;
    uint64_t generation;
    uint32_t number;
};

struct upload {
    struct upload *next; /* by id, the newest last */
    struct part *parts;
    uint64_t id;
    int64_t started_ns;
    char path[];
};

static struct upload *uploads;

static int upload_find(const char *path, const char *id, struct upload ***out, struct polyfs_error *err)
{
    char text[32];
    for (struct upload **at = &uploads; *at; at = &(*at)->next) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)(*at)->id);
        if (strcmp(text, id) == 0 && strcmp((*at)->path, path) == 0) {
            *out = at;
            return POLYFS_OK;
        }
    }
    return polyfs_fail(err, POLYFS_NOT_FOUND, "there is no such upload");
}

static void upload_cut(struct upload **at)
{
    struct upload *gone = *at;
    *at = gone->next;
    for (struct part *part; (part = gone->parts);) {
        gone->parts = part->next;
        v1_content_drop(part->content);
        v1_host->free(part);
    }
    v1_host->free(gone);
}

static int upload_start(PATH, const struct polyfs_put_request *request, struct polyfs_text *out_id,
                        struct polyfs_error *err)
{
    char id[32];
    struct upload **end = &uploads;
    (void)fs;
    int rc = v1_request_check(request, 0, err);
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    struct upload *upload = v1_host->alloc(sizeof(*upload) + path_len + 1);
    snprintf(id, sizeof(id), "%llu", (unsigned long long)++v1_generations);
    if (upload && v1_host->text_set(out_id, id, strlen(id)) == POLYFS_OK) {
        upload->next = NULL;
        upload->parts = NULL;
        upload->id = v1_generations;
        upload->started_ns = v1_host->clock_ns(1);
        memcpy(upload->path, path, path_len + 1);
        while (*end)
            end = &(*end)->next;
        *end = upload;
    } else {
        v1_host->free(upload);
        rc = v1_no_memory(err);
    }
    v1_leave();
    return rc;
}

static void part_row(const struct part *part, struct polyfs_part *out)
{
    memset(out, 0, sizeof(*out));
    out->number = part->number;
    out->size = part->content->size;
    snprintf(out->etag, sizeof(out->etag), "%llu", (unsigned long long)part->generation);
}

/* Takes over the content, on failure too. */
static int part_store(const char *path, const char *id, uint32_t number, struct content *content,
                      struct polyfs_part *out, struct polyfs_error *err)
{
    struct upload **upload;
    struct part **at, *part;
    int rc = number >= 1 && number <= PARTS_MAX
                 ? upload_find(path, id, &upload, err)
                 : polyfs_fail(err, POLYFS_INVALID, "parts have numbers from 1 to 10,000");
    part = rc == POLYFS_OK ? v1_host->alloc(sizeof(*part)) : NULL;
    if (!part) {
        v1_content_drop(content);
        return rc == POLYFS_OK ? v1_no_memory(err) : rc;
    }
    at = &(*upload)->parts;
    while (*at && (*at)->number < number)
        at = &(*at)->next;
    part->next = *at;
    if (*at && (*at)->number == number) {
        part->next = (*at)->next;
        v1_content_drop((*at)->content);
        v1_host->free(*at);
    }
    part->content = content;
    part->generation = ++v1_generations;
    part->number = number;
    *at = part;
    part_row(part, out);
    return POLYFS_OK;
}

static int upload_part(PATH, const char *id, uint32_t number, const void *data, uint64_t size,
                       const struct polyfs_checksum *checksum, struct polyfs_part *out, struct polyfs_error *err)
{
    (void)fs;
    (void)path_len;
    int rc = checksum ? v1_checksum_check(checksum, data, size, err) : POLYFS_OK;
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    struct content *content = v1_content_new(size);
    if (content)
        v1_content_add(content, data, size);
    rc = content ? part_store(path, id, number, content, out, err) : v1_no_memory(err);
    v1_leave();
    return rc;
}

static int upload_copy_part(PATH, const char *id, uint32_t number, const struct polyfs_source *source,
                            uint64_t offset, uint64_t size, struct polyfs_part *out, struct polyfs_error *err)
{
    struct object *from;
    struct content *content = NULL;
    (void)fs;
    (void)path_len;
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = v1_source_find(source, &from, err);
    if (rc == POLYFS_OK && (size > from->content->size || offset > from->content->size - size))
        rc = polyfs_fail(err, POLYFS_RANGE, "the source has fewer bytes");
    if (rc == POLYFS_OK && !(content = v1_content_new(size)))
        rc = v1_no_memory(err);
    if (rc == POLYFS_OK) {
        v1_content_add(content, from->content->bytes + offset, size);
        rc = part_store(path, id, number, content, out, err);
    }
    v1_leave();
    return rc;
}

static int upload_list_parts(PATH, const char *id, uint32_t after, struct polyfs_part *out, uint64_t room,
                             uint64_t stride, uint64_t *out_count, struct polyfs_error *err)
{
    struct upload **upload;
    uint64_t count = 0;
    (void)fs;
    (void)path_len;
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = upload_find(path, id, &upload, err);
    const struct part *part = rc == POLYFS_OK ? (*upload)->parts : NULL;
    for (; part && (part->number <= after || count < room); part = part->next)
        if (part->number > after)
            part_row(part, (struct polyfs_part *)(void *)((char *)out + stride * count++));
    v1_leave();
    if (rc != POLYFS_OK)
        return rc;
    *out_count = count;
    return part ? POLYFS_MORE : POLYFS_OK;
}

/* The part that a row of complete names, as it was sent. */
static int part_check(const struct upload *upload, const struct polyfs_part *row, const struct part **out,
                      struct polyfs_error *err)
{
    struct polyfs_part sent;
    const struct part *part = upload->parts;
    while (part && part->number < row->number)
        part = part->next;
    if (row->flags)
        return v1_unknown(err);
    if (!part || part->number != row->number)
        return polyfs_fail(err, POLYFS_INVALID, "part %u was never sent", row->number);
    part_row(part, &sent);
    if (strcmp(sent.etag, row->etag) != 0 || sent.size != row->size)
        return polyfs_fail(err, POLYFS_INVALID, "part %u was sent again since", row->number);
    *out = part;
    return v1_checksum_check(&row->checksum, part->content->bytes, part->content->size, err);
}

static int parts_join(const struct upload *upload, const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                      struct content **out, struct polyfs_error *err)
{
    const struct part *part;
    uint64_t size = 0;
    uint32_t before = 0;
    for (uint64_t i = 0; i < count; i++) {
        const struct polyfs_part *row = (const void *)((const char *)parts + stride * i);
        int rc = row->number > before ? part_check(upload, row, &part, err)
                                      : polyfs_fail(err, POLYFS_INVALID, "parts are named by rising number");
        if (rc != POLYFS_OK)
            return rc;
        before = row->number;
        size += part->content->size;
    }
    *out = v1_content_new(size);
    for (uint64_t i = 0; *out && i < count; i++) {
        if (part_check(upload, (const void *)((const char *)parts + stride * i), &part, err) == POLYFS_OK)
            v1_content_add(*out, part->content->bytes, part->content->size);
    }
    return *out ? POLYFS_OK : v1_no_memory(err);
}

static int upload_complete(PATH, const char *id, const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                           const struct polyfs_put_request *request, struct polyfs_stat *out,
                           struct polyfs_error *err)
{
    struct upload **upload;
    struct content *content = NULL;
    int rc = v1_request_check(request, 0, err);
    if (rc == POLYFS_OK && count == 0)
        rc = polyfs_fail(err, POLYFS_INVALID, "an upload has a part at least");
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    rc = upload_find(path, id, &upload, err);
    if (rc == POLYFS_OK)
        rc = parts_join(*upload, parts, count, stride, &content, err);
    if (rc == POLYFS_OK)
        rc = v1_publish(fs, path, path_len, content, request, NULL, out, err);
    if (rc == POLYFS_OK)
        upload_cut(upload);
    v1_content_drop(content);
    v1_leave();
    return rc;
}

static int upload_abort(PATH, const char *id, struct polyfs_error *err)
{
    struct upload **upload;
    (void)fs;
    (void)path_len;
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = upload_find(path, id, &upload, err);
    if (rc == POLYFS_OK)
        upload_cut(upload);
    v1_leave();
    return rc;
}

static int upload_give(const struct upload *upload, struct polyfs_uploads *out)
{
    char id[32];
    struct polyfs_upload_row row = {sizeof(row), 0, upload->path, strlen(upload->path), id, upload->started_ns};
    snprintf(id, sizeof(id), "%llu", (unsigned long long)upload->id);
    return v1_host->upload_add(out, &row);
}

/* The cursor is the id of the last one. */
static int cursor_set(const struct upload *last, struct polyfs_step *step, struct polyfs_error *err)
{
    char cursor[32];
    snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)last->id);
    step->poll_after_ms = 0;
    return v1_host->text_set(step->next, cursor, strlen(cursor)) == POLYFS_OK ? POLYFS_MORE : v1_no_memory(err);
}

static int upload_list(PATH, struct polyfs_step *step, struct polyfs_uploads *out, struct polyfs_error *err)
{
    unsigned long long after = 0;
    uint64_t count = 0;
    const struct upload *upload, *last = NULL;
    (void)fs;
    if (step->cursor && sscanf(step->cursor, "%llu", &after) != 1)
        return polyfs_fail(err, POLYFS_INVALID, "the cursor is not one of this store");
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    for (upload = uploads; upload && count < PAGE && rc == POLYFS_OK; upload = upload->next) {
        if (upload->id <= after || strncmp(upload->path, path, path_len) != 0)
            continue;
        rc = upload_give(upload, out);
        last = upload;
        count++;
    }
    if (rc != POLYFS_OK)
        rc = v1_no_memory(err);
    else if (upload)
        rc = cursor_set(last, step, err);
    v1_leave();
    return rc;
}

static int upload_is_ours(PATH, const char *id, uint32_t *out, struct polyfs_error *err)
{
    struct upload **upload;
    (void)fs;
    (void)path_len;
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = upload_find(path, id, &upload, err);
    v1_leave();
    if (rc == POLYFS_OK)
        *out = 1;
    return rc;
}

const struct polyfs_upload_ops v1_upload_ops = {
    .struct_size = sizeof(v1_upload_ops),
    .start = upload_start,
    .part = upload_part,
    .copy_part = upload_copy_part,
    .list_parts = upload_list_parts,
    .complete = upload_complete,
    .abort = upload_abort,
    .list = upload_list,
    .is_ours = upload_is_ours,
};
