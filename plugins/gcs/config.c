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
    {"verify", "", "", POLYFS_OPTION_BOOL, 0, "true", NULL, "verify certificates; false is for tests alone"},
    {"ca_bundle", "", "", POLYFS_OPTION_PATH, 0, NULL, NULL, "file of certificates to trust"},
    {"allow_http", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL,
     "send tokens over http:// to hosts other than this one"},
    {"proxy", "", "HTTPS_PROXY https_proxy", POLYFS_OPTION_STRING, POLYFS_OPTION_SECRET, NULL, NULL,
     "proxy for https:// endpoints; for http:// ones say it as an option"},
    {"no_proxy", "", "NO_PROXY no_proxy", POLYFS_OPTION_STRING, 0, NULL, NULL, "hosts that no proxy is used for"},
    {"connect_timeout", "", "", POLYFS_OPTION_DURATION, 0, "5s", NULL, "longest time to connect"},
    {"stall_timeout", "requests_timeout", "", POLYFS_OPTION_DURATION, 0, "10s", NULL,
     "a request in which nothing moves for so long is given up and sent again"},
};
const uint32_t gcs_option_count = sizeof(gcs_options) / sizeof(gcs_options[0]);

const char *gcs_keep(struct gcs_fs *fs, const char *text, int *failed)
{
    if (!text || !*text)
        return NULL;
    char *made = fs->text_count < GCS_TEXTS ? ps_copy(text, strlen(text)) : NULL;
    if (!made) {
        *failed = 1;
        return NULL;
    }
    fs->texts[fs->text_count++] = made;
    return made;
}

const char *gcs_option(const struct polyfs_options *options, const char *name)
{
    const char *text = ps_host->option(options, name);
    return text && *text ? text : NULL;
}

static int no_memory(struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
}

/* ---- where ------------------------------------------------------------------------------------------------------ */

/* STORAGE_EMULATOR_HOST is often written without a scheme, and means http:// then, as it does for Google's libraries. */
static int endpoint_load(struct gcs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    const char *text = gcs_option(options, "endpoint_url"), *provider = gcs_option(options, "provider");
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
    char text[400];
    static int warned;
    if (fs->endpoint.tls || ps_host_is_loopback(fs->endpoint.host))
        return;
    if (!__atomic_exchange_n(&warned, 1, __ATOMIC_RELAXED)) {
        snprintf(text, sizeof(text), "gcs: %s is reached over http://: everybody on the way can read what is moved",
                 fs->endpoint.authority);
        ps_host->log(NULL, 1, text);
    }
}

/* ---- how -------------------------------------------------------------------------------------------------------- */

static int manners_load(struct gcs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    int failed = 0;
    const char *project = gcs_option(options, "project");
    if (project)
        fs->project = gcs_keep(fs, project, &failed); /* else of the credentials */
    fs->user_project = gcs_keep(fs, gcs_option(options, "user_project"), &failed);
    if (!fs->user_project && ps_host->option_number(options, "requester_pays")) {
        if (!fs->project)
            return polyfs_fail(err, POLYFS_CONFIG, "requester_pays needs to know who pays: option user_project");
        fs->user_project = fs->project;
    }
    fs->location = gcs_keep(fs, gcs_option(options, "default_location"), &failed);
    fs->storage_class = gcs_keep(fs, gcs_option(options, "storage_class"), &failed);
    fs->acl = gcs_keep(fs, gcs_option(options, "acl"), &failed);
    fs->kms_key = gcs_keep(fs, gcs_option(options, "kms_key_name"), &failed);
    return failed ? no_memory(err) : POLYFS_OK;
}

static int http_load(struct gcs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    const char *proxy = gcs_option(options, "proxy");
    const char *upper = ps_host->env(options, "HTTPS_PROXY"), *lower = ps_host->env(options, "https_proxy");
    if (proxy && !fs->endpoint.tls &&
        ((upper && strcmp(proxy, upper) == 0) || (lower && strcmp(proxy, lower) == 0)))
        proxy = NULL; /* that one is for https */
    const struct ps_http_config config = {
        .user_agent = "polyfs-gcs/0.1",
        .proxy = proxy,
        .no_proxy = gcs_option(options, "no_proxy"),
        .ca_bundle = gcs_option(options, "ca_bundle"),
        .insecure = !ps_host->option_number(options, "verify"),
        .connect_ms = (uint32_t)ps_host->option_number(options, "connect_timeout"),
        .stall_ms = (uint32_t)ps_host->option_number(options, "stall_timeout"),
    };
    const struct ps_http_config near = {.user_agent = "polyfs-gcs/0.1", .connect_ms = 1000, .stall_ms = 1000};
    if (config.insecure && fs->endpoint.tls)
        ps_host->log(NULL, 1,
                     "gcs: certificates are not verified (verify=false): anybody can pretend to be the store");
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
    for (unsigned i = 0; i < fs->text_count; i++) {
        OPENSSL_cleanse(fs->texts[i], strlen(fs->texts[i]));
        ps_host->free(fs->texts[i]);
    }
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
