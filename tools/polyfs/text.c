/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text and back: names that a terminal must not obey, sizes, times, durations. No locale takes part but in
 * the question which characters a terminal shows.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"

/* Escapes one character that is not shown as it is: \n, \t, \\ or \xHH of each of its bytes. */
static void escape(GString *to, const char *at, size_t n)
{
    static const char known[] = "\n\t\r\\", names[] = "ntr\\";
    const char *same = n == 1 && *at ? strchr(known, *at) : NULL;
    if (same) {
        g_string_append_printf(to, "\\%c", names[same - known]);
        return;
    }
    for (size_t i = 0; i < n; i++)
        g_string_append_printf(to, "\\x%02x", (unsigned char)at[i]);
}

/* Length of the character at @at; *out_plain tells whether a terminal may have it. */
static size_t character(const char *at, int utf8, int *out_plain)
{
    unsigned char first = (unsigned char)*at;
    *out_plain = first >= 0x20 && first < 0x7f && first != '\\';
    if (first < 0x80 || !utf8)
        return 1;
    gunichar c = g_utf8_get_char_validated(at, -1);
    if (c >= (gunichar)-2)
        return 1;
    GUnicodeType type = g_unichar_type(c);
    *out_plain = g_unichar_isprint(c) && type != G_UNICODE_LINE_SEPARATOR && type != G_UNICODE_PARAGRAPH_SEPARATOR;
    return (size_t)g_unichar_to_utf8(c, NULL);
}

char *cli_shown(const char *text)
{
    GString *to = g_string_new(NULL);
    int plain, utf8 = g_get_charset(NULL);
    for (size_t n; *text; text += n) {
        n = character(text, utf8, &plain);
        if (plain)
            g_string_append_len(to, text, (gssize)n);
        else
            escape(to, text, n);
    }
    return g_string_free(to, FALSE);
}

char *cli_shown_err(const char *text)
{
    return cli.err_tty ? cli_shown(text) : g_strdup(text);
}

void cli_print_name(const char *text)
{
    g_autofree char *shown = cli.out_tty ? cli_shown(text) : NULL;
    fputs(shown ? shown : text, stdout);
}

/* ---- sizes and times ------------------------------------------------------------------------------------------- */

char *cli_size_text(uint64_t bytes, int human, char *buffer, size_t room)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    uint64_t whole = bytes, rest = 0;
    if (bytes == POLYFS_SIZE_UNKNOWN) {
        snprintf(buffer, room, "-");
        return buffer;
    }
    for (; human && whole >= 1024 && unit + 1 < G_N_ELEMENTS(units); unit++) {
        rest = whole % 1024;
        whole /= 1024;
    }
    if (!human)
        snprintf(buffer, room, "%" PRIu64, bytes);
    else if (!unit)
        snprintf(buffer, room, "%" PRIu64 " B", whole);
    else
        snprintf(buffer, room, "%" PRIu64 ".%" PRIu64 " %s", whole, rest * 10 / 1024, units[unit]);
    return buffer;
}

char *cli_time_text(int64_t ns, char *buffer, size_t room)
{
    struct tm parts;
    int64_t rest = ns % 1000000000;
    time_t seconds = (time_t)(ns / 1000000000 - (rest < 0));
    if (ns == POLYFS_TIME_UNKNOWN || !gmtime_r(&seconds, &parts)) {
        snprintf(buffer, room, "-");
        return buffer;
    }
    snprintf(buffer, room, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
             parts.tm_hour, parts.tm_min, parts.tm_sec);
    return buffer;
}

const char *cli_type_name(uint32_t type)
{
    static const char *const names[] = {"unknown", "file", "dir", "other"};
    return names[type < G_N_ELEMENTS(names) ? type : 0];
}

/* Number and unit; the unit is looked up among @units, whose factors are @factors. */
static int parse_unit(const char *text, const char *const *units, const uint64_t *factors, uint64_t *out)
{
    char *end;
    errno = 0;
    if (!g_ascii_isdigit(*text))
        return POLYFS_INVALID;
    uint64_t number = g_ascii_strtoull(text, &end, 10);
    if (errno)
        return POLYFS_INVALID;
    for (size_t i = 0; units[i]; i++) {
        if (g_ascii_strcasecmp(units[i], end) != 0)
            continue;
        if (number > UINT64_MAX / factors[i])
            return POLYFS_INVALID;
        *out = number * factors[i];
        return POLYFS_OK;
    }
    return POLYFS_INVALID;
}

int cli_parse_size(const char *text, uint64_t *out)
{
    static const char *const units[] = {"",    "B", "K",   "KiB", "M",  "MiB", "G",
                                        "GiB", "T", "TiB", "kB",  "MB", "GB",  NULL};
    static const uint64_t factors[] = {1,       1,       1 << 10,   1 << 10,           1 << 20,
                                       1 << 20, 1 << 30, 1 << 30,   UINT64_C(1) << 40, UINT64_C(1) << 40,
                                       1000,    1000000, 1000000000};
    return parse_unit(text, units, factors, out);
}

int cli_parse_duration(const char *text, int64_t *out_us)
{
    static const char *const units[] = {"", "s", "ms", "m", "min", "h", "d", "w", NULL};
    static const uint64_t factors[] = {1000000,
                                       1000000,
                                       1000,
                                       60000000,
                                       60000000,
                                       UINT64_C(3600000000),
                                       UINT64_C(86400000000),
                                       UINT64_C(604800000000)};
    uint64_t us;
    int rc = parse_unit(text, units, factors, &us);
    if (rc != POLYFS_OK || us > INT64_MAX / 1000)
        return POLYFS_INVALID;
    *out_us = (int64_t)us;
    return POLYFS_OK;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* Levenshtein's distance, two neighbours in the wrong order counting as one; words here are short. */
static unsigned distance(const char *a, const char *b)
{
    enum { MOST = 40 };
    unsigned d[MOST + 1][MOST + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > MOST || m > MOST)
        return MOST;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (!i || !j) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = MIN(best, MIN(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = MIN(best, d[i - 2][j - 2] + 1);
            d[i][j] = best;
        }
    return d[n][m];
}

const char *cli_nearest(const char *asked, const char *const *names)
{
    const char *near = NULL;
    unsigned least = strlen(asked) < 4 ? 2 : 3; /* farther than this is no slip of the finger */
    for (; *names; names++) {
        unsigned far = distance(asked, *names);
        if (far < least && far < strlen(*names)) {
            least = far;
            near = *names;
        }
    }
    return near;
}

static const struct {
    uint32_t kind;
    const char *name;
} checksum_kinds[] = {
    {POLYFS_CHECKSUM_CRC32C, "crc32c"},
    {POLYFS_CHECKSUM_CRC64NVME, "crc64nvme"},
    {POLYFS_CHECKSUM_MD5, "md5"},
    {POLYFS_CHECKSUM_SHA256, "sha256"},
};

const char *cli_checksum_name(uint32_t kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(checksum_kinds); i++)
        if (checksum_kinds[i].kind == kind)
            return checksum_kinds[i].name;
    return "none";
}

char *cli_checksum_text(const struct polyfs_checksum *sum)
{
    GString *to = g_string_new(NULL);
    for (uint32_t i = 0; i < sum->length && i < sizeof(sum->value); i++)
        g_string_append_printf(to, "%02x", sum->value[i]);
    return g_string_free(to, FALSE);
}
