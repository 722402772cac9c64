/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes of shape PUT, PLACED and STREAM, and native append. (PARTS is upload.c.)
 *
 * Invariant: until its commit the bytes of a write are its own; the commit (commit.h) decides everything. A handle
 * whose commit failed still holds its bytes, so that the commit can be asked again, or be ended by abort.
 */
#include "commit.h"
#include "memory.h"
#include "staging.h"

#define PUT_MAX (UINT64_C(5) << 30)

/* A placed object or a stream; a stream is a placed object with a position. */
struct memory_writer {
    struct memory_staging staging;
    uint64_t position;
    uint32_t append;
    uint64_t path_len;
    char path[];
};

int memory_put(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const void *data,
               uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
               struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code == POLYFS_OK && size > PUT_MAX)
        code = polyfs_fail(err, POLYFS_TOO_LARGE, "one put takes at most 5 GiB; write it in parts");
    if (code == POLYFS_OK)
        code = memory_write_check(fs, path, path_len, request, err);
    if (code != POLYFS_OK)
        return code;
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    code = memory_content_of(fs, call, data, size, &content, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_commit commit = {.fs = fs, .request = request, .content = content};
    return memory_publish(&commit, call, path, path_len, out, err);
}

static int writer_open(struct polyfs_call *call, struct memory_fs *fs, const char *path, uint64_t path_len,
                       const struct polyfs_put_request *request, uint32_t append, void **out,
                       struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_write_check(fs, path, path_len, request, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_writer *writer = memory_borrow(sizeof(*writer) + path_len + 1, err);
    if (!writer)
        return POLYFS_NOMEM;
    memory_staging_init(&writer->staging, fs, request->size_hint);
    writer->position = 0;
    writer->append = append;
    writer->path_len = path_len;
    if (path_len > 0)
        memcpy(writer->path, path, path_len);
    writer->path[path_len] = '\0';
    *out = writer;
    return POLYFS_OK;
}

static void writer_free(struct memory_writer *writer)
{
    if (!writer)
        return;
    memory_staging_clear(&writer->staging);
    memory_host->free(writer);
}

static int writer_commit(struct polyfs_call *call, struct memory_writer *writer, uint64_t size,
                         const struct polyfs_put_request *request, struct polyfs_stat *out,
                         struct polyfs_error *err)
{
    struct memory_fs *fs = writer->staging.fs;
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_request_check(request, 0, err);
    MEMORY_AUTO(content) struct memory_content *content = NULL;
    if (code == POLYFS_OK)
        code = memory_staging_content(&writer->staging, size, &content, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_commit commit = {.fs = fs, .request = request, .content = content, .append = writer->append};
    return memory_publish(&commit, call, writer->path, writer->path_len, out, err);
}

/* ---- PLACED */

static int placed_open(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len,
                       const struct polyfs_put_request *request, void **out_placed, struct polyfs_error *err)
{
    return writer_open(call, fs, path, path_len, request, 0, out_placed, err);
}

static int placed_write(struct polyfs_call *call, void *placed, uint64_t offset, const void *data, uint64_t size,
                        struct polyfs_error *err)
{
    struct memory_writer *writer = placed;
    uint64_t done = 0;
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_staging_write(&writer->staging, call, offset, data, size, &done, err);
    return code;
}

static int placed_commit(struct polyfs_call *call, void *placed, uint64_t size,
                         const struct polyfs_put_request *request, struct polyfs_stat *out,
                         struct polyfs_error *err)
{
    int code = writer_commit(call, placed, size, request, out, err);
    if (code == POLYFS_OK)
        writer_free(placed);
    return code;
}

static void writer_abort(struct polyfs_call *call, void *handle)
{
    (void)call;
    writer_free(handle);
}

const struct polyfs_placed_ops memory_placed_ops = {
    .struct_size = sizeof(struct polyfs_placed_ops),
    .open = placed_open,
    .write = placed_write,
    .commit = placed_commit,
    .abort = writer_abort,
};

/* ---- STREAM */

static int stream_open(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, uint32_t flags,
                       const struct polyfs_put_request *request, struct polyfs_step *step, void **out_stream,
                       struct polyfs_error *err)
{
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_first_round(step, err);
    if (code == POLYFS_OK && (flags & ~POLYFS_STREAM_APPEND) != 0)
        code = polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag of the stream is not known");
    if (code != POLYFS_OK)
        return code;
    return writer_open(call, fs, path, path_len, request, flags & POLYFS_STREAM_APPEND, out_stream, err);
}

static int stream_write(struct polyfs_call *call, void *stream, const void *data, uint64_t size,
                        struct polyfs_error *err)
{
    struct memory_writer *writer = stream;
    uint64_t done = 0;
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_staging_write(&writer->staging, call, writer->position, data, size, &done, err);
    writer->position += done;
    return code;
}

static int stream_offset(struct polyfs_call *call, void *stream, uint64_t *out_offset, struct polyfs_error *err)
{
    const struct memory_writer *writer = stream;
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        *out_offset = writer->position;
    return code;
}

static int stream_commit(struct polyfs_call *call, void *stream, const struct polyfs_put_request *request,
                         struct polyfs_stat *out, struct polyfs_error *err)
{
    struct memory_writer *writer = stream;
    int code = writer_commit(call, writer, writer->position, request, out, err);
    if (code == POLYFS_OK)
        writer_free(writer);
    return code;
}

const struct polyfs_stream_ops memory_stream_ops = {
    .struct_size = sizeof(struct polyfs_stream_ops),
    .open = stream_open,
    .write = stream_write,
    .offset = stream_offset,
    .commit = stream_commit,
    .abort = writer_abort,
};
