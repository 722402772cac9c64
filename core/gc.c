/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unfinished uploads that nobody will finish: found page by page, asked whose they are once they are old enough, and
 * aborted.
 */
#include <glib.h>

#include "core/uploads.h"
#include "core/verb.h"
#include "polyfs/bulk.h"

struct gc {
    struct pfs_verb *verb;
    struct polyfs_gc_opts opts;
    int64_t before_ns; /* those that began later are let be */
    struct polyfs_uploads page;
    uint64_t removed;
    int first_rc;
    struct polyfs_error first_error;
};

/* The path itself, or what is below it. */
static int is_below(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(path, prefix, n) == 0 && (!n || !path[n] || path[n] == '/' || prefix[n - 1] == '/');
}

static int is_old(const struct gc *gc, const struct pfs_upload *upload)
{
    return upload->started_ns != POLYFS_TIME_UNKNOWN && upload->started_ns <= gc->before_ns &&
           is_below(upload->path, gc->verb->path);
}

/* One page of uploads; POLYFS_MORE when another follows. */
static int page_read(struct gc *gc, struct polyfs_text *cursor)
{
    struct polyfs_text next = {NULL, 0, 0};
    struct polyfs_step step = {.struct_size = sizeof(step), .cursor = cursor->data, .next = &next};
    struct pfs_request r = PFS_REQUEST_OF(gc->verb, PFS_UPLOAD_LIST);
    r.u.upload.step = &step;
    r.u.upload.out_uploads = &gc->page;
    int rc = pfs_verb_run(gc->verb, &r);
    pfs_text_clear(cursor);
    *cursor = next;
    return rc;
}

/* Did polyfs begin it? A store that cannot tell keeps no others. */
static int is_ours(struct gc *gc, const struct pfs_upload *upload, uint32_t *out)
{
    *out = 1;
    if (!pfs_slot_present(gc->verb->fs, PFS_UPLOAD_IS_OURS))
        return POLYFS_OK;
    struct pfs_request r = PFS_REQUEST(PFS_UPLOAD_IS_OURS, gc->verb->fs, &gc->verb->ctx, upload->path);
    r.u.upload.id = upload->id;
    r.u.upload.out_ours = out;
    return pfs_verb_run(gc->verb, &r);
}

static int drop(struct gc *gc, const struct pfs_upload *upload)
{
    struct pfs_request r = PFS_REQUEST(PFS_UPLOAD_ABORT, gc->verb->fs, &gc->verb->ctx, upload->path);
    r.u.upload.id = upload->id;
    int rc = pfs_verb_run(gc->verb, &r);
    gc->removed += rc == POLYFS_OK;
    return rc == POLYFS_NOT_FOUND ? POLYFS_OK : rc; /* finished meanwhile */
}

static void settle(struct gc *gc, const struct pfs_upload *upload)
{
    uint32_t ours = 1;
    int rc = gc->opts.flags & POLYFS_GC_FOREIGN ? POLYFS_OK : is_ours(gc, upload, &ours);
    if (rc == POLYFS_NOT_FOUND)
        return;
    int go = rc == POLYFS_OK && ours;
    if (go && !(gc->opts.flags & POLYFS_GC_DRY_RUN))
        rc = drop(gc, upload);
    if (rc < 0 && gc->first_rc == POLYFS_OK) {
        gc->first_rc = rc;
        gc->first_error = gc->verb->error;
    }
    if (gc->opts.found && (go || rc < 0))
        gc->opts.found(upload->path, upload->started_ns, rc, gc->opts.user);
}

static int run(struct gc *gc)
{
    struct polyfs_text cursor = {NULL, 0, 0};
    int rc;
    do {
        rc = page_read(gc, &cursor);
        for (size_t i = 0; rc >= 0 && i < gc->page.count; i++) {
            if (is_old(gc, &gc->page.rows[i]))
                settle(gc, &gc->page.rows[i]);
            if (pfs_ctx_stopped(&gc->verb->ctx) != POLYFS_OK)
                rc = pfs_ctx_check(&gc->verb->ctx, &gc->verb->error);
        }
    } while (rc == POLYFS_MORE);
    pfs_text_clear(&cursor);
    pfs_uploads_free(&gc->page);
    if (rc == POLYFS_OK && gc->first_rc != POLYFS_OK) {
        gc->verb->error = gc->first_error;
        rc = gc->first_rc;
    }
    return rc;
}

int polyfs_gc(struct polyfs_fs *fs, const char *path, const struct polyfs_gc_opts *opts, uint64_t *out_removed,
              struct polyfs_error *err)
{
    struct pfs_verb v;
    struct gc gc = {.verb = &v, .opts = POLYFS_GC_OPTS_INIT};
    if (opts)
        memcpy(&gc.opts, opts, opts->struct_size < sizeof(gc.opts) ? opts->struct_size : sizeof(gc.opts));
    int rc = pfs_verb_begin(&v, "clean up", fs, path, gc.opts.call);
    if (rc == POLYFS_OK && gc.opts.flags & ~(POLYFS_GC_DRY_RUN | POLYFS_GC_FOREIGN))
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK && fs->prefix)
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "clean up in the filesystem that this is a part of");
    if (rc == POLYFS_OK)
        rc = pfs_verb_gate(&v, POLYFS_FACT_LIST_UPLOADS, "list unfinished uploads");
    if (rc == POLYFS_OK && !pfs_slot_present(fs, PFS_UPLOAD_LIST))
        rc = polyfs_fail(&v.error, POLYFS_UNSUPPORTED, "%s has no unfinished uploads", fs->plugin->main_protocol);
    if (rc == POLYFS_OK) {
        gc.before_ns = g_get_real_time() * 1000 - (int64_t)gc.opts.older_than_s * 1000000000;
        rc = run(&gc);
    }
    if (rc == POLYFS_OK && out_removed)
        *out_removed = gc.removed;
    return pfs_verb_end(&v, rc, err);
}
