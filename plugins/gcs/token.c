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
#include "plugins/support/token.h"

#define TOKEN_URI "https://oauth2.googleapis.com/token"
#define METADATA_HOST "169.254.169.254" /* its name is looked up for 20 s on machines that are not Google's */
#define LIFE_S 3600                     /* of an assertion */
#define CLOUD_SCOPE "https://www.googleapis.com/auth/cloud-platform"

/* ---- asking ----------------------------------------------------------------------------------------------------------- */

static struct ps_token_question question(struct gcs_fs *fs, const char *method, const char *url, const char *whom)
{
    return (struct ps_token_question){
        .http = fs->http, .method = method, .url = url, .whom = whom, .refused = gcs_refused};
}

static struct ps_token_question token_question(struct gcs_fs *fs, const char *url)
{
    struct ps_token_question q = question(fs, "POST", url, "the token server");
    ps_token_header(&q, "content-type", "application/x-www-form-urlencoded");
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
    struct ps_token_question q = token_question(fs, token_uri(document));
    struct ps_buf jwt = {0};
    int rc = assertion(fs, document, q.url, &jwt, err);
    if (rc == POLYFS_OK) {
        ps_token_field(&q, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        ps_token_field(&q, "assertion", jwt.data);
        rc = ps_token_ask(&q, call, out, err);
    }
    ps_buf_wipe(&jwt);
    return rc;
}

static int of_user(struct gcs_fs *fs, struct polyfs_call *call, const json_t *document, struct ps_keys *out,
                   struct polyfs_error *err)
{
    struct ps_token_question q = token_question(fs, token_uri(document));
    ps_token_field(&q, "grant_type", "refresh_token");
    ps_token_field(&q, "client_id", ps_json_text(document, "client_id"));
    ps_token_field(&q, "client_secret", ps_json_text(document, "client_secret"));
    ps_token_field(&q, "refresh_token", ps_json_text(document, "refresh_token"));
    return ps_token_ask(&q, call, out, err);
}

/* ---- other identities --------------------------------------------------------------------------------------------------- */

static int ask_source(struct gcs_fs *fs, struct polyfs_call *call, const json_t *source, struct ps_buf *out,
                      struct polyfs_error *err)
{
    const char *name;
    json_t *value;
    struct ps_token_question q = question(fs, "GET", ps_json_text(source, "url"), "the identity's own server");
    json_object_foreach(json_object_get(source, "headers"), name, value) if (json_is_string(value))
        ps_token_header(&q, name, json_string_value(value));
    return ps_token_answer(&q, call, out, err);
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
    struct ps_token_question q = token_question(fs, ps_json_text(document, "token_url"));
    struct ps_buf subject = {0};
    int rc = subject_token(fs, call, document, &subject, err);
    if (rc == POLYFS_OK) {
        ps_token_field(&q, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
        ps_token_field(&q, "audience", ps_json_text(document, "audience"));
        ps_token_field(&q, "scope", as ? CLOUD_SCOPE : fs->auth.scope);
        ps_token_field(&q, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
        ps_token_field(&q, "subject_token", subject.data);
        ps_token_field(&q, "subject_token_type", ps_json_text(document, "subject_token_type"));
        rc = ps_token_ask(&q, call, out, err);
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
    struct ps_token_question q = question(fs, "POST", url, "the account to act as");
    struct ps_keys acting = {.expires_s = PS_NEVER};
    struct ps_buf bearer = {0};
    ps_buf_text(&bearer, "Bearer ");
    ps_buf_text(&bearer, keys->token);
    ps_token_header(&q, "content-type", "application/json");
    ps_token_header(&q, "authorization", bearer.data ? bearer.data : "");
    impersonate_body(fs, delegates, &q.body);
    int rc = ps_buf_check(&bearer, err);
    if (rc == POLYFS_OK)
        rc = ps_token_ask(&q, call, &acting, err);
    if (rc == 1) {
        OPENSSL_cleanse(keys->token, strlen(keys->token));
        ps_host->free(keys->token);
        keys->token = acting.token;
        keys->expires_s = acting.expires_s;
    }
    ps_buf_wipe(&q.body);
    ps_buf_wipe(&bearer);
    return rc;
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
    char url[512];
    if (!host && ps_machine_has_none())
        return 0;
    snprintf(url, sizeof(url), "http://%.300s/computeMetadata/v1/instance/service-accounts/default/token?scopes=%s",
             host ? host : METADATA_HOST, fs->auth.scope);
    struct ps_token_question q = question(fs, "GET", url, "the metadata server");
    q.http = fs->near_http;
    q.is_near = 1;
    q.accept = metadata_flavor;
    ps_token_header(&q, "metadata-flavor", "Google");
    int rc = ps_token_ask(&q, call, out, &why);
    int is_nobody = rc == POLYFS_NETWORK || rc == POLYFS_TIMEOUT || rc == POLYFS_CANCELLED;
    if (!host && is_nobody && !why.http_status) {
        ps_machine_note_none(call, rc);
        return ps_machine_has_none() ? 0 : polyfs_go_on(ps_host, call, err);
    }
    if (rc < 0 && err)
        *err = why;
    return rc;
}
