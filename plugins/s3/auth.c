/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the keys come from: options, the environment, the two files of AWS's tools, nobody. One row a source, asked in the
 * order of the rows; the first that has keys wins, and one that is there but broken is an error, never skipped. Sources
 * that this release does not speak are named when nothing else has keys (ecosystem: "Credentials", S3).
 */
#include "plugins/support/ini.h"
#include "s3.h"

struct files {
    struct ps_ini *config, *credentials;
    char profile[128];       /* plain name */
    char section[144];       /* of it in the config file */
    int profile_is_explicit; /* by an option, not by the environment */
};

static const char *text_of(const struct polyfs_options *options, const char *name)
{
    const char *text = ps_host->option(options, name);
    return text && *text ? text : NULL;
}

static int is_of_env(const struct polyfs_options *options, const char *value, const char *variable)
{
    const char *env = ps_host->env(options, variable);
    return env && strcmp(env, value) == 0;
}

static int files_load(const struct polyfs_options *options, struct files *f, struct polyfs_error *err)
{
    const char *profile = text_of(options, "profile"), *config = text_of(options, "config_file");
    const char *credentials = text_of(options, "credentials_file");
    memset(f, 0, sizeof(*f));
    f->profile_is_explicit = profile && !is_of_env(options, profile, "AWS_DEFAULT_PROFILE") &&
                             !is_of_env(options, profile, "AWS_PROFILE");
    snprintf(f->profile, sizeof(f->profile), "%s", profile ? profile : "default");
    snprintf(f->section, sizeof(f->section), "%s%s", strcmp(f->profile, "default") == 0 ? "" : "profile ",
             f->profile);
    int rc = config ? ps_ini_load(config, &f->config, err) : POLYFS_OK;
    if (rc == POLYFS_OK && credentials)
        rc = ps_ini_load(credentials, &f->credentials, err);
    if (rc == POLYFS_OK && profile && !(f->config && ps_ini_has(f->config, f->section)) &&
        !(f->credentials && ps_ini_has(f->credentials, f->profile)))
        rc = polyfs_fail(err, POLYFS_CONFIG,
                         "there is no profile \"%.100s\" in %s or %s; see: aws configure list-profiles", f->profile,
                         config ? config : "~/.aws/config", credentials ? credentials : "~/.aws/credentials");
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

/* 1: has keys; 0: has none; else a code. Texts are borrowed. */
typedef int source_fn(const struct polyfs_options *options, const struct files *files, struct s3_keys *out,
                      struct polyfs_error *err);

static int check_pair(const char *where, const struct s3_keys *keys, struct polyfs_error *err)
{
    if (!keys->id && !keys->secret)
        return 0;
    if (!keys->id || !keys->secret)
        return polyfs_fail(err, POLYFS_AUTH, "%s has %s key without the other; give both", where,
                           keys->id ? "an access" : "a secret");
    return 1;
}

static int from_options(const struct polyfs_options *options, const struct files *files, struct s3_keys *out,
                        struct polyfs_error *err)
{
    *out = (struct s3_keys){text_of(options, "key"), text_of(options, "secret"), text_of(options, "token")};
    if (files->profile_is_explicit && out->id && is_of_env(options, out->id, "AWS_ACCESS_KEY_ID"))
        return 0; /* a profile that was asked for wins over the environment */
    if (out->id && out->token && !is_of_env(options, out->id, "AWS_ACCESS_KEY_ID") &&
        (is_of_env(options, out->token, "AWS_SESSION_TOKEN") ||
         is_of_env(options, out->token, "AWS_SECURITY_TOKEN")))
        out->token = NULL; /* that one belongs to the environment's key */
    return check_pair("the options or the environment", out, err);
}

static int from_file(const struct ps_ini *ini, const char *section, const char *where, struct s3_keys *out,
                     struct polyfs_error *err)
{
    if (!ini)
        return 0;
    *out = (struct s3_keys){ps_ini_get(ini, section, "aws_access_key_id"),
                            ps_ini_get(ini, section, "aws_secret_access_key"),
                            ps_ini_get(ini, section, "aws_session_token")};
    return check_pair(where, out, err);
}

static int from_credentials_file(const struct polyfs_options *options, const struct files *files,
                                 struct s3_keys *out, struct polyfs_error *err)
{
    (void)options;
    return from_file(files->credentials, files->profile, "the profile in the credentials file", out, err);
}

static int from_config_file(const struct polyfs_options *options, const struct files *files, struct s3_keys *out,
                            struct polyfs_error *err)
{
    (void)options;
    return from_file(files->config, files->section, "the profile in the config file", out, err);
}

static source_fn *const sources[] = {from_options, from_credentials_file, from_config_file};

/* What AWS's tools would ask, and this release does not: named, so that nobody has to guess. */
static const char *unspoken(const struct polyfs_options *options, const struct files *files)
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
    if (ps_host->env(options, "AWS_WEB_IDENTITY_TOKEN_FILE"))
        return "a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)";
    if (ps_host->env(options, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
        ps_host->env(options, "AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        return "the container's credentials";
    return NULL;
}

static int none(const struct polyfs_options *options, const struct files *files, struct polyfs_error *err)
{
    const char *what = unspoken(options, files);
    if (what)
        return polyfs_fail(err, POLYFS_AUTH,
                           "this release does not speak %s yet; get keys with: eval \"$(aws configure "
                           "export-credentials --format env)\"",
                           what);
    return polyfs_fail(err, POLYFS_AUTH,
                       "there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in "
                       "~/.aws/credentials, or anon=true for public data");
}

static int keep(struct s3_fs *fs, const struct s3_keys *keys, struct polyfs_error *err)
{
    int failed = 0;
    fs->keys.id = s3_keep(fs, keys->id, &failed);
    fs->keys.secret = s3_keep(fs, keys->secret, &failed);
    fs->keys.token = s3_keep(fs, keys->token, &failed);
    return failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for keys") : POLYFS_OK;
}

int s3_auth_load(struct s3_fs *fs, const struct polyfs_options *options, struct polyfs_error *err)
{
    struct files files;
    struct s3_keys keys = {0};
    int rc = 0;
    if (ps_host->option_number(options, "anon"))
        return POLYFS_OK;
    int loaded = files_load(options, &files, err);
    for (unsigned i = 0; loaded == POLYFS_OK && rc == 0 && i < sizeof(sources) / sizeof(sources[0]); i++)
        rc = sources[i](options, &files, &keys, err);
    if (loaded != POLYFS_OK)
        rc = loaded;
    else if (rc == 0)
        rc = none(options, &files, err);
    else if (rc > 0)
        rc = keep(fs, &keys, err);
    files_clear(&files);
    return rc;
}

int s3_auth_profile_text(struct s3_fs *fs, const struct polyfs_options *options, const char **out_endpoint,
                         const char **out_region, struct polyfs_error *err)
{
    struct files files;
    char section[160];
    int failed = 0;
    int rc = files_load(options, &files, err);
    if (rc == POLYFS_OK) {
        const char *services = of_config(&files, "services"), *endpoint = NULL;
        snprintf(section, sizeof(section), "services %s", services ? services : "");
        if (services)
            endpoint = ps_ini_get(files.config, section, "s3.endpoint_url");
        if (!endpoint)
            endpoint = of_config(&files, "endpoint_url");
        *out_endpoint = s3_keep(fs, endpoint, &failed);
        *out_region = s3_keep(fs, of_config(&files, "region"), &failed);
        if (failed)
            rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    }
    files_clear(&files);
    return rc;
}
