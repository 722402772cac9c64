/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes PLACED and STREAM, and append: bytes that nobody sees before the commit. */
#include "store.h"

struct draft {
    struct content *content;
    struct store *store;
    uint32_t append;
    uint64_t path_len;
    char path[];
};

static int draft_open(PATH, uint32_t append, const struct polyfs_put_request *request, void **out,
                      struct polyfs_error *err)
{
    int rc = v1_request_check(request, 0, err);
    if (rc == POLYFS_OK)
        rc = polyfs_go_on(v1_host, call, err);
    if (rc != POLYFS_OK)
        return rc;
    struct draft *draft = v1_host->alloc(sizeof(*draft) + path_len + 1);
    struct content *content = draft ? v1_content_new(0) : NULL;
    if (!content) {
        v1_host->free(draft);
        return v1_no_memory(err);
    }
    draft->content = content;
    draft->store = fs;
    draft->append = append;
    draft->path_len = path_len;
    memcpy(draft->path, path, path_len + 1);
    *out = draft;
    return POLYFS_OK;
}

/* Room up to @end; what was never written is zero. */
static int draft_grow(struct draft *draft, uint64_t end)
{
    struct content *content = draft->content;
    if (end > content->room) {
        const uint64_t room = end + end / 2;
        content = v1_host->resize(content, sizeof(*content) + room);
        if (!content)
            return POLYFS_NOMEM;
        content->room = room;
        draft->content = content;
    }
    if (end > content->size) {
        memset(content->bytes + content->size, 0, end - content->size);
        content->size = end;
    }
    return POLYFS_OK;
}

static int draft_write(struct polyfs_call *call, void *handle, uint64_t offset, const void *data, uint64_t size,
                       struct polyfs_error *err)
{
    struct draft *draft = handle;
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = draft_grow(draft, offset + size) == POLYFS_OK ? POLYFS_OK : v1_no_memory(err);
    if (rc == POLYFS_OK && size)
        memcpy(draft->content->bytes + offset, data, size);
    v1_leave();
    return rc;
}

static void draft_free(struct draft *draft)
{
    v1_content_drop(draft->content);
    v1_host->free(draft);
}

static void draft_abort(struct polyfs_call *call, void *handle)
{
    (void)call;
    v1_lock();
    draft_free(handle);
    v1_leave();
}

/* The bytes that are there, and the draft's behind them. */
static int draft_append(const struct draft *draft, const struct object *there,
                        const struct polyfs_put_request *request, struct polyfs_stat *out, struct polyfs_error *err)
{
    struct polyfs_put_request whole = *request;
    int rc = v1_checksum_check(&request->checksum, draft->content->bytes, draft->content->size, err);
    if (rc != POLYFS_OK)
        return rc;
    struct content *joined = v1_content_new(there->content->size + draft->content->size);
    if (!joined)
        return v1_no_memory(err);
    v1_content_add(joined, there->content->bytes, there->content->size);
    v1_content_add(joined, draft->content->bytes, draft->content->size);
    whole.checksum.kind = POLYFS_CHECKSUM_NONE;
    whole.checksum.length = 0;
    rc = v1_publish(draft->store, draft->path, draft->path_len, joined, &whole, there, out, err);
    v1_content_drop(joined);
    return rc;
}

static int draft_commit(struct polyfs_call *call, struct draft *draft, uint64_t size,
                        const struct polyfs_put_request *request, struct polyfs_stat *out, struct polyfs_error *err)
{
    int rc = v1_request_check(request, 0, err);
    if (rc != POLYFS_OK || (rc = v1_enter(call, err)) != POLYFS_OK)
        return rc;
    const struct object *there = draft->append ? v1_find(draft->path) : NULL;
    rc = draft_grow(draft, size) == POLYFS_OK ? POLYFS_OK : v1_no_memory(err);
    if (rc == POLYFS_OK) {
        draft->content->size = size;
        rc = there
                 ? draft_append(draft, there, request, out, err)
                 : v1_publish(draft->store, draft->path, draft->path_len, draft->content, request, NULL, out, err);
    }
    if (rc == POLYFS_OK)
        draft_free(draft);
    v1_leave();
    return rc;
}

static int placed_open(PATH, const struct polyfs_put_request *request, void **out, struct polyfs_error *err)
{
    return draft_open(call, fs, path, path_len, 0, request, out, err);
}

static int placed_commit(struct polyfs_call *call, void *placed, uint64_t size,
                         const struct polyfs_put_request *request, struct polyfs_stat *out,
                         struct polyfs_error *err)
{
    return draft_commit(call, placed, size, request, out, err);
}

static int stream_open(PATH, uint32_t flags, const struct polyfs_put_request *request, struct polyfs_step *step,
                       void **out, struct polyfs_error *err)
{
    if (flags & ~POLYFS_STREAM_APPEND)
        return v1_unknown(err);
    int rc = v1_first_round(step, err);
    return rc == POLYFS_OK ? draft_open(call, fs, path, path_len, flags, request, out, err) : rc;
}

static int stream_write(struct polyfs_call *call, void *stream, const void *data, uint64_t size,
                        struct polyfs_error *err)
{
    return draft_write(call, stream, ((const struct draft *)stream)->content->size, data, size, err);
}

static int stream_offset(struct polyfs_call *call, void *stream, uint64_t *out_offset, struct polyfs_error *err)
{
    int rc = polyfs_go_on(v1_host, call, err);
    if (rc == POLYFS_OK)
        *out_offset = ((const struct draft *)stream)->content->size;
    return rc;
}

static int stream_commit(struct polyfs_call *call, void *stream, const struct polyfs_put_request *request,
                         struct polyfs_stat *out, struct polyfs_error *err)
{
    return draft_commit(call, stream, ((const struct draft *)stream)->content->size, request, out, err);
}

const struct polyfs_placed_ops v1_placed_ops = {.struct_size = sizeof(v1_placed_ops),
                                                .open = placed_open,
                                                .write = draft_write,
                                                .commit = placed_commit,
                                                .abort = draft_abort};

const struct polyfs_stream_ops v1_stream_ops = {.struct_size = sizeof(v1_stream_ops),
                                                .open = stream_open,
                                                .write = stream_write,
                                                .offset = stream_offset,
                                                .commit = stream_commit,
                                                .abort = draft_abort};
