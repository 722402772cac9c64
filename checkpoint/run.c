/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a run. A writer's first act is to put a record that claims the run under the next incarnation: a process
 * that saved before finds its next number taken, and stops.
 */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS 600000 /* of rank 0, for the reports of the others */
#define CLAIMS_MAX 16      /* lost races for the next number before giving up */

void polyfs_ckpt_close(struct polyfs_ckpt *ckpt)
{
    if (!ckpt)
        return;
    ckpt_record_clear(&ckpt->state);
    pthread_mutex_destroy(&ckpt->lock);
    polyfs_fs_close(ckpt->fs);
    free(ckpt->root);
    free(ckpt->url);
    polyfs_free(ckpt->place);
    free(ckpt->last_path);
    free(ckpt);
}

char *ckpt_attempt_folder(const struct polyfs_ckpt *ckpt, const char *home, const char *attempt)
{
    return ckpt_below(ckpt, "%s/%s", home, attempt);
}

uint64_t ckpt_seq(struct polyfs_ckpt *ckpt)
{
    pthread_mutex_lock(&ckpt->lock);
    uint64_t seq = ckpt->state.seq;
    pthread_mutex_unlock(&ckpt->lock);
    return seq;
}

static int claim_once(struct polyfs_ckpt *ckpt, struct polyfs_error *err)
{
    struct ckpt_record next;
    int found = 0;
    ckpt_record_clear(&ckpt->state);
    int rc = ckpt_log_newest(ckpt, CKPT_WHOLE, &ckpt->state, &found, NULL, 0, err);
    if (rc != POLYFS_OK &&
        !(rc == POLYFS_PERMISSION && ckpt->blind)) /* then the number is claimed by create-only alone */
        return rc;
    if (!found) {
        ckpt_id(ckpt->state.run);
        ckpt->state.whole = 1;
    }
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
    ckpt->folders = caps.fact[POLYFS_FACT_REAL_DIRS] != POLYFS_NO;
    if (rc == POLYFS_OK && caps.fact[POLYFS_FACT_CREATE_ONLY] == POLYFS_NO)
        rc = ckpt_fail(err, POLYFS_UNSUPPORTED, "open the run", ckpt->url,
                       "this store cannot create only what is absent, so a save could be torn");
    return rc;
}

static int take_opts(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_opts *opts, const char *url)
{
    ckpt->call = opts->call ? *opts->call : (struct polyfs_call_opts)POLYFS_CALL_OPTS_INIT;
    ckpt->flags = opts->flags;
    ckpt->keep_newest = opts->keep_newest;
    ckpt->keep_records = opts->keep_records ? opts->keep_records : CKPT_RECORDS;
    ckpt->ranks = opts->ranks ? *opts->ranks : (struct polyfs_ckpt_ranks)POLYFS_CKPT_RANKS_INIT;
    if (!ckpt->ranks.deadline_ms)
        ckpt->ranks.deadline_ms = DEADLINE_MS;
    if (ckpt->keep_records < CKPT_RECORDS_MIN)
        ckpt->keep_records = CKPT_RECORDS_MIN;
    ckpt_id(ckpt->writer);
    pthread_mutex_init(&ckpt->lock, NULL);
    ckpt->last_as = opts->last_as;
    ckpt->last_path = strdup(opts->last_path ? opts->last_path : "last");
    ckpt->url = strdup(url);
    return ckpt->url && ckpt->last_path ? POLYFS_OK : POLYFS_NOMEM;
}

static int ranks_check(const struct polyfs_ckpt *ckpt, struct polyfs_error *err)
{
    const struct polyfs_ckpt_ranks *ranks = &ckpt->ranks;
    if (!ranks->world || ranks->rank >= ranks->world)
        return ckpt_fail(err, POLYFS_INVALID, "open the run", ckpt->url, "rank %u of %u is none", ranks->rank,
                         ranks->world);
    if (ranks->world > 1 && !memchr(ranks->launch, '\0', sizeof(ranks->launch)))
        return ckpt_fail(err, POLYFS_INVALID, "open the run", ckpt->url, "the name of the launch does not end");
    if (ranks->world > 1 && !*ranks->launch)
        return ckpt_fail(err, POLYFS_INVALID, "open the run", ckpt->url,
                         "its %u ranks have no name for this launch; see polyfs_ckpt_ranks_of_launcher()",
                         ranks->world);
    return POLYFS_OK;
}

/* Rank 0 alone claims the run: the others write below attempts that no other launch has. */
static int open_run(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_opts *opts, struct polyfs_error *err)
{
    int rc = polyfs_fs_open(ckpt->url, opts->options, &ckpt->fs, &ckpt->root, err);
    if (rc == POLYFS_OK && ckpt->flags & ~(POLYFS_CKPT_READ_ONLY | POLYFS_CKPT_ALONE))
        rc = ckpt_fail(err, POLYFS_UNSUPPORTED, "open the run", ckpt->url, "a flag is not known");
    if (rc == POLYFS_OK)
        rc = ranks_check(ckpt, err);
    for (size_t n = ckpt->root ? strlen(ckpt->root) : 0; rc == POLYFS_OK && n > 1 && ckpt->root[n - 1] == '/';)
        ckpt->root[--n] = '\0';
    if (rc == POLYFS_OK && !(ckpt->place = polyfs_fs_url(ckpt->fs, ckpt->root)))
        rc = ckpt_fail(err, POLYFS_NOMEM, "open the run", ckpt->url, "no memory");
    if (rc != POLYFS_OK || ckpt->flags & POLYFS_CKPT_READ_ONLY || ckpt->ranks.rank)
        return rc;
    rc = check_store(ckpt, err);
    if (rc == POLYFS_OK)
        rc = ckpt_last_check(ckpt, err);
    return rc == POLYFS_OK ? claim(ckpt, err) : rc;
}

int polyfs_ckpt_open(const char *url, const struct polyfs_ckpt_opts *opts, struct polyfs_ckpt **out_ckpt,
                     struct polyfs_error *err)
{
    struct polyfs_ckpt_opts own = POLYFS_CKPT_OPTS_INIT;
    struct polyfs_ckpt *ckpt = calloc(1, sizeof(*ckpt));
    if (opts) /* of the caller's header, which may be another one */
        memcpy(&own, opts, opts->struct_size && opts->struct_size < sizeof(own) ? opts->struct_size : sizeof(own));
    if (!ckpt || take_opts(ckpt, &own, url) != POLYFS_OK) {
        polyfs_ckpt_close(ckpt);
        return ckpt_fail(err, POLYFS_NOMEM, "open the run", url, "no memory");
    }
    int rc = open_run(ckpt, &own, err);
    if (rc == POLYFS_OK)
        *out_ckpt = ckpt;
    else
        polyfs_ckpt_close(ckpt);
    return rc;
}
