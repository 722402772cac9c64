/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 (sigv4.h). No secret leaves this file but in a signature. */
#include "sigv4.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "digest.h"
#include "url.h"

#define PRESIGN_ROWS 24

/* ---- times ------------------------------------------------------------------------------------------------------- */

/* Days since 1970 to year, month and day (Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static void civil(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (unsigned)((int64_t)yoe + era * 400) + (*month <= 2);
}

static void digits(char *at, unsigned count, unsigned number)
{
    for (; count--; number /= 10)
        at[count] = (char)('0' + number % 10);
}

/* By hand: a request has it made four times. */
void ps_sigv4_date(int64_t time_s, char out[17])
{
    unsigned year, month, day, second = (unsigned)(time_s % 86400);
    civil(time_s / 86400, &year, &month, &day);
    memcpy(out, "00000000T000000Z", 17);
    digits(out, 4, year);
    digits(out + 4, 2, month);
    digits(out + 6, 2, day);
    digits(out + 9, 2, second / 3600);
    digits(out + 11, 2, second / 60 % 60);
    digits(out + 13, 2, second % 60);
}

/* ---- signing ----------------------------------------------------------------------------------------------------- */

int ps_sigv4_derive(struct ps_signer *s, struct polyfs_error *err)
{
    char date[17], first[160];
    unsigned char key[32];
    size_t n = strlen(s->secret);
    if (n + 4 >= sizeof(first))
        return polyfs_fail(err, POLYFS_CONFIG, "the secret key is longer than any is");
    ps_sigv4_date(s->time_s, date);
    date[8] = '\0';
    snprintf(first, sizeof(first), "AWS4%s", s->secret);
    int rc = ps_hmac(first, n + 4, date, strlen(date), key, err);
    if (rc == POLYFS_OK)
        rc = ps_hmac(key, sizeof(key), s->region, strlen(s->region), key, err);
    if (rc == POLYFS_OK)
        rc = ps_hmac(key, sizeof(key), s->service, strlen(s->service), key, err);
    if (rc == POLYFS_OK)
        rc = ps_hmac(key, sizeof(key), "aws4_request", strlen("aws4_request"), key, err);
    if (rc == POLYFS_OK) {
        memcpy(s->derived, key, sizeof(key));
        s->derived_is_set = 1;
    }
    OPENSSL_cleanse(first, sizeof(first));
    OPENSSL_cleanse(key, sizeof(key));
    return rc;
}

static void add_scope(struct ps_buf *buf, const struct ps_signer *s, const char date[17])
{
    ps_buf_add(buf, date, 8);
    ps_buf_char(buf, '/');
    ps_buf_text(buf, s->region);
    ps_buf_char(buf, '/');
    ps_buf_text(buf, s->service);
    ps_buf_text(buf, "/aws4_request");
}

/* The signature of a canonical request, as 64 hexadecimal digits behind what @out holds. */
static int add_signature(const struct ps_signer *s, const struct ps_buf *canonical, struct ps_buf *out,
                         struct polyfs_error *err)
{
    struct ps_signer own = *s;
    struct ps_buf text = {0};
    unsigned char sum[32];
    char date[17];
    int rc = ps_buf_check(canonical, err);
    if (rc == POLYFS_OK && !own.derived_is_set)
        rc = ps_sigv4_derive(&own, err);
    if (rc == POLYFS_OK)
        rc = ps_sha256(canonical->data, canonical->size, sum, err);
    ps_sigv4_date(s->time_s, date);
    ps_buf_text(&text, "AWS4-HMAC-SHA256\n");
    ps_buf_text(&text, date);
    ps_buf_char(&text, '\n');
    add_scope(&text, s, date);
    ps_buf_char(&text, '\n');
    ps_buf_hex(&text, sum, sizeof(sum));
    if (rc == POLYFS_OK)
        rc = ps_buf_check(&text, err);
    if (rc == POLYFS_OK)
        rc = ps_hmac(own.derived, sizeof(own.derived), text.data, text.size, sum, err);
    if (rc == POLYFS_OK)
        ps_buf_hex(out, sum, sizeof(sum));
    OPENSSL_cleanse(own.derived, sizeof(own.derived));
    ps_buf_clear(&text);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ps_header *)a)->name, ((const struct ps_header *)b)->name);
}

static void add_names(struct ps_buf *buf, const struct ps_header *headers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i)
            ps_buf_char(buf, ';');
        ps_buf_text(buf, headers[i].name);
    }
}

/* Inner runs of blanks count as one. */
static void add_value(struct ps_buf *buf, const char *value)
{
    for (int blank = 0; *value; value++) {
        if (*value != ' ' || !blank)
            ps_buf_char(buf, *value);
        blank = *value == ' ';
    }
}

static void add_request(struct ps_buf *buf, const char *method, const char *path, const char *query,
                        const struct ps_header *headers, unsigned count)
{
    const char *const lines[] = {method, "\n", path, "\n", query, "\n"};
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        ps_buf_text(buf, lines[i]);
    for (unsigned i = 0; i < count; i++) {
        ps_buf_text(buf, headers[i].name);
        ps_buf_char(buf, ':');
        add_value(buf, headers[i].value);
        ps_buf_char(buf, '\n');
    }
    ps_buf_char(buf, '\n');
    add_names(buf, headers, count);
    ps_buf_char(buf, '\n');
}

int ps_sigv4_header(const struct ps_signer *s, const char *method, const char *path, const char *query,
                    struct ps_header *headers, unsigned count, struct ps_buf *out, struct polyfs_error *err)
{
    struct ps_buf canonical = {0};
    const char *payload = PS_SIGV4_UNSIGNED;
    char date[17];
    qsort(headers, count, sizeof(*headers), by_name);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(headers[i].name, "x-amz-content-sha256") == 0)
            payload = headers[i].value;
    if (s->payload_sha256)
        payload = s->payload_sha256;
    add_request(&canonical, method, path, query, headers, count);
    ps_buf_text(&canonical, payload);
    ps_sigv4_date(s->time_s, date);
    ps_buf_text(out, "AWS4-HMAC-SHA256 Credential=");
    ps_buf_text(out, s->key_id);
    ps_buf_char(out, '/');
    add_scope(out, s, date);
    ps_buf_text(out, ", SignedHeaders=");
    add_names(out, headers, count);
    ps_buf_text(out, ", Signature=");
    int rc = add_signature(s, &canonical, out, err);
    ps_buf_clear(&canonical);
    return rc == POLYFS_OK ? ps_buf_check(out, err) : rc;
}

/* ---- signed URLs -------------------------------------------------------------------------------------------------- */

/* All rows of a signed URL's query but the signature, in canonical order. */
static int presign_query(const struct ps_signer *s, const struct ps_query *rows, unsigned count, uint32_t life_s,
                         struct ps_buf *out, struct polyfs_error *err)
{
    struct ps_query all[PRESIGN_ROWS];
    struct ps_buf credential = {0};
    char date[17], life[16];
    unsigned n = 0;
    if (count > PRESIGN_ROWS - 6)
        return polyfs_fail(err, POLYFS_INVALID, "there are more query rows than a signed URL takes");
    for (; n < count; n++)
        all[n] = rows[n];
    ps_sigv4_date(s->time_s, date);
    snprintf(life, sizeof(life), "%u", life_s);
    ps_buf_text(&credential, s->key_id);
    ps_buf_char(&credential, '/');
    add_scope(&credential, s, date);
    int rc = ps_buf_check(&credential, err);
    if (rc == POLYFS_OK) {
        all[n++] = (struct ps_query){"X-Amz-Algorithm", "AWS4-HMAC-SHA256"};
        all[n++] = (struct ps_query){"X-Amz-Credential", credential.data};
        all[n++] = (struct ps_query){"X-Amz-Date", date};
        all[n++] = (struct ps_query){"X-Amz-Expires", life};
        all[n++] = (struct ps_query){"X-Amz-SignedHeaders", "host"};
        if (s->token)
            all[n++] = (struct ps_query){"X-Amz-Security-Token", s->token};
        ps_url_query(out, all, n);
        rc = ps_buf_check(out, err);
    }
    ps_buf_clear(&credential);
    return rc;
}

int ps_sigv4_check(const char *verb, uint32_t life_s, struct polyfs_error *err)
{
    if (strcmp(verb, "GET") != 0 && strcmp(verb, "PUT") != 0)
        return polyfs_fail(err, POLYFS_INVALID, "a URL is signed for GET or PUT");
    if (life_s < 1 || life_s > PS_SIGV4_LIFE_MAX_S)
        return polyfs_fail(err, POLYFS_INVALID, "a signed URL lives for 1 to 604,800 seconds (7 days)");
    return POLYFS_OK;
}

int ps_sigv4_presign(const struct ps_signer *s, const char *method, const char *origin, const char *host,
                     const char *path, const struct ps_query *rows, unsigned count, uint32_t life_s,
                     struct ps_buf *out, struct polyfs_error *err)
{
    const struct ps_header headers[] = {{"host", host}};
    struct ps_buf query = {0}, canonical = {0};
    int rc = presign_query(s, rows, count, life_s, &query, err);
    if (rc == POLYFS_OK) {
        add_request(&canonical, method, path, query.data, headers, 1);
        ps_buf_text(&canonical, PS_SIGV4_UNSIGNED);
        const char *const parts[] = {origin, path, "?", query.data, "&X-Amz-Signature="};
        for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
            ps_buf_text(out, parts[i]);
        rc = add_signature(s, &canonical, out, err);
    }
    ps_buf_clear(&query);
    ps_buf_clear(&canonical);
    return rc == POLYFS_OK ? ps_buf_check(out, err) : rc;
}
