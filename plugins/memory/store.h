/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file store.h
 * The stores of this process, filesystems on them, counted memory, and keys.
 *
 * A store is shared by all filesystems that name it and outlives them, as long as something is in it. One lock
 * guards it; functions that need it end in _locked. The lock is only held inside a section of the host, so that
 * a fork never finds it taken.
 */
#ifndef POLYFS_MEMORY_STORE_H
#define POLYFS_MEMORY_STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "index.h"
#include "polyfs/plugin.h"

/** Services of core; set once by the entry symbol. */
extern const struct polyfs_host *memory_host;

/** Declares a variable that memory_NAME_auto() ends when it leaves its scope. */
#define MEMORY_AUTO(name) __attribute__((cleanup(memory_##name##_auto)))

struct memory_store {
    /* immutable */
    char *name;
    uint32_t real_folders; /* folders are entries of their own, with keys that end in '/' */
    uint32_t versioning;   /* old versions are kept; never together with real_folders */
    /* any thread */
    _Atomic uint64_t used; /* bytes of all counted memory */
    /* guarded by mutex */
    struct memory_index objects; /* value: struct memory_version, the newest */
    struct memory_index uploads; /* value: struct memory_upload */
    pthread_mutex_t mutex;
    /* guarded by the lock of the list of stores */
    struct memory_store *next;
    uint64_t users;
};

/** What fs.open and fs.sub give; handles keep it alive too. */
struct memory_fs {
    _Atomic uint64_t refs;
    struct memory_store *store;
    uint64_t max_bytes; /* what the store may hold for a write through this filesystem; 0 no limit */
    uint64_t root_length;
    uint32_t network; /* calls are to be taken for those of a network */
    char root[];      /* what leads every key: "", or it ends in '/' */
};

/** A path made whole: the key of an object, and of a folder when the '/' behind it is taken along. */
struct memory_key {
    char *bytes;
    uint64_t length; /* of the path as it was given, behind the root */
    uint64_t folder; /* length with the '/' at its end; 0 for the root of the store */
    uint32_t root;   /* the path was empty */
    char room[200];  /* where most keys fit */
};

/** The store of a name; the first user decides its kind. CONFIG when another kind is there. */
int memory_store_use(const char *name, uint32_t real_folders, uint32_t versioning, struct memory_store **out,
                     struct polyfs_error *err);
/** One more user of a store that has one. */
void memory_store_share(struct memory_store *store);

void memory_lock(struct memory_store *store);
void memory_unlock(struct memory_store *store);

/** Memory that counts as content of the store. NO_SPACE over the limit, NOMEM when there is none. */
int memory_take(struct memory_fs *fs, uint64_t bytes, void **out, struct polyfs_error *err);
/** Give it back. NULL is fine. */
void memory_give(void *block);
/** Memory that does not: handles and pages. NULL with @p err filled. */
void *memory_borrow(uint64_t bytes, struct polyfs_error *err);

/** A number that no other change in this process has, and higher than all before it. */
uint64_t memory_generation_next(void);

/** A filesystem on a store; takes over one use of the store, also on failure. */
int memory_fs_new(struct memory_store *store, uint64_t max_bytes, const char *root, uint64_t root_length,
                  struct memory_fs **out, struct polyfs_error *err);
struct memory_fs *memory_fs_ref(struct memory_fs *fs);
void memory_fs_unref(struct memory_fs *fs);

/** The key of a path. NOMEM. */
int memory_key_make(struct memory_key *key, const struct memory_fs *fs, const char *path, uint64_t path_len,
                    struct polyfs_error *err);
void memory_key_auto(struct memory_key *key);
/** Whether the path ended in '/'. */
int memory_key_slashed(const struct memory_key *key);

/** POLYFS_OK to go on, else the code and reason of the stop. */
int memory_go(const struct polyfs_call *call, struct polyfs_error *err);

/** Everything here takes one round, so that a cursor is none of ours: INVALID. */
int memory_first_round(const struct polyfs_step *step, struct polyfs_error *err);

#endif
