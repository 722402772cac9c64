/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of Entra ID, a row a source, asked in the order of Azure's own libraries: a service principal's secret, a
 * workload identity's file, a managed identity (App Service's, then the machine's), the az command. A metadata service that
 * is not there is told within a second.
 */
#include "plugins/support/token.h"
#include "abfs.h"
#include "plugins/support/file.h"
#include "plugins/support/json.h"

#define SCOPE "https://storage.azure.com/.default"
#define RESOURCE "https://storage.azure.com/"
#define IDENTITY_HOST "http://169.254.169.254"
#define TOKEN_MS 10000 /* a service that is there may take its time */

int abfs_token_is_chosen(const struct abfs_fs *fs, const char *name)
{
    return !fs->auth.chosen || strcmp(fs->auth.chosen, name) == 0;
}

/* ---- asking a server ----------------------------------------------------------------------------------------------------- */

/* What Entra ID says of a refusal, without the ids of the request behind it. */
static int refused(const struct ps_http_connection *answer, struct polyfs_error *err)
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
    int code = polyfs_fail(err, status >= 500 || status == 429 ? POLYFS_BUSY : POLYFS_AUTH, "HTTP %d%s%s", status,
                           *text ? ": " : "", text);
    if (err) {
        err->http_status = status;
        err->retry = status == 429   ? POLYFS_RETRY_THROTTLED
                     : status >= 500 ? POLYFS_RETRY_TRANSIENT
                                     : POLYFS_RETRY_NEVER;
    }
    return code;
}

/* POST of a form to the tenant's token endpoint; @q has what is particular to the source. */
static int ask_entra(struct abfs_fs *fs, struct polyfs_call *call, struct ps_token_question *q, struct ps_keys *out,
                     struct polyfs_error *err)
{
    const struct abfs_auth *auth = &fs->auth;
    struct ps_buf url = {0};
    size_t n = strlen(auth->authority);
    ps_buf_add(&url, auth->authority, n && auth->authority[n - 1] == '/' ? n - 1 : n);
    ps_buf_char(&url, '/');
    ps_url_encode(&url, auth->tenant, strlen(auth->tenant), 0);
    ps_buf_text(&url, "/oauth2/v2.0/token");
    ps_token_header(q, "content-type", "application/x-www-form-urlencoded");
    ps_token_field(q, "client_id", auth->client);
    ps_token_field(q, "grant_type", "client_credentials");
    ps_token_field(q, "scope", SCOPE);
    q->http = fs->http;
    q->method = "POST";
    q->url = url.data;
    q->whom = "Entra ID";
    q->refused = refused;
    int rc = ps_buf_check(&url, err);
    if (rc == POLYFS_OK)
        rc = ps_token_ask(q, call, out, err);
    ps_buf_wipe(&q->body);
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
    struct ps_token_question q = {0};
    if (!abfs_token_is_chosen(fs, "service_principal") || (!auth->secret && !auth->chosen))
        return 0;
    if (!auth->secret || !auth->client || !auth->tenant)
        return polyfs_fail(err, POLYFS_AUTH,
                           "a service principal needs all three of AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                           "AZURE_CLIENT_SECRET");
    ps_token_field(&q, "client_secret", auth->secret);
    return ask_entra(fs, call, &q, out, err);
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
    struct ps_token_question q = {0};
    struct ps_buf assertion = {0};
    if (!abfs_token_is_chosen(fs, "workload_identity") || (!auth->file && !auth->chosen))
        return 0;
    if (!auth->file || !auth->client || !auth->tenant)
        return polyfs_fail(err, POLYFS_AUTH,
                           "a workload identity needs all three of AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID and "
                           "AZURE_TENANT_ID");
    int rc = assertion_read(auth->file, &assertion, err);
    if (rc == POLYFS_OK) {
        ps_token_field(&q, "client_assertion", assertion.data);
        ps_token_field(&q, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        rc = ask_entra(fs, call, &q, out, err);
    }
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
    struct ps_token_question q = {.http = fs->near_http,
                                  .method = "GET",
                                  .url = url.data,
                                  .whom = who,
                                  .stall_ms = TOKEN_MS,
                                  .is_near = 1,
                                  .refused = refused};
    ps_token_header(&q, header->name, header->value);
    int rc = ps_buf_check(&url, err);
    if (rc == POLYFS_OK)
        rc = ps_token_ask(&q, call, out, err);
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

/* Without the header that it wants it answers at once, if it is there; one that knows nothing of this is none. */
static int machine_is_there(struct abfs_fs *fs, struct polyfs_call *call, const char *url)
{
    const int is_own = strcmp(fs->auth.machine, IDENTITY_HOST) != 0;
    const struct ps_http_request request = {.method = "GET", .url = url};
    struct ps_http_connection *answer = NULL;
    if (!is_own && ps_machine_has_none())
        return 0;
    int rc = ps_http_send(fs->near_http, call, &request, &answer, NULL);
    int status = rc == POLYFS_OK ? ps_http_status(answer) : 404;
    ps_http_clear(fs->near_http, answer);
    int there = status != 404 && status != 405;
    if (!there && !is_own)
        ps_machine_note_none(call, rc);
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
