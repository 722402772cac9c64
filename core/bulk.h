/* SPDX-License-Identifier: Apache-2.0 */
/* State of one bulk verb. */
#ifndef PFS_BULK_H
#define PFS_BULK_H

#include "core/instance.h"
#include "core/plan.h"
#include "polyfs/bulk.h"

struct pfs_bulk {
    struct polyfs_fs *source_fs, *target_fs;
    struct polyfs_bulk_opts opts;
    int move;

    struct polyfs_fs *below; /* the target folder, confined; NULL until needed */
    char *below_base;        /* which folder that is */

    struct polyfs_bulk_result result;
    int first; /* the first failure */
    struct polyfs_error error;
};

void pfs_bulk_begin(struct pfs_bulk *bulk, const struct polyfs_bulk_opts *opts);
/* Copies the sums to the caller; @out may be NULL. */
void pfs_bulk_result(const struct pfs_bulk *bulk, struct polyfs_bulk_result *out);
/* Counts an item and tells the callbacks of it. */
void pfs_bulk_report(struct pfs_bulk *bulk, const struct pfs_step_item *step, const char *target, uint32_t flags,
                     int rc, const struct polyfs_error *error);

int pfs_bulk_transfer(struct pfs_bulk *bulk, const char *const *sources, size_t source_count,
                      const char *const *targets, size_t target_count, struct polyfs_error *err);
int pfs_bulk_remove(struct pfs_bulk *bulk, const char *const *paths, size_t count, struct polyfs_error *err);

#endif
