/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings, a page a request. A reply has objects and common prefixes apart; the two are merged by full key, a folder
 * counting as its name and '/'. Invariant: a page's rows point into its text, which stays until the next page.
 *
 * Google's pages follow one another by their token. fake-gcs-server counts only objects into a page and gives every later
 * prefix with each: there a page ends with its last object, and the next one is asked for behind that name.
 */
#include "gcs.h"
#include "plugins/support/pager.h"

struct lister {
    struct gcs_fs *fs;
    struct ps_target target; /* of prefix */
    char *prefix;            /* owned: bucket/key prefix */
    char *start_after;       /* owned: key, or NULL */
    char *marker;            /* owned: "t" and a token, or "k" and the last key of the page before; or NULL */
    uint32_t flags, page_size;
    struct ps_page page;
};

static int no_memory(struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
}

/* ---- reading a page --------------------------------------------------------------------------------------------------- */

static int add_object(struct lister *l, const json_t *object, struct polyfs_error *err)
{
    struct ps_row *row = &l->page.row;
    const char *name = ps_json_text(object, "name"), *generation = ps_json_text(object, "generation");
    const char *updated = ps_json_text(object, "updated");
    uint64_t size = ps_json_number(object, "size");
    if (!name)
        return polyfs_fail(err, POLYFS_NETWORK, "the store lists an object without its name");
    ps_page_path(&l->page, l->target.bucket, l->target.bucket_len, name, strlen(name));
    row->size = size == UINT64_MAX ? POLYFS_SIZE_UNKNOWN : size;
    if (updated)
        row->mtime_ns = ps_iso_time_ns(updated);
    if (generation)
        row->etag = row->version = ps_page_keep(&l->page, generation, strlen(generation));
    if (l->flags & POLYFS_LIST_VERSIONS && !json_object_get(object, "timeDeleted"))
        row->flags |= POLYFS_STAT_LATEST;
    return ps_page_row_end(&l->page, POLYFS_TYPE_FILE, err);
}

/* Google gives versions of a name from the oldest on. */
static int add_objects(struct lister *l, const json_t *items, struct polyfs_error *err)
{
    size_t count = json_array_size(items);
    int versions = (l->flags & POLYFS_LIST_VERSIONS) != 0, rc = POLYFS_OK;
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++)
        rc = add_object(l, json_array_get(items, versions ? count - 1 - i : i), err);
    return rc;
}

/* A folder that start_after lies in came before it, or was left out on purpose. */
static int is_behind(const struct lister *l, const char *folder)
{
    return !l->start_after || strncmp(l->start_after, folder, strlen(folder)) != 0;
}

static int add_folders(struct lister *l, const json_t *prefixes, const char *last, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < json_array_size(prefixes) && rc == POLYFS_OK; i++) {
        const char *name = json_string_value(json_array_get(prefixes, i));
        if (!name || !is_behind(l, name) || (last && strcmp(name, last) > 0))
            continue;
        ps_page_path(&l->page, l->target.bucket, l->target.bucket_len, name, strlen(name));
        rc = ps_page_row_end(&l->page, POLYFS_TYPE_DIR, err);
    }
    return rc;
}

static int add_buckets(struct lister *l, const json_t *items, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    for (size_t i = 0; i < json_array_size(items) && rc == POLYFS_OK; i++) {
        const json_t *bucket = json_array_get(items, i);
        const char *name = ps_json_text(bucket, "name"), *updated = ps_json_text(bucket, "updated");
        if (!name || strncmp(name, l->prefix, strlen(l->prefix)) != 0)
            continue;
        l->page.row.path = ps_page_keep(&l->page, name, strlen(name));
        l->page.row.path_len = strlen(name);
        l->page.row.mtime_ns = updated ? ps_iso_time_ns(updated) : POLYFS_TIME_UNKNOWN;
        rc = ps_page_row_end(&l->page, POLYFS_TYPE_DIR, err);
    }
    return rc;
}

/* ---- which page comes next --------------------------------------------------------------------------------------------- */

/* POLYFS_MORE. A store that gives the same page again would be asked for ever. */
static int marker_set(struct lister *l, char kind, const char *text, struct polyfs_error *err)
{
    uint64_t n = strlen(text);
    if (l->marker && l->marker[0] == kind && strcmp(l->marker + 1, text) == 0)
        return polyfs_fail(err, POLYFS_NETWORK, "the store says that there is more, and not where");
    char *made = ps_host->alloc(n + 2);
    if (!made)
        return no_memory(err);
    made[0] = kind;
    memcpy(made + 1, text, n + 1);
    ps_host->free(l->marker);
    l->marker = made;
    return POLYFS_MORE;
}

static const char *last_name(const json_t *items)
{
    size_t count = json_array_size(items);
    return count ? ps_json_text(json_array_get(items, count - 1), "name") : NULL;
}

static int pages_by_key(const struct lister *l)
{
    return l->target.bucket_len && !(l->flags & POLYFS_LIST_VERSIONS) && !gcs_is_google(l->fs);
}

static int page_take(struct lister *l, const json_t *root, struct polyfs_error *err)
{
    const json_t *items = json_object_get(root, "items"), *prefixes = json_object_get(root, "prefixes");
    const char *token = ps_json_text(root, "nextPageToken"), *last = NULL;
    int more = token && *token, rc;
    if (!l->target.bucket_len) {
        rc = add_buckets(l, items, err);
    } else {
        last = more && pages_by_key(l) ? last_name(items) : NULL;
        rc = add_objects(l, items, err);
        if (rc == POLYFS_OK)
            rc = add_folders(l, prefixes, last, err);
    }
    if (rc != POLYFS_OK || !more)
        return rc;
    return last ? marker_set(l, 'k', last, err) : marker_set(l, 't', token, err);
}

/* ---- asking for it ------------------------------------------------------------------------------------------------------ */

/* Behind a key: the first name that there can be is that with the smallest byte added. */
static int start_offset(const struct lister *l, struct ps_buf *out)
{
    int by_key = l->marker && l->marker[0] == 'k';
    const char *key = by_key ? l->marker + 1 : l->start_after;
    if (!key)
        return 0;
    ps_buf_text(out, key);
    ps_buf_char(out, '\x01');
    return 1;
}

static void page_query(struct lister *l, struct gcs_request *r, const char *start, char most[16])
{
    uint32_t rows = l->page_size && l->page_size < 1000 ? l->page_size : 1000;
    snprintf(most, 16, "%u", rows);
    gcs_query(r, "prefix", l->target.bucket_len ? l->target.key : l->prefix);
    if (l->target.bucket_len && !(l->flags & POLYFS_LIST_FLAT))
        gcs_query(r, "delimiter", "/");
    if (l->flags & POLYFS_LIST_VERSIONS)
        gcs_query(r, "versions", "true");
    if (!(l->flags & POLYFS_LIST_VERSIONS) || gcs_is_google(l->fs))
        gcs_query(r, "maxResults", most); /* elsewhere a page may end between versions of one name */
    gcs_query(r, "startOffset", start);
    gcs_query(r, "pageToken", l->marker && l->marker[0] == 't' ? l->marker + 1 : NULL);
    gcs_query(r, "projection", "noAcl");
    if (l->target.bucket_len)
        gcs_query(r, "fields", "nextPageToken,prefixes,items(name,size,updated,generation,timeDeleted)");
    else
        gcs_query(r, "fields", "nextPageToken,items(name,updated)");
}

static int page_read(struct lister *l, struct polyfs_call *call, struct gcs_result *result,
                     struct polyfs_error *err)
{
    struct gcs_request r;
    struct ps_buf start = {0};
    char most[16];
    int buckets = !l->target.bucket_len;
    if (buckets && !l->fs->project && gcs_is_google(l->fs))
        return polyfs_fail(err, POLYFS_CONFIG,
                           "buckets are listed of a project: set GOOGLE_CLOUD_PROJECT, or option project");
    ps_page_reset(&l->page);
    gcs_request_init(&r, "GET", buckets ? GCS_BUCKETS : GCS_OBJECTS, &l->target);
    if (buckets)
        gcs_query(&r, "project", l->fs->project);
    int starts = !buckets && start_offset(l, &start);
    page_query(l, &r, starts ? start.data : NULL, most);
    int rc = ps_buf_check(&start, err);
    if (rc == POLYFS_OK)
        rc = gcs_send_json(l->fs, call, &r, result, err);
    ps_buf_clear(&start);
    return rc;
}

static int list_next(struct polyfs_call *call, void *self, struct polyfs_page *out, struct polyfs_error *err)
{
    struct lister *l = self;
    struct gcs_result result = {0};
    int more = page_read(l, call, &result, err);
    if (more == POLYFS_OK)
        more = page_take(l, result.root, err);
    gcs_result_clear(&result);
    if (more < 0)
        return more;
    int rc = ps_page_end(&l->page, out, err);
    if (rc != POLYFS_OK)
        return rc;
    out->marker = more == POLYFS_MORE ? l->marker : NULL;
    return more;
}

/* ---- opening -------------------------------------------------------------------------------------------------------------- */

static void list_close(void *self)
{
    struct lister *l = self;
    ps_host->free(l->prefix);
    ps_host->free(l->start_after);
    ps_host->free(l->marker);
    ps_page_clear(&l->page);
    ps_host->free(l);
}

static int keep(char **out, const char *text, uint64_t size, struct polyfs_error *err)
{
    *out = ps_copy(text, size);
    return *out ? POLYFS_OK : no_memory(err);
}

/* start_after is a full path; behind another bucket's name nothing or everything of this one follows. */
static int keep_start(struct lister *l, const char *start_after, struct polyfs_error *err)
{
    uint64_t n = l->target.bucket_len;
    if (!start_after || strncmp(start_after, l->prefix, n) != 0 || start_after[n] != '/')
        return POLYFS_OK;
    return keep(&l->start_after, start_after + n + 1, strlen(start_after + n + 1), err);
}

static int list_open(struct polyfs_call *call, void *self, const char *prefix, uint64_t prefix_len,
                     const struct polyfs_list_request *request, void **out, struct polyfs_error *err)
{
    const int in_bucket = memchr(prefix, '/', prefix_len) != NULL;
    (void)call;
    if (request->flags & ~(POLYFS_LIST_FLAT | POLYFS_LIST_VERSIONS | POLYFS_LIST_UNORDERED | POLYFS_LIST_NAMES))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (!in_bucket && request->flags & POLYFS_LIST_FLAT)
        return polyfs_fail(err, POLYFS_INVALID, "name the bucket to list: gs://bucket/");
    struct lister *l = ps_host->alloc(sizeof(*l));
    if (!l)
        return no_memory(err);
    memset(l, 0, sizeof(*l));
    l->fs = self;
    l->flags = request->flags;
    l->page_size = request->page_size;
    int rc = keep(&l->prefix, prefix, prefix_len, err);
    if (rc == POLYFS_OK && in_bucket)
        rc = gcs_target(l->prefix, prefix_len, 0, &l->target, err);
    if (rc == POLYFS_OK && in_bucket)
        rc = keep_start(l, request->start_after, err);
    if (rc == POLYFS_OK && request->marker)
        rc = keep(&l->marker, request->marker, strlen(request->marker), err);
    if (rc == POLYFS_OK)
        *out = l;
    else
        list_close(l);
    return rc;
}

const struct polyfs_lister_ops gcs_lister_ops = {
    .struct_size = sizeof(struct polyfs_lister_ops),
    .open = list_open,
    .next = list_next,
    .close = list_close,
};
