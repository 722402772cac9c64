/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc and its family, taken over by the test program for the whole process: libpolyfs, its plugins, jansson and
 * the C library all allocate here. Between alloc_arm() and alloc_disarm() the n-th allocation that may fail does, on
 * whatever thread it is; outside nothing fails. What GLib allocates by g_malloc and the like ends the process by
 * design when it fails, so those are counted and left alone.
 */
#ifndef TORTURE_ALLOC_H
#define TORTURE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#define ALLOC_TRACE 8

enum alloc_mode { ALLOC_ONCE, ALLOC_FOR_GOOD, ALLOC_COUNT };

/* What the C library was doing when it asked for memory: it copes by itself in these. */
enum alloc_inside { INSIDE_NOTHING, INSIDE_SORT, INSIDE_THREAD, INSIDE_LOAD, INSIDE_UNPACK };

struct alloc_report {
    unsigned points;          /* allocations that could have failed */
    unsigned skipped;         /* GLib's own, which may not */
    unsigned failed;          /* that did */
    enum alloc_inside inside; /* of the first that failed */
    void *caller;             /* of the first that failed */
    void *trace[ALLOC_TRACE]; /* who called it, as far as that can be told; NULLs behind */
};

void alloc_arm(unsigned nth, enum alloc_mode mode);
struct alloc_report alloc_disarm(void);

/* " (FILE+OFFSET FILE+OFFSET...)" of the first that failed, for addr2line. */
void alloc_where(const struct alloc_report *report, char *out, size_t room);

/* Blocks allocated and not freed. */
int64_t alloc_live(void);

/* A planted leak: from now on the first free() after a failure, one each arming, does nothing. */
extern int alloc_plant_leak;

#endif
