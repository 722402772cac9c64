/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Width per throttle: paths whose facts name the same limit_key share it, whatever filesystem they were opened
 * through. A width begins small and grows by one with each success; a throttle halves it, and from then on it grows by
 * one a second. Requests over the width are put off, not refused; nobody sleeps here. Stores without a network have
 * none of this.
 */
#include <pthread.h>
#include <stdlib.h>

#include "core/instance.h"
#include "core/layers/layers.h"

#define KEYS_MAX 256 /* keys with a width of their own; further ones share the last */
#define PUT_OFF_MS 5

static const struct range {
    unsigned first, most;
} ranges[2] = {[POLYFS_LANE_INTERACTIVE] = {16, 256}, [POLYFS_LANE_BULK] = {4, 64}};

struct pfs_limit {
    char key[128];
    /* guarded by mu, by lane */
    unsigned width[2], under_way[2];
    int64_t grow_after_ns[2]; /* after a throttle: not before */
};

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static struct pfs_limit *limits[KEYS_MAX]; /* guarded by mu; never freed, so pointers stay good */

static struct pfs_limit *limit_of_locked(const char *key)
{
    size_t i = 0;
    while (i < KEYS_MAX - 1 && limits[i] && strcmp(limits[i]->key, key) != 0)
        i++;
    if (!limits[i])
        limits[i] = calloc(1, sizeof(**limits));
    struct pfs_limit *limit = limits[i];
    if (limit && !limit->width[0]) {
        pfs_error_text(limit->key, sizeof(limit->key), key);
        for (unsigned lane = 0; lane < 2; lane++)
            limit->width[lane] = ranges[lane].first;
    }
    return limit;
}

/* Asked for once a public call: which width its paths share. NULL without memory: then there is none. */
static struct pfs_limit *find(struct pfs_request *r)
{
    struct polyfs_caps caps = {.struct_size = sizeof(caps)};
    struct polyfs_call call = {.struct_size = sizeof(call), .attempt = 1, .deadline_ns = INT64_MAX, .core = r->ctx};
    const char *path = r->fs->prefix_len ? r->fs->prefix : r->path; /* below a folder: as of the folder */
    uint64_t path_len = r->fs->prefix_len ? r->fs->prefix_len : r->path_len;
    if (r->fs->plugin->tables.fs.caps(&call, r->fs->self, path, path_len, 0, &caps, NULL) != POLYFS_OK)
        return NULL;
    pthread_mutex_lock(&mu);
    struct pfs_limit *limit = limit_of_locked(caps.limit_key);
    pthread_mutex_unlock(&mu);
    return limit;
}

int pfs_limit_before(struct pfs_request *r)
{
    if (!r->fs->network || r->slot == PFS_CAPS)
        return POLYFS_OK;
    if (!r->limit && !(r->limit = find(r)))
        return POLYFS_OK;
    unsigned lane = r->ctx->lane;
    pthread_mutex_lock(&mu);
    int full = r->limit->under_way[lane] >= r->limit->width[lane];
    if (!full)
        r->limit->under_way[lane]++;
    pthread_mutex_unlock(&mu);
    if (!full)
        return POLYFS_OK;
    r->not_before_ns = pfs_now_ns() + PUT_OFF_MS * PFS_MS;
    return POLYFS_MORE;
}

void pfs_limit_after(struct pfs_request *r, int rc)
{
    if (!r->limit)
        return;
    unsigned lane = r->ctx->lane;
    int64_t now = pfs_now_ns();
    pthread_mutex_lock(&mu);
    struct pfs_limit *limit = r->limit;
    limit->under_way[lane]--;
    if (rc < 0 && r->error.code == rc && r->error.retry == POLYFS_RETRY_THROTTLED) {
        limit->width[lane] = limit->width[lane] > 1 ? limit->width[lane] / 2 : 1;
        limit->grow_after_ns[lane] = now + 1000 * PFS_MS;
    } else if (rc >= 0 && limit->width[lane] < ranges[lane].most && now >= limit->grow_after_ns[lane]) {
        limit->width[lane]++;
        if (limit->grow_after_ns[lane])
            limit->grow_after_ns[lane] = now + 1000 * PFS_MS;
    }
    pthread_mutex_unlock(&mu);
}

static void fork_prepare(void)
{
    pthread_mutex_lock(&mu);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&mu);
}

/* What was under way is so in the parent only. */
static void fork_child(void)
{
    pthread_mutex_init(&mu, NULL);
    for (size_t i = 0; i < KEYS_MAX && limits[i]; i++)
        limits[i]->under_way[0] = limits[i]->under_way[1] = 0;
}

const struct pfs_fork_hook pfs_limit_hook = {fork_prepare, fork_parent, fork_child};
