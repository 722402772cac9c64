/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the command line as values: sizes, durations, kinds of checksum; and the nearest of some words to a wrong one. */
#include <errno.h>

#include "cli.h"

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

int cli_older_than(const char *text, uint32_t *out_s)
{
    int64_t us = INT64_C(86400) * G_USEC_PER_SEC;
    int rc = text ? cli_parse_duration(text, &us) : POLYFS_OK;
    if (rc != POLYFS_OK || us / G_USEC_PER_SEC > UINT32_MAX)
        return cli_usage("--older-than takes a time such as 30m, 24h or 7d, not \"%s\"", text);
    *out_s = (uint32_t)(us / G_USEC_PER_SEC);
    return POLYFS_OK;
}

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
