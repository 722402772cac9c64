/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cp, put and get: from places to a place, `-` being standard input or output. Where a copy lands: in the target when
 * that ends in '/' or is a folder, under the source's last name; else at the target itself.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "cli.h"

#define CHUNK (1u << 20)

struct job {
    const struct cli_transfer *how;
    struct cli_place target;
    int into; /* the target is a folder */
};

static int is_std(const char *arg)
{
    return strcmp(arg, "-") == 0;
}

static int same_place(const struct cli_place *place, const char *path, const struct job *job, const char *target)
{
    return place->fs == job->target.fs && strcmp(path, target) == 0;
}

static void write_opts(const struct cli_transfer *how, const struct polyfs_call_opts *call,
                       struct polyfs_write_opts *opts)
{
    *opts = (struct polyfs_write_opts)POLYFS_WRITE_OPTS_INIT;
    opts->flags = POLYFS_WRITE_PARENTS | (how->no_clobber ? POLYFS_WRITE_CREATE_ONLY : 0);
    opts->durability = how->durable ? POLYFS_DURABILITY_FULL : POLYFS_DURABILITY_NONE;
    opts->call = call;
}

/* ---- standard input and output ------------------------------------------------------------------------------- */

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

static int copy_in(struct job *job)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_write_opts opts;
    struct polyfs_call_opts call = cli_call();
    struct polyfs_writer *writer;
    if (job->into)
        return cli_usage("standard input needs a name to be written to, not the folder %s", job->target.arg);
    if (cli_planned(job->how->operation, "-", job->target.arg))
        return POLYFS_OK;
    write_opts(job->how, &call, &opts);
    int rc = polyfs_writer_open(job->target.fs, job->target.path, &opts, &writer, &err);
    if (rc != POLYFS_OK)
        return cli_tell(&err);
    cli_progress_start(job->how->operation, POLYFS_SIZE_UNKNOWN);
    rc = pump_in(writer, &err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, NULL, &err);
    polyfs_writer_close(writer);
    cli_progress_end();
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

static int copy_out(const struct cli_place *place, const char *path, void *user)
{
    extern const struct cli_command cmd_cat;
    (void)user, (void)path;
    char *urls[] = {(char *)(guintptr)place->arg, NULL};
    return cmd_cat.run(1, urls);
}

/* ---- one object ---------------------------------------------------------------------------------------------- */

static int pump(struct polyfs_reader *reader, struct polyfs_writer *writer, struct polyfs_error *err)
{
    g_autofree char *buffer = g_try_malloc(CHUNK);
    int rc = buffer ? POLYFS_OK : POLYFS_NOMEM;
    size_t n = 1;
    while (rc == POLYFS_OK && n) {
        rc = polyfs_reader_read(reader, buffer, CHUNK, &n, err);
        if (rc == POLYFS_OK && n)
            rc = polyfs_writer_write(writer, buffer, n, err);
        cli_progress_add(n);
    }
    return rc;
}

static int pump_object(const struct cli_place *place, const char *path, struct job *job, const char *target,
                       struct polyfs_stat *st, struct polyfs_error *err)
{
    struct polyfs_call_opts call = cli_call();
    struct polyfs_read_opts read = POLYFS_READ_OPTS_INIT;
    struct polyfs_write_opts write;
    struct polyfs_reader *reader = NULL;
    struct polyfs_writer *writer = NULL;
    read.call = &call;
    write_opts(job->how, &call, &write);
    int rc = polyfs_reader_open(place->fs, path, &read, &reader, err);
    if (rc == POLYFS_OK)
        rc = polyfs_reader_stat(reader, st, err);
    write.size_hint = st->size;
    if (rc == POLYFS_OK)
        rc = polyfs_writer_open(job->target.fs, target, &write, &writer, err);
    cli_progress_start(job->how->operation, st->size);
    if (rc == POLYFS_OK)
        rc = pump(reader, writer, err);
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, NULL, err);
    polyfs_writer_close(writer);
    polyfs_reader_close(reader);
    cli_progress_end();
    return rc;
}

/* Removes what was moved, unless it was replaced meanwhile, where the store can tell. */
static int remove_source(const struct cli_place *place, const char *path, const struct polyfs_stat *st,
                         struct polyfs_error *err)
{
    struct polyfs_call_opts call = cli_call();
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    struct polyfs_remove_opts opts = POLYFS_REMOVE_OPTS_INIT;
    int rc = polyfs_caps(place->fs, path, 0, &call, &caps, err);
    opts.call = &call;
    if (*st->etag && caps.fact[POLYFS_FACT_REMOVE_CONDITION] == POLYFS_YES)
        opts.if_match = st->etag;
    return rc == POLYFS_OK ? polyfs_remove(place->fs, path, &opts, err) : rc;
}

/* By the store itself where both sides are one; moved bytes go at their source only once their copy is safe. */
static int copy_object(const struct cli_place *place, const char *path, struct job *job, const char *target,
                       struct polyfs_stat *st, struct polyfs_error *err)
{
    struct polyfs_call_opts call = cli_call();
    struct polyfs_write_opts write;
    int same_fs = place->fs == job->target.fs;
    write_opts(job->how, &call, &write);
    if (same_fs && job->how->move)
        return polyfs_rename(place->fs, path, target, job->how->no_clobber ? POLYFS_RENAME_NO_REPLACE : 0, &call,
                             err);
    if (same_fs)
        return polyfs_copy(place->fs, path, job->target.fs, target, &write, st, err);
    int rc = pump_object(place, path, job, target, st, err);
    return rc == POLYFS_OK && job->how->move ? remove_source(place, path, st, err) : rc;
}

static char *landing(const struct job *job, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path, *to = job->target.path;
    if (!job->into)
        return g_strdup(to);
    return g_strconcat(to, *to && !g_str_has_suffix(to, "/") ? "/" : "", name, NULL);
}

static int copy_one(const struct cli_place *place, const char *path, void *user)
{
    struct job *job = user;
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_stat st = POLYFS_STAT_INIT;
    g_autofree char *target = landing(job, path);
    g_autofree char *from = cli_name_of(place, path);
    g_autofree char *to = cli_name_of(&job->target, target);
    if (same_place(place, path, job, target))
        return cli_fail(POLYFS_INVALID, place->arg, "source and target are the same: %s", from);
    if (cli_planned(job->how->operation, from, to))
        return POLYFS_OK;
    int rc = copy_object(place, path, job, target, &st, &err);
    if (rc == POLYFS_EXISTS && job->how->no_clobber) {
        cli_did("skip", from, to, 0, POLYFS_OK);
        return POLYFS_OK;
    }
    cli_did(job->how->operation, from, to, (int64_t)st.size, rc);
    return rc == POLYFS_OK ? rc : cli_tell(&err);
}

/* ---- the command line ---------------------------------------------------------------------------------------- */

static int is_folder(const struct cli_place *place)
{
    struct polyfs_stat st = POLYFS_STAT_INIT;
    struct polyfs_call_opts call = cli_call();
    if (!*place->path || g_str_has_suffix(place->path, "/"))
        return 1;
    return polyfs_stat(place->fs, place->path, NULL, &call, &st, NULL) == POLYFS_OK && st.type == POLYFS_TYPE_DIR;
}

int cli_transfer(const struct cli_transfer *transfer, char **sources, size_t count, const char *target)
{
    struct job job = {.how = transfer};
    g_autofree char **list = g_new0(char *, count + 1);
    memcpy(list, sources, count * sizeof(*list));
    if (transfer->recursive)
        return cli_fail(POLYFS_UNSUPPORTED, NULL, "folders cannot be copied yet; copy the objects one by one");
    if (is_std(target))
        return cli_each(list, copy_out, NULL);
    int rc = cli_open(target, &job.target);
    if (rc != POLYFS_OK)
        return rc;
    job.into = is_folder(&job.target);
    if (count > 1 && !job.into)
        rc = cli_usage("several sources need a folder as their target; write %s/", target);
    else
        rc = is_std(list[0]) ? copy_in(&job) : cli_each(list, copy_one, &job);
    cli_close(&job.target);
    return rc;
}
