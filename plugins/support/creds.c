/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: `current` and all keys in use are counted by `uses` under `mu`; a source is asked by the one caller that set
 * `is_loading`, never under `mu`.
 */
#include <openssl/crypto.h>
#include <poll.h>

#include "creds.h"
#include "lock.h"

#define EARLY_S 900
#define MUST_S 600
#define AGAIN_S 30
#define LOOK_MS 10 /* how often one that waits looks */

struct ps_creds {
    const struct ps_source *sources; /* immutable, as the next three */
    unsigned count;
    void *arg;
    int (*none)(void *arg, struct polyfs_error *err);

    pthread_mutex_t mu; /* held inside fork sections only */
    /* guarded by mu */
    struct ps_keys *current;        /* or NULL: nobody asked yet */
    const struct ps_source *source; /* that gave them, and is asked from then on */
    int is_loading;
    int64_t again_s; /* not before: the source failed */
    uint64_t serial;
};

static int64_t now_s(void)
{
    return ps_host->clock_ns(1) / 1000000000;
}

/* ---- keys -------------------------------------------------------------------------------------------------------------- */

static char *copy(const char *text, int *failed)
{
    if (!text || !*text)
        return NULL;
    char *made = ps_copy(text, strlen(text));
    *failed |= !made;
    return made;
}

int ps_keys_set(struct ps_keys *keys, const char *id, const char *secret, const char *token,
                struct polyfs_error *err)
{
    int failed = 0;
    keys->id = copy(id, &failed);
    keys->secret = copy(secret, &failed);
    keys->token = copy(token, &failed);
    return failed ? polyfs_fail(err, POLYFS_NOMEM, "no memory for keys") : POLYFS_OK;
}

static void wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    ps_host->free(text);
}

static void keys_free(struct ps_keys *keys)
{
    if (!keys)
        return;
    wipe(keys->id);
    wipe(keys->secret);
    wipe(keys->token);
    ps_host->free(keys);
}

/* What is due to keys_free() once nobody uses it. */
static struct ps_keys *dropped_locked(struct ps_keys *keys)
{
    return keys && --keys->uses == 0 ? keys : NULL;
}

static int is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int is_same(const struct ps_keys *a, const struct ps_keys *b)
{
    return is_same_text(a->id, b->id) && is_same_text(a->secret, b->secret) && is_same_text(a->token, b->token);
}

/* ---- asking a source --------------------------------------------------------------------------------------------------- */

/* By the one caller that set is_loading. 1: *out is new keys, used once; 0 or a code: none. */
static int ask(struct ps_creds *c, struct polyfs_call *call, const struct ps_source *only, struct ps_keys **out,
               const struct ps_source **out_source, struct polyfs_error *err)
{
    const struct ps_source *first = only ? only : c->sources, *end = only ? only + 1 : c->sources + c->count;
    int rc = 0;
    for (const struct ps_source *source = first; source < end && rc == 0; source++) {
        struct ps_keys *keys = ps_host->alloc(sizeof(*keys));
        if (!keys)
            return polyfs_fail(err, POLYFS_NOMEM, "no memory for keys");
        *keys = (struct ps_keys){.expires_s = PS_NEVER, .uses = 1};
        rc = source->load(c->arg, call, keys, err);
        if (rc != 1)
            keys_free(keys);
        else
            *out = keys;
        *out_source = source;
    }
    return rc;
}

/* Ends is_loading: takes the keys that came, or puts the next question off. */
static void settle(struct ps_creds *c, struct ps_keys *fresh, const struct ps_source *source)
{
    int64_t now = now_s();
    int lives = fresh && (fresh->expires_s == PS_NEVER || fresh->expires_s - now >= EARLY_S);
    ps_lock(&c->mu);
    struct ps_keys *old = NULL;
    c->is_loading = 0;
    c->again_s = lives ? 0 : now + AGAIN_S;
    if (fresh) {
        old = dropped_locked(c->current);
        fresh->serial = ++c->serial;
        c->current = fresh;
        c->source = source;
    }
    ps_unlock(&c->mu);
    keys_free(old);
}

static int load(struct ps_creds *c, struct polyfs_call *call, const struct ps_source *only,
                struct polyfs_error *err)
{
    struct ps_keys *fresh = NULL;
    const struct ps_source *source = NULL;
    int rc = ask(c, call, only, &fresh, &source, err);
    settle(c, fresh, source);
    if (rc == 0)
        rc = c->none(c->arg, err);
    return rc > 0 ? POLYFS_OK : rc;
}

/* ---- getting them ------------------------------------------------------------------------------------------------------ */

enum need { USE, ASK, WAIT };

static enum need need_locked(const struct ps_creds *c, int64_t now)
{
    int64_t left = !c->current ? -1 : c->current->expires_s == PS_NEVER ? PS_NEVER : c->current->expires_s - now;
    if (left >= EARLY_S || (left > 0 && now < c->again_s) || (left >= MUST_S && c->is_loading))
        return USE;
    return c->is_loading ? WAIT : ASK;
}

static int wait_a_little(struct polyfs_call *call, struct polyfs_error *err)
{
    int stopped = call ? ps_host->stopped(call) : 0;
    if (stopped)
        return polyfs_fail(err, stopped, "another call was still asking for keys");
    poll(NULL, 0, LOOK_MS);
    return POLYFS_OK;
}

/* After a source was asked: what came, or what there was before if that still holds. */
static int take(struct ps_creds *c, struct polyfs_call *call, int asked, const struct ps_keys **out,
                struct polyfs_error *err)
{
    char text[200];
    ps_lock(&c->mu);
    const char *name = c->source ? c->source->name : "";
    int good = c->current && c->current->expires_s > now_s();
    if (good) {
        c->current->uses++;
        *out = c->current;
    }
    ps_unlock(&c->mu);
    if (!good)
        return asked != POLYFS_OK ? asked : polyfs_fail(err, POLYFS_AUTH, "%s gave keys that are over", name);
    if (asked != POLYFS_OK) { /* only the log can tell the source's owner */
        snprintf(text, sizeof(text), "%s gave no new keys; the old ones hold for a while", name);
        ps_host->log(call, 1, text);
    }
    return POLYFS_OK;
}

int ps_creds_get(struct ps_creds *c, struct polyfs_call *call, const struct ps_keys **out, struct polyfs_error *err)
{
    for (;;) {
        ps_lock(&c->mu);
        enum need need = need_locked(c, now_s());
        if (need == USE) {
            c->current->uses++;
            *out = c->current;
        } else if (need == ASK)
            c->is_loading = 1;
        const struct ps_source *only = c->source;
        ps_unlock(&c->mu);
        if (need == USE)
            return POLYFS_OK;
        if (need == ASK)
            return take(c, call, load(c, call, only, err), out, err);
        int rc = wait_a_little(call, err);
        if (rc != POLYFS_OK)
            return rc;
    }
}

void ps_creds_release(struct ps_creds *c, const struct ps_keys *keys)
{
    if (!keys)
        return;
    ps_lock(&c->mu);
    struct ps_keys *last = dropped_locked((struct ps_keys *)(uintptr_t)keys);
    ps_unlock(&c->mu);
    keys_free(last);
}

int ps_creds_renew(struct ps_creds *c, struct polyfs_call *call, const struct ps_keys *refused)
{
    struct ps_keys *fresh = NULL;
    const struct ps_source *source = NULL;
    for (int waits = 1; waits;) {
        ps_lock(&c->mu);
        int others = c->current != refused;
        waits = !others && c->is_loading;
        if (!others && !waits)
            c->is_loading = 1;
        source = c->source;
        ps_unlock(&c->mu);
        if (others)
            return 1;
        if (waits && wait_a_little(call, NULL) != POLYFS_OK)
            return 0;
    }
    int rc = ask(c, call, source, &fresh, &source, NULL);
    if (rc == 1 && is_same(fresh, refused)) {
        keys_free(fresh);
        fresh = NULL;
    }
    settle(c, fresh, source);
    return fresh != NULL;
}

/* ---- life -------------------------------------------------------------------------------------------------------------- */

int ps_creds_new(const struct ps_source *sources, unsigned count, void *arg,
                 int (*none)(void *arg, struct polyfs_error *err), struct ps_creds **out, struct polyfs_error *err)
{
    struct ps_creds *c = ps_host->alloc(sizeof(*c));
    if (!c)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for keys");
    *c = (struct ps_creds){.sources = sources, .count = count, .arg = arg, .none = none};
    pthread_mutex_init(&c->mu, NULL);
    *out = c;
    return POLYFS_OK;
}

void ps_creds_free(struct ps_creds *c)
{
    if (!c)
        return;
    keys_free(c->current);
    pthread_mutex_destroy(&c->mu);
    ps_host->free(c);
}

/* Whoever was asking is not in this process; what it holds of keys is leaked. */
void ps_creds_after_fork(struct ps_creds *c)
{
    if (!c)
        return;
    pthread_mutex_init(&c->mu, NULL);
    c->is_loading = 0;
}
