/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options and what a filesystem is made of. Names are those that users of gcsfs and pyarrow pass; who wins is core's
 * business (design: options). Invariant: open sends nothing.
 */
#include <openssl/crypto.h>

#include "gcs.h"

#define GOOGLE "https://storage.googleapis.com"

const struct polyfs_option gcs_options[] = {
    {"token", "access_token", "", POLYFS_OPTION_STRING, POLYFS_OPTION_SECRET, NULL, NULL,
     "a token, a file of credentials, or one of google_default, cloud, anon"},
    {"anon", "anonymous", "", POLYFS_OPTION_BOOL, 0, "false", NULL, "send requests without a token"},
    {"credentials_file", "service_account_file", "GOOGLE_APPLICATION_CREDENTIALS", POLYFS_OPTION_PATH, 0, NULL,
     NULL, "file of credentials: of a service account, a user, or another identity"},
    {"gcloud_config", "", "CLOUDSDK_CONFIG", POLYFS_OPTION_PATH, 0, "~/.config/gcloud", NULL,
     "where gcloud keeps its application_default_credentials.json"},
    {"target_service_account", "impersonate_service_account", "", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "service account to act as"},
    {"access", "", "", POLYFS_OPTION_CHOICE, 0, "full_control", "read_only read_write full_control",
     "what tokens are asked to allow"},
    {"project", "project_id", "GOOGLE_CLOUD_PROJECT GCLOUD_PROJECT", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "project whose buckets are listed and made"},
    {"user_project", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "project that pays for requests"},
    {"requester_pays", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL,
     "the project pays, unless user_project is given"},
    {"endpoint_url", "endpoint endpoint_override", "STORAGE_EMULATOR_HOST", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "address of another server than Google's, as https://host or http://host:port"},
    {"provider", "", "", POLYFS_OPTION_CHOICE, 0, "auto", "auto google other",
     "whose server it is; auto looks at its first answer"},
    {"metadata_host", "", "GCE_METADATA_HOST", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "host:port of the metadata server, where this machine is one of Google's"},
    {"no_gce_check", "", "NO_GCE_CHECK", POLYFS_OPTION_BOOL, 0, "false", NULL, "do not look for a metadata server"},
    {"default_location", "default_bucket_location", "", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "where new buckets are made"},
    {"storage_class", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "storage class of new objects and buckets"},
    {"acl", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "predefined ACL of new objects, as projectPrivate"},
    {"kms_key_name", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "Cloud KMS key of new objects"},
    PS_OPTION_VERIFY,
    {"ca_bundle", "", "", POLYFS_OPTION_PATH, 0, NULL, NULL, "file of certificates to trust"},
    {"allow_http", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL,
     "send tokens over http:// to hosts other than this one"},
    PS_OPTION_PROXY,
    PS_OPTION_NO_PROXY,
    PS_OPTION_CONNECT_TIMEOUT,
    {"stall_timeout", "requests_timeout", "", POLYFS_OPTION_DURATION, 0, "10s", NULL,
     "a request in which nothing moves for so long is given up and sent again"},
};
const uint32_t gcs_option_count = sizeof(gcs_options) / sizeof(gcs_options[0]);

static int no_memory(struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
}

/* ---- where ------------------------------------------------------------------------------------------------------ */

/* STORAGE_EMULATOR_HOST is often written without a scheme, and means http:// then, as it does for Google's libraries. */
static int endpoint_load(struct gcs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    const char *text = ps_option(options, "endpoint_url"), *provider = ps_option(options, "provider");
    char own[512];
    if (!text || strcmp(text, "default") == 0)
        text = GOOGLE;
    if (!strstr(text, "://")) {
        snprintf(own, sizeof(own), "http://%.500s", text);
        text = own;
    }
    int rc = ps_endpoint_parse(text, &fs->endpoint, err);
    const char *host = fs->endpoint.host;
    size_t n = strlen(host), its = strlen(".googleapis.com");
    if (provider && strcmp(provider, "auto") != 0)
        fs->profile = strcmp(provider, "google") == 0 ? GCS_GOOGLE : GCS_OTHER;
    else if (n > its && strcmp(host + n - its, ".googleapis.com") == 0)
        fs->profile = GCS_GOOGLE;
    return rc;
}

/* The user wrote http://; that is consent to send bytes, not tokens (gcs_auth_token), in the clear. */
static void warn_of_http(const struct gcs_fs *fs)
{
    static int warned;
    ps_warn_of_http(&fs->endpoint, "gcs", &warned);
}

/* ---- how -------------------------------------------------------------------------------------------------------- */

static int manners_load(struct gcs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    int failed = 0;
    const char *project = ps_option(options, "project");
    if (project)
        fs->project = ps_texts_keep(&fs->texts, project, &failed); /* else of the credentials */
    fs->user_project = ps_texts_keep(&fs->texts, ps_option(options, "user_project"), &failed);
    if (!fs->user_project && ps_host->option_number(options, "requester_pays")) {
        if (!fs->project)
            return polyfs_fail(err, POLYFS_CONFIG, "requester_pays needs to know who pays: option user_project");
        fs->user_project = fs->project;
    }
    fs->location = ps_texts_keep(&fs->texts, ps_option(options, "default_location"), &failed);
    fs->storage_class = ps_texts_keep(&fs->texts, ps_option(options, "storage_class"), &failed);
    fs->acl = ps_texts_keep(&fs->texts, ps_option(options, "acl"), &failed);
    fs->kms_key = ps_texts_keep(&fs->texts, ps_option(options, "kms_key_name"), &failed);
    return failed ? no_memory(err) : POLYFS_OK;
}

static int http_load(struct gcs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    const struct ps_http_config config = ps_http_options(options, &fs->endpoint, "gcs", "polyfs-gcs/0.1");
    const struct ps_http_config near = {.user_agent = "polyfs-gcs/0.1", .connect_ms = 1000, .stall_ms = 1000};
    int rc = ps_http_new(&config, &fs->http, err);
    return rc == POLYFS_OK ? ps_http_new(&near, &fs->near_http, err) : rc;
}

int gcs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
             void **out, struct polyfs_error *err)
{
    (void)call;
    (void)inner;
    struct gcs_fs *fs = ps_host->alloc(sizeof(*fs));
    if (!fs)
        return no_memory(err);
    memset(fs, 0, sizeof(*fs));
    pthread_mutex_init(&fs->mu, NULL);
    int rc = endpoint_load(fs, options, err);
    if (rc == POLYFS_OK)
        rc = http_load(fs, options, err);
    if (rc == POLYFS_OK)
        rc = gcs_auth_load(fs, options, err);
    if (rc == POLYFS_OK)
        rc = manners_load(fs, options, err);
    if (rc == POLYFS_OK)
        warn_of_http(fs);
    if (rc == POLYFS_OK)
        *out = fs;
    else
        gcs_close(fs);
    return rc;
}

void gcs_close(void *self)
{
    struct gcs_fs *fs = self;
    ps_http_free(fs->http);
    ps_http_free(fs->near_http);
    ps_creds_free(fs->creds);
    ps_texts_clear(&fs->texts);
    pthread_mutex_destroy(&fs->mu);
    OPENSSL_cleanse(fs, sizeof(*fs));
    ps_host->free(fs);
}

void gcs_after_fork(void *self)
{
    struct gcs_fs *fs = self;
    pthread_mutex_init(&fs->mu, NULL);
    ps_creds_after_fork(fs->creds);
    ps_http_after_fork(fs->http);
    ps_http_after_fork(fs->near_http);
}
