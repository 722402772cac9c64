/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios that look: facts of objects and listings. */
#include <string.h>

#include "torture.h"

static void tree(struct world *w)
{
    plant(w, "a", 10);
    plant(w, "d/b", 20);
    plant(w, "d/c", 30);
    plant(w, "d/e/f", 40);
}

static int call_stat(struct world *w, struct polyfs_error *err)
{
    return polyfs_stat(w->fs, at(w, "d/b"), NULL, NULL, &w->out.stat, err);
}

static const char *check_stat(const struct world *w)
{
    return w->out.stat.size == 20 && w->out.stat.type == POLYFS_TYPE_FILE ? NULL : "the facts are wrong";
}

static int call_stat_many(struct world *w, struct polyfs_error *err)
{
    const char *paths[3] = {at(w, "a"), at(w, "d/b"), at(w, "d/c")};
    struct polyfs_stat stats[3] = {{.struct_size = sizeof(stats[0])},
                                   {.struct_size = sizeof(stats[0])},
                                   {.struct_size = sizeof(stats[0])}};
    int codes[3] = {1, 1, 1};
    int rc = polyfs_stat_many(w->fs, paths, 3, NULL, stats, codes, err);
    if (rc == POLYFS_OK)
        w->out.n = (size_t)(stats[0].size + stats[1].size + stats[2].size) + (codes[0] || codes[1] || codes[2]);
    return rc;
}

static const char *check_stat_many(const struct world *w)
{
    return w->out.n == 60 ? NULL : "the facts are wrong";
}

static int call_exists(struct world *w, struct polyfs_error *err)
{
    return polyfs_exists(w->fs, at(w, "d/nothing"), NULL, &w->out.exists, err);
}

static const char *check_exists(const struct world *w)
{
    return w->out.exists == 0 ? NULL : "something is said to be there";
}

/* Rows of a listing, a failed page being asked for no more. */
static int count_rows(struct polyfs_lister *lister, unsigned *out, struct polyfs_error *err)
{
    const struct polyfs_entry *rows;
    size_t count = 0;
    unsigned total = 0;
    int rc;
    do {
        rc = polyfs_list_next(lister, &rows, &count, err);
        if (rc >= 0)
            total += (unsigned)count;
    } while (rc == POLYFS_MORE);
    if (rc == POLYFS_OK)
        *out = total;
    return rc;
}

static int call_list(struct world *w, struct polyfs_error *err)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister = NULL;
    char *token = NULL;
    const struct polyfs_entry *rows;
    size_t count = 0;
    opts.page_size = 2;
    int rc = polyfs_list_open(w->fs, at(w, "d"), &opts, &lister, err);
    if (rc == POLYFS_OK)
        rc = polyfs_list_next(lister, &rows, &count, err);
    if (rc >= 0)
        rc = polyfs_list_token(lister, &token, err);
    polyfs_list_close(lister);
    lister = NULL;
    if (rc == POLYFS_OK) { /* goes on behind the first page, as another process would */
        opts.token = token;
        rc = polyfs_list_open(w->fs, at(w, "d"), &opts, &lister, err);
    }
    unsigned more = 0;
    if (rc == POLYFS_OK)
        rc = count_rows(lister, &more, err);
    if (rc == POLYFS_OK)
        w->out.rows = (unsigned)count + more;
    polyfs_free(token);
    polyfs_list_close(lister);
    return rc;
}

static const char *check_three(const struct world *w)
{
    return w->out.rows == 3 ? NULL : "rows are missing";
}

static int call_find(struct world *w, struct polyfs_error *err)
{
    struct polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    struct polyfs_lister *lister = NULL;
    opts.flags = POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS;
    int rc = polyfs_list_open(w->fs, at(w, ""), &opts, &lister, err);
    if (rc == POLYFS_OK)
        rc = count_rows(lister, &w->out.rows, err);
    polyfs_list_close(lister);
    return rc;
}

static const char *check_six(const struct world *w)
{
    return w->out.rows == 6 ? NULL : "rows are missing";
}

static int call_glob(struct world *w, struct polyfs_error *err)
{
    struct polyfs_lister *lister = NULL;
    int rc = polyfs_glob_open(w->fs, at(w, "**/[bcf]"), NULL, &lister, err);
    if (rc == POLYFS_OK)
        rc = count_rows(lister, &w->out.rows, err);
    polyfs_list_close(lister);
    return rc;
}

static int visit(const char *dir, const struct polyfs_entry *rows, size_t count, void *user)
{
    (void)dir;
    (void)rows;
    *(unsigned *)user += (unsigned)count;
    return 0;
}

static int call_walk(struct world *w, struct polyfs_error *err)
{
    unsigned rows = 0;
    int rc = polyfs_walk(w->fs, at(w, ""), NULL, visit, &rows, err);
    if (rc == POLYFS_OK)
        w->out.rows = rows;
    return rc;
}

static int call_du(struct world *w, struct polyfs_error *err)
{
    return polyfs_du(w->fs, at(w, ""), NULL, &w->out.usage, err);
}

static const char *check_du(const struct world *w)
{
    return w->out.usage.bytes == 100 && w->out.usage.objects == 4 ? NULL : "the sums are wrong";
}

const struct scenario look_scenarios[] = {
    {"stat", ON_ALL, tree, call_stat, check_stat, NULL, NULL, NULL},
    {"stat_many", ON_ALL, tree, call_stat_many, check_stat_many, NULL, NULL, NULL},
    {"exists", ON_ALL, tree, call_exists, check_exists, NULL, NULL, NULL},
    {"list", ON_ALL, tree, call_list, check_three, NULL, NULL, NULL},
    {"find", ON_ALL, tree, call_find, check_six, NULL, NULL, NULL},
    {"glob", ON_ALL, tree, call_glob, check_three, NULL, NULL, NULL},
    {"walk", ON_ALL, tree, call_walk, check_six, NULL, NULL, NULL},
    {"du", ON_ALL, tree, call_du, check_du, NULL, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
