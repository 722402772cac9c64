/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings, a page a request. A reply has objects and common prefixes apart, each sorted; the two are merged by full key,
 * a folder counting as its name and '/'. Invariant: a page's rows point into `text`, which stays until the next page.
 */
#include "plugins/support/pager.h"
#include "s3.h"

struct lister {
    struct s3_fs *fs;
    struct ps_target target; /* of prefix */
    char *prefix;            /* owned: bucket/key prefix */
    char *start_after;       /* owned: key, or NULL */
    char *token;             /* owned: of the page to come, or NULL; of versions: key, line end, version */
    char *token_key;         /* owned: its key */
    uint32_t flags, page_size;

    /* the page */
    struct ps_xml *xml;
    struct ps_page page;
    struct ps_buf next, next_version;
    int truncated, is_url;
};

/* ---- reading a page --------------------------------------------------------------------------------------------------- */

static int object_element(struct lister *l, const char *name, char *text, uint64_t size, uint32_t deleted,
                          struct polyfs_error *err)
{
    struct ps_row *row = &l->page.row;
    if (!*name) {
        row->flags |= deleted;
        return ps_page_row_end(&l->page, POLYFS_TYPE_FILE, err);
    }
    if (strcmp(name, "/Key") == 0)
        ps_page_path(&l->page, l->target.bucket, l->target.bucket_len, text, size);
    else if (strcmp(name, "/Size") == 0)
        row->size = ps_number(text);
    else if (strcmp(name, "/LastModified") == 0)
        row->mtime_ns = ps_iso_time_ns(text);
    else if (strcmp(name, "/ETag") == 0)
        row->etag = ps_page_keep(&l->page, text, size);
    else if (strcmp(name, "/VersionId") == 0 && strcmp(text, "null") != 0)
        row->version = ps_page_keep(&l->page, text, size);
    else if (strcmp(name, "/IsLatest") == 0 && strcmp(text, "true") == 0)
        row->flags |= POLYFS_STAT_LATEST;
    return POLYFS_OK;
}

static int page_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct lister *l = arg;
    const char *at = strchr(path, '/');
    if (!at)
        return POLYFS_OK;
    at++;
    if (strncmp(at, "Contents", 8) == 0)
        return object_element(l, at + 8, text, size, 0, err);
    if (strncmp(at, "Version", 7) == 0 && (!at[7] || at[7] == '/'))
        return object_element(l, at + 7, text, size, 0, err);
    if (strncmp(at, "DeleteMarker", 12) == 0)
        return object_element(l, at + 12, text, size, POLYFS_STAT_DELETED, err);
    if (strcmp(at, "CommonPrefixes/Prefix") == 0)
        ps_page_path(&l->page, l->target.bucket, l->target.bucket_len, text, size);
    else if (strcmp(at, "CommonPrefixes") == 0)
        return ps_page_row_end(&l->page, POLYFS_TYPE_DIR, err);
    else if (strcmp(at, "IsTruncated") == 0)
        l->truncated = strcmp(text, "true") == 0;
    else if (strcmp(at, "NextContinuationToken") == 0 || strcmp(at, "NextKeyMarker") == 0)
        ps_buf_add(&l->next, text, size);
    else if (strcmp(at, "NextVersionIdMarker") == 0)
        ps_buf_add(&l->next_version, text, size);
    else if (strcmp(at, "EncodingType") == 0)
        l->is_url = strcmp(text, "url") == 0;
    return POLYFS_OK;
}

static int bucket_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct lister *l = arg;
    if (strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket/Name") == 0 &&
        strncmp(text, l->prefix, strlen(l->prefix)) == 0) {
        l->page.row.path = ps_page_keep(&l->page, text, size);
        l->page.row.path_len = size;
    }
    if (strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket/CreationDate") == 0)
        l->page.row.mtime_ns = ps_iso_time_ns(text);
    if (strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket") == 0)
        return ps_page_row_end(&l->page, POLYFS_TYPE_DIR, err);
    return POLYFS_OK;
}

static int page_sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    return ps_xml_add(((struct lister *)arg)->xml, data, size, err);
}

/* ---- asking for it ------------------------------------------------------------------------------------------------------ */

static void page_reset(struct lister *l)
{
    ps_page_reset(&l->page);
    ps_buf_reset(&l->next);
    ps_buf_reset(&l->next_version);
    l->truncated = l->is_url = 0;
}

static void page_query(struct lister *l, struct s3_request *r, const char *prefix, char most[16])
{
    int versions = (l->flags & POLYFS_LIST_VERSIONS) != 0;
    snprintf(most, 16, "%u", l->page_size && l->page_size < 1000 ? l->page_size : 1000);
    s3_query(r, versions ? "versions" : "list-type", versions ? "" : "2");
    s3_query(r, "prefix", prefix);
    s3_query(r, "max-keys", most);
    s3_query(r, "encoding-type", "url");
    if (!(l->flags & POLYFS_LIST_FLAT))
        s3_query(r, "delimiter", "/");
    if (!versions) {
        s3_query(r, "continuation-token", l->token);
        if (!l->token)
            s3_query(r, "start-after", l->start_after);
        return;
    }
    const char *version = l->token ? l->token + strlen(l->token_key) + 1 : "";
    s3_query(r, "version-id-marker", *version ? version : NULL);
    s3_query(r, "key-marker", l->token ? l->token_key : l->start_after);
}

static int page_read(struct lister *l, struct polyfs_call *call, struct polyfs_error *err)
{
    struct s3_request r;
    struct ps_target target = l->target;
    struct ps_http_connection *answer = NULL;
    char most[16];
    int buckets = !target.bucket_len;
    target.key_len = 0;
    page_reset(l);
    s3_request_init(&r, "GET", &target);
    if (!buckets)
        page_query(l, &r, l->target.key, most);
    r.http.sink = page_sink;
    r.http.arg = l;
    int rc = ps_xml_new(buckets ? bucket_element : page_element, l, &l->xml, err);
    if (rc == POLYFS_OK)
        rc = s3_send(l->fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(l->xml, "ListBucketResult|ListVersionsResult|ListAllMyBucketsResult", err);
    ps_http_clear(l->fs->http, answer);
    ps_xml_free(l->xml);
    l->xml = NULL;
    if (rc == POLYFS_OK && (l->next.failed || l->next_version.failed))
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a page");
    return rc;
}

/* A folder that start_after lies in came before it, or was left out on purpose. */
static int is_behind(const struct lister *l, const struct ps_row *row)
{
    uint64_t n = row->path_len - l->target.bucket_len - 1;
    const char *key = l->page.text.data + row->path + l->target.bucket_len + 1;
    return !l->start_after || row->type != POLYFS_TYPE_DIR || strncmp(l->start_after, key, n) != 0;
}

/* The store says only behind the rows how their keys are written. */
static void page_decode(struct lister *l)
{
    struct ps_page *page = &l->page;
    uint64_t kept = 0, skip = l->target.bucket_len + 1;
    for (uint64_t i = 0; i < page->count; i++) {
        struct ps_row *row = &page->rows[i];
        if (l->is_url && l->target.bucket_len)
            row->path_len = skip + ps_url_decode(l->page.text.data + row->path + skip, row->path_len - skip);
        if (!l->target.bucket_len || is_behind(l, row))
            page->rows[kept++] = *row;
    }
    page->count = kept;
}

static char *copy(const char *text, uint64_t size, int *failed)
{
    char *made = ps_copy(text, size);
    *failed |= !made;
    return made;
}

static int token_set(struct lister *l, const char *token, struct polyfs_error *err)
{
    int failed = 0;
    char *whole = copy(token, strlen(token), &failed), *cut = failed ? NULL : strrchr(token, '\n');
    char *key = copy(token, cut ? (uint64_t)(cut - token) : strlen(token), &failed);
    ps_host->free(l->token);
    ps_host->free(l->token_key);
    l->token = whole;
    l->token_key = key;
    return failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for a page") : POLYFS_OK;
}

/* Which page comes next. A store that says there is more and not where would be asked for ever. */
static int page_next(struct lister *l, struct polyfs_error *err)
{
    if (!l->truncated)
        return POLYFS_OK;
    if (l->flags & POLYFS_LIST_VERSIONS) {
        if (l->is_url && l->next.size)
            l->next.size = ps_url_decode(l->next.data, l->next.size);
        ps_buf_char(&l->next, '\n');
        ps_buf_add(&l->next, l->next_version.data ? l->next_version.data : "", l->next_version.size);
    }
    if (!l->next.size || l->next.failed || (l->token && strcmp(l->token, l->next.data) == 0)) {
        polyfs_fail(err, POLYFS_NETWORK, "the store says that there is more, and not where");
        return POLYFS_NETWORK;
    }
    int rc = token_set(l, l->next.data, err);
    return rc == POLYFS_OK ? POLYFS_MORE : rc;
}

static int list_next(struct polyfs_call *call, void *self, struct polyfs_page *out, struct polyfs_error *err)
{
    struct lister *l = self;
    int rc = page_read(l, call, err);
    if (rc != POLYFS_OK)
        return rc;
    page_decode(l);
    int more = page_next(l, err);
    if (more < 0)
        return more;
    rc = ps_page_end(&l->page, out, err);
    if (rc != POLYFS_OK)
        return rc;
    out->marker = more == POLYFS_MORE ? l->token : NULL;
    return more;
}

/* ---- opening -------------------------------------------------------------------------------------------------------------- */

static void list_close(void *self)
{
    struct lister *l = self;
    ps_host->free(l->prefix);
    ps_host->free(l->start_after);
    ps_host->free(l->token);
    ps_host->free(l->token_key);
    ps_page_clear(&l->page);
    ps_buf_clear(&l->next);
    ps_buf_clear(&l->next_version);
    ps_host->free(l);
}

/* start_after is a full path; behind another bucket's name nothing or everything of this one follows. */
static const char *key_behind(const struct lister *l, const char *start_after)
{
    uint64_t n = l->target.bucket_len;
    if (!start_after || strncmp(start_after, l->prefix, n) != 0 || start_after[n] != '/')
        return NULL;
    return start_after + n + 1;
}

static int list_open(struct polyfs_call *call, void *self, const char *prefix, uint64_t prefix_len,
                     const struct polyfs_list_request *request, void **out, struct polyfs_error *err)
{
    int failed = 0, rc = POLYFS_OK;
    (void)call;
    if (request->flags & ~(POLYFS_LIST_FLAT | POLYFS_LIST_VERSIONS | POLYFS_LIST_UNORDERED | POLYFS_LIST_NAMES))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    if (!memchr(prefix, '/', prefix_len) && (prefix_len || request->flags & POLYFS_LIST_FLAT) &&
        request->flags & POLYFS_LIST_FLAT)
        return polyfs_fail(err, POLYFS_INVALID, "name the bucket to list: s3://bucket/");
    struct lister *l = ps_host->alloc(sizeof(*l));
    if (!l)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    memset(l, 0, sizeof(*l));
    l->fs = self;
    l->flags = request->flags;
    l->page_size = request->page_size;
    l->prefix = copy(prefix, prefix_len, &failed);
    if (!failed && memchr(prefix, '/', prefix_len))
        rc = s3_target(self, l->prefix, prefix_len, 0, &l->target, err);
    const char *after = failed || rc != POLYFS_OK ? NULL : key_behind(l, request->start_after);
    l->start_after = after ? copy(after, strlen(after), &failed) : NULL;
    if (rc == POLYFS_OK && failed)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a listing");
    if (rc == POLYFS_OK && request->marker)
        rc = token_set(l, request->marker, err);
    if (rc == POLYFS_OK)
        *out = l;
    else
        list_close(l);
    return rc;
}

const struct polyfs_lister_ops s3_lister_ops = {
    .struct_size = sizeof(struct polyfs_lister_ops),
    .open = list_open,
    .next = list_next,
    .close = list_close,
};
