/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenarios of a run whose older checkpoints stand in segments. That takes hundreds of saves; so a small run is rewritten
 * to one that has two segments of one checkpoint each, which the next save joins.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torture.h"

static int open_wide(struct world *w, uint32_t flags, struct polyfs_ckpt **out, struct polyfs_error *err)
{
    struct polyfs_ckpt_opts opts = POLYFS_CKPT_OPTS_INIT;
    opts.options = options_of(w);
    opts.flags = flags;
    opts.keep_newest = 4;
    return polyfs_ckpt_open(url_at(w, "run"), &opts, out, err);
}

/* Puts a body as the layer seals it; its size and checksum. */
static void put_sealed(struct world *w, const char *name, json_t *body, size_t *out_n, uint32_t *out_crc)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    static char text[8192];
    char *json = json_dumps(body, JSON_COMPACT);
    *out_n = (size_t)snprintf(text, sizeof(text), "{\"crc32c\":\"%08x\",\"body\":%s}\n",
                              polyfs_crc32c(0, json, strlen(json)), json);
    *out_crc = polyfs_crc32c(0, text, *out_n);
    free(json);
    opts.flags = POLYFS_WRITE_PARENTS;
    must(polyfs_put(w->clean, at(w, name), text, *out_n, &opts, NULL, &err), "put", &err);
}

/* The oldest of the record goes into a segment. */
static void move_oldest(struct world *w, json_t *record, unsigned number)
{
    char name[80], id[33];
    size_t n;
    uint32_t crc;
    json_t *live = json_object_get(record, "live");
    snprintf(id, sizeof(id), "%032x", number + 1);
    snprintf(name, sizeof(name), "run/.ckpt/segments/%s/rows.json", id);
    json_t *body = json_pack("{s:i, s:s, s:[O]}", "format", 1, "id", id, "rows", json_array_get(live, 0));
    put_sealed(w, name, body, &n, &crc);
    json_decref(body);
    json_array_remove(live, 0);
    json_array_append_new(json_object_get(record, "segments"),
                          json_pack("{s:s, s:i, s:I, s:I}", "id", id, "rows", 1, "size", (json_int_t)n, "crc32c",
                                    (json_int_t)crc));
}

static void segmented(struct world *w)
{
    static const char newest[] = "run/.ckpt/log/9999999999999999995.json"; /* the claim, and three saves */
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run = NULL;
    void *text = NULL;
    size_t n = 0;
    uint32_t crc;
    must(open_wide(w, 0, &run, &err), "open a run", &err);
    for (int64_t step = 0; step < 3; step++)
        must(run_save(run, step, NULL, &err), "save", &err);
    polyfs_ckpt_close(run);
    must(polyfs_get_all(w->clean, at(w, newest), NULL, &text, &n, NULL, &err), "read the record", &err);
    json_t *sealed = json_loadb(text, n, 0, NULL), *record = json_object_get(sealed, "body");
    polyfs_free(text);
    json_object_set_new(record, "format", json_integer(2));
    json_object_set_new(record, "segments", json_array());
    move_oldest(w, record, 0);
    move_oldest(w, record, 1);
    put_sealed(w, newest, record, &n, &crc);
    json_decref(sealed);
}

static int call_join(struct world *w, struct polyfs_error *err)
{
    struct polyfs_ckpt *run = NULL;
    int rc = open_wide(w, 0, &run, err);
    if (rc == POLYFS_OK)
        rc = run_save(run, 3, &w->out.info, err);
    polyfs_ckpt_close(run);
    return rc;
}

/* As run_settled(), and the oldest is still there. */
static const char *settled(struct world *w, int rc)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_view *view = NULL;
    int code = open_wide(w, POLYFS_CKPT_READ_ONLY, &run, &err);
    if (code == POLYFS_OK)
        code = polyfs_ckpt_load(run, "step=0", POLYFS_CKPT_CHECK_BYTES, &view, &err);
    polyfs_ckpt_view_close(view);
    polyfs_ckpt_close(run);
    return code == POLYFS_OK ? run_settled(w, rc) : "torn: the oldest is gone";
}

static int call_oldest(struct world *w, struct polyfs_error *err)
{
    struct polyfs_ckpt *run = NULL;
    struct polyfs_ckpt_view *view = NULL;
    int rc = open_wide(w, POLYFS_CKPT_READ_ONLY, &run, err);
    if (rc == POLYFS_OK)
        rc = polyfs_ckpt_load(run, "step=0", 0, &view, err);
    if (rc == POLYFS_OK)
        w->out.info = *polyfs_ckpt_view_info(view);
    polyfs_ckpt_view_close(view);
    polyfs_ckpt_close(run);
    return rc;
}

static const char *check_oldest(const struct world *w)
{
    return strcmp(w->out.info.name, "step=0") == 0 ? NULL : "another one was loaded";
}

const struct scenario segments_scenarios[] = {
    {"ckpt_join", ON_BOTH | OWN_STATE | COPES, segmented, call_join, run_check_save, NULL, NULL, settled},
    {"ckpt_oldest", ON_BOTH | OWN_STATE, segmented, call_oldest, check_oldest, NULL, NULL, settled},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
