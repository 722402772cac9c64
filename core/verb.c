/* SPDX-License-Identifier: Apache-2.0 */
/* See verb.h. The first verb in a forked child also tells the plugin, once, to forget the parent's connections. */
#include "core/verb.h"

#include <stdlib.h>

#include "core/runtime.h"

/* Two threads of a child may come here at once; the one that moves the generation on calls the plugin. */
static void notice_fork(struct polyfs_fs *fs)
{
    while (fs->prefix) /* shares its parent's handle */
        fs = fs->parent;
    uint64_t now = pfs_fork_generation();
    uint64_t then = atomic_load_explicit(&fs->generation, memory_order_relaxed);
    if (then != now && atomic_compare_exchange_strong(&fs->generation, &then, now) &&
        fs->plugin->tables.fs.after_fork)
        fs->plugin->tables.fs.after_fork(fs->self);
}

int pfs_verb_begin(struct pfs_verb *verb, const char *name, struct polyfs_fs *fs, const char *path,
                   const struct polyfs_call_opts *opts)
{
    verb->fs = fs;
    verb->path = path;
    verb->error.struct_size = (uint32_t)sizeof(verb->error);
    verb->error.code = POLYFS_OK;
    int exiting = pfs_runtime_enter();
    int rc = pfs_ctx_begin(&verb->ctx, name, opts, &verb->error);
    if (rc == POLYFS_OK && exiting)
        rc = polyfs_fail(&verb->error, POLYFS_CANCELLED, "the process is exiting");
    if (rc != POLYFS_OK)
        return rc;
    if (fs->timeout_ms && verb->ctx.deadline_ns == INT64_MAX)
        verb->ctx.deadline_ns = pfs_now_ns() + fs->timeout_ms * PFS_MS;
    notice_fork(fs);
    return POLYFS_OK;
}

int pfs_verb_end(struct pfs_verb *verb, int rc, struct polyfs_error *err)
{
    if (rc < 0) {
        atomic_fetch_add_explicit(&verb->fs->counters.failures, 1, memory_order_relaxed);
        if (err) {
            char *url = verb->path ? polyfs_fs_url(verb->fs, verb->path) : NULL;
            pfs_error_out(err, &verb->error, rc, verb->ctx.verb, url);
            free(url);
        }
    }
    pfs_ctx_end(&verb->ctx);
    pfs_runtime_leave();
    return rc;
}

int pfs_verb_run(struct pfs_verb *verb, struct pfs_request *request)
{
    int rc = pfs_run(request);
    if (rc < 0)
        verb->error = request->error;
    return rc;
}

static int caps_as(struct pfs_verb *verb, const char *path, uint32_t flags, struct polyfs_caps *out)
{
    struct pfs_request r = PFS_REQUEST(PFS_CAPS, verb->fs, &verb->ctx, path);
    memset(out, 0, sizeof(*out));
    out->struct_size = (uint32_t)sizeof(*out);
    r.u.caps.flags = flags;
    r.u.caps.out = out;
    return pfs_verb_run(verb, &r);
}

int pfs_verb_caps(struct pfs_verb *verb, const char *path, struct polyfs_caps *out)
{
    return caps_as(verb, path, 0, out);
}

int pfs_verb_caps_of(struct pfs_verb *verb, const char *path, enum polyfs_fact fact, struct polyfs_caps *out)
{
    int rc = caps_as(verb, path, 0, out);
    return rc == POLYFS_OK && out->fact[fact] == POLYFS_UNKNOWN ? caps_as(verb, path, POLYFS_CAPS_PROBE, out) : rc;
}

int pfs_verb_gate(struct pfs_verb *verb, enum polyfs_fact fact, const char *what)
{
    struct polyfs_caps caps;
    int rc = pfs_verb_caps(verb, verb->path, &caps);
    if (rc == POLYFS_OK && caps.fact[fact] == POLYFS_NO)
        rc = polyfs_fail(&verb->error, POLYFS_UNSUPPORTED, "%s cannot %s here", verb->fs->plugin->main_protocol,
                         what);
    return rc;
}

void pfs_stat_out(struct polyfs_stat *to, const struct polyfs_stat *from)
{
    if (!to)
        return;
    uint32_t room = to->struct_size && to->struct_size < sizeof(*from) ? to->struct_size : (uint32_t)sizeof(*from);
    memcpy(to, from, room);
    to->struct_size = room;
}
