/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Append blobs, which no write of ours makes: bytes are added by the service, each request only where the blob still ends as
 * we left it. Invariant: all bytes up to `end` are there, and those from `begin` on are ours.
 */
#include "abfs.h"

#define PIECE_MAX (UINT64_C(4) << 20) /* of one request, to servers of any age */

struct append {
    struct abfs_fs *fs;
    struct ps_target target; /* of path */
    char *path, *lease;      /* owned; no lease: NULL */
    uint64_t begin, end;
};

static void append_free(struct append *a)
{
    ps_host->free(a->path);
    ps_host->free(a->lease);
    ps_host->free(a);
}

/* Only what says who may: all else of an object is said when it is made. */
static const char *lease_of(const struct polyfs_put_request *request, int *others)
{
    const char *lease = NULL;
    *others = request->content_type != NULL || request->checksum.kind != POLYFS_CHECKSUM_NONE ||
              request->metadata_count > 1; /* one row is core's own */
    for (uint32_t i = 0; i < request->extra_count; i++) {
        const struct polyfs_kv *row = ps_kv_at(request->extra, request->extra_stride, i);
        if (strcmp(row->key, "lease_id") == 0 || strcmp(row->key, "lease") == 0)
            lease = row->value;
        else
            *others = 1;
    }
    return lease;
}

static int append_new(struct abfs_fs *fs, const char *path, uint64_t path_len, const char *lease,
                      struct append **out, struct polyfs_error *err)
{
    struct append *a = ps_host->alloc(sizeof(*a));
    if (!a)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for an append");
    *a = (struct append){.fs = fs, .path = ps_copy(path, path_len)};
    a->lease = lease ? ps_copy(lease, strlen(lease)) : NULL;
    if (!a->path || (lease && !a->lease)) {
        append_free(a);
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for an append");
    }
    *out = a;
    return abfs_target(a->path, path_len, 1, &a->target, err);
}

static int look(struct append *a, struct polyfs_call *call, struct polyfs_stat *out, struct polyfs_error *err)
{
    return abfs_stat_object(a->fs, call, &a->target, NULL, out, NULL, err);
}

static int append_open(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                       const struct polyfs_put_request *request, struct polyfs_step *step, void **out_stream,
                       struct polyfs_error *err)
{
    struct append *a = NULL;
    struct polyfs_stat stat;
    int others;
    const char *lease = lease_of(request, &others), *pin = request->condition.if_match;
    (void)step;
    if (flags != POLYFS_STREAM_APPEND || request->flags || others)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "Azure adds bytes to what is there, and no more");
    int rc = append_new(self, path, path_len, lease, &a, err);
    if (rc == POLYFS_OK)
        rc = look(a, call, &stat, err);
    if (rc == POLYFS_OK && !(stat.flags & POLYFS_STAT_APPENDABLE))
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "it is no append blob");
    if (rc == POLYFS_OK && (request->condition.create_only || (pin && strcmp(pin, stat.etag) != 0)))
        rc = polyfs_fail(err, pin ? POLYFS_CONDITION : POLYFS_EXISTS, "it is there, with the etag %.100s",
                         stat.etag);
    if (rc == POLYFS_OK) {
        a->begin = a->end = stat.size;
        *out_stream = a;
    } else if (a) {
        append_free(a);
    }
    return rc;
}

static int piece(struct append *a, struct polyfs_call *call, const char *data, uint64_t size,
                 struct polyfs_error *err)
{
    struct abfs_request r;
    char end[32];
    snprintf(end, sizeof(end), "%llu", (unsigned long long)a->end);
    abfs_request_init(&r, "PUT", &a->target);
    abfs_query(&r, "comp", "appendblock");
    abfs_header(&r, "x-ms-blob-condition-appendpos", end);
    abfs_header(&r, "x-ms-lease-id", a->lease);
    r.http.body = data;
    r.http.body_bytes = size;
    int rc = abfs_checksum_header(a->fs, &r, data, size, NULL, err);
    if (rc == POLYFS_OK)
        rc = abfs_send_only(a->fs, call, &r, err);
    if (rc == POLYFS_OK)
        a->end += size;
    return rc == POLYFS_CONDITION ? polyfs_fail(err, rc, "somebody else has added to it meanwhile") : rc;
}

static int append_write(struct polyfs_call *call, void *stream, const void *data, uint64_t size,
                        struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (uint64_t done = 0, n; rc == POLYFS_OK && done < size; done += n) {
        n = size - done < PIECE_MAX ? size - done : PIECE_MAX;
        rc = piece(stream, call, (const char *)data + done, n, err);
    }
    return rc;
}

/* After a failure: it ends where we left it, so nothing more of ours came in. Bytes behind that may be anybody's. */
static int append_offset(struct polyfs_call *call, void *stream, uint64_t *out_offset, struct polyfs_error *err)
{
    struct append *a = stream;
    struct polyfs_stat stat;
    int rc = look(a, call, &stat, err);
    if (rc == POLYFS_OK && stat.size != a->end)
        rc = ps_unclear(err, "whose the bytes at its end are cannot be told");
    if (rc == POLYFS_OK)
        *out_offset = a->end - a->begin;
    return rc;
}

static int append_commit(struct polyfs_call *call, void *stream, const struct polyfs_put_request *request,
                         struct polyfs_stat *out, struct polyfs_error *err)
{
    struct polyfs_stat stat;
    (void)request;
    int rc = look(stream, call, &stat, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_stat_give(out, &stat);
    append_free(stream);
    return POLYFS_OK;
}

static void append_abort(struct polyfs_call *call, void *stream)
{
    (void)call;
    append_free(stream);
}

const struct polyfs_stream_ops abfs_stream_ops = {
    .struct_size = sizeof(struct polyfs_stream_ops),
    .open = append_open,
    .write = append_write,
    .offset = append_offset,
    .commit = append_commit,
    .abort = append_abort,
};
