/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saves behind the training's back. The caller's thread stages a checkpoint and queues it; one thread writes what is
 * queued, oldest first, so that commits and evictions come in the order in which they were asked for.
 */
#include <polyfs/async.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "carry.h"
#include "policy.h"
#include "saver.h"

#define DEPTH 1
#define DEPTH_MAX 32
#define RESULTS 64            /* saves whose result is remembered */
#define STACK_BYTES (1 << 20) /* the checkpoint layer's own calls run on it */

/* A save that is queued or under way. */
struct job {
    struct job *next;
    uint64_t ticket;
    struct polyfs_ckpt_saver *saver;
    struct polyfs_policy_plan *plan; /* of a job that only moves names; then there is no saver */
    /* What it will have made, for those who look while the thread writes it: */
    char *name;
    struct polyfs_policy_plan *promised; /* a copy of its plan; of one that failed it becomes its result's `lost` */
};

static void job_free(struct job *job)
{
    ckpt_plan_free(job->plan);
    ckpt_plan_free(job->promised);
    free(job->name);
    free(job);
}

/* Takes the saver or the plan over; NULL without memory, and they are gone. */
static struct job *job_new(struct polyfs_ckpt_saver *saver, struct polyfs_policy_plan *plan)
{
    const struct polyfs_policy_plan *promised = saver ? saver->plan : plan;
    struct job *job = calloc(1, sizeof(*job));
    if (job) {
        *job = (struct job){.saver = saver, .plan = plan};
        job->name = saver ? strdup(saver->entry.name) : NULL;
        job->promised = promised ? ckpt_plan_copy(promised) : NULL;
        if ((!saver || job->name) && (!promised || job->promised))
            return job;
        job_free(job);
    } else {
        ckpt_plan_free(plan);
    }
    polyfs_ckpt_abort(saver);
    return NULL;
}

/* What became of a save. */
struct result {
    uint64_t ticket;
    int done, told;
    int code;
    struct polyfs_ckpt_info info;
    struct polyfs_error error;
    struct polyfs_policy_plan *lost; /* of one that failed, until the policy has forgotten it */
};

struct polyfs_ckpt_async {
    struct polyfs_ckpt *ckpt;
    uint32_t depth, full;
    pid_t pid;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t woken; /* for the thread: a job, or the end */
    pthread_cond_t freed; /* for callers: a job is done, or room is free */
    struct ckpt_room room;
    pthread_t thread;
    int has_thread, ending;
    struct job *first, **end; /* that wait */
    struct job *running;
    uint32_t waiting;
    uint64_t tickets;
    struct result results[RESULTS];

    struct polyfs_policy_plan *owed; /* of the thread alone: what failed plans would have taken away */
};

static int forked(const struct polyfs_ckpt_async *async, struct polyfs_error *err)
{
    if (async->pid == getpid())
        return POLYFS_OK;
    return ckpt_fail(err, POLYFS_FORKED, "save to", async->ckpt->url,
                     "this process is a child of the one that began; open the run anew in it");
}

static int no_memory(const struct polyfs_ckpt_async *async, struct polyfs_error *err)
{
    return ckpt_fail(err, POLYFS_NOMEM, "save to", async->ckpt->url, "no memory");
}

static struct timespec time_in(uint64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    if (ms > INT32_MAX)
        ms = INT32_MAX;
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* ---- results ---------------------------------------------------------------------------------------------------- */

static struct result *result_of(struct polyfs_ckpt_async *async, uint64_t ticket)
{
    struct result *result = &async->results[ticket % RESULTS];
    return ticket && result->ticket == ticket ? result : NULL;
}

/* The plan of a failed save moves into its result. */
static void finish(struct polyfs_ckpt_async *async, uint64_t ticket, int code, const struct polyfs_ckpt_info *info,
                   const struct polyfs_error *error, struct polyfs_policy_plan *lost)
{
    struct result *result = result_of(async, ticket);
    result->done = 1;
    result->code = code;
    result->told = code == POLYFS_OK || code == POLYFS_CANCELLED;
    result->info = *info;
    result->error = *error;
    result->lost = lost;
}

/* The oldest failure that nobody was told of. */
static int tell(struct polyfs_ckpt_async *async, struct polyfs_error *err)
{
    struct result *oldest = NULL;
    for (size_t i = 0; i < RESULTS; i++) {
        struct result *result = &async->results[i];
        if (result->done && !result->told && (!oldest || result->ticket < oldest->ticket))
            oldest = result;
    }
    if (!oldest)
        return POLYFS_OK;
    oldest->told = 1;
    if (err)
        *err = oldest->error;
    return oldest->code;
}

/* ---- the thread ------------------------------------------------------------------------------------------------- */

/* What failed plans owe goes with the next one; a failed one owes from now on. */
static int carry_owed(struct polyfs_ckpt_async *async, struct polyfs_policy_plan *plan)
{
    return async->owed && plan ? ckpt_plan_owe(plan, async->owed) : POLYFS_OK;
}

static void owe(struct polyfs_ckpt_async *async, struct polyfs_policy_plan *failed)
{
    struct polyfs_policy_plan *all = ckpt_plan_copy(failed);
    if (all && async->owed && ckpt_plan_owe(all, async->owed) != POLYFS_OK) {
        ckpt_plan_free(all);
        all = NULL;
    }
    if (!all)
        return;
    ckpt_plan_free(async->owed);
    async->owed = all;
}

static int carry_out(struct polyfs_ckpt_async *async, struct job *job, struct polyfs_ckpt_info *info,
                     struct polyfs_error *err)
{
    struct polyfs_policy_plan *plan = job->saver ? job->saver->plan : job->plan;
    int rc = carry_owed(async, plan) == POLYFS_OK ? POLYFS_OK : no_memory(async, err);
    if (rc != POLYFS_OK) {
        polyfs_ckpt_abort(job->saver);
        job->saver = NULL;
        return rc;
    }
    const int planned = plan != NULL; /* the saver takes its plan along */
    rc = job->saver ? polyfs_ckpt_commit(job->saver, info, err) : ckpt_plan_commit(async->ckpt, plan, err);
    job->saver = NULL;
    if (rc == POLYFS_OK && planned) {
        ckpt_plan_free(async->owed);
        async->owed = NULL;
    }
    return rc;
}

static void run(struct polyfs_ckpt_async *async, struct job *job)
{
    struct polyfs_ckpt_info info = POLYFS_CKPT_INFO_INIT;
    struct polyfs_error error = POLYFS_ERROR_INIT;
    struct polyfs_policy_plan *lost = NULL;
    int rc = carry_out(async, job, &info, &error);
    if (rc != POLYFS_OK && job->promised)
        owe(async, job->promised);
    pthread_mutex_lock(&async->lock);
    if (rc != POLYFS_OK) {
        lost = job->promised;
        job->promised = NULL;
    }
    finish(async, job->ticket, rc, &info, &error, lost);
    async->running = NULL;
    pthread_cond_broadcast(&async->freed);
    pthread_mutex_unlock(&async->lock);
    job_free(job);
}

static struct job *take_first(struct polyfs_ckpt_async *async)
{
    struct job *job = async->first;
    async->first = job->next;
    if (!async->first)
        async->end = &async->first;
    async->waiting--;
    return job;
}

static void *work(void *user)
{
    struct polyfs_ckpt_async *async = user;
    for (;;) {
        pthread_mutex_lock(&async->lock);
        while (!async->first && !async->ending)
            pthread_cond_wait(&async->woken, &async->lock);
        struct job *job = async->first ? take_first(async) : NULL;
        async->running = job;
        pthread_cond_broadcast(&async->freed); /* one fewer waits */
        pthread_mutex_unlock(&async->lock);
        if (!job)
            return NULL;
        run(async, job);
    }
}

/* All signals are the program's. */
static int thread_make(struct polyfs_ckpt_async *async)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    if (async->has_thread)
        return POLYFS_OK;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&async->thread, &attributes, work, async);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed)
        return POLYFS_NOMEM;
    pthread_setname_np(async->thread, "polyfs-ckpt");
    async->has_thread = 1;
    return POLYFS_OK;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void conditions_make(struct polyfs_ckpt_async *async)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&async->woken, &monotonic);
    pthread_cond_init(&async->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&async->lock, NULL);
}

int polyfs_ckpt_async_new(struct polyfs_ckpt *ckpt, const struct polyfs_ckpt_async_opts *opts,
                          struct polyfs_ckpt_async **out_async, struct polyfs_error *err)
{
    struct polyfs_ckpt_async_opts own = POLYFS_CKPT_ASYNC_OPTS_INIT;
    if (opts)
        memcpy(&own, opts, opts->struct_size && opts->struct_size < sizeof(own) ? opts->struct_size : sizeof(own));
    if (ckpt->flags & POLYFS_CKPT_READ_ONLY)
        return ckpt_fail(err, POLYFS_PERMISSION, "save to", ckpt->url, "the run was opened read-only");
    if (own.depth > DEPTH_MAX)
        return ckpt_fail(err, POLYFS_INVALID, "save to", ckpt->url, "at most %d saves may wait, not %u", DEPTH_MAX,
                         own.depth);
    if (own.full > POLYFS_CKPT_REPLACE)
        return ckpt_fail(err, POLYFS_INVALID, "save to", ckpt->url, "what to do with a full queue is none: %u",
                         own.full);
    struct polyfs_ckpt_async *async = calloc(1, sizeof(*async));
    if (!async)
        return ckpt_fail(err, POLYFS_NOMEM, "save to", ckpt->url, "no memory");
    conditions_make(async);
    async->ckpt = ckpt;
    async->depth = own.depth ? own.depth : DEPTH;
    async->full = own.full;
    async->pid = getpid();
    async->end = &async->first;
    async->room = (struct ckpt_room){&async->lock, &async->freed, own.budget_bytes, 0};
    *out_async = async;
    return POLYFS_OK;
}

int polyfs_ckpt_async_close(struct polyfs_ckpt_async *async, struct polyfs_error *err)
{
    if (!async || async->pid != getpid()) /* in a child its locks may be held for ever */
        return POLYFS_OK;
    pthread_mutex_lock(&async->lock);
    async->ending = 1;
    pthread_cond_broadcast(&async->woken);
    pthread_mutex_unlock(&async->lock);
    if (async->has_thread)
        pthread_join(async->thread, NULL);
    int rc = tell(async, err);
    for (size_t i = 0; i < RESULTS; i++)
        ckpt_plan_free(async->results[i].lost);
    ckpt_plan_free(async->owed);
    pthread_cond_destroy(&async->woken);
    pthread_cond_destroy(&async->freed);
    pthread_mutex_destroy(&async->lock);
    free(async);
    return rc;
}

/* ---- queueing --------------------------------------------------------------------------------------------------- */

/* The newest that waits goes, its copies with it. */
static void replace(struct polyfs_ckpt_async *async)
{
    static const struct polyfs_ckpt_info none = POLYFS_CKPT_INFO_INIT;
    struct polyfs_error error = POLYFS_ERROR_INIT;
    struct job **at = &async->first;
    while ((*at)->next)
        at = &(*at)->next;
    struct job *job = *at;
    *at = NULL;
    async->end = at;
    async->waiting--;
    ckpt_fail(&error, POLYFS_CANCELLED, "save to", async->ckpt->url, "a later save took its place in the queue");
    finish(async, job->ticket, POLYFS_CANCELLED, &none, &error, NULL);
    pthread_mutex_unlock(&async->lock);
    polyfs_ckpt_abort(job->saver);
    job_free(job);
    pthread_mutex_lock(&async->lock);
}

/* The newest that waits may be replaced, when it is nobody's plan. */
static int is_replaceable(const struct polyfs_ckpt_async *async)
{
    const struct job *job = async->first;
    while (job && job->next)
        job = job->next;
    return job && !job->promised;
}

/* Until there is room for one more, by the rule for a full queue. */
static int room_make(struct polyfs_ckpt_async *async, uint32_t full, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    pthread_mutex_lock(&async->lock);
    while (async->waiting >= async->depth && rc == POLYFS_OK) {
        if (full == POLYFS_CKPT_DROP)
            rc = ckpt_fail(err, POLYFS_BUSY, "save to", async->ckpt->url, "%u saves are waiting already",
                           async->waiting);
        else if (full == POLYFS_CKPT_REPLACE && is_replaceable(async))
            replace(async);
        else
            pthread_cond_wait(&async->freed, &async->lock);
    }
    pthread_mutex_unlock(&async->lock);
    return rc;
}

static int tell_locked(struct polyfs_ckpt_async *async, struct polyfs_error *err)
{
    pthread_mutex_lock(&async->lock);
    int rc = tell(async, err);
    pthread_mutex_unlock(&async->lock);
    return rc;
}

static int saver_begin(struct polyfs_ckpt_async *async, const struct polyfs_ckpt_save_opts *opts, uint32_t flags,
                       struct polyfs_ckpt_saver **out_saver, struct polyfs_error *err)
{
    struct polyfs_ckpt_saver *saver;
    int rc = polyfs_ckpt_begin(async->ckpt, opts, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    saver->stage = ckpt_stage_new(&async->room, (flags & POLYFS_CKPT_PINNED) != 0);
    if (saver->stage) {
        *out_saver = saver;
        return POLYFS_OK;
    }
    ckpt_saver_free(saver);
    return no_memory(async, err);
}

int polyfs_ckpt_async_begin(struct polyfs_ckpt_async *async, const struct polyfs_ckpt_save_opts *opts,
                            uint32_t flags, struct polyfs_ckpt_saver **out_saver, struct polyfs_error *err)
{
    int rc = forked(async, err);
    if (rc == POLYFS_OK && flags & ~POLYFS_CKPT_PINNED)
        rc = ckpt_fail(err, POLYFS_UNSUPPORTED, "save to", async->ckpt->url, "a flag is not known");
    if (rc == POLYFS_OK)
        rc = tell_locked(async, err);
    if (rc == POLYFS_OK)
        rc = room_make(async, async->full, err);
    return rc == POLYFS_OK ? saver_begin(async, opts, flags, out_saver, err) : rc;
}

/* Takes the saver or the plan over, whatever becomes of it. */
static int queue(struct polyfs_ckpt_async *async, struct polyfs_ckpt_saver *saver, struct polyfs_policy_plan *plan,
                 uint64_t *out_ticket, struct polyfs_error *err)
{
    struct job *job = job_new(saver, plan);
    if (!job)
        return no_memory(async, err);
    if (thread_make(async) != POLYFS_OK) {
        polyfs_ckpt_abort(job->saver);
        job_free(job);
        return no_memory(async, err);
    }
    pthread_mutex_lock(&async->lock);
    job->ticket = ++async->tickets;
    struct result *result = &async->results[job->ticket % RESULTS];
    ckpt_plan_free(result->lost);
    *result = (struct result){.ticket = job->ticket};
    *async->end = job;
    async->end = &job->next;
    async->waiting++;
    if (out_ticket)
        *out_ticket = job->ticket;
    pthread_cond_signal(&async->woken);
    pthread_mutex_unlock(&async->lock);
    return POLYFS_OK;
}

int polyfs_ckpt_async_commit(struct polyfs_ckpt_async *async, struct polyfs_ckpt_saver *saver, uint64_t *out_ticket,
                             struct polyfs_error *err)
{
    int rc = forked(async, err);
    if (rc == POLYFS_OK)
        rc = ckpt_saver_file_end(saver, err);
    if (rc == POLYFS_OK)
        return queue(async, saver, NULL, out_ticket, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

/* ---- by a policy ------------------------------------------------------------------------------------------------ */

/* What failed since the last event: the policy must not count on it. */
static int forget_lost(struct polyfs_ckpt_async *async, struct polyfs_policy *policy)
{
    int rc = POLYFS_OK;
    pthread_mutex_lock(&async->lock);
    for (size_t i = 0; i < RESULTS && rc == POLYFS_OK; i++) {
        struct polyfs_policy_plan *lost = async->results[i].lost;
        for (size_t s = 0; lost && s < lost->count && rc == POLYFS_OK; s++)
            if (lost->steps[s].what < POLYFS_POLICY_REMOVE)
                rc = ckpt_policy_forget(policy, lost->steps[s].path);
        if (rc == POLYFS_OK) {
            ckpt_plan_free(lost);
            async->results[i].lost = NULL;
        }
    }
    pthread_mutex_unlock(&async->lock);
    return rc;
}

static int stage_planned(struct polyfs_ckpt_async *async, const struct ckpt_carry *carry,
                         const struct polyfs_policy_step *step, uint64_t *out_ticket, struct polyfs_error *err)
{
    struct polyfs_ckpt_save_opts opts;
    struct polyfs_ckpt_saver *saver;
    ckpt_carry_opts(carry, step, &opts);
    int rc = saver_begin(async, &opts, 0, &saver, err);
    if (rc != POLYFS_OK)
        return rc;
    rc = ckpt_carry_fill(saver, carry, err);
    if (rc == POLYFS_OK)
        return polyfs_ckpt_async_commit(async, saver, out_ticket, err);
    polyfs_ckpt_abort(saver);
    return rc;
}

static int queue_plan(struct polyfs_ckpt_async *async, const struct ckpt_carry *carry, uint64_t *out_ticket,
                      struct polyfs_error *err)
{
    const struct polyfs_policy_step *step = ckpt_plan_save(carry->plan);
    uint64_t ticket = 0;
    int rc = carry->plan->count ? room_make(async, POLYFS_CKPT_BLOCK, err) : POLYFS_OK;
    if (rc == POLYFS_OK && step) {
        rc = stage_planned(async, carry, step, &ticket, err);
    } else if (rc == POLYFS_OK && carry->plan->count) {
        struct polyfs_policy_plan *plan = ckpt_plan_copy(carry->plan);
        rc = plan ? queue(async, NULL, plan, &ticket, err) : no_memory(async, err);
    }
    if (rc == POLYFS_OK && out_ticket)
        *out_ticket = ticket;
    return rc;
}

int polyfs_ckpt_async_on(struct polyfs_ckpt_async *async, struct polyfs_policy *policy, uint32_t event,
                         const struct polyfs_policy_moment *moment, polyfs_ckpt_fill_fn *fill, void *user,
                         uint64_t *out_ticket, struct polyfs_error *err)
{
    const struct polyfs_policy_plan *plan;
    int rc = forked(async, err);
    if (rc == POLYFS_OK && forget_lost(async, policy) != POLYFS_OK)
        rc = no_memory(async, err);
    if (rc == POLYFS_OK)
        rc = tell_locked(async, err);
    if (rc == POLYFS_OK)
        rc = polyfs_policy_on(policy, event, moment, &plan, err);
    if (rc != POLYFS_OK)
        return rc;
    const struct ckpt_carry carry = {policy, moment, plan, fill, user};
    rc = queue_plan(async, &carry, out_ticket, err);
    if (rc == POLYFS_OK)
        polyfs_policy_applied(policy);
    else
        polyfs_policy_dropped(policy);
    return rc;
}

/* ---- looking and waiting ---------------------------------------------------------------------------------------- */

static int names(const struct job *job, const char *path)
{
    const struct polyfs_policy_plan *plan = job->promised;
    if (job->name && strcmp(job->name, path) == 0)
        return 1;
    for (size_t i = 0; plan && i < plan->count; i++)
        if (plan->steps[i].what < POLYFS_POLICY_REMOVE && strcmp(plan->steps[i].path, path) == 0)
            return strcmp(plan->last, path) == 0 ? 2 : 1;
    return 0;
}

int polyfs_ckpt_async_taken(const char *path, void *user)
{
    struct polyfs_ckpt_async *async = user;
    int taken = 0;
    pthread_mutex_lock(&async->lock);
    for (const struct job *job = async->first; job && !taken; job = job->next)
        taken = names(job, path);
    if (!taken && async->running)
        taken = names(async->running, path);
    pthread_mutex_unlock(&async->lock);
    /* The record comes last: a name goes from the queue through the thread into it, and is then seen on its way. */
    return taken ? taken : polyfs_ckpt_taken(path, async->ckpt);
}

int polyfs_ckpt_async_wait(struct polyfs_ckpt_async *async, uint64_t ticket, uint64_t timeout_ms,
                           struct polyfs_ckpt_info *out_info, struct polyfs_error *err)
{
    const struct timespec until = time_in(timeout_ms);
    int rc = forked(async, err), late = timeout_ms == 0;
    if (rc != POLYFS_OK)
        return rc;
    pthread_mutex_lock(&async->lock);
    struct result *result = result_of(async, ticket);
    while (result && result->ticket == ticket && !result->done && !late)
        late = pthread_cond_timedwait(&async->freed, &async->lock, &until) == ETIMEDOUT;
    if (!result || result->ticket != ticket) {
        rc = ckpt_fail(err, POLYFS_NOT_FOUND, "wait for", async->ckpt->url, "no save has the ticket %llu",
                       (unsigned long long)ticket);
    } else if (!result->done) {
        rc = POLYFS_MORE;
    } else {
        rc = result->code;
        result->told = 1;
        if (rc == POLYFS_OK)
            ckpt_info_out(out_info, &result->info);
        else if (err)
            *err = result->error;
    }
    pthread_mutex_unlock(&async->lock);
    return rc;
}

/* Of saves that are nobody's plan only the newest counts when time is short. */
static void drop_superseded(struct polyfs_ckpt_async *async)
{
    for (struct job **at = &async->first; *at && (*at)->next;) {
        static const struct polyfs_ckpt_info none = POLYFS_CKPT_INFO_INIT;
        struct polyfs_error error = POLYFS_ERROR_INIT;
        struct job *job = *at;
        if (job->promised) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        async->waiting--;
        ckpt_fail(&error, POLYFS_CANCELLED, "save to", async->ckpt->url,
                  "a later save was queued, and time is short");
        finish(async, job->ticket, POLYFS_CANCELLED, &none, &error, NULL);
        pthread_mutex_unlock(&async->lock);
        polyfs_ckpt_abort(job->saver);
        job_free(job);
        pthread_mutex_lock(&async->lock);
        at = &async->first;
    }
}

int polyfs_ckpt_async_flush(struct polyfs_ckpt_async *async, uint64_t deadline_ms, struct polyfs_error *err)
{
    const struct timespec until = time_in(deadline_ms);
    int rc = forked(async, err), late = 0;
    if (rc != POLYFS_OK)
        return rc;
    pthread_mutex_lock(&async->lock);
    drop_superseded(async);
    while ((async->first || async->running) && !late)
        late = pthread_cond_timedwait(&async->freed, &async->lock, &until) == ETIMEDOUT;
    rc = async->first || async->running
             ? ckpt_fail(err, POLYFS_TIMEOUT, "save to", async->ckpt->url, "%u saves are not done after %llu ms",
                         async->waiting + (async->running != NULL), (unsigned long long)deadline_ms)
             : tell(async, err);
    pthread_mutex_unlock(&async->lock);
    return rc;
}
