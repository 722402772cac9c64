/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command says. Results go to standard output, all else to standard error; with --json both are one JSON
 * object a line. Nobody reading standard output any more is no error: the command ends as `cat` does then.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

#define GONE_STATUS (128 + SIGPIPE)

static int out_errno; /* of the first write to standard output that failed */

static void tell_json(const struct polyfs_error *err)
{
    static const char *const states[] = {"not_applied", "applied", "unknown"};
    json_t *row = json_object();
    cli_json_text(row, "code", polyfs_code_name(err->code));
    json_object_set_new(row, "errno", json_integer(err->sys_errno ? err->sys_errno : polyfs_code_errno(err->code)));
    json_object_set_new(row, "exit", json_integer(polyfs_code_exit_status(err->code)));
    cli_json_text(row, "message", err->message);
    if (*err->uri)
        cli_json_text(row, "uri", err->uri);
    if (*err->operation)
        cli_json_text(row, "operation", err->operation);
    if (err->http_status)
        json_object_set_new(row, "http_status", json_integer(err->http_status));
    if (*err->native_code)
        cli_json_text(row, "native_code", err->native_code);
    if (*err->request_id)
        cli_json_text(row, "request_id", err->request_id);
    if (err->attempts)
        json_object_set_new(row, "attempts", json_integer(err->attempts));
    if (err->commit_state < G_N_ELEMENTS(states))
        cli_json_text(row, "commit_state", states[err->commit_state]);
    cli_json_line(stderr, row);
}

int cli_tell(const struct polyfs_error *err)
{
    cli_progress_hide();
    fflush(stdout);
    if (cli.json) {
        tell_json(err);
        return err->code;
    }
    g_autofree char *text = cli_shown_err(err->message);
    fprintf(stderr, "polyfs: %s\n", text);
    return err->code;
}

int cli_fail(int code, const char *uri, const char *format, ...)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    va_list args;
    va_start(args, format);
    vsnprintf(err.message, sizeof(err.message), format, args);
    va_end(args);
    g_strlcpy(err.uri, uri ? uri : "", sizeof(err.uri));
    g_strlcpy(err.operation, cli.command ? cli.command->name : "", sizeof(err.operation));
    err.code = code;
    return cli_tell(&err);
}

void cli_note(const char *format, ...)
{
    if (cli.quiet || cli.json)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *shown = cli_shown_err(text);
    cli_progress_hide();
    fprintf(stderr, "polyfs: %s\n", shown);
}

/* ---- log lines ----------------------------------------------------------------------------------------------- */

static void log_line(uint32_t level, const char *line, void *user)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    (void)user;
    g_autofree char *shown = cli_shown_err(line);
    flockfile(stderr);
    fprintf(stderr, "polyfs: %s: %s\n", names[level < 4 ? level : 3], shown);
    funlockfile(stderr);
}

void cli_log_start(void)
{
    uint32_t level = cli.verbose > 1 ? POLYFS_LOG_DEBUG : cli.verbose ? POLYFS_LOG_INFO : POLYFS_LOG_WARNING;
    polyfs_set_log(cli.quiet && !cli.verbose ? POLYFS_LOG_ERROR : level, log_line, NULL);
}

/* ---- what was done ------------------------------------------------------------------------------------------- */

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

/* ---- standard output ----------------------------------------------------------------------------------------- */

int cli_write_out(const void *data, size_t size)
{
    const char *at = data;
    fflush(stdout);
    while (size && !out_errno) {
        ssize_t n = write(STDOUT_FILENO, at, size);
        if (n < 0 && errno == EINTR && !cli_interrupted())
            continue;
        if (n < 0 && errno == EINTR)
            return cli_fail(POLYFS_CANCELLED, NULL, "it was interrupted");
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
    if (out_errno == EPIPE)
        return GONE_STATUS;
    if (out_errno)
        return cli_fail(out_errno == ENOSPC ? POLYFS_NO_SPACE : POLYFS_IO, NULL,
                        "cannot write to the standard output: %s", g_strerror(out_errno));
    return code;
}
