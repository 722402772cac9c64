/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of a path: S3's own, and what is known of the server. Conditions of an unknown server are unknown: s3_put settles
 * them before it sends one, since a server that ignores them would replace what it should keep.
 */
#include "s3.h"

/* Servers in Go verify CRC32C by an instruction, and CRC64NVME by a table that costs a fifth of all they do for an upload. */
#define CRC32C POLYFS_CHECKSUM_CRC32C
#define CRC64 POLYFS_CHECKSUM_CRC64NVME
#define NONE POLYFS_CHECKSUM_NONE
#define UNKNOWN POLYFS_UNKNOWN
#define YES POLYFS_YES
#define NO POLYFS_NO
const struct s3_traits s3_traits[S3_PROFILES] = {
    [S3_UNKNOWN] = {"auto", NULL, UNKNOWN, NO, NO, YES, S3_KEYS_ARE_PATHS, NONE, 0, ""},
    [S3_AWS] = {"aws", "AmazonS3", YES, YES, YES, YES, S3_UPLOADS_BY_PREFIX, CRC64, 0, ""},
    [S3_MINIO] = {"minio", "MinIO", YES, NO, NO, YES, S3_KEYS_ARE_PATHS, CRC32C, 255, ""},
    [S3_VERSITYGW] = {"versitygw", "VERSITYGW", YES, NO, NO, YES,
                      S3_UPLOADS_BY_PREFIX | S3_KEYS_ARE_PATHS | S3_PLAIN_XML, CRC32C, 255, ""},
    [S3_SEAWEEDFS] = {"seaweedfs", "SeaweedFS", YES, NO, NO, NO,
                      S3_UPLOADS_BY_PREFIX | S3_KEYS_ARE_PATHS | S3_DROPS_EMPTY | S3_NO_BYTES_IN_FOLDERS, CRC32C,
                      255, "\\"},
    [S3_CEPH] = {"ceph", NULL, NO, NO, NO, YES, S3_UPLOADS_BY_PREFIX, NONE, 0, ""},
    [S3_R2] = {"r2", "cloudflare", YES, NO, NO, YES, S3_UPLOADS_BY_PREFIX | S3_EQUAL_PARTS, NONE, 0, ""},
    [S3_OTHER] = {"other", NULL, NO, NO, NO, YES, S3_UPLOADS_BY_PREFIX, NONE, 0, ""},
};

static void answer(struct polyfs_caps *out, const uint8_t *facts, size_t count, uint8_t value)
{
    for (size_t i = 0; i < count; i++)
        out->fact[facts[i]] = value;
}

static void answers_of_all(struct polyfs_caps *out)
{
    static const uint8_t yes[] = {POLYFS_FACT_NETWORK,      POLYFS_FACT_FLAT_LIST,      POLYFS_FACT_PINNED_READ,
                                  POLYFS_FACT_SUFFIX_READ,  POLYFS_FACT_METADATA,       POLYFS_FACT_CONTENT_TYPE,
                                  POLYFS_FACT_SET_METADATA, POLYFS_FACT_COPY,           POLYFS_FACT_COPY_PART,
                                  POLYFS_FACT_REMOVE_MANY,  POLYFS_FACT_LIST_UPLOADS,   POLYFS_FACT_DURABLE_COMMIT,
                                  POLYFS_FACT_CONFINE,      POLYFS_FACT_CASE_SENSITIVE, POLYFS_FACT_READ_CONDITION};
    static const uint8_t no[] = {POLYFS_FACT_REAL_DIRS,        POLYFS_FACT_SET_TIMES,
                                 POLYFS_FACT_COMPOSE,          POLYFS_FACT_RENAME_ATOMIC,
                                 POLYFS_FACT_RENAME_DIR,       POLYFS_FACT_LINKS,
                                 POLYFS_FACT_REFLINK,          POLYFS_FACT_ANY_BYTES,
                                 POLYFS_FACT_RENAME_CONDITION, POLYFS_FACT_RENAME,
                                 POLYFS_FACT_REMOVE_TREE,      POLYFS_FACT_APPEND,
                                 POLYFS_FACT_RENAME_NO_REPLACE};
    answer(out, yes, sizeof(yes), POLYFS_YES);
    answer(out, no, sizeof(no), POLYFS_NO);
}

static void limits(struct polyfs_caps *out)
{
    out->put_max = S3_PUT_MAX;
    out->part_min = S3_PART_MIN;
    out->part_max = S3_PUT_MAX;
    out->parts_max = PS_MARK - 1;
    out->object_max = UINT64_C(5) << 40;
    out->copy_max = S3_PUT_MAX;
    out->remove_many_max = 1000;
    out->list_page_max = 1000;
    out->metadata_max = S3_METADATA_MAX;
    out->cancel_bound_ms = 100;
    out->sign_max_s = PS_SIGV4_LIFE_MAX_S;
    out->mtime_resolution_ns = 1000000000;
}

static void answers_of_server(const struct s3_fs *fs, const struct s3_traits *traits, struct polyfs_caps *out)
{
    static const uint8_t of_conditions[] = {POLYFS_FACT_CREATE_ONLY, POLYFS_FACT_IF_MATCH};
    answer(out, of_conditions, sizeof(of_conditions), traits->conditions);
    out->fact[POLYFS_FACT_ORDERED_LIST] = out->fact[POLYFS_FACT_START_AFTER] = traits->ordered;
    out->fact[POLYFS_FACT_REMOVE_CONDITION] = traits->remove_condition;
    out->fact[POLYFS_FACT_COPY_CONDITION] = traits->copy_condition;
    out->fact[POLYFS_FACT_EQUAL_PARTS] = traits->flags & S3_EQUAL_PARTS ? POLYFS_YES : POLYFS_NO;
    out->fact[POLYFS_FACT_SIGN_GET] = out->fact[POLYFS_FACT_SIGN_PUT] = fs->creds ? POLYFS_YES : POLYFS_NO;
    out->shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_PARTS;
    out->condition_shapes = traits->conditions == POLYFS_NO ? 0 : out->shapes;
    out->name_max = traits->name_max;
}

static int versions_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    uint8_t *versions = arg;
    (void)size;
    (void)err;
    if (strcmp(path, "VersioningConfiguration/Status") == 0)
        *versions = strcmp(text, "Enabled") == 0 || strcmp(text, "Suspended") == 0 ? POLYFS_YES : POLYFS_NO;
    else if (strcmp(path, "VersioningConfiguration") == 0 && *versions == POLYFS_UNKNOWN)
        *versions = POLYFS_NO; /* never switched on */
    return POLYFS_OK;
}

struct versions {
    struct ps_xml *xml;
    uint8_t answer;
};

static int versions_sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    return ps_xml_add(((struct versions *)arg)->xml, data, size, err);
}

/* Whether the bucket keeps versions. Who may not ask is not told, and it stays unknown. */
static int probe_versions(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                          struct polyfs_error *err)
{
    struct ps_target bucket = *target;
    struct s3_request r;
    struct versions versions = {.answer = POLYFS_UNKNOWN};
    struct ps_http_connection *answer = NULL;
    bucket.key_len = 0;
    s3_request_init(&r, "GET", &bucket);
    s3_query(&r, "versioning", "");
    r.http.sink = versions_sink;
    r.http.arg = &versions;
    int rc = ps_xml_new(versions_element, &versions.answer, &versions.xml, err);
    if (rc == POLYFS_OK)
        rc = s3_send(fs, call, &r, &answer, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(versions.xml, "VersioningConfiguration", err);
    ps_http_clear(fs->http, answer);
    ps_xml_free(versions.xml);
    if (rc == POLYFS_UNSUPPORTED)
        versions.answer = POLYFS_NO;
    if (versions.answer != POLYFS_UNKNOWN)
        s3_bucket_versions(fs, &bucket, versions.answer);
    return rc == POLYFS_PERMISSION || rc == POLYFS_UNSUPPORTED ? POLYFS_OK : rc;
}

static int probe(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                 struct polyfs_error *err)
{
    struct s3_bucket bucket;
    int rc = s3_settle_conditions(fs, call, target, err);
    s3_bucket_get(fs, target, &bucket);
    if ((rc == POLYFS_OK || rc == POLYFS_UNSUPPORTED) && bucket.versions == POLYFS_UNKNOWN)
        rc = probe_versions(fs, call, target, err);
    return rc == POLYFS_UNSUPPORTED ? POLYFS_OK : rc;
}

int s3_caps(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
            struct polyfs_caps *out, struct polyfs_error *err)
{
    struct s3_fs *fs = self;
    struct ps_target target;
    if (flags & ~POLYFS_CAPS_PROBE)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    struct s3_bucket bucket = {.versions = POLYFS_UNKNOWN};
    int has_bucket = path_len && s3_target(fs, path, path_len, 0, &target, NULL) == POLYFS_OK;
    if (flags & POLYFS_CAPS_PROBE && has_bucket) {
        int rc = probe(fs, call, &target, err);
        if (rc != POLYFS_OK)
            return rc;
    }
    const struct s3_traits *traits = &s3_traits[s3_profile(fs)];
    answers_of_all(out);
    limits(out);
    answers_of_server(fs, traits, out);
    if (has_bucket)
        s3_bucket_get(fs, &target, &bucket);
    out->fact[POLYFS_FACT_VERSIONS] = bucket.versions;
    int keeps = s3_checksum_kind(fs) != POLYFS_CHECKSUM_NONE;
    out->fact[POLYFS_FACT_STORED_CHECKSUM] = keeps ? POLYFS_YES : POLYFS_UNKNOWN;
    out->stored_checksums = keeps ? (uint32_t)POLYFS_CHECKSUM_CRC64NVME | (uint32_t)POLYFS_CHECKSUM_CRC32C : 0;
    out->path_max = has_bucket ? 1025 + (uint32_t)target.bucket_len : 0;
    snprintf(out->limit_key, sizeof(out->limit_key), "%.*s/%.*s", 60, fs->endpoint.authority,
             has_bucket ? (int)target.bucket_len : 0, has_bucket ? target.bucket : "");
    return POLYFS_OK;
}
