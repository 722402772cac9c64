/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios that read. */
#include <string.h>

#include "torture.h"

static char buffer[BIG];

static void one(struct world *w)
{
    plant(w, "a", BIG);
}

static const char *expect(const struct world *w, size_t offset, size_t n)
{
    return w->out.n == n && memcmp(buffer, bytes_of("a", BIG) + offset, n) == 0 ? NULL : "the bytes are wrong";
}

static int call_get(struct world *w, struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    opts.offset = 100;
    opts.length = 200;
    return polyfs_get(w->fs, at(w, "a"), &opts, buffer, sizeof(buffer), &w->out.n, &w->out.stat, err);
}

static const char *check_get(const struct world *w)
{
    return w->out.stat.size == BIG ? expect(w, 100, 200) : "the size is wrong";
}

static int call_suffix(struct world *w, struct polyfs_error *err)
{
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    opts.flags = POLYFS_READ_SUFFIX;
    opts.length = 50;
    return polyfs_get(w->fs, at(w, "a"), &opts, buffer, sizeof(buffer), &w->out.n, NULL, err);
}

static const char *check_suffix(const struct world *w)
{
    return expect(w, BIG - 50, 50);
}

static int call_get_all(struct world *w, struct polyfs_error *err)
{
    return polyfs_get_all(w->fs, at(w, "a"), NULL, &w->out.data, &w->out.n, &w->out.stat, err);
}

static const char *check_get_all(const struct world *w)
{
    return w->out.n == BIG && memcmp(w->out.data, bytes_of("a", BIG), BIG) == 0 ? NULL : "the bytes are wrong";
}

static void drop_data(struct world *w)
{
    polyfs_free(w->out.data);
}

static int call_pread(struct world *w, struct polyfs_error *err)
{
    struct polyfs_reader *reader = NULL;
    size_t n = 0;
    int rc = polyfs_reader_open(w->fs, at(w, "a"), NULL, &reader, err);
    if (rc == POLYFS_OK)
        rc = polyfs_reader_pread(reader, 5000, buffer, 300, &n, err);
    if (rc == POLYFS_OK)
        w->out.n = n;
    polyfs_reader_close(reader);
    return rc;
}

static const char *check_pread(const struct world *w)
{
    return expect(w, 5000, 300);
}

static int call_read(struct world *w, struct polyfs_error *err)
{
    struct polyfs_reader *reader = NULL;
    size_t n = 1, have = 0;
    int rc = polyfs_reader_open(w->fs, at(w, "a"), NULL, &reader, err);
    while (rc == POLYFS_OK && n && have < BIG) {
        rc = polyfs_reader_read(reader, buffer + have, BIG - have < 3000 ? BIG - have : 3000, &n, err);
        have += rc == POLYFS_OK ? n : 0;
    }
    if (rc == POLYFS_OK)
        w->out.n = have;
    polyfs_reader_close(reader);
    return rc;
}

static const char *check_read(const struct world *w)
{
    return expect(w, 0, BIG);
}

static int call_readv(struct world *w, struct polyfs_error *err)
{
    struct polyfs_range ranges[3] = {{.offset = 0, .length = 100, .buffer = buffer},
                                     {.offset = 9000, .length = 100, .buffer = buffer + 100},
                                     {.offset = 4000, .length = 100, .buffer = buffer + 200}};
    struct polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    struct polyfs_reader *reader = NULL;
    opts.merge_gap = 0;
    int rc = polyfs_reader_open(w->fs, at(w, "a"), &opts, &reader, err);
    if (rc == POLYFS_OK)
        rc = polyfs_reader_readv(reader, ranges, 3, NULL, NULL, err);
    if (rc == POLYFS_OK)
        w->out.n = (size_t)(ranges[0].bytes + ranges[1].bytes + ranges[2].bytes);
    polyfs_reader_close(reader);
    return rc;
}

static const char *check_readv(const struct world *w)
{
    const char *all = bytes_of("a", BIG);
    return w->out.n == 300 && memcmp(buffer, all, 100) == 0 && memcmp(buffer + 100, all + 9000, 100) == 0 &&
                   memcmp(buffer + 200, all + 4000, 100) == 0
               ? NULL
               : "the bytes are wrong";
}

const struct scenario read_scenarios[] = {
    {"get", ON_ALL, one, call_get, check_get, NULL, NULL, NULL},
    {"suffix", ON_ALL, one, call_suffix, check_suffix, NULL, NULL, NULL},
    {"get_all", ON_ALL, one, call_get_all, check_get_all, drop_data, NULL, NULL},
    {"pread", ON_ALL, one, call_pread, check_pread, NULL, NULL, NULL},
    {"read", ON_ALL | THRIFTY, one, call_read, check_read, NULL, NULL, NULL},
    {"readv", ON_ALL, one, call_readv, check_readv, NULL, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
