/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request: one call of one plugin slot, with what it is for and what came of it. Everything that core asks of a
 * store goes through here, so the layers (core/layers) are written once, not once a slot (docs/adr/0002-layers.md).
 *
 * A verb fills slot, fs, ctx, path and its member of `u`, then runs it here (pfs_run) or on a worker
 * (pfs_queue_submit). Pointers in it are borrowed until it is done.
 */
#ifndef PFS_REQUEST_H
#define PFS_REQUEST_H

#include "core/ctx.h"
#include "core/text.h"

enum pfs_slot {
    PFS_CAPS,
    PFS_STAT,
    PFS_GET,
    PFS_PUT,
    PFS_REMOVE,
    PFS_REMOVE_MANY,
    PFS_REMOVE_TREE,
    PFS_COPY,
    PFS_COMPOSE,
    PFS_RENAME,
    PFS_MKDIR,
    PFS_RMDIR,
    PFS_SET_METADATA,
    PFS_SET_TIMES,
    PFS_LINK,
    PFS_SIGN,
    PFS_SUB,
    PFS_CHECKSUM,
    PFS_LIST_OPEN,
    PFS_LIST_NEXT,
    PFS_READER_OPEN,
    PFS_READER_PREAD,
    PFS_UPLOAD_START,
    PFS_UPLOAD_PART,
    PFS_UPLOAD_COPY_PART,
    PFS_UPLOAD_LIST_PARTS,
    PFS_UPLOAD_COMPLETE,
    PFS_UPLOAD_ABORT,
    PFS_UPLOAD_LIST,
    PFS_UPLOAD_IS_OURS,
    PFS_PLACED_OPEN,
    PFS_PLACED_WRITE,
    PFS_PLACED_COMMIT,
    PFS_STREAM_OPEN,
    PFS_STREAM_WRITE,
    PFS_STREAM_OFFSET,
    PFS_STREAM_COMMIT,
    PFS_SLOTS
};

struct pfs_queue;
struct pfs_limit;

struct pfs_request {
    /* what to do */
    enum pfs_slot slot;
    struct polyfs_fs *fs;
    struct pfs_ctx *ctx;
    const char *path;
    uint64_t path_len;
    void *handle; /* lister, reader, placed or stream */
    union {
        struct {
            uint32_t flags;
            struct polyfs_caps *out;
        } caps;
        struct {
            const char *version;
            struct polyfs_stat *out;
            struct polyfs_pairs *meta;
        } stat;
        struct {
            const struct polyfs_get_request *request;
            void *buffer;
            uint64_t *out_n;
            struct polyfs_stat *out;
        } get;
        struct {
            const void *data;
            uint64_t size;
            const struct polyfs_put_request *request;
            struct polyfs_stat *out;
        } put; /* and set_metadata */
        struct {
            const char *version;
            const struct polyfs_condition *condition;
        } remove;
        struct {
            struct polyfs_remove_item *items;
            uint64_t count;
        } remove_many;
        struct {
            const struct polyfs_source *sources; /* path is the target */
            uint64_t count;                      /* 1 but for compose */
            const struct polyfs_put_request *request;
            struct polyfs_step *step;
            struct polyfs_stat *out;
        } copy; /* also compose, rename and link; step also for remove_tree */
        struct {
            uint32_t flags;
        } mkdir; /* and rmdir */
        struct {
            const char *version;
            uint32_t kind;
            struct polyfs_checksum *out;
        } checksum;
        struct {
            int64_t mtime_ns, atime_ns;
        } times;
        struct {
            const char *verb;
            uint32_t life_s;
            struct polyfs_text *out;
        } sign;
        struct {
            uint32_t flags;
            void **out;
        } sub;
        struct {
            const struct polyfs_list_request *request;
            void **out;
            struct polyfs_page *page;
        } list;
        struct {
            const char *version;
            void **out_reader;
            struct polyfs_stat *out;
            uint64_t offset;
            void *buffer;
            uint64_t length;
            uint64_t *out_n;
        } read;
        struct {
            const char *id;
            uint32_t number; /* list_parts: behind which */
            const void *data;
            uint64_t size;
            const struct polyfs_checksum *checksum;
            const struct polyfs_source *source;
            uint64_t offset;
            struct polyfs_part *parts; /* part, copy_part: out; list_parts: out; complete: in */
            uint64_t count;
            uint64_t *out_count;
            const struct polyfs_put_request *request;
            struct polyfs_text *out_id;
            struct polyfs_stat *out;
            struct polyfs_step *step;
            struct polyfs_uploads *out_uploads;
            uint32_t *out_ours;
        } upload;
        struct {
            uint64_t offset; /* placed: of a write; commit: the size */
            const void *data;
            uint64_t size;
            uint32_t flags;
            const struct polyfs_put_request *request;
            struct polyfs_step *step; /* stream open */
            void **out_handle;
            struct polyfs_stat *out;
            uint64_t *out_offset;
        } write; /* placed and stream */
    } u;

    /* the retry layer's */
    uint32_t attempt;    /* of the last try */
    uint32_t progressed; /* the last try that brought bytes: tries are counted from there */
    size_t meta_had;     /* get, stat: rows of metadata in front of the first attempt */
    uint64_t placed;     /* get: bytes of the range that broken tries brought; the next goes on behind them */
    char pin[sizeof(((struct polyfs_stat *)0)->etag)]; /* get: the version that they are of */
    uint32_t learned;                                  /* how often the plugin learned something */
    int earlier_unknown;                               /* an attempt may have been applied */
    int paid;                                          /* tokens that its repeats have cost */
    int64_t not_before_ns;                             /* of the next try */
    int lose;                                          /* the fault layer's: the code of an answer to be lost */
    struct pfs_nonce *nonce;                           /* the nonce layer's, while it looks for a lost commit */
    struct pfs_limit *limit;                           /* the limit layer's; NULL until it was asked for */

    /* what came of it */
    int rc;
    uint64_t bytes_done;
    struct polyfs_error error;

    /* the executor's and its coordinator's */
    struct pfs_request *next;
    struct pfs_queue *queue;
    void *user;
};

/* Sets what every request has. */
#define PFS_REQUEST(slot_, fs_, ctx_, path_)                                                                       \
    (struct pfs_request)                                                                                           \
    {                                                                                                              \
        .slot = (slot_), .fs = (fs_), .ctx = (ctx_), .path = (path_), .path_len = (path_) ? strlen(path_) : 0      \
    }

const char *pfs_slot_name(enum pfs_slot slot);
/* POLYFS_INVALID when there is none of that name. */
int pfs_slot_of(const char *name, size_t length, enum pfs_slot *out);

/* Does the plugin of this filesystem have the slot at all? */
int pfs_slot_present(const struct polyfs_fs *fs, enum pfs_slot slot);

/* One try through all layers. Result in request->rc and request->error; 1: put off until request->not_before_ns. */
int pfs_attempt(struct pfs_request *request);

/* Tries and repeats on this thread until it is done; returns request->rc. */
int pfs_run(struct pfs_request *request);

#endif
