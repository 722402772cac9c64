/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the list of stores of this process, the lock and the count of each, and what a filesystem is: a store, a
 * limit and a root.
 *
 * Invariant: store->used is the sum of all blocks that memory_take() gave out for it, of objects, unfinished
 * uploads and handles alike, so 0 means that nothing refers to the store but its users. A block knows its store
 * and its size, so that whoever drops the last reference gives the bytes back, on any thread, without the lock.
 */
#include "store.h"

#include <limits.h>

const struct polyfs_host *memory_host;

static pthread_mutex_t stores_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct memory_store *stores; /* guarded by stores_mutex */

/* What leads a counted block; 16 bytes, so that what follows is aligned for anything. */
struct header {
    struct memory_store *store;
    uint64_t bytes;
};

static void stores_lock(void)
{
    memory_host->section_enter();
    pthread_mutex_lock(&stores_mutex);
}

static void stores_unlock(void)
{
    pthread_mutex_unlock(&stores_mutex);
    memory_host->section_leave();
}

void memory_lock(struct memory_store *store)
{
    memory_host->section_enter();
    pthread_mutex_lock(&store->mutex);
}

void memory_unlock(struct memory_store *store)
{
    pthread_mutex_unlock(&store->mutex);
    memory_host->section_leave();
}

static struct memory_store *store_new(const char *name, uint32_t real_folders, uint32_t versioning)
{
    uint64_t length = strlen(name) + 1;
    struct memory_store *store = memory_host->alloc(sizeof(*store) + length);
    if (!store)
        return NULL;
    memset(store, 0, sizeof(*store));
    store->name = (char *)(store + 1);
    memcpy(store->name, name, length);
    store->real_folders = real_folders;
    store->versioning = versioning;
    pthread_mutex_init(&store->mutex, NULL);
    return store;
}

static struct memory_store *store_named(const char *name)
{
    struct memory_store *store = stores;
    while (store && strcmp(store->name, name) != 0)
        store = store->next;
    return store;
}

int memory_store_use(const char *name, uint32_t real_folders, uint32_t versioning, struct memory_store **out,
                     struct polyfs_error *err)
{
    int code = POLYFS_OK;
    stores_lock();
    struct memory_store *store = store_named(name);
    if (!store) {
        store = store_new(name, real_folders, versioning);
        if (store) {
            store->next = stores;
            stores = store;
        } else {
            code = POLYFS_NOMEM;
        }
    } else if (store->real_folders != real_folders || store->versioning != versioning) {
        code = POLYFS_CONFIG;
    }
    if (code == POLYFS_OK) {
        store->users++;
        *out = store;
    }
    stores_unlock();
    if (code == POLYFS_CONFIG)
        return polyfs_fail(err, code,
                           "the store is in use with other values of folders or versioning; "
                           "open it with the same ones, or name another with the option store");
    return code == POLYFS_OK ? code : polyfs_fail(err, code, "there is no memory for a store");
}

void memory_store_share(struct memory_store *store)
{
    stores_lock();
    store->users++;
    stores_unlock();
}

/* A user less; a store without users and content goes. */
static void store_leave(struct memory_store *store)
{
    stores_lock();
    store->users--;
    int gone = store->users == 0 && atomic_load(&store->used) == 0;
    if (gone) {
        struct memory_store **link = &stores;
        while (*link != store)
            link = &(*link)->next;
        *link = store->next;
    }
    stores_unlock();
    if (gone) {
        pthread_mutex_destroy(&store->mutex);
        memory_host->free(store);
    }
}

int memory_take(struct memory_fs *fs, uint64_t bytes, void **out, struct polyfs_error *err)
{
    struct memory_store *store = fs->store;
    uint64_t max = fs->max_bytes > 0 ? fs->max_bytes : INT64_MAX;
    uint64_t whole = bytes + sizeof(struct header);
    if (whole < bytes || whole > max)
        return polyfs_fail(err, POLYFS_NO_SPACE, "it is larger than the store may become; raise max_bytes");
    if (atomic_fetch_add(&store->used, whole) + whole > max) {
        atomic_fetch_sub(&store->used, whole);
        return polyfs_fail(err, POLYFS_NO_SPACE, "the store is full; remove something or raise max_bytes");
    }
    struct header *header = memory_host->alloc(whole);
    if (!header) {
        atomic_fetch_sub(&store->used, whole);
        return polyfs_fail(err, POLYFS_NOMEM, "there is no memory for %llu bytes", (unsigned long long)bytes);
    }
    header->store = store;
    header->bytes = whole;
    *out = header + 1;
    return POLYFS_OK;
}

void memory_give(void *block)
{
    if (!block)
        return;
    struct header *header = (struct header *)block - 1;
    struct memory_store *store = header->store;
    uint64_t whole = header->bytes;
    memory_host->free(header);
    atomic_fetch_sub(&store->used, whole);
}

void *memory_borrow(uint64_t bytes, struct polyfs_error *err)
{
    void *block = memory_host->alloc(bytes);
    if (!block)
        polyfs_fail(err, POLYFS_NOMEM, "there is no memory for %llu bytes", (unsigned long long)bytes);
    return block;
}

uint64_t memory_generation_next(void)
{
    static _Atomic uint64_t last;
    return atomic_fetch_add(&last, 1) + 1;
}

int memory_fs_new(struct memory_store *store, uint64_t max_bytes, const char *root, uint64_t root_length,
                  struct memory_fs **out, struct polyfs_error *err)
{
    struct memory_fs *fs = memory_borrow(sizeof(*fs) + root_length + 1, err);
    if (!fs) {
        store_leave(store);
        return POLYFS_NOMEM;
    }
    atomic_init(&fs->refs, 1);
    fs->store = store;
    fs->max_bytes = max_bytes;
    fs->root_length = root_length;
    memcpy(fs->root, root, root_length);
    fs->root[root_length] = '\0';
    *out = fs;
    return POLYFS_OK;
}

struct memory_fs *memory_fs_ref(struct memory_fs *fs)
{
    atomic_fetch_add_explicit(&fs->refs, 1, memory_order_relaxed);
    return fs;
}

void memory_fs_unref(struct memory_fs *fs)
{
    if (!fs || atomic_fetch_sub_explicit(&fs->refs, 1, memory_order_acq_rel) != 1)
        return;
    store_leave(fs->store);
    memory_host->free(fs);
}

int memory_key_make(struct memory_key *key, const struct memory_fs *fs, const char *path, uint64_t path_len,
                    struct polyfs_error *err)
{
    uint64_t length = fs->root_length + path_len;
    key->bytes = key->room;
    if (fs->store->real_folders && memmem(path, path_len, "//", 2))
        return polyfs_fail(err, POLYFS_INVALID, "real folders have no empty names (//)");
    if (length + 2 > sizeof(key->room)) {
        key->bytes = memory_borrow(length + 2, err);
        if (!key->bytes)
            return POLYFS_NOMEM;
    }
    if (fs->root_length > 0)
        memcpy(key->bytes, fs->root, fs->root_length);
    if (path_len > 0)
        memcpy(key->bytes + fs->root_length, path, path_len);
    key->bytes[length] = '/';
    key->bytes[length + 1] = '\0';
    key->length = length;
    key->folder = length == 0 || key->bytes[length - 1] == '/' ? length : length + 1;
    key->root = path_len == 0;
    return POLYFS_OK;
}

void memory_key_auto(struct memory_key *key)
{
    if (key->bytes != key->room)
        memory_host->free(key->bytes);
}

int memory_key_slashed(const struct memory_key *key)
{
    return key->length > 0 && key->folder == key->length;
}

int memory_go(const struct polyfs_call *call, struct polyfs_error *err)
{
    return polyfs_go_on(memory_host, call, err);
}

int memory_first_round(const struct polyfs_step *step, struct polyfs_error *err)
{
    if (step->cursor)
        return polyfs_fail(err, POLYFS_INVALID, "this takes one round here, so the cursor is of another store");
    return POLYFS_OK;
}
