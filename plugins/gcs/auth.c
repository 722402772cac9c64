/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are: an option, a file that was named, gcloud's own file, this machine, nobody. One row a source, asked in the
 * order of Google's libraries; the first that has a token wins, and one that is there but broken is an error, never skipped.
 * Nobody only when asked to, or where the endpoint is http://: an emulator, to which no token goes.
 */
#include "gcs.h"
#include "plugins/support/file.h"

/* ---- files ------------------------------------------------------------------------------------------------------------ */

/* 1 with the document, due to json_decref(); 0 when there is no such file; a code that names it. */
static int document_load(const char *file, json_t **out, struct polyfs_error *err)
{
    struct ps_buf text = {0};
    struct polyfs_error why = POLYFS_ERROR_INIT;
    int rc = ps_file_read(file, &text, &why);
    if (rc == POLYFS_NOT_FOUND || rc == POLYFS_NOT_DIR)
        return 0;
    if (rc == POLYFS_OK)
        rc = ps_json_read(text.data ? text.data : "", text.size, out, &why);
    ps_buf_wipe(&text);
    if (rc == POLYFS_OK)
        return 1;
    return polyfs_fail(err, POLYFS_CONFIG, "the credentials in %.200s cannot be used: %.200s", file, why.message);
}

static int missing(const char *file, struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_CONFIG,
                       "there is no file of credentials %.200s; name another: GOOGLE_APPLICATION_CREDENTIALS",
                       file);
}

/* ---- sources ------------------------------------------------------------------------------------------------------ */

static int from_option(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    const struct gcs_fs *fs = arg;
    (void)call;
    if (!fs->auth.token)
        return 0;
    int rc = ps_keys_set(out, NULL, NULL, fs->auth.token, err);
    return rc == POLYFS_OK ? 1 : rc;
}

static int from_document(struct gcs_fs *fs, struct polyfs_call *call, const char *file, int must,
                         struct ps_keys *out, struct polyfs_error *err)
{
    json_t *document = NULL;
    int rc = file ? document_load(file, &document, err) : 0;
    if (rc == 0 && file && must)
        rc = missing(file, err);
    if (rc == 1)
        rc = gcs_token_of(fs, call, document, file, out, err);
    json_decref(document);
    return rc;
}

static int from_file(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    struct gcs_fs *fs = arg;
    return from_document(fs, call, fs->auth.file, 1, out, err);
}

static int from_gcloud(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    struct gcs_fs *fs = arg;
    return from_document(fs, call, fs->auth.well_known, 0, out, err);
}

static int from_machine(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    struct gcs_fs *fs = arg;
    return fs->auth.ask_metadata ? gcs_token_of_machine(fs, call, out, err) : 0;
}

/* Whoever it is, it may be told to act as another. */
static int act_as(struct gcs_fs *fs, struct polyfs_call *call, struct ps_keys *keys, int rc,
                  struct polyfs_error *err)
{
    struct ps_buf url = {0};
    if (rc != 1 || !fs->auth.impersonate)
        return rc;
    ps_buf_text(&url, "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/");
    ps_url_encode(&url, fs->auth.impersonate, strlen(fs->auth.impersonate), 0);
    ps_buf_text(&url, ":generateAccessToken");
    rc = ps_buf_check(&url, err);
    if (rc == POLYFS_OK)
        rc = gcs_token_impersonate(fs, call, url.data, NULL, keys, err);
    ps_buf_clear(&url);
    return rc;
}

#define SOURCE(name)                                                                                               \
    static int name##_acting(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)   \
    {                                                                                                              \
        return act_as(arg, call, out, name(arg, call, out, err), err);                                             \
    }
SOURCE(from_option)
SOURCE(from_file)
SOURCE(from_gcloud)
SOURCE(from_machine)

static const struct ps_source sources[] = {{"the option token", from_option_acting},
                                           {"the file of credentials", from_file_acting},
                                           {"gcloud's credentials", from_gcloud_acting},
                                           {"the metadata server", from_machine_acting}};

static int none(void *arg, struct polyfs_error *err)
{
    (void)arg;
    return polyfs_fail(err, POLYFS_AUTH,
                       "there are no credentials; sign in: gcloud auth application-default login, or name a file: "
                       "GOOGLE_APPLICATION_CREDENTIALS, or anon=true for public data");
}

/* ---- who we are ----------------------------------------------------------------------------------------------------- */

static int is_file(const char *token)
{
    size_t n = strlen(token);
    return token[0] == '/' || token[0] == '.' || token[0] == '~' || (n > 5 && strcmp(token + n - 5, ".json") == 0);
}

/* What users of gcsfs pass as token: how to find one, a file, or a token itself. */
static int take_token(struct gcs_fs *fs, const char *token, int *anon, int *failed, struct polyfs_error *err)
{
    struct gcs_auth *auth = &fs->auth;
    if (!token || strcmp(token, "google_default") == 0)
        return POLYFS_OK;
    if (strcmp(token, "cache") == 0 || strcmp(token, "browser") == 0 || *token == '{')
        return polyfs_fail(err, POLYFS_CONFIG,
                           "token takes a token, a file, google_default, cloud or anon; sign in with: gcloud auth "
                           "application-default login");
    *anon |= strcmp(token, "anon") == 0;
    if (*anon)
        return POLYFS_OK;
    auth->file = auth->well_known = NULL;
    if (strcmp(token, "cloud") == 0) {
        auth->ask_metadata = 1;
    } else {
        auth->ask_metadata = 0;
        if (is_file(token))
            auth->file = ps_texts_keep(&fs->texts, token, failed);
        else
            auth->token = ps_texts_keep(&fs->texts, token, failed);
    }
    return POLYFS_OK;
}

static int auth_keep(struct gcs_fs *fs, const struct polyfs_options *options, int *anon, struct polyfs_error *err)
{
    struct gcs_auth *auth = &fs->auth;
    const char *access = ps_option(options, "access"), *folder = ps_option(options, "gcloud_config");
    char text[4200];
    int failed = 0;
    snprintf(text, sizeof(text), "https://www.googleapis.com/auth/devstorage.%.40s",
             access ? access : "full_control");
    auth->scope = ps_texts_keep(&fs->texts, text, &failed);
    auth->file = ps_texts_keep(&fs->texts, ps_option(options, "credentials_file"), &failed);
    snprintf(text, sizeof(text), "%.4095s/application_default_credentials.json", folder ? folder : "");
    auth->well_known = folder ? ps_texts_keep(&fs->texts, text, &failed) : NULL;
    auth->impersonate = ps_texts_keep(&fs->texts, ps_option(options, "target_service_account"), &failed);
    auth->metadata_host = ps_texts_keep(&fs->texts, ps_option(options, "metadata_host"), &failed);
    auth->ask_metadata = !ps_host->option_number(options, "no_gce_check");
    auth->allow_http = ps_host->option_number(options, "allow_http") != 0;
    *anon = ps_host->option_number(options, "anon") != 0;
    int rc = take_token(fs, ps_option(options, "token"), anon, &failed, err);
    return rc == POLYFS_OK && failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for credentials") : rc;
}

/* An emulator is asked as nobody, unless somebody gave a token for it or says that it stands for Google's. */
static int is_emulator(const struct gcs_fs *fs, const struct polyfs_options *options)
{
    const char *provider = ps_option(options, "provider"), *token = ps_option(options, "token");
    return !fs->endpoint.tls && !fs->auth.allow_http && !token && !(provider && strcmp(provider, "google") == 0);
}

int gcs_auth_account(struct gcs_fs *fs, json_t **out, struct polyfs_error *err)
{
    const char *file = fs->auth.file ? fs->auth.file : fs->auth.well_known;
    int rc = document_load(file, out, err);
    if (rc == 0)
        return missing(file, err);
    if (rc == 1)
        rc = gcs_token_check(*out, file, err);
    const char *type = rc == POLYFS_OK ? ps_json_text(*out, "type") : NULL;
    if (rc == POLYFS_OK && strcmp(type, "service_account") != 0)
        rc = polyfs_fail(err, POLYFS_UNSUPPORTED, "the credentials in %.200s are no longer a service account's",
                         file);
    return rc;
}

/* A document that is there is looked at now, so that a mistake is told at open. */
static int check_file(struct gcs_fs *fs, const char *file, int must, struct polyfs_error *err)
{
    json_t *document = NULL;
    int failed = 0, rc = file ? document_load(file, &document, err) : 0;
    if (rc == 0)
        return file && must ? missing(file, err) : POLYFS_OK;
    if (rc == 1)
        rc = gcs_token_check(document, file, err);
    const char *project = rc == POLYFS_OK ? ps_json_text(document, "project_id") : NULL;
    const char *type = rc == POLYFS_OK ? ps_json_text(document, "type") : NULL;
    fs->auth.signs = type && strcmp(type, "service_account") == 0 && !fs->auth.impersonate;
    if (project)
        fs->project = ps_texts_keep(&fs->texts, project, &failed);
    json_decref(document);
    return rc == POLYFS_OK && failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for credentials") : rc;
}

int gcs_auth_load(struct gcs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    int anon = 0, rc = auth_keep(fs, options, &anon, err);
    if (rc != POLYFS_OK || anon || is_emulator(fs, options))
        return rc;
    if (!fs->auth.token)
        rc = check_file(fs, fs->auth.file, 1, err);
    if (rc == POLYFS_OK && !fs->auth.token && !fs->auth.file)
        rc = check_file(fs, fs->auth.well_known, 0, err);
    return rc == POLYFS_OK ? ps_creds_new(sources, sizeof(sources) / sizeof(sources[0]), fs, none, &fs->creds, err)
                           : rc;
}

int gcs_auth_token(struct gcs_fs *fs, struct polyfs_call *call, const struct ps_keys **out,
                   struct polyfs_error *err)
{
    *out = NULL;
    if (!fs->creds)
        return POLYFS_OK;
    if (!fs->endpoint.tls && !fs->auth.allow_http && !ps_host_is_loopback(fs->endpoint.host))
        return polyfs_fail(err, POLYFS_CONFIG,
                           "a token would go over http:// to %s in the clear; use https://, or allow it with "
                           "allow_http=true",
                           fs->endpoint.authority);
    return ps_creds_get(fs->creds, call, out, err);
}
