/* SPDX-License-Identifier: Apache-2.0 */
/* `-` as a source or target of cp, put and get: standard input becomes an object when it ends, and never a part of it. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "cli.h"

#define CHUNK (1u << 20)

/* Waits in steps, so that ^C between the look and the wait is seen too. 0 at the end, -1 on failure. */
static ssize_t read_in(void *buffer, size_t size)
{
    struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!cli_interrupted()) {
        if (poll(&fd, 1, 100) <= 0)
            continue;
        ssize_t n = read(STDIN_FILENO, buffer, size);
        if (n >= 0 || errno != EINTR)
            return n;
    }
    errno = EINTR;
    return -1;
}

static int pump_in(struct polyfs_writer *writer, struct polyfs_error *err)
{
    g_autofree char *buffer = g_try_malloc(CHUNK);
    int rc = buffer ? POLYFS_OK : POLYFS_NOMEM;
    ssize_t n = 1;
    while (rc == POLYFS_OK && (n = read_in(buffer, CHUNK)) > 0) {
        rc = polyfs_writer_write(writer, buffer, (size_t)n, err);
        cli_progress_add((uint64_t)n);
    }
    if (rc == POLYFS_OK && n < 0) {
        rc = cli_interrupted() ? POLYFS_CANCELLED : POLYFS_IO;
        g_snprintf(err->message, sizeof(err->message), "cannot read the standard input: %s", g_strerror(errno));
        err->code = rc;
    }
    return rc;
}

static int write_all(const struct cli_transfer *how, const struct cli_place *target, struct polyfs_error *err)
{
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_writer *writer;
    opts.flags = POLYFS_WRITE_PARENTS | (how->no_clobber ? POLYFS_WRITE_CREATE_ONLY : 0);
    opts.durability = how->durable ? POLYFS_DURABILITY_FULL : POLYFS_DURABILITY_NONE;
    opts.call = &call;
    int rc = polyfs_writer_open(target->fs, target->path, &opts, &writer, err);
    if (rc != POLYFS_OK)
        return rc;
    cli_progress_start(how->operation, POLYFS_SIZE_UNKNOWN);
    rc = pump_in(writer, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, NULL, err);
    polyfs_writer_close(writer);
    cli_progress_end();
    return rc;
}

int cli_copy_in(const struct cli_transfer *how, const char *target)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct cli_place place;
    int rc = cli_open(target, &place);
    if (rc != POLYFS_OK)
        return rc;
    if (g_str_has_suffix(place.path, "/") || !*place.path)
        rc = cli_usage("standard input needs a name to be written to, not the folder %s", target);
    else if (!cli_planned(how->operation, "-", target))
        rc = write_all(how, &place, &err);
    cli_close(&place);
    return rc == POLYFS_OK || !err.code ? rc : cli_tell(&err);
}

static int copy_out(const struct cli_place *place, const char *path, void *user)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_reader *reader = cli_reader(place, path, &err);
    (void)user;
    if (!reader)
        return cli_tell(&err);
    int rc = cli_pour(reader, POLYFS_SIZE_UNKNOWN);
    polyfs_reader_close(reader);
    return rc;
}

int cli_copy_out(char **sources)
{
    return cli_each(sources, copy_out, NULL);
}
