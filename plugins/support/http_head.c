/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers of an answer: taken as they come, bounded, and refused where libcurl would let them pass (reliability: a
 * length over 2^63, two lengths, no length at all). Also the small grammars of header values.
 */
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "http_connection.h"

size_t ps_abort(struct ps_http_connection *c, int code)
{
    if (c->failed == POLYFS_OK)
        c->failed = code;
    return 0; /* fewer than given: libcurl ends the transfer */
}

static size_t bad_head(struct ps_http_connection *c, const char *why)
{
    polyfs_fail(c->error, POLYFS_NETWORK, "the server's answer %s", why);
    if (c->error)
        c->error->retry = POLYFS_RETRY_TRANSIENT;
    return ps_abort(c, POLYFS_NETWORK);
}

/* ---- grammars ------------------------------------------------------------------------------------------------------ */

uint64_t ps_number(const char *text)
{
    uint64_t number = 0;
    if (!*text)
        return UINT64_MAX;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
            return UINT64_MAX;
    }
    return number;
}

static const char *digits(const char *at, uint64_t *out)
{
    char text[21];
    size_t n = strspn(at, "0123456789");
    if (!n || n >= sizeof(text))
        return NULL;
    memcpy(text, at, n);
    text[n] = '\0';
    *out = ps_number(text);
    return *out == UINT64_MAX ? NULL : at + n;
}

int ps_content_range(const char *text, uint64_t *first, uint64_t *last, uint64_t *total)
{
    if (strncmp(text, "bytes ", 6) != 0)
        return -1;
    const char *at = text + 6;
    if (*at == '*') {
        *first = *last = UINT64_MAX;
        at++;
    } else {
        at = digits(at, first);
        at = at && *at == '-' ? digits(at + 1, last) : NULL;
        if (!at || *last < *first)
            return -1;
    }
    at = *at == '/' ? digits(at + 1, total) : NULL;
    return at && !*at && (*first == UINT64_MAX || *last < *total) ? 0 : -1;
}

static int64_t days_from(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned yoe = (unsigned)(year - era * 400);
    unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

/* Two digits at a place, or -1. */
static int two(const char *at)
{
    return at[0] >= '0' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9' ? (at[0] - '0') * 10 + at[1] - '0' : -1;
}

static int64_t seconds_of(int year, int month, int day, const char *clock)
{
    if (clock[2] != ':' || clock[5] != ':')
        return INT64_MIN;
    int hour = two(clock), minute = two(clock + 3), second = two(clock + 6);
    if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 60)
        return INT64_MIN;
    return days_from(year, (unsigned)month, (unsigned)day) * 86400 + hour * INT64_C(3600) + minute * INT64_C(60) +
           second;
}

int64_t ps_http_date(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "";
    if (strlen(text) != 29 || text[3] != ',' || strcmp(text + 25, " GMT") != 0) /* Sun, 06 Nov 1994 08:49:37 GMT */
        return INT64_MIN;
    memcpy(month, text + 8, 3);
    const char *found = strstr(months, month);
    int high = two(text + 12), low = two(text + 14);
    if (!found || (found - months) % 3 || high < 0 || low < 0)
        return INT64_MIN;
    return seconds_of(high * 100 + low, (int)(found - months) / 3 + 1, two(text + 5), text + 17);
}

int64_t ps_iso_time_ns(const char *text)
{
    size_t n = strlen(text); /* 2026-11-26T11:00:00[.fraction]Z */
    if (n < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[n - 1] != 'Z')
        return POLYFS_TIME_UNKNOWN;
    int high = two(text), low = two(text + 2);
    if (high < 0 || low < 0)
        return POLYFS_TIME_UNKNOWN;
    int64_t seconds = seconds_of(high * 100 + low, two(text + 5), two(text + 8), text + 11), ns = 0,
            unit = 100000000;
    for (const char *at = text + 20; text[19] == '.' && *at >= '0' && *at <= '9'; at++, unit /= 10)
        ns += (*at - '0') * unit;
    if (seconds == INT64_MIN || seconds > INT64_MAX / 1000000000 - 1 || seconds < INT64_MIN / 1000000000 + 1)
        return POLYFS_TIME_UNKNOWN;
    return seconds * 1000000000 + ns;
}

/* ---- lines --------------------------------------------------------------------------------------------------------- */

/* A status line begins another answer: the one before it was 1xx. */
static size_t status_line(struct ps_http_connection *c, const char *line, size_t n)
{
    const char *space = memchr(line, ' ', n);
    if (!space || (size_t)(line + n - space) < 4 || two(space + 1) < 0 || space[3] < '0' || space[3] > '9')
        return bad_head(c, "has no status");
    if (++c->interim > PS_INTERIM_MAX)
        return bad_head(c, "never comes: only interim ones do");
    c->status = two(space + 1) * 10 + space[3] - '0';
    c->chunked = 0;
    c->length = UINT64_MAX;
    ps_buf_reset(&c->head);
    return n;
}

static size_t length_line(struct ps_http_connection *c, const char *value)
{
    uint64_t length = ps_number(value);
    if (length > INT64_MAX)
        return bad_head(c, "has a length that is none");
    if (c->length != UINT64_MAX && c->length != length)
        return bad_head(c, "has two lengths");
    c->length = length;
    return 1;
}

static size_t keep(struct ps_http_connection *c, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n), *value = colon + 1, *end = line + n;
    if (!colon || c->head.size + n > PS_HEAD_MAX)
        return bad_head(c, colon ? "has more than 64 KiB of headers" : "has a line that is no header");
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    uint64_t name = c->head.size;
    ps_buf_add(&c->head, line, (uint64_t)(colon - line));
    ps_buf_char(&c->head, '\0');
    uint64_t text = c->head.size;
    ps_buf_add(&c->head, value, (uint64_t)(end - value));
    ps_buf_char(&c->head, '\0');
    if (c->head.failed)
        return bad_head(c, "does not fit the memory");
    for (char *at = c->head.data + name; *at; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at | 0x20 : *at);
    if (strcmp(c->head.data + name, "content-length") == 0 && !length_line(c, c->head.data + text))
        return 0;
    if (strcmp(c->head.data + name, "transfer-encoding") == 0)
        c->chunked = strcasecmp(c->head.data + text, "chunked") == 0;
    return n;
}

size_t ps_head_line(char *data, size_t size, size_t count, void *arg)
{
    struct ps_http_connection *c = arg;
    size_t all = size * count, n = all;
    while (n && (data[n - 1] == '\r' || data[n - 1] == '\n'))
        n--;
    if (c->head_done || memchr(data, '\0', n)) /* trailers are not asked for, and NULs are nobody's */
        return c->head_done ? all : bad_head(c, "has a NUL in its headers");
    if (n > 5 && memcmp(data, "HTTP/", 5) == 0)
        return status_line(c, data, n) ? all : 0;
    if (n)
        return keep(c, data, n) ? all : 0;
    if (c->status < 200)
        return all;
    return ps_head_accept(c) == POLYFS_OK ? all : 0;
}

static int has_body(const struct ps_http_connection *c)
{
    return strcmp(c->request->method, "HEAD") != 0 && c->status != 204 && c->status != 304;
}

int ps_head_accept(struct ps_http_connection *c)
{
    const char *encoding = ps_http_header(c, "content-encoding");
    c->head_done = 1;
    if (has_body(c) && !c->chunked && c->length == UINT64_MAX)
        return bad_head(c, "does not say how long it is"), c->failed;
    if (c->chunked && c->length != UINT64_MAX)
        return bad_head(c, "has a length and is chunked"), c->failed;
    if (c->status < 200 || c->status > 299)
        return POLYFS_OK;
    if (c->request->sink && encoding && strcasecmp(encoding, "identity") != 0)
        return bad_head(c, "is compressed, which was not asked for"), c->failed;
    int rc = c->request->accept ? c->request->accept(c->request->arg, c, c->error) : POLYFS_OK;
    if (rc != POLYFS_OK)
        ps_abort(c, rc);
    return rc;
}

/* ---- what others see ------------------------------------------------------------------------------------------------ */

int ps_http_status(const struct ps_http_connection *answer)
{
    return answer->status;
}

uint64_t ps_http_length(const struct ps_http_connection *answer)
{
    return answer->length;
}

int ps_http_next_header(const struct ps_http_connection *answer, uint64_t *cursor, const char **out_name,
                        const char **out_value)
{
    if (*cursor >= answer->head.size)
        return 0;
    *out_name = answer->head.data + *cursor;
    *out_value = *out_name + strlen(*out_name) + 1;
    *cursor = (uint64_t)(*out_value - answer->head.data) + strlen(*out_value) + 1;
    return 1;
}

const char *ps_http_header(const struct ps_http_connection *answer, const char *name)
{
    const char *each, *value;
    for (uint64_t cursor = 0; ps_http_next_header(answer, &cursor, &each, &value);)
        if (strcmp(each, name) == 0)
            return value;
    return NULL;
}

const char *ps_http_error_body(const struct ps_http_connection *answer, uint64_t *out_size)
{
    if (out_size)
        *out_size = answer->error_body.size;
    return answer->error_body.data ? answer->error_body.data : "";
}
