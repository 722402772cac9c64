/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which account on which server: of a connection string ("Configure Azure Storage connection strings"), of the URL's
 * container@account, of options. Two that name different accounts are a mistake that is told, never a guess.
 */
#include <openssl/crypto.h>
#include <strings.h>

#include "abfs.h"

const char abfs_emulator_account[] = "devstoreaccount1";
/* Of every emulator alike; Microsoft publishes it. */
const char abfs_emulator_key[] =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
static const char emulator_endpoint[] = "http://127.0.0.1:10000/devstoreaccount1";

/* ---- connection strings -------------------------------------------------------------------------------------------------- */

/* One name=value; the value may hold '='. Names that say nothing of blobs are left alone. */
static int take_pair(struct abfs_connection *c, char *name, struct polyfs_error *err)
{
    char *value = strchr(name, '=');
    if (!value)
        return polyfs_fail(
            err, POLYFS_CONFIG,
            "the connection string has a part without '='; it looks like AccountName=...;AccountKey=...");
    *value++ = '\0';
    const struct {
        const char *name;
        char **to;
    } rows[] = {{"AccountName", &c->account},
                {"AccountKey", &c->key},
                {"SharedAccessSignature", &c->sas},
                {"BlobEndpoint", &c->endpoint},
                {"DfsEndpoint", &c->lake_endpoint},
                {"EndpointSuffix", &c->suffix},
                {"DefaultEndpointsProtocol", &c->scheme}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcasecmp(name, rows[i].name) == 0 && *value)
            *rows[i].to = value;
    if (strcasecmp(name, "UseDevelopmentStorage") == 0)
        c->is_emulator = strcasecmp(value, "true") == 0;
    return POLYFS_OK;
}

int abfs_connection_parse(const char *text, struct abfs_connection *out, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    *out = (struct abfs_connection){.text = ps_copy(text, strlen(text)), .bytes = strlen(text)};
    if (!out->text)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    for (char *at = out->text, *next; at && rc == POLYFS_OK; at = next) {
        next = strchr(at, ';');
        if (next)
            *next++ = '\0';
        at += strspn(at, " \t\r\n");
        if (*at)
            rc = take_pair(out, at, err);
    }
    if (rc == POLYFS_OK && out->scheme && strcmp(out->scheme, "http") != 0 && strcmp(out->scheme, "https") != 0)
        rc = polyfs_fail(err, POLYFS_CONFIG, "DefaultEndpointsProtocol is neither http nor https");
    if (rc == POLYFS_OK && !out->is_emulator && !out->account && !out->endpoint)
        rc = polyfs_fail(err, POLYFS_CONFIG,
                         "the connection string names no account; print it whole with: az storage account "
                         "show-connection-string -n ACCOUNT");
    return rc;
}

void abfs_connection_clear(struct abfs_connection *c)
{
    if (c->text)
        OPENSSL_cleanse(c->text, c->bytes);
    ps_host->free(c->text);
    *c = (struct abfs_connection){0};
}

/* ---- the account ----------------------------------------------------------------------------------------------------------- */

static int check_account(const char *account, struct polyfs_error *err)
{
    size_t n = strlen(account);
    if (n >= 3 && n <= 24 && strspn(account, "abcdefghijklmnopqrstuvwxyz0123456789") == n)
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_CONFIG,
                       "\"%.60s\" cannot be an account's name: 3 to 24 small letters and digits", account);
}

/* account[.dfs.SUFFIX or .blob.SUFFIX] of a URL: the account, and the suffix or "". */
static int authority_parse(const char *text, char account[64], char suffix[200], struct polyfs_error *err)
{
    size_t n = strcspn(text, ".");
    const char *service = text + n;
    *suffix = '\0';
    snprintf(account, 64, "%.*s", (int)(n < 63 ? n : 63), text);
    if (strncmp(service, ".dfs.", 5) == 0)
        snprintf(suffix, 200, "%s", service + 5);
    else if (strncmp(service, ".blob.", 6) == 0)
        snprintf(suffix, 200, "%s", service + 6);
    else if (*service || strchr(text, ':'))
        return polyfs_fail(
            err, POLYFS_CONFIG,
            "\"%.100s\" is no account; write abfs://container@account.dfs.core.windows.net/name, or name "
            "another server by option endpoint_url",
            text);
    return check_account(account, err);
}

static int keep_account(struct abfs_fs *fs, const char *of_url, const char *named, const char *of_connection,
                        struct polyfs_error *err)
{
    int failed = 0;
    const char *account = of_url ? of_url : named ? named : of_connection;
    if (of_url && of_connection && strcmp(of_url, of_connection) != 0)
        return polyfs_fail(err, POLYFS_CONFIG, "the URL names the account %.60s, and the connection string %.60s",
                           of_url, of_connection);
    fs->account = ps_texts_keep(&fs->texts, account, &failed);
    return failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem") : POLYFS_OK;
}

/* ---- the server ------------------------------------------------------------------------------------------------------------ */

/* An account within the first part of a path (an emulator), or the first label of a name. */
static const char *account_of_endpoint(const char *endpoint, char account[64])
{
    const char *host = strstr(endpoint, "://");
    host = host ? host + 3 : endpoint;
    const char *path = host + strcspn(host, "/");
    if (path[0] && path[1])
        snprintf(account, 64, "%.*s", (int)strcspn(path + 1, "/"), path + 1);
    else if (strstr(host, ".blob.") && strcspn(host, ".") < 63)
        snprintf(account, 64, "%.*s", (int)strcspn(host, "."), host);
    else
        *account = '\0';
    return *account ? account : NULL;
}

/* Endpoint as text, or NULL where it is Microsoft's own. */
static const char *named_endpoint(const struct polyfs_options *options, const struct abfs_connection *c)
{
    const char *endpoint = ps_option(options, "endpoint_url"), *host = ps_option(options, "account_host");
    int is_emulator = c->is_emulator || ps_host->option_number(options, "use_emulator");
    return endpoint ? endpoint : host ? host : c->endpoint ? c->endpoint : is_emulator ? emulator_endpoint : NULL;
}

/* The Data Lake endpoint: named, or where the blob service's own name tells it. */
static int lake_load(struct abfs_fs *fs, const struct polyfs_options *options, const struct abfs_connection *c,
                     struct polyfs_error *err)
{
    const char *named = ps_option(options, "dfs_endpoint"), *blob = strstr(fs->endpoint.host, ".blob.");
    char own[600];
    if (!named)
        named = c->lake_endpoint;
    if (named)
        return ps_endpoint_parse(named, &fs->lake_endpoint, err);
    if (!blob)
        return POLYFS_OK;
    snprintf(own, sizeof(own), "%s://%.*s.dfs.%s%s", fs->endpoint.tls ? "https" : "http",
             (int)(blob - fs->endpoint.host), fs->endpoint.host, blob + 6,
             fs->endpoint.authority + strlen(fs->endpoint.host)); /* the port, if there is one */
    return ps_endpoint_parse(own, &fs->lake_endpoint, err);
}

static int no_account(struct polyfs_error *err)
{
    return polyfs_fail(err, POLYFS_CONFIG,
                       "no account is named: write abfs://container@account.dfs.core.windows.net/name, or set "
                       "AZURE_STORAGE_ACCOUNT_NAME or AZURE_STORAGE_CONNECTION_STRING");
}

int abfs_endpoint_load(struct abfs_fs *fs, const struct polyfs_options *options, const struct abfs_connection *c,
                       struct polyfs_error *err)
{
    const char *authority = ps_host->authority(options), *endpoint = named_endpoint(options, c);
    char account[64] = "", suffix[200] = "", inner[64], own[360];
    int rc = *authority ? authority_parse(authority, account, suffix, err) : POLYFS_OK;
    const char *of_connection = c->account ? c->account : c->is_emulator ? abfs_emulator_account : NULL;
    const char *named = ps_option(options, "account_name");
    if (!named && !of_connection && endpoint)
        named = account_of_endpoint(endpoint, inner);
    if (rc == POLYFS_OK)
        rc = keep_account(fs, *account ? account : NULL, named, of_connection, err);
    if (rc != POLYFS_OK)
        return rc;
    if (!fs->account)
        return no_account(err);
    if (!endpoint) {
        rc = check_account(fs->account, err);
        snprintf(own, sizeof(own), "%s://%s.blob.%s", c->scheme ? c->scheme : "https", fs->account,
                 *suffix     ? suffix
                 : c->suffix ? c->suffix
                             : "core.windows.net");
        endpoint = own;
    }
    if (rc == POLYFS_OK)
        rc = ps_endpoint_parse(endpoint, &fs->endpoint, err);
    return rc == POLYFS_OK ? lake_load(fs, options, c, err) : rc;
}
