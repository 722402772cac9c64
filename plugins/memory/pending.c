/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listing of unfinished uploads: pages of rows, by path, then by age.
 *
 * The contract lends rows "until the next call" but has no handle that could own them, and calls on one
 * filesystem overlap. So each thread has one page of its own: it is valid until the next listing on the same
 * thread and goes with the thread. Invariant: a page is only touched by its thread, never under the lock but to
 * be filled.
 */
#include "memory.h"
#include "upload.h"

#define PAGE_ROWS 1000u

struct pending_page {
    struct polyfs_upload_row rows[PAGE_ROWS];
    uint64_t texts[PAGE_ROWS]; /* where the text of a row begins: path, NUL, id, NUL */
    uint64_t count;
    char *text;
    uint64_t used;
    uint64_t room;
};

static pthread_key_t pages;

static void page_free(void *memory)
{
    struct pending_page *page = memory;
    if (!page)
        return;
    memory_host->free(page->text);
    memory_host->free(page);
}

int memory_uploads_init(void)
{
    return pthread_key_create(&pages, page_free) == 0 ? POLYFS_OK : POLYFS_NOMEM;
}

/* An empty page of this thread; what it held is gone. */
static struct pending_page *page_new(struct polyfs_error *err)
{
    page_free(pthread_getspecific(pages));
    pthread_setspecific(pages, NULL);
    struct pending_page *page = memory_borrow(sizeof(*page), err);
    if (!page)
        return NULL;
    page->text = NULL;
    page->count = page->used = page->room = 0;
    if (pthread_setspecific(pages, page) != 0) {
        page_free(page);
        polyfs_fail(err, POLYFS_NOMEM, "there is no memory for a page of uploads");
        return NULL;
    }
    return page;
}

static int page_add(struct pending_page *page, const struct memory_upload *upload, uint64_t root_length,
                    struct polyfs_error *err)
{
    const struct memory_node *node = upload->node;
    uint64_t bytes = node->key_length - root_length + 1;
    if (bytes > page->room - page->used) {
        uint64_t room = page->room * 2 + bytes;
        char *text = memory_host->resize(page->text, room);
        if (!text)
            return polyfs_fail(err, POLYFS_NOMEM, "there is no memory for a page of uploads");
        page->text = text;
        page->room = room;
    }
    memcpy(page->text + page->used, node->key + root_length, bytes);
    page->texts[page->count] = page->used;
    page->rows[page->count].started_ns = upload->started_ns;
    page->used += bytes;
    page->count++;
    return POLYFS_OK;
}

/* Rows behind the cursor, which is the key of an upload, or from the prefix on. */
static int page_fill_locked(struct memory_fs *fs, struct pending_page *page, const struct memory_key *prefix,
                            const struct memory_key *cursor, int *more, struct polyfs_error *err)
{
    const struct memory_index *uploads = &fs->store->uploads;
    struct memory_node *node = cursor ? memory_index_seek_past(uploads, cursor->bytes, cursor->length)
                                      : memory_index_seek(uploads, prefix->bytes, prefix->length);
    for (; node && memory_node_begins(node, prefix->bytes, prefix->length); node = node->next[0]) {
        if (page->count == PAGE_ROWS) {
            *more = 1;
            return POLYFS_OK;
        }
        int code = page_add(page, node->value, fs->root_length, err);
        if (code != POLYFS_OK)
            return code;
    }
    return POLYFS_OK;
}

static void page_finish(struct pending_page *page)
{
    for (uint64_t i = 0; i < page->count; i++) {
        page->rows[i].path = page->text + page->texts[i];
        page->rows[i].path_len = strlen(page->rows[i].path);
        page->rows[i].upload_id = page->rows[i].path + page->rows[i].path_len + 1;
    }
}

/* A cursor is the id of the last upload, ':' and its path. */
static int cursor_read(const char *text, const struct memory_fs *fs, struct memory_key *key,
                       struct polyfs_error *err)
{
    uint64_t generation;
    char id[MEMORY_ETAG_ROOM];
    if (!memory_etag_parse(text, &generation) || text[MEMORY_ETAG_ROOM - 1] != ':')
        return polyfs_fail(err, POLYFS_INVALID, "the cursor is not one of this store");
    memory_etag_text(generation, id);
    return memory_upload_key(key, fs, text + MEMORY_ETAG_ROOM, strlen(text + MEMORY_ETAG_ROOM), id, err);
}

static int cursor_write(const struct pending_page *page, struct polyfs_step *step, struct polyfs_error *err)
{
    const struct polyfs_upload_row *last = &page->rows[page->count - 1];
    char *text = memory_borrow(MEMORY_ETAG_ROOM + last->path_len + 1, err);
    if (!text)
        return POLYFS_NOMEM;
    memcpy(text, last->upload_id, MEMORY_ETAG_ROOM - 1);
    text[MEMORY_ETAG_ROOM - 1] = ':';
    memcpy(text + MEMORY_ETAG_ROOM, last->path, last->path_len + 1);
    int code = memory_host->text_set(step->next, text, MEMORY_ETAG_ROOM + last->path_len);
    memory_host->free(text);
    return code == POLYFS_OK ? code : polyfs_fail(err, code, "there is no memory for a cursor");
}

int memory_upload_list(struct polyfs_call *call, void *handle, const char *prefix, uint64_t prefix_len,
                       struct polyfs_step *step, const struct polyfs_upload_row **out_rows, uint64_t *out_count,
                       uint64_t *out_stride, struct polyfs_error *err)
{
    struct memory_fs *fs = handle;
    MEMORY_AUTO(key) struct memory_key begin = {0}, cursor = {0};
    int code = memory_go(call, err);
    if (code == POLYFS_OK)
        code = memory_key_make(&begin, fs, prefix, prefix_len, err);
    if (code == POLYFS_OK && step->cursor)
        code = cursor_read(step->cursor, fs, &cursor, err);
    if (code != POLYFS_OK)
        return code;
    struct pending_page *page = page_new(err);
    if (!page)
        return POLYFS_NOMEM;
    int more = 0;
    memory_lock(fs->store);
    code = page_fill_locked(fs, page, &begin, step->cursor ? &cursor : NULL, &more, err);
    memory_unlock(fs->store);
    page_finish(page);
    if (code == POLYFS_OK && more)
        code = cursor_write(page, step, err);
    if (code != POLYFS_OK)
        return code;
    *out_rows = page->rows;
    *out_count = page->count;
    *out_stride = sizeof(page->rows[0]);
    step->poll_after_ms = 0;
    return more ? POLYFS_MORE : POLYFS_OK;
}
