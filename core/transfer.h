/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transfer: any number of objects on their way from one filesystem to another behind one window of requests, on the
 * thread that called the verb. Three nouns, a file each:
 *   transfer.c         the window: begins objects while there is room, takes what finished, hands out buffers
 *   transfer_object.c  the way of one object: by the store itself, or source → pieces → commit
 *   transfer_piece.c   one part of an object: read here, write there
 *
 * Memory: the transfer may always have one part in memory; each further one, and what a whole object in one piece has
 * beyond it, is taken from the budget if there is room at that moment. It never waits for memory that somebody else holds, so transfers cannot wait for each other.
 */
#ifndef PFS_TRANSFER_H
#define PFS_TRANSFER_H

#include "core/executor.h"
#include "core/sum.h"
#include "core/write.h"

struct pfs_object;
struct pfs_piece;

/* A request of a transfer, and what to do once it is finished. `r` is first: a queue gives its address back. */
struct pfs_task {
    struct pfs_request r;
    struct pfs_object *object;
    struct pfs_piece *piece; /* or NULL: the object's own */
    void (*landed)(struct pfs_task *task);
};

struct pfs_transfer {
    /* immutable after begin */
    struct pfs_ctx *ctx; /* of the verb: its cancel and deadline bound every request but an abort */
    unsigned width;      /* requests under way at most */
    unsigned objects_max;
    /* An object is finished, well or not: rc, error and stat are final. It is freed behind the call. */
    void (*done)(struct pfs_object *object, void *user);
    void (*moved)(uint64_t bytes, void *user); /* progress within objects; or NULL */
    void *user;

    struct pfs_ctx cleaning; /* of aborts, which no cancel cuts short */
    struct pfs_queue queue;
    struct pfs_object *first, **last; /* begun and not finished, oldest first */
    unsigned objects, pieces;
    struct pfs_piece *spare; /* with a buffer of a whole part, to be used again */
    int stopped;             /* cancelled or late: every object ends with it */
};

/* One object on its way. */
struct pfs_object {
    /* the job, set before pfs_transfer_add */
    struct polyfs_fs *source_fs, *target_fs; /* uses of them */
    char *source, *target;                   /* owned */
    char *shown;                             /* owned: how the caller knows the target; or NULL */
    struct pfs_put_args args;
    uint64_t size_hint;  /* as a listing told it, or POLYFS_SIZE_UNKNOWN */
    uint64_t part_bytes; /* wanted; then as the store's limits allow */
    uint64_t part_wanted;
    size_t own_metadata;   /* rows of args.metadata that the caller gave */
    const char *only_etag; /* of the source; borrowed, or NULL */
    uint32_t forced_shape; /* or 0 */
    int parents;           /* make missing folders */
    int remove_source;     /* once its copy is there */

    /* what came of it */
    int rc;
    struct polyfs_error error;
    struct polyfs_stat stat;

    /* on its way */
    struct pfs_transfer *transfer;
    struct pfs_object *next;
    struct pfs_task task; /* its own request: at most one is under way */
    int busy;             /* it is */
    int waiting;          /* for a buffer, to read how it begins */
    struct polyfs_caps caps;
    struct polyfs_stat source_stat; /* pinned */
    struct polyfs_pairs meta;       /* of the source */
    void *reader;                   /* the source plugin's, or NULL: read by get */
    struct polyfs_source from;      /* for the store's own copy */
    struct polyfs_step step;
    struct polyfs_text cursor, next_cursor;
    void (*again)(struct pfs_object *object); /* what to do once the parents are made */

    uint32_t shape;             /* how it is written; 0 not chosen yet */
    int open;                   /* the staging object is there: it wants a commit or an abort */
    void *handle;               /* placed, stream */
    struct polyfs_text id;      /* parts */
    struct polyfs_part *parts;  /* by number - 1 */
    struct pfs_sum sum;         /* of the bytes that pass through here */
    int read_again;             /* they were wrong once */
    int once_more;              /* all of it: 1 wanted, 2 under way, and never again */
    uint64_t next_offset;       /* of the next piece */
    uint64_t written;           /* bytes that the target holds */
    unsigned pieces;            /* alive */
    struct pfs_piece *held;     /* read, and waits until the target can take it */
    struct pfs_piece *in_order; /* stream: read and not yet written, by offset */
    int streaming;              /* stream: a write is under way */
    int by_store;               /* the store copies all of it */
    int free_pieces;            /* nobody cares how long they are: part_bytes may change on the way */
    int part_copies;            /* parts: each is copied by the store, nothing passes through here */
    int begun;                  /* the first piece is on its way */
    int committing;             /* all bytes are with the target */
};

/* A part of an object on its way. */
struct pfs_piece {
    struct pfs_task task;
    struct pfs_piece *next; /* spare, or in_order */
    unsigned char *buffer;
    uint64_t room;
    uint64_t extra; /* of room, bytes of the budget; the rest is the transfer's own first part */
    uint64_t offset, length;
    uint64_t done; /* stream: bytes of it that the store holds */
    int resends;
    struct polyfs_get_request get;
    int64_t asked_ns; /* the first: when */
    uint64_t n;       /* bytes read */
    uint64_t offset_told;
    struct polyfs_error *failure; /* owned: why the store is asked how far a stream came */
};

/* @jobs: objects under way at once at most; 0 as the stores allow. */
void pfs_transfer_begin(struct pfs_transfer *transfer, struct pfs_ctx *ctx, int network, unsigned jobs);
/* Until there is room for another object. */
void pfs_transfer_wait(struct pfs_transfer *transfer);
/* Takes the object over, once there is room. */
void pfs_transfer_add(struct pfs_transfer *transfer, struct pfs_object *object);
/* Until every object is finished. */
void pfs_transfer_end(struct pfs_transfer *transfer);

/* An object with names and write options of its own. NULL without memory. */
struct pfs_object *pfs_object_new(struct polyfs_fs *source_fs, const char *source, struct polyfs_fs *target_fs,
                                  const char *target, const struct polyfs_write_opts *opts);
void pfs_object_free(struct pfs_object *object);

/* ---- between the three files ---- */

void pfs_object_begin(struct pfs_object *object);
/* It cannot go on: keeps the first reason and who gave it. */
void pfs_object_fail(struct pfs_object *object, int at_source, int rc, const struct polyfs_error *why);
/* Does what is next, if nothing of it is under way that has to be waited for. */
void pfs_object_advance(struct pfs_object *object);
/* Makes the folders above the target, then does @again; 0 when that was tried before or was not wanted. */
int pfs_object_parents(struct pfs_object *object, int rc, void (*again)(struct pfs_object *object));
/* The size and the version of the source are known: choose how to write. @piece: its first bytes, or NULL. */
void pfs_object_sized(struct pfs_object *object, struct pfs_piece *piece);
/* Where the user metadata of the source goes, or NULL: it is not wanted. */
struct polyfs_pairs *pfs_object_meta(struct pfs_object *object);
/* The target is there. */
void pfs_object_published(struct pfs_object *object);

/* 1: a piece was begun. */
int pfs_piece_next(struct pfs_object *object);
/* Reads how an object begins that has no reader, which pins it and tells its size. 0: no memory right now. */
int pfs_piece_first(struct pfs_object *object);
/* Writes what was read. */
void pfs_piece_write(struct pfs_piece *piece);
/* Drops what the object keeps: it failed. */
void pfs_pieces_drop(struct pfs_object *object);
void pfs_piece_end(struct pfs_piece *piece);

/* A piece with room for @bytes, or NULL: not now. */
struct pfs_piece *pfs_transfer_piece(struct pfs_object *object, uint64_t bytes);
void pfs_transfer_piece_free(struct pfs_transfer *transfer, struct pfs_piece *piece);
void pfs_transfer_submit(struct pfs_task *task, void (*landed)(struct pfs_task *task));
void pfs_transfer_finished(struct pfs_object *object);

#endif
