/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLYFS_CONFORMANCE_STILL_H
#define POLYFS_CONFORMANCE_STILL_H

#include <mutex>
#include <shared_mutex>

/*
 * Allocators of sanitizers (gcc 12's AddressSanitizer, clang 14's ThreadSanitizer) are not fork-safe: a child waits for
 * ever for a lock that some thread held in one. So under them alone the threads stand still, between two calls, while the
 * test forks.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STANDS_STILL true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STANDS_STILL true
#endif
#endif
#ifndef STANDS_STILL
#define STANDS_STILL false
#endif

/* What is under way, and a turnstile that lets the one who wants everything still come to its turn. */
struct Still {
    std::mutex turn;
    std::shared_mutex calls;

    template <typename Lock> Lock hold()
    {
        Lock lock(calls, std::defer_lock);
        if (STANDS_STILL) {
            std::lock_guard<std::mutex> mine(turn);
            lock.lock();
        }
        return lock;
    }
};

#endif
