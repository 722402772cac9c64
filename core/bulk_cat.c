/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole objects into memory, and out of it, several under way at once. An object that was named is read at once; only
 * when it cannot be is it asked what it is, as a folder is nothing to read and no failure.
 */
#include <stdlib.h>

#include "core/budget.h"
#include "core/bulk.h"
#include "core/many.h"
#include "core/plan.h"

/* ---- cat ------------------------------------------------------------------------------------------------------------- */

#define NAMED_ROOM (UINT64_C(1) << 20) /* for an object whose size nobody told; untouched memory costs nothing */

/* An object that is read in one request; of its size by now if that is another. */
struct cat_item {
    char *data;
    uint64_t room, n;
    uint64_t extra; /* of the budget; 0: the verb's own */
    struct polyfs_get_request request;
    struct polyfs_stat stat;
};

struct cat {
    struct pfs_bulk *bulk;
    const struct pfs_rows *rows;
    struct cat_item *items; /* by row */
    unsigned held;          /* items with memory */
    polyfs_cat_fn *take;
    void *user;
};

static int cat_fill(size_t i, struct pfs_request *r, void *user)
{
    struct cat *cat = user;
    const struct polyfs_entry *row = &cat->rows->rows[i];
    struct cat_item *item = &cat->items[i];
    uint64_t room =
        row->size == POLYFS_SIZE_UNKNOWN ? NAMED_ROOM : row->size + 1; /* one more byte shows that it grew */
    item->extra = cat->held ? room : 0;
    if (item->extra && !pfs_budget_try(item->extra))
        return POLYFS_MORE;
    item->room = room;
    item->data = room < PTRDIFF_MAX ? malloc(room + 1) : NULL;
    cat->held++;
    if (!item->data) {
        r->rc = polyfs_fail(&r->error, POLYFS_NOMEM, "no memory for %llu bytes", (unsigned long long)room);
        return PFS_ANSWERED;
    }
    item->stat = (struct polyfs_stat)POLYFS_STAT_INIT;
    item->request = (struct polyfs_get_request){.struct_size = sizeof(item->request),
                                                .length = room,
                                                .flags = POLYFS_GET_WHOLE,
                                                .condition = POLYFS_CONDITION_INIT};
    *r = PFS_REQUEST(PFS_GET, cat->bulk->source_fs, &cat->bulk->verb.ctx, row->path);
    r->u.get.request = &item->request;
    r->u.get.buffer = item->data;
    r->u.get.out_n = &item->n;
    r->u.get.out = &item->stat;
    return POLYFS_OK;
}

/* It is larger than what was made ready for it: read it anew, as large as it is. */
static int read_anew(struct cat *cat, const char *path, struct cat_item *item, struct polyfs_error *err)
{
    struct polyfs_read_opts read = POLYFS_READ_OPTS_INIT;
    void *data = NULL;
    size_t n = 0;
    read.call = pfs_bulk_call(cat->bulk);
    int rc = polyfs_get_all(cat->bulk->source_fs, path, &read, &data, &n, NULL, err);
    if (rc == POLYFS_OK) {
        free(item->data);
        item->data = data;
        item->n = n;
    }
    return rc;
}

/* Is what was named and could not be read a folder? */
static int is_folder(struct cat *cat, const struct polyfs_entry *row, int rc)
{
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    if (row->type != POLYFS_TYPE_UNKNOWN || (rc != POLYFS_NOT_FOUND && rc != POLYFS_IS_DIR))
        return 0;
    const struct pfs_scope scope = pfs_bulk_scope(cat->bulk);
    return rc == POLYFS_IS_DIR ||
           (pfs_stat_source(&scope, row->path, &stat, NULL) == POLYFS_OK && stat.type == POLYFS_TYPE_DIR);
}

static void cat_release(struct cat *cat, struct cat_item *item)
{
    free(item->data);
    item->data = NULL;
    cat->held--;
    if (item->extra)
        pfs_budget_give(item->extra);
}

static int cat_landed(size_t i, struct pfs_request *r, void *user)
{
    struct cat *cat = user;
    const struct polyfs_entry *row = &cat->rows->rows[i];
    struct cat_item *item = &cat->items[i];
    struct polyfs_error error = POLYFS_ERROR_INIT;
    int rc = r->rc;
    if (is_folder(cat, row, rc)) {
        cat_release(cat, item);
        return POLYFS_OK;
    }
    if (rc == POLYFS_OK && item->n == item->room)
        rc = read_anew(cat, row->path, item, &error);
    else if (rc < 0)
        pfs_bulk_error(cat->bulk, &error, rc, &r->error, "read", row->path);
    if (rc == POLYFS_OK)
        item->data[item->n] = '\0';
    cat->take(row->path, rc == POLYFS_OK ? item->data : NULL, rc == POLYFS_OK ? item->n : 0, rc, cat->user);
    cat_release(cat, item);
    return pfs_bulk_failed(cat->bulk, rc, &error);
}

static int cat_rows(struct pfs_bulk *b, struct pfs_rows *rows, polyfs_cat_fn *take, void *user)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->rows[i].type != POLYFS_TYPE_DIR)
            rows->rows[kept++] = rows->rows[i];
    struct cat cat = {.bulk = b, .rows = rows, .take = take, .user = user};
    cat.items = calloc(kept ? kept : 1, sizeof(*cat.items));
    if (!cat.items)
        return polyfs_fail(&b->verb.error, POLYFS_NOMEM, "no memory for a list of names");
    struct pfs_many many = {.ctx = &b->verb.ctx,
                            .width = pfs_many_width(b->source_fs, b->opts.jobs),
                            .count = kept,
                            .fill = cat_fill,
                            .landed = cat_landed,
                            .user = &cat};
    int rc = pfs_many_run(&many, &b->verb.error);
    free(cat.items);
    return rc;
}

/* Does it stand for one object, if it is there at all? A name that ends in '/' is a folder's. */
static int names_one(const struct pfs_bulk *b, const char *path)
{
    size_t n = strlen(path);
    return !(b->opts.flags & POLYFS_BULK_RECURSIVE) && n && path[n - 1] != '/' &&
           !pfs_source_magic(b->opts.flags, path);
}

static int add_named(struct pfs_bulk *b, const char *path, struct pfs_rows *rows)
{
    char *plain = pfs_source_plain(b->opts.flags, path);
    int rc = POLYFS_NOMEM;
    if (plain) {
        const struct polyfs_entry row = {.path = plain,
                                         .path_len = strlen(plain),
                                         .type = POLYFS_TYPE_UNKNOWN,
                                         .size = POLYFS_SIZE_UNKNOWN};
        rc = pfs_rows_add(rows, &row);
    }
    free(plain);
    return rc == POLYFS_OK ? rc : polyfs_fail(&b->verb.error, rc, "no memory for a list of names");
}

static int cat_pattern(struct pfs_bulk *b, const char *path, polyfs_cat_fn *take, void *user)
{
    const struct pfs_scope scope = pfs_bulk_scope(b);
    struct pfs_rows rows = {0};
    int rc = pfs_expand(&scope, path, &rows, &b->verb.error);
    rc = rc < 0 ? pfs_bulk_failed(b, rc, &b->verb.error) : cat_rows(b, &rows, take, user);
    pfs_rows_clear(&rows);
    return rc;
}

int polyfs_bulk_cat(struct polyfs_fs *fs, const char *const *paths, size_t count,
                    const struct polyfs_bulk_opts *opts, polyfs_cat_fn *take, void *user, struct polyfs_error *err)
{
    struct pfs_bulk b = {.source_fs = fs};
    struct pfs_rows named = {0};
    int rc = pfs_bulk_begin(&b, "read", fs, opts);
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++)
        if (names_one(&b, paths[i]))
            rc = add_named(&b, paths[i], &named);
    if (rc == POLYFS_OK)
        rc = cat_rows(&b, &named, take, user);
    for (size_t i = 0; i < count && rc == POLYFS_OK; i++)
        if (!names_one(&b, paths[i]))
            rc = cat_pattern(&b, paths[i], take, user);
    pfs_rows_clear(&named);
    return pfs_bulk_end(&b, rc, NULL, err);
}

/* ---- pipe ------------------------------------------------------------------------------------------------------------ */

struct pipe {
    struct pfs_bulk *bulk;
    struct polyfs_pipe *items;
    struct polyfs_write_opts opts;
    struct pfs_put_args args;
    uint64_t put_max; /* what goes in one request; 0: nothing does */
};

/* By the verb for one object: what takes several requests, and what lacks its folder. */
static int put_alone(struct pipe *pipe, const struct polyfs_pipe *item, struct polyfs_error *err)
{
    pipe->opts.call = pfs_bulk_call(pipe->bulk);
    return polyfs_put(pipe->bulk->source_fs, item->path, item->data, item->size, &pipe->opts, NULL, err);
}

static int pipe_fill(size_t i, struct pfs_request *r, void *user)
{
    struct pipe *pipe = user;
    const struct polyfs_pipe *item = &pipe->items[i];
    if (!pipe->put_max || item->size > pipe->put_max) {
        r->rc = put_alone(pipe, item, &r->error);
        return PFS_ANSWERED;
    }
    *r = PFS_REQUEST(PFS_PUT, pipe->bulk->source_fs, &pipe->bulk->verb.ctx, item->path);
    r->u.put.data = item->data;
    r->u.put.size = item->size;
    r->u.put.request = &pipe->args.request;
    return POLYFS_OK;
}

static int pipe_landed(size_t i, struct pfs_request *r, void *user)
{
    struct pipe *pipe = user;
    struct polyfs_pipe *item = &pipe->items[i];
    struct polyfs_error error = POLYFS_ERROR_INIT;
    item->code = r->rc;
    if (r->slot == PFS_PUT && r->rc == POLYFS_NOT_FOUND)
        item->code = put_alone(pipe, item, &error);
    else if (r->rc < 0)
        pfs_bulk_error(pipe->bulk, &error, r->rc, &r->error, "write", item->path);
    return pfs_bulk_failed(pipe->bulk, item->code, &error);
}

static int pipe_items(struct pipe *pipe, size_t count)
{
    struct pfs_bulk *b = pipe->bulk;
    struct pfs_many many = {.ctx = &b->verb.ctx,
                            .width = pfs_many_width(b->source_fs, b->opts.jobs),
                            .count = count,
                            .fill = pipe_fill,
                            .landed = pipe_landed,
                            .user = pipe};
    struct polyfs_caps caps;
    int rc = count ? pfs_verb_caps(&b->verb, pipe->items[0].path, &caps) : POLYFS_OK;
    if (rc == POLYFS_OK && count)
        rc = pfs_put_gate(b->source_fs, &caps, &pipe->args.request, &b->verb.error);
    if (rc != POLYFS_OK || !count)
        return rc;
    pipe->put_max = caps.shapes & POLYFS_SHAPE_PUT ? b->source_fs->part_bytes : 0;
    if (caps.put_max && caps.put_max < pipe->put_max)
        pipe->put_max = caps.put_max;
    return pfs_many_run(&many, &b->verb.error);
}

int polyfs_bulk_pipe(struct polyfs_fs *fs, struct polyfs_pipe *items, size_t count,
                     const struct polyfs_bulk_opts *opts, struct polyfs_error *err)
{
    struct pfs_bulk b = {.source_fs = fs};
    struct pipe pipe = {.bulk = &b, .items = items, .opts = POLYFS_WRITE_OPTS_INIT};
    int rc = pfs_bulk_begin(&b, "write", fs, opts);
    pipe.opts.durability = b.opts.durability ? b.opts.durability : POLYFS_DURABILITY_NONE;
    pipe.opts.flags = POLYFS_WRITE_PARENTS | (b.opts.flags & POLYFS_BULK_NO_REPLACE ? POLYFS_WRITE_CREATE_ONLY : 0);
    if (rc == POLYFS_OK && pfs_put_args_take(&pipe.args, fs, &pipe.opts) != POLYFS_OK)
        rc = polyfs_fail(&b.verb.error, POLYFS_NOMEM, "no memory for a write");
    if (rc == POLYFS_OK)
        rc = pipe_items(&pipe, count);
    pfs_put_args_clear(&pipe.args);
    return pfs_bulk_end(&b, rc, NULL, err);
}
