/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a store takes whole objects only: the bytes are kept in memory, counted against the budget, and go in one PUT.
 * Over put_max that is TOO_LARGE; nothing is ever spooled to a disk.
 */
#include <stdlib.h>

#include "core/budget.h"
#include "core/write.h"

struct whole {
    unsigned char *data;
    uint64_t size, room;
};

static int whole_begin(struct pfs_verb *v, struct polyfs_writer *w)
{
    w->state = calloc(1, sizeof(struct whole));
    return w->state ? POLYFS_OK : polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a writer");
}

static int grow(struct pfs_verb *v, struct whole *whole, uint64_t needed)
{
    uint64_t room = whole->room ? whole->room : needed;
    while (room < needed)
        room = room > UINT64_MAX / 2 ? needed : room * 2;
    if (room == whole->room)
        return POLYFS_OK;
    unsigned char *data = room < PTRDIFF_MAX ? realloc(whole->data, room) : NULL;
    if (!data)
        return polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for an object of %llu bytes",
                           (unsigned long long)needed);
    pfs_budget_count((int64_t)(room - whole->room));
    whole->data = data;
    whole->room = room;
    return POLYFS_OK;
}

static int whole_part(struct pfs_verb *v, struct polyfs_writer *w, const void *data, uint64_t size)
{
    struct whole *whole = w->state;
    if (w->caps.put_max && (size > w->caps.put_max || whole->size > w->caps.put_max - size))
        return polyfs_fail(&v->error, POLYFS_TOO_LARGE,
                           "%s takes an object in one piece of at most %llu bytes here",
                           v->fs->plugin->main_protocol, (unsigned long long)w->caps.put_max);
    int rc = grow(v, whole, whole->size + size);
    if (rc != POLYFS_OK)
        return rc;
    memcpy(whole->data + whole->size, data, size);
    whole->size += size;
    return POLYFS_OK;
}

static void whole_abort(struct pfs_verb *v, struct polyfs_writer *w)
{
    struct whole *whole = w->state;
    (void)v;
    pfs_budget_count(-(int64_t)whole->room);
    free(whole->data);
    free(whole);
    w->state = NULL;
}

static int whole_commit(struct pfs_verb *v, struct polyfs_writer *w, struct polyfs_stat *out)
{
    const struct whole *whole = w->state;
    int rc = pfs_put_whole(v, whole->data, whole->size, &w->args.request, out);
    if (rc == POLYFS_OK)
        whole_abort(v, w);
    return rc;
}

const struct pfs_shape pfs_shape_whole = {
    .name = "put",
    .bit = POLYFS_SHAPE_PUT,
    .begin = whole_begin,
    .part = whole_part,
    .commit = whole_commit,
    .abort = whole_abort,
};
