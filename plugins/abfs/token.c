/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of Entra ID, a row a source, asked in the order of Azure's own libraries: a service principal's secret, a
 * workload identity's file, a managed identity (App Service's, then the machine's), the az command. A metadata service that
 * is not there is told within a second.
 */
#include "abfs.h"
#include "plugins/support/file.h"
#include "plugins/support/json.h"

#define SCOPE "https://storage.azure.com/.default"
#define RESOURCE "https://storage.azure.com/"
#define ANSWER_MAX (UINT64_C(64) << 10)
#define IDENTITY_HOST "http://169.254.169.254"
#define TOKEN_MS 10000 /* a service that is there may take its time */

int abfs_token_is_chosen(const struct abfs_fs *fs, const char *name)
{
    return !fs->auth.chosen || strcmp(fs->auth.chosen, name) == 0;
}

/* expires_in of the protocol, expires_on of a managed identity and of the az command: seconds. */
static int64_t end_of(const json_t *object)
{
    uint64_t in = ps_json_number(object, "expires_in"), on = ps_json_number(object, "expires_on");
    int64_t now_s = ps_host->clock_ns(1) / 1000000000;
    if (on != UINT64_MAX && on < INT64_MAX)
        return (int64_t)on;
    return in != UINT64_MAX && in < INT32_MAX ? now_s + (int64_t)in : now_s + 3600;
}

int abfs_token_read(const char *text, uint64_t size, const char *who, struct ps_keys *out, struct polyfs_error *err)
{
    json_t *object = NULL;
    int rc = ps_json_read(text, size, &object, NULL);
    const char *token = rc == POLYFS_OK ? ps_json_text(object, "access_token") : NULL;
    if (rc == POLYFS_OK && !token)
        token = ps_json_text(object, "accessToken"); /* the az command's spelling */
    if (token && *token &&
        strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") == strlen(token)) {
        out->expires_s = end_of(object);
        rc = ps_keys_set(out, NULL, NULL, token, err);
        rc = rc == POLYFS_OK ? 1 : rc;
    } else {
        rc = polyfs_fail(err, POLYFS_AUTH, "%s gave an answer without a token", who);
    }
    json_decref(object);
    return rc;
}

/* ---- asking a server ----------------------------------------------------------------------------------------------------- */

/* What Entra ID says of a refusal, without the ids of the request behind it. */
static int refused(const struct ps_http_connection *answer, const char *who, struct polyfs_error *err)
{
    uint64_t size = 0;
    char text[300] = "";
    json_t *object = NULL;
    const char *body = ps_http_error_body(answer, &size), *why;
    int status = ps_http_status(answer);
    if (ps_json_read(body, size, &object, NULL) == POLYFS_OK && (why = ps_json_text(object, "error_description")))
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(why, "\r\n"), why);
    json_decref(object);
    ps_tame(text);
    int code = polyfs_fail(err, status >= 500 || status == 429 ? POLYFS_BUSY : POLYFS_AUTH,
                           "%s gives no token (HTTP %d)%s%s", who, status, *text ? ": " : "", text);
    if (err) {
        err->http_status = status;
        err->retry = status == 429   ? POLYFS_RETRY_THROTTLED
                     : status >= 500 ? POLYFS_RETRY_TRANSIENT
                                     : POLYFS_RETRY_NEVER;
    }
    return code;
}

static int take(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    struct ps_buf *body = arg;
    if (body->size + size > ANSWER_MAX)
        return polyfs_fail(err, POLYFS_NETWORK, "the answer is longer than any token");
    ps_buf_add(body, data, size);
    return ps_buf_check(body, err);
}

/* 1 with a token, or a code; call->bytes_done is no business of this. */
static int ask(struct ps_http *http, struct polyfs_call *call, struct ps_http_request *request, const char *who,
               struct ps_keys *out, struct polyfs_error *err)
{
    struct ps_buf body = {0};
    struct ps_http_connection *answer = NULL;
    request->sink = take;
    request->arg = &body;
    int rc = ps_http_send(http, call, request, &answer, err);
    if (rc == POLYFS_OK && (ps_http_status(answer) < 200 || ps_http_status(answer) > 299))
        rc = refused(answer, who, err);
    else if (rc == POLYFS_OK)
        rc = abfs_token_read(body.data ? body.data : "", body.size, who, out, err);
    if (rc < 0 && err && answer == NULL)
        err->commit_state = POLYFS_COMMIT_NOT_APPLIED; /* of the call that wanted the token */
    ps_http_clear(http, answer);
    ps_buf_wipe(&body);
    return rc;
}

static void field(struct ps_buf *form, const char *name, const char *value)
{
    if (form->size)
        ps_buf_char(form, '&');
    ps_buf_text(form, name);
    ps_buf_char(form, '=');
    ps_url_encode(form, value, strlen(value), 0);
}

/* POST of a form to the tenant's token endpoint. */
static int ask_entra(struct abfs_fs *fs, struct polyfs_call *call, struct ps_buf *form, struct ps_keys *out,
                     struct polyfs_error *err)
{
    const struct abfs_auth *auth = &fs->auth;
    const struct ps_header type = {"content-type", "application/x-www-form-urlencoded"};
    struct ps_endpoint endpoint;
    struct ps_buf url = {0};
    int rc = ps_endpoint_parse(auth->authority, &endpoint, err);
    if (rc == POLYFS_OK && !endpoint.tls && !ps_host_is_loopback(endpoint.host))
        rc = polyfs_fail(err, POLYFS_CONFIG, "authority_host is no https:// address, and secrets would go there");
    ps_buf_text(&url, endpoint.tls ? "https://" : "http://");
    ps_buf_text(&url, rc == POLYFS_OK ? endpoint.authority : "");
    ps_buf_text(&url, rc == POLYFS_OK ? endpoint.base : "");
    ps_buf_char(&url, '/');
    ps_url_encode(&url, auth->tenant, strlen(auth->tenant), 0);
    ps_buf_text(&url, "/oauth2/v2.0/token");
    field(form, "client_id", auth->client);
    field(form, "grant_type", "client_credentials");
    field(form, "scope", SCOPE);
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&url, err);
    if (rc == POLYFS_OK)
        rc = ps_buf_check(form, err);
    struct ps_http_request request = {.method = "POST",
                                      .url = url.data,
                                      .headers = &type,
                                      .header_count = 1,
                                      .body = form->data,
                                      .body_bytes = form->size};
    if (rc == POLYFS_OK)
        rc = ask(fs->http, call, &request, "Entra ID", out, err);
    ps_buf_clear(&url);
    return rc;
}

/* ---- the sources ----------------------------------------------------------------------------------------------------------- */

static int from_text(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    const struct abfs_fs *fs = arg;
    (void)call;
    if (!fs->auth.token)
        return 0;
    int rc = ps_keys_set(out, NULL, NULL, fs->auth.token, err);
    return rc == POLYFS_OK ? 1 : rc;
}

static int from_principal(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    struct abfs_fs *fs = arg;
    const struct abfs_auth *auth = &fs->auth;
    struct ps_buf form = {0};
    if (!abfs_token_is_chosen(fs, "service_principal") || (!auth->secret && !auth->chosen))
        return 0;
    if (!auth->secret || !auth->client || !auth->tenant)
        return polyfs_fail(err, POLYFS_AUTH,
                           "a service principal needs all three of AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                           "AZURE_CLIENT_SECRET");
    field(&form, "client_secret", auth->secret);
    int rc = ask_entra(fs, call, &form, out, err);
    ps_buf_wipe(&form);
    return rc;
}

/* Read anew each time, since it is changed every hour; without the line end behind it. */
static int assertion_read(const char *file, struct ps_buf *out, struct polyfs_error *err)
{
    struct polyfs_error why = POLYFS_ERROR_INIT;
    int rc = ps_file_read(file, out, &why);
    while (rc == POLYFS_OK && out->size && strchr("\n\r ", out->data[out->size - 1]))
        out->data[--out->size] = '\0';
    if (rc == POLYFS_OK && out->size)
        return rc;
    return polyfs_fail(err, POLYFS_CONFIG, "the token of the workload identity in %.200s cannot be used: %s", file,
                       rc == POLYFS_OK ? "it is empty" : why.message);
}

static int from_workload(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    struct abfs_fs *fs = arg;
    const struct abfs_auth *auth = &fs->auth;
    struct ps_buf form = {0}, assertion = {0};
    if (!abfs_token_is_chosen(fs, "workload_identity") || (!auth->file && !auth->chosen))
        return 0;
    if (!auth->file || !auth->client || !auth->tenant)
        return polyfs_fail(err, POLYFS_AUTH,
                           "a workload identity needs all three of AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID and "
                           "AZURE_TENANT_ID");
    int rc = assertion_read(auth->file, &assertion, err);
    if (rc == POLYFS_OK) {
        field(&form, "client_assertion", assertion.data);
        field(&form, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        rc = ask_entra(fs, call, &form, out, err);
    }
    ps_buf_wipe(&form);
    ps_buf_wipe(&assertion);
    return rc;
}

static int ask_identity(struct abfs_fs *fs, struct polyfs_call *call, const char *url_of, const char *version,
                        const struct ps_header *header, const char *who, struct ps_keys *out,
                        struct polyfs_error *err)
{
    struct ps_query query[] = {{"api-version", version}, {"resource", RESOURCE}, {"client_id", fs->auth.client}};
    struct ps_buf url = {0};
    ps_buf_text(&url, url_of);
    ps_buf_char(&url, '?');
    ps_url_query(&url, query, fs->auth.client ? 3 : 2);
    struct ps_http_request request = {
        .method = "GET", .url = url.data, .headers = header, .header_count = 1, .stall_ms = TOKEN_MS};
    int rc = ps_buf_check(&url, err);
    if (rc == POLYFS_OK)
        rc = ask(fs->near_http, call, &request, who, out, err);
    ps_buf_clear(&url);
    return rc;
}

static int from_app_service(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    struct abfs_fs *fs = arg;
    const struct ps_header secret = {"x-identity-header", fs->auth.identity_header ? fs->auth.identity_header : ""};
    if (!abfs_token_is_chosen(fs, "managed_identity") || !fs->auth.identity || !fs->auth.identity_header)
        return 0;
    return ask_identity(fs, call, fs->auth.identity, "2019-08-01", &secret, "the App Service's identity endpoint",
                        out, err);
}

static int machine_has_none; /* asked once a process: elsewhere than on Azure nobody answers there */

/* Without the header that it wants it answers at once, if it is there; one that knows nothing of this is none. */
static int machine_is_there(struct abfs_fs *fs, struct polyfs_call *call, const char *url)
{
    const int is_own = strcmp(fs->auth.machine, IDENTITY_HOST) != 0;
    const struct ps_http_request request = {.method = "GET", .url = url};
    struct ps_http_connection *answer = NULL;
    if (!is_own && __atomic_load_n(&machine_has_none, __ATOMIC_RELAXED))
        return 0;
    int rc = ps_http_send(fs->near_http, call, &request, &answer, NULL);
    int status = rc == POLYFS_OK ? ps_http_status(answer) : 404;
    ps_http_clear(fs->near_http, answer);
    int there = status != 404 && status != 405;
    if (!there && !is_own && rc != POLYFS_CANCELLED && (!call || ps_host->stopped(call) == POLYFS_OK))
        __atomic_store_n(&machine_has_none, 1, __ATOMIC_RELAXED);
    return there;
}

static int from_machine(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    struct abfs_fs *fs = arg;
    const struct ps_header metadata = {"metadata", "true"};
    char url[400];
    if (!abfs_token_is_chosen(fs, "managed_identity") || !fs->auth.machine)
        return 0;
    snprintf(url, sizeof(url), "%.300s/metadata/identity/oauth2/token", fs->auth.machine);
    if (machine_is_there(fs, call, url))
        return ask_identity(fs, call, url, "2018-02-01", &metadata, "the machine's managed identity", out, err);
    if (call && polyfs_go_on(ps_host, call, err) != POLYFS_OK)
        return err ? err->code : POLYFS_CANCELLED;
    return fs->auth.chosen
               ? polyfs_fail(err, POLYFS_AUTH, "this machine has no managed identity: nobody answers at %.100s",
                             fs->auth.machine)
               : 0;
}

const struct ps_source abfs_token_sources[] = {{"the token that was given", from_text},
                                               {"the service principal", from_principal},
                                               {"the workload identity", from_workload},
                                               {"the App Service's identity", from_app_service},
                                               {"the machine's managed identity", from_machine},
                                               {"the az command", abfs_token_of_command}};
const unsigned abfs_token_source_count = sizeof(abfs_token_sources) / sizeof(abfs_token_sources[0]);

int abfs_token_none(void *arg, struct polyfs_error *err)
{
    const struct abfs_fs *fs = arg;
    return polyfs_fail(err, POLYFS_AUTH,
                       "there are no credentials for the account %.60s: set AZURE_STORAGE_ACCOUNT_KEY or "
                       "AZURE_STORAGE_CONNECTION_STRING, or log in with: az login; anon=true is for public data",
                       fs->account);
}
