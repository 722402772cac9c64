/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the abfs plugin share. A slot makes a struct abfs_request, client.c signs and sends it, errors.c tells
 * what a refusal means. docs/adr/0001-slots.md says for each slot which request it is.
 */
#ifndef ABFS_H
#define ABFS_H

#include "plugins/support/answer.h"
#include "plugins/support/config.h"
#include "plugins/support/creds.h"
#include "plugins/support/http.h"
#include "plugins/support/lock.h"
#include "plugins/support/refusal.h"
#include "plugins/support/url.h"
#include "plugins/support/words.h"
#include "plugins/support/xml.h"

#define ABFS_VERSION "2023-11-03" /* of the protocol: x-ms-version */
#define ABFS_ENVIRONMENT_MAX 16
#define ABFS_QUERY_MAX 12
#define ABFS_HEADERS_MAX 96
#define ABFS_KEY_MAX 1024      /* bytes of a blob's name */
#define ABFS_METADATA_MAX 8192 /* names and values */
#define ABFS_PUT_MAX (UINT64_C(5000) << 20)
#define ABFS_PART_MAX (UINT64_C(4000) << 20)
#define ABFS_PARTS_MAX 50000
#define ABFS_BATCH_MAX 256
#define ABFS_SYNC_COPY_MAX (UINT64_C(256) << 20)
#define ABFS_SUM_RANGE_MAX (UINT64_C(4) << 20) /* a longer range has no checksum of its own */
#define ABFS_SLOW_MS 120000                    /* copies and block lists work for long before they answer */

/* What is known of the server: its own Server header, or option provider. */
enum abfs_profile {
    ABFS_UNKNOWN,
    ABFS_AZURE,
    ABFS_AZURITE,
    ABFS_OTHER, /* said to be none of these */
    ABFS_PROFILES
};

struct abfs_traits {
    const char *name;   /* of option provider */
    const char *server; /* how its Server header begins, or NULL */
    uint8_t copy_part;  /* enum polyfs_answer: Put Block From URL */
    uint8_t versions;   /* NO where there are none at all */
    uint8_t batch;      /* Blob Batch */
    uint8_t crc64;      /* verifies x-ms-content-crc64 */
    uint8_t lake;       /* NO where no account has a hierarchical namespace */
};
extern const struct abfs_traits abfs_traits[ABFS_PROFILES];

/* How requests are authorized. */
enum abfs_kind { ABFS_ANON, ABFS_KEY, ABFS_SAS, ABFS_TOKEN };

/* What was said at open of who we are; texts borrowed of the filesystem. */
struct abfs_auth {
    enum abfs_kind kind;
    unsigned char key[128]; /* of the account, decoded */
    unsigned key_bytes;
    const char *sas;                             /* query, without the '?' */
    const char *chosen;                          /* option credential, which of the sources of tokens; NULL: all */
    const char *token;                           /* one that was given as it is */
    const char *tenant, *client, *secret, *file; /* service principal, workload identity */
    const char *authority;                       /* where Entra ID is */
    const char *identity, *identity_header, *machine; /* managed identity: App Service's, and the machine's */
    const char *path;                                 /* where the az command is looked for */
    const char *environment[ABFS_ENVIRONMENT_MAX];    /* of it: NAME=value, then NULL */
    int allow_http;
};

struct abfs_fs {
    /* immutable after open */
    struct ps_http *http;
    struct ps_http
        *near_http; /* to this machine's metadata service, which answers at once or is not there: no proxy */
    struct ps_endpoint endpoint;
    struct ps_endpoint lake_endpoint; /* Data Lake's; its host is "" when nobody knows it */
    const char *account;
    struct abfs_auth auth;
    struct ps_creds *creds; /* of ABFS_TOKEN */
    int checksums_wanted;   /* 1 always, -1 never, 0 where the server is known to verify them */
    const char *access_tier;
    struct ps_texts texts; /* what the members above point to */

    pthread_mutex_t mu; /* held inside fork sections only */
    /* guarded by mu */
    enum abfs_profile profile;
    int was_answered; /* so a profile that is unknown stays so */
    int64_t clock_offset_s;
    uint8_t versions; /* enum polyfs_answer, of the account */
    uint8_t lake;     /* the same: has it a hierarchical namespace? */
};

struct abfs_request {
    struct ps_http_request http; /* its URL and its headers are put there when it is sent */
    struct ps_target target;     /* the container is its bucket */
    int at_lake;                 /* goes to the Data Lake endpoint */
    struct ps_query query[ABFS_QUERY_MAX];
    unsigned query_count;
    struct ps_header headers[ABFS_HEADERS_MAX]; /* http.header_count of them; values borrowed */
    char *texts;                                /* owned: names and values of metadata */
    char *source;                               /* owned: of a copy */
    char *bearer;                               /* owned: the token for a copy's source */
    char sum[32];                               /* base64 of a checksum */
};

/* ---- config.c ---- */
extern const struct polyfs_option abfs_options[];
extern const uint32_t abfs_option_count;
int abfs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
              void **out, struct polyfs_error *err);
void abfs_close(void *fs);

/* ---- connection.c: connection strings, and which account and server is meant ---- */
struct abfs_connection {
    char *account, *key, *sas, *endpoint, *lake_endpoint, *suffix, *scheme,
        *text;    /* text is owned; the others are within it, or NULL */
    size_t bytes; /* of text */
    int is_emulator;
};
/* CONFIG for a text that is none. Due to abfs_connection_clear(). */
int abfs_connection_parse(const char *text, struct abfs_connection *out, struct polyfs_error *err);
void abfs_connection_clear(struct abfs_connection *c);
/* Fills account and endpoint of the filesystem. */
int abfs_endpoint_load(struct abfs_fs *fs, const struct polyfs_options *options, const struct abfs_connection *c,
                       struct polyfs_error *err);
extern const char abfs_emulator_account[], abfs_emulator_key[];

/* ---- auth.c: who we are ---- */
int abfs_auth_load(struct abfs_fs *fs, const struct polyfs_options *options, const struct abfs_connection *c,
                   struct polyfs_error *err);
/* A token, due to ps_creds_release(); NULL where none is used. Refuses to send secrets in the clear. */
int abfs_auth_token(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_keys **out,
                    struct polyfs_error *err);
/* Whether the SAS says that it has ended, by this machine's clock, and when. */
int abfs_sas_is_over(const struct abfs_fs *fs, char end[64]);

/* ---- token.c, command.c: sources of tokens ---- */
extern const struct ps_source abfs_token_sources[];
extern const unsigned abfs_token_source_count;
int abfs_token_none(void *fs, struct polyfs_error *err);
/* Is this source one of those that option credential leaves? */
int abfs_token_is_chosen(const struct abfs_fs *fs, const char *name);
/* Of the az command, as a source. */
int abfs_token_of_command(void *fs, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err);

/* ---- sharedkey.c ---- */
/* HMAC-SHA256 of a text with the account's key, in base64. */
int abfs_hmac(const unsigned char *key, unsigned key_bytes, const struct ps_buf *text, struct ps_buf *out,
              struct polyfs_error *err);
/*
 * Adds the value of the Authorization header. @path as it is sent; @query not encoded; @headers in lower case, sorted here;
 * a content-length is @body_bytes unless that is 0.
 */
int abfs_sharedkey(const unsigned char *key, unsigned key_bytes, const char *account, const char *method,
                   const char *path, struct ps_query *query, unsigned query_count, struct ps_header *headers,
                   unsigned header_count, uint64_t body_bytes, struct ps_buf *out, struct polyfs_error *err);

/* ---- client.c ---- */
/* INVALID for a path that names no container, or one that cannot be; @need_key: and no key. */
int abfs_target(const char *path, uint64_t path_len, int need_key, struct ps_target *out, struct polyfs_error *err);
void abfs_request_init(struct abfs_request *r, const char *method, const struct ps_target *target);
void abfs_request_clear(struct abfs_request *r);
/* A NULL value adds nothing. */
void abfs_query(struct abfs_request *r, const char *name, const char *value);
void abfs_header(struct abfs_request *r, const char *name, const char *value);
/*
 * Authorizes, sends, and turns a refusal into an error. Status 2xx: POLYFS_OK, and the answer is due to
 * ps_http_clear(). What was learned on the way (clock, a new token) makes the error RETRY_LEARNED.
 */
int abfs_send(struct abfs_fs *fs, struct polyfs_call *call, struct abfs_request *r, struct ps_http_connection **out,
              struct polyfs_error *err);
/* For requests whose answer says all in its head. */
int abfs_send_only(struct abfs_fs *fs, struct polyfs_call *call, struct abfs_request *r, struct polyfs_error *err);
/* URL of a target without a query: https://host/base/container/key. */
void abfs_url(const struct abfs_fs *fs, const struct ps_target *target, struct ps_buf *out);
enum abfs_profile abfs_profile(struct abfs_fs *fs);
/* Seconds since 1970 by the server's clock. */
int64_t abfs_now_s(struct abfs_fs *fs);
/* Whose server it is, if nothing was ever asked of it: one HEAD of the container, for its Server header. */
int abfs_learn_profile(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                       struct polyfs_error *err);
/* Whether the account has a hierarchical namespace, as far as an answer has told. */
uint8_t abfs_lake(struct abfs_fs *fs);
void abfs_lake_set(struct abfs_fs *fs, uint8_t lake);
/* Whether the account keeps versions, as an answer has told. */
uint8_t abfs_versions(struct abfs_fs *fs);
void abfs_versions_set(struct abfs_fs *fs, uint8_t versions);

/* ---- errors.c ---- */
/* What an answer that is no 2xx means: code, retry class, words; the store's own code and request id. */
int abfs_refused(const struct abfs_fs *fs, const struct ps_http_connection *answer, struct polyfs_error *err);
/* The same of a refusal within an answer. */
int abfs_refused_part(const struct abfs_fs *fs, int status, const char *native, struct polyfs_error *err);

/* ---- result.c: answers that are XML ---- */
/* Sends, and gives the answer's elements to @element as they end. CORRUPT when its root is not @root. */
int abfs_send_xml(struct abfs_fs *fs, struct polyfs_call *call, struct abfs_request *r, ps_xml_element *element,
                  void *arg, const char *root, struct polyfs_error *err);

/* ---- read.c ---- */
/* Size, times, etag, checksum, ... of the headers of an answer; user metadata too if wanted. */
int abfs_stat_of(const struct ps_http_connection *answer, struct polyfs_stat *out, struct polyfs_pairs *meta,
                 struct polyfs_error *err);

/* What is at a name: a blob, a folder, or with no key the container. @version and @meta may be NULL. */
int abfs_stat_object(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                     const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                     struct polyfs_error *err);

/* ---- metadata.c ---- */
/* x-ms-meta-NAME of each row of a write. */
int abfs_metadata_headers(struct abfs_request *r, const struct polyfs_put_request *request,
                          struct polyfs_error *err);
/* Hands over what the headers of an answer say. */
int abfs_metadata_give(const struct ps_http_connection *answer, struct polyfs_pairs *meta,
                       struct polyfs_error *err);

/* ---- write.c ---- */
/* Content type, metadata, pass-through options of a write. */
int abfs_write_headers(struct abfs_fs *fs, struct abfs_request *r, const struct polyfs_put_request *request,
                       struct polyfs_error *err);
/* Conditions of a write. */
void abfs_write_conditions(struct abfs_request *r, const struct polyfs_condition *condition);
/* What losing a condition is called: EXISTS, CONDITION, or @rc as it is. */
int abfs_lost(int rc, const struct polyfs_condition *condition, struct polyfs_error *err);
/* The checksum header that goes with @data: the caller's, else CRC64 where the store verifies it, else MD5. */
int abfs_checksum_header(struct abfs_fs *fs, struct abfs_request *r, const void *data, uint64_t size,
                         const struct polyfs_checksum *given, struct polyfs_error *err);
/* What a write answers: etag, version. NETWORK where it tells no etag. */
int abfs_written(struct abfs_fs *fs, const struct ps_http_connection *answer, uint64_t size,
                 struct polyfs_stat *out, struct polyfs_error *err);

/* ---- manage.c ---- */
/* x-ms-copy-source with what authorizes it; the texts are owned by the request. */
int abfs_copy_source(struct abfs_fs *fs, struct polyfs_call *call, struct abfs_request *r,
                     const struct polyfs_source *source, struct polyfs_error *err);
/* A copy whose source was replaced is CHANGED. */
int abfs_copy_lost(int rc, const struct polyfs_source *source, struct polyfs_error *err);

/* ---- lake.c: accounts with a hierarchical namespace ---- */
/* Asks whether this is one, if nothing has told yet. Who may not ask takes it for a flat one. */
int abfs_lake_probe(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                    struct polyfs_error *err);
/* Folders and one blob; what the slots do there. */
int abfs_lake_mkdir(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target, uint32_t flags,
                    struct polyfs_error *err);
int abfs_lake_rmdir(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                    struct polyfs_error *err);
int abfs_lake_remove(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                     const struct polyfs_condition *condition, struct polyfs_error *err);
/* As abfs_stat_object, but that a name that ends in '/' is a folder's there, with the '/' or without. */
int abfs_lake_stat(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                   const char *version, struct polyfs_stat *out, struct polyfs_pairs *meta,
                   struct polyfs_error *err);
/*
 * In front of what writes a blob: IS_DIR for a name that ends in '/', INVALID for one with an empty part. In front of what
 * reads one: of a name that ends in '/' IS_DIR, NOT_DIR or NOT_FOUND.
 */
int abfs_lake_check_write(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                          struct polyfs_error *err);
int abfs_lake_check_read(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                         struct polyfs_error *err);
/* IS_DIR where there is a folder, whatever its name: in front of what the service would do to one, too. */
int abfs_lake_check_blob(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                         struct polyfs_error *err);
/* NOT_DIR instead of NOT_FOUND where the name lies below a blob; @rc as it is else. */
int abfs_lake_absent(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target, int rc,
                     struct polyfs_error *err);

/* The slots, by file. */
extern const struct polyfs_fs_ops abfs_fs_ops;
extern const struct polyfs_lister_ops abfs_lister_ops;
extern const struct polyfs_upload_ops abfs_upload_ops;
extern const struct polyfs_stream_ops abfs_stream_ops;
#define ABFS_SLOT(slot) __typeof__(*((struct polyfs_fs_ops *)0)->slot) abfs_##slot
ABFS_SLOT(caps);
ABFS_SLOT(stat);
ABFS_SLOT(get);
ABFS_SLOT(put);
ABFS_SLOT(remove);
ABFS_SLOT(remove_many);
ABFS_SLOT(remove_tree);
ABFS_SLOT(copy);
ABFS_SLOT(rename);
ABFS_SLOT(set_metadata);
ABFS_SLOT(sign);
ABFS_SLOT(after_fork);

#endif
