/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of DistributedFileSystem and DFSClient that the slots are made of. Local references are dropped by
 * hdfs_leave(); loops that make many drop theirs themselves.
 */
#include <stdlib.h>

#include "hdfs.h"

#define BUFFER_BYTES 65536 /* of Hadoop's own stream */

/* ---- paths -------------------------------------------------------------------------------------------------------- */

int hdfs_path(struct hdfs_java *j, const char *path, uint64_t path_len, char **out)
{
    while (path_len && *path == '/') {
        path++;
        path_len--;
    }
    while (path_len && path[path_len - 1] == '/')
        path_len--;
    char *made = malloc(path_len + 2);
    if (!made)
        return polyfs_fail(j->err, POLYFS_NOMEM, "no memory for a path");
    made[0] = '/';
    memcpy(made + 1, path, path_len);
    made[path_len + 1] = '\0';
    *out = made;
    return POLYFS_OK;
}

/* new Path(null, null, path): what it is made of is never parsed as a URI, so ':' and '%' are plain. */
static int path_object(struct hdfs_java *j, const char *path, jobject *out)
{
    jvalue args[3] = {{.l = NULL}, {.l = NULL}, {.l = NULL}}, made = {.l = NULL};
    jstring text = NULL;
    int rc = hdfs_string(j, path, strlen(path), &text);
    args[2].l = text;
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_PATH_NEW, NULL, args, &made);
    *out = made.l;
    return rc;
}

/* A call on the file system whose first argument is a path; the others are in place. */
static int on_path(struct hdfs_java *j, enum hdfs_method method, const char *path, jvalue *args, jvalue *out)
{
    int rc = path_object(j, path, &args[0].l);
    if (rc == POLYFS_OK)
        j->call->requests++;
    return rc == POLYFS_OK ? hdfs_invoke(j, method, j->fs->handle, args, out) : rc;
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static int info_of(struct hdfs_java *j, jobject status, struct hdfs_info *out)
{
    jvalue id, is_dir, size, mtime, permission, bits;
    int rc = hdfs_invoke(j, HDFS_M_STATUS_ID, status, NULL, &id);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_STATUS_IS_DIR, status, NULL, &is_dir);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_STATUS_LENGTH, status, NULL, &size);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_STATUS_MTIME, status, NULL, &mtime);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_STATUS_PERMISSION, status, NULL, &permission);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_PERMISSION_BITS, permission.l, NULL, &bits);
    if (rc != POLYFS_OK)
        return rc;
    (*j->env)->DeleteLocalRef(j->env, permission.l);
    *out = (struct hdfs_info){
        1, is_dir.z, (uint64_t)id.j, is_dir.z ? 0 : (uint64_t)size.j, mtime.j, (uint32_t)(uint16_t)bits.s & 07777};
    return POLYFS_OK;
}

int hdfs_info(struct hdfs_java *j, const char *path, struct hdfs_info *out)
{
    jvalue args[1], status;
    jstring text;
    *out = (struct hdfs_info){0};
    int rc = hdfs_string(j, path, strlen(path), &text);
    args[0].l = text;
    if (rc != POLYFS_OK)
        return rc;
    j->call->requests++;
    rc = hdfs_invoke(j, HDFS_M_CLIENT_INFO, j->fs->client, args, &status);
    if (rc == POLYFS_OK && status.l)
        rc = info_of(j, status.l, out);
    return rc;
}

int hdfs_info_if_there(struct hdfs_java *j, const char *path, struct hdfs_info *out)
{
    struct polyfs_error ignored = POLYFS_ERROR_INIT, *err = j->err;
    j->err = &ignored;
    int rc = hdfs_info(j, path, out);
    j->err = err;
    return rc == POLYFS_OK && out->is_there;
}

int hdfs_delete(struct hdfs_java *j, const char *path, int recursive, int *out_was_there)
{
    jvalue args[2] = {{.l = NULL}, {.z = recursive ? JNI_TRUE : JNI_FALSE}}, done = {.z = 0};
    j->changes = 1;
    int rc = on_path(j, HDFS_M_DFS_DELETE, path, args, &done);
    *out_was_there = done.z;
    return rc;
}

int hdfs_rename_path(struct hdfs_java *j, const char *from, const char *to, int overwrite)
{
    jvalue args[3] = {{.l = NULL}, {.l = NULL}, {.l = NULL}};
    jobject how = NULL;
    int rc = hdfs_constant(j, HDFS_C_RENAME, overwrite ? "OVERWRITE" : "NONE", &how);
    if (rc == POLYFS_OK)
        rc = path_object(j, to, &args[1].l);
    if (rc == POLYFS_OK) {
        args[2].l = (*j->env)->NewObjectArray(j->env, 1, hdfs_class_of(HDFS_C_RENAME), how);
        rc = hdfs_check(j);
    }
    j->changes = 1;
    return rc == POLYFS_OK ? on_path(j, HDFS_M_DFS_RENAME, from, args, NULL) : rc;
}

int hdfs_make_folder(struct hdfs_java *j, const char *path, int parents)
{
    jvalue args[2] = {{.l = NULL}, {.l = NULL}}, done = {.z = 0};
    int rc = hdfs_invoke(j, HDFS_M_PERMISSION_DIR, NULL, NULL, &args[1]);
    j->changes = 1;
    if (rc == POLYFS_OK)
        rc = on_path(j, parents ? HDFS_M_DFS_MKDIRS : HDFS_M_DFS_MKDIR, path, args, &done);
    return rc == POLYFS_OK && !done.z ? polyfs_fail(j->err, POLYFS_IO, "the name node did not make the folder")
                                      : rc;
}

int hdfs_touch(struct hdfs_java *j, const char *path, int64_t mtime_ms, int64_t atime_ms)
{
    jvalue args[3] = {{.l = NULL}, {.j = mtime_ms}, {.j = atime_ms}};
    j->changes = 1;
    return on_path(j, HDFS_M_DFS_SET_TIMES, path, args, NULL);
}

/* ---- listing -------------------------------------------------------------------------------------------------------- */

static int text_of_bytes(struct hdfs_java *j, jbyteArray bytes, char **out)
{
    jsize n = bytes ? (*j->env)->GetArrayLength(j->env, bytes) : 0;
    char *made = malloc((size_t)n + 1);
    if (!made)
        return polyfs_fail(j->err, POLYFS_NOMEM, "no memory for a name");
    (*j->env)->GetByteArrayRegion(j->env, bytes, 0, n, (jbyte *)made);
    made[n] = '\0';
    *out = made;
    return hdfs_check(j);
}

static int list_row(struct hdfs_java *j, jobjectArray rows, jsize i, hdfs_list_row *row, void *arg)
{
    struct hdfs_info info;
    jvalue bytes;
    char *name = NULL;
    jobject status = (*j->env)->GetObjectArrayElement(j->env, rows, i);
    int rc = hdfs_check(j);
    if (rc == POLYFS_OK)
        rc = info_of(j, status, &info);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_STATUS_NAME, status, NULL, &bytes);
    if (rc == POLYFS_OK) {
        rc = bytes.l ? text_of_bytes(j, bytes.l, &name) : POLYFS_OK;
        (*j->env)->DeleteLocalRef(j->env, bytes.l);
    }
    if (rc == POLYFS_OK)
        rc = row(arg, name ? name : "", &info, j->err);
    free(name);
    (*j->env)->DeleteLocalRef(j->env, status);
    return rc;
}

static int list_rows(struct hdfs_java *j, jobject listing, hdfs_list_row *row, void *arg, char **out_last)
{
    jvalue rows, more, last;
    int rc = hdfs_invoke(j, HDFS_M_LISTING_ROWS, listing, NULL, &rows);
    jsize count = rc == POLYFS_OK ? (*j->env)->GetArrayLength(j->env, rows.l) : 0;
    for (jsize i = 0; i < count && rc == POLYFS_OK; i++)
        rc = list_row(j, rows.l, i, row, arg);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_LISTING_MORE, listing, NULL, &more);
    if (rc == POLYFS_OK && more.z) {
        rc = hdfs_invoke(j, HDFS_M_LISTING_LAST, listing, NULL, &last);
        if (rc == POLYFS_OK)
            rc = text_of_bytes(j, last.l, out_last);
    }
    return rc;
}

int hdfs_list(struct hdfs_java *j, const char *folder, const char *after, hdfs_list_row *row, void *arg,
              char **out_last)
{
    jvalue args[2], listing;
    jstring text = NULL;
    jbyteArray behind = NULL;
    *out_last = NULL;
    int rc = hdfs_string(j, folder, strlen(folder), &text);
    if (rc == POLYFS_OK)
        rc = hdfs_bytes(j, after, strlen(after), &behind);
    if (rc != POLYFS_OK)
        return rc;
    args[0].l = text;
    args[1].l = behind;
    j->call->requests++;
    rc = hdfs_invoke(j, HDFS_M_CLIENT_LIST, j->fs->client, args, &listing);
    if (rc == POLYFS_OK && !listing.l)
        return polyfs_fail(j->err, POLYFS_NOT_FOUND, "there is no such folder");
    return rc == POLYFS_OK ? list_rows(j, listing.l, row, arg, out_last) : rc;
}

/* ---- extended attributes --------------------------------------------------------------------------------------------- */

int hdfs_attribute_set(struct hdfs_java *j, const char *path, const char *name, const char *value)
{
    jvalue args[4] = {{.l = NULL}, {.l = NULL}, {.l = NULL}, {.l = NULL}}, flags[2];
    jstring text = NULL;
    jbyteArray bytes = NULL;
    int rc = hdfs_string(j, name, strlen(name), &text);
    if (rc == POLYFS_OK)
        rc = hdfs_bytes(j, value, strlen(value), &bytes);
    if (rc == POLYFS_OK)
        rc = hdfs_constant(j, HDFS_C_XATTR_FLAG, "CREATE", &flags[0].l);
    if (rc == POLYFS_OK)
        rc = hdfs_constant(j, HDFS_C_XATTR_FLAG, "REPLACE", &flags[1].l);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_ENUM_SET_TWO, NULL, flags, &args[3]);
    args[1].l = text;
    args[2].l = bytes;
    if (rc == POLYFS_OK)
        rc = on_path(j, HDFS_M_DFS_SET_XATTR, path, args, NULL);
    return rc;
}

int hdfs_attribute_remove(struct hdfs_java *j, const char *path, const char *name)
{
    jvalue args[2] = {{.l = NULL}, {.l = NULL}};
    jstring text = NULL;
    int rc = hdfs_string(j, name, strlen(name), &text);
    args[1].l = text;
    return rc == POLYFS_OK ? on_path(j, HDFS_M_DFS_REMOVE_XATTR, path, args, NULL) : rc;
}

static int attribute(struct hdfs_java *j, jobject entry, hdfs_attribute_row *row, void *arg)
{
    jvalue key, value;
    char *text = NULL;
    int rc = hdfs_invoke(j, HDFS_M_ENTRY_KEY, entry, NULL, &key);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_ENTRY_VALUE, entry, NULL, &value);
    if (rc != POLYFS_OK)
        return rc;
    char *name = hdfs_text(j->env, key.l);
    rc = name ? POLYFS_OK : polyfs_fail(j->err, POLYFS_NOMEM, "no memory for an attribute");
    if (rc == POLYFS_OK && value.l)
        rc = text_of_bytes(j, value.l, &text);
    if (rc == POLYFS_OK)
        rc = row(arg, name, text ? text : "");
    free(name);
    free(text);
    (*j->env)->DeleteLocalRef(j->env, key.l);
    (*j->env)->DeleteLocalRef(j->env, value.l);
    return rc;
}

int hdfs_attributes(struct hdfs_java *j, const char *path, hdfs_attribute_row *row, void *arg)
{
    jvalue args[1], map, set, entries;
    int rc = on_path(j, HDFS_M_DFS_GET_XATTRS, path, args, &map);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_MAP_ENTRIES, map.l, NULL, &set);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_SET_ARRAY, set.l, NULL, &entries);
    jsize count = rc == POLYFS_OK ? (*j->env)->GetArrayLength(j->env, entries.l) : 0;
    for (jsize i = 0; i < count && rc == POLYFS_OK; i++) {
        jobject entry = (*j->env)->GetObjectArrayElement(j->env, entries.l, i);
        rc = attribute(j, entry, row, arg);
        (*j->env)->DeleteLocalRef(j->env, entry);
    }
    return rc;
}

/* ---- streams -------------------------------------------------------------------------------------------------------- */

static int keep(struct hdfs_java *j, jobject local, jobject *out)
{
    *out = (*j->env)->NewGlobalRef(j->env, local);
    return *out ? POLYFS_OK : polyfs_fail(j->err, POLYFS_NOMEM, "no memory for a stream");
}

/*
 * Copies and size of blocks: the option's, else the name node's, which Hadoop asks for once an hour. Not the client's
 * configuration: a machine without Hadoop's files would ask a cluster of one data node for three copies.
 */
static int block_manners(struct hdfs_java *j, jvalue *replication, jvalue *block_bytes)
{
    jvalue defaults;
    replication->s = (jshort)j->fs->replication;
    block_bytes->j = j->fs->block_bytes;
    if (replication->s && block_bytes->j)
        return POLYFS_OK;
    int rc = hdfs_invoke(j, HDFS_M_DFS_DEFAULTS, j->fs->handle, NULL, &defaults);
    if (rc == POLYFS_OK && !replication->s)
        rc = hdfs_invoke(j, HDFS_M_DEFAULTS_REPLICATION, defaults.l, NULL, replication);
    if (rc == POLYFS_OK && !block_bytes->j)
        rc = hdfs_invoke(j, HDFS_M_DEFAULTS_BLOCK_BYTES, defaults.l, NULL, block_bytes);
    return rc;
}

int hdfs_create(struct hdfs_java *j, const char *path, jobject *out)
{
    jvalue args[7] = {{.l = NULL}, {.l = NULL}, {.l = NULL}, {.i = BUFFER_BYTES}, {.s = 0}, {.j = 0}, {.l = NULL}};
    jvalue flag, stream;
    int rc = path_object(j, path, &args[0].l);
    if (rc == POLYFS_OK)
        rc = block_manners(j, &args[4], &args[5]);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_PERMISSION_FILE, NULL, NULL, &args[1]);
    if (rc == POLYFS_OK)
        rc = hdfs_constant(j, HDFS_C_CREATE_FLAG, "CREATE", &flag.l);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_ENUM_SET_ONE, NULL, &flag, &args[2]);
    if (rc != POLYFS_OK)
        return rc;
    j->call->requests++;
    rc = hdfs_invoke(j, HDFS_M_DFS_CREATE, j->fs->handle, args, &stream);
    return rc == POLYFS_OK ? keep(j, stream.l, out) : rc;
}

int hdfs_append(struct hdfs_java *j, const char *path, jobject *out)
{
    jvalue args[3] = {{.l = NULL}, {.i = BUFFER_BYTES}, {.l = NULL}}, stream;
    int rc = on_path(j, HDFS_M_DFS_APPEND, path, args, &stream);
    return rc == POLYFS_OK ? keep(j, stream.l, out) : rc;
}

int hdfs_output_write(struct hdfs_java *j, jobject output, const void *data, uint64_t size)
{
    const char *at = data;
    jbyteArray bytes;
    for (uint64_t done = 0; done < size;) {
        uint64_t n = size - done < HDFS_SLICE ? size - done : HDFS_SLICE;
        int rc = polyfs_go_on(ps_host, j->call, j->err);
        if (rc == POLYFS_OK)
            rc = hdfs_bytes(j, at + done, n, &bytes);
        if (rc != POLYFS_OK)
            return rc;
        jvalue args[3] = {{.l = bytes}, {.i = 0}, {.i = (jint)n}};
        rc = hdfs_invoke(j, HDFS_M_OUTPUT_WRITE, output, args, NULL);
        (*j->env)->DeleteLocalRef(j->env, bytes);
        if (rc != POLYFS_OK)
            return rc;
        done += n;
        j->call->wire_sent += n;
    }
    return POLYFS_OK;
}

int hdfs_output_sync(struct hdfs_java *j, jobject output)
{
    return hdfs_invoke(j, HDFS_M_OUTPUT_SYNC, output, NULL, NULL);
}

int hdfs_output_close(struct hdfs_java *j, jobject output)
{
    int rc = hdfs_invoke(j, HDFS_M_OUTPUT_CLOSE, output, NULL, NULL);
    (*j->env)->DeleteGlobalRef(j->env, output);
    return rc;
}

int hdfs_input_open(struct hdfs_java *j, uint64_t id, jobject *out)
{
    char path[64];
    jvalue args[2] = {{.l = NULL}, {.i = BUFFER_BYTES}}, stream;
    snprintf(path, sizeof(path), "/.reserved/.inodes/%llu", (unsigned long long)id);
    int rc = on_path(j, HDFS_M_DFS_OPEN, path, args, &stream);
    return rc == POLYFS_OK ? keep(j, stream.l, out) : rc;
}

/* Into memory of the plugin, so that Java never has the caller's. */
static int read_slice(struct hdfs_java *j, jobject input, uint64_t offset, char *to, uint64_t length, void *own,
                      uint64_t *out_n)
{
    jvalue args[2] = {{.j = (jlong)offset}, {.l = NULL}}, got = {.i = 0};
    args[1].l = (*j->env)->NewDirectByteBuffer(j->env, own, (jlong)length);
    int rc = hdfs_check(j);
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_INPUT_READ, input, args, &got);
    (*j->env)->DeleteLocalRef(j->env, args[1].l);
    if (rc != POLYFS_OK)
        return rc;
    *out_n = got.i > 0 ? (uint64_t)got.i : 0;
    memcpy(to, own, *out_n);
    return rc;
}

/* A read at a position calls copies missing whose checksums do not match; one in order says which it is. */
static int settle_missing(struct hdfs_java *j, jobject input, uint64_t offset, uint64_t length, int rc)
{
    struct polyfs_error in_order = POLYFS_ERROR_INIT, *err = j->err;
    jvalue at = {.j = (jlong)offset}, bytes = {.l = NULL};
    if (rc != POLYFS_NETWORK || !err || strcmp(err->native_code, "BlockMissingException") != 0)
        return rc;
    j->err = &in_order;
    int found = hdfs_invoke(j, HDFS_M_INPUT_SEEK, input, &at, NULL);
    if (found == POLYFS_OK) {
        bytes.l = (*j->env)->NewByteArray(j->env, (jsize)length);
        found = hdfs_check(j);
    }
    if (found == POLYFS_OK)
        found = hdfs_invoke(j, HDFS_M_INPUT_READ_FULLY, input, &bytes, NULL);
    j->err = err;
    return found == POLYFS_CORRUPT ? polyfs_fail(err, found, "%s", in_order.message) : rc;
}

int hdfs_input_read(struct hdfs_java *j, jobject input, uint64_t offset, void *buffer, uint64_t length,
                    uint64_t *out_n)
{
    uint64_t have = 0, n = 1;
    void *own = length ? malloc(length < HDFS_SLICE ? length : HDFS_SLICE) : NULL;
    int rc = own || !length ? POLYFS_OK : polyfs_fail(j->err, POLYFS_NOMEM, "no memory for a read");
    while (rc == POLYFS_OK && have < length && n) {
        rc = polyfs_go_on(ps_host, j->call, j->err);
        uint64_t want = length - have < HDFS_SLICE ? length - have : HDFS_SLICE;
        if (rc == POLYFS_OK)
            rc = read_slice(j, input, offset + have, (char *)buffer + have, want, own, &n);
        rc = settle_missing(j, input, offset + have, want, rc);
        if (rc == POLYFS_OK) {
            have += n;
            j->call->bytes_done = have;
            j->call->wire_received += n;
            j->call->requests++;
        }
    }
    free(own);
    if (rc == POLYFS_OK)
        *out_n = have;
    return rc;
}

void hdfs_input_close(struct hdfs_java *j, jobject input)
{
    if (hdfs_invoke(j, HDFS_M_INPUT_CLOSE, input, NULL, NULL) != POLYFS_OK)
        ps_host->log(j->call, 3, "hdfs: a stream that was read did not close");
    (*j->env)->DeleteGlobalRef(j->env, input);
}
