/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options and what a filesystem is made of. Names are those that users of adlfs, azure-storage-blob and the az command
 * pass; who wins is core's business (design: options). Invariant: open sends nothing.
 */
#include <openssl/crypto.h>

#include "abfs.h"

const struct polyfs_option abfs_options[] = {
    {"account_name", "account storage_account_name", "AZURE_STORAGE_ACCOUNT_NAME AZURE_STORAGE_ACCOUNT",
     POLYFS_OPTION_STRING, 0, NULL, NULL, "storage account, where the URL names none"},
    {"account_key", "key access_key", "AZURE_STORAGE_ACCOUNT_KEY AZURE_STORAGE_KEY AZURE_STORAGE_ACCESS_KEY",
     POLYFS_OPTION_STRING, POLYFS_OPTION_SECRET, NULL, NULL, "key of the account, in base64"},
    {"connection_string", "", "AZURE_STORAGE_CONNECTION_STRING", POLYFS_OPTION_STRING, POLYFS_OPTION_SECRET, NULL,
     NULL, "account, key and address in one text; UseDevelopmentStorage=true is the emulator"},
    {"sas_token", "sas", "AZURE_STORAGE_SAS_TOKEN AZURE_STORAGE_SAS_KEY", POLYFS_OPTION_STRING,
     POLYFS_OPTION_SECRET, NULL, NULL, "shared access signature, with or without its '?'"},
    {"token", "bearer_token", "AZURE_STORAGE_TOKEN", POLYFS_OPTION_STRING, POLYFS_OPTION_SECRET, NULL, NULL,
     "access token of Entra ID, as it is"},
    {"credential", "", "", POLYFS_OPTION_CHOICE, 0, "auto",
     "auto service_principal workload_identity managed_identity az_cli",
     "where a token comes from; auto asks each in this order"},
    {"tenant_id", "", "AZURE_STORAGE_TENANT_ID AZURE_TENANT_ID", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "tenant of the service principal"},
    {"client_id", "", "AZURE_STORAGE_CLIENT_ID AZURE_CLIENT_ID", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "service principal, or which of a machine's managed identities"},
    {"client_secret", "", "AZURE_STORAGE_CLIENT_SECRET AZURE_CLIENT_SECRET", POLYFS_OPTION_STRING,
     POLYFS_OPTION_SECRET, NULL, NULL, "secret of the service principal"},
    {"federated_token_file", "", "AZURE_FEDERATED_TOKEN_FILE", POLYFS_OPTION_PATH, 0, NULL, NULL,
     "file with the token of a workload identity"},
    {"authority_host", "", "AZURE_AUTHORITY_HOST", POLYFS_OPTION_STRING, 0, "https://login.microsoftonline.com",
     NULL, "where Entra ID gives tokens"},
    {"identity_host", "", "AZURE_POD_IDENTITY_AUTHORITY_HOST", POLYFS_OPTION_STRING, 0, "http://169.254.169.254",
     NULL, "where a machine asks for the token of its managed identity"},
    {"anon", "anonymous", "AZURE_STORAGE_ANON", POLYFS_OPTION_BOOL, 0, "false", NULL,
     "send requests without credentials"},
    {"endpoint_url", "endpoint blob_endpoint", "AZURE_STORAGE_SERVICE_ENDPOINT AZURE_STORAGE_ENDPOINT",
     POLYFS_OPTION_STRING, 0, NULL, NULL,
     "address of the blob service, as https://host or http://host:port/account"},
    {"dfs_endpoint", "", "AZURE_STORAGE_DFS_ENDPOINT", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "address of the Data Lake service, where that of the blob service does not tell it"},
    {"account_host", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "host of the account, as account.blob.core.windows.net"},
    {"use_emulator", "", "AZURE_STORAGE_USE_EMULATOR", POLYFS_OPTION_BOOL, 0, "false", NULL,
     "the emulator at 127.0.0.1:10000 with its well-known key"},
    {"provider", "", "", POLYFS_OPTION_CHOICE, 0, "auto", "auto azure azurite other",
     "which server it is; auto looks at its first answer"},
    {"checksums", "", "", POLYFS_OPTION_CHOICE, 0, "auto", "auto always never",
     "send a checksum with what is written: CRC64, auto: MD5 where that is not known to be verified"},
    {"access_tier", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "tier of new blobs: Hot, Cool, Cold or Archive"},
    PS_OPTION_VERIFY,
    {"ca_bundle", "", "REQUESTS_CA_BUNDLE", POLYFS_OPTION_PATH, 0, NULL, NULL, "file of certificates to trust"},
    {"allow_http", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL,
     "send tokens and SAS over http:// to hosts other than this one"},
    PS_OPTION_PROXY,
    PS_OPTION_NO_PROXY,
    {"connect_timeout", "connection_timeout", "", POLYFS_OPTION_DURATION, 0, "5s", NULL, "longest time to connect"},
    {"stall_timeout", "read_timeout", "", POLYFS_OPTION_DURATION, 0, "10s", NULL,
     "a request in which nothing moves for so long is given up and sent again"},
};
const uint32_t abfs_option_count = sizeof(abfs_options) / sizeof(abfs_options[0]);

/* Is it what one of these variables says? */
static int is_of_env(const struct polyfs_options *options, const char *value, const char *variables)
{
    char name[64];
    int found = 0;
    for (const char *at = variables; *at && !found; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        snprintf(name, sizeof(name), "%.*s", (int)n, at);
        found = ps_is_of_env(options, value, name);
        at += n;
    }
    return found;
}

/* Was this option said otherwise than by one of these variables of the environment (separated by blanks)? */
static int is_explicit(const struct polyfs_options *options, const char *name, const char *variables)
{
    const char *text = ps_option(options, name);
    return text && !is_of_env(options, text, variables);
}

static int is(const struct polyfs_options *options, const char *name, const char *value)
{
    const char *text = ps_option(options, name);
    return text && strcmp(text, value) == 0;
}

/* The user wrote http://; that is consent to send signatures, not secrets (abfs_auth_token), in the clear. */
static void warn_of_http(const struct abfs_fs *fs)
{
    static int warned;
    ps_warn_of_http(&fs->endpoint, "abfs", &warned);
}

static int manners_load(struct abfs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    int failed = 0;
    fs->checksums_wanted = is(options, "checksums", "always") ? 1 : is(options, "checksums", "never") ? -1 : 0;
    fs->access_tier = ps_texts_keep(&fs->texts, ps_option(options, "access_tier"), &failed);
    fs->versions = fs->lake = POLYFS_UNKNOWN;
    for (int p = ABFS_AZURE; p < ABFS_PROFILES; p++)
        if (is(options, "provider", abfs_traits[p].name))
            fs->profile = (enum abfs_profile)p;
    if (fs->profile == ABFS_UNKNOWN && strstr(fs->endpoint.host, ".blob.core."))
        fs->profile = ABFS_AZURE;
    return failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem") : POLYFS_OK;
}

static int http_load(struct abfs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    struct ps_http_config config = ps_http_options(options, &fs->endpoint, "abfs", "polyfs-abfs/0.1");
    const struct ps_http_config near = {.user_agent = "polyfs-abfs/0.1", .connect_ms = 900, .stall_ms = 1000};
    size_t n = strlen(fs->account);
    if (strncmp(fs->endpoint.host, fs->account, n) == 0 && fs->endpoint.host[n] == '.')
        config.account = fs->account;
    int rc = ps_http_new(&config, &fs->http, err);
    return rc == POLYFS_OK ? ps_http_new(&near, &fs->near_http, err) : rc;
}

/* The connection string counts unless it is the environment's, and the caller said more himself. */
static int connection_load(const struct polyfs_options *options, struct abfs_connection *out,
                           struct polyfs_error *err)
{
    const char *text = ps_option(options, "connection_string");
    int own = is_explicit(options, "account_key",
                          "AZURE_STORAGE_ACCOUNT_KEY AZURE_STORAGE_KEY AZURE_STORAGE_ACCESS_KEY") ||
              is_explicit(options, "sas_token", "AZURE_STORAGE_SAS_TOKEN AZURE_STORAGE_SAS_KEY") ||
              is_explicit(options, "token", "AZURE_STORAGE_TOKEN") ||
              is_explicit(options, "account_name", "AZURE_STORAGE_ACCOUNT_NAME AZURE_STORAGE_ACCOUNT");
    if (!text || (own && !is_explicit(options, "connection_string", "AZURE_STORAGE_CONNECTION_STRING")))
        return POLYFS_OK;
    return abfs_connection_parse(text, out, err);
}

int abfs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
              void **out, struct polyfs_error *err)
{
    (void)call;
    (void)inner;
    struct abfs_connection connection = {0};
    struct abfs_fs *fs = ps_host->alloc(sizeof(*fs));
    if (!fs)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    memset(fs, 0, sizeof(*fs));
    pthread_mutex_init(&fs->mu, NULL);
    int rc = connection_load(options, &connection, err);
    if (rc == POLYFS_OK)
        rc = abfs_endpoint_load(fs, options, &connection, err);
    if (rc == POLYFS_OK)
        rc = abfs_auth_load(fs, options, &connection, err);
    if (rc == POLYFS_OK)
        warn_of_http(fs);
    if (rc == POLYFS_OK)
        rc = manners_load(fs, options, err);
    if (rc == POLYFS_OK)
        rc = http_load(fs, options, err);
    abfs_connection_clear(&connection);
    if (rc == POLYFS_OK)
        *out = fs;
    else
        abfs_close(fs);
    return rc;
}

void abfs_close(void *self)
{
    struct abfs_fs *fs = self;
    ps_http_free(fs->http);
    ps_http_free(fs->near_http);
    ps_creds_free(fs->creds);
    ps_texts_clear(&fs->texts);
    pthread_mutex_destroy(&fs->mu);
    OPENSSL_cleanse(fs, sizeof(*fs));
    ps_host->free(fs);
}

void abfs_after_fork(void *self)
{
    struct abfs_fs *fs = self;
    pthread_mutex_init(&fs->mu, NULL);
    ps_creds_after_fork(fs->creds);
    ps_http_after_fork(fs->http);
    ps_http_after_fork(fs->near_http);
}
