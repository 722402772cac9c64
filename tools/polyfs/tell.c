/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors, notes and log lines, on standard error. With --json errors are one JSON object a line.
 */
#include "cli.h"

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
    const char *name = names[level < G_N_ELEMENTS(names) ? level : G_N_ELEMENTS(names) - 1];
    (void)user;
    if (cli.json) {
        json_t *row = json_object();
        cli_json_text(row, "log", name);
        cli_json_text(row, "message", line);
        cli_json_line(stderr, row);
        return;
    }
    g_autofree char *shown = cli_shown_err(line);
    fprintf(stderr, "polyfs: %s: %s\n", name, shown); /* one call, so that lines of threads do not mix */
}

void cli_log_start(void)
{
    uint32_t level = cli.verbose > 1 ? POLYFS_LOG_DEBUG : cli.verbose ? POLYFS_LOG_INFO : POLYFS_LOG_WARNING;
    polyfs_set_log(cli.quiet && !cli.verbose ? POLYFS_LOG_ERROR : level, log_line, NULL);
}
