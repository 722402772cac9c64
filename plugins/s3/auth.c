/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the keys come from: options, the environment, the two files of AWS's tools, nobody. One row a source, asked in the
 * order of the rows; the first that has keys wins, and one that is there but broken is an error, never skipped. Sources
 * that this release does not speak are named when nothing else has keys (ecosystem: "Credentials", S3). Files are read
 * again when the server says that what they held is over, since other tools write new tokens there.
 */
#include "plugins/support/ini.h"
#include "s3.h"

struct files {
    struct ps_ini *config, *credentials;
    char profile[128]; /* plain name */
    char section[144]; /* of it in the config file */
};

static int files_load(const struct s3_auth *auth, struct files *f, struct polyfs_error *err)
{
    memset(f, 0, sizeof(*f));
    snprintf(f->profile, sizeof(f->profile), "%s", auth->profile ? auth->profile : "default");
    snprintf(f->section, sizeof(f->section), "%s%s", strcmp(f->profile, "default") == 0 ? "" : "profile ",
             f->profile);
    int rc = auth->config ? ps_ini_load(auth->config, &f->config, err) : POLYFS_OK;
    if (rc == POLYFS_OK && auth->credentials)
        rc = ps_ini_load(auth->credentials, &f->credentials, err);
    if (rc == POLYFS_OK && auth->profile && !(f->config && ps_ini_has(f->config, f->section)) &&
        !(f->credentials && ps_ini_has(f->credentials, f->profile)))
        rc = polyfs_fail(err, POLYFS_CONFIG,
                         "there is no profile \"%.100s\" in %s or %s; see: aws configure list-profiles", f->profile,
                         auth->config ? auth->config : "~/.aws/config",
                         auth->credentials ? auth->credentials : "~/.aws/credentials");
    return rc;
}

static void files_clear(struct files *f)
{
    ps_ini_free(f->config);
    ps_ini_free(f->credentials);
}

static const char *of_config(const struct files *f, const char *key)
{
    return f->config ? ps_ini_get(f->config, f->section, key) : NULL;
}

/* ---- sources ------------------------------------------------------------------------------------------------------ */

static int keep_pair(const char *where, const char *id, const char *secret, const char *token, struct ps_keys *out,
                     struct polyfs_error *err)
{
    if (!id && !secret)
        return 0;
    if (!id || !secret)
        return polyfs_fail(err, POLYFS_AUTH, "%s has %s key without the other; give both", where,
                           id ? "an access" : "a secret");
    int rc = ps_keys_set(out, id, secret, token, err);
    return rc == POLYFS_OK ? 1 : rc;
}

static int from_options(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    const struct s3_auth *auth = arg;
    (void)call;
    return keep_pair("the options or the environment", auth->id, auth->secret, auth->token, out, err);
}

static int from_file(const struct ps_ini *ini, const char *section, const char *where, struct ps_keys *out,
                     struct polyfs_error *err)
{
    if (!ini)
        return 0;
    return keep_pair(where, ps_ini_get(ini, section, "aws_access_key_id"),
                     ps_ini_get(ini, section, "aws_secret_access_key"),
                     ps_ini_get(ini, section, "aws_session_token"), out, err);
}

/* The credentials file goes before the other. */
static int from_files(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    struct files files;
    (void)call;
    int rc = files_load(arg, &files, err);
    if (rc == POLYFS_OK)
        rc = from_file(files.credentials, files.profile, "the profile in the credentials file", out, err);
    if (rc == 0)
        rc = from_file(files.config, files.section, "the profile in the config file", out, err);
    files_clear(&files);
    return rc;
}

static const struct ps_source sources[] = {{"the options or the environment", from_options},
                                           {"~/.aws", from_files}};

/* What AWS's tools would ask, and this release does not: named, so that nobody has to guess. */
static const char *unspoken(const struct files *files)
{
    static const struct {
        const char *key, *what;
    } rows[] = {{"role_arn", "an assumed role (role_arn)"},
                {"sso_session", "AWS SSO (sso_session)"},
                {"sso_start_url", "AWS SSO (sso_start_url)"},
                {"credential_process", "a credential_process"},
                {"login_session", "an aws login session"}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (of_config(files, rows[i].key))
            return rows[i].what;
    return NULL;
}

static const char *unspoken_in_env(const struct polyfs_options *options)
{
    if (ps_host->env(options, "AWS_WEB_IDENTITY_TOKEN_FILE"))
        return "a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)";
    if (ps_host->env(options, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
        ps_host->env(options, "AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        return "the container's credentials";
    return NULL;
}

static int none(void *arg, struct polyfs_error *err)
{
    const struct s3_auth *auth = arg;
    struct files files;
    int rc = files_load(auth, &files, err);
    const char *what = rc == POLYFS_OK ? unspoken(&files) : NULL;
    files_clear(&files);
    if (!what)
        what = auth->unspoken;
    if (rc == POLYFS_OK && what)
        return polyfs_fail(err, POLYFS_AUTH,
                           "this release does not speak %s yet; get keys with: eval \"$(aws configure "
                           "export-credentials --format env)\"",
                           what);
    if (rc == POLYFS_OK)
        rc = polyfs_fail(err, POLYFS_AUTH,
                         "there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in "
                         "~/.aws/credentials, or anon=true for public data");
    return rc;
}

/* ---- who we are ----------------------------------------------------------------------------------------------------- */

/* What options and environment say, kept, since they are gone after open. */
static int auth_keep(struct s3_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    struct s3_auth *auth = &fs->auth;
    const char *profile = ps_option(options, "profile"), *id = ps_option(options, "key");
    const char *secret = ps_option(options, "secret"), *token = ps_option(options, "token");
    int failed = 0, of_env = id && ps_is_of_env(options, id, "AWS_ACCESS_KEY_ID");
    int profile_is_explicit = profile && !ps_is_of_env(options, profile, "AWS_DEFAULT_PROFILE") &&
                              !ps_is_of_env(options, profile, "AWS_PROFILE");
    if (profile_is_explicit && of_env)
        id = secret = token = NULL; /* a profile that was asked for wins over the environment */
    if (id && token && !of_env &&
        (ps_is_of_env(options, token, "AWS_SESSION_TOKEN") || ps_is_of_env(options, token, "AWS_SECURITY_TOKEN")))
        token = NULL; /* that one belongs to the environment's key */
    auth->id = ps_texts_keep(&fs->texts, id, &failed);
    auth->secret = ps_texts_keep(&fs->texts, secret, &failed);
    auth->token = ps_texts_keep(&fs->texts, token, &failed);
    auth->profile = ps_texts_keep(&fs->texts, profile, &failed);
    auth->config = ps_texts_keep(&fs->texts, ps_option(options, "config_file"), &failed);
    auth->credentials = ps_texts_keep(&fs->texts, ps_option(options, "credentials_file"), &failed);
    auth->unspoken = unspoken_in_env(options);
    auth->allow_http = ps_host->option_number(options, "allow_http") != 0;
    return failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for keys") : POLYFS_OK;
}

int s3_auth_load(struct s3_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    const struct ps_keys *keys = NULL;
    int rc = auth_keep(fs, options, err);
    if (rc != POLYFS_OK || ps_host->option_number(options, "anon"))
        return rc;
    rc = ps_creds_new(sources, sizeof(sources) / sizeof(sources[0]), &fs->auth, none, &fs->creds, err);
    if (rc == POLYFS_OK)
        rc = ps_creds_get(fs->creds, NULL, &keys, err); /* both sources are here, so a mistake is told at open */
    ps_creds_release(fs->creds, keys);
    return rc;
}

int s3_auth_keys(struct s3_fs *fs, struct polyfs_call *call, const struct ps_keys **out, struct polyfs_error *err)
{
    *out = NULL;
    int rc = fs->creds ? ps_creds_get(fs->creds, call, out, err) : POLYFS_OK;
    if (rc != POLYFS_OK || !*out || !(*out)->token || fs->auth.allow_http || fs->endpoint.tls ||
        ps_host_is_loopback(fs->endpoint.host))
        return rc;
    ps_creds_release(fs->creds, *out);
    *out = NULL;
    return polyfs_fail(err, POLYFS_CONFIG,
                       "a session token would go over http:// to %s in the clear; use https://, or allow it with "
                       "allow_http=true",
                       fs->endpoint.authority);
}

int s3_auth_profile_text(struct s3_fs *fs, const char **out_endpoint, const char **out_region,
                         struct polyfs_error *err)
{
    struct files files;
    char section[160];
    int failed = 0;
    int rc = files_load(&fs->auth, &files, err);
    if (rc == POLYFS_OK) {
        const char *services = of_config(&files, "services"), *endpoint = NULL;
        snprintf(section, sizeof(section), "services %s", services ? services : "");
        if (services)
            endpoint = ps_ini_get(files.config, section, "s3.endpoint_url");
        if (!endpoint)
            endpoint = of_config(&files, "endpoint_url");
        *out_endpoint = ps_texts_keep(&fs->texts, endpoint, &failed);
        *out_region = ps_texts_keep(&fs->texts, of_config(&files, "region"), &failed);
        if (failed)
            rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    }
    files_clear(&files);
    return rc;
}
