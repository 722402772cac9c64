/* SPDX-License-Identifier: Apache-2.0 */
/* Removal: one object, up to 1,000 in a request, buckets. */
#include "plugins/support/digest.h"
#include "s3.h"

int s3_remove(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *version,
              const struct polyfs_condition *condition, struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    struct s3_request r;
    struct ps_http_connection *answer = NULL;
    int rc = s3_target(fs, path, path_len, 1, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    s3_request_init(&r, "DELETE", &target);
    s3_query(&r, "versionId", version);
    if (condition && condition->if_match) {
        if (s3_traits[s3_profile(fs)].remove_condition != POLYFS_YES)
            return polyfs_fail(err, POLYFS_UNSUPPORTED, "this server is not known to remove under a condition");
        s3_header(&r, "if-match", condition->if_match);
        r.http.flags |= PS_HTTP_FRESH; /* libcurl would repeat it by itself */
    }
    rc = s3_send(fs, call, &r, &answer, err);
    ps_http_clear(fs->http, answer);
    return condition ? s3_lost(rc, condition, err) : rc;
}

/* ---- many ------------------------------------------------------------------------------------------------------------- */

struct removal {
    struct ps_xml *xml;
    struct polyfs_remove_item *items;
    uint64_t count, stride, bucket_len;
    char key[1100], code[64], version[128]; /* of the Error being read */
    int is_result;
};

static struct polyfs_remove_item *item_at(const struct removal *m, uint64_t i)
{
    return (struct polyfs_remove_item *)(void *)((char *)m->items + m->stride * i);
}

/* An error of one key goes into its row. */
static void blame(struct removal *m)
{
    struct polyfs_error error = POLYFS_ERROR_INIT;
    int code = s3_error_in_body(m->code, "", &error);
    for (uint64_t i = 0; i < m->count; i++) {
        struct polyfs_remove_item *item = item_at(m, i);
        if (strcmp(item->path + m->bucket_len + 1, m->key) != 0 ||
            (*m->version && item->version && strcmp(item->version, m->version) != 0))
            continue;
        item->code = code;
        snprintf(item->native_code, sizeof(item->native_code), "%s", m->code);
    }
    m->key[0] = m->code[0] = m->version[0] = '\0';
}

static int removal_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct removal *m = arg;
    (void)size;
    (void)err;
    if (strcmp(path, "DeleteResult") == 0)
        m->is_result = 1;
    else if (strcmp(path, "DeleteResult/Error/Key") == 0)
        snprintf(m->key, sizeof(m->key), "%s", text);
    else if (strcmp(path, "DeleteResult/Error/Code") == 0)
        snprintf(m->code, sizeof(m->code), "%s", text);
    else if (strcmp(path, "DeleteResult/Error/VersionId") == 0)
        snprintf(m->version, sizeof(m->version), "%s", text);
    else if (strcmp(path, "DeleteResult/Error") == 0)
        blame(m);
    return POLYFS_OK;
}

static int removal_sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    return ps_xml_add(((struct removal *)arg)->xml, data, size, err);
}

/* Rows whose key XML cannot carry stay UNSUPPORTED: core removes those one by one. */
static uint64_t removal_body(struct s3_fs *fs, const struct removal *m, struct ps_buf *body)
{
    uint64_t listed = 0;
    ps_buf_text(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for (uint64_t i = 0; i < m->count; i++) {
        struct polyfs_remove_item *item = item_at(m, i);
        struct ps_target target;
        item->code = s3_target(fs, item->path, item->path_len, 1, &target, NULL);
        if (item->code == POLYFS_OK && (item->if_match || target.bucket_len != m->bucket_len ||
                                        memcmp(item->path, item_at(m, 0)->path, m->bucket_len) != 0 ||
                                        !ps_xml_can_carry(target.key, target.key_len)))
            item->code = POLYFS_UNSUPPORTED;
        if (item->code != POLYFS_OK)
            continue;
        listed++;
        ps_buf_text(body, "<Object><Key>");
        ps_xml_escape(body, target.key, target.key_len);
        ps_buf_text(body, "</Key>");
        if (item->version) {
            ps_buf_text(body, "<VersionId>");
            ps_xml_escape(body, item->version, strlen(item->version));
            ps_buf_text(body, "</VersionId>");
        }
        ps_buf_text(body, "</Object>");
    }
    ps_buf_text(body, "</Delete>");
    return listed;
}

static int removal_send(struct s3_fs *fs, struct polyfs_call *call, struct removal *m,
                        const struct ps_target *bucket, const struct ps_buf *body, struct polyfs_error *err)
{
    struct s3_request r;
    struct ps_http_connection *answer = NULL;
    struct ps_buf md5 = {0};
    unsigned char sum[16];
    int rc = ps_md5(body->data, body->size, sum, err);
    ps_buf_base64(&md5, sum, sizeof(sum));
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&md5, err);
    s3_request_init(&r, "POST", bucket);
    s3_query(&r, "delete", "");
    s3_header(&r, "content-md5", md5.data); /* older stores insist on it */
    s3_header(&r, "content-type", "application/xml");
    r.http.body = body->data;
    r.http.body_bytes = body->size;
    r.http.sink = removal_sink;
    r.http.arg = m;
    if (rc == POLYFS_OK)
        rc = ps_xml_new(removal_element, m, &m->xml, err);
    if (rc == POLYFS_OK)
        rc = s3_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(m->xml, NULL, err);
    if (rc == POLYFS_OK && !m->is_result)
        rc = ps_unclear(err, "the store does not say what it removed");
    ps_http_clear(fs->http, answer);
    ps_xml_free(m->xml);
    ps_buf_clear(&md5);
    return rc;
}

int s3_remove_many(struct polyfs_call *call, void *self, struct polyfs_remove_item *items, uint64_t count,
                   uint64_t stride, struct polyfs_error *err)
{
    struct ps_target bucket;
    struct ps_buf body = {0};
    struct removal m = {.items = items, .count = count, .stride = stride};
    if (!count)
        return POLYFS_OK;
    int rc = s3_target(self, items->path, items->path_len, 0, &bucket, err);
    if (rc != POLYFS_OK)
        return rc;
    bucket.key_len = 0;
    m.bucket_len = bucket.bucket_len;
    uint64_t listed = removal_body(self, &m, &body);
    rc = ps_buf_check(&body, err);
    if (rc == POLYFS_OK && listed)
        rc = removal_send(self, call, &m, &bucket, &body, err);
    ps_buf_clear(&body);
    return rc;
}
