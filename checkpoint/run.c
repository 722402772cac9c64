/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a run. A writer's first act is to put a record that claims the run under the next incarnation: a process
 * that saved before finds its next number taken, and stops.
 */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIMS_MAX 16 /* lost races for the next number before giving up */

void polyfs_ckpt_close(struct polyfs_ckpt *ckpt)
{
    if (!ckpt)
        return;
    ckpt_record_clear(&ckpt->state);
    polyfs_fs_close(ckpt->fs);
    free(ckpt->root);
    free(ckpt->url);
    free(ckpt);
}

static int claim_once(struct polyfs_ckpt *ckpt, struct polyfs_error *err)
{
    struct ckpt_record next;
    int found = 0;
    ckpt_record_clear(&ckpt->state);
    int rc = ckpt_log_newest(ckpt, &ckpt->state, &found, NULL, 0, err);
    if (rc != POLYFS_OK)
        return rc;
    if (!found)
        ckpt_id(ckpt->state.run);
    if (ckpt_record_copy(&next, &ckpt->state) != POLYFS_OK)
        return ckpt_fail(err, POLYFS_NOMEM, "open the run", ckpt->url, "no memory");
    next.seq++;
    next.incarnation++;
    rc = ckpt_commit(ckpt, &next, err);
    ckpt_record_clear(&next);
    return rc;
}

/* Somebody else's claim between our look and our put: look again. */
static int claim(struct polyfs_ckpt *ckpt, struct polyfs_error *err)
{
    int rc = POLYFS_CONDITION;
    for (int i = 0; i < CLAIMS_MAX && rc == POLYFS_CONDITION; i++)
        rc = claim_once(ckpt, err);
    return rc;
}

static int check_store(struct polyfs_ckpt *ckpt, struct polyfs_error *err)
{
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    int rc = polyfs_caps(ckpt->fs, ckpt->root, 0, &ckpt->call, &caps, err);
    if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_CREATE_ONLY] == POLYFS_NO)
        rc = ckpt_fail(err, POLYFS_UNSUPPORTED, "open the run", ckpt->url,
                       "this store cannot create only what is absent, so a save could be torn");
    return rc;
}

static int take_opts(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_opts *opts, const char *url)
{
    ckpt->call = (struct polyfs_call_opts)POLYFS_CALL_OPTS_INIT;
    if (opts && opts->call)
        ckpt->call = *opts->call;
    ckpt->flags = opts ? opts->flags : 0;
    ckpt->keep_newest = opts ? opts->keep_newest : 0;
    ckpt->keep_records = opts && opts->keep_records ? opts->keep_records : CKPT_RECORDS;
    if (ckpt->keep_records < CKPT_RECORDS_MIN)
        ckpt->keep_records = CKPT_RECORDS_MIN;
    ckpt_id(ckpt->writer);
    ckpt->url = strdup(url);
    return ckpt->url ? POLYFS_OK : POLYFS_NOMEM;
}

int polyfs_ckpt_open(const char *url, const struct polyfs_ckpt_opts *opts, struct polyfs_ckpt **out_ckpt,
                     struct polyfs_error *err)
{
    struct polyfs_ckpt *ckpt = calloc(1, sizeof(*ckpt));
    if (!ckpt || take_opts(ckpt, opts, url) != POLYFS_OK) {
        free(ckpt);
        return ckpt_fail(err, POLYFS_NOMEM, "open the run", url, "no memory");
    }
    int rc = polyfs_fs_open(url, opts ? opts->options : NULL, &ckpt->fs, &ckpt->root, err);
    if (rc == POLYFS_OK && ckpt->flags & ~POLYFS_CKPT_READ_ONLY)
        rc = ckpt_fail(err, POLYFS_UNSUPPORTED, "open the run", url, "a flag is not known");
    for (size_t n = ckpt->root ? strlen(ckpt->root) : 0; rc == POLYFS_OK && n > 1 && ckpt->root[n - 1] == '/';)
        ckpt->root[--n] = '\0';
    if (rc == POLYFS_OK && !(ckpt->flags & POLYFS_CKPT_READ_ONLY)) {
        rc = check_store(ckpt, err);
        if (rc == POLYFS_OK)
            rc = claim(ckpt, err);
    }
    if (rc == POLYFS_OK)
        *out_ckpt = ckpt;
    else
        polyfs_ckpt_close(ckpt);
    return rc;
}
