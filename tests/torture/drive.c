/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver. A cycle is: empty store, setup, the call with one failure planted, judgement, the same call again
 * without, empty store. Cycles with the same failure must leave the same number of blocks allocated.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "torture.h"

#define SLOTS_MAX 64
#define POINTS_MAX 100000u /* an operation of more than that does not end */

enum kind { ALLOC, SLOT };

/* What to plant in a cycle. */
struct plan {
    enum kind kind;
    unsigned nth; /* 0: nothing */
    int for_good;
    const char *slot, *code; /* SLOT: what fails, and how */
};

struct run {
    const struct scenario *s;
    struct world w;
    struct snapshot before, after, now;
    char slots[SLOTS_MAX][32]; /* of the call, in order */
    unsigned slot_count;
    unsigned failures;
    struct plan plan;
    struct alloc_report report;
    int fired;
    unsigned survived;
};

char first_failure[512];
static struct run *running;

/* ---- telling --------------------------------------------------------------------------------------------------------- */

static void complain(struct run *r, const char *format, const char *text)
{
    char line[700], where[240] = "";
    int n = snprintf(line, sizeof(line), "%s on %s, ", r->s->name, r->w.store);
    if (!r->plan.nth)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "nothing planted: ");
    else if (r->plan.kind == ALLOC)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "allocation %u%s: ", r->plan.nth,
                      r->plan.for_good ? "+" : "");
    else
        n += snprintf(line + n, sizeof(line) - (size_t)n, "%s:%u%s:%s: ", r->plan.slot, r->plan.nth,
                      r->plan.for_good ? "+" : "", r->plan.code);
    if (r->plan.nth && r->plan.kind == ALLOC)
        alloc_where(&r->report, where, sizeof(where));
    n += snprintf(line + n, sizeof(line) - (size_t)n, format, text);
    snprintf(line + n, sizeof(line) - (size_t)n, "%s", where);
    if (!*first_failure)
        snprintf(first_failure, sizeof(first_failure), "%s", line);
    if (++r->failures <= 25 && !getenv("TORTURE_QUIET"))
        fprintf(stderr, "  %s\n", line);
}

void table_head(void)
{
    printf("%-18s %-7s %7s %7s %7s %7s %7s %8s %8s %8s\n", "scenario", "store", "alloc", "good", "calls", "good",
           "retried", "skipped", "coped", "failures");
}

/* ---- one call ---------------------------------------------------------------------------------------------------------- */

static void outs_fill(struct outs *out)
{
    memset(out, 0x5a, sizeof(*out));
    out->stat.struct_size = sizeof(out->stat);
    out->info.struct_size = sizeof(out->info);
}

static void note_slot(uint32_t level, const char *line, void *user)
{
    static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
    struct run *r = user;
    size_t n = strcspn(line, " ");
    pthread_mutex_lock(&mu);
    if (level != POLYFS_LOG_DEBUG || n >= sizeof(r->slots[0]) || r->slot_count == SLOTS_MAX ||
        strncmp(line + n + 1, r->w.store, strlen(r->w.store)) != 0 || !strstr(line, " attempt 1: "))
        n = 0; /* of a second store of the call, say: it takes no faults */
    memcpy(r->slots[r->slot_count < SLOTS_MAX ? r->slot_count : 0], line, n);
    if (n)
        r->slots[r->slot_count++][n] = '\0';
    pthread_mutex_unlock(&mu);
}

static void note_fault(uint32_t level, const char *line, void *user)
{
    struct run *r = user;
    (void)level;
    if (strstr(line, "a planted fault"))
        r->fired = 1;
}

/* The call with the plan's failure in it; closes what was opened for it. */
static int call_planted(struct run *r, struct polyfs_error *err)
{
    char fault[120];
    const struct plan *p = &r->plan;
    r->w.serial++;
    r->fired = 0;
    outs_fill(&r->w.out);
    if (p->kind == SLOT && p->nth) {
        snprintf(fault, sizeof(fault), "fault=%s:%u%s:%s", p->slot, p->nth, p->for_good ? "+" : "", p->code);
        r->w.fs = store_with_fault(&r->w, fault);
        polyfs_set_log(POLYFS_LOG_DEBUG, note_fault, r);
    }
    if (p->kind == ALLOC && p->nth)
        alloc_arm(p->nth, p->for_good ? ALLOC_FOR_GOOD : ALLOC_ONCE);
    int rc = r->s->call(&r->w, err);
    if (p->kind == ALLOC && p->nth) {
        r->report = alloc_disarm();
        r->fired = r->report.failed > 0;
    }
    polyfs_set_log(0, NULL, NULL);
    if (r->w.fs != r->w.clean)
        polyfs_fs_close(r->w.fs);
    r->w.fs = r->w.clean;
    r->w.option = NULL;
    return rc;
}

static void drop(struct run *r)
{
    if (r->s->drop)
        r->s->drop(&r->w);
}

static int call_clean(struct run *r)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    const char *why;
    r->w.serial++;
    outs_fill(&r->w.out);
    int rc = r->s->call(&r->w, &err);
    if (rc < 0) {
        complain(r, "the next call fails: %s", err.message);
        return rc;
    }
    if (r->s->check && (why = r->s->check(&r->w)))
        complain(r, "the next call is wrong: %s", why);
    drop(r);
    return rc;
}

/* ---- judging -------------------------------------------------------------------------------------------------------------- */

/* Sorting goes on without a buffer, a pool without a thread, unpacking without its set of keys seen. */
static int copes(const struct alloc_report *report)
{
    return report->inside == INSIDE_SORT || report->inside == INSIDE_THREAD || report->inside == INSIDE_UNPACK;
}

static int absorbed(const struct run *r)
{
    size_t n = strlen(r->plan.slot ? r->plan.slot : "");
    if (r->s->flags & COPES)
        return 1;
    if (r->plan.kind == ALLOC)
        return copes(&r->report) || r->s->flags & THRIFTY;
    if (strstr(r->plan.code, "transient"))
        return 1;
    for (const char *word = r->s->absorbs; word && *word; word += strspn(word, " ")) {
        if (strncmp(word, r->plan.slot, n) == 0 && (word[n] == ' ' || !word[n]))
            return 1;
        word += strcspn(word, " ");
    }
    return 0;
}

static int wanted_code(const struct run *r)
{
    if (r->plan.kind == ALLOC)
        return POLYFS_NOMEM;
    return strncmp(r->plan.code, "network", 7) == 0 ? POLYFS_NETWORK : POLYFS_IO;
}

/* Bytes in order cannot be sent again: their loss may be told, all others are repeated by core. */
static int repeatable(const struct run *r)
{
    return strcmp(r->plan.slot, "stream_write") != 0 && strcmp(r->plan.slot, "stream_commit") != 0;
}

static void judge_failure(struct run *r, int rc, const struct polyfs_error *err, const struct outs *filled)
{
    char text[400];
    if (rc != wanted_code(r) || err->code != rc) {
        snprintf(text, sizeof(text), "%s (%s)", polyfs_code_name(rc), err->message);
        complain(r, "the code is %s", text);
    }
    if (r->plan.kind == SLOT && strstr(r->plan.code, "transient") && repeatable(r))
        complain(r, "a transient failure was not repeated%s", "");
    if (memcmp(filled, &r->w.out, sizeof(*filled)) != 0)
        complain(r, "outputs were touched%s", "");
}

static void judge_success(struct run *r)
{
    const char *why = r->s->check ? r->s->check(&r->w) : NULL;
    if (why)
        complain(r, "success is claimed, but %s", why);
    if (!absorbed(r))
        complain(r, "the failure was swallowed%s", "");
    r->survived = 1;
    drop(r);
}

static void judge_store(struct run *r, int rc, const struct polyfs_error *err)
{
    const char *why;
    if (r->s->flags & OWN_STATE) {
        if ((why = r->s->settled(&r->w, rc)))
            complain(r, "%s", why);
        return;
    }
    store_look(&r->w, &r->now);
    if ((why = store_compare(&r->before, &r->after, &r->now, !(r->s->flags & ITEMS))))
        complain(r, "%s", why);
    else if (rc >= 0 && store_compare(&r->after, &r->after, &r->now, 1))
        complain(r, "success is claimed, but the store is not as after it%s", "");
    else if (rc < 0 && !(r->s->flags & ITEMS) && err->commit_state == POLYFS_COMMIT_NOT_APPLIED &&
             store_compare(&r->before, &r->before, &r->now, 1))
        complain(r, "it failed with \"not applied\", and is applied%s", "");
}

static void prepare(struct run *r)
{
    store_clear(&r->w);
    if (r->s->setup)
        r->s->setup(&r->w);
}

/* One cycle. False: the failure was not reached, the call has fewer points. */
static int cycle(struct run *r)
{
    struct polyfs_error err = POLYFS_ERROR_INIT;
    struct outs filled;
    outs_fill(&filled);
    r->report = (struct alloc_report){0};
    r->survived = 0;
    prepare(r);
    int rc = call_planted(r, &err);
    int fired = r->fired;
    if (!fired) {
        if (rc >= 0)
            drop(r);
    } else {
        if (rc < 0)
            judge_failure(r, rc, &err, &filled);
        else
            judge_success(r);
        judge_store(r, rc, &err);
        if (rc < 0 && r->s->flags & AFRESH)
            prepare(r);
        if (rc < 0 && call_clean(r) >= 0 && !(r->s->flags & OWN_STATE)) {
            store_look(&r->w, &r->now);
            const char *why = store_compare(&r->after, &r->after, &r->now, 1);
            if (why)
                complain(r, "after the next call: %s", why);
        }
    }
    store_clear(&r->w);
    polyfs_shutdown();
    return fired;
}

/* When there are more blocks than before: leaks grow with each repetition, caches and pools do not. */
static int point(struct run *r)
{
    char text[40];
    int64_t first = alloc_live();
    for (int again = 0; again < 4; again++) {
        int64_t before = alloc_live();
        if (!cycle(r))
            return again > 0;
        if (alloc_live() <= before)
            return 1;
    }
    snprintf(text, sizeof(text), "%lld", (long long)(alloc_live() - first));
    complain(r, "leak: %s blocks in four repetitions", text);
    return 1;
}

/* ---- one scenario ------------------------------------------------------------------------------------------------------------ */

/* Twice without a failure: what the store holds before and after, and which slots are called. */
static int rehearse(struct run *r)
{
    r->plan = (struct plan){.kind = ALLOC};
    for (int i = 0; i < 3; i++) {
        store_clear(&r->w);
        if (r->s->setup)
            r->s->setup(&r->w);
        store_look(&r->w, &r->before);
        r->slot_count = 0;
        polyfs_set_log(POLYFS_LOG_DEBUG, note_slot, r);
        int rc = call_clean(r);
        polyfs_set_log(0, NULL, NULL);
        if (rc < 0)
            return 0;
        store_look(&r->w, &r->after);
    }
    return 1;
}

static unsigned allocations(struct run *r, int for_good, unsigned *out_skipped, unsigned *out_coped)
{
    unsigned n = 1;
    for (; n < POINTS_MAX; n++) {
        r->plan = (struct plan){.kind = ALLOC, .nth = n, .for_good = for_good};
        if (!point(r))
            break;
        *out_coped += r->survived;
    }
    *out_skipped = r->report.skipped;
    return n - 1;
}

/* Each call of each slot that the rehearsal saw. */
static unsigned slots(struct run *r, int for_good, const char *code)
{
    unsigned total = 0;
    for (unsigned i = 0; i < r->slot_count; i++) {
        unsigned nth = 1;
        for (unsigned j = 0; j < i; j++)
            nth += strcmp(r->slots[j], r->slots[i]) == 0;
        r->plan = (struct plan){SLOT, nth, for_good, r->slots[i], code};
        if (strcmp(code, "io") == 0 ? point(r) : cycle(r))
            total++;
        else
            complain(r, "the call is not reached%s", "");
    }
    return total;
}

unsigned drive(const struct scenario *s, const char *store)
{
    static struct run run;
    unsigned skipped = 0, coped = 0, once = 0, good = 0, calls = 0, calls_good = 0, retried = 0;
    memset(&run, 0, sizeof(run));
    run.s = s;
    running = &run;
    store_open(&run.w, store);
    if (rehearse(&run)) {
        once = allocations(&run, 0, &skipped, &coped);
        good = allocations(&run, 1, &skipped, &coped);
        if (!(s->flags & NO_SLOTS)) {
            calls = slots(&run, 0, "io");
            calls_good = slots(&run, 1, "io");
            retried = slots(&run, 0, "network:transient");
        }
        if (!once && !calls)
            complain(&run, "it has no point%s", "");
    }
    printf("%-18s %-7s %7u %7u %7u %7u %7u %8u %8u %8u\n", s->name, store, once, good, calls, calls_good, retried,
           skipped, coped, run.failures);
    fflush(stdout);
    store_close(&run.w);
    return run.failures;
}
