/* SPDX-License-Identifier: Apache-2.0 */
/* State of one bulk verb: bulk.c copies, move.c moves, bulk_remove.c removes, bulk_cat.c reads and writes memory. */
#ifndef PFS_BULK_H
#define PFS_BULK_H

#include "core/plan.h"
#include "core/transfer.h"
#include "polyfs/bulk.h"

struct pfs_bulk {
    struct polyfs_fs *source_fs, *target_fs;
    struct polyfs_bulk_opts opts;
    int move;

    struct pfs_verb verb;         /* bounds the whole of it */
    struct polyfs_call_opts call; /* of verbs within it: what is left of the time */
    struct pfs_transfer transfer;

    struct polyfs_fs *below; /* the target folder, confined; NULL until needed */
    char *below_base;        /* which folder that is */

    struct polyfs_bulk_result result;
    uint64_t moved; /* bytes, of objects under way too */
    int64_t tell_after_ns;
    int ended; /* an item's failure that ends the verb */
    int first; /* the first failure */
    struct polyfs_error error;
};

/* Whatever it returns, pfs_bulk_end is due. */
int pfs_bulk_begin(struct pfs_bulk *bulk, const char *name, struct polyfs_fs *fs,
                   const struct polyfs_bulk_opts *opts);
/* The first failure of an item, else @rc; @out may be NULL. */
int pfs_bulk_end(struct pfs_bulk *bulk, int rc, struct polyfs_bulk_result *out, struct polyfs_error *err);

/* Call options of a verb within this one: the caller's switch, and what is left of the time. */
const struct polyfs_call_opts *pfs_bulk_call(struct pfs_bulk *bulk);
struct pfs_scope pfs_bulk_scope(struct pfs_bulk *bulk);

/* Counts an item and tells the callbacks of it. */
void pfs_bulk_report(struct pfs_bulk *bulk, const struct pfs_step_item *step, const char *target, uint32_t flags,
                     int rc, const struct polyfs_error *error);
/* A finished error of a request: "cannot VERB URL: why". Returns @rc. */
int pfs_bulk_error(const struct pfs_bulk *bulk, struct polyfs_error *out, int rc, const struct polyfs_error *why,
                   const char *verb, const char *path);
/* Keeps the first failure; POLYFS_OK to go on, or the code to end with. */
int pfs_bulk_failed(struct pfs_bulk *bulk, int rc, const struct polyfs_error *error);

int pfs_bulk_transfer(struct pfs_bulk *bulk, const char *const *sources, size_t source_count,
                      const char *const *targets, size_t target_count);

#endif
