/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Append. Natively where the store adds bytes itself, to any object or to this one. Elsewhere the writer begins with the
 * old bytes, read from the version that was there when it was opened, and publishes under if-match: nobody ever sees a
 * state without the old bytes, and who loses a race is told CONDITION.
 */
#include <stdlib.h>

#include "core/block.h"
#include "core/budget.h"
#include "core/stat.h"
#include "core/write.h"

#define BUFFER_BYTES (UINT64_C(1) << 20)

int pfs_lost_race(struct polyfs_error *err)
{
    err->code = POLYFS_CONDITION;
    return POLYFS_CONDITION;
}

/* Reads on to the end, and writes what was read. */
static int feed(struct pfs_verb *v, struct polyfs_writer *w, struct polyfs_reader *reader)
{
    uint64_t room = w->part_bytes < BUFFER_BYTES ? w->part_bytes : BUFFER_BYTES;
    char *buffer = pfs_block_new(room);
    size_t n = 1;
    int rc = buffer ? POLYFS_OK : polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for a buffer");
    pfs_budget_handle(1);
    pfs_budget_count((int64_t)room);
    while (rc == POLYFS_OK && n) {
        rc = polyfs_reader_read(reader, buffer, room, &n, &v->error);
        if (rc == POLYFS_OK && n)
            rc = polyfs_writer_write(w, buffer, n, &v->error);
    }
    pfs_budget_free(buffer, room, 0);
    pfs_budget_handle(-1);
    return rc;
}

static int feed_old_bytes(struct pfs_verb *v, struct polyfs_writer *w, const struct polyfs_stat *old)
{
    struct polyfs_reader *reader;
    struct polyfs_stat pinned = POLYFS_STAT_INIT;
    int rc = polyfs_reader_open(v->fs, v->path, NULL, &reader, &v->error);
    if (rc != POLYFS_OK)
        return rc;
    rc = polyfs_reader_stat(reader, &pinned, &v->error);
    if (rc == POLYFS_OK && strcmp(pinned.etag, old->etag) != 0)
        rc = polyfs_fail(&v->error, POLYFS_CONDITION, "it was replaced meanwhile");
    if (rc == POLYFS_OK)
        rc = feed(v, w, reader);
    polyfs_reader_close(reader);
    return rc == POLYFS_CHANGED || rc == POLYFS_NOT_FOUND ? pfs_lost_race(&v->error) : rc;
}

static int by_store(struct pfs_verb *v, struct polyfs_writer *w)
{
    int rc = pfs_shape_append.begin(v, w);
    if (rc == POLYFS_OK)
        w->shape = &pfs_shape_append;
    w->gathers = 0; /* it takes bytes as they come, whatever shapes objects have here */
    return rc;
}

static int emulate(struct pfs_verb *v, struct polyfs_writer *w)
{
    struct polyfs_stat old;
    struct polyfs_condition *condition = &w->args.request.condition;
    int rc = pfs_stat_object(v, v->path, &old);
    if (rc == POLYFS_NOT_FOUND) {
        w->appends = !condition->create_only;
        condition->create_only = 1;
        return POLYFS_OK;
    }
    if (rc == POLYFS_OK && old.type == POLYFS_TYPE_DIR)
        rc = polyfs_fail(&v->error, POLYFS_IS_DIR, "it is a folder");
    if (rc == POLYFS_OK && condition->create_only)
        rc = polyfs_fail(&v->error, POLYFS_EXISTS, "it is there already");
    if (rc == POLYFS_OK && condition->if_match && strcmp(condition->if_match, old.etag) != 0)
        rc = polyfs_fail(&v->error, POLYFS_CONDITION, "it is not the version that was named");
    if (rc == POLYFS_OK && old.flags & POLYFS_STAT_APPENDABLE && pfs_slot_present(v->fs, PFS_STREAM_OPEN))
        return by_store(v, w);
    if (rc == POLYFS_OK && !condition->if_match) {
        w->args.if_match = strdup(old.etag);
        condition->if_match = w->args.if_match;
        if (!w->args.if_match)
            rc = polyfs_fail(&v->error, POLYFS_NOMEM, "no memory for an append");
    }
    w->args.request.size_hint = POLYFS_SIZE_UNKNOWN;
    return rc == POLYFS_OK ? feed_old_bytes(v, w, &old) : rc;
}

int pfs_append_begin(struct pfs_verb *v, struct polyfs_writer *w)
{
    if (w->caps.fact[POLYFS_FACT_APPEND] == POLYFS_YES)
        return by_store(v, w);
    if (w->caps.fact[POLYFS_FACT_IF_MATCH] == POLYFS_NO)
        return polyfs_fail(&v->error, POLYFS_UNSUPPORTED,
                           "%s can neither append nor replace under a condition here",
                           v->fs->plugin->main_protocol);
    return emulate(v, w);
}
