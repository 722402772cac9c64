/* SPDX-License-Identifier: Apache-2.0 */
/* What the store knows of uploads that are not done: their parts, whether polyfs began them, and which there are. */
#include "gcs.h"

/* ---- parts ------------------------------------------------------------------------------------------------------------ */

static int parts_page(struct polyfs_call *call, struct gcs_fs *fs, const char *path, uint64_t path_len,
                      const char *id, uint32_t after, struct ps_parts *parts, struct polyfs_error *err)
{
    struct gcs_upload u;
    struct gcs_request r;
    struct ps_http_connection *answer = NULL;
    int rc = gcs_upload_load(&u, fs, path, path_len, id, err);
    if (rc != POLYFS_OK)
        return rc;
    gcs_request_init(&r, "GET", GCS_XML, &u.made);
    ps_parts_ask(parts, u.id, after, r.query, &r.query_count);
    rc = gcs_send_xml(fs, call, &r, "ListPartsResult", ps_parts_element, parts, &answer, err);
    ps_http_clear(fs->http, answer);
    return rc;
}

int gcs_uploads_parts(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *id,
                      uint32_t after, struct polyfs_part *out, uint64_t room, uint64_t stride, uint64_t *out_count,
                      struct polyfs_error *err)
{
    struct ps_parts parts = {.out = out, .room = room, .stride = stride};
    int rc = parts_page(call, self, path, path_len, id, after, &parts, err);
    if (rc != POLYFS_OK)
        return rc;
    *out_count = parts.count;
    return parts.truncated ? POLYFS_MORE : POLYFS_OK;
}

/* The mark is the last of all parts, and is asked for behind the last that another can be. */
int gcs_uploads_is_ours(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *id,
                        uint32_t *out, struct polyfs_error *err)
{
    struct polyfs_part row;
    struct ps_parts parts = {.out = &row, .room = 1, .stride = sizeof(row)};
    int rc = parts_page(call, self, path, path_len, id, PS_MARK - 1, &parts, err);
    if (rc == POLYFS_OK)
        *out = parts.marked != 0;
    return rc;
}

/* ---- uploads ---------------------------------------------------------------------------------------------------------- */

static int uploads_page(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                        struct ps_uploads *page, const char *cursor, struct polyfs_error *err)
{
    struct gcs_request r;
    struct ps_target bucket = *target;
    struct ps_http_connection *answer = NULL;
    bucket.key_len = 0;
    gcs_request_init(&r, "GET", GCS_XML, &bucket);
    int rc = ps_uploads_ask(page, cursor, 1, r.query, &r.query_count, err);
    if (rc == POLYFS_OK)
        rc = gcs_send_xml(fs, call, &r, "ListMultipartUploadsResult", ps_uploads_element, page, &answer, err);
    ps_http_clear(fs->http, answer);
    return rc;
}

int gcs_uploads_list(struct polyfs_call *call, void *self, const char *prefix, uint64_t prefix_len,
                     struct polyfs_step *step, struct polyfs_uploads *out, struct polyfs_error *err)
{
    struct ps_target target;
    int rc = gcs_target(prefix, prefix_len, 0, &target, err);
    if (rc != POLYFS_OK)
        return rc;
    struct ps_uploads *page = ps_uploads_new(&target, "u:", err);
    if (!page)
        return POLYFS_NOMEM;
    rc = uploads_page(self, call, &target, page, step->cursor, err);
    if (rc == POLYFS_OK)
        rc = ps_uploads_give(page, step, out, err);
    ps_uploads_free(page);
    return rc;
}
