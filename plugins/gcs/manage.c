/* SPDX-License-Identifier: Apache-2.0 */
/* What the server does by itself: copies, in rounds where they are long, and metadata. */
#include "gcs.h"

/* ---- copies ------------------------------------------------------------------------------------------------------------ */

static int copy_query(struct gcs_request *r, const struct polyfs_source *source,
                      const struct polyfs_put_request *request, const struct polyfs_step *step,
                      struct polyfs_error *err)
{
    if ((source->etag && !gcs_is_generation(source->etag)) ||
        (source->version && !gcs_is_generation(source->version)))
        return polyfs_fail(err, POLYFS_CHANGED, "the source has no such etag or version: they are numbers here");
    gcs_query(r, "sourceGeneration", source->version ? source->version : source->etag);
    gcs_query(r, "ifSourceGenerationMatch", source->version ? NULL : source->etag);
    gcs_query(r, "rewriteToken", step ? step->cursor : NULL);
    gcs_query(r, "projection", "noAcl");
    return gcs_write_conditions(r, &request->condition, err);
}

/* A refusal may be about the source, the target, or a bucket: what the source is now settles it. */
static int copy_lost(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *from,
                     const struct polyfs_source *source, const struct polyfs_put_request *request, int rc,
                     struct polyfs_error *err)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if ((rc != POLYFS_NOT_FOUND && rc != POLYFS_CONDITION) || !source->etag)
        return gcs_lost(rc, &request->condition, err);
    int seen = gcs_stat_object(fs, call, from, NULL, &stat, NULL, NULL);
    if (seen == POLYFS_OK && strcmp(stat.etag, source->etag) != 0)
        return polyfs_fail(err, POLYFS_CHANGED, "the source was replaced: it no longer has the etag %.60s",
                           source->etag);
    return gcs_lost(rc, &request->condition, err);
}

static int copy_answer(const json_t *root, struct polyfs_step *step, struct polyfs_stat *out,
                       struct polyfs_error *err)
{
    const char *token = ps_json_text(root, "rewriteToken");
    uint64_t moved = ps_json_number(root, "totalBytesRewritten");
    if (json_is_true(json_object_get(root, "done")))
        return gcs_written(json_object_get(root, "resource"), out, err);
    if (!json_is_false(json_object_get(root, "done")) || !token || !*token || !step)
        return ps_unclear(err, "the store does not say how far it copied");
    if (ps_host->text_set(step->next, token, strlen(token)) != POLYFS_OK)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a copy");
    step->poll_after_ms = 0;
    step->done_bytes = moved == UINT64_MAX ? 0 : moved;
    return POLYFS_MORE;
}

static int copy_send(struct gcs_fs *fs, struct polyfs_call *call, struct gcs_request *r,
                     const struct polyfs_put_request *request, struct polyfs_step *step, struct polyfs_stat *out,
                     struct polyfs_error *err)
{
    struct gcs_result result = {0};
    struct ps_buf body = {0};
    int rc = POLYFS_OK, keeps = !request->metadata_count && !request->content_type && !request->extra_count;
    if (!keeps)
        rc = gcs_resource(fs, r->rewrite_to, request, NULL, r, &body, err);
    gcs_header(r, "content-type", keeps ? NULL : "application/json; charset=UTF-8");
    r->http.body = body.data;
    r->http.body_bytes = body.size;
    r->http.stall_ms = GCS_SLOW_MS;
    if (rc == POLYFS_OK)
        rc = gcs_send_json(fs, call, r, &result, err);
    if (rc == POLYFS_OK)
        rc = copy_answer(result.root, step, out, err);
    gcs_result_clear(&result);
    ps_buf_clear(&body);
    return rc;
}

int gcs_copy(struct polyfs_call *call, void *self, const struct polyfs_source *source, const char *target_path,
             uint64_t target_len, const struct polyfs_put_request *request, struct polyfs_step *step,
             struct polyfs_stat *out, struct polyfs_error *err)
{
    struct gcs_fs *fs = self;
    struct ps_target from, to;
    struct gcs_request r;
    const int given = request->metadata_count || request->content_type;
    if (request->flags & ~POLYFS_PUT_KEEP_METADATA || (request->flags && given))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "metadata is kept or given here, not both");
    if ((request->condition.create_only || request->condition.if_match) && !gcs_is_google(fs))
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "this server is not known to copy under a condition");
    int rc = gcs_target(source->path, source->path_len, 1, &from, err);
    if (rc == POLYFS_OK)
        rc = gcs_target(target_path, target_len, 1, &to, err);
    if (rc != POLYFS_OK)
        return rc;
    gcs_request_init(&r, "POST", GCS_OBJECT, &from);
    r.rewrite_to = &to;
    rc = copy_query(&r, source, request, step, err);
    if (rc == POLYFS_OK)
        rc = copy_send(fs, call, &r, request, step, out, err);
    return copy_lost(fs, call, &from, source, request, rc, err);
}

/* ---- metadata ----------------------------------------------------------------------------------------------------------- */

/* What is there now: refused when it is not what was named; pins what is changed by @number. */
static int look(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                const struct polyfs_put_request *request, struct gcs_result *now, struct polyfs_error *err)
{
    struct gcs_request r;
    gcs_request_init(&r, "GET", GCS_OBJECT, target);
    gcs_query(&r, "projection", "noAcl");
    gcs_query(&r, "fields", GCS_FIELDS);
    int rc = gcs_send_json(fs, call, &r, now, err);
    const char *pin = request->condition.if_match;
    const char *generation = rc == POLYFS_OK ? ps_json_text(now->root, "generation") : NULL;
    if (rc == POLYFS_OK && !generation)
        rc = ps_unclear(err, "the store tells of an object without its generation");
    if (rc == POLYFS_OK && pin && strcmp(pin, generation) != 0)
        rc = polyfs_fail(err, POLYFS_CONDITION, "it has the etag %.60s now", generation);
    return rc;
}

static int change(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target, const json_t *now,
                  const struct ps_buf *body, struct polyfs_error *err)
{
    struct gcs_request r;
    struct gcs_result result = {0};
    int google = gcs_is_google(fs);
    gcs_request_init(&r, google ? "PATCH" : "PUT", GCS_OBJECT, target);
    gcs_query(&r, "ifGenerationMatch", ps_json_text(now, "generation"));
    gcs_query(&r, "ifMetagenerationMatch", google ? ps_json_text(now, "metageneration") : NULL);
    gcs_query(&r, "projection", "noAcl");
    gcs_header(&r, "content-type", "application/json; charset=UTF-8");
    r.http.body = body->data;
    r.http.body_bytes = body->size;
    int rc = gcs_send_json(fs, call, &r, &result, err);
    gcs_result_clear(&result);
    if (rc != POLYFS_CONDITION)
        return rc;
    return polyfs_fail(err, POLYFS_CONDITION, "it was changed meanwhile");
}

/* Google changes what is named and removes what is null; elsewhere, where null is a text, all of it is replaced. */
int gcs_set_metadata(struct polyfs_call *call, void *self, const char *path, uint64_t path_len,
                     const struct polyfs_put_request *request, struct polyfs_error *err)
{
    struct gcs_fs *fs = self;
    struct ps_target target;
    struct gcs_result now = {0};
    struct ps_buf body = {0};
    int rc = gcs_target(path, path_len, 1, &target, err);
    if (rc == POLYFS_OK)
        rc = look(fs, call, &target, request, &now, err);
    const char *type = request->content_type ? request->content_type : ps_json_text(now.root, "contentType");
    ps_buf_char(&body, '{');
    if (rc == POLYFS_OK)
        rc = gcs_metadata_json(request, gcs_is_google(fs) ? json_object_get(now.root, "metadata") : NULL, &body,
                               err);
    if (rc == POLYFS_OK && type) {
        ps_buf_text(&body, ",\"contentType\":");
        ps_json_quote(&body, type, strlen(type));
    }
    ps_buf_char(&body, '}');
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&body, err);
    if (rc == POLYFS_OK)
        rc = change(fs, call, &target, now.root, &body, err);
    gcs_result_clear(&now);
    ps_buf_clear(&body);
    return rc;
}
