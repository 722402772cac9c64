/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file commit.h
 * The one way in which an object comes to be: checked, made ready, and published in one moment.
 */
#ifndef POLYFS_MEMORY_COMMIT_H
#define POLYFS_MEMORY_COMMIT_H

#include "object.h"

/** One commit: what is to be published, and what is taken for it before the lock, so that under the lock nothing
 *  but an append can lack memory. */
struct memory_commit {
    /* set by the caller, who keeps them */
    struct memory_fs *fs;
    const struct polyfs_put_request *request;
    struct memory_content *content;
    struct memory_meta *base;        /* metadata to keep beside the request's, or NULL */
    const struct memory_key *upload; /* key of the upload that this ends, or NULL */
    uint32_t append;                 /* put the content behind what is there */
    /* owned by memory_publish() */
    struct memory_key key;
    struct memory_version *version; /* gone into the store on success */
    struct memory_node *node;       /* used when the key is new */
};

/** What no write can carry here, and any flag that is not among @p flags: UNSUPPORTED or INVALID. */
int memory_request_check(const struct polyfs_put_request *request, uint32_t flags, struct polyfs_error *err);
/** Whether a write could go on now: a courtesy at its start, since the commit decides. */
int memory_write_check(struct memory_fs *fs, const char *path, uint64_t path_len,
                       const struct polyfs_put_request *request, struct polyfs_error *err);

/** Verify the checksum, take all memory, decide and publish. @p out may be NULL. */
int memory_publish(struct memory_commit *commit, const struct polyfs_call *call, const char *path,
                   uint64_t path_len, struct polyfs_stat *out, struct polyfs_error *err);

#endif
