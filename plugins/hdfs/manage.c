/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User metadata as extended attributes: `user.polyfs.NAME`, and the content type as `user.mime_type`, as on file://. A
 * cluster may have them switched off; then only what core adds of its own is left out, and the rest is UNSUPPORTED.
 */
#include <stdlib.h>

#include "hdfs.h"
#include "plugins/support/words.h"

#define PREFIX "user.polyfs."
#define MIME "user.mime_type"
#define NONCE "polyfs_op"

static int is_ours(const char *name)
{
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0 || strcmp(name, MIME) == 0;
}

static const struct polyfs_kv *row_at(const struct polyfs_put_request *request, uint32_t i)
{
    return ps_kv_at(request->metadata, request->metadata_stride, i);
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

struct meta {
    struct hdfs_java *j;
    struct polyfs_stat *stat;
    struct polyfs_pairs *pairs;
};

static int take(void *arg, const char *name, const char *value)
{
    struct meta *meta = arg;
    if (strcmp(name, MIME) == 0)
        snprintf(meta->stat->content_type, sizeof(meta->stat->content_type), "%s", value);
    else if (meta->pairs && is_ours(name) &&
             ps_host->pair_add(meta->pairs, name + strlen(PREFIX), value) != POLYFS_OK)
        return polyfs_fail(meta->j->err, POLYFS_NOMEM, "no memory for metadata");
    return POLYFS_OK;
}

int hdfs_meta_read(struct hdfs_java *j, const char *path, struct polyfs_stat *out, struct polyfs_pairs *meta)
{
    struct meta taken = {j, out, meta};
    if (__atomic_load_n(&j->fs->no_xattrs, __ATOMIC_RELAXED))
        return POLYFS_OK;
    int rc = hdfs_attributes(j, path, take, &taken);
    if (rc == POLYFS_UNSUPPORTED)
        __atomic_store_n(&j->fs->no_xattrs, 1, __ATOMIC_RELAXED);
    /* Who may not read a file may still look at it. */
    return rc == POLYFS_UNSUPPORTED || (rc == POLYFS_PERMISSION && !meta) ? POLYFS_OK : rc;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

int hdfs_meta_is_nonce(const struct polyfs_put_request *request)
{
    for (uint32_t i = 0; i < request->metadata_count; i++)
        if (strcmp(row_at(request, i)->key, NONCE) != 0)
            return 0;
    return !request->content_type;
}

int hdfs_meta_check(const struct hdfs_fs *fs, const struct polyfs_put_request *request, struct polyfs_error *err)
{
    size_t own = 0;
    for (uint32_t i = 0; i < request->metadata_count; i++) {
        const struct polyfs_kv *row = row_at(request, i);
        own += strcmp(row->key, NONCE) != 0;
        if (strlen(row->key) + strlen(row->value) + strlen(PREFIX) > HDFS_XATTR_BYTES)
            return polyfs_fail(err, POLYFS_TOO_LARGE, "HDFS takes 16 KiB for a name and its value");
    }
    if (request->metadata_count + (request->content_type ? 1 : 0) > HDFS_XATTRS_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "HDFS keeps %d names of metadata with a file", HDFS_XATTRS_MAX);
    if ((own || request->content_type) && __atomic_load_n(&fs->no_xattrs, __ATOMIC_RELAXED))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this cluster keeps no metadata (dfs.namenode.xattrs.enabled)");
    return POLYFS_OK;
}

static int set_row(struct hdfs_java *j, const char *path, const char *name, const char *value)
{
    if (strcmp(name, PREFIX NONCE) == 0 && __atomic_load_n(&j->fs->no_xattrs, __ATOMIC_RELAXED))
        return POLYFS_OK;
    int rc = hdfs_attribute_set(j, path, name, value);
    if (rc == POLYFS_UNSUPPORTED)
        __atomic_store_n(&j->fs->no_xattrs, 1, __ATOMIC_RELAXED);
    return rc == POLYFS_UNSUPPORTED && strcmp(name, PREFIX NONCE) == 0 ? POLYFS_OK : rc;
}

int hdfs_meta_write(struct hdfs_java *j, const char *path, const struct polyfs_put_request *request)
{
    int rc = request->content_type ? set_row(j, path, MIME, request->content_type) : POLYFS_OK;
    for (uint32_t i = 0; i < request->metadata_count && rc == POLYFS_OK; i++) {
        const struct polyfs_kv *row = row_at(request, i);
        char name[512];
        if ((size_t)snprintf(name, sizeof(name), PREFIX "%s", row->key) >= sizeof(name))
            return polyfs_fail(j->err, POLYFS_TOO_LARGE, "the metadata name \"%.64s…\" is too long", row->key);
        rc = set_row(j, path, name, row->value);
    }
    return rc;
}

/* ---- replacing ------------------------------------------------------------------------------------------------------ */

struct old {
    const struct polyfs_put_request *request;
    char *names[HDFS_XATTRS_MAX]; /* that go */
    unsigned count;
};

/* A content type stays unless a new one takes its place. */
static int note(void *arg, const char *name, const char *value)
{
    struct old *old = arg;
    (void)value;
    if (!is_ours(name) || strcmp(name, MIME) == 0)
        return POLYFS_OK;
    for (uint32_t i = 0; i < old->request->metadata_count; i++)
        if (strcmp(row_at(old->request, i)->key, name + strlen(PREFIX)) == 0)
            return POLYFS_OK;
    if (old->count < HDFS_XATTRS_MAX && (old->names[old->count] = strdup(name)))
        old->count++;
    return POLYFS_OK;
}

static int drop(struct hdfs_java *j, const char *path, struct old *old)
{
    int rc = POLYFS_OK;
    for (unsigned i = 0; i < old->count && rc == POLYFS_OK; i++)
        rc = hdfs_attribute_remove(j, path, old->names[i]);
    return rc;
}

/* What is new is there before anything old goes, but where both together are more names than a file has room for. */
static int replace(struct hdfs_java *j, const char *path, const struct polyfs_put_request *request)
{
    struct old old = {.request = request};
    int rc = hdfs_meta_check(j->fs, request, j->err);
    if (rc == POLYFS_OK)
        rc = hdfs_attributes(j, path, note, &old);
    int crowded = old.count + request->metadata_count + 1 > HDFS_XATTRS_MAX;
    if (rc == POLYFS_OK && crowded)
        rc = drop(j, path, &old);
    if (rc == POLYFS_OK)
        rc = hdfs_meta_write(j, path, request);
    if (rc == POLYFS_OK && !crowded)
        rc = drop(j, path, &old);
    for (unsigned i = 0; i < old.count; i++)
        free(old.names[i]);
    return rc;
}

static int set_metadata(struct hdfs_java *j, const char *path, const struct polyfs_put_request *request)
{
    struct hdfs_info info;
    int rc = hdfs_info(j, path, &info);
    if (rc == POLYFS_OK && !info.is_there)
        rc = polyfs_fail(j->err, POLYFS_NOT_FOUND, "there is no such file or folder");
    if (rc == POLYFS_OK && info.is_dir)
        rc = polyfs_fail(j->err, POLYFS_IS_DIR, "it is a folder; metadata is of objects");
    return rc == POLYFS_OK ? replace(j, path, request) : rc;
}

int hdfs_set_metadata(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                      const struct polyfs_put_request *request, struct polyfs_error *err)
{
    struct hdfs_java j;
    char *own = NULL;
    if (request->condition.if_match || request->condition.create_only || request->extra_count)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "metadata is changed without a condition here");
    int rc = hdfs_enter(&j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_path(&j, path, path_len, &own);
    if (rc == POLYFS_OK)
        rc = set_metadata(&j, own, request);
    free(own);
    hdfs_leave(&j);
    return rc;
}

/* ---- times ---------------------------------------------------------------------------------------------------------- */

static int64_t ms_of(int64_t ns)
{
    if (ns == POLYFS_TIME_UNKNOWN)
        return -1;
    return ns / 1000000;
}

int hdfs_set_times(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, int64_t mtime_ns,
                   int64_t atime_ns, struct polyfs_error *err)
{
    struct hdfs_java j;
    char *own = NULL;
    int rc = hdfs_enter(&j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_path(&j, path, path_len, &own);
    if (rc == POLYFS_OK &&
        ((mtime_ns != POLYFS_TIME_UNKNOWN && mtime_ns < 0) || (atime_ns != POLYFS_TIME_UNKNOWN && atime_ns < 0)))
        rc = polyfs_fail(err, POLYFS_INVALID,
                         "HDFS keeps no time before 1970"); /* it says nothing, and keeps the old */
    if (rc == POLYFS_OK)
        rc = hdfs_touch(&j, own, ms_of(mtime_ns), ms_of(atime_ns));
    free(own);
    hdfs_leave(&j);
    return rc;
}
