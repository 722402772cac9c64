/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are JSON, or XML: gathered within a bound, then read whole. A success that is another document, or that does
 * not name what was written, leaves unknown whether it was done.
 */
#include "gcs.h"

#define RESULT_MAX (UINT64_C(16) << 20)

static int sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    struct gcs_result *result = arg;
    if (result->text.size + size > RESULT_MAX)
        return polyfs_fail(err, POLYFS_NETWORK, "the store's answer is longer than any should be");
    ps_buf_add(&result->text, data, size);
    return ps_buf_check(&result->text, err);
}

void gcs_result_sink(struct gcs_result *result, struct gcs_request *r)
{
    memset(result, 0, sizeof(*result));
    r->http.sink = sink;
    r->http.arg = result;
}

static int parse(struct gcs_result *result, struct polyfs_error *err)
{
    if (!result->text.size)
        return ps_unclear(err, "the store's answer is empty");
    int rc = ps_json_read(result->text.data, result->text.size, &result->root, err);
    return rc == POLYFS_CORRUPT ? ps_unclear(err, "the store's answer is not the JSON that it should be") : rc;
}

static int ignore(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    (void)arg;
    (void)path;
    (void)text;
    (void)size;
    (void)err;
    return POLYFS_OK;
}

/* Blanks in front keep a connection alive while the store works; XML allows none before its declaration. */
static int parse_xml(struct gcs_result *result, const char *root, ps_xml_element *element, void *arg,
                     struct polyfs_error *err)
{
    const char *text = result->text.data ? result->text.data : "";
    uint64_t blank = strspn(text, " \t\r\n");
    struct ps_xml *xml = NULL;
    int rc = ps_xml_new(element ? element : ignore, arg, &xml, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_add(xml, text + blank, result->text.size - blank, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(xml, root, err);
    ps_xml_free(xml);
    return rc;
}

int gcs_send_json(struct gcs_fs *fs, struct polyfs_call *call, struct gcs_request *r, struct gcs_result *out,
                  struct polyfs_error *err)
{
    struct ps_http_connection *answer = NULL;
    gcs_result_sink(out, r);
    int rc = gcs_send(fs, call, r, &answer, err);
    if (rc == POLYFS_OK)
        rc = parse(out, err);
    else if (out->text.size && err && r->http.flags & PS_HTTP_CHANGES)
        err->commit_state = POLYFS_COMMIT_UNKNOWN; /* it broke within a success */
    ps_http_clear(fs->http, answer);
    return rc;
}

void gcs_result_clear(struct gcs_result *result)
{
    json_decref(result->root);
    ps_buf_clear(&result->text);
}

int gcs_send_xml(struct gcs_fs *fs, struct polyfs_call *call, struct gcs_request *r, const char *root,
                 ps_xml_element *element, void *arg, struct ps_http_connection **answer, struct polyfs_error *err)
{
    struct gcs_result result;
    struct polyfs_error why = POLYFS_ERROR_INIT;
    gcs_result_sink(&result, r);
    int rc = gcs_send(fs, call, r, answer, err);
    if (rc == POLYFS_OK && parse_xml(&result, root, element, arg, &why) != POLYFS_OK)
        rc = r->http.flags & PS_HTTP_CHANGES ? ps_unclear(err, why.message) : ps_wrong(err, why.message);
    else if (rc != POLYFS_OK && result.text.size && err && r->http.flags & PS_HTTP_CHANGES)
        err->commit_state = POLYFS_COMMIT_UNKNOWN; /* it broke within a success */
    gcs_result_clear(&result);
    return rc;
}

/* ---- object resources ------------------------------------------------------------------------------------------------- */

int gcs_crc32c_parse(const char *text, struct polyfs_checksum *out)
{
    struct polyfs_checksum sum = {.kind = POLYFS_CHECKSUM_CRC32C, .length = 4};
    if (!text || ps_base64_decode(text, sum.value, sizeof(sum.value)) != 4)
        return 0;
    *out = sum;
    return 1;
}

static void keep(char *out, size_t room, const char *text)
{
    if (text && strlen(text) < room)
        memcpy(out, text, strlen(text) + 1);
}

static int add_metadata(const json_t *object, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(object, "metadata"), name, value)
    {
        const char *text = json_string_value(value);
        if (text && ps_host->pair_add(meta, name, text) != POLYFS_OK)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for its metadata");
    }
    return POLYFS_OK;
}

static int64_t time_of(const json_t *object, const char *key)
{
    const char *text = ps_json_text(object, key);
    return text ? ps_iso_time_ns(text) : POLYFS_TIME_UNKNOWN;
}

int gcs_stat_of(const json_t *object, struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    const char *generation = ps_json_text(object, "generation");
    uint64_t size = ps_json_number(object, "size");
    if (!generation || strlen(generation) >= sizeof(stat.etag))
        return ps_unclear(err, "the store tells of an object without its generation");
    stat.type = POLYFS_TYPE_FILE;
    stat.size = size == UINT64_MAX ? POLYFS_SIZE_UNKNOWN : size;
    stat.mtime_ns = time_of(object, "updated");
    stat.created_ns = time_of(object, "timeCreated");
    keep(stat.etag, sizeof(stat.etag), generation);
    keep(stat.version, sizeof(stat.version), generation);
    keep(stat.content_type, sizeof(stat.content_type), ps_json_text(object, "contentType"));
    keep(stat.storage_class, sizeof(stat.storage_class), ps_json_text(object, "storageClass"));
    gcs_crc32c_parse(ps_json_text(object, "crc32c"), &stat.checksum);
    *out = stat;
    return meta ? add_metadata(object, meta, err) : POLYFS_OK;
}

int gcs_written(const json_t *object, struct polyfs_stat *out, struct polyfs_error *err)
{
    struct polyfs_stat stat;
    int rc = gcs_stat_of(object, &stat, NULL, err);
    if (rc == POLYFS_OK)
        ps_stat_give(out, &stat);
    return rc;
}
