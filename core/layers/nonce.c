/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Was it us? An answer that is lost on the way back leaves a write in doubt, and its repeat is told that somebody was first,
 * or that the upload is gone. Each such write carries a nonce in its metadata; when a commit has failed for good, the
 * object is looked at, and if it has our nonce and our size the call has succeeded.
 *
 * The request itself becomes that stat for one more round, so that no worker waits and the same layers carry it.
 */
#include "core/layers/layers.h"

#include <stdlib.h>

#include "core/instance.h"
#include "core/random.h"
#include "core/write.h"

struct pfs_nonce {
    struct pfs_request saved; /* what it was, with its failure */
    struct polyfs_stat stat;
    struct polyfs_pairs meta;
};

int pfs_nonce_add(struct pfs_put_args *args, const struct polyfs_fs *fs, const struct polyfs_caps *caps,
                  int commits, struct polyfs_error *err)
{
    struct polyfs_put_request *request = &args->request;
    unsigned char bytes[16];
    char text[33];
    if (args->has_nonce || !fs->network || caps->fact[POLYFS_FACT_METADATA] != POLYFS_YES ||
        (!commits && !request->condition.create_only && !request->condition.if_match))
        return POLYFS_OK;
    pfs_random(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    if (pfs_pairs_add(&args->metadata, PFS_NONCE_KEY, text) != POLYFS_OK)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for its metadata");
    args->has_nonce = 1;
    request->metadata = args->metadata.rows;
    request->metadata_count = (uint32_t)args->metadata.count;
    return POLYFS_OK;
}

/* The request of a commit, its size, and where its stat goes; NULL for slots that commit nothing. */
static const struct polyfs_put_request *commit_of(const struct pfs_request *r, uint64_t *size,
                                                  struct polyfs_stat **out)
{
    switch (r->slot) {
    case PFS_PUT:
        *size = r->u.put.size;
        *out = r->u.put.out;
        return r->u.put.request;
    case PFS_UPLOAD_COMPLETE:
        *size = 0;
        for (uint64_t i = 0; i < r->u.upload.count; i++)
            *size += r->u.upload.parts[i].size;
        *out = r->u.upload.out;
        return r->u.upload.request;
    case PFS_STREAM_COMMIT:
        *size = r->u.write.request->size_hint;
        *out = r->u.write.out;
        return r->u.write.request;
    default: return NULL;
    }
}

static const char *nonce_of(const struct polyfs_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->rows[i].key, PFS_NONCE_KEY) == 0)
            return pairs->rows[i].value;
    return "";
}

static const char *nonce_asked(const struct polyfs_put_request *request)
{
    const struct polyfs_pairs rows = {(struct polyfs_kv *)(uintptr_t)request->metadata, request->metadata_count, 0};
    return nonce_of(&rows); /* core's own rows, so indexed as they are */
}

/* Failures behind which our own success may hide. */
static int is_in_doubt(const struct pfs_request *r)
{
    return r->earlier_unknown || r->error.commit_state == POLYFS_COMMIT_UNKNOWN || r->rc == POLYFS_EXISTS ||
           r->rc == POLYFS_CONDITION || r->rc == POLYFS_BUSY ||
           (r->slot == PFS_UPLOAD_COMPLETE && r->rc == POLYFS_NOT_FOUND);
}

static int look(struct pfs_request *r)
{
    struct pfs_nonce *nonce = calloc(1, sizeof(*nonce));
    if (!nonce)
        return 0; /* the failure stays what it is */
    nonce->saved = *r;
    nonce->stat = (struct polyfs_stat)POLYFS_STAT_INIT;
    *r = (struct pfs_request){.slot = PFS_STAT,
                              .fs = r->fs,
                              .ctx = r->ctx,
                              .path = r->path,
                              .path_len = r->path_len,
                              .limit = r->limit,
                              .next = r->next,
                              .queue = r->queue,
                              .user = r->user,
                              .nonce = nonce};
    r->u.stat.out = &nonce->stat;
    r->u.stat.meta = &nonce->meta;
    return 1;
}

/* It could not be looked at, so that somebody else was first is not known either. */
static void doubt(struct pfs_request *r, int seen, const struct polyfs_error *why)
{
    char text[sizeof(r->error.message)];
    if (r->rc == POLYFS_EXISTS || r->rc == POLYFS_CONDITION || r->rc == POLYFS_NOT_FOUND) {
        snprintf(text, sizeof(text), "%s", why->message);
        uint32_t attempts = r->error.attempts;
        r->rc = polyfs_fail(&r->error, seen, "whether it was written cannot be told, look before acting: %s", text);
        r->error.attempts = attempts;
    }
    r->error.commit_state = POLYFS_COMMIT_UNKNOWN;
}

/* A commit that failed leaves its handle to be ended, and nobody ends that of one that succeeded: it goes here. */
static void drop_handle(struct pfs_request *r)
{
    struct polyfs_call call = {.struct_size = sizeof(call),
                               .attempt = 1,
                               .deadline_ns = r->ctx->deadline_ns,
                               .core = r->ctx};
    if (r->slot == PFS_STREAM_COMMIT && r->handle)
        r->fs->plugin->tables.stream.abort(&call, r->handle);
}

/* The request is what it was again: done, or failed as before. */
static void judge(struct pfs_request *r)
{
    struct pfs_nonce *nonce = r->nonce;
    struct polyfs_stat *out = NULL;
    uint64_t size = 0;
    int seen = r->rc;
    struct polyfs_error why = r->error;
    *r = nonce->saved;
    if (seen < 0 && seen != POLYFS_NOT_FOUND)
        doubt(r, seen, &why);
    const struct polyfs_put_request *request = commit_of(r, &size, &out);
    int ours = seen == POLYFS_OK && strcmp(nonce_of(&nonce->meta), nonce_asked(request)) == 0 &&
               (size == POLYFS_SIZE_UNKNOWN || size == nonce->stat.size);
    if (ours) {
        drop_handle(r);
        r->rc = POLYFS_OK;
        if (out)
            *out = nonce->stat;
    }
    pfs_pairs_clear(&nonce->meta);
    free(nonce);
}

int pfs_nonce_wanted(struct pfs_request *r)
{
    uint64_t size;
    struct polyfs_stat *out;
    if (r->nonce) {
        judge(r);
        return 0;
    }
    if (r->rc >= 0 || !r->fs->network)
        return 0;
    const struct polyfs_put_request *request = commit_of(r, &size, &out);
    if (!request || !is_in_doubt(r) || !*nonce_asked(request) || pfs_ctx_stopped(r->ctx) != POLYFS_OK)
        return 0;
    return look(r);
}
