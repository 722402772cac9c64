/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and tokens that requests carry, from the first of a store's sources that has some, renewed before they end. One
 * caller at a time asks the source: 15 minutes ahead the others go on with the keys that are there, from 10 minutes on
 * they wait for it. A source that is down is asked again every 30 seconds while the keys it gave still hold (design:
 * defaults; reliability F24, F25).
 *
 * Thread: any. Blocks: as long as a source takes, until a cancel or the deadline of the call.
 */
#ifndef PS_CREDS_H
#define PS_CREDS_H

#include "buf.h"

#define PS_NEVER INT64_MAX

/* Texts are owned and wiped when the last user releases them. What a store has no use for stays NULL. */
struct ps_keys {
    char *id, *secret, *token;
    int64_t expires_s; /* of CLOCK_REALTIME, or PS_NEVER */
    uint64_t serial;   /* another one with each renewal */
    uint64_t uses;     /* creds.c's own */
};

/* A row of a store's table. */
struct ps_source {
    const char *name; /* in messages */
    /* 1 with @out filled (ps_keys_set); 0: it has none, so the next is asked; a code: it is there, and broken. */
    int (*load)(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err);
};

struct ps_creds;

/*
 * Asks nothing yet. @sources are static; @arg is given to them and to @none, which says what to do when no source has
 * keys, and returns its code.
 */
int ps_creds_new(const struct ps_source *sources, unsigned count, void *arg,
                 int (*none)(void *arg, struct polyfs_error *err), struct ps_creds **out, struct polyfs_error *err);
void ps_creds_free(struct ps_creds *creds);
void ps_creds_after_fork(struct ps_creds *creds);

/* A copy of each text into keys that are all zero. NOMEM. */
int ps_keys_set(struct ps_keys *keys, const char *id, const char *secret, const char *token,
                struct polyfs_error *err);

/* The keys to use now, until ps_creds_release(). @call may be NULL. */
int ps_creds_get(struct ps_creds *creds, struct polyfs_call *call, const struct ps_keys **out,
                 struct polyfs_error *err);
void ps_creds_release(struct ps_creds *creds, const struct ps_keys *keys);

/* A server says that these are over. 1: there are others now; 0: the source gives the same, or none. */
int ps_creds_renew(struct ps_creds *creds, struct polyfs_call *call, const struct ps_keys *refused);

#endif
