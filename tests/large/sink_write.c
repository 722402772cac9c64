/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four shapes over sink.h. Each keeps what proves that an object came whole and in order: parts the offset that
 * their bytes tell, placed writes the ranges that are there, a stream its length.
 */
#include <stdio.h>

#include "pattern.h"
#include "sink.h"

#define RANGES_MAX 64 /* of one placed object at a time; a window of writes leaves few gaps */

int sink_put(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const void *data,
             uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
             struct polyfs_error *err)
{
    const struct sink *sink = fs;
    (void)path_len;
    call->requests = 1;
    if (sink->put_max && size > sink->put_max)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "it is more than one put takes");
    int rc = sink_check(sink, data, 0, size, err);
    return rc == POLYFS_OK ? sink_publish(fs, path, size, request, out, err) : rc;
}

/* ---- PARTS ------------------------------------------------------------------------------------------------------ */

struct part {
    uint64_t offset, size;
    int there;
};

struct sink_upload {
    struct sink_upload *next;
    uint64_t id;
    struct part *parts; /* by number - 1 */
    uint64_t room;
};

static struct sink_upload **upload_at_locked(struct sink *sink, const char *id)
{
    char text[24];
    struct sink_upload **at = &sink->uploads;
    for (; *at; at = &(*at)->next) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)(*at)->id);
        if (strcmp(text, id) == 0)
            break;
    }
    return at;
}

static int upload_start(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                        const struct polyfs_put_request *request, struct polyfs_text *out_id,
                        struct polyfs_error *err)
{
    struct sink *sink = fs;
    char text[24];
    struct sink_upload *upload = sink_host->alloc(sizeof(*upload));
    (void)path, (void)path_len, (void)request;
    call->requests = 1;
    if (!upload)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for an upload");
    pthread_mutex_lock(&sink->mu);
    *upload = (struct sink_upload){.next = sink->uploads, .id = ++sink->serial};
    sink->uploads = upload;
    pthread_mutex_unlock(&sink->mu);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)upload->id);
    return sink_host->text_set(out_id, text, strlen(text));
}

static int part_room(struct sink_upload *upload, uint32_t number, struct polyfs_error *err)
{
    uint64_t room = upload->room ? upload->room : 256;
    while (room < number)
        room *= 2;
    if (room == upload->room)
        return POLYFS_OK;
    struct part *parts = sink_host->resize(upload->parts, room * sizeof(*parts));
    if (!parts)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for parts");
    memset(parts + upload->room, 0, (room - upload->room) * sizeof(*parts));
    upload->parts = parts;
    upload->room = room;
    return POLYFS_OK;
}

static void part_describe(const struct part *part, uint32_t number, struct polyfs_part *out)
{
    memset(out, 0, sizeof(*out));
    out->number = number;
    out->size = part->size;
    snprintf(out->etag, sizeof(out->etag), "%u at %llu", number, (unsigned long long)part->offset);
}

static int upload_part(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                       const char *upload_id, uint32_t number, const void *data, uint64_t size,
                       const struct polyfs_checksum *checksum, struct polyfs_part *out, struct polyfs_error *err)
{
    struct sink *sink = fs;
    struct part part = {size ? pattern_offset(data, size) : 0, size, 1};
    (void)path, (void)path_len, (void)checksum;
    call->requests = 1;
    int rc = sink_check(sink, data, part.offset, size, err);
    if (rc != POLYFS_OK)
        return rc;
    pthread_mutex_lock(&sink->mu);
    struct sink_upload *upload = *upload_at_locked(sink, upload_id);
    rc = upload ? part_room(upload, number, err)
                : polyfs_fail(err, POLYFS_NOT_FOUND, "there is no upload %s", upload_id);
    if (rc == POLYFS_OK && upload->parts[number - 1].there)
        rc = polyfs_fail(err, POLYFS_CORRUPT, "part %u came twice", number);
    if (rc == POLYFS_OK) {
        upload->parts[number - 1] = part;
        part_describe(&part, number, out);
    }
    pthread_mutex_unlock(&sink->mu);
    return rc;
}

/* Each part follows the one before, is named as it was told, and none is left over. */
static int parts_join(const struct sink_upload *upload, const struct polyfs_part *given, uint64_t count,
                      uint64_t stride, uint64_t *out_size, struct polyfs_error *err)
{
    struct polyfs_part told;
    for (uint64_t i = 0; i < count; i++) {
        const struct polyfs_part *row = (const void *)((const char *)given + i * stride);
        if (i >= upload->room || !upload->parts[i].there)
            return polyfs_fail(err, POLYFS_CORRUPT, "part %llu never came", (unsigned long long)i + 1);
        part_describe(&upload->parts[i], (uint32_t)i + 1, &told);
        if (upload->parts[i].offset != *out_size || row->number != told.number || strcmp(row->etag, told.etag) != 0)
            return polyfs_fail(err, POLYFS_CORRUPT, "behind byte %llu comes part %s, named %u, %s",
                               (unsigned long long)*out_size, told.etag, row->number, row->etag);
        *out_size += upload->parts[i].size;
    }
    for (uint64_t i = count; i < upload->room; i++)
        if (upload->parts[i].there)
            return polyfs_fail(err, POLYFS_CORRUPT, "part %llu is left over", (unsigned long long)i + 1);
    return POLYFS_OK;
}

static int upload_end(struct sink *sink, const char *upload_id, struct polyfs_error *err)
{
    pthread_mutex_lock(&sink->mu);
    struct sink_upload **at = upload_at_locked(sink, upload_id), *upload = *at;
    if (upload)
        *at = upload->next;
    pthread_mutex_unlock(&sink->mu);
    if (!upload)
        return polyfs_fail(err, POLYFS_NOT_FOUND, "there is no upload %s", upload_id);
    sink_host->free(upload->parts);
    sink_host->free(upload);
    return POLYFS_OK;
}

static int upload_complete(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                           const char *upload_id, const struct polyfs_part *parts, uint64_t count, uint64_t stride,
                           const struct polyfs_put_request *request, struct polyfs_stat *out,
                           struct polyfs_error *err)
{
    struct sink *sink = fs;
    uint64_t size = 0;
    (void)path_len;
    call->requests = 1;
    pthread_mutex_lock(&sink->mu);
    const struct sink_upload *upload = *upload_at_locked(sink, upload_id);
    int rc = upload ? parts_join(upload, parts, count, stride, &size, err)
                    : polyfs_fail(err, POLYFS_NOT_FOUND, "there is no upload %s", upload_id);
    pthread_mutex_unlock(&sink->mu);
    if (rc == POLYFS_OK)
        rc = sink_publish(sink, path, size, request, out, err);
    return rc == POLYFS_OK ? upload_end(sink, upload_id, err) : rc;
}

static int upload_abort(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                        const char *upload_id, struct polyfs_error *err)
{
    (void)path, (void)path_len;
    call->requests = 1;
    return upload_end(fs, upload_id, err);
}

const struct polyfs_upload_ops sink_upload_ops = {
    .struct_size = sizeof(struct polyfs_upload_ops),
    .start = upload_start,
    .part = upload_part,
    .complete = upload_complete,
    .abort = upload_abort,
};

/* ---- PLACED and STREAM: a handle each ---------------------------------------------------------------------------- */

struct sink_handle {
    struct sink *sink;
    uint64_t length; /* stream */

    pthread_mutex_t mu;
    /* placed; guarded by mu: what is there, by offset, none touching another */
    struct range {
        uint64_t begin, end;
    } ranges[RANGES_MAX + 1];
    unsigned count;
    char path[];
};

static int handle_open(struct sink *sink, const char *path, uint64_t path_len, void **out, struct polyfs_error *err)
{
    struct sink_handle *handle = sink_host->alloc(sizeof(*handle) + path_len + 1);
    if (!handle)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a handle");
    memset(handle, 0, sizeof(*handle));
    handle->sink = sink;
    pthread_mutex_init(&handle->mu, NULL);
    memcpy(handle->path, path, path_len + 1);
    *out = handle;
    return POLYFS_OK;
}

static void handle_abort(struct polyfs_call *call, void *self)
{
    struct sink_handle *handle = self;
    (void)call;
    pthread_mutex_destroy(&handle->mu);
    sink_host->free(handle);
}

static int handle_publish(struct polyfs_call *call, struct sink_handle *handle, uint64_t size,
                          const struct polyfs_put_request *request, struct polyfs_stat *out,
                          struct polyfs_error *err)
{
    call->requests = 1;
    int rc = sink_publish(handle->sink, handle->path, size, request, out, err);
    if (rc == POLYFS_OK)
        handle_abort(call, handle);
    return rc;
}

static int placed_open(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                       const struct polyfs_put_request *request, void **out_placed, struct polyfs_error *err)
{
    (void)request;
    call->requests = 1;
    return handle_open(fs, path, path_len, out_placed, err);
}

static void melt(struct sink_handle *handle, unsigned i)
{
    if (i + 1 >= handle->count || handle->ranges[i].end != handle->ranges[i + 1].begin)
        return;
    handle->ranges[i].end = handle->ranges[i + 1].end;
    memmove(&handle->ranges[i + 1], &handle->ranges[i + 2], (handle->count - i - 2) * sizeof(struct range));
    handle->count--;
}

static int add_range_locked(struct sink_handle *handle, uint64_t begin, uint64_t end, struct polyfs_error *err)
{
    unsigned i = 0;
    while (i < handle->count && handle->ranges[i].end <= begin)
        i++;
    if (i < handle->count && handle->ranges[i].begin < end)
        return polyfs_fail(err, POLYFS_CORRUPT, "bytes %llu to %llu came twice", (unsigned long long)begin,
                           (unsigned long long)end);
    if (handle->count == RANGES_MAX)
        return polyfs_fail(err, POLYFS_CORRUPT, "there are %d ranges with gaps between them", RANGES_MAX);
    memmove(&handle->ranges[i + 1], &handle->ranges[i], (handle->count - i) * sizeof(struct range));
    handle->ranges[i] = (struct range){begin, end};
    handle->count++;
    melt(handle, i);
    if (i)
        melt(handle, i - 1);
    return POLYFS_OK;
}

static int placed_write(struct polyfs_call *call, void *self, uint64_t offset, const void *data, uint64_t size,
                        struct polyfs_error *err)
{
    struct sink_handle *handle = self;
    call->requests = 1;
    int rc = sink_check(handle->sink, data, offset, size, err);
    pthread_mutex_lock(&handle->mu);
    if (rc == POLYFS_OK && size)
        rc = add_range_locked(handle, offset, offset + size, err);
    pthread_mutex_unlock(&handle->mu);
    return rc;
}

static int placed_commit(struct polyfs_call *call, void *self, uint64_t size,
                         const struct polyfs_put_request *request, struct polyfs_stat *out,
                         struct polyfs_error *err)
{
    struct sink_handle *handle = self;
    if (size ? handle->count != 1 || handle->ranges[0].begin || handle->ranges[0].end != size : handle->count)
        return polyfs_fail(err, POLYFS_CORRUPT, "%llu bytes are not all there: %u ranges, the first ends at %llu",
                           (unsigned long long)size, handle->count, (unsigned long long)handle->ranges[0].end);
    return handle_publish(call, handle, size, request, out, err);
}

const struct polyfs_placed_ops sink_placed_ops = {
    .struct_size = sizeof(struct polyfs_placed_ops),
    .open = placed_open,
    .write = placed_write,
    .commit = placed_commit,
    .abort = handle_abort,
};

static int stream_open(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                       const struct polyfs_put_request *request, struct polyfs_step *step, void **out_stream,
                       struct polyfs_error *err)
{
    (void)request, (void)step;
    call->requests = 1;
    if (flags)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    return handle_open(fs, path, path_len, out_stream, err);
}

static int stream_write(struct polyfs_call *call, void *self, const void *data, uint64_t size,
                        struct polyfs_error *err)
{
    struct sink_handle *handle = self;
    call->requests = 1;
    int rc = sink_check(handle->sink, data, handle->length, size, err);
    if (rc == POLYFS_OK)
        handle->length += size;
    return rc;
}

static int stream_commit(struct polyfs_call *call, void *self, const struct polyfs_put_request *request,
                         struct polyfs_stat *out, struct polyfs_error *err)
{
    struct sink_handle *handle = self;
    return handle_publish(call, handle, handle->length, request, out, err);
}

const struct polyfs_stream_ops sink_stream_ops = {
    .struct_size = sizeof(struct polyfs_stream_ops),
    .open = stream_open,
    .write = stream_write,
    .commit = stream_commit,
    .abort = handle_abort,
};
