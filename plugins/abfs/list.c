/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings, a page a request: blobs and common prefixes, sorted by full key, a folder counting as its name and '/'. A blob
 * that says of itself that it is a folder (hierarchical accounts, drivers of Hadoop's) is one row with the prefix of its
 * name. Invariant: a page's rows point into `text`, which stays until the next page.
 */
#include "abfs.h"
#include "plugins/support/pager.h"

struct lister {
    struct abfs_fs *fs;
    struct ps_target target; /* of prefix */
    char *prefix;            /* owned: container/key prefix */
    char *marker;            /* owned: of the page to come, or NULL */
    uint32_t flags, page_size;

    /* the page */
    struct ps_page page;
    struct ps_buf name; /* of the blob being read: it may turn out to be a folder */
    struct ps_buf next;
    int is_folder;
};

/* ---- reading a page --------------------------------------------------------------------------------------------------- */

static int blob_end(struct lister *l, struct polyfs_error *err)
{
    int flat = (l->flags & POLYFS_LIST_FLAT) != 0, is_dir = l->is_folder && !flat;
    if (is_dir)
        ps_buf_char(&l->name, '/');
    else if (l->is_folder)
        ps_buf_reset(&l->name); /* it is no row of a listing that spans all levels */
    l->is_folder = 0;
    int rc = ps_buf_check(&l->name, err);
    if (rc != POLYFS_OK)
        return rc;
    if (l->name.size)
        ps_page_path(&l->page, l->target.bucket, l->target.bucket_len, l->name.data, l->name.size);
    ps_buf_reset(&l->name);
    return ps_page_row_end(&l->page, is_dir ? POLYFS_TYPE_DIR : POLYFS_TYPE_FILE, err);
}

static int blob_element(struct lister *l, const char *name, char *text, uint64_t size, struct polyfs_error *err)
{
    struct ps_row *row = &l->page.row;
    char etag[128];
    if (!*name)
        return blob_end(l, err);
    if (strcmp(name, "/Name") == 0)
        ps_buf_add(&l->name, text, size);
    else if (strcmp(name, "/Properties/Content-Length") == 0)
        row->size = ps_number(text);
    else if (strcmp(name, "/Properties/Last-Modified") == 0 && ps_http_date(text) != INT64_MIN)
        row->mtime_ns = ps_http_date(text) * 1000000000;
    else if (strcmp(name, "/Properties/Etag") == 0) {
        ps_etag(etag, sizeof(etag), text);
        row->etag = ps_page_keep(&l->page, etag, strlen(etag));
    } else if (strcmp(name, "/VersionId") == 0)
        row->version = ps_page_keep(&l->page, text, size);
    else if (strcmp(name, "/IsCurrentVersion") == 0 && strcmp(text, "true") == 0)
        row->flags |= POLYFS_STAT_LATEST;
    else if (strcmp(name, "/Properties/ResourceType") == 0) {
        l->is_folder |= strcmp(text, "directory") == 0;
        if (*l->fs->lake_endpoint.host)
            abfs_lake_set(l->fs, POLYFS_YES);
    } else if (strcmp(name, "/Metadata/hdi_isfolder") == 0)
        l->is_folder |= strcmp(text, "true") == 0;
    return POLYFS_OK;
}

static int page_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct lister *l = arg;
    if (strncmp(path, "EnumerationResults/Blobs/Blob", 29) == 0 && (!path[29] || path[29] == '/'))
        return blob_element(l, path + 29, text, size, err);
    if (strcmp(path, "EnumerationResults/Blobs/BlobPrefix/Name") == 0)
        ps_page_path(&l->page, l->target.bucket, l->target.bucket_len, text, size);
    else if (strcmp(path, "EnumerationResults/Blobs/BlobPrefix") == 0)
        return ps_page_row_end(&l->page, POLYFS_TYPE_DIR, err);
    else if (strcmp(path, "EnumerationResults/NextMarker") == 0)
        ps_buf_add(&l->next, text, size);
    return POLYFS_OK;
}

static int container_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct lister *l = arg;
    if (strcmp(path, "EnumerationResults/Containers/Container/Name") == 0) {
        l->page.row.path = ps_page_keep(&l->page, text, size);
        l->page.row.path_len = size;
    } else if (strcmp(path, "EnumerationResults/Containers/Container/Properties/Last-Modified") == 0) {
        int64_t seconds = ps_http_date(text);
        l->page.row.mtime_ns = seconds == INT64_MIN ? POLYFS_TIME_UNKNOWN : seconds * 1000000000;
    } else if (strcmp(path, "EnumerationResults/Containers/Container") == 0) {
        return ps_page_row_end(&l->page, POLYFS_TYPE_DIR, err);
    } else if (strcmp(path, "EnumerationResults/NextMarker") == 0) {
        ps_buf_add(&l->next, text, size);
    }
    return POLYFS_OK;
}

/* ---- asking for it ------------------------------------------------------------------------------------------------------ */

static void page_query(const struct lister *l, struct abfs_request *r, const char most[16])
{
    int versions = (l->flags & POLYFS_LIST_VERSIONS) != 0, flat = (l->flags & POLYFS_LIST_FLAT) != 0;
    const char *prefix = l->target.bucket_len ? l->target.key : l->prefix;
    abfs_query(r, "comp", "list");
    abfs_query(r, "maxresults", most);
    abfs_query(r, "prefix", *prefix ? prefix : NULL);
    abfs_query(r, "marker", l->marker);
    if (!l->target.bucket_len)
        return;
    abfs_query(r, "restype", "container");
    abfs_query(r, "delimiter", flat ? NULL : "/");
    /* Which blobs are folders on flat accounts only their metadata tells. */
    abfs_query(r, "include", versions ? flat ? "versions" : "metadata,versions" : flat ? NULL : "metadata");
}

static int page_read(struct lister *l, struct polyfs_call *call, struct polyfs_error *err)
{
    struct abfs_request r;
    struct ps_target target = l->target;
    char most[16];
    target.key_len = 0;
    ps_page_reset(&l->page);
    ps_buf_reset(&l->name);
    ps_buf_reset(&l->next);
    l->is_folder = 0;
    abfs_request_init(&r, "GET", &target);
    snprintf(most, sizeof(most), "%u", l->page_size && l->page_size < 5000 ? l->page_size : 5000);
    page_query(l, &r, most);
    int rc = abfs_send_xml(l->fs, call, &r, target.bucket_len ? page_element : container_element, l,
                           "EnumerationResults", err);
    return rc == POLYFS_OK ? ps_buf_check(&l->next, err) : rc;
}

/* A folder's own blob and the prefix of what is in it are one row. */
static void drop_twins(struct polyfs_page *page, struct ps_page *rows)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < rows->count; i++) {
        const struct polyfs_entry *entry = &rows->rows[i].entry, *last = kept ? &rows->rows[kept - 1].entry : NULL;
        if (last && entry->type == POLYFS_TYPE_DIR && last->type == POLYFS_TYPE_DIR &&
            entry->path_len == last->path_len && memcmp(entry->path, last->path, entry->path_len) == 0)
            continue;
        rows->rows[kept++] = rows->rows[i];
    }
    page->count = kept;
}

/* A store that says there is more and not where would be asked for ever. */
static int page_next(struct lister *l, struct polyfs_error *err)
{
    if (!l->next.size)
        return POLYFS_OK;
    if (l->marker && strcmp(l->marker, l->next.data) == 0)
        return polyfs_fail(err, POLYFS_NETWORK, "the store says that there is more, and not where");
    char *marker = ps_copy(l->next.data, l->next.size);
    if (!marker)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a page");
    ps_host->free(l->marker);
    l->marker = marker;
    return POLYFS_MORE;
}

/* Where folders are real, one that shows nothing is empty, no folder, or not there. */
static int check_folder(struct lister *l, struct polyfs_call *call, struct polyfs_error *err)
{
    struct ps_target target = l->target;
    struct polyfs_stat stat;
    if (l->page.count || l->marker || l->next.size || !target.key_len || target.key[target.key_len - 1] != '/')
        return POLYFS_OK;
    int rc = abfs_lake_probe(l->fs, call, &target, err);
    if (rc != POLYFS_OK || abfs_lake(l->fs) != POLYFS_YES)
        return rc;
    target.key_len--;
    rc = abfs_stat_object(l->fs, call, &target, NULL, &stat, NULL, err);
    return rc == POLYFS_OK && stat.type != POLYFS_TYPE_DIR ? polyfs_fail(err, POLYFS_NOT_DIR, "it is no folder")
                                                           : rc;
}

static int list_next(struct polyfs_call *call, void *self, struct polyfs_page *out, struct polyfs_error *err)
{
    struct lister *l = self;
    int rc = page_read(l, call, err);
    if (rc == POLYFS_OK)
        rc = check_folder(l, call, err);
    if (rc == POLYFS_OK)
        rc = ps_page_end(&l->page, out, err);
    if (rc != POLYFS_OK)
        return rc;
    drop_twins(out, &l->page);
    int more = page_next(l, err);
    out->marker = more == POLYFS_MORE ? l->marker : NULL;
    return more;
}

/* ---- opening -------------------------------------------------------------------------------------------------------------- */

static void list_close(void *self)
{
    struct lister *l = self;
    ps_host->free(l->prefix);
    ps_host->free(l->marker);
    ps_page_clear(&l->page);
    ps_buf_clear(&l->name);
    ps_buf_clear(&l->next);
    ps_host->free(l);
}

static int list_open(struct polyfs_call *call, void *self, const char *prefix, uint64_t prefix_len,
                     const struct polyfs_list_request *request, void **out, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    (void)call;
    if (request->flags & ~(POLYFS_LIST_FLAT | POLYFS_LIST_VERSIONS | POLYFS_LIST_UNORDERED | POLYFS_LIST_NAMES))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (request->start_after)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "Azure lists from a marker of its own, not behind a name");
    if (!memchr(prefix, '/', prefix_len) && request->flags & POLYFS_LIST_FLAT)
        return polyfs_fail(err, POLYFS_INVALID, "name the container to list: abfs://container/");
    struct lister *l = ps_host->alloc(sizeof(*l));
    if (!l)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    memset(l, 0, sizeof(*l));
    l->fs = self;
    l->flags = request->flags;
    l->page_size = request->page_size;
    l->prefix = ps_copy(prefix, prefix_len);
    l->marker = request->marker ? ps_copy(request->marker, strlen(request->marker)) : NULL;
    if (!l->prefix || (request->marker && !l->marker))
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    if (rc == POLYFS_OK && memchr(prefix, '/', prefix_len))
        rc = abfs_target(l->prefix, prefix_len, 0, &l->target, err);
    if (rc == POLYFS_OK)
        *out = l;
    else
        list_close(l);
    return rc;
}

const struct polyfs_lister_ops abfs_lister_ops = {
    .struct_size = sizeof(struct polyfs_lister_ops),
    .open = list_open,
    .next = list_next,
    .close = list_close,
};
