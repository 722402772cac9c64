/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of every public verb: check the arguments, begin the context, and at the end hand the inner error to
 * the caller with verb and URI in front. Between the two a verb works with inner errors only.
 */
#ifndef PFS_VERB_H
#define PFS_VERB_H

#include "core/instance.h"

struct pfs_verb {
    struct pfs_ctx ctx;
    struct polyfs_fs *fs;
    const char *path;
    struct polyfs_error error; /* inner */
};

/* Leaves @verb usable for pfs_verb_end even when it fails. @path may be NULL. */
int pfs_verb_begin(struct pfs_verb *verb, const char *name, struct polyfs_fs *fs, const char *path,
                   const struct polyfs_call_opts *opts);
/* Returns @rc; fills @err when it is a failure. */
int pfs_verb_end(struct pfs_verb *verb, int rc, struct polyfs_error *err);

/* Runs a request for a verb: its error becomes the verb's. */
int pfs_verb_run(struct pfs_verb *verb, struct pfs_request *request);

/* Facts of a path; zeroed before. */
int pfs_verb_caps(struct pfs_verb *verb, const char *path, struct polyfs_caps *out);
/* The same for a verb that goes another way by @fact: where that is unknown, it is settled by asking. */
int pfs_verb_caps_of(struct pfs_verb *verb, const char *path, enum polyfs_fact fact, struct polyfs_caps *out);
/* POLYFS_UNSUPPORTED when the facts of the verb's path say no; nothing is sent then. */
int pfs_verb_gate(struct pfs_verb *verb, enum polyfs_fact fact, const char *what);

/* Copies a result struct to a caller whose struct may be smaller. Does nothing when @to is NULL. */
void pfs_stat_out(struct polyfs_stat *to, const struct polyfs_stat *from);

#define PFS_REQUEST_OF(verb, slot) PFS_REQUEST(slot, (verb)->fs, &(verb)->ctx, (verb)->path)

#endif
