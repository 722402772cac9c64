/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open filesystem. Those with the same resolved options are one; idle ones stay open for the next use, so that
 * a program that works by URL keeps its connections.
 */
#ifndef PFS_INSTANCE_H
#define PFS_INSTANCE_H

#include <stdatomic.h>

#include "core/fork.h"
#include "core/plugin.h"
#include "core/request.h"

#define PFS_RETRY_TOKENS 500
#define PFS_FAULTS_MAX 8
#define PFS_PART_BYTES (UINT64_C(8) << 20)

/* What the fault layer was told to do; fields but `seen` are immutable. */
struct pfs_fault {
    int any, for_good, lost;
    enum pfs_slot slot;
    unsigned at;
    int code;
    uint32_t retry;
    atomic_uint seen;
};

struct pfs_faults {
    struct pfs_fault rows[PFS_FAULTS_MAX];
    unsigned count;
};

struct pfs_counters {
    atomic_uint_fast64_t calls, retries, throttles, failures, requests, bytes_read, bytes_written, wire_sent,
        wire_received;
};

struct polyfs_fs {
    /* immutable */
    struct pfs_plugin *plugin;
    struct polyfs_options *options; /* NULL for a sub filesystem */
    struct polyfs_fs *parent;       /* of a sub filesystem; a use of it */
    char *root;                     /* the path that a sub filesystem is rooted at, or NULL */
    char *prefix;                   /* of a sub that core makes itself: what leads every path; else NULL */
    size_t prefix_len;
    char *key;  /* NULL: not shared */
    void *self; /* the plugin's handle */
    int64_t attempts;
    int64_t timeout_ms;
    uint64_t part_bytes;
    uint32_t durability;
    int network; /* calls cross one: they are worth limiting and overlapping */

    /* any thread */
    struct pfs_faults faults;
    struct pfs_counters counters;
    atomic_int retry_tokens;
    atomic_int succeeded;
    atomic_uint_fast64_t generation; /* of the process that used it last */

    /* guarded by the table's lock */
    unsigned uses;
    struct polyfs_fs *next;
    uint64_t idle_since; /* a stamp: the oldest idle one goes first */
};

int pfs_fault_parse(const char *text, struct pfs_faults *out, struct polyfs_error *err);

/* Names are plain bytes and core makes the sub filesystems: no name leads out of one. */
int pfs_confined_by_name(const struct polyfs_fs *fs);
/* Is it a whole bucket or container, with or without a '/' behind its name, or all of them? */
int pfs_is_bucket(const struct polyfs_fs *fs, const char *path);

/* Closes those that nobody uses. */
void pfs_instances_drop_idle(void);

extern const struct pfs_fork_hook pfs_instance_hook;

#endif
