/* SPDX-License-Identifier: Apache-2.0 */
/* Listings: no snapshot, but the key of the last row given. */
#include "store.h"

struct lister {
    uint64_t prefix_len, count;
    const char *stop; /* what ends the name of a row: "/", or "" in a flat listing */
    char *after;      /* key of the last row given, a folder's with its '/' */
    struct polyfs_entry rows[PAGE];
    char *texts[PAGE], prefix[]; /* a text: path, NUL, etag */
};

static void list_clear(struct lister *l)
{
    while (l->count)
        v1_host->free(l->texts[--l->count]);
}

static void list_close(void *lister)
{
    struct lister *l = lister;
    list_clear(l);
    v1_host->free(l->after);
    v1_host->free(l);
}

static int after_set(struct lister *l, const char *text, uint64_t size)
{
    char *copy = v1_host->alloc(size + 1);
    if (!copy)
        return POLYFS_NOMEM;
    memcpy(copy, text, size);
    copy[size] = '\0';
    v1_host->free(l->after);
    l->after = copy;
    return POLYFS_OK;
}

static int list_open(PATH, const struct polyfs_list_request *request, void **out, struct polyfs_error *err)
{
    const char *after = request->marker ? request->marker : request->start_after ? request->start_after : "";
    (void)fs;
    if (request->flags & ~POLYFS_LIST_PLAIN || request->reserved)
        return v1_unknown(err);
    int rc = polyfs_go_on(v1_host, call, err);
    if (rc != POLYFS_OK)
        return rc;
    struct lister *l = v1_host->alloc(sizeof(*l) + path_len + 1);
    if (!l)
        return v1_no_memory(err);
    l->prefix_len = path_len;
    l->count = 0;
    l->stop = request->flags & POLYFS_LIST_FLAT ? "" : "/";
    l->after = NULL;
    memcpy(l->prefix, path, path_len + 1);
    if (after_set(l, after, strlen(after)) != POLYFS_OK) {
        list_close(l);
        return v1_no_memory(err);
    }
    *out = l;
    return POLYFS_OK;
}

static int row_add(struct lister *l, const struct object *object, uint64_t path_len)
{
    const int is_folder = object->path[path_len] != '\0';
    char *text = v1_host->alloc(path_len + 32);
    if (!text || after_set(l, object->path, path_len + (uint64_t)is_folder) != POLYFS_OK) {
        v1_host->free(text);
        return POLYFS_NOMEM;
    }
    memcpy(text, object->path, path_len);
    text[path_len] = '\0';
    snprintf(text + path_len + 1, 31, "%llu", (unsigned long long)object->generation);
    struct polyfs_entry *row = &l->rows[l->count];
    memset(row, 0, sizeof(*row));
    row->path = text;
    row->path_len = path_len;
    row->type = is_folder ? POLYFS_TYPE_DIR : POLYFS_TYPE_FILE;
    row->flags = is_folder ? 0 : POLYFS_STAT_LATEST;
    row->size = is_folder ? 0 : object->content->size;
    row->mtime_ns = is_folder ? POLYFS_TIME_UNKNOWN : object->mtime_ns;
    row->etag = is_folder ? NULL : text + path_len + 1;
    l->texts[l->count++] = text;
    return POLYFS_OK;
}

static int list_next(struct polyfs_call *call, void *lister, struct polyfs_page *out, struct polyfs_error *err)
{
    struct lister *l = lister;
    int rc = v1_enter(call, err);
    if (rc != POLYFS_OK)
        return rc;
    list_clear(l);
    const struct object *object = *v1_seek(strcmp(l->after, l->prefix) < 0 ? l->prefix : l->after);
    for (; object && strncmp(object->path, l->prefix, l->prefix_len) == 0 && l->count < PAGE && rc == POLYFS_OK;
         object = object->next) {
        const uint64_t n = l->prefix_len + strcspn(object->path + l->prefix_len, l->stop);
        if (strncmp(object->path, l->after, n + 1) > 0) /* with the '/' or NUL behind it */
            rc = row_add(l, object, n) == POLYFS_OK ? POLYFS_OK : v1_no_memory(err);
    }
    const int more = object && strncmp(object->path, l->prefix, l->prefix_len) == 0;
    v1_leave();
    if (rc != POLYFS_OK)
        return rc;
    out->stride = (uint32_t)sizeof(l->rows[0]);
    out->entries = l->rows;
    out->count = l->count;
    out->marker = l->after;
    return more ? POLYFS_MORE : POLYFS_OK;
}

const struct polyfs_lister_ops v1_lister_ops = {.struct_size = sizeof(v1_lister_ops),
                                                .open = list_open,
                                                .next = list_next,
                                                .close = list_close};
