/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to its answer: URL, headers, authorization, and what is learned of the server on the way: whose it is and
 * its clock. Learned is never guessed: it comes from an answer, and the call is sent again by core.
 */
#include <openssl/crypto.h>
#include <strings.h>

#include "abfs.h"

#define CLOCK_OFFSET_MAX 86400 /* a server that is further off is not believed */

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static int check_container(const char *name, uint64_t n, struct polyfs_error *err)
{
    uint64_t plain = n && name[0] == '$' ? 1 : 0; /* $root, $web, $logs */
    while (plain < n && ((name[plain] >= 'a' && name[plain] <= 'z') || (name[plain] >= '0' && name[plain] <= '9') ||
                         (name[plain] == '-' && plain && name[plain - 1] != '-')))
        plain++;
    if (n == 0)
        return polyfs_fail(err, POLYFS_INVALID, "there is no container in it; write abfs://container/name");
    if (plain < n || n < 3 || n > 63 || name[n - 1] == '-')
        return polyfs_fail(
            err, POLYFS_INVALID,
            "\"%.*s\" cannot be a container's name: 3 to 63 small letters, digits and single '-'; write "
            "abfs://container/name",
            (int)(n < 80 ? n : 80), name);
    return POLYFS_OK;
}

/* What the service does not take as it is: it reads '\' as '/', drops a dot at the end of a part, lists no control characters. */
static int check_key(const char *key, uint64_t n, struct polyfs_error *err)
{
    const unsigned char *at = (const unsigned char *)key, *end = at + n;
    if (n > ABFS_KEY_MAX)
        return polyfs_fail(err, POLYFS_INVALID, "its name has %llu bytes; Azure takes at most 1,024",
                           (unsigned long long)n);
    while (at < end) {
        uint32_t code;
        unsigned bytes = ps_utf8_next(at, (uint64_t)(end - at), &code);
        if (!bytes)
            return polyfs_fail(err, POLYFS_INVALID, "its name is not UTF-8, and Azure takes no other");
        if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code & 0xfffe) == 0xfffe)
            return polyfs_fail(err, POLYFS_INVALID,
                               "its name holds a control character, which Azure does not take");
        if (code == '\\')
            return polyfs_fail(err, POLYFS_INVALID,
                               "its name holds a '\\', which Azure takes for '/'; use another");
        at += bytes;
        if (code == '.' && (at == end || *at == '/'))
            return polyfs_fail(err, POLYFS_INVALID,
                               "a part of its name ends in a dot, which Azure drops; use another");
    }
    return POLYFS_OK;
}

int abfs_target(const char *path, uint64_t path_len, int need_key, struct ps_target *out, struct polyfs_error *err)
{
    ps_target_split(path, path_len, out);
    int rc = check_container(path, out->bucket_len, err);
    if (rc == POLYFS_OK && need_key && !out->key_len)
        return polyfs_fail(err, POLYFS_IS_DIR, "it is a container, not a blob; write abfs://container/name");
    return rc == POLYFS_OK ? check_key(out->key, out->key_len, err) : rc;
}

/* ---- making requests --------------------------------------------------------------------------------------------- */

void abfs_request_init(struct abfs_request *r, const char *method, const struct ps_target *target)
{
    memset(r, 0, sizeof(*r));
    r->http.method = method;
    if (target)
        r->target = *target;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        r->http.flags = PS_HTTP_CHANGES;
}

void abfs_request_clear(struct abfs_request *r)
{
    char **texts[] = {&r->texts, &r->source, &r->bearer};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (*texts[i] && i) /* a source's URL may end in a SAS */
            OPENSSL_cleanse(*texts[i], strlen(*texts[i]));
        ps_host->free(*texts[i]);
        *texts[i] = NULL;
    }
}

void abfs_query(struct abfs_request *r, const char *name, const char *value)
{
    if (value && r->query_count < ABFS_QUERY_MAX)
        r->query[r->query_count++] = (struct ps_query){name, value};
}

/* One row more than there is room for is seen in abfs_send, as header_count over the maximum. */
void abfs_header(struct abfs_request *r, const char *name, const char *value)
{
    if (value && r->http.header_count < ABFS_HEADERS_MAX)
        r->headers[r->http.header_count] = (struct ps_header){name, value};
    r->http.header_count += value != NULL;
}

/* What one sending needs beside the request: made anew for each attempt, as time and token may be new. */
struct sending {
    const struct ps_keys *keys; /* the token, or NULL */
    int64_t time_s;
    char date[32], id[64];
    struct ps_buf url, path, query, authorization;
};

static void sending_clear(const struct abfs_fs *fs, struct sending *s)
{
    ps_creds_release(fs->creds, s->keys);
    ps_buf_wipe(&s->url); /* it may end in a SAS */
    ps_buf_wipe(&s->authorization);
    ps_buf_clear(&s->path);
    ps_buf_clear(&s->query);
}

static void path_add(const struct ps_endpoint *endpoint, const struct ps_target *t, struct ps_buf *out)
{
    ps_buf_text(out, endpoint->base);
    ps_buf_char(out, '/');
    ps_url_encode(out, t->bucket, t->bucket_len, 0);
    if (t->key_len)
        ps_buf_char(out, '/');
    ps_url_encode(out, t->key, t->key_len, 1);
}

static void origin_add(const struct ps_endpoint *endpoint, struct ps_buf *out)
{
    ps_buf_text(out, endpoint->tls ? "https://" : "http://");
    ps_buf_text(out, endpoint->authority);
}

void abfs_url(const struct abfs_fs *fs, const struct ps_target *target, struct ps_buf *out)
{
    origin_add(&fs->endpoint, out);
    path_add(&fs->endpoint, target, out);
}

static int url_load(const struct abfs_fs *fs, struct abfs_request *r, struct sending *s, struct polyfs_error *err)
{
    const struct ps_endpoint *endpoint = r->at_lake ? &fs->lake_endpoint : &fs->endpoint;
    path_add(endpoint, &r->target, &s->path);
    origin_add(endpoint, &s->url);
    ps_buf_text(&s->url, s->path.data ? s->path.data : "");
    ps_url_query(&s->query, r->query, r->query_count);
    if (s->query.size) {
        ps_buf_char(&s->url, '?');
        ps_buf_add(&s->url, s->query.data, s->query.size);
    }
    if (fs->auth.kind == ABFS_SAS) {
        ps_buf_char(&s->url, s->query.size ? '&' : '?');
        ps_buf_text(&s->url, fs->auth.sas);
    }
    int rc = ps_buf_check(&s->path, err);
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&s->query, err);
    return rc == POLYFS_OK ? ps_buf_check(&s->url, err) : rc;
}

int64_t abfs_now_s(struct abfs_fs *fs)
{
    ps_lock(&fs->mu);
    int64_t offset_s = fs->clock_offset_s;
    ps_unlock(&fs->mu);
    return ps_host->clock_ns(1) / 1000000000 + offset_s;
}

/* One call in the service's logs: which attempt of which call it was. */
static void request_id(const struct polyfs_call *call, char out[64])
{
    ps_hex(call->op_id, sizeof(call->op_id), out);
    snprintf(out + 32, 32, "-%u", call->attempt);
}

/* Adds what every request has, and says who sends it. */
static int authorize(struct abfs_fs *fs, const struct polyfs_call *call, struct abfs_request *r, struct sending *s,
                     struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    s->time_s = abfs_now_s(fs);
    ps_http_date_text(s->time_s, s->date);
    request_id(call, s->id);
    abfs_header(r, "x-ms-version", ABFS_VERSION);
    abfs_header(r, "x-ms-date", s->date);
    abfs_header(r, "x-ms-client-request-id", s->id);
    if (r->http.header_count + 1 > ABFS_HEADERS_MAX)
        return polyfs_fail(err, POLYFS_TOO_LARGE, "there are more metadata and options than Azure takes");
    if (fs->auth.kind == ABFS_KEY) {
        rc = abfs_sharedkey(fs->auth.key, fs->auth.key_bytes, fs->account, r->http.method, s->path.data, r->query,
                            r->query_count, r->headers, r->http.header_count, r->http.body_bytes, &s->authorization,
                            err);
    } else if (s->keys) {
        ps_buf_text(&s->authorization, "Bearer ");
        ps_buf_text(&s->authorization, s->keys->token);
        rc = ps_buf_check(&s->authorization, err);
    }
    if (rc == POLYFS_OK)
        abfs_header(r, "authorization", s->authorization.data);
    return rc;
}

/* ---- learning ----------------------------------------------------------------------------------------------------- */

enum abfs_profile abfs_profile(struct abfs_fs *fs)
{
    ps_lock(&fs->mu);
    enum abfs_profile profile = fs->profile;
    ps_unlock(&fs->mu);
    return profile;
}

uint8_t abfs_lake(struct abfs_fs *fs)
{
    ps_lock(&fs->mu);
    uint8_t lake = fs->lake != POLYFS_UNKNOWN ? fs->lake
                   : !*fs->lake_endpoint.host ? (uint8_t)POLYFS_NO
                                              : abfs_traits[fs->profile].lake;
    ps_unlock(&fs->mu);
    return lake;
}

void abfs_lake_set(struct abfs_fs *fs, uint8_t lake)
{
    ps_lock(&fs->mu);
    fs->lake = lake;
    ps_unlock(&fs->mu);
}

/* Some answers tell by the way whether the account has a hierarchical namespace. */
static void learn_lake(struct abfs_fs *fs, const struct ps_http_connection *answer)
{
    const char *told = ps_http_header(answer, "x-ms-is-hns-enabled");
    if (told)
        abfs_lake_set(fs, strcasecmp(told, "true") == 0 ? POLYFS_YES : POLYFS_NO);
    else if (ps_http_header(answer, "x-ms-resource-type") && *fs->lake_endpoint.host)
        abfs_lake_set(fs, POLYFS_YES);
}

uint8_t abfs_versions(struct abfs_fs *fs)
{
    ps_lock(&fs->mu);
    uint8_t versions = fs->versions;
    ps_unlock(&fs->mu);
    return versions;
}

void abfs_versions_set(struct abfs_fs *fs, uint8_t versions)
{
    ps_lock(&fs->mu);
    fs->versions = versions;
    ps_unlock(&fs->mu);
}

static void learn_server(struct abfs_fs *fs, const struct ps_http_connection *answer)
{
    const char *server = ps_http_header(answer, "server");
    enum abfs_profile found = ABFS_UNKNOWN;
    if (abfs_profile(fs) != ABFS_UNKNOWN)
        return;
    for (int p = ABFS_AZURE; p < ABFS_PROFILES && server; p++)
        if (abfs_traits[p].server && strncmp(server, abfs_traits[p].server, strlen(abfs_traits[p].server)) == 0)
            found = (enum abfs_profile)p;
    ps_lock(&fs->mu);
    fs->profile = found;
    fs->was_answered = 1;
    ps_unlock(&fs->mu);
}

static int is_off(int64_t seconds)
{
    return seconds > 60 || seconds < -60;
}

/* The server's clock, from the Date of an answer that refused ours: is the time that was signed another? */
static int learn_clock(struct abfs_fs *fs, const struct ps_http_connection *answer, int64_t signed_s)
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

/* Did this refusal teach us something with which the same call may work? */
static int learn(struct abfs_fs *fs, struct polyfs_call *call, const struct sending *s,
                 const struct ps_http_connection *answer)
{
    int status = ps_http_status(answer);
    if (fs->auth.kind == ABFS_TOKEN)
        return status == 401 && s->keys && ps_creds_renew(fs->creds, call, s->keys);
    return fs->auth.kind == ABFS_KEY && status == 403 && learn_clock(fs, answer, s->time_s);
}

/* ---- sending -------------------------------------------------------------------------------------------------------- */

static int exchange(struct abfs_fs *fs, struct polyfs_call *call, struct abfs_request *r, const struct sending *s,
                    struct ps_http_connection **out, struct polyfs_error *err)
{
    r->http.url = s->url.data;
    r->http.headers = r->headers;
    struct ps_http_connection *answer;
    int rc = ps_http_send(fs->http, call, &r->http, &answer, err);
    if (rc != POLYFS_OK)
        return rc;
    learn_server(fs, answer);
    learn_lake(fs, answer);
    int status = ps_http_status(answer);
    if (status >= 200 && status < 300) {
        *out = answer;
        return POLYFS_OK;
    }
    rc = abfs_refused(fs, answer, err);
    if ((rc == POLYFS_AUTH || rc == POLYFS_PERMISSION) && learn(fs, call, s, answer) && err)
        err->retry = POLYFS_RETRY_LEARNED;
    ps_http_clear(fs->http, answer);
    return rc;
}

int abfs_send(struct abfs_fs *fs, struct polyfs_call *call, struct abfs_request *r, struct ps_http_connection **out,
              struct polyfs_error *err)
{
    struct sending s = {0};
    unsigned own = r->http.header_count; /* what authorize() adds is not the request's */
    struct ps_header headers[ABFS_HEADERS_MAX];
    memcpy(headers, r->headers, sizeof(headers)); /* it sorts them too */
    if (r->http.flags & PS_HTTP_CHANGES && !r->http.body_bytes)
        r->http.flags |= PS_HTTP_FRESH; /* libcurl would repeat it by itself */
    int rc = abfs_auth_token(fs, call, &s.keys, err);
    if (rc == POLYFS_OK)
        rc = url_load(fs, r, &s, err);
    if (rc == POLYFS_OK)
        rc = authorize(fs, call, r, &s, err);
    if (rc == POLYFS_OK)
        rc = exchange(fs, call, r, &s, out, err);
    memcpy(r->headers, headers, sizeof(headers));
    r->http.header_count = own < ABFS_HEADERS_MAX ? own : ABFS_HEADERS_MAX;
    sending_clear(fs, &s);
    return rc;
}

int abfs_send_only(struct abfs_fs *fs, struct polyfs_call *call, struct abfs_request *r, struct polyfs_error *err)
{
    struct ps_http_connection *answer = NULL;
    int rc = abfs_send(fs, call, r, &answer, err);
    ps_http_clear(fs->http, answer);
    return rc;
}

int abfs_learn_profile(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_target *target,
                       struct polyfs_error *err)
{
    struct ps_target container = *target;
    struct abfs_request r;
    ps_lock(&fs->mu);
    int known = fs->profile != ABFS_UNKNOWN || fs->was_answered;
    ps_unlock(&fs->mu);
    if (known)
        return POLYFS_OK;
    container.key_len = 0;
    abfs_request_init(&r, "HEAD", &container);
    abfs_query(&r, "restype", "container");
    int rc = abfs_send_only(fs, call, &r, err);
    return abfs_profile(fs) != ABFS_UNKNOWN ? POLYFS_OK : rc;
}
