/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store of the frozen contract: objects in the memory of the process, by every table of plugin.h as it stands in
 * polyfs/ beside this file. It is compiled against that copy alone, so that it is to a core what a plugin is that was
 * built on the day of the freeze: every later core loads it, and the conformance suite passes. Like the copy it never
 * changes; SHA256SUMS holds them both (tests/lint/frozen.py).
 */
#ifndef V1_STORE_H
#define V1_STORE_H

#include <polyfs/plugin.h>

#define CALL struct polyfs_call *call, void *fs
#define PATH CALL, const char *path, uint64_t path_len
enum { PAGE = 64, PARTS_MAX = 10000, MANY_MAX = 1000, COMPOSE_MAX = 32 };

struct store {
    uint64_t max_bytes; /* of an object */
};

/* Bytes, shared by whoever counts a reference; behind the first commit they never change. */
struct content {
    uint64_t references, size, room;
    unsigned char bytes[];
};

struct object {
    struct object *next; /* by name */
    struct content *content;
    char *meta; /* name, NUL, value, NUL, … */
    uint64_t meta_bytes, generation;
    int64_t mtime_ns;
    struct polyfs_checksum checksum;
    char content_type[128], path[];
};

extern const struct polyfs_host *v1_host;
extern struct object *v1_objects;
extern uint64_t v1_generations; /* the last that was given, to an object, an upload or a part */

/* ---- the lock: everything is done under one, and nothing waits in it ---- */
/* Refuses, unlocked, where the call was stopped. */
int v1_enter(const struct polyfs_call *call, struct polyfs_error *err);
void v1_lock(void);
void v1_leave(void);

int v1_no_memory(struct polyfs_error *err);
int v1_not_found(struct polyfs_error *err);
int v1_unknown(struct polyfs_error *err);

/* ---- bytes, under the lock ---- */
struct content *v1_content_new(uint64_t size);
void v1_content_add(struct content *content, const void *data, uint64_t size);
void v1_content_drop(struct content *content);
int v1_checksum_check(const struct polyfs_checksum *sum, const void *data, uint64_t size, struct polyfs_error *err);

/* ---- objects, under the lock ---- */
/* Where the object of that name is, or would be. */
struct object **v1_seek(const char *path);
struct object *v1_find(const char *path);
void v1_object_cut(struct object **at);
void v1_stat_of(const struct object *object, struct polyfs_stat *out);
int v1_meta_tell(const struct object *object, struct polyfs_pairs *out, struct polyfs_error *err);
/* Of @object: what the write says, and of @base what it does not say. */
int v1_meta_make(struct object *object, const struct polyfs_put_request *request, const struct object *base);
/* A source as it is named; CHANGED where it has another etag. */
int v1_source_find(const struct polyfs_source *source, struct object **out, struct polyfs_error *err);

/* ---- writes ---- */
int v1_request_check(const struct polyfs_put_request *request, uint32_t flags, struct polyfs_error *err);
int v1_first_round(const struct polyfs_step *step, struct polyfs_error *err);
int v1_target_check(const struct object *there, const struct polyfs_condition *condition, struct polyfs_error *err);
int v1_object_new(const char *path, uint64_t path_len, struct content *content,
                  const struct polyfs_put_request *request, const struct object *base, struct object **out,
                  struct polyfs_error *err);
/* Puts an object in the place of what has its name. */
void v1_install(struct object *object, struct polyfs_stat *out);
/* The commit of all writes, of a request that was checked. @base: whose metadata go along. */
int v1_publish(const struct store *store, const char *path, uint64_t path_len, struct content *content,
               const struct polyfs_put_request *request, const struct object *base, struct polyfs_stat *out,
               struct polyfs_error *err);

/* ---- slots ---- */
#define V1_SLOT(slot) __typeof__(*((struct polyfs_fs_ops *)0)->slot) v1_##slot
V1_SLOT(open);
V1_SLOT(close);
V1_SLOT(caps);
V1_SLOT(stat);
V1_SLOT(get);
V1_SLOT(put);
V1_SLOT(remove);
V1_SLOT(remove_many);
V1_SLOT(remove_tree);
V1_SLOT(copy);
V1_SLOT(compose);
V1_SLOT(rename);
V1_SLOT(mkdir);
V1_SLOT(rmdir);
V1_SLOT(set_metadata);
V1_SLOT(set_times);
V1_SLOT(checksum);
V1_SLOT(after_fork);
V1_SLOT(query);
extern const struct polyfs_lister_ops v1_lister_ops;
extern const struct polyfs_reader_ops v1_reader_ops;
extern const struct polyfs_upload_ops v1_upload_ops;
extern const struct polyfs_placed_ops v1_placed_ops;
extern const struct polyfs_stream_ops v1_stream_ops;

#endif
