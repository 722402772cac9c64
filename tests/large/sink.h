/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink://, a store without bytes: what is written is compared with the pattern (pattern.h) and forgotten, but for its
 * size; what is read is made anew. An object of any size so costs a row of a table, and memory that grows is polyfs's.
 * Bytes in the wrong place, twice, or not at all are CORRUPT.
 */
#ifndef POLYFS_LARGE_SINK_H
#define POLYFS_LARGE_SINK_H

#include <pthread.h>

#include "polyfs/plugin.h"

#define SINK_OBJECTS_MAX 64
#define SINK_NAME_ROOM 64

struct sink_object {
    char name[SINK_NAME_ROOM];
    uint64_t size;
    uint64_t serial; /* its etag; of no other object, earlier or later */
};

struct sink {
    /* immutable */
    uint32_t shapes;
    uint64_t every; /* of the pattern */
    uint64_t put_max;
    int network;
    int zeroed; /* who reads gives memory that holds zeros */

    pthread_mutex_t mu;
    /* guarded by mu */
    struct sink_object objects[SINK_OBJECTS_MAX];
    unsigned count;
    uint64_t serial;
    struct sink_upload *uploads;
};

extern const struct polyfs_host *sink_host;

/* The row of a name, or NULL; under the lock. */
struct sink_object *sink_find_locked(struct sink *sink, const char *path);
/* Publishes an object of @size bytes, as the condition says. */
int sink_publish(struct sink *sink, const char *path, uint64_t size, const struct polyfs_put_request *request,
                 struct polyfs_stat *out, struct polyfs_error *err);
/* CORRUPT when these are not the bytes at @offset. */
int sink_check(const struct sink *sink, const void *data, uint64_t offset, uint64_t size, struct polyfs_error *err);

/* The four shapes (sink_write.c). */
int sink_put(struct polyfs_call *call, void *fs, const char *path, uint64_t path_len, const void *data,
             uint64_t size, const struct polyfs_put_request *request, struct polyfs_stat *out,
             struct polyfs_error *err);
extern const struct polyfs_upload_ops sink_upload_ops;
extern const struct polyfs_placed_ops sink_placed_ops;
extern const struct polyfs_stream_ops sink_stream_ops;

#endif
