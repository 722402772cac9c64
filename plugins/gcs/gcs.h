/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the gcs plugin share. A slot makes a struct gcs_request, client.c sends it, errors.c tells what a
 * refusal means, result.c reads an answer that is JSON. docs/adr/0001-slots.md says for each slot which request it is.
 */
#ifndef GCS_H
#define GCS_H

#include "plugins/support/answer.h"
#include "plugins/support/config.h"
#include "plugins/support/creds.h"
#include "plugins/support/http.h"
#include "plugins/support/json.h"
#include "plugins/support/lock.h"
#include "plugins/support/multipart.h"
#include "plugins/support/refusal.h"
#include "plugins/support/url.h"
#include "plugins/support/words.h"

#define GCS_QUERY_MAX 16
#define GCS_HEADERS_MAX 24
#define GCS_BUCKETS_MAX 64
#define GCS_METADATA_MAX 8192 /* names and values */
#define GCS_KEY_MAX 1024
#define GCS_CHUNK (UINT64_C(256) << 10)
#define GCS_OBJECT_MAX (UINT64_C(5) << 40)
#define GCS_PART_MIN (UINT64_C(5) << 20)
#define GCS_PART_MAX (UINT64_C(5) << 30)
#define GCS_REMOVE_MANY_MAX 100
#define GCS_SLOW_MS 120000 /* copies work for long before they answer */
#define GCS_FIELDS                                                                                                 \
    "name,bucket,size,updated,timeDeleted,generation,metageneration,contentType,storageClass,crc32c,md5Hash,"      \
    "metadata"

/* What is known of the server: option provider, the endpoint, or a header that Google's own puts into every answer. */
enum gcs_profile {
    GCS_UNKNOWN,
    GCS_GOOGLE,
    GCS_OTHER, /* said not to be Google's: fake-gcs-server and its like */
};

/* What was said at open of who we are; texts borrowed of the filesystem. */
struct gcs_auth {
    const char *token;       /* a token as it is */
    const char *file;        /* that somebody named: it must be there */
    const char *well_known;  /* of gcloud: it may be there */
    const char *impersonate; /* account to act as */
    const char *scope;
    const char *metadata_host; /* NULL: the one of Google's machines */
    int ask_metadata;
    int allow_http;
    int signs; /* it is a service account with its key */
};

/* What can be learned of a bucket: each an enum polyfs_answer. */
enum gcs_learned {
    GCS_VERSIONS, /* it keeps them */
    GCS_REMOVES,  /* we may remove objects */
    GCS_LEARNED
};

struct gcs_bucket {
    char name[256];
    uint8_t answers[GCS_LEARNED];
};

struct gcs_fs {
    /* immutable after open */
    struct ps_http *http;
    struct ps_http *near_http; /* to this machine's metadata server: no proxy, and no patience */
    struct ps_endpoint endpoint;
    struct gcs_auth auth;
    struct ps_creds *creds; /* NULL: anonymous */
    const char *project, *user_project, *location, *acl, *storage_class, *kms_key;
    struct ps_texts texts; /* what the members above point to */

    pthread_mutex_t mu; /* held inside fork sections only */
    /* guarded by mu */
    enum gcs_profile profile;
    struct gcs_bucket buckets[GCS_BUCKETS_MAX];
    unsigned bucket_count, bucket_next; /* the one that gives way when there are more */
};

/* Where a request goes below the endpoint. */
enum gcs_place {
    GCS_BUCKETS, /* /storage/v1/b */
    GCS_BUCKET,  /* /storage/v1/b/{bucket} */
    GCS_OBJECTS, /* /storage/v1/b/{bucket}/o */
    GCS_OBJECT,  /* /storage/v1/b/{bucket}/o/{key} */
    GCS_UPLOAD,  /* /upload/storage/v1/b/{bucket}/o */
    GCS_BATCH,   /* /batch/storage/v1 */
    GCS_XML,     /* /{bucket}/{key}: of the XML API */
    GCS_SESSION  /* the URL that the store gave an upload */
};

struct gcs_request {
    struct ps_http_request http; /* its URL and its headers are put there when it is sent */
    enum gcs_place place;
    struct ps_target target;
    const struct ps_target *rewrite_to; /* OBJECT: /rewriteTo/b/{bucket}/o/{key} behind it */
    int compose;                        /* OBJECT: /compose behind it */
    const char *session;                /* SESSION: its URL */
    struct ps_query query[GCS_QUERY_MAX];
    unsigned query_count;
    struct ps_header headers[GCS_HEADERS_MAX]; /* http.header_count of them; values borrowed */
    int also_good;                             /* a status that is no failure, beside 2xx */
};

/* ---- config.c ---- */
extern const struct polyfs_option gcs_options[];
extern const uint32_t gcs_option_count;
int gcs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
             void **out, struct polyfs_error *err);
void gcs_close(void *fs);

/* ---- auth.c: who we are ---- */
/* Reads the files that are named, so that a mistake is told at open; sends nothing. */
int gcs_auth_load(struct gcs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err);
/* A token to send, due to ps_creds_release(); NULL when anonymous. */
int gcs_auth_token(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_keys **out,
                   struct polyfs_error *err);

/* The document of the service account that signs, due to json_decref(), whatever comes back. */
int gcs_auth_account(struct gcs_fs *fs, json_t **out, struct polyfs_error *err);

/* ---- token.c: how a token is got ---- */
/* Of a document of credentials: 1 with @out filled, or a code. @file names it in errors. */
int gcs_token_of(struct gcs_fs *fs, struct polyfs_call *call, const json_t *document, const char *file,
                 struct ps_keys *out, struct polyfs_error *err);
/* RS256 (RFC 7518, 3.3) of a text with the key of a service account. CONFIG when that is none. */
int gcs_rs256(const char *pem, const struct ps_buf *text, unsigned char sum[1024], size_t *n,
              struct polyfs_error *err);
/* Whether a document of credentials is one that gcs_token_of() can use; CONFIG with what is wrong. Asks nobody. */
int gcs_token_check(const json_t *document, const char *file, struct polyfs_error *err);
/* Of the metadata server of a machine of Google's: 1, 0 when this is none, or a code. */
int gcs_token_of_machine(struct gcs_fs *fs, struct polyfs_call *call, struct ps_keys *out,
                         struct polyfs_error *err);
/* Instead of the token in @keys one of the account at @url. 1 or a code. */
int gcs_token_impersonate(struct gcs_fs *fs, struct polyfs_call *call, const char *url, const json_t *delegates,
                          struct ps_keys *keys, struct polyfs_error *err);

/* ---- client.c ---- */
/* INVALID for a path that names no bucket, or one that cannot be; @need_key: and no key. */
int gcs_target(const char *path, uint64_t path_len, int need_key, struct ps_target *out, struct polyfs_error *err);
void gcs_request_init(struct gcs_request *r, const char *method, enum gcs_place place,
                      const struct ps_target *target);
/* A NULL value adds nothing. */
void gcs_query(struct gcs_request *r, const char *name, const char *value);
void gcs_header(struct gcs_request *r, const char *name, const char *value);
/*
 * Sends it, once, and turns a refusal into an error. Status 2xx or also_good: POLYFS_OK, and the answer is due to ps_http_clear().
 * When there is another token by now the error is RETRY_LEARNED.
 */
int gcs_send(struct gcs_fs *fs, struct polyfs_call *call, struct gcs_request *r, struct ps_http_connection **out,
             struct polyfs_error *err);
/* Is it known to be Google's own? What only that does is not tried elsewhere. */
int gcs_is_google(struct gcs_fs *fs);
/* What was learned of a bucket; and to learn it. */
uint8_t gcs_bucket_answer(struct gcs_fs *fs, const struct ps_target *target, enum gcs_learned what);
void gcs_bucket_learn(struct gcs_fs *fs, const struct ps_target *target, enum gcs_learned what, uint8_t answer);

/* ---- errors.c ---- */
/* What an answer that is no success means: code, retry class, words; the store's own reason and request id. */
int gcs_refused(const struct ps_http_connection *answer, struct polyfs_error *err);
/* The same of a part of a batch. */
int gcs_refused_part(int status, const char *body, uint64_t size, struct polyfs_error *err);

/* ---- result.c: answers that are JSON, or XML ---- */
struct gcs_result {
    struct ps_buf text;
    json_t *root; /* an object, once gcs_send_json() succeeded */
};
/* Sends, and reads the answer, which is due to gcs_result_clear(), whatever comes back. */
int gcs_send_json(struct gcs_fs *fs, struct polyfs_call *call, struct gcs_request *r, struct gcs_result *out,
                  struct polyfs_error *err);
void gcs_result_clear(struct gcs_result *result);
/* Sends, and reads an answer that is XML with this root; @element may be NULL. *answer is due to ps_http_clear(). */
int gcs_send_xml(struct gcs_fs *fs, struct polyfs_call *call, struct gcs_request *r, const char *root,
                 ps_xml_element *element, void *arg, struct ps_http_connection **answer, struct polyfs_error *err);
/* Makes @result the sink of a request of another's. */
void gcs_result_sink(struct gcs_result *result, struct gcs_request *r);
/* Size, times, generation, checksum, ... of an object resource; user metadata too if wanted. */
int gcs_stat_of(const json_t *object, struct polyfs_stat *out, struct polyfs_pairs *meta, struct polyfs_error *err);
/* What a write answers, into @out, which may be NULL. UNCLEAR when it names no generation. */
int gcs_written(const json_t *object, struct polyfs_stat *out, struct polyfs_error *err);
/* The four bytes of a CRC32C in base64. */
int gcs_crc32c_parse(const char *text, struct polyfs_checksum *out);

/* ---- read.c ---- */
int gcs_stat_object(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                    const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                    struct polyfs_error *err);
/* What headers of an answer tell of an object: no size, and no etag where they do not name its generation. */
void gcs_stat_of_headers(const struct ps_http_connection *answer, struct polyfs_stat *out);
/* Can it be a generation? Else nothing has this etag. */
int gcs_is_generation(const char *text);
/* NOT_FOUND for a version that nothing can have. @version may be NULL. */
int gcs_check_version(const char *version, struct polyfs_error *err);

/* ---- write.c ---- */
/* A CRC32C in base64, or "". */
struct gcs_sum {
    char text[12];
};
void gcs_sum_text(uint32_t crc, struct gcs_sum *out);
int gcs_sum_given(const struct polyfs_checksum *given, struct gcs_sum *out, struct polyfs_error *err);
/* The caller's, else one that is made. */
int gcs_sum_of(const void *data, uint64_t size, const struct polyfs_checksum *given, struct gcs_sum *out,
               struct polyfs_error *err);
/* The number in a checksum that is a CRC32C. */
uint32_t gcs_crc32c_of(const struct polyfs_checksum *sum);
/* Is what the store tells what was sent? CORRUPT, applied. What one of them does not say is not looked at. */
int gcs_check_sum_of(const struct polyfs_checksum *kept, const struct gcs_sum *sent, struct polyfs_error *err);
/*
 * What a write says as headers of the XML API, into @r, pointing into @texts. 1; 0: they cannot carry all of it; or a code for
 * what no write can say.
 */
int gcs_xml_headers(struct gcs_fs *fs, const struct ps_target *target, const struct polyfs_put_request *request,
                    struct gcs_request *r, struct ps_buf *texts, struct polyfs_error *err);
/* The object resource of a write as JSON: name, content type, metadata, pass-through options, checksum. @sum may be NULL. */
int gcs_resource(struct gcs_fs *fs, const struct ps_target *target, const struct polyfs_put_request *request,
                 const struct gcs_sum *sum, struct gcs_request *r, struct ps_buf *out, struct polyfs_error *err);
/* "metadata":{...} of it alone, with null for names of @old that are to go, which may be NULL. */
int gcs_metadata_json(const struct polyfs_put_request *request, const json_t *old, struct ps_buf *out,
                      struct polyfs_error *err);
/* Conditions of a write; not POLYFS_OK when they are lost already. */
int gcs_write_conditions(struct gcs_request *r, const struct polyfs_condition *condition, struct polyfs_error *err);
/* What losing a condition is called: EXISTS, CONDITION, or @rc as it is. */
int gcs_lost(int rc, const struct polyfs_condition *condition, struct polyfs_error *err);
/* Does the store hold what was sent? CORRUPT. */
int gcs_check_sum(const json_t *object, const struct gcs_sum *sent, struct polyfs_error *err);

/* ---- upload.c ---- */
struct gcs_upload {
    struct gcs_fs *fs;
    struct ps_target target; /* what the caller writes */
    struct ps_target made;   /* what the parts make: the target, or the temporary object */
    const char *id;          /* as the store has it */
    int staged;
    char temporary[GCS_KEY_MAX + 1];
};
/* Of a path and the id that core sees, or NULL. Points into itself. */
int gcs_upload_load(struct gcs_upload *u, struct gcs_fs *fs, const char *path, uint64_t path_len, const char *id,
                    struct polyfs_error *err);

/* ---- uploads.c ---- */
__typeof__(*((struct polyfs_upload_ops *)0)->list_parts) gcs_uploads_parts;
__typeof__(*((struct polyfs_upload_ops *)0)->is_ours) gcs_uploads_is_ours;
__typeof__(*((struct polyfs_upload_ops *)0)->list) gcs_uploads_list;

/* The slots, by file. */
extern const struct polyfs_fs_ops gcs_fs_ops;
extern const struct polyfs_lister_ops gcs_lister_ops;
extern const struct polyfs_upload_ops gcs_upload_ops;
extern const struct polyfs_stream_ops gcs_stream_ops;
#define GCS_SLOT(slot) __typeof__(*((struct polyfs_fs_ops *)0)->slot) gcs_##slot
GCS_SLOT(caps);
GCS_SLOT(stat);
GCS_SLOT(get);
GCS_SLOT(put);
GCS_SLOT(remove);
GCS_SLOT(remove_many);
GCS_SLOT(copy);
GCS_SLOT(set_metadata);
GCS_SLOT(sign);
GCS_SLOT(after_fork);

#endif
