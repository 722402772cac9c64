/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of a path: Google's own, and what is left of them on servers that are not known to be Google's. */
#include "gcs.h"

static void limits(struct polyfs_caps *out)
{
    out->put_max = GCS_OBJECT_MAX;
    out->object_max = GCS_OBJECT_MAX;
    out->remove_many_max = GCS_REMOVE_MANY_MAX;
    out->list_page_max = 1000;
    out->metadata_max = GCS_METADATA_MAX;
    out->cancel_bound_ms = 100;
    out->sign_max_s = PS_SIGV4_LIFE_MAX_S;
    out->mtime_resolution_ns = 1000000;
    out->stored_checksums = (uint32_t)POLYFS_CHECKSUM_CRC32C;
}

/* Whether the bucket keeps versions. Who may not ask is not told, and it stays unknown. */
static int probe_versions(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                          struct polyfs_error *err)
{
    struct gcs_request r;
    struct gcs_result result;
    gcs_request_init(&r, "GET", GCS_BUCKET, target);
    gcs_query(&r, "fields", "name,versioning");
    int rc = gcs_send_json(fs, call, &r, &result, err);
    if (rc == POLYFS_OK) {
        const json_t *versioning = json_object_get(result.root, "versioning");
        int on = json_is_true(json_object_get(versioning, "enabled"));
        gcs_bucket_learn(fs, target, GCS_VERSIONS, on ? (uint8_t)POLYFS_YES : (uint8_t)POLYFS_NO);
    }
    gcs_result_clear(&result);
    return rc == POLYFS_PERMISSION ? POLYFS_OK : rc;
}

/* The XML API is taken for granted at Google alone. A condition in parts leaves something to remove. */
static void shapes(struct gcs_fs *fs, const struct ps_target *target, struct polyfs_caps *out)
{
    const int google = gcs_is_google(fs);
    out->shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_STREAM | (google ? POLYFS_SHAPE_PARTS : 0u);
    out->condition_shapes = out->shapes;
    if (target && gcs_bucket_answer(fs, target, GCS_REMOVES) == POLYFS_NO)
        out->condition_shapes &= ~(uint32_t)POLYFS_SHAPE_PARTS;
    out->fact[POLYFS_FACT_LIST_UPLOADS] = google ? (uint8_t)POLYFS_YES : (uint8_t)POLYFS_NO;
    if (google) {
        out->part_min = GCS_PART_MIN;
        out->part_max = GCS_PART_MAX;
        out->parts_max = PS_MARK - 1;
    } else {
        out->part_align = GCS_CHUNK; /* of a resumable upload, which keeps what is left until more comes */
    }
}

int gcs_caps(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
             struct polyfs_caps *out, struct polyfs_error *err)
{
    struct gcs_fs *fs = self;
    struct ps_target target;
    if (flags & ~POLYFS_CAPS_PROBE)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int has_bucket = path_len && gcs_target(path, path_len, 0, &target, NULL) == POLYFS_OK;
    if (flags & POLYFS_CAPS_PROBE && has_bucket && gcs_bucket_answer(fs, &target, GCS_VERSIONS) == POLYFS_UNKNOWN) {
        int rc = probe_versions(fs, call, &target, err);
        if (rc != POLYFS_OK)
            return rc;
    }
    polyfs_facts(out, POLYFS_FACT_NETWORK, POLYFS_FACT_FLAT_LIST, POLYFS_FACT_ORDERED_LIST, POLYFS_FACT_START_AFTER,
                 POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_IF_MATCH, POLYFS_FACT_READ_CONDITION, POLYFS_FACT_PINNED_READ,
                 POLYFS_FACT_SUFFIX_READ, POLYFS_FACT_METADATA, POLYFS_FACT_CONTENT_TYPE, POLYFS_FACT_SET_METADATA,
                 POLYFS_FACT_COPY, POLYFS_FACT_REMOVE_MANY, POLYFS_FACT_STORED_CHECKSUM, POLYFS_FACT_DURABLE_COMMIT,
                 POLYFS_FACT_CONFINE, POLYFS_FACT_CASE_SENSITIVE, POLYFS_FACT_COUNT);
    const uint8_t google = gcs_is_google(fs) ? (uint8_t)POLYFS_YES : (uint8_t)POLYFS_NO;
    out->fact[POLYFS_FACT_COPY_CONDITION] = out->fact[POLYFS_FACT_REMOVE_CONDITION] = google;
    out->fact[POLYFS_FACT_SIGN_GET] = out->fact[POLYFS_FACT_SIGN_PUT] =
        fs->auth.signs ? (uint8_t)POLYFS_YES : (uint8_t)POLYFS_NO;
    out->fact[POLYFS_FACT_VERSIONS] =
        has_bucket ? gcs_bucket_answer(fs, &target, GCS_VERSIONS) : (uint8_t)POLYFS_UNKNOWN;
    shapes(fs, has_bucket ? &target : NULL, out);
    limits(out);
    out->path_max = has_bucket ? 1025 + (uint32_t)target.bucket_len : 0;
    snprintf(out->limit_key, sizeof(out->limit_key), "%.60s/%.*s", fs->endpoint.authority,
             has_bucket && target.bucket_len < 60 ? (int)target.bucket_len : 0, has_bucket ? target.bucket : "");
    return POLYFS_OK;
}
