/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options and what a filesystem is made of. Names are those that users of s3fs, boto3 and pyarrow pass; who wins is
 * core's business (design: options). Invariant: open sends nothing.
 */
#include <openssl/crypto.h>

#include "plugins/support/digest.h"
#include "s3.h"

const struct polyfs_option s3_options[] = {
    {"key", "access_key access_key_id username", "AWS_ACCESS_KEY_ID", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "access key"},
    {"secret", "secret_key secret_access_key password", "AWS_SECRET_ACCESS_KEY", POLYFS_OPTION_STRING,
     POLYFS_OPTION_SECRET, NULL, NULL, "secret key"},
    {"token", "session_token", "AWS_SESSION_TOKEN AWS_SECURITY_TOKEN", POLYFS_OPTION_STRING, POLYFS_OPTION_SECRET,
     NULL, NULL, "session token of temporary keys"},
    {"anon", "anonymous", "", POLYFS_OPTION_BOOL, 0, "false", NULL, "send requests without a signature"},
    {"profile", "", "AWS_DEFAULT_PROFILE AWS_PROFILE", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "profile of ~/.aws/config and ~/.aws/credentials"},
    {"endpoint_url", "endpoint endpoint_override", "AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL", POLYFS_OPTION_STRING, 0,
     NULL, NULL, "address of another server than Amazon's, as https://host or http://host:port"},
    {"region", "region_name", "AWS_REGION AWS_DEFAULT_REGION", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "region of the buckets; learned from the first answer when it is wrong"},
    {"provider", "", "", POLYFS_OPTION_CHOICE, 0, "auto", "auto aws minio versitygw seaweedfs ceph r2 other",
     "which server it is; auto looks at its first answer"},
    {"addressing_style", "", "", POLYFS_OPTION_CHOICE, 0, "auto", "auto path virtual",
     "bucket in the path or in the host name; auto: path on other servers than Amazon's"},
    {"use_ssl", "", "", POLYFS_OPTION_BOOL, 0, "true", NULL, "https where endpoint_url names no scheme"},
    PS_OPTION_VERIFY,
    {"ca_bundle", "", "AWS_CA_BUNDLE", POLYFS_OPTION_PATH, 0, NULL, NULL, "file of certificates to trust"},
    {"allow_http", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL,
     "send session tokens over http:// to hosts other than this one"},
    PS_OPTION_PROXY,
    PS_OPTION_NO_PROXY,
    PS_OPTION_CONNECT_TIMEOUT,
    {"stall_timeout", "read_timeout", "", POLYFS_OPTION_DURATION, 0, "10s", NULL,
     "a request in which nothing moves for so long is given up and sent again"},
    {"payload_signing", "payload_signing_enabled", "", POLYFS_OPTION_CHOICE, 0, "auto", "auto always",
     "always: the signature covers the bytes too, for stores that insist"},
    {"checksums", "", "AWS_REQUEST_CHECKSUM_CALCULATION", POLYFS_OPTION_CHOICE, 0, "auto",
     "auto always never when_supported when_required",
     "send and check CRC64NVME, or CRC32C where the server verifies that faster; auto: where it is known to verify "
     "any"},
    {"requester_pays", "", "", POLYFS_OPTION_BOOL, 0, "false", NULL, "pay for requests to buckets of others"},
    {"acl", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "canned ACL of new objects, as private"},
    {"storage_class", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "storage class of new objects"},
    {"tagging", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "tags of new objects, as a=1&b=2"},
    {"server_side_encryption", "sse", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "AES256, aws:kms or aws:kms:dsse"},
    {"sse_kms_key_id", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL, "key of aws:kms"},
    {"sse_customer_key", "", "", POLYFS_OPTION_STRING, POLYFS_OPTION_SECRET, NULL, NULL,
     "key of the customer's own for reads and writes, 32 bytes in base64"},
    {"config_file", "", "AWS_CONFIG_FILE", POLYFS_OPTION_PATH, 0, "~/.aws/config", NULL,
     "where profiles are configured"},
    {"credentials_file", "", "AWS_SHARED_CREDENTIALS_FILE", POLYFS_OPTION_PATH, 0, "~/.aws/credentials", NULL,
     "where the keys of profiles are"},
    {"ignore_configured_endpoint_urls", "", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", POLYFS_OPTION_BOOL, 0, "false",
     NULL, "take endpoint_url from options only, not from the environment or profiles"},
};
const uint32_t s3_option_count = sizeof(s3_options) / sizeof(s3_options[0]);

static int is(const struct polyfs_options *options, const char *name, const char *value)
{
    const char *text = ps_option(options, name);
    return text && strcmp(text, value) == 0;
}

/* ---- where ------------------------------------------------------------------------------------------------------ */

/* An endpoint that came from the environment, which may have been asked to be ignored. */
static const char *named_endpoint(const struct polyfs_options *options)
{
    const char *text = ps_option(options, "endpoint_url");
    static const char *const names[] = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"};
    if (!ps_host->option_number(options, "ignore_configured_endpoint_urls"))
        return text;
    for (unsigned i = 0; text && i < 2; i++)
        if (ps_is_of_env(options, text, names[i]))
            return NULL;
    return text;
}

static int endpoint_load(struct s3_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    const char *endpoint = named_endpoint(options), *region = ps_option(options, "region");
    const char *of_profile = NULL, *its_region = NULL;
    char own[128];
    int failed = 0;
    int rc = s3_auth_profile_text(fs, &of_profile, &its_region, err);
    if (rc != POLYFS_OK)
        return rc;
    if (!endpoint && !ps_host->option_number(options, "ignore_configured_endpoint_urls"))
        endpoint = of_profile;
    fs->region = ps_texts_keep(&fs->texts, region ? region : its_region ? its_region : "us-east-1", &failed);
    fs->custom = endpoint != NULL;
    if (failed)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    if (strlen(fs->region) >= sizeof(fs->derived_region) ||
        strspn(fs->region, "abcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(fs->region))
        return polyfs_fail(err, POLYFS_CONFIG, "the region \"%.60s\" is none; one looks like eu-central-1",
                           fs->region);
    if (!endpoint) {
        snprintf(own, sizeof(own), "https://s3.%s.amazonaws.com%s", fs->region,
                 strncmp(fs->region, "cn-", 3) == 0 ? ".cn" : "");
        endpoint = own;
    }
    if (!strstr(endpoint, "://") && !ps_host->option_number(options, "use_ssl")) {
        snprintf(own, sizeof(own), "http://%.110s", endpoint);
        endpoint = own;
    }
    rc = ps_endpoint_parse(endpoint, &fs->endpoint, err);
    fs->virtual_hosts =
        is(options, "addressing_style", "virtual") || (is(options, "addressing_style", "auto") && !fs->custom);
    return rc;
}

/* The user wrote http://; that is consent to send keys' signatures, not secrets (s3_auth_keys), in the clear. */
static void warn_of_http(const struct s3_fs *fs)
{
    static int warned;
    ps_warn_of_http(&fs->endpoint, "s3", &warned);
}

/* ---- how -------------------------------------------------------------------------------------------------------- */

static int sse_load(struct s3_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    const char *key = ps_option(options, "sse_customer_key");
    unsigned char bytes[32], sum[16];
    struct ps_buf md5 = {0};
    int failed = 0;
    fs->sse = ps_texts_keep(&fs->texts, ps_option(options, "server_side_encryption"), &failed);
    fs->sse_kms_key = ps_texts_keep(&fs->texts, ps_option(options, "sse_kms_key_id"), &failed);
    if (!key)
        return failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem") : POLYFS_OK;
    if (ps_base64_decode(key, bytes, sizeof(bytes)) != sizeof(bytes))
        return polyfs_fail(err, POLYFS_CONFIG,
                           "sse_customer_key is not 32 bytes in base64; make one with: openssl rand -base64 32");
    if (!fs->endpoint.tls)
        return polyfs_fail(err, POLYFS_CONFIG, "sse_customer_key is never sent over http://; use https://");
    int rc = ps_md5(bytes, sizeof(bytes), sum, err);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    ps_buf_base64(&md5, sum, sizeof(sum));
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&md5, err);
    fs->sse_key = ps_texts_keep(&fs->texts, key, &failed);
    fs->sse_key_md5 = ps_texts_keep(&fs->texts, md5.data, &failed);
    ps_buf_clear(&md5);
    return rc == POLYFS_OK && failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem") : rc;
}

static int manners_load(struct s3_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    int failed = 0;
    fs->requester_pays = ps_host->option_number(options, "requester_pays") != 0;
    fs->sign_payload = is(options, "payload_signing", "always");
    fs->checksums_wanted = is(options, "checksums", "always") || is(options, "checksums", "when_supported") ? 1
                           : is(options, "checksums", "never") || is(options, "checksums", "when_required") ? -1
                                                                                                            : 0;
    fs->acl = ps_texts_keep(&fs->texts, ps_option(options, "acl"), &failed);
    fs->storage_class = ps_texts_keep(&fs->texts, ps_option(options, "storage_class"), &failed);
    fs->tagging = ps_texts_keep(&fs->texts, ps_option(options, "tagging"), &failed);
    for (int p = S3_AWS; p < S3_PROFILES; p++)
        if (is(options, "provider", s3_traits[p].name))
            fs->profile = (enum s3_profile)p;
    size_t n = strlen(fs->endpoint.host);
    if (fs->profile == S3_UNKNOWN && n > 13 && strstr(fs->endpoint.host, ".amazonaws.com"))
        fs->profile = S3_AWS;
    return failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem") : sse_load(fs, options, err);
}

static int http_load(struct s3_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    const struct ps_http_config config = ps_http_options(options, &fs->endpoint, "s3", "polyfs-s3/0.1");
    return ps_http_new(&config, &fs->http, err);
}

int s3_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
            void **out, struct polyfs_error *err)
{
    (void)call;
    (void)inner;
    struct s3_fs *fs = ps_host->alloc(sizeof(*fs));
    if (!fs)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    memset(fs, 0, sizeof(*fs));
    pthread_mutex_init(&fs->mu, NULL);
    int rc = s3_auth_load(fs, options, err);
    if (rc == POLYFS_OK)
        rc = endpoint_load(fs, options, err);
    if (rc == POLYFS_OK)
        warn_of_http(fs);
    if (rc == POLYFS_OK)
        rc = manners_load(fs, options, err);
    if (rc == POLYFS_OK)
        rc = http_load(fs, options, err);
    if (rc == POLYFS_OK)
        *out = fs;
    else
        s3_close(fs);
    return rc;
}

void s3_close(void *self)
{
    struct s3_fs *fs = self;
    ps_http_free(fs->http);
    ps_creds_free(fs->creds);
    ps_texts_clear(&fs->texts);
    pthread_mutex_destroy(&fs->mu);
    OPENSSL_cleanse(fs, sizeof(*fs));
    ps_host->free(fs);
}

void s3_after_fork(void *self)
{
    struct s3_fs *fs = self;
    pthread_mutex_init(&fs->mu, NULL);
    ps_creds_after_fork(fs->creds);
    ps_http_after_fork(fs->http);
}
