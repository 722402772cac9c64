/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings: pages of rows under a key prefix, in byte order of the full key, a folder counting as its name + '/'.
 *
 * Invariant: a lister keeps no snapshot. Its place is the key of the last row given, with the generation of the
 * version where versions are listed; each page takes the lock, seeks behind that place and copies at most one
 * page. The place moves only when a page succeeded, so that a page that failed can be asked again, and its text
 * is the marker with which another lister goes on.
 */
#include "memory.h"

#include "object.h"

#define PAGE_ROWS 1000u
#define SCAN_MAX 10000u   /* entries passed over under one lock; the page is given as it is then */
#define PLACE_KEY 17u     /* a place is 16 digits, ':' and the key */
#define PASSED UINT64_MAX /* generation of a place that is an entry passed over: its folder may be still to come */
#define FLAGS (POLYFS_LIST_FLAT | POLYFS_LIST_VERSIONS | POLYFS_LIST_UNORDERED | POLYFS_LIST_NAMES)

/* A row as it is given out, and where its text begins: path, NUL, etag, NUL. Text moves while a page grows. */
struct row {
    struct polyfs_entry entry;
    uint64_t text;
};

struct memory_lister {
    struct memory_fs *fs;
    uint32_t flags;
    uint32_t page_rows;
    uint32_t begun; /* behind the first page, also when a marker says so */
    char *place;    /* generation, ':' and full key; NULL at the beginning */
    struct row *rows;
    uint64_t count;
    char *text;
    uint64_t text_used;
    uint64_t text_room;
    uint64_t prefix_len;
    char prefix[]; /* with the root */
};

/* Where a scan stands: an entry, with VERSIONS one of its versions, and the last thing it has dealt with. */
struct scan {
    struct memory_node *node;
    struct memory_version *version; /* NULL: the newest of @node */
    const char *last_key;           /* NULL: nothing yet */
    uint64_t last_length;
    uint64_t last_generation;
    uint32_t passed;
};

/* The length of the folder's key that stands for this key in a listing of one level, or 0. */
static uint64_t folder_length(const struct memory_lister *lister, const char *key, uint64_t length)
{
    if (lister->flags & POLYFS_LIST_FLAT)
        return 0;
    const char *rest = key + lister->prefix_len;
    const char *slash = memchr(rest, '/', length - lister->prefix_len);
    return slash ? (uint64_t)(slash - key) + 1 : 0;
}

/* ---- opening */

static int place_set(char **place, uint64_t generation, const char *root, uint64_t root_length, const char *key,
                     uint64_t length, struct polyfs_error *err)
{
    char *text = memory_borrow(PLACE_KEY + root_length + length + 1, err);
    if (!text)
        return POLYFS_NOMEM;
    memory_etag_text(generation, text);
    text[PLACE_KEY - 1] = ':';
    if (root_length > 0)
        memcpy(text + PLACE_KEY, root, root_length);
    memcpy(text + PLACE_KEY + root_length, key, length);
    text[PLACE_KEY + root_length + length] = '\0';
    memory_host->free(*place);
    *place = text;
    return POLYFS_OK;
}

/* Whether one place is behind another: a later key, or an older version of the same. */
static int place_is_behind(const char *place, const char *other)
{
    int order = strcmp(place + PLACE_KEY, other + PLACE_KEY); /* bytes without NUL: the same order as memcmp */
    return order != 0 ? order > 0 : memcmp(place, other, PLACE_KEY) < 0;
}

/* The later of what start_after and the marker say. */
static int place_init(struct memory_lister *lister, const struct polyfs_list_request *request,
                      struct polyfs_error *err)
{
    const struct memory_fs *fs = lister->fs;
    uint64_t generation;
    const char *marker = request->marker;
    if (marker && (!memory_etag_parse(marker, &generation) || marker[PLACE_KEY - 1] != ':' ||
                   strncmp(marker + PLACE_KEY, fs->root, fs->root_length) != 0))
        return polyfs_fail(err, POLYFS_INVALID, "the marker is not one of a listing of this store");
    if (request->start_after) {
        int code = place_set(&lister->place, 0, fs->root, fs->root_length, request->start_after,
                             strlen(request->start_after), err);
        if (code != POLYFS_OK)
            return code;
    }
    if (!marker || (lister->place && !place_is_behind(marker, lister->place)))
        return POLYFS_OK;
    return place_set(&lister->place, generation, NULL, 0, marker + PLACE_KEY, strlen(marker + PLACE_KEY), err);
}

static int request_check(const struct memory_fs *fs, const struct polyfs_list_request *request,
                         struct polyfs_error *err)
{
    if ((request->flags & ~FLAGS) != 0 || request->reserved != 0)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag of the listing is not known");
    if ((request->flags & POLYFS_LIST_VERSIONS) && !fs->store->versioning)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this store keeps no versions; open it with versioning=true");
    return POLYFS_OK;
}

static void lister_close(void *handle)
{
    struct memory_lister *lister = handle;
    if (!lister)
        return;
    memory_host->free(lister->place);
    memory_host->free(lister->rows);
    memory_host->free(lister->text);
    memory_fs_unref(lister->fs);
    memory_host->free(lister);
}

static int lister_open(struct polyfs_call *call, void *handle, const char *prefix, uint64_t prefix_len,
                       const struct polyfs_list_request *request, void **out_lister, struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = request_check(fs, request, err);
    if (code != POLYFS_OK)
        return code;
    struct memory_lister *lister = memory_borrow(sizeof(*lister) + fs->root_length + prefix_len + 1, err);
    if (!lister)
        return POLYFS_NOMEM;
    memset(lister, 0, sizeof(*lister));
    lister->fs = memory_fs_ref(fs);
    lister->flags = request->flags;
    lister->page_rows = request->page_size > 0 && request->page_size < PAGE_ROWS ? request->page_size : PAGE_ROWS;
    lister->begun = request->marker != NULL;
    lister->prefix_len = fs->root_length + prefix_len;
    memcpy(lister->prefix, fs->root, fs->root_length);
    if (prefix_len > 0)
        memcpy(lister->prefix + fs->root_length, prefix, prefix_len);
    lister->prefix[lister->prefix_len] = '\0';
    lister->rows = memory_borrow(lister->page_rows * sizeof(struct row), err);
    code = lister->rows ? place_init(lister, request, err) : POLYFS_NOMEM;
    if (code != POLYFS_OK) {
        lister_close(lister);
        return code;
    }
    *out_lister = lister;
    return POLYFS_OK;
}

/* ---- scanning, under the lock */

static struct memory_version *older_than(struct memory_version *version, uint64_t generation)
{
    while (version && version->generation >= generation)
        version = version->older;
    return version;
}

static void scan_begin(const struct memory_lister *lister, struct scan *scan)
{
    const struct memory_index *objects = &lister->fs->store->objects;
    const char *prefix = lister->prefix, *key = lister->place ? lister->place + PLACE_KEY : "";
    uint64_t length = strlen(key), generation = 0;
    memset(scan, 0, sizeof(*scan));
    if (lister->place)
        memory_etag_parse(lister->place, &generation);
    if (!lister->place || strcmp(key, prefix) < 0) {
        scan->node = memory_index_seek(objects, prefix, lister->prefix_len);
        return;
    }
    int within = length >= lister->prefix_len && memcmp(key, prefix, lister->prefix_len) == 0;
    uint64_t folder = within && generation != PASSED ? folder_length(lister, key, length) : 0;
    if (folder > 0) {
        scan->node = memory_index_seek_past(objects, key, folder);
        return;
    }
    scan->node = memory_index_seek(objects, key, length);
    if (!scan->node || !memory_node_is(scan->node, key, length))
        return;
    if ((lister->flags & POLYFS_LIST_VERSIONS) && generation != PASSED)
        scan->version = older_than(scan->node->value, generation);
    if (!scan->version)
        scan->node = scan->node->next[0];
}

/* Go on behind what the scan stands at: a folder of that length, a version, or an entry. */
static void scan_step(const struct memory_lister *lister, struct scan *scan, uint64_t folder)
{
    struct memory_node *node = scan->node;
    struct memory_version *version = scan->version ? scan->version : node->value;
    int more_versions = folder == 0 && (lister->flags & POLYFS_LIST_VERSIONS) && version->older;
    scan->last_key = node->key;
    scan->last_length = folder > 0 ? folder : node->key_length;
    scan->last_generation = more_versions ? version->generation : 0;
    scan->version = more_versions ? version->older : NULL;
    if (more_versions)
        return;
    scan->node =
        folder > 0 ? memory_index_seek_past(&lister->fs->store->objects, node->key, folder) : node->next[0];
}

/* Whether what the scan stands at is to be seen. */
static int scan_sees(const struct memory_lister *lister, const struct scan *scan, uint64_t folder)
{
    const struct memory_version *version = scan->version ? scan->version : scan->node->value;
    if (version->kind == MEMORY_MARKER)
        return (lister->flags & POLYFS_LIST_VERSIONS) != 0;
    /* of real folders none is seen in a flat listing, and never the one that is listed */
    return version->kind != MEMORY_FOLDER || folder > 0;
}

/* Move on to what is to be seen next; gives 0 at the end. With *folder > 0 that is a folder. */
static int scan_next(const struct memory_lister *lister, struct scan *scan, uint64_t *folder)
{
    while (scan->node && memory_node_begins(scan->node, lister->prefix, lister->prefix_len)) {
        *folder = folder_length(lister, scan->node->key, scan->node->key_length);
        if (scan_sees(lister, scan, *folder))
            return 1;
        if (++scan->passed > SCAN_MAX)
            return 1;
        scan_step(lister, scan, 0);
        scan->last_generation = PASSED;
    }
    return 0;
}

/* ---- pages */

static int text_room(struct memory_lister *lister, uint64_t bytes, struct polyfs_error *err)
{
    if (bytes <= lister->text_room - lister->text_used)
        return POLYFS_OK;
    uint64_t room = lister->text_room * 2 + bytes;
    char *text = memory_host->resize(lister->text, room);
    if (!text)
        return polyfs_fail(err, POLYFS_NOMEM, "there is no memory for a page of the listing");
    lister->text = text;
    lister->text_room = room;
    return POLYFS_OK;
}

/* Add the row of what the scan stands at. */
static int row_add(struct memory_lister *lister, const struct scan *scan, uint64_t folder, struct polyfs_error *err)
{
    const struct memory_node *node = scan->node;
    const struct memory_version *newest = node->value, *version = scan->version ? scan->version : newest;
    uint64_t root = lister->fs->root_length;
    uint64_t length = (folder > 0 ? folder - 1 : node->key_length) - root;
    int code = text_room(lister, length + 1 + MEMORY_ETAG_ROOM, err);
    if (code != POLYFS_OK)
        return code;
    char *text = lister->text + lister->text_used;
    memcpy(text, node->key + root, length);
    text[length] = '\0';
    memory_etag_text(version->generation, text + length + 1);
    struct row *row = &lister->rows[lister->count++];
    memset(row, 0, sizeof(*row));
    row->text = lister->text_used;
    lister->text_used += length + 1 + MEMORY_ETAG_ROOM;
    struct polyfs_entry *entry = &row->entry;
    entry->path_len = length;
    entry->type = folder > 0 ? POLYFS_TYPE_DIR : POLYFS_TYPE_FILE;
    entry->mtime_ns = folder > 0 && version->kind != MEMORY_FOLDER ? POLYFS_TIME_UNKNOWN : version->mtime_ns;
    if (folder > 0)
        return POLYFS_OK;
    entry->size = version->content ? version->content->size : 0;
    entry->flags = version == newest ? POLYFS_STAT_LATEST : 0;
    entry->flags |= version->kind == MEMORY_MARKER ? POLYFS_STAT_DELETED : 0;
    return POLYFS_OK;
}

static int page_fill_locked(struct memory_lister *lister, int *more, struct polyfs_error *err)
{
    const struct memory_store *store = lister->fs->store;
    uint64_t length = lister->prefix_len, folder = 0;
    if (!lister->begun && length > 0 && lister->prefix[length - 1] == '/' && store->real_folders &&
        !memory_is_folder_locked(store, lister->prefix, length))
        return polyfs_fail(err, POLYFS_NOT_FOUND, "there is no folder of that name");
    struct scan scan;
    scan_begin(lister, &scan);
    while (scan_next(lister, &scan, &folder)) {
        *more = lister->count == lister->page_rows || scan.passed > SCAN_MAX;
        if (*more)
            break;
        int code = row_add(lister, &scan, folder, err);
        if (code != POLYFS_OK)
            return code;
        scan_step(lister, &scan, folder);
    }
    if (!scan.last_key)
        return POLYFS_OK;
    return place_set(&lister->place, scan.last_generation, NULL, 0, scan.last_key, scan.last_length, err);
}

/* Text lies still now: let the rows point to it. */
static void page_finish(struct memory_lister *lister)
{
    for (uint64_t i = 0; i < lister->count; i++) {
        struct polyfs_entry *entry = &lister->rows[i].entry;
        entry->path = lister->text + lister->rows[i].text;
        if (entry->type != POLYFS_TYPE_FILE)
            continue;
        entry->etag = entry->path + entry->path_len + 1;
        entry->version = lister->fs->store->versioning ? entry->etag : NULL;
    }
}

static int lister_next(struct polyfs_call *call, void *handle, struct polyfs_page *out, struct polyfs_error *err)
{
    struct memory_lister *lister = handle;
    int code = memory_go(call, err);
    if (code != POLYFS_OK)
        return code;
    int more = 0;
    lister->count = 0;
    lister->text_used = 0;
    memory_lock(lister->fs->store);
    code = page_fill_locked(lister, &more, err);
    memory_unlock(lister->fs->store);
    if (code != POLYFS_OK)
        return code;
    lister->begun = 1;
    page_finish(lister);
    out->stride = sizeof(struct row);
    out->entries = &lister->rows[0].entry;
    out->count = lister->count;
    out->marker = lister->place;
    return more ? POLYFS_MORE : POLYFS_OK;
}

const struct polyfs_lister_ops memory_lister_ops = {
    .struct_size = sizeof(struct polyfs_lister_ops),
    .open = lister_open,
    .next = lister_next,
    .close = lister_close,
};
