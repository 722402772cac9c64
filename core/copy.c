/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy and rename of one object. The store does it where it can; else the bytes pass through here in one bounded
 * buffer, from a pinned reader to a writer, so that a source replaced meanwhile is CHANGED and nothing is published.
 */
#include <stdlib.h>

#include "core/copy.h"
#include "core/stat.h"
#include "core/step.h"
#include "core/write.h"

static struct polyfs_source source_of(const char *path, const char *etag)
{
    return (struct polyfs_source){.struct_size = sizeof(struct polyfs_source),
                                  .path = path,
                                  .path_len = strlen(path),
                                  .etag = etag};
}

static int has_condition(const struct polyfs_put_request *request)
{
    return request->condition.create_only || request->condition.if_match;
}

int pfs_copy_by_store(struct pfs_verb *v, const char *source, const char *etag,
                      const struct polyfs_put_request *request, struct polyfs_stat *out)
{
    struct polyfs_source from = source_of(source, etag);
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_COPY);
    r.u.copy.sources = &from;
    r.u.copy.count = 1;
    r.u.copy.request = request;
    r.u.copy.out = out;
    return pfs_step_run(v, &r, &r.u.copy.step);
}

/* Can the store itself do this copy? */
static int store_can(const struct polyfs_caps *caps, const struct polyfs_put_request *request)
{
    if (caps->fact[POLYFS_FACT_COPY] != POLYFS_YES)
        return 0;
    return !has_condition(request) || caps->fact[POLYFS_FACT_COPY_CONDITION] == POLYFS_YES;
}

/* ---- through this process --------------------------------------------------------------------------------------- */

static int pump(struct polyfs_reader *reader, struct polyfs_writer *writer, uint64_t part_bytes,
                struct polyfs_error *err)
{
    size_t n = 1;
    char *buffer = malloc(part_bytes);
    int rc = buffer ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory for a part");
    while (rc == POLYFS_OK && n) {
        rc = polyfs_reader_read(reader, buffer, part_bytes, &n, err);
        if (rc == POLYFS_OK && n)
            rc = polyfs_writer_write(writer, buffer, n, err);
    }
    free(buffer);
    return rc;
}

/* What the caller gave, and where that is nothing, what the source has and the target can keep. */
static int carry_over(struct polyfs_fs *source_fs, const char *source, const struct polyfs_stat *stat,
                      const struct polyfs_caps *caps, struct polyfs_write_opts *own, struct polyfs_pairs **out_meta,
                      struct polyfs_error *err)
{
    own->size_hint = stat->size;
    *out_meta = NULL;
    if (!own->content_type && stat->content_type[0] && caps->fact[POLYFS_FACT_CONTENT_TYPE] == POLYFS_YES)
        own->content_type = stat->content_type;
    if (own->metadata_count || caps->fact[POLYFS_FACT_METADATA] != POLYFS_YES)
        return POLYFS_OK;
    int rc = polyfs_get_metadata(source_fs, source, own->call, out_meta, err);
    if (rc == POLYFS_UNSUPPORTED)
        return POLYFS_OK;
    if (rc == POLYFS_OK) {
        own->metadata = (*out_meta)->rows;
        own->metadata_count = (*out_meta)->count;
    }
    return rc;
}

static int copy_through(struct polyfs_fs *source_fs, const char *source, struct polyfs_fs *target_fs,
                        const char *target, const struct polyfs_caps *caps, const struct polyfs_write_opts *opts,
                        struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct polyfs_write_opts own = POLYFS_WRITE_OPTS_INIT;
    struct polyfs_read_opts read = POLYFS_READ_OPTS_INIT;
    struct polyfs_reader *reader;
    struct polyfs_writer *writer = NULL;
    struct polyfs_pairs *meta = NULL;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (opts)
        memcpy(&own, opts, opts->struct_size < sizeof(own) ? opts->struct_size : sizeof(own));
    read.call = own.call;
    int rc = polyfs_reader_open(source_fs, source, &read, &reader, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_reader_stat(reader, &stat, err);
    if (rc == POLYFS_OK)
        rc = carry_over(source_fs, source, &stat, caps, &own, &meta, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_open(target_fs, target, &own, &writer, err);
    if (rc == POLYFS_OK)
        rc = pump(reader, writer, target_fs->part_bytes, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, out_stat, err);
    polyfs_writer_close(writer);
    polyfs_pairs_free(meta);
    polyfs_reader_close(reader);
    return rc;
}

/* ---- the verb --------------------------------------------------------------------------------------------------- */

/* By the store, when both paths are of one filesystem and it can. *out_done 0: not tried. */
static int try_store(struct pfs_verb *v, const char *source, const struct polyfs_caps *caps,
                     const struct polyfs_write_opts *opts, int *out_done, struct polyfs_stat *out)
{
    struct pfs_put_args args;
    int rc = pfs_put_args_take(&args, v->fs, opts);
    if (rc != POLYFS_OK)
        rc = polyfs_fail(&v->error, rc, "no memory for a copy");
    else if (store_can(caps, &args.request)) {
        *out_done = 1;
        if (!args.metadata.count && !args.content_type)
            args.request.flags |= POLYFS_PUT_KEEP_METADATA;
        rc = pfs_put_gate(v, caps, &args.request);
        if (rc == POLYFS_OK)
            rc = pfs_copy_by_store(v, source, NULL, &args.request, out);
        if (rc == POLYFS_NOT_FOUND && opts && opts->flags & POLYFS_WRITE_PARENTS &&
            pfs_make_parents(v) == POLYFS_OK)
            rc = pfs_copy_by_store(v, source, NULL, &args.request, out);
        if (rc == POLYFS_TOO_LARGE || rc == POLYFS_UNSUPPORTED)
            *out_done = 0; /* this one object is beyond the store's own copy */
    }
    pfs_put_args_clear(&args);
    return rc;
}

int polyfs_copy(struct polyfs_fs *source_fs, const char *source, struct polyfs_fs *target_fs, const char *target,
                const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_caps caps;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    int done = 0;
    int rc = pfs_verb_begin(&v, "copy to", target_fs, target, opts ? opts->call : NULL);
    if (rc == POLYFS_OK && opts && opts->flags & ~PFS_WRITE_KNOWN)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK && opts && opts->flags & POLYFS_WRITE_APPEND)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a copy cannot append");
    if (rc == POLYFS_OK && source_fs == target_fs && strcmp(source, target) == 0)
        rc = polyfs_fail(&v.error, POLYFS_INVALID, "source and target are the same");
    if (rc == POLYFS_OK)
        rc = pfs_verb_caps(&v, target, &caps);
    if (rc == POLYFS_OK && source_fs == target_fs)
        rc = try_store(&v, source, &caps, opts, &done, &stat);
    else if (rc != POLYFS_OK)
        done = 1;
    if (rc == POLYFS_OK && done)
        pfs_stat_out(out_stat, &stat);
    rc = pfs_verb_end(&v, done ? rc : POLYFS_OK, err);
    if (done)
        return rc;
    return copy_through(source_fs, source, target_fs, target, &caps, opts, out_stat, err);
}

/* ---- rename ----------------------------------------------------------------------------------------------------- */

static int rename_by_store(struct pfs_verb *v, const char *source, const struct polyfs_put_request *request)
{
    struct polyfs_source from = source_of(source, NULL);
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_RENAME);
    r.u.copy.sources = &from;
    r.u.copy.count = 1;
    r.u.copy.request = request;
    return pfs_step_run(v, &r, &r.u.copy.step);
}

/* Copy, then remove: not atomic, and the facts say "emulated". A folder is not renamed this way. */
static int rename_by_copy(struct pfs_verb *v, const char *source, const struct polyfs_caps *caps,
                          struct polyfs_put_request *request)
{
    struct polyfs_stat from, to = POLYFS_STAT_INIT;
    int rc = pfs_stat(v, source, NULL, &from);
    if (rc == POLYFS_OK && from.type == POLYFS_TYPE_DIR)
        rc = polyfs_fail(&v->error, POLYFS_IS_DIR, "the source is a folder; move it with: polyfs mv -r");
    if (rc == POLYFS_OK && !store_can(caps, request))
        rc = polyfs_fail(&v->error, POLYFS_UNSUPPORTED, "%s cannot refuse to replace here",
                         v->fs->plugin->main_protocol);
    if (rc != POLYFS_OK)
        return rc;
    request->flags |= POLYFS_PUT_KEEP_METADATA;
    rc = pfs_copy_by_store(v, source, from.etag[0] ? from.etag : NULL, request, &to);
    if (rc != POLYFS_OK)
        return rc;
    struct pfs_request r = PFS_REQUEST(PFS_REMOVE, v->fs, &v->ctx, source);
    rc = pfs_verb_run(v, &r);
    if (rc < 0)
        v->error.commit_state = POLYFS_COMMIT_APPLIED; /* the target is there; the old name could not be removed */
    return rc == POLYFS_NOT_FOUND ? POLYFS_OK : rc;
}

int polyfs_rename(struct polyfs_fs *fs, const char *source, const char *target, uint32_t flags,
                  const struct polyfs_call_opts *opts, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct polyfs_caps caps;
    struct polyfs_put_request request = {.struct_size = sizeof(request),
                                         .durability = POLYFS_DURABILITY_FULL,
                                         .size_hint = POLYFS_SIZE_UNKNOWN,
                                         .condition = POLYFS_CONDITION_INIT};
    request.condition.create_only = flags & POLYFS_RENAME_NO_REPLACE ? 1 : 0;
    int rc = pfs_verb_begin(&v, "rename to", fs, target, opts);
    if (rc == POLYFS_OK && flags & ~POLYFS_RENAME_NO_REPLACE)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK)
        rc = pfs_verb_caps(&v, target, &caps);
    if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_RENAME] != POLYFS_NO) {
        if (request.condition.create_only && caps.fact[POLYFS_FACT_RENAME_NO_REPLACE] == POLYFS_NO)
            rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "%s cannot refuse to replace here",
                             fs->plugin->main_protocol);
        else
            rc = rename_by_store(&v, source, &request);
    } else if (rc == POLYFS_OK) {
        rc = rename_by_copy(&v, source, &caps, &request);
    }
    return pfs_verb_end(&v, rc, err);
}
