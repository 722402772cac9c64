/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard output: bytes exactly as they are, and lines about what was done. Nobody reading it any more is no error:
 * the command ends as `cat` does then.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "cli.h"

#define GONE_STATUS (128 + SIGPIPE)

static int out_errno; /* of the first write that failed */

static void done_json(const char *operation, const char *source, const char *target, int64_t bytes, int code,
                      int dry)
{
    json_t *row = json_object();
    cli_json_text(row, "operation", operation);
    cli_json_text(row, "source", source);
    if (target)
        cli_json_text(row, "target", target);
    if (bytes >= 0)
        json_object_set_new(row, "bytes", json_integer(bytes));
    json_object_set_new(row, "success", json_boolean(code == POLYFS_OK));
    if (code != POLYFS_OK)
        cli_json_text(row, "code", polyfs_code_name(code));
    if (dry)
        json_object_set_new(row, "dry_run", json_true());
    cli_json_line(stdout, row);
}

static void done_line(FILE *to, const char *before, const char *operation, const char *source, const char *target)
{
    int tty = to == stdout ? cli.out_tty : cli.err_tty;
    g_autofree char *from = tty ? cli_shown(source) : g_strdup(source);
    g_autofree char *into = !target ? NULL : tty ? cli_shown(target) : g_strdup(target);
    fprintf(to, "%s%s: %s%s%s\n", before, operation, from, into ? " to " : "", into ? into : "");
}

void cli_did(const char *operation, const char *source, const char *target, int64_t bytes, int code)
{
    if (cli.json)
        done_json(operation, source, target, bytes, code, 0);
    else if (cli.verbose && code == POLYFS_OK)
        done_line(stderr, "polyfs: ", operation, source, target);
}

int cli_planned(const char *operation, const char *source, const char *target)
{
    if (!cli.dry_run)
        return 0;
    if (cli.json)
        done_json(operation, source, target, -1, POLYFS_OK, 1);
    else
        done_line(stdout, "(dryrun) ", operation, source, target);
    return 1;
}

/* ---- bytes --------------------------------------------------------------------------------------------------- */

int cli_write_out(const void *data, size_t size)
{
    struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
    const char *at = data;
    fflush(stdout);
    while (size && !out_errno) {
        if (cli_interrupted())
            return cli_fail(POLYFS_CANCELLED, NULL, "it was interrupted");
        if (poll(&fd, 1, 100) <= 0)
            continue;
        ssize_t n = write(STDOUT_FILENO, at, size);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0) {
            out_errno = errno;
            break;
        }
        at += n;
        size -= (size_t)n;
    }
    if (!out_errno)
        return POLYFS_OK;
    return out_errno == EPIPE ? POLYFS_IO : POLYFS_NO_SPACE; /* told by cli_out_end() */
}

int cli_out_gone(void)
{
    if (!out_errno && ferror(stdout))
        out_errno = errno ? errno : EIO;
    return out_errno != 0;
}

int cli_out_end(int code)
{
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && !out_errno)
        out_errno = errno ? errno : EIO;
    cli_progress_end();
    if (out_errno == EINTR)
        return POLYFS_CANCELLED;
    if (out_errno == EPIPE)
        return GONE_STATUS;
    if (out_errno)
        return cli_fail(out_errno == ENOSPC ? POLYFS_NO_SPACE : POLYFS_IO, NULL,
                        "cannot write to the standard output: %s", g_strerror(out_errno));
    return code;
}
