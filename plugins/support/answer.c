/* SPDX-License-Identifier: Apache-2.0 */
/* Etags, stats and dates (answer.h). */
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
    uint32_t size = out->struct_size < sizeof(*stat) ? out->struct_size : (uint32_t)sizeof(*stat),
             keep = out->struct_size;
    memcpy(out, stat, size);
    out->struct_size = keep;
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
    if (!gmtime_r(&time, &t) || t.tm_year > 9999 - 1900 || t.tm_year < -1900) /* strftime would use the locale's names */
        return;
    snprintf(out, 32, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3L * t.tm_wday, t.tm_mday,
             months + 3L * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}
