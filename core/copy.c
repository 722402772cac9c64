/* SPDX-License-Identifier: Apache-2.0 */
/* Copy and rename of one object: a transfer of one, or the store's own rename. */
#include <stdlib.h>

#include "core/stat.h"
#include "core/step.h"
#include "core/transfer.h"

/* ---- the verb --------------------------------------------------------------------------------------------------- */

struct outcome {
    int rc;
    struct polyfs_error *err;
    struct polyfs_stat *stat;
};

static void one_done(struct pfs_object *o, void *user)
{
    struct outcome *outcome = user;
    outcome->rc = o->rc;
    if (o->rc < 0)
        pfs_error_copy(outcome->err, &o->error);
    else
        pfs_stat_out(outcome->stat, &o->stat);
}

/* One object through a transfer of its own. Its error is finished: it names the side that failed. */
static int transfer_one(struct pfs_ctx *ctx, struct pfs_object *o, struct polyfs_stat *out_stat,
                        struct polyfs_error *err)
{
    struct outcome outcome = {POLYFS_OK, err, out_stat};
    struct pfs_transfer t = {.done = one_done, .user = &outcome};
    pfs_transfer_begin(&t, ctx, o->source_fs->network || o->target_fs->network, 0);
    pfs_transfer_add(&t, o);
    pfs_transfer_end(&t);
    return outcome.rc;
}

int polyfs_copy(struct polyfs_fs *source_fs, const char *source, struct polyfs_fs *target_fs, const char *target,
                const struct polyfs_write_opts *opts, struct polyfs_stat *out_stat, struct polyfs_error *err)
{
    struct pfs_verb v;
    struct pfs_object *o = NULL;
    int rc = pfs_verb_begin(&v, "copy to", target_fs, target, opts ? opts->call : NULL);
    if (rc == POLYFS_OK && opts && opts->flags & ~PFS_WRITE_KNOWN)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK && opts && opts->flags & POLYFS_WRITE_APPEND)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a copy cannot append");
    if (rc == POLYFS_OK && !(o = pfs_object_new(source_fs, source, target_fs, target, opts)))
        rc = polyfs_fail(&v.error, POLYFS_NOMEM, "no memory for a copy");
    if (rc != POLYFS_OK)
        return pfs_verb_end(&v, rc, err);
    struct polyfs_stat stat = POLYFS_STAT_INIT, seen;
    rc = transfer_one(&v.ctx, o, &stat, err);
    if (rc == POLYFS_OK && out_stat) {
        /* A store that copies by itself may not tell how large the copy is. */
        if (stat.size == POLYFS_SIZE_UNKNOWN && pfs_stat_object(&v, target, &seen) == POLYFS_OK &&
            strcmp(seen.etag, stat.etag) == 0)
            stat = seen;
        pfs_stat_out(out_stat, &stat);
    }
    return pfs_verb_end(&v, rc, NULL);
}

/* ---- rename ----------------------------------------------------------------------------------------------------- */

static int rename_by_store(struct pfs_verb *v, const char *source, const struct polyfs_put_request *request)
{
    struct polyfs_source from = {.struct_size = sizeof(from), .path = source, .path_len = strlen(source)};
    struct pfs_request r = PFS_REQUEST_OF(v, PFS_RENAME);
    r.u.copy.sources = &from;
    r.u.copy.count = 1;
    r.u.copy.request = request;
    return pfs_step_run(v, &r, &r.u.copy.step);
}

/* Copy, then remove: not atomic, and the facts say "emulated". A folder is not renamed this way. */
static int rename_by_copy(struct pfs_verb *v, const char *source, const struct polyfs_caps *caps, int no_replace,
                          struct polyfs_error *err)
{
    struct polyfs_stat from;
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    struct pfs_object *o = NULL;
    opts.flags = no_replace ? POLYFS_WRITE_CREATE_ONLY : 0;
    int rc = pfs_stat(v, source, NULL, &from);
    if (rc == POLYFS_OK && from.type == POLYFS_TYPE_DIR)
        rc = polyfs_fail(&v->error, POLYFS_IS_DIR, "the source is a folder; move it with: polyfs mv -r");
    if (rc == POLYFS_OK && no_replace && caps->fact[POLYFS_FACT_CREATE_ONLY] == POLYFS_NO)
        rc = polyfs_fail(&v->error, POLYFS_UNSUPPORTED, "%s cannot refuse to replace here",
                         v->fs->plugin->main_protocol);
    if (rc == POLYFS_OK && !(o = pfs_object_new(v->fs, source, v->fs, v->path, &opts)))
        rc = polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a copy");
    if (rc != POLYFS_OK)
        return pfs_verb_end(v, rc, err);
    o->only_etag = from.etag[0] ? from.etag : NULL;
    o->size_hint = from.size;
    o->remove_source = 1;
    rc = transfer_one(&v->ctx, o, NULL, err);
    return pfs_verb_end(v, rc, NULL);
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
        rc = pfs_verb_caps_of(&v, target, POLYFS_FACT_RENAME, &caps);
    if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_RENAME] != POLYFS_NO) {
        if (request.condition.create_only && caps.fact[POLYFS_FACT_RENAME_NO_REPLACE] == POLYFS_NO)
            rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "%s cannot refuse to replace here",
                             fs->plugin->main_protocol);
        else
            rc = rename_by_store(&v, source, &request);
    } else if (rc == POLYFS_OK) {
        return rename_by_copy(&v, source, &caps, (int)request.condition.create_only, err);
    }
    return pfs_verb_end(&v, rc, err);
}
