/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a transfer is, on standard error: one line that is written over, at most five times a second, where that is
 * a terminal; else one line each 30 s, so that a log of a long job shows that it lives. None with -q.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

#define TTY_US 200000
#define LOG_US 30000000

static struct {
    const char *what; /* NULL: nothing under way */
    uint64_t bytes, total, files;
    int64_t start_us, next_us;
    int shown; /* a line stands on the terminal */
} now;

void cli_progress_start(const char *what, uint64_t total)
{
    if (cli.quiet)
        return;
    now.what = what;
    now.bytes = now.files = 0;
    now.total = total;
    now.start_us = g_get_monotonic_time();
    now.next_us = now.start_us + (cli.err_tty ? TTY_US : LOG_US);
}

static unsigned columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col : 80;
}

/* Bytes, rate and time left. Until a second has passed a rate says nothing. */
static void line_of(GString *to, int64_t at_us)
{
    char text[32];
    int64_t spent_us = at_us - now.start_us;
    uint64_t rate = spent_us > 0 ? (uint64_t)((double)now.bytes * 1e6 / (double)spent_us) : 0;
    int known = now.total != POLYFS_SIZE_UNKNOWN && now.total;
    g_string_append_printf(to, "%s", now.what);
    if (now.files)
        g_string_append_printf(to, " %" PRIu64 " done", now.files);
    if (known)
        g_string_append_printf(to, " %3u%%", (unsigned)((double)now.bytes / (double)now.total * 100));
    g_string_append_printf(to, " %s", cli_size_text(now.bytes, 1, text, sizeof(text)));
    if (known)
        g_string_append_printf(to, " of %s", cli_size_text(now.total, 1, text, sizeof(text)));
    g_string_append_printf(to, " %s/s", cli_size_text(rate, 1, text, sizeof(text)));
    if (known && rate && spent_us > 1000000 && now.bytes <= now.total) {
        uint64_t left = (now.total - now.bytes) / rate;
        g_string_append_printf(to, " %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left", left / 3600, left / 60 % 60,
                               left % 60);
    }
}

static void show(int64_t at_us)
{
    GString *line = g_string_new(NULL);
    line_of(line, at_us);
    if (cli.err_tty) {
        g_string_truncate(line, MIN(line->len, columns() - 1));
        fprintf(stderr, "\r%s\033[K", line->str);
        now.shown = 1;
    } else {
        fprintf(stderr, "polyfs: %s\n", line->str);
    }
    fflush(stderr);
    g_string_free(line, TRUE);
}

static void maybe_show(void)
{
    int64_t at_us = g_get_monotonic_time();
    if (!now.what || at_us < now.next_us)
        return;
    now.next_us = at_us + (cli.err_tty ? TTY_US : LOG_US);
    show(at_us);
}

void cli_progress_add(uint64_t bytes)
{
    now.bytes += bytes;
    maybe_show();
}

void cli_progress_bytes(uint64_t bytes)
{
    now.bytes = MAX(now.bytes, bytes);
    maybe_show();
}

void cli_progress_set(uint64_t bytes, uint64_t total, uint64_t files)
{
    now.bytes = bytes;
    now.total = total;
    now.files = files;
    maybe_show();
}

void cli_progress_hide(void)
{
    if (now.shown)
        fputs("\r\033[K", stderr);
    now.shown = 0;
}

void cli_progress_end(void)
{
    cli_progress_hide();
    now.what = NULL;
}
