/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: those of HDFS itself. Whether a cluster has extended attributes is learned where one is refused, or by a probe. */
#include <stdlib.h>

#include "hdfs.h"

static int any_attribute(void *arg, const char *name, const char *value)
{
    (void)arg;
    (void)name;
    (void)value;
    return POLYFS_OK;
}

static int probe(struct hdfs_fs *fs, struct polyfs_call *call, struct polyfs_error *err)
{
    struct hdfs_java j;
    int rc = hdfs_enter(&j, fs, call, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = hdfs_attributes(&j, "/", any_attribute, NULL);
    hdfs_leave(&j);
    if (rc == POLYFS_UNSUPPORTED)
        __atomic_store_n(&fs->no_xattrs, 1, __ATOMIC_RELAXED);
    return rc == POLYFS_UNSUPPORTED ? POLYFS_OK : rc;
}

static void limits(const struct hdfs_fs *fs, struct polyfs_caps *out)
{
    out->shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_STREAM;
    out->condition_shapes = out->shapes;
    out->list_page_max = 1000;
    out->path_max = 8000;
    out->name_max = 255;
    out->metadata_max = HDFS_XATTR_BYTES;
    out->cancel_bound_ms = 10000;
    out->mtime_resolution_ns = 1000000;
    if (fs->port)
        snprintf(out->limit_key, sizeof(out->limit_key), "%.100s:%u", fs->name_node, fs->port);
    else
        snprintf(out->limit_key, sizeof(out->limit_key), "%.100s", fs->name_node);
}

int hdfs_caps(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
              struct polyfs_caps *out, struct polyfs_error *err)
{
    struct hdfs_fs *fs = self;
    (void)path;
    (void)path_len;
    if (flags & ~POLYFS_CAPS_PROBE)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int rc = flags & POLYFS_CAPS_PROBE ? probe(fs, call, err) : POLYFS_OK;
    if (rc != POLYFS_OK)
        return rc;
    polyfs_facts(out, POLYFS_FACT_NETWORK, POLYFS_FACT_REAL_DIRS, POLYFS_FACT_ORDERED_LIST, POLYFS_FACT_START_AFTER,
                 POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_READ_CONDITION, POLYFS_FACT_PINNED_READ,
                 POLYFS_FACT_SET_TIMES, POLYFS_FACT_RENAME, POLYFS_FACT_RENAME_ATOMIC,
                 POLYFS_FACT_RENAME_NO_REPLACE, POLYFS_FACT_RENAME_DIR, POLYFS_FACT_APPEND, POLYFS_FACT_REMOVE_TREE,
                 POLYFS_FACT_DURABLE_COMMIT, POLYFS_FACT_CONFINE, POLYFS_FACT_CASE_SENSITIVE, POLYFS_FACT_COUNT);
    const uint8_t has_attributes = __atomic_load_n(&fs->no_xattrs, __ATOMIC_RELAXED) ? POLYFS_NO : POLYFS_YES;
    out->fact[POLYFS_FACT_METADATA] = has_attributes;
    out->fact[POLYFS_FACT_CONTENT_TYPE] = has_attributes;
    out->fact[POLYFS_FACT_SET_METADATA] = has_attributes;
    limits(fs, out);
    return POLYFS_OK;
}
