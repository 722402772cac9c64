/* SPDX-License-Identifier: Apache-2.0 */
/* One-shot reads of a range, and of whole objects into new memory. */
#include "core/get.h"
#include "core/stat.h"
#include "core/sum.h"
#include "core/wide.h"

#include <stdlib.h>

#define GROW_FIRST 65536

int pfs_get_range(struct pfs_verb *v, const struct polyfs_get_request *wanted, void *buffer, uint64_t *out_n,
                  struct polyfs_stat *out)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT; /* told even when nobody asked: a broken read is pinned by it */
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_GET);
    r.u.get.request = wanted;
    r.u.get.buffer = buffer;
    r.u.get.out_n = out_n;
    r.u.get.out = &stat;
    int rc = pfs_verb_run(v, &r);
    if (rc == POLYFS_OK && out)
        *out = stat;
    return rc;
}

static int request_of(struct pfs_verb *v, const struct polyfs_read_opts *opts, uint64_t room,
                      struct polyfs_get_request *out)
{
    *out = (struct polyfs_get_request){.struct_size = sizeof(*out),
                                       .length = room,
                                       .flags = opts || !room ? 0 : POLYFS_GET_WHOLE,
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
    else if (!out->offset && !out->flags)
        out->flags = POLYFS_GET_WHOLE;
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
static int settle_suffix(struct pfs_verb *v, struct polyfs_get_request *request, struct polyfs_stat *seen)
{
    struct polyfs_caps caps;
    if (!(request->flags & POLYFS_GET_SUFFIX))
        return POLYFS_OK;
    int rc = pfs_verb_caps(v, v->path, &caps);
    if (rc != POLYFS_OK || caps.fact[POLYFS_FACT_SUFFIX_READ] != POLYFS_NO)
        return rc;
    rc = request->version ? pfs_stat(v, v->path, request->version, seen) : pfs_stat_object(v, v->path, seen);
    if (rc == POLYFS_OK && seen->type == POLYFS_TYPE_DIR)
        rc = polyfs_fail(&v->error, POLYFS_IS_DIR, "it is a folder");
    if (rc == POLYFS_OK && seen->size == POLYFS_SIZE_UNKNOWN)
        rc = polyfs_fail(&v->error, POLYFS_UNSUPPORTED, "the store does not tell its size");
    if (rc != POLYFS_OK)
        return rc;
    request->length = request->length < seen->size ? request->length : seen->size;
    request->offset = seen->size - request->length;
    request->flags &= ~POLYFS_GET_SUFFIX;
    if (!request->condition.if_match && seen->etag[0])
        request->condition.if_match = seen->etag;
    return POLYFS_OK;
}

int polyfs_get(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts, void *buffer,
               size_t room, size_t *out_n, struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_get_request request;
    struct polyfs_stat stat, seen;
    uint64_t n = 0;
    int rc = pfs_verb_begin(&v, "read", fs, path, opts ? opts->call : NULL);
    if (rc == POLYFS_OK)
        rc = request_of(&v, opts, room, &request);
    if (rc == POLYFS_OK)
        rc = settle_suffix(&v, &request, &seen);
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
    const struct pfs_wide rest = {.etag = stat->etag,
                                  .version = request->version,
                                  .offset = request->offset + *n,
                                  .buffer = (unsigned char *)grown + *n,
                                  .length = total - *n};
    int rc = pfs_wide_read(v, &rest, &more); /* one part, or several at a time */
    if (rc == POLYFS_OK && more < total - *n)
        rc = polyfs_fail(&v->error, POLYFS_CHANGED, "it became shorter while it was read");
    *n += more;
    return rc;
}

/* Room that the object did not need. */
static int give_back(struct pfs_verb *v, char **data, uint64_t n)
{
    char *fitting = realloc(*data, n + 1);
    if (!fitting)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for %llu bytes", (unsigned long long)n);
    *data = fitting;
    return POLYFS_OK;
}

static uint64_t first_bytes(const struct pfs_verb *v)
{
    return v->fs->network ? v->fs->part_bytes : GROW_FIRST;
}

/* The first answer tells the size, so an object that fits the first piece takes one request and no stat. */
static int get_all(struct pfs_verb *v, struct polyfs_get_request *request, char **data, uint64_t *n,
                   struct polyfs_stat *stat)
{
    uint64_t wanted = request->length, first = first_bytes(v);
    if (request->length > first && !(request->flags & POLYFS_GET_SUFFIX))
        request->length = first;
    *data = request->length < SIZE_MAX ? malloc(request->length + 1) : NULL;
    if (!*data)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for %llu bytes",
                           (unsigned long long)request->length);
    int rc = pfs_get_range(v, request, *data, n, stat);
    if (rc == POLYFS_OK && !(request->flags & POLYFS_GET_SUFFIX) && *n == request->length)
        rc = get_rest(v, request, wanted, data, n, stat);
    request->length = wanted;
    return rc;
}

/*
 * What came in pieces is held against the store's checksum here, as one answer is where it arrives; when it is wrong it
 * is read once more.
 */
static int get_right(struct pfs_verb *v, struct polyfs_get_request *request, char **data, uint64_t *n,
                     struct polyfs_stat *stat)
{
    int rc = get_all(v, request, data, n, stat);
    int pieces = request->flags & POLYFS_GET_WHOLE && *n > first_bytes(v);
    if (rc == POLYFS_OK && pieces && pfs_sum_whole(stat, *data, *n, &v->error) != POLYFS_OK) {
        free(*data);
        rc = get_all(v, request, data, n, stat);
        if (rc == POLYFS_OK)
            rc = pfs_sum_whole(stat, *data, *n, &v->error);
    }
    if (rc == POLYFS_OK)
        rc = give_back(v, data, *n);
    if (rc == POLYFS_OK)
        (*data)[*n] = '\0';
    return rc;
}

int polyfs_get_all(struct polyfs_fs *fs, const char *path, const struct polyfs_read_opts *opts, void **out_data,
                   size_t *out_n, struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_get_request request;
    struct polyfs_stat stat, seen;
    char *data = NULL;
    uint64_t n = 0;
    int rc = pfs_verb_begin(&v, "read", fs, path, opts ? opts->call : NULL);
    if (rc == POLYFS_OK)
        rc = request_of(&v, opts, POLYFS_SIZE_UNKNOWN, &request);
    if (rc == POLYFS_OK && request.flags & POLYFS_GET_SUFFIX && request.length == POLYFS_SIZE_UNKNOWN)
        request.flags = 0; /* the last "all" bytes are all bytes */
    if (rc == POLYFS_OK)
        rc = settle_suffix(&v, &request, &seen);
    if (rc == POLYFS_OK)
        rc = get_right(&v, &request, &data, &n, &stat);
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
