/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of a path: Azure's own, and what is known of the server. */
#include "abfs.h"

const struct abfs_traits abfs_traits[ABFS_PROFILES] = {
    [ABFS_UNKNOWN] = {"auto", NULL, POLYFS_UNKNOWN, POLYFS_UNKNOWN, POLYFS_UNKNOWN, POLYFS_NO, POLYFS_UNKNOWN},
    [ABFS_AZURE] = {"azure", "Windows-Azure-Blob", POLYFS_YES, POLYFS_UNKNOWN, POLYFS_YES, POLYFS_YES,
                    POLYFS_UNKNOWN},
    [ABFS_AZURITE] = {"azurite", "Azurite-Blob", POLYFS_NO, POLYFS_NO, POLYFS_YES, POLYFS_NO, POLYFS_NO},
    [ABFS_OTHER] = {"other", NULL, POLYFS_NO, POLYFS_NO, POLYFS_NO, POLYFS_NO, POLYFS_UNKNOWN},
};

static void answer(struct polyfs_caps *out, const uint8_t *facts, size_t count, uint8_t value)
{
    for (size_t i = 0; i < count; i++)
        out->fact[facts[i]] = value;
}

static void answers_of_all(struct polyfs_caps *out)
{
    static const uint8_t yes[] = {POLYFS_FACT_NETWORK,         POLYFS_FACT_FLAT_LIST,
                                  POLYFS_FACT_ORDERED_LIST,    POLYFS_FACT_CREATE_ONLY,
                                  POLYFS_FACT_IF_MATCH,        POLYFS_FACT_COPY_CONDITION,
                                  POLYFS_FACT_READ_CONDITION,  POLYFS_FACT_PINNED_READ,
                                  POLYFS_FACT_METADATA,        POLYFS_FACT_CONTENT_TYPE,
                                  POLYFS_FACT_SET_METADATA,    POLYFS_FACT_COPY,
                                  POLYFS_FACT_STORED_CHECKSUM, POLYFS_FACT_DURABLE_COMMIT,
                                  POLYFS_FACT_CONFINE,         POLYFS_FACT_CASE_SENSITIVE,
                                  POLYFS_FACT_REMOVE_CONDITION};
    static const uint8_t no[] = {POLYFS_FACT_START_AFTER, POLYFS_FACT_SUFFIX_READ,  POLYFS_FACT_SET_TIMES,
                                 POLYFS_FACT_COMPOSE,     POLYFS_FACT_APPEND,       POLYFS_FACT_RENAME_CONDITION,
                                 POLYFS_FACT_LINKS,       POLYFS_FACT_LIST_UPLOADS, POLYFS_FACT_REFLINK,
                                 POLYFS_FACT_ANY_BYTES,   POLYFS_FACT_EQUAL_PARTS};
    answer(out, yes, sizeof(yes), POLYFS_YES);
    answer(out, no, sizeof(no), POLYFS_NO);
}

/* What a hierarchical namespace has that a flat one has not, and the reverse. A container is emptied name by name. */
static void answers_of_lake(struct polyfs_caps *out, uint8_t lake, int is_container)
{
    static const uint8_t more[] = {POLYFS_FACT_REAL_DIRS,         POLYFS_FACT_RENAME,     POLYFS_FACT_RENAME_ATOMIC,
                                   POLYFS_FACT_RENAME_NO_REPLACE, POLYFS_FACT_RENAME_DIR, POLYFS_FACT_REMOVE_TREE};
    static const uint8_t less[] = {POLYFS_FACT_FLAT_LIST, POLYFS_FACT_ORDERED_LIST, POLYFS_FACT_REMOVE_MANY,
                                   POLYFS_FACT_VERSIONS};
    answer(out, more, sizeof(more), lake);
    if (lake == POLYFS_YES)
        answer(out, less, sizeof(less), POLYFS_NO);
    if (lake == POLYFS_YES && is_container)
        out->fact[POLYFS_FACT_REMOVE_TREE] = POLYFS_NO;
}

static void limits(const struct abfs_fs *fs, struct polyfs_caps *out)
{
    out->put_max = ABFS_PUT_MAX;
    out->part_max = ABFS_PART_MAX;
    out->parts_max = ABFS_PARTS_MAX;
    out->object_max = ABFS_PARTS_MAX * ABFS_PART_MAX;
    out->copy_max = fs->auth.kind == ABFS_TOKEN ? ABFS_SYNC_COPY_MAX : 0;
    out->remove_many_max = ABFS_BATCH_MAX;
    out->list_page_max = 5000;
    out->metadata_max = ABFS_METADATA_MAX;
    out->cancel_bound_ms = 100;
    out->mtime_resolution_ns = 1000000000;
    out->stored_checksums = POLYFS_CHECKSUM_MD5;
    out->shapes = POLYFS_SHAPE_PUT | POLYFS_SHAPE_PARTS;
    out->condition_shapes = out->shapes;
}

static int versions_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    uint8_t *versions = arg;
    (void)text;
    (void)size;
    (void)err;
    if (strcmp(path, "EnumerationResults/Blobs/Blob/VersionId") == 0)
        *versions = POLYFS_YES;
    else if (strcmp(path, "EnumerationResults") == 0 && *versions == POLYFS_UNKNOWN)
        *versions = POLYFS_NO; /* none is kept yet: a write will tell */
    return POLYFS_OK;
}

/* Whose server it is, of what kind the account is, and whether it keeps versions: does a listing show one? Who may not list is not told, and it stays unknown. */
static int probe(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                 struct polyfs_error *err)
{
    struct ps_target container = *target;
    struct abfs_request r;
    uint8_t versions = POLYFS_UNKNOWN;
    int rc = abfs_learn_profile(fs, call, target, err);
    if (rc == POLYFS_OK)
        rc = abfs_lake_probe(fs, call, target, err);
    if (rc != POLYFS_OK || abfs_lake(fs) == POLYFS_YES || abfs_versions(fs) != POLYFS_UNKNOWN ||
        abfs_traits[abfs_profile(fs)].versions == POLYFS_NO)
        return rc;
    container.key_len = 0;
    abfs_request_init(&r, "GET", &container);
    abfs_query(&r, "restype", "container");
    abfs_query(&r, "comp", "list");
    abfs_query(&r, "include", "versions");
    abfs_query(&r, "maxresults", "1");
    rc = abfs_send_xml(fs, call, &r, versions_element, &versions, "EnumerationResults", err);
    if (rc == POLYFS_OK)
        abfs_versions_set(fs, versions);
    return rc == POLYFS_PERMISSION ? POLYFS_OK : rc;
}

int abfs_caps(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, uint32_t flags,
              struct polyfs_caps *out, struct polyfs_error *err)
{
    struct abfs_fs *fs = self;
    struct ps_target target;
    if (flags & ~POLYFS_CAPS_PROBE)
        return polyfs_fail(err, POLYFS_UNSUPPORTED, "a flag is not known");
    int has_container = path_len && abfs_target(path, path_len, 0, &target, NULL) == POLYFS_OK;
    int rc = flags & POLYFS_CAPS_PROBE && has_container ? probe(fs, call, &target, err) : POLYFS_OK;
    if (rc != POLYFS_OK)
        return rc;
    const struct abfs_traits *traits = &abfs_traits[abfs_profile(fs)];
    answers_of_all(out);
    limits(fs, out);
    out->fact[POLYFS_FACT_COPY_PART] = traits->copy_part;
    out->fact[POLYFS_FACT_REMOVE_MANY] = traits->batch;
    out->fact[POLYFS_FACT_VERSIONS] = traits->versions == POLYFS_NO ? POLYFS_NO : abfs_versions(fs);
    out->fact[POLYFS_FACT_SIGN_GET] = out->fact[POLYFS_FACT_SIGN_PUT] =
        fs->auth.kind == ABFS_KEY ? POLYFS_YES : POLYFS_NO;
    answers_of_lake(out, abfs_lake(fs), has_container && !target.key_len);
    out->path_max = has_container ? ABFS_KEY_MAX + 1 + (uint32_t)target.bucket_len : 0;
    snprintf(out->limit_key, sizeof(out->limit_key), "%.120s", fs->account);
    return POLYFS_OK;
}
