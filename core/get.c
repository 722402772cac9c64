/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-shot reads. A read that breaks after k bytes goes on at k, pinned to the version that it began with: the bytes
 * already placed are kept, and an object replaced meanwhile is CHANGED, never a mix.
 */
#include "core/get.h"

#include <stdlib.h>

#include "core/stat.h"

#define GROW_FIRST 65536

int pfs_get_range(struct pfs_verb *v, const struct polyfs_get_request *wanted, void *buffer, uint64_t *out_n,
                  struct polyfs_stat *out)
{
    struct polyfs_get_request request = *wanted;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    char etag[sizeof(stat.etag)];
    uint64_t placed = 0;
    for (;;) {
        uint64_t n = 0;
        struct pfs_request r = PFS_REQUEST_OF(v, PFS_GET);
        r.u.get.request = &request;
        r.u.get.buffer = (char *)buffer + placed;
        r.u.get.out_n = &n;
        r.u.get.out = &stat;
        int rc = pfs_verb_run(v, &r);
        if (rc == POLYFS_OK) {
            *out_n = placed + n;
            if (out)
                *out = stat;
            return POLYFS_OK;
        }
        /* Only a read that is pinned, or that told what it was reading, can be gone on with. */
        if (!r.bytes_done || r.error.retry == POLYFS_RETRY_NEVER || request.flags & POLYFS_GET_SUFFIX ||
            (!request.condition.if_match && !stat.etag[0]))
            return rc;
        if (!request.condition.if_match) {
            memcpy(etag, stat.etag, sizeof(etag));
            request.condition.if_match = etag;
        }
        placed += r.bytes_done;
        request.offset += r.bytes_done;
        request.length -= r.bytes_done;
    }
}

static int request_of(struct pfs_verb *v, const struct polyfs_read_opts *opts, uint64_t room,
                      struct polyfs_get_request *out)
{
    *out = (struct polyfs_get_request){.struct_size = sizeof(*out),
                                       .length = room,
                                       .condition = POLYFS_CONDITION_INIT};
    if (!opts)
        return POLYFS_OK;
    if (opts->flags & ~POLYFS_READ_SUFFIX)
        return polyfs_fail(&v->error, POLYFS_UNSUPPORTED, "a flag is not known");
    out->flags = opts->flags & POLYFS_READ_SUFFIX ? POLYFS_GET_SUFFIX : 0;
    out->offset = opts->offset;
    out->version = opts->version;
    out->condition = opts->condition;
    if (opts->length < out->length)
        out->length = opts->length;
    const struct polyfs_condition *c = &opts->condition;
    if (opts->version) {
        int rc = pfs_verb_gate(v, POLYFS_FACT_VERSIONS, "keep versions");
        if (rc != POLYFS_OK)
            return rc;
    }
    if (c->if_match || c->if_none_match || c->if_modified_ns != POLYFS_TIME_UNKNOWN)
        return pfs_verb_gate(v, POLYFS_FACT_READ_CONDITION, "read under a condition");
    return POLYFS_OK;
}

/* Where the store cannot tell the last bytes in one request: two, the second pinned to what the first one saw. */
static int settle_suffix(struct pfs_verb *v, struct polyfs_get_request *request, struct polyfs_stat *stat)
{
    struct polyfs_caps caps;
    int rc = request->flags & POLYFS_GET_SUFFIX ? pfs_verb_caps(v, v->path, &caps) : POLYFS_MORE;
    if (rc != POLYFS_OK || caps.fact[POLYFS_FACT_SUFFIX_READ] != POLYFS_NO)
        return rc < 0 ? rc : POLYFS_OK;
    rc = pfs_stat(v, v->path, request->version, stat);
    if (rc == POLYFS_OK && stat->type == POLYFS_TYPE_DIR)
        rc = polyfs_fail(&v->error, POLYFS_IS_DIR, "it is a folder");
    if (rc == POLYFS_OK && stat->size == POLYFS_SIZE_UNKNOWN)
        rc = polyfs_fail(&v->error, POLYFS_UNSUPPORTED, "its size is not known");
    if (rc != POLYFS_OK)
        return rc;
    if (request->length > stat->size)
        request->length = stat->size;
    request->offset = stat->size - request->length;
    request->flags &= ~POLYFS_GET_SUFFIX;
    if (!request->condition.if_match && stat->etag[0])
        request->condition.if_match = stat->etag;
    return POLYFS_OK;
}

int polyfs_get(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts, void *buffer,
               size_t room, size_t *out_n, struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_get_request request;
    struct polyfs_stat stat, pin;
    uint64_t n = 0;
    int rc = pfs_verb_begin(&v, "read", fs, path, opts ? opts->call : NULL);
    if (rc == POLYFS_OK)
        rc = request_of(&v, opts, room, &request);
    if (rc == POLYFS_OK)
        rc = settle_suffix(&v, &request, &pin);
    if (rc == POLYFS_OK)
        rc = pfs_get_range(&v, &request, buffer, &n, &stat);
    if (rc == POLYFS_OK) {
        *out_n = n;
        pfs_stat_out(out_stat, &stat);
    }
    return pfs_verb_end(&v, rc, err);
}

/* ---- into new memory ---------------------------------------------------------------------------------------- */

/* Reads on behind the first piece until all that was wanted, or the object, ends; pinned by the first answer. */
static int get_rest(struct pfs_verb *v, struct polyfs_get_request *request, uint64_t wanted, char **data,
                    uint64_t *n, const struct polyfs_stat *stat)
{
    uint64_t total =
        stat->size == POLYFS_SIZE_UNKNOWN || request->offset > stat->size ? *n : stat->size - request->offset;
    if (total > wanted)
        total = wanted;
    if (total <= *n)
        return POLYFS_OK;
    char *grown = total < SIZE_MAX ? realloc(*data, total + 1) : NULL;
    if (!grown)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for %llu bytes", (unsigned long long)total);
    *data = grown;
    uint64_t more = 0;
    request->offset += *n;
    request->length = total - *n;
    request->condition = (struct polyfs_condition)POLYFS_CONDITION_INIT;
    request->condition.if_match = stat->etag[0] ? stat->etag : NULL;
    int rc = pfs_get_range(v, request, grown + *n, &more, NULL);
    if (rc == POLYFS_OK && more < total - *n)
        rc = polyfs_fail(&v->error, POLYFS_CHANGED, "it became shorter while it was read");
    *n += more;
    return rc;
}

/* The first answer tells the size, so an object that fits the first piece takes one request and no stat. */
static int get_all(struct pfs_verb *v, struct polyfs_get_request *request, char **data, uint64_t *n,
                   struct polyfs_stat *stat)
{
    uint64_t wanted = request->length;
    if (request->length > GROW_FIRST && !(request->flags & POLYFS_GET_SUFFIX))
        request->length = GROW_FIRST;
    *data = request->length < SIZE_MAX ? malloc(request->length + 1) : NULL;
    if (!*data)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for %llu bytes", (unsigned long long)wanted);
    int rc = pfs_get_range(v, request, *data, n, stat);
    if (rc == POLYFS_OK && !(request->flags & POLYFS_GET_SUFFIX) && *n == request->length)
        rc = get_rest(v, request, wanted, data, n, stat);
    if (rc == POLYFS_OK)
        (*data)[*n] = '\0';
    return rc;
}

int polyfs_get_all(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts, void **out_data,
                   size_t *out_n, struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_get_request request;
    struct polyfs_stat stat, pin;
    char *data = NULL;
    uint64_t n = 0;
    int rc = pfs_verb_begin(&v, "read", fs, path, opts ? opts->call : NULL);
    if (rc == POLYFS_OK)
        rc = request_of(&v, opts, POLYFS_SIZE_UNKNOWN, &request);
    if (rc == POLYFS_OK && request.flags & POLYFS_GET_SUFFIX && request.length == POLYFS_SIZE_UNKNOWN)
        request.flags = 0; /* the last "all" bytes are all bytes */
    if (rc == POLYFS_OK)
        rc = settle_suffix(&v, &request, &pin);
    if (rc == POLYFS_OK)
        rc = get_all(&v, &request, &data, &n, &stat);
    if (rc == POLYFS_OK) {
        *out_data = data;
        if (out_n)
            *out_n = n;
        pfs_stat_out(out_stat, &stat);
    } else {
        free(data);
    }
    return pfs_verb_end(&v, rc, err);
}
