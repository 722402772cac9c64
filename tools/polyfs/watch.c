/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of a call that tells none itself: a thread looks at what its filesystem has read and written so far. While it
 * watches nobody else tells progress.
 */
#include <pthread.h>
#include <time.h>

#include "cli.h"

#define LOOK_NS 200000000

/* GLib's locks are unknown to ThreadSanitizer, which then sees races where none are. */
static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int has_thread, ending;
    struct polyfs_fs *fs; /* NULL: nobody is watched */
    uint64_t before;
} now;

static uint64_t moved(void)
{
    struct polyfs_fs_stats stats = {.struct_size = sizeof(stats)};
    polyfs_fs_stats(now.fs, &stats);
    return stats.bytes_read + stats.bytes_written;
}

static struct timespec next_look(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += LOOK_NS;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static void *watch(void *user)
{
    (void)user;
    pthread_mutex_lock(&now.lock);
    while (!now.ending) {
        const struct timespec at = next_look();
        pthread_cond_timedwait(&now.ended, &now.lock, &at);
        cli_progress_bytes(moved() - now.before);
    }
    pthread_mutex_unlock(&now.lock);
    return NULL;
}

/* Without a thread nothing is told, and the call goes on. */
static void thread_start(void)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&now.ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&now.lock, NULL);
    now.ending = 0;
    now.has_thread = pthread_create(&now.thread, NULL, watch, NULL) == 0;
    if (now.has_thread)
        pthread_setname_np(now.thread, "polyfs-watch");
}

static void thread_end(void)
{
    if (now.has_thread) {
        pthread_mutex_lock(&now.lock);
        now.ending = 1;
        pthread_cond_signal(&now.ended);
        pthread_mutex_unlock(&now.lock);
        pthread_join(now.thread, NULL);
    }
    pthread_cond_destroy(&now.ended);
    pthread_mutex_destroy(&now.lock);
}

void cli_watch_start(const char *what, const char *url, uint64_t total)
{
    struct cli_place place;
    if (cli.quiet || cli_open(url, &place) != POLYFS_OK)
        return;
    now.fs = polyfs_fs_ref(place.fs);
    cli_close(&place);
    now.before = moved();
    cli_progress_start(what, total);
    thread_start();
}

void cli_watch_end(void)
{
    if (!now.fs)
        return;
    thread_end();
    polyfs_fs_close(now.fs);
    now.fs = NULL;
    cli_progress_end();
}
