/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed URLs, version 4 ("V4 signing process", Cloud Storage): a request of the XML API whose query carries the signature of
 * a service account. Nothing is sent; who has no key of one cannot sign here.
 */
#include "gcs.h"
#include "plugins/support/digest.h"

struct signing {
    struct gcs_fs *fs;
    struct ps_target target;
    const char *verb, *email, *key;
    char time[20], scope[64], life[16];
    struct ps_buf credential, query, request, text;
};

static void query_load(struct signing *s)
{
    struct ps_query rows[6] = {{"X-Goog-Algorithm", "GOOG4-RSA-SHA256"},
                               {"X-Goog-Credential", s->credential.data},
                               {"X-Goog-Date", s->time},
                               {"X-Goog-Expires", s->life},
                               {"X-Goog-SignedHeaders", "host"},
                               {"userProject", s->fs->user_project}};
    ps_url_query(&s->query, rows, s->fs->user_project ? 6 : 5);
}

static void path_add(const struct signing *s, struct ps_buf *out)
{
    ps_buf_text(out, s->fs->endpoint.base);
    ps_buf_char(out, '/');
    ps_url_encode(out, s->target.bucket, s->target.bucket_len, 0);
    ps_buf_char(out, '/');
    ps_url_encode(out, s->target.key, s->target.key_len, 1);
}

/* The canonical request, and what is signed of it. */
static int text_load(struct signing *s, struct polyfs_error *err)
{
    unsigned char hash[32];
    ps_buf_text(&s->request, s->verb);
    ps_buf_char(&s->request, '\n');
    path_add(s, &s->request);
    ps_buf_char(&s->request, '\n');
    ps_buf_add(&s->request, s->query.data, s->query.size);
    ps_buf_text(&s->request, "\nhost:");
    ps_buf_text(&s->request, s->fs->endpoint.authority);
    ps_buf_text(&s->request, "\n\nhost\nUNSIGNED-PAYLOAD");
    int rc = ps_buf_check(&s->request, err);
    if (rc == POLYFS_OK)
        rc = ps_sha256(s->request.data, s->request.size, hash, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_buf_text(&s->text, "GOOG4-RSA-SHA256\n");
    ps_buf_text(&s->text, s->time);
    ps_buf_char(&s->text, '\n');
    ps_buf_text(&s->text, s->scope);
    ps_buf_char(&s->text, '\n');
    ps_buf_hex(&s->text, hash, sizeof(hash));
    return ps_buf_check(&s->text, err);
}

static int url_load(struct signing *s, struct ps_buf *url, struct polyfs_error *err)
{
    unsigned char sum[1024];
    size_t n = sizeof(sum);
    int rc = text_load(s, err);
    if (rc == POLYFS_OK)
        rc = gcs_rs256(s->key, &s->text, sum, &n, err);
    if (rc != POLYFS_OK)
        return rc;
    ps_buf_text(url, s->fs->endpoint.tls ? "https://" : "http://");
    ps_buf_text(url, s->fs->endpoint.authority);
    path_add(s, url);
    ps_buf_char(url, '?');
    ps_buf_add(url, s->query.data, s->query.size);
    ps_buf_text(url, "&X-Goog-Signature=");
    ps_buf_hex(url, sum, n);
    return ps_buf_check(url, err);
}

static int sign_with(struct signing *s, const json_t *document, uint32_t life_s, struct ps_buf *url,
                     struct polyfs_error *err)
{
    s->email = ps_json_text(document, "client_email");
    s->key = ps_json_text(document, "private_key");
    ps_sigv4_date(ps_host->clock_ns(1) / 1000000000, s->time);
    snprintf(s->scope, sizeof(s->scope), "%.8s/auto/storage/goog4_request", s->time);
    snprintf(s->life, sizeof(s->life), "%u", life_s);
    ps_buf_text(&s->credential, s->email);
    ps_buf_char(&s->credential, '/');
    ps_buf_text(&s->credential, s->scope);
    int rc = ps_buf_check(&s->credential, err);
    if (rc == POLYFS_OK) {
        query_load(s);
        rc = ps_buf_check(&s->query, err);
    }
    if (rc == POLYFS_OK)
        rc = url_load(s, url, err);
    ps_buf_clear(&s->credential);
    ps_buf_clear(&s->query);
    ps_buf_clear(&s->request);
    ps_buf_clear(&s->text);
    return rc;
}

static int check(const struct gcs_fs *fs, const char *verb, uint32_t life_s, struct polyfs_error *err)
{
    if (!fs->auth.signs)
        return polyfs_fail(err, POLYFS_UNSUPPORTED,
                           "without the key of a service account there is nothing to sign with; name its file: "
                           "GOOGLE_APPLICATION_CREDENTIALS");
    return ps_sigv4_check(verb, life_s, err);
}

int gcs_sign(struct polyfs_call *call, void *self, const char *path, uint64_t path_len, const char *verb,
             uint32_t life_s, struct polyfs_text *out, struct polyfs_error *err)
{
    struct gcs_fs *fs = self;
    struct signing s = {.fs = fs, .verb = verb};
    struct ps_buf url = {0};
    json_t *document = NULL;
    (void)call;
    int rc = gcs_target(path, path_len, 1, &s.target, err);
    if (rc == POLYFS_OK)
        rc = check(fs, verb, life_s, err);
    if (rc == POLYFS_OK)
        rc = gcs_auth_account(fs, &document, err);
    if (rc == POLYFS_OK)
        rc = sign_with(&s, document, life_s, &url, err);
    if (rc == POLYFS_OK && ps_host->text_set(out, url.data, url.size) != POLYFS_OK)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a URL");
    ps_buf_clear(&url);
    json_decref(document);
    return rc;
}
