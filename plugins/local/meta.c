/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User metadata as extended attributes: `user.polyfs.NAME`, and the content type as `user.mime_type` (the name that
 * freedesktop.org's tools use). Whether a mount has them is a fact of the path.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "local.h"

#define PREFIX "user.polyfs."
#define MIME "user.mime_type"
#define NAMES_MAX 65536
#define VALUE_MAX 65536

/* Names, NUL-separated, in memory of the host's; *out_n 0 and no memory where the mount has none. */
static int names_of(int fd, char **out, size_t *out_n, struct polyfs_error *err)
{
    *out = NULL;
    *out_n = 0;
    char *names = local_host->alloc(NAMES_MAX);
    if (!names)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for attribute names");
    ssize_t n = flistxattr(fd, names, NAMES_MAX);
    if (n < 0) {
        int why = errno;
        local_host->free(names);
        return why == EOPNOTSUPP ? POLYFS_OK : local_fail(err, why, "its attributes");
    }
    *out = names;
    *out_n = (size_t)n;
    return POLYFS_OK;
}

static int value_of(int fd, const char *name, char *value, struct polyfs_error *err)
{
    ssize_t n = fgetxattr(fd, name, value, VALUE_MAX - 1);
    if (n < 0)
        return local_fail(err, errno, "its attributes");
    value[n] = '\0';
    return POLYFS_OK;
}

void local_meta_type(int fd, struct polyfs_stat *out)
{
    char type[sizeof(out->content_type)];
    ssize_t n = fgetxattr(fd, MIME, type, sizeof(type) - 1);
    if (n > 0) {
        type[n] = '\0';
        memcpy(out->content_type, type, (size_t)n + 1);
    }
}

int local_meta_read(int fd, struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    char *names, *value;
    size_t n;
    int rc = names_of(fd, &names, &n, err);
    if (rc != POLYFS_OK || !names)
        return rc;
    value = local_host->alloc(VALUE_MAX);
    if (!value)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for an attribute");
    for (size_t at = 0; rc == POLYFS_OK && at < n; at += strlen(names + at) + 1) {
        const char *name = names + at;
        int ours = strncmp(name, PREFIX, strlen(PREFIX)) == 0;
        if (!ours && strcmp(name, MIME) != 0)
            continue;
        rc = value_of(fd, name, value, err);
        if (rc == POLYFS_OK && !ours)
            snprintf(out->content_type, sizeof(out->content_type), "%s", value);
        else if (rc == POLYFS_OK && local_host->pair_add(meta, name + strlen(PREFIX), value) != POLYFS_OK)
            rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for metadata");
    }
    local_host->free(value);
    local_host->free(names);
    return rc;
}

/* @out_crowded: 1 when there is no room beside those that are there; or NULL. */
static int attribute_set(int fd, const char *name, const char *value, int *out_crowded, struct polyfs_error *err)
{
    if (fsetxattr(fd, name, value, strlen(value), 0) == 0)
        return POLYFS_OK;
    if (out_crowded)
        *out_crowded = errno == ENOSPC;
    if (errno == E2BIG || errno == ERANGE || errno == ENOSPC) /* ext4 has one block for all of them */
        return polyfs_fail(err, POLYFS_TOO_LARGE, "it is more metadata than this file system keeps with a file");
    return local_fail(err, errno, "the metadata cannot be kept");
}

static const struct polyfs_kv *row_at(const struct polyfs_put_request *request, uint32_t i)
{
    return (const struct polyfs_kv *)(const void *)((const char *)request->metadata +
                                                    (size_t)i * request->metadata_stride);
}

static int rows_set(int fd, const struct polyfs_put_request *request, int *out_crowded, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    if (request->content_type)
        rc = attribute_set(fd, MIME, request->content_type, out_crowded, err);
    for (uint32_t i = 0; i < request->metadata_count && rc == POLYFS_OK; i++) {
        const struct polyfs_kv *row = row_at(request, i);
        char name[256];
        if ((size_t)snprintf(name, sizeof(name), PREFIX "%s", row->key) >= sizeof(name))
            return polyfs_fail(err, POLYFS_TOO_LARGE, "the metadata name \"%.64s…\" is too long", row->key);
        rc = attribute_set(fd, name, row->value, out_crowded, err);
    }
    return rc;
}

int local_meta_write(int fd, const struct polyfs_put_request *request, struct polyfs_error *err)
{
    return rows_set(fd, request, NULL, err);
}

int local_meta_copy(int from, int to, struct polyfs_error *err)
{
    char *names, *value;
    size_t n;
    int rc = names_of(from, &names, &n, err);
    if (rc != POLYFS_OK || !n) {
        local_host->free(names);
        return rc;
    }
    value = local_host->alloc(VALUE_MAX);
    if (!value)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for an attribute");
    for (size_t at = 0; rc == POLYFS_OK && at < n; at += strlen(names + at) + 1) {
        if (strncmp(names + at, PREFIX, strlen(PREFIX)) != 0 && strcmp(names + at, MIME) != 0)
            continue;
        rc = value_of(from, names + at, value, err);
        if (rc == POLYFS_OK)
            rc = attribute_set(to, names + at, value, NULL, err);
    }
    local_host->free(value);
    local_host->free(names);
    return rc;
}

/* ---- replacing -------------------------------------------------------------------------------------------------- */

/* Attributes as they were, to be put back: names NUL-separated, and a value for each that is ours. */
struct kept {
    char *names;
    size_t names_n;
    char **values; /* by number of the name; NULL: not ours */
    size_t count;
};

static int is_ours(const char *name)
{
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0 || strcmp(name, MIME) == 0;
}

static int is_kept(const char *name, const void *user)
{
    const struct kept *kept = user;
    const char *one = kept->names;
    for (size_t i = 0; i < kept->count; i++, one += strlen(one) + 1)
        if (strcmp(one, name) == 0)
            return 1;
    return 0;
}

/* A content type stays unless a new one takes its place. */
static int is_wanted(const char *name, const void *user)
{
    const struct polyfs_put_request *request = user;
    if (strcmp(name, MIME) == 0)
        return 1;
    for (uint32_t i = 0; i < request->metadata_count; i++)
        if (strcmp(row_at(request, i)->key, name + strlen(PREFIX)) == 0)
            return 1;
    return 0;
}

/* Attributes of ours go, but for those that stay. */
static int drop_ours(int fd, int (*stays)(const char *name, const void *user), const void *user,
                     struct polyfs_error *err)
{
    char *names;
    size_t n;
    int rc = names_of(fd, &names, &n, err);
    for (size_t at = 0; rc == POLYFS_OK && at < n; at += strlen(names + at) + 1)
        if (is_ours(names + at) && !stays(names + at, user) && fremovexattr(fd, names + at) < 0)
            rc = local_fail(err, errno, "the old metadata cannot be removed");
    local_host->free(names);
    return rc;
}

static void kept_clear(struct kept *kept)
{
    for (size_t i = 0; kept->values && i < kept->count; i++)
        local_host->free(kept->values[i]);
    local_host->free(kept->values);
    local_host->free(kept->names);
}

static int keep_value(int fd, const char *name, char *room, char **out, struct polyfs_error *err)
{
    int rc = value_of(fd, name, room, err);
    size_t n = rc == POLYFS_OK ? strlen(room) + 1 : 0;
    if (rc == POLYFS_OK && !(*out = local_host->alloc(n)))
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for an attribute");
    if (rc == POLYFS_OK)
        memcpy(*out, room, n);
    return rc;
}

static int keep(int fd, struct kept *kept, struct polyfs_error *err)
{
    int rc = names_of(fd, &kept->names, &kept->names_n, err);
    for (size_t at = 0; rc == POLYFS_OK && at < kept->names_n; at += strlen(kept->names + at) + 1)
        kept->count++;
    if (rc != POLYFS_OK || !kept->count)
        return rc;
    char *room = local_host->alloc(VALUE_MAX);
    kept->values = local_host->alloc(kept->count * sizeof(*kept->values));
    if (!room || !kept->values)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for attributes");
    if (kept->values)
        memset(kept->values, 0, kept->count * sizeof(*kept->values));
    size_t i = 0;
    for (const char *name = kept->names; rc == POLYFS_OK && i < kept->count; i++, name += strlen(name) + 1)
        if (is_ours(name))
            rc = keep_value(fd, name, room, &kept->values[i], err);
    local_host->free(room);
    return rc;
}

/* What was there is there again: it fitted before. Where even that fails, the error tells that the state is unknown. */
static void put_back(int fd, const struct kept *kept, struct polyfs_error *err)
{
    struct polyfs_error ignored = POLYFS_ERROR_INIT;
    int rc = drop_ours(fd, is_kept, kept, &ignored);
    const char *name = kept->names;
    for (size_t i = 0; i < kept->count; i++, name += strlen(name) + 1)
        if (kept->values[i] && attribute_set(fd, name, kept->values[i], NULL, &ignored) != POLYFS_OK)
            rc = POLYFS_IO;
    if (rc != POLYFS_OK && err)
        err->commit_state = POLYFS_COMMIT_UNKNOWN;
}

/*
 * All of it or, where it fails, none of it. What is new is there before anything old goes, so that a kill between two
 * calls leaves a mix, but loses nothing; only where a file has no room for both goes the old first.
 */
static int replace(int fd, const struct polyfs_put_request *request, struct polyfs_error *err)
{
    struct kept kept = {0};
    int crowded = 0;
    int rc = keep(fd, &kept, err);
    if (rc == POLYFS_OK) {
        rc = rows_set(fd, request, &crowded, err);
        if (rc == POLYFS_OK || crowded)
            rc = drop_ours(fd, is_wanted, request, err);
        if (rc == POLYFS_OK && crowded)
            rc = rows_set(fd, request, NULL, err);
        if (rc != POLYFS_OK)
            put_back(fd, &kept, err);
    }
    kept_clear(&kept);
    return rc;
}

int local_set_metadata(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                       const struct polyfs_put_request *request, struct polyfs_error *err)
{
    (void)path_len;
    int rc = local_stopped(call, err);
    if (rc != POLYFS_OK)
        return rc;
    int fd = local_open(self, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return local_fail(err, errno, "");
    struct stat st;
    if (fstat(fd, &st) < 0)
        rc = local_fail(err, errno, "");
    else if (S_ISDIR(st.st_mode))
        rc = polyfs_fail(err, POLYFS_IS_DIR, "it is a folder; metadata is of objects");
    if (rc == POLYFS_OK)
        rc = replace(fd, request, err);
    close(fd);
    return rc;
}

static struct timespec time_of(int64_t ns)
{
    if (ns == POLYFS_TIME_UNKNOWN)
        return (struct timespec){0, UTIME_OMIT};
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    if (t.tv_nsec < 0) {
        t.tv_sec--;
        t.tv_nsec += 1000000000;
    }
    return t;
}

int local_set_times(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, int64_t mtime_ns,
                    int64_t atime_ns, struct polyfs_error *err)
{
    struct timespec times[2] = {time_of(atime_ns), time_of(mtime_ns)};
    struct local_at at;
    (void)path_len;
    int rc = local_stopped(call, err);
    if (rc == POLYFS_OK)
        rc = local_at(self, path, &at, err);
    if (rc != POLYFS_OK)
        return rc;
    if (utimensat(at.dir_fd, at.name, times, at.owned ? AT_SYMLINK_NOFOLLOW : 0) < 0)
        rc = local_fail(err, errno, "");
    local_at_close(&at);
    return rc;
}
