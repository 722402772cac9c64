/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text: names that a terminal must not obey, sizes, times. No locale takes part but in the question which
 * characters a terminal shows.
 */
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
