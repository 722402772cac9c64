/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing inside core: the writer's state and the four shapes that carry its bytes. A shape is chosen when the first
 * part is full or at the commit, whichever comes first: what fits one part goes by PUT; else PARTS, PLACED, STREAM,
 * in this order; else it is gathered in memory, within put_max and the budget, and goes by PUT.
 */
#ifndef PFS_WRITE_H
#define PFS_WRITE_H

#include "core/executor.h"
#include "core/verb.h"
#include "polyfs/io.h"

#define PFS_NONCE_KEY "polyfs_op" /* metadata of ours on conditional and multipart writes; never shown */

/* What a write carries, owned. */
struct pfs_put_args {
    struct polyfs_put_request request;
    struct polyfs_pairs metadata, extra;
    char *if_match, *content_type;
    int has_nonce;
};

#define PFS_WRITE_KNOWN (POLYFS_WRITE_CREATE_ONLY | POLYFS_WRITE_APPEND | POLYFS_WRITE_PARENTS)

int pfs_put_args_take(struct pfs_put_args *args, const struct polyfs_fs *fs, const struct polyfs_write_opts *opts);
void pfs_put_args_clear(struct pfs_put_args *args);

/*
 * Adds the nonce to the metadata of a write whose lost answer has to be told from somebody else's success: one under a
 * condition, and each that commits what was sent before. Behind the gate, which refuses that name to callers. @commits: it
 * is no plain PUT.
 */
int pfs_nonce_add(struct pfs_put_args *args, const struct polyfs_fs *fs, const struct polyfs_caps *caps,
                  int commits, struct polyfs_error *err);

/* The shapes that a write may take: where it has a condition, those whose commit honours one. */
uint32_t pfs_put_shapes(const struct polyfs_caps *caps, const struct polyfs_put_request *request);
/* Refuses what the facts say cannot be honoured, before anything is sent. */
int pfs_put_gate(const struct polyfs_fs *fs, const struct polyfs_caps *caps,
                 const struct polyfs_put_request *request, struct polyfs_error *err);

/* A part that the store's limits allow: large enough that @size bytes, if known, need no more than parts_max of them. */
uint64_t pfs_part_bytes(const struct polyfs_caps *caps, uint64_t wanted, uint64_t size);

struct pfs_shape;

struct polyfs_writer {
    /* immutable */
    struct polyfs_fs *fs;
    char *path;
    struct polyfs_call_opts call;
    struct pfs_put_args args;
    struct polyfs_caps caps;
    uint32_t forced_shape;
    uint64_t generation; /* of the process that opened it: a child never touches what its parent writes */
    struct pfs_ctx ctx;  /* of parts that go on between calls: the caller's cancel, no deadline */

    /* one thread at a time */
    const struct pfs_shape *shape; /* NULL until chosen */
    void *state;                   /* the shape's own: a plugin handle or a struct of core */
    uint64_t part_bytes;           /* grows with the number of parts where the size is not known */
    unsigned char *buffer;         /* at most part_bytes unless it gathers, not yet handed to the shape */
    uint64_t buffered, room;
    uint64_t extra;  /* of room, bytes of the budget; the rest is the handle's own first part */
    uint64_t total;  /* bytes taken from the caller */
    uint64_t placed; /* bytes handed to the shape */
    int gathers;     /* PUT is the only way: the buffer grows to the whole object */
    int appends;     /* behind what is there, and nothing was: an object made meanwhile is a lost race */
    int done;        /* committed */
    int failed;      /* the first failure; nothing but close is left */
    struct polyfs_error failure;
};

/* One of the four. All run inside a verb of the writer's; errors are the verb's. */
struct pfs_shape {
    const char *name;
    uint32_t bit; /* enum polyfs_shape */
    int (*begin)(struct pfs_verb *verb, struct polyfs_writer *writer);
    /* @size bytes behind those of earlier calls; borrowed for the call. Only the last may be short of part_bytes;
     * one from the caller's memory may be longer by half. */
    int (*part)(struct pfs_verb *verb, struct polyfs_writer *writer, const void *data, uint64_t size);
    /* Waits until nothing refers to the caller's memory any more; NULL: nothing ever does behind part. */
    int (*settle)(struct pfs_verb *verb, struct polyfs_writer *writer);
    int (*commit)(struct pfs_verb *verb, struct polyfs_writer *writer, struct polyfs_stat *out);
    void (*abort)(struct pfs_verb *verb, struct polyfs_writer *writer);
};

extern const struct pfs_shape pfs_shape_parts;
extern const struct pfs_shape pfs_shape_placed;
extern const struct pfs_shape pfs_shape_stream;
extern const struct pfs_shape pfs_shape_append; /* the store's own append */

/* append.c: makes @writer one that adds to what is there. */
int pfs_append_begin(struct pfs_verb *verb, struct polyfs_writer *writer);
/* Makes an error that of an append which somebody else's write came before. */
int pfs_lost_race(struct polyfs_error *err);

/* Makes the folders above the verb's path; used after NOT_FOUND, so it costs nothing where they exist. */
int pfs_make_parents(struct pfs_verb *verb);

/* PUT of a whole object: also how a writer that never filled a part ends. */
int pfs_put_whole(struct pfs_verb *verb, const void *data, uint64_t size, const struct polyfs_put_request *request,
                  struct polyfs_stat *out);

#endif
