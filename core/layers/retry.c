/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one owner of repeats. Defaults are design.md's: 3 attempts (2 until a request of this instance succeeded, so
 * that a mistake is told at once), full jitter of 50 ms·2^n (throttled 1 s·2^n), cap 20 s, the store's own wish
 * within [computed, +5 s]; a bucket of 500 tokens pays 14 for a transient and 5 for a throttled repeat, and each
 * success gives back what it cost. "Learned" is free, at most three times.
 */
#include "core/layers/layers.h"

#include "core/instance.h"
#include "core/random.h"

#define LEARNED_MAX 3
#define CAP_MS 20000
#define TRANSIENT_MS 50
#define THROTTLED_MS 1000
#define AFTER_ROOM_MS 5000
#define COST_TRANSIENT 14
#define COST_THROTTLED 5

/* May this slot be sent again after its reply was lost? The others are told with commit state "unknown". */
static int repeatable(const struct pfs_request *r)
{
    switch (r->slot) {
    case PFS_STREAM_WRITE: return 0; /* bytes in order, each once: who sends them asks for the offset instead */
    case PFS_STREAM_COMMIT:          /* the handle is gone with what did succeed (layers/fault.c) */
        return r->handle && pfs_slot_present(r->fs, PFS_STREAM_OFFSET);
    case PFS_COMPOSE:
    case PFS_RENAME: return r->error.commit_state != POLYFS_COMMIT_UNKNOWN;
    default: return 1;
    }
}

static int attempts_allowed(const struct polyfs_fs *fs, int rc)
{
    int64_t wanted = fs->attempts;
    if (rc == POLYFS_CORRUPT && wanted > 2)
        return 2; /* bytes that are wrong twice are so where they are kept */
    if (wanted > 2 && !atomic_load_explicit(&fs->succeeded, memory_order_relaxed))
        return 2;
    return (int)wanted;
}

static int pay(struct pfs_request *r, int cost)
{
    int left = atomic_fetch_sub(&r->fs->retry_tokens, cost);
    if (left >= cost) {
        r->paid += cost;
        return 1;
    }
    atomic_fetch_add(&r->fs->retry_tokens, cost);
    return 0;
}

/* What its repeats cost, or one token where there were none. */
static void refund(struct pfs_request *r)
{
    atomic_store_explicit(&r->fs->succeeded, 1, memory_order_relaxed);
    int left = atomic_load_explicit(&r->fs->retry_tokens, memory_order_relaxed), more = r->paid ? r->paid : 1;
    while (left < PFS_RETRY_TOKENS &&
           !atomic_compare_exchange_weak(&r->fs->retry_tokens, &left,
                                         left + more < PFS_RETRY_TOKENS ? left + more : PFS_RETRY_TOKENS))
        continue;
}

static int64_t pause_ms(const struct pfs_request *r)
{
    uint32_t tries = r->attempt - r->progressed;
    uint32_t shift = tries < 16 ? (tries ? tries - 1 : 0) : 15;
    int64_t base = r->error.retry == POLYFS_RETRY_THROTTLED ? THROTTLED_MS : TRANSIENT_MS;
    int64_t top = base << shift;
    if (top > CAP_MS)
        top = CAP_MS;
    int64_t computed = (int64_t)pfs_random_below((uint64_t)top + 1);
    int64_t wish = r->error.after_ms;
    if (wish > computed + AFTER_ROOM_MS)
        wish = computed + AFTER_ROOM_MS;
    return wish > computed ? wish : computed;
}

/*
 * A read that broke after k bytes goes on at k, pinned to the version that it began with: what was placed is kept, and
 * an object replaced meanwhile is CHANGED, never a mix.
 */
static void keep_placed(struct pfs_request *r)
{
    const struct polyfs_get_request *request = r->slot == PFS_GET ? r->u.get.request : NULL;
    if (!request || !r->bytes_done || request->flags & POLYFS_GET_SUFFIX)
        return;
    const char *etag = request->condition.if_match ? request->condition.if_match
                       : r->u.get.out              ? r->u.get.out->etag
                                                   : "";
    if (!*etag)
        return; /* it cannot be told which version they are of */
    if (!r->placed)
        pfs_error_text(r->pin, sizeof(r->pin), etag);
    r->placed += r->bytes_done;
    r->progressed = r->attempt;
}

static int again(struct pfs_request *r, int64_t in_ms)
{
    r->not_before_ns = pfs_now_ns() + in_ms * PFS_MS;
    return r->ctx->deadline_ns == INT64_MAX || r->not_before_ns < r->ctx->deadline_ns;
}

int pfs_retry_wanted(struct pfs_request *r)
{
    if (r->rc >= 0) {
        refund(r);
        return 0;
    }
    r->error.attempts = r->attempt;
    if (r->error.code != r->rc || r->error.retry == POLYFS_RETRY_NEVER ||
        r->error.retry == POLYFS_RETRY_RESTART) /* whoever has the bytes begins anew: core/put.c */
        return 0;
    if (r->error.commit_state == POLYFS_COMMIT_UNKNOWN)
        r->earlier_unknown = 1;
    if (!repeatable(r))
        return 0;
    keep_placed(r);
    if (r->error.retry == POLYFS_RETRY_LEARNED)
        return r->learned++ < LEARNED_MAX && again(r, 0);
    int cost = r->error.retry == POLYFS_RETRY_THROTTLED ? COST_THROTTLED : COST_TRANSIENT;
    if ((int)(r->attempt - r->learned - r->progressed) >= attempts_allowed(r->fs, r->rc) || !pay(r, cost))
        return 0;
    return again(r, pause_ms(r));
}
