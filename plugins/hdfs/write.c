/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: put and streams go to a staging name beside their target and are published by a rename, which alone can refuse
 * to replace; append adds to the file itself. libhdfs's own rename and O_EXCL are never used: the first moves into a
 * folder of that name, the second empties the file that is there.
 */
#include <stdlib.h>

#include "hdfs.h"
#include "plugins/support/buf.h"

struct hdfs_stream {
    struct hdfs_fs *fs;
    char *target, *staging; /* staging is NULL for an append */
    jobject output;         /* NULL once it is closed */
    int made;               /* an append: the file was not there before */
    int published_unknown;  /* the rename was sent, and no answer came */
    struct hdfs_info info;  /* of the staging file */
};

/* "folder/.polyfs-tmp-…" beside a path; NULL without memory. */
static char *staging_name(const char *path)
{
    uint8_t bits[16];
    char *out = NULL, hex[33];
    ps_host->random(bits, sizeof(bits));
    ps_hex(bits, sizeof(bits), hex);
    int lead = (int)(strrchr(path, '/') - path) + 1;
    return asprintf(&out, "%.*s" POLYFS_STAGING_PREFIX "%s", lead, path, hex) < 0 ? NULL : out;
}

/* ---- beginning -------------------------------------------------------------------------------------------------------- */

static int check(const struct hdfs_fs *fs, const char *path, uint64_t path_len,
                 const struct polyfs_put_request *request, struct polyfs_error *err)
{
    if (request->condition.if_match)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "HDFS replaces without a condition on what is there");
    if (request->flags || request->extra_count)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "hdfs knows no such option of a write");
    if (request->checksum.kind)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "HDFS keeps no checksum that a caller gives");
    if (!path_len || path[path_len - 1] == '/')
        return polyfs_fail(err, POLYFS_IS_DIR, "a name that ends in '/' is a folder's");
    if (strncmp(strrchr(path, '/') ? strrchr(path, '/') + 1 : path, POLYFS_STAGING_PREFIX,
                strlen(POLYFS_STAGING_PREFIX)) == 0)
        return polyfs_fail(err, POLYFS_INVALID,
                           "names that begin with " POLYFS_STAGING_PREFIX " are polyfs's own, and not listed");
    return hdfs_meta_check(fs, request, err);
}

/* A folder in the way is told before any byte is sent, and so is what create_only finds; the commit decides. */
static int check_target(struct hdfs_java *j, const char *path, const struct polyfs_condition *condition)
{
    struct hdfs_info info;
    int rc = hdfs_info(j, path, &info);
    if (rc == POLYFS_OK && info.is_there && info.is_dir)
        rc = polyfs_fail(j->err, POLYFS_IS_DIR, "it is a folder");
    if (rc == POLYFS_OK && info.is_there && condition->create_only)
        rc = polyfs_fail(j->err, POLYFS_EXISTS, "it is there already");
    return rc;
}

static void stream_free(struct hdfs_stream *s)
{
    free(s->target);
    free(s->staging);
    ps_host->free(s);
}

static int stream_new(struct hdfs_java *j, const char *path, uint64_t path_len, struct hdfs_stream **out)
{
    struct hdfs_stream *s = ps_host->alloc(sizeof(*s));
    if (!s)
        return polyfs_fail(j->err, POLYFS_NOMEM, "no memory for a stream");
    *s = (struct hdfs_stream){.fs = j->fs};
    int rc = hdfs_path(j, path, path_len, &s->target);
    if (rc == POLYFS_OK)
        *out = s;
    else
        stream_free(s);
    return rc;
}

static int begin(struct hdfs_java *j, struct hdfs_stream *s, const struct polyfs_put_request *request)
{
    int rc = check_target(j, s->target, &request->condition);
    if (rc == POLYFS_OK && !(s->staging = staging_name(s->target)))
        rc = polyfs_fail(j->err, POLYFS_NOMEM, "no memory for a name");
    return rc == POLYFS_OK ? hdfs_create(j, s->staging, &s->output) : rc;
}

/*
 * Adds to the file itself. While another writer has it open the name node refuses, and after a minute without a sign of
 * that writer it takes the lease back by itself. recoverLease would do so at once, and from a writer that lives, too.
 */
static int begin_append(struct hdfs_java *j, struct hdfs_stream *s, const struct polyfs_put_request *request)
{
    int rc = check_target(j, s->target, &request->condition);
    if (rc == POLYFS_OK)
        rc = hdfs_append(j, s->target, &s->output);
    if (rc == POLYFS_NOT_FOUND) {
        rc = hdfs_create(j, s->target, &s->output);
        s->made = rc == POLYFS_OK;
    }
    return rc;
}

/* ---- ending ----------------------------------------------------------------------------------------------------------- */

/* Closes for good, and removes what was not published. Nothing is told: it is the way out of a failure. */
static void give_up(struct hdfs_java *j, struct hdfs_stream *s)
{
    struct polyfs_error ignored = POLYFS_ERROR_INIT, *err = j->err;
    int was_there = 0;
    j->err = &ignored;
    if (s->staging && hdfs_delete(j, s->staging, 0, &was_there) != POLYFS_OK)
        ps_host->log(j->call, 2, "hdfs: a staging file may be left; it goes with its folder");
    if (s->output)
        hdfs_output_close(j, s->output);
    s->output = NULL;
    if (s->made)
        hdfs_delete(j, s->target, 0, &was_there);
    j->err = err;
}

/* The answer of a rename was lost before: the target is ours if it is the very file that was staged. */
static int is_published(struct hdfs_java *j, struct hdfs_stream *s)
{
    struct hdfs_info now;
    return hdfs_info_if_there(j, s->target, &now) && now.id == s->info.id;
}

/*
 * With nobody to decide against, the staging file is there for sure, so NOT_FOUND means that the folder went, or that an
 * earlier rename had been done.
 */
static int publish(struct hdfs_java *j, struct hdfs_stream *s, const struct polyfs_condition *condition)
{
    int rc = hdfs_rename_path(j, s->staging, s->target, !condition->create_only);
    if ((rc == POLYFS_NOT_FOUND || rc == POLYFS_EXISTS) && s->published_unknown && is_published(j, s))
        return POLYFS_OK;
    if (rc == POLYFS_NETWORK || rc == POLYFS_TIMEOUT)
        s->published_unknown = 1;
    if (rc == POLYFS_IO || (rc == POLYFS_EXISTS && !condition->create_only)) {
        struct hdfs_info target;
        if (hdfs_info_if_there(j, s->target, &target) && target.is_dir)
            rc = polyfs_fail(j->err, POLYFS_IS_DIR, "it is a folder");
    }
    return rc;
}

/* Flushes and closes; the length and the inode are known then. A failed close is not repeated: the stream is dead. */
static int finish(struct hdfs_java *j, struct hdfs_stream *s, uint32_t durability)
{
    int rc = POLYFS_OK;
    if (!s->output)
        return rc;
    if (durability != POLYFS_DURABILITY_NONE)
        rc = hdfs_output_sync(j, s->output);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_output_close(j, s->output);
    s->output = NULL;
    if (rc == POLYFS_OK)
        rc = hdfs_info(j, s->staging ? s->staging : s->target, &s->info);
    return rc;
}

static int commit(struct hdfs_java *j, struct hdfs_stream *s, const struct polyfs_put_request *request,
                  struct polyfs_stat *out)
{
    int first = s->output != NULL;
    int rc = finish(j, s, request->durability);
    if (rc == POLYFS_OK && first) /* of an append: core's mark, by which it knows its own again */
        rc = hdfs_meta_write(j, s->staging ? s->staging : s->target, request);
    if (rc == POLYFS_OK && s->staging)
        rc = publish(j, s, &request->condition);
    if (rc == POLYFS_OK && out) {
        s->info.is_there = 1;
        hdfs_stat_fill(&s->info, out);
        if (request->content_type)
            snprintf(out->content_type, sizeof(out->content_type), "%s", request->content_type);
    }
    return rc;
}

/* ---- the slots -------------------------------------------------------------------------------------------------------- */

int hdfs_put(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const void *data,
             uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
             struct polyfs_error *err)
{
    struct hdfs_java j;
    struct hdfs_stream *s = NULL;
    int rc = check(self, path, path_len, request, err);
    if (rc == POLYFS_OK)
        rc = hdfs_enter(&j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = stream_new(&j, path, path_len, &s);
    if (rc == POLYFS_OK) {
        rc = begin(&j, s, request);
        if (rc == POLYFS_OK)
            rc = hdfs_output_write(&j, s->output, data, size);
        if (rc == POLYFS_OK)
            rc = commit(&j, s, request, out);
        if (rc != POLYFS_OK)
            give_up(&j, s);
        stream_free(s);
    }
    hdfs_leave(&j);
    return rc;
}

static int stream_open(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
                       const struct polyfs_put_request *request, struct polyfs_step *step, void **out_stream,
                       struct polyfs_error *err)
{
    struct hdfs_java j;
    struct hdfs_stream *s = NULL;
    (void)step;
    int rc = check(self, path, path_len, request, err);
    if (rc == POLYFS_OK && flags & ~POLYFS_STREAM_APPEND)
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (rc == POLYFS_OK && flags && !hdfs_meta_is_nonce(request))
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "an append changes no metadata and takes no checksum");
    if (rc == POLYFS_OK)
        rc = hdfs_enter(&j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = stream_new(&j, path, path_len, &s);
    if (rc == POLYFS_OK) {
        rc = flags ? begin_append(&j, s, request) : begin(&j, s, request);
        if (rc != POLYFS_OK)
            stream_free(s);
    }
    if (rc == POLYFS_OK)
        *out_stream = s;
    hdfs_leave(&j);
    return rc;
}

static int stream_write(struct polyfs_call *call, void *self, const void *data, uint64_t size,
                        struct polyfs_error *err)
{
    struct hdfs_stream *s = self;
    struct hdfs_java j;
    int rc = hdfs_enter(&j, s->fs, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_output_write(&j, s->output, data, size);
    hdfs_leave(&j);
    return rc;
}

static int stream_commit(struct polyfs_call *call, void *self, const struct polyfs_put_request *request,
                         struct polyfs_stat *out, struct polyfs_error *err)
{
    struct hdfs_stream *s = self;
    struct hdfs_java j;
    int rc = hdfs_enter(&j, s->fs, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = commit(&j, s, request, out);
    hdfs_leave(&j);
    if (rc == POLYFS_OK)
        stream_free(s);
    return rc;
}

/* In a forked child there is no Java to close anything with, and what is staged is the parent's. */
static void stream_abort(struct polyfs_call *call, void *self)
{
    struct hdfs_stream *s = self;
    struct hdfs_java j;
    if (hdfs_enter_to_tidy(&j, s->fs, call, NULL) == POLYFS_OK) {
        give_up(&j, s);
        hdfs_leave(&j);
    }
    stream_free(s);
}

const struct polyfs_stream_ops hdfs_stream_ops = {
    .struct_size = sizeof(struct polyfs_stream_ops),
    .open = stream_open,
    .write = stream_write,
    .commit = stream_commit,
    .abort = stream_abort,
};
