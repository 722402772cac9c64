/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: stat, ranges, readers. A file is opened by the number of its inode, which stat told, so that what is read is
 * what was looked at, whatever is renamed over its name meanwhile.
 */
#include <stdlib.h>

#include "hdfs.h"

struct hdfs_reader {
    struct hdfs_fs *fs;
    jobject input;
};

void hdfs_stat_fill(const struct hdfs_info *info, struct polyfs_stat *out)
{
    out->type = info->is_dir ? POLYFS_TYPE_DIR : POLYFS_TYPE_FILE;
    out->size = info->size;
    out->mtime_ns = info->mtime_ms * 1000000;
    out->mode = info->mode;
    out->flags |= POLYFS_STAT_LATEST;
    if (!info->is_dir)
        snprintf(out->etag, sizeof(out->etag), "%llx-%llx-%llx", (unsigned long long)info->id,
                 (unsigned long long)info->mtime_ms, (unsigned long long)info->size);
}

/* "name/" is a folder, or nothing. */
static int look(struct hdfs_java *j, const char *path, uint64_t path_len, char **out, struct hdfs_info *info)
{
    int rc = hdfs_path(j, path, path_len, out);
    if (rc == POLYFS_OK)
        rc = hdfs_info(j, *out, info);
    if (rc == POLYFS_OK && !info->is_there)
        rc = polyfs_fail(j->err, POLYFS_NOT_FOUND, "there is no such file or folder");
    if (rc == POLYFS_OK && !info->is_dir && path_len && path[path_len - 1] == '/')
        rc = polyfs_fail(j->err, POLYFS_NOT_DIR, "it is a file, not a folder");
    return rc;
}

int hdfs_stat(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *version,
              struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    struct hdfs_java j;
    struct hdfs_info info;
    struct polyfs_stat result = *out;
    char *own = NULL;
    if (version)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "files have no versions");
    int rc = hdfs_enter(&j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = look(&j, path, path_len, &own, &info);
    if (rc == POLYFS_OK) {
        hdfs_stat_fill(&info, &result);
        if (!info.is_dir)
            rc = hdfs_meta_read(&j, own, &result, meta);
    }
    if (rc == POLYFS_OK)
        *out = result;
    free(own);
    hdfs_leave(&j);
    return rc;
}

/* It was there a moment ago: somebody replaced or removed it, and the next look tells which. */
static int open_inode(struct hdfs_java *j, const struct hdfs_info *info, jobject *out)
{
    int rc = hdfs_input_open(j, info->id, out);
    if (rc != POLYFS_NOT_FOUND)
        return rc;
    polyfs_fail(j->err, POLYFS_BUSY, "it was replaced or removed while it was opened");
    if (j->err)
        j->err->retry = POLYFS_RETRY_TRANSIENT;
    return POLYFS_BUSY;
}

/* The name node tells of what lies below a file only that it is not there. */
static int is_below_a_file(struct hdfs_java *j, const char *path)
{
    struct hdfs_info parent;
    const char *slash = path ? strrchr(path, '/') : NULL;
    char *folder = slash && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;
    int is = folder && hdfs_info_if_there(j, folder, &parent) && !parent.is_dir;
    free(folder);
    return is;
}

static int open_file(struct hdfs_java *j, const char *path, uint64_t path_len, char **out_path,
                     struct hdfs_info *info)
{
    int rc = look(j, path, path_len, out_path, info);
    if (rc == POLYFS_NOT_FOUND && is_below_a_file(j, *out_path))
        rc = polyfs_fail(j->err, POLYFS_NOT_DIR, "a part of the path is a file, not a folder");
    return rc == POLYFS_OK && info->is_dir ? polyfs_fail(j->err, POLYFS_IS_DIR, "it is a folder") : rc;
}

static int get_range(struct hdfs_java *j, const char *path, uint64_t path_len,
                     const struct polyfs_get_request *request, void *buffer, uint64_t *out_n,
                     struct polyfs_stat *stat)
{
    struct hdfs_info info;
    uint64_t offset = 0, length = 0;
    jobject input;
    char *own = NULL;
    int rc = open_file(j, path, path_len, &own, &info);
    if (rc == POLYFS_OK) {
        hdfs_stat_fill(&info, stat);
        rc = polyfs_get_check(request, stat, &offset, &length, j->err);
    }
    *out_n = 0;
    if (rc == POLYFS_OK && request->meta)
        rc = hdfs_meta_read(j, own, stat, request->meta);
    if (rc == POLYFS_OK && length) {
        rc = open_inode(j, &info, &input);
        if (rc == POLYFS_OK) {
            rc = hdfs_input_read(j, input, offset, buffer, length, out_n);
            hdfs_input_close(j, input);
        }
    }
    free(own);
    return rc;
}

int hdfs_get(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
             const struct polyfs_get_request *request, void *buffer, uint64_t *out_n, struct polyfs_stat *out,
             struct polyfs_error *err)
{
    struct hdfs_java j;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    uint64_t n = 0;
    if (request->version)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "files have no versions");
    if (request->flags & POLYFS_GET_SUFFIX)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "the last bytes are read by their offset");
    int rc = hdfs_enter(&j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = get_range(&j, path, path_len, request, buffer, &n, &stat);
    hdfs_leave(&j);
    if (out && (rc == POLYFS_OK || call->bytes_done))
        *out = stat;
    if (rc == POLYFS_OK)
        *out_n = n;
    return rc;
}

/* ---- readers -------------------------------------------------------------------------------------------------------- */

static int reader_open(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                       const char *version, void **out_reader, struct polyfs_stat *out, struct polyfs_error *err)
{
    struct hdfs_java j;
    struct hdfs_info info;
    char *own = NULL;
    if (version)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "files have no versions");
    int rc = hdfs_enter(&j, self, call, err);
    if (rc != POLYFS_OK)
        return rc;
    struct hdfs_reader *r = ps_host->alloc(sizeof(*r));
    rc = r ? open_file(&j, path, path_len, &own, &info) : polyfs_fail(err, POLYFS_NOMEM, "no memory for a reader");
    if (rc == POLYFS_OK) {
        *r = (struct hdfs_reader){self, NULL};
        rc = open_inode(&j, &info, &r->input);
    }
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (rc == POLYFS_OK && out) {
        hdfs_stat_fill(&info, &stat);
        rc = hdfs_meta_read(&j, own, &stat, NULL);
        if (rc != POLYFS_OK)
            hdfs_input_close(&j, r->input);
    }
    if (rc == POLYFS_OK) {
        if (out)
            *out = stat;
        *out_reader = r;
    } else {
        ps_host->free(r);
    }
    free(own);
    hdfs_leave(&j);
    return rc;
}

static int reader_pread(struct polyfs_call *call, void *self, uint64_t offset, void *buffer, uint64_t length,
                        uint64_t *out_n, struct polyfs_error *err)
{
    struct hdfs_reader *r = self;
    struct hdfs_java j;
    int rc = hdfs_enter(&j, r->fs, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_input_read(&j, r->input, offset, buffer, length, out_n);
    if (rc == POLYFS_NOT_FOUND) /* its blocks are gone with it */
        rc = polyfs_fail(err, POLYFS_CHANGED, "it was removed or replaced while it was read");
    hdfs_leave(&j);
    return rc;
}

static void reader_close(void *self)
{
    struct hdfs_reader *r = self;
    struct polyfs_call call = {.struct_size = sizeof(call)};
    struct hdfs_java j;
    if (hdfs_enter_to_tidy(&j, r->fs, &call, NULL) == POLYFS_OK) {
        hdfs_input_close(&j, r->input);
        hdfs_leave(&j);
    }
    ps_host->free(r);
}

const struct polyfs_reader_ops hdfs_reader_ops = {
    .struct_size = sizeof(struct polyfs_reader_ops),
    .open = reader_open,
    .pread = reader_pread,
    .close = reader_close,
};
