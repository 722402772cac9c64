/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of a call that tells none itself: a thread looks at what its filesystem has read and written so far. While it
 * watches nobody else tells progress.
 */
#include "cli.h"

#define LOOK_US 200000

static struct {
    GThread *thread;
    GMutex lock;
    GCond ended;
    int ending;
    struct polyfs_fs *fs;
    uint64_t before;
} now;

static uint64_t moved(void)
{
    struct polyfs_fs_stats stats = {.struct_size = sizeof(stats)};
    polyfs_fs_stats(now.fs, &stats);
    return stats.bytes_read + stats.bytes_written;
}

static void *watch(void *user)
{
    (void)user;
    g_mutex_lock(&now.lock);
    while (!now.ending) {
        g_cond_wait_until(&now.ended, &now.lock, g_get_monotonic_time() + LOOK_US);
        cli_progress_bytes(moved() - now.before);
    }
    g_mutex_unlock(&now.lock);
    return NULL;
}

void cli_watch_start(const char *what, const char *url, uint64_t total)
{
    struct cli_place place;
    if (cli.quiet || cli_open(url, &place) != POLYFS_OK)
        return;
    now.fs = polyfs_fs_ref(place.fs);
    cli_close(&place);
    now.ending = 0;
    now.before = moved();
    cli_progress_start(what, total);
    now.thread = g_thread_new("polyfs-watch", watch, NULL);
}

void cli_watch_end(void)
{
    if (!now.thread)
        return;
    g_mutex_lock(&now.lock);
    now.ending = 1;
    g_cond_signal(&now.ended);
    g_mutex_unlock(&now.lock);
    g_thread_join(now.thread);
    now.thread = NULL;
    polyfs_fs_close(now.fs);
    cli_progress_end();
}
