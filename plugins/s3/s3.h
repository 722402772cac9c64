/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the s3 plugin share. A slot makes a struct s3_request, client.c signs and sends it, errors.c tells
 * what a refusal means. docs/adr/0001-slots.md says for each slot which request it is.
 */
#ifndef S3_H
#define S3_H

#include "plugins/support/answer.h"
#include "plugins/support/config.h"
#include "plugins/support/creds.h"
#include "plugins/support/http.h"
#include "plugins/support/lock.h"
#include "plugins/support/multipart.h"
#include "plugins/support/refusal.h"
#include "plugins/support/sigv4.h"
#include "plugins/support/url.h"
#include "plugins/support/words.h"

#define S3_QUERY_MAX 12
#define S3_HEADERS_MAX 48
#define S3_BUCKETS_MAX 64
#define S3_PART_MIN (UINT64_C(5) << 20)
#define S3_METADATA_MAX 2048 /* names and values */
#define S3_PUT_MAX (UINT64_C(5) << 30)
#define S3_SLOW_MS 120000 /* Complete and copies work for long before they answer */

/* What is known of the server: its own Server header, or option provider. */
enum s3_profile {
    S3_UNKNOWN,
    S3_AWS,
    S3_MINIO,
    S3_VERSITYGW,
    S3_SEAWEEDFS,
    S3_CEPH,
    S3_R2,
    S3_OTHER, /* said to be none of these */
    S3_PROFILES
};

struct s3_traits {
    const char *name;         /* of option provider */
    const char *server;       /* how its Server header begins, or NULL */
    uint8_t conditions;       /* enum polyfs_answer: If-None-Match and If-Match on writes and on Complete */
    uint8_t remove_condition; /* If-Match on DELETE */
    uint8_t copy_condition;   /* conditions on the target of a copy */
    uint8_t ordered;          /* listings are in byte order of the key, and start behind one */
    uint32_t flags;           /* S3_... */
    uint32_t
        checksum; /* POLYFS_CHECKSUM_...: which it verifies at the least cost to itself; NONE: it may verify none */
    uint32_t name_max;
    const char *not_in_keys; /* bytes that it takes for others */
};
#define S3_UPLOADS_BY_PREFIX 2u    /* lists unfinished uploads by prefix */
#define S3_EQUAL_PARTS 4u          /* all parts of an upload must have one size, but the last */
#define S3_KEYS_ARE_PATHS 8u       /* `.`, `..` and `//` in keys mean folders to it */
#define S3_PLAIN_XML 16u           /* lists keys as XML can carry them, and others wrong */
#define S3_DROPS_EMPTY 32u         /* metadata without a value is gone */
#define S3_NO_BYTES_IN_FOLDERS 64u /* a key that ends in '/' is a folder, and its bytes are gone */
extern const struct s3_traits s3_traits[S3_PROFILES];

/* What was said at open of who we are; texts borrowed of the filesystem. */
struct s3_auth {
    const char *id, *secret, *token;            /* of options or environment */
    const char *profile, *config, *credentials; /* name; files */
    const char *unspoken;                       /* a source of the environment that this release does not speak */
    int allow_http;
};

/* What was learned of a bucket. */
struct s3_bucket {
    char name[64];
    char region[32];  /* "": the filesystem's */
    uint8_t versions; /* enum polyfs_answer */
};

struct s3_fs {
    /* immutable after open */
    struct ps_http *http;
    struct ps_endpoint endpoint;
    int custom; /* the user named the endpoint */
    int virtual_hosts;
    const char *region;
    struct s3_auth auth;
    struct ps_creds *creds; /* NULL: anonymous */
    int requester_pays, sign_payload, checksums_wanted;
    const char *acl, *storage_class, *tagging, *sse, *sse_kms_key;
    const char *sse_key, *sse_key_md5; /* SSE-C, both base64 */
    struct ps_texts texts;             /* what the members above point to */

    pthread_mutex_t mu; /* held inside fork sections only */
    /* guarded by mu */
    enum s3_profile profile;
    int was_answered; /* so a profile that is unknown stays so */
    int64_t clock_offset_s;
    int clock_is_learned;
    struct s3_bucket buckets[S3_BUCKETS_MAX];
    unsigned bucket_count, bucket_next; /* the one that gives way when there are more */
    char derived[32], derived_day[9], derived_region[32];
    uint64_t derived_serial; /* of the keys it was derived of */
};

struct s3_request {
    struct ps_http_request http; /* its URL and its headers are put there when it is sent */
    struct ps_target target;
    struct ps_query query[S3_QUERY_MAX];
    unsigned query_count;
    struct ps_header headers[S3_HEADERS_MAX]; /* http.header_count of them; values borrowed */
    char *texts;                              /* owned: names and values of metadata */
    char *source;                             /* owned: of a copy */
    char sum[16];                             /* base64 of a checksum */
};

/* ---- config.c ---- */
extern const struct polyfs_option s3_options[];
extern const uint32_t s3_option_count;
int s3_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
            void **out, struct polyfs_error *err);
void s3_close(void *fs);

/* ---- auth.c: who we are ---- */
int s3_auth_load(struct s3_fs *fs, const struct polyfs_options *options, struct polyfs_error *err);
/* Keys to sign with, due to ps_creds_release(); NULL when anonymous. */
int s3_auth_keys(struct s3_fs *fs, struct polyfs_call *call, const struct ps_keys **out, struct polyfs_error *err);
/* Endpoint and region of the profile; NULL where it names none. */
int s3_auth_profile_text(struct s3_fs *fs, const char **out_endpoint, const char **out_region,
                         struct polyfs_error *err);

/* ---- client.c ---- */
/* INVALID for a path that names no bucket, or one that cannot be; @need_key: and no key. */
int s3_target(const struct s3_fs *fs, const char *path, uint64_t path_len, int need_key, struct ps_target *out,
              struct polyfs_error *err);
void s3_request_init(struct s3_request *r, const char *method, const struct ps_target *target);
void s3_request_clear(struct s3_request *r);
/* A NULL value adds nothing. */
void s3_query(struct s3_request *r, const char *name, const char *value);
void s3_header(struct s3_request *r, const char *name, const char *value);
/* The header of a checksum, base64. */
void s3_checksum_header(struct s3_request *r, const struct polyfs_checksum *sum);
/*
 * Signs, sends, and turns a refusal into an error. Status 2xx: POLYFS_OK, and the answer is due to ps_http_clear().
 * What was learned on the way (region, clock) makes the error RETRY_LEARNED.
 */
int s3_send(struct s3_fs *fs, struct polyfs_call *call, struct s3_request *r, struct ps_http_connection **out,
            struct polyfs_error *err);
/* Fully signed URL of a request without a body. */
int s3_presign(struct s3_fs *fs, struct polyfs_call *call, const char *method, const struct ps_target *target,
               uint32_t life_s, struct ps_buf *out, struct polyfs_error *err);
enum s3_profile s3_profile(struct s3_fs *fs);
/* Whose server it is, if nothing was ever asked of it: one HEAD of the bucket, for its Server header. */
int s3_learn_profile(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                     struct polyfs_error *err);
/* What was learned of a bucket; and to learn whether it keeps versions. */
void s3_bucket_get(struct s3_fs *fs, const struct ps_target *target, struct s3_bucket *out);
void s3_bucket_versions(struct s3_fs *fs, const struct ps_target *target, uint8_t versions);
/* UNSUPPORTED unless the server is known to honour conditions on writes. */
int s3_settle_conditions(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                         struct polyfs_error *err);

/* ---- errors.c ---- */
/* What an answer that is no 2xx means: code, retry class, words; the store's own code and request id. */
int s3_refused(const struct ps_http_connection *answer, struct polyfs_error *err);
/* The store's own code of a refusal without a body, which HEAD is given: MinIO tells it in a header. "" elsewhere. */
const char *s3_refusal_header(const struct ps_http_connection *answer);
/* The same for an error document inside a 200: commit state unknown. */
int s3_error_in_body(const char *code, const char *message, struct polyfs_error *err);

/* ---- read.c ---- */
/* Size, times, etag, checksum, ... of the headers of an answer; user metadata too if wanted. */
int s3_stat_of(const struct ps_http_connection *answer, struct polyfs_stat *out, struct polyfs_pairs *meta,
               struct polyfs_error *err);

/* ---- write.c ---- */
/* Content type, metadata, pass-through options of a write. */
int s3_write_headers(struct s3_fs *fs, struct s3_request *r, const struct polyfs_put_request *request,
                     struct polyfs_error *err);
/* Conditions of a write. */
void s3_write_conditions(struct s3_request *r, const struct polyfs_condition *condition);
/* What losing a condition is called: EXISTS, CONDITION, or @rc as it is. */
int s3_lost(int rc, const struct polyfs_condition *condition, struct polyfs_error *err);
/* INVALID where @size bytes under this key would be lost. */
int s3_check_size(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target, uint64_t size,
                  struct polyfs_error *err);
/* The checksum that goes with what we send: POLYFS_CHECKSUM_NONE where the store would not look at it. Of a server that was
 * never asked anything s3_settle_checksums() tells. */
uint32_t s3_checksum_kind(struct s3_fs *fs);
void s3_settle_checksums(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target);
/* SSE-C, which reads and parts need too. */
void s3_sse_headers(const struct s3_fs *fs, struct s3_request *r);
/* The checksum that goes with @data: the caller's, else one of @kind. */
int s3_checksum_of(uint32_t kind, const void *data, uint64_t size, const struct polyfs_checksum *given,
                   struct polyfs_checksum *out, struct polyfs_error *err);
/* x-amz-copy-source and its conditions; the text is owned by the request. */
int s3_copy_source(const struct s3_fs *fs, struct s3_request *r, const struct polyfs_source *source,
                   struct polyfs_error *err);
/* A copy whose source was replaced is CHANGED. */
int s3_copy_lost(int rc, const struct polyfs_source *source, struct polyfs_error *err);
/* What a write answers: etag, version. */
void s3_written(const struct ps_http_connection *answer, uint64_t size, struct polyfs_stat *out);

/* ---- result.c: answers that are XML with one root and a few values ---- */
struct s3_result {
    struct ps_xml *xml;
    int begun;
    char root[48]; /* "Error" when the store says so inside a 200 */
    char etag[128];
    char code[64], message[384];
    char upload_id[1024];
};
/* Makes it the sink of a request; s3_result_end() is due then. */
int s3_result_begin(struct s3_result *result, struct s3_request *r, struct polyfs_error *err);
/* After s3_send(), whatever it returned in @rc: is the document whole, and of this root? Returns @rc or a failure. */
int s3_result_end(struct s3_result *result, int rc, const char *root, struct polyfs_error *err);

/* ---- manage.c ---- */
__typeof__(*((struct polyfs_upload_ops *)0)->list) s3_uploads_list;

/* The slots, by file. */
extern const struct polyfs_fs_ops s3_fs_ops;
extern const struct polyfs_lister_ops s3_lister_ops;
extern const struct polyfs_upload_ops s3_upload_ops;
#define S3_SLOT(slot) __typeof__(*((struct polyfs_fs_ops *)0)->slot) s3_##slot
S3_SLOT(caps);
S3_SLOT(stat);
S3_SLOT(get);
S3_SLOT(put);
S3_SLOT(remove);
S3_SLOT(remove_many);
S3_SLOT(copy);
S3_SLOT(set_metadata);
S3_SLOT(sign);
S3_SLOT(after_fork);

#endif
