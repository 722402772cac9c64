/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to its answer: URL, headers, signature, and what is learned of the server on the way: whose it is, its
 * clock, the region of a bucket. Learned is never guessed: it comes from an answer, and the call is sent again by core.
 */
#include <openssl/crypto.h>

#include "plugins/support/digest.h"
#include "s3.h"

#define CLOCK_OFFSET_MAX 86400 /* a server that is further off is not believed */
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static int is_bucket_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
}

static int check_bucket(const char *name, uint64_t n, struct polyfs_error *err)
{
    uint64_t plain = 0;
    while (plain < n && is_bucket_char(name[plain]))
        plain++;
    if (n == 0)
        return polyfs_fail(err, POLYFS_INVALID, "there is no bucket in it; write s3://bucket/key");
    if (plain < n || n < 3 || n >= sizeof(((struct s3_bucket *)0)->name) || name[0] == '.' ||
        memmem(name, n, "..", 2))
        return polyfs_fail(
            err, POLYFS_INVALID,
            "\"%.*s\" cannot be a bucket's name: 3 to 63 letters, digits, '-' and '.'; write s3://bucket/key",
            ps_target_shown(name, n), name);
    return POLYFS_OK;
}

int s3_target(const struct s3_fs *fs, const char *path, uint64_t path_len, int need_key, struct ps_target *out,
              struct polyfs_error *err)
{
    (void)fs;
    ps_target_split(path, path_len, out);
    int rc = check_bucket(path, out->bucket_len, err);
    if (rc == POLYFS_OK && need_key && !out->key_len)
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a bucket, not an object; write s3://bucket/key");
    if (rc == POLYFS_OK && !ps_utf8_valid(out->key, out->key_len))
        return polyfs_fail(err, POLYFS_INVALID, "its key is not UTF-8, and S3 takes no other");
    if (rc == POLYFS_OK && out->key_len > 1024)
        return polyfs_fail(err, POLYFS_INVALID, "its key has %llu bytes; S3 takes at most 1,024",
                           (unsigned long long)out->key_len);
    return rc;
}

/* ---- making requests --------------------------------------------------------------------------------------------- */

void s3_request_init(struct s3_request *r, const char *method, const struct ps_target *target)
{
    memset(r, 0, sizeof(*r));
    r->http.method = method;
    if (target)
        r->target = *target;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        r->http.flags = PS_HTTP_CHANGES;
}

void s3_request_clear(struct s3_request *r)
{
    ps_host->free(r->texts);
    ps_host->free(r->source);
    r->texts = r->source = NULL;
}

void s3_query(struct s3_request *r, const char *name, const char *value)
{
    if (value && r->query_count < S3_QUERY_MAX)
        r->query[r->query_count++] = (struct ps_query){name, value};
}

/* One row more than there is room for is seen in s3_send, as header_count over the maximum. */
void s3_header(struct s3_request *r, const char *name, const char *value)
{
    if (value && r->http.header_count < S3_HEADERS_MAX)
        r->headers[r->http.header_count] = (struct ps_header){name, value};
    r->http.header_count += value != NULL;
}

void s3_checksum_header(struct s3_request *r, const struct polyfs_checksum *sum)
{
    struct ps_buf text = {0};
    if (sum->kind == POLYFS_CHECKSUM_NONE)
        return;
    ps_buf_base64(&text, sum->value, sum->length);
    snprintf(r->sum, sizeof(r->sum), "%s", text.data ? text.data : "");
    ps_buf_clear(&text);
    s3_header(r, sum->kind == POLYFS_CHECKSUM_CRC32C ? "x-amz-checksum-crc32c" : "x-amz-checksum-crc64nvme",
              r->sum);
}

/* What one sending needs beside the request: made anew for each attempt, as time and region may be new. */
struct sending {
    const struct ps_keys *keys; /* NULL: anonymous */
    struct ps_signer signer;
    char date[17], host[360], hash[65];
    struct ps_buf url, path, query, authorization;
    uint64_t origin_bytes; /* of url: scheme and host */
};

static void sending_clear(const struct s3_fs *fs, struct sending *s)
{
    ps_creds_release(fs->creds, s->keys);
    ps_buf_clear(&s->url);
    ps_buf_clear(&s->path);
    ps_buf_clear(&s->query);
    ps_buf_clear(&s->authorization);
    OPENSSL_cleanse(s->signer.derived, sizeof(s->signer.derived));
}

/* A name with a dot has no certificate of Amazon's, so it goes into the path. */
static int in_host(const struct s3_fs *fs, const struct ps_target *t)
{
    if (!fs->virtual_hosts || !t->bucket_len || (fs->endpoint.tls && memchr(t->bucket, '.', t->bucket_len)))
        return 0;
    for (uint64_t i = 0; i < t->bucket_len; i++)
        if ((t->bucket[i] >= 'A' && t->bucket[i] <= 'Z') || t->bucket[i] == '_')
            return 0;
    return 1;
}

static struct s3_bucket *bucket_row_locked(struct s3_fs *fs, const struct ps_target *t, int make)
{
    for (unsigned i = 0; i < fs->bucket_count; i++)
        if (strlen(fs->buckets[i].name) == t->bucket_len &&
            memcmp(fs->buckets[i].name, t->bucket, t->bucket_len) == 0)
            return &fs->buckets[i];
    if (!make || t->bucket_len >= sizeof(fs->buckets[0].name))
        return NULL;
    unsigned at = fs->bucket_count < S3_BUCKETS_MAX ? fs->bucket_count++ : fs->bucket_next++ % S3_BUCKETS_MAX;
    fs->buckets[at] = (struct s3_bucket){.versions = POLYFS_UNKNOWN};
    memcpy(fs->buckets[at].name, t->bucket, t->bucket_len);
    return &fs->buckets[at];
}

void s3_bucket_get(struct s3_fs *fs, const struct ps_target *target, struct s3_bucket *out)
{
    ps_lock(&fs->mu);
    const struct s3_bucket *row = bucket_row_locked(fs, target, 0);
    *out = row ? *row : (struct s3_bucket){.versions = POLYFS_UNKNOWN};
    ps_unlock(&fs->mu);
}

void s3_bucket_versions(struct s3_fs *fs, const struct ps_target *target, uint8_t versions)
{
    ps_lock(&fs->mu);
    struct s3_bucket *row = bucket_row_locked(fs, target, 1);
    if (row)
        row->versions = versions;
    ps_unlock(&fs->mu);
}

/* Region of a bucket, and this server's time. The key of the day is kept, since to derive it costs as much as a signature. */
static int signer_load(struct s3_fs *fs, const struct ps_target *t, const struct ps_keys *keys, struct ps_signer *s,
                       char region[32], struct polyfs_error *err)
{
    char date[17];
    int rc = POLYFS_OK;
    snprintf(region, 32, "%s", fs->region);
    *s = (struct ps_signer){.service = "s3", .region = region};
    if (keys) {
        s->key_id = keys->id;
        s->secret = keys->secret;
        s->token = keys->token;
    }
    ps_lock(&fs->mu);
    const struct s3_bucket *row = bucket_row_locked(fs, t, 0);
    if (row && *row->region)
        memcpy(region, row->region, 32);
    s->time_s = ps_host->clock_ns(1) / 1000000000 + fs->clock_offset_s;
    ps_sigv4_date(s->time_s, date);
    date[8] = '\0';
    int kept = keys && fs->derived_serial == keys->serial && strcmp(fs->derived_day, date) == 0 &&
               strcmp(fs->derived_region, region) == 0;
    if (kept)
        memcpy(s->derived, fs->derived, sizeof(s->derived));
    ps_unlock(&fs->mu);
    s->derived_is_set = kept;
    if (!kept && keys) {
        rc = ps_sigv4_derive(s, err);
        ps_lock(&fs->mu);
        memcpy(fs->derived, s->derived, sizeof(fs->derived));
        memcpy(fs->derived_day, date, sizeof(fs->derived_day));
        memcpy(fs->derived_region, region, sizeof(fs->derived_region));
        fs->derived_serial = rc == POLYFS_OK ? keys->serial : 0;
        ps_unlock(&fs->mu);
    }
    return rc;
}

static void url_load(const struct s3_fs *fs, const struct ps_target *t, struct ps_query *query, unsigned count,
                     const char *region, struct sending *s)
{
    int host = in_host(fs, t);
    const char *authority = fs->endpoint.authority;
    char own[300];
    if (!fs->custom && strcmp(region, fs->region) != 0) { /* Amazon's name of a bucket's own region */
        snprintf(own, sizeof(own), "s3.%s.amazonaws.com%s", region, strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
        authority = own;
    }
    snprintf(s->host, sizeof(s->host), "%.*s%s%s", host ? (int)t->bucket_len : 0, t->bucket ? t->bucket : "",
             host ? "." : "", authority);
    ps_buf_text(&s->path, fs->endpoint.base);
    ps_buf_char(&s->path, '/');
    if (!host && t->bucket_len) {
        ps_url_encode(&s->path, t->bucket, t->bucket_len, 0);
        if (t->key_len)
            ps_buf_char(&s->path, '/');
    }
    ps_url_encode(&s->path, t->key, t->key_len, 1);
    ps_buf_text(&s->url, fs->endpoint.tls ? "https://" : "http://");
    ps_buf_text(&s->url, s->host);
    s->origin_bytes = s->url.size;
    ps_buf_add(&s->url, s->path.data, s->path.size);
    ps_buf_add(&s->query, "", 0);
    ps_url_query(&s->query, query, count);
    if (s->query.size) {
        ps_buf_char(&s->url, '?');
        ps_buf_add(&s->url, s->query.data, s->query.size);
    }
}

static int payload_hash(const struct s3_fs *fs, const struct s3_request *r, char out[65], struct polyfs_error *err)
{
    unsigned char sum[32];
    struct ps_buf hex = {0};
    if (!fs->sign_payload || !fs->creds) {
        snprintf(out, 65, "%s",
                 r->http.body_bytes || (r->http.flags & PS_HTTP_CHANGES) ? PS_SIGV4_UNSIGNED : EMPTY_SHA256);
        return POLYFS_OK;
    }
    int rc = ps_sha256(r->http.body ? r->http.body : "", r->http.body_bytes, sum, err);
    ps_buf_hex(&hex, sum, sizeof(sum));
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&hex, err);
    snprintf(out, 65, "%s", hex.data ? hex.data : "");
    ps_buf_clear(&hex);
    return rc;
}

/* Adds what every request has, and signs. */
static int sign(const struct s3_fs *fs, struct s3_request *r, struct sending *s, struct polyfs_error *err)
{
    int rc = payload_hash(fs, r, s->hash, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_sigv4_date(s->signer.time_s, s->date);
    if (fs->requester_pays)
        s3_header(r, "x-amz-request-payer", "requester");
    s3_header(r, "host", s->host);
    if (s->keys) {
        s3_header(r, "x-amz-date", s->date);
        s3_header(r, "x-amz-content-sha256", s->hash);
        s3_header(r, "x-amz-security-token", s->keys->token);
    }
    if (r->http.header_count + 1 > S3_HEADERS_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "there are more metadata and options than S3 takes");
    if (!s->keys)
        return POLYFS_OK;
    rc = ps_sigv4_header(&s->signer, r->http.method, s->path.data, s->query.data, r->headers, r->http.header_count,
                         &s->authorization, err);
    if (rc == POLYFS_OK)
        s3_header(r, "authorization", s->authorization.data);
    return rc;
}

/* ---- learning ----------------------------------------------------------------------------------------------------- */

enum s3_profile s3_profile(struct s3_fs *fs)
{
    ps_lock(&fs->mu);
    enum s3_profile profile = fs->profile;
    ps_unlock(&fs->mu);
    return profile;
}

static void learn_server(struct s3_fs *fs, const struct ps_http_connection *answer)
{
    const char *server = ps_http_header(answer, "server");
    enum s3_profile found = S3_UNKNOWN;
    if (s3_profile(fs) != S3_UNKNOWN)
        return;
    for (int p = S3_AWS; p < S3_PROFILES && server; p++)
        if (s3_traits[p].server && strncmp(server, s3_traits[p].server, strlen(s3_traits[p].server)) == 0)
            found = (enum s3_profile)p;
    ps_lock(&fs->mu);
    fs->profile = found;
    fs->was_answered = 1;
    ps_unlock(&fs->mu);
}

/* Another than the one that was signed for. Not than the one that is known: of many at once, one learns it first. */
static int learn_region(struct s3_fs *fs, const struct ps_target *t, const char *region, const char *signed_for)
{
    struct s3_bucket *row;
    if (!region || !*region || strlen(region) >= sizeof(row->region) || !t->bucket_len ||
        strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
        return 0;
    ps_lock(&fs->mu);
    row = bucket_row_locked(fs, t, 1);
    snprintf(row->region, sizeof(row->region), "%s", region);
    ps_unlock(&fs->mu);
    return strcmp(signed_for, region) != 0;
}

static int is_off(int64_t seconds)
{
    return seconds > 60 || seconds < -60;
}

/* The server's clock, from the Date of an answer that refused ours: is the time that was signed another? */
static int learn_clock(struct s3_fs *fs, const struct ps_http_connection *answer, int64_t signed_s)
{
    const char *date = ps_http_header(answer, "date");
    int64_t theirs = date ? ps_http_date(date) : INT64_MIN, ours = ps_host->clock_ns(1) / 1000000000;
    if (theirs == INT64_MIN || theirs - ours > CLOCK_OFFSET_MAX || ours - theirs > CLOCK_OFFSET_MAX)
        return 0;
    ps_lock(&fs->mu);
    if (is_off(theirs - ours - fs->clock_offset_s))
        fs->clock_offset_s = theirs - ours;
    ps_unlock(&fs->mu);
    return is_off(theirs - signed_s);
}

struct refusal {
    char code[64], region[32];
};

static int refusal_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct refusal *refusal = arg;
    (void)size;
    (void)err;
    if (strcmp(path, "Error/Code") == 0)
        snprintf(refusal->code, sizeof(refusal->code), "%s", text);
    if (strcmp(path, "Error/Region") == 0)
        snprintf(refusal->region, sizeof(refusal->region), "%s", text);
    return POLYFS_OK;
}

/* The keys are over: are there others by now? */
static int learn_keys(struct s3_fs *fs, struct polyfs_call *call, const struct ps_keys *keys, const char *code)
{
    static const char *const over[] = {"ExpiredToken", "TokenRefreshRequired", "InvalidAccessKeyId"};
    for (unsigned i = 0; keys && i < sizeof(over) / sizeof(over[0]); i++)
        if (strcmp(code, over[i]) == 0)
            return ps_creds_renew(fs->creds, call, keys);
    return 0;
}

/* Did this refusal teach us something with which the same call may work? */
static int learn(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *t, const struct sending *s,
                 const struct ps_http_connection *answer)
{
    struct refusal refusal = {{0}, {0}};
    uint64_t size = 0;
    const char *body = ps_http_error_body(answer, &size), *region = ps_http_header(answer, "x-amz-bucket-region");
    int status = ps_http_status(answer);
    if (size)
        ps_xml_read(body, size, refusal_element, &refusal, NULL);
    if (!*refusal.code)
        snprintf(refusal.code, sizeof(refusal.code), "%s", s3_refusal_header(answer));
    if (status == 301 || status == 307 || status == 400 || status == 403) {
        if (learn_region(fs, t, region ? region : refusal.region, s->signer.region))
            return 1;
    }
    return learn_keys(fs, call, s->keys, refusal.code) ||
           (strcmp(refusal.code, "RequestTimeTooSkewed") == 0 && learn_clock(fs, answer, s->signer.time_s));
}

/* ---- sending -------------------------------------------------------------------------------------------------------- */

static int exchange(struct s3_fs *fs, struct polyfs_call *call, struct s3_request *r, const struct sending *s,
                    struct ps_http_connection **out, struct polyfs_error *err)
{
    r->http.url = s->url.data;
    r->http.headers = r->headers;
    struct ps_http_connection *answer;
    int rc = ps_http_send(fs->http, call, &r->http, &answer, err);
    if (rc != POLYFS_OK)
        return rc;
    learn_server(fs, answer);
    int status = ps_http_status(answer);
    if (status >= 200 && status < 300) {
        *out = answer;
        return POLYFS_OK;
    }
    rc = s3_refused(answer, err);
    if (learn(fs, call, &r->target, s, answer) && err)
        err->retry = POLYFS_RETRY_LEARNED;
    ps_http_clear(fs->http, answer);
    return rc;
}

/* Has a key parts that a file system would resolve: empty, `.` or `..`? One '/' at the end is plain. */
static int has_folder_parts(const struct ps_target *t)
{
    for (uint64_t at = 0, n; at < t->key_len; at += n + 1) {
        const char *slash = memchr(t->key + at, '/', t->key_len - at);
        n = slash ? (uint64_t)(slash - t->key) - at : t->key_len - at;
        if (!n || (n == 1 && t->key[at] == '.') || (n == 2 && memcmp(t->key + at, "..", 2) == 0))
            return 1;
    }
    return 0;
}

/* On a server that keeps objects as files such a key would be another object. One that is not known is asked first. */
static int check_key(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *t,
                     struct polyfs_error *err)
{
    int in_xml = ps_xml_can_carry(t->key, t->key_len), parts = has_folder_parts(t);
    if (in_xml && !parts && !memchr(t->key, '\\', t->key_len))
        return POLYFS_OK;
    int rc = s3_learn_profile(fs, call, t, err);
    if (rc != POLYFS_OK)
        return rc;
    enum s3_profile profile = s3_profile(fs);
    if (!in_xml && s3_traits[profile].flags & S3_PLAIN_XML)
        return polyfs_fail(err, POLYFS_INVALID,
                           "%s lists a key with such characters under another name; use another",
                           s3_traits[profile].name);
    for (const char *byte = s3_traits[profile].not_in_keys; *byte; byte++)
        if (memchr(t->key, *byte, t->key_len))
            return polyfs_fail(err, POLYFS_INVALID, "%s takes '%c' in a key for another byte; use another name",
                               s3_traits[profile].name, *byte);
    if (!parts || (profile != S3_UNKNOWN && !(s3_traits[profile].flags & S3_KEYS_ARE_PATHS)))
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_INVALID,
                       "%s may take `.`, `..` and `//` in a key for folders; use another name%s",
                       profile == S3_UNKNOWN ? "this server" : s3_traits[profile].name,
                       profile == S3_UNKNOWN ? ", or say which server it is: option provider" : "");
}

int s3_send(struct s3_fs *fs, struct polyfs_call *call, struct s3_request *r, struct ps_http_connection **out,
            struct polyfs_error *err)
{
    struct sending s = {0};
    char region[32];
    int checked = check_key(fs, call, &r->target, err);
    if (checked != POLYFS_OK)
        return checked;
    unsigned own = r->http.header_count; /* what sign() adds is not the request's */
    int rc = s3_auth_keys(fs, call, &s.keys, err);
    if (rc == POLYFS_OK)
        rc = signer_load(fs, &r->target, s.keys, &s.signer, region, err);
    if (rc == POLYFS_OK) {
        url_load(fs, &r->target, r->query, r->query_count, region, &s);
        rc = ps_buf_check(&s.url, err);
    }
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&s.query, err);
    if (rc == POLYFS_OK)
        rc = sign(fs, r, &s, err);
    if (rc == POLYFS_OK)
        rc = exchange(fs, call, r, &s, out, err);
    r->http.header_count = own < S3_HEADERS_MAX ? own : S3_HEADERS_MAX;
    sending_clear(fs, &s);
    return rc;
}

int s3_presign(struct s3_fs *fs, struct polyfs_call *call, const char *method, const struct ps_target *target,
               uint32_t life_s, struct ps_buf *out, struct polyfs_error *err)
{
    struct sending s = {0};
    char region[32];
    int rc = s3_auth_keys(fs, call, &s.keys, err);
    if (rc == POLYFS_OK)
        rc = signer_load(fs, target, s.keys, &s.signer, region, err);
    if (rc == POLYFS_OK) {
        url_load(fs, target, NULL, 0, region, &s);
        rc = ps_buf_check(&s.url, err);
    }
    if (rc == POLYFS_OK) {
        s.url.data[s.origin_bytes] = '\0';
        rc = ps_sigv4_presign(&s.signer, method, s.url.data, s.host, s.path.data, NULL, 0, life_s, out, err);
    }
    sending_clear(fs, &s);
    return rc;
}

int s3_learn_profile(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                     struct polyfs_error *err)
{
    struct ps_target bucket = *target;
    struct s3_request r;
    struct ps_http_connection *answer = NULL;
    ps_lock(&fs->mu);
    int known = fs->profile != S3_UNKNOWN || fs->was_answered;
    ps_unlock(&fs->mu);
    if (known)
        return POLYFS_OK;
    bucket.key_len = 0;
    s3_request_init(&r, "HEAD", &bucket);
    int rc = s3_send(fs, call, &r, &answer, err);
    ps_http_clear(fs->http, answer);
    return s3_profile(fs) != S3_UNKNOWN ? POLYFS_OK : rc;
}

int s3_settle_conditions(struct s3_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                         struct polyfs_error *err)
{
    int rc = s3_learn_profile(fs, call, target, err);
    if (rc != POLYFS_OK)
        return rc;
    if (s3_traits[s3_profile(fs)].conditions == POLYFS_YES)
        return POLYFS_OK;
    return polyfs_fail(
        err, POLYFS_UNSUPPORTED,
        "this server is not known to honour conditions on writes, and might replace what is there; if it "
        "does honour them, say which server it is: option provider");
}
