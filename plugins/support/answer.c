/* SPDX-License-Identifier: Apache-2.0 */
/* Etags, stats, dates, and what is wrong with an answer (answer.h). */
#include "answer.h"

#include <time.h>

void ps_etag(char *out, uint64_t room, const char *text)
{
    int bare = *text && *text != '"' && strncmp(text, "W/", 2) != 0;
    if ((uint64_t)snprintf(out, room, "%s%s%s", bare ? "\"" : "", text, bare ? "\"" : "") >= room)
        *out = '\0';
}

void ps_stat_give(struct polyfs_stat *out, const struct polyfs_stat *stat)
{
    if (!out)
        return;
    uint32_t size = out->struct_size < sizeof(*stat) ? out->struct_size : (uint32_t)sizeof(*stat),
             keep = out->struct_size;
    memcpy(out, stat, size);
    out->struct_size = keep;
}

void ps_stat_folder(struct polyfs_stat *out)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    stat.type = POLYFS_TYPE_DIR;
    stat.size = 0;
    *out = stat;
}

void ps_header_keep(const struct ps_http_connection *answer, const char *name, char *out, size_t room)
{
    const char *text = ps_http_header(answer, name);
    if (text && strlen(text) < room)
        memcpy(out, text, strlen(text) + 1);
}

int64_t ps_header_time_ns(const struct ps_http_connection *answer, const char *name)
{
    const char *text = ps_http_header(answer, name);
    int64_t seconds = text ? ps_http_date(text) : INT64_MIN;
    return seconds == INT64_MIN || seconds > INT64_MAX / 1000000000 || seconds < INT64_MIN / 1000000000
               ? POLYFS_TIME_UNKNOWN
               : seconds * 1000000000;
}

void ps_tame(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

void ps_http_date_text(int64_t seconds, char out[32])
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t time = (time_t)seconds;
    struct tm t;
    *out = '\0';
    if (!gmtime_r(&time, &t) || t.tm_year > 9999 - 1900 ||
        t.tm_year < -1900) /* strftime would use the locale's names */
        return;
    snprintf(out, 32, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3L * t.tm_wday, t.tm_mday,
             months + 3L * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

int ps_wrong(struct polyfs_error *err, const char *why)
{
    polyfs_fail(err, POLYFS_NETWORK, "the store's answer is not what was asked for: %s", why);
    if (err)
        err->retry = POLYFS_RETRY_TRANSIENT;
    return POLYFS_NETWORK;
}

int ps_unclear(struct polyfs_error *err, const char *why)
{
    polyfs_fail(err, POLYFS_NETWORK, "%s", why);
    if (err) {
        err->retry = POLYFS_RETRY_TRANSIENT;
        err->commit_state = POLYFS_COMMIT_UNKNOWN;
    }
    return POLYFS_NETWORK;
}
