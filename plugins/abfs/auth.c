/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are: the connection string's key or SAS, a token that was given, the account's key, a SAS, nobody when that was
 * asked for; else a token of Entra ID (token.c). The first that is there wins, and one that is there but broken is an error.
 */
#include "abfs.h"

static int key_load(struct abfs_fs *fs, const char *text, struct polyfs_error *err)
{
    int64_t n = ps_base64_decode(text, fs->auth.key, sizeof(fs->auth.key));
    if (n <= 0)
        return polyfs_fail(
            err, POLYFS_CONFIG,
            "the account's key is no base64; copy it whole, with the '=' at its end: az storage account "
            "keys list -n %.60s",
            fs->account);
    fs->auth.key_bytes = (unsigned)n;
    fs->auth.kind = ABFS_KEY;
    return POLYFS_OK;
}

static int sas_load(struct abfs_fs *fs, const char *text, struct polyfs_error *err)
{
    int failed = 0;
    text += strspn(text, "?&");
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f || *at == '#')
            return polyfs_fail(err, POLYFS_CONFIG, "the SAS holds a character that none has; copy it whole");
    if (strncmp(text, "sig=", 4) != 0 && !strstr(text, "&sig="))
        return polyfs_fail(err, POLYFS_CONFIG,
                           "the SAS has no sig=; make one with: az storage container generate-sas -n CONTAINER");
    fs->auth.sas = ps_texts_keep(&fs->texts, text, &failed);
    fs->auth.kind = ABFS_SAS;
    return failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for keys") : POLYFS_OK;
}

int abfs_sas_is_over(const struct abfs_fs *fs, char end[64])
{
    const char *at = fs->auth.kind == ABFS_SAS ? fs->auth.sas : "";
    while (strncmp(at, "se=", 3) != 0) {
        at += strcspn(at, "&");
        if (!*at++)
            return 0;
    }
    size_t n = strcspn(at + 3, "&");
    snprintf(end, 64, "%.*s", (int)(n < 63 ? n : 63), at + 3);
    ps_url_decode(end, strlen(end));
    int64_t ns = ps_iso_time_ns(end);
    return ns != POLYFS_TIME_UNKNOWN && ns < ps_host->clock_ns(1);
}

/* What the az command gets of the environment: who it works for, and how it reaches Azure. */
static void environment_load(struct abfs_fs *fs, const struct polyfs_options *options, int *failed)
{
    static const char *const names[] = {"PATH",
                                        "HOME",
                                        "USER",
                                        "LANG",
                                        "TMPDIR",
                                        "HTTPS_PROXY",
                                        "HTTP_PROXY",
                                        "NO_PROXY",
                                        "no_proxy",
                                        "https_proxy",
                                        "http_proxy",
                                        "SSL_CERT_FILE",
                                        "AZURE_CONFIG_DIR",
                                        "REQUESTS_CA_BUNDLE"};
    unsigned count = 0;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = ps_host->env(options, names[i]);
        struct ps_buf text = {0};
        if (!value)
            continue;
        ps_buf_text(&text, names[i]);
        ps_buf_char(&text, '=');
        ps_buf_text(&text, value);
        fs->auth.environment[count] = text.failed ? NULL : ps_texts_keep(&fs->texts, text.data, failed);
        *failed |= text.failed;
        count += fs->auth.environment[count] != NULL;
        ps_buf_wipe(&text);
    }
}

/* What the sources of tokens need of options and environment, which are gone after open. */
static int token_load(struct abfs_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    struct abfs_auth *auth = &fs->auth;
    const char *chosen = ps_option(options, "credential");
    int failed = 0;
    const struct {
        const char **to, *text;
    } rows[] = {
        {&auth->chosen, chosen && strcmp(chosen, "auto") != 0 ? chosen : NULL},
        {&auth->token, ps_option(options, "token")},
        {&auth->tenant, ps_option(options, "tenant_id")},
        {&auth->client, ps_option(options, "client_id")},
        {&auth->secret, ps_option(options, "client_secret")},
        {&auth->file, ps_option(options, "federated_token_file")},
        {&auth->authority, ps_option(options, "authority_host")},
        {&auth->machine, ps_option(options, "identity_host")},
        {&auth->identity, ps_host->env(options, "IDENTITY_ENDPOINT")},
        {&auth->identity_header, ps_host->env(options, "IDENTITY_HEADER")},
        {&auth->path, ps_host->env(options, "PATH")},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        *rows[i].to = ps_texts_keep(&fs->texts, rows[i].text, &failed);
    environment_load(fs, options, &failed);
    auth->kind = ABFS_TOKEN;
    if (failed)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for keys");
    return ps_creds_new(abfs_token_sources, abfs_token_source_count, fs, abfs_token_none, &fs->creds, err);
}

int abfs_auth_load(struct abfs_fs *fs, const struct polyfs_options *options, const struct abfs_connection *c,
                   struct polyfs_error *err)
{
    const char *key = ps_option(options, "account_key"), *sas = ps_option(options, "sas_token");
    const char *chosen = ps_option(options, "credential");
    fs->auth.allow_http = ps_host->option_number(options, "allow_http") != 0;
    if (ps_host->option_number(options, "anon"))
        return POLYFS_OK;
    if (c->key)
        return key_load(fs, c->key, err);
    if (c->sas)
        return sas_load(fs, c->sas, err);
    if (ps_option(options, "token") || (chosen && strcmp(chosen, "auto") != 0))
        return token_load(fs, options, err);
    if (key)
        return key_load(fs, key, err);
    if (sas)
        return sas_load(fs, sas, err);
    if (strcmp(fs->account, abfs_emulator_account) == 0)
        return key_load(fs, abfs_emulator_key, err);
    return token_load(fs, options, err);
}

int abfs_auth_token(struct abfs_fs *fs, struct polyfs_call *call, const struct ps_keys **out,
                    struct polyfs_error *err)
{
    *out = NULL;
    if (fs->auth.kind != ABFS_TOKEN && fs->auth.kind != ABFS_SAS)
        return POLYFS_OK;
    if (!fs->auth.allow_http && !fs->endpoint.tls && !ps_host_is_loopback(fs->endpoint.host))
        return polyfs_fail(err, POLYFS_CONFIG,
                           "a %s would go over http:// to %s in the clear; use https://, or allow it with "
                           "allow_http=true",
                           fs->auth.kind == ABFS_SAS ? "SAS" : "token", fs->endpoint.authority);
    return fs->auth.kind == ABFS_TOKEN ? ps_creds_get(fs->creds, call, out, err) : POLYFS_OK;
}
