/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a token is got: of a service account by a signed assertion (RFC 7523), of a user by a refresh token (RFC 6749, 6), of
 * another identity by an exchange (RFC 8693), of this machine's metadata server, and of an account to act as by a call of
 * Google's IAM. Nothing that was sent goes into an error.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "gcs.h"
#include "plugins/support/file.h"

#define TOKEN_URI "https://oauth2.googleapis.com/token"
#define METADATA_HOST "169.254.169.254" /* its name is looked up for 20 s on machines that are not Google's */
#define LIFE_S 3600
#define CLOUD_SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define DOCUMENT_MAX (UINT64_C(1) << 20)

/* ---- asking ----------------------------------------------------------------------------------------------------------- */

struct question {
    struct ps_http *http;
    const char *method, *url;
    struct ps_header headers[8]; /* values borrowed */
    unsigned header_count;
    struct ps_buf body; /* owned, and wiped */
    const char *whom;   /* in errors */
};

static void ask_header(struct question *q, const char *name, const char *value)
{
    if (q->header_count < sizeof(q->headers) / sizeof(q->headers[0]))
        q->headers[q->header_count++] = (struct ps_header){name, value};
}

/* One name of a form (application/x-www-form-urlencoded). */
static void form(struct question *q, const char *name, const char *value)
{
    if (q->body.size)
        ps_buf_char(&q->body, '&');
    ps_buf_text(&q->body, name);
    ps_buf_char(&q->body, '=');
    ps_url_encode(&q->body, value, strlen(value), 0);
}

static int answer_sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    struct ps_buf *text = arg;
    if (text->size + size > DOCUMENT_MAX)
        return polyfs_fail(err, POLYFS_NETWORK, "the answer is longer than any should be");
    ps_buf_add(text, data, size);
    return ps_buf_check(text, err);
}

/* Who asked was wrong, if anything was; what may pass by itself stays what it is. */
static int ask_failed(const struct question *q, int rc, struct polyfs_error *err)
{
    char text[600];
    int lasting = rc != POLYFS_NETWORK && rc != POLYFS_BUSY && rc != POLYFS_TIMEOUT && rc != POLYFS_CANCELLED &&
                  rc != POLYFS_NOMEM;
    if (!err)
        return lasting ? POLYFS_AUTH : rc;
    snprintf(text, sizeof(text), "%s gives no token: %.400s", q->whom, err->message);
    snprintf(err->message, sizeof(err->message), "%s", text);
    err->commit_state = POLYFS_COMMIT_NOT_APPLIED; /* of what is asked for, nothing was sent */
    if (lasting)
        err->code = POLYFS_AUTH;
    return err->code;
}

/* Secrets go to https://, or to this machine. */
static int check_url(const char *url, struct polyfs_error *err)
{
    struct ps_endpoint endpoint;
    const char *end = strstr(url, "://");
    char origin[300];
    size_t n = end ? (size_t)(end - url) + 3 + strcspn(end + 3, "/?") : sizeof(origin);
    if (n < sizeof(origin)) {
        snprintf(origin, sizeof(origin), "%.*s", (int)n, url);
        if (ps_endpoint_parse(origin, &endpoint, NULL) == POLYFS_OK &&
            (endpoint.tls || ps_host_is_loopback(endpoint.host)))
            return POLYFS_OK;
    }
    return polyfs_fail(err, POLYFS_CONFIG,
                       "the credentials name \"%.100s\" to be asked, which is no https:// address", url);
}

/* @out: the text of the answer. */
static int ask(struct question *q, struct polyfs_call *call, struct ps_buf *out, struct polyfs_error *err)
{
    struct ps_http_connection *answer = NULL;
    int rc = check_url(q->url, err);
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&q->body, err);
    const struct ps_http_request request = {.method = q->method,
                                            .url = q->url,
                                            .headers = q->headers,
                                            .header_count = q->header_count,
                                            .body = q->body.data,
                                            .body_bytes = q->body.size,
                                            .sink = answer_sink,
                                            .arg = out};
    if (rc == POLYFS_OK) {
        rc = ps_http_send(q->http, call, &request, &answer, err);
        int status = rc == POLYFS_OK ? ps_http_status(answer) : 0;
        if (rc == POLYFS_OK && (status < 200 || status > 299))
            rc = gcs_refused(answer, err);
        if (rc != POLYFS_OK)
            rc = ask_failed(q, rc, err);
    }
    ps_http_clear(q->http, answer);
    ps_buf_wipe(&q->body);
    return rc;
}

static int no_token(const struct question *q, struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_AUTH, "%s answers without a token", q->whom);
}

/* {"access_token","expires_in"}: 1 or a code. A life beyond @life_max seconds is none that was meant. */
static int take_token(const struct question *q, const struct ps_buf *text, uint64_t life_max, struct ps_keys *out,
                      struct polyfs_error *err)
{
    json_t *root = NULL;
    int rc = ps_json_read(text->data ? text->data : "", text->size, &root, NULL);
    const char *token = ps_json_text(root, "access_token");
    uint64_t life = ps_json_number(root, "expires_in");
    rc = rc == POLYFS_OK && token ? ps_keys_set(out, NULL, NULL, token, err) : no_token(q, err);
    if (rc == POLYFS_OK)
        out->expires_s = ps_host->clock_ns(1) / 1000000000 + (life > life_max ? LIFE_S : (int64_t)life);
    json_decref(root);
    return rc == POLYFS_OK ? 1 : rc;
}

static int ask_token(struct question *q, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    struct ps_buf text = {0};
    int rc = ask(q, call, &text, err);
    if (rc == POLYFS_OK)
        rc = take_token(q, &text, 43200, out, err);
    ps_buf_wipe(&text);
    return rc;
}

static struct question token_question(struct gcs_fs *fs, const char *url)
{
    struct question q = {.http = fs->http, .method = "POST", .url = url, .whom = "the token server"};
    ask_header(&q, "content-type", "application/x-www-form-urlencoded");
    return q;
}

/* ---- documents --------------------------------------------------------------------------------------------------------- */

static const char *type_of(const json_t *document)
{
    const char *type = ps_json_text(document, "type");
    return type ? type : "";
}

/* A member that has to be there. */
static int want(const json_t *document, const char *key, const char *file, struct polyfs_error *err)
{
    if (ps_json_text(document, key))
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_CONFIG, "the credentials in %.200s have no \"%s\"; get them anew", file, key);
}

static int check_source(const json_t *document, const char *file, struct polyfs_error *err)
{
    const json_t *source = json_object_get(document, "credential_source");
    if (ps_json_text(source, "file") || ps_json_text(source, "url"))
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_CONFIG,
                       "the credentials in %.200s take their token of %s, which this release does not speak; "
                       "it speaks file and url",
                       file,
                       ps_json_text(source, "environment_id")   ? "AWS"
                       : json_object_get(source, "executable")  ? "a program"
                       : json_object_get(source, "certificate") ? "a certificate"
                                                                : "nothing that is known");
}

int gcs_token_check(const json_t *document, const char *file, struct polyfs_error *err)
{
    static const struct {
        const char *type, *wanted[4];
    } rows[] = {{"service_account", {"private_key", "client_email"}},
                {"authorized_user", {"client_id", "client_secret", "refresh_token"}},
                {"external_account", {"audience", "subject_token_type", "token_url"}},
                {"impersonated_service_account", {"service_account_impersonation_url"}}};
    const char *type = type_of(document);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(type, rows[i].type) != 0)
            continue;
        int rc = POLYFS_OK;
        for (unsigned k = 0; k < 4 && rows[i].wanted[k] && rc == POLYFS_OK; k++)
            rc = want(document, rows[i].wanted[k], file, err);
        const json_t *source = json_object_get(document, "source_credentials");
        if (rc == POLYFS_OK && i == 2)
            rc = check_source(document, file, err);
        if (rc == POLYFS_OK && i == 3 && strcmp(type_of(source), type) != 0) /* one step; no chain of them */
            rc = gcs_token_check(source, file, err);
        return rc;
    }
    return polyfs_fail(err, POLYFS_CONFIG,
                       "the credentials in %.200s are of the type \"%.60s\"; this release speaks service_account, "
                       "authorized_user, external_account and impersonated_service_account",
                       file, type);
}

/* ---- service accounts --------------------------------------------------------------------------------------------------- */

/* Base64 as URLs have it (RFC 4648, 5), without padding. */
static void add_base64url(struct ps_buf *out, const void *data, uint64_t size)
{
    uint64_t from = out->size;
    ps_buf_base64(out, data, size);
    while (out->size > from && out->data[out->size - 1] == '=')
        out->size--;
    for (uint64_t i = from; i < out->size; i++)
        out->data[i] = (char)(out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i]);
}

static int sign_with(EVP_PKEY *key, const struct ps_buf *text, unsigned char sum[1024], size_t *n)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int done = key && context && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
               EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
               EVP_DigestSign(context, sum, n, (const unsigned char *)text->data, text->size) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

int gcs_rs256(const char *pem, const struct ps_buf *text, unsigned char sum[1024], size_t *n,
              struct polyfs_error *err)
{
    ps_host->section_enter();
    BIO *bio = BIO_new_mem_buf(pem, (int)strlen(pem));
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    int done = sign_with(key, text, sum, n);
    EVP_PKEY_free(key);
    BIO_free(bio);
    ps_host->section_leave();
    return done ? POLYFS_OK
                : polyfs_fail(err, POLYFS_CONFIG, "the private_key of the service account is none, or no RSA key");
}

/* RS256 (RFC 7518, 3.3) of what is there, behind it. */
static int sign(const char *pem, struct ps_buf *text, struct polyfs_error *err)
{
    unsigned char sum[1024];
    size_t n = sizeof(sum);
    int rc = ps_buf_check(text, err);
    if (rc == POLYFS_OK)
        rc = gcs_rs256(pem, text, sum, &n, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_buf_char(text, '.');
    add_base64url(text, sum, n);
    return ps_buf_check(text, err);
}

static int assertion(struct gcs_fs *fs, const json_t *document, const char *audience, struct ps_buf *out,
                     struct polyfs_error *err)
{
    static const char head[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
    const char *email = ps_json_text(document, "client_email");
    uint64_t now = (uint64_t)(ps_host->clock_ns(1) / 1000000000);
    struct ps_buf claims = {0};
    ps_buf_text(&claims, "{\"iss\":");
    ps_json_quote(&claims, email, strlen(email));
    ps_buf_text(&claims, ",\"scope\":");
    ps_json_quote(&claims, fs->auth.scope, strlen(fs->auth.scope));
    ps_buf_text(&claims, ",\"aud\":");
    ps_json_quote(&claims, audience, strlen(audience));
    ps_buf_text(&claims, ",\"iat\":");
    ps_buf_number(&claims, now);
    ps_buf_text(&claims, ",\"exp\":");
    ps_buf_number(&claims, now + LIFE_S);
    ps_buf_char(&claims, '}');
    int rc = ps_buf_check(&claims, err);
    if (rc == POLYFS_OK) {
        add_base64url(out, head, sizeof(head) - 1);
        ps_buf_char(out, '.');
        add_base64url(out, claims.data, claims.size);
        rc = sign(ps_json_text(document, "private_key"), out, err);
    }
    ps_buf_clear(&claims);
    return rc;
}

static const char *token_uri(const json_t *document)
{
    const char *uri = ps_json_text(document, "token_uri");
    return uri && *uri ? uri : TOKEN_URI;
}

static int of_service_account(struct gcs_fs *fs, struct polyfs_call *call, const json_t *document,
                              struct ps_keys *out, struct polyfs_error *err)
{
    struct question q = token_question(fs, token_uri(document));
    struct ps_buf jwt = {0};
    int rc = assertion(fs, document, q.url, &jwt, err);
    if (rc == POLYFS_OK) {
        form(&q, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        form(&q, "assertion", jwt.data);
        rc = ask_token(&q, call, out, err);
    }
    ps_buf_wipe(&jwt);
    return rc;
}

static int of_user(struct gcs_fs *fs, struct polyfs_call *call, const json_t *document, struct ps_keys *out,
                   struct polyfs_error *err)
{
    struct question q = token_question(fs, token_uri(document));
    form(&q, "grant_type", "refresh_token");
    form(&q, "client_id", ps_json_text(document, "client_id"));
    form(&q, "client_secret", ps_json_text(document, "client_secret"));
    form(&q, "refresh_token", ps_json_text(document, "refresh_token"));
    return ask_token(&q, call, out, err);
}

/* ---- other identities --------------------------------------------------------------------------------------------------- */

static int ask_source(struct gcs_fs *fs, struct polyfs_call *call, const json_t *source, struct ps_buf *out,
                      struct polyfs_error *err)
{
    const char *name;
    json_t *value;
    struct question q = {.http = fs->http,
                         .method = "GET",
                         .url = ps_json_text(source, "url"),
                         .whom = "the identity's own server"};
    json_object_foreach(json_object_get(source, "headers"), name, value) if (json_is_string(value))
        ask_header(&q, name, json_string_value(value));
    return ask(&q, call, out, err);
}

/* The token of the identity: a file or an answer, as it is or a member of JSON. */
static int subject_token(struct gcs_fs *fs, struct polyfs_call *call, const json_t *document, struct ps_buf *out,
                         struct polyfs_error *err)
{
    const json_t *source = json_object_get(document, "credential_source"),
                 *format = json_object_get(source, "format");
    const char *file = ps_json_text(source, "file"), *member = ps_json_text(format, "subject_token_field_name");
    json_t *root = NULL;
    int rc = file ? ps_file_read(file, out, err) : ask_source(fs, call, source, out, err);
    if (rc == POLYFS_OK && strcmp(type_of(format), "json") == 0) {
        rc = ps_json_read(out->data ? out->data : "", out->size, &root, err);
        const char *token = ps_json_text(root, member ? member : "access_token");
        ps_buf_reset(out);
        ps_buf_text(out, token ? token : "");
        json_decref(root);
    }
    while (out->size && (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r'))
        out->data[--out->size] = '\0';
    if (rc != POLYFS_OK || !out->size)
        return polyfs_fail(err, POLYFS_AUTH, "the identity that the credentials name has no token");
    return ps_buf_check(out, err);
}

static int of_external(struct gcs_fs *fs, struct polyfs_call *call, const json_t *document, struct ps_keys *out,
                       struct polyfs_error *err)
{
    const char *as = ps_json_text(document, "service_account_impersonation_url");
    struct question q = token_question(fs, ps_json_text(document, "token_url"));
    struct ps_buf subject = {0};
    int rc = subject_token(fs, call, document, &subject, err);
    if (rc == POLYFS_OK) {
        form(&q, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
        form(&q, "audience", ps_json_text(document, "audience"));
        form(&q, "scope", as ? CLOUD_SCOPE : fs->auth.scope);
        form(&q, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
        form(&q, "subject_token", subject.data);
        form(&q, "subject_token_type", ps_json_text(document, "subject_token_type"));
        rc = ask_token(&q, call, out, err);
    }
    ps_buf_wipe(&subject);
    return rc == 1 && as ? gcs_token_impersonate(fs, call, as, NULL, out, err) : rc;
}

/* ---- acting as an account ------------------------------------------------------------------------------------------------ */

static void impersonate_body(const struct gcs_fs *fs, const json_t *delegates, struct ps_buf *body)
{
    ps_buf_text(body, "{\"scope\":[");
    ps_json_quote(body, fs->auth.scope, strlen(fs->auth.scope));
    ps_buf_text(body, "],\"lifetime\":\"3600s\",\"delegates\":[");
    for (size_t i = 0; i < json_array_size(delegates); i++) {
        const char *each = json_string_value(json_array_get(delegates, i));
        ps_buf_text(body, i ? "," : "");
        ps_json_quote(body, each ? each : "", each ? strlen(each) : 0);
    }
    ps_buf_text(body, "]}");
}

int gcs_token_impersonate(struct gcs_fs *fs, struct polyfs_call *call, const char *url, const json_t *delegates,
                          struct ps_keys *keys, struct polyfs_error *err)
{
    struct question q = {.http = fs->http, .method = "POST", .url = url, .whom = "the account to act as"};
    struct ps_buf text = {0}, bearer = {0};
    json_t *root = NULL;
    ps_buf_text(&bearer, "Bearer ");
    ps_buf_text(&bearer, keys->token);
    ask_header(&q, "content-type", "application/json");
    ask_header(&q, "authorization", bearer.data ? bearer.data : "");
    impersonate_body(fs, delegates, &q.body);
    int rc = ps_buf_check(&bearer, err);
    if (rc == POLYFS_OK)
        rc = ask(&q, call, &text, err);
    if (rc == POLYFS_OK && ps_json_read(text.data ? text.data : "", text.size, &root, NULL) != POLYFS_OK)
        rc = no_token(&q, err);
    const char *token = ps_json_text(root, "accessToken"), *until = ps_json_text(root, "expireTime");
    int64_t until_ns = until ? ps_iso_time_ns(until) : POLYFS_TIME_UNKNOWN;
    if (rc == POLYFS_OK && (!token || until_ns == POLYFS_TIME_UNKNOWN))
        rc = no_token(&q, err);
    if (rc == POLYFS_OK) {
        OPENSSL_cleanse(keys->token, strlen(keys->token));
        ps_host->free(keys->token);
        keys->token = NULL;
        keys->expires_s = until_ns / 1000000000;
        rc = ps_keys_set(keys, NULL, NULL, token, err);
    }
    json_decref(root);
    ps_buf_wipe(&bearer);
    ps_buf_wipe(&text);
    return rc == POLYFS_OK ? 1 : rc;
}

/* ---- one document --------------------------------------------------------------------------------------------------------- */

int gcs_token_of(struct gcs_fs *fs, struct polyfs_call *call, const json_t *document, const char *file,
                 struct ps_keys *out, struct polyfs_error *err)
{
    const char *type = type_of(document);
    int rc = gcs_token_check(document, file, err);
    if (rc != POLYFS_OK)
        return rc;
    if (strcmp(type, "service_account") == 0)
        return of_service_account(fs, call, document, out, err);
    if (strcmp(type, "authorized_user") == 0)
        return of_user(fs, call, document, out, err);
    if (strcmp(type, "external_account") == 0)
        return of_external(fs, call, document, out, err);
    const json_t *source = json_object_get(document, "source_credentials");
    if (strcmp(type_of(source), type) == 0)
        return polyfs_fail(err, POLYFS_CONFIG, "the credentials in %.200s act as an account by another such", file);
    rc = gcs_token_of(fs, call, source, file, out, err);
    if (rc != 1)
        return rc;
    return gcs_token_impersonate(fs, call, ps_json_text(document, "service_account_impersonation_url"),
                                 json_object_get(document, "delegates"), out, err);
}

/* ---- this machine --------------------------------------------------------------------------------------------------------- */

static int machine_has_none; /* asked once a process: elsewhere than on Google's machines nobody answers there */

static int metadata_flavor(void *arg, const struct ps_http_connection *answer, struct polyfs_error *err)
{
    const char *flavor = ps_http_header(answer, "metadata-flavor");
    (void)arg;
    if (flavor && strcmp(flavor, "Google") == 0)
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_AUTH, "what answers at the address of the metadata server is none");
}

int gcs_token_of_machine(struct gcs_fs *fs, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    const char *host = fs->auth.metadata_host;
    struct polyfs_error why = POLYFS_ERROR_INIT;
    struct question q = {.whom = "the metadata server"};
    struct ps_http_connection *answer = NULL;
    struct ps_buf text = {0};
    char url[512];
    const struct ps_header header = {"metadata-flavor", "Google"};
    if (!host && __atomic_load_n(&machine_has_none, __ATOMIC_RELAXED))
        return 0;
    snprintf(url, sizeof(url), "http://%.300s/computeMetadata/v1/instance/service-accounts/default/token?scopes=%s",
             host ? host : METADATA_HOST, fs->auth.scope);
    const struct ps_http_request request = {.method = "GET",
                                            .url = url,
                                            .headers = &header,
                                            .header_count = 1,
                                            .accept = metadata_flavor,
                                            .sink = answer_sink,
                                            .arg = &text};
    int rc = ps_http_send(fs->near_http, call, &request, &answer, &why);
    if (rc == POLYFS_OK && ps_http_status(answer) != 200)
        rc = ask_failed(&q, gcs_refused(answer, &why), &why);
    else if (rc == POLYFS_OK)
        rc = take_token(&q, &text, 86400, out, &why);
    else if (!host && rc != POLYFS_CANCELLED && !answer && why.code != POLYFS_AUTH) {
        __atomic_store_n(&machine_has_none, 1, __ATOMIC_RELAXED);
        rc = 0;
    }
    ps_http_clear(fs->near_http, answer);
    ps_buf_wipe(&text);
    if (rc < 0 && err)
        *err = why;
    return rc;
}
